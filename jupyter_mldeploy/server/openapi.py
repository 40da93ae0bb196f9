"""``/openapi.json``: the document of this API, made from what is written above every verb."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

from jupyter_server.auth.decorator import authorized
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from tornado import web

from .._version import __version__
from . import answers
from .base import ApiHandler
from .documented import ATTRIBUTE, About, documented

VERBS = ("get", "post", "put", "patch", "delete")
_REFERENCE = "#/components/schemas/{model}"


class OpenApiHandler(ApiHandler):
    """The document."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("Return this document.", answers.Document)
    async def get(self) -> None:
        """See the OpenAPI document."""
        from .routes import ROUTES

        self.show(await self.backend.quick(openapi, ROUTES, self.address()))


def verbs(handler: type[ApiHandler]) -> Iterator[tuple[str, Callable[..., Any], About | None]]:
    """Yield (verb, method, what is written above it) of a handler's own verbs."""
    for verb in VERBS:
        method = getattr(handler, verb)
        if method is not getattr(web.RequestHandler, verb):
            yield verb, method, getattr(method, ATTRIBUTE, None)


def permission(method: Callable[..., Any]) -> tuple[str | None, str | None]:
    """Return action and resource that ``@authorized`` of a verb asks for.

    They are read from the decorator's closure, so that they are written once; a test compares them with what an
    authorizer is really asked.
    """
    current: Any = method
    while current is not None:
        names = inspect.getclosurevars(current).nonlocals
        if "resource" in names and "action" in names:
            return names["action"], names["resource"]
        current = getattr(current, "__wrapped__", None)
    return None, None


def openapi(routes: list[tuple[str, type[ApiHandler]]], server: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of a table of routes.

    Args:
        routes: address with ``{parameters}`` and handler.
        server: path of the API on this server.
    """
    paths: dict[str, Any] = {}
    models: set[type[BaseModel]] = {answers.Error}
    for address, handler in routes:
        for verb, method, about in verbs(handler):
            if about is None:
                continue
            models |= {item for item in (about.answer, about.body) if item is not None}
            paths.setdefault(address, {})[verb] = _operation(address, about, permission(method), method)
    _, schemas = models_json_schema(
        [(model, "validation") for model in sorted(models, key=lambda item: item.__name__)],
        ref_template=_REFERENCE,
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "jupyter_mldeploy",
            "version": __version__,
            "description": "Deployments of this Jupyter server. Every failure has the body Error.",
        },
        "servers": [{"url": server}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "Authorization"}},
        },
    }


def _operation(
    address: str, about: About, needed: tuple[str | None, str | None], method: Callable[..., Any]
) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", address)
    ]
    parameters += [
        {"name": name, "in": "query", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in about.query.items()
    ]
    content = {about.content: {"schema": _schema(about.answer)} if about.answer is not None else {}}
    document: dict[str, Any] = {
        "operationId": f"{method.__qualname__}".replace("Handler.", "_").lower(),
        "summary": about.summary,
        "x-permission": {"action": needed[0], "resource": needed[1]},
        "parameters": parameters,
        "responses": {
            str(about.status): {"description": "Done." if about.status == 200 else "Accepted.", "content": content},
            "default": {"description": "Failure.", "content": {"application/json": {"schema": _schema(answers.Error)}}},
        },
    }
    if about.status == 202:
        document["responses"]["200"] = {"description": "It has ended already.", "content": content}
    if about.body is not None:
        document["requestBody"] = {"content": {"application/json": {"schema": _schema(about.body)}}}
    return document


def _schema(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}
