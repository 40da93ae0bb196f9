"""Abstract objects: which objects a notebook's names may stand for, what they hold, and what changed them.

An :data:`ObjectId` stands for what one expression made, a module, a function or a class. Aliases, containers and the
notebook's own functions and methods are followed (into their bodies).
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from . import effect_rules as rules
from .function_scopes import FunctionNode, all_arguments, local_names

ObjectId = tuple[str | int, ...]
Ids = frozenset[ObjectId]
NOTHING: Ids = frozenset()
_MOST_CALLS = 4_000
"""Calls followed into functions for one notebook; beyond that bodies are not entered again."""


class Change(NamedTuple):
    """One statement changes an object. ``certain`` is False when nothing says whether it does; ``text`` is the call."""

    statement: int
    certain: bool
    text: str


@dataclass(slots=True)
class Frame:
    """The variables of one call of a notebook's function."""

    names: set[str]
    values: dict[str, Ids]
    parent: Frame | None
    returned: set[ObjectId] = field(default_factory=set)
    first: Ids = frozenset()

    def owner(self, name: str) -> Frame | None:
        """Return the frame, from here outwards, in which ``name`` is a variable."""
        frame: Frame | None = self
        while frame is not None and name not in frame.names:
            frame = frame.parent
        return frame


class ObjectModel(ABC):
    """The objects of a notebook while its statements are followed.

    Attributes:
        values: the objects that each module-level name may stand for now.
        changes: what changed each object, in order.
    """

    def __init__(self) -> None:
        self.values: dict[str, Ids] = {}
        self.changes: dict[ObjectId, list[Change]] = {}
        self._held: dict[ObjectId, set[ObjectId]] = {}
        self._code: dict[ObjectId, tuple[FunctionNode | ast.ClassDef, Frame | None]] = {}
        self._classes: dict[ObjectId, Ids] = {}
        # What made an object: changes of its class reach the object, changes of the object not its class.
        self._behind: dict[ObjectId, set[ObjectId]] = {}
        self._fixed: set[ObjectId] = set()
        self._used_up: set[ObjectId] = set()
        self._frame: Frame | None = None
        self._sure = True
        self._active: list[ast.AST] = []
        self._calls = 0
        self._statement = 0
        self._count = 0
        self._called_binds: set[str] = set()
        self._results: dict[tuple[int, int], tuple[Ids, Frame | None]] = {}

    def reach(self, ids: Iterable[ObjectId], *, code: bool = False) -> set[ObjectId]:
        """Return the objects and everything that they hold; with ``code`` also the functions and classes they use."""
        found: set[ObjectId] = set()
        stack = list(ids)
        while stack:
            item = stack.pop()
            if item not in found:
                found.add(item)
                stack.extend(self._held.get(item, ()))
                if code:
                    stack.extend(self._behind.get(item, ()))
        return found

    def defined_by(self, item: ObjectId) -> int | None:
        """Return the statement that defines a function or class; None for other objects."""
        return int(item[1]) if item in self._code and item[0] in {"def", "object"} else None

    @abstractmethod
    def _run(self, node: ast.stmt) -> None:
        """Follow one statement."""

    # Names and places.

    def _lookup(self, name: str) -> Ids:
        owner = self._frame.owner(name) if self._frame else None
        return owner.values.get(name, NOTHING) if owner else self.values.get(name, NOTHING)

    def _bind(self, name: str, ids: Ids) -> None:
        owner = self._frame.owner(name) if self._frame else None
        if owner is not None:
            owner.values[name] = owner.values.get(name, NOTHING) | ids
            return
        if self._frame is not None:
            self._called_binds.add(name)
        sure = self._sure and self._frame is None
        self.values[name] = ids if sure else self.values.get(name, NOTHING) | ids

    def _bind_parts(self, target: ast.expr, ids: Ids) -> None:
        for node in ast.walk(target):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self._bind(node.id, ids)
            elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
                self._store(node, ids)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self._bind(target.id, self._value(value))
        elif isinstance(target, ast.Attribute | ast.Subscript):
            self._store(target, self._value(value))
        elif isinstance(target, ast.Tuple | ast.List):
            pairs = value.elts if isinstance(value, ast.Tuple | ast.List) else None
            starred = any(isinstance(item, ast.Starred) for item in [*target.elts, *(pairs or [])])
            if pairs is not None and len(pairs) == len(target.elts) and not starred:
                for item, part in zip(target.elts, pairs, strict=True):
                    self._assign(item, part)
            elif isinstance(value, ast.Call):
                for item in target.elts:
                    self._bind_parts(item, self._value(value) | {self._make()})
            else:
                self._bind_parts(target, self._elements(value))

    def _store(self, target: ast.expr, ids: Ids) -> None:
        if not isinstance(target, ast.Attribute | ast.Subscript):
            return
        places = self._place(target.value)
        path = self._module_path(target.value)
        changed = self.reach(places) if not isinstance(target.value, ast.Name) else set(places)
        changed |= {*module_prefixes(path)} if path else set()
        self._change(changed, True, f"{ast.unparse(target)} = …")
        for place in places:
            self._held.setdefault(place, set()).update(ids - {place})

    def _place(self, node: ast.expr) -> Ids:
        """Return the objects that an expression is, or is a part of."""
        match node:
            case ast.Name():
                return self._lookup(node.id)
            case ast.Attribute() | ast.Subscript():
                return frozenset(self.reach(self._place(node.value)))
            case ast.Starred() | ast.Await() | ast.NamedExpr():
                return self._place(node.value)
            case ast.Call() | ast.List() | ast.Tuple() | ast.Set() | ast.Dict():
                return self._value(node)
            case ast.IfExp():
                return self._place(node.body) | self._place(node.orelse)
            case ast.BoolOp():
                return frozenset().union(*(self._place(value) for value in node.values))
        return NOTHING

    def _part_of_known(self, call: ast.Call) -> Ids:
        """Return the objects that a call gives back as they are, or a part of; none when it makes something new."""
        match call:
            case ast.Call(func=ast.Attribute(value=receiver)) if self._module_path(call.func) is None:
                method = call.func.attr  # type: ignore[attr-defined]
                if method in rules.RETURN_SELF:
                    return self._place(receiver)
                if method in rules.RETURN_PART:
                    fallback = (self._value(item) for item in call.args)  # get(key, default), setdefault(key, default)
                    return frozenset(self.reach(self._place(receiver).union(*fallback)))
            case ast.Call(func=ast.Name(id="super")) if self._frame is not None:
                return self._frame.first
            case ast.Call(func=ast.Name(id="type"), args=[argument]):
                return frozenset().union(*(self._classes.get(item, NOTHING) for item in self._place(argument)))
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[argument, *_]) if (
                name in rules.PART_OF_FIRST
            ):
                return self._elements(argument)
        return NOTHING

    def _module_path(self, node: ast.expr) -> str | None:
        """Return the dotted path of an expression that starts at an imported name, or None."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if isinstance(node, ast.Name):
            for item in self._lookup(node.id):
                if item[0] == "module":
                    return ".".join([str(item[1]), *reversed(parts)])
        return None

    # Values.

    def _make(self, held: Iterable[ObjectId] = (), *, fixed: bool = False) -> ObjectId:
        made: ObjectId = ("object", self._statement, self._count)
        self._count += 1
        if fixed:
            self._fixed.add(made)
        if held:
            self._held.setdefault(made, set()).update(held)
        return made

    def _elements(self, node: ast.expr) -> Ids:
        return frozenset(self.reach(self._value(node)))

    def _value(self, node: ast.expr) -> Ids:
        """Return the objects that an expression may evaluate to."""
        match node:
            case (
                ast.Name()
                | ast.Subscript()
                | ast.Starred()
                | ast.Await()
                | ast.NamedExpr()
                | ast.BoolOp()
                | ast.IfExp()
            ):
                return self._place(node)
            case ast.Attribute():
                path = self._module_path(node)
                return frozenset({("module", path)}) if path else self._place(node)
            case ast.List() | ast.Tuple() | ast.Set():
                held = frozenset().union(*(self._value(item) for item in node.elts))
                return frozenset({self._make(held, fixed=isinstance(node, ast.Tuple) and held <= self._fixed)})
            case ast.Dict():
                return frozenset({self._make(frozenset().union(*(self._value(item) for item in node.values)))})
            case ast.Lambda():
                made = self._make(fixed=True)
                self._code[made] = (node, self._frame)
                return frozenset({made})
            case ast.Call():
                key = (id(node), id(self._frame))
                if key not in self._results:  # the frame is kept with it, so that its id is not given out again
                    self._results[key] = (self._result(node), self._frame)
                return self._results[key][0]
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            made = self._make(frozenset().union(*(self._elements(item.iter) for item in node.generators)))
            if isinstance(node, ast.GeneratorExp):
                self._used_up.add(made)
            return frozenset({made})
        leaves = (ast.Constant, ast.operator, ast.unaryop, ast.BinOp, ast.UnaryOp, ast.expr_context)
        if isinstance(node, ast.JoinedStr | ast.Compare) or all(isinstance(item, leaves) for item in ast.walk(node)):
            return frozenset({self._make(fixed=True)})
        parts = (node.left, node.right) if isinstance(node, ast.BinOp) else ()  # a list of both sides' elements
        return frozenset({self._make(frozenset().union(*(self._value(part) for part in parts)))})

    def _arguments(self, call: ast.Call) -> tuple[list[Ids], dict[str, Ids]]:
        named = {keyword.arg or "**": self._value(keyword.value) for keyword in call.keywords}
        return [self._value(item) for item in call.args], named

    def _result(self, call: ast.Call) -> Ids:
        function = call.func
        part = self._part_of_known(call)
        if part:
            return part
        positional, named = self._arguments(call)
        given = frozenset().union(*positional, *named.values())
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        found: set[ObjectId] = set()
        for item in (
            self._value(function) if isinstance(function, ast.Name | ast.Lambda | ast.Subscript | ast.Call) else ()
        ):
            node = self._code.get(item, (None, None))[0]
            if isinstance(node, ast.ClassDef):
                made = self._make(given)
                self._behind[made] = {item}
                self._classes[made] = frozenset({item})
                self._enter_method(made, "__init__", positional, named)
                found.add(made)
            elif node is not None:
                made = self._make(given)
                self._behind[made] = {item}
                if any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in ast.walk(node)):
                    self._used_up.add(made)
                returned = self._enter(item, positional, named)
                for inside in returned:  # a function that it returns uses what the function around it can see
                    self._behind.setdefault(inside, set()).add(item)
                found |= returned | {made}
        if found:
            return frozenset(found)
        holds = name[:1].isupper() or name in rules.HOLDING or name.startswith(rules.HOLDING_PREFIXES)
        made = self._make(given if holds else ())
        if name in rules.USED_UP and (isinstance(function, ast.Name) or self._module_path(function) is not None):
            self._used_up.add(made)
        return frozenset({made})

    def _enter_method(self, owner: ObjectId, name: str, positional: list[Ids], named: dict[str, Ids]) -> bool:
        """Follow a method of the notebook's own class; return whether there is one."""
        found = False
        for class_id in self._classes.get(owner, ()):
            found = self._enter_class(class_id, owner, name, positional, named) or found
        return found

    def _enter_class(
        self, class_id: ObjectId, owner: ObjectId, name: str, positional: list[Ids], named: dict[str, Ids]
    ) -> bool:
        """Follow the method that a class or the first of its bases defines."""
        node, frame = self._code[class_id]
        if not isinstance(node, ast.ClassDef):
            return False
        for item in node.body:
            if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) and item.name == name:
                method: ObjectId = ("method", *class_id[1:], name)
                self._code[method] = (item, frame)
                self._enter(method, [frozenset({owner}), *positional], named)
                return True
        return self._enter_bases(class_id, owner, name, positional, named)

    def _enter_bases(
        self, class_id: ObjectId, owner: ObjectId, name: str, positional: list[Ids], named: dict[str, Ids]
    ) -> bool:
        bases = self._held.get(class_id, set()) & self._code.keys()
        return any(self._enter_class(base, owner, name, positional, named) for base in sorted(bases, key=str))

    def _enter(self, function: ObjectId, positional: list[Ids], named: dict[str, Ids]) -> set[ObjectId]:
        """Follow the body of a notebook's function; return the objects that it may return."""
        node, parent = self._code.get(function, (None, None))
        if node is None or isinstance(node, ast.ClassDef) or node in self._active or self._calls >= _MOST_CALLS:
            return set()
        self._calls += 1
        body: list[ast.stmt] = [ast.Return(node.body)] if isinstance(node, ast.Lambda) else node.body
        local, declared = local_names(body)
        parameters = [item.arg for item in all_arguments(node.args)]
        defaults = self._held.get(function, set())
        spare = frozenset().union(*positional[len(parameters) :], named.get("**", NOTHING), defaults)
        values = dict.fromkeys(parameters, spare)
        values.update(zip(parameters, positional, strict=False))
        values.update({name: ids for name, ids in named.items() if name in values})
        frame = Frame((local - declared) | set(parameters), values, parent)
        frame.first = values[parameters[0]] if parameters else NOTHING
        saved = self._frame, self._sure
        self._frame, self._sure = frame, False
        self._active.append(node)
        for statement in body:
            self._run(statement)
        self._active.pop()
        self._frame, self._sure = saved
        return frame.returned

    def _change(self, ids: Iterable[ObjectId], certain: bool, text: str) -> None:
        for item in ids:
            if certain or item not in self._fixed:
                self.changes.setdefault(item, []).append(Change(self._statement, certain, text))


def module_prefixes(path: str) -> list[ObjectId]:
    """Return the modules that a dotted path lies in, itself included."""
    parts = path.split(".")
    return [("module", ".".join(parts[:length])) for length in range(1, len(parts) + 1)]
