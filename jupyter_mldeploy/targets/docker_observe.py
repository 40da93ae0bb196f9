"""What the Docker target sees of a service: the engine's account of its containers, and what its door says."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from ..core.records import State
from ..core.target import Observation, ReportedEvent, ServiceRef
from .docker_certificate import is_secure
from .docker_client import engine_host
from .docker_failure import how_it_ended, verdict_of
from .docker_files import door_state
from .docker_house import GONE, Household, Part, started_at
from .docker_logs import last_lines

#: So many restarts make a crash loop.
LOOPING = 3
_RECENT_S = 300.0
_MOST_EVENTS = 100
#: How often a service is looked at whose containers change meanwhile.
_LOOKS = 5
_EVENT_TEXTS = {
    "die": "ended with exit code {code}",
    "oom": "hit its memory limit",
    "kill": "was sent signal {signal}",
    "health_status: unhealthy": "fails its health checks",
}

_BY_HAND = "Its containers were stopped by hand"
#: What may have stopped the containers, by their restart policy; the other policies restart them after all else.
_STOPPED = {
    "unless-stopped": f"{_BY_HAND}, or their engine was killed (restart=always survives that)",
    "no": f"{_BY_HAND}, or ended with their engine (restart=no)",
}


@dataclass(frozen=True, slots=True)
class View:
    """A service's containers, and what its door says.

    Attributes:
        door: the door through which requests come; None when there is none.
        said: what it wrote last.
        live: number of the revision that serves, or would if it were there; 0 for none.
    """

    household: Household
    door: Part | None = None
    said: Mapping[str, Any] = field(default_factory=dict)
    live: int = 0

    @classmethod
    def of(cls, engine: Any, uid: str) -> View:
        """Ask the engine."""
        household = Household.find(engine, uid)
        found = []
        for door in household.doors:
            if door.name.endswith(GONE):
                continue
            said = door_state(engine, door)
            live = str(said.get("live") or "")
            found.append((int(live) if live.isdecimal() else 0, door.running, door, said))
        if not found:
            return cls(household)
        live_number, _, door, said = max(found, key=lambda item: item[:2])
        return cls(household, door, said, live_number)

    @property
    def part(self) -> Part | None:
        """The container of the revision that serves."""
        return self.household.revision(self.live) if self.live else None

    @property
    def others_accept(self) -> bool:
        """A revision that was replaced may still accept connections; doors of an earlier version do not tell."""
        return any(number != str(self.live) for number in self.said.get("accepting") or ())


def observe(engine: Any, service: ServiceRef, view: View) -> Observation:
    """Return the truth about a service; never raises for one that is gone or broken."""
    from docker.errors import NotFound

    for _ in range(_LOOKS):
        with suppress(NotFound):  # a container was removed since it was seen, as replaced revisions are after an update
            return _observed(engine, service, view)
        view = View.of(engine, service.uid)
    return Observation(State.FAILED, "Its containers are being removed.")


def _observed(engine: Any, service: ServiceRef, view: View) -> Observation:
    events = _events(engine, service)
    runtime: dict[str, Any] = dict(service.runtime)
    if events or "events_since" not in runtime:
        runtime["events_since"] = int(time.time())
    door, part = view.door, view.part
    if door is not None:
        runtime["port"] = door.port
    if part is not None and is_secure(part) != bool(runtime.get("tls")):
        runtime["tls"] = is_secure(part)
    known = runtime if runtime != dict(service.runtime) else None
    if door is None and not view.household.parts:
        return Observation(State.FAILED, "Nothing of it is on the Docker Engine.", runtime=known, events=events)
    if door is None or not view.live:
        return Observation(State.FAILED, "No revision of it serves.", runtime=known, events=events)
    if part is None:
        reason = f"The container of revision {view.live} was removed; `start` makes it again."
        return Observation(State.FAILED, reason, runtime=known, events=events)
    inspected = engine.inspect_container(part.id)
    if door.running and _is_stale(view.said, engine.inspect_container(door.id), inspected):
        view = replace(view, said={})
    state, why = _judge(engine, view, door, part, inspected)
    uri = f"{'https' if is_secure(part) else 'http'}://{engine_host()}:{door.port}/score" if door.running else None
    live = view.live if state is not State.FAILED and state is not State.STOPPED else None
    return Observation(state, why, live, uri, _facts(view, door, part, inspected), known, events)


def _is_stale(said: Mapping[str, Any], *containers: Mapping[str, Any]) -> bool:
    """Say whether the door has written nothing since itself and the revision were started.

    What it said before its restart is no news, nor is that a revision served in its former life.
    """
    noted = float(said.get("time") or 0)
    return any(noted < started for started in map(started_at, containers) if started is not None)


def _judge(engine: Any, view: View, door: Part, part: Part, inspected: Mapping[str, Any]) -> tuple[State, str | None]:
    status, restarts = inspected["State"], int(inspected.get("RestartCount") or 0)
    if not door.running:
        return State.FAILED, f"{_STOPPED.get(_policy(inspected), _BY_HAND)}; `start` brings the service back."
    if status.get("Status") == "restarting" or (status.get("Running") and not view.said.get("serving")):
        if not restarts and not _ended(status):
            return State.UNHEALTHY, "its container is starting"
        reason = f"its container is being started again: {_cause(engine, part, inspected)}"
        if restarts >= LOOPING:
            return State.FAILED, f"CrashLoop: {_cause(engine, part, inspected)} ({restarts} restarts)"
        return State.UNHEALTHY, reason
    if not status.get("Running"):
        return State.FAILED, f"Its container ended with {_cause(engine, part, inspected)}."
    health = (status.get("Health") or {}).get("Status")
    crashes = list(view.said.get("crashes") or ())
    last = str(crashes[-1]["text"]) if crashes else ""
    workers, wanted = int(view.said.get("workers") or 0), int(view.said.get("wanted") or 1)
    if view.said.get("looping") and crashes and time.time() - float(crashes[-1]["time"]) < _RECENT_S:
        return State.UNHEALTHY, f"CrashLoop: {last}"
    if workers < wanted:
        missing = f"{wanted - workers} of {wanted} workers" if wanted > 1 else "the worker"
        return State.UNHEALTHY, f"{missing} being started again{f': {last}' if last else ''}"
    if health == "unhealthy":
        return State.UNHEALTHY, f"Its health check fails: {_health_output(status)}"
    if status.get("Paused"):
        return State.UNHEALTHY, "its container is paused"
    return State.HEALTHY, None


def _policy(inspected: Mapping[str, Any]) -> str:
    return str(((inspected.get("HostConfig") or {}).get("RestartPolicy") or {}).get("Name") or "no")


def _ended(status: Mapping[str, Any]) -> bool:
    return not str(status.get("FinishedAt") or "0001").startswith("0001")


def _cause(engine: Any, part: Part, inspected: Mapping[str, Any]) -> str:
    limit = int((inspected.get("HostConfig") or {}).get("Memory") or 0)
    verdict = verdict_of(last_lines(engine, part.id), inspected["State"], limit / 2**30 if limit else None)
    return how_it_ended(inspected["State"], verdict)


def _health_output(status: Mapping[str, Any]) -> str:
    log = (status.get("Health") or {}).get("Log") or []
    text = str(log[-1].get("Output") or "").strip() if log else ""
    return text.splitlines()[-1][:200] if text else "it does not answer in time"


def _facts(view: View, door: Part, part: Part, inspected: Mapping[str, Any]) -> dict[str, Any]:
    crashes = list(view.said.get("crashes") or ())
    return {
        "port": door.port,
        "container": part.name,
        "door": door.name,
        "image": inspected.get("Config", {}).get("Image"),
        "image_digest": inspected.get("Image"),
        "restarts": int(inspected.get("RestartCount") or 0) + len(crashes),
        "last_crash": str(crashes[-1]["text"]) if crashes else None,
        "started": started_at(inspected),
    }


def _events(engine: Any, service: ServiceRef) -> list[ReportedEvent]:
    """Return what the engine remembers since the last look (a few hundred events at most)."""
    now = int(time.time())
    since = int(service.runtime.get("events_since") or 0)
    if not since:
        return []
    filters = {"label": f"mldeploy.uid={service.uid}", "event": ["die", "oom", "health_status"]}
    found = []
    with closing(engine.events(since=since, until=now, filters=filters, decode=True)) as stream:
        told = list(stream)
    for event in told:
        attributes = (event.get("Actor") or {}).get("Attributes") or {}
        action = str(event.get("Action") or "")
        text = _EVENT_TEXTS.get(action)
        if text is None or (action == "die" and attributes.get("exitCode") == "0"):
            continue
        words = text.format(code=attributes.get("exitCode"), signal=attributes.get("signal"))
        nanoseconds = int(event.get("timeNano") or 0)
        name = str(attributes.get("name") or "a container")
        found.append(
            ReportedEvent(f"{nanoseconds}", "worker", nanoseconds / 1e9, f"{name} {words}", {"action": action})
        )
    return found[-_MOST_EVENTS:]
