# ruff: noqa: E501 - files in one line
"""Files, folders and notebooks on disk."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from jupyter_mldeploy.core.lint import LintConfig, fix_file, lint_file, lint_paths
from jupyter_mldeploy.core.lint.notebook import bound_names
from jupyter_mldeploy.errors import NotFoundError

OLD = "from sklearn.externals import joblib\n\ndef init():\n    pass\n\ndef run(raw_data):\n    return str(raw_data)\n"


def notebook(*cells: str, ids: bool = True) -> str:
    """Make a notebook of code cells, ids ``c0``, ``c1``, …"""
    made = [
        {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": text.splitlines(keepends=True),
        }
        | ({"id": f"c{number}"} if ids else {})
        for number, text in enumerate(cells)
    ]
    return (
        json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5 if ids else 4}, indent=1) + "\n"
    )


def found_in(path: Path, config: LintConfig | None = None) -> list[tuple[str | None, str, int]]:
    return [(item.cell_id, item.code, item.line) for item in lint_file(path, config)]


def test_kinds_of_files(tmp_path: Path) -> None:
    for name, text in {
        "score.py": OLD,
        "train.py": "import azureml.core\n",
        "environment.yml": "channels: [x]\ndependencies:\n  - python=3.6\n",
        "requirements.txt": "numpy=1\n",
        "inferenceconfig.json": '{"entryScript": "my-score.py"}',
        "deploymentconfig.json": '{"computeType": "x"}',
        "endpoint.yml": "name: a_b\nauth_mode: key\n",
        "data.json": "{",
        "notes.md": "def run(",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    reports = {Path(report.path).name: [item.code for item in report.diagnostics] for report in lint_paths([tmp_path])}
    assert reports == {
        "score.py": ["MLD601"],
        "train.py": [],
        "environment.yml": ["MLD809"],
        "requirements.txt": ["MLD806"],
        "inferenceconfig.json": ["MLD822"],
        "deploymentconfig.json": ["MLD841"],
        "endpoint.yml": ["MLD863"],
        "data.json": [],
    }


def test_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"nothing\.py"):
        lint_file(tmp_path / "nothing.py")
    with pytest.raises(NotFoundError):
        lint_paths([tmp_path / "nothing"])


def test_folders_leave_out_what_is_not_the_users(tmp_path: Path) -> None:
    for folder in (".venv", "node_modules/x", "__pycache__", "old", "src", "myenv"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "score.py").write_text(OLD, encoding="utf-8")
    (tmp_path / "myenv" / "pyvenv.cfg").touch()
    (tmp_path / "pyproject.toml").write_text('[tool.mldeploy.lint]\nexclude = ["old/*"]\n', encoding="utf-8")
    assert [Path(report.path).relative_to(tmp_path).as_posix() for report in lint_paths([tmp_path])] == ["src/score.py"]
    assert [item.code for item in lint_file(tmp_path / "old" / "score.py")] == ["MLD601"]


def test_link_loops_and_odd_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a" / "self.py").symlink_to(tmp_path / "a" / "self.py")
    (tmp_path / "a" / "gone.py").symlink_to(tmp_path / "a" / "missing.py")
    os.mkfifo(tmp_path / "a" / "pipe.py")
    (tmp_path / "a" / "score.py").write_text(OLD, encoding="utf-8")
    reports = {Path(report.path).name: [item.code for item in report.diagnostics] for report in lint_paths([tmp_path])}
    assert reports == {"self.py": ["MLD001"], "gone.py": ["MLD001"], "pipe.py": ["MLD001"], "score.py": ["MLD601"]}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xff\xfe\x00", ["MLD001"]),
        (b"# -*- coding: latin-1 -*-\n# \xe9\n" + OLD.encode(), ["MLD601"]),
        (b"# -*- coding: no-such-codec -*-\n" + OLD.encode(), ["MLD001"]),
        (b"\xef\xbb\xbf" + OLD.encode(), ["MLD601"]),
        (OLD.replace("\n", "\r\n").encode(), ["MLD601"]),
        (b"x = 1\n" * 1_000_000, ["MLD001"]),
    ],
    ids=["binary", "latin-1", "codec", "bom", "crlf", "large"],
)
def test_encodings(tmp_path: Path, content: bytes, expected: list[str]) -> None:
    path = tmp_path / "score.py"
    path.write_bytes(content)
    assert [item.code for item in lint_file(path)] == expected


def test_notebook_cells(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(
        notebook(
            "import numpy as np\n%matplotlib inline\nfiles = !ls\ndef clean(x):\n    return x",
            "%%writefile score.py\n" + OLD.replace("str(raw_data)", "clean(os.fspath(raw_data))"),
            "%%deploy my-service\n" + OLD.replace("str(raw_data)", "clean(os.fspath(raw_data))"),
            "%%writefile train.py\nimport azureml.core\nundefined\n",
            "%%writefile environment.yml\nchannels: [x]\ndependencies:\n  - python=3.6\n",
            '%%writefile inferenceconfig.json\n{"entryScript": "my-score.py"}',
            "def run(data): return np",
            "%%bash\nls",
        ),
        encoding="utf-8",
    )
    assert found_in(path) == [
        ("c1", "MLD601", 2),
        ("c1", "MLD307", 8),
        ("c1", "MLD306", 8),
        ("c2", "MLD601", 2),
        ("c2", "MLD307", 8),
        ("c2", "MLD306", 8),
        ("c4", "MLD809", 4),
        ("c5", "MLD822", 2),
    ]
    severities = {(item.cell_id, item.code): item.severity for item in lint_file(path)}
    assert severities["c1", "MLD307"] == "warning"
    assert severities["c2", "MLD307"] == "hint"


def test_notebooks_without_ids_and_without_python(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(notebook("x = 1", "%%deploy\n" + OLD, ids=False), encoding="utf-8")
    assert found_in(path) == [("cell-1", "MLD601", 2)]
    path.write_text("{}", encoding="utf-8")
    assert found_in(path) == [(None, "MLD001", 1)]
    path.write_text("[" * 100_000, encoding="utf-8")
    assert found_in(path) == [(None, "MLD001", 1)]


def test_commands_in_deployed_cells_are_not_syntax_errors(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    text = "%%deploy x\n!pip install joblib\n%matplotlib inline\ndef init():\n    pass\ndef run(data):\n    return [data]\n"
    path.write_text(notebook(text), encoding="utf-8")
    assert found_in(path) == []


def test_names_that_cells_bind() -> None:
    assert bound_names("import os\nx, y = 1, 2\ndef f(): z = 1\nout = !ls\n%time w = 3\nfor i in x: pass") >= {
        "os", "x", "y", "f", "out", "i",
    }  # fmt: skip
    assert bound_names("%%deploy\nx = 1") == set()
    assert "x" in bound_names("%%time\nx = 1")


def test_fixing_a_script(tmp_path: Path) -> None:
    path = tmp_path / "score.py"
    path.write_text(OLD, encoding="utf-8")
    path.chmod(0o755)
    assert fix_file(path) == 1
    assert path.read_text(encoding="utf-8").startswith("import joblib\n")
    assert path.stat().st_mode & 0o777 == 0o755
    assert fix_file(path) == 0
    assert sorted(item.name for item in tmp_path.iterdir()) == ["score.py"]


def test_fixing_a_notebook_changes_its_cell_only(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    before = notebook("x = 'é'", "%%deploy a\n" + OLD)
    path.write_text(before, encoding="utf-8")
    assert fix_file(path) == 1
    after = json.loads(path.read_text(encoding="utf-8"))
    assert "".join(after["cells"][1]["source"]).splitlines()[:2] == ["%%deploy a", "import joblib"]
    assert after["cells"][0] == json.loads(before)["cells"][0]
    assert path.read_text(encoding="utf-8").endswith("}\n")


def test_environment_beside_the_script(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(OLD + "import os\nos.environ['AZUREML_MODEL_DIR']\n", encoding="utf-8")
    environment = tmp_path / "environment.yml"
    environment.write_text("channels: [x]\ndependencies:\n  - python=3.11\n  - scikit-learn=0.20.3\n", encoding="utf-8")
    assert [(item.code, item.severity) for item in lint_file(tmp_path / "score.py") if item.code == "MLD601"] == [
        ("MLD601", "warning")
    ]
    assert "MLD812" not in [item.code for item in lint_file(environment)]
    environment.write_text("channels: [x]\ndependencies:\n  - python=3.11\n  - scikit-learn=1.4\n", encoding="utf-8")
    assert [item.severity for item in lint_file(tmp_path / "score.py") if item.code == "MLD601"] == ["error"]
    assert "MLD812" in [item.code for item in lint_file(environment)]


def test_an_environment_is_only_tied_to_a_script_when_it_is_clear_which(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(
        "import xgboost\n" + OLD + "import os\nos.environ['AZUREML_MODEL_DIR']\n", encoding="utf-8"
    )
    for name in ("train_env.yml", "conda_scoring.yml"):
        (tmp_path / name).write_text("channels: [x]\ndependencies:\n  - python=3.11\n", encoding="utf-8")
    assert "MLD810" in [item.code for item in lint_file(tmp_path / "conda_scoring.yml")]
    assert "MLD810" not in [item.code for item in lint_file(tmp_path / "train_env.yml")]


def test_entry_script_may_lie_where_the_command_is_given(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "score.py").write_text(OLD, encoding="utf-8")
    config = tmp_path / "deploy" / "inferenceconfig.json"
    for text in ('{"entryScript": "src/score.py"}', '{"entryScript": "score.py", "sourceDirectory": "src"}'):
        config.write_text(text, encoding="utf-8")
        assert "MLD823" not in [item.code for item in lint_file(config)]
    config.write_text('{"entryScript": "other.py"}', encoding="utf-8")
    assert [item.code for item in lint_file(config)] == ["MLD823"]
