"""Several workers of a stand-alone server: what they share (imports) and what they must divide (processor cores)."""

from __future__ import annotations

import ast
import gc
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .memory import give_back_freed_memory
from .preload import SERVER_MODULES, Preload, is_fork_safe, know_plugins
from .spec import WorkerSpec

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def available_cores() -> int:
    """Return how many cores this process may use, by affinity and by the container's quota (rounded up)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            cores = min(cores, -(-int(quota) // int(period)))
    except (OSError, ValueError):
        pass  # no such quota here
    return max(1, cores)


def divide_cores(workers: int) -> None:
    """Limit the threads of numeric libraries so that all workers together use the cores once; set variables stay."""
    share = str(max(1, available_cores() // workers))
    for name in _THREAD_VARIABLES:
        os.environ.setdefault(name, share)


def prepare_for_many(spec: Mapping[str, Any], workers: int) -> None:
    """Divide the cores, and load what the workers can share (``WORKER_PRELOAD=false``: every worker loads its own).

    Args:
        spec: as ``WorkerSpec.to_dict`` writes it.
        workers: how many there will be.

    Raises:
        SettingsError: the specification cannot be used.
    """
    divide_cores(workers)
    if os.environ.get("WORKER_PRELOAD", "true").lower() == "false":
        return
    unsafe = load_shared_imports(WorkerSpec.from_dict(spec).script_path)
    if unsafe:
        sys.stderr.write(f"mldeploy: imports are not shared between workers: {unsafe}\n")
        sys.stderr.flush()
        os.environ["WORKER_PRELOAD"] = "false"
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - the only way to be rid of what was loaded


def load_shared_imports(script: Path) -> str | None:
    """Import the server, and what a script imports from installed distributions, so that forked workers share it.

    Returns:
        None when this process may be forked now, else why it must not be: something has started a thread.
    """
    preload = Preload()
    for name in (*SERVER_MODULES, *imported_names(script)):
        if preload.wants(name):
            preload.load(name)
    know_plugins()
    gc.collect()
    give_back_freed_memory()
    gc.freeze()  # a collection in a worker would otherwise write to the pages that are shared
    return is_fork_safe() if sys.platform == "linux" else "forking a process with loaded frameworks is not safe here"


def imported_names(script: Path) -> list[str]:
    """Return the modules that a script imports, dotted, without running it; none when it cannot be read."""
    try:
        tree = ast.parse(script.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [item.name for item in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.append(node.module)
    return list(dict.fromkeys(names))
