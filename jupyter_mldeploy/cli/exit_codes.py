"""What the exit code of ``mldeploy`` means, and which error gives which."""

from __future__ import annotations

from ..errors import ConflictError, InvalidInputError, MldeployError, NotFoundError, NotSupportedError
from ..errors import TargetUnavailableError as Unavailable

OK = 0
FAILED = 1
USAGE = 2
NOT_FOUND = 3
CONFLICT = 4
UNAVAILABLE = 5
INTERRUPTED = 130

MEANINGS: dict[int, str] = {
    OK: "it was done",
    FAILED: "it was tried and failed: the deployment, the request, the build, the store (lint: there are findings)",
    USAGE: "the input cannot be used: an option, a file, a name, a configuration key, an entry script, or something"
    " that the target cannot do; nothing was changed",
    NOT_FOUND: "something that was named does not exist",
    CONFLICT: "it contradicts what exists, is in use, or another process is changing it",
    UNAVAILABLE: "the target, or the service, does not answer",
    INTERRUPTED: "it was interrupted (Ctrl-C)",
}

_BY_ERROR: tuple[tuple[type[MldeployError], int], ...] = (
    (InvalidInputError, USAGE),
    (NotSupportedError, USAGE),
    (NotFoundError, NOT_FOUND),
    (ConflictError, CONFLICT),
    (Unavailable, UNAVAILABLE),
    (MldeployError, FAILED),
)


def exit_code(error: MldeployError) -> int:
    """Return the exit code for an error."""
    return next(code for kind, code in _BY_ERROR if isinstance(error, kind))
