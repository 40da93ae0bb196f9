"""``AMLRequest``, ``AMLResponse`` and ``@rawhttp``: for scripts that take the request and make the response.

Built on werkzeug's request and response, which Flask's (v1's base) are made of as well. Imported only when a script
asks for it: werkzeug takes a while to load.
"""

from __future__ import annotations

import dis
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

from werkzeug.wrappers import Request, Response

from .exchange import Exchange

RAWHTTP_ATTRIBUTE = "__mldeploy_rawhttp__"

Function = TypeVar("Function", bound=Callable[..., Any])

# Headers whose value may hold a comma that separates nothing.
_ONE_VALUE = frozenset(
    {"date", "expires", "last-modified", "retry-after", "set-cookie", "content-disposition", "location"}
)

# Written by the server itself, or valid for one connection only.
_NOT_THE_SCRIPTS = frozenset(
    {"content-length", "connection", "transfer-encoding", "keep-alive", "date", "server", "upgrade"}
)

# What a request has and a text has not: a run() that reads one of these from its argument cannot have meant the text.
_REQUEST_ONLY = frozenset(
    {"method", "get_data", "full_path", "headers", "args", "form", "files", "query_string", "content_type", "get_json"}
)


def rawhttp(function: Function) -> Function:
    """Mark ``run()`` as one that takes the request itself (an `AMLRequest`)."""
    mark_rawhttp(function)
    return function


def mark_rawhttp(function: Callable[..., Any]) -> None:
    """Set the mark on a function, or on the function of a method."""
    setattr(getattr(function, "__func__", function), RAWHTTP_ATTRIBUTE, True)


class AMLRequest(Request):
    """The request: werkzeug's ``Request`` with the attributes that v1's (Flask's) had.

    ``method, path, full_path, url, base_url, host, scheme, headers, args, form, files, values, cookies, data,
    get_data(), json, get_json(), is_json, content_type, mimetype, content_length, query_string, remote_addr, stream``
    """


class AMLResponse(Response):
    """The response that ``run()`` gives to take status, headers and body into its own hands.

    Args:
        message: bytes or text as the body, an iterator of either as a streamed body (an asynchronous one where
            ``run()`` is ``async``), None for ``{}``; anything else is written as JSON.
        status_code: HTTP status.
        response_headers: further headers; commas separate repeated ones. A ``Content-Type`` replaces the default.
        json_str: write ``message`` as JSON even if it is text. (It does not mean "is a JSON text already".)
        run_function_failed: value of the header ``x-ms-run-function-failed``.
    """

    default_mimetype = "text/html"

    def __init__(
        self,
        message: Any,
        status_code: int = 200,
        response_headers: Mapping[str, Any] | None = None,
        json_str: bool = False,
        run_function_failed: bool = False,
    ) -> None:
        if message is None:
            super().__init__(json.dumps({}), status=status_code, mimetype="application/json")
        elif json_str or not isinstance(message, str | bytes | bytearray | memoryview | Iterator | AsyncIterator):
            from ..schema.encoding import encode

            super().__init__(encode(message), status=status_code, mimetype="application/json")
        else:
            body: Any = bytes(message) if isinstance(message, bytearray | memoryview) else message
            super().__init__(body, status=status_code)
        self.headers["x-ms-run-function-failed"] = str(run_function_failed)
        for name, value in (response_headers or {}).items():
            lower = name.lower()
            if lower == "content-type":
                self.headers[name] = str(value)
            elif lower in _ONE_VALUE:
                self.headers.add(name, str(value))
            else:
                for part in str(value).split(","):
                    self.headers.add(name, part.strip())


def make_request(exchange: Exchange) -> AMLRequest:
    """Make the request object that ``run()`` gets."""
    return AMLRequest(_environ(exchange))


