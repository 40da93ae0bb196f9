"""Where a service runs: the protocol that every target follows, and how targets are found.

A target is a class named by an entry point in the group ``jupyter_mldeploy.targets_v1``::

    [project.entry-points."jupyter_mldeploy.targets_v1"]
    local = "jupyter_mldeploy.targets.local:LocalTarget"

It declares what it can do as data (:class:`Capabilities`), has one configuration model, and six verbs. It keeps no
state of its own: what it must remember goes into ``ServiceRef.directory`` or into the ``runtime`` facts that it
returns, so that any process can carry on. It never writes to the catalogue: it *observes*, and the core announces.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from ..errors import NotFoundError, NotSupportedError, TargetUnavailableError
from .bundle import Bundle
from .config import DeploymentConfig
from .config_marks import capability_of
from .images.built import BuiltImage, PushedImage
from .progress import Progress, Report
from .records import State

__all__ = [
    "Availability",
    "BrokenTarget",
    "BuiltImage",
    "Capabilities",
    "Connection",
    "Job",
    "LogLine",
    "LogPage",
    "Measuring",
    "Observation",
    "PlanStep",
    "Progress",
    "PushedImage",
    "Report",
    "ReportedEvent",
    "ServiceRef",
    "Target",
    "Targets",
    "Usage",
]

GROUP = "jupyter_mldeploy.targets_v1"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a target can do, as data; forms, magics, completion and documentation are generated from it.

    A capability is False with a reason in ``why_not`` wherever a user could expect it. ``exports`` names the layouts in
    which the target writes a deployment down as files (see ``core.export``). ``remains`` says what may be left of a
    service whose target could not be asked to remove it, with ``{name}``, ``{uid}`` and the target's own ``runtime``
    facts in braces.
    """

    update: bool = True
    zero_downtime_update: bool = False
    rollback: bool = True
    stop_start: bool = False
    logs: bool = True
    follow_logs: bool = False
    key_auth: bool = False
    token_auth: bool = False
    tls: bool = False
    scale: bool = False
    autoscale: bool = False
    traffic_split: bool = False
    gpu: bool = False
    ttl: bool = False
    memory_limit: bool = False
    isolated_environment: bool = False
    needs_image: bool = False
    needs_account: bool = False
    scoring: Literal["http", "batch", "none"] = "http"
    exports: Sequence[str] = ()
    remains: str = ""
    why_not: Mapping[str, str] = field(default_factory=dict)

    def require(self, target: str, capability: str) -> None:
        """Refuse early: raise NotSupportedError with the reason and the way out when ``capability`` is missing."""
        if getattr(self, capability):
            return
        reason = self.why_not.get(capability, "it does not declare that capability")
        raise NotSupportedError(
            f"Target {target!r} cannot do {capability.replace('_', ' ')}: {reason}.",
            details={"target": target, "capability": capability},
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the capabilities as JSON."""
        return {
            item.name: dict(value) if isinstance(value := getattr(self, item.name), Mapping) else value
            for item in fields(self)
        }


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a target can be used here and now; when not, why and what to do."""

    ok: bool
    reason: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceRef:
    """What a target needs to find one service again.

    Attributes:
        directory: private to the target, exists, survives restarts, removed some time after deletion.
        data_directory: where a service on this machine keeps collected model data; not made yet, never removed.
        log_directory: log files of the service; kept after failure and deletion.
        runtime: the facts that the target returned last.
    """

    uid: str
    name: str
    directory: Path
    log_directory: Path
    runtime: Mapping[str, Any]
    data_directory: Path | None = None


@dataclass(frozen=True, slots=True)
class ReportedEvent:
    """Something that happened at the target while nobody watched; ``key`` makes importing it twice harmless."""

    key: str
    kind: str
    time: float
    message: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observation:
    """The truth about a service as its target sees it now.

    Attributes:
        live_revision: number of the revision that answers requests, or None.
        facts: details for people (worker counts, memory in bytes, restarts, times in seconds).
        runtime: facts to remember; None keeps those remembered before.
        events: what happened since the last observation.
        failed_log: where the crashed instance's last lines are, when there was one.
    """

    state: State
    reason: str | None = None
    live_revision: int | None = None
    scoring_uri: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    runtime: Mapping[str, Any] | None = None
    events: Sequence[ReportedEvent] = ()


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a service's log: ``time`` in epoch seconds, ``source`` such as ``worker-1`` or a pod's name."""

    time: float | None
    text: str
    source: str = ""
    revision: int | None = None
    level: str = "info"


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines after a cursor, and the cursor to go on from. An empty page means nothing new yet."""

    lines: Sequence[LogLine]
    cursor: str


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One thing that would happen: ``action`` is create, change, keep, replace or delete."""

    action: Literal["create", "change", "keep", "replace", "delete"]
    what: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach a service from this process: base URI and headers (never shown in logs)."""

    base_uri: str
    headers: Mapping[str, str] = field(default_factory=dict)
    verify: bool | str = True


@dataclass(frozen=True, slots=True)
class Job:
    """Everything a target needs to bring one revision of a service to life.

    Attributes:
        revision: number of the revision.
        live_revision: number of the one serving now, or None for a first deployment.
        bundle: the content; ``place(dest)`` lays it out below ``dest`` (``app/``, ``azureml-models/``, …).
        config: the target's own configuration model.
        environment: the environment specification, JSON (see ``core.environment``).
        keys_file: file with ``{"primary": …, "secondary": …}`` (mode 0600), or None when auth is off.
        token_keys_file: file with ``{"token_keys": [{"kid": …, "key": …}]}`` (mode 0600) that tokens are signed with,
            or None when callers send none.
        secrets: resolved values of ``config.secrets``; hand them to the process, never write them down.
        interpreter: Python that runs the entry script where the target uses one of this machine's.
        build_environment: builds the environment (cached) in a place of its own and returns its interpreter, for
            targets that can run isolated.
        build_image: builds the bundle's container image (cached, layer by layer) and returns it, for targets with
            ``needs_image``; docs/images.md says what the container expects.
        push_image: pushes such an image to ``registry/repository[:tag]`` and returns its location by digest.
        compute: returns kind and facts of a compute target of the workspace by its name.
        imports: names of the top-level modules that the entry script imports, so that a target may warm up.
    """

    service: ServiceRef
    revision: int
    live_revision: int | None
    bundle: Bundle
    place: Callable[[Path], Path]
    config: DeploymentConfig
    environment: Mapping[str, Any]
    keys_file: Path | None
    secrets: Mapping[str, str]
    interpreter: Path | None
    build_environment: Callable[[Progress], Path]
    build_image: Callable[[Progress], BuiltImage]
    push_image: Callable[[BuiltImage, str, Progress], PushedImage]
    imports: Sequence[str] = ()
    origin: Mapping[str, Any] = field(default_factory=dict)
    token_keys_file: Path | None = None
    compute: Callable[[str], tuple[str, Mapping[str, Any]]] | None = None


@runtime_checkable
class Target(Protocol):
    """A place where services run. See the module's docstring for what it may keep and where."""

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    config_type: ClassVar[type[DeploymentConfig]]

    def available(self) -> Availability:
        """Say whether the target can be used here and now, within about a second and without effects."""
        ...

    def plan(self, job: Job) -> Sequence[PlanStep]:
        """Say what :meth:`apply` would do; raise what it would refuse. No effects."""
        ...

    def apply(self, job: Job, progress: Progress) -> Observation:
        """Bring the revision to life and return once it answers.

        A first deployment that fails leaves nothing running; a failed update leaves the old revision serving. Either
        way DeploymentError carries the cause and the last log lines.
        """
        ...

    def observe(self, service: ServiceRef) -> Observation:
        """Return the truth about the service; never raises for a service that is gone or broken."""
        ...

    def logs(self, service: ServiceRef, cursor: str | None, limit: int) -> LogPage:
        """Return up to ``limit`` lines after ``cursor`` (None: the last ``limit`` lines)."""
        ...

    def stop(self, service: ServiceRef) -> None:
        """Stop serving and keep everything that :meth:`start` needs. Idempotent."""
        ...

    def start(self, job: Job, progress: Progress) -> Observation:
        """Serve again after a stop, a crash or a host restart. Idempotent."""
        ...

    def delete(self, service: ServiceRef) -> None:
        """Remove everything that carries this service's mark, logs excepted. Idempotent."""
        ...

    def connect(self, service: ServiceRef) -> Connection:
        """Return how this process reaches the service; TargetUnavailableError when nothing listens."""
        ...

    def reload_keys(self, service: ServiceRef, keys_file: Path) -> None:
        """Make the running service read its keys again. Callers with the unchanged key see no failure."""
        ...


@dataclass(frozen=True, slots=True)
class Usage:
    """What the live revision of a service uses: CPU time in seconds since it began, memory in bytes now."""

    cpu_s: float
    memory_bytes: int


@runtime_checkable
class Measuring(Protocol):
    """What a target also has where its services can be measured (for profiles). Optional."""

    #: Configuration fields that limit one instance: (CPU cores, memory in GiB); "" for what cannot be limited.
    limit_fields: ClassVar[tuple[str, str]]

    def usage(self, service: ServiceRef) -> Usage:
        """Return what the service uses; TargetUnavailableError when it does not run."""
        ...


@dataclass(frozen=True, slots=True)
class BrokenTarget:
    """A target plug-in that could not be loaded; named in lists, never in the way of the others."""

    name: str
    package: str
    error: str


class Targets:
    """The installed targets, loaded one by one when they are asked for."""

    def __init__(self, points: Sequence[EntryPoint] | None = None) -> None:
        self._points = {point.name: point for point in (entry_points(group=GROUP) if points is None else points)}
        self._loaded: dict[str, Target | BrokenTarget] = {}
        self._lock = threading.RLock()

    def names(self) -> list[str]:
        """Return the names of all installed targets, broken ones too."""
        return sorted(self._points)

    def find(self, name: str) -> Target | BrokenTarget:
        """Load one target; a bad plug-in comes back as :class:`BrokenTarget`.

        Raises:
            NotFoundError: no such target; the message lists those installed.
        """
        if name not in self._points:
            raise NotFoundError(
                "target",
                name,
                message=f"There is no target named {name!r}; installed are: {', '.join(self.names()) or 'none'}.",
                hint="`mldeploy target list` shows them all.",
            )
        with self._lock:  # threads that ask at once get the same one: what it remembers is worth sharing
            if name not in self._loaded:
                self._loaded[name] = self._load(self._points[name])
            return self._loaded[name]

    def get(self, name: str) -> Target:
        """Return a usable target.

        Raises:
            NotFoundError: no such target.
            TargetUnavailableError: its plug-in is broken.
        """
        target = self.find(name)
        if isinstance(target, BrokenTarget):
            raise TargetUnavailableError(
                f"Target {name!r} of package {target.package!r} could not be loaded: {target.error}.",
                hint=f"Reinstall or remove {target.package!r}.",
            )
        return target

    @staticmethod
    def _load(point: EntryPoint) -> Target | BrokenTarget:
        package = point.dist.name if point.dist else "unknown"
        try:
            target = point.load()()
        except Exception as error:  # noqa: BLE001  a plug-in may fail in any way and must only cost itself
            return BrokenTarget(point.name, package, f"{type(error).__name__}: {error}")
        missing = [
            member
            for member in ("name", "capabilities", "config_type", "title", "summary")
            if not hasattr(target, member)
        ]
        if missing or not isinstance(target, Target):
            lacks = ", ".join(missing) or "verbs of the Target protocol"
            return BrokenTarget(point.name, package, f"it lacks {lacks}")
        known = {item.name for item in fields(Capabilities)}
        for key in target.config_type.model_fields:
            needed = capability_of(target.config_type, key)
            if needed is not None and needed not in known:
                return BrokenTarget(point.name, package, f"its setting {key} needs {needed!r}, which is no capability")
        return target
