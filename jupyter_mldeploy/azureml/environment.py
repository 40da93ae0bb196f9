"""``Environment``: what a script needs around it, with v1's sections that are changed in place."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.environment import EnvironmentSpec
from .conda_dependencies import CondaDependencies
from .exceptions import RunEnvironmentException, UserErrorException, raising
from .workspace import Workspace

__all__ = ["ContainerRegistry", "DockerSection", "Environment", "PythonSection"]

_FILE = "azureml_environment.json"


@dataclass
class PythonSection:
    """Python and its packages; with ``user_managed_dependencies`` the target's own are used as they are."""

    user_managed_dependencies: bool = False
    interpreter_path: str = "python"
    conda_dependencies: CondaDependencies = field(default_factory=CondaDependencies)


@dataclass
class ContainerRegistry:
    """Where a base image is; the password is a reference ``${NAME}`` to an environment variable, never itself."""

    address: str | None = None
    username: str | None = None
    password: str | None = None


@dataclass
class DockerSection:
    """The image. ``enabled``, ``arguments``, ``shared_volumes`` and ``shm_size`` have no effect: the target decides."""

    enabled: bool = False
    base_image: str | None = None
    base_dockerfile: str | None = None
    base_image_registry: ContainerRegistry = field(default_factory=ContainerRegistry)
    arguments: list[str] = field(default_factory=list)
    shared_volumes: bool = True
    shm_size: str | None = None
    gpu_support: bool = False


class Environment:
    """What a script needs around it.

    Args:
        name: its name in the workspace.

    Attributes:
        version: as registered, or None.
        python, docker: sections, to be changed in place.
        environment_variables: variables of the script; none by default.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.version: str | None = None
        self.python = PythonSection()
        self.docker = DockerSection()
        self.environment_variables: dict[str, str] = {}
        self.inferencing_stack_version: str | None = None
        self._origin: tuple[EnvironmentSpec, str] | None = None

    @staticmethod
    def from_conda_specification(name: str, file_path: str | Path) -> Environment:
        """Return the environment of a conda file."""
        with raising(UserErrorException):
            return _of_spec(EnvironmentSpec.from_conda_yaml(Path(file_path), name=name))

    @staticmethod
    def from_pip_requirements(name: str, file_path: str | Path, pip_version: str | None = None) -> Environment:
        """Return the environment of a requirements file; ``pip_version`` has no effect."""
        with raising(UserErrorException):
            return _of_spec(EnvironmentSpec.from_pip_requirements(Path(file_path), name=name))

    @staticmethod
    def from_docker_image(
        name: str,
        image: str,
        container_registry: ContainerRegistry | None = None,
        conda_specification: str | Path | None = None,
        pip_requirements: str | Path | None = None,
    ) -> Environment:
        """Return an environment on a base image."""
        made = _of_files(name, conda_specification, pip_requirements)
        made.docker.base_image = image
        if container_registry is not None:
            made.docker.base_image_registry = container_registry
        return made

    @staticmethod
    def from_dockerfile(
        name: str,
        dockerfile: str | Path,
        conda_specification: str | Path | None = None,
        pip_requirements: str | Path | None = None,
    ) -> Environment:
        """Return an environment on a Dockerfile: its path, or its text."""
        made = _of_files(name, conda_specification, pip_requirements)
        made.docker.base_dockerfile = str(dockerfile)
        return made

    @staticmethod
    def get(workspace: Workspace, name: str, version: str | None = None, label: str | None = None) -> Environment:
        """Return a registered environment; the newest without a version."""
        if label not in {None, "latest"}:
            raise UserErrorException(f"Environments here have no label {label!r}; leave it out or name a version.")
        with raising(UserErrorException):
            return _of_spec(workspace.core.environments.get(name, version))

    @staticmethod
    def list(workspace: Workspace) -> dict[str, Environment]:
        """Return the newest version of each, by name."""
        names = dict.fromkeys(item.name for item in workspace.core.environments.list())
        return {name: Environment.get(workspace, name) for name in names}

    def register(self, workspace: Workspace) -> Environment:
        """Keep it in the workspace; content that its name has already keeps its version."""
        with raising(UserErrorException):
            return _of_spec(workspace.core.environments.register(self.to_spec()))

    def clone(self, new_name: str) -> Environment:
        """Return a copy of another name."""
        made = copy.deepcopy(self)
        made.name, made.version, made._origin = new_name, None, None
        return made

    def save_to_directory(self, path: str | Path, overwrite: bool = False) -> None:
        """Write it as v1's JSON into a folder."""
        folder = Path(path)
        if (folder / _FILE).exists() and not overwrite:
            raise UserErrorException(f"{folder / _FILE} exists already; overwrite=True replaces it.")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _FILE).write_text(json.dumps(self.serialize(), indent=2), encoding="utf-8")

    @staticmethod
    def load_from_directory(path: str | Path) -> Environment:
        """Read what :meth:`save_to_directory` wrote."""
        with raising(UserErrorException):
            return _of_spec(EnvironmentSpec.from_azureml_json(Path(path)))

    def build(self, workspace: Workspace, image_build_compute: str | None = None) -> EnvironmentBuild:
        """Build its image on this machine's container engine and wait for it; see ``mldeploy environment build``."""
        with raising(RunEnvironmentException):
            workspace.core.images.build_environment(self.to_spec())
        return EnvironmentBuild("Succeeded")

    def serialize(self) -> dict[str, Any]:
        """Return v1's JSON."""
        registry = self.docker.base_image_registry
        document: dict[str, Any] = {
            "name": self.name,
            "version": self.version,
            "environmentVariables": dict(self.environment_variables),
            "python": {
                "userManagedDependencies": self.python.user_managed_dependencies,
                "interpreterPath": self.python.interpreter_path,
            },
            "docker": {
                "baseImage": self.docker.base_image,
                "baseDockerfile": self.docker.base_dockerfile,
                "baseImageRegistry": {
                    "address": registry.address, "username": registry.username, "password": registry.password,
                },
                "gpuSupport": self.docker.gpu_support,
            },
        }  # fmt: skip
        if not self.python.user_managed_dependencies:
            document["python"]["condaDependencies"] = self.python.conda_dependencies.as_dict()
        return document

    def to_spec(self) -> EnvironmentSpec:
        """Return the core's specification.

        Raises:
            UserErrorException: something in it cannot be used.
        """
        document = self.serialize()
        if self._origin is not None and self._origin[1] == json.dumps(document):
            return self._origin[0]  # with what v1's JSON has no place for
        with raising(UserErrorException):
            return EnvironmentSpec.from_azureml_json(document, name=self.name)

    def __repr__(self) -> str:
        return f"Environment(name={self.name!r}, version={self.version!r})"


