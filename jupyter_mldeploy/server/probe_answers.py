"""What the API answers about recorded requests and services that can be adopted; see ``answers``."""

from __future__ import annotations

from typing import Any

from .answers import Answer


class RecordedRequest(Answer):
    """A request that was recorded, and its answer."""

    body: Any
    answer: Any
    status: int
    ms: float
    revision: int | None
    time: float | None
    """Epoch seconds."""


class Recorded(Answer):
    """What a service records, and what it has recorded so far."""

    name: str
    rate: float
    """Share of its requests that it records now; 0 is none."""
    max_bytes: int
    deny: list[str]
    total: int
    """Recorded requests in its log; ``requests`` holds the latest of them, oldest first."""
    requests: list[RecordedRequest]


class Stranger(Answer):
    """A service on a target that this workspace does not know."""

    name: str
    revision: int
    bundle: str


class Strangers(Answer):
    """Services on a target that this workspace does not know."""

    services: list[Stranger]
