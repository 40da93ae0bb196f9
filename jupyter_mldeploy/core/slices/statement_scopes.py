"""Which module-level names a top-level statement reads, binds and deletes, following the order in which it runs."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from .function_scopes import (
    FunctionNode,
    Scope,
    StatementNames,
    all_arguments,
    captured_names,
    imported_name,
    note_dynamic,
    scan_expression,
    scan_function,
    target_names,
    type_parameters,
)

__all__ = ["StatementNames", "statement_names"]

_TYPE_ALIAS: type[ast.AST] | tuple[()] = getattr(ast, "TypeAlias", ())


def statement_names(statement: ast.stmt, *, lazy_annotations: bool = False) -> StatementNames:
    """Analyse one top-level statement.

    Args:
        lazy_annotations: ``from __future__ import annotations`` is in force: annotations are not evaluated.
    """
    flow = _Flow(StatementNames(), lazy_annotations)
    bound: set[str] = set()
    flow.statement(statement, bound)
    names = flow.names
    names.must = bound
    names.may -= bound
    names.deletes &= flow.deleted - bound
    return names


class _Flow:
    """Walks statements in the order in which they run, with the set of names that are certainly bound by then."""

    def __init__(self, names: StatementNames, lazy_annotations: bool) -> None:
        self.names = names
        self.lazy = lazy_annotations
        self.deleted: set[str] = set()
        self.depth = 0

    def block(self, statements: Iterable[ast.stmt], bound: set[str]) -> set[str]:
        self.depth += 1
        for statement in statements:
            self.statement(statement, bound)
        self.depth -= 1
        return bound

    def statement(self, node: ast.stmt, bound: set[str]) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.expressions(node.decorator_list, bound)
                self._function(node, bound)
                self.bind(node.name, bound)
            case ast.ClassDef():
                self._class(node, bound)
            case ast.Import() | ast.ImportFrom():
                self._import(node, bound)
            case ast.Assign():
                self.expression(node.value, bound)
                for target in node.targets:
                    self.target(target, bound)
            case ast.AugAssign():
                if isinstance(node.target, ast.Name):
                    self.read(node.target.id, node.lineno, bound)
                self.expression(node.value, bound)
                self.target(node.target, bound)
            case ast.AnnAssign():
                if not self.lazy:
                    self.expression(node.annotation, bound)
                if node.value is not None:
                    self.expression(node.value, bound)
                    self.target(node.target, bound)
            case ast.Delete():
                for target in node.targets:
                    self._delete(target, bound)
            case ast.For() | ast.AsyncFor():
                self._note_await(node, isinstance(node, ast.AsyncFor))
                self.expression(node.iter, bound)
                inner = set(bound)
                self.target(node.target, inner)
                self.block(node.body, inner)
                self.block(node.orelse, set(bound))
            case ast.While():
                self.expression(node.test, bound)
                self.block(node.body, set(bound))
                self.block(node.orelse, set(bound))
            case ast.If():
                self.expression(node.test, bound)
                self._branches([node.body, node.orelse], bound)
            case ast.With() | ast.AsyncWith():
                self._note_await(node, isinstance(node, ast.AsyncWith))
                for item in node.items:
                    self.expression(item.context_expr, bound)
                    if item.optional_vars is not None:
                        self.target(item.optional_vars, bound)
                self.block(node.body, bound)
            case ast.Try() | ast.TryStar():
                self._try(node, bound)
            case ast.Match():
                self._match(node, bound)
            case _ if _TYPE_ALIAS and isinstance(node, _TYPE_ALIAS):
                self._type_alias(node, bound)
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self.expression(child, bound)

    def expressions(self, nodes: Iterable[ast.expr | None], bound: set[str]) -> None:
        for node in nodes:
            if node is not None:
                self.expression(node, bound)

    def expression(self, node: ast.AST, bound: set[str]) -> None:
        match node:
            case ast.Name():
                if isinstance(node.ctx, ast.Load):
                    self.read(node.id, node.lineno, bound)
            case ast.Lambda():
                self._function(node, bound)
            case ast.NamedExpr():
                self.expression(node.value, bound)
                self.names.may.add(node.target.id)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                self._comprehension(node, bound)
            case ast.Await():
                self._note_await(node, True)
                self.expression(node.value, bound)
            case ast.Call():
                note_dynamic(node, self.names, deferred=False)
                for child in ast.iter_child_nodes(node):
                    self.expression(child, bound)
            case _:
                for child in ast.iter_child_nodes(node):
                    self.expression(child, bound)

    def read(self, name: str, line: int, bound: set[str]) -> None:
        if name not in bound:
            self.names.reads.setdefault(name, line)

    def bind(self, name: str, bound: set[str]) -> None:
        bound.add(name)
        self.names.may.add(name)

    def target(self, node: ast.expr, bound: set[str]) -> None:
        match node:
            case ast.Name():
                self.bind(node.id, bound)
            case ast.Tuple() | ast.List():
                for item in node.elts:
                    self.target(item, bound)
            case ast.Starred():
                self.target(node.value, bound)
            case _:  # x.attribute = …, x[key] = …: reads x
                self.expression(node, bound)

    def _delete(self, node: ast.expr, bound: set[str]) -> None:
        if isinstance(node, ast.Name):
            bound.discard(node.id)
            if self.depth == 0:
                self.deleted.add(node.id)
                self.names.deletes.add(node.id)
        elif isinstance(node, ast.Tuple | ast.List):
            for item in node.elts:
                self._delete(item, bound)
        else:
            self.expression(node, bound)

    def _import(self, node: ast.Import | ast.ImportFrom, bound: set[str]) -> None:
        for alias in node.names:
            if alias.name == "*":
                module = "." * getattr(node, "level", 0) + (getattr(node, "module", None) or "")
                self.names.stars.setdefault(module, node.lineno)
            else:
                self.bind(imported_name(node, alias), bound)

    def _function(self, node: FunctionNode, bound: set[str]) -> None:
        arguments = node.args
        self.expressions([*arguments.defaults, *arguments.kw_defaults], bound)
        parameters = type_parameters(node)
        if not self.lazy and not isinstance(node, ast.Lambda):
            notes = [argument.annotation for argument in all_arguments(arguments)]
            self.expressions([*notes, node.returns], bound | parameters)
        scan_function(node, None, self.names)

    def _class(self, node: ast.ClassDef, bound: set[str]) -> None:
        parameters = type_parameters(node)
        self.expressions(node.decorator_list, bound)
        self.expressions([*node.bases, *(keyword.value for keyword in node.keywords)], bound | parameters)
        inner = _Flow(self.names, self.lazy)
        outer_may = set(self.names.may)
        inner.block(node.body, bound | parameters)
        self.names.may = outer_may  # what the class body binds are attributes
        self.bind(node.name, bound)

    def _comprehension(self, node: ast.AST, bound: set[str]) -> None:
        generators: list[ast.comprehension] = node.generators  # type: ignore[attr-defined]
        inner = set(bound)
        for index, generator in enumerate(generators):
            self._note_await(node, bool(generator.is_async))
            self.expression(generator.iter, bound if index == 0 else inner)
            inner |= target_names(generator.target)
            self.expressions(generator.ifs, inner)
        if isinstance(node, ast.DictComp):
            self.expressions([node.key, node.value], inner)
        else:
            self.expression(node.elt, inner)  # type: ignore[attr-defined]

    def _branches(self, branches: Sequence[list[ast.stmt]], bound: set[str]) -> None:
        ends = [self.block(branch, set(bound)) for branch in branches]
        arriving = [end for end, branch in zip(ends, branches, strict=True) if not _leaves(branch)] or ends
        bound.clear()
        bound |= set.intersection(*arriving)

    def _try(self, node: ast.Try | ast.TryStar, bound: set[str]) -> None:
        ends = [self.block([*node.body, *node.orelse], set(bound))]
        leaving = [_leaves(node.body)]
        for handler in node.handlers:
            inner = set(bound)
            if handler.type is not None:
                self.expression(handler.type, inner)
            if handler.name:
                inner.add(handler.name)
            self.block(handler.body, inner)
            ends.append(inner - ({handler.name} - bound if handler.name else set()))
            leaving.append(_leaves(handler.body))
        arriving = [end for end, leaves in zip(ends, leaving, strict=True) if not leaves] or ends
        merged = set.intersection(*arriving)
        self.block(node.finalbody, merged)
        bound.clear()
        bound |= merged

    def _match(self, node: ast.Match, bound: set[str]) -> None:
        self.expression(node.subject, bound)
        for case in node.cases:
            inner = set(bound)
            for pattern in ast.walk(case.pattern):
                for name in captured_names(pattern):
                    self.bind(name, inner)
                if isinstance(pattern, ast.MatchValue):
                    self.expression(pattern.value, bound)
                elif isinstance(pattern, ast.MatchClass):
                    self.expression(pattern.cls, bound)
            if case.guard is not None:
                self.expression(case.guard, inner)
            self.block(case.body, inner)

    def _type_alias(self, node: ast.stmt, bound: set[str]) -> None:
        scope = Scope(type_parameters(node), set(), is_class=False, parent=None)
        scan_expression(node.value, scope, self.names)  # type: ignore[attr-defined]  # evaluated when it is first asked for
        self.target(node.name, bound)  # type: ignore[attr-defined]

    def _note_await(self, node: ast.AST, really: bool) -> None:
        if really and self.names.awaits is None:
            self.names.awaits = node.lineno  # type: ignore[attr-defined]


def _leaves(body: Sequence[ast.stmt]) -> bool:
    return bool(body) and isinstance(body[-1], ast.Raise | ast.Return | ast.Continue | ast.Break)
