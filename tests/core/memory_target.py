"""A target that keeps everything in one JSON file: for tests of the core, with failures on request.

It is a real target in that any process that opens the workspace sees the same state.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from jupyter_mldeploy.core.config import DeploymentConfig
from jupyter_mldeploy.core.records import State
from jupyter_mldeploy.core.target import (
    GROUP,
    Availability,
    Capabilities,
    Connection,
    Job,
    LogLine,
    LogPage,
    Observation,
    PlanStep,
    Progress,
    ReportedEvent,
    ServiceRef,
    Targets,
)
from jupyter_mldeploy.errors import DeploymentError, NotSupportedError, TargetUnavailableError


class MemoryConfig(DeploymentConfig):
    """``fail`` breaks the deployment, ``hang`` waits past any deadline, ``refuse`` is refused by the plan."""

    fail: str | None = None
    hang: bool = False
    refuse: bool = False
    size: int = Field(1, ge=1, le=10)


class MemoryTarget:
    """See the module's docstring."""

    name: ClassVar[str] = "memory"
    title: ClassVar[str] = "Memory"
    summary: ClassVar[str] = "A file pretends to be a server."
    capabilities: ClassVar[Capabilities] = Capabilities(stop_start=True, key_auth=True, scoring="none")
    config_type: ClassVar[type[DeploymentConfig]] = MemoryConfig

    def available(self) -> Availability:
        return Availability(True)

    def plan(self, job: Job) -> Sequence[PlanStep]:
        assert isinstance(job.config, MemoryConfig)
        if job.config.refuse:
            raise NotSupportedError("The memory target refuses what it is told to refuse.")
        return [PlanStep("create" if job.live_revision is None else "change", f"file of {job.service.name}")]

    def apply(self, job: Job, progress: Progress) -> Observation:
        config = job.config
        assert isinstance(config, MemoryConfig)
        progress.step("place", "placing files")
        job.place(job.service.directory / "revisions" / str(job.revision))
        progress.step("run", "starting")
        while config.hang:
            progress.check()
            time.sleep(0.01)
        if config.fail:
            raise DeploymentError(f"It failed: {config.fail}.", state=State.FAILED, log_tail=["the log"])
        self._save(job.service, {"state": State.HEALTHY, "revision": job.revision, "keys": job.keys_file is not None})
        return self.observe(job.service)

    def observe(self, service: ServiceRef) -> Observation:
        try:
            saved = json.loads((service.directory / "state.json").read_text())
        except FileNotFoundError:
            return Observation(State.FAILED, "nothing runs")
        events = [ReportedEvent("started", "worker", 1.0, "a worker started")]
        return Observation(
            State(saved["state"]),
            live_revision=saved["revision"],
            scoring_uri="memory://score",
            facts={"seen": True},
            events=events,
        )

    def logs(self, service: ServiceRef, cursor: str | None, limit: int) -> LogPage:
        return LogPage([LogLine(None, "the log")] if cursor is None else [], "end")

    def stop(self, service: ServiceRef) -> None:
        self._save(service, {**json.loads((service.directory / "state.json").read_text()), "state": State.STOPPED})

    def start(self, job: Job, progress: Progress) -> Observation:
        return self.apply(job, progress)

    def delete(self, service: ServiceRef) -> None:
        (service.directory / "state.json").unlink(missing_ok=True)

    def connect(self, service: ServiceRef) -> Connection:
        raise TargetUnavailableError("A file does not listen.")

    def reload_keys(self, service: ServiceRef, keys_file: Path) -> None:
        (service.directory / "reloaded").write_text(keys_file.name)

    @staticmethod
    def _save(service: ServiceRef, values: dict[str, object]) -> None:
        temporary = service.directory / "state.json.tmp"
        temporary.write_text(json.dumps(values))
        temporary.replace(service.directory / "state.json")


def memory_targets() -> Targets:
    """Return a set of targets with the memory target and one that cannot be loaded."""
    return Targets(
        [
            EntryPoint("memory", "tests.core.memory_target:MemoryTarget", GROUP),
            EntryPoint("broken", "tests.core.memory_target:NotThere", GROUP),
        ]
    )