@dataclass(frozen=True)
class EnvironmentBuild:
    """An image that was built."""

    status: str

    def wait_for_completion(self, show_output: bool = True) -> None:
        """Return at once: :meth:`Environment.build` has waited."""


def _of_files(name: str, conda: str | Path | None, pip: str | Path | None) -> Environment:
    if conda is not None and pip is not None:
        raise UserErrorException("Give conda_specification or pip_requirements, not both.")
    if conda is not None:
        return Environment.from_conda_specification(name, conda)
    return Environment(name) if pip is None else Environment.from_pip_requirements(name, pip)


def _of_spec(spec: EnvironmentSpec) -> Environment:
    import yaml

    made = Environment(spec.name)
    made.version = spec.version
    conda: dict[str, Any] = yaml.safe_load(spec.to_conda_yaml())
    conda.pop("variables", None)
    if "pip" not in spec.conda:  # conda's file names it, so that conda installs it; here it is no package of the user's
        conda["dependencies"] = [item for item in conda["dependencies"] if item != "pip"]
    made.python.conda_dependencies = CondaDependencies(_underlying_structure=conda)
    made.environment_variables = dict(spec.variables)
    made.docker.base_image, made.docker.base_dockerfile = spec.base_image, spec.base_dockerfile
    made.docker.gpu_support = spec.gpu is not None
    registry: Mapping[str, str] = spec.registry
    made.docker.base_image_registry = ContainerRegistry(
        registry.get("address"), registry.get("username"), registry.get("password")
    )
    made._origin = (spec, json.dumps(made.serialize()))
    return made
