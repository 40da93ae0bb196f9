"""When a crashed worker is started again, and when crashing has become a loop."""

from __future__ import annotations

FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 10.0

#: A worker that stayed up this long did not fail at its start: the count begins anew.
STABLE_AFTER_S = 10.0

#: Crashes in a row that make a loop.
LOOP_AFTER = 3


class Restarts:
    """The crash history of one worker's place."""

    def __init__(self) -> None:
        self.in_row = 0
        self.total = 0

    def crashed(self, uptime_s: float) -> float:
        """Take note of a crash; return the seconds to wait before the next start."""
        if uptime_s >= STABLE_AFTER_S:
            self.in_row = 0
        self.in_row += 1
        self.total += 1
        return float(min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** min(self.in_row - 1, 20)))

    def stable(self) -> None:
        """Take note that the worker has been up long enough."""
        self.in_row = 0

    @property
    def looping(self) -> bool:
        """Whether it crashes again and again."""
        return self.in_row >= LOOP_AFTER
