"""A target as somebody else would write it: one plain process per service, no keys, a short gap at each update."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from jupyter_mldeploy.core.config import DeploymentConfig
from jupyter_mldeploy.core.config_marks import BelongsTo, Needs
from jupyter_mldeploy.core.logs import LogFiles
from jupyter_mldeploy.core.records import State
from jupyter_mldeploy.core.target import (
    Availability,
    Capabilities,
    Connection,
    Job,
    LogPage,
    Observation,
    PlanStep,
    Progress,
    ServiceRef,
)
from jupyter_mldeploy.errors import DeploymentError, TargetUnavailableError

SERVER = Path(__file__).with_name("server.py")


class PlainConfig(DeploymentConfig):
    """What every target has, and settings of its own with the marks that forms and routers go by."""

    auth_enabled: bool = False
    """This target has no keys."""
    accelerators: Annotated[int, Needs("gpu"), BelongsTo("script")] = Field(0, ge=0, le=8)
    """Devices for the process."""
    address: Annotated[str | None, BelongsTo("endpoint")] = None
    """Name that callers know it by."""


class PlainTarget:
    """Starts ``server.py`` with the revision's files, and waits until it says that it listens."""

    name: ClassVar[str] = "plain"
    title: ClassVar[str] = "Plain process"
    summary: ClassVar[str] = "One process per service, replaced at each update."
    config_type: ClassVar[type[DeploymentConfig]] = PlainConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        follow_logs=True, why_not={"key_auth": "it is a mere example", "gpu": "it has no devices"}
    )

    def available(self) -> Availability:
        return Availability(True)

    def plan(self, job: Job) -> Sequence[PlanStep]:
        return [PlanStep("create", f"process for revision {job.revision}")]

    def apply(self, job: Job, progress: Progress) -> Observation:
        progress.step("place", "laying out files")
        root = job.place(job.service.directory / "revisions" / str(job.revision))
        facts = job.service.directory / f"{job.revision}.json"
        log = job.service.log_directory / f"plain-{job.revision:04d}.log"
        models = job.bundle.models
        environment = {
            **os.environ,
            **job.config.environment_variables,
            **job.secrets,
            "AML_APP_ROOT": str(root),
            "AZUREML_MODEL_DIR": str(
                root / "azureml-models" / (f"{models[0].name}/{models[0].version}" if len(models) == 1 else "")
            ),
        }
        progress.step("start", "starting the process")
        with log.open("ab") as stream:
            command = [str(job.interpreter or sys.executable), str(SERVER), str(root / "app" / job.bundle.entry_script)]
            subprocess.run(
                [*command, str(facts)],
                env=environment,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
                check=True,
            )
        started = self._wait(job, progress, facts, log)
        old = self._state(job.service)
        state = job.service.directory / "state.json"
        state.with_suffix(".new").write_text(json.dumps({**started, "revision": job.revision}))
        state.with_suffix(".new").replace(state)
        self._kill(old)
        return self.observe(job.service)

    def _wait(self, job: Job, progress: Progress, facts: Path, log: Path) -> dict[str, Any]:
        while True:
            found = json.loads(facts.read_text()) if facts.exists() else {}
            try:
                progress.check()
            except DeploymentError:
                self._kill(found)
                raise
            if "error" in found:
                after = "" if job.live_revision is None else " The old revision goes on serving."
                raise DeploymentError(
                    f"Revision {job.revision} did not start: {found['error']}.{after}",
                    state=State.FAILED,
                    log_tail=log.read_text(errors="replace").splitlines()[-20:],
                    steps=progress.steps(),
                )
            if "port" in found:
                return found
            time.sleep(0.01)

    def observe(self, service: ServiceRef) -> Observation:
        state = self._state(service)
        if not state:
            return Observation(State.FAILED, "It has not been started.")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", state["port"])):
                return Observation(State.FAILED, "Its process is gone.")
        return Observation(
            State.HEALTHY, None, state["revision"], f"http://127.0.0.1:{state['port']}/score", {"pid": state["pid"]}
        )

    def logs(self, service: ServiceRef, cursor: str | None, limit: int) -> LogPage:
        return LogFiles(service.log_directory, "plain-").read(cursor, limit)

    def stop(self, service: ServiceRef) -> None:
        self._kill(self._state(service))

    def start(self, job: Job, progress: Progress) -> Observation:
        return self.apply(job, progress)

    def delete(self, service: ServiceRef) -> None:
        self._kill(self._state(service))
        shutil.rmtree(service.directory, ignore_errors=True)

    def connect(self, service: ServiceRef) -> Connection:
        if self.observe(service).live_revision is None:
            raise TargetUnavailableError(f"Service {service.name!r} does not listen.")
        return Connection(f"http://127.0.0.1:{self._state(service)['port']}")

    def reload_keys(self, service: ServiceRef, keys_file: Path) -> None:
        return

    @staticmethod
    def _state(service: ServiceRef) -> dict[str, Any]:
        try:
            return json.loads((service.directory / "state.json").read_text())
        except FileNotFoundError:
            return {}

    @staticmethod
    def _kill(state: dict[str, Any]) -> None:
        if "pid" in state:
            with suppress(ProcessLookupError):
                os.kill(state["pid"], signal.SIGKILL)
