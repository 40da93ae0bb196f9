"""A container's health check: exit code 0 when the service in it answers ``GET /``. Run as a file, by itself."""

from __future__ import annotations

import os
import socket
import sys

_PORT = 5001
_TIMEOUT_S = 4.0


def main() -> int:
    """Ask once; return 0 for an answer of 200, 1 for anything else."""
    try:
        connection = socket.create_connection(("127.0.0.1", _PORT), timeout=_TIMEOUT_S)
        if os.environ.get("MLDEPLOY_TLS_CERTIFICATE_FILE"):
            import ssl

            context = ssl._create_unverified_context()  # noqa: S323 - it talks to itself
            connection = context.wrap_socket(connection)
        with connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = connection.recv(64)
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0 if answer.startswith(b"HTTP/1.1 200") else 1


if __name__ == "__main__":
    sys.exit(main())
