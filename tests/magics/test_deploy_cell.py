"""``%%deploy`` in a shell, over a target that does what it is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import (
    CaptureError,
    ConflictError,
    DeploymentError,
    EntryScriptError,
    InvalidInputError,
    NotFoundError,
)
from jupyter_mldeploy.magics import keep_empty_body, load_ipython_extension, unload_ipython_extension
from tests.core.memory_target import memory_targets

from .conftest import SCRIPT, Shell


def workspace(shell: Shell) -> Workspace:
    return shell.ip._mldeploy_magics.session.workspace


def test_a_cell_becomes_a_service_and_prints_one_card(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    result = shell.run(f"%%deploy svc --target memory\n{SCRIPT}")
    assert result.success
    assert result.result is None
    output = capsys.readouterr().out
    assert output.count("svc revision 1: Healthy") == 1
    assert "placing files" in output
    (revision,) = workspace(shell).service("svc").revisions()
    assert revision.origin.execution_count == 1
    assert workspace(shell).bundles.get(revision.bundle).entry_script == "score.py"
    assert "init" not in shell.ip.user_ns, "the cell is read, never run in the kernel"


def test_the_same_code_in_a_cell_and_in_a_file_is_the_same_bundle(shell: Shell) -> None:
    shell.value(f"%%deploy svc --target memory --save mine.py\n{SCRIPT}")
    assert Path("mine.py").read_text() == SCRIPT
    shell.value("%deploy other --target memory --from mine.py")
    first, second = (workspace(shell).service(name).revisions()[0].bundle for name in ("svc", "other"))
    assert first == second


def test_a_failed_deployment_fails_the_cell_and_says_it_once(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.value(f"%%deploy svc --target memory\n{SCRIPT}")
    capsys.readouterr()
    result = shell.run(f"%%deploy svc --target memory --set fail=boom\n{SCRIPT}")
    assert isinstance(result.error_in_exec, DeploymentError)
    output = "".join(capsys.readouterr())
    assert output.count("It failed: boom.") == 1
    assert "svc revision 2 did not go live — svc revision 1: Healthy" in output
    assert "Revision 1 goes on serving" in output
    assert "the log" in output
    assert "Traceback" not in output
    assert "magics/" not in output
    assert workspace(shell).service("svc").revision == 1


@pytest.mark.parametrize(
    ("cell", "kind", "sentence"),
    [
        ("%%deploy svc --modle x\n1", InvalidInputError, "Did you mean --model?"),
        ("%%deploy\n1", InvalidInputError, "needs the name of the service"),
        ("%%deploy svc --target memroy\n" + SCRIPT, NotFoundError, "There is no target named 'memroy'"),
        ("%%deploy svc --target broken\n" + SCRIPT, Exception, "could not be loaded"),
        ("%%deploy svc --target memory --set siez=3\n" + SCRIPT, InvalidInputError, "did you mean 'size'"),
        ("%%deploy svc --target memory --model nope.pkl\n" + SCRIPT, Exception, "nope.pkl"),
        ("%%deploy SVC_1 --target memory\n" + SCRIPT, InvalidInputError, "'svc-1'"),
        ("%%deploy svc --target memory\n\n", InvalidInputError, "The cell is empty"),
        ("%%deploy svc --target memory", InvalidInputError, "The cell is empty"),
        ("%%deploy svc --target memory --from nope.py", InvalidInputError, "no entry script 'nope.py'"),
        ("%%deploy svc --target memory --from nope.py\nx = 1", InvalidInputError, "has code of its own"),
        ("%%deploy svc --target memory --object nope\n" + SCRIPT, InvalidInputError, "no variable 'nope'"),
        ("%%deploy svc --target memory --from nope.py --object x", InvalidInputError, "hands a variable over"),
        ("%%deploy svc --target memory --save no/such/x.py\n" + SCRIPT, InvalidInputError, "cannot be saved"),
        ("%%deploy svc --target memory --save my-score.py\n" + SCRIPT, InvalidInputError, "my_score.py"),
        ("%%deploy svc --target memory --include nope.csv\n" + SCRIPT, InvalidInputError, "nope.csv"),
    ],
)
def test_what_cannot_be_deployed_is_one_sentence_and_leaves_nothing(
    shell: Shell, capsys: pytest.CaptureFixture[str], cell: str, kind: type[Exception], sentence: str
) -> None:
    result = shell.run(cell)
    assert isinstance(result.error_in_exec, kind)
    output = "".join(capsys.readouterr())
    assert sentence in output
    assert "Traceback" not in output
    assert output.count(str(result.error_in_exec).split(".")[0]) == 1
    assert workspace(shell).services() == []


def test_findings_name_the_lines_of_the_cell(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    result = shell.run(
        "\n\n%%deploy svc --target memory\n# a comment\ndef init():\n    retrun 1\n\ndef run(data):\n    return 1\n"
    )
    assert isinstance(result.error_in_exec, EntryScriptError)
    (finding,) = result.error_in_exec.diagnostics[:1]
    assert finding["line"] == 6
    output = "".join(capsys.readouterr())
    assert "cell In[1] line 6" in output
    assert "▶ 6 │     retrun 1" in output


def test_a_cell_without_run_is_refused(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    result = shell.run("%%deploy svc --target memory\ndef init():\n    pass\n")
    assert isinstance(result.error_in_exec, EntryScriptError)
    assert "Not deployed" in "".join(capsys.readouterr())


def test_from_deploys_a_file_and_needs_no_body(shell: Shell) -> None:
    Path("score.py").write_text(SCRIPT)
    for number, cell in enumerate(
        ["%%deploy svc --target memory --from score.py", "%%deploy svc --target memory --from score.py\n\n"], 1
    ):
        shell.value(cell)
        record = workspace(shell).service("svc").revisions()[-1]
        assert record.number == number
        assert record.origin.path == str(Path("score.py").resolve())


def test_a_dry_run_creates_nothing(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.value(f"%%deploy svc --target memory --dry-run --save mine.py\n{SCRIPT}")
    output = capsys.readouterr().out
    assert "svc revision 1: Plan" in output
    assert "create" in output
    assert workspace(shell).services() == []
    assert not Path("mine.py").exists()


def test_plan_goes_back_to_the_last_cell_or_takes_a_file(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.value(f"%%deploy svc --target memory --set size=2\n{SCRIPT}")
    capsys.readouterr()
    shell.value("%deploy plan")
    assert "svc revision 2: Plan" in capsys.readouterr().out
    result = shell.run("%deploy plan svc --set size=99")
    assert "size" in str(result.error_in_exec)
    assert "Traceback" not in "".join(capsys.readouterr())
    Path("score.py").write_text(SCRIPT)
    shell.value("%deploy plan new --target memory --from score.py")
    assert "new revision 1: Plan" in capsys.readouterr().out
    result = shell.run("%deploy plan other")
    assert "No %%deploy cell of 'other'" in str(result.error_in_exec)
    assert [service.name for service in workspace(shell).services()] == ["svc"]


def test_names_are_taken_from_cells_that_ran(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.value("import math\nSCALE = 2")
    shell.value("def scaled(x):\n    return x * SCALE + math.pi")
    shell.run("UNUSED = 1 / 0")
    cell = "def init():\n    pass\n\ndef run(data):\n    return scaled(data)\n"
    shell.value(f"%%deploy svc --target memory --cells\n{cell}")
    output = capsys.readouterr().out
    assert "Taken from In[1], In[2]" in output
    bundle = workspace(shell).bundles.get(workspace(shell).service("svc").revisions()[0].bundle)
    text = workspace(shell).bundles.read_text(bundle, "score.py")
    assert text.index("SCALE = 2") < text.index("def scaled") < text.index("def run")
    assert "UNUSED" not in text
    assert bundle.line_map is not None
    assert {row[3] for row in bundle.line_map["map"]} == {1, 2, 4}


def test_a_name_that_no_cell_has_is_named(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    result = shell.run(
        "%%deploy svc --target memory --cells\ndef init():\n    pass\n\ndef run(data):\n    return scaled(data)\n"
    )
    assert isinstance(result.error_in_exec, CaptureError)
    assert "scaled" in "".join(capsys.readouterr())
    assert workspace(shell).services() == []


def test_quiet_prints_only_the_result(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.value(f"%%deploy svc --target memory --quiet\n{SCRIPT}")
    output = capsys.readouterr().out
    assert output.startswith("svc revision 1: Healthy")
    assert "placing files" not in output


def test_ipython_expands_nothing_in_the_line(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.ip.user_ns["a"] = "expanded"
    shell.value(f"%%deploy svc --target memory --tag x={{a}} --description '$a'\n{SCRIPT}")
    record = workspace(shell).service("svc").record
    assert record.tags == {"x": "{a}"}
    assert record.description == "$a"


def test_an_interrupt_fails_the_cell_and_keeps_what_serves(
    shell: Shell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.core.memory_target import MemoryTarget

    shell.value(f"%%deploy svc --target memory\n{SCRIPT}")
    capsys.readouterr()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MemoryTarget, "_save", interrupted)
        result = shell.run(f"%%deploy svc --target memory\n{SCRIPT}\n# again")
    assert isinstance(result.error_in_exec, KeyboardInterrupt)
    output = "".join(capsys.readouterr())
    assert "was interrupted" in output
    assert "Revision 1 goes on serving" in output
    assert "Traceback" not in output
    service = workspace(shell).service("svc")
    assert service.revision == 1
    assert [str(item.state) for item in service.revisions()] == ["live", "failed"]


def test_an_unexpected_error_keeps_its_traceback(
    shell: Shell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("tests.core.memory_target.MemoryTarget._save", broken)
    result = shell.run(f"%%deploy svc --target memory\n{SCRIPT}")
    assert isinstance(result.error_in_exec, ZeroDivisionError)
    assert "Traceback" in "".join(capsys.readouterr())


def test_another_target_for_an_existing_service_is_a_conflict(shell: Shell) -> None:
    shell.value(f"%%deploy svc --target memory\n{SCRIPT}")
    load_ipython_extension(shell.ip, workspace=Workspace(workspace(shell).home))
    result = shell.run(f"%%deploy svc\n{SCRIPT}")
    assert isinstance(result.error_in_exec, ConflictError)


def test_loading_twice_and_unloading(tmp_path: Path) -> None:
    shell = Shell()
    for _ in range(2):
        load_ipython_extension(shell.ip, workspace=Workspace(tmp_path, targets=memory_targets()))
    assert len(shell.ip.Completer.custom_matchers) == 1
    assert len([item for item in shell.ip.input_transformers_cleanup if item is keep_empty_body]) == 1
    unload_ipython_extension(shell.ip)
    unload_ipython_extension(shell.ip)
    assert shell.ip.Completer.custom_matchers == []
    assert shell.ip.find_cell_magic("deploy") is None
    assert shell.ip.find_line_magic("deploy") is None
    assert not shell.run("%%deploy svc --target memory\n1").success


def test_a_terminal_goes_on_asking_for_the_body_of_the_cell(shell: Shell) -> None:
    assert shell.ip.check_complete("%%deploy svc")[0] == "incomplete"
    assert shell.ip.check_complete("%%deploy svc\ndef init():")[0] == "incomplete"
    assert shell.ip.check_complete("%%deploy svc\nx = 1\n\n")[0] == "complete"


@pytest.mark.parametrize("magic", ["%%deploy?", "%%deploy --help\nx"])
def test_the_manual_lists_every_option(shell: Shell, capsys: pytest.CaptureFixture[str], magic: str) -> None:
    from jupyter_mldeploy.core.deployoptions import DEPLOY_OPTIONS

    shell.run(magic)
    output = capsys.readouterr().out
    assert "%%deploy NAME [options]" in output
    for option in DEPLOY_OPTIONS:
        assert option.flag in output


def test_loading_is_light() -> None:
    code = (
        "import sys\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "shell.run_line_magic('load_ext', 'jupyter_mldeploy')\n"
        "heavy = ('pydantic', 'yaml', 'jupyter_mldeploy.core')\n"
        "print(*[name for name in sys.modules if name.startswith(heavy)])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"jupyter_mldeploy.core", "jupyter_mldeploy.core.deployoptions"}
