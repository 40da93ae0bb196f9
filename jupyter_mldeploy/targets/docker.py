"""The Docker target: services in containers of a Docker Engine, this machine's or another's.

Each service has a *door*, a small container that holds the published port, and a container for its revision. The door
hands its listening socket to the revision that serves (``scoring.doorway``), so that no request passes through a proxy
and none is lost in an update; docs/docker.md has the measurements. All that is remembered lies with the engine.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from ..core.adoption import Found
from ..core.config import DeploymentConfig
from ..core.logs import LogFiles
from ..core.records import State
from ..core.target import (
    Availability,
    BuiltImage,
    Capabilities,
    Connection,
    Job,
    LogPage,
    Observation,
    PlanStep,
    Progress,
    ServiceRef,
    Usage,
)
from ..errors import DeploymentError, MldeployError, NotSupportedError, TargetUnavailableError
from .docker_access import access_headers, known_keys, remember, remember_files, write_keys
from .docker_adoption import fetch_bundle, find_services
from .docker_client import engine_client, engine_host, is_remote
from .docker_config import DockerConfig
from .docker_engine import availability
from .docker_house import PORT, Household
from .docker_logs import collect
from .docker_observe import View, observe
from .docker_plan import plan_steps, refuse_other_bytes
from .docker_rollout import Rollout
from .docker_rooms import write_private
from .docker_sweep import dismiss, remove_everything, sweep
from .docker_usage import usage

_STOP_DOOR_S = 2
#: How often the image of a revision may be removed between its building and its container.
_ATTEMPTS = 3
_NOTED_S, _LOOK_S = 5.0, 0.02
#: Seconds between two looks at replaced revisions, and beyond their time to drain until the engine has killed them.
_SEE_OUT_LOOK_S, _KILLED_S = 0.1, 10.0


class DockerTarget:
    """Runs services in containers. See the module's docstring."""

    name: ClassVar[str] = "docker"
    title: ClassVar[str] = "Docker"
    summary: ClassVar[str] = "Containers on a Docker Engine, built from the bundle; updates without a lost request."
    config_type: ClassVar[type[DeploymentConfig]] = DockerConfig
    limit_fields: ClassVar[tuple[str, str]] = ("cpus", "memory_gb")
    capabilities: ClassVar[Capabilities] = Capabilities(
        update=True,
        zero_downtime_update=True,
        rollback=True,
        stop_start=True,
        logs=True,
        follow_logs=True,
        key_auth=True,
        token_auth=True,
        scale=True,
        traffic_split=True,
        tls=True,
        memory_limit=True,
        isolated_environment=True,
        gpu=True,
        needs_image=True,
        remains="containers and volumes labelled mldeploy.uid={uid} (`docker ps -a --filter label=mldeploy.uid={uid}`)",
        why_not={
            "ttl": "containers run until they are stopped; the local target stops services by itself",
            "autoscale": "one machine has a fixed number of cores; set workers",
        },
    )

    def available(self) -> Availability:
        """Say whether an engine answers."""
        return availability()

    def plan(self, job: Job) -> Sequence[PlanStep]:
        """Say what :meth:`apply` would do; refuse what this engine cannot run."""
        with engine_client() as engine:
            return plan_steps(engine, job, _config(job), View.of(engine, job.service.uid or "-"))

    def apply(self, job: Job, progress: Progress) -> Observation:
        """Bring the revision to life beside the one that serves, and swap. See ``Target.apply``."""
        from docker.errors import ImageNotFound

        config = _config(job)
        self.plan(job)
        for _ in range(_ATTEMPTS - 1):
            image = job.build_image(progress)
            # Gone since, for example with another workspace's last service that used it.
            with engine_client() as engine, suppress(ImageNotFound):
                return _roll_out(engine, job, config, image, progress)
        image = job.build_image(progress)
        with engine_client() as engine:
            return _roll_out(engine, job, config, image, progress)

    def observe(self, service: ServiceRef) -> Observation:
        """Return the truth about the service; what dead processes left of it is removed. See ``Target.observe``."""
        try:
            with engine_client() as engine:
                view = View.of(engine, service.uid)
                if sweep(engine, service, view):
                    view = View.of(engine, service.uid)
                return observe(engine, service, view)
        except MldeployError as error:
            return Observation(State.FAILED, error.message)

    def logs(self, service: ServiceRef, cursor: str | None, limit: int) -> LogPage:
        """Return lines of the service's log; what its containers have written up to now is in it."""
        # A log that cannot be copied now (no engine, just being deleted) is shown as far as it was copied.
        with suppress(MldeployError, OSError), engine_client() as engine:
            collect(engine, service, Household.find(engine, service.uid).parts, now=cursor is None)
        return LogFiles(service.log_directory, secrets=known_keys(service)).read(cursor, limit)

    def stop(self, service: ServiceRef) -> None:
        """Stop the containers: what runs is finished first. See ``Target.stop``."""
        with engine_client() as engine:
            household = Household.find(engine, service.uid)
            for part in household.revisions:
                if part.running:
                    engine.update_container(part.id, restart_policy={"Name": "no"})
                    engine.stop(part.id, timeout=int(float(part.facts.get("drain_s") or 30)) + 5)
            for part in household.doors:
                if part.running:
                    engine.update_container(part.id, restart_policy={"Name": "no"})
                    engine.stop(part.id, timeout=_STOP_DOOR_S)
            collect(engine, service, household.parts)

    def start(self, job: Job, progress: Progress) -> Observation:
        """Serve again with the containers that are there, or with new ones. See ``Target.start``."""
        config = _config(job)
        with engine_client() as engine:
            remember(job)
            view = View.of(engine, job.service.uid)
            part = view.part
            if part is not None and view.door is not None and view.live == job.revision:
                seen = observe(engine, job.service, view)
                if seen.state in (State.HEALTHY, State.UNHEALTHY) and view.said.get("serving"):
                    if config.tls_certificate_file is not None:
                        write_private(engine, view.door, job, config, renew=True)
                    return seen
                Rollout(engine, job, config, progress).revive(view.door, part)
                return _settled(engine, job)
        return self.apply(job, progress)

    def delete(self, service: ServiceRef) -> None:
        """Remove containers and volume of the service; its log stays. See ``Target.delete``."""
        with engine_client() as engine:
            remove_everything(engine, service)
        _forget(service)

    def see_out(self, service: ServiceRef, config: DeploymentConfig) -> None:
        """Wait for the containers of replaced revisions. See ``core.replaced.SeeingOut``."""
        until = time.monotonic() + (config.drain_timeout_s if isinstance(config, DockerConfig) else 0.0) + _KILLED_S
        with engine_client() as engine:
            while time.monotonic() < until:
                view = View.of(engine, service.uid)
                if not any(part.running and part.revision != view.live for part in view.household.revisions):
                    return
                time.sleep(_SEE_OUT_LOOK_S)

    def connect(self, service: ServiceRef) -> Connection:
        """Return address and key. See ``Target.connect``."""
        with engine_client() as engine:
            household = Household.find(engine, service.uid)
        door = household.open_door
        if door is None or not any(part.running for part in household.revisions):
            raise TargetUnavailableError(
                f"Service {service.name!r} does not listen.", hint=f"`mldeploy start {service.name}` brings it back."
            )
        if not service.runtime.get("tls"):
            return Connection(f"http://{engine_host()}:{door.port}", access_headers(service))
        # What goes to this machine itself needs no proof of who it is: certificates are made out for other names.
        return Connection(f"https://{engine_host()}:{door.port}", access_headers(service), is_remote())

    def peer_uri(self, service: ServiceRef) -> str:
        """Return where other containers reach the service; see ``core.traffic``.

        Raises:
            NotSupportedError: it is in no network of its own choice, so other containers do not find it; or it serves
                with a certificate.
        """
        if service.runtime.get("tls"):
            raise NotSupportedError(
                f"Versions behind one endpoint speak HTTP among themselves, and {service.name!r} has a certificate.",
                hint="Leave tls_certificate_file out, and put TLS in front of the endpoint.",
            )
        with engine_client() as engine:
            household = Household.find(engine, service.uid)
            door = household.open_door
            networks = engine.inspect_container(door.id)["NetworkSettings"]["Networks"] if door is not None else {}
        if not set(networks) - {"bridge"}:
            raise NotSupportedError(
                f"Versions in containers reach one another by a Docker network, and {service.name!r} is in none.",
                hint="`docker network create models`, then `mldeploy update NAME --set network=models`.",
            )
        return f"http://{service.name}:{PORT}/score"

    def usage(self, service: ServiceRef) -> Usage:
        """Return what the serving container uses. See ``Measuring.usage``."""
        with engine_client() as engine:
            return usage(engine, View.of(engine, service.uid), service.name)

    def find_services(self) -> Sequence[Found]:
        """Return every service of ours on the engine. See ``Adopting.find_services``."""
        with engine_client() as engine:
            return find_services(engine)

    def fetch_bundle(self, found: Found, path: Path) -> None:
        """Write the archive of the bundle that a service serves. See ``Adopting.fetch_bundle``."""
        with engine_client() as engine:
            fetch_bundle(engine, found, path)

    def adopted(self, service: ServiceRef, keys_file: Path | None, token_keys_file: Path | None) -> None:
        """Note where the service's keys are now. See ``Adopting.adopted``."""
        remember_files(service, keys_file, token_keys_file)

    def reload_keys(self, service: ServiceRef, keys_file: Path) -> None:  # noqa: ARG002  the service knows its files
        """Hand the changed keys to the containers, and return when they count. See ``Target.reload_keys``."""
        with engine_client() as engine:
            write_keys(engine, service, View.of(engine, service.uid))


