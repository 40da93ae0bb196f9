"""Bring one revision's pods to life: apply, watch, and recognise within seconds what will never work."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...core.postmortem import explain
from ...core.records import State
from ...core.target import Job, Progress
from ...errors import DeadlineExceededError, DeploymentError, ForbiddenError, MldeployError, TargetUnavailableError
from ..container_failure import KILLED, evidence, says_out_of_memory
from .blueprint import Blueprint
from .cluster import Cluster
from .names import OURS, REVISION, UID
from .pod_logs import collect, last_lines
from .standing import pod_events
from .trouble import Cause, Trouble, container_status, is_ready, pod_name, troubles

#: How often the pods are looked at, in seconds.
_EVERY_S = 0.4

#: Seconds that a repair gives its controller to take the pods away that were there before.
_LEAVING_S = 5.0


@dataclass(slots=True)
class _Watch:
    """What is remembered between two looks.

    Attributes:
        before: names of pods that may be on their way out, until the controller has had its time.
        seen_at: when the controller was first known to have seen what was applied.
        since: for how long each cause that does not pass by itself has been there.
    """

    before: Collection[str] = ()
    seen_at: float | None = None
    told: set[str] = field(default_factory=set)
    since: dict[Cause, float] = field(default_factory=dict)
    trouble: Trouble | None = None
    pods: Sequence[Mapping[str, Any]] = ()


def bring_up(
    cluster: Cluster, blueprint: Blueprint, job: Job, progress: Progress, before: Collection[str] = ()
) -> None:
    """Wait until all replicas of a revision that was applied take requests.

    Args:
        before: names of the revision's pods before it was applied. What is wrong with them may be just what is being
            repaired, so it counts only when they are still there a while later.

    Raises:
        DeploymentError: they will not; says why, with the log of the container that crashed.
        DeadlineExceededError: they did not in time; says what they were waiting for.
    """
    watch = _Watch(before)
    progress.step("schedule", f"waiting for {blueprint.replicas} of {blueprint.replicas} replicas to be placed")
    try:
        while True:
            with outlasting(progress):
                if _look(cluster, blueprint, progress, watch):
                    return
            if watch.trouble is not None and _hopeless(watch, blueprint):
                raise _failure(cluster, blueprint, job, watch, progress)
            progress.check()
            time.sleep(_EVERY_S)
    except DeadlineExceededError as error:
        raise _overdue(cluster, blueprint, watch, error, progress) from error


@contextlib.contextmanager
def outlasting(progress: Progress) -> Iterator[None]:
    """Go on when the API server does not answer for a while: it is asked again until the deadline."""
    try:
        yield
    except TargetUnavailableError:
        progress.check()
        time.sleep(min(1.0, progress.remaining))


def persist(progress: Progress, change: Any, *arguments: Any) -> Any:
    """Call something that changes the cluster, again and again while the API server does not answer."""
    told = False
    while True:
        try:
            return change(*arguments)
        except TargetUnavailableError as error:
            if not told:
                told = True
                progress.step("api-server", f"waiting for the API server: {error.message}")
            progress.check()
            time.sleep(0.5)


def _look(cluster: Cluster, blueprint: Blueprint, progress: Progress, watch: _Watch) -> bool:
    """Look once; return whether all replicas are ready."""
    deployment = cluster.get("Deployment", blueprint.namespace, blueprint.name)
    labels = f"{OURS},{REVISION}={blueprint.revision},{UID}={blueprint.uid}"
    watch.pods = [
        pod for pod in cluster.list("Pod", blueprint.namespace, labels=labels)
        if "deletionTimestamp" not in pod["metadata"]
    ]  # fmt: skip
    if deployment is None:
        raise DeploymentError(
            f"The Deployment {blueprint.name!r} was removed while it was rolled out.", state=State.FAILED,
            steps=progress.steps(),
        )  # fmt: skip
    status = deployment.get("status") or {}
    seen = int(status.get("observedGeneration") or 0) >= int(deployment["metadata"].get("generation") or 0)
    wanted = int(deployment["spec"].get("replicas", 1))
    if seen and min(int(status.get(key) or 0) for key in ("readyReplicas", "updatedReplicas")) >= wanted:
        return True
    _tell(blueprint, watch, progress)
    waiting = [pod for pod in watch.pods if not is_ready(pod)]
    events: dict[str, list[dict[str, Any]]] = {}
    if any(_needs_events(pod) for pod in waiting):
        with contextlib.suppress(ForbiddenError):
            events = pod_events(cluster, blueprint.namespace, waiting)
    found = troubles(deployment, _judged(waiting, watch), events) if seen else []
    watch.trouble = found[0] if found else None
    # What has passed is not held against what comes later.
    watch.since = {item.cause: watch.since.get(item.cause, time.monotonic()) for item in found if item.final}
    return False


def _judged(waiting: Sequence[Mapping[str, Any]], watch: _Watch) -> Sequence[Mapping[str, Any]]:
    """Return the pods whose troubles count: those from before the repair only when nobody takes them away."""
    watch.seen_at = watch.seen_at or time.monotonic()
    if time.monotonic() - watch.seen_at >= _LEAVING_S:
        return waiting
    return [pod for pod in waiting if pod_name(pod) not in watch.before]


def _needs_events(pod: Mapping[str, Any]) -> bool:
    container = container_status(pod)
    return (
        container is None or "running" in (container.get("state") or {}) or int(container.get("restartCount") or 0) > 0
    )


def _tell(blueprint: Blueprint, watch: _Watch, progress: Progress) -> None:
    """Report sub-steps as the first pod goes through them."""
    placed = [pod for pod in watch.pods if (pod.get("spec") or {}).get("nodeName")]
    running = [pod for pod in placed if "running" in ((container_status(pod) or {}).get("state") or {})]
    ready = sum(is_ready(pod) for pod in watch.pods)
    if placed and "pull" not in watch.told:
        watch.told.add("pull")
        progress.step("pull", f"{placed[0]['spec']['nodeName']} fetches the image and makes the container")
    if running and "init" not in watch.told:
        watch.told.add("init")
        progress.step("init", "the container runs: imports, init(), self-test")
    if ready and f"ready {ready}" not in watch.told and blueprint.replicas > 1:
        watch.told.add(f"ready {ready}")
        progress.step("ready", f"{ready} of {blueprint.replicas} replicas take requests")


def _hopeless(watch: _Watch, blueprint: Blueprint) -> bool:
    """Whether waiting does not help."""
    trouble = watch.trouble
    if trouble is None or not trouble.final:
        return False
    if trouble.cause is Cause.UNSCHEDULABLE and blueprint.config.wait_for_nodes:
        return False
    return time.monotonic() - watch.since[trouble.cause] >= trouble.patience_s


def _failure(cluster: Cluster, blueprint: Blueprint, job: Job, watch: _Watch, progress: Progress) -> DeploymentError:
    """Return the error for a revision that will not come to life, with its crashed container's own words."""
    trouble = watch.trouble
    assert trouble is not None  # noqa: S101  the caller has looked
    what = f"Revision {job.revision} of {job.service.name!r}"
    after = f" Revision {job.live_revision} goes on serving." if job.live_revision is not None else ""
    state = State.UNSCHEDULABLE if trouble.cause is Cause.UNSCHEDULABLE else State.FAILED
    lines = _log(cluster, blueprint, watch, trouble.pod)
    if trouble.cause in (Cause.CRASH, Cause.OUT_OF_MEMORY):
        # A node that hears of the end before it hears of the cause says "Error"; the server has looked for itself.
        told = trouble.exit_code == KILLED and says_out_of_memory(lines)
        seen = evidence(
            lines,
            exit_code=trouble.exit_code,
            out_of_memory=told or trouble.cause is Cause.OUT_OF_MEMORY,
            memory_limit_gb=blueprint.config.memory_gb_limit,
        )
        verdict = explain(seen)
        return DeploymentError(
            f"{what} did not start: {verdict.sentence} The pod {trouble.text}.{after}",
            hint=verdict.fix,
            state=state,
            postmortem={**verdict.to_dict(), "pod": trouble.pod, "kubernetes": trouble.cause.value},
            log_tail=seen.log_tail,
            steps=progress.steps(),
        )
    return DeploymentError(
        f"{what} did not start: {trouble.text}.{after}",
        hint=trouble.hint,
        state=state,
        postmortem={"code": trouble.cause.value, "cause": trouble.text, "fix": trouble.hint, "pod": trouble.pod},
        log_tail=evidence(lines).log_tail,
        steps=progress.steps(),
    )


