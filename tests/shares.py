"""Which worker runs which tests, and in which order, when several share them (pytest-xdist).

Tests in a cluster and in a browser wait more than they compute. Each of these folders is one worker's share from the
start, beside which the others compute; so there is one JupyterLab and one Chromium, and tests that need the whole
cluster wait for nobody. The rest goes file by file, what takes long first, so that no worker is left alone at the end.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

#: Folders that one worker runs as a whole, the longest first.
TOGETHER = ("tests/targets/kubernetes/", "tests/ui/")
#: What comes next, each file for itself; the others follow as they were collected.
EARLY = (
    "tests/core/test_storage_crash.py",
    "tests/scoring/test_soak.py",
    "tests/scoring/test_supervisor_swap.py",
    "tests/schema/test_fast_paths.py",
    "tests/lsp/",
    "tests/targets/",
    "tests/core/test_profile.py",
    "tests/cli/",
    "tests/test_",
    "tests/server/",
    "tests/scoring/",
)


def share(nodeid: str) -> str:
    """Return the name of the share that a test belongs to: a folder's or its file's."""
    return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid.partition("::")[0])


def turn(nodeid: str) -> int:
    """Return a test's place in line."""
    order = (*TOGETHER, *EARLY)
    return next((place for place, start in enumerate(order) if nodeid.startswith(start)), len(order))


class Shares(LoadScopeScheduling):
    """Gives each worker that has nothing left to do the next share."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return share(nodeid)
