"""Who may import whom, read from the syntax trees of the package; nothing is imported to find out."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import jupyter_mldeploy

PACKAGE = Path(jupyter_mldeploy.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

#: Room → rooms of ours that it may import from (itself always). Frontends never import each other nor a target.
MAY_IMPORT = {
    "errors": set(),
    "_version": set(),
    "schema": set(),
    "scoring": {"schema", "_version"},
    "core": {"errors", "schema", "_version"},
    "targets": {"errors", "core", "scoring"},
    "magics": {"errors", "core", "_version"},
    "widgets": {"errors", "core", "_version"},
    "server": {"errors", "core", "_version"},
    "cli": {"errors", "core", "_version"},
    "azureml": {"errors", "core", "schema", "_version"},
    "__init__": {"errors", "core", "magics", "server", "_version"},
    "__main__": {"cli"},
}

#: Libraries that belong to one room only.
ONLY_IN = {
    "tornado": {"server"},
    "jupyter_server": {"server"},
    "IPython": {"magics", "widgets"},
    "ipykernel": {"magics", "widgets"},
    "ipywidgets": {"widgets"},
    "pygls": set(),
    "docker": {"targets"},
    "kubernetes": {"targets"},
    "azure": {"targets"},
}


def room(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, absolute dotted name) of every import, those inside functions and TYPE_CHECKING too."""
    package = ("jupyter_mldeploy", *path.relative_to(PACKAGE).with_suffix("").parts)[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            if module == "jupyter_mldeploy":
                yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, module


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_import_only_from_the_rooms_they_may(path: Path) -> None:
    here = room(path)
    allowed = MAY_IMPORT[here] | {here}
    wrong = []
    for line, name in imports(path):
        parts = name.split(".")
        if parts[0] == "jupyter_mldeploy" and len(parts) > 1 and parts[1] not in allowed:
            wrong.append(f"line {line}: {name}")
        if parts[0] in ONLY_IN and here not in ONLY_IN[parts[0]]:
            wrong.append(f"line {line}: {name}")
    assert not wrong, f"{path.relative_to(PACKAGE)} may not import {wrong}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_are_short_and_named_for_what_they_hold(path: Path) -> None:
    assert path.stem not in {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= 400, f"{path.relative_to(PACKAGE)} has {lines} lines; split it along a noun"


def test_a_forbidden_import_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scoring").mkdir()
    bad = tmp_path / "scoring" / "bad.py"
    bad.write_text("def f():\n    from ..core import store\n    import tornado.web\n", encoding="utf-8")
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    assert [name for _, name in imports(bad)] == ["jupyter_mldeploy.core", "tornado.web"]
