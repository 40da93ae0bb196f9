"""v1's ``inferenceconfig.json``: which script, with which files, in which environment.

Paths were relative to whatever folder the command ran in, or to the file, or to the source directory, depending on the
year; they are looked for beside the file first, then in the working directory.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InvalidConfigurationError, InvalidInputError
from ..assemble import Source
from ..environment import EnvironmentSpec
from .v1files import read_mapping

if TYPE_CHECKING:
    from ..target import Target

#: Key → types of its value. Documents spelt the Docker steps in two ways.
KEYS: dict[str, tuple[type, ...]] = {
    "entryScript": (str,),
    "sourceDirectory": (str,),
    "environment": (dict,),
    "runtime": (str,),
    "condaFile": (str,),
    "extraDockerFileSteps": (str,),
    "extraDockerfileSteps": (str,),
    "enableGpu": (bool,),
    "cudaVersion": (str,),
    "baseImage": (str,),
    "baseImageRegistry": (dict,),
    "description": (str,),
}
#: What ``environment`` replaces; v1 took either it or these.
LEGACY = (
    "runtime", "condaFile", "extraDockerFileSteps", "enableGpu", "cudaVersion", "baseImage", "baseImageRegistry",
)  # fmt: skip
RUNTIMES = ("python", "spark-py", "python-slim")
REGISTRY_KEYS = ("address", "username", "password")


@dataclass(frozen=True, slots=True)
class InferenceFile:
    """An inference configuration whose files have been found.

    Attributes:
        path: the file.
        entry_script: the script.
        source_directory: the folder that goes with it, or None.
        environment: what the script runs in, or None for what it imports.
        values: the keys as they were given.
        include: further files and folders that go with the script.
    """

    path: Path
    entry_script: Path
    source_directory: Path | None
    environment: EnvironmentSpec | None
    values: Mapping[str, Any]
    include: Sequence[str] = ()

    def source(self) -> Source:
        """Return the entry script with its files."""
        return Source.from_file(self.entry_script, source_directory=self.source_directory, include=self.include)

    def notes_for(self, target: Target, *, isolated: bool = False) -> list[str]:
        """Return what has no effect on a target, as sentences."""
        notes = []
        idle = []
        if not target.capabilities.needs_image:
            idle += [key for key in ("enableGpu", "cudaVersion") if self.values.get(key)]
            if self.values.get("runtime") not in {None, "python"}:
                idle.append("runtime")
            idle += [key for key in ("baseImage", "baseImageRegistry", "extraDockerFileSteps") if self.values.get(key)]
            idle += [f"environment.{section}" for section in _used_sections(self.values.get("environment") or {})]
        if idle:
            have = "has" if len(idle) == 1 else "have"
            notes.append(f"{self.path.name}: {', '.join(idle)} {have} no effect on target {target.name!r}.")
        if self.environment is not None and target.capabilities.isolated_environment and not isolated:
            notes.append(
                f"{self.path.name}: the environment is recorded, but target {target.name!r} runs the script in this"
                " Python; --isolated builds it."
            )
        return notes


def read_inference_file(path: str | Path) -> InferenceFile:
    """Read an ``inferenceconfig.json`` (or the same as YAML) and find its files.

    Raises:
        InvalidInputError: it cannot be read, or a file that it names is nowhere; every place is named.
        InvalidConfigurationError: a key is unknown, missing, of the wrong type, or excludes another.
    """
    return read_inference_values(read_mapping(path, "inference configuration"), Path(path).expanduser())


def read_inference_values(given: Mapping[str, Any], file: Path) -> InferenceFile:
    """Find the files of an inference configuration's values; ``file`` is where they are from, or what to call them."""
    values = {key: value for key, value in given.items() if value is not None}
    problems = list(_problems(values))
    if problems:
        text = "; ".join(f"{problem['field']}: {problem['message']}" for problem in problems)
        raise InvalidConfigurationError(
            f"The inference configuration {file.name!r} is not valid: {text}.", problems=problems
        )
    if "extraDockerfileSteps" in values:
        values["extraDockerFileSteps"] = values.pop("extraDockerfileSteps")
    folders = [file.absolute().parent, Path.cwd()]
    directory = None
    if values.get("sourceDirectory"):
        directory = _find(values["sourceDirectory"], folders, "sourceDirectory", file, folder=True)
        folders.insert(0, directory)
    script = _find(values["entryScript"], folders, "entryScript", file)
    return InferenceFile(file, script, directory, _environment(values, folders, file), values)


