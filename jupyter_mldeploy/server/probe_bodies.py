"""What clients send about profiles, recorded requests, replays and adoption; see ``bodies``."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from .bodies import Body, SourceBody


class ProfileBody(Body):
    """A profile: of the service's live bytes, or of a script with models under the name of the address."""

    requests: list[Any] = Field(default_factory=list, max_length=100_000)
    """Request bodies; texts are sent as JSON, other values are encoded."""
    requests_path: str | None = None
    """Instead: a text file with one body (JSON) a line, below the file browser's root."""
    source: SourceBody | None = None
    """An entry script; left out without models, the service's live revision is profiled."""
    models: list[str] = Field(default_factory=list)
    """Registered models (``name`` or ``name:version``) or paths below the file browser's root."""
    environment: str | None = None
    """A registered environment (``name`` or ``name:version``) or the path of a conda or requirements file."""
    target: str | None = None
    """Where it runs; left out, docker, or local where no engine answers."""
    cpu: float | None = Field(None, gt=0)
    """Cores to begin with; left out, all."""
    memory_gb: float | None = Field(None, gt=0)
    """Memory to begin with, in GiB; left out, no limit."""
    requests_per_second: float | None = Field(None, gt=0)
    """Rate that the recommendation has to reach."""
    description: str | None = None
    timeout_s: float = Field(300.0, gt=0, le=86_400)
    """Longest time for everything, in seconds."""

    @model_validator(mode="after")
    def _one(self) -> ProfileBody:
        if bool(self.requests) == (self.requests_path is not None):
            raise ValueError("give either requests or requests_path")
        if self.source is not None and not self.source.given:
            raise ValueError("source: give exactly one of path, text and notebook")
        return self


class RecordingBody(Body):
    """What a service shall record of its requests."""

    rate: float = Field(ge=0, le=1)
    """Share of the requests, from 0 to 1; 0 records no more."""
    max_bytes: int = Field(8192, ge=1, le=1 << 20)
    """What is larger, body and answer together, is left out."""
    deny: list[str] = Field(default_factory=list)
    """Fields whose values are blotted out, wherever they are."""
    timeout_s: float = Field(300.0, gt=0, le=86_400)
    """Deadline of the update that it takes, in seconds."""


class RecordedBody(Body):
    """A request that was recorded, with its answer."""

    body: Any
    answer: Any
    status: int = 200
    ms: float = 0.0
    revision: int | None = None
    time: float | None = None


class ReplayBody(Body):
    """Whose requests are sent again, and when an answer counts as another one."""

    service: str | None = None
    """Whose recorded requests; left out, the service's own, which an earlier revision may have answered."""
    requests: list[RecordedBody] | None = Field(None, min_length=1, max_length=100_000)
    """Instead: the requests themselves."""
    tolerance: float = Field(0.0, ge=0)
    """Relative difference of two numbers that counts as none."""
    timeout_s: float = Field(60.0, gt=0, le=3_600)
    """Longest time for one answer, in seconds."""

    @model_validator(mode="after")
    def _one(self) -> ReplayBody:
        if self.service is not None and self.requests is not None:
            raise ValueError("give one of service and requests, or neither")
        return self


class AdoptBody(Body):
    """Which service this workspace makes its own."""

    name: str
