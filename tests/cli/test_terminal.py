"""What a terminal sees: one updating line a step, colours unless NO_COLOR, completion."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import pytest

from jupyter_mldeploy.cli.output import Output, age, table
from jupyter_mldeploy.cli.progress import reporting
from tests.patience import FACTOR


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_steps_update_one_line_on_a_terminal() -> None:
    stream = Terminal()
    output = Output(as_json=False, quiet=False, out=stream, err=stream)
    with reporting(output) as report:
        assert report is not None
        report("check", "checking")
        report("run", "starting the worker")
    text = stream.getvalue()
    assert text.count("\n") == 2, "one line a step stays"
    last = [line.rsplit("\r\x1b[2K")[-1] for line in text.split("\n")[:2]]
    assert [re.sub(r"\d+\.\d", "N", line) for line in last] == ["checking  N s", "starting the worker  N s"]


def test_the_step_that_failed_is_marked() -> None:
    stream = Terminal()
    output = Output(as_json=False, quiet=False, out=stream, err=stream)

    def fail() -> None:
        with reporting(output) as report:
            assert report is not None
            report("run", "starting")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert stream.getvalue().endswith("s failed\n")


@pytest.mark.parametrize(("as_json", "quiet"), [(True, False), (False, True)])
def test_nothing_is_shown_when_quiet_or_for_programs(as_json: bool, quiet: bool) -> None:
    stream = Terminal()
    with reporting(Output(as_json=as_json, quiet=quiet, out=stream, err=stream)) as report:
        assert report is None
    assert stream.getvalue() == ""


def test_states_have_colours_that_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, pipe = Terminal(), io.StringIO()
    assert Output(as_json=False, quiet=False, out=terminal).state("Healthy") == "\x1b[32mHealthy\x1b[0m"
    assert Output(as_json=False, quiet=False, out=pipe).state("Healthy") == "Healthy"
    monkeypatch.setenv("NO_COLOR", "1")
    assert Output(as_json=False, quiet=False, out=terminal).state("Healthy") == "Healthy"


def test_colours_do_not_shift_columns() -> None:
    rows = [("a", "\x1b[32mHealthy\x1b[0m", "x"), ("b", "Unschedulable", "y")]
    lines = re.sub(r"\x1b\[\d+m", "", table(("N", "STATE", "Z"), rows)).splitlines()
    assert {line.index(last) for line, last in zip(lines, "Zxy", strict=True)} == {lines[0].index("Z")}


def test_ages_are_short() -> None:
    assert [age(0, now) for now in (5, 61, 7300, 200_000)] == ["5s", "1m", "2h", "2d"]


def test_completion_knows_commands_options_and_names(tmp_path: Path, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    from jupyter_mldeploy.cli import main

    monkeypatch.setenv("MLDEPLOY_HOME", str(tmp_path / "home"))
    (tmp_path / "m.bin").write_bytes(b"1")
    assert main(["model", "register", str(tmp_path / "m.bin"), "-n", "ridge"]) == 0

    def words(*line: str) -> list[str]:
        capsys.readouterr()
        assert main(["completion", "words", "--", *line]) == 0
        return capsys.readouterr().out.split()

    assert {"deploy", "delete", "diff"} == set(words("d"))
    assert {"register", "list"} <= set(words("model", ""))
    assert "--model" in words("deploy", "svc", "--mo")
    assert words("deploy", "svc", "score.py", "--model", "r") == ["ridge", "ridge:1"]
    assert words("model", "show", "") == ["ridge:1"]
    assert words("target", "describe", "l") == ["local"]
    assert words("deploy", "svc", "") == [], "a path may stand there"
    for shell in ("bash", "zsh"):
        assert main(["completion", shell]) == 0
        assert "mldeploy completion words" in capsys.readouterr().out


def test_the_bash_script_completes(tmp_path: Path) -> None:
    import subprocess

    from .conftest import MLDEPLOY

    load = f'eval "$({MLDEPLOY} completion bash)"'
    line = f'{load}; COMP_WORDS=(mldeploy mo); COMP_CWORD=1; _mldeploy; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(
        ["bash", "-c", line],
        env={**os.environ, "PATH": f"{MLDEPLOY.parent}:{os.environ['PATH']}", "MLDEPLOY_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=60 * FACTOR,
        check=False,
    )
    assert done.stdout.strip() == "model", done.stderr
