"""The local target: services on this machine, each under a supervisor of its own.

The supervisor is detached: it survives the kernel, the notebook and the Jupyter server. Everything about it lies in the
service's directory, so any process that opens the workspace can find it, and a machine that was restarted can bring the
service back with ``start``.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from ..core.config import DeploymentConfig
from ..core.logs import LogFiles
from ..core.records import State
from ..core.storage.failures import storage_errors
from ..core.target import (
    Availability,
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
from ..core.tokens import TokenKeyFile
from ..errors import ConflictError, DeploymentError, InvalidConfigurationError, TargetUnavailableError
from ..scoring.control import ControlClient, ControlError, NotReachableError
from ..scoring.door import PortError, bind
from ..scoring.logbook import LogBook, salvage
from ..scoring.starting import connect_supervisor, find_supervisor, leftovers, sweep, wait_gone
from .local_config import LocalConfig
from .local_failure import deployment_error
from .local_launch import Setting, lay_out, make_order, reach_supervisor, read_facts, remove_old_revisions
from .local_observe import observe, see_out, status_of
from .local_telemetry import destination, require_libraries
from .local_usage import usage

#: Seconds kept back from a deployment's deadline, so that the supervisor's own account of a delay still arrives.
_MARGIN_S = 0.5

_STOP_GRACE_S = 5.0
#: Seconds beyond its workers' grace that a supervisor gets to end: what is killed instead leaves its files.
_END_S = 10.0
#: Seconds for an answer about new keys, longer than the supervisor's own wait for its workers.
_KEYS_S = 20.0


class LocalTarget:
    """Runs services on this machine. See the module's docstring."""

    name: ClassVar[str] = "local"
    title: ClassVar[str] = "This machine"
    summary: ClassVar[str] = "Worker processes under a detached supervisor; updates without a lost request."
    config_type: ClassVar[type[DeploymentConfig]] = LocalConfig
    limit_fields: ClassVar[tuple[str, str]] = ("", "memory_gb")
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
        ttl=True,
        memory_limit=True,
        isolated_environment=True,
        gpu=True,
        why_not={
            "tls": "it listens on 127.0.0.1; put a proxy with TLS in front of it, or promote it to another target",
            "autoscale": "one machine has a fixed number of cores; set workers",
        },
    )

    def available(self) -> Availability:
        """Say whether services can run here: on Linux and macOS they can."""
        if os.name != "posix":
            return Availability(False, "it needs Linux or macOS", "On Windows, use it inside WSL.")
        return Availability(True)

    def plan(self, job: Job) -> Sequence[PlanStep]:
        """Say what :meth:`apply` would do; refuse a port that is taken and a change that needs a restart."""
        config = _config(job)
        setting = Setting.of(job, config, None)
        living = find_supervisor(job.service.directory)
        steps = []
        if living is None:
            if config.port is not None:
                self._refuse_taken_port(job, config)
            steps.append(PlanStep("create", "supervisor", f"on {config.host}, port {config.port or 'any free one'}"))
        elif config.host != living["host"] and config.port in (None, living["port"]):
            raise InvalidConfigurationError(
                f"Port {living['port']} is open on {living['host']} and cannot be opened on {config.host} as well.",
                problems=[{"field": "bind_all", "message": "give another port, or stop the service first"}],
            )
        elif config.port not in (None, living["port"]):
            self._refuse_taken_port(job, config)
            steps.append(PlanStep("change", "port", f"{living['port']} → {config.port}; callers need the new address"))
        else:
            steps.append(PlanStep("keep", "supervisor", f"port {living['port']}"))
        if config.isolated:
            steps.append(PlanStep("create", "virtual environment", "unless one with these packages is cached"))
        if config.collect_model_data:
            folder = job.service.data_directory or "the service's data folder"
            steps.append(PlanStep("create", "model data", f"collected in {folder}"))
        if config.enable_app_insights:
            require_libraries(config, setting.interpreter)
            steps.append(PlanStep("create", "telemetry", destination(job, config)))
        many = f"{setting.workers} workers" if setting.workers > 1 else "1 worker"
        steps.append(PlanStep("create", f"revision {job.revision or 'next'}", f"{many} with {setting.interpreter}"))
        if job.live_revision is not None:
            steps.append(PlanStep("replace", f"revision {job.live_revision}", "once the new one has tested itself"))
        return steps

    def apply(self, job: Job, progress: Progress) -> Observation:
        """Bring the revision to life beside the one that serves, and swap. See ``Target.apply``."""
        config = _config(job)
        self.plan(job)
        setting = Setting.of(job, config, progress)
        progress.step("supervisor", "reaching the supervisor")
        try:
            with storage_errors(job.service.directory, "start the service"):
                client, starting = reach_supervisor(job, config, setting, progress.check)
            progress.step("place", "laying out files")
            try:
                with storage_errors(job.service.directory, "lay out the revision"):
                    spec = lay_out(job, config)
            except BaseException:
                if starting is not None:
                    starting.client().close()
                    self._end(job.service)
                raise
            if client is None:
                client = starting.client()
        except NotReachableError as error:
            raise self._failed(job, config, str(error), {"stage": "start"}, progress) from error
        with client:
            order = make_order(job, config, setting, spec, progress.remaining - _MARGIN_S)
            self._swap(job, config, client, order, progress)
        remove_old_revisions(job)
        return self.observe(job.service)

    def observe(self, service: ServiceRef) -> Observation:
        """Return the truth about the service. See ``Target.observe``."""
        return observe(service)

    def logs(self, service: ServiceRef, cursor: str | None, limit: int) -> LogPage:
        """Return lines of the service's log; what its workers have written up to now is in it."""
        try:
            with connect_supervisor(service.directory) as client:
                client.call("sync-logs", timeout_s=10)
        except (ControlError, TimeoutError):
            pass  # what has been copied so far is there all the same
        return LogFiles(service.log_directory, secrets=_keys(service)).read(cursor, limit)

    def stop(self, service: ServiceRef) -> None:
        """Stop serving: what runs is finished within a few seconds. See ``Target.stop``."""
        self._end(service, "stopped by the user", _STOP_GRACE_S)

    def start(self, job: Job, progress: Progress) -> Observation:
        """Serve again; nothing happens when the revision serves already. See ``Target.start``."""
        seen = self.observe(job.service)
        if seen.live_revision == job.revision and seen.state in (State.HEALTHY, State.UNHEALTHY):
            return seen
        return self.apply(job, progress)

    def delete(self, service: ServiceRef) -> None:
        """End every process and remove every file of the service but its log. See ``Target.delete``."""
        self._end(service, "deleted", 0.0)
        spools = sorted((service.directory / "spool").glob("*.out"))
        if spools:
            book = LogBook(service.log_directory)
            salvage(spools, book)
            book.close()
        for path in list(service.directory.iterdir()) if service.directory.is_dir() else ():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def see_out(self, service: ServiceRef, config: DeploymentConfig) -> None:
        """Wait for the workers of replaced revisions. See ``core.replaced.SeeingOut``."""
        see_out(service, config.drain_timeout_s if isinstance(config, LocalConfig) else 0.0)

    def connect(self, service: ServiceRef) -> Connection:
        """Return address and key. See ``Target.connect``."""
        status = status_of(service)
        if find_supervisor(service.directory) is None or not status.get("listening"):
            raise TargetUnavailableError(
                f"Service {service.name!r} does not listen.", hint=f"`mldeploy start {service.name}` brings it back."
            )
        secret = next(iter(_keys(service)), None) or _token(service)
        return Connection(f"http://127.0.0.1:{status['port']}", {"authorization": f"Bearer {secret}"} if secret else {})

    def usage(self, service: ServiceRef) -> Usage:
        """Return what the service's processes use. See ``Measuring.usage``."""
        return usage(service)

    def reload_keys(self, service: ServiceRef, keys_file: Path) -> None:  # noqa: ARG002  workers know their file
        """Let all workers read their keys again; returns when they have. See ``Target.reload_keys``.

        Raises:
            TargetUnavailableError: a worker was too busy to read them in time.
        """
        try:
            with connect_supervisor(service.directory) as client:
                waiting = client.call("reload-keys", timeout_s=_KEYS_S)["waiting"]
        except NotReachableError:
            return  # nobody runs; whoever starts reads the new keys
        except TimeoutError:
            waiting = ["the supervisor"]
        if waiting:
            raise TargetUnavailableError(
                f"{', '.join(waiting)} of service {service.name!r} did not read the new keys in time.",
                hint="A worker that is busy reads them as soon as it can.",
            )

    def _swap(
        self, job: Job, config: LocalConfig, client: ControlClient, order: dict[str, object], progress: Progress
    ) -> None:
        try:
            client.call(
                "swap", timeout_s=progress.remaining + 5, order=order, on_progress=progress.step, check=progress.check
            )
        except ControlError as error:
            raise self._failed(job, config, str(error), error.facts, progress) from error
        except BaseException:
            # Cancelled or past the deadline: hanging up makes the supervisor give the candidate up.
            client.close()
            if job.live_revision is None:
                self._end(job.service)
            raise

    def _failed(
        self, job: Job, config: LocalConfig, message: str, facts: dict[str, object], progress: Progress
    ) -> Exception:
        seen = self.observe(job.service)
        if seen.live_revision is None:
            self._end(job.service)
        return deployment_error(job, config, message, facts, seen, progress)

    def _end(self, service: ServiceRef, reason: str = "the deployment failed", grace_s: float = 0.0) -> None:
        """End the supervisor and everything of the service, first politely, then not."""
        identity = find_supervisor(service.directory)
        if identity is not None:
            try:
                with connect_supervisor(service.directory) as client:
                    client.call("stop", timeout_s=5, reason=reason, grace_s=grace_s)
                wait_gone([(int(identity["pid"]), str(identity["token"]))], grace_s + _END_S)
            except (ControlError, TimeoutError):
                pass  # it is swept away below
        sweep(service.directory, service.uid)

    @staticmethod
    def _refuse_taken_port(job: Job, config: LocalConfig) -> None:
        try:
            bind(config.host, config.port or 0).close()
        except PortError as error:
            # Its own workers may hold it for a moment after their supervisor was killed; apply() ends them first.
            if not leftovers(job.service.directory, job.service.uid):
                raise ConflictError(
                    str(error.strerror), hint="Choose another port, or leave port out to get a free one."
                ) from error


def _config(job: Job) -> LocalConfig:
    if not isinstance(job.config, LocalConfig):
        raise DeploymentError(f"The local target got a {type(job.config).__name__} instead of its own configuration.")
    return job.config


def _keys(service: ServiceRef) -> list[str]:
    path = read_facts(service).get("keys_file")
    try:
        keys = json.loads(Path(str(path)).read_bytes()) if path else {}
    except (OSError, ValueError):
        return []
    return [str(keys[name]) for name in ("primary", "secondary") if name in keys]


def _token(service: ServiceRef) -> str | None:
    """Return a token for the next few minutes, where callers send tokens."""
    path = read_facts(service).get("token_keys_file")
    return TokenKeyFile(Path(str(path))).issue(service.name, life_s=600).access_token if path else None
