"""The files of Azure ML's v1 command line: ``inferenceconfig.json`` and ``deploymentconfig.json``.

Each key of theirs is either taken over or named in a note as having no effect; a key that they never had is an error
with the closest one. The same readers serve ``--config FILE``, which also takes our own configuration keys.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidConfigurationError, InvalidInputError
from .config import read_config
from .v1keys import BY_PATH, COMPUTE_TYPES, FREE, SECTIONS, V1_KEYS

if TYPE_CHECKING:
    from .target import Target


def read_mapping(path: str | Path, what: str) -> dict[str, Any]:
    """Read a JSON or YAML file that holds one object.

    Args:
        what: how messages call it, for example ``"deployment configuration"``.

    Raises:
        InvalidInputError: it is missing, unreadable, or holds something else.
    """
    file = Path(path).expanduser()
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidInputError(
            f"The {what} {str(path)!r} cannot be read: {error.strerror}.", field=what.replace(" ", "_")
        ) from None
    except UnicodeDecodeError:
        raise InvalidInputError(f"The {what} {str(path)!r} is not UTF-8 text.", field=what.replace(" ", "_")) from None
    try:
        value = _load(text, yaml=file.suffix in {".yml", ".yaml"})
    except ValueError as error:
        raise InvalidInputError(
            f"The {what} {str(path)!r} cannot be read: {error}.", field=what.replace(" ", "_")
        ) from None
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise InvalidInputError(
            f"The {what} {str(path)!r} does not hold an object with keys.", field=what.replace(" ", "_")
        )
    return value


def _load(text: str, *, yaml: bool) -> Any:
    if not yaml:
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(
                f"line {error.lineno} column {error.colno}: {error.msg[0].lower()}{error.msg[1:]}"
            ) from None
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
    import yaml as library

    try:
        return library.safe_load(text)
    except library.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1} column {mark.column + 1}: " if mark is not None else ""
        raise ValueError(f"{where}{error.problem or error.context}") from None
    except (library.YAMLError, RecursionError) as error:
        raise ValueError(str(error).splitlines()[0] if str(error) else "it is nested too deeply") from None


@dataclass(frozen=True, slots=True)
class DeploymentFile:
    """A deployment configuration file.

    Attributes:
        path: the file.
        target: the target that it names, or None.
        compute_type: v1's ``computeType`` as it is written, or None for a file with our own keys.
        values: v1's keys with their full paths, or our own keys.
        keys: the service's keys that a v1 file may hold: ``{"primary": …, "secondary": …}``, either or none.
    """

    path: Path
    target: str | None
    compute_type: str | None
    values: Mapping[str, Any]
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)

    def config_for(self, target: Target) -> tuple[dict[str, Any], list[str]]:
        """Return the target's configuration and what has no effect there, as notes.

        Raises:
            InvalidConfigurationError: a value cannot be used; v1's key is named.
        """
        if self.compute_type is None:
            return dict(self.values), []
        known = target.config_type.model_fields
        config: dict[str, Any] = {}
        origin: dict[str, str] = {}
        idle: list[str] = []
        for path, value in self.values.items():
            key = BY_PATH[path]
            name = next((name for name in key.fields if name in known), None)
            if name is not None:
                config[name] = value
                origin[name] = path
            else:
                idle.append(f"{path} ({key.instead})" if key.instead else path)
        notes = []
        if idle:
            have = "has" if len(idle) == 1 else "have"
            notes.append(f"{self.path.name}: {', '.join(idle)} {have} no effect on target {target.name!r}.")
        self._check(target, config, origin)
        return config, notes

    def _check(self, target: Target, config: Mapping[str, Any], origin: Mapping[str, str]) -> None:
        try:
            read_config(target.config_type, config)
        except InvalidConfigurationError as error:
            problems = []
            for problem in error.problems:
                name, dot, rest = problem["field"].partition(".")
                problems.append({"field": origin.get(name, name) + dot + rest, "message": problem["message"]})
            text = "; ".join(f"{problem['field']}: {problem['message']}" for problem in problems)
            raise InvalidConfigurationError(
                f"The deployment configuration {self.path.name!r} is not valid: {text}.", problems=problems
            ) from None


def read_deployment_file(path: str | Path, *, needs_compute_type: bool = False) -> DeploymentFile:
    """Read a ``deploymentconfig.json`` (JSON or YAML), or a file with a target's own configuration keys.

    Args:
        needs_compute_type: only v1's format is taken.

    Raises:
        InvalidInputError: it cannot be read.
        InvalidConfigurationError: ``computeType`` is missing or unknown, or the file has keys that v1 never had.
    """
    values = read_mapping(path, "deployment configuration")
    file = Path(path).expanduser()
    if "computeType" not in values and not needs_compute_type and not _looks_like_v1(values):
        target = values.pop("target", None)
        return DeploymentFile(file, target if isinstance(target, str) else None, None, values)
    compute_type = values.pop("computeType", None)
    target = COMPUTE_TYPES.get(compute_type.lower()) if isinstance(compute_type, str) else None
    if target is None:
        kinds = ", ".join(COMPUTE_TYPES)
        problem = "computeType is missing" if compute_type is None else f"computeType {compute_type!r} is not known"
        raise InvalidConfigurationError(
            f"In {file.name!r} {problem}; it is one of: {kinds}.",
            problems=[{"field": "computeType", "message": f"one of {kinds}"}],
        )
    flat = dict(_flatten(values))
    problems = [{"field": key, "message": _unknown(key)} for key in flat if key not in BY_PATH]
    if problems:
        text = "; ".join(f"{problem['field']}: {problem['message']}" for problem in problems)
        raise InvalidConfigurationError(
            f"The deployment configuration {file.name!r} is not valid: {text}.", problems=problems
        )
    keys = {}
    for slot in ("primary", "secondary"):
        value = flat.pop(f"keys.{slot}Key", None)
        if value is not None:
            keys[slot] = _text(value, f"keys.{slot}Key")
    return DeploymentFile(
        file, target, compute_type, {key: value for key, value in flat.items() if value is not None}, keys
    )


def _looks_like_v1(values: Mapping[str, Any]) -> bool:
    """Whether a file without computeType was meant for v1: it has a key in v1's spelling that is none of ours."""
    ours = {name for key in V1_KEYS for name in key.fields}
    return any(key in SECTIONS or (key in BY_PATH and key not in ours) for key in values)


def _flatten(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and key not in FREE and (key in SECTIONS or value):
            yield from ((f"{key}.{inner}", item) for inner, item in value.items())
        else:
            yield key, value


def _unknown(key: str) -> str:
    """Return what is wrong with a key, with the one that was probably meant.

    Compared are the words of a name, in any order: people wrote ``auth_enabled`` and ``enableAppInsights``.
    """
    if key in SECTIONS:
        inner = ", ".join(path.partition(".")[2] for path in BY_PATH if path.startswith(f"{key}."))
        return f"must be an object with {inner}"
    last = key.rpartition(".")[2]
    parameters = {_words(name): item.path for item in V1_KEYS for name in item.fields}
    known = parameters | {_words(path.rpartition(".")[2]): path for path in BY_PATH}
    close = difflib.get_close_matches(_words(last), known, n=1, cutoff=0.75)
    return f"unknown key, did you mean {known[close[0]]!r}?" if close else "unknown key"


def _words(name: str) -> str:
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return " ".join(sorted("enable" if word.lower() == "enabled" else word.lower() for word in words))


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise InvalidConfigurationError(
            f"{name} must be text.", problems=[{"field": name, "message": f"must be text, not {type(value).__name__}"}]
        )
    return value
