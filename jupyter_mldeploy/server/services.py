"""``/services``: what is deployed; deploying is a POST here."""

from __future__ import annotations

from functools import partial
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.card import service_card
from ..core.cards.snippets import call_snippets
from ..core.documents import revision_document, service_document
from ..core.records import ServiceRecord
from ..core.service import Service
from . import answers
from .base import ApiHandler, changes
from .bodies import DeployBody
from .deploying import delete, deploy, failure, read_deployment
from .documented import documented

WAIT = {"wait_s": "seconds to wait for the end (at most 30)"}


class ServiceDocuments(ApiHandler):
    """Makes the documents of services."""

    def document(self, record: ServiceRecord, operations: dict[str, list[str]] | None = None) -> dict[str, Any]:
        """Return one service as JSON."""
        observed, facts = self.backend.freshness.observed(record.uid)
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
        live = next((item for item in revisions if item.number == record.live_revision), None)
        shown = revision_document(live) if live is not None else None
        return {**self.document(record), "live": shown, "revisions": len(revisions)}


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
        request = await self.backend.quick(read_deployment, self.backend, body, interpreter)
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
        running = self.running()
        records = workspace.catalogue.services(target=target, tags=tags)
        return {"services": [self.document(record, running) for record in records], "seq": seq}


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
    @documented("Delete a service; logs and history stay readable.", answers.OperationInFull, query=WAIT, status=202)
    async def delete(self, name: str) -> None:
        """See the OpenAPI document."""
        await self.backend.quick(lambda: self.backend.workspace.catalogue.last_service(name))
        await self.show_operation("delete", name, partial(delete, self.backend, name))


class CardHandler(ApiHandler):
    """What the live card shows."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("Return a service's card as a mimebundle.", answers.Document)
    async def get(self, name: str) -> None:
        """See the OpenAPI document."""
        self.show(await self.backend.slow(lambda: service_card(Service(self.backend.workspace, name))))


class CodeHandler(ApiHandler):
    """Calls to paste."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("Return code that calls the service, with the sample of its schema.", answers.Codes)
    async def get(self, name: str) -> None:
        """See the OpenAPI document."""
        self.show(await self.backend.slow(self._code, name))

    def _code(self, name: str) -> dict[str, Any]:
        from ..core.probe import sample
        from ..errors import MldeployError

        service = self.backend.workspace.service(name)
        record = service.record
        live = next((item for item in service.revisions() if item.number == record.live_revision), None)
        try:
            example = sample(service)
        except MldeployError:
            example = None  # it does not run, or has no schema: the code then has a place to fill in
        auth = bool(live.config.get("auth_enabled", True)) if live is not None else True
        code = call_snippets(name, record.scoring_uri or "", auth=auth, sample=example)
        return {"name": name, "code": [{"label": item.label, "text": item.text} for item in code]}
