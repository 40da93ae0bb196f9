"""Turns the nodes of an entry script into the records of its contract."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from jupyter_mldeploy.core.script import kind as scriptkind
from jupyter_mldeploy.core.script.records import (
    EntryFunction,
    ModelReference,
    Parameter,
    ParameterKind,
    SampleExpression,
    SchemaDecorator,
)
from jupyter_mldeploy.core.script.scopes import Facts, FunctionNode
from jupyter_mldeploy.core.script.source import SourceText, Span
from jupyter_mldeploy.core.script.syntax import ParsedSource
from jupyter_mldeploy.core.script.values import source_expression

_TYPES = {"Numpy": "numpy", "Pandas": "pandas", "Standard": "standard", "Spark": "spark"}


class EntryReader:
    """Turns nodes into the frozen records of the contract."""

    def __init__(self, parsed: ParsedSource, facts: Facts) -> None:
        self.parsed = parsed
        self.source = parsed.source
        self.facts = facts

    def function(self, name: str, how: str | None, node: FunctionNode | None, *, method: bool) -> EntryFunction | None:
        """Read how ``init`` or ``run`` is bound; None when nothing binds it."""
        if how is None:
            return None
        if node is None:
            at = self.facts.module.bindings[name][-1].node
            span = span_of(self.source, at)
            return EntryFunction(
                name, how, (), False, False, (), None, None, span, span, self.parsed.is_broken(span.line)
            )
        first = node.decorator_list[0] if node.decorator_list else node
        whole = span_of(self.source, node)
        start = span_of(self.source, first)
        scope = self.facts.scopes[node]
        parameters = self.parameters(node)
        return EntryFunction(
            name=name,
            how="method" if method else how,
            parameters=parameters[1:] if method and parameters else parameters,
            is_async=isinstance(node, ast.AsyncFunctionDef),
            is_generator=bool(scope.yields),
            decorators=tuple(self.text(item) for item in node.decorator_list),
            docstring=ast.get_docstring(node),
            returns=self.text(node.returns) if node.returns else None,
            span=Span(start.line, 0 if first is not node else whole.column, whole.end_line, whole.end_column),
            name_span=name_span(self.source, node),
            broken=self.parsed.is_broken(node.lineno),
        )

    def parameters(self, node: FunctionNode) -> tuple[Parameter, ...]:
        """Read all parameters in their order."""
        args = node.args
        found: list[Parameter] = []
        plain = [*args.posonlyargs, *args.args]
        defaults: list[ast.expr | None] = [None] * (len(plain) - len(args.defaults)) + list(args.defaults)
        for number, (arg, default) in enumerate(zip(plain, defaults, strict=True)):
            kind: ParameterKind = "positional_only" if number < len(args.posonlyargs) else "positional"
            found.append(self.parameter(arg, kind, default))
        if args.vararg:
            found.append(self.parameter(args.vararg, "var_positional", None))
        for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
            found.append(self.parameter(arg, "keyword_only", default))
        if args.kwarg:
            found.append(self.parameter(args.kwarg, "var_keyword", None))
        return tuple(found)

    def parameter(self, arg: ast.arg, kind: ParameterKind, default: ast.expr | None) -> Parameter:
        """Read one parameter."""
        return Parameter(
            name=arg.arg,
            kind=kind,
            annotation=self.text(arg.annotation) if arg.annotation else None,
            default=self.text(default) if default else None,
            span=span_of(self.source, arg),
        )

    def schema(self, call: ast.Call, role: str) -> SchemaDecorator:
        """Read a schema decorator; ``role`` is ``"input"`` or ``"output"``."""
        keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
        positional = list(call.args)
        name_node: ast.expr | None = None
        if role == "input":
            name_node = positional.pop(0) if positional else keywords.get("param_name")
        type_node = positional[0] if positional else keywords.get("param_type" if role == "input" else "output_type")
        literal = isinstance(name_node, ast.Constant) and isinstance(name_node.value, str)
        made, type_name, sample = self.parameter_type(type_node)
        flags = (
            dict(zip(("convert_to_provided_type", "optional"), positional[1:], strict=False)) if role == "input" else {}
        )
        flags.update({key: keywords[key] for key in ("convert_to_provided_type", "optional") if key in keywords})
        return SchemaDecorator(
            role="input" if role == "input" else "output",
            parameter=str(name_node.value) if literal and isinstance(name_node, ast.Constant) else None,
            type=made,
            type_name=type_name,
            sample=sample,
            optional=_flag(flags.get("optional"), default=False),
            convert=_flag(flags.get("convert_to_provided_type"), default=True),
            span=span_of(self.source, call),
            name_span=span_of(self.source, name_node) if name_node is not None and literal else None,
        )

    def parameter_type(self, node: ast.expr | None) -> tuple[str | None, str | None, SampleExpression | None]:
        """Return the kind, the class as written and the sample of a parameter type."""
        node = self.through(node)
        if not isinstance(node, ast.Call):
            return None, None, None
        name = (self.facts.qualified_name(node.func) or last_name(node.func) or "").rpartition(".")[2]
        made = next(
            (kind for prefix, kind in _TYPES.items() if name.startswith(prefix) and name.endswith("ParameterType")),
            None,
        )
        if made is None and name.endswith("ParameterType"):
            made = "custom"
        sample = node.args[0] if node.args else next((k.value for k in node.keywords if k.arg == "sample_input"), None)
        if sample is None or made is None:
            return made, name or None, None
        variable = sample.id if isinstance(sample, ast.Name) else None
        shown = self.through(sample) or sample
        return made, name, SampleExpression(self.text(shown), span_of(self.source, shown), variable)

    def through(self, node: ast.expr | None) -> ast.expr | None:
        """Follow a variable to the expression it certainly holds."""
        return None if node is None else source_expression(self.facts, node)

    def models(self) -> Iterable[ModelReference]:
        """Yield where models come from, in source order."""
        nodes: list[ast.Call | ast.Subscript] = [*self.facts.calls, *self.facts.subscripts]
        for node in sorted(nodes, key=lambda item: (item.lineno, item.col_offset)):
            found = scriptkind.model_reference(self.facts, node)
            if found is not None:
                how, name, version = found
                yield ModelReference(how, name, version, span_of(self.source, node))

    def text(self, node: ast.AST) -> str:
        """Return a node's source text."""
        return self.source.slice(span_of(self.source, node))


def last_name(node: ast.expr) -> str | None:
    """Return the last part of a name or attribute."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


def _flag(node: ast.expr | None, *, default: bool) -> bool:
    """Read a literal flag; a computed one counts as the opposite of the default, which mutes the strict rules."""
    if node is None:
        return default
    return bool(node.value) if isinstance(node, ast.Constant) else not default


def span_of(source: SourceText, node: ast.AST) -> Span:
    """Return where a node stands, in code points."""
    line: int = node.lineno  # type: ignore[attr-defined]
    end_line: int = node.end_lineno  # type: ignore[attr-defined]
    return Span(
        line,
        source.from_parser(line, node.col_offset),  # type: ignore[attr-defined]
        end_line,
        source.from_parser(end_line, node.end_col_offset),  # type: ignore[attr-defined]
    )


def name_span(source: SourceText, node: FunctionNode | ast.ClassDef) -> Span:
    """Return where the name of a ``def`` or ``class`` stands."""
    column = source.from_parser(node.lineno, node.col_offset)
    line = source.line(node.lineno)
    at = line.find(node.name, column + 3)
    return (
        Span(node.lineno, at, node.lineno, at + len(node.name))
        if at >= 0
        else Span(node.lineno, column, node.lineno, len(line))
    )
