"""``/mldeploy/proxy/SERVICE/…``: a service's own address, reachable wherever Jupyter is (Hub, Binder, containers).

Requests and answers are streamed. What identifies the user to Jupyter never reaches the service, what the service
sends cannot act as Jupyter: cookies and credentials are taken off both ways, and pages are sandboxed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.target import Connection
from ..errors import MldeployError, TargetUnavailableError
from .base import ApiHandler
from .documented import documented
from .proxyheaders import outgoing, returning, target_path
from .upstream import Upstream

_ACTION, _RESOURCE = "execute", "jupyter_mldeploy:invoke"


@web.stream_request_body
class ProxyHandler(ApiHandler):
    """One proxied request."""

    _upstream: Upstream | None = None
    _where: Connection | None = None
    _error: MldeployError | None = None

    async def prepare(self) -> None:  # type: ignore[override]  # as in jupyter_server's own APIHandler
        """Check everything before the first byte of the body is taken."""
        await super().prepare()
        if self.request.method == "OPTIONS":
            return
        limit = self.backend.policy.limits.proxy_body
        length = self.request.headers.get("Content-Length", "0")
        if length.isdecimal() and int(length) > limit:
            raise web.HTTPError(413, f"The body has {length} bytes, and the proxy passes on {limit} at most.")
        self.request.connection.set_max_body_size(limit)  # type: ignore[union-attr]
        if not self.current_user:
            raise web.HTTPError(403)
        # The decorators of the verbs come after the body, which would be too late for a body that is streamed.
        if not await ensure_async(self.authorizer.is_authorized(self, self.current_user, _ACTION, _RESOURCE)):
            raise web.HTTPError(403, f"User is not authorized to {_ACTION} on resource: {_RESOURCE}.")
        if self.request.method in {"GET", "HEAD"}:
            self.check_xsrf_cookie()  # a GET may run the model, so another site must not be able to send one
        self._where = await self.backend.slow(self._connection, self.path_args[0])

    async def data_received(self, chunk: bytes) -> None:
        """Pass a piece of the request's body on; the client waits while the service does."""
        if self._error is not None:
            return
        try:
            await (await self._reach()).write(chunk)
        except MldeployError as error:
            self._error = error  # what is raised here would only cut the connection; the verb can answer

    def on_connection_close(self) -> None:
        """Let go of the service when the client has gone."""
        if self._upstream is not None:
            self._upstream.close()
        super().on_connection_close()

    @web.authenticated
    @authorized("execute", resource="jupyter_mldeploy:invoke")
    @documented("Pass a request on to the service with its key.", None, content="*/*")
    async def get(self, *_: str) -> None:
        """Answer with what the service answers."""
        if self._error is not None:
            raise self._error
        upstream = await self._reach()
        try:
            async with asyncio.timeout(self.backend.policy.limits.proxy_s):
                await upstream.answer(self._begin, self._pass)
        except TimeoutError:
            raise TargetUnavailableError(
                f"Service {self.path_args[0]!r} did not answer in {self.backend.policy.limits.proxy_s:g} s.",
                hint="The administrator can allow more with MldeployApp.proxy_timeout.",
            ) from None
        finally:
            upstream.close()
        if not self._finished:
            await self.finish()

    head = post = put = patch = delete = get

    def _connection(self, name: str) -> Connection:
        found: Connection = self.backend.workspace.service(name).connection()
        self.backend.used(name)
        return found

    async def _reach(self) -> Upstream:
        if self._upstream is None:
            assert self._where is not None  # noqa: S101  prepare() has run
            prefix = f"{self.base_url.rstrip('/')}/mldeploy/proxy/{self.path_args[0]}"
            headers = outgoing(self.request, self._where.headers, prefix)
            path = target_path(self.request.uri or "", self._where.base_uri)
            limit_s = self.backend.policy.limits.proxy_s
            self._upstream = await Upstream.open(self._where, self.request.method or "GET", path, headers, limit_s)
        return self._upstream

    async def _begin(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.set_status(status)
        self.clear_header("Content-Type")
        assert self._where is not None  # noqa: S101  prepare() has run
        prefix = f"{self.base_url.rstrip('/')}/mldeploy/proxy/{self.path_args[0]}"
        for name, value in returning(headers, self._where.base_uri, prefix):
            self.add_header(name, value) if name.lower() == "vary" else self.set_header(name, value)
        await self.flush()

    def _pass(self, chunk: bytes) -> Awaitable[Any]:
        self.write(chunk)
        return self.flush()
