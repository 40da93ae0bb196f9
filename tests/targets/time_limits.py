"""What the limits of time do to a service's callers, the same on every target that answers over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from jupyter_mldeploy.core.probe import Answer
from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.errors import TargetUnavailableError
from tests.patience import FACTOR
from tests.targets.local_service import wait_for

#: The configuration under which :func:`check_time_limits` asks.
LIMITS = {"scoring_timeout_ms": 10_000, "max_request_wait_time": 200}

#: What a ``run(data)`` does first; it needs ``time``.
HANGS = "if data == '\"hang\"':\n        time.sleep(600)"

#: Seconds to wait for an answer of the kind that is meant.
WAIT_S = 40 * FACTOR


def check_time_limits(service: Service) -> None:
    """One hangs and gets 504; what waits too long behind it gets 503 and when to ask again; a later one is right.

    Between the two a worker takes the place of the one that hangs. Until it is there, nobody may answer at all.
    """
    with ThreadPoolExecutor(1) as pool:
        hung = pool.submit(service.request, '"hang"')
        refused = wait_for(lambda: (answer := _ask(service)) and answer.status == 503 and answer, "a refusal", WAIT_S)
        assert not hung.done()
        assert int(refused.headers["retry-after"]) > 0
        assert b"message" in refused.body
        answer = hung.result()
    assert (answer.status, b"Scoring timeout after 10000 ms" in answer.body) == (504, True)
    wait_for(lambda: (answer := _ask(service)) and answer.status == 200, "a right answer", WAIT_S)


def _ask(service: Service) -> Answer | None:
    """Ask once; None while nobody takes requests."""
    try:
        return service.request("1")
    except TargetUnavailableError:
        return None
