"""Which value reaches a use of a name: a backward scan over structured code that answers only what is certain."""

from __future__ import annotations

import ast
from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal

from jupyter_mldeploy.core.script.scopes import Binding, Facts, Scope

# A name bound this often is generated code; following it would cost quadratic time and tell nothing.
_MANY = 64


@dataclass(frozen=True, slots=True)
class Reach:
    """What a name holds at one use: a parameter, the value of one assignment, or a caught exception."""

    kind: Literal["parameter", "value", "except"]
    node: ast.AST

    @property
    def value(self) -> ast.expr | None:
        """The assigned expression, when it is an assignment."""
        return self.node if isinstance(self.node, ast.expr) and self.kind == "value" else None


def reaching(facts: Facts, use: ast.Name) -> Reach | None:
    """Return what certainly reaches ``use``, or None when several values may, or nothing is known."""
    scope = facts.scope_of(use)
    found = facts.lookup(use.id, scope)
    if found is None:
        return None
    owner, bindings = found
    if len(bindings) > _MANY:
        return None
    if owner.kind == "comprehension":
        return None
    if owner is not scope.function():
        return _outer(facts, bindings)
    if any(binding.deferred for binding in bindings):
        return None
    if len(bindings) == 1:
        only = _single(bindings[0])
        return only if bindings[0].kind == "parameter" or _start(bindings[0].node) < _start(use) else None
    return _scan(facts, owner, bindings, use)


def _single(binding: Binding) -> Reach | None:
    if binding.kind == "parameter":
        return Reach("parameter", binding.node)
    if binding.kind == "assign" and binding.value is not None:
        return Reach("value", binding.value)
    if binding.kind == "except":
        return Reach("except", binding.node)
    return None


def _outer(facts: Facts, bindings: list[Binding]) -> Reach | None:
    """A name of an enclosing function or the module: only a single, unconditional binding is certain."""
    if len(bindings) != 1 or bindings[0].deferred or facts.is_conditional(bindings[0].node):
        return None
    return _single(bindings[0])


def _start(node: ast.AST) -> tuple[int, int]:
    return node.lineno, node.col_offset  # type: ignore[attr-defined]


def _inside(binding: Binding, node: ast.AST) -> bool:
    at = _start(binding.node)
    end: tuple[int, int] = (node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]
    return _start(node) <= at < end


def _scan(facts: Facts, owner: Scope, bindings: list[Binding], use: ast.Name) -> Reach | None:
    node: ast.AST = use
    while True:
        parent = facts.parents.get(node)
        if parent is None:
            return None
        if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            answer = _before(node, parent, bindings)
            if answer is not None:
                return answer.reach
            if parent is owner.node:
                arguments = [binding for binding in bindings if binding.kind == "parameter"]
                return Reach("parameter", arguments[0].node) if arguments else None
            if isinstance(parent, ast.For | ast.AsyncFor | ast.While) and any(_inside(b, parent) for b in bindings):
                return None
            if isinstance(parent, ast.With | ast.AsyncWith) and any(
                _inside(b, item) for b in bindings for item in (i.optional_vars for i in parent.items) if item
            ):
                return None
            if isinstance(parent, ast.ExceptHandler):
                caught = [binding for binding in bindings if binding.node is parent]
                if caught:
                    return Reach("except", parent)
            if isinstance(parent, ast.Try) and not _in(node, parent.body) and any(_inside(b, parent) for b in bindings):
                return None
            if isinstance(parent, ast.match_case) and any(_inside(binding, parent.pattern) for binding in bindings):
                return None
        elif isinstance(node, ast.NamedExpr) and any(binding.node is node.target for binding in bindings):
            return None
        node = parent


@dataclass(frozen=True, slots=True)
class _Answer:
    reach: Reach | None


def _in(node: ast.AST, block: list[ast.stmt]) -> bool:
    return bool(block) and _start(block[0]) <= _start(node) <= _start(block[-1]) and isinstance(node, ast.stmt)


def _before(node: ast.AST, parent: ast.AST, bindings: list[Binding]) -> _Answer | None:
    """Look at the statements that run directly before ``node`` in its own block."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(parent, name, None)
        if isinstance(block, list) and _in(node, block):
            return _last_in(block, _start(node), bindings)
    return None


def _last_in(block: list[ast.stmt], end: tuple[int, int], bindings: list[Binding]) -> _Answer | None:
    """Return what the last statement before ``end`` that binds the name leaves in it; None when no statement does."""
    first = _start(block[0])
    starts = [_start(b.node) for b in bindings if b.kind != "parameter" and first <= _start(b.node) < end]
    if not starts:
        return None
    statement = block[bisect_right(block, max(starts), key=_start) - 1]
    within = [binding for binding in bindings if _inside(binding, statement)]
    if isinstance(statement, ast.Assign | ast.AnnAssign) and len(within) == 1:
        return _Answer(_single(within[0]))
    if isinstance(statement, ast.With) and all(_start(b.node) >= _start(statement.body[0]) for b in within):
        return _last_in(statement.body, end, within)
    return _Answer(None)
