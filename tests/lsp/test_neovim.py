"""Debian's Neovim, without a screen: a client that nobody wrote for this server."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lsp.scripts import MISSING_GLOBAL

NVIM = shutil.which("nvim")
pytestmark = pytest.mark.neovim

SCRIPT = """
local out, python, file = vim.env.OUT, vim.env.PYTHON, vim.env.FILE
vim.cmd('edit ' .. file)
local client = vim.lsp.start_client({ name = 'mldeploy', cmd = { python, '-m', 'mldeploy_lsp' },
  root_dir = vim.fn.getcwd() })
vim.lsp.buf_attach_client(0, client)
local function codes()
  local found = {}
  for _, item in ipairs(vim.diagnostic.get(0)) do table.insert(found, item.code) end
  return found
end
local function has(code)
  return vim.tbl_contains(codes(), code)
end
local result = {}
result.opened = vim.wait(45000, function() return has('MLD301') end, 20)
result.first = codes()
local line = vim.diagnostic.get(0)[1].lnum
local params = { textDocument = vim.lsp.util.make_text_document_params(), context = { diagnostics = {} },
  range = { start = { line = 0, character = 0 }, ['end'] = { line = 99, character = 0 } } }
local answers = vim.lsp.buf_request_sync(0, 'textDocument/codeAction', params, 45000)
for _, action in ipairs(answers[client].result) do
  if action.kind == 'source.fixAll.mldeploy' then
    vim.lsp.util.apply_workspace_edit(action.edit, 'utf-16')
  end
end
result.text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\\n')
result.fixed = vim.wait(45000, function() return not has('MLD301') end, 20)
local handle = io.open(out, 'w')
handle:write(vim.json and vim.json.encode(result) or vim.fn.json_encode(result))
handle:close()
vim.lsp.stop_client(client)
vim.cmd('qall!')
"""


def test_findings_show_and_fixes_apply(tmp_path: Path) -> None:
    assert NVIM is not None
    script, out, file = tmp_path / "drive.lua", tmp_path / "out.json", tmp_path / "score.py"
    script.write_text(SCRIPT)
    file.write_text("# 😀 \u2028 form feed \x0c here\n" + MISSING_GLOBAL)
    import os

    environment = {**os.environ, "OUT": str(out), "PYTHON": sys.executable, "FILE": str(file), "HOME": str(tmp_path)}
    subprocess.run(
        [NVIM, "--headless", "--clean", "-c", f"luafile {script}"],
        env=environment,
        cwd=tmp_path,
        timeout=110,
        check=True,
        capture_output=True,
    )
    result = json.loads(out.read_text())
    assert result["opened"], result
    assert result["fixed"], result
    assert "def init():\n    global model\n" in result["text"]
