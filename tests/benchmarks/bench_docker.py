"""Docker: from a changed line to a healthy container, and what the door costs; needs a Docker Engine (and wrk).

python -m tests.benchmarks docker
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.workspace import Workspace

SCRIPT = "import time\n\n\ndef init():\n    time.sleep({init})\n\n\ndef run(data):\n    return [{answer!r}, data]\n"
INIT_S = 0.5
SECONDS = 8


def measure(rounds: int = 5) -> Iterator[tuple[str, str, str]]:
    """Yield (what, figure, goal)."""
    with tempfile.TemporaryDirectory(prefix="mldeploy-bench-") as name:
        folder = Path(name)
        script = folder / "score.py"
        script.write_text(SCRIPT.format(init=INIT_S, answer="r0"))
        workspace = Workspace(folder / "home")
        service = workspace.deploy(
            "bench-docker", script, target="docker", config={"auth_enabled": False}, timeout_s=300
        )
        try:
            times = []
            for number in range(rounds):
                script.write_text(SCRIPT.format(init=INIT_S, answer=f"r{number + 1}"))
                begun = time.perf_counter()
                service.update(script, timeout_s=120)
                times.append(time.perf_counter() - begun - INIT_S)
            bare = statistics.median(_bare(service) for _ in range(rounds))
            yield "one changed line → healthy, beyond init()", f"{statistics.median(times):.2f} s", "≤ 3 s"
            ratio = f"{statistics.median(times) / bare:.1f} ×"
            yield "the same, over a bare `docker run … true`", ratio, "(context)"
            if shutil.which("wrk"):
                yield from _door(service, folder)
        finally:
            service.delete()


def _bare(service: Service) -> float:
    begun = time.perf_counter()
    image = str(service.workspace.deployer.look(service.name)[1].facts["image"])
    subprocess.run(["docker", "run", "--rm", "--entrypoint", "true", image], check=True, capture_output=True)
    return time.perf_counter() - begun


def _door(service: Service, folder: Path) -> Iterator[tuple[str, str, str]]:
    """Compare the door with the same image published directly, in turns."""
    image = str(service.workspace.deployer.look(service.name)[1].facts["image"])
    command = ["docker", "run", "-d", "-p", "127.0.0.1::5001", image]
    direct = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    try:
        port = subprocess.run(["docker", "port", direct, "5001"], check=True, capture_output=True, text=True).stdout
        address = f"http://{port.split()[0]}/score"
        time.sleep(2 + INIT_S)
        (folder / "post.lua").write_text('wrk.method = "POST"\nwrk.body = "[1]"\n')
        rates: dict[str, list[float]] = {"door": [], "direct": []}
        for _ in range(3):
            for kind, uri in (("door", str(service.scoring_uri)), ("direct", address)):
                rates[kind].append(_wrk(uri, folder))
        ratio = statistics.median(rates["door"]) / statistics.median(rates["direct"])
        yield "answers/s through the door, over a port published directly", f"{ratio:.2f} ×", "≥ 0.95 ×"
    finally:
        subprocess.run(["docker", "rm", "-f", direct], check=True, capture_output=True)


def _wrk(address: str, folder: Path) -> float:
    command = ["wrk", "-t1", "-c16", f"-d{SECONDS}s", "-s", "post.lua", address]
    output = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    return float(re.findall(r"Requests/sec:\s+([\d.]+)", output)[0])
