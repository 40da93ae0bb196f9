"""Profiles: bodies from where people have them, load, recommendations by real runs, v1's keys, the deadline."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_mldeploy.core.probes.bodies import read_bodies
from jupyter_mldeploy.core.probes.load import Measured
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import InvalidInputError
from tests.patience import FACTOR
from tests.targets.local_service import wait_for

#: The keys of v1's ModelProfile.get_details().
V1_KEYS = {
    "requestedCpu", "requestedMemoryInGB", "requestedQueriesPerSecond", "maxUtilizedCpu", "maxUtilizedMemoryInGB",
    "totalQueries", "successQueries", "successRate", "averageLatencyInMs", "latencyPercentile50InMs",
    "latencyPercentile90InMs", "latencyPercentile95InMs", "latencyPercentile99InMs", "latencyPercentile999InMs",
    "measuredQueriesPerSecond", "recommendedCpu", "recommendedMemoryInGB", "state", "name", "description",
    "createdTime", "error", "errorLogsUri",
}  # fmt: skip

BUSY = """
def init():
    global kept
    kept = bytearray(b"x") * 150_000_000


def run(data):
    if data == '"bad"':
        raise ValueError("not this one")
    return sum(number * number for number in range(20_000))
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    found = Workspace(tmp_path / "home")
    yield found
    for service in found.services():
        service.delete()


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "score.py"
    path.write_text(BUSY)
    return path


def test_bodies_from_files_lists_and_frames(tmp_path: Path) -> None:
    import pandas as pd

    path = tmp_path / "requests.txt"
    path.write_text('{"a": 1}\n\n[1, 2]\n', encoding="utf-8-sig")
    wanted = [(b'{"a": 1}', "application/json"), (b"[1, 2]", "application/json")]
    assert read_bodies(path) == wanted
    assert read_bodies(str(path)) == wanted
    assert read_bodies(pd.DataFrame({"body": ['{"a": 1}', "[1, 2]"]})) == wanted
    assert read_bodies([{"a": 1}, [1, 2]]) == wanted
    assert read_bodies([b"\x00\x01"]) == [(b"\x00\x01", "application/octet-stream")]
    with pytest.raises(InvalidInputError, match="2 columns"):
        read_bodies(pd.DataFrame({"a": [""], "b": [""]}))
    with pytest.raises(InvalidInputError, match="no request body"):
        read_bodies([])
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_bodies(tmp_path / "nothing.txt")


def test_percentiles() -> None:
    measured = Measured(1, 2.0, tuple(float(number) for number in range(1, 101)), 0)
    assert [measured.percentile(share) for share in (0.5, 0.9, 0.99, 0.999, 1.0)] == [50, 90, 99, 100, 100]
    assert (measured.qps, measured.mean, measured.total) == (50.0, 50.5, 100)
    assert Measured(1, 1.0, (), 3).percentile(0.5) == 0.0


def test_a_profile_on_this_machine(workspace: Workspace, script: Path) -> None:
    """Without an engine psutil measures the processes; CPU is recommended from what was used."""
    steps: list[str] = []
    found = workspace.profile(
        "busy", script, requests=["1", "2"], target="local", memory_gb=1.0, deadline_s=25 * FACTOR,
        description="a test", report=lambda step, message: steps.append(message),
    )  # fmt: skip
    details = found.get_details()
    assert set(details) == V1_KEYS
    assert (details["state"], details["successRate"], details["description"]) == ("Succeeded", 100.0, "a test")
    assert details["totalQueries"] == details["successQueries"] > 2
    assert 0.14 < details["maxUtilizedMemoryInGB"] < 0.5
    assert details["recommendedMemoryInGB"] >= details["maxUtilizedMemoryInGB"]
    assert details["maxUtilizedCpu"] > 0.05
    assert details["recommendedCpu"] > 0
    assert details["latencyPercentile50InMs"] <= details["latencyPercentile99InMs"]
    assert any("░" in text for text in steps)
    assert workspace.services() == [], "the temporary service is gone"
    assert "recommended" in str(found)
    json.dumps(found.to_dict())
    drawing = ET.fromstring(found.svg())
    assert len(drawing.findall("{http://www.w3.org/2000/svg}circle")) >= 4


