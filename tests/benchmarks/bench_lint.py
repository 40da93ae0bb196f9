"""``mldeploy lint`` over a folder of 800 scripts, beside ``ruff check`` over the same folder in the same run."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.core.lint.realistic import SCRIPTS

COUNT = 800


def measure() -> Iterator[tuple[str, str, str]]:
    """Yield (what, figure, goal)."""
    texts = [text for text, _ in SCRIPTS.values()]
    with tempfile.TemporaryDirectory() as name:
        for number in range(COUNT):
            folder = Path(name) / f"project{number}"
            folder.mkdir()
            (folder / "score.py").write_text(f"# {number}\n" + texts[number % len(texts)], encoding="utf-8")
        bin_ = Path(sys.executable).parent
        ours = _seconds([str(bin_ / "mldeploy"), "lint", name])
        ruff = shutil.which("ruff", path=str(bin_))
        ratio = f"; {ours / _seconds([ruff, 'check', '--no-cache', name]):.1f}x ruff" if ruff else ""
        yield (
            f"mldeploy lint, a folder of {COUNT} scripts, with the start of the process",
            f"{ours:.2f} s{ratio}",
            "<= 5 s",
        )


def _seconds(command: list[str]) -> float:
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run(command, capture_output=True, check=False)
        best = min(best, time.perf_counter() - started)
    return best
