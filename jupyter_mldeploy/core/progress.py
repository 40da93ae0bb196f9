"""Deadline, cancellation and the sub-steps of one deployment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from ..errors import DeadlineExceededError, DeploymentError
from .records import State

Report = Callable[[str, str], None]


def bar(share: float) -> str:
    """Return a bar of text for a share from 0 to 1, which every frontend can show.

    >>> bar(0.3)
    '███░░░░░░░  30 %'
    """
    share = min(1.0, max(0.0, share))
    full = int(share * 10)
    return f"{'█' * full}{'░' * (10 - full)} {share:4.0%}".replace("%", " %")


class Progress:
    """Deadline, cancellation and sub-step reporting for one deployment.

    Args:
        deadline: seconds the whole deployment may take.
        report: called with (step, message) whenever a sub-step begins.
        cancelled: another thread sets it to give the deployment up; None makes one that nobody else knows.
    """

    def __init__(self, deadline: float, report: Report | None = None, cancelled: threading.Event | None = None) -> None:
        self.started = time.monotonic()
        self.deadline = deadline
        self.cancelled = cancelled if cancelled is not None else threading.Event()
        self._report = report
        self._steps: list[tuple[str, float]] = []

    @property
    def elapsed(self) -> float:
        """Seconds since the deployment began."""
        return time.monotonic() - self.started

    @property
    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.deadline - self.elapsed)

    def afresh(self) -> Progress:
        """Return one that reports to the same place and has as much time again; nobody has cancelled it."""
        return Progress(self.deadline, self._report)

    def step(self, name: str, message: str = "") -> None:
        """Begin a sub-step (and end the one before); raises when the deadline has passed or the user cancelled."""
        self.check()
        self._steps.append((name, self.elapsed))
        if self._report is not None:
            self._report(name, message or name)

    def note(self, message: str) -> None:
        """Report a line of the sub-step that is under way (of a build, for example) without beginning another one."""
        self.check()
        if self._report is not None and self._steps:
            self._report(self._steps[-1][0], message)

    def check(self) -> None:
        """Raise DeadlineExceededError past the deadline, DeploymentError after a cancellation."""
        if self.cancelled.is_set():
            raise DeploymentError("The deployment was cancelled.", state=State.FAILED, steps=self.steps())
        if self.elapsed > self.deadline:
            current = self._steps[-1][0] if self._steps else "starting"
            raise DeadlineExceededError(
                f"The deployment did not finish within {self.deadline:g} s; it was at the step {current!r}.",
                hint="Give it more time with --timeout (timeout_s=…), or look at the log for what it waits for.",
                state=State.FAILED,
                steps=self.steps(),
            )

    def steps(self) -> list[dict[str, Any]]:
        """Return the sub-steps so far with the seconds each took."""
        ends = [*(begin for _, begin in self._steps), self.elapsed][1:]
        return [
            {"step": name, "seconds": round(end - begin, 3)}
            for (name, begin), end in zip(self._steps, ends, strict=True)
        ]
