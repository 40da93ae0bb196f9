"""Settings: what the client sends, and the linter's own from pyproject.toml, read again when they change."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jupyter_mldeploy.core.lint.settings import LintConfig
from jupyter_mldeploy.errors import InvalidConfigurationError

_LOG = logging.getLogger(__name__)
_FRESH_S = 2.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What the client may set under ``mldeploy``.

    Attributes:
        home: the deployment workspace; None is the default one.
        inlay_hints: show decoded types and kinds in the text.
        code_lenses: show what can be done above ``run()``.
        diagnostics: show findings; off where another part of this project shows them, as in JupyterLab's cells.
        server: ``"mldeploy"`` or ``"azureml"``, where scripts are going to run; None is what pyproject.toml says.
    """

    home: str | None = None
    inlay_hints: bool = True
    code_lenses: bool = True
    diagnostics: bool = True
    server: str | None = None

    @classmethod
    def read(cls, values: Any, *, diagnostics: bool = True) -> Settings:
        """Read what a client sent; what is not understood keeps its default and is logged.

        Args:
            diagnostics: the default of the setting of that name.
        """
        if isinstance(values, Mapping) and isinstance(values.get("mldeploy"), Mapping):
            values = values["mldeploy"]
        if not isinstance(values, Mapping):
            return cls(diagnostics=diagnostics)
        accepted: dict[str, Any] = {"diagnostics": diagnostics}
        for key, name, kind in (
            ("home", "home", str),
            ("inlayHints", "inlay_hints", bool),
            ("codeLenses", "code_lenses", bool),
            ("diagnostics", "diagnostics", bool),
            ("server", "server", str),
        ):
            value = values.get(key)
            if value is None or value == "":
                continue
            if not isinstance(value, kind) or (key == "server" and value not in {"mldeploy", "azureml"}):
                _LOG.warning("The setting mldeploy.%s cannot be %r; its default is used.", key, value)
                continue
            accepted[name] = value
        return cls(**accepted)


class LintSettings:
    """The linter's settings of each folder; looked up again after two seconds, or when a file is known to change."""

    def __init__(self) -> None:
        self._found: dict[Path, tuple[float, LintConfig]] = {}

    def forget(self) -> None:
        """Read everything again."""
        self._found.clear()

    def of(self, path: Path | None, server: str | None) -> LintConfig:
        """Return the settings for a file; the defaults when pyproject.toml holds something else than settings."""
        config = LintConfig() if path is None else self._of_folder(path.parent)
        if server == "azureml":
            return replace(config, server="azureml")
        return replace(config, server="mldeploy") if server == "mldeploy" else config

    def _of_folder(self, folder: Path) -> LintConfig:
        now = time.monotonic()
        known = self._found.get(folder)
        if known is not None and now - known[0] < _FRESH_S:
            return known[1]
        try:
            config = LintConfig.from_pyproject(folder)
        except InvalidConfigurationError as error:
            config = LintConfig()
            if known is None or known[1] != config:
                _LOG.warning("%s The defaults are used.", error)
        if known is not None and known[1] == config:
            config = known[1]  # the same object, so that findings made with it stay valid
        self._found[folder] = (now, config)
        return config
