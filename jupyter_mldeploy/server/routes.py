"""The table of addresses: all there is below ``/mldeploy``."""

from __future__ import annotations

import re
from typing import Any

from . import (
    adopting,
    changing,
    codes,
    environments,
    events,
    images,
    invocations,
    keys,
    linting,
    logs,
    models,
    openapi,
    operations,
    permissions,
    plans,
    probes,
    revisions,
    services,
    sizing,
    targets,
    traffic,
)
from .base import ApiHandler, UnknownHandler
from .proxy import ProxyHandler
from .stream import StreamHandler

API = "/mldeploy/api/v1"

ROUTES: list[tuple[str, type[ApiHandler]]] = [
    ("/openapi.json", openapi.OpenApiHandler),
    ("/permissions", permissions.PermissionsHandler),
    ("/targets", targets.TargetsHandler),
    ("/targets/{name}", targets.TargetHandler),
    ("/targets/{name}/strangers", adopting.StrangersHandler),
    ("/targets/{name}/sizing", sizing.SizingHandler),
    ("/models", models.ModelsHandler),
    ("/models/{name}/{version}", models.ModelHandler),
    ("/environments", environments.EnvironmentsHandler),
    ("/environments/{name}/{version}", environments.EnvironmentHandler),
    ("/images", images.ImagesHandler),
    ("/images/{name}/{version}", images.ImageHandler),
    ("/images/{name}/{version}/log", images.ImageLogHandler),
    ("/images/{name}/{version}/deploy", images.DeployImageHandler),
    ("/images/{name}/{version}/push", images.PushHandler),
    ("/builders", images.BuildersHandler),
    ("/plan", plans.PlanHandler),
    ("/lint", linting.LintHandler),
    ("/lint/rules/{code}", linting.RuleHandler),
    ("/services", services.ServicesHandler),
    ("/services/{name}", services.ServiceHandler),
    ("/services/{name}/card", services.CardHandler),
    ("/services/{name}/code", codes.CodeHandler),
    ("/services/{name}/revisions", revisions.RevisionsHandler),
    ("/services/{name}/revisions/{number}", revisions.RevisionHandler),
    ("/services/{name}/diff", revisions.DiffHandler),
    ("/services/{name}/rollback", revisions.RollbackHandler),
    ("/services/{name}/update", changing.UpdateHandler),
    ("/services/{name}/promote", changing.PromoteHandler),
    ("/services/{name}/start", changing.StartHandler),
    ("/services/{name}/stop", changing.StopHandler),
    ("/services/{name}/profile", probes.ProfileHandler),
    ("/services/{name}/recording", probes.RecordingHandler),
    ("/services/{name}/replay", probes.ReplayHandler),
    ("/services/{name}/traffic", traffic.TrafficHandler),
    ("/services/{name}/versions", traffic.VersionsHandler),
    ("/services/{name}/versions/{version_name}", traffic.VersionHandler),
    ("/services/{name}/versions/{version_name}/finish", traffic.FinishHandler),
    ("/services/{name}/versions/{version_name}/canary", traffic.CanaryHandler),
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
