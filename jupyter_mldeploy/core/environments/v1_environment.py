"""Environments of Azure ML's SDK v1, in the camelCase JSON that it saved and sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import InvalidInputError
from ..names import did_you_mean
from .conda_file import read_conda

#: Keys per section. What has no meaning outside Azure is accepted and has no effect.
_KEYS: Mapping[str, frozenset[str]] = {
    "": frozenset(
        (
            "name",
            "version",
            "environmentVariables",
            "python",
            "docker",
            "spark",
            "databricks",
            "r",
            "assetId",
            "inferencingStackVersion",
        )
    ),
    "python": frozenset(
        (
            "userManagedDependencies",
            "interpreterPath",
            "condaDependenciesFile",
            "baseCondaEnvironment",
            "condaDependencies",
        )
    ),
    "docker": frozenset(
        (
            "enabled",
            "baseImage",
            "baseDockerfile",
            "buildContext",
            "sharedVolumes",
            "shmSize",
            "arguments",
            "baseImageRegistry",
            "platform",
            "gpuSupport",
        )
    ),
    "docker.baseImageRegistry": frozenset(("address", "username", "password", "registryIdentity")),
}
#: The variable that v1 put into every environment.
_EXAMPLE = ("EXAMPLE_ENV_VAR", "EXAMPLE_VALUE")


def read_v1_environment(source: str | Path | Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an :class:`~.environment.EnvironmentSpec` that a v1 environment gives.

    Args:
        source: the object, a path of a JSON file (or of the folder that v1 saved it in), or JSON text.

    Raises:
        InvalidInputError: it cannot be read, or names the key that cannot be used.
    """
    value, folder = _load(source)
    _check(value, "")
    fields: dict[str, Any] = {}
    if value.get("name"):
        fields["name"] = str(value["name"])
    python = _section(value, "python")
    conda = python.get("condaDependencies")
    file = python.get("condaDependenciesFile")
    if conda:
        if not isinstance(conda, Mapping):
            raise _wrong("python.condaDependencies", "an object with dependencies")
        # Through the same strict reader; JSON is YAML.
        fields = {**read_conda(json.dumps(conda, indent=1)), **fields}
    elif file and folder is not None:
        fields = {**read_conda(folder / str(file)), **fields}
    elif file:
        fields = {**read_conda(Path(str(file))), **fields}
    variables = value.get("environmentVariables") or {}
    if not isinstance(variables, Mapping):
        raise _wrong("environmentVariables", "an object of texts")
    kept = {str(key): str(item) for key, item in variables.items() if (key, item) != _EXAMPLE}
    if kept:
        fields["variables"] = {**fields.get("variables", {}), **kept}
    _docker(_section(value, "docker"), fields, folder)
    return fields


def _docker(docker: Mapping[str, Any], fields: dict[str, Any], folder: Path | None) -> None:
    _check(docker, "docker")
    if docker.get("buildContext"):
        raise InvalidInputError(
            "docker.buildContext names a build context that is kept in an Azure workspace.",
            field="docker.buildContext",
            hint="Use docker.baseDockerfile or docker.baseImage.",
        )
    for key, name in (("baseImage", "base_image"), ("baseDockerfile", "base_dockerfile")):
        if docker.get(key):
            fields[name] = str(docker[key])
    if docker.get("gpuSupport"):
        fields["gpu"] = "any"
    if "base_dockerfile" in fields:
        fields["base_dockerfile"] = _dockerfile(fields["base_dockerfile"], folder)
        fields.pop("base_image", None)  # v1 wrote its default image beside a Dockerfile that overrides it
    registry = docker.get("baseImageRegistry") or {}
    if not isinstance(registry, Mapping):
        raise _wrong("docker.baseImageRegistry", "an object")
    _check(registry, "docker.baseImageRegistry")
    kept = {key: str(registry[key]) for key in ("address", "username", "password") if registry.get(key)}
    if kept:
        fields["registry"] = kept


def _dockerfile(given: str, folder: Path | None) -> str:
    """Return the text of a Dockerfile; v1 took that, or the path of one."""
    if "\n" in given.strip() or given.lstrip().upper().startswith(("FROM ", "ARG ", "#")):
        return given
    path = (folder or Path.cwd()) / Path(given).expanduser()
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(
            f"docker.baseDockerfile names the file {given!r}, which cannot be read: {error}.",
            field="docker.baseDockerfile",
        ) from None


def _load(source: str | Path | Mapping[str, Any]) -> tuple[Mapping[str, Any], Path | None]:
    if isinstance(source, Mapping):
        return source, None
    folder: Path | None = None
    what = "The environment"
    text = str(source)
    if isinstance(source, Path) or not text.lstrip().startswith("{"):
        path = Path(source).expanduser()
        path = path / "azureml_environment.json" if path.is_dir() else path
        what, folder = f"The environment file {str(path)!r}", path.parent
        try:
            text = path.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise InvalidInputError(f"{what} cannot be read: {error.strerror}.", field="environment") from None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidInputError(f"{what} is not JSON: {error}.", field="environment") from None
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"{what} does not hold an object.", field="environment")
    return value, folder


def _section(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = value.get(name) or {}
    if not isinstance(section, Mapping):
        raise _wrong(name, "an object")
    _check(section, name)
    return section


def _check(section: Mapping[str, Any], name: str) -> None:
    known = _KEYS[name]
    for key in section:
        if key not in known:
            path = f"{name}.{key}" if name else str(key)
            raise InvalidInputError(
                f"A v1 environment has no key {path!r}.",
                field=path,
                hint=did_you_mean(str(key), known) or f"Keys are: {', '.join(sorted(known))}.",
            )


def _wrong(key: str, expected: str) -> InvalidInputError:
    return InvalidInputError(f"{key} in the v1 environment must be {expected}.", field=key)
