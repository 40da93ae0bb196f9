"""The scoring server against azureml-inference-server-http, the server of v1's images; same scripts, same machine.

One worker each, both on one core, wrk on the other one, rounds in turn. The peer lives in its own environment::

    python -m venv /tmp/peer
    /tmp/peer/bin/pip install azureml-inference-server-http==1.5.1 "inference-schema[numpy-support]" scikit-learn joblib
    MLDEPLOY_BENCH_PEER=/tmp/peer python -m tests.benchmarks scoring

Each ratio is given by throughput, as wrk sees it, and by the server's processor time for a request.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.scoring_server import (
    ONCE,
    RAW_SCRIPT,
    SCHEMA_SCRIPT,
    SERVER_CORE,
    TRAIN,
    Loads,
    Running,
    bare_loop_us,
    press,
    press_in_turn,
    rows_like_the_diabetes_data,
    serving,
    status_of,
)

Row = tuple[str, str, str]

BATCHING = {"MLDEPLOY_MAX_BATCH_SIZE": "64"}
STARTS = 3
SETTLED_S = 3


def measure() -> Iterator[Row]:
    """Yield (what, figure, goal)."""
    peer = os.environ.get("MLDEPLOY_BENCH_PEER")
    if peer is None or shutil.which("wrk") is None or len(os.sched_getaffinity(0)) < 2:
        yield "needs wrk, two cores and MLDEPLOY_BENCH_PEER", "not measured", "see the module's docstring"
        return
    with tempfile.TemporaryDirectory(prefix="mldeploy-bench-") as name:
        bench = _Bench(Path(name), Path(peer))
        yield from bench.loads()
        yield from bench.starts_and_memory()
        yield from bench.second_worker()
        yield bench.fork_from_a_warm_parent()


class _Bench:
    """Everything that the rows need, in one folder."""

    def __init__(self, folder: Path, peer: Path) -> None:
        self._folder = folder
        subprocess.run([sys.executable, "-c", TRAIN], cwd=folder, check=True)
        (folder / "schema.py").write_text(SCHEMA_SCRIPT)
        (folder / "raw.py").write_text(RAW_SCRIPT)
        self._two, self._thousand, self._raw = (folder / name for name in ("rows2.json", "rows1000.json", "raw.bin"))
        self._two.write_text(json.dumps({"data": rows_like_the_diabetes_data(2)}))
        self._thousand.write_text(json.dumps({"data": rows_like_the_diabetes_data(1000)}))
        self._raw.write_bytes(b"x" * (1 << 20))
        common = ["--model_dir", str(folder), "--port", "{port}"]
        self._commands = {
            "peer": [str(peer / "bin" / "azmlinfsrv"), *common],
            "ours": [sys.executable, "-m", "jupyter_mldeploy.scoring", "--host", "127.0.0.1", *common],
        }

    def _start(
        self, stack: ExitStack, server: str, script: str, body: Path, *more: str, env: dict[str, str] | None = None
    ) -> Running:
        command = [*self._commands[server], "--entry_script", script, *more]
        env = {"AML_APP_ROOT": str(self._folder), **(env or {})}
        return stack.enter_context(serving(command, self._folder, body.read_bytes(), env=env))

    def loads(self) -> Iterator[Row]:
        """Yield the rows of work."""
        with ExitStack() as stack:
            peer = self._start(stack, "peer", "schema.py", self._two)
            plain = self._start(stack, "ours", "schema.py", self._two)
            batching = self._start(stack, "ours", "schema.py", self._two, env=BATCHING)
            alone = self._press({"peer": peer, "ours": plain, "batching": batching}, self._two, 1)
            sixteen = self._press({"peer": peer, "ours": plain, "batching": batching}, self._two, 16)
            many = self._press({"peer": peer, "batching": batching}, self._two, 64)
            large = self._press({"peer": peer, "ours": plain}, self._thousand, 16)
        yield _row("2 rows, 1 connection", alone, "ours", "> 1 ×")
        yield (
            "2 rows, 1 connection, micro-batching over none",
            f"{alone['batching'].faster_than(alone['ours']):.2f} ×"
            f" ({alone['batching'].cheaper_than(alone['ours']):.2f} × by processor time)",
            "about 1 ×",
        )
        yield _row("2 rows, 16 connections", sixteen, "ours", "≥ 4.5 ×")
        yield _row("2 rows, 16 connections, micro-batching", sixteen, "batching", "≥ 15 ×")
        yield _row("2 rows, 64 connections, micro-batching", many, "batching", "≥ 25 ×")
        yield _row("1,000 rows, 16 connections", large, "ours", "≥ 14 ×")
        for rows, body, loads in (("2", self._two, sixteen["ours"]), ("1,000", self._thousand, large["ours"])):
            limit = bare_loop_us(self._folder, body)
            yield (
                f"share of the physical limit (predict in a bare loop), {rows} rows",
                f"{limit / loads.cpu_us:.0%} ({limit:.0f} of {loads.cpu_us:.0f} µs of processor time)",
                "–",
            )
        limit = bare_loop_us(self._folder, self._two)
        cost = many["batching"].cpu_us
        yield (
            "the same with micro-batching, 64 connections",
            f"{limit / cost:.0%} ({limit:.0f} to {cost:.0f} µs)",
            "–",
        )
        with ExitStack() as stack:
            servers = {name: self._start(stack, name, "raw.py", self._raw) for name in ("peer", "ours")}
            yield _row("raw 1 MiB echo, 16 connections", self._press(servers, self._raw, 16), "ours", "≥ 4 ×")

    def _press(self, servers: dict[str, Running], body: Path, connections: int) -> dict[str, Loads]:
        return press_in_turn(servers, dict.fromkeys(servers, body), connections)

    def starts_and_memory(self) -> Iterator[Row]:
        """Yield the rows of a server's start and its memory."""
        wall: dict[str, list[float]] = {"peer": [], "ours": [], "bare": []}
        processor: dict[str, list[float]] = {"peer": [], "ours": [], "bare": []}
        memory: dict[str, list[float]] = {"peer": [], "ours": []}
        for _ in range(STARTS):
            for server in ("peer", "ours"):
                with ExitStack() as stack:
                    running = self._start(stack, server, "schema.py", self._two)
                    wall[server].append(running.first_answer_s)
                    processor[server].append(running.first_answer_cpu_s)
                    memory[server].append(running.memory_mb())
            seconds, cpu_s = self._once()
            wall["bare"].append(seconds)
            processor["bare"].append(cpu_s)
        for other, goal in (("peer", "≤ 0.8 ×"), ("bare", "≤ 1.1 ×")):
            name = "the peer" if other == "peer" else "bare import + predict"
            yield (
                f"process start → first 200, over {name}",
                f"{_median_ratio(wall['ours'], wall[other]):.2f} ×"
                f" ({_median_ratio(processor['ours'], processor[other]):.2f} × by processor time;"
                f" {statistics.median(wall['ours']):.2f} s)",
                goal,
            )
        ratio = _median_ratio(memory["ours"], memory["peer"])
        yield "memory (PSS), 1 worker", f"{ratio:.2f} × ({statistics.median(memory['ours']):.0f} MB)", "≤ 0.85 ×"

    def _once(self) -> tuple[float, float]:
        """Import, load and predict in a bare interpreter: seconds and processor seconds."""
        before = os.times()
        started = time.perf_counter()
        subprocess.run(["taskset", "-c", SERVER_CORE, sys.executable, "-c", ONCE], cwd=self._folder, check=True)
        seconds, after = time.perf_counter() - started, os.times()
        spent = after.children_user + after.children_system - before.children_user - before.children_system
        return seconds, spent

    def second_worker(self) -> Iterator[Row]:
        """Yield what a second worker and a third one add to the memory of a stand-alone server."""
        sizes = []
        for count in (1, 2, 3):
            with ExitStack() as stack:
                running = self._start(stack, "ours", "schema.py", self._two, "--worker_count", str(count))
                press(running, self._two, 4 * count, seconds=1)
                sizes.append(running.memory_mb())
        yield (
            "memory of a second worker (a third one)",
            f"{sizes[1] - sizes[0]:.0f} MB ({sizes[2] - sizes[1]:.0f} MB)",
            "≤ 25 MB",
        )

    def fork_from_a_warm_parent(self) -> Row:
        """Measure from the order for another revision to its first 200, imports being loaded.

        The orders come some moments apart, as people give them: a spare process is there again.
        """
        from tests.scoring.supervised import Supervised, wait_for

        service = Supervised(self._folder / "warm", "bench")
        service.environment = {"AZUREML_MODEL_DIR": str(self._folder)}
        imports = ["joblib", "numpy", "sklearn.linear_model"]
        body = self._two.read_bytes()
        found = []
        try:
            for number in range(12):
                order = service.swap if number else service.start
                started = time.perf_counter()
                order(f"{SCHEMA_SCRIPT}\n# {number}\n", worker=None, imports=imports, learn=True)
                status = status_of(service.port, body, "/score")
                found.append((time.perf_counter() - started) * 1000)
                if status != 200:
                    raise RuntimeError(f"{status}\n{service.log_text()[-2000:]}")
                wait_for(lambda: len(service.status()["workers"]) == 1, "the end of the revision before")
                if number == 0:
                    time.sleep(SETTLED_S)  # what the first worker has loaded is now loaded in advance
                wait_for(lambda: service.status()["warm_parents"][-1]["spare"], "a spare process")
        finally:
            service.clean()
        later = sorted(found[1:])
        return (
            "fork from the warm parent → first 200, median (best)",
            f"{statistics.median(later):.0f} ms ({later[0]:.0f} ms)",
            "≤ 30 ms",
        )


def _row(what: str, loads: dict[str, Loads], ours: str, goal: str) -> Row:
    mine, theirs = loads[ours], loads["peer"]
    failed = f", {mine.failures} failed" if mine.failures else ""
    return (
        what,
        f"{mine.faster_than(theirs):.1f} × ({mine.cheaper_than(theirs):.1f} × by processor time; {mine.rate:,.0f}/s;"
        f" p99 {mine.p99_ms:.1f} ms to {theirs.p99_ms:.1f} ms{failed})",
        goal,
    )


def _median_ratio(mine: list[float], theirs: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(mine, theirs, strict=True))
