"""Measuring what a service uses while something happens to it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from ...errors import MldeployError
from ..target import Measuring, Usage

if TYPE_CHECKING:
    from ..service import Service

_SAMPLE_S = 0.1
#: A system counts processor time in hundredths of a second: over less than this a mean says nothing.
_SHORTEST_S = 0.2


class Meter:
    """Samples what a service uses while a block runs: ``cpu`` is the mean number of busy cores, ``memory`` the peak.

    ``cpu`` is 0.0 for a block of less than 0.2 seconds.
    """

    def __init__(self, service: Service, measuring: Measuring) -> None:
        self._reference = service.workspace.deployer.reference(service.record)
        self._measuring = measuring
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="meter", daemon=True)
        self.cpu = 0.0
        self.memory = 0

    def __enter__(self) -> Meter:
        self._first = self._look()
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join(5)
        last = self._look()
        spent = time.monotonic() - self._began
        if self._first is not None and last is not None and spent >= _SHORTEST_S:
            self.cpu = max(0.0, last.cpu_s - self._first.cpu_s) / spent

    def _look(self) -> Usage | None:
        try:
            usage = self._measuring.usage(self._reference)
        except MldeployError:
            return None
        self.memory = max(self.memory, usage.memory_bytes)
        return usage

    def _sample(self) -> None:
        while not self._done.wait(_SAMPLE_S):
            self._look()
