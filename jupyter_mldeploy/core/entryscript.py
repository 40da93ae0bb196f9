"""The contract of an entry script, read from its syntax tree: kind, ``init()``, ``run()``, schemas, models, imports.

A script is never run or imported. :func:`read_entry_script` also reads scripts that are being typed: what lies outside
the broken chunk is reported as usual, and :attr:`EntryScript.has_errors` says that something is missing.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from jupyter_mldeploy.core import scriptkind
from jupyter_mldeploy.core.dataflow import reaching
from jupyter_mldeploy.core.scopes import Facts, FunctionNode
from jupyter_mldeploy.core.scriptkind import ScriptKind
from jupyter_mldeploy.core.source import SourceText, Span
from jupyter_mldeploy.core.syntax import Chunk, ParsedSource, SyntaxProblem, parse_source

ParameterKind = Literal["positional_only", "positional", "var_positional", "keyword_only", "var_keyword"]
_TYPES = {"Numpy": "numpy", "Pandas": "pandas", "Standard": "standard", "Spark": "spark"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of ``init()`` or ``run()``; ``annotation`` and ``default`` are source text."""

    name: str
    kind: ParameterKind
    annotation: str | None
    default: str | None
    span: Span

    @property
    def required(self) -> bool:
        """Whether a call has to give it."""
        return self.default is None and self.kind not in {"var_positional", "var_keyword"}


@dataclass(frozen=True, slots=True)
class EntryFunction:
    """How a script binds ``init`` or ``run``.

    Attributes:
        name: ``"init"`` or ``"run"``.
        how: ``"def"``, ``"method"`` of the entry class, or any other binding (``"assign"``, ``"import"``, ``"class"``, …).
        parameters: of a ``def``, without a method's ``self``; empty when the signature cannot be read.
        decorators: their source text without ``@``, from the top down.
        span: the whole definition with its decorators.
        name_span: the name after ``def``, or the binding.
        broken: the function's chunk had to be repaired, so its body may be incomplete.
    """

    name: str
    how: str
    parameters: tuple[Parameter, ...]
    is_async: bool
    is_generator: bool
    decorators: tuple[str, ...]
    docstring: str | None
    returns: str | None
    span: Span
    name_span: Span
    broken: bool


@dataclass(frozen=True, slots=True)
class SampleExpression:
    """A sample inside a parameter type: its source text, where it stands, and the module variable that holds it."""

    text: str
    span: Span
    variable: str | None = None


@dataclass(frozen=True, slots=True)
class SchemaDecorator:
    """One ``@input_schema`` or ``@output_schema`` of ``run()``.

    Attributes:
        role: ``"input"`` or ``"output"``.
        parameter: the literal parameter name of an input, or None.
        type: ``"numpy"``, ``"pandas"``, ``"standard"``, ``"spark"``, ``"custom"``, or None when it cannot be told.
        type_name: the class as written, or None.
        sample: the sample the type is made from, or None.
        optional: of an input: the caller may leave it out.
        convert: of an input: the value is decoded before ``run()`` sees it.
        span: the decorator without ``@``.
        name_span: the parameter name's literal, or None.
    """

    role: Literal["input", "output"]
    parameter: str | None
    type: str | None
    type_name: str | None
    sample: SampleExpression | None
    optional: bool
    convert: bool
    span: Span
    name_span: Span | None


@dataclass(frozen=True, slots=True)
class ModelReference:
    """Where a script takes a model from: ``"env"`` (AZUREML_MODEL_DIR), ``"get_model_path"``, ``"mlflow"``, ``"hub"``."""

    how: Literal["env", "get_model_path", "mlflow", "hub"]
    name: str | None
    version: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class EntryScript:
    """What a script tells without being run.

    Attributes:
        path: where it was read from, or None.
        kind: what ``run()`` receives: ``"json"`` text, decoded by a ``"schema"``, a ``"rawhttp"`` request, a
            ``"batch"`` of files or rows; ``"class"`` when a class carries ``run``; ``"unknown"`` without a ``run``.
        kind_is_certain: whether decorators, names or usage prove the kind (a batch script may look like an online one).
        init, run: how the two functions are bound, or None.
        class_name: the class that carries ``run`` as a method, or None.
        schemas: the schema decorators from the top down.
        model_references: where models come from, in source order.
        imports: top-level module names, in order of appearance, without the script's relative imports.
        has_errors: some part is not Python; ``problems`` says where and why.
        chunks: top-level pieces of a broken script, with those that had to be repaired.
    """

    path: str | None
    kind: ScriptKind
    kind_is_certain: bool
    init: EntryFunction | None
    run: EntryFunction | None
    class_name: str | None
    schemas: tuple[SchemaDecorator, ...]
    model_references: tuple[ModelReference, ...]
    imports: tuple[str, ...]
    problems: tuple[SyntaxProblem, ...]
    chunks: tuple[Chunk, ...]

    @property
    def has_errors(self) -> bool:
        """Whether any part of the script could not be read."""
        return bool(self.problems)


