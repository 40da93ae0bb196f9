"""Writes the head of an answer. What does not change from one request to the next is made once a second."""

from __future__ import annotations

import time
from http import HTTPStatus

from .exchange import Exchange

_SECONDS_OF_DATE = 1.0
_REASONS = {item.value: item.phrase.upper().encode() for item in HTTPStatus}
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def http_date(seconds: float) -> str:
    """Return a time as HTTP writes it (always English, whatever the locale)."""
    at = time.gmtime(seconds)
    return (
        f"{_WEEKDAYS[at.tm_wday]}, {at.tm_mday:02} {_MONTHS[at.tm_mon - 1]} {at.tm_year} "
        f"{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} GMT"
    )


def bodiless(status: int) -> bool:
    """Return whether HTTP forbids a body for this status."""
    return status in (204, 304) or status < 200


class AnswerWriter:
    """Makes response heads. ``tick`` must be called about once a second, it renews the date."""

    def __init__(self, version: str, *, show_version: bool) -> None:
        self._server = b"Server: mldeploy\r\n"
        self._version = f"x-ms-server-version: mldeploy/{version}\r\n".encode() if show_version else b""
        # What nearly every answer of run() looks like, in one piece.
        self._usual = (
            b"%b"
            b"Content-Length: %d\r\n"
            b"x-ms-run-function-failed: False\r\n"
            b"x-ms-run-fn-exec-ms: %.3f\r\n"
            + self._version.replace(b"%", b"%%")
            + b"x-request-id: %b\r\nx-ms-request-id: %b\r\n\r\n"
        )
        self._openings: dict[tuple[int, bytes], bytes] = {}
        self._date = b""
        self.tick()

    def tick(self) -> None:
        """Renew the date."""
        self._date = f"Date: {http_date(time.time())}\r\n".encode()
        self._openings.clear()

    def head(self, exchange: Exchange, *, keep_alive: bool, streamed: bool = False) -> bytes:
        """Return everything up to the body: status line, headers, empty line."""
        key = (exchange.status, exchange.content_type)
        opening = self._openings.get(key) or self._open(key)
        failed = exchange.failed
        if (
            exchange.exec_ms >= 0
            and exchange.legacy_id is exchange.request_id  # the client has sent no ids
            and failed == b"False"
            and exchange.status == 200
            and keep_alive
            and not (exchange.extra or exchange.trace or exchange.http10 or streamed)
        ):
            return self._usual % (
                opening,
                len(exchange.payload),
                exchange.exec_ms,
                exchange.request_id,
                exchange.request_id,
            )
        if bodiless(exchange.status):
            size = b""
        elif streamed:
            size = b"" if exchange.http10 else b"Transfer-Encoding: chunked\r\n"
        else:
            size = b"Content-Length: %d\r\n" % len(exchange.payload)
        # What no route has seen (404, 405) carries no ids and no version.
        ids = self._version if exchange.status not in (404, 405) or exchange.request_id else b""
        if exchange.request_id:
            ids += b"x-request-id: %b\r\n" % exchange.request_id
            if exchange.legacy_id:
                ids += b"x-ms-request-id: %b\r\n" % exchange.legacy_id
                if exchange.client_id:
                    ids += b"x-ms-client-request-id: %b\r\n" % exchange.client_id
            if exchange.trace:
                ids += b"TraceId: %b\r\n" % exchange.trace
        return b"%b%b%b%b%b%b%b\r\n" % (
            opening,
            size,
            b"" if failed is None else b"x-ms-run-function-failed: %b\r\n" % failed,
            b"" if exchange.exec_ms < 0 else b"x-ms-run-fn-exec-ms: %.3f\r\n" % exchange.exec_ms,
            exchange.extra,
            ids,
            b"Connection: close\r\n" if not keep_alive else b"Connection: keep-alive\r\n" if exchange.http10 else b"",
        )

    def _open(self, key: tuple[int, bytes]) -> bytes:
        status, content_type = key
        reason = _REASONS.get(status, b"UNKNOWN")
        kind = b"Content-Type: %b\r\n" % content_type if content_type else b""
        opening = b"HTTP/1.1 %d %b\r\n%b%b%b" % (status, reason, self._server, self._date, kind)
        if len(self._openings) < 1000:  # a script may make up content types without end
            self._openings[key] = opening
        return opening
