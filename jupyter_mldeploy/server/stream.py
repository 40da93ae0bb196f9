"""``/stream``: one WebSocket for logs, events and operations, whatever the number of panels that look at them.

The client sends ``{"type": "subscribe", "id", "channel", …}`` (see :class:`channels.Subscribe`) and gets
``subscribed``, then messages with that id. Each carries the cursor with which the client subscribes again after a
break, without a loss and without a repetition.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from pydantic import ValidationError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from ..errors import ConflictError, ForbiddenError, InvalidInputError
from .backend import Backend
from .base import error_body
from .channels import RESOURCES, Message, Subscribe, messages


class StreamHandler(JupyterHandler, WebSocketHandler):
    """One client's connection."""

    @property
    def backend(self) -> Backend:
        """What this server's handlers share."""
        found: Backend = self.settings["mldeploy_backend"]
        return found

    @property
    def max_message_size(self) -> int:
        """Bytes of a message from the client; they are small."""
        return 1 << 16

    @property
    def ping_interval(self) -> float:
        """Seconds between pings, which keep proxies on the way from closing a silent connection."""
        return 30.0

    async def prepare(self) -> None:  # type: ignore[override]  # as in jupyter_server's own handlers
        """Find out who asks; a WebSocket is never sent to the login page."""
        await super().prepare(_redirect_to_login=False)

    @ws_authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    async def get(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]  # what @authorized is typed as
        """Shake hands with a user who may read; each subscription is checked again."""
        await super().get(*args, **kwargs)

    def open(self, *_: str, **__: str) -> None:
        """Begin without subscriptions."""
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._sending = asyncio.Lock()
        self.backend.streams.add(self)

    async def on_message(self, message: str | bytes) -> None:
        """Subscribe or unsubscribe. The next message is read when this one has been answered."""
        name = None
        try:
            request = _read(message)
            name = request.id
            if request.type == "unsubscribe":
                self._end(name)
                await self._send({"type": "unsubscribed", "id": name})
            else:
                await self._subscribe(request)
        except WebSocketClosedError:
            return
        except Exception as error:  # noqa: BLE001  whatever a client sends, its other subscriptions go on
            await self._fail(name, error)

    def on_close(self) -> None:
        """End the subscriptions."""
        self.backend.streams.discard(self)
        for name in list(self._tasks):
            self._end(name)

    async def _subscribe(self, request: Subscribe) -> None:
        if request.channel is None:
            raise InvalidInputError("channel is logs, events or operations.", field="channel")
        if request.channel == "logs" and request.service is None:
            raise InvalidInputError("A log is subscribed to with the service's name.", field="service")
        if request.id in self._tasks:
            raise ConflictError(f"The subscription {request.id!r} is there already.", hint="Choose another id.")
        most = self.backend.policy.limits.stream_subscriptions
        if len(self._tasks) >= most:
            raise ConflictError(f"One connection has at most {most} subscriptions.", hint="Unsubscribe first.")
        resource = RESOURCES[request.channel]
        if not await ensure_async(self.authorizer.is_authorized(self, self.current_user, "read", resource)):
            raise ForbiddenError(f"You may not read {resource}.")
        await self._send({"type": "subscribed", "id": request.id, "channel": request.channel})
        self._tasks[request.id] = asyncio.create_task(self._deliver(request.id, messages(self.backend, request)))

    async def _deliver(self, name: str, stream: AsyncIterator[Message]) -> None:
        try:
            async for message in stream:
                await self._send({**message, "id": name})
        except WebSocketClosedError:
            return
        except Exception as error:  # noqa: BLE001  it costs this subscription alone
            await self._fail(name, error)
        finally:
            if self._tasks.get(name) is asyncio.current_task():
                del self._tasks[name]

    async def _send(self, message: Message) -> None:
        """Send one message and return when the network has taken it, so that slow readers are waited for."""
        stall_s = self.backend.policy.limits.stream_stall_s
        async with self._sending:
            try:
                await asyncio.wait_for(self.write_message(orjson.dumps(message)), stall_s)
            except TimeoutError:
                if self._has_sent():
                    return  # it was taken in time, and this server did not get on to see it
                self._hang_up()
                raise WebSocketClosedError from None

    async def _fail(self, name: str | None, error: Exception) -> None:
        _, document = error_body(error, 500)
        if document["code"] == "internal_error":
            self.log.error("jupyter_mldeploy: reference %s", document["details"]["reference"], exc_info=error)
        try:
            await self._send({"type": "error", "id": name, "error": document})
        except WebSocketClosedError:
            return

    def _has_sent(self) -> bool:
        """Whether the network has taken everything."""
        stream = getattr(self.ws_connection, "stream", None)
        return stream is not None and not stream.closed() and not stream.writing()

    def _hang_up(self) -> None:
        """Close at once: a closing handshake would wait behind what the client does not read."""
        connection = self.ws_connection
        stream = getattr(connection, "stream", None)
        self.log.info("A client of jupyter_mldeploy's stream does not read; it can come back with its cursors.")
        if stream is not None:
            stream.close()

    def _end(self, name: str) -> None:
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()


def _read(message: str | bytes) -> Subscribe:
    try:
        return Subscribe.model_validate_json(message)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'message'}: {item['msg']}" for item in error.errors()
        )
        raise InvalidInputError(f"The message cannot be used: {problems}.") from None
