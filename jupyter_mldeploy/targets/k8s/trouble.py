"""Why pods do not run: from what Kubernetes says of them to one sentence each. Pure functions of API objects."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .names import CONTAINER

#: What the scoring server ends with when the entry script cannot be started.
EXIT_SCRIPT = 3

#: Seconds after which what may pass by itself counts as final: a registry that restarts, a scheduler or a quota whose
#: figures are a moment old.
_REGISTRY_PATIENCE_S = 4.0
_SCHEDULER_PATIENCE_S = 3.0
_QUOTA_PATIENCE_S = 2.0
#: A node that does not report may be restarting.
_NODE_PATIENCE_S = 60.0
_SILENT = re.compile(r"node\.kubernetes\.io/(unreachable|not-ready)|are not ready")

_PULL = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}
_PULL |= {"RegistryUnavailable"}
_REFUSED = re.compile(r"not found|denied|unauthorized|forbidden|invalid|does not exist", re.IGNORECASE)
_SETUP = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}


class Cause(enum.StrEnum):
    """What kind of trouble it is."""

    UNSCHEDULABLE = "Unschedulable"
    IMAGE = "ImagePullBackOff"
    CRASH = "CrashLoopBackOff"
    OUT_OF_MEMORY = "OOMKilled"
    PROBE = "ProbeFailed"
    SETUP = "ContainerSetup"
    QUOTA = "QuotaExceeded"
    FORBIDDEN = "Forbidden"
    EVICTED = "Evicted"
    NODE = "NodeLost"
    DEADLINE = "ProgressDeadlineExceeded"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One reason why a replica does not answer.

    Attributes:
        text: one clause for people, without a full stop.
        hint: what to do.
        final: waiting does not help; a deployment gives up once it has lasted ``patience_s`` seconds.
        pod: name of the pod; "" when no pod could be made.
        restarts: how often its container was started again.
        exit_code: of the container that ended last.
    """

    cause: Cause
    text: str
    hint: str
    final: bool = False
    pod: str = ""
    restarts: int = 0
    exit_code: int | None = None
    patience_s: float = 0.0


