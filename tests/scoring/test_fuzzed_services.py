"""Requests made from the services' own OpenAPI documents: whatever comes, nothing of it is the server's fault.

``MLDEPLOY_FUZZ`` is the number of requests in all (600 without it); the long run is 10,000.
"""

from __future__ import annotations

import http.client
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.patience import FACTOR

from .example_services import SERVICES
from .worker_process import Answer, Worker, ask_on

schemathesis = pytest.importorskip("schemathesis")

EACH = max(10, int(os.environ.get("MLDEPLOY_FUZZ", "600")) // (2 * len(SERVICES)))
LONGEST_S = 10.0 * FACTOR

#: Services whose schema does not say all (ragged arrays, rows against columns, types by place): 400 is right there too.
LOOSE = {"array of any shape", "frame, split", "frame, columns", "frame, values", "frame, table"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


class Client:
    """One keep-alive connection to a worker; remembers what was answered."""

    def __init__(self, name: str, worker: Worker) -> None:
        self.name = name
        self.worker = worker
        self.statuses: Counter[int] = Counter()
        self._connection = http.client.HTTPConnection("127.0.0.1", worker.port, timeout=LONGEST_S)

    def send(self, case: Any) -> Answer:
        """Send what was generated."""
        path = case.path + (f"?{urlencode(case.query, doseq=True)}" if case.query else "")
        body, kind = case.body, case.media_type
        unset = isinstance(body, schemathesis.core.NotSet)
        data = None if unset else body if isinstance(body, bytes) else json.dumps(body).encode("utf-8", "surrogatepass")
        headers = {} if unset or not kind else {"Content-Type": kind}
        started = time.monotonic()
        answer = ask_on(self._connection, case.method, path, data, headers)
        assert time.monotonic() - started < LONGEST_S
        self.statuses[answer.status] += 1
        if answer.header("connection") == "close":
            self._connection.close()
        return answer

    def close(self) -> None:
        self._connection.close()


@pytest.fixture(scope="module", params=SERVICES)
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    worker = Worker(tmp_path_factory.mktemp("fuzzed"), SERVICES[request.param], settings={"scoring_timeout_ms": 5000})
    try:
        found = Client(request.param, worker.go())
        yield found
        print(f"{request.param}: {dict(found.statuses)}")
        found.close()
    finally:
        worker.stop()


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_generated_requests(client: Client, mode: str) -> None:
    document = client.worker.ask("GET", "/swagger.json?version=3").json()
    operation = schemathesis.openapi.from_dict(document)["/score"]["POST"]
    generated = operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode))

    @settings(
        max_examples=EACH,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize="MLDEPLOY_FUZZ" not in os.environ,
    )
    @given(case=generated)
    def ask(case: Any) -> None:
        answer = client.send(case)
        assert answer.status < 500, (case.body, answer.body, client.worker.log()[-3:])
        if answer.status != 200:
            assert answer.message
        if mode == "positive" and client.name not in LOOSE:
            assert answer.status == 200, (case.body, answer.body)

    ask()
    assert client.worker.process.poll() is None
    assert client.worker.ask("GET", "/").body == b"Healthy"
