"""Which command a line means, what is said about one that means none, and how fast help is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_mldeploy.cli import main
from jupyter_mldeploy.cli.commands import COMMANDS, FAMILIES
from jupyter_mldeploy.cli.dispatch import split
from jupyter_mldeploy.cli.parser import command_parser
from jupyter_mldeploy.errors import InvalidInputError
from tests.patience import FACTOR


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_loads_and_explains_itself(command, capsys) -> None:  # type: ignore[no-untyped-def]
    parser = command_parser(command)
    text = parser.format_help()
    assert f"usage: mldeploy {command.name}" in text
    assert "--json" in text
    assert "--workspace" in text
    assert command.summary
    with pytest.raises(SystemExit) as left:
        main([*command.path, "--help"])
    assert left.value.code == 0
    assert f"usage: mldeploy {command.name}" in capsys.readouterr().out


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for title, family in FAMILIES.items():
        assert f"{title}:" in text
        for command in family:
            assert f"  {command.name} " in text
    assert main(["model", "-h"]) == 0
    assert "register" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "path", "rest"),
    [
        (["list"], ("list",), []),
        (["--json", "list", "--target", "local"], ("list",), ["--json", "--target", "local"]),
        (["--workspace", "w", "model", "list"], ("model", "list"), ["--workspace", "w"]),
        (["model", "--workspace=w", "list", "-n", "x"], ("model", "list"), ["--workspace=w", "-n", "x"]),
        (["deploy", "svc", "score.py", "--json"], ("deploy",), ["svc", "score.py", "--json"]),
    ],
)
def test_global_options_stand_anywhere(words: list[str], path: tuple[str, ...], rest: list[str]) -> None:
    found = split(words, "mldeploy")
    assert not isinstance(found, str)
    assert (found[0].path, found[1]) == (path, rest)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["depoly"], "Did you mean 'deploy'?"),
        (["model", "regsiter"], "Did you mean 'register'?"),
        (["model"], "needs one of: register, list"),
        (["zzz"], "There are: deploy, plan"),
        ([], "Which command?"),
        (["--frobnicate", "list"], "--frobnicate before the command"),
    ],
)
def test_a_line_without_a_command_is_one_sentence(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    seen = capsys.readouterr()
    assert seen.out == ""
    assert seen.err.startswith("error: ")
    assert said in seen.err
    assert seen.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["deploy", "svc", "score.py", "--modle", "x"], "Did you mean --model?"),
        (["deploy"], "needs NAME"),
        (["status", "svc", "other"], "takes no further argument 'other'"),
        (["deploy", "svc", "score.py", "--port"], "--port needs a value"),
        (["deploy", "svc", "score.py", "--port", "abc"], "a whole number from 1 to 65535"),
        (["logs", "svc", "-n", "0"], "a whole number from 1"),
        (["keys", "svc", "--regenerate", "tertiary"], "it is one of: primary, secondary"),
        (["keys", "svc", "--primary", "--secondary"], "not allowed with"),
        (["score", "svc", "--timeout", "soon"], "a time such as 8h"),
    ],
)
def test_wrong_options_are_one_sentence(
    words: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path,
    monkeypatch,  # type: ignore[no-untyped-def]
) -> None:
    monkeypatch.setenv("MLDEPLOY_HOME", str(tmp_path / "home"))
    assert main(words) == 2
    seen = capsys.readouterr()
    assert seen.out == ""
    assert said in seen.err
    assert seen.err.count("\n") == 1
    assert not (tmp_path / "home").exists(), "nothing is created for a line that cannot be read"


def test_abbreviated_options_are_refused() -> None:
    """`--mod` today may become ambiguous tomorrow, and scripts would break."""
    deploy = next(command for command in COMMANDS if command.name == "deploy")
    with pytest.raises(InvalidInputError, match="no option --mod"):
        command_parser(deploy).parse_args(["svc", "score.py", "--mod", "x"])


def test_help_needs_neither_the_core_nor_argparse() -> None:
    code = (
        "import sys; sys.argv = ['mldeploy', '--help']\n"
        "from jupyter_mldeploy.cli import main; main()\n"
        "heavy = {'pydantic', 'argparse', 'jupyter_mldeploy.core.workspace', 'sqlite3', 'asyncio'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60 * FACTOR, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_module_runs_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "jupyter_mldeploy", "--version"],
        capture_output=True,
        text=True,
        timeout=60 * FACTOR,
        check=True,
    )
    assert done.stdout.startswith("mldeploy 0.")


def test_jupyter_finds_the_command() -> None:
    pytest.importorskip("jupyter_core")
    scripts = str(Path(sys.executable).parent)
    done = subprocess.run(
        [sys.executable, "-m", "jupyter_core.command", "mldeploy", "--version"],
        env={**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60 * FACTOR,
        check=False,
    )
    assert done.stdout.startswith("jupyter mldeploy 0."), done.stderr
