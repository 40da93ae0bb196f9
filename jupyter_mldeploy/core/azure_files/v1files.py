"""Deployment configuration files: Azure ML's (v1's ``deploymentconfig.json``, v2's YAML) and our own.

Each key of Azure's is either taken over or named in a note as having no effect; a key that they never had is an error
with the closest one. The same readers serve ``--config FILE``, which also takes our own configuration keys.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InvalidConfigurationError, InvalidInputError
from ..config import read_config
from . import v2files
from .v1keys import BY_PATH, COMPUTE_TYPES, FREE, SECTIONS, V1_KEYS, ConfigKey
from .v2files import Content

if TYPE_CHECKING:
    from ..target import Target


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
        compute_type: v1's ``computeType`` as it is written, or None.
        values: the settings: Azure's keys with their full paths, or our own keys.
        table: what Azure's keys mean; None for a file with our own.
        keys: the service's keys that a v1 file may hold: ``{"primary": …, "secondary": …}``, either or none.
        content: script, models and environment that a v2 file names.
    """

    path: Path
    target: str | None
    compute_type: str | None
    values: Mapping[str, Any]
    table: Mapping[str, ConfigKey] | None = field(default=None, repr=False)
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: Content | None = None

    def config_for(self, target: Target) -> tuple[dict[str, Any], list[str]]:
        """Return the target's configuration and what has no effect there, as notes.

        Raises:
            InvalidConfigurationError: a value cannot be used; the file's key is named.
        """
        if self.table is None:
            return dict(self.values), []
        known = target.config_type.model_fields
        config: dict[str, Any] = {}
        origin: dict[str, str] = {}
        idle: list[str] = []
        for path, value in self.values.items():
            key = self.table[path]
            name = next((name for name in key.fields if name in known), None)
            if name is not None:
                config[name] = value
                origin[name] = path
            else:
                idle.append(f"{path} ({key.instead})" if key.instead else path)
        notes = list(self.content.notes) if self.content is not None else []
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
    """Read a deployment configuration, as JSON or YAML.

    Taken are v1's ``deploymentconfig.json``, v2's YAML of an online deployment or endpoint, and a file with a target's
    own keys (and ``target``).

    Args:
        needs_compute_type: only v1's format is taken.

    Raises:
        InvalidInputError: it cannot be read.
        InvalidConfigurationError: ``computeType`` is missing or unknown, or the file has keys that there never were.
    """
    values = read_mapping(path, "deployment configuration")
    file = Path(path).expanduser()
    if needs_compute_type or "computeType" in values:
        return _read_v1(values, file)
    if v2files.looks_like_v2(values):
        flat = dict(v2files.flatten(values))
        _refuse_unknown(file, flat, v2files.V2_KEYS)
        return DeploymentFile(
            file, None, None, v2files.settings_of(flat, file), v2files.BY_PATH, content=v2files.content_of(values, file)
        )
    if _looks_like_v1(values):
        return _read_v1(values, file)
    target = values.pop("target", None)
    return DeploymentFile(file, None if target is None else _text(target, "target"), None, values)


def _read_v1(values: dict[str, Any], file: Path) -> DeploymentFile:
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
    _refuse_unknown(file, flat, V1_KEYS)
    keys = {}
    for slot in ("primary", "secondary"):
        value = flat.pop(f"keys.{slot}Key", None)
        if value is not None:
            keys[slot] = _text(value, f"keys.{slot}Key")
    given = {key: value for key, value in flat.items() if value is not None}
    return DeploymentFile(file, target, compute_type, given, BY_PATH, keys)


def _refuse_unknown(file: Path, flat: Mapping[str, Any], table: Sequence[ConfigKey]) -> None:
    known = {key.path for key in table}
    problems = [{"field": key, "message": _unknown(key, table)} for key in flat if key not in known]
    if problems:
        text = "; ".join(f"{problem['field']}: {problem['message']}" for problem in problems)
        raise InvalidConfigurationError(
            f"The deployment configuration {file.name!r} is not valid: {text}.", problems=problems
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


def _unknown(key: str, table: Sequence[ConfigKey]) -> str:
    """Return what is wrong with a key, with the one that was probably meant.

    Compared are the words of a name, in any order: people wrote ``auth_enabled`` and ``enableAppInsights``.
    """
    paths = [item.path for item in table]
    inner = [path.removeprefix(f"{key}.") for path in paths if path.startswith(f"{key}.")]
    if inner:
        return f"must be an object with {', '.join(inner)}"
    parameters = {_words(name): item.path for item in table for name in item.fields}
    sections = {path.rpartition(".")[0] for path in paths} - {""}
    known = parameters | {_words(path.rpartition(".")[2]): path for path in (*sections, *paths)}
    close = difflib.get_close_matches(_words(key.rpartition(".")[2]), known, n=1, cutoff=0.75)
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
