"""``mldeploy-lsp``: starts the language server over stdio, TCP or WebSocket."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server until its client goes away."""
    parser = argparse.ArgumentParser(
        prog="mldeploy-lsp", description="Language server for entry scripts, %%deploy cells and deployment files."
    )
    doors = parser.add_mutually_exclusive_group()
    doors.add_argument("--stdio", action="store_true", help="speak over standard input and output (the default)")
    doors.add_argument("--tcp", action="store_true", help="listen for one TCP connection")
    doors.add_argument("--ws", action="store_true", help="listen for one WebSocket connection")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=2087, help="port to listen on (default: %(default)s)")
    parser.add_argument(
        "--log-level", default="warning", choices=("debug", "info", "warning", "error"), help="what goes to stderr"
    )
    parser.add_argument(
        "--no-diagnostics", action="store_true", help="show no findings, unless the client's settings ask for them"
    )
    parser.add_argument("--version", action="store_true", help="print the version and stop")
    options = parser.parse_args(arguments)
    if options.version:
        from jupyter_mldeploy._version import __version__

        sys.stdout.write(f"mldeploy-lsp {__version__}\n")
        return 0
    logging.basicConfig(
        level=options.log_level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        from mldeploy_lsp.server import Server
    except ModuleNotFoundError as error:
        if (error.name or "").split(".", 1)[0] not in {"pygls", "lsprotocol"}:
            raise
        sys.stderr.write("mldeploy-lsp needs pygls: pip install 'jupyter_mldeploy[lsp]'.\n")
        return 1
    server = Server()
    server.shows_findings = not options.no_diagnostics
    if options.tcp:
        server.start_tcp(options.host, options.port)
    elif options.ws:
        server.start_ws(options.host, options.port)
    else:
        server.start_io()
    return 0


if __name__ == "__main__":
    sys.exit(main())
