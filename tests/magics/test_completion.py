"""Completion on ``%%deploy`` and ``%deploy`` lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from IPython.core.completer import provisionalcompleter

from jupyter_mldeploy.core.deployoptions import DEPLOY_OPTIONS
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.magics.verbs import VERBS

from .conftest import SCRIPT, Shell


@pytest.fixture
def filled(shell: Shell, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A shell with two services, a model, an environment, files and variables."""
    workspace: Workspace = shell.ip._mldeploy_magics.session.workspace
    (tmp_path / "score.py").write_text(SCRIPT)
    (tmp_path / "data folder").mkdir()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "ridge.pkl").write_bytes(b"1")
    (tmp_path / ".hidden").write_text("")
    workspace.models.register(tmp_path / "sub" / "ridge.pkl", "ridge")
    for name in ("diabetes", "digits"):
        workspace.deploy(name, "score.py", target="memory")
    workspace.deploy("digits", "score.py", target="memory")
    shell.ip.user_ns["fitted"] = [1]
    shell.value("import os")
    return shell


def complete(shell: Shell, text: str) -> list[str]:
    """Return what replaces the word at the end of the text's first line that has a |."""
    at = text.index("|")
    with provisionalcompleter():
        found = list(shell.ip.Completer.completions(text.replace("|", ""), at))
    return [text[:at][item.start :][:0] + item.text for item in found]


@pytest.mark.parametrize(
    ("text", "offered", "not_offered"),
    [
        ("%%deploy |", {"diabetes", "digits", "--model", "--from"}, {"fitted", "list"}),
        ("%%deploy di|", {"diabetes", "digits"}, {"--model"}),
        ("%%deploy diabetes --mo|", {"--model"}, {"--memory-gb"}),
        ("%%deploy diabetes |\nimport os", {"--model", "--dry-run"}, {"digits"}),
        ("%%deploy diabetes --quiet --|", {"--model"}, {"--quiet"}),
        ("%%deploy diabetes --model r|", {"ridge", "ridge:1"}, {"score.py"}),
        ("%%deploy diabetes --model ridge:|", {"ridge:1"}, set()),
        ("%%deploy diabetes --model=ri|", {"--model=ridge", "--model=ridge:1"}, set()),
        ("%%deploy diabetes --model sub/|", {"sub/ridge.pkl"}, {"ridge"}),
        ("%%deploy diabetes --include d|", {"'data folder/'"}, set()),
        ("%%deploy diabetes --include 'd|", {"'data folder/"}, set()),
        ("%%deploy diabetes --source-directory |", {"sub/"}, {"score.py"}),
        ("%%deploy diabetes --from |", {"score.py", "sub/"}, {".hidden"}),
        ("%%deploy diabetes --from .|", {".hidden"}, {"score.py"}),
        ("%%deploy diabetes --object f|", {"fitted"}, set()),
        ("%%deploy diabetes --object |", {"fitted"}, {"os", "In", "exit"}),
        ("%%deploy diabetes --target |", {"memory", "broken"}, {"--model"}),
        ("%%deploy diabetes --target memory --set s|", {"size=", "scoring_timeout_ms="}, {"hang="}),
        ("%%deploy diabetes --target memory --set auth_enabled=|", {"auth_enabled=true", "auth_enabled=false"}, set()),
        ("%%deploy diabetes --target nowhere --set |", set(), {"size="}),
        ("%deploy |", set(VERBS), {"--model", "diabetes"}),
        ("%deploy st|", {"status", "start", "stop"}, {"list"}),
        ("%deploy logs |", {"diabetes", "--follow", "-f", "-n"}, {"logs"}),
        ("%deploy logs di|", {"diabetes", "digits"}, set()),
        ("%deploy rollback digits --to |", {"1", "2"}, {"3"}),
        ("%deploy keys digits --regenerate |", {"primary", "secondary"}, set()),
        ("%deploy plan di|", {"diabetes"}, set()),
        ("%deploy plan digits --fr|", {"--from"}, set()),
        ("%deploy test di|", {"digits"}, set()),
        ("%deploy test digits $f|", {"$fitted"}, set()),
        ("%deploy test digits @s|", {"@score.py", "@sub/"}, set()),
        ("%deploy diff dig|", {"digits"}, set()),
        ("answer = %deploy test dig|", {"digits"}, set()),
        ("x = 1\n%deploy sta|", {"start", "status"}, set()),
    ],
)
def test_what_is_offered(filled: Shell, text: str, offered: set[str], not_offered: set[str]) -> None:
    found = set(complete(filled, text))
    assert offered <= found
    assert not not_offered & found


def test_the_word_under_the_cursor_is_replaced(filled: Shell) -> None:
    text = "%%deploy diabetes --model ridge:"
    with provisionalcompleter():
        (found,) = filled.ip.Completer.completions(text, len(text))
    assert text[: found.start] + found.text + text[found.end :] == "%%deploy diabetes --model ridge:1"


@pytest.mark.parametrize("text", ["fit|", "%%deploy digits\nfit|", "%%timeit\n%%deploy fit|", "deploy = fit|"])
def test_other_lines_are_completed_as_ever(filled: Shell, text: str) -> None:
    found = complete(filled, text)
    assert "--model" not in found
    if not text.startswith("%%timeit"):
        assert "fitted" in found


def test_only_deploy_completions_are_offered_on_its_line(filled: Shell) -> None:
    assert set(complete(filled, "%%deploy digits |")) == {option.flag for option in DEPLOY_OPTIONS}


def test_completion_never_fails(shell: Shell, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in (
        "%%deploy 'x|",
        '%%deploy "|',
        '%deploy test x {"a": \'|',
        "%%deploy x --target broken --set |",
        "%deploy |",
    ):
        complete(shell, text)
    assert capsys.readouterr().err == ""


def test_registered_environments_are_offered(filled: Shell) -> None:
    from jupyter_mldeploy import Environment

    filled.ip._mldeploy_magics.session.workspace.environments.register(Environment("train", pip=("numpy",)))
    assert {"train", "train:1"} <= set(complete(filled, "%%deploy digits --env tr|"))
