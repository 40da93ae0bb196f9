"""The JupyterLab extension as it is packaged: the committed build is of these sources."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import jupyter_mldeploy
from jupyter_mldeploy.server.answers import Operation
from tests.patience import FACTOR
from tests.ui.jupyter import assets

ROOT = Path(__file__).parents[1]
COMMITTED = ROOT / "jupyter_mldeploy" / "labextension"


def test_the_committed_build_is_of_the_present_sources() -> None:
    tool = assets()
    assert tool.stamp(COMMITTED) == tool.digest(), "run `make lab-assets` and commit jupyter_mldeploy/labextension"


def test_versions_agree() -> None:
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    built = json.loads((COMMITTED / "package.json").read_text(encoding="utf-8"))
    assert package["version"] == built["version"] == jupyter_mldeploy.__version__


def test_jupyterlab_is_told_where_the_build_is() -> None:
    (place,) = jupyter_mldeploy._jupyter_labextension_paths()
    folder = Path(jupyter_mldeploy.__file__).parent / place["src"]
    package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    assert package["name"] == place["dest"]
    assert (folder / package["jupyterlab"]["_build"]["load"]).is_file()


def test_the_page_knows_every_kind_of_operation_of_the_server() -> None:
    """What handlers begin, what the API document promises and what TypeScript knows are the same kinds."""
    begun = {
        call.args[0].value
        for path in (ROOT / "jupyter_mldeploy" / "server").glob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "show_operation"
        and isinstance(call.args[0], ast.Constant)
    }
    promised = set(get_args(get_type_hints(Operation)["kind"]))
    types = (ROOT / "labextension" / "src" / "api" / "operations.ts").read_text(encoding="utf-8")
    (union,) = re.findall(r"export type OperationKind =\n((?:  \| '\w+';?\n)+)", types)
    known = set(re.findall(r"'(\w+)'", union))
    assert len(begun) > 10
    assert begun <= promised
    assert known == promised


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """Return an empty folder on the same file system."""
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        yield Path(folder)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
@pytest.mark.skipif(not (ROOT / "node_modules" / ".installed").exists(), reason="the node packages are not installed")
def test_a_new_build_has_the_committed_bytes(elsewhere: Path) -> None:
    copy = elsewhere
    for name in (*assets().SOURCES, "install.json", "labextension/assets.py", ".yarnrc.yml"):
        source, goal = ROOT / name, copy / name
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, goal) if source.is_dir() else shutil.copy(source, goal)
    # Loaders are named by where they really are, so the packages are here too; links cost neither space nor much time.
    shutil.copytree(ROOT / "node_modules", copy / "node_modules", symlinks=True, copy_function=os.link)
    (copy / "README.md").touch()
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    run = subprocess.run(
        ["jlpm", "build:prod"],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240 * FACTOR,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert contents(copy / "labextension" / "dist") == contents(COMMITTED)


def contents(folder: Path) -> dict[str, bytes]:
    """Return file → bytes without the hashes that rspack puts into names: they depend on where it was built."""
    hashes = re.compile(rb"\b[0-9a-f]{16}\b")
    return {
        hashes.sub(b"hash", str(path.relative_to(folder)).encode()).decode(): hashes.sub(b"hash", path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_wheel_needs_no_node(tmp_path: Path) -> None:
    """Built and installed where there is no node, the extension is there and JupyterLab finds it in order."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "python3").symlink_to(sys.executable)
    environment = {**os.environ, "PATH": str(tools), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    assert shutil.which("node", path=environment["PATH"]) is None

    def run(*command: str | Path) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *map(str, command)],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240 * FACTOR, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    run("pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path / "wheels", ROOT)
    (wheel,) = (tmp_path / "wheels").glob("*.whl")
    run("pip", "install", "--quiet", "--no-deps", "--target", tmp_path / "site", wheel)
    environment["JUPYTER_PATH"] = str(tmp_path / "site" / "share" / "jupyter")
    environment["JUPYTER_DATA_DIR"] = str(tmp_path / "data")
    environment["JUPYTER_PREFER_ENV_PATH"] = "0"
    listed = run("jupyterlab.labextensions", "list")
    line = next(line for line in listed.splitlines() if "jupyter-mldeploy" in line)
    assert "enabled" in line
    assert "OK" in line
    assert "jupyter_mldeploy" in line, "install.json says which package it came with"
    assert str(tmp_path / "site") in listed
    assert (tmp_path / "site" / "etc" / "jupyter" / "jupyter_server_config.d" / "jupyter_mldeploy.json").is_file()
