"""Definition and references: schema name ↔ parameter, model name ↔ registration, configuration ↔ script."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from jupyter_mldeploy.core.entryscript import Analysis, span_of
from jupyter_mldeploy.core.lint.document import Node
from jupyter_mldeploy.core.script.source import SourceText, Span
from mldeploy_lsp.deployment_keys import family, tree_of
from mldeploy_lsp.document import Document

if TYPE_CHECKING:
    from mldeploy_lsp.server import Server

_FILES = 200
_BYTES = 500_000
_REGISTERS = re.compile(
    r"\b(?:register_model\(|Model\.register\(|models\.register\(|registered_model_name\s*=|log_model\(|register\()"
)
_PATH_KEYS = {
    "entryScript", "scoring_script", "condaFile", "conda_file", "condaDependenciesFile", "code", "sourceDirectory",
    "extraDockerfileSteps", "path",
}  # fmt: skip


def register(server: Server) -> None:
    """Add the features."""

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    def definition(params: lsp.DefinitionParams) -> list[lsp.Location]:
        document = server.get(params.text_document.uri)
        if document is None:
            return []
        line, column = document.point(params.position)
        if document.role == "document":
            return _file_of_key(document, line, column)
        if not document.is_python:
            return []
        if document.magic is not None and line == document.magic_line:
            return _file_of_option(document, line, column)
        name = schema_name_at(document, line, column)
        if name is not None:
            return [lsp.Location(document.uri, document.range(span)) for span in declarations(document, name)]
        model = _model_at(document, line, column)
        return list(_registrations(server, document, model)) if model else []

    @server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
    def references(params: lsp.ReferenceParams) -> list[lsp.Location]:
        document = server.get(params.text_document.uri)
        if document is None or not document.is_python:
            return []
        line, column = document.point(params.position)
        name = schema_name_at(document, line, column)
        if name is not None:
            declared = declarations(document, name) if params.context.include_declaration else []
            spans = dict.fromkeys([*declared, *uses(document, name)])
            return [lsp.Location(document.uri, document.range(span)) for span in spans]
        model = _model_at(document, line, column)
        if model:
            found = list(_model_uses(server, document, model))
            if params.context.include_declaration:
                found = [*_registrations(server, document, model), *found]
            return found
        if _names_entry_function(document, line, column):
            return list(_configurations(document))
        return []


# Schema names and parameters.


def schema_name_at(document: Document, line: int, column: int) -> str | None:
    """Return the parameter of ``run()`` that a position names: in a schema, in the signature or in its body."""
    analysis = document.analysis
    if analysis is None or analysis.entry.run is None or not document.is_entry_script:
        return None
    for schema in analysis.entry.schemas:
        if schema.parameter is not None and schema.name_span is not None and _touches(schema.name_span, line, column):
            return schema.parameter
    for parameter in analysis.entry.run.parameters:
        spans = [parameter_name(document, parameter.name), *body_uses(analysis, parameter.name)]
        if any(span is not None and _touches(span, line, column) for span in spans):
            return parameter.name
    return None


def declarations(document: Document, name: str) -> list[Span]:
    """Return where a parameter is declared: in the signature of ``run()``."""
    span = parameter_name(document, name)
    return [span] if span is not None else []


def uses(document: Document, name: str) -> list[Span]:
    """Return where a parameter is named besides its declaration: schemas first."""
    analysis = document.analysis
    return [*schema_names(document, name), *(body_uses(analysis, name) if analysis else ())]


def schema_names(document: Document, name: str) -> list[Span]:
    """Return the text between the quotes of every schema that names a parameter."""
    analysis = document.analysis
    found = []
    for schema in analysis.entry.schemas if analysis else ():
        if schema.parameter == name and schema.name_span is not None:
            text = document.source.slice(schema.name_span)
            at = text.find(name)
            if at >= 0 and schema.name_span.line == schema.name_span.end_line:
                column = schema.name_span.column + at
                found.append(Span(schema.name_span.line, column, schema.name_span.line, column + len(name)))
    return found


def parameter_name(document: Document, name: str) -> Span | None:
    """Return the name of a parameter in the signature of ``run()``, without its annotation."""
    analysis = document.analysis
    run = analysis.entry.run if analysis else None
    found = next((item for item in run.parameters if item.name == name), None) if run else None
    if found is None:
        return None
    return Span(found.span.line, found.span.column, found.span.line, found.span.column + len(name))


def body_uses(analysis: Analysis, name: str) -> list[Span]:
    """Return where the body of ``run()`` reads or binds its parameter, inner functions included."""
    if analysis.run_node is None:
        return []
    own = analysis.facts.scopes[analysis.run_node]
    found: dict[Span, None] = {}
    stack = [own]
    while stack:
        scope = stack.pop()
        if scope is not own and scope.kind in {"function", "class"} and name in scope.bindings:
            continue  # another variable of that name
        nodes = [*scope.reads.get(name, ()), *(binding.node for binding in scope.bindings.get(name, ()))]
        for node in nodes:
            if isinstance(node, ast.Name):
                found[span_of(analysis.source, node)] = None
        stack.extend(scope.inner)
    return sorted(found, key=lambda span: (span.line, span.column))


def _touches(span: Span, line: int, column: int) -> bool:
    return span.line == line == span.end_line and span.column <= column <= span.end_column


def _names_entry_function(document: Document, line: int, column: int) -> bool:
    analysis = document.analysis
    entry = analysis.entry if analysis else None
    functions = (entry.init, entry.run) if entry else ()
    return any(item is not None and _touches(item.name_span, line, column) for item in functions)


# Models.


def _model_at(document: Document, line: int, column: int) -> str | None:
    analysis = document.analysis
    for reference in analysis.entry.model_references if analysis else ():
        span = reference.span
        if reference.name and (span.line, span.column) <= (line, column) <= (span.end_line, span.end_column):
            return reference.name
    return None


def _texts(server: Server, document: Document) -> Iterator[tuple[str, SourceText, Document | None]]:
    """Yield the open scripts and cells, then the scripts in the document's folder that are not open."""
    seen = set()
    for other in server.mirror.documents():
        if other.is_python or other.notebook is not None:
            seen.add(other.uri)
            yield other.uri, other.source, other
    for path in _beside(document, ".py"):
        uri = path.as_uri()
        if uri not in seen:
            text = _read(path)
            if text is not None:
                yield uri, SourceText(text), None


