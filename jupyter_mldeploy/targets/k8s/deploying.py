"""One deployment from its first look at the cluster to the swap, and what is left when it fails.

The Service's selector names the live revision. Everything before it is changed touches nothing that serves: a revision
that does not come to life is taken away again, and callers notice nothing. Changing it is the swap; what comes after is
tidying up, and is done by the next deployment where this one dies.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...core.target import Job, Progress, ServiceRef
from ...errors import DeadlineExceededError, MldeployError, NotFoundError
from . import dividing, manifests
from .access import wait_until_it_answers, wait_until_led_there
from .blueprint import Blueprint
from .cluster import Cluster
from .drafting import config_of, draft, place_of, refuse_foreign, set_given_keys
from .keys import touch
from .kinds import EXTENSIONS, KINDS, OWNED
from .manifests import Manifest, identities, to_yaml
from .names import IMAGE_DIGEST, MANAGED_BY, MANAGER, REPLICAS, labels_of, service_query
from .place import Place
from .pod_logs import collect
from .rolling import bring_up, keep_logs, persist
from .secrets import blanked
from .snapshot import Parts, read_parts, revision_of
from .supply import Supplied, supply
from .trouble import is_ready, pod_name

_APPLIED = "applied.json"
_HALT_S, _LOOK_S = 30.0, 0.1
_SEE_OUT_LOOK_S = 0.5


def deploy(job: Job, cluster: Cluster, progress: Progress) -> Place:
    """Bring the job's revision to life and swap to it; return where the service lies.

    Raises:
        DeploymentError: it did not come to life; nothing of it is left, and what served before still serves.
    """
    config = config_of(job)
    set_given_keys(job, config)
    image = supply(job, config, cluster.context_name, progress)
    place = place_of(job, config, cluster).with_extra(image=image.reference)
    progress.step("apply", "applying the manifests")
    before = persist(progress, read_parts, cluster, place.namespace, job.service.uid)
    blueprint = persist(progress, lambda: draft(job, cluster, image, replicas=_replicas(job, before)))
    persist(progress, refuse_foreign, cluster, blueprint)
    secrets = persist(progress, _ours, cluster, "Secret", place.namespace, job.service.uid)
    if job.live_revision is None:  # whoever is killed now leaves something there; a later place counts from the swap on
        place.write(job.service.directory)
    try:
        persist(progress, ensure_namespace, cluster, place.namespace)
        for manifest in (*manifests.foundation(blueprint), *manifests.workload(blueprint)):
            persist(progress, cluster.apply, manifest)
        bring_up(cluster, blueprint, job, progress)
        progress.step("swap", "leading requests to the new revision")
    except BaseException:
        _give_up(job, cluster, blueprint, before, secrets)
        raise
    place.write(job.service.directory)
    for manifest in (*manifests.upkeep(blueprint), *manifests.doors(blueprint)):
        persist(progress, cluster.apply, manifest)
    remember(job.service, blueprint)
    dividing.forget(job.service)
    with suppress(MldeployError):  # it serves: nothing that comes now makes it fail
        if before.deployments:
            wait_until_led_there(cluster, place.namespace, blueprint.service, blueprint.name)
        wait_until_it_answers(cluster, place, job.service, blueprint.revision, progress)
    _tidy(job, cluster, blueprint, before)
    return place


def repair(job: Job, cluster: Cluster, progress: Progress) -> Place:
    """Apply the live revision's manifests again: what was changed or removed by others is as we wrote it."""
    config = config_of(job)
    place = place_of(job, config, cluster)
    parts = persist(progress, read_parts, cluster, place.namespace, job.service.uid)
    deployment = parts.deployment(job.revision)
    applied = read_applied(job.service)
    image = _image(deployment, applied) or supply(job, config, cluster.context_name, progress)
    replicas = _replicas_to_start(deployment)
    blueprint = persist(progress, lambda: draft(job, cluster, image, replicas=replicas))
    place = place.with_extra(image=image.reference)
    place.write(job.service.directory)
    progress.step("apply", "applying the manifests")
    persist(progress, ensure_namespace, cluster, place.namespace)
    for manifest in (*manifests.foundation(blueprint), *manifests.workload(blueprint)):
        persist(progress, cluster.apply, manifest)
    if deployment is not None:
        without = {"metadata": {"annotations": {REPLICAS: None}}}
        persist(progress, cluster.patch, "Deployment", place.namespace, blueprint.name, without)
    bring_up(cluster, blueprint, job, progress, {pod_name(pod) for pod in parts.pods_of(job.revision)})
    if config.tls:  # a renewed certificate; without a nudge kubelet hands it over within a minute or two
        with suppress(MldeployError):
            touch(cluster, place, parts.pods_of(job.revision))
    for manifest in (*manifests.upkeep(blueprint), *manifests.doors(blueprint)):
        persist(progress, cluster.apply, manifest)
    remember(job.service, blueprint)
    persist(progress, dividing.restore, cluster, job.service, manifests.doors(blueprint))
    with suppress(MldeployError):  # it serves: nothing that comes now makes it fail
        wait_until_it_answers(cluster, place, job.service, blueprint.revision, progress)
    _tidy(job, cluster, blueprint, parts)
    return place


