"""How long tests wait: ``MLDEPLOY_TEST_PATIENCE`` times as long as on a machine that has nothing else to do."""

from __future__ import annotations

import os
from typing import Any

import pytest
from traitlets.config import Config

FACTOR = max(1.0, float(os.environ.get("MLDEPLOY_TEST_PATIENCE", "1")))

#: Seconds of a test that waits for others: for an engine that all keep busy, for one that has the cluster to itself.
#: And of one that waits for several things in turn, the first time for JupyterLab and the browser as well.
_LONG = {"docker": 400.0, "kubernetes": 400.0, "browser": 300.0}
_SECONDS = 120.0


#: How notebooks are run: by sockets in the file system, as a kernel's ports are chosen long before it binds them,
#: and may be somebody else's by then. And as long as the machine needs.
NOTEBOOK: dict[str, Any] = {
    "timeout": round(240 * FACTOR),
    "startup_timeout": round(60 * FACTOR),
    "iopub_timeout": round(60 * FACTOR),
    "config": Config({"KernelManager": {"transport": "ipc"}}),
}


def limit(item: pytest.Item) -> float:
    """Return the seconds after which a test is ended: its own mark's if that is longer, times the factor.

    The limit is there to end what hangs. A test that waits for something says itself, before it, what it waited for.
    """
    marked = item.get_closest_marker("timeout")
    own = float(marked.args[0]) if marked is not None and marked.args else 0.0
    long = (seconds for name, seconds in _LONG.items() if not own and item.get_closest_marker(name))
    return max(_SECONDS, own, *long) * FACTOR
