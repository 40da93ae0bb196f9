"""How many replicas a load needs: v1's formula.

>>> replicas_for(20, 10.0, utilization=0.7, per_replica=1)
286
"""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import InvalidInputError
from .config import DeploymentConfig


@dataclass(frozen=True, slots=True)
class Sizing:
    """What a load needs.

    Attributes:
        rps: requests per second.
        latency_s: time of one request, in seconds.
        concurrent: requests that are executed at the same time.
        utilization: how busy the replicas shall be, 0 to 1.
        per_replica: requests that one replica executes at once.
        replicas: how many it takes.
    """

    rps: float
    latency_s: float
    concurrent: float
    utilization: float
    per_replica: int
    replicas: int

    def to_dict(self) -> dict[str, Any]:
        """Return the sizing as JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"{self.rps:g} requests/s of {self.latency_s * 1000:g} ms each are {self.concurrent:.3g} at once: "
            f"{self.replicas} {'replica' if self.replicas == 1 else 'replicas'} at {self.utilization:.0%} utilisation, "
            f"{self.per_replica} at once in each"
        )


def replicas_for(rps: float, latency_s: float, *, utilization: float, per_replica: int) -> int:
    """Return ``ceil(rps * latency / utilization / requests per replica)``, 1 at least."""
    # The sum is rounded before it is rounded up: 0.1 * 7 / 0.7 is no reason for a second replica.
    return max(1, math.ceil(round(rps * latency_s / utilization / per_replica, 9)))


def read_time(text: str) -> float:
    """Return ``80ms``, ``1.5s`` or a number of seconds as seconds.

    Raises:
        InvalidInputError: it is none of these.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|)\s*", text)
    if match is None:
        raise InvalidInputError(f"{text!r} is no time: write 80ms or 1.5s.", field="latency")
    return float(match[1]) * (0.001 if match[2] == "ms" else 1.0)


def size(config: DeploymentConfig, rps: float, latency_s: float) -> Sizing:
    """Return what a load needs under a configuration: its target utilisation, and what one replica does at once.

    Raises:
        InvalidInputError: a figure is not above 0.
    """
    for field, value in (("rps", rps), ("latency", latency_s)):
        if not value > 0 or not math.isfinite(value):
            raise InvalidInputError(f"{field} must be above 0, not {value:g}.", field=field)
    utilization = int(getattr(config, "autoscale_target_utilization", 70)) / 100
    workers = getattr(config, "workers", 1)
    per_replica = config.replica_max_concurrent_requests * (workers if isinstance(workers, int) else 1)
    replicas = replicas_for(rps, latency_s, utilization=utilization, per_replica=per_replica)
    return Sizing(rps, latency_s, rps * latency_s, utilization, per_replica, replicas)
