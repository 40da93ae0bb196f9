"""The real parts that some tests need: a Docker Engine, a Kubernetes cluster, a browser, Neovim, node.

A test says by a mark what it needs (``@pytest.mark.docker``). Where the part is missing, the test is skipped with the
reason; where ``MLDEPLOY_REQUIRE`` names it (``docker,kubernetes,browser``), the test fails instead.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def kubeconfig() -> Path | None:
    """Return the kubeconfig of the test cluster; a user's own cluster is never touched by tests."""
    cluster = Path(os.environ.get("K8S_TEST_DIR", "/tmp/k8s-test")) / "admin.conf"
    return cluster if cluster.is_file() else None


def chromium() -> str | None:
    """Return the path of Chromium."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def _answers(*command: str) -> bool:
    for _ in range(3):
        with suppress(subprocess.TimeoutExpired):
            if subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0:
                return True
    return False


def _docker() -> str | None:
    if shutil.which("docker") is None:
        return "there is no docker client"
    return None if _answers("docker", "info") else "no Docker Engine answers"


def _kubernetes() -> str | None:
    return None if kubeconfig() is not None else "there is no test cluster"


def _browser() -> str | None:
    return None if chromium() is not None else "there is no Chromium"


def _node() -> str | None:
    return None if shutil.which("node") and shutil.which("npm") else "there is no node with npm"


def _neovim() -> str | None:
    return None if shutil.which("nvim") is not None else "there is no Neovim"


PARTS: dict[str, Callable[[], str | None]] = {
    "docker": cache(_docker),
    "kubernetes": cache(_kubernetes),
    "browser": cache(_browser),
    "neovim": cache(_neovim),
    "node": cache(_node),
}


def required() -> set[str]:
    """Return the parts that must be here."""
    return {part.strip() for part in os.environ.get("MLDEPLOY_REQUIRE", "").split(",") if part.strip()}


def demand(item: pytest.Item) -> None:
    """Skip a test whose part is missing, or fail it where the part is required."""
    for part, missing in PARTS.items():
        if item.get_closest_marker(part) is not None and (reason := missing()) is not None:
            if part in required():
                pytest.fail(f"MLDEPLOY_REQUIRE names {part!r}, but {reason}", pytrace=False)
            pytest.skip(reason)
