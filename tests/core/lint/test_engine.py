"""The engine: gates, suppressions, settings, isolation, fixes."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import pytest

from jupyter_mldeploy.core.lint import RULES, Fix, LintConfig, TextEdit, apply_fixes, lint_source
from jupyter_mldeploy.core.lint.context import ScriptContext
from jupyter_mldeploy.errors import InvalidConfigurationError

OLD = (
    "from sklearn.externals import joblib{}\n\ndef init():\n    pass\n\ndef run(raw_data):\n    return str(raw_data)\n"
)


def codes(text: str, **options: object) -> list[str]:
    return [item.code for item in lint_source(text, **({"kind": "script"} | options))]  # type: ignore[arg-type]


def test_diagnostic_is_complete() -> None:
    (found,) = lint_source(OLD.format(""), kind="script", path="src/score.py")
    body = found.to_dict()
    assert body["code"] == "MLD601"
    assert body["severity"] == "error"
    assert (body["line"], body["column"], body["end_line"], body["end_column"]) == (1, 0, 1, 36)
    assert body["path"] == "src/score.py"
    assert body["cell_id"] is None
    assert body["docs_url"] == "docs/lint/MLD601.md"
    assert body["fixes"][0]["edits"][0]["new_text"] == "import joblib"
    assert "scikit-learn 0.23" in body["message"]
    assert "import joblib" in body["message"]


@pytest.mark.parametrize(
    "comment", ["  # noqa", "  # noqa: MLD601", "  # NOQA:mld601", "  # noqa: E501, MLD601", "  #noqa: MLD601 F401"]
)
def test_noqa_suppresses(comment: str) -> None:
    assert codes(OLD.format(comment)) == []


@pytest.mark.parametrize("comment", ["  # noqa: E501", "  # noqa: MLD602", "  # no qa"])
def test_other_noqa_does_not(comment: str) -> None:
    assert codes(OLD.format(comment)) == ["MLD601"]


def test_file_wide_noqa() -> None:
    assert codes("# mldeploy: noqa: MLD601\n" + OLD.format("")) == []
    assert codes("# mldeploy: noqa\n" + OLD.format("")) == []
    assert codes("# mldeploy: noqa: MLD1\n" + OLD.format("")) == ["MLD601"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["MLD601"]),
        ({"select": ("MLD1",)}, []),
        ({"select": ("MLD6",)}, ["MLD601"]),
        ({"ignore": ("MLD601",)}, []),
        ({"ignore": ("MLD6",)}, []),
        ({"select": ("MLD601",), "ignore": ("MLD6",)}, ["MLD601"]),
        ({"per_file_ignores": {"legacy/*": ("MLD6",)}}, []),
        ({"per_file_ignores": {"score.py": ("MLD601",)}}, []),
        ({"per_file_ignores": {"other.py": ("MLD601",)}}, ["MLD601"]),
    ],
)
def test_settings(settings: dict[str, object], expected: list[str]) -> None:
    assert codes(OLD.format(""), path="legacy/score.py", config=LintConfig(**settings)) == expected  # type: ignore[arg-type]


def test_severity_can_be_changed() -> None:
    (found,) = lint_source(OLD.format(""), kind="script", config=LintConfig(severity={"MLD601": "hint"}))
    assert found.severity == "hint"


def test_settings_from_pyproject(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text(
        '[tool.mldeploy.lint]\nselect = ["MLD6"]\nignore = ["MLD609"]\nserver = "azureml"\nexclude = ["old/*"]\n'
        'entry-scripts = ["serve.py"]\n[tool.mldeploy.lint.per-file-ignores]\n"a/*.py" = ["MLD601"]\n'
        '[tool.mldeploy.lint.severity]\nMLD605 = "error"\n',
        encoding="utf-8",
    )
    (tmp_path / "a").mkdir()
    config = LintConfig.from_pyproject(tmp_path / "a")
    assert config == LintConfig.from_pyproject(project)
    assert config.select == ("MLD6",)
    assert config.ignore == ("MLD609",)
    assert config.server == "azureml"
    assert config.per_file_ignores == {"a/*.py": ("MLD601",)}
    assert config.severity == {"MLD605": "error"}
    assert config.exclude == ("old/*",)
    assert config.entry_scripts == ("serve.py",)


def test_no_settings_are_the_defaults(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text("[project]\nname = 'x'\n", encoding="utf-8")
    assert LintConfig.from_pyproject(project) == LintConfig()
    assert LintConfig.from_pyproject(tmp_path / "missing.toml") == LintConfig()


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[tool.mldeploy.lint]\nselct = []\n", "selct"),
        ('[tool.mldeploy.lint]\nselect = "MLD"\n', "select"),
        ('[tool.mldeploy.lint]\nserver = "aws"\n', "server"),
        ('[tool.mldeploy.lint.severity]\nMLD601 = "fatal"\n', "severity"),
        ("[tool.mldeploy.lint\n", "pyproject"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, text: str, field: str) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidConfigurationError, match=field):
        LintConfig.from_pyproject(project)


def test_a_rule_that_raises_costs_only_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: ScriptContext) -> list[object]:
        raise RuntimeError("oops")

    monkeypatch.setitem(RULES._all, "MLD602", dataclasses.replace(RULES["MLD602"], check=broken))
    with caplog.at_level(logging.ERROR):
        assert codes(OLD.format("")) == ["MLD601"]
    assert "MLD602" in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        "import azureml.core\nprint('train')\n",
        "def run(): ...\n",
        "from flask import Flask\napp = Flask(__name__)\n@app.route('/')\ndef run(request=request): "
        "return request.method\ndef init(): ...\n",
        "def init(url): return url\ndef run(model, data): return model\n",
        "import azureml.core\ndef init(): ...\ndef main(): init()\n",
        "class Trainer:\n    def run(self, x): return x\n    def init(self): ...\n",
        "def init(): ...\ndef run(): print('training')\nif __name__ == '__main__':\n    init(); run()\n",
        "x = (",
        "",
    ],
)
def test_other_files_get_no_findings(text: str) -> None:
    assert lint_source(text) == []


def test_auto_finds_entry_scripts() -> None:
    assert [item.code for item in lint_source(OLD.format(""))] == ["MLD601"]
    helper = "def run(data): return data\nfrom sklearn.externals import joblib\n"
    assert lint_source(helper, path="serve.py") == []
    config = LintConfig(entry_scripts=("serve.py",))
    assert {item.code for item in lint_source(helper, path="serve.py", config=config)} == {"MLD101", "MLD601"}


def test_magic_line_is_left_out_and_positions_stay() -> None:
    text = "%%deploy my-service --cpu 1\n" + OLD.format("")
    (found,) = lint_source(text, kind="cell")
    assert found.line == 2
    assert apply_fixes(text, [found]).splitlines()[:2] == ["%%deploy my-service --cpu 1", "import joblib"]
    assert lint_source("%%deploy my-service", kind="cell")[0].code == "MLD101"


def test_uncertain_kind_makes_response_rules_hints() -> None:
    text = (
        "def init(): ...\ndef run(data):\n    try:\n        return work(data)\n    except Exception as "
        "error:\n        return str(error)\n"
    )
    (found,) = [item for item in lint_source(text, kind="script") if item.code == "MLD404"]
    assert found.severity == "hint"


@pytest.mark.parametrize(
    ("code", "body", "ours", "theirs"),
    [
        ("MLD106", "yield raw_data", "info", "error"),
        ("MLD401", "return np.array(json.loads(raw_data))", "warning", "error"),
        ("MLD402", "return model.predict(json.loads(raw_data))", "info", "warning"),
    ],
)
def test_what_only_our_server_accepts(code: str, body: str, ours: str, theirs: str) -> None:
    text = (
        f"import json\nimport numpy as np\ndef init():\n    global model\n    model = 1\ndef "
        f"run(raw_data):\n    json.loads(raw_data)\n    {body}\n"
    )
    for server, severity in (("mldeploy", ours), ("azureml", theirs)):
        found = lint_source(text, kind="script", config=LintConfig(server=server))  # type: ignore[arg-type]
        assert {item.severity for item in found if item.code == code} == {severity}


def test_fixes_are_applied_together() -> None:
    text = (
        "def init():\n    model = joblib.load(os.path.join(os.getenv('AZUREML_MODEL_DIR', '.'), '/m.pkl'))\n\n"
        "def run(raw_data):\n    return model.predict(json.loads(raw_data)).tolist()\n"
    )
    fixed = text
    for _ in range(4):
        fixed = apply_fixes(fixed, lint_source(fixed, kind="cell"))
    assert "import joblib\n" in fixed
    assert "global model" in fixed
    assert "'m.pkl'" in fixed
    assert [item.code for item in lint_source(fixed, kind="cell") if item.severity == "error"] == []


def test_overlapping_fixes_are_left_out() -> None:
    found = lint_source(OLD.format(""), kind="script")[0]
    other = TextEdit(1, 5, 1, 12, "x")
    clash = dataclasses.replace(found, column=5, fixes=(Fix("clash", (other,), safe=True),))
    assert apply_fixes(OLD.format(""), [clash, found]).startswith("import joblib\n")
    assert apply_fixes("abc", []) == "abc"


def test_unsafe_fixes_need_to_be_asked_for() -> None:
    text = "import json\ndef init(): ...\ndef run(raw_data):\n    return json.dumps(json.loads(raw_data))\n"
    found = lint_source(text, kind="script")
    assert apply_fixes(text, found) == text
    assert "return json.loads(raw_data)" in apply_fixes(text, found, unsafe=True)


def test_pinned_old_scikit_learn_makes_the_removed_import_a_warning() -> None:
    from jupyter_mldeploy.core.lint.context import PinnedEnvironment

    old = PinnedEnvironment("env.yml", {"scikit-learn": "0.20.3"})
    (found,) = lint_source(OLD.format(""), kind="script", environment=old)
    assert found.severity == "warning"
    new = PinnedEnvironment("env.yml", {"scikit-learn": "1.4.0"})
    assert lint_source(OLD.format(""), kind="script", environment=new)[0].severity == "error"


@pytest.mark.parametrize(
    ("line", "reported"),
    [
        ("numpy", True), ("numpy==2.4.1", True), ("numpy=2", True), ("numpy>=1.20", True), ("numpy<3", True),
        ("numpy<2.4.1", True), ("numpy==2.3.5", False), ("numpy=1.26.*", False), ("numpy==1.*", False),
        ("numpy>=1.20,<2.4", False), ("numpy<2", False), ("numpy<2.4.0", False), ("python=3.10", False),
        ("python=3", True), ("python=3.11", True), ("python>=3.8,<3.11", False),
    ],
)  # fmt: skip
def test_arrays_as_numbers_are_reported_where_numpy_may_refuse_them(line: str, reported: bool) -> None:
    from jupyter_mldeploy.core.lint.document import read_document
    from jupyter_mldeploy.core.lint.packages import conda_packages, pins
    from jupyter_mldeploy.core.script.source import SourceText

    text = RULES["MLD409"].bad
    environment = pins("env.yml", conda_packages(read_document(SourceText(f"dependencies:\n- {line}\n"), "yaml")))
    found = [item.code for item in lint_source(text, kind="script", environment=environment)]
    assert ("MLD409" in found) is reported


def test_every_rule_is_reachable() -> None:
    assert all(callable(rule.check) for rule in RULES)
