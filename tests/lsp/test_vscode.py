"""The extension for Visual Studio Code: its schemas, its own tests, and the file that is installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import jsonschema
import pytest
import yaml
from mldeploy_lsp.file_schemas import FAMILIES, main, schema, texts

from jupyter_mldeploy._version import __version__
from jupyter_mldeploy.core.lint import RULES
from jupyter_mldeploy.core.lint.document_context import DocumentFamily

VSCODE = Path(__file__).resolve().parents[2] / "lsp" / "vscode"
BUILT = ("node_modules", "dist", "out")


def test_schemas_are_up_to_date(tmp_path: Path) -> None:
    written = {path.name: path.read_text() for path in (VSCODE / "schemas").glob("*.json")}
    assert written == texts(), "run: python -m mldeploy_lsp.file_schemas lsp/vscode/schemas"
    assert main([str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == set(written)


@pytest.mark.parametrize("family", FAMILIES)
def test_schemas_accept_what_the_linter_accepts(family: DocumentFamily) -> None:
    jsonschema.Draft7Validator.check_schema(schema(family))
    validator = jsonschema.Draft7Validator(schema(family))
    checked = 0
    for rule in RULES:
        if rule.family != family:
            continue
        text = rule.good
        if text.startswith("--- "):
            text = text.split("\n", 1)[1].split("\n--- ")[0]
        document = yaml.safe_load(text)
        if isinstance(document, dict):
            assert [error.message for error in validator.iter_errors(document)] == [], rule.code
            checked += 1
    assert checked >= 4


@pytest.mark.parametrize(
    ("family", "document"),
    [
        ("deploymentconfig", {"computeType": "aci", "containerResourceRequirements": {"cpu": "two"}}),
        ("deploymentconfig", {"computeType": "aks", "authEnabled": "True"}),
        ("inferenceconfig", {"entryScript": ["score.py"]}),
        ("environment", {"dependencies": "numpy"}),
        ("endpoint", {"name": "blue", "instance_count": "one"}),
    ],
)
def test_schemas_refuse_wrong_types(family: DocumentFamily, document: dict[str, object]) -> None:
    assert not jsonschema.Draft7Validator(schema(family)).is_valid(document)


def test_the_version_is_the_packages() -> None:
    assert json.loads((VSCODE / "package.json").read_text())["version"] == __version__


@pytest.mark.node
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_extension_is_tested_and_packed(tmp_path: Path) -> None:
    """In a copy, so that a test run leaves nothing behind; what npm has installed already is used again."""
    copy = tmp_path / "lsp" / "vscode"
    shutil.copytree(VSCODE, copy, ignore=shutil.ignore_patterns(*BUILT))
    shutil.copy(VSCODE.parents[1] / "LICENSE", tmp_path)
    if (VSCODE / "node_modules").is_dir():
        (copy / "node_modules").symlink_to(VSCODE / "node_modules")
    else:
        npm(copy, "ci", "--ignore-scripts", "--prefer-offline")
    npm(copy, "test", MLDEPLOY_TEST_PYTHON=sys.executable)
    npm(copy, "run", "package")
    with zipfile.ZipFile(copy / "dist" / "jupyter-mldeploy.vsix") as packed:
        names = {name.removeprefix("extension/") for name in packed.namelist()}
        sizes = sum(item.file_size for item in packed.infolist())
    assert {"package.json", "dist/extension.js", "readme.md", "LICENSE.txt"} <= names
    assert {f"schemas/{name}" for name in texts()} <= names
    assert not any("node_modules" in name or name.endswith(".ts") for name in names)
    assert sizes < 1_000_000


def npm(folder: Path, *words: str, **environment: str) -> None:
    done = subprocess.run(
        ["npm", *words], cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
