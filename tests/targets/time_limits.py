"""What the limits of time do to a service's callers, the same on every target that answers over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from jupyter_mldeploy.core.service import Service
from tests.targets.local_service import wait_for

#: The configuration under which :func:`check_time_limits` asks.
LIMITS = {"scoring_timeout_ms": 10_000, "max_request_wait_time": 200}

#: What a ``run(data)`` does first; it needs ``time``.
HANGS = "if data == '\"hang\"':\n        time.sleep(600)"


def check_time_limits(service: Service) -> None:
    """One hangs and gets 504; what waits too long behind it gets 503 and when to ask again; the next one is right."""
    with ThreadPoolExecutor(1) as pool:
        hung = pool.submit(service.request, '"hang"')
        refused = wait_for(lambda: (answer := service.request("1")).status == 503 and answer, "a refusal")
        assert not hung.done()
        assert int(refused.headers["retry-after"]) > 0
        assert b"message" in refused.body
        answer = hung.result()
    assert (answer.status, b"Scoring timeout after 10000 ms" in answer.body) == (504, True)
    wait_for(lambda: service.request("1").status == 200, "a right answer")
