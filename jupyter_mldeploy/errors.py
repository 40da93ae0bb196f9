"""Every error that jupyter_mldeploy raises on purpose, in one tree.

    MldeployError                     code "error"                  HTTP 500
    ├── InvalidInputError             "invalid_input"               422   a value the caller gave (``field`` names it)
    │   ├── InvalidNameError          "invalid_name"                422
    │   ├── InvalidConfigurationError "invalid_configuration"       422   all problems at once (``problems``)
    │   ├── EntryScriptError          "invalid_entry_script"        422   carries the lint diagnostics
    │   └── CaptureError              "capture_failed"              422   a name a cell needs cannot be resolved
    ├── NotSupportedError             "not_supported"               422   the target cannot do it and says so first
    ├── NotFoundError                 "not_found"                   404   ``kind`` and ``name`` say what is missing
    ├── ConflictError                 "conflict"                    409
    │   ├── AlreadyExistsError        "already_exists"              409
    │   ├── InUseError                "in_use"                      409   ``used_by`` lists the users
    │   └── BusyError                 "busy"                        409   another process is changing the same thing
    ├── ForbiddenError                "forbidden"                   403
    ├── TargetUnavailableError        "target_unavailable"          503   e.g. no Docker Engine answers
    ├── DeploymentError               "deployment_failed"           502   carries state, post-mortem and last log lines
    │   └── DeadlineExceededError     "deadline_exceeded"           504
    ├── ScoringError                  "scoring_failed"              502   carries the endpoint's answer
    ├── EnvironmentBuildError         "environment_build_failed"    502   carries the build log
    └── StoreError                    "store_error"                 500
        ├── StoreFullError            "store_full"                  507
        └── CorruptStoreError         "corrupt_store"               500   bytes do not match their digest

``str(error)`` is one sentence: what failed and why. ``hint`` is what to do next. ``to_dict()`` is the body every
frontend shows: ``{code, message, hint, cause, details}``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class MldeployError(Exception):
    """Base of all errors raised on purpose.

    Attributes:
        message: one sentence that says what failed and why.
        hint: what the reader can do about it, or None.
        details: JSON-serialisable facts (names, values, log lines) for programs.
    """

    code: ClassVar[str] = "error"
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, *, hint: str | None = None, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details: dict[str, Any] = dict(details or {})

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    def to_dict(self) -> dict[str, Any]:
        """Return ``{code, message, hint, cause, details}``, the body shown by REST, CLI ``--json`` and widgets."""
        cause = self.__cause__
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "cause": None if cause is None else f"{type(cause).__name__}: {cause}",
            "details": self.details,
        }


class InvalidInputError(MldeployError):
    """A value that the caller gave cannot be used; ``field`` names it."""

    code = "invalid_input"
    http_status = 422

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        hint: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, hint=hint, details={**(details or {}), **({"field": field} if field else {})})
        self.field = field


class InvalidNameError(InvalidInputError):
    """A name breaks the rule for its kind of thing."""

    code = "invalid_name"


class InvalidConfigurationError(InvalidInputError):
    """A configuration has one or more problems; ``problems`` holds ``{"field": path, "message": text}`` for each."""

    code = "invalid_configuration"

    def __init__(self, message: str, *, problems: Sequence[Mapping[str, str]] = (), hint: str | None = None) -> None:
        super().__init__(
            message,
            field=problems[0]["field"] if problems else None,
            hint=hint,
            details={"problems": [dict(problem) for problem in problems]},
        )
        self.problems = [dict(problem) for problem in problems]


class EntryScriptError(InvalidInputError):
    """An entry script breaks its contract; ``diagnostics`` are the lint findings as dictionaries."""

    code = "invalid_entry_script"

    def __init__(self, message: str, *, diagnostics: Sequence[Mapping[str, Any]] = (), hint: str | None = None) -> None:
        super().__init__(
            message,
            field="entry_script",
            hint=hint,
            details={"diagnostics": [dict(item) for item in diagnostics]},
        )
        self.diagnostics = [dict(item) for item in diagnostics]


class CaptureError(InvalidInputError):
    """A name that a captured cell needs cannot be resolved from the other cells."""

    code = "capture_failed"


class NotSupportedError(MldeployError):
    """The target (or platform) cannot do what was asked; raised before anything is created."""

    code = "not_supported"
    http_status = 422


class NotFoundError(MldeployError):
    """Something that was named does not exist."""

    code = "not_found"
    http_status = 404

    def __init__(self, kind: str, name: str, *, hint: str | None = None, message: str | None = None) -> None:
        super().__init__(
            message or f"There is no {kind} named {name!r}.", hint=hint, details={"kind": kind, "name": name}
        )
        self.kind = kind
        self.name = name


class ConflictError(MldeployError):
    """The request contradicts what exists."""

    code = "conflict"
    http_status = 409


class AlreadyExistsError(ConflictError):
    """Something of that name exists and may not be overwritten."""

    code = "already_exists"


class InUseError(ConflictError):
    """Something cannot be deleted while others use it; ``used_by`` lists them."""

    code = "in_use"

    def __init__(self, message: str, *, used_by: Sequence[str] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint, details={"used_by": list(used_by)})
        self.used_by = list(used_by)


class BusyError(ConflictError):
    """Another process is changing the same thing right now."""

    code = "busy"


class ForbiddenError(MldeployError):
    """The caller or the workspace's settings do not allow it."""

    code = "forbidden"
    http_status = 403


