"""``mldeploy deploy NAME --model FILE`` without a script."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.cli import main


@pytest.fixture
def call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*words: str) -> tuple[int, str, str]:
        code = main([*words, "--workspace", str(tmp_path / "home")])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_show_script_prints_python_and_deploys_nothing(call: Any, tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    class Bomb:
        def __reduce__(self) -> Any:
            return Path.touch, (mark,)

    model = tmp_path / "m.pkl"
    model.write_bytes(pickle.dumps(Bomb()))
    for words in (("deploy", "svc", "--show-script"), ("plan", "svc")):
        code, out, err = call(*words, "--model", str(model))
        assert code == 0
        assert "m.pkl is a pickle, and reading one runs the code in it: it was not read" in err
        assert not mark.exists()
        if "--show-script" in words:
            compile(out, "score.py", "exec")
            assert "joblib.load(path)" in out
    assert call("list")[1].count("svc") == 0


def test_neither_script_nor_model(call: Any) -> None:
    code, _, err = call("deploy", "svc")
    assert code != 0
    assert "An entry script, --notebook FILE or --model FILE is needed" in err


def test_a_script_is_shown_as_it_is(call: Any, tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text("def init():\n    pass\n\n\ndef run(data):\n    return data\n")
    assert call("deploy", "svc", str(script), "--show-script")[1].strip() == script.read_text().strip()
