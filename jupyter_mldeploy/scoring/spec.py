"""What a worker is told to run: the file ``worker.json``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import SettingsError
from .settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSpec:
    """Everything a worker needs to know.

    Attributes:
        entry_script: the script, absolute or relative to ``app_root``.
        app_root: directory of the bundle; becomes the working directory, ``AML_APP_ROOT`` and the end of ``sys.path``.
        model_dir: value for ``AZUREML_MODEL_DIR`` (relative to ``app_root`` or absolute); None leaves it unset.
        revision: label of the revision for logs and metrics.
        service_name: name of the service, also where ``settings`` does not set one.
        settings: how to serve.
        line_map: path of the script's line map (see ``line_map``), or None.
        module_name: the name under which the script is imported.
        self_test_body: body of a POST to ``/score`` that must be answered below 400 before the worker says it is ready;
            None: the sample of the script's schema decorators is used when there is one.
        self_test_content_type: media type of that body.
        log_file: where application log and access log go as JSON lines; None: standard error.
        worker_id: number of the worker within its service, for logs and metrics.
    """

    entry_script: str
    app_root: str
    model_dir: str | None = None
    revision: str = ""
    service_name: str = ""
    settings: Settings = field(default_factory=Settings)
    line_map: str | None = None
    module_name: str = "entry_module"
    self_test_body: str | None = None
    self_test_content_type: str = "application/json"
    log_file: str | None = None
    worker_id: int = 0

    def named(self) -> WorkerSpec:
        """Return the specification with the service's name in its settings, unless they have one of their own."""
        if not self.service_name or self.settings.service_name != Settings().service_name:
            return self
        settings = dataclasses.replace(self.settings, service_name=self.service_name)
        return dataclasses.replace(self, settings=settings)

    @property
    def script_path(self) -> Path:
        """The script's absolute path."""
        return Path(self.app_root, self.entry_script)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable dictionary of what differs from the defaults."""
        found: dict[str, Any] = {}
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if item.name == "settings":
                found["settings"] = self.settings.to_dict()
            elif item.default is dataclasses.MISSING or value != item.default:
                found[item.name] = value
        return found

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> WorkerSpec:
        """Read what ``to_dict`` wrote.

        Raises:
            SettingsError: an unknown or missing key, or a setting that cannot be used.
        """
        known = {item.name for item in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise SettingsError(f"Unknown key {unknown[0]!r} in the worker specification.")
        for name in ("entry_script", "app_root"):
            if not isinstance(values.get(name), str):
                raise SettingsError(f"The worker specification needs {name!r} (text).")
        return cls(**{**values, "settings": Settings.from_dict(values.get("settings") or {})})

    def write(self, path: Path) -> None:
        """Write ``worker.json``."""
        path.write_text(json.dumps(self.to_dict(), indent=2), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> WorkerSpec:
        """Read ``worker.json``.

        Raises:
            SettingsError: it is not a worker specification.
            OSError: it cannot be read.
        """
        try:
            values = json.loads(path.read_bytes())
        except ValueError as error:
            raise SettingsError(f"{path} is not JSON: {error}.") from error
        if not isinstance(values, dict):
            raise SettingsError(f"{path} does not hold a worker specification.")
        return cls.from_dict(values)
