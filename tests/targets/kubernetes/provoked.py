"""Ways to fail once everything is applied: provoked by the tests for what is said, by the benchmark for how soon."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from jupyter_mldeploy.errors import DeploymentError
from jupyter_mldeploy.targets.k8s.cluster import Cluster
from tests.patience import FACTOR

ECHO = "def init():\n    print('ready to echo')\n\n\ndef run(data):\n    return data\n"

#: What the cluster does, from when everything is applied.
CLUSTER_STEPS = ("schedule", "pull", "init", "ready")


@dataclass(frozen=True)
class Failure:
    """A script and a configuration that cannot run.

    Attributes:
        words: pattern of what must be said.
    """

    words: str
    text: str = ECHO
    config: dict[str, Any] = field(default_factory=dict)


NO_IMAGE = Failure(
    r"cannot pull the image 127\.0\.0\.1:9/none:1: .*ImagePull",
    config={"image": "127.0.0.1:9/none:1", "registry": None, "load_command": None},
)
CRASH = Failure(
    r"KeyError: 'absent'.*score\.py line 3.*exit code 3",
    "def init():\n    weights = {}\n    return weights['absent']\n\n\ndef run(data):\n    return data\n",
)
NO_MEMORY = Failure(
    r"memory limit of 0\.15 GB",
    "def init():\n    global kept\n    kept = b'x' * (400 * 2**20)\n\n\ndef run(data):\n    return data\n",
    {"memory_gb_limit": 0.15},
)
#: A quota that only the cluster knows how to count.
QUOTA = {"hard": {"pods": "0"}, "scopes": ["NotBestEffort"]}
NO_QUOTA = Failure(r"no pod can be made: the quota 'tight' allows pods=0")


def set_quota(cluster: Cluster, namespace: str, **spec: Any) -> None:
    """Give a namespace the quota ``tight``, and wait until the cluster counts for it."""
    body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "tight"}, "spec": spec}
    cluster.create("ResourceQuota", namespace, body)
    deadline = time.monotonic() + 60 * FACTOR
    while not ((cluster.get("ResourceQuota", namespace, "tight") or {}).get("status") or {}).get("hard"):
        assert time.monotonic() < deadline, "the cluster does not count for the quota"
        time.sleep(0.1)


def seconds_until_recognised(error: DeploymentError) -> float:
    """Return how long it took from when everything was applied until the failure was told."""
    return sum(item["seconds"] for item in error.details["steps"] if item["step"] in CLUSTER_STEPS)
