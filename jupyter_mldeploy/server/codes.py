"""``/services/NAME/code``: code that calls a service."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.cards.calls import Call, call_codes, credential_of
from ..core.cards.model import Code
from ..core.cards.snippets import call_snippets
from ..core.probe import sample
from ..core.service import Service
from ..errors import MldeployError
from . import answers
from .base import ApiHandler
from .bodies import CodeBody
from .documented import documented


class CodeHandler(ApiHandler):
    """Calls to paste."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("Return code that calls the service, with the sample of its schema.", answers.Codes)
    async def get(self, name: str) -> None:
        """See the OpenAPI document."""
        self.show(await self.backend.slow(self._of_sample, name))

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented(
        "Return code that sends one particular request, to the service or through this Jupyter server.",
        answers.Codes,
        body=CodeBody,
    )
    async def post(self, name: str) -> None:
        """See the OpenAPI document."""
        body = self.body(CodeBody)
        through = None
        if body.jupyter_url is not None:
            through = f"{body.jupyter_url.rstrip('/')}/mldeploy/proxy/{name}/score"
        self.show(await self.backend.quick(self._of_request, name, body, through))

    def _of_sample(self, name: str) -> dict[str, Any]:
        service = self.backend.workspace.service(name)
        try:
            example = sample(service)
        except MldeployError:
            example = None  # it does not run, or has no schema: the code then has a place to fill in
        auth = bool(_live_config(service).get("auth_enabled", True))
        return _shown(name, call_snippets(name, service.record.scoring_uri or "", auth=auth, sample=example))

    def _of_request(self, name: str, body: CodeBody, through: str | None) -> dict[str, Any]:
        service = self.backend.workspace.service(name)
        call = Call(
            name,
            through or service.record.scoring_uri or "",
            "jupyter" if through is not None else credential_of(_live_config(service)),
            text=body.text,
            content_type=body.content_type,
            headers=body.headers,
        )
        return _shown(name, call_codes(call))


def _live_config(service: Service) -> dict[str, Any]:
    live = service.record.live_revision
    found = next((item for item in service.revisions() if item.number == live), None)
    return dict(found.config) if found is not None else {}


def _shown(name: str, codes: list[Code]) -> dict[str, Any]:
    return {"name": name, "code": [{"label": item.label, "text": item.text} for item in codes]}