def _overdue(
    cluster: Cluster, blueprint: Blueprint, watch: _Watch, error: DeadlineExceededError, progress: Progress
) -> DeadlineExceededError:
    """Say what a rollout past its deadline was waiting for."""
    trouble = watch.trouble
    pod = trouble.pod if trouble else next((pod_name(item) for item in watch.pods), "")
    if trouble is None:
        running = any("running" in ((container_status(item) or {}).get("state") or {}) for item in watch.pods)
        text = f"{pod} runs, but imports and init() are not done" if running else "its pods are not running yet"
        silent = _silent_node(cluster, watch)
        if silent:
            text = f"{pod} is placed on {silent}, which does not report any more (kubelet, network)"
    else:
        text = trouble.text
    return DeadlineExceededError(
        f"{error.message.rstrip('.')}: {text}.",
        hint=error.hint,
        state=State.UNSCHEDULABLE if trouble and trouble.cause is Cause.UNSCHEDULABLE else State.FAILED,
        log_tail=evidence(_log(cluster, blueprint, watch, pod)).log_tail,
        steps=progress.steps(),
    )


def _silent_node(cluster: Cluster, watch: _Watch) -> str:
    """Return the name of a node that has a pod and does not report, "" when there is none, or nobody lets us look."""
    for name in {str((pod.get("spec") or {}).get("nodeName") or "") for pod in watch.pods} - {""}:
        with contextlib.suppress(MldeployError):
            node = cluster.get("Node", None, name) or {}
            conditions = (node.get("status") or {}).get("conditions") or ()
            if any(item.get("type") == "Ready" and item.get("status") != "True" for item in conditions):
                return name
    return ""


def _log(cluster: Cluster, blueprint: Blueprint, watch: _Watch, name: str) -> list[str]:
    pod = next((item for item in watch.pods if pod_name(item) == name), None)
    if pod is None:
        return []
    try:
        return last_lines(cluster, blueprint.namespace, pod)
    except MldeployError:
        return []


def keep_logs(cluster: Cluster, namespace: str, job: Job, pods: Sequence[Mapping[str, Any]]) -> None:
    """Copy the pods' logs before they go; a cluster that does not answer costs their last lines, nothing else.

    So does a disk that is full.
    """
    with contextlib.suppress(MldeployError, OSError):
        collect(cluster, namespace, job.service, pods)
