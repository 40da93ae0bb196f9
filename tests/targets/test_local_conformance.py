"""The local target passes the suite for all targets."""

from __future__ import annotations

from jupyter_mldeploy.targets.conformance import TargetConformance


class TestLocal(TargetConformance):
    target_name = "local"
    deadline_s = 60.0