def halt(cluster: Cluster, place: Place, service: ServiceRef) -> None:
    """Scale the service to nothing and note how many replicas there were; return when no pod takes requests any more.

    Raises:
        DeadlineExceededError: pods are still ready after half a minute (the cluster's controllers do not work).
    """
    parts = read_parts(cluster, place.namespace, service.uid)
    collect(cluster, place.namespace, service, parts.pods)
    if "keda.sh" in cluster.groups():  # it would bring replicas back; `start` applies it again
        for item in _ours(cluster, "ScaledObject", place.namespace, service.uid):
            cluster.delete("ScaledObject", place.namespace, str(item["metadata"]["name"]))
    for deployment in parts.deployments:
        replicas = int(deployment["spec"].get("replicas", 1))
        if replicas:
            change = {"metadata": {"annotations": {REPLICAS: str(replicas)}}, "spec": {"replicas": 0}}
            cluster.patch("Deployment", place.namespace, str(deployment["metadata"]["name"]), change)
    until = time.monotonic() + _HALT_S
    while any(is_ready(pod) for pod in read_parts(cluster, place.namespace, service.uid).pods):
        if time.monotonic() > until:
            raise DeadlineExceededError(
                f"The cluster has not taken the pods of service {service.name!r} away in {_HALT_S:.0f} s.",
                hint="Its controller manager may be down; `stop` again when it is back.",
            )
        time.sleep(_LOOK_S)


def remove_all(cluster: Cluster, namespace: str, uid: str, *, extensions: Iterable[str] | None = None) -> int:
    """Remove everything that carries the service's labels, and nothing else; return how many objects there were."""
    groups = frozenset(extensions) if extensions is not None else cluster.groups() & EXTENSIONS
    count = 0
    for kind in OWNED:
        if KINDS[kind].group in EXTENSIONS and KINDS[kind].group not in groups:
            continue
        for item in _ours(cluster, kind, namespace, uid):
            count += cluster.delete(kind, namespace, str(item["metadata"]["name"]))
    return count


def remove_leftovers(cluster: Cluster, place: Place, service: ServiceRef, live: int | None) -> None:
    """Remove what a killed deployment has left: a first one with everything, a later one beside the live revision.

    Args:
        live: the live revision by the records, None when none ever served.
    """
    parts = read_parts(cluster, place.namespace, service.uid)
    serving = parts.live_revision or live
    collect(cluster, place.namespace, service, parts.pods)
    if serving is None:
        remove_all(cluster, place.namespace, service.uid)
        return
    for deployment in parts.deployments:
        number = revision_of(deployment)
        if number is not None and number != serving and int(deployment["spec"].get("replicas", 1)):
            _remove_revision(cluster, place.namespace, service.uid, number)


