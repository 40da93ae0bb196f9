"""The Kubernetes target does what every target must, on a real cluster."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_mldeploy.targets import conformance
from jupyter_mldeploy.targets.conformance import TargetConformance

pytestmark = [pytest.mark.kubernetes, pytest.mark.docker]


class TestKubernetes(TargetConformance):
    target_name = "kubernetes"

    @pytest.fixture(autouse=True)
    def _in_a_namespace(self, base: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(type(self), "config", base)
        # Images are named for their service, and another target's suite removes its own while this one pushes.
        monkeypatch.setattr(conformance, "NAME", "kube-conformance")
