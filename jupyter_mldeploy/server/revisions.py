"""``/services/NAME/revisions``, ``…/diff`` and ``…/rollback``: the history of a service."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.documents import revision_document
from ..core.service import Service
from . import answers
from .base import ApiHandler, changes
from .bodies import RollbackBody
from .deploying import failure, rollback
from .documented import documented
from .services import WAIT


class RevisionsHandler(ApiHandler):
    """All revisions."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("List the revisions of a service, the newest first; of one that was deleted too.", answers.Revisions)
    async def get(self, name: str) -> None:
        """See the OpenAPI document."""
        found = await self.backend.quick(lambda: Service(self.backend.workspace, name).revisions())
        self.show({"name": name, "revisions": [revision_document(item) for item in reversed(found)]})


class RevisionHandler(ApiHandler):
    """One revision."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("Show a revision with its script, files, models and environment.", answers.RevisionInFull)
    async def get(self, name: str, number: str) -> None:
        """See the OpenAPI document."""
        self.show(await self.backend.quick(self._document, name, int(number)))

    def _document(self, name: str, number: int) -> dict[str, Any]:
        workspace = self.backend.workspace
        revision = workspace.catalogue.revision(Service(workspace, name).record.uid, number)
        bundle = workspace.bundles.get(revision.bundle)
        return {
            **revision_document(revision),
            "entry_script": bundle.entry_script,
            "source": workspace.bundles.read_text(bundle, bundle.entry_script),
            "files": [{"path": item.path, "size": item.size, "digest": item.digest} for item in bundle.source.files],
            "models": [
                {"name": item.name, "version": item.version, "size": item.size, "digest": item.tree.digest}
                for item in bundle.models
            ],
            "environment": json.loads(json.dumps(dict(bundle.environment))),
            "schema": bundle.schema,
            "line_map": bundle.line_map,
        }


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
