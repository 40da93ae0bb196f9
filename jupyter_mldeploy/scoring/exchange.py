"""One request and the answer that is being made for it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .connection import Connection
    from .streaming import Flow

JSON = b"application/json"
HTML = b"text/html; charset=utf-8"

# Bodies of the errors that carry no detail; the wording is the contract of the behaviour table.
SCRIPT_ERROR = "An unexpected error occurred in scoring script. Check the logs for more info."
INTERNAL_ERROR = "An unexpected internal error occurred. Check the logs for more info."


class Exchange:
    """A request as it came, who asked, and the answer as it will be written.

    Filled by the protocol (request), the application (ids), the thread of ``run()`` (answer) and read by the answer
    writer. One object, no copies: this is the hot path.

    Attributes:
        method: as sent, upper case, e.g. ``POST``.
        path: of the target, percent-encoding kept. query: what follows ``?``, as it came.
        headers: lower-case name to value; repeated ones are joined by a comma. Not to be changed (``known_heads``).
        body: the whole body, transfer coding removed.
        received: ``time.perf_counter()`` when the request was complete.
        request_id, legacy_id, client_id: see ``identity``.
        status, payload, content_type: the answer.
        failed: value of ``x-ms-run-function-failed``; None leaves the header out.
        exec_ms: how long ``run()`` took, or -1 when it did not finish.
        extra: further header lines, each ended by CRLF.
        stream: parts of the body when it is streamed (``payload`` is then empty). flow: their way to the connection.
        batch_size: how many requests shared the call of ``run()``; 0 for all but the first of them.
        span: what telemetry knows about the request; None where it is off.
        answered: whether an answer has been written (a timed-out request's late result is dropped).
    """

    # Defaults of the class instead of assignments in __init__: most requests change few of them.
    method = ""
    path = b""
    query = b""
    body: bytes = b""
    keep_alive = True
    http10 = False
    received = 0.0
    queued = 0.0
    request_id = b""
    legacy_id = b""
    client_id = b""
    trace = b""
    route = "other"
    status = 200
    payload: bytes = b""
    content_type = JSON
    failed: bytes | None = b"False"
    exec_ms = -1.0
    extra = b""
    stream: Iterator[bytes] | AsyncIterator[bytes] | None = None
    flow: Flow | None = None
    batch_size = 1
    answered = False
    refused = False
    span: object = None

    def __init__(self, connection: Connection | None, headers: dict[bytes, bytes] | None = None) -> None:
        self.connection = connection
        self.headers: dict[bytes, bytes] = {} if headers is None else headers

    def refuse(self, status: int, message: str, *, failed: bytes = b"False") -> None:
        """Make the answer an error with the body ``{"message": …}``."""
        self.status = status
        self.payload = json.dumps({"message": message}).encode()
        self.content_type = JSON
        self.failed = failed
        self.exec_ms = -1.0
        self.extra = b""
        self.stream = None

    def stand_in(self) -> Exchange:
        """Return an exchange that is answered in place of this one, which ``run()`` may still be changing."""
        other = Exchange(self.connection)
        for name in ("method", "path", "query", "headers", "keep_alive", "http10", "received", "route"):
            setattr(other, name, getattr(self, name))
        for name in ("request_id", "legacy_id", "client_id", "trace", "span"):
            setattr(other, name, getattr(self, name))
        self.connection = None
        self.answered = True
        return other

    def header(self, name: bytes) -> str:
        """Return a request header as text, empty when it was not sent. ``name`` is in lower case."""
        return self.headers.get(name, b"").decode("latin-1")
