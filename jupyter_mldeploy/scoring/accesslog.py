"""One log line for every answer but health checks and metrics: who asked what, how it went, how long it took."""

from __future__ import annotations

import time

from .exchange import Exchange
from .log_lines import LogWriter


class AccessLog:
    """Tells a log writer of every answer."""

    def __init__(self, writer: LogWriter) -> None:
        self._writer = writer

    def answered(self, exchange: Exchange, seconds: float) -> None:
        """Log one answer. The query is left out on purpose: it may hold what nobody wants in a log."""
        if exchange.route in {"health", "metrics"} and exchange.status == 200:
            return
        milliseconds = seconds * 1000
        if exchange.path == b"/score" and not exchange.client_id and b"x-request-id" not in exchange.headers:
            self._quickly(exchange, milliseconds)
            return
        size = len(exchange.payload)
        path = exchange.path.decode("latin-1")
        fields: dict[str, object] = {
            "time": round(time.time(), 6),
            "level": "info" if exchange.status < 500 else "error",
            "message": f"{exchange.method} {path} {exchange.status} {milliseconds:.3f}ms {size}",
            "logger": "access",
            "request_id": exchange.request_id.decode("latin-1"),
            "status": exchange.status,
            "ms": round(milliseconds, 3),
            "method": exchange.method,
            "path": path,
        }
        if exchange.client_id:
            fields["client_request_id"] = exchange.client_id.decode("latin-1")
        if exchange.exec_ms >= 0:
            fields["run_ms"] = round(exchange.exec_ms, 3)
        self._writer.access(fields)

    def _quickly(self, exchange: Exchange, milliseconds: float) -> None:
        """Write the same line without a detour, for requests in which nothing needs escaping."""
        method = exchange.method.encode()
        if not self._writer.structured:
            self._writer.access_line(
                b"%b I access [%b] | %b /score %d %.3fms %d\n"
                % (
                    self._writer.stamp(time.time()),
                    exchange.request_id,
                    method,
                    exchange.status,
                    milliseconds,
                    len(exchange.payload),
                )
            )
            return
        spent = b"%.3f" % milliseconds
        run = b',"run_ms":%.3f' % exchange.exec_ms if exchange.exec_ms >= 0 else b""
        self._writer.access_line(
            b'{"time":%.6f,"level":"%b","message":"%b /score %d %bms %d","logger":"access","request_id":"%b",'
            b'"status":%d,"ms":%b,"method":"%b","path":"/score"%b%b'
            % (
                time.time(),
                b"info" if exchange.status < 500 else b"error",
                method,
                exchange.status,
                spent,
                len(exchange.payload),
                exchange.request_id,
                exchange.status,
                spent,
                method,
                run,
                self._writer.line_end,
            )
        )
