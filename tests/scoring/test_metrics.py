"""Figures in Prometheus' format, of one worker and of several."""

from __future__ import annotations

import re
from pathlib import Path

from jupyter_mldeploy.scoring.exchange import Exchange
from jupyter_mldeploy.scoring.metrics import Metrics, render

from .worker_process import PLAIN, Worker, listen, serving, wait_until

LINE = re.compile(r'^[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [-+0-9.e]+$')


def values(text: str) -> dict[str, float]:
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[0] != "#"}


def test_a_workers_figures(tmp_path: Path) -> None:
    with serving(tmp_path, PLAIN + "def run(data):\n    return 1 / len(data)\n") as worker:
        for body in ("a", "ab", ""):
            worker.ask("POST", "/score", body)
        worker.ask("GET", "/nope")
        answer = worker.ask("GET", "/metrics")
        assert (answer.header("content-type") or "").startswith("text/plain; version=0.0.4")
        text = answer.body.decode()
        assert all(line.startswith("# ") or LINE.match(line) for line in text.splitlines()), text
        found = values(text)
        assert found['mldeploy_requests_total{route="score",method="POST",status="200"}'] == 2
        assert found['mldeploy_requests_total{route="score",method="POST",status="500"}'] == 1
        assert found['mldeploy_requests_total{route="other",method="GET",status="404"}'] == 1
        assert found["mldeploy_request_duration_seconds_count"] == 3
        assert found['mldeploy_request_duration_seconds_bucket{le="+Inf"}'] == 3
        assert found["mldeploy_run_duration_seconds_count"] == 2
        assert 0 < found["mldeploy_request_duration_seconds_sum"] < 60
        assert (found["mldeploy_workers"], found["mldeploy_queue_length"]) == (1, 0)
        assert "mldeploy_init_seconds" in found
        assert found['mldeploy_info{revision=""}'] == 1


def test_any_worker_tells_of_all(tmp_path: Path) -> None:
    listening, settings = listen(), {"metrics_directory": str(tmp_path / "metrics")}
    script = PLAIN + "def run(data):\n    return data\n"
    workers = [
        Worker(tmp_path / str(number), script, listening=listening.dup(), settings=settings, worker_id=number)
        for number in (1, 2)
    ]
    listening.close()
    key = 'mldeploy_requests_total{route="score",method="POST",status="200"}'
    try:
        for worker in workers:
            worker.go()
        for _ in range(20):
            workers[0].ask("POST", "/score", "x")
        wait_until(lambda: values(workers[0].ask("GET", "/metrics").body.decode()).get(key) == 20)
        workers[0].tell("drain")
        assert workers[0].wait() == 0
        found = values(workers[1].ask("GET", "/metrics").body.decode())
        assert found[key] == 20, "what an ended worker has counted stays counted"
        assert found["mldeploy_workers"] == 1
    finally:
        for worker in workers:
            worker.stop()


def test_bounds_of_histograms() -> None:
    metrics = Metrics(dict, {}, None, "x")
    exchange = Exchange(None)
    exchange.route, exchange.exec_ms = "score", 1.0
    for seconds in (0.0005, 0.00051, 59, 61):
        metrics.answered(exchange, seconds)
    found = values(render([metrics.snapshot(), metrics.snapshot()]).decode())
    assert found['mldeploy_request_duration_seconds_bucket{le="0.0005"}'] == 2
    assert found['mldeploy_request_duration_seconds_bucket{le="0.001"}'] == 4
    assert found['mldeploy_request_duration_seconds_bucket{le="60"}'] == 6
    assert found['mldeploy_request_duration_seconds_bucket{le="+Inf"}'] == 8
