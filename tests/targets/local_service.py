"""Helpers for tests of the local target."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from jupyter_mldeploy.core.probe import Answer
from jupyter_mldeploy.core.service import Service
from tests.patience import FACTOR

ECHO = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 40.0 * FACTOR) -> Any:
    """Return the first true value of ``condition``; fail when it does not come."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds:g} s"
        time.sleep(0.01)
    return found


def answer_of(service: Service, payload: str) -> Any:
    """Return the answer; asks again while nobody is up, as a worker that ended is not replaced at once."""

    def ask() -> Answer | None:
        answer = service.request(payload)
        return None if answer.status == 503 and b"No worker of the service is up" in answer.body else answer

    return wait_for(ask, "a worker").result()


def facts(service: Service) -> dict[str, Any]:
    """What the target reports about a service."""
    target = service.workspace.targets.get("local")
    return dict(target.observe(service.workspace.deployer.reference(service.record)).facts)


def supervisor(service: Service) -> int:
    """The supervisor's pid."""
    return int(facts(service)["supervisor_pid"])