def take_response(exchange: Exchange, response: Response) -> None:
    """Set an exchange's answer to the response that ``run()`` returned."""
    exchange.status = response.status_code
    exchange.content_type = b""
    exchange.failed = None
    lines: list[bytes] = []
    for name, value in response.headers:
        lower = name.lower()
        if lower == "content-type":
            exchange.content_type = value.encode("latin-1", "replace")
        elif lower == "x-ms-run-function-failed":
            exchange.failed = value.encode("latin-1", "replace")
        elif lower not in _NOT_THE_SCRIPTS:
            lines.append(f"{name}: {value}\r\n".encode("latin-1", "replace"))
    exchange.extra += b"".join(lines)
    if isinstance(response.response, AsyncIterator):
        exchange.stream = _AsyncParts(response)
    elif response.is_streamed:
        exchange.stream = _parts(response)
    else:
        response.direct_passthrough = False
        exchange.payload = response.get_data()
        response.close()


def is_response(result: object) -> bool:
    """Return whether ``run()`` returned a response object, ours or another one made of werkzeug's (Flask's)."""
    return isinstance(result, Response)


def reads_like_request(function: Callable[..., Any]) -> bool:
    """Return whether an undecorated ``run()`` reads, from its first parameter, attributes that only a request has.

    A text has none of them, so that every such call would fail: the script means ``@rawhttp`` and forgot it (v1's own
    documentation printed such a script).
    """
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is None or code.co_argcount == 0:
        return False
    index = 1 if hasattr(function, "__self__") else 0
    if code.co_argcount <= index:
        return False
    first = code.co_varnames[index]
    loaded: Any = None
    for instruction in dis.get_instructions(code):
        if instruction.opname.startswith("STORE_FAST") and instruction.argval == first:
            return False  # the name means something else from here on
        if (
            instruction.opname in ("LOAD_ATTR", "LOAD_METHOD")
            and loaded == first
            and instruction.argval in _REQUEST_ONLY
        ):
            return True
        if instruction.opname.startswith("LOAD_FAST"):
            loaded = instruction.argval[-1] if isinstance(instruction.argval, tuple) else instruction.argval
        else:
            loaded = None
    return False


def _parts(response: Response) -> Iterator[bytes]:
    try:
        parts: Iterable[Any] = response.iter_encoded()
        for part in parts:
            yield part.encode() if isinstance(part, str) else bytes(part)
    finally:
        response.close()


class _AsyncParts:
    """The parts of a response whose body is an asynchronous iterator. Closing it closes the iterator, begun or not."""

    def __init__(self, response: Response) -> None:
        self._response = response
        self._parts: Any = response.response

    def __aiter__(self) -> _AsyncParts:
        return self

    async def __anext__(self) -> bytes:
        part = await anext(self._parts)
        return part.encode() if isinstance(part, str) else bytes(part)

    async def aclose(self) -> None:
        close = getattr(self._parts, "aclose", None)
        if close is not None:
            await close()
        self._response.close()


def _environ(exchange: Exchange) -> dict[str, Any]:
    connection = exchange.connection
    peer = connection.peer if connection is not None else ("", 0)
    scheme = connection.scheme if connection is not None else "http"
    headers = exchange.headers
    host = headers.get(b"host", b"localhost").decode("latin-1")
    name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": exchange.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(exchange.path).decode("latin-1"),
        "QUERY_STRING": exchange.query.decode("latin-1"),
        "REQUEST_URI": (exchange.path + (b"?" + exchange.query if exchange.query else b"")).decode("latin-1"),
        "SERVER_NAME": name or host,
        "SERVER_PORT": port if port.isdecimal() else ("443" if scheme == "https" else "80"),
        "SERVER_PROTOCOL": "HTTP/1.0" if exchange.http10 else "HTTP/1.1",
        "REMOTE_ADDR": peer[0],
        "REMOTE_PORT": str(peer[1]),
        "CONTENT_LENGTH": str(len(exchange.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.input": io.BytesIO(exchange.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if b"content-type" in headers:
        environ["CONTENT_TYPE"] = headers[b"content-type"].decode("latin-1")
    for key, value in headers.items():
        # A name with an underscore would look like one with a hyphen here, and could pose as it.
        if key not in (b"content-type", b"content-length", b"transfer-encoding") and b"_" not in key:
            environ["HTTP_" + key.decode("latin-1").upper().replace("-", "_")] = value.decode("latin-1")
    return environ
