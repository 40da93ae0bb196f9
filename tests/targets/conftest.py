"""Readable failures of the suite that lies in the package, and services on the local target."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.workspace import Workspace
from tests.patience import FACTOR
from tests.targets.local_service import ECHO

pytest.register_assert_rewrite("jupyter_mldeploy.targets.conformance")


@pytest.fixture
def own(worker_id: str) -> str:
    """What makes a name of this test's own on an engine that other runs of the tests use as well."""
    return f"{worker_id}-{os.getpid()}"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """An empty workspace; its services are deleted afterwards."""
    found = Workspace(tmp_path / "home")
    yield found
    for service in found.services():
        service.delete()


@pytest.fixture
def deploy(workspace: Workspace, tmp_path: Path) -> Callable[..., Service]:
    """Deploys a script's text on the local target; keywords are its configuration."""

    def call(text: str = ECHO, name: str = "local-svc", **config: Any) -> Service:
        path = tmp_path / "score.py"
        path.write_text(textwrap.dedent(text))
        return workspace.deploy(name, path, config=config, timeout_s=60 * FACTOR)

    return call
