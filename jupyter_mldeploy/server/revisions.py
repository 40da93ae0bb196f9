"""``/services/NAME/revisions``, ``…/diff`` and ``…/rollback``: the history of a service."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.documents import revision_document
from ..core.service import Service
from . import answers
from .base import ApiHandler, changes
from .bodies import RollbackBody
from .deploying import failure, rollback
from .documented import WAIT, documented

if TYPE_CHECKING:
    from ..core.bundle import Bundle
    from ..core.records import RevisionRecord
    from .backend import Backend


#: Bytes of text beside the entry script that one answer holds.
_MOST_TEXT = 4 << 20


def shown_revision(backend: Backend, revision: RevisionRecord) -> dict[str, Any]:
    """Return a revision as JSON; ``origin.file`` is where the file browser has the notebook or script."""
    document = revision_document(revision)
    origin = revision.origin
    document["origin"]["file"] = backend.paths.shown(origin.notebook or origin.path)
    return document


class RevisionsHandler(ApiHandler):
    """All revisions."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("List the revisions of a service, the newest first; of one that was deleted too.", answers.Revisions)
    async def get(self, name: str) -> None:
        """See the OpenAPI document."""
        found = await self.backend.quick(lambda: Service(self.backend.workspace, name).revisions())
        self.show({"name": name, "revisions": [shown_revision(self.backend, item) for item in reversed(found)]})


class RevisionHandler(ApiHandler):
    """One revision."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented(
        "Show a revision with its script, files, models and environment.",
        answers.RevisionInFull,
        query={
            "schema": "1: work the schema out from the script's decorators where the bundle has none",
            "texts": "1: the texts of the other files too, up to 1 MiB each and 4 MiB together",
        },
    )
    async def get(self, name: str, number: str) -> None:
        """See the OpenAPI document."""
        texts = bool(self.number("texts", 0, high=1))
        document = await self.backend.quick(self._document, name, int(number), texts)
        if document["schema"] is None and self.number("schema", 0, high=1):
            document["schema"] = await self.backend.slow(_schema, document["source"])
        self.show(document)

    def _document(self, name: str, number: int, texts: bool) -> dict[str, Any]:
        workspace = self.backend.workspace
        revision = workspace.catalogue.revision(Service(workspace, name).record.uid, number)
        bundle = workspace.bundles.get(revision.bundle)
        return {
            **shown_revision(self.backend, revision),
            "entry_script": bundle.entry_script,
            "source": workspace.bundles.read_text(bundle, bundle.entry_script),
            "files": self._files(bundle, texts=texts),
            "models": [
                {"name": item.name, "version": item.version, "size": item.size, "digest": item.tree.digest}
                for item in bundle.models
            ],
            "environment": json.loads(json.dumps(dict(bundle.environment))),
            "schema": bundle.schema,
            "line_map": bundle.line_map,
        }

    def _files(self, bundle: Bundle, *, texts: bool) -> list[dict[str, Any]]:
        files, left = [], _MOST_TEXT
        for item in bundle.source.files:
            shown: dict[str, Any] = {"path": item.path, "size": item.size, "digest": item.digest}
            if texts:
                fits = item.path != bundle.entry_script and item.size <= left
                shown["text"] = self.backend.workspace.bundles.text_of(item) if fits else None
                left -= item.size if shown["text"] is not None else 0
            files.append(shown)
        return files


def _schema(source: str) -> dict[str, Any] | None:
    """Return what a script takes and gives, read from its decorators without running it; None when it has none."""
    from ..core.sample import preview_schema

    found = preview_schema(source).documents.get("3.1", {}).get("components", {}).get("schemas", {})
    kept = {name: found[name] for name in ("ServiceInput", "ServiceOutput") if name in found}
    return kept or None


class DiffHandler(ApiHandler):
    """Two revisions compared."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented(
        "Compare two revisions: code, models, environment, schema.",
        answers.Difference,
        query={"from": "number of a revision", "to": "number of another one; left out, the live one"},
    )
    async def get(self, name: str) -> None:
        """See the OpenAPI document."""
        old, new = self.number("from", 1, low=1), self.number("to", 0)
        self.show(await self.backend.quick(self._diff, name, old, new or None))

    def _diff(self, name: str, old: int, new: int | None) -> dict[str, Any]:
        service = Service(self.backend.workspace, name)
        return {"name": name, "from": old, "to": new or service.revision or 0, **service.diff(old, new).to_dict()}


class RollbackHandler(ApiHandler):
    """Back to an earlier revision."""

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented(
        "Serve an earlier revision's bundle and configuration again, as a new revision.",
        answers.OperationInFull,
        body=RollbackBody,
        query=WAIT,
        status=202,
    )
    async def post(self, name: str) -> None:
        """See the OpenAPI document."""
        body = self.body(RollbackBody)
        record = await self.backend.quick(lambda: self.backend.workspace.catalogue.service(name))
        self.backend.policy.require_target(record.target)
        await self.show_operation(
            "rollback", name, partial(rollback, self.backend, name, body),
            failure_card=partial(failure, self.backend, name),
        )  # fmt: skip