@dataclass(frozen=True, slots=True)
class RunDecorator:
    """A decorator of ``run()`` with its role; ``resolved`` says that an import proves where it comes from."""

    node: ast.expr
    role: Literal["input", "output", "rawhttp", "foreign"]
    resolved: bool


@dataclass(frozen=True, slots=True)
class Analysis:
    """A script's tree, its facts and its contract, made together in one pass."""

    parsed: ParsedSource
    facts: Facts
    entry: EntryScript
    run_node: FunctionNode | None
    init_node: FunctionNode | None
    decorators: tuple[RunDecorator, ...] = field(default=())

    @property
    def source(self) -> SourceText:
        """The text with its line index."""
        return self.parsed.source


def read_entry_script(text: str, *, path: str | None = None) -> EntryScript:
    """Read an entry script's contract from its text.

    Args:
        text: the script; it may be incomplete.
        path: where it comes from; a file name such as ``batch_score.py`` helps to tell batch scripts.
    """
    return analyse(text, path=path).entry


def top_level_imports(text: str) -> tuple[str, ...]:
    """Return the top-level names of all modules a script imports anywhere, in order of appearance.

    ``__future__`` and relative imports are left out; ``import a.b`` counts as ``a``.
    """
    return _imports(Facts(parse_source(text).tree))


def third_party_imports(text: str) -> tuple[str, ...]:
    """Return :func:`top_level_imports` without the modules that Python itself brings."""
    return tuple(name for name in top_level_imports(text) if name not in sys.stdlib_module_names)


def analyse(text: str, *, path: str | None = None, batch: bool = False) -> Analysis:
    """Read a script with its tree and facts, for the rules; ``batch`` says that the kind is known to be batch."""
    parsed = parse_source(text)
    facts = Facts(parsed.tree)
    run_how, run_node, owner = _find(facts, "run")
    init_how, init_node, _ = _find(facts, "init", owner)
    decorators = tuple(_decorator(facts, node) for node in run_node.decorator_list) if run_node else ()
    kind, certain = scriptkind.tell(
        facts,
        run_node,
        {decorator.role for decorator in decorators},
        path=path,
        text=text,
        has_class=owner is not None,
        has_run=run_how is not None,
    )
    if batch:
        kind, certain = "batch", True
    read = _Reader(parsed, facts)
    entry = EntryScript(
        path=path,
        kind=kind,
        kind_is_certain=certain,
        init=read.function("init", init_how, init_node, method=owner is not None),
        run=read.function("run", run_how, run_node, method=owner is not None),
        class_name=owner.name if owner else None,
        schemas=tuple(
            read.schema(decorator.node, decorator.role)
            for decorator in decorators
            if isinstance(decorator.node, ast.Call) and decorator.role in {"input", "output"}
        ),
        model_references=tuple(read.models()),
        imports=_imports(facts),
        problems=parsed.problems,
        chunks=parsed.chunks,
    )
    return Analysis(parsed, facts, entry, run_node, init_node, decorators)


def _find(
    facts: Facts, name: str, owner: ast.ClassDef | None = None
) -> tuple[str | None, FunctionNode | None, ast.ClassDef | None]:
    """Return how ``name`` is bound, its ``def`` (the last one wins), and the class it is a method of."""
    bindings = facts.module.bindings.get(name)
    if bindings and owner is None:
        last = bindings[-1]
        return last.kind, last.node if isinstance(last.node, FunctionNode) else None, None
    candidates = [owner] if owner else [item for item in facts.classes if facts.parents[item] is facts.tree]
    found = [
        (item, method)
        for item in candidates
        for method in item.body
        if isinstance(method, FunctionNode) and method.name == name
    ]
    if len(found) == 1:
        return "method", found[0][1], found[0][0]
    return None, None, None


