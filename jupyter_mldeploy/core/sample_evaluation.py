"""An interpreter for the expressions that schema samples are made of: an allow-list, no ``eval``, no user code.

Runs in the sample worker only. What is not on the list ends in :class:`NotEvaluable`; what is, behaves as in Python, so
an exception raised here is the exception that importing the script will raise. Sizes are checked before anything large
is made.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jupyter_mldeploy.core.sample_functions import METHODS, MUTATORS, READABLE, function_named, value_named
from jupyter_mldeploy.core.script.scopes import Facts

MAX_STEPS = 100_000
MAX_LENGTH = 1_000_000

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
}  # fmt: skip
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: operator.not_, ast.Invert: operator.invert,
}  # fmt: skip
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not, ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip


class NotEvaluable(Exception):  # noqa: N818 - an answer, not a failure
    """Something that is not on the list; ``node`` is where."""

    def __init__(self, message: str, node: ast.AST) -> None:
        super().__init__(message)
        self.message = message
        self.node = node


class Evaluator:
    """Works out expressions of one script.

    Attributes:
        variables: the module's variables as far as they have been worked out.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._steps = 0
        self._locals: list[dict[str, Any]] = []
        self.variables: dict[str, Any] = {}
        self.unknown: dict[str, NotEvaluable] = {}

    def value(self, node: ast.expr) -> Any:
        """Return the value of an expression.

        Raises:
            NotEvaluable: it holds something that is not on the list.
            Exception: what Python would raise.
        """
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise NotEvaluable("there is too much to work out", node)
        handler = getattr(self, f"_{type(node).__name__.lower()}", None)
        if handler is None:
            raise NotEvaluable(f"{_kind(node)} is not worked out", node)
        return handler(node)

    # -- literals ---------------------------------------------------------------------------------------------------

    def _constant(self, node: ast.Constant) -> Any:
        return node.value

    def _list(self, node: ast.List) -> list[Any]:
        return list(self._items(node.elts))

    def _tuple(self, node: ast.Tuple) -> tuple[Any, ...]:
        return tuple(self._items(node.elts))

    def _set(self, node: ast.Set) -> set[Any]:
        return set(self._items(node.elts))

    def _items(self, nodes: list[ast.expr]) -> Iterable[Any]:
        for item in nodes:
            if isinstance(item, ast.Starred):
                yield from self._sized(self.value(item.value), item)
            else:
                yield self.value(item)

    def _dict(self, node: ast.Dict) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                made.update(self.value(value))
            else:
                made[self.value(key)] = self.value(value)
        return made

    def _joinedstr(self, node: ast.JoinedStr) -> str:
        parts: list[str] = []
        for item in node.values:
            if isinstance(item, ast.Constant):
                parts.append(str(item.value))
            elif isinstance(item, ast.FormattedValue) and item.format_spec is None and item.conversion == -1:
                value = self.value(item.value)
                if not isinstance(value, str | int | float | bool):
                    raise NotEvaluable("only plain values are formatted", item)
                parts.append(str(value))
            else:
                raise NotEvaluable("format specifications are not worked out", item)
        return "".join(parts)

    # -- names and operators ----------------------------------------------------------------------------------------

    def _name(self, node: ast.Name) -> Any:
        for scope in reversed(self._locals):
            if node.id in scope:
                return scope[node.id]
        if node.id in self.variables:
            return self.variables[node.id]
        if node.id in self.unknown:
            raise self.unknown[node.id]
        return self._known(node)

    def _known(self, node: ast.expr) -> Any:
        """Return a constant, type or function that a name or attribute certainly means."""
        qualified = self._facts.qualified_name(node)
        if qualified is None and isinstance(node, ast.Name):
            found = self._facts.lookup(node.id, self._facts.module)
            qualified = f"builtins.{node.id}" if found is None and not self._facts.star_imports else None
        if qualified is not None:
            value = value_named(qualified)
            if value is not None:
                return value[0]
        shown = node.id if isinstance(node, ast.Name) else ast.unparse(node)
        raise NotEvaluable(f"{shown} is not worked out", node)

    def _attribute(self, node: ast.Attribute) -> Any:
        if self._facts.qualified_name(node) is not None:
            return self._known(node)
        base = self.value(node.value)
        if node.attr in READABLE.get(_type_name(base), ()):
            return getattr(base, node.attr)
        raise NotEvaluable(f".{node.attr} of {_type_name(base)} is not worked out", node)

    def _binop(self, node: ast.BinOp) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(node.op, ast.Pow):
            if (
                isinstance(left, int | float)
                and isinstance(right, int | float)
                and abs(right) <= 64
                and abs(left) <= 1e6
            ):
                return left**right
            raise NotEvaluable("this power is not worked out", node)
        function = _OPERATORS.get(type(node.op))
        if function is None:
            raise NotEvaluable("this operator is not worked out", node)
        if isinstance(node.op, ast.Mult):
            for sequence, count in ((left, right), (right, left)):
                if isinstance(sequence, str | bytes | list | tuple) and isinstance(count, int):
                    self._check_length(len(sequence) * count, node)
        if isinstance(node.op, ast.Mod) and isinstance(left, str | bytes):
            raise NotEvaluable("formatting is not worked out", node)
        if isinstance(left, int) and isinstance(right, int) and max(abs(left), abs(right)) > 2**256:
            raise NotEvaluable("this number is too large", node)
        if _elements(left) * _elements(right) > 25 * MAX_LENGTH:
            raise NotEvaluable("these arrays are too large", node)
        return function(left, right)

    def _unaryop(self, node: ast.UnaryOp) -> Any:
        return _UNARY[type(node.op)](self.value(node.operand))

    def _compare(self, node: ast.Compare) -> Any:
        left = self.value(node.left)
        for comparison, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.value(right_node)
            answer = _COMPARISONS[type(comparison)](left, right)
            if len(node.ops) == 1:
                return answer
            if not answer:
                return False
            left = right
        return True

    def _ifexp(self, node: ast.IfExp) -> Any:
        return self.value(node.body if self.value(node.test) else node.orelse)

    def _subscript(self, node: ast.Subscript) -> Any:
        base = self.value(node.value)
        if _type_name(base) not in {"list", "tuple", "dict", "str", "ndarray", "DataFrame", "Series"}:
            raise NotEvaluable(f"an item of {_type_name(base)} is not worked out", node)
        return base[self._index(node.slice)]

    def _index(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Slice):
            parts = [self.value(part) if part is not None else None for part in (node.lower, node.upper, node.step)]
            return slice(*parts)
        if isinstance(node, ast.Tuple):
            return tuple(self._index(item) for item in node.elts)
        return self.value(node)

    # -- comprehensions ---------------------------------------------------------------------------------------------

    def _listcomp(self, node: ast.ListComp) -> list[Any]:
        return [self.value(node.elt) for _ in self._loops(node.generators)]

    def _dictcomp(self, node: ast.DictComp) -> dict[Any, Any]:
        return {self.value(node.key): self.value(node.value) for _ in self._loops(node.generators)}

    def _loops(self, generators: list[ast.comprehension]) -> Iterable[None]:
        first, *rest = generators
        for item in self._sized(self.value(first.iter), first.iter):
            scope: dict[str, Any] = {}
            self._bind(first.target, item, scope)
            self._locals.append(scope)
            try:
                if all(self.value(test) for test in first.ifs):
                    if rest:
                        yield from self._loops(rest)
                    else:
                        yield None
            finally:
                self._locals.pop()

    def _bind(self, target: ast.expr, value: Any, scope: dict[str, Any]) -> None:
        if isinstance(target, ast.Name):
            scope[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List):
            values = list(self._sized(value, target))
            if len(values) != len(target.elts):
                raise NotEvaluable("unpacking is not worked out", target)
            for item, part in zip(target.elts, values, strict=True):
                self._bind(item, part, scope)
        else:
            raise NotEvaluable("this target is not worked out", target)

    def _sized(self, value: Any, node: ast.AST) -> Iterable[Any]:
        if _type_name(value) not in {
            "list",
            "tuple",
            "dict",
            "set",
            "str",
            "range",
            "ndarray",
            "Index",
            "zip",
            "enumerate",
        }:
            raise NotEvaluable(f"going through {_type_name(value)} is not worked out", node)
        if hasattr(value, "__len__"):
            self._check_length(len(value), node)
        return value  # type: ignore[no-any-return]

    def _check_length(self, length: int, node: ast.AST) -> None:
        if length > MAX_LENGTH:
            raise NotEvaluable(f"{length:,} values are too many", node)

    # -- calls ------------------------------------------------------------------------------------------------------

    def _call(self, node: ast.Call) -> Any:
        positional = list(self._items(node.args))
        keywords: dict[str, Any] = {}
        for item in node.keywords:
            value = self.value(item.value)
            if item.arg is not None:
                keywords[item.arg] = value
            elif isinstance(value, Mapping):
                keywords.update(value)
            else:
                raise NotEvaluable("these arguments are not worked out", node)
        qualified = self._facts.qualified_name(node.func)
        if qualified is None and isinstance(node.func, ast.Name) and node.func.id not in self.variables:
            found = self._facts.lookup(node.func.id, self._facts.module)
            qualified = f"builtins.{node.func.id}" if found is None and not self._facts.star_imports else None
        if qualified is not None:
            function = function_named(qualified)
            if function is None:
                raise NotEvaluable(f"{qualified.removeprefix('builtins.')}() is not worked out", node)
            return function(*positional, **keywords)
        if isinstance(node.func, ast.Attribute):
            base = self.value(node.func.value)
            if node.func.attr in METHODS.get(_type_name(base), ()):
                return getattr(base, node.func.attr)(*positional, **keywords)
            raise NotEvaluable(f"{_type_name(base)}.{node.func.attr}() is not worked out", node)
        if isinstance(node.func, ast.Name):
            raise NotEvaluable(f"{node.func.id}() is the script's own and is not run", node)
        raise NotEvaluable("this call is not worked out", node)

    # -- statements -------------------------------------------------------------------------------------------------

    def assign(self, target: ast.expr, value_node: ast.expr) -> None:
        """Carry an assignment of the module out."""
        value = self.value(value_node)
        if isinstance(target, ast.Subscript):
            base = self.value(target.value)
            if _type_name(base) not in {"list", "dict", "ndarray", "DataFrame"}:
                raise NotEvaluable("this assignment is not worked out", target)
            base[self._index(target.slice)] = value
        elif isinstance(target, ast.Attribute):
            base = self.value(target.value)
            if _type_name(base) != "DataFrame" or target.attr not in {"columns", "index"}:
                raise NotEvaluable("this assignment is not worked out", target)
            setattr(base, target.attr, value)
        else:
            self._bind(target, value, self.variables)

    def mutate(self, node: ast.Call) -> None:
        """Carry a statement such as ``sample.append(1)`` out."""
        func = node.func
        if not isinstance(func, ast.Attribute):
            raise NotEvaluable("this call is not worked out", node)
        base = self.value(func.value)
        if func.attr not in MUTATORS.get(_type_name(base), ()) or node.keywords:
            raise NotEvaluable(f"{_type_name(base)}.{func.attr}() is not worked out", node)
        getattr(base, func.attr)(*self._items(node.args))


def _type_name(value: Any) -> str:
    kind = type(value)
    if kind.__module__ in {"builtins", "datetime"} or kind.__module__.partition(".")[0] in {"numpy", "pandas"}:
        return kind.__name__
    return f"{kind.__module__}.{kind.__name__}"


def _elements(value: Any) -> int:
    size = getattr(value, "size", 1)
    return size if isinstance(size, int) else 1


_KINDS = {
    "Lambda": "A lambda",
    "Await": "An await",
    "GeneratorExp": "A generator",
    "NamedExpr": "An assignment expression",
    "BoolOp": "A logical expression",
    "SetComp": "A set comprehension",
}


def _kind(node: ast.AST) -> str:
    return _KINDS.get(type(node).__name__, type(node).__name__)
