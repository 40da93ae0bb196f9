"""Commands behind the lenses: deploy to this machine, send a test request, show the Swagger document."""

from __future__ import annotations

import asyncio
import json
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lsprotocol import types as lsp

from jupyter_mldeploy.errors import InvalidInputError, MldeployError, NotFoundError
from mldeploy_lsp.document import Document
from mldeploy_lsp.lenses import explain
from mldeploy_lsp.naming import name_of
from mldeploy_lsp.samples import document_of

if TYPE_CHECKING:
    from jupyter_mldeploy.core.request import Request
    from jupyter_mldeploy.core.service import Service
    from jupyter_mldeploy.core.workspace import Workspace
    from mldeploy_lsp.server import Server

_T = TypeVar("_T")
_Report = Callable[[str, str], None]
_TEST_LIMIT_S = 60.0
_LOG_LINES = 1_000


def register(server: Server) -> None:
    """Add the commands."""

    @server.command("mldeploy.deploy")
    async def deploy(*arguments: Any) -> dict[str, Any] | None:
        document, given = _document(server, arguments)

        def work(report: _Report, cancelled: threading.Event) -> dict[str, Any]:
            workspace = server.registry.open()
            request, timeout_s = _request(server, workspace, document, given)
            outcome = workspace.deployer.deploy(request, timeout_s=timeout_s, report=report, cancelled=cancelled)
            return {
                "name": outcome.service.name,
                "scoring_uri": outcome.service.scoring_uri,
                "revision": outcome.revision.number,
                "seconds": round(outcome.seconds, 3),
            }

        name = name_of(document, given.get("name"))
        result = await _long(server, f"Deploying {name}", work)
        if result is not None:
            server.registry.forget()
            await _refresh_lenses(server)
            text = f"{result['name']} revision {result['revision']} answers at {result['scoring_uri']}"
            _show(server, f"{text} after {result['seconds']:.1f} s.", lsp.MessageType.Info)
        return result

    @server.command("mldeploy.test")
    async def test(*arguments: Any) -> dict[str, Any] | None:
        document, given = _document(server, arguments)
        name = name_of(document, given.get("name"))
        payload = given.get("payload")
        if payload is None:
            preview = await server.samples.preview(document)
            payload = preview.request if preview else None

        def work(report: _Report, _: threading.Event) -> dict[str, Any]:
            from jupyter_mldeploy.core.probe import send

            report("request", f"asking {name}")
            service = _service(server, name, "test it")
            answer = send(service, payload, timeout_s=_TEST_LIMIT_S, headers=None)
            return {
                "name": name, "status": answer.status, "body": answer.text[:65_536],
                "seconds": round(answer.seconds, 6), "explanation": list(answer.explanation),
            }  # fmt: skip

        result = await _long(server, f"Testing {name}", work)
        if result is not None:
            body = result["body"] if len(result["body"]) <= 400 else f"{result['body'][:400]} …"
            text = f"{name} answered {result['status']} in {result['seconds'] * 1000:.0f} ms: {body}"
            kind = lsp.MessageType.Info if result["status"] < 400 else lsp.MessageType.Warning
            _show(server, "\n".join([text, *result["explanation"]]), kind)
        return result

    @server.command("mldeploy.logs")
    async def show_logs(*arguments: Any) -> dict[str, Any] | None:
        document, given = _document(server, arguments)
        name = name_of(document, given.get("name"))

        def work(report: _Report, _: threading.Event) -> dict[str, Any]:
            report("logs", f"reading the logs of {name}")
            lines, _cursor = _service(server, name, "read its logs").log_lines(limit=_LOG_LINES)
            return {"name": name, "lines": [line.text for line in lines]}

        result = await _long(server, f"Logs of {name}", work)
        if result is not None and not given.get("quiet"):
            await _open_document(server, "\n".join(result["lines"]) + "\n", f"{name}.log")
        return result

    @server.command("mldeploy.swagger")
    async def show_swagger(*arguments: Any) -> dict[str, Any] | None:
        document, _ = _document(server, arguments)
        preview = await server.samples.preview(document)
        swagger = document_of(preview)
        if swagger is None:
            why = " ".join(item.message for item in preview.problems) if preview else "run() has no schema."
            _show(server, f"There is no Swagger document before the script is deployed: {why}", lsp.MessageType.Warning)
            return None
        await _open_document(server, json.dumps(swagger, indent=2), "swagger.json")
        return swagger

    @server.command("mldeploy.explainKind")
    async def explain_kind(*arguments: Any) -> str:
        document, _ = _document(server, arguments)
        text = explain(document.analysis.entry.kind if document.analysis else "unknown")
        _show(server, text, lsp.MessageType.Info)
        return text


def _document(server: Server, arguments: tuple[Any, ...]) -> tuple[Document, dict[str, Any]]:
    """Return the document that a command is about, and what else it was given."""
    given = arguments[0] if arguments and isinstance(arguments[0], dict) else {}
    document = server.get(str(given.get("uri", "")))
    if document is None:
        raise InvalidInputError(
            "The command needs the URI of an open script or cell.", field="uri", hint='Give {"uri": "file:///…"}.'
        )
    return document, given


def _service(server: Server, name: str, purpose: str) -> Service:
    try:
        return server.registry.open().service(name)
    except NotFoundError as error:
        raise NotFoundError(
            "service", name, message=f"{name} is not deployed yet.", hint=f"Deploy it first, then {purpose}."
        ) from error


