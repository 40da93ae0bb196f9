"""Names that statements read and bind, held against Python's own symbol tables."""

from __future__ import annotations

import argparse
import ast
import asyncio.base_events
import dataclasses
import enum
import inspect
import symtable
import typing
from types import ModuleType

import pytest

from jupyter_mldeploy.core.slices.statement_scopes import StatementNames, statement_names


def names(source: str, **options: bool) -> StatementNames:
    return statement_names(ast.parse(source).body[0], **options)


def _global_names(table: symtable.SymbolTable, *, inside: bool = False) -> set[str]:
    found = {
        symbol.get_name() for symbol in table.get_symbols() if inside and symbol.is_global() and symbol.is_referenced()
    }
    for child in table.get_children():
        found |= _global_names(child, inside=True)
    return found


@pytest.mark.parametrize("module", [argparse, dataclasses, enum, inspect, asyncio.base_events])
def test_functions_of_the_standard_library_agree_with_symtable(module: ModuleType) -> None:
    checked = 0
    for node in ast.parse(inspect.getsource(module)).body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name == "top":
            continue
        table = symtable.symtable(ast.unparse(node), "test", "exec")
        expected = _global_names(table) | {item.get_name() for item in table.get_symbols() if item.is_referenced()}
        found = statement_names(node)
        assert {*found.deferred, *found.reads} - {node.name} == expected - {node.name, "__class__"}, node.name
        checked += 1
    assert checked


@pytest.mark.parametrize(
    ("source", "reads", "must", "may"),
    [
        ("x = y", {"y"}, {"x"}, set()),
        ("x += y", {"x", "y"}, {"x"}, set()),
        ("x.a = y", {"x", "y"}, set(), set()),
        ("x[i] += 1", {"x", "i"}, set(), set()),
        ("for i in xs:\n    s = i + s", {"xs", "s"}, set(), {"i", "s"}),
        ("if c:\n    x = 1\nelse:\n    x = y", {"c", "y"}, {"x"}, set()),
        ("if c:\n    x = 1\nelse:\n    raise E", {"c", "E"}, {"x"}, set()),
        ("if c:\n    x = 1", {"c"}, set(), {"x"}),
        ("try:\n    import a\nexcept E as e:\n    a = e", {"E"}, {"a"}, set()),
        ("try:\n    x = f()\nexcept E:\n    pass\nfinally:\n    z = 1", {"f", "E"}, {"z"}, {"x"}),
        ("with open(p) as f:\n    t = f.read()", {"open", "p"}, {"f", "t"}, set()),
        ("while (n := f()):\n    use(n)", {"f", "n", "use"}, set(), {"n"}),
        ("import a.b, c as d", set(), {"a", "d"}, set()),
        ("from a import b as c", set(), {"c"}, set()),
        ("[x for x in xs if x > y for z in x]", {"xs", "y"}, set(), set()),
        ("class A(B, metaclass=M):\n    v = w\n    u = v", {"B", "M", "w"}, {"A"}, set()),
        ("@d(1)\ndef f(a: T = D) -> R: return a", {"d", "T", "D", "R"}, {"f"}, set()),
        ("x: T", {"T"}, set(), set()),
        ("a, (b, *c), d[e] = v", {"v", "d", "e"}, {"a", "b", "c"}, set()),
        ("match v:\n    case {'a': A(b)} if b > k: r = b", {"v", "A", "k"}, set(), {"b", "r"}),
        ("print(f'{x!r:{w}}')", {"print", "x", "w"}, set(), set()),
    ],
)
def test_what_runs_at_once(source: str, reads: set[str], must: set[str], may: set[str]) -> None:
    found = names(source)
    assert (set(found.reads), found.must, found.may) == (reads, must, may)


def test_what_runs_later() -> None:
    body = "global g\n    g = a + h\n    def i():\n        nonlocal a\n        a = g2\n    return [j for j in k]"
    found = names(f"def f(a):\n    {body}")
    assert set(found.deferred) == {"h", "g2", "k"}
    assert found.global_writes == {"g"}
    assert set(names("class A:\n    x = 1\n    def m(self): return x").deferred) == {"x"}
    assert set(names("y = lambda a, b=c: a + b + d").deferred) == {"d"}


def test_deletes_stars_awaits_and_dynamic_calls() -> None:
    assert names("del x, y[0]").deletes == {"x"}
    assert names("if c:\n    del x").deletes == set()
    assert names("from a.b import *").stars == {"a.b": 1}
    assert names("x = await y").awaits == 1
    assert names("async def f(): await y").awaits is None
    assert set(names("exec('x = 1')").dynamic) == {"exec()"}
    assert set(names("exec('x = 1', {})").dynamic) == set()
    assert set(names("def f(): return globals()").dynamic) == {"globals()"}


def test_annotations_are_not_read_when_they_are_lazy() -> None:
    source = "def f(a: T) -> R: return a"
    assert set(names(source).reads) == {"T", "R"}
    assert names(source, lazy_annotations=True).reads == {}


def test_a_module_of_annotations_is_followed() -> None:
    for node in ast.parse(inspect.getsource(typing)).body:
        statement_names(node)
