"""The scoring server's own small exception tree.

ScoringServerError
├── SettingsError          a setting cannot be used; says which variable or key
├── StartError             the worker cannot start; ``stage`` says where it stopped
└── StatusChannelClosed    the supervisor's end of the status channel is gone
ScoringTimeout             raised inside run() when it has used up its time (not an Exception, see there)
"""

from __future__ import annotations

TYPE_CHECKING = False  # what typing.TYPE_CHECKING means to type checkers, without the import of typing
if TYPE_CHECKING:
    from typing import Literal

    Stage = Literal["settings", "contract", "import", "init", "selftest"]


class ScoringServerError(Exception):
    """Base of what the scoring server raises on purpose."""


class SettingsError(ScoringServerError):
    """A setting cannot be used; the message names the environment variable or the key."""


class StartError(ScoringServerError):
    """The worker cannot start.

    Attributes:
        stage: ``import`` (the script), ``contract`` (its signature or decorators), ``init``,
            ``selftest`` or ``settings`` (keys, certificate).
        cause: the exception of the user's code, when there is one.
    """

    def __init__(self, stage: Stage, message: str, cause: BaseException | None = None) -> None:
        super().__init__(message)
        self.stage: Stage = stage
        self.cause = cause


class StatusChannelClosed(ScoringServerError):  # noqa: N818 - it says what has happened
    """The other end of the status channel is closed: the supervisor is gone."""


class ScoringTimeout(BaseException):
    """Raised in the thread of ``run()`` when its time is up.

    Not an ``Exception``: entry scripts end in ``except Exception as e: return str(e)``, which must not swallow it.
    """
