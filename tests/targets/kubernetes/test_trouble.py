"""What pods are said to suffer from, where a real cluster shows it for a moment only."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_mldeploy.targets.k8s.trouble import Cause, pod_trouble

RUNS = {"running": {"startedAt": "2026-01-01T10:00:05Z"}}
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff"}}


def ended(code: int) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "finishedAt": "2026-01-01T10:00:03Z"}}


def pod(state: dict[str, Any], restarts: int = 0, last: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    container = {"name": "scoring", "restartCount": restarts, "state": state, "lastState": last or {}, **more}
    return {"metadata": {"name": "svc-r1-a"}, "status": {"containerStatuses": [{"ready": False, **container}]}}


@pytest.mark.parametrize(
    ("seen", "final", "looping"),
    [
        # A probe has ended it, and the event that says so was lost: the next one is on its way.
        (pod(RUNS, 1, ended(0)), False, False),
        (pod(RUNS, 3, ended(0)), False, True),
        (pod(ended(0), 1), False, False),
        (pod(ended(0), 2), True, True),
        (pod(BACK_OFF, 1, ended(0)), True, True),
        (pod(RUNS, 1, ended(3)), True, False),
        (pod(ended(3)), True, False),
        (pod(BACK_OFF, 5, ended(3)), True, True),
    ],
)
def test_an_end_is_final_when_waiting_does_not_help(seen: dict[str, Any], final: bool, looping: bool) -> None:
    trouble = pod_trouble(seen)
    assert trouble is not None
    assert (trouble.cause, trouble.final, "(CrashLoopBackOff)" in trouble.text) == (Cause.CRASH, final, looping)


def test_failed_start_up_probes_are_past_once_the_container_has_started() -> None:
    said = [
        {"reason": "Unhealthy", "message": "Liveness probe failed: timeout"},
        {"reason": "Unhealthy", "message": "Startup probe failed: connection refused"},
    ]
    starting, started = pod_trouble(pod(RUNS, started=False), said), pod_trouble(pod(RUNS, started=True), said)
    assert starting is not None
    assert "does not listen yet" in starting.text
    assert started is not None
    assert "does not answer: Liveness probe failed: timeout" in started.text
    assert pod_trouble(pod(RUNS, started=True), said[1:]) is None


@pytest.mark.parametrize(
    ("changed", "started", "words"),
    [
        # A node spares the events of a pod that has had many; that it was ready, and is not, says enough.
        ("2026-01-01T10:00:40Z", True, "svc-r1-a does not answer: Readiness probe failed"),
        # It has never been ready: the condition is older than the container.
        ("2026-01-01T10:00:01Z", True, None),
        ("2026-01-01T10:00:05Z", True, None),
        (None, True, None),
        ("2026-01-01T10:00:40Z", False, None),
    ],
)
def test_a_server_that_stops_answering_is_told_without_events(
    changed: str | None, started: bool, words: str | None
) -> None:
    seen = pod(RUNS, started=started)
    seen["status"]["conditions"] = [{"type": "Ready", "status": "False", "lastTransitionTime": changed}]
    past = [{"reason": "Unhealthy", "message": "Startup probe failed: connection refused"}] if started else []
    trouble = pod_trouble(seen, past)
    assert (trouble.text if trouble else None) == words