def test_a_few_quick_requests_do_not_tell_how_many_cores_are_needed(workspace: Workspace, script: Path) -> None:
    script.write_text("def init():\n    pass\n\n\ndef run(data):\n    return data\n")
    found = workspace.profile("quick", script, requests=["1"], target="local", deadline_s=40 * FACTOR)
    assert 0 < found.get_details()["recommendedCpu"] <= 3.5  # one worker, and who watches it, rounded up


def test_a_script_that_cannot_start_is_a_failed_profile(workspace: Workspace, script: Path) -> None:
    script.write_text("def init():\n    raise RuntimeError('no weights')\n\n\ndef run(data):\n    return 1\n")
    found = workspace.profile("broken", script, requests=["1"], target="local", deadline_s=20 * FACTOR)
    assert found.details["state"] == "Failed"
    assert "no weights" in found.details["error"]["message"]
    assert found.details["recommendedCpu"] is None
    ET.fromstring(found.svg())


def test_answers_that_fail_are_counted_and_shown(workspace: Workspace, script: Path) -> None:
    found = workspace.profile("half", script, requests=["1", '"bad"'], target="local", deadline_s=15 * FACTOR)
    right, total = found.details["successQueries"], found.details["totalQueries"]
    assert 0 < right < total
    assert abs(2 * right - total) <= 2, "the two take turns, and each of at most two rounds may end with the first"
    assert found.details["successRate"] == pytest.approx(100 * right / total, abs=0.01)
    assert "HTTP 500" in found.details["error"]["message"]


def test_what_a_killed_profile_left_is_removed_by_the_next_one(workspace: Workspace, script: Path) -> None:
    code = (
        "import sys; from jupyter_mldeploy.core.workspace import Workspace\n"
        "Workspace(sys.argv[1]).profile('busy', sys.argv[2], requests=['{}'], target='local')"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(workspace.home), str(script)])
    try:
        wait_for(lambda: [item for item in workspace.services() if item.record.state == "Healthy"], "it is measured")
    finally:
        process.kill()
        process.wait()
    [left] = workspace.services()
    assert left.record.description == "Temporary: 'busy' is being profiled."
    own = workspace.profile("busy", script, requests=["{}"], target="local", deadline_s=20 * FACTOR)
    assert own.details["state"] == "Succeeded"
    assert workspace.services() == []


def test_limits_that_a_target_does_not_know_are_refused(workspace: Workspace, script: Path) -> None:
    with pytest.raises(InvalidInputError, match="cannot limit cpu"):
        workspace.profile("busy", script, requests=["1"], target="local", cpu=1.0)
    assert workspace.services() == []


@pytest.mark.docker
def test_a_profile_in_containers_finds_smaller_limits_and_keeps_its_deadline(
    tmp_path: Path, script: Path, worker_id: str
) -> None:
    """The command line: several limits are really run, and it ends in time."""
    (tmp_path / "requests.txt").write_text("1\n2\n")
    command = [
        Path(sys.executable).with_name("mldeploy"), "model", "profile", f"prof-{worker_id}", script, "--requests",
        tmp_path / "requests.txt", "--cpu", "1", "--memory-gb", "1", "--timeout", f"{45 * FACTOR:g}", "--json",
        "--workspace", tmp_path / "home", "--plot", tmp_path / "plot.svg",
    ]  # fmt: skip
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=110 * FACTOR)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < (45 + 40) * FACTOR
    found = json.loads(done.stdout)
    assert found["target"] == "docker"
    assert 0.14 < found["maxUtilizedMemoryInGB"] < 0.4
    assert found["maxUtilizedMemoryInGB"] <= found["recommendedMemoryInGB"] <= 0.5
    assert found["recommendedCpu"] <= 1
    limits = {(run["cpu"], run["memory_gb"]) for run in found["runs"]}
    assert (1.0, 1.0) in limits
    assert len(limits) > 1 or not found["complete"]
    assert "<svg" in (tmp_path / "plot.svg").read_text()