def _decorator(facts: Facts, node: ast.expr) -> RunDecorator:
    called = node.func if isinstance(node, ast.Call) else node
    qualified = facts.qualified_name(called)
    name = (qualified or _last_name(called) or "").rpartition(".")[2]
    known = bool(qualified) and scriptkind.is_ours(qualified or "")
    roles: dict[str, Literal["input", "output", "rawhttp"]] = {
        "input_schema": "input",
        "output_schema": "output",
        "rawhttp": "rawhttp",
    }
    role = roles.get(name)
    if role is None or (qualified and not known):
        return RunDecorator(node, "foreign", resolved=False)
    if not qualified and isinstance(called, ast.Name) and facts.lookup(called.id, facts.module) is not None:
        return RunDecorator(node, "foreign", resolved=False)  # the script defines one of that name itself
    return RunDecorator(node, role, resolved=known)


def _last_name(node: ast.expr) -> str | None:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


def _imports(facts: Facts) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for node in facts.imports:
        modules: Iterable[str] = ()
        if isinstance(node, ast.Import):
            modules = (alias.name for alias in node.names)
        elif not node.level and node.module and node.module != "__future__":
            modules = (node.module,)
        names.update(dict.fromkeys(module.split(".", 1)[0] for module in modules))
    return tuple(names)


class _Reader:
    """Turns nodes into the frozen records of the contract."""

    def __init__(self, parsed: ParsedSource, facts: Facts) -> None:
        self.parsed = parsed
        self.source = parsed.source
        self.facts = facts

    def function(self, name: str, how: str | None, node: FunctionNode | None, *, method: bool) -> EntryFunction | None:
        if how is None:
            return None
        if node is None:
            at = self.facts.module.bindings[name][-1].node
            span = span_of(self.source, at)
            return EntryFunction(name, how, (), False, False, (), None, None, span, span, self.parsed.is_broken(span.line))
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
        return Parameter(
            name=arg.arg,
            kind=kind,
            annotation=self.text(arg.annotation) if arg.annotation else None,
            default=self.text(default) if default else None,
            span=span_of(self.source, arg),
        )

    def schema(self, call: ast.Call, role: str) -> SchemaDecorator:
        keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
        positional = list(call.args)
        name_node: ast.expr | None = None
        if role == "input":
            name_node = positional.pop(0) if positional else keywords.get("param_name")
        type_node = positional[0] if positional else keywords.get("param_type" if role == "input" else "output_type")
        literal = isinstance(name_node, ast.Constant) and isinstance(name_node.value, str)
        made, type_name, sample = self.parameter_type(type_node)
        flags = dict(zip(("convert_to_provided_type", "optional"), positional[1:], strict=False)) if role == "input" else {}
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
        node = self.through(node)
        if not isinstance(node, ast.Call):
            return None, None, None
        name = (self.facts.qualified_name(node.func) or _last_name(node.func) or "").rpartition(".")[2]
        made = next((kind for prefix, kind in _TYPES.items() if name.startswith(prefix) and name.endswith("ParameterType")), None)
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
        for _ in range(8):
            if not isinstance(node, ast.Name):
                break
            reach = reaching(self.facts, node)
            if reach is None or reach.value is None:
                break
            node = reach.value
        return node

    def models(self) -> Iterable[ModelReference]:
        for node in [*self.facts.calls, *self.facts.subscripts]:
            found = scriptkind.model_reference(self.facts, node)
            if found is not None:
                how, name, version = found
                yield ModelReference(how, name, version, span_of(self.source, node))

    def text(self, node: ast.AST) -> str:
        return self.source.slice(span_of(self.source, node))


def _flag(node: ast.expr | None, *, default: bool) -> bool:
    """Read a literal flag; a flag that is computed counts as the opposite of the default, which mutes the strict rules."""
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
    return Span(node.lineno, at, node.lineno, at + len(node.name)) if at >= 0 else Span(node.lineno, column, node.lineno, len(line))
