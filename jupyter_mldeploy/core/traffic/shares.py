"""What a target has besides its verbs where something before its services can divide an endpoint's requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ..target import ServiceRef


@dataclass(frozen=True, slots=True)
class Share:
    """One version's part of an endpoint's requests; ``weight`` and ``mirror`` in percent."""

    version: str
    service: ServiceRef
    weight: float
    mirror: float


@dataclass(frozen=True, slots=True)
class Division:
    """Whether something before the services divides an endpoint's requests, and what there is to say about it."""

    done: bool
    remark: str = ""


@runtime_checkable
class Dividing(Protocol):
    """What a target also has where something before its services can divide requests among them. Optional.

    The endpoint's router stays behind it, for whoever comes another way, and for what cannot be divided there.
    """

    def divides(self, service: ServiceRef) -> bool:
        """Whether something stands before the service that may divide its requests. Cheap, and never raises."""
        ...

    def divide(self, service: ServiceRef, shares: Sequence[Share]) -> Division:
        """Divide the requests; where that cannot be, say why, and leave all of them to the router."""
        ...