def _request(server: Server, workspace: Workspace, document: Document, given: dict[str, Any]) -> tuple[Request, float]:
    """Return what to deploy: the text as it stands in the editor, saved or not."""
    from jupyter_mldeploy.core.assemble import Source
    from jupyter_mldeploy.core.deployer import DEFAULT_TIMEOUT_S
    from jupyter_mldeploy.core.records import Origin

    if document.magic is not None and document.magic[0] == "deploy":
        return _cell_request(server, workspace, document)
    script = document.path.name if document.path and document.magic is None else "score.py"
    origin = Origin(path=str(document.path)) if document.path else Origin()
    source = Source(script, document.python, origin=origin)
    request = workspace.request(
        name_of(document, given.get("name")),
        source,
        models=[str(item) for item in given.get("models", ())],
        target=str(given.get("target", "local")),
        config=given.get("config") or {},
    )
    return request, DEFAULT_TIMEOUT_S


def _cell_request(server: Server, workspace: Workspace, document: Document) -> tuple[Request, float]:
    from jupyter_mldeploy.core.assemble import Source, accompanying_files
    from jupyter_mldeploy.core.deployrequest import below, prepare
    from jupyter_mldeploy.core.notebook import DeployCell
    from jupyter_mldeploy.core.notebook_script import SCRIPT_NAME
    from jupyter_mldeploy.core.records import Origin
    from jupyter_mldeploy.core.slices.cells import Cell

    assert document.magic is not None  # noqa: S101 - asked before
    assert document.notebook is not None  # noqa: S101 - a magic belongs to a cell
    cells = [
        Cell(id=item.uri, source=item.text, execution_count=None) for item in server.mirror.cells(document.notebook)
    ]
    own = next(cell for cell in cells if cell.id == document.uri)
    others = tuple(cell for cell in cells if cell is not own)
    deployed = DeployCell(own, cells.index(own) + 1, document.magic[1], others, ())
    options = deployed.options()
    if document.path is not None:
        options = below(options, document.path.parent)
    if options.objects:
        raise InvalidInputError(
            f"The line hands over {', '.join(options.objects)} with --object, and an editor has no variables.",
            field="--object",
            hint="Run the cell in the notebook, or save the object and name its file with --model.",
        )
    found = deployed.capture(cells=options.cells, script_name=SCRIPT_NAME)
    files = accompanying_files(options.source_directory, options.include)
    files.pop(SCRIPT_NAME, None)
    source = Source(
        SCRIPT_NAME,
        found.script,
        files,
        line_map=found.line_map,
        origin=Origin(notebook=str(document.path) if document.path else None, cell_id=document.uri),
        kind="script" if options.cells else "cell",
    )
    prepared = prepare(workspace.targets, options, source)
    return prepared.request, prepared.timeout_s


async def _long(server: Server, title: str, work: Callable[[_Report, threading.Event], _T]) -> _T | None:
    """Do something in a thread, with progress that can be cancelled; None when it failed, which is shown."""
    cancelled = threading.Event()
    loop = asyncio.get_running_loop()
    token = await _begin(server, title, cancelled)

    def report(step: str, message: str) -> None:
        if token is not None:
            value = lsp.WorkDoneProgressReport(message=message or step, cancellable=True)
            loop.call_soon_threadsafe(server.work_done_progress.report, token, value)

    ended = "done"
    try:
        return await asyncio.to_thread(work, report, cancelled)
    except asyncio.CancelledError:
        cancelled.set()
        ended = "cancelled"
        raise
    except MldeployError as error:
        ended = "failed"
        hint = getattr(error, "hint", None)
        text = str(error) if not hint or hint in str(error) else f"{error} {hint}"
        _show(server, text, lsp.MessageType.Error)
        return None
    finally:
        if token is not None:
            server.work_done_progress.end(token, lsp.WorkDoneProgressEnd(message=ended))
            server.work_done_progress.tokens.pop(token, None)


async def _begin(server: Server, title: str, cancelled: threading.Event) -> str | None:
    window = server.client_capabilities.window
    if window is None or not window.work_done_progress:
        return None
    token = f"mldeploy-{uuid.uuid4()}"
    await server.work_done_progress.create_async(token)
    server.work_done_progress.begin(token, lsp.WorkDoneProgressBegin(title, cancellable=True))
    server.work_done_progress.tokens[token].add_done_callback(lambda _: cancelled.set())
    return token


async def _refresh_lenses(server: Server) -> None:
    workspace = server.client_capabilities.workspace
    if workspace is not None and workspace.code_lens is not None and workspace.code_lens.refresh_support:
        await server.workspace_code_lens_refresh_async(None)


def _show(server: Server, text: str, kind: lsp.MessageType) -> None:
    server.window_show_message(lsp.ShowMessageParams(kind, text))


async def _open_document(server: Server, text: str, name: str) -> None:
    """Show a text in the editor when it can show documents."""
    window = server.client_capabilities.window
    if window is None or window.show_document is None or not window.show_document.support:
        return
    import tempfile

    path = Path(tempfile.mkdtemp(prefix="mldeploy-")) / name
    path.write_text(text, encoding="utf-8")
    await server.window_show_document_async(lsp.ShowDocumentParams(path.as_uri(), take_focus=False))
