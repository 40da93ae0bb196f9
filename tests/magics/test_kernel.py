"""The magics in a real kernel, as a notebook frontend and as a batch executor see them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from jupyter_mldeploy.core.card import MIME
from jupyter_mldeploy.core.records import RevisionState
from jupyter_mldeploy.core.workspace import Workspace
from tests.patience import FACTOR

from .conftest import SCRIPT, Kernel

BROKEN = "def init():\n    open('nope.bin')\n\n\ndef run(data):\n    return data\n"
SLOW = "import time\n\n\ndef init():\n    time.sleep(600)\n\n\ndef run(data):\n    return data\n"


@pytest.fixture
def workspace(kernel: Kernel) -> Workspace:
    home = kernel.run("import os; print(os.environ['MLDEPLOY_HOME'])").stdout.strip()
    return Workspace(Path(home))


def test_a_frontend_gets_one_output_that_is_updated(kernel: Kernel, workspace: Workspace) -> None:
    ran = kernel.run(f"%%deploy watched\n{SCRIPT}", cell_id="cell-7")
    assert ran.status == "ok"
    assert ran.stdout == ""
    assert len(ran.of("display_data")) == 1
    updates = ran.of("update_display_data")
    shown = [*ran.of("display_data"), *updates]
    assert len({item["transient"]["display_id"] for item in shown}) == 1
    kinds = [item["data"][MIME]["kind"] for item in shown]
    assert kinds[:-1] == ["progress"] * (len(kinds) - 1)
    assert kinds[-1] == "deployment"
    card = updates[-1]["data"]
    assert card[MIME]["state"] == "Healthy"
    assert "<section" in card["text/html"]
    assert not [key for key in tuple(workspace.service("watched").keys()) if key in str(card)]
    origin = workspace.service("watched").revisions()[-1].origin
    assert origin.cell_id == "cell-7"
    assert str(origin.notebook).endswith("analysis.ipynb")
    assert origin.execution_count is not None


def test_a_frontend_sees_the_failure_card_and_one_sentence(kernel: Kernel, workspace: Workspace) -> None:
    kernel.run(f"%%deploy broken\n{SCRIPT}")
    ran = kernel.run(f"%%deploy broken\n{BROKEN}")
    assert ran.status == "error"
    card = ran.of("update_display_data")[-1]["data"]
    assert card[MIME]["kind"] == "failure"
    assert "<del>broken revision 2</del>" in card["text/html"]
    assert "open(&#x27;nope.bin&#x27;)" in card["text/html"]
    (error,) = ran.of("error")
    assert error["ename"] == "DeploymentError"
    assert "nope.bin" in error["evalue"]
    assert len(error["traceback"]) == 1
    assert workspace.service("broken").revision == 1
    assert kernel.run("%deploy test broken [1]").of("execute_result")[0]["data"]["text/plain"] == "'[1]'"


def test_a_batch_executor_gets_lines_one_card_and_the_failure_as_text(kernel: Kernel) -> None:
    ran = kernel.run(f"%%deploy batch\n{SCRIPT}", watched=False)
    assert "checking the entry script" in ran.stdout
    (shown,) = ran.of("display_data")
    assert shown["data"][MIME]["kind"] == "deployment"
    assert ran.of("update_display_data") == []
    ran = kernel.run(f"%%deploy batch\n{BROKEN}", watched=False)
    assert ran.of("display_data") == []
    (error,) = ran.of("error")
    text = "\n".join(error["traceback"])
    assert "batch revision 2 did not go live — batch revision 1: Healthy" in text
    assert "▶ 3 │     open('nope.bin')" in text


def test_mistakes_make_a_failed_cell_without_a_traceback(kernel: Kernel) -> None:
    ran = kernel.run("%deploy lsit")
    assert ran.status == "error"
    (error,) = ran.of("error")
    assert error["ename"] == "InvalidInputError"
    assert error["traceback"] == ["InvalidInputError: %deploy has no verb 'lsit'. Did you mean 'list'?"]


def test_an_interrupt_cancels_and_the_old_revision_goes_on(kernel: Kernel, workspace: Workspace) -> None:
    kernel.run(f"%%deploy stopped\n{SCRIPT}")
    sent = kernel.send(f"%%deploy stopped\n{SLOW}", watched=False)
    begun = kernel.collect(sent, until="stream")
    deadline = time.monotonic() + 30 * FACTOR
    while "starting" not in begun.stdout and time.monotonic() < deadline:
        begun.messages += kernel.collect(sent, until="stream").messages
    kernel.manager.interrupt_kernel()
    ran = kernel.collect(sent)
    assert ran.status == "error"
    (error,) = ran.of("error")
    assert error["ename"] == "KeyboardInterrupt"
    assert "was interrupted" in error["evalue"]
    assert "Revision 1 goes on serving" in "\n".join(error["traceback"])
    service = workspace.service("stopped")
    assert service.revision == 1
    assert service.revisions()[-1].state is RevisionState.FAILED
    assert service.score([1]) == "[1]"
    assert kernel.run(f"%%deploy stopped\n{SCRIPT}").status == "ok", "the service can be deployed to again"


def test_cells_are_known_by_id_and_number_also_those_that_ran_before(kernel: Kernel, workspace: Workspace) -> None:
    kernel.run("FACTOR = 3", cell_id="factor")
    kernel.run("def tripled(x):\n    return x * FACTOR\n1 / 0\nFACTOR = 100", cell_id="tripled")
    ran = kernel.run(
        "%%deploy cells --cells\nimport json\n\ndef init():\n    pass\n\n"
        "def run(data):\n    return tripled(json.loads(data))\n",
        cell_id="target",
    )
    assert ran.status == "ok"
    assert workspace.service("cells").score(5) == 15
    service = workspace.service("cells")
    line_map = workspace.bundles.get(service.revisions()[-1].bundle).line_map
    assert line_map is not None
    assert {row[1] for row in line_map["map"]} == {"factor", "tripled", "target"}


def test_logs_are_followed_until_an_interrupt(kernel: Kernel) -> None:
    kernel.run(f"%%deploy followed\n{SCRIPT}")
    sent = kernel.send("%deploy logs followed -f")
    begun = kernel.collect(sent, until="stream")
    assert begun.stdout
    kernel.manager.interrupt_kernel()
    assert kernel.collect(sent).status == "ok"
    unattended = kernel.run("%deploy logs followed -f", watched=False)
    assert "nobody could interrupt" in unattended.stdout


def test_completion_answers_a_frontend(kernel: Kernel) -> None:
    kernel.run(f"%%deploy completed\n{SCRIPT}")
    code = "%%deploy compl"
    reply = kernel.client.complete(code, len(code), reply=True, timeout=30 * FACTOR)["content"]
    assert reply["matches"] == ["completed"]
    assert code[: reply["cursor_start"]] == "%%deploy "


def test_a_service_shows_its_card(kernel: Kernel) -> None:
    kernel.run(f"%%deploy shown\n{SCRIPT}")
    ran = kernel.run("import jupyter_mldeploy as mld\nmld.Workspace().service('shown')")
    (result,) = ran.of("execute_result")
    assert result["data"][MIME]["kind"] == "service"
    assert result["data"]["text/plain"].startswith("shown revision 1: Healthy")


def test_a_kernel_loads_the_core_while_its_user_writes(tmp_path: Path) -> None:
    fresh = Kernel(tmp_path)
    try:
        fresh.run("%load_ext jupyter_mldeploy")
        fresh.run("import threading\n[t.join() for t in threading.enumerate() if t.name == 'mldeploy-warm-up']")
        loaded = fresh.run(
            "import sys\nprint('jupyter_mldeploy.targets.local' in sys.modules, 'pydantic' in sys.modules)"
        )
        assert loaded.stdout.split() == ["True", "True"]
    finally:
        fresh.stop()


def test_services_outlive_the_kernel(tmp_path: Path) -> None:
    first = Kernel(tmp_path)
    try:
        first.run("%load_ext jupyter_mldeploy")
        first.run(f"%%deploy survivor\n{SCRIPT}")
    finally:
        first.stop()
    second = Kernel(tmp_path)
    try:
        second.run("%load_ext jupyter_mldeploy")
        ran = second.run("%deploy test [1]")
        assert ran.of("execute_result")[0]["data"]["text/plain"] == "'[1]'"
        assert second.run("%deploy delete survivor").status == "ok"
    finally:
        second.stop()


def test_live_views_are_shown_as_widgets_and_follow_while_cells_run(kernel: Kernel) -> None:
    pytest.importorskip("ipywidgets")
    kernel.run(f"%%deploy viewed\n{SCRIPT}")
    for line in ("%deploy panel viewed", "%deploy logs viewed --live", "%deploy form", "%deploy panel"):
        shown = kernel.run(f"view = {line}\nview")
        assert shown.status == "ok", line
        [result] = shown.of("execute_result")
        assert "application/vnd.jupyter.widget-view+json" in result["data"], line
        assert kernel.run("view.close()").status == "ok"
    threads = "import threading; [item.name for item in threading.enumerate() if item.name.startswith('mldeploy-')]"
    deadline = time.monotonic() + 30 * FACTOR
    while (left := kernel.run(threads).of("execute_result")[0]["data"]["text/plain"]) != "[]":
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