def see_out(cluster: Cluster, place: Place, service: ServiceRef, seconds: float) -> None:
    """Return when no pod of a replaced revision is left, or after so many seconds: a lost node's pods stay listed."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(MldeployError):  # an API server that does not answer now may do so at the next look
            parts = read_parts(cluster, place.namespace, service.uid)
            if all((revision_of(pod) or 0) >= (parts.live_revision or 0) for pod in parts.pods):
                return
        time.sleep(_SEE_OUT_LOOK_S)


def ensure_namespace(cluster: Cluster, namespace: str) -> None:
    """Make the namespace when it does not exist. It is never removed: others may use it by then."""
    if cluster.get("Namespace", None, namespace) is None:
        cluster.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": {MANAGED_BY: MANAGER}}}
        )


def remember(service: ServiceRef, blueprint: Blueprint) -> None:
    """Keep the manifests that were applied, without what is secret, to tell what others have changed."""
    applied = [blanked(item) for item in manifests.all_manifests(blueprint)]
    path = service.directory / _APPLIED
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(applied), encoding="utf-8")
    temporary.replace(path)
    (service.directory / "applied.yaml").write_text(to_yaml(applied), encoding="utf-8")


def read_applied(service: ServiceRef) -> list[Manifest]:
    """Return the manifests that were applied last, [] when there are none."""
    try:
        found = json.loads(Path(service.directory / _APPLIED).read_bytes())
    except (OSError, ValueError):
        return []
    return found if isinstance(found, list) else []


def _replicas(job: Job, before: Parts) -> int | None:
    """Return how many replicas to begin with: an autoscaled service keeps as many as it has now."""
    config = config_of(job)
    present = before.deployment(before.live_revision)
    if not config.autoscales or present is None:
        return None
    now = int(present["spec"].get("replicas", 1))
    return min(max(now, config.autoscale_min_replicas), config.autoscale_max_replicas)


def _replicas_to_start(deployment: Mapping[str, Any] | None) -> int | None:
    """Return how many replicas a Deployment has, or had before it was stopped; None is what the configuration says."""
    if deployment is None:
        return None
    noted = str((deployment["metadata"].get("annotations") or {}).get(REPLICAS, ""))
    return int(deployment["spec"].get("replicas", 0)) or (int(noted) if noted.isdecimal() else None)


def _image(deployment: Mapping[str, Any] | None, applied: Sequence[Manifest]) -> Supplied | None:
    """Return the image that a revision runs, None when nobody knows it any more."""
    ours = next((item for item in applied if item["kind"] == "Deployment"), None)
    for found in (ours, deployment):
        if found is not None and (deployment is None or revision_of(found) == revision_of(deployment)):
            container = found["spec"]["template"]["spec"]["containers"][0]
            digest = str((found["metadata"].get("annotations") or {}).get(IMAGE_DIGEST, ""))
            return Supplied(str(container["image"]), digest, str(container.get("imagePullPolicy") or "IfNotPresent"))
    return None


def _give_up(
    job: Job,
    cluster: Cluster,
    blueprint: Blueprint,
    before: Parts,
    secrets: Sequence[Mapping[str, Any]],
) -> None:
    """Take a revision away that did not come to life; a first one with everything of its service.

    Args:
        before, secrets: what the cluster had, and the service's Secrets, before the attempt.
    """
    namespace = blueprint.namespace
    try:
        parts = read_parts(cluster, namespace, blueprint.uid)
        keep_logs(cluster, namespace, job, parts.pods)
        if before.service is None:
            remove_all(cluster, namespace, blueprint.uid)
        else:
            _remove_revision(cluster, blueprint.namespace, blueprint.uid, blueprint.revision)
            _restore(job.service, cluster, blueprint)
            for item in secrets:  # a certificate that came with the failed revision goes with it
                name = str(item["metadata"]["name"])
                cluster.patch("Secret", namespace, name, {"data": item.get("data") or {}})
    except MldeployError:
        return  # a cluster that is gone keeps its rest; the next deployment or `delete` removes it


def _restore(service: ServiceRef, cluster: Cluster, blueprint: Blueprint) -> None:
    """Apply again what all revisions share and the failed one may have changed, as the live one has it."""
    changed = identities(manifests.foundation(blueprint))
    for manifest in read_applied(service):
        if manifests.identity(manifest) in changed and manifest["kind"] != "Secret":
            cluster.apply(manifest)


def _tidy(job: Job, cluster: Cluster, blueprint: Blueprint, before: Parts) -> None:
    """Remove what the swap has left: earlier revisions, and objects that this configuration does not have any more."""
    keep_logs(cluster, blueprint.namespace, job, before.pods)
    numbers = {number for item in before.deployments if (number := revision_of(item)) is not None}
    earlier = sorted(numbers - {blueprint.revision})
    kept = earlier[len(earlier) - config_of(job).revision_history :] if config_of(job).revision_history else []
    try:
        for number in earlier:
            if number in kept:
                scaled = {"spec": {"replicas": 0}}
                name = f"{blueprint.service}-r{number}"
                cluster.patch("Deployment", blueprint.namespace, name, scaled)
            else:
                _remove_revision(cluster, blueprint.namespace, blueprint.uid, number)
        _remove_unwanted(cluster, blueprint)
    except MldeployError:
        return  # the new revision serves; what is left is removed by the next deployment


def _remove_revision(cluster: Cluster, namespace: str, uid: str, revision: int) -> None:
    """Remove what belongs to one revision alone."""
    groups = cluster.groups() & EXTENSIONS
    for kind in OWNED:
        if KINDS[kind].group in EXTENSIONS and KINDS[kind].group not in groups:
            continue
        for item in _ours(cluster, kind, namespace, uid):
            if revision_of(item) == revision:
                cluster.delete(kind, namespace, str(item["metadata"]["name"]))


def _remove_unwanted(cluster: Cluster, blueprint: Blueprint) -> None:
    """Remove shared objects that the present configuration has not (an Ingress, a policy, the keys of before)."""
    wanted = identities(manifests.all_manifests(blueprint))
    groups = cluster.groups() & EXTENSIONS
    for kind in OWNED:
        if KINDS[kind].group in EXTENSIONS and KINDS[kind].group not in groups:
            continue
        for item in _ours(cluster, kind, blueprint.namespace, blueprint.uid):
            name = str(item["metadata"]["name"])
            if revision_of(item) in (None, blueprint.revision) and (kind, name) not in wanted:
                cluster.delete(kind, blueprint.namespace, name)


def _ours(cluster: Cluster, kind: str, namespace: str, uid: str) -> list[dict[str, Any]]:
    try:
        found = cluster.list(kind, namespace, labels=service_query(uid))
    except NotFoundError:
        return []
    return [item for item in found if labels_of(item).get(MANAGED_BY) == MANAGER]


def ready_count(parts: Parts, revision: int) -> int:
    """Return how many replicas of a revision take requests."""
    return sum(is_ready(pod) for pod in parts.pods_of(revision))
