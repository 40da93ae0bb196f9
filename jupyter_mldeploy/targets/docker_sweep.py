"""Removing what a service no longer needs: replaced revisions, what a killed deployment left, in the end everything."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ..core.target import Job, ServiceRef
from .docker_client import engine_client
from .docker_config import DockerConfig
from .docker_files import TAKE_OVER_S, is_to_take_over, let_take_over
from .docker_house import GONE, Household, Names, Part, started_at
from .docker_logs import collect
from .docker_observe import View
from .docker_rooms import remove_container

_POLITE_S = 0.05
#: Longest time from asking for a door's name to having its file open, with which the engine may be kept waiting.
_READING_S = 1.0
#: How the engine says that a container has the volume, and longest time until it has let go of it, in seconds.
_IN_USE = 409
_RELEASED_S = 5.0
#: Time for a container to end that has nothing to finish, in seconds.
_IDLE_S = 2


def sweep(engine: Any, service: ServiceRef, view: View, *, everything: bool = False) -> bool:
    """Remove replaced revisions that have ended, and candidates whose deploying process is dead.

    Args:
        everything: nobody else deploys now (the caller holds the service's lock), so no candidate is wanted.

    Returns:
        Whether anything was removed, or has changed: the view is out of date then.
    """
    before, view = view, _carried_out(engine, service, view, everything)
    _end_replaced(engine, view)
    unwanted = [part for part in view.household.revisions if _is_unwanted(part, view, everything)]
    if view.live:
        unwanted += [part for part in view.household.doors if view.door is not None and part.id != view.door.id
                     and (everything or not part.running)]  # fmt: skip
    elif everything:
        unwanted += view.household.doors
    elif not [part for part in view.household.revisions if part not in unwanted] and (
        unwanted or all(part.orphaned for part in view.household.doors)
    ):
        unwanted += view.household.doors  # a first deployment that was killed
    if not unwanted:
        return view is not before
    collect(engine, service, unwanted)
    _remove(engine, unwanted)
    if not view.live and len(unwanted) == len(view.household.parts):
        _remove_volume(engine, service)
    return True


def _carried_out(engine: Any, service: ServiceRef, view: View, everything: bool) -> View:
    """Return the view once the door has carried out the order of a deployment that was killed after it had given it.

    To remove the candidate at that moment would remove what is about to serve, with the revision before it sent away.
    """
    until = time.monotonic() + TAKE_OVER_S
    while (door := _told(engine, view, everything)) is not None:
        if time.monotonic() > until:
            with suppress(Exception):
                let_take_over(engine, door, 0)
            return View.of(engine, service.uid)
        time.sleep(_POLITE_S)
        view = View.of(engine, service.uid)
    return view


def _told(engine: Any, view: View, everything: bool) -> Part | None:
    """Return the door that was told to let an unwanted candidate take over, and has not done that yet."""
    candidates = [part for part in view.household.revisions if part.running and part.revision > view.live]
    unwanted = {part.revision for part in candidates if _is_unwanted(part, view, everything)}
    doors = [part for part in view.household.doors if part.running and not part.name.endswith(GONE)]
    return next((door for door in doors if unwanted and is_to_take_over(engine, door) in unwanted), None)


def _is_unwanted(part: Part, view: View, everything: bool) -> bool:
    if part.revision == view.live:
        return False
    if part.revision < view.live:
        return not part.running
    return everything or part.orphaned


def _remove(engine: Any, parts: Sequence[Part]) -> None:
    """Remove containers; doors are taken out of sight first.

    While the engine reads a file of a container, the shared volume is mounted below the container's own files; removing
    the container at that moment would empty the volume of the service that goes on. So nobody reads from a door whose
    name says that it goes, and those that have begun are given time to end.
    """
    going = [part for part in parts if part.role == "door"]
    for part in going:
        if not part.name.endswith(GONE):
            with suppress(Exception):
                engine.rename(part.id, f"{part.name}{GONE}")
    if going:
        time.sleep(_READING_S)
    for part in parts:
        remove_container(engine, part.id)


def dismiss(engine: Any, job: Job, config: DockerConfig, door: Part) -> None:
    """Let replaced revisions finish in the background and remove them; what a dead process leaves is swept later.

    Args:
        door: through which the job's revision serves. It may not have noted that yet, so what it says does not count.
    """
    household = Household.find(engine, job.service.uid)
    before = [part for part in household.revisions if part.revision != job.revision]
    live = next(part for part in household.revisions if part.revision == job.revision)
    doors = [part for part in household.doors if part.id != door.id]
    _end(engine, before)
    if not before and not doors:
        return

    def see_out() -> None:
        with suppress(Exception), engine_client() as own:
            _end_again(own, before, live)
            for part in before:
                with suppress(Exception):
                    own.wait(part.id, timeout=config.drain_timeout_s + 10)
            collect(own, job.service, before)
            _remove(own, [*before, *doors])

    thread = threading.Thread(target=see_out, name="docker-dismiss", daemon=True)
    thread.start()
    thread.join(_POLITE_S)


def _end(engine: Any, parts: Sequence[Part]) -> None:
    """Let revisions that were replaced finish their requests and end for good."""
    for part in parts:
        if part.running:
            with suppress(Exception):
                engine.update_container(part.id, restart_policy={"Name": "no"})
                engine.kill(part.id, "SIGTERM")


def _end_replaced(engine: Any, view: View) -> None:
    """End replaced revisions that run although whoever replaced them is dead; the next look sweeps them.

    They drain by themselves when another revision takes over; without their dismissal the engine starts them again.
    """
    live = view.part
    replaced = [part for part in view.household.revisions if part.running and part.revision < view.live]
    if live is None or not replaced or not live.orphaned:
        return
    _end(engine, replaced)
    _end_again(engine, replaced, live)


def _end_again(engine: Any, replaced: Sequence[Part], live: Part) -> None:
    """End replaced revisions that had drained, and that the engine started again before their dismissal.

    Nobody asks them any more, and while they start they do not hear the signal.
    """
    began = started_at(engine.inspect_container(live.id)) or 0.0
    for part in replaced:
        with suppress(Exception):
            inspected = engine.inspect_container(part.id)
            if inspected["State"].get("Restarting") or (started_at(inspected) or 0.0) > began:
                engine.stop(part.id, timeout=_IDLE_S)


def remove_everything(engine: Any, service: ServiceRef) -> None:
    """Remove every container of the service and its volume; its images are the workspace's. Idempotent."""
    household = Household.find(engine, service.uid)
    collect(engine, service, household.parts)
    for part in (*household.revisions, *household.parts):
        remove_container(engine, part.id)
    _remove_volume(engine, service)


def _remove_volume(engine: Any, service: ServiceRef) -> None:
    """Remove the service's volume; the engine lets go of it a moment after the last container is gone."""
    from docker.errors import APIError, NotFound

    until = time.monotonic() + _RELEASED_S
    while True:
        try:
            engine.remove_volume(Names.of(service).volume, force=True)
        except NotFound:
            return
        except APIError as error:
            if error.status_code != _IN_USE or time.monotonic() > until:
                return
            time.sleep(_POLITE_S)
        else:
            return
