"""How many replicas a load needs: v1's formula, with its own example."""

from __future__ import annotations

import pytest

from jupyter_mldeploy.core.config import DeploymentConfig
from jupyter_mldeploy.core.sizing import read_time, replicas_for, size
from jupyter_mldeploy.errors import InvalidInputError
from jupyter_mldeploy.targets.k8s.config import KubernetesConfig


def test_v1_s_example() -> None:
    # 20 requests a second of 10 s each are 200 at once; at 70 % busy replicas with one request each, 286.
    assert replicas_for(20, 10, utilization=0.7, per_replica=1) == 286


@pytest.mark.parametrize(("rps", "latency", "replicas"), [(0.001, 0.001, 1), (7, 0.1, 1), (7.1, 0.1, 2), (14, 0.1, 2)])
def test_it_rounds_up_and_never_to_nothing(rps: float, latency: float, replicas: int) -> None:
    assert replicas_for(rps, latency, utilization=0.7, per_replica=1) == replicas


def test_the_configuration_says_what_one_replica_does() -> None:
    config = KubernetesConfig(replica_max_concurrent_requests=4, workers=2, autoscale_target_utilization=50)
    found = size(config, 100, 0.2)
    assert (found.per_replica, found.utilization, found.replicas) == (8, 0.5, 5)
    assert (
        str(found) == "100 requests/s of 200 ms each are 20 at once: 5 replicas at 50% utilisation, 8 at once in each"
    )
    assert size(DeploymentConfig(), 7, 0.1).replicas == 1


@pytest.mark.parametrize(("text", "seconds"), [("80ms", 0.08), ("1.5s", 1.5), ("2", 2.0), (" 3 s ", 3.0)])
def test_times(text: str, seconds: float) -> None:
    assert read_time(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "ms", "-1s", "1m", "1.2.3", "nan"])
def test_no_times(text: str) -> None:
    with pytest.raises(InvalidInputError, match="is no time"):
        read_time(text)


@pytest.mark.parametrize(("rps", "latency"), [(0, 1), (-1, 1), (1, 0), (float("inf"), 1)])
def test_no_loads(rps: float, latency: float) -> None:
    with pytest.raises(InvalidInputError, match="must be above 0"):
        size(DeploymentConfig(), rps, latency)
