"""Load through updates on the Docker target: no request fails. ``MLDEPLOY_SOAK_S=60`` makes ten updates of two."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from jupyter_mldeploy.core.workspace import Workspace
from tests.targets.docker_service import ECHO

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(300)]

SOAK_S = int(os.environ.get("MLDEPLOY_SOAK_S", "15"))
CONNECTIONS = 16


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_no_request_fails_through_updates(workspace: Workspace, tmp_path: Path, own: str) -> None:
    script = tmp_path / "score.py"
    script.write_text(ECHO.format(answer="r0"))
    service = workspace.deploy(f"load-{own}", script, target="docker", config={"auth_enabled": False}, timeout_s=110)
    updates = 10 if SOAK_S >= 60 else 2
    (tmp_path / "post.lua").write_text(
        'wrk.method = "POST"\nwrk.body = "[1]"\nlocal bad = 0\n'
        "function response(status) if status ~= 200 then bad = bad + 1; print('STATUS', status) end end\n"
        # A hundred requests a second on each connection leave the other tests their share of the machine.
        + ("function delay() return 10 end\n" if SOAK_S < 60 else "")
    )
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", "-d280s", "--timeout", "30s", "-s", "post.lua"]
    load = subprocess.Popen([*command, str(service.scoring_uri)], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    begun = time.monotonic()
    try:
        for number in range(1, updates + 1):
            script.write_text(ECHO.format(answer=f"r{number}"))
            service.update(script, timeout_s=110)
        assert service.score("1")[0] == f"r{updates}"
        with suppress(subprocess.TimeoutExpired):  # on the last revision for a moment, or for the rest of a long proof
            load.wait(max(1.0, begun + SOAK_S - time.monotonic()) if SOAK_S >= 60 else 1.0)
        lasted = time.monotonic() - begun
        load.send_signal(signal.SIGINT)  # wrk then says what it has seen
        output, _ = load.communicate(timeout=60)
    finally:
        load.kill()
        load.wait()
    print(f"{updates} updates in {time.monotonic() - begun:.0f} s\n{output}")
    assert "Socket errors" not in output
    assert "Non-2xx" not in output
    assert "STATUS" not in output
    answered = int(re.findall(r"(\d+) requests in", output)[0])
    assert answered > lasted * 50
