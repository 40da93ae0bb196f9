"""``ModelProfile``: how much CPU and memory models need, found out by real runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.model import Model
from ..core.probes.profile_result import Profile
from .background import Background
from .dataset import Dataset
from .exceptions import WebserviceException
from .inference import InferenceConfig
from .workspace import Workspace

__all__ = ["ModelProfile"]


class ModelProfile:
    """A profile that is being made, or is there; it is made in a thread, by :meth:`Model.profile`."""

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        models: Sequence[Model | str | Path],
        inference_config: InferenceConfig,
        requests: Any,
        **options: Any,
    ) -> None:
        self.workspace = workspace
        self.name = name
        found = inference_config.read()
        bodies = requests.rows if isinstance(requests, Dataset) else requests
        self._work: Background[Profile] = Background(
            f"profile-{name}",
            lambda report: workspace.core.profile(
                name, found.source(), requests=bodies, models=models, environment=found.environment,
                cpu=options["cpu"], memory_gb=options["memory_in_gb"], description=options["description"],
                deadline_s=25 * 60, report=report,
            ),
        )  # fmt: skip

    def wait_for_completion(self, show_output: bool = False) -> None:
        """Wait until it is there; with ``show_output`` print its steps.

        Raises:
            WebserviceException: it could not be made.
        """
        self._work.wait(show_output, WebserviceException)

    def get_details(self) -> dict[str, Any]:
        """Return v1's dictionary: requested, used and recommended resources, latencies, state. Waits for it."""
        return self._work.wait(False, WebserviceException).get_details()

    def serialize(self) -> dict[str, Any]:
        """Return what :meth:`get_details` returns."""
        return self.get_details()