def _config(job: Job) -> DockerConfig:
    if not isinstance(job.config, DockerConfig):
        raise DeploymentError(f"The Docker target got a {type(job.config).__name__} instead of its own configuration.")
    return job.config


def _roll_out(engine: Any, job: Job, config: DockerConfig, image: BuiltImage, progress: Progress) -> Observation:
    refuse_other_bytes(engine, job, image)
    remember(job)
    view = View.of(engine, job.service.uid)
    if sweep(engine, job.service, view, everything=True):
        view = View.of(engine, job.service.uid)
    rollout = Rollout(engine, job, config, progress)
    try:
        door = rollout.run(image, view)
    except BaseException:
        taken = rollout.undo()
        if taken is not None:
            with suppress(Exception):  # what is left is swept later; what broke it off is to be told
                dismiss(engine, job, config, taken)
        raise
    dismiss(engine, job, config, door)
    return _settled(engine, job)


def _settled(engine: Any, job: Job) -> Observation:
    """Look at a revision that has just said that it serves, once its door has noted that, and nobody else accepts."""
    until = time.monotonic() + _NOTED_S
    while True:
        view = View.of(engine, job.service.uid)
        seen = observe(engine, job.service, view)
        serves = seen.state is State.HEALTHY and seen.live_revision == job.revision
        if (serves and not view.others_accept) or time.monotonic() > until:
            return seen
        time.sleep(_LOOK_S)


def _forget(service: ServiceRef) -> None:
    """Remove the target's own files on this machine."""
    for path in list(service.directory.glob("*.json")) if service.directory.is_dir() else ():
        path.unlink(missing_ok=True)
