"""The table of addresses: all there is below ``/mldeploy``."""

from __future__ import annotations

import re
from typing import Any

from . import (
    changing,
    environments,
    events,
    invocations,
    keys,
    linting,
    logs,
    models,
    openapi,
    operations,
    plans,
    revisions,
    services,
    targets,
)
from .base import ApiHandler, UnknownHandler
from .proxy import ProxyHandler
from .stream import StreamHandler

API = "/mldeploy/api/v1"

ROUTES: list[tuple[str, type[ApiHandler]]] = [
    ("/openapi.json", openapi.OpenApiHandler),
    ("/targets", targets.TargetsHandler),
    ("/targets/{name}", targets.TargetHandler),
    ("/models", models.ModelsHandler),
    ("/models/{name}/{version}", models.ModelHandler),
    ("/environments", environments.EnvironmentsHandler),
    ("/environments/{name}/{version}", environments.EnvironmentHandler),
    ("/plan", plans.PlanHandler),
    ("/lint", linting.LintHandler),
    ("/services", services.ServicesHandler),
    ("/services/{name}", services.ServiceHandler),
    ("/services/{name}/card", services.CardHandler),
    ("/services/{name}/code", services.CodeHandler),
    ("/services/{name}/revisions", revisions.RevisionsHandler),
    ("/services/{name}/revisions/{number}", revisions.RevisionHandler),
    ("/services/{name}/diff", revisions.DiffHandler),
    ("/services/{name}/rollback", revisions.RollbackHandler),
    ("/services/{name}/update", changing.UpdateHandler),
    ("/services/{name}/promote", changing.PromoteHandler),
    ("/services/{name}/start", changing.StartHandler),
    ("/services/{name}/stop", changing.StopHandler),
    ("/services/{name}/keys", keys.KeysHandler),
    ("/services/{name}/token", keys.TokenHandler),
    ("/services/{name}/schema", invocations.SchemaHandler),
    ("/services/{name}/invoke", invocations.InvokeHandler),
    ("/services/{name}/logs", logs.LogsHandler),
    ("/events", events.EventsHandler),
    ("/operations", operations.OperationsHandler),
    ("/operations/{id}", operations.OperationHandler),
    ("/operations/{id}/cancel", operations.CancelHandler),
]

#: What a parameter of an address may be; anything else is an unknown address.
_PARAMETERS = {"number": r"([0-9]{1,9})", "version": r"([0-9]{1,9})"}


def pattern(address: str) -> str:
    """Return the regular expression of an address with ``{parameters}``."""
    return re.sub(r"\{(\w+)\}", lambda found: _PARAMETERS.get(found[1], r"([^/]+)"), address.replace(".", r"\."))


def handlers() -> list[tuple[str, Any]]:
    """Return pairs of pattern and handler for the web application."""
    return [
        *((API + pattern(address), handler) for address, handler in ROUTES),
        (f"{API}/stream", StreamHandler),
        (f"{API}(/.*)?", UnknownHandler),
        (r"/mldeploy/proxy/([^/]+)(/.*)?", ProxyHandler),
    ]