def _beside(document: Document, *suffixes: str) -> list[Path]:
    if document.path is None:
        return []
    try:
        return sorted(item for item in document.path.parent.iterdir() if item.suffix in suffixes)[:_FILES]
    except OSError:
        return []


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8") if path.is_file() and path.stat().st_size <= _BYTES else None
    except (OSError, UnicodeDecodeError):
        return None


def _literals(source: SourceText, name: str) -> Iterator[Span]:
    for number, text in enumerate(source.lines, 1):
        if name not in text:
            continue
        for found in re.finditer(rf"([\"']){re.escape(name)}\1", text):
            yield Span(number, found.start() + 1, number, found.end() - 1)


def _location(server: Server, uri: str, source: SourceText, span: Span, document: Document | None) -> lsp.Location:
    shown = document or Document(uri, "python", 0, source, server.mirror.encoding)
    return lsp.Location(uri, shown.range(span))


def _registrations(server: Server, document: Document, name: str) -> Iterator[lsp.Location]:
    """Yield the calls that register a model under a name."""
    for uri, source, shown in _texts(server, document):
        for span in _literals(source, name):
            near = "\n".join(source.lines[max(0, span.line - 6) : span.line])
            if _REGISTERS.search(near) and "get_model_path" not in source.line(span.line):
                yield _location(server, uri, source, span, shown)


def _model_uses(server: Server, document: Document, name: str) -> Iterator[lsp.Location]:
    for uri, source, shown in _texts(server, document):
        for span in _literals(source, name):
            if "get_model_path" in source.line(span.line) or "models:/" in source.line(span.line):
                yield _location(server, uri, source, span, shown)


# Files.


def _file_of_option(document: Document, line: int, column: int) -> list[lsp.Location]:
    """Return the file that a word of a ``%%deploy`` line names."""
    text = document.source.line(line)
    word = next((found for found in re.finditer(r"\S+", text) if found.start() <= column <= found.end()), None)
    if word is None or document.path is None:
        return []
    value = word[0].partition("=")[2] or word[0]
    return _locations(document.path.parent, value.strip("'\""))


def _file_of_key(document: Document, line: int, column: int) -> list[lsp.Location]:
    if family(document) is None or document.path is None:
        return []
    root = tree_of(document)
    for key, value in _path_values(root) if root is not None else ():
        if _touches(value.span, line, column) and isinstance(value.value, str):
            bases = [document.path.parent, *document.path.parent.parents[:2]]
            source = root.scalar("sourceDirectory") if root is not None else None
            if isinstance(source, str) and key == "entryScript":
                bases.insert(0, document.path.parent / source)
            if key == "scoring_script" and root is not None:
                code = root.get("code_configuration")
                folder = code.scalar("code") if code is not None else None
                if isinstance(folder, str):
                    bases.insert(0, document.path.parent / folder)
            for base in bases:
                found = _locations(base, value.value)
                if found:
                    return found
    return []


def _path_values(root: Node) -> Iterator[tuple[str, Node]]:
    for node in root.walk():
        for key, _, value in node.entries:
            if key in _PATH_KEYS and value.kind == "scalar":
                yield key, value


def _locations(base: Path, value: str) -> list[lsp.Location]:
    try:
        path = (base / Path(value).expanduser()).resolve()
        if path.is_file():
            return [lsp.Location(path.as_uri(), lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0)))]
    except (OSError, ValueError, RuntimeError):
        return []
    return []


def _configurations(document: Document) -> Iterator[lsp.Location]:
    """Yield the configuration files beside a script that name it."""
    if document.path is None or document.notebook is not None:
        return
    for path in _beside(document, ".json", ".yml", ".yaml"):
        text = _read(path)
        if text is None or document.path.name not in text:
            continue
        shown = Document(path.as_uri(), path.suffix[1:], 0, SourceText(text), document.encoding)
        root = tree_of(shown)
        for key, value in _path_values(root) if root is not None else ():
            if key in {"entryScript", "scoring_script"} and Path(str(value.value)).name == document.path.name:
                yield lsp.Location(shown.uri, shown.range(value.span))
