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

from jupyter_mldeploy.core.script import kind as scriptkind
from jupyter_mldeploy.core.script.facts import facts_of
from jupyter_mldeploy.core.script.reading import (
    EntryReader,
    last_name,
    name_span,
    span_of,
)
from jupyter_mldeploy.core.script.records import (
    EntryFunction,
    EntryScript,
    ModelReference,
    Parameter,
    SampleExpression,
    SchemaDecorator,
)
from jupyter_mldeploy.core.script.scopes import Facts, FunctionNode
from jupyter_mldeploy.core.script.source import SourceText
from jupyter_mldeploy.core.script.syntax import Memory, ParsedSource, parse_source

__all__ = [
    "Analysis",
    "EntryFunction",
    "EntryScript",
    "Memory",
    "ModelReference",
    "Parameter",
    "RunDecorator",
    "SampleExpression",
    "SchemaDecorator",
    "analyse",
    "name_span",
    "read_entry_script",
    "span_of",
    "third_party_imports",
    "top_level_imports",
]


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


def analyse(text: str, *, path: str | None = None, batch: bool = False, memory: Memory | None = None) -> Analysis:
    """Read a script with its tree and facts, for the rules.

    Args:
        text: the script; it may be incomplete.
        path: where it comes from.
        batch: its kind is known to be batch.
        memory: what is known from earlier versions of the same text; their analyses are not to be used any more.
    """
    parsed = parse_source(text, memory)
    facts = facts_of(parsed)
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
    read = EntryReader(parsed, facts)
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
    name = (qualified or last_name(called) or "").rpartition(".")[2]
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
