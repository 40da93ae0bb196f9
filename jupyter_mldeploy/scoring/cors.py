"""Cross-origin requests by configuration (``AML_CORS_ORIGINS``). Scripts may also set the headers themselves."""

from __future__ import annotations

import re

from .exchange import Exchange

_METHODS = b"GET, POST"


class CorsPolicy:
    """Which origins may call.

    Args:
        origins: exact ones (``https://a.com``), with ``*`` for a part (``https://*.example.com``), or ``*`` for all.
    """

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._all = "*" in origins
        self._first = origins[0].encode("latin-1") if origins else b""
        self._patterns = [
            re.compile(re.escape(origin.rstrip("/")).replace(r"\*", "[^/]*").encode("latin-1"), re.IGNORECASE)
            for origin in origins
        ]

    def apply(self, exchange: Exchange) -> None:
        """Add the headers for an answer, unless the script has set them."""
        if b"access-control-allow-origin:" in exchange.extra.lower():
            return
        exchange.extra += self._lines(exchange)

    def is_preflight(self, exchange: Exchange) -> bool:
        """Return whether a browser asks what it may send."""
        return (
            exchange.method == "OPTIONS"
            and b"origin" in exchange.headers
            and b"access-control-request-method" in exchange.headers
        )

    def _lines(self, exchange: Exchange) -> bytes:
        if self._all:
            allowed, vary = b"*", b""
        else:
            vary = b"Vary: Origin\r\n"
            origin = exchange.headers.get(b"origin")
            if origin is None:
                allowed = self._first
            elif any(pattern.fullmatch(origin) for pattern in self._patterns):
                allowed = origin
            else:
                return vary
        lines = b"Access-Control-Allow-Origin: %b\r\n" % allowed
        if self.is_preflight(exchange):
            asked = exchange.headers.get(b"access-control-request-headers", b"")
            names = [name.strip() for name in asked.split(b",") if name.strip()]
            if names:
                lines += b"Access-Control-Allow-Headers: %b\r\n" % b", ".join(names)
            lines += b"Access-Control-Allow-Methods: %b\r\n" % _METHODS
        elif exchange.headers.get(b"origin") is not None:
            lines += b"Access-Control-Expose-Headers: x-ms-request-id, x-request-id, x-ms-run-fn-exec-ms\r\n"
        return lines + vary
