"""The verbs of ``%deploy``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_mldeploy.core.keys import Keys
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    ScoringError,
    TargetUnavailableError,
)
from jupyter_mldeploy.magics.commands import _RAW, _RUN
from jupyter_mldeploy.magics.payloads import split_name
from jupyter_mldeploy.magics.verbs import VERBS
from tests.core.memory_target import MemoryTarget
from tests.patience import FACTOR

from .conftest import SCRIPT, Shell


def workspace(shell: Shell) -> Workspace:
    return shell.ip._mldeploy_magics.session.workspace


@pytest.fixture
def served(shell: Shell, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A shell with a service that has two revisions and a failed one."""
    shell.value(f"%%deploy svc --target memory\n{SCRIPT}")
    shell.value(f"%%deploy svc --target memory --set size=2\n{SCRIPT.replace('return data', 'return [data]')}")
    shell.run(f"%%deploy svc --target memory --set fail=boom\n{SCRIPT}")
    capsys.readouterr()
    return shell


def test_every_verb_is_run_by_something() -> None:
    assert set(VERBS) == {*_RUN, *_RAW}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_manual(shell: Shell, capsys: pytest.CaptureFixture[str], verb: str) -> None:
    for flag in ("-h", "--help"):
        shell.value(f"%deploy {verb} {flag}")
        output = capsys.readouterr().out
        assert output.startswith(f"%deploy {verb}")
        assert VERBS[verb].summary[1:] in output


@pytest.mark.parametrize("line", ["%deploy", "%deploy --help", "%deploy?"])
def test_the_manual_lists_every_verb(shell: Shell, capsys: pytest.CaptureFixture[str], line: str) -> None:
    shell.run(line)
    output = capsys.readouterr().out
    for verb in VERBS.values():
        assert verb.synopsis() in output


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("%deploy lsit", "Did you mean 'list'?"),
        ("%deploy logs svc --tail 3", "unrecognized arguments: --tail"),
        ("%deploy logs svc -n 0", "expected a whole number from 1"),
        ("%deploy rollback svc --to x", "expected a whole number from 1"),
        ("%deploy status 'svc", "Close the quotation mark"),
        ("%deploy delete", "required: name"),
        ("%deploy diff svc one", "up to two revisions"),
        ("%deploy status nope", "nope"),
        ("%deploy keys svc --regenerate third", "invalid choice"),
        ("%deploy test svc {'a': 1}", "double quotes"),
        ("%deploy test svc $nope", "no variable 'nope'"),
        ("%deploy test svc @nope.json", "cannot be read"),
    ],
)
def test_mistakes_are_one_sentence(served: Shell, capsys: pytest.CaptureFixture[str], line: str, sentence: str) -> None:
    result = served.run(line)
    assert isinstance(result.error_in_exec, (InvalidInputError, NotFoundError))
    output = "".join(capsys.readouterr())
    assert sentence in output
    assert "Traceback" not in output
    assert len(output.strip().splitlines()) == 1


