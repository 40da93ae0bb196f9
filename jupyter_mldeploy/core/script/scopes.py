"""Who binds, reads and calls what in a syntax tree: one pass, no recursion, nothing executed.

The pass keeps for every node its parent and for every scope its bindings and reads, so that questions such as "which
value reaches this use of a name" need no further walk. Everything here prefers "unknown" to a guess.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
BindingKind = Literal[
    "import", "def", "class", "assign", "augment", "loop", "with", "except", "parameter", "pattern"
]  # fmt: skip

# Fields that hold no nodes; ``names`` are strings or aliases, which nothing asks about.
_PLAIN = {
    "ctx", "op", "ops", "type_comment", "kind", "type_ignores", "conversion", "is_async", "simple", "level", "id",
    "attr", "arg", "name", "names", "module", "rest", "kwd_attrs", "str",
}  # fmt: skip
# Fields that may hold nodes, the last first; filled by the first use of each node class.
_FIELDS: dict[type, tuple[str, ...]] = {ast.Constant: (), ast.MatchSingleton: ()}

#: What :class:`Facts` lists: the module's own first, then that of its functions, the last one first.
LISTS = "names", "calls", "attributes", "subscripts", "imports", "strings", "handlers", "functions", "classes"


@dataclass(slots=True)
class Binding:
    """One place that gives a name a value.

    ``value`` is the expression of a plain assignment and None otherwise; ``target`` is the dotted name of an import;
    ``deferred`` marks a name that a function assigns through ``global`` or ``nonlocal``.
    """

    name: str
    kind: BindingKind
    node: ast.AST
    value: ast.expr | None = None
    target: str | None = None
    deferred: bool = False


@dataclass(slots=True, eq=False)
class Scope:
    """A module, class, function (or lambda) or comprehension."""

    kind: Literal["module", "class", "function", "comprehension"]
    node: ast.AST
    parent: Scope | None
    bindings: dict[str, list[Binding]] = field(default_factory=lambda: defaultdict(list))
    reads: dict[str, list[ast.Name]] = field(default_factory=lambda: defaultdict(list))
    globals: dict[str, ast.Global] = field(default_factory=dict)
    nonlocals: set[str] = field(default_factory=set)
    inner: list[Scope] = field(default_factory=list)
    returns: list[ast.Return] = field(default_factory=list)
    yields: list[ast.Yield | ast.YieldFrom] = field(default_factory=list)

    def function(self) -> Scope:
        """Return the function, class or module that runs this scope's code (comprehensions belong to theirs)."""
        scope = self
        while scope.kind == "comprehension" and scope.parent is not None:
            scope = scope.parent
        return scope

    def subtree(self) -> Iterator[Scope]:
        """Yield this scope and all scopes within it."""
        stack = [self]
        while stack:
            scope = stack.pop()
            yield scope
            stack.extend(scope.inner)


