"""``InferenceConfig``: the entry script and what it runs in."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..core.azure_files.v1inference import InferenceFile, read_inference_values
from .environment import ContainerRegistry, Environment
from .exceptions import WebserviceException, raising

__all__ = ["InferenceConfig"]

#: Keys that v1 had before there were environments → what they were called as arguments.
_OLD = {
    "runtime": "runtime", "condaFile": "conda_file", "extraDockerFileSteps": "extra_docker_file_steps",
    "enableGpu": "enable_gpu", "cudaVersion": "cuda_version", "baseImage": "base_image",
    "baseImageRegistry": "base_image_registry",
}  # fmt: skip


class InferenceConfig:
    """The entry script and what it runs in.

    Args:
        entry_script: path of the script, below ``source_directory`` where that is given.
        environment: what it runs in; excludes the arguments that v1 had before there were environments.

    Raises:
        WebserviceException: two things exclude each other, or a file is not there.
    """

    def __init__(
        self,
        entry_script: str | Path,
        runtime: str | None = None,
        conda_file: str | Path | None = None,
        extra_docker_file_steps: str | Path | None = None,
        source_directory: str | Path | None = None,
        enable_gpu: bool | None = None,
        description: str | None = None,
        base_image: str | None = None,
        base_image_registry: ContainerRegistry | None = None,
        cuda_version: str | None = None,
        environment: Environment | None = None,
    ) -> None:
        self.entry_script = str(entry_script)
        self.source_directory = None if source_directory is None else str(source_directory)
        self.environment = environment
        self.description = description
        registry = base_image_registry
        self._old: dict[str, Any] = {
            "runtime": runtime,
            "condaFile": None if conda_file is None else str(conda_file),
            "extraDockerFileSteps": None if extra_docker_file_steps is None else str(extra_docker_file_steps),
            "enableGpu": enable_gpu,
            "cudaVersion": cuda_version,
            "baseImage": base_image,
            "baseImageRegistry": None
            if registry is None
            else {"address": registry.address, "username": registry.username, "password": registry.password},
        }
        given = [_OLD[key] for key, value in self._old.items() if value is not None]
        if given and environment is not None:
            raise WebserviceException(f"Give an environment, or {', '.join(given)}, not both.")
        if given:
            warnings.warn(f"{', '.join(given)}: use an environment instead.", DeprecationWarning, stacklevel=2)
        self.read()

    def read(self) -> InferenceFile:
        """Find the files, and return what the core deploys."""
        values: Mapping[str, Any] = {
            "entryScript": self.entry_script,
            "sourceDirectory": self.source_directory,
            "description": self.description,
            **self._old,
        }
        with raising(WebserviceException):
            found = read_inference_values(values, Path("InferenceConfig"))
        return found if self.environment is None else replace(found, environment=self.environment.to_spec())
