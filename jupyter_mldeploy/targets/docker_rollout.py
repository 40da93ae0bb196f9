"""One attempt to bring a revision to life beside the one that serves, and to let it take over."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from ..core.target import BuiltImage, Job, Progress
from ..errors import DeploymentError
from .docker_config import DockerConfig
from .docker_failure import late_error, start_error
from .docker_files import TAKE_OVER_S, let_take_over
from .docker_follow import Follower
from .docker_house import Part, started_at
from .docker_logs import collect
from .docker_observe import View, observe
from .docker_rooms import (
    create_revision,
    ensure_door,
    make_volume,
    remove_container,
    restart_policy,
    write_private,
)
from .docker_sweep import remove_everything

#: Seconds kept back from a deployment's deadline, so that the account of a delay still arrives.
_MARGIN_S = 0.5
#: Longest time for a container to end whose revision has said that it failed, in seconds; and what it gets in any case.
_ENDS_S, _ENDS_AT_LEAST_S = 30.0, 5.0


class Rollout:
    """A rollout in progress.

    Args:
        engine: the engine's client.
        job: what to bring to life.
    """

    def __init__(self, engine: Any, job: Job, config: DockerConfig, progress: Progress) -> None:
        self._engine = engine
        self._job = job
        self._config = config
        self._progress = progress
        self._made: list[str] = []
        self._first = False
        self._asked: Part | None = None
        self._done = False

    def run(self, image: BuiltImage, view: View) -> Part:
        """Start the revision and let it take over; return the door through which it serves.

        Raises:
            DeploymentError: it ended before it served; with the evidence.
            DeadlineExceededError: it was not ready in time.
        """
        engine, job, config, progress = self._engine, self._job, self._config, self._progress
        # What a door says can be read at a bad moment; only a service that never served is taken away again as a whole.
        self._first = not view.live and job.live_revision is None
        progress.step("container", f"starting a container from {image.reference}")
        make_volume(engine, job)
        door = ensure_door(engine, job, config, image, view.door)
        if view.door is None or door.id != view.door.id:
            self._made.append(door.id)
        write_private(engine, door, job, config)
        revision = create_revision(engine, job, config, image, door)
        self._made.append(revision)
        engine.start(revision)
        self._until_it_serves(revision, door, take=True)
        self._done = True
        return door

    def revive(self, door: Part, part: Part) -> None:
        """Start the containers of a revision that served before."""
        engine = self._engine
        write_private(engine, door, self._job, self._config, renew=True)
        # What the revision said in its former life does not count.
        since = time.time() - 1
        for piece in (door, part):
            if not piece.running:
                engine.start(piece.id)
                since = started_at(engine.inspect_container(piece.id)) or since
        self._until_it_serves(part.id, door, take=False, since=since)
        self._have_looked_after(part.id, door)

    def _have_looked_after(self, container: str, door: Part) -> None:
        """Have the engine start revision and door again when they end, as the configuration says."""
        for item in (container, door.id):
            self._engine.update_container(item, restart_policy=restart_policy(self._config))

    def undo(self) -> Part | None:
        """Remove what was made; the revision that served goes on. No effect once the new one serves.

        Returns:
            The door, where it has let the new revision take over all the same: that one serves, and is to stay.
        """
        if self._done:
            return None
        if self._asked is not None and not self._first:
            with suppress(Exception):
                if self._has_taken_over(self._asked):
                    return self._asked
        with suppress(Exception):
            view = View.of(self._engine, self._job.service.uid)
            collect(self._engine, self._job.service, view.household.parts)
        if self._first:
            with suppress(Exception):
                remove_everything(self._engine, self._job.service)
            return None
        for container in reversed(self._made):
            with suppress(Exception):
                remove_container(self._engine, container)
        return None

    def _has_taken_over(self, door: Part) -> bool:
        """Take the order back and say whether the door has carried it out before that."""
        let_take_over(self._engine, door, 0)
        return View.of(self._engine, self._job.service.uid).live == self._job.revision

    def _until_it_serves(self, container: str, door: Part, *, take: bool, since: float = 0.0) -> None:
        progress = self._progress
        progress.step("start", "importing the script and calling init()")
        follower = Follower(container, since)
        try:
            seconds = max(0.1, min(self._config.start_timeout_s, progress.remaining - _MARGIN_S))
            wanted = {"ready", "failed"} if take else {"serving", "failed"}
            event = follower.wait(wanted, seconds, progress.check)
            if event is None or event.get("event") == "failed":
                raise self._failed(container, follower, seconds)
            if take:
                progress.step("take over", "the new revision takes over")
                # Whoever is killed from here on leaves a service that the engine looks after.
                self._have_looked_after(container, door)
                self._asked = door
                let_take_over(self._engine, door, self._job.revision)
                heard = follower.wait({"serving"}, TAKE_OVER_S, lambda: None)
                if heard is None and not self._has_taken_over(door):
                    raise self._failed(container, follower, TAKE_OVER_S)
        finally:
            follower.close()

    def _failed(self, container: str, follower: Follower, seconds: float) -> DeploymentError:
        from requests.exceptions import RequestException

        follower.drain()
        state = self._engine.inspect_container(container)["State"]
        has_failed = any('"failed"' in line for line in follower.lines)
        if state.get("Running") and not state.get("Restarting") and has_failed:
            with suppress(RequestException):  # it has not ended in time: what it said tells more than that
                self._engine.wait(container, timeout=max(_ENDS_AT_LEAST_S, min(_ENDS_S, self._progress.remaining)))
            state = self._engine.inspect_container(container)["State"]
        seen = observe(self._engine, self._job.service, View.of(self._engine, self._job.service.uid))
        lines = list(follower.lines)
        if state.get("Running") and not has_failed:
            return late_error(self._job, lines, round(seconds, 1), seen, self._progress)
        return start_error(self._job, self._config, lines, state, seen, self._progress)
