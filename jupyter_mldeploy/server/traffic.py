"""``/services/NAME/traffic`` and ``…/versions``: several versions behind one endpoint."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.traffic.endpoint import Endpoint
from ..core.traffic.referee import Policy
from . import answers
from .base import ApiHandler, changes
from .bodies import CanaryBody, TrafficBody, VersionBody
from .deploying import failure, read_version
from .documented import WAIT, documented

if TYPE_CHECKING:
    from .operation import Operation

Work = Callable[[Endpoint, "Operation"], object]


class EndpointHandler(ApiHandler):
    """What the addresses of an endpoint share."""

    async def change(self, name: str, work: Work) -> None:
        """Change an endpoint in an operation, whose result is the endpoint's versions."""
        endpoint = await self.backend.quick(self._writable, name)

        def act(operation: Operation) -> dict[str, Any]:
            outcome = work(endpoint, operation)
            return {**endpoint.to_dict(), **(outcome if isinstance(outcome, dict) else {})}

        await self.show_operation("traffic", name, act, failure_card=partial(failure, self.backend, name))

    def _writable(self, name: str) -> Endpoint:
        endpoint = self.backend.workspace.endpoint(name)
        self.backend.policy.require_target(endpoint.record.target)
        return endpoint


class TrafficHandler(EndpointHandler):
    """How requests are divided."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("Show an endpoint's versions, their shares and what was counted of each.", answers.Traffic)
    async def get(self, name: str) -> None:
        """See the OpenAPI document."""
        self.show(await self.backend.quick(lambda: self.backend.workspace.endpoint(name).to_dict()))

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented(
        "Divide the requests among the versions.", answers.OperationInFull, body=TrafficBody, query=WAIT, status=202
    )
    async def put(self, name: str) -> None:
        """See the OpenAPI document."""
        body = self.body(TrafficBody)
        await self.change(
            name,
            lambda endpoint, operation: endpoint.set_traffic(
                body.traffic, default=body.default, mirror=body.mirror, report=operation.report
            ).to_dict(),
        )


class VersionsHandler(EndpointHandler):
    """One more version."""

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented(
        "Deploy one more version beside what the endpoint serves.",
        answers.OperationInFull,
        body=VersionBody,
        query=WAIT,
        status=202,
    )
    async def post(self, name: str) -> None:
        """See the OpenAPI document."""
        body = self.body(VersionBody)
        values = await self.backend.quick(read_version, self.backend, name, body)
        await self.change(
            name,
            lambda endpoint, operation: endpoint.create_version(
                body.version, report=operation.report, cancelled=operation.cancelled, **values
            ),
        )


class VersionHandler(EndpointHandler):
    """One version."""

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented(
        "Take a version out; with one left, that one is served directly.",
        answers.OperationInFull,
        query=WAIT,
        status=202,
    )
    async def delete(self, name: str, version_name: str) -> None:
        """See the OpenAPI document."""
        await self.change(
            name,
            lambda endpoint, operation: endpoint.delete_version(
                version_name, report=operation.report, cancelled=operation.cancelled
            ),
        )


class FinishHandler(EndpointHandler):
    """One version alone."""

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented(
        "Serve one version alone, at the endpoint's address; the others are deleted.",
        answers.OperationInFull,
        query=WAIT,
        status=202,
    )
    async def post(self, name: str, version_name: str) -> None:
        """See the OpenAPI document."""
        await self.change(
            name,
            lambda endpoint, operation: endpoint.finish(
                version_name, report=operation.report, cancelled=operation.cancelled
            ),
        )


class CanaryHandler(EndpointHandler):
    """A version on trial."""

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented(
        "Raise a version's share while it is no worse than the default; the result has the decision and its evidence.",
        answers.OperationInFull,
        body=CanaryBody,
        query=WAIT,
        status=202,
    )
    async def post(self, name: str, version_name: str) -> None:
        """See the OpenAPI document."""
        body = self.body(CanaryBody)
        policy = Policy(
            min_requests=body.min_requests,
            max_error_increase=body.max_error_increase,
            max_latency_ratio=body.max_latency_ratio,
        )
        await self.change(
            name,
            lambda endpoint, operation: endpoint.canary(
                version_name, policy, steps=body.steps, step_timeout_s=body.step_timeout_s,
                on_insufficient=body.on_insufficient, report=operation.report, cancelled=operation.cancelled,
            ).to_dict(),
        )  # fmt: skip
