"""``/lint``: findings while somebody types. Texts are read, never run."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.lint import (
    RULES,
    Diagnostic,
    LintConfig,
    lint_cell,
    lint_document,
    lint_file,
    lint_source,
    names_of_cells,
)
from ..errors import InvalidInputError, NotFoundError
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
        names: list[str] | None = None
        if body.cells is not None:
            if sum(map(len, body.cells)) > LONGEST:
                raise InvalidInputError(f"The other cells have more than {LONGEST} characters.", field="cells")
            names = sorted(names_of_cells(body.cells))
            body = body.model_copy(update={"cell_names": names})
        found = self._findings(body)
        elapsed = round((time.perf_counter() - started) * 1000, 3)
        return {"diagnostics": [item.to_dict() for item in found], "milliseconds": elapsed, "cell_names": names}

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
        if body.kind == "cell":
            return lint_cell(body.text, notebook=body.path, cell_names=body.cell_names, config=self._config(body))
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


class RuleHandler(ApiHandler):
    """A rule of the linter."""

    _track_activity = False

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:lint")
    @documented("Show what a rule of the linter is about.", answers.Rule)
    async def get(self, code: str) -> None:
        """See the OpenAPI document."""
        self.show(await self.backend.quick(self._rule, code))

    def _rule(self, code: str) -> dict[str, Any]:
        from ..core.lint.docs import page

        rule = next((rule for rule in RULES if rule.code == code), None)
        if rule is None:
            raise NotFoundError("rule", code, hint="docs/lint lists the rules of the linter.")
        return {
            "code": rule.code,
            "name": rule.name,
            "severity": rule.severity,
            "summary": rule.summary,
            "page": page(rule),
        }
