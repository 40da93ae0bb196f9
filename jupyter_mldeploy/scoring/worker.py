"""One worker process: loads the script, calls ``init()``, tests itself, then serves until it is told to stop.

With its supervisor it speaks over a ``StatusChannel``:

    worker → supervisor                                 supervisor → worker
    {"event": "loading", "pid": …}                      {"command": "go"}           begin to accept
    {"event": "ready", "import_ms": …, "init_ms": …}    {"command": "drain"}        stop accepting, answer, exit 0
    {"event": "failed", "stage": …, …}   then exit 3    {"command": "reload-keys"}  read the key file again
    {"event": "alive", "inflight": …, "busy_since": …}  {"command": "stats"}        answer with a "stats" event
    {"event": "retiring", "requests": …}                (drain, when its replacement is ready)
    {"event": "stuck", …}                               (end of file)               the supervisor is gone: drain
    {"event": "draining", …}  {"event": "stats", …}
    {"event": "keys", "number": …}                      (it has read them; the number that came with the command)
    {"event": "stopped", …}              then exit 0 (4 after "stuck")
"""

from __future__ import annotations

import logging
import os
import socket
from typing import Any

from .errors import SettingsError, StartError, StatusChannelClosed
from .failure import failed_event
from .loading import load
from .serving import Service, close_telemetry
from .spec import WorkerSpec
from .status import StatusChannel

__all__ = ["EXIT_FAILED", "StatusChannel", "WorkerSpec", "run_worker"]

#: Exit code of a worker that could not start (missing script, failing ``init()`` …), as in v1.
EXIT_FAILED = 3


def run_worker(spec: WorkerSpec, sockets: list[socket.socket], status: StatusChannel) -> int:
    """Run one worker in this process and return its exit code: 0 after draining, 3 when it could not start.

    Must be called in the main thread; the user's code runs in it. Nothing is redirected: standard output and error are
    as the caller set them. The sockets must be bound and listening; they are not closed for other processes.
    """
    spec = spec.named()
    try:
        status.send({"event": "loading", "pid": os.getpid()})
        try:
            service = Service(spec, load(spec), sockets, status)
        except (StartError, SettingsError) as error:
            reason = error if isinstance(error, StartError) else StartError("settings", str(error))
            event = failed_event(reason)
            _log_failure(event, reason.cause)
            status.send(event)
            close_telemetry()
            return EXIT_FAILED
        return service.run()
    except StatusChannelClosed:
        return 0  # without its supervisor a worker has no reason to be


def _log_failure(event: dict[str, Any], cause: BaseException | None) -> None:
    """Put into the log what v1 put there: the traceback and what lies in the model directory."""
    tree = "\n  ".join(event["model_tree"])
    logging.getLogger("mldeploy.scoring").error(
        "The service cannot start (%s): %s\n%s\nModel directory:\n  %s",
        event["stage"],
        event["message"],
        event["traceback_text"],
        tree,
        extra={"failure": cause},
    )
