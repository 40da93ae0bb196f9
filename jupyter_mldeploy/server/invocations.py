"""``/services/NAME/invoke`` and ``…/schema``: test requests, and what a service takes."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.probe import Answer
from ..errors import InvalidInputError
from . import answers
from .base import ApiHandler
from .bodies import InvokeBody
from .documented import documented


class InvokeHandler(ApiHandler):
    """One test request."""

    @web.authenticated
    @authorized("execute", resource="jupyter_mldeploy:invoke")
    @documented(
        "Send one request with the service's key and return its answer, whatever the status.",
        answers.Invocation,
        body=InvokeBody,
    )
    async def post(self, name: str) -> None:
        """See the OpenAPI document."""
        body = self.body(InvokeBody)
        self.show(await self.backend.slow(self._invoke, name, body))

    def _invoke(self, name: str, body: InvokeBody) -> dict[str, Any]:
        payload, headers = _payload(body)
        service = self.backend.workspace.service(name)
        self.backend.used(name)
        limit = self.backend.policy.limits.invoke_body
        return shown(service.request(payload, timeout_s=body.timeout_s, headers=headers, max_bytes=limit))


class SchemaHandler(ApiHandler):
    """What a service takes and gives."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("Return the service's Swagger or OpenAPI document.", answers.Document, query={"version": "2, 3 or 3.1"})
    async def get(self, name: str) -> None:
        """See the OpenAPI document."""
        version = self.get_query_argument("version", "2")
        if version not in {"2", "3", "3.1"}:
            raise InvalidInputError(f"version is 2, 3 or 3.1, not {version!r}.", field="version")
        self.show(await self.backend.slow(lambda: self.backend.workspace.service(name).swagger(version)))


def shown(answer: Answer) -> dict[str, Any]:
    """Return an answer as JSON; bytes that are no text as base64."""
    content: dict[str, Any] = {"json": None, "text": None, "base64": None}
    try:
        text = answer.body.decode("utf-8")
    except UnicodeDecodeError:
        content["base64"] = base64.b64encode(answer.body).decode("ascii")
    else:
        content["text"] = text
        if "json" in answer.headers.get("content-type", "") and not answer.truncated:
            with contextlib.suppress(ValueError):  # what is no JSON, whatever the service says, is shown as text
                content["json"] = json.loads(text, parse_constant=_no_constant)
    return {
        "status": answer.status,
        "headers": dict(answer.headers),
        "seconds": round(answer.seconds, 6),
        "size": len(answer.body),
        "truncated": answer.truncated,
        "body": content,
        "explanation": list(answer.explanation),
    }


def _payload(body: InvokeBody) -> tuple[Any, dict[str, str]]:
    headers = {name.lower(): value for name, value in body.headers.items()}
    if body.content_type is not None:
        headers["content-type"] = body.content_type
    if body.base64 is not None:
        try:
            return base64.b64decode(body.base64, validate=True), headers
        except binascii.Error as error:
            raise InvalidInputError(f"base64 is not valid: {error}.", field="base64") from None
    return (body.text if body.text is not None else body.payload), headers


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
