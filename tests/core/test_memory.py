"""A text read with what is remembered of its earlier versions is read exactly as if for the first time."""

from __future__ import annotations

import ast
import os
import random
from typing import Any

import pytest

from jupyter_mldeploy.core.entryscript import Analysis, Memory, analyse
from jupyter_mldeploy.core.lint import lint_source
from jupyter_mldeploy.core.script.facts import facts_of
from jupyter_mldeploy.core.script.scopes import LISTS, Binding, Scope
from jupyter_mldeploy.core.script.syntax import parse_source
from tests.core.broken_states import SCRIPTS
from tests.core.lint.realistic import SCRIPTS as REALISTIC

TRICKY = '''\
"""Doc
def not_a_function(): pass
"""
from os.path import *
x = (lambda a: [a for a in (b := [1])])
@decorator(
    1)
async def f(y, *args, z=lambda: x, **kw):
    global state, model
    state, [model, *rest] = y, z
    def inner():
        nonlocal rest
        rest = [w for w in kw]
        yield rest
    return inner
class A(B):
    global state
    attribute: int = 1
    def run(self): return attribute
def g():
    global state
    state = 2
    import os.path as p
    try: pass
    except ValueError as error: del error
    match x:
        case {"a": q, **rest}: pass
    text = """
def inside_a_text():
    pass
"""
state = 1
'''
TEXTS = [*SCRIPTS.values(), *(text for text, _ in REALISTIC.values()), TRICKY]
PIECES = [
    "\n",
    "\n\n",
    "    ",
    "def ",
    "@",
    "class A:\n",
    '"""',
    "(",
    ")",
    "x = 1\n",
    "global x\n",
    "#",
    "\r",
    "é😀",
    "\x0c",
    "\\",
]


def place(node: ast.AST) -> tuple[Any, ...]:
    return (
        type(node).__name__, getattr(node, "lineno", 0), getattr(node, "col_offset", 0), getattr(node, "end_lineno", 0),
        getattr(node, "end_col_offset", 0),
    )  # fmt: skip


def told_binding(binding: Binding) -> tuple[Any, ...]:
    value = place(binding.value) if binding.value else None
    return binding.kind, place(binding.node), value, binding.target, binding.deferred


def told(scope: Scope) -> dict[str, Any]:
    """Return everything about a scope and those within it."""
    return {
        "kind": scope.kind,
        "node": place(scope.node),
        "parent": place(scope.parent.node) if scope.parent else None,
        "bindings": {name: [told_binding(each) for each in found] for name, found in scope.bindings.items()},
        "reads": {name: [place(node) for node in found] for name, found in scope.reads.items()},
        "globals": {name: place(node) for name, node in scope.globals.items()},
        "nonlocals": scope.nonlocals,
        "returns": [place(node) for node in scope.returns],
        "yields": [place(node) for node in scope.yields],
        "inner": [told(inner) for inner in scope.inner],
    }


def same(one: Analysis, other: Analysis) -> None:
    assert ast.dump(one.parsed.tree, include_attributes=True) == ast.dump(other.parsed.tree, include_attributes=True)
    assert one.parsed.problems == other.parsed.problems
    assert one.parsed.chunks == other.parsed.chunks
    for name in (*LISTS, "star_imports"):
        lists = [
            [place(item[0] if name == "strings" else item) for item in getattr(each.facts, name)]
            for each in (one, other)
        ]
        assert lists[0] == lists[1], name
    assert told(one.facts.module) == told(other.facts.module)
    assert one.facts.outer == other.facts.outer
    nodes = [node for node in ast.walk(one.parsed.tree) if hasattr(node, "lineno")]
    for mine, theirs in zip(nodes, (n for n in ast.walk(other.parsed.tree) if hasattr(n, "lineno")), strict=True):
        ups = [[place(up) for up in each.facts.ancestors(node)] for each, node in ((one, mine), (other, theirs))]
        assert ups[0] == ups[1]
        assert place(one.facts.scope_of(mine).node) == place(other.facts.scope_of(theirs).node)
        assert all(up is one.parsed.tree for up in list(one.facts.ancestors(mine))[-1:])
    assert one.entry == other.entry


def edited(text: str, choice: random.Random) -> str:
    at = choice.randrange(len(text) + 1)
    if choice.random() < 0.4:
        return text[:at] + text[at + choice.randrange(1, 12) :]
    return text[:at] + choice.choice(PIECES) + text[at:]


@pytest.mark.parametrize("seed", range(4))
def test_edits_are_read_as_if_for_the_first_time(seed: int) -> None:
    choice = random.Random(seed)
    for _ in range(int(os.environ.get("MLDEPLOY_FUZZ", "12"))):
        text, memory = choice.choice(TEXTS), Memory()
        for _ in range(6):
            remembered = analyse(text, memory=memory)
            fresh = analyse(text)
            same(remembered, fresh)
            with_it = lint_source(text, kind="script", analysis=remembered)
            assert with_it == lint_source(text, kind="script")
            text = edited(text, choice) if choice.random() < 0.8 else choice.choice(TEXTS)


def test_what_did_not_change_is_not_parsed_again() -> None:
    text, memory = "import a\n\n\ndef one():\n    pass\n\n\ndef two():\n    return 1\n", Memory()
    before = parse_source(text, memory)
    after = parse_source(text.replace("return 1", "return 2"), memory)
    assert [new is old for new, old in zip(after.pieces, before.pieces, strict=True)] == [True, True, False]
    facts = facts_of(after)
    assert facts.functions[0] is before.tree.body[1]


def test_texts_that_span_chunks_are_read_whole() -> None:
    memory = Memory()
    parsed = parse_source(TRICKY, memory)
    assert parsed.problems == ()
    assert [getattr(node, "name", "") for node in parsed.tree.body][-4:] == ["f", "A", "g", ""]


def test_an_error_that_is_remembered_keeps_nothing_else_alive() -> None:
    memory = Memory()
    parsed = parse_source("def run(data):\n    return [\n\n\ndef init():\n    pass\n", memory)
    errors = [piece.error for piece in parsed.pieces if piece.error is not None]
    assert errors
    assert all(error.__traceback__ is None for error in errors)
