"""The Docker target passes the suite for all targets."""

from __future__ import annotations

import pytest

from jupyter_mldeploy.targets.conformance import TargetConformance

pytestmark = pytest.mark.docker


class TestDocker(TargetConformance):
    target_name = "docker"
    deadline_s = 100.0
