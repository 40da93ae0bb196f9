"""Hover: what a parameter decodes to, a request to send, where models lie, what a finding means."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp

from jupyter_mldeploy.core.cards.snippets import curl_call
from jupyter_mldeploy.core.script.source import Span
from mldeploy_lsp.document import Document
from mldeploy_lsp.known_names import BY_NAME, KINDS, VARIABLES
from mldeploy_lsp.links import docs_link
from mldeploy_lsp.naming import name_of, named_in_cell
from mldeploy_lsp.samples import decoded, document_of

if TYPE_CHECKING:
    from jupyter_mldeploy.core.entryscript import EntryFunction
    from jupyter_mldeploy.core.sample import SchemaPreview
    from mldeploy_lsp.server import Server

_WORD = re.compile(r"\w+")
_OPTION = re.compile(r"--[\w-]+")
_LONGEST = 2_000


def register(server: Server) -> None:
    """Add the feature."""

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    async def hover(params: lsp.HoverParams) -> lsp.Hover | None:
        document = server.get(params.text_document.uri)
        if document is None or document.role == "other":
            return None
        line, column = document.point(params.position)
        parts: list[str] = []
        if document.is_python:
            parts += await _about_script(server, document, line, column)
        elif document.role == "document":
            from mldeploy_lsp.deployment_keys import about_key

            parts += about_key(document, line, column)
        parts += _about_findings(server, document, line, column)
        return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, "\n\n---\n\n".join(parts))) if parts else None


def word_at(document: Document, line: int, column: int) -> tuple[str, Span] | None:
    """Return the word that a column touches."""
    for found in _WORD.finditer(document.source.line(line)):
        if found.start() <= column <= found.end():
            return found[0], Span(line, found.start(), line, found.end())
    return None


def _about_findings(server: Server, document: Document, line: int, column: int) -> list[str]:
    from jupyter_mldeploy.core.lint.rule import RULES, STAGES

    checked = server.checker.known(document)
    parts = []
    for item in checked.found if checked else ():
        if not (item.line, item.column) <= (line, column) <= (item.end_line, item.end_column):
            continue
        rule = RULES.get(item.code)
        if rule is None:
            continue
        href = docs_link(item.code)
        title = f"[{item.code}]({href})" if href else item.code
        text = f"**{title} {rule.name}** It fails {STAGES[rule.stage]}."
        if rule.runtime:
            text += f"\n\n```text\n{rule.runtime}\n```"
        if rule.explanation:
            text += f"\n\n{rule.explanation}"
        parts.append(text)
    return parts


async def _about_script(server: Server, document: Document, line: int, column: int) -> list[str]:
    if document.magic is not None and line == document.magic_line:
        return _about_option(document, line, column)
    analysis = document.analysis
    if analysis is None:
        return []
    for reference in analysis.entry.model_references:
        if _holds(reference.span, line, column) and reference.how in {"env", "get_model_path"}:
            return [await _layout(server, document, reference.name)]
    found = word_at(document, line, column)
    if found is None:
        return []
    word, span = found
    if word in VARIABLES:
        return [f"**{word}** {VARIABLES[word]}"]
    if word in BY_NAME and not document.source.line(line).lstrip().startswith(("import", "from")):
        item = BY_NAME[word]
        return [f"**{word}** {item.help}\n\n```python\n{item.statement}\n```"]
    if not document.is_entry_script:
        return []
    run, init = analysis.entry.run, analysis.entry.init
    if init is not None and init.name_span == span:
        return ["**init()** runs once in each worker before the first request; load the model here."]
    if run is None or not _holds(run.span, line, column):
        return []
    preview = await server.samples.preview(document)
    if run.name_span == span:
        services = (await server.registry.names()).services
        return [_about_run(document, run, preview, services.get(name_of(document)))]
    if word in {item.name for item in run.parameters} and _names_parameter(document, run, word, line, column):
        return [_about_parameter(document, word, preview)]
    return []


def _holds(span: Span, line: int, column: int) -> bool:
    return (span.line, span.column) <= (line, column) <= (span.end_line, span.end_column)


def _names_parameter(document: Document, run: EntryFunction, word: str, line: int, column: int) -> bool:
    """Whether a word in ``run()`` is its parameter: in the signature, in a schema's name, or read in the body."""
    analysis = document.analysis
    if analysis is None:
        return False
    if any(item.name == word and _holds(item.span, line, column) for item in run.parameters):
        return True
    if any(item.name_span and _holds(item.name_span, line, column) for item in analysis.entry.schemas):
        return True
    scope = analysis.facts.scopes.get(analysis.run_node) if analysis.run_node is not None else None
    reads = scope.reads.get(word, ()) if scope is not None else ()
    return any(node.lineno == line and analysis.source.from_parser(line, node.col_offset) <= column for node in reads)


