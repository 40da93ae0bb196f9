"""The local target passes the suite for all targets."""

from __future__ import annotations

from jupyter_mldeploy.targets.conformance import TargetConformance
from tests.patience import FACTOR


class TestLocal(TargetConformance):
    target_name = "local"
    deadline_s = 60.0 * FACTOR
