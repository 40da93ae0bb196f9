"""Execute the quickstart notebook as a user would and say what it did.

    python binder/run_quickstart.py [OUTPUT.ipynb]

Uses a workspace of its own, so that nothing of the user's is touched; leaves no process behind.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent


def shown(cell: nbformat.NotebookNode) -> str:
    """Return what a cell printed, as plain text."""
    parts = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            parts.append(output.text)
        elif output.output_type in {"display_data", "execute_result"}:
            parts.append(str(output.data.get("text/plain", "")))
        elif output.output_type == "error":
            parts.append("\n".join(output.get("traceback", [])) or output.evalue)
    return "\n".join(part.rstrip() for part in parts if part.strip())


def main() -> int:
    """Run the notebook; 0 when every cell did what it should."""
    source = HERE / "quickstart.ipynb"
    result = Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parent / "demo" / "quickstart.ipynb")
    result.parent.mkdir(parents=True, exist_ok=True)
    notebook = nbformat.read(source, as_version=4)
    with tempfile.TemporaryDirectory(prefix="mldeploy-demo-") as folder:
        os.environ["MLDEPLOY_HOME"] = str(Path(folder) / "workspace")
        client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}})
        started = time.perf_counter()
        try:
            client.execute()
        finally:
            nbformat.write(notebook, result)
        seconds = time.perf_counter() - started
    title = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            title = next((line.lstrip("# ") for line in cell.source.splitlines() if line.startswith("#")), title)
            continue
        text = shown(cell)
        print(f"\n── {title} " + "─" * max(2, 76 - len(title)))
        print("\n".join(f"   {line}" for line in text.splitlines()) or "   (no output)")
    failed = next(cell for cell in notebook.cells if cell.id == "fail")
    if not any(output.output_type == "error" for output in failed.outputs):
        print("\nThe deliberately broken cell did not fail.", file=sys.stderr)
        return 1
    print(f"\nThe quickstart ran in {seconds:.1f} s. The executed notebook: {result}")
    print("Open it yourself:")
    print(f"   {Path(sys.executable).parent / 'python'} -m pip install jupyterlab")
    print(f"   {Path(sys.executable).parent / 'jupyter'} lab {source}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
