"""What a user asks for, what would happen, and what came of it: the values that go into and out of the deployer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .assemble import Source
from .environment import EnvironmentSpec
from .model import Model
from .records import RevisionRecord, ServiceRecord
from .target import PlanStep


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asks to deploy; the same for a magic, a form, the CLI and Python code.

    Attributes:
        models: model objects, ids ``name:version``, names, or paths of files and folders that are not registered.
        environment: specification, file, registered name, or None for what the script uses in ``interpreter``.
        config: keys of the target's configuration.
        interpreter: Python that runs the script on this machine; None is the one running now.
    """

    name: str
    source: Source
    models: Sequence[str | Path | Model] = ()
    environment: EnvironmentSpec | str | Path | None = None
    pip: Sequence[str] = ()
    target: str = "local"
    config: Mapping[str, Any] = field(default_factory=dict)
    interpreter: str | Path | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What a deployment would do; nothing was created."""

    service: str
    target: str
    revision: int
    bundle: str
    steps: Sequence[PlanStep]
    findings: Sequence[Mapping[str, Any]]
    environment: Mapping[str, Any]

    def __str__(self) -> str:
        head = f"{self.service} revision {self.revision} on {self.target} (bundle {self.bundle[:19]})"
        rows = [f"  {step.action:8}{step.what}{f'  ({step.detail})' if step.detail else ''}" for step in self.steps]
        notes = [f"  note    {item['code']} line {item['line']}: {item['message']}" for item in self.findings]
        return "\n".join([head, *rows, *notes])

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON."""
        return {**asdict(self), "steps": [asdict(step) for step in self.steps], "findings": list(self.findings)}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A deployment that reached its goal; ``steps`` have the seconds each took."""

    service: ServiceRecord
    revision: RevisionRecord
    steps: Sequence[Mapping[str, Any]]
    findings: Sequence[Mapping[str, Any]] = ()

    @property
    def seconds(self) -> float:
        """Seconds from the request to the first healthy answer."""
        return float(sum(step["seconds"] for step in self.steps))
