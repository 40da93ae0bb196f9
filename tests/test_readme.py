"""The README's snippets run as they stand."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import joblib
import nbformat
import pytest
from nbclient import NotebookClient
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

from tests.patience import FACTOR, NOTEBOOK

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def fences(language: str) -> list[str]:
    """Return the README's code blocks of one language ("" is none)."""
    parts = re.split(r"^```(.*)\n", README, flags=re.MULTILINE)
    return [parts[at + 1] for at in range(1, len(parts) - 1, 4) if parts[at] == language]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    X, y = load_diabetes(return_X_y=True)
    joblib.dump(Ridge().fit(X, y), tmp_path / "ridge.pkl")
    cell = next(block for block in fences("") if block.startswith("%%deploy"))
    (tmp_path / "score.py").write_text(cell.split("\n", 1)[1])
    monkeypatch.setenv("MLDEPLOY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_python_snippets_run(folder: Path) -> None:
    for number, block in enumerate(fences("python")):
        code = "import jupyter_mldeploy as mld\n" + block
        name = f"snippet{number}.py"
        (folder / name).write_text(code)
        run = subprocess.run([sys.executable, name], capture_output=True, text=True, timeout=240 * FACTOR)
        assert run.returncode == 0, f"{block}\n{run.stdout}{run.stderr}"
    subprocess.run([sys.executable, "-c", "import jupyter_mldeploy as m; m.Workspace().service('diabetes').delete()"])


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_notebook_snippets_run(folder: Path) -> None:
    notebook = nbformat.v4.new_notebook()
    blocks = fences("")
    rows = re.findall(r"^\|[^|]*\|(.*)\|$", README, re.MULTILINE)
    magics = [snippet for row in rows for snippet in re.findall(r"`(%deploy [^`]*)`", row)]
    assert len(blocks) >= 2
    assert len(magics) >= 6
    for source in [*blocks, *blocks[-1:], *magics]:
        notebook.cells.append(nbformat.v4.new_code_cell(source.replace(" -f", "").strip()))
    notebook.cells.append(nbformat.v4.new_code_cell("%deploy delete diabetes"))
    NotebookClient(notebook, kernel_name="python3", **NOTEBOOK).execute()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_console_snippets_run(folder: Path) -> None:
    (block,) = [block for block in fences("console") if "mldeploy model register" in block]
    for line in block.splitlines():
        command = shlex.split(line.removeprefix("$ "))
        command[0] = str(Path(sys.executable).parent / command[0])
        run = subprocess.run(command, capture_output=True, text=True, timeout=240 * FACTOR)
        assert run.returncode == 0, f"{line}\n{run.stdout}{run.stderr}"


def test_files_that_the_readme_names_exist() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
