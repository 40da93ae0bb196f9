"""From a job to a running supervisor and an order for it."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.target import Job, Progress, ServiceRef
from ..errors import InvalidInputError
from ..scoring.control import ControlClient, NotReachableError
from ..scoring.environment_policy import cores, scrubbed, thread_variables
from ..scoring.journal import read_json, write_json
from ..scoring.order import ServiceSettings, default_method
from ..scoring.settings import DEPLOYED_TIMEOUT_STATUS, Settings
from ..scoring.spec import WorkerSpec
from ..scoring.starting import connect_supervisor, find_supervisor, provide_runtime, start_supervisor, sweep, wait_gone
from .local_config import LocalConfig
from .local_imports import pickled_imports, script_imports
from .local_telemetry import telemetry_settings

#: Laid-out revisions that stay on disk for a quick way back.
KEPT_REVISIONS = 5

#: Seconds within which a living supervisor says whether it goes on serving, however busy the machine is.
_ANSWER_S = 30.0
_AGAIN_S = 0.1

_FACTS = "local.json"

#: Where the workers of a service share their figures; they begin anew with each supervisor.
_METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class Setting:
    """How a job's processes run: what the configuration leaves open is settled here."""

    interpreter: Path
    workers: int
    environment: Mapping[str, str]
    start_method: str

    @classmethod
    def of(cls, job: Job, config: LocalConfig, progress: Progress | None) -> Setting:
        """Settle a job's interpreter (building its environment when ``progress`` is given), workers and variables.

        Raises:
            InvalidInputError: the configured interpreter does not exist.
            EnvironmentBuildError: the isolated environment could not be built.
        """
        workers = cores() if config.workers == "auto" else config.workers
        if config.python is not None:
            interpreter = Path(config.python).expanduser()
        elif config.isolated and progress is not None:
            interpreter = job.build_environment(progress)
        else:
            interpreter = job.interpreter or Path(sys.executable)
        if not os.access(interpreter, os.X_OK):
            raise InvalidInputError(
                f"There is no Python interpreter at {str(interpreter)!r}.",
                field="python",
                hint="Give the path of an existing one, or leave it out to use the kernel's.",
            )
        own = {**job.environment.get("variables", {}), **config.environment_variables}
        environment = {
            "SERVICE_NAME": job.service.name,
            "WORKER_COUNT": str(workers),
            "AZUREML_SOURCE_DIRECTORY": "app",
            **data_collection(job, config),
            # An isolated interpreter must not find the modules of the one that started it.
            **({"PYTHONPATH": ""} if config.isolated else {}),
            **thread_variables(workers, own, scrubbed()),
            **own,
        }
        method = default_method() if config.start_method == "auto" else config.start_method
        return cls(interpreter.absolute(), workers, environment, method)


def reach_supervisor(
    job: Job, config: LocalConfig, setting: Setting, check: Callable[[], None]
) -> tuple[ControlClient | None, Any]:
    """Return a connection to the service's supervisor, or start one: then the first is None and the second on its way.

    What a killed supervisor left behind is ended first, as it would hold the port.

    Args:
        check: called while a living one is waited for; what it raises ends the wait.

    Raises:
        NotReachableError: one lives that does not answer.
    """
    directory = job.service.directory
    client = reach_living(directory, check)
    if client is not None:
        return client, None
    sweep(directory, job.service.uid)
    shutil.rmtree(directory / _METRICS, ignore_errors=True)
    (directory / _METRICS).mkdir()
    remembered = int(job.service.runtime.get("port") or 0)
    settings = ServiceSettings(
        uid=job.service.uid,
        name=job.service.name,
        host=config.host,
        port=config.port or remembered,
        any_port=config.port is None,
        log_directory=str(job.service.log_directory),
        runtime=str(provide_runtime(directory)),
        start_method=setting.start_method,
        warm={
            "interpreter": str(setting.interpreter),
            "environment": dict(setting.environment),
            "imports": list(job.imports) if config.preload else [],
        },
    )
    return None, start_supervisor(directory, settings)


def reach_living(directory: Path, check: Callable[[], None]) -> ControlClient | None:
    """Return a connection to a supervisor that goes on serving; one that is just stopping is waited for.

    Raises:
        NotReachableError: one lives that does not answer. It may be serving, so nobody takes it for gone.
    """
    client = None
    serves = False
    until = time.monotonic() + _ANSWER_S
    try:
        client = _connect(directory, until, check)
        left = max(0.0, until - time.monotonic())
        serves = client.call("status", timeout_s=left, check=check)["stopped"] is None
    except NotReachableError:
        return None
    except TimeoutError as error:
        raise NotReachableError(
            f"its supervisor lives and has not answered for {_ANSWER_S:g} s; stop and start the service if it stays so"
        ) from error
    finally:
        if client is not None and not serves:
            client.close()
    if serves:
        return client
    identity = find_supervisor(directory)
    if identity is not None:
        wait_gone([(int(identity["pid"]), str(identity["token"]))], 10)
    return None


def _connect(directory: Path, until: float, check: Callable[[], None]) -> ControlClient:
    """Connect to a supervisor; one whose callers queue is asked again."""
    while True:
        try:
            return connect_supervisor(directory)
        except TimeoutError:
            check()
            if time.monotonic() >= until:
                raise
            time.sleep(_AGAIN_S)


