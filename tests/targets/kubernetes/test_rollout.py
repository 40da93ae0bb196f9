"""Updates, rollbacks and repairs while callers go on calling."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.records import State
from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.errors import DeploymentError
from jupyter_mldeploy.targets.k8s.cluster import Cluster
from tests.patience import FACTOR
from tests.targets.kubernetes.node_ports import request

pytestmark = [pytest.mark.kubernetes, pytest.mark.docker]

#: Seconds under load; the full length is 60. Shorter ones end with the second change.
SOAK_S = int(os.environ.get("MLDEPLOY_SOAK_S", "15"))
LONGEST_S = 230
CONNECTIONS = 16
Deploy = Callable[..., Service]


def answer(text: str) -> str:
    return f"def init():\n    pass\n\n\ndef run(data):\n    return {text!r}\n"


class Load:
    """wrk with sixteen keep-alive connections, in the background."""

    def __init__(self, address: str, key: str, folder: Path) -> None:
        script = folder / "load.lua"
        script.write_text(
            f'wrk.method = "POST"\nwrk.body = "1"\nwrk.headers["Content-Type"] = "application/json"\n'
            f'wrk.headers["Authorization"] = "Bearer {key}"\n'
            # A hundred requests a second on each connection leave the other tests their share of the machine.
            + ("function delay() return 10 end\n" if SOAK_S < 30 else "")
        )
        self.begun = time.monotonic()
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{LONGEST_S}s", "--timeout", "30s", "-s", str(script), address]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def result(self) -> tuple[int, str]:
        """End it; return how many requests were answered, and what went wrong."""
        self._process.send_signal(signal.SIGINT)  # wrk then says what it has seen
        output, _ = self._process.communicate(timeout=60)
        done = re.search(r"(\d+) requests in", output)
        assert done, output
        wrong = re.findall(r"(Socket errors: .*|Non-2xx or 3xx responses: \d+)", output)
        return int(done[1]), "; ".join(wrong)


def node_port(service: Service) -> str:
    return "http://127.0.0.1:" + str(service.scoring_uri).rpartition(":")[2]


@pytest.mark.skipif(shutil.which("wrk") is None, reason="there is no wrk")
@pytest.mark.timeout(240)
def test_updates_and_rollbacks_under_load_lose_no_request(deploy: Deploy, tmp_path: Path) -> None:
    service = deploy(answer("one"), access="node-port", num_replicas=3)
    facts = service.workspace.deployer.look(service.name)[1].facts
    assert facts["replicas"] == {"ready": 3, "wanted": 3}
    load = Load(node_port(service), service.keys().primary, tmp_path)
    script = tmp_path / "next.py"
    script.write_text(answer("two"))
    changes = 0
    while changes < 2 or (SOAK_S >= 30 and time.monotonic() < load.begun + SOAK_S):
        if changes % 2 == 0:
            service.update(script, timeout_s=100 * FACTOR)
        else:
            service.rollback(timeout_s=100 * FACTOR)
        changes += 1
    lasted = time.monotonic() - load.begun
    answered, wrong = load.result()
    print(f"{answered} requests, {changes} changes in {lasted:.0f} s")
    assert answered > lasted * 20
    assert wrong == ""
    assert request(service).result() == ("two" if changes % 2 else "one")


def test_a_failed_update_under_load_is_undone_and_loses_no_request(deploy: Deploy, tmp_path: Path) -> None:
    service = deploy(answer("one"))
    failures: list[BaseException] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                assert service.score("1") == "one"
            except BaseException as error:
                failures.append(error)

    asker = threading.Thread(target=ask)
    asker.start()
    broken = tmp_path / "broken.py"
    broken.write_text("def init():\n    raise OSError('no disk')\n\n\ndef run(data):\n    return 'broken'\n")
    try:
        with pytest.raises(DeploymentError, match=r"no disk.*Revision 1 goes on serving"):
            service.update(broken, timeout_s=100 * FACTOR)
    finally:
        stop.set()
        asker.join(30)
    assert failures == []
    seen = service.workspace.deployer.look(service.name)[1]
    assert (seen.state, seen.live_revision, seen.reason) == (State.HEALTHY, 1, None)


def test_a_quota_that_has_no_room_for_both_revisions_leaves_the_old_one(
    deploy: Deploy, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    service = deploy(answer("one"))
    body = {"metadata": {"name": "one-pod"}, "spec": {"hard": {"pods": "1"}, "scopes": ["NotBestEffort"]}}
    cluster.create("ResourceQuota", namespace, body)
    script = tmp_path / "next.py"
    script.write_text(answer("two"))
    try:
        with pytest.raises(DeploymentError, match=r"the quota 'one-pod' allows"):
            service.update(script, timeout_s=100 * FACTOR)
    finally:
        cluster.delete("ResourceQuota", namespace, "one-pod")
    assert service.score("1") == "one"
    assert [item["metadata"]["labels"]["jupyter-mldeploy/revision"] for item in deployments(cluster, service)] == ["1"]


def deployments(cluster: Cluster, service: Service) -> list[dict[str, Any]]:
    uid = service.record.uid
    namespace = service.record.runtime["namespace"]
    return cluster.list("Deployment", namespace, labels=f"jupyter-mldeploy/service-uid={uid}")
