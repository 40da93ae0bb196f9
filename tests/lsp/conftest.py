"""A server of its own for each test that asks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.lsp.editor import Editor

pytest.importorskip("pygls")

StartEditor = Callable[..., Awaitable[Editor]]


@pytest_asyncio.fixture
async def start_editor(tmp_path: Path) -> AsyncIterator[StartEditor]:
    """Start editors, each with its own server; all are stopped in the end."""
    editors: list[Editor] = []

    async def start(**settings: Any) -> Editor:
        settings.setdefault("env", _environment(tmp_path))
        editor = await Editor.start(tmp_path, **settings)
        editors.append(editor)
        return editor

    yield start
    for editor in editors:
        await editor.stop()


@pytest_asyncio.fixture
async def editor(start_editor: StartEditor) -> Editor:
    """An editor whose server pushes findings."""
    return await start_editor()


@pytest_asyncio.fixture
async def pulling(start_editor: StartEditor) -> Editor:
    """An editor that pulls findings."""
    return await start_editor(pull=True)


def _environment(folder: Path) -> dict[str, str]:
    import os

    return {**os.environ, "MLDEPLOY_HOME": str(folder / "workspace")}