def lay_out(job: Job, config: LocalConfig) -> Path:
    """Lay the revision's files out and write its ``worker.json``; return the path of the latter."""
    root = job.place(job.service.directory / "revisions" / str(job.revision))
    spec = WorkerSpec(
        entry_script=f"app/{job.bundle.entry_script}",
        app_root=str(root),
        model_dir=model_directory(job),
        revision=str(job.revision),
        service_name=job.service.name,
        settings=worker_settings(job, config),
        line_map="line_map.json" if (root / "line_map.json").is_file() else None,
    )
    path = root.with_suffix(".worker.json")
    spec.write(path)
    facts = {
        "keys_file": str(job.keys_file) if job.keys_file is not None else None,
        "token_keys_file": str(job.token_keys_file) if job.token_keys_file is not None else None,
    }
    write_json(job.service.directory / _FACTS, facts)
    return path


def data_collection(job: Job, config: LocalConfig) -> dict[str, str]:
    """Return the variables that make ``ModelDataCollector`` write, {} when nothing is to be collected."""
    folder = job.service.data_directory
    if not config.collect_model_data or folder is None:
        return {}
    return {"AML_MODEL_DC_STORAGE_ENABLED": "true", "AML_MODEL_DC_STORAGE": str(folder)}


def read_facts(service: ServiceRef) -> dict[str, Any]:
    """Return what :func:`lay_out` noted about the service."""
    return read_json(service.directory / _FACTS) or {}


def model_directory(job: Job) -> str:
    """Return ``AZUREML_MODEL_DIR`` below the app root: the version's directory for one model, else the whole tree."""
    if len(job.bundle.models) == 1:
        (model,) = job.bundle.models
        return f"azureml-models/{model.name}/{model.version}"
    return "azureml-models"


def worker_settings(job: Job, config: LocalConfig) -> Settings:
    """Translate the deployment's configuration into the scoring server's settings.

    The server's own variables (``SCORING_TIMEOUT_MS``, ``AML_CORS_ORIGINS`` …) among ``environment_variables`` count
    where the configuration leaves the matching field out. Who may call, and where logs go, is not theirs to say.
    """
    variables = config.environment_variables
    given = Settings.from_environment(variables)
    chosen = config.model_fields_set
    fields: dict[str, tuple[str, Any]] = {
        "cors_origins": ("cors_origins", tuple(config.cors_origins)),
        "error_detail": ("error_detail", "caller" if config.error_detail else "none"),
        "scoring_timeout_ms": ("scoring_timeout_ms", config.scoring_timeout_ms),
        "max_request_wait_ms": ("max_request_wait_time", config.max_request_wait_time),
        "max_batch_size": ("max_batch_size", config.max_batch_size),
        "max_batch_wait_ms": ("max_batch_wait_ms", round(config.max_batch_wait_ms)),
        "max_body_bytes": ("max_request_body_mb", int(config.max_request_body_mb * 1024 * 1024)),
        "drain_deadline_s": ("drain_timeout_s", config.drain_timeout_s),
        "timeout_status": ("", DEPLOYED_TIMEOUT_STATUS),
        "service_name": ("", job.service.name),
        "service_version": ("", str(job.revision)),
        **{name: ("enable_app_insights", value) for name, value in telemetry_settings(job, config, given).items()},
    }
    named = {item.name: item.metadata["env"] for item in dataclasses.fields(Settings)}
    values = {name: value for name, (key, value) in fields.items() if key in chosen or named[name] not in variables}
    if "replica_max_concurrent_requests" in chosen:  # left out, an `async def run` takes many
        values["max_concurrent_requests"] = config.replica_max_concurrent_requests
    return dataclasses.replace(
        given,
        **values,
        keys_file=str(job.keys_file) if job.keys_file is not None else "",
        token_keys_file=str(job.token_keys_file) if job.token_keys_file is not None else "",
        primary_key="",
        secondary_key="",
        log_format="json",
        metrics_directory=str(job.service.directory / _METRICS),
    )


def make_order(job: Job, config: LocalConfig, setting: Setting, spec: Path, seconds: float) -> dict[str, Any]:
    """Return the order that makes a supervisor bring the revision to life within ``seconds``."""
    import time

    root = spec.with_name(str(job.revision))
    imports = [
        *job.imports,
        *script_imports(root / "app" / job.bundle.entry_script),
        *pickled_imports(root / "azureml-models"),
    ]
    return {
        "revision": job.revision,
        "spec": str(spec),
        "interpreter": str(setting.interpreter),
        "imports": imports if config.preload else [],
        "learn": config.preload,
        "environment": dict(setting.environment),
        "secrets": dict(job.secrets),
        "workers": setting.workers,
        "host": config.host,
        "port": config.port,
        "memory_limit_bytes": int(config.memory_gb * 2**30) if config.memory_gb else None,
        "start_timeout_s": max(0.1, min(config.start_timeout_s, seconds)),
        "drain_s": config.drain_timeout_s,
        "heartbeat_s": config.heartbeat_timeout_s,
        # The worker interrupts an overlong run() itself; this is for one that cannot be interrupted.
        "stuck_s": worker_settings(job, config).scoring_timeout_ms / 1000 + 10,
        "expires": time.time() + config.ttl if config.ttl else None,
        "log_max_bytes": int(config.log_max_mb * 1024 * 1024),
    }


def remove_old_revisions(job: Job) -> None:
    """Remove laid-out revisions but the newest ones and the live one."""
    folder = job.service.directory / "revisions"
    numbers = sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal())
    for number in numbers[:-KEPT_REVISIONS]:
        if number not in (job.revision, job.live_revision):
            shutil.rmtree(folder / str(number), ignore_errors=True)
            (folder / f"{number}.worker.json").unlink(missing_ok=True)
