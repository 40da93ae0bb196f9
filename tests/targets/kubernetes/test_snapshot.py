"""What is asked of the API server itself, and what may come from its memory."""

from __future__ import annotations

from jupyter_mldeploy.targets.k8s.snapshot import Snapshots
from tests.targets.kubernetes.scripted import ScriptedCluster


def test_what_was_changed_is_not_read_from_a_memory_that_lags_behind() -> None:
    now = [100.0]
    cluster, snapshots = ScriptedCluster(), Snapshots(lambda: now[0])

    def from_memory(seconds: float) -> set[bool]:
        now[0] += seconds
        cluster.cached.clear()
        snapshots.parts(cluster, "default", "uid")
        return set(cluster.cached)

    assert from_memory(0) == {True}
    snapshots.forget(cluster, "default")
    assert from_memory(0.1) == {False}
    assert from_memory(0.1) == set(), "asked a moment ago"
    assert from_memory(1) == {False}, "a memory a second old does not know of it yet"
    assert from_memory(60) == {True}
    snapshots.forget(cluster, "default")
    assert from_memory(60) == {False}, "nobody has looked since it was changed"
    assert from_memory(60) == {True}