def troubles(
    deployment: Mapping[str, Any] | None,
    pods: Iterable[Mapping[str, Any]],
    events: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> list[Trouble]:
    """Return why a revision's replicas do not all run, the most telling first.

    Args:
        events: the pods' events by pod name, where they were fetched; they tell how a probe failed.
    """
    found = [trouble for pod in pods if (trouble := pod_trouble(pod, (events or {}).get(pod_name(pod), ())))]
    found.sort(key=lambda item: not item.final)
    if deployment is not None:
        found = [*_deployment_troubles(deployment), *found]
    return found


def pod_trouble(pod: Mapping[str, Any], events: Sequence[Mapping[str, Any]] = ()) -> Trouble | None:
    """Return why a pod does not run, None when it does or is on its way."""
    status = pod.get("status") or {}
    name = pod_name(pod)
    if status.get("phase") == "Failed" and status.get("reason"):
        text = f"{name} was {status['reason'].lower()}: {_line(status.get('message'))}"
        return Trouble(Cause.EVICTED, text, "Ask for what it needs (memory_gb, cpu_cores), or free a node.", pod=name)
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return _unschedulable(name, condition)
    container = container_status(pod)
    if container is None:
        return _lost_volume(name, events)
    return _container_trouble(name, pod, container, events)


def container_status(pod: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the status of the scoring container, None before it was made."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return next((item for item in statuses if item.get("name") == CONTAINER), None)


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether a pod takes requests."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any(item.get("type") == "Ready" and item.get("status") == "True" for item in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def pod_name(pod: Mapping[str, Any]) -> str:
    """Return a pod's name."""
    return str(pod["metadata"]["name"])


def _container_trouble(
    name: str, pod: Mapping[str, Any], container: Mapping[str, Any], events: Sequence[Mapping[str, Any]]
) -> Trouble | None:
    state = container.get("state") or {}
    waiting = state.get("waiting") or {}
    reason = str(waiting.get("reason") or "")
    image = str(container.get("image") or "")
    if reason in _PULL:
        text = f"{name} cannot pull the image {image}: {_line(waiting.get('message'))} ({reason})"
        hint = "Check the image's name, the registry's address and its login (registry_username, image_pull_secret)."
        # A registry that does not answer may be restarting; one that says no means it.
        patience = 0.0 if _REFUSED.search(text) or reason == "ImagePullBackOff" else _REGISTRY_PATIENCE_S
        return Trouble(Cause.IMAGE, text, hint, final=True, pod=name, patience_s=patience)
    if reason in _SETUP:
        text = f"{name} cannot be set up: {_line(waiting.get('message'))} ({reason})"
        return Trouble(Cause.SETUP, text, "The message names what is missing.", final=True, pod=name)
    ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated")
    if ended and not container.get("ready"):
        return _crash(name, container, ended, waiting, events)
    if not container.get("ready") and "running" in state:
        return _unanswered(name, pod, container, events)
    if container.get("ready") and not is_ready(pod) and "deletionTimestamp" not in pod["metadata"]:
        node = str((pod.get("spec") or {}).get("nodeName") or "its node")
        text = f"{name} runs on {node}, which does not report any more"
        return Trouble(Cause.NODE, text, "Look at the node (kubelet, network).", pod=name)
    return None


def _crash(
    name: str,
    container: Mapping[str, Any],
    ended: Mapping[str, Any],
    waiting: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
) -> Trouble:
    restarts = int(container.get("restartCount") or 0)
    code = int(ended.get("exitCode") or 0)
    again = f", {restarts} {'time' if restarts == 1 else 'times'} so far" if restarts else ""
    if ended.get("reason") == "OOMKilled":
        hint = "Raise memory_gb_limit, use a smaller model, or fewer workers."
        text = f"{name} ran out of memory and was killed (OOMKilled{again})"
        return Trouble(Cause.OUT_OF_MEMORY, text, hint, final=True, pod=name, restarts=restarts, exit_code=code)
    killed = [item for item in events if item.get("reason") == "Killing" and "probe" in str(item.get("message"))]
    if killed and code != EXIT_SCRIPT:  # events stay for an hour; the last end counts
        text = f"{name} was restarted: {_line(killed[-1].get('message'))}{again}"
        hint = "Give it more time: startup_seconds, timeout_seconds, failure_threshold."
        return Trouble(Cause.PROBE, text, hint, pod=name, restarts=restarts, exit_code=code)
    # An orderly end before the one that runs now may be a probe's doing: its event is lost when there are many.
    runs = "running" in (container.get("state") or {})
    looping = waiting.get("reason") == "CrashLoopBackOff" or restarts > 1
    final = code != 0 or (looping and not runs)
    text = f"{name} ended with exit code {code}{again}{' (CrashLoopBackOff)' if looping else ''}"
    return Trouble(Cause.CRASH, text, "Its log says why.", final=final, pod=name, restarts=restarts, exit_code=code)


def _unanswered(
    name: str, pod: Mapping[str, Any], container: Mapping[str, Any], events: Sequence[Mapping[str, Any]]
) -> Trouble | None:
    probes = [item for item in events if item.get("reason") == "Unhealthy"]
    if container.get("started"):  # what was said while it started is past
        probes = [item for item in probes if not str(item.get("message")).startswith("Startup")]
    if not probes and not _was_ready(pod, container):
        return None
    # A node tells about two dozen events of a pod, then one in five minutes: those of a slow start may have been all.
    message = _line(probes[-1].get("message")) if probes else "Readiness probe failed"
    if "connection refused" in message and message.startswith("Startup"):
        text = f"{name} does not listen yet: imports and init() still run"
    else:
        text = f"{name} does not answer: {message}"
    return Trouble(Cause.PROBE, text, "Its log says what it is doing.", pod=name)


def _was_ready(pod: Mapping[str, Any], container: Mapping[str, Any]) -> bool:
    """Whether a running container that is not ready was ready before. Both times are the node's, in whole seconds."""
    since = str(((container.get("state") or {}).get("running") or {}).get("startedAt") or "")
    conditions = (pod.get("status") or {}).get("conditions") or ()
    changed = next((item.get("lastTransitionTime") for item in conditions if item.get("type") == "Ready"), None)
    return bool(container.get("started") and since and str(changed or "") > since)


def _lost_volume(name: str, events: Sequence[Mapping[str, Any]]) -> Trouble | None:
    for event in reversed(events):
        if event.get("reason") in {"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"}:
            text = f"{name} cannot be set up: {_line(event.get('message'))} ({event['reason']})"
            return Trouble(Cause.SETUP, text, "The message names what is missing.", pod=name)
    return None


def _unschedulable(name: str, condition: Mapping[str, Any]) -> Trouble:
    message = _line(condition.get("message"))
    return Trouble(
        Cause.UNSCHEDULABLE,
        f"no node takes {name}: {shortage(message)}",
        "Ask for less (cpu_cores, memory_gb, num_replicas), free something, or add a node.",
        final=True,
        pod=name,
        patience_s=_NODE_PATIENCE_S if _SILENT.search(message) else _SCHEDULER_PATIENCE_S,
    )


def shortage(message: str) -> str:
    """Say what the scheduler's message means.

    >>> shortage("0/3 nodes are available: 2 Insufficient memory, 1 node(s) were unschedulable.")
    'memory is short on 2 of 3 nodes, 1 of 3 nodes is closed for new pods (cordoned)'
    """
    match = re.match(r"0/(\d+) nodes are available: (.*)", message)
    if match is None:
        return message.rstrip(".")
    total, rest = match.groups()
    rest = rest.split(" preemption:")[0].rstrip(". ")
    # Commas also stand inside of "had taint {…}, that the pod didn't tolerate".
    parts = re.split(r", (?=\d+ )", rest)
    return ", ".join(_shortage_of(part, total) for part in parts)


def _shortage_of(part: str, total: str) -> str:
    short = re.fullmatch(r"(\d+) Insufficient (\S+)", part)
    if short:
        return f"{short[2]} is short on {short[1]} of {total} nodes"
    closed = re.fullmatch(r"(\d+) node\(s\) were unschedulable", part)
    if closed:
        return f"{closed[1]} of {total} nodes {'is' if closed[1] == '1' else 'are'} closed for new pods (cordoned)"
    other = re.fullmatch(r"(\d+) node\(s\) (.*)", part)
    if other and _SILENT.search(part):
        return (
            f"{other[1]} of {total} nodes {'does' if other[1] == '1' else 'do'} not report any more (kubelet, network)"
        )
    return f"{other[1]} of {total} nodes {other[2]}" if other else part


def _deployment_troubles(deployment: Mapping[str, Any]) -> list[Trouble]:
    found = []
    for condition in (deployment.get("status") or {}).get("conditions") or ():
        message = _line(condition.get("message"))
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            quota = "exceeded quota" in message
            hint = (
                "Ask for less, delete something in the namespace, or have the quota raised."
                if quota
                else "The message names the rule that stands in the way."
            )
            cause = Cause.QUOTA if quota else Cause.FORBIDDEN
            text = f"no pod can be made: {_quota(message)}"
            found.append(Trouble(cause, text, hint, final=True, patience_s=_QUOTA_PATIENCE_S))
        if condition.get("reason") == "ProgressDeadlineExceeded":
            text = f"the rollout went past the cluster's deadline: {message}"
            found.append(Trouble(Cause.DEADLINE, text, "Its pods say why."))
    return found


def _quota(message: str) -> str:
    match = re.search(r"exceeded quota: ([^,]+), requested: (.+), used: (.+), limited: (.+)", message)
    if match is None:
        return re.sub(r'^pods "[^"]*" is ', "", message)
    name, requested, used, limited = match.groups()
    return f"the quota {name!r} allows {limited}, used are {used}, and {requested} more is asked for"


def _line(text: object) -> str:
    """Return a message on one line, without its last full stop."""
    return " ".join(str(text or "no reason given").split()).rstrip(".")
