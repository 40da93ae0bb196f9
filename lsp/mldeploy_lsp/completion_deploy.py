"""Completion of ``%%deploy`` lines: options, and the names that exist where a value is expected."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp

from jupyter_mldeploy.core.deployoptions import DEPLOY_OPTIONS, DeployOption
from jupyter_mldeploy.core.script.source import Span
from mldeploy_lsp.document import Document

if TYPE_CHECKING:
    from mldeploy_lsp.server import Server

_LAST = re.compile(r"\S*$")
_OPTIONS = {option.flag: option for option in DEPLOY_OPTIONS}


async def deploy_line_items(server: Server, document: Document, line: int, column: int) -> list[lsp.CompletionItem]:
    """Return what may stand at a column of a ``%%deploy`` line."""
    if document.magic is None or document.magic[0] != "deploy":
        return []
    before = document.source.line(line)[:column]
    found = _LAST.search(before)
    typed = found[0] if found else ""
    words = before[: len(before) - len(typed)].split()[1:]
    if typed.startswith("%%"):
        return []
    option = _OPTIONS.get(words[-1]) if words else None
    if option is not None and not option.is_switch:
        values = await _values(server, document, option, typed, words)
        return [
            _item(document, line, column, typed, value, text, lsp.CompletionItemKind.Value) for value, text in values
        ]
    items = [
        _item(document, line, column, typed, item.flag, item.help, lsp.CompletionItemKind.Property)
        for item in DEPLOY_OPTIONS
        if item.repeat or item.flag not in words
    ]
    if not words:
        services = (await server.registry.names()).services
        items += [
            _item(document, line, column, typed, name, "a service of the workspace", lsp.CompletionItemKind.Module)
            for name in services
        ]
    return items


def _item(
    document: Document, line: int, column: int, typed: str, text: str, help_: str, kind: lsp.CompletionItemKind
) -> lsp.CompletionItem:
    place = document.range(Span(line, column - len(typed), line, column))
    return lsp.CompletionItem(text, kind=kind, detail=help_ or None, text_edit=lsp.TextEdit(place, text))


async def _values(
    server: Server, document: Document, option: DeployOption, typed: str, words: list[str]
) -> list[tuple[str, str]]:
    names = await server.registry.names()
    folder = document.path.parent if document.path else None
    match option.completes:
        case "service":
            return [(name, "a service") for name in names.services]
        case "model":
            models = [(f"{item.name}:{item.version}", item.root) for item in names.models]
            return [
                *dict.fromkeys((item.name, "the newest version") for item in names.models),
                *models,
                *_paths(folder, typed),
            ]
        case "env":
            return [(name, "a registered environment") for name in names.environments] + list(_paths(folder, typed))
        case "object":
            cells = server.mirror.names_of_cells(document.notebook) if document.notebook else frozenset()
            return [(name, "a variable of the notebook") for name in sorted(cells) if not name.startswith("_")]
        case "target":
            return [(name, "a target") for name in await asyncio.to_thread(_targets)]
        case "file":
            return list(_paths(folder, typed))
        case "directory":
            return list(_paths(folder, typed, folders=True))
        case "setting":
            target = words[words.index("--target") + 1] if "--target" in words[:-1] else "local"
            return await asyncio.to_thread(_settings, target)
    return []


def _targets() -> list[str]:
    from jupyter_mldeploy.core.target import Targets

    return list(Targets().names())


def _settings(target: str) -> list[tuple[str, str]]:
    from jupyter_mldeploy.core.target import Targets
    from jupyter_mldeploy.errors import MldeployError

    try:
        schema: dict[str, Any] = Targets().get(target).config_type.model_json_schema()
    except MldeployError:
        return []
    return [(f"{key}=", str(facts.get("description", ""))) for key, facts in schema.get("properties", {}).items()]


def _paths(folder: Path | None, typed: str, *, folders: bool = False) -> Iterator[tuple[str, str]]:
    """Offer files and folders below the notebook's folder that begin like ``typed``."""
    if folder is None:
        return
    shown, _, start = typed.rpartition("/")
    place = folder / shown if shown else folder
    try:
        found = sorted(place.iterdir())[:500]
    except OSError:
        return
    for item in found:
        if not item.name.startswith(start) or (item.name.startswith(".") and not start.startswith(".")):
            continue
        is_folder = item.is_dir()
        if " " in item.name or (folders and not is_folder):
            continue
        yield f"{shown}/{item.name}".lstrip("/") + ("/" if is_folder else ""), "a folder" if is_folder else "a file"
