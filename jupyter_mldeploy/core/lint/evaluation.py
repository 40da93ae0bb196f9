"""The order in which a function's code reads and binds a name, for rules about reading too early."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Literal

from jupyter_mldeploy.core.script.scopes import Facts, FunctionNode

_DEEP = 200


def first_use(facts: Facts, function: FunctionNode, name: str) -> ast.Name | None:
    """Return a read of ``name`` that runs before anything in the function can have bound it, or None.

    Only reads that come first in evaluation order count: a read in a loop that also binds the name, in a nested
    function, or behind any binding on some path is left out.
    """
    loops = _Loops(facts, function)
    for kind, node in _events(function.body, name, 0):
        if kind == "bind":
            return None
        if isinstance(node, ast.Name):
            if loops.binds(node, name):
                return None
            return node
    return None


class _Loops:
    def __init__(self, facts: Facts, function: FunctionNode) -> None:
        self._facts = facts
        self._function = function

    def binds(self, node: ast.AST, name: str) -> bool:
        """Whether a loop around ``node`` binds ``name`` and ``node`` is not certain to run before that."""
        child = node
        for up in self._facts.ancestors(node):
            if up is self._function:
                return False
            if isinstance(up, ast.For | ast.AsyncFor | ast.While) and not (
                isinstance(up, ast.For | ast.AsyncFor) and child is up.iter
            ):
                bound = self._facts.scopes[self._function].bindings[name]
                inside = any(up.lineno <= b.node.lineno <= (up.end_lineno or 0) for b in bound)  # type: ignore[attr-defined]
                if inside and self._conditional_in(node, up):
                    return True
            child = up
        return False

    def _conditional_in(self, node: ast.AST, loop: ast.AST) -> bool:
        for up in self._facts.ancestors(node):
            if up is loop:
                return False
            if isinstance(
                up, ast.If | ast.IfExp | ast.BoolOp | ast.Try | ast.ExceptHandler | ast.Match | ast.While | ast.For
            ):
                return True
        return False


Event = tuple[Literal["read", "bind"], ast.AST]


def _events(nodes: list[ast.stmt], name: str, depth: int) -> Iterator[Event]:
    for node in nodes:
        yield from _event(node, name, depth + 1)


def _event(node: ast.AST | None, name: str, depth: int) -> Iterator[Event]:
    """Yield reads and bindings of ``name`` in evaluation order; too deep code ends in a binding, which mutes it."""
    if node is None:
        return
    if depth > _DEEP:
        yield "bind", node
        return
    deeper = depth + 1
    match node:
        case ast.Name(id=found, ctx=context):
            if found == name:
                yield ("read" if isinstance(context, ast.Load) else "bind"), node
        case ast.Assign(targets=targets, value=value):
            yield from _event(value, name, deeper)
            for target in targets:
                yield from _event(target, name, deeper)
        case ast.AugAssign(target=target, value=value):
            if isinstance(target, ast.Name) and target.id == name:
                yield "read", target
            yield from _event(target, name, deeper)
            yield from _event(value, name, deeper)
        case ast.AnnAssign(target=target, value=value):
            yield from _event(value, name, deeper)
            if value is not None:
                yield from _event(target, name, deeper)
        case ast.NamedExpr(target=target, value=value):
            yield from _event(value, name, deeper)
            yield from _event(target, name, deeper)
        case (
            ast.For(target=target, iter=iterable, body=body, orelse=orelse)
            | ast.AsyncFor(target=target, iter=iterable, body=body, orelse=orelse)
        ):
            yield from _event(iterable, name, deeper)
            yield from _event(target, name, deeper)
            yield from _events(body, name, deeper)
            yield from _events(orelse, name, deeper)
        case ast.FunctionDef(name=found) | ast.AsyncFunctionDef(name=found):
            for part in [*node.decorator_list, *node.args.defaults, *(item for item in node.args.kw_defaults if item)]:
                yield from _event(part, name, deeper)
            if found == name:
                yield "bind", node
        case ast.ClassDef(name=found):
            # A class body runs at once, but its own bindings are attributes.
            if found == name:
                yield "bind", node
        case ast.Lambda() | ast.GeneratorExp():
            return
        case ast.ListComp() | ast.SetComp() | ast.DictComp():
            if any(
                isinstance(item, ast.Name) and item.id == name and isinstance(item.ctx, ast.Store)
                for item in ast.walk(node)
            ):
                return
            yield from _children(node, name, deeper)
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            if any((alias.asname or alias.name.split(".", 1)[0]) == name for alias in names):
                yield "bind", node
        case ast.ExceptHandler(name=caught):
            yield from _event(node.type, name, deeper)
            if caught == name:
                yield "bind", node
            yield from _events(node.body, name, deeper)
        case ast.MatchAs(name=caught) | ast.MatchStar(name=caught) | ast.MatchMapping(rest=caught):
            yield from _children(node, name, deeper)
            if caught == name:
                yield "bind", node
        case ast.Delete():
            if any(isinstance(target, ast.Name) and target.id == name for target in node.targets):
                yield "bind", node  # reading after this fails too, but for another reason
        case _:
            yield from _children(node, name, deeper)


def _children(node: ast.AST, name: str, depth: int) -> Iterator[Event]:
    for child in ast.iter_child_nodes(node):
        yield from _event(child, name, depth)
