"""``/services/NAME/profile``, ``…/recording``, ``…/replay``: what a service needs, and which answers change."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.probes.recording import Recorded
from . import answers, deploying, probe_answers, probing
from .base import ApiHandler, changes
from .documented import WAIT, documented
from .probe_bodies import ProfileBody, RecordingBody, ReplayBody

if TYPE_CHECKING:
    from .operation import Operation

_SHOWN = 200
_MOST = 10_000


class ProfileHandler(ApiHandler):
    """How much CPU and memory a service needs."""

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented(
        "Profile a service, or a script, with a temporary service under load; the operation's result has v1's keys.",
        answers.OperationInFull,
        body=ProfileBody,
        query=WAIT,
        status=202,
    )
    async def post(self, name: str) -> None:
        """See the OpenAPI document."""
        body = self.body(ProfileBody)
        values = await self.backend.slow(probing.read_profile, self.backend, name, body)

        def profile(operation: Operation) -> dict[str, Any]:
            found = self.backend.workspace.profile(
                name, report=operation.report, cancelled=operation.cancelled, **values
            )
            card = {"text/plain": str(found), "image/svg+xml": found.svg()}
            return {**found.to_dict(), "card": card}

        await self.show_operation("profile", name, profile)


class RecordingHandler(ApiHandler):
    """Requests that are recorded."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:logs")
    @documented(
        "Show what a service records of its requests, and the requests that its log holds.",
        probe_answers.Recorded,
        query={"limit": f"how many of the latest (default: {_SHOWN}, at most {_MOST})"},
    )
    async def get(self, name: str) -> None:
        """See the OpenAPI document."""
        limit = self.number("limit", _SHOWN, high=_MOST)
        self.show(await self.backend.slow(self._recorded, name, limit))

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented(
        "Record a sample of the requests and their answers from now on, or no more; an update with the same bytes.",
        answers.OperationInFull,
        body=RecordingBody,
        query=WAIT,
        status=202,
    )
    async def put(self, name: str) -> None:
        """See the OpenAPI document."""
        body = self.body(RecordingBody)
        record = await self.backend.quick(lambda: self.backend.workspace.catalogue.service(name))
        self.backend.policy.require_target(record.target)
        await self.show_operation(
            "record", name, partial(probing.record, self.backend, name, body),
            failure_card=partial(deploying.failure, self.backend, name),
        )  # fmt: skip

    def _recorded(self, name: str, limit: int) -> dict[str, Any]:
        service = self.backend.workspace.service(name)
        found = service.recorded()
        shown = found[-limit:] if limit else []
        return {
            "name": name,
            **asdict(service.recording()),
            "total": len(found),
            "requests": [asdict(item) for item in shown],
        }


class ReplayHandler(ApiHandler):
    """Recorded requests, sent again."""

    @web.authenticated
    @authorized("execute", resource="jupyter_mldeploy:invoke")
    @documented(
        "Send recorded requests again and compare; the operation's result has the answers that changed.",
        answers.OperationInFull,
        body=ReplayBody,
        query=WAIT,
        status=202,
    )
    async def post(self, name: str) -> None:
        """See the OpenAPI document."""
        body = self.body(ReplayBody)
        from_log = body.requests is None
        if from_log:
            # Its result shows what callers have sent: whoever may not read the log may not read it here.
            await self.require("read", "jupyter_mldeploy:logs")
        service = await self.backend.quick(self.backend.workspace.service, name)
        requests: Any = None
        if body.service is not None:
            requests = await self.backend.quick(self.backend.workspace.service, body.service)
        elif body.requests is not None:
            requests = [Recorded(**item.model_dump()) for item in body.requests]
        self.backend.used(name)

        def replay(operation: Operation) -> dict[str, Any]:
            found = service.replay(
                requests, tolerance=body.tolerance, timeout_s=body.timeout_s, report=operation.report,
                cancelled=operation.cancelled,
            )  # fmt: skip
            return {**found.to_dict(), "from_log": from_log}

        await self.show_operation("replay", name, replay)