class TargetUnavailableError(MldeployError):
    """The place to deploy to does not answer."""

    code = "target_unavailable"
    http_status = 503


class DeploymentError(MldeployError):
    """A deployment did not reach its goal.

    Attributes:
        state: the service's state afterwards, for example ``"Failed"``.
        postmortem: ranked cause with evidence as a dictionary (see ``core.postmortem``), or None.
        log_tail: the last log lines of the instance that failed.
        steps: the sub-steps with their times in seconds.
        findings: what the linter had to say about the entry script (``Diagnostic.to_dict()``), the fixes too.
    """

    code = "deployment_failed"
    http_status = 502

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        state: str | None = None,
        postmortem: Mapping[str, Any] | None = None,
        log_tail: Sequence[str] = (),
        steps: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(
            message,
            hint=hint,
            details={
                "state": state,
                "postmortem": dict(postmortem) if postmortem else None,
                "log_tail": list(log_tail),
                "steps": [dict(step) for step in steps],
            },
        )
        self.state = state
        self.postmortem = dict(postmortem) if postmortem else None
        self.log_tail = list(log_tail)
        self.steps = [dict(step) for step in steps]
        self.findings: list[dict[str, Any]] = []

    def found(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Add what the linter says about the script that failed: it may name the cause, and repair it."""
        self.findings = [dict(item) for item in findings]
        self.details["findings"] = self.findings


class DeadlineExceededError(DeploymentError):
    """A deployment ran past the deadline that it was given."""

    code = "deadline_exceeded"
    http_status = 504


class ScoringError(MldeployError):
    """The endpoint answered a test request with an error.

    Attributes:
        status: HTTP status of the answer, or None when there was no answer.
        body: the answer's body as text.
        headers: the answer's headers.
    """

    code = "scoring_failed"
    http_status = 502

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        body: str = "",
        headers: Mapping[str, str] | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, details={"status": status, "body": body, "headers": dict(headers or {})})
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


class EnvironmentBuildError(MldeployError):
    """An environment could not be built; ``details["log_tail"]`` holds the end of the build log."""

    code = "environment_build_failed"
    http_status = 502


class StoreError(MldeployError):
    """The workspace's store could not do its work."""

    code = "store_error"


class StoreFullError(StoreError):
    """The disk that holds the workspace is full."""

    code = "store_full"
    http_status = 507


class CorruptStoreError(StoreError):
    """Stored bytes do not match their digest."""

    code = "corrupt_store"
