"""``/services``: what is deployed; deploying is a POST here."""

from __future__ import annotations

from functools import partial
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.card import service_card
from ..core.documents import service_document
from ..core.records import ServiceRecord
from ..core.service import Service
from ..core.traffic.members import split_of, weights_of
from . import answers
from .base import ApiHandler, changes
from .bodies import DeployBody
from .deploying import delete, deploy, failure, read_deployment
from .documented import WAIT, documented
from .revisions import shown_revision


class ServiceDocuments(ApiHandler):
    """Makes the documents of services."""

    def document(
        self,
        record: ServiceRecord,
        operations: dict[str, list[str]] | None = None,
        weights: dict[str, dict[str, float]] | None = None,
    ) -> dict[str, Any]:
        """Return one service as JSON; ``weights`` are those of all services, where they are at hand."""
        observed, facts = self.backend.freshness.observed(record.uid)
        found = weights_of(self.backend.workspace.catalogue) if weights is None else weights
        if record.uid in found:
            facts = {**facts, "traffic": found[record.uid]}
        running = self.running() if operations is None else operations
        return {
            **service_document(record),
            "proxy_uri": f"{self.base_url.rstrip('/')}/mldeploy/proxy/{record.name}/",
            "observed": observed,
            "facts": facts,
            "operations": running.get(record.name, []),
        }

    def running(self) -> dict[str, list[str]]:
        """Return service → ids of operations that are running for it."""
        found: dict[str, list[str]] = {}
        for item in self.backend.operations.running():
            found.setdefault(item.service, []).append(item.id)
        return found

    def in_full(self, name: str) -> dict[str, Any]:
        """Return one service, compared with the truth."""
        workspace = self.backend.workspace
        service = Service(workspace, name)
        record = service.record
        if record.deleted is None:
            record = self.backend.freshness.refresh(name)
        revisions = service.revisions()
        live = record.live_in(revisions)
        shown = shown_revision(self.backend, live) if live is not None else None
        split = split_of(workspace.catalogue, record)
        weights = {} if split is None else {record.uid: split.weights}
        return {**self.document(record, weights=weights), "live": shown, "revisions": len(revisions)}


class ServicesHandler(ServiceDocuments):
    """All services."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented(
        "List the services as last settled; changes follow as events.",
        answers.Services,
        query={"target": "only on this target", "tag": "key=value, repeatable"},
    )
    async def get(self) -> None:
        """See the OpenAPI document."""
        tags = {key: value for key, _, value in (text.partition("=") for text in self.get_query_arguments("tag"))}
        self.backend.freshness.look()
        self.show(await self.backend.quick(self._list, self.get_query_argument("target", None), tags))

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented(
        "Deploy: create a service or bring it to a new revision. A failure leaves the old revision serving.",
        answers.OperationInFull,
        body=DeployBody,
        query=WAIT,
        status=202,
    )
    async def post(self) -> None:
        """See the OpenAPI document."""
        body = self.body(DeployBody)
        interpreter = await self.interpreter(body.kernel)
        # Making a script means reading a model, which may take its time; asking to deploy it is the word that it may.
        read = self.backend.quick if body.source.given else self.backend.slow
        request = await read(partial(read_deployment, self.backend, body, interpreter, trusted=True))
        await self.show_operation(
            "deploy",
            body.name,
            partial(deploy, self.backend, request),
            failure_card=partial(failure, self.backend, body.name),
        )

    def _list(self, target: str | None, tags: dict[str, str]) -> dict[str, Any]:
        workspace = self.backend.workspace
        # The number is read first: an event between the two is then told twice rather than never.
        seq = workspace.events.last_seq()
        running, weights = self.running(), weights_of(workspace.catalogue)
        records = workspace.catalogue.services(target=target, tags=tags)
        return {"services": [self.document(record, running, weights) for record in records], "seq": seq}


class ServiceHandler(ServiceDocuments):
    """One service."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("Show a service, compared with the truth; one that was deleted too.", answers.ServiceInFull)
    async def get(self, name: str) -> None:
        """See the OpenAPI document."""
        self.show(await self.backend.slow(self.in_full, name))

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented(
        "Delete a service; logs and history stay readable.",
        answers.OperationInFull,
        query={**WAIT, "force": "true: only forget it where its target cannot be asked; a step says what may remain"},
        status=202,
    )
    async def delete(self, name: str) -> None:
        """See the OpenAPI document."""
        force = self.get_query_argument("force", "false").lower() in {"1", "true"}
        await self.backend.quick(lambda: self.backend.workspace.catalogue.last_service(name))
        await self.show_operation("delete", name, partial(delete, self.backend, name, force=force))


class CardHandler(ApiHandler):
    """What the live card shows."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("Return a service's card as a mimebundle.", answers.Document)
    async def get(self, name: str) -> None:
        """See the OpenAPI document."""
        self.show(await self.backend.slow(lambda: service_card(Service(self.backend.workspace, name))))
