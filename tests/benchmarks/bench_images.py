"""The second deployment after a one-line change: how long until it is healthy, and how much goes to a registry.

Needs a Docker Engine. The peer is a plain ``docker build`` and ``docker run`` of the same saved context, by hand.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from jupyter_mldeploy.core.workspace import Workspace
from tests.ports import free_port
from tests.targets.docker_images import ENVIRONMENT, SCRIPT, answers, docker, registry
from tests.targets.test_docker_registry import layers

ROUNDS = 5


def measure() -> Iterator[tuple[str, str, str]]:
    """Yield (what, figure, goal)."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _deployments(Path(folder))


def _deployments(folder: Path) -> Iterator[tuple[str, str, str]]:
    workspace = Workspace(folder / "ws")
    name = f"bench-{uuid.uuid4().hex[:6]}"
    weights, script = folder / "weights.json", folder / "score.py"
    weights.write_text("[1, 2]", encoding="utf-8")
    script.write_text(SCRIPT, encoding="utf-8")
    service = workspace.deploy(name, script, models=[weights], environment=ENVIRONMENT, target="docker")
    try:
        times, builds = [], []
        for number in range(ROUNDS):
            script.write_text(f"{SCRIPT}# change {number}\n", encoding="utf-8")
            began = time.perf_counter()
            workspace.deploy(name, script, models=[weights], environment=ENVIRONMENT, target="docker")
            times.append(time.perf_counter() - began)
            steps = {step["step"]: step["seconds"] for step in service.revisions()[-1].facts["steps"]}
            builds.append(sum(seconds for step, seconds in steps.items() if step.startswith("image")))
        middle = sorted(times)[ROUNDS // 2]
        by_hand = _by_hand(workspace, name, folder, script)
        yield "deploy after a one-line change, healthy (median of 5)", f"{middle:.2f} s", "<= 3 s beyond init()"
        yield "… of that, building the image", f"{sorted(builds)[ROUNDS // 2]:.2f} s", "small"
        yield "docker build + run of the saved context by hand, until it answers", f"{by_hand:.2f} s", "(peer)"
        yield "deploy / by hand (which checks, records and hands over nothing)", f"{middle / by_hand:.2f}", "small"
        with registry(folder) as address:
            images = workspace.images
            newest, before = images.list(name)[:2]
            images.push_named(before, f"{address}/b/{name}:a")
            images.push_named(newest, f"{address}/b/{name}:b")
            one, two = layers(address, f"b/{name}", "a"), layers(address, f"b/{name}", "b")
        new = sum(size for digest, size in two.items() if digest not in one)
        yield "bytes that the registry gets for a one-line change", f"{new / 1024:.1f} KiB", "<= 200 KiB"
        yield "… of the whole image's", f"{new / sum(two.values()):.6f}", "small"
    finally:
        service.delete()


def _by_hand(workspace: Workspace, name: str, folder: Path, script: Path) -> float:
    """Return the seconds that the same change takes by hand, with a warm cache."""
    tag, port, times = f"{name}-by-hand", free_port(), []
    try:
        for number in range(3):
            script.write_text(f"{SCRIPT}# by hand {number}\n", encoding="utf-8")
            context = workspace.images.save(workspace.images.list(name)[0], folder / f"context-{number}")
            (context / "app" / "score.py").write_text(script.read_text(encoding="utf-8"), encoding="utf-8")
            began = time.perf_counter()
            subprocess.run(["docker", "build", "--quiet", "--tag", tag, str(context)], check=True, capture_output=True)
            docker("run", "--detach", "--name", tag, "--publish", f"127.0.0.1:{port}:5001", tag)
            while not answers(port):
                time.sleep(0.01)
            times.append(time.perf_counter() - began)
            docker("rm", "--force", tag)
            docker("rmi", tag)
    finally:
        docker("rm", "--force", tag, check=False)
        docker("rmi", tag, check=False)
    return sorted(times)[1]