def test_without_a_name_it_is_the_one_used_last_or_the_only_one(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    assert isinstance(shell.run("%deploy status").error_in_exec, InvalidInputError)
    workspace(shell).deploy("one", _script("one"), target="memory")
    shell.value("%deploy status")
    workspace(shell).deploy("two", _script("two"), target="memory")
    shell.value("%deploy status two")
    capsys.readouterr()
    shell.value("%deploy status")
    assert capsys.readouterr().out.startswith("two revision 1: Healthy")
    shell.value("%deploy delete two")
    workspace(shell).deploy("three", _script("three"), target="memory")
    result = shell.run("%deploy status")
    assert "Services are: one, three." in str(result.error_in_exec)


def _script(name: str) -> Path:
    path = Path(f"{name}.py")
    path.write_text(SCRIPT)
    return path


def test_list_status_revisions_events_and_logs(served: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    for line, words in {
        "%deploy list": ["1 service", "svc", "Healthy", "memory"],
        "%deploy status": ["svc revision 2: Healthy", "3 revisions"],
        "%deploy revisions svc": ["live  2", "superseded", "failed", "It failed: boom."],
        "%deploy events -n 2": ["revision_failed", "svc revision 3 failed: It failed: boom."],
        "%deploy logs": ["the log"],
    }.items():
        served.value(line)
        output = capsys.readouterr().out
        for word in words:
            assert word in output, line


def test_diff_compares_with_the_revision_before(served: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    for line in ("%deploy diff", "%deploy diff svc", "%deploy diff 1", "%deploy diff 1 2", "%deploy diff svc 1 2"):
        served.value(line)
        output = capsys.readouterr().out
        assert "revisions 1 → 2" in output
        assert "+    return [data]" in output
    served.value("%deploy delete svc")
    workspace(served).deploy("svc", _script("one"), target="memory")
    assert isinstance(served.run("%deploy diff").error_in_exec, ConflictError)


def test_rollback_shows_the_card_of_the_new_revision(served: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    served.value("%deploy rollback")
    output = capsys.readouterr().out
    assert "svc revision 4: Healthy" in output
    assert "in place of revision 2" in output
    served.value("%deploy rollback svc --to 2")
    assert "svc revision 5: Healthy" in capsys.readouterr().out
    result = served.run("%deploy rollback --to 3")
    assert isinstance(result.error_in_exec, ConflictError)
    output = "".join(capsys.readouterr())
    assert "never worked" in output
    assert "Traceback" not in output


def test_keys_are_given_to_code_and_never_shown(served: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    keys = workspace(served).service("svc").keys()
    served.value("%deploy keys svc")
    served.value("%deploy keys")
    output = capsys.readouterr().out
    assert "Keys(primary=…, secondary=…)" in output
    assert keys.primary not in output
    served.value("primary, secondary = %deploy keys svc")
    assert (served.ip.user_ns["primary"], served.ip.user_ns["secondary"]) == tuple(keys)
    changed = served.value("%deploy keys --regenerate primary")
    assert isinstance(changed, Keys)
    assert changed.primary != keys.primary
    assert changed.secondary == keys.secondary


def test_what_could_not_be_started_is_said_with_its_log(
    served: Shell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from jupyter_mldeploy.errors import DeploymentError
    from tests.core.memory_target import MemoryTarget

    def broken(*_: object) -> None:
        raise DeploymentError("It fell over.", log_tail=["a last word"])

    served.value("%deploy stop")
    monkeypatch.setattr(MemoryTarget, "start", broken)
    capsys.readouterr()
    assert isinstance(served.run("%deploy start").error_in_exec, DeploymentError)
    output = "".join(capsys.readouterr())
    assert "svc: Not started" in output
    assert "a last word" in output
    assert "goes on serving" not in output


def test_keys_say_when_nobody_asks_for_them(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.value(f"%%deploy svc --target memory --no-auth\n{SCRIPT}")
    shell.value("%deploy keys")
    assert "without authentication" in capsys.readouterr().out


def test_delete_by_force_says_what_may_remain(
    served: Shell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise TargetUnavailableError("The place does not answer.")

    monkeypatch.setattr(MemoryTarget, "delete", gone)
    error = served.run("%deploy delete svc").error_in_exec
    assert isinstance(error, TargetUnavailableError)
    assert "`%deploy delete svc --force` only takes it off the lists" in str(error)
    assert [item.name for item in workspace(served).services()] == ["svc"]
    capsys.readouterr()
    served.value("%deploy delete svc --force")
    output = capsys.readouterr().out
    assert "svc is only forgotten: The place does not answer." in output
    assert "there may still be what it runs there." in output
    assert "is deleted" not in output
    assert workspace(served).services() == []
    served.value("%deploy delete svc --force")
    assert "had been deleted before" in capsys.readouterr().out


def test_stop_start_and_delete(served: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    served.value("%deploy stop")
    assert "%deploy start svc" in capsys.readouterr().out
    assert str(workspace(served).service("svc").state) == "Stopped"
    served.value("%deploy start")
    assert "svc revision 2: Healthy" in capsys.readouterr().out
    served.value("%deploy delete svc")
    assert "is deleted" in capsys.readouterr().out
    served.value("%deploy delete svc")
    assert "had been deleted before" in capsys.readouterr().out
    served.value("%deploy logs svc")
    served.value("%deploy status svc")
    assert "Deleted" in capsys.readouterr().out
    assert isinstance(served.run("%deploy delete never").error_in_exec, NotFoundError)
    served.value("%deploy list")
    assert "no services" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('svc {"a": 1}', ("svc", '{"a": 1}')),
        ("svc", ("svc", "")),
        ("", (None, "")),
        ('{"a": 1}', (None, '{"a": 1}')),
        ("[[1, 2]]", (None, "[[1, 2]]")),
        ("$x", (None, "$x")),
        ("my-svc @x.json", ("my-svc", "@x.json")),
        ("null", (None, "null")),
        ('"text"', (None, '"text"')),
        ("1.5", (None, "1.5")),
    ],
)
def test_a_name_is_told_from_a_payload(line: str, expected: tuple[str | None, str]) -> None:
    assert split_name(line) == expected


# With the local target, which listens.

ECHO = """
import json

def init():
    print("started")

def run(data):
    value = json.loads(data)
    return {"got": value, "half": value["x"] / 2} if isinstance(value, dict) else value
"""


@pytest.fixture
def echo(local: Shell, capsys: pytest.CaptureFixture[str]) -> Shell:
    local.value(f"%%deploy echo\n{ECHO}")
    capsys.readouterr()
    return local


def test_test_sends_json_files_and_variables(echo: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    assert echo.value('%deploy test echo {"x": 3}') == {"got": {"x": 3}, "half": 1.5}
    assert "200 in" in capsys.readouterr().out
    assert echo.value("%deploy test [1, 2]") == [1, 2]
    Path("request.json").write_text('{"x": 5}')
    assert echo.value("%deploy test @request.json")["half"] == 2.5
    echo.ip.user_ns["x"] = {"x": 8}
    assert echo.value("%deploy test echo $x")["half"] == 4
    assert echo.value("answer = %deploy test echo $x") is None
    assert echo.ip.user_ns["answer"]["half"] == 4


def test_a_failing_request_is_explained_and_names_the_line_of_the_cell(
    echo: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    result = echo.run('%deploy test echo {"y": 1}')
    assert isinstance(result.error_in_exec, ScoringError)
    assert result.error_in_exec.status is not None
    output = "".join(capsys.readouterr())
    assert "KeyError: 'x'" in output
    assert "cell In[2]" in output
    assert "line 10" in output
    assert "magics/" not in output


def test_logs_and_open(echo: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    echo.value("%deploy logs echo")
    assert "started" in capsys.readouterr().out
    echo.value("%deploy open")
    uri = Workspace().service("echo").scoring_uri
    assert uri is not None
    assert uri.replace("/score", "/docs") in capsys.readouterr().out
    echo.value("%deploy stop")
    assert isinstance(echo.run('%deploy test echo {"x": 1}').error_in_exec, TargetUnavailableError)


def test_the_scoring_uri_and_key_of_the_card_work(echo: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    import re
    import urllib.request

    echo.value("%deploy status")
    uri = re.search(r"scoring URI +(\S+)", capsys.readouterr().out)
    assert uri is not None
    primary, _ = Workspace().service("echo").keys()
    request = urllib.request.Request(uri[1], b'{"x": 4}', {"Authorization": f"Bearer {primary}"})
    with urllib.request.urlopen(request, timeout=10 * FACTOR) as response:
        assert json.load(response)["half"] == 2


def test_live_views_need_a_notebook(shell: Shell) -> None:
    for line in ("%deploy form", "%deploy panel"):
        result = shell.run(line)
        assert "need a notebook" in str(result.error_in_exec), line