def _about_parameter(document: Document, name: str, preview: SchemaPreview | None) -> str:
    found = decoded(preview, name)
    if found is not None:
        text = f"**{name}** `{found.decoded}`"
        if not found.required:
            text += "\n\nThe caller may leave it out."
        return text if found.sample is None else f"{text}\n\nSample:\n\n{_json_block(found.sample)}"
    entry = document.analysis.entry if document.analysis else None
    if preview is not None and entry is not None and any(item.parameter == name for item in entry.schemas):
        reasons = " ".join(item.message for item in preview.problems)
        return f"**{name}** has a schema, but what it decodes to is not known. {reasons}"
    kind = entry.kind if entry else "unknown"
    if kind == "json":
        return f"**{name}** `str`\n\nThe request's body as text; `json.loads({name})` decodes it."
    if kind == "rawhttp":
        return f"**{name}** the HTTP request: `method`, `headers`, `args`, `get_data()`, `get_json()`."
    if kind == "batch":
        return f"**{name}** a list of file paths, or a DataFrame of rows: one mini-batch."
    return f"**{name}** a decoded JSON value."


def _about_run(document: Document, run: EntryFunction, preview: SchemaPreview | None, uri: str | None) -> str:
    entry = document.analysis.entry if document.analysis else None
    kind = entry.kind if entry else "unknown"
    parts = [f"**run({', '.join(item.name for item in run.parameters)})** {KINDS.get(kind, kind)}."]
    for problem in preview.problems if preview else ():
        title = "Importing the script fails:" if problem.certain else "A sample is not worked out:"
        parts.append(f"{title}\n\n```text\n{problem.message}\n```")
    if preview is not None and preview.request is not None:
        parts.append(f"Request:\n\n{_json_block(preview.request)}")
        if preview.output is not None:
            parts.append(f"Answer: `{preview.output.decoded}`")
        name = named_in_cell(document) or "NAME"
        call = curl_call(name, uri or "http://127.0.0.1:PORT/score", True, preview.request)
        parts.append(f"```sh\n{call}\n```")
    swagger: Any = document_of(preview)
    if swagger is not None:
        definitions = swagger.get("definitions") or swagger.get("components", {}).get("schemas", {})
        shown = {key: value for key, value in definitions.items() if key in {"ServiceInput", "ServiceOutput"}}
        parts.append(f"Swagger:\n\n{_json_block(shown)}")
    elif kind == "json":
        parts.append("Without `@input_schema` the service has no request example and no types in its Swagger document.")
    return "\n\n".join(parts)


async def _layout(server: Server, document: Document, name: str | None) -> str:
    """Say where models lie in the container."""
    from jupyter_mldeploy.core.deployargs import parse_deploy_line
    from jupyter_mldeploy.errors import InvalidInputError

    models = (await server.registry.names()).models
    if name:
        versions = [item for item in models if item.name == name]
        if not versions:
            return f"`azureml-models/{name}/<version>/` holds the model. No model **{name}** is registered here."
        known = ", ".join(str(item.version) for item in versions[:20])
        places = "\n".join(f"azureml-models/{item.name}/{item.version}/{item.root}" for item in versions[:5])
        return f"**{name}** is registered in version {known}; in the container it is\n\n```text\n{places}\n```"
    text = f"**AZUREML_MODEL_DIR** {VARIABLES['AZUREML_MODEL_DIR']}"
    try:
        given = parse_deploy_line(document.magic[1]).models if document.magic else ()
    except InvalidInputError:
        given = ()
    if not given:
        return (
            f"{text}\n\n```text\none model:      azureml-models/<name>/<version>\nseveral models: azureml-models\n```"
        )
    rows = [_place(reference, models) for reference in given]
    base = rows[0].rpartition("/")[0] if len(rows) == 1 else "azureml-models"
    listed = "\n".join(rows)
    return f"{text}\n\nIn this deployment it is `{base}`:\n\n```text\n{listed}\n```"


def _place(reference: str, models: Any) -> str:
    name, _, version = reference.partition(":")
    known = next((item for item in models if item.name == name and version in {"", str(item.version)}), None)
    if known is not None:
        return f"azureml-models/{known.name}/{known.version}/{known.root}"
    base = reference.rstrip("/").rpartition("/")[2]
    return f"azureml-models/{base[:30]}/0/{base}"


def _about_option(document: Document, line: int, column: int) -> list[str]:
    from jupyter_mldeploy.core.deployoptions import DEPLOY_OPTIONS

    for found in _OPTION.finditer(document.source.line(line)):
        if found.start() <= column <= found.end():
            option = next((item for item in DEPLOY_OPTIONS if item.flag == found[0]), None)
            if option is not None:
                metavar = f" {option.metavar}" if option.metavar else ""
                return [f"**{option.flag}{metavar}** {option.help}"]
    return []


def _json_block(value: Any) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    flat = json.dumps(value, ensure_ascii=False)
    shown = flat if len(flat) <= 100 else text
    return f"```json\n{shown if len(shown) <= _LONGEST else shown[:_LONGEST] + ' …'}\n```"
