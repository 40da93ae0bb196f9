"""From a body to a profile or a recording, see ``deploying``. Runs in threads, without tornado."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.documents import service_document
from ..core.probes.profile import choose_target
from ..errors import ForbiddenError
from .deploying import read_environment, read_models, read_source
from .probe_bodies import ProfileBody, RecordingBody

if TYPE_CHECKING:
    from .backend import Backend
    from .operation import Operation


def read_profile(backend: Backend, name: str, body: ProfileBody) -> dict[str, Any]:
    """Return the arguments for ``Workspace.profile``.

    Raises:
        ForbiddenError: the target is not allowed, or the temporary service could live longer than services may.
        NotFoundError: there is neither a script nor such a service.
    """
    workspace, policy = backend.workspace, backend.policy
    if body.source is None and not body.models:
        workspace.service(name)
    policy.require_target(choose_target(workspace, body.target)[0])
    if policy.max_ttl_s and body.timeout_s > policy.max_ttl_s:
        raise ForbiddenError(
            f"A profile deploys a service for up to {body.timeout_s:g} s, and this Jupyter server allows"
            f" {policy.max_ttl_s} s.",
            hint="Give a shorter timeout_s.",
            details={"field": "timeout_s", "max": policy.max_ttl_s},
        )
    path = body.requests_path
    return {
        "entry_script": None if body.source is None else read_source(backend, name, body.source),
        "requests": body.requests if path is None else backend.paths.resolve(path, field="requests_path"),
        "models": read_models(backend, body.models),
        "environment": read_environment(backend, body.environment),
        "target": body.target,
        "cpu": body.cpu,
        "memory_gb": body.memory_gb,
        "requests_per_second": body.requests_per_second,
        "description": body.description,
        "deadline_s": body.timeout_s,
    }


def record(backend: Backend, name: str, body: RecordingBody, operation: Operation) -> dict[str, Any]:
    """Switch recording on or off and return the service."""
    service = backend.workspace.service(name)
    service.record_requests(
        body.rate, max_bytes=body.max_bytes, deny=body.deny, timeout_s=body.timeout_s, report=operation.report,
        cancelled=operation.cancelled,
    )  # fmt: skip
    return service_document(service.record)
