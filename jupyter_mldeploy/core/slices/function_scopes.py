"""Which module-level names the body of a function reads and binds, by Python's rules of scope."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(slots=True)
class StatementNames:
    """Module-level names of one top-level statement; values of the dictionaries are line numbers.

    Attributes:
        reads: read while the statement runs, before the statement itself has bound them.
        deferred: read by the bodies of functions that it defines, whenever those are called.
        global_writes: bound by the bodies of functions that it defines (``global x``).
        must, may: bound for certain, or only on some path.
        deletes: deleted for certain.
        stars: modules of ``from module import *``.
        dynamic: calls that can read or bind any name (``exec``, ``globals``), by what they are called.
        awaits: first line of a top-level ``await``.
    """

    reads: dict[str, int] = field(default_factory=dict)
    deferred: dict[str, int] = field(default_factory=dict)
    global_writes: set[str] = field(default_factory=set)
    must: set[str] = field(default_factory=set)
    may: set[str] = field(default_factory=set)
    deletes: set[str] = field(default_factory=set)
    stars: dict[str, int] = field(default_factory=dict)
    dynamic: dict[str, int] = field(default_factory=dict)
    awaits: int | None = None


@dataclass(slots=True)
class Scope:
    """A function, class or comprehension inside which names are looked up."""

    local: set[str]
    declared_global: set[str]
    is_class: bool
    parent: Scope | None

    def is_global(self, name: str) -> bool:
        """Whether a lookup of ``name`` here ends at the module."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.declared_global:
                return True
            if name in scope.local and (scope is self or not scope.is_class):
                return False
            scope = scope.parent
        return True


def scan_function(node: FunctionNode, parent: Scope | None, names: StatementNames) -> None:
    """Add the module-level names that a function's body reads (``deferred``) and binds (``global_writes``)."""
    body = [node.body] if isinstance(node, ast.Lambda) else node.body
    local, declared = local_names(body)
    local |= {argument.arg for argument in all_arguments(node.args)} | type_parameters(node)
    names.global_writes |= local & declared
    scope = Scope(local - declared, declared, is_class=False, parent=parent)
    for item in body:
        scan_expression(item, scope, names)


def scan_expression(node: ast.AST, scope: Scope, names: StatementNames) -> None:
    """Add what an expression or statement inside ``scope`` reads."""
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load) and scope.is_global(node.id):
            names.deferred.setdefault(node.id, node.lineno)
        return
    if isinstance(node, _FUNCTIONS):
        outside: list[ast.AST | None] = [*node.args.defaults, *node.args.kw_defaults]
        outside += [argument.annotation for argument in all_arguments(node.args)]
        if not isinstance(node, ast.Lambda):
            outside += [*node.decorator_list, node.returns]
        for item in outside:
            if item is not None:
                scan_expression(item, scope, names)
        scan_function(node, scope, names)
        return
    if isinstance(node, _COMPREHENSIONS):
        scope = Scope({name for item in node.generators for name in target_names(item.target)}, set(), False, scope)
    elif isinstance(node, ast.ClassDef):
        for item in [*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)]:
            scan_expression(item, scope, names)
        local, declared = local_names(node.body)
        inner = Scope(local - declared, declared, is_class=True, parent=scope)
        for part in node.body:
            scan_expression(part, inner, names)
        return
    elif isinstance(node, ast.Call):
        note_dynamic(node, names, deferred=True)
    elif isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
        names.stars.setdefault(node.module or "", node.lineno)
    elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and scope.is_global(node.target.id):
        names.deferred.setdefault(node.target.id, node.lineno)
    for child in ast.iter_child_nodes(node):
        scan_expression(child, scope, names)


def local_names(body: Iterable[ast.AST]) -> tuple[set[str], set[str]]:
    """Return the names that a function's or class's body binds, and those it declares ``global``."""
    bound: set[str] = set()
    declared: set[str] = set()
    nonlocal_names: set[str] = set()
    stack = list(body)
    while stack:
        node = stack.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                bound.add(node.name)
                continue
            case ast.Lambda():
                continue
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                bound |= {item.target.id for item in ast.walk(node) if isinstance(item, ast.NamedExpr)}
                continue
            case ast.Name() if not isinstance(node.ctx, ast.Load):
                bound.add(node.id)
            case ast.Global():
                declared.update(node.names)
            case ast.Nonlocal():
                nonlocal_names.update(node.names)
            case ast.Import() | ast.ImportFrom():
                bound |= {imported_name(node, alias) for alias in node.names if alias.name != "*"}
            case ast.ExceptHandler() if node.name:
                bound.add(node.name)
            case _:
                bound.update(captured_names(node))
        stack.extend(ast.iter_child_nodes(node))
    return bound - nonlocal_names, declared


def imported_name(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    """Return the variable that one part of an import statement binds."""
    if alias.asname:
        return alias.asname
    return alias.name if isinstance(node, ast.ImportFrom) else alias.name.partition(".")[0]


def target_names(node: ast.expr) -> set[str]:
    """Return the variables that an assignment target binds."""
    return {item.id for item in ast.walk(node) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)}


def all_arguments(arguments: ast.arguments) -> list[ast.arg]:
    """Return every parameter: positional ones first, in order."""
    extra = [item for item in (arguments.vararg, arguments.kwarg) if item is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extra]


def type_parameters(node: ast.AST) -> set[str]:
    """Return the names between the brackets of ``def f[T]`` (Python 3.12)."""
    return {item.name for item in getattr(node, "type_params", ())}


_DYNAMIC = frozenset({"exec", "eval", "globals", "locals", "vars", "execfile", "get_ipython"})


def note_dynamic(node: ast.Call, names: StatementNames, *, deferred: bool) -> None:
    """Note a call that can read or bind any module-level name; one with its own namespace cannot."""
    function = node.func
    if not isinstance(function, ast.Name) or function.id not in _DYNAMIC:
        return
    own_namespace = function.id in {"exec", "eval"} and len(node.args) + len(node.keywords) > 1
    if own_namespace or (function.id == "vars" and node.args) or (function.id == "locals" and deferred):
        return
    names.dynamic.setdefault(f"{function.id}()", node.lineno)


def captured_names(node: ast.AST) -> tuple[str, ...]:
    """Return the name that a match pattern (not its parts) captures."""
    if isinstance(node, ast.MatchAs | ast.MatchStar) and node.name:
        return (node.name,)
    if isinstance(node, ast.MatchMapping) and node.rest:
        return (node.rest,)
    return ()
