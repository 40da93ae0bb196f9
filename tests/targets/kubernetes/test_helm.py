"""The exported chart in Helm's own hands: linted, rendered, installed, upgraded, rolled back, uninstalled.

Helm comes as a library with the extra ``helm`` (75 MB, so it is no part of ``test``); without it these tests are
skipped. It runs in processes of its own: its Go runtime would take over this one's signals.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from jupyter_mldeploy.core.export import export as export_request
from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.target import Connection
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.targets.k8s.cluster import Cluster
from jupyter_mldeploy.targets.k8s.export import export
from jupyter_mldeploy.targets.k8s.trouble import is_ready, pod_name
from jupyter_mldeploy.targets.k8s.tunnel import Tunnel
from tests.targets.kubernetes.test_manifests import CONFIGS, blueprint

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("helm_python") is None, reason="Helm is missing: pip install 'jupyter_mldeploy[helm]'"
)


def in_helm(program: str, **values: Any) -> Any:
    """Run a program that has ``helm`` and ``given``; return what it leaves in ``result``."""
    lines = [
        "import json, sys", "import helm_python as helm", "given = json.load(sys.stdin)", textwrap.dedent(program),
        "print(json.dumps(result, default=vars))",
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], input=json.dumps(values), capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def write(files: dict[str, str], folder: Path) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


@pytest.mark.parametrize("name", CONFIGS)
def test_helm_finds_nothing_wrong_and_renders_the_plain_export(name: str, tmp_path: Path) -> None:
    plan = blueprint(CONFIGS[name], uid="")
    chart = write(export(plan, "helm"), tmp_path / "iris")
    seen = in_helm(
        """
        report = helm.lint(given["chart"], namespace="models", strict=True, kube_version="v1.31.0")
        with helm.Chart.load(given["chart"]) as chart:
            rendered = chart.render({}, name="iris", namespace="models")
            other = chart.render({"image": "other:1"}, name="iris", namespace="elsewhere")
        result = {"report": report, "rendered": rendered, "other": other}
        """,
        chart=str(chart),
    )
    assert seen["report"]["errors"] == []
    assert [item for item in seen["report"]["messages"] if item["severity"] > 1] == []

    def objects(texts: dict[str, str]) -> dict[tuple[str, str], Any]:
        found = [yaml.safe_load(text) for path, text in texts.items() if path.endswith(".yaml")]
        return {(item["kind"], item["metadata"]["name"]): item for item in found}

    plain = {
        (item["kind"], item["metadata"]["name"]): item for item in yaml.safe_load_all(export(plan, "yaml")["iris.yaml"])
    }
    assert objects(seen["rendered"]) == plain
    (deployment,) = [item for (kind, _), item in objects(seen["other"]).items() if kind == "Deployment"]
    assert deployment["metadata"]["namespace"] == "elsewhere"
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "other:1"


@pytest.mark.kubernetes
@pytest.mark.docker
@pytest.mark.timeout(400)
def test_helm_installs_upgrades_rolls_back_and_uninstalls(
    deploy: Callable[..., Service], workspace: Workspace, cluster: Cluster, namespace: str, base: dict[str, Any],
    tmp_path: Path,
) -> None:  # fmt: skip
    text = "def init():\n    pass\n\n\ndef run(data):\n    return ['by helm', data]\n"
    image = deploy(text).workspace.deployer.look(workspace.services()[0].name)[1].facts["image"]
    script = tmp_path / "by_helm.py"
    script.write_text(text)
    config = {**base, "registry": None, "load_command": None, "image": image, "auth_enabled": False}
    request = workspace.request("chart", script, target="kubernetes", config=config)
    files = dict(export_request(workspace, request, "helm").files)
    # The test cluster has the objects of later releases, and calls itself 1.20.
    files["Chart.yaml"] = files["Chart.yaml"].replace(">=1.28.0-0", ">=1.20.0-0")
    folder = write(files, tmp_path / "chart")
    shared = {"chart": str(folder), "kubeconfig": str(cluster.kubeconfig), "namespace": namespace}
    begin = """
        config = helm.Config(kubeconfig_path=given["kubeconfig"], namespace=given["namespace"])
        chart = helm.Chart.load(given["chart"])
        """

    def pods() -> list[str]:
        found = cluster.list("Pod", namespace, labels="app.kubernetes.io/name=chart")
        return [pod_name(pod) for pod in found if is_ready(pod)]

    in_helm(begin + 'result = config.install(chart, "release", {}, wait="legacy", timeout=150) and 1', **shared)
    tunnel = Tunnel(cluster, namespace, pods)
    try:
        assert len(pods()) == 1
        from jupyter_mldeploy.core.probe import exchange

        connection = Connection(f"http://127.0.0.1:{tunnel.port}", {})
        answer = exchange(connection, "POST", "/score", b"1", {"content-type": "application/json"}, 20)
        assert answer.result() == ["by helm", "1"]
    finally:
        tunnel.close()
    change = 'result = config.upgrade(chart, "release", {"replicas": 2}, wait="legacy", timeout=150) and 1'
    in_helm(begin + change, **shared)
    assert len(pods()) == 2
    in_helm(begin + 'result = config.rollback("release", wait="legacy", timeout=150) and 1', **shared)
    (deployment,) = cluster.list("Deployment", namespace, labels="app.kubernetes.io/name=chart")
    assert deployment["spec"]["replicas"] == 1
    in_helm(begin + 'result = config.uninstall("release", wait="legacy", timeout=100) and 1', **shared)
    for kind in ("Deployment", "Service", "ServiceAccount"):
        assert cluster.list(kind, namespace, labels="app.kubernetes.io/name=chart") == [], kind
