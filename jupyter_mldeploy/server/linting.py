"""``/lint``: findings while somebody types. Texts are read, never run."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.lint import Diagnostic, LintConfig, lint_document, lint_file, lint_source
from ..errors import InvalidInputError
from . import answers
from .base import ApiHandler
from .bodies import LintBody
from .documented import documented

#: Longest text that is checked, in characters.
LONGEST = 1_000_000

_DOCUMENTS = frozenset({".yml", ".yaml", ".json", ".txt", ".in"})


class LintHandler(ApiHandler):
    """The linter."""

    _track_activity = False  # typing in an editor keeps the editor's kernel alive, which is enough

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:lint")
    @documented("Check an entry script, a cell or a deployment file.", answers.Findings, body=LintBody)
    async def post(self) -> None:
        """See the OpenAPI document."""
        body = self.body(LintBody)
        self.show(await self.backend.quick(self._lint, body))

    def _lint(self, body: LintBody) -> dict[str, Any]:
        started = time.perf_counter()
        found = self._findings(body)
        elapsed = round((time.perf_counter() - started) * 1000, 3)
        return {"diagnostics": [item.to_dict() for item in found], "milliseconds": elapsed}

    def _findings(self, body: LintBody) -> list[Diagnostic]:
        if body.text is None:
            path = self.backend.paths.resolve(body.path or "", field="path")
            if not path.is_file() or path.stat().st_size > 4 * LONGEST:
                raise InvalidInputError(f"{body.path!r} is no file, or too large to be checked.", field="path")
            if body.kind == "auto":
                return lint_file(path, self._config(body))
            text = path.read_text(encoding="utf-8", errors="replace")
            return self._findings(body.model_copy(update={"text": text}))
        if len(body.text) > LONGEST:
            raise InvalidInputError(f"The text has {len(body.text)} characters; the most are {LONGEST}.", field="text")
        if body.path is not None and PurePath(body.path).suffix in _DOCUMENTS:
            return lint_document(body.text, path=body.path, config=self._config(body))
        return lint_source(
            body.text, path=body.path, kind=body.kind, cell_names=body.cell_names, config=self._config(body)
        )

    def _config(self, body: LintBody) -> LintConfig:
        """Return the settings of the project that the file belongs to; the defaults for a text without a place."""
        config = LintConfig()
        if body.path is not None and self.backend.paths.exists(body.path, field="path"):
            config = LintConfig.from_pyproject(self.backend.paths.check(body.path, field="path").parent)
        return config if body.server is None else replace(config, server=body.server)
