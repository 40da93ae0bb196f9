"""What a deployment whose process was killed has left at its target."""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol, runtime_checkable

from ..errors import MldeployError
from .target import ServiceRef, Target


@runtime_checkable
class Tidying(Protocol):
    """What a target also has where a killed deployment leaves something that does not go by itself. Optional."""

    def tidy(self, service: ServiceRef, live: int | None) -> None:
        """Remove what is not the live revision's, and finish what was begun for that one. Idempotent.

        Nobody deploys the service meanwhile, and the records say what became of the killed deployment.

        Args:
            live: number of the live revision, None when none ever served.
        """
        ...


def tidy(target: Target, service: ServiceRef, live: int | None) -> None:
    """Have a target tidy up; what it cannot do now is done by the next deployment or by ``delete``."""
    if isinstance(target, Tidying):
        with suppress(MldeployError):
            target.tidy(service, live)
