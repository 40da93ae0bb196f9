"""What a rule about a script gets: the analysis, the questions rules share, and the making of findings and edits."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from jupyter_mldeploy.core.entryscript import Analysis, Parameter, name_span, span_of
from jupyter_mldeploy.core.lint.diagnostics import Fix, Severity, TextEdit
from jupyter_mldeploy.core.lint.settings import LintConfig
from jupyter_mldeploy.core.script.dataflow import Reach, reaching
from jupyter_mldeploy.core.script.scopes import FunctionNode, Scope
from jupyter_mldeploy.core.script.source import SourceText, Span
from jupyter_mldeploy.core.script.values import Value, infer, source_expression

_TYPE_CHECKS = {"isinstance", "hasattr", "type", "callable", "issubclass"}


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule's finding before the engine gives it its code and severity."""

    span: Span
    message: str
    fixes: tuple[Fix, ...] = ()
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class PinnedEnvironment:
    """What the environment beside a script says: distribution name → pinned version or None, all in lower case.

    ``below`` holds, for packages with a range, the version that the range stays under, for example ``"2.4"``.
    """

    path: str
    packages: dict[str, str | None]
    below: dict[str, str] = field(default_factory=dict)


class ScriptContext:
    """One script under the linter.

    Attributes:
        analysis: tree, facts and contract.
        is_cell: the text is a notebook cell, so other tools are blind in it.
        cell_names: names that the notebook's other cells bind, or None when they are not known.
        confirmed: the text is certainly an entry script.
        named: it is called an entry script, by the caller or by its file's name.
        notes: what a family of rules has worked out once for all of them.
        magic: the cell magic that was taken out, for example ``"deploy"``, or None.
        environment: the environment that belongs to the script, or None when it is not known.
    """

    def __init__(
        self,
        analysis: Analysis,
        config: LintConfig,
        *,
        path: str | None,
        is_cell: bool = False,
        cell_names: Collection[str] | None = None,
        confirmed: bool = True,
        named: bool = True,
        environment: PinnedEnvironment | None = None,
        first_line: int = 1,
        magic: str | None = None,
    ) -> None:
        self.analysis = analysis
        self.facts = analysis.facts
        self.entry = analysis.entry
        self.config = config
        self.path = path
        self.is_cell = is_cell
        self.cell_names = cell_names
        self.confirmed = confirmed
        self.named = named
        self.environment = environment
        self.first_line = first_line
        self.magic = magic
        self._type_checked: dict[tuple[Scope, str], bool] = {}
        self.notes: dict[str, Any] = {}

    @property
    def source(self) -> SourceText:
        """The text with its line index."""
        return self.analysis.source

    # -- run() and init() -------------------------------------------------------------------------------------------

    @property
    def run(self) -> FunctionNode | None:
        """The ``def`` of ``run()``, if that is what binds it."""
        return self.analysis.run_node

    @property
    def init(self) -> FunctionNode | None:
        """The ``def`` of ``init()``."""
        return self.analysis.init_node

    @cached_property
    def run_scope(self) -> Scope | None:
        """The scope of ``run()``."""
        return self.facts.scopes[self.run] if self.run is not None else None

    @cached_property
    def init_scope(self) -> Scope | None:
        """The scope of ``init()``."""
        return self.facts.scopes[self.init] if self.init is not None else None

    def is_certain(self, name: str) -> bool:
        """Whether ``init`` or ``run`` is one unconditional ``def`` (or method) and nothing else."""
        node = self.run if name == "run" else self.init
        function = self.entry.run if name == "run" else self.entry.init
        if node is None or function is None or self.facts.is_conditional(node):
            return False
        if function.how == "method":
            return True
        return len(self.facts.module.bindings[name]) == 1

    @cached_property
    def has_foreign_decorators(self) -> bool:
        """Whether ``run()`` has decorators whose effect is not known."""
        return any(decorator.role == "foreign" for decorator in self.analysis.decorators)

    @cached_property
    def plain_run(self) -> bool:
        """Whether ``run()`` is certainly bound and only decorated in known ways."""
        return self.is_certain("run") and not self.has_foreign_decorators

    @property
    def run_parameters(self) -> tuple[Parameter, ...]:
        """The parameters of ``run()``."""
        return self.entry.run.parameters if self.entry.run else ()

    @cached_property
    def inputs(self) -> tuple[Parameter, ...]:
        """The parameters of ``run()`` that take data: all but ``request_headers``."""
        return tuple(item for item in self.run_parameters if item.name != "request_headers")

    # -- names and values -------------------------------------------------------------------------------------------

    def qualified_name(self, node: ast.expr) -> str | None:
        """Return the dotted name that an import gives an expression."""
        return self.facts.qualified_name(node)

    def type_of(self, node: ast.expr) -> str | None:
        """Return the certain type of an expression, or None."""
        value = infer(self.facts, node)
        return value.type if value else None

    def value_of(self, node: ast.expr) -> Value | None:
        """Return the certain type of an expression with the expression that shows it."""
        return infer(self.facts, node)

    def expression_of(self, node: ast.expr) -> ast.expr:
        """Return the expression that a variable certainly holds, or the node itself."""
        return source_expression(self.facts, node)

    def reaching(self, node: ast.Name) -> Reach | None:
        """Return what certainly reaches a use of a name."""
        return reaching(self.facts, node)

    def is_parameter(self, node: ast.expr, name: str, scope: Scope) -> bool:
        """Whether an expression is certainly the parameter ``name`` as the caller gave it."""
        if not isinstance(node, ast.Name) or node.id != name:
            return False
        reach = reaching(self.facts, node)
        if reach is None or reach.kind != "parameter":
            return False
        found = self.facts.lookup(name, self.facts.scope_of(node))
        return found is not None and found[0] is scope

    def is_type_checked(self, scope: Scope, name: str) -> bool:
        """Whether a function looks at the type of one of its variables, so that uses may be guarded."""
        key = (scope, name)
        if key not in self._type_checked:
            self._type_checked[key] = self._looks_at_type(scope, name)
        return self._type_checked[key]

    def _looks_at_type(self, scope: Scope, name: str) -> bool:
        for inner in scope.subtree():
            for read in inner.reads.get(name, ()):
                parent = self.facts.parents[read]
                if (
                    isinstance(parent, ast.Call)
                    and isinstance(parent.func, ast.Name)
                    and parent.func.id in _TYPE_CHECKS
                ):
                    return True
                if isinstance(parent, ast.Attribute) and parent.attr == "__class__":
                    return True
                if isinstance(parent, ast.Match):
                    return True
        return False

    def is_forgiven(self, node: ast.AST) -> bool:
        """Whether an exception raised by a node is caught by a handler that then goes on."""
        child = node
        for up in self.facts.ancestors(node):
            if up in self.facts.scopes and not isinstance(
                up, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
            ):
                return False
            tried = isinstance(up, ast.Try) and any(child is item for item in up.body)
            if tried and any(not leaves(handler.body) for handler in up.handlers):  # type: ignore[attr-defined]
                return True
            if isinstance(up, ast.With) and any(
                isinstance(item.context_expr, ast.Call) and "suppress" in ast.dump(item.context_expr.func)
                for item in up.items
            ):
                return True
            child = up
        return False

    def in_run(self, node: ast.AST) -> bool:
        """Whether a node belongs to the code of ``run()`` itself, not of a function inside it."""
        return self.run_scope is not None and self.facts.scope_of(node).function() is self.run_scope

    def in_handler(self, node: ast.AST) -> ast.ExceptHandler | None:
        """Return the ``except`` clause of the same function around a node."""
        for up in self.facts.ancestors(node):
            if isinstance(up, ast.ExceptHandler):
                return up
            if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                return None
        return None

    def run_returns(self) -> Iterator[tuple[ast.Return, ast.expr]]:
        """Yield the ``return`` statements of ``run()`` that give a value."""
        if self.run_scope is not None:
            for node in self.run_scope.returns:
                if node.value is not None:
                    yield node, node.value

    # -- findings and edits -----------------------------------------------------------------------------------------

    def span(self, node: ast.AST) -> Span:
        """Return where a node stands."""
        return span_of(self.source, node)

    def text(self, node: ast.AST) -> str:
        """Return a node's source text."""
        return self.source.slice(self.span(node))

    def header(self, node: FunctionNode | ast.ClassDef) -> Span:
        """Return where the name of a function or class stands."""
        return name_span(self.source, node)

    def finding(
        self, where: ast.AST | Span, message: str, *fixes: Fix | None, severity: Severity | None = None
    ) -> Finding:
        """Make a finding at a node (functions are marked at their name) or span."""
        if isinstance(where, Span):
            span = where
        elif isinstance(where, FunctionNode | ast.ClassDef):
            span = self.header(where)
        else:
            span = self.span(where)
        return Finding(span, message, tuple(fix for fix in fixes if fix), severity)

    def replace(self, node: ast.AST | Span, text: str) -> TextEdit:
        """Return an edit that replaces a node or span."""
        span = node if isinstance(node, Span) else self.span(node)
        return TextEdit(span.line, span.column, span.end_line, span.end_column, text)

    def insert_line(self, line: int, text: str, indent: int = 0) -> TextEdit:
        """Return an edit that inserts whole lines before ``line``."""
        newline = self.source.newline
        if line > len(self.source.lines):
            last = len(self.source.lines)
            column = len(self.source.line(last))
            return TextEdit(last, column, last, column, f"{newline}{' ' * indent}{text}{newline}")
        return TextEdit(line, 0, line, 0, f"{' ' * indent}{text}{newline}")

    def insert_import(self, statement: str) -> TextEdit:
        """Return an edit that adds an import among the script's own, after a docstring and ``__future__``."""
        body = self.facts.tree.body
        after = self.first_line
        for node in body:
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                after = (node.end_lineno or node.lineno) + 1
            elif isinstance(node, ast.Import | ast.ImportFrom):
                return self.insert_line(node.lineno, statement)
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node is body[0]:
                after = (node.end_lineno or node.lineno) + 1
        return self.insert_line(after, statement)

    def insert_in_body(self, node: FunctionNode, statement: str) -> TextEdit | None:
        """Return an edit that adds a first statement to a function, or None for a one-line function."""
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and len(node.body) > 1:
            first = node.body[1]
        if first.lineno == node.lineno or self.source.line(first.lineno)[: first.col_offset].strip():
            return None
        start = first
        if isinstance(first, FunctionNode | ast.ClassDef) and first.decorator_list:
            return None
        indent = self.source.line(start.lineno)[: start.col_offset]
        return TextEdit(start.lineno, 0, start.lineno, 0, f"{indent}{statement}{self.source.newline}")

    def delete_lines(self, first: int, last: int) -> TextEdit:
        """Return an edit that deletes whole lines."""
        return (
            TextEdit(first, 0, last + 1, 0, "")
            if last < len(self.source.lines)
            else TextEdit(first, 0, last, len(self.source.line(last)), "")
        )


def leaves(body: list[ast.stmt]) -> bool:
    """Whether a block certainly ends by ``return``, ``raise``, ``continue`` or ``break``."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, ast.Return | ast.Raise | ast.Continue | ast.Break):
        return True
    if isinstance(last, ast.If):
        return leaves(last.body) and leaves(last.orelse)
    if isinstance(last, ast.With):
        return leaves(last.body)
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        func = last.value.func
        return isinstance(func, ast.Attribute) and func.attr in {"exit", "_exit", "abort"}
    return False


def called_name(node: ast.Call) -> str | None:
    """Return the last part of what is called: ``load`` for ``joblib.load(...)``."""
    func = node.func
    return func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else None


def keyword(node: ast.Call, name: str) -> ast.expr | None:
    """Return a keyword argument's value."""
    return next((item.value for item in node.keywords if item.arg == name), None)


def has_unpacking(node: ast.Call) -> bool:
    """Whether a call has ``*args`` or ``**kwargs``, so that its arguments cannot be counted."""
    return any(isinstance(arg, ast.Starred) for arg in node.args) or any(item.arg is None for item in node.keywords)
