"""The YAML files of Azure ML's v2 command line: online deployments, and the endpoints above them.

A deployment file also says which script, model and environment; these are found here, relative to the file. As with
v1's files each key is taken over or named as having no effect, and an unknown one is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...errors import InvalidConfigurationError, InvalidInputError
from ..environment import EnvironmentSpec
from .v1keys import ConfigKey

_PROBE = ("initial_delay", "period", "timeout", "success_threshold", "failure_threshold")

V2_KEYS: tuple[ConfigKey, ...] = (
    ConfigKey("description", ("description",)),
    ConfigKey("tags", ("tags",)),
    ConfigKey("properties", ("properties",)),
    ConfigKey("auth_mode", ("auth_enabled",)),
    ConfigKey("environment_variables", ("environment_variables",)),
    ConfigKey("instance_type", ("instance_type",)),
    ConfigKey("instance_count", ("num_replicas",), "--workers N starts several worker processes"),
    ConfigKey("app_insights_enabled", ("enable_app_insights",)),
    ConfigKey("request_settings.request_timeout_ms", ("scoring_timeout_ms",)),
    ConfigKey("request_settings.max_concurrent_requests_per_instance", ("replica_max_concurrent_requests",)),
    ConfigKey("request_settings.max_queue_wait_ms", ("max_request_wait_time",)),
    *(ConfigKey(f"{probe}.{name}", ()) for probe in ("liveness_probe", "readiness_probe") for name in _PROBE),
    *(
        ConfigKey(f"scale_settings.{name}", ())
        for name in (
            "type", "min_instances", "max_instances", "polling_interval", "target_utilization_percentage",
        )
    ),
    ConfigKey("resources.requests.cpu", ("cpu_cores",)),
    ConfigKey("resources.requests.memory", ()),
    ConfigKey("resources.limits.cpu", ("cpu_cores_limit",)),
    ConfigKey("resources.limits.memory", ()),
    ConfigKey("resources.limits.nvidia.com/gpu", ("gpu_cores",)),
    *(
        ConfigKey(name, ())
        for name in (
            "model_mount_path", "data_collector", "egress_public_network_access", "public_network_access", "traffic",
            "mirror_traffic", "identity", "compute",
        )
    ),
)  # fmt: skip

BY_PATH: dict[str, ConfigKey] = {key.path: key for key in V2_KEYS}
#: Keys that say what is deployed, or what the file is; they are no settings.
CONTENT = frozenset({"$schema", "type", "name", "endpoint_name", "model", "code_configuration", "environment"})
#: Keys whose value is a dictionary of the user's own, or that is named as a whole.
_WHOLE = frozenset(
    {"tags", "properties", "environment_variables", "data_collector", "identity", "traffic", "mirror_traffic"}
)
_REFERENCE = re.compile(r"azureml:(?P<name>[^:@/]+)(?::(?P<version>[^@]+)|@latest)?")


@dataclass(frozen=True, slots=True)
class Content:
    """What a v2 deployment file deploys.

    Attributes:
        entry_script, source_directory: of ``code_configuration``; None where the file has none.
        models: paths or registered ``name:version``.
        environment: a specification, or a registered ``name:version``, or None.
        notes: what could not be taken over, as sentences.
    """

    entry_script: Path | None = None
    source_directory: Path | None = None
    models: tuple[str, ...] = ()
    environment: EnvironmentSpec | str | None = None
    notes: tuple[str, ...] = field(default_factory=tuple)


def looks_like_v2(values: Mapping[str, Any]) -> bool:
    """Whether a mapping is a v2 deployment or endpoint file."""
    schema = str(values.get("$schema", "")).lower()
    return "code_configuration" in values or "endpoint_name" in values or "auth_mode" in values or (
        "onlinedeployment" in schema or "onlineendpoint" in schema
    )  # fmt: skip


def flatten(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the settings with their full paths; what the file deploys is left out."""

    def walk(prefix: str, mapping: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for key, value in mapping.items():
            path = f"{prefix}{key}"
            inner = any(known.startswith(f"{path}.") for known in BY_PATH)
            if inner and isinstance(value, Mapping) and path not in _WHOLE:
                yield from walk(f"{path}.", value)
            else:
                yield path, value

    yield from walk("", {key: value for key, value in values.items() if key not in CONTENT})


def settings_of(flat: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """Return the settings with values as ours have them.

    Raises:
        InvalidConfigurationError: ``auth_mode`` asks for tokens of Azure's.
    """
    values = {key: value for key, value in flat.items() if value is not None}
    mode = values.get("auth_mode")
    if mode is not None:
        if mode != "key":
            raise InvalidConfigurationError(
                f"{file.name}: auth_mode {mode!r} needs tokens that only Azure issues; services here have keys.",
                problems=[{"field": "auth_mode", "message": "must be key"}],
                hint="Write auth_mode: key.",
            )
        values["auth_mode"] = True
    return values


def content_of(values: Mapping[str, Any], file: Path) -> Content:
    """Find the script, the model and the environment of a deployment file.

    Raises:
        InvalidInputError: a file is missing, or a value is of the wrong kind; ``field`` names the key.
    """
    folder = file.absolute().parent
    notes: list[str] = []
    code = values.get("code_configuration") or {}
    if not isinstance(code, Mapping) or set(code) - {"code", "scoring_script"}:
        raise _wrong(file, "code_configuration", "must be an object with code and scoring_script")
    script = directory = None
    if code:
        if not isinstance(code.get("scoring_script"), str):
            raise _wrong(file, "code_configuration.scoring_script", "names the script with init() and run()")
        directory = folder / str(code.get("code") or ".")
        if not directory.is_dir():
            raise _wrong(file, "code_configuration.code", f"names the folder {str(directory)!r}, which is not there")
        script = directory / code["scoring_script"]
        if not script.is_file():
            raise _wrong(file, "code_configuration.scoring_script", f"names {str(script)!r}, which is not there")
    model = values.get("model")
    models = (_model(model, folder, file),) if model else ()
    environment = _environment(values.get("environment"), folder, file, notes)
    return Content(script, directory if code.get("code") else None, models, environment, tuple(notes))


def _model(value: Any, folder: Path, file: Path) -> str:
    if isinstance(value, Mapping):
        value = value.get("path")
    if not isinstance(value, str):
        raise _wrong(file, "model", "must be azureml:NAME:VERSION, a path, or an object with path")
    found = _REFERENCE.fullmatch(value)
    if found:
        return found["name"] + (f":{found['version']}" if found["version"] else "")
    path = folder / Path(value).expanduser()
    if not path.exists():
        raise _wrong(file, "model", f"names {value!r}, which is neither azureml:NAME:VERSION nor a path from there")
    return str(path)


def _environment(value: Any, folder: Path, file: Path, notes: list[str]) -> EnvironmentSpec | str | None:
    if value is None:
        return None
    if isinstance(value, str):
        found = _REFERENCE.fullmatch(value)
        if found:
            return found["name"] + (f":{found['version']}" if found["version"] else "")
        if value.startswith("azureml://"):
            notes.append(f"{file.name}: the environment {value} is kept in Azure; what the script imports is used.")
            return None
        raise _wrong(file, "environment", "must be azureml:NAME:VERSION or an object")
    if not isinstance(value, Mapping):
        raise _wrong(file, "environment", "must be azureml:NAME:VERSION or an object")
    idle = sorted(set(value) - {"name", "version", "image", "conda_file", "description", "tags"})
    if idle:
        notes.append(f"{file.name}: environment.{', environment.'.join(idle)} cannot be used here.")
    conda = value.get("conda_file")
    spec = EnvironmentSpec()
    if isinstance(conda, Mapping):
        import json

        spec = EnvironmentSpec.from_conda_yaml(json.dumps(conda, indent=1) + "\n")
    elif isinstance(conda, str):
        spec = EnvironmentSpec.from_conda_yaml(folder / conda)
    if isinstance(value.get("image"), str):
        spec = replace(spec, base_image=value["image"])
    return replace(spec, name=str(value["name"])) if value.get("name") else spec


def _wrong(file: Path, key: str, problem: str) -> InvalidInputError:
    return InvalidInputError(f"{file.name}: {key} {problem}.", field=key)
