"""The scoring server against azureml-inference-server-http, the server of v1's images; same scripts, same machine.

One worker, one core for the server, wrk on the other one, rounds in turn. The peer lives in its own environment::

    python -m venv /tmp/peer
    /tmp/peer/bin/pip install azureml-inference-server-http "inference-schema[numpy-support]" scikit-learn joblib
    MLDEPLOY_BENCH_PEER=/tmp/peer python -m tests.benchmarks scoring
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.scoring_server import BARE, RAW_SCRIPT, SCHEMA_SCRIPT, TRAIN, Load, press, serving

ROUNDS = 3


def measure() -> Iterator[tuple[str, str, str]]:
    """Yield (what, figure, goal)."""
    peer = os.environ.get("MLDEPLOY_BENCH_PEER")
    if peer is None or shutil.which("wrk") is None or len(os.sched_getaffinity(0)) < 2:
        yield "needs wrk, two cores and MLDEPLOY_BENCH_PEER", "not measured", "see the module's docstring"
        return
    with tempfile.TemporaryDirectory(prefix="mldeploy-bench-") as name:
        folder = Path(name)
        subprocess.run([sys.executable, "-c", TRAIN], cwd=folder, check=True)
        (folder / "schema.py").write_text(SCHEMA_SCRIPT)
        (folder / "raw.py").write_text(RAW_SCRIPT)
        bodies = {}
        for rows in (2, 1000):
            bodies[rows] = folder / f"rows{rows}.json"
            values = [[round(0.01 * (i + j) % 0.1, 17) + 1e-12 * i for j in range(10)] for i in range(rows)]
            bodies[rows].write_text(json.dumps({"data": values}))
        raw = folder / "raw.bin"
        raw.write_bytes(b"x" * (1 << 20))
        servers = {
            "peer": [str(Path(peer) / "bin" / "azmlinfsrv"), "--model_dir", str(folder), "--port", "{port}"],
            "ours": [sys.executable, "-m", "jupyter_mldeploy.scoring", "--host", "127.0.0.1",
                     "--model_dir", str(folder), "--port", "{port}"],
        }  # fmt: skip
        batching = {"MLDEPLOY_MAX_BATCH_SIZE": "64"}
        env = {"AML_APP_ROOT": str(folder)}

        def load(server: str, script: str, body: Path, connections: int, **more: str) -> Load:
            command = [*servers[server], "--entry_script", script]
            first = body.read_bytes()
            with serving(command, folder, first, env={**env, **more}) as running:
                press(running, body, connections, seconds=1)
                return press(running, body, connections)

        def row(what: str, goal: str, script: str, body: Path, connections: int, **more: str) -> tuple[str, str, str]:
            ratios, rates, tails, failures = [], [], [], 0
            for _ in range(ROUNDS):
                theirs = load("peer", script, body, connections)
                mine = load("ours", script, body, connections, **more)
                ratios.append(mine.rate / theirs.rate)
                rates.append(mine.rate)
                tails.append((mine.p99_ms, theirs.p99_ms))
                failures += mine.failures
            p99, peer_p99 = (statistics.median(tail) for tail in zip(*tails, strict=True))
            failed = f", {failures} failed" if failures else ""
            return (
                what,
                f"{statistics.median(ratios):.1f} × ({statistics.median(rates):,.0f}/s;"
                f" p99 {p99:.1f} ms to {peer_p99:.1f} ms{failed})",
                goal,
            )

        two, thousand = bodies[2], bodies[1000]
        yield row("2 rows, 16 connections", "≥ 4.5 ×", "schema.py", two, 16)
        yield row("2 rows, 1 connection", "", "schema.py", two, 1)
        yield row("2 rows, 1 connection, micro-batching", "as without", "schema.py", two, 1, **batching)
        yield row("2 rows, 16 connections, micro-batching", "≥ 15 ×", "schema.py", two, 16, **batching)
        yield row("2 rows, 64 connections, micro-batching", "≥ 25 ×", "schema.py", two, 64, **batching)
        yield row("1,000 rows, 16 connections", "≥ 14 ×", "schema.py", thousand, 16)
        yield row("raw 1 MiB echo, 16 connections", "≥ 4 ×", "raw.py", raw, 16)

        bare = subprocess.run(
            ["taskset", "-c", "0", sys.executable, "-c", BARE, str(two)],
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        )
        alone = load("ours", "schema.py", two, 16)
        yield (
            "share of the physical limit (predict in a bare loop), 2 rows",
            f"{alone.rate / float(bare.stdout):.0%} of {float(bare.stdout):,.0f}/s",
            "",
        )

        starts, memory = [], []
        for _ in range(5):
            seen = {}
            for server in ("peer", "ours"):
                with serving(
                    [*servers[server], "--entry_script", "schema.py"], folder, two.read_bytes(), env=env
                ) as running:
                    seen[server] = (running.first_answer_s, running.memory_mb())
            starts.append(seen["ours"][0] / seen["peer"][0])
            memory.append(seen["ours"][1] / seen["peer"][1])
        yield "process start → first 200", f"{statistics.median(starts):.2f} × ({seen['ours'][0]:.2f} s)", "≤ 0.8 ×"
        yield "memory (PSS), 1 worker", f"{statistics.median(memory):.2f} × ({seen['ours'][1]:.0f} MB)", "≤ 0.85 ×"
        sizes = {}
        for count in (1, 2):
            command = [*servers["ours"], "--entry_script", "schema.py", "--worker_count", str(count)]
            with serving(command, folder, two.read_bytes(), env=env) as running:
                press(running, two, 4, seconds=1)
                sizes[count] = running.memory_mb()
        yield "memory of a second worker", f"{sizes[2] - sizes[1]:.0f} MB", "≤ 25 MB"
