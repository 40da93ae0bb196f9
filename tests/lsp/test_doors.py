"""How the server is reached: TCP, WebSocket, the console script, jupyter-lsp, python-lsp-server."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from tests.lsp.editor import PATIENCE_S, Editor, codes, make_client
from tests.lsp.scripts import MISSING_GLOBAL
from tests.ports import free_port


async def listening(door: str) -> tuple[int, asyncio.subprocess.Process]:
    """Start a server on a port that was free a moment ago."""
    port = free_port()
    return port, await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mldeploy_lsp", f"--{door}", "--port", str(port), stderr=asyncio.subprocess.DEVNULL
    )


@pytest.mark.asyncio
@pytest.mark.parametrize("door", ["tcp", "ws"])
async def test_the_server_answers_over_a_socket(tmp_path: Path, door: str) -> None:
    port, process = await listening(door)
    try:
        client = make_client()
        editor = Editor(client)
        editor._listen()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if process.returncode is not None:  # another process took the port in between
                    port, process = await listening(door)
                try:
                    if door == "tcp":
                        await client.start_tcp("127.0.0.1", port)
                    else:
                        await client.start_ws("127.0.0.1", port)
                    break
                except OSError:
                    await asyncio.sleep(0.05)
        await editor.greet(tmp_path)
        uri = editor.open("file:///project/score.py", MISSING_GLOBAL)
        assert "MLD301" in codes(await editor.diagnostics(uri))
        await client.shutdown_async(None)
        client.exit(None)
        async with asyncio.timeout(PATIENCE_S):
            await process.wait()
        await client.stop()
        if door == "tcp":  # pygls leaves this end open
            client.protocol.writer.close()
            await client.protocol.writer.wait_closed()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_the_version_is_printed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mldeploy_lsp", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("mldeploy-lsp ")


def test_the_server_process_loads_neither_numpy_nor_pandas() -> None:
    code = (
        "import sys; from mldeploy_lsp.server import Server; Server(); "
        "import jupyter_mldeploy.core.lint.families, jupyter_mldeploy.core.lint.documents; "
        "print([name for name in ('numpy', 'pandas', 'pydantic', 'IPython', 'tornado') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_jupyter_lsp_accepts_the_specification() -> None:
    schema_module = pytest.importorskip("jupyter_lsp.schema")
    found = [item for item in entry_points(group="jupyter_lsp_spec_v1") if item.name == "mldeploy-lsp"]
    assert len(found) == 1
    specs = found[0].load()(None)
    schema_module.LANGUAGE_SERVER_SPEC_MAP.validate(specs)
    languages = [language for item in specs.values() for language in item["languages"]]
    assert languages == ["mldeploy-entry-script"]


def test_python_lsp_server_gets_findings_and_fixes() -> None:
    pytest.importorskip("pylsp")
    server = PylspSession()
    try:
        uri = "file:///project/score.py"
        server.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        item = {"uri": uri, "languageId": "python", "version": 1, "text": MISSING_GLOBAL}
        server.tell("textDocument/didOpen", {"textDocument": item})
        while True:
            message = server.read()
            if message.get("method") == "textDocument/publishDiagnostics":
                found = [
                    entry["code"] for entry in message["params"]["diagnostics"] if entry.get("source") == "mldeploy"
                ]
                break
        assert "MLD301" in found
        everywhere = {"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}}
        actions = server.ask(
            "textDocument/codeAction",
            {"textDocument": {"uri": uri}, "range": everywhere, "context": {"diagnostics": []}},
        )
        assert any("    global model" in json.dumps(action) for action in actions)
    finally:
        server.close()


class PylspSession:
    """A conversation with python-lsp-server, which pygls' client would need two more capabilities for."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pylsp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._count = 0

    def tell(self, method: str, params: Any, **more: Any) -> None:
        assert self._process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def ask(self, method: str, params: Any) -> Any:
        self._count += 1
        self.tell(method, params, id=self._count)
        while True:
            message = self.read()
            if message.get("id") == self._count and "method" not in message:
                return message["result"]

    def read(self) -> Any:
        assert self._process.stdout is not None
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return json.loads(self._process.stdout.read(length))

    def close(self) -> None:
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()
