"""Which objects each top-level statement may change: a walk over the statements in the order in which they ran.

:mod:`.object_model` knows the objects; for calls of anything but the notebook's own functions :mod:`.effect_rules` says
what they do. The walk errs towards *too many* changes: a superfluous one costs a statement, a missed one an answer.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from . import effect_rules as rules
from .function_scopes import imported_name, local_names
from .objects import (
    NOTHING,
    Change,
    Frame,
    Ids,
    ObjectId,
    ObjectModel,
    module_prefixes,
)

__all__ = ["Change", "ObjectId", "Tracker"]

_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Tracker(ObjectModel):
    """Follows objects through statements; feed them in order with :meth:`run`."""

    def run(self, index: int, statement: ast.stmt) -> set[str]:
        """Follow one top-level statement; return the module-level names that functions called by it bind."""
        self._statement, self._count, self._called_binds = index, 0, set()
        self._results.clear()
        self._run(statement)
        return self._called_binds

    # Statements.

    def _run(self, node: ast.stmt) -> None:
        match node:
            case ast.Expr():
                self._evaluate(node.value, bare=True)
            case ast.Assign():
                self._evaluate(node.value)
                for target in node.targets:
                    self._assign(target, node.value)
            case ast.AnnAssign():
                if node.value is not None:
                    self._evaluate(node.value)
                    self._assign(node.target, node.value)
            case ast.AugAssign():
                self._evaluate(node.value)
                self._augment(node)
            case ast.Delete():
                for target in node.targets:
                    if isinstance(target, ast.Attribute | ast.Subscript):
                        self._store(target, NOTHING)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self._define(node)
            case ast.Import() | ast.ImportFrom():
                self._import(node)
            case ast.For() | ast.AsyncFor():
                self._evaluate(node.iter)
                self._bind_parts(node.target, self._elements(node.iter))
                self._block(node.body, node.orelse)
            case ast.While() | ast.If():
                self._evaluate(node.test)
                self._block(node.body, node.orelse)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    self._evaluate(item.context_expr)
                    if item.optional_vars is not None:
                        self._assign(item.optional_vars, item.context_expr)
                for inner in node.body:
                    self._run(inner)
            case ast.Try() | ast.TryStar():
                self._block(node.body, *(handler.body for handler in node.handlers), node.orelse, node.finalbody)
            case ast.Match():
                self._evaluate(node.subject)
                parts = self.reach(self._value(node.subject))
                for case in node.cases:
                    for name in local_names([case.pattern])[0]:
                        self._bind(name, frozenset(parts))
                self._block(*(case.body for case in node.cases))
            case ast.Return():
                if node.value is not None:
                    self._evaluate(node.value)
                    if self._frame is not None:
                        self._frame.returned |= self._value(node.value)
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self._evaluate(child)

    def _block(self, *blocks: Sequence[ast.stmt]) -> None:
        sure, self._sure = self._sure, False
        for block in blocks:
            for statement in block:
                self._run(statement)
        self._sure = sure

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        made: ObjectId = ("def", self._statement, node.name, node.lineno)
        self._code[made] = (node, self._frame)
        self._fixed.add(made)
        if isinstance(node, ast.ClassDef):
            for base in node.bases:
                self._held.setdefault(made, set()).update(self._value(base))
            values, frame = dict(self.values), self._frame
            self._frame = Frame(local_names(node.body)[0], {}, frame)
            for inner in node.body:
                self._run(inner)
            self._frame, self.values = frame, values
        else:
            for default in (*node.args.defaults, *node.args.kw_defaults):
                if default is not None:
                    self._evaluate(default)
                    self._held.setdefault(made, set()).update(self._value(default))
        for decorator in node.decorator_list:
            self._evaluate(decorator)
            self._decorate(decorator, made)
        self._bind(node.name, frozenset({made}))

    def _decorate(self, decorator: ast.expr, made: ObjectId) -> None:
        ids = self._value(decorator)
        for item in ids:
            self._enter(item, [frozenset({made})], {})
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(target, ast.Attribute) and self._module_path(target) is None:
            # @registry.register: the registry has one more entry now
            self._change(self.reach(self._place(target.value)), True, f"@{ast.unparse(decorator)}")

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            if isinstance(node, ast.ImportFrom):
                path = f"{node.module or ''}.{alias.name}"
            else:
                path = alias.name if alias.asname else alias.name.partition(".")[0]
            if alias.name != "*":
                self._bind(imported_name(node, alias), frozenset({("module", path)}))

    def _augment(self, node: ast.AugAssign) -> None:
        if not isinstance(node.target, ast.Name):
            self._store(node.target, self._value(node.value))
            return
        ids = self._lookup(node.target.id)
        changing = {item for item in ids if item not in self._fixed}
        self._change(changing, True, ast.unparse(node))
        self._bind(node.target.id, frozenset({*changing, self._make(fixed=not changing)}))

    # Calls.

    def _evaluate(self, node: ast.expr, *, bare: bool = False) -> None:
        """Follow the calls in an expression; ``bare``: its value is thrown away."""
        thrown_away = {id(node)} if bare else set()
        if bare and isinstance(node, ast.Await):
            thrown_away.add(id(node.value))
        elif bare and isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            thrown_away.add(id(node.elt))
        frame = self._frame
        nodes = rules.immediate_nodes(node)
        for item in nodes:
            if isinstance(item, _COMPREHENSIONS):
                for generator in item.generators:
                    elements = self._elements(generator.iter)
                    names = local_names([generator.target])[0]
                    self._frame = Frame(names, dict.fromkeys(names, elements), self._frame)
        for item in reversed(nodes):  # what is inside runs before what is around it
            if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Load):
                self._change(self._lookup(item.id) & self._used_up, True, f"a use of {item.id}")
            elif isinstance(item, ast.NamedExpr):
                self._bind(item.target.id, self._value(item.value))
            elif isinstance(item, ast.Call):
                self._call(item, id(item) in thrown_away)
        self._frame = frame

    def _call(self, call: ast.Call, bare: bool) -> None:
        positional, named = self._arguments(call)
        every = [*positional, *named.values()]
        for ids in every:  # a function that is handed over may well be called, with what is beside it
            for item in self.reach(ids):
                if item in self._code and not isinstance(self._code[item][0], ast.ClassDef):
                    self._enter(item, [frozenset().union(*(other for other in every if other is not ids))] * 3, {})
        for keyword in call.keywords:
            if keyword.arg == "out":
                self._change(self._place(keyword.value), True, ast.unparse(call))
        function = call.func
        path = self._module_path(function)
        if path is not None or not isinstance(function, ast.Attribute):
            self._call_function(call, path, positional, named, bare)
            return
        places = self._place(function.value)
        above = isinstance(function.value, ast.Call) and getattr(function.value.func, "id", "") == "super"
        if above and self._enter_above(places, function.attr, positional, named):
            return
        known = [self._enter_method(item, function.attr, positional, named) for item in places]
        if known and all(known):
            return
        if function.attr == "shuffle" and call.args:  # a generator of random numbers shuffles what it is given
            self._change(self.reach(self._place(call.args[0])), True, ast.unparse(call))
            return
        effect = rules.method_effect(function.attr, call, bare=bare)
        if effect == "own":
            self._change(places, True, ast.unparse(call))
            for place in places:
                self._held.setdefault(place, set()).update(frozenset().union(*every) - {place})
        elif effect == "deep":
            self._change(self.reach(places), True, ast.unparse(call))
        elif effect == "unknown":
            self._change(places, False, ast.unparse(call))
            self._doubt_arguments(call)

    def _enter_above(self, owners: Ids, name: str, positional: list[Ids], named: dict[str, Ids]) -> bool:
        """Follow ``super().name(…)``; return whether the notebook's own classes define it."""
        found = False
        for owner in owners:
            for class_id in self._classes.get(owner, ()):
                found = self._enter_bases(class_id, owner, name, positional, named) or found
        return found

    def _call_function(
        self,
        call: ast.Call,
        path: str | None,
        positional: list[Ids],
        named: dict[str, Ids],
        bare: bool,
    ) -> None:
        function = call.func
        if path is None and isinstance(function, ast.Name | ast.Lambda | ast.Call | ast.Subscript):
            targets = [item for item in self._value(function) if item in self._code or item in self._classes]
            for item in targets:
                if item in self._classes:
                    self._enter_method(item, "__call__", positional, named)
            if targets:
                self._value(call)  # enters the function
                return
            for item in self.reach(self._value(function)):  # partial(f): calling it calls what it holds
                if item in self._code and not isinstance(self._code[item][0], ast.ClassDef):
                    self._enter(item, positional, named)
            path = function.id if isinstance(function, ast.Name) else ""
        path = path or ""
        if "." in path and rules.function_changes_module(path, call):
            self._change({*module_prefixes(path)}, True, ast.unparse(call))
            return
        if rules.function_changes_first_argument(path.rpartition(".")[2]) and call.args:
            first = self._place(call.args[0])
            self._change(self.reach(first), True, ast.unparse(call))
            for place in first:  # heappush(heap, item), setattr(owner, name, value)
                self._held.setdefault(place, set()).update(frozenset().union(*positional[1:]) - {place})
        elif bare and not rules.function_is_harmless(path):
            self._doubt_arguments(call)

    def _doubt_arguments(self, call: ast.Call) -> None:
        for item in [*call.args, *(keyword.value for keyword in call.keywords)]:
            self._change(self._place(item), False, ast.unparse(call))