def _problems(values: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for key, value in values.items():
        if key not in KEYS:
            close = difflib.get_close_matches(key.lower().replace("_", ""), {item.lower(): item for item in KEYS}, n=1)
            meant = next((item for item in KEYS if close and item.lower() == close[0]), None)
            yield {"field": key, "message": f"unknown key, did you mean {meant!r}?" if meant else "unknown key"}
        elif not isinstance(value, KEYS[key]):
            wanted = {str: "text", dict: "an object", bool: "true or false"}[KEYS[key][0]]
            yield {"field": key, "message": f"must be {wanted} (got {value!r})"}
    if not values.get("entryScript"):
        yield {"field": "entryScript", "message": "it is missing, and names the script with init() and run()"}
    if "environment" in values:
        both = [key for key in LEGACY if key in values]
        if both:
            yield {"field": both[0], "message": f"it cannot stand beside environment ({', '.join(both)})"}
    runtime = values.get("runtime")
    if isinstance(runtime, str) and runtime not in RUNTIMES:
        yield {"field": "runtime", "message": f"one of {', '.join(RUNTIMES)} (got {runtime!r})"}
    registry = values.get("baseImageRegistry")
    for key in registry if isinstance(registry, dict) else ():
        if key not in REGISTRY_KEYS:
            yield {"field": f"baseImageRegistry.{key}", "message": f"unknown key; there are {', '.join(REGISTRY_KEYS)}"}


def _find(name: str, folders: Sequence[Path], key: str, file: Path, *, folder: bool = False) -> Path:
    tried = []
    for base in dict.fromkeys(folders):
        found = base / Path(name).expanduser()
        if found.is_dir() if folder else found.is_file():
            return found
        tried.append(str(base))
    what = "folder" if folder else "file"
    raise InvalidInputError(
        f"{file.name}: {key} names the {what} {name!r}, which is in none of: {', '.join(dict.fromkeys(tried))}.",
        field=key,
    )


def _environment(values: Mapping[str, Any], folders: Sequence[Path], file: Path) -> EnvironmentSpec | None:
    given = values.get("environment")
    if given:
        try:
            return EnvironmentSpec.from_azureml_json(_with_conda_file(given, folders, file))
        except InvalidInputError as error:
            raise InvalidInputError(
                f"{file.name}: {error.message}", field=f"environment.{error.field}", hint=error.hint
            ) from error
    spec = None
    if values.get("condaFile"):
        spec = EnvironmentSpec.from_conda_yaml(_find(values["condaFile"], folders, "condaFile", file))
    image = _image(values, folders, file)
    return replace(spec or EnvironmentSpec(), **image) if image else spec


def _with_conda_file(given: Mapping[str, Any], folders: Sequence[Path], file: Path) -> Mapping[str, Any]:
    """Return the environment with its conda file's path made absolute."""
    python = given.get("python")
    name = python.get("condaDependenciesFile") if isinstance(python, Mapping) else None
    if not name or not isinstance(python, Mapping) or python.get("condaDependencies"):
        return given
    found = _find(str(name), folders, "environment.python.condaDependenciesFile", file)
    return {**given, "python": {**python, "condaDependenciesFile": str(found)}}


def _image(values: Mapping[str, Any], folders: Sequence[Path], file: Path) -> dict[str, Any]:
    """Return what targets that build images need; ``extraDockerFileSteps`` names a file with further steps."""
    image: dict[str, Any] = {}
    base = values.get("baseImage")
    if values.get("extraDockerFileSteps"):
        steps = _find(values["extraDockerFileSteps"], folders, "extraDockerFileSteps", file)
        try:
            text = steps.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInputError(
                f"{file.name}: the extraDockerFileSteps {steps.name!r} cannot be read: {error}.",
                field="extraDockerFileSteps",
            ) from None
        image["dockerfile_steps"] = (text,)
    if base:
        image["base_image"] = base
    if values.get("enableGpu") or values.get("cudaVersion"):
        image["gpu"] = str(values.get("cudaVersion") or "any")
    if values.get("runtime") == "spark-py":
        image["runtime"] = "spark-py"
    registry = values.get("baseImageRegistry")
    if registry:
        image["registry"] = {key: str(value) for key, value in registry.items() if value}
    return image


def _used_sections(environment: Mapping[str, Any]) -> list[str]:
    """Return the sections of a v1 environment that only mean something in an image or on a cluster."""
    found = []
    docker = environment.get("docker")
    if isinstance(docker, Mapping) and any(
        docker.get(key) for key in ("baseImage", "baseDockerfile", "arguments", "baseImageRegistry")
    ):
        found.append("docker")
    return found + [key for key in ("spark", "databricks", "r", "inferencingStackVersion") if environment.get(key)]
