"""The stand-alone server from its arguments on. Loads little, as the parent stays in memory: see ``standalone``."""

from __future__ import annotations

import json
import os
import sys

from .binding import bind_port, bind_unix
from .errors import SettingsError
from .secret_values import load_secrets
from .standalone import Standalone, end_of_child

TYPE_CHECKING = False  # what typing.TYPE_CHECKING means to type checkers, without the import of typing
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypedDict

    class Order(TypedDict):
        """What the child that has read arguments and settings tells the parent.

        ``spec`` is what every worker runs (``WorkerSpec.to_dict``), ``environment`` what to add to the environment,
        ``door`` the doorkeeper's socket; the last four are the settings that concern the parent.
        """

        spec: dict[str, Any]
        workers: int
        addresses: list[tuple[str, int]]
        unix_socket: str | None
        door: str | None
        environment: dict[str, str]
        revision: str
        structured: bool
        key_files: list[str]
        drain_deadline_s: float


EXIT_USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped; return the exit code: 0, 3 when the script cannot be started, 2 for wrong arguments."""
    try:
        load_secrets(os.environ)
        order = _order(arguments)
        if isinstance(order, int):
            return order
        os.environ.update(order["environment"])
        if order["workers"] > 1:
            from .shared_imports import prepare_for_many

            prepare_for_many(order["spec"], order["workers"])
        if order["unix_socket"]:
            sockets = [bind_unix(order["unix_socket"])]
        else:
            sockets = [bind_port(host, port) for host, port in order["addresses"]]
    except (SettingsError, OSError) as error:
        sys.stderr.write(f"mldeploy: {error}\n")
        return EXIT_USAGE
    return Standalone(order, sockets).run()


def _order(arguments: Sequence[str] | None) -> Order | int:
    """Have arguments and settings read by a child, as that takes many modules; an exit code when that is all."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        end_of_child(lambda: _read_order(arguments, writing))
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read()
    _, status = os.waitpid(pid, 0)
    if not text:
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code
    order: Order = json.loads(text)
    return order


def _read_order(arguments: Sequence[str] | None, pipe: int) -> int:
    from .command_line import read_order

    try:
        order = read_order(arguments)
    except SettingsError as error:
        sys.stderr.write(f"mldeploy: {error}\n")
        return EXIT_USAGE
    except SystemExit as ended:
        return int(ended.code or 0)
    with os.fdopen(pipe, "wb") as file:
        file.write(json.dumps(order).encode())
    return 0