class Facts:
    """The one pass over a tree and what the rules ask of it; without ``walk`` there is nothing in it yet."""

    def __init__(self, tree: ast.Module, *, walk: bool = True) -> None:
        self.tree = tree
        self.module = Scope("module", tree, None)
        self.parents: dict[ast.AST, ast.AST] = {}
        self.scopes: dict[ast.AST, Scope] = {tree: self.module}
        self.owners: dict[ast.AST, Scope] = {}
        self.names: list[ast.Name] = []
        self.calls: list[ast.Call] = []
        self.attributes: list[ast.Attribute] = []
        self.subscripts: list[ast.Subscript] = []
        self.imports: list[ast.Import | ast.ImportFrom] = []
        self.strings: list[tuple[ast.Constant, str]] = []
        self.handlers: list[ast.ExceptHandler] = []
        self.functions: list[FunctionNode] = []
        self.classes: list[ast.ClassDef] = []
        self.star_imports: list[ast.ImportFrom] = []
        #: How many of each of LISTS are the module's own; its functions' come after.
        self.outer: tuple[int, ...] = (0,) * len(LISTS)
        if walk:
            self._walk(tree)

    # -- the pass ---------------------------------------------------------------------------------------------------

    def _walk(self, tree: ast.Module) -> None:
        """Visit every node once, scope by scope; this is the hottest loop of the linter, hence its plainness."""
        parents, owners, handlers, fields_of = self.parents, self.owners, _HANDLERS, _FIELDS
        scopes: list[tuple[Scope, list[ast.AST]]] = [(self.module, list(reversed(tree.body)))]
        for statement in tree.body:
            parents[statement] = tree
        while scopes:
            scope, stack = scopes.pop()
            while stack:
                node = stack.pop()
                cls = node.__class__
                inner = None
                handler = handlers.get(cls)
                if handler is not None:
                    owners[node] = scope
                    inner = handler(self, node, scope)
                fields = fields_of.get(cls)
                if fields is None:
                    fields = fields_of[cls] = tuple(reversed([name for name in cls._fields if name not in _PLAIN]))
                if inner is None:
                    for name in fields:
                        value = getattr(node, name, None)
                        if value is None:
                            continue
                        if value.__class__ is list:
                            for item in reversed(value):
                                if item is not None:
                                    parents[item] = node
                                    stack.append(item)
                        else:
                            parents[value] = node
                            stack.append(value)
                    continue
                within: list[ast.AST] = []
                for name in fields:
                    value = getattr(node, name, None)
                    items = reversed(value) if isinstance(value, list) else (value,)
                    to = within if name in _INNER_FIELDS else stack
                    for item in items:
                        if item is not None:
                            parents[item] = node
                            to.append(item)
                if inner.kind == "comprehension":
                    # Generators come before the element, as they are evaluated; the last on the stack comes first.
                    within.sort(key=lambda item: isinstance(item, ast.comprehension))
                scopes.append((inner, within))
            if scope is self.module:
                self.outer = tuple(len(getattr(self, name)) for name in LISTS)

    def _name(self, node: ast.Name, scope: Scope) -> None:
        self.names.append(node)
        if isinstance(node.ctx, ast.Load):
            scope.reads[node.id].append(node)
        else:
            self._bind_name(node, scope)

    def _constant(self, node: ast.Constant, _: Scope) -> None:
        if isinstance(node.value, str):
            self.strings.append((node, node.value))

    def _attribute(self, node: ast.Attribute, _: Scope) -> None:
        self.attributes.append(node)

    def _call(self, node: ast.Call, _: Scope) -> None:
        self.calls.append(node)

    def _subscript(self, node: ast.Subscript, _: Scope) -> None:
        self.subscripts.append(node)

    def _function(self, node: FunctionNode, scope: Scope) -> Scope:
        self.functions.append(node)
        self._bind(scope, Binding(node.name, "def", node))
        return self._enter("function", node, scope, node.args)

    def _lambda(self, node: ast.Lambda, scope: Scope) -> Scope:
        return self._enter("function", node, scope, node.args)

    def _class(self, node: ast.ClassDef, scope: Scope) -> Scope:
        self.classes.append(node)
        self._bind(scope, Binding(node.name, "class", node))
        return self._enter("class", node, scope, None)

    def _comprehension(self, node: ast.AST, scope: Scope) -> Scope:
        return self._enter("comprehension", node, scope, None)

    def _return(self, node: ast.Return, scope: Scope) -> None:
        scope.function().returns.append(node)

    def _yield(self, node: ast.Yield | ast.YieldFrom, scope: Scope) -> None:
        scope.function().yields.append(node)

    def _global(self, node: ast.Global, scope: Scope) -> None:
        for name in node.names:
            scope.globals.setdefault(name, node)

    def _nonlocal(self, node: ast.Nonlocal, scope: Scope) -> None:
        scope.nonlocals.update(node.names)

    def _handler(self, node: ast.ExceptHandler, scope: Scope) -> None:
        self.handlers.append(node)
        if node.name:
            self._bind(scope, Binding(node.name, "except", node))

    def _pattern(self, node: ast.MatchAs | ast.MatchStar | ast.MatchMapping, scope: Scope) -> None:
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        if name:
            self._bind(scope, Binding(name, "pattern", node))

    def _enter(
        self,
        kind: Literal["class", "function", "comprehension"],
        node: ast.AST,
        scope: Scope,
        args: ast.arguments | None,
    ) -> Scope:
        inner = Scope(kind, node, scope)
        scope.inner.append(inner)
        self.scopes[node] = inner
        if args is not None:
            for arg in parameters(args):
                inner.bindings[arg.arg].append(Binding(arg.arg, "parameter", arg))
        return inner

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        self.imports.append(node)
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.split(".", 1)[0]
                self._bind(scope, Binding(name, "import", node, target=alias.name if alias.asname else name))
            return
        origin = "." * node.level + (node.module or "")
        joint = "" if origin.endswith(".") else "."
        for alias in node.names:
            if alias.name == "*":
                self.star_imports.append(node)
                continue
            target = f"{origin}{joint}{alias.name}"
            self._bind(scope, Binding(alias.asname or alias.name, "import", node, target=target))

    def _bind_name(self, node: ast.Name, scope: Scope) -> None:
        top, child = self.parents[node], node
        while isinstance(top, ast.Tuple | ast.List | ast.Starred):
            top, child = self.parents[top], top  # type: ignore[assignment]
        kind: BindingKind = "assign"
        value: ast.expr | None = None
        match top:
            case ast.Assign() | ast.NamedExpr():
                value = top.value if child is node else None
            case ast.AnnAssign():
                if top.value is None:
                    return  # a bare annotation gives no value
                value = top.value
            case ast.AugAssign():
                kind = "augment"
            case ast.For() | ast.AsyncFor() | ast.comprehension():
                kind = "loop"
            case ast.withitem():
                kind = "with"
            case ast.Delete():
                return
            case _:
                pass
        if isinstance(top, ast.NamedExpr):
            scope = scope.function()
        self._bind(scope, Binding(node.id, kind, node, value=value))

    def _bind(self, scope: Scope, binding: Binding) -> None:
        if binding.name in scope.globals and scope.kind != "module":
            binding.deferred = True
            scope = self.module
        elif binding.name in scope.nonlocals:
            binding.deferred = True
            scope = _owner_of_nonlocal(binding.name, scope)
        scope.bindings[binding.name].append(binding)

    # -- questions --------------------------------------------------------------------------------------------------

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the parents of a node, the nearest first, the module last."""
        parents = self.parents
        up = parents.get(node)
        while up is not None:
            yield up
            up = parents.get(up)

    def scope_of(self, node: ast.AST) -> Scope:
        """Return the scope whose code a node belongs to (a function's decorators and defaults belong outside)."""
        known = self.owners.get(node)
        if known is not None:
            return known
        child = node
        for up in self.ancestors(node):
            scope = self.scopes.get(up)
            if scope is not None and (scope.kind in {"module", "comprehension"} or in_body(up, child)):
                return scope
            child = up
        return self.module

    def lookup(self, name: str, scope: Scope) -> tuple[Scope, list[Binding]] | None:
        """Return the scope that owns ``name`` as seen from ``scope``, and its bindings; None when nothing binds it."""
        at: Scope | None = scope
        direct = True  # a class's names are seen from its own body, not from its functions
        while at is not None:
            if name in at.globals and at.kind != "module":
                at = self.module
            if name in at.bindings and (at.kind != "class" or direct):
                return at, at.bindings[name]
            direct = direct and at.kind == "comprehension"
            at = at.parent
        return None

    def is_conditional(self, node: ast.AST) -> bool:
        """Whether a node may not be executed when its scope's code runs."""
        for up in self.ancestors(node):
            if up in self.scopes:
                return False
            if isinstance(up, _BRANCHES):
                return True
        return False

    def qualified_name(self, node: ast.expr) -> str | None:
        """Return the dotted name an import gives a name or attribute, such as ``numpy.array`` for ``np.array``.

        None when the root is no import, or is bound in any other way as well.
        """
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        found = self.lookup(node.id, self.scope_of(node))
        if found is None:
            return None
        target: str | None = None
        for binding in found[1]:
            if binding.kind != "import" or (target is not None and binding.target != target):
                return None
            target = binding.target
        return ".".join([target, *reversed(parts)]) if target else None

    @cached_property
    def dynamic(self) -> bool:
        """Whether names may appear in ways that a reader cannot follow (``exec``, ``globals()``, ``sys.modules``)."""
        if "__getattr__" in self.module.bindings:
            return True
        for call in self.calls:
            if isinstance(call.func, ast.Name) and call.func.id in {"exec", "globals", "vars"}:
                return True
        return any(item.attr == "modules" and isinstance(item.value, ast.Name) for item in self.attributes)


_BRANCHES = (
    ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.ExceptHandler, ast.Match, ast.IfExp, ast.BoolOp,
)  # fmt: skip
_INNER_FIELDS = {"body", "elt", "key", "value", "generators"}
_HANDLERS: dict[type, Callable[[Facts, Any, Scope], Scope | None]] = {
    ast.Name: Facts._name, ast.Constant: Facts._constant, ast.Attribute: Facts._attribute, ast.Call: Facts._call,
    ast.Subscript: Facts._subscript, ast.Import: Facts._import, ast.ImportFrom: Facts._import,
    ast.FunctionDef: Facts._function, ast.AsyncFunctionDef: Facts._function, ast.Lambda: Facts._lambda,
    ast.ClassDef: Facts._class, ast.ListComp: Facts._comprehension, ast.SetComp: Facts._comprehension,
    ast.DictComp: Facts._comprehension, ast.GeneratorExp: Facts._comprehension, ast.Return: Facts._return,
    ast.Yield: Facts._yield, ast.YieldFrom: Facts._yield, ast.Global: Facts._global,
    ast.Nonlocal: Facts._nonlocal, ast.ExceptHandler: Facts._handler, ast.MatchAs: Facts._pattern,
    ast.MatchStar: Facts._pattern, ast.MatchMapping: Facts._pattern,
}  # fmt: skip


def _owner_of_nonlocal(name: str, scope: Scope) -> Scope:
    """Return the function around ``scope`` that a ``nonlocal`` name belongs to."""
    first: Scope | None = None
    at = scope.parent
    while at is not None:
        if at.kind == "function":
            first = first or at
            if name in at.bindings:
                return at
        at = at.parent
    return first or scope


def parameters(args: ast.arguments) -> list[ast.arg]:
    """Return all parameters of a function, ``*args`` and ``**kwargs`` too, in their order."""
    found = [*args.posonlyargs, *args.args]
    if args.vararg:
        found.append(args.vararg)
    found.extend(args.kwonlyargs)
    if args.kwarg:
        found.append(args.kwarg)
    return found


def in_body(owner: ast.AST, child: ast.AST) -> bool:
    """Whether ``child``, a direct child, is part of the body of a function, lambda or class and not of its header."""
    return child is owner.body if isinstance(owner, ast.Lambda) else isinstance(child, ast.stmt)
