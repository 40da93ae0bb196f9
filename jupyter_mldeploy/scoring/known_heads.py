"""Heads that were read before: clients that keep their connection say the same again and again, but for the body.

A request's head means the same whenever it begins a request, so one that was read by the parser, byte for byte as it is
here, need not be parsed again. Only the plainest requests are remembered: a POST with a body that came in one
piece with its head, framed by ``Content-Length``, on a connection that stays.
"""

from __future__ import annotations

from .exchange import Exchange

#: Path, query, headers, length of the body.
_Head = tuple[bytes, bytes, dict[bytes, bytes], int]

_MOST_HEADS = 256
_LONGEST_HEAD = 2048

_END = b"\r\n\r\n"
#: Heads with one of these are read by the parser: they frame the body in another way, or are never the same again.
_UNUSUAL = frozenset(
    [
        b"transfer-encoding",
        b"expect",
        b"upgrade",
        b"x-request-id",
        b"x-ms-request-id",
        b"x-ms-client-request-id",
        b"traceid",
        b"traceparent",
    ]
)


class KnownHeads:
    """The heads that a worker's connections have in common; few and short, so they cost no memory to speak of."""

    def __init__(self) -> None:
        self._found: dict[bytes, _Head] = {}

    def __len__(self) -> int:
        """How many are known."""
        return len(self._found)

    def recall(self, data: bytes) -> Exchange | None:
        """Return the request that ``data`` is, without its connection; None when the parser must read it.

        Args:
            data: what came, the first byte of it being the first of a request.
        """
        end = data.find(_END) + 4
        known = self._found.get(data[:end])
        if known is None or len(data) - end != known[3]:
            return None  # the body is not complete, or there is more behind it
        return _request(known, data[end:])

    def recall_begun(self, data: bytes) -> tuple[Exchange, int] | None:
        """Return the request of which ``data`` is the head and the beginning of the body, and the body's length."""
        end = data.find(_END) + 4
        known = self._found.get(data[:end])
        if known is None or len(data) - end >= known[3]:
            return None
        return _request(known, data[end:]), known[3]

    def remember(self, data: bytes, exchange: Exchange) -> None:
        """Remember the head of ``data``, of which the parser made ``exchange``, if it is one for `recall`."""
        end = data.find(_END) + 4
        headers, length = exchange.headers, len(exchange.body)
        if (
            exchange.method != "POST"
            or exchange.http10
            or not exchange.keep_alive
            or not length
            or end > _LONGEST_HEAD
            or len(data) - end != length  # more than one request, or a head that ends in another way
            or headers.get(b"content-length") != b"%d" % length
            or not _UNUSUAL.isdisjoint(headers)
        ):
            return
        if len(self._found) >= _MOST_HEADS:
            self._found.clear()
        self._found[data[:end]] = (exchange.path, exchange.query, headers, length)


def _request(known: _Head, body: bytes) -> Exchange:
    path, query, headers, _ = known
    exchange = Exchange(None, headers)
    exchange.method = "POST"
    exchange.path = path
    exchange.query = query
    exchange.body = body
    return exchange
