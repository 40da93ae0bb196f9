"""Debian's Neovim, without a screen: a client that nobody wrote for this server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lsp.scripts import MISSING_GLOBAL
from tests.patience import FACTOR

NVIM = shutil.which("nvim")
#: Milliseconds for each of the three things that the editor waits for, and seconds for all of them.
WAIT = int(45_000 * FACTOR)
LIMIT_S = 160.0
pytestmark = [pytest.mark.neovim, pytest.mark.timeout(LIMIT_S + 20)]

SCRIPT = """
local out, python, file = vim.env.OUT, vim.env.PYTHON, vim.env.FILE
local patience = tonumber(vim.env.WAIT)
local result = {}
local done, reason = pcall(function()
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
  result.opened = vim.wait(patience, function() return has('MLD301') end, 20)
  result.first = codes()
  local line = vim.diagnostic.get(0)[1].lnum
  local params = { textDocument = vim.lsp.util.make_text_document_params(), context = { diagnostics = {} },
    range = { start = { line = 0, character = 0 }, ['end'] = { line = 99, character = 0 } } }
  local answers = vim.lsp.buf_request_sync(0, 'textDocument/codeAction', params, patience)
  for _, action in ipairs(answers[client].result) do
    if action.kind == 'source.fixAll.mldeploy' then
      vim.lsp.util.apply_workspace_edit(action.edit, 'utf-16')
    end
  end
  result.text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\\n')
  result.fixed = vim.wait(patience, function() return not has('MLD301') end, 20)
  vim.lsp.stop_client(client)
end)
if not done then result.reason = tostring(reason) end
local handle = io.open(out, 'w')
handle:write(vim.json and vim.json.encode(result) or vim.fn.json_encode(result))
handle:close()
vim.cmd('qall!')
"""


def test_findings_show_and_fixes_apply(tmp_path: Path) -> None:
    assert NVIM is not None
    script, out, file = tmp_path / "drive.lua", tmp_path / "out.json", tmp_path / "score.py"
    script.write_text(SCRIPT)
    file.write_text("# 😀 \u2028 form feed \x0c here\n" + MISSING_GLOBAL)
    environment = {
        **os.environ, "OUT": str(out), "PYTHON": sys.executable, "FILE": str(file), "HOME": str(tmp_path),
        "WAIT": str(WAIT),
    }  # fmt: skip
    subprocess.run(
        [NVIM, "--headless", "--clean", "-c", f"luafile {script}"],
        env=environment,
        cwd=tmp_path,
        timeout=LIMIT_S * FACTOR,
        check=True,
        capture_output=True,
    )
    result = json.loads(out.read_text())
    assert "reason" not in result, result
    assert result["opened"], result
    assert result["fixed"], result
    assert "def init():\n    global model\n" in result["text"]
