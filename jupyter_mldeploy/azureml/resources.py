"""What a model needs to run."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ResourceConfiguration"]


@dataclass(frozen=True, slots=True)
class ResourceConfiguration:
    """CPU in cores, memory in GB, number of GPUs; all above zero where given."""

    cpu: float | None = None
    memory_in_gb: float | None = None
    gpu: int | None = None

    def to_dict(self) -> dict[str, float]:
        """Return what is given."""
        values = {"cpu": self.cpu, "memory_in_gb": self.memory_in_gb, "gpu": self.gpu}
        return {name: value for name, value in values.items() if value is not None}
