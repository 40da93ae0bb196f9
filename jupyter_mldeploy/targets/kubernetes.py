"""The Kubernetes target: services on any conforming cluster that a kubeconfig leads to.

Each revision is a Deployment of its own; the Service's selector says which one is live. Nothing is kept on this machine
but where a service lies and what was applied, so that any process with the workspace can go on.
"""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ..core.config import DeploymentConfig
from ..core.logs import LogFiles
from ..core.records import State
from ..core.target import (
    Availability,
    Capabilities,
    Connection,
    Job,
    LogPage,
    Observation,
    PlanStep,
    Progress,
    ServiceRef,
)
from ..core.telemetry import require_destination
from ..core.traffic.shares import Division, Share
from ..errors import ForbiddenError, MldeployError, TargetUnavailableError
from .k8s import manifests
from .k8s.access import Doors, node_address, scoring_uri
from .k8s.certificates import ends, warning
from .k8s.cluster import Cluster, default_kubeconfigs, in_cluster
from .k8s.config import MARGIN_S, PRE_STOP_S, KubernetesConfig
from .k8s.deploying import deploy, halt, read_applied, remove_all, remove_leftovers, repair, see_out
from .k8s.dividing import divide
from .k8s.drafting import config_of, draft, draft_for_export, namespace_of, refuse_foreign, refuse_move
from .k8s.drift import drift
from .k8s.export import LAYOUTS, export
from .k8s.keys import touch, wait_until_taken, write_keys
from .k8s.place import Clusters, Place
from .k8s.pod_logs import collect, collect_now_and_then
from .k8s.preflight import check_apis, check_quota, check_rights, check_room
from .k8s.snapshot import Parts, Snapshots, read_parts
from .k8s.standing import Standing, describe_pods, judge, pod_events, unready
from .k8s.supply import Supplied, pushed_reference, way_of
from .k8s.trouble import is_ready

#: How many differences are told.
_MOST_DRIFT = 20


class KubernetesTarget:
    """Runs services in a Kubernetes cluster. See the module's docstring."""

    name: ClassVar[str] = "kubernetes"
    title: ClassVar[str] = "Kubernetes"
    summary: ClassVar[str] = "Replicas in a cluster: rolling updates, autoscaling, TLS, any cloud or your own."
    config_type: ClassVar[type[DeploymentConfig]] = KubernetesConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        update=True,
        zero_downtime_update=True,
        rollback=True,
        stop_start=True,
        logs=True,
        follow_logs=True,
        key_auth=True,
        token_auth=True,
        tls=True,
        scale=True,
        autoscale=True,
        traffic_split=True,
        gpu=True,
        memory_limit=True,
        isolated_environment=True,
        needs_image=True,
        needs_account=True,
        exports=tuple(LAYOUTS),
        remains=(
            "objects labelled jupyter-mldeploy/service-uid={uid} in namespace {namespace} of {context} (Deployments, "
            "Services, Secrets and others; `kubectl -n {namespace} get all,secrets,serviceaccounts -l "
            "jupyter-mldeploy/service-uid={uid}`)"
        ),
        why_not={
            "ttl": "a cluster runs on when this machine does not; delete the service, or scale it down",
        },
    )

    def __init__(self) -> None:
        self._clusters = Clusters()
        self._snapshots = Snapshots()
        self._doors = Doors(self._snapshots)
        self._nodes: dict[int, str | None] = {}

    def available(self) -> Availability:
        """Say whether there is a client and something that leads to a cluster; the cluster itself is not asked."""
        if importlib.util.find_spec("kubernetes") is None:
            return Availability(
                False, "the Kubernetes client is not installed", "pip install 'jupyter_mldeploy[kubernetes]'"
            )
        if not default_kubeconfigs() and not in_cluster():
            return Availability(True, "there is no kubeconfig in the usual places; name one with kubeconfig=…")
        return Availability(True)

    def plan(self, job: Job) -> Sequence[PlanStep]:
        """Say what :meth:`apply` would do, and refuse what the cluster would. Nothing is changed."""
        config = config_of(job)
        cluster = self._cluster(config)
        refuse_move(job, cluster, self._clusters)
        way = way_of(config, cluster.context_name)
        require_destination(config)
        blueprint = draft(job, cluster, Supplied(self._expected_image(job, config), ""))
        namespace = blueprint.namespace
        new_namespace = self._lacks_namespace(cluster, namespace)
        check_apis(blueprint)
        check_rights(cluster, blueprint, new_namespace=new_namespace)
        if not new_namespace:
            refuse_foreign(cluster, blueprint)
            check_quota(cluster, blueprint)
        capacity = check_room(cluster, blueprint)
        steps = [PlanStep("keep", "cluster", f"{cluster.context_name} at {cluster.server}; {capacity}")]
        if config.image is None:
            steps.append(PlanStep("create", "image", f"unless one with this content is there; {way.summary}"))
        steps.append(
            PlanStep("create", f"namespace {namespace}")
            if new_namespace
            else PlanStep("keep", f"namespace {namespace}")
        )
        for item in manifests.all_manifests(blueprint):
            kind, name = manifests.identity(item)
            own = name == blueprint.name or kind == "Deployment"
            action = "create" if own or job.live_revision is None else "change"
            detail = self._detail(kind, config)
            steps.append(PlanStep(action, f"{kind} {name}", detail))  # type: ignore[arg-type]
        if job.live_revision is not None:
            steps.append(PlanStep("replace", f"revision {job.live_revision}", "once all new replicas take requests"))
        return steps

    def export(self, job: Job, layout: str, image: str) -> Mapping[str, str]:
        """Return the manifests as files, without secrets; no cluster is asked. See ``core.export``."""
        config = config_of(job)
        reference = config.image or (pushed_reference(config, image) if config.registry else image)
        return export(draft_for_export(job, reference), layout)

    def apply(self, job: Job, progress: Progress) -> Observation:
        """Bring the revision's pods to life beside those that serve, and swap. See ``Target.apply``."""
        config = config_of(job)
        progress.step("preflight", "asking the cluster: rights, room, quota")
        cluster = self._cluster(config)
        self.plan(job)
        try:
            deploy(job, cluster, progress)
        finally:
            self._snapshots.forget(cluster, namespace_of(config, cluster))
        return self.observe(job.service)

    def observe(self, service: ServiceRef) -> Observation:
        """Return the truth about the service. See ``Target.observe``."""
        place = Place.read(service)
        if place is None:
            return Observation(State.FAILED, "It has not been deployed to a cluster.")
        try:
            cluster = self._clusters.of(place)
            parts = self._snapshots.parts(cluster, place.namespace, service.uid)
            events: Mapping[str, list[dict[str, Any]]] = {}
            waiting = unready(parts)
            if waiting:
                with contextlib.suppress(ForbiddenError):
                    events = pod_events(cluster, place.namespace, waiting)
        except MldeployError as error:
            return Observation(State.UNHEALTHY, f"Nobody knows how it is: {error.message}")
        standing = judge(parts, events)
        changed = self._drift(service, parts)
        return Observation(
            standing.state,
            standing.reason or self._remark(place, changed),
            standing.live_revision if standing.state is not State.STOPPED else None,
            scoring_uri(place, service.name, parts.service, self._node(cluster, place)) if standing.ready else None,
            self._facts(place, cluster, parts, standing, changed),
            {"namespace": place.namespace, "context": cluster.context_name},
        )

    def logs(self, service: ServiceRef, cursor: str | None, limit: int) -> LogPage:
        """Return lines of all replicas, merged; what the pods have written up to now is in it."""
        place = Place.read(service)
        if place is not None:
            # What has been copied so far is there all the same when the cluster does not answer, or the service is just
            # being deleted.
            with contextlib.suppress(MldeployError, OSError):
                cluster = self._clusters.of(place)
                parts = self._snapshots.parts(cluster, place.namespace, service.uid)
                if cursor is None:
                    collect(cluster, place.namespace, service, parts.pods)
                else:
                    collect_now_and_then(cluster, place.namespace, service, parts.pods)
        return LogFiles(service.log_directory).read(cursor, limit)

    def stop(self, service: ServiceRef) -> None:
        """Scale to nothing; Service, keys and address stay. See ``Target.stop``."""
        place = Place.read(service)
        if place is None:
            return
        cluster = self._clusters.of(place)
        halt(cluster, place, service)
        self._snapshots.forget(cluster, place.namespace)

    def start(self, job: Job, progress: Progress) -> Observation:
        """Serve again. A service that serves already is repaired where others have changed it. See ``Target.start``."""
        cluster = self._cluster(config_of(job))
        refuse_move(job, cluster, self._clusters)
        try:
            repair(job, cluster, progress)
        finally:
            self._snapshots.forget(cluster, namespace_of(config_of(job), cluster))
        return self.observe(job.service)

    def delete(self, service: ServiceRef) -> None:
        """Remove everything that carries the service's labels. See ``Target.delete``."""
        place = Place.read(service)
        if place is None:
            return
        cluster = self._clusters.of(place)
        with contextlib.suppress(MldeployError, OSError):
            collect(cluster, place.namespace, service, read_parts(cluster, place.namespace, service.uid).pods)
        remove_all(cluster, place.namespace, service.uid)
        self._snapshots.forget(cluster, place.namespace)
        self._doors.close(service.uid)

    def tidy(self, service: ServiceRef, live: int | None) -> None:
        """Remove the pods of deployments that were killed. See ``core.leftovers.Tidying``."""
        place = Place.read(service)
        if place is None:
            return
        cluster = self._clusters.of(place)
        remove_leftovers(cluster, place, service, live)
        self._snapshots.forget(cluster, place.namespace)

    def see_out(self, service: ServiceRef, config: DeploymentConfig) -> None:
        """Wait for the pods of replaced revisions. See ``core.replaced.SeeingOut``."""
        place = Place.read(service)
        if place is not None and isinstance(config, KubernetesConfig):
            see_out(self._clusters.of(place), place, service, PRE_STOP_S + config.drain_seconds + MARGIN_S)

    def connect(self, service: ServiceRef) -> Connection:
        """Return address and key; through the API server where no address leads there. See ``Target.connect``."""
        place = Place.read(service)
        if place is None:
            raise TargetUnavailableError(f"Service {service.name!r} is in no cluster.")
        cluster = self._clusters.of(place)
        return self._doors.connect(cluster, place, service, self._node(cluster, place))

    def peer_uri(self, service: ServiceRef) -> str | None:
        """Return where pods of the cluster reach the service; see ``core.traffic``."""
        place = Place.read(service)
        if place is None:
            return None
        return f"{'https' if place.tls else 'http'}://{service.name}.{place.namespace}.svc{place.prefix}/score"

    def divides(self, service: ServiceRef) -> bool:
        """Whether a Gateway stands before the service. See ``core.traffic.shares``."""
        place = Place.read(service)
        return place is not None and place.access == "gateway"

    def divide(self, service: ServiceRef, shares: Sequence[Share]) -> Division:
        """Have the Gateway divide the requests. See ``core.traffic.shares``."""
        place = Place.read(service)
        plain = next((item for item in read_applied(service) if item["kind"] == "HTTPRoute"), None)
        if place is None or plain is None:
            return Division(False)
        return divide(self._clusters.of(place), place, service, plain, shares)

    def reload_keys(self, service: ServiceRef, keys_file: Path) -> None:
        """Change the Secret, and return when all pods open for the new keys. See ``Target.reload_keys``."""
        place = Place.read(service)
        if place is None:
            return
        cluster = self._clusters.of(place)
        write_keys(cluster, place, service, keys_file)
        parts = read_parts(cluster, place.namespace, service.uid)
        pods = [pod for pod in parts.pods_of(parts.live_revision) if is_ready(pod)]
        touch(cluster, place, pods)
        wait_until_taken(cluster, place, service, keys_file, pods)

    def _cluster(self, config: KubernetesConfig) -> Cluster:
        return self._clusters.for_config(config)

    @staticmethod
    def _expected_image(job: Job, config: KubernetesConfig) -> str:
        if config.image is not None:
            return config.image
        tag = f"mldeploy/{job.service.name}:{job.bundle.digest.rpartition(':')[2][:12]}"
        return pushed_reference(config, tag) if config.registry else tag

    @staticmethod
    def _lacks_namespace(cluster: Cluster, namespace: str) -> bool:
        try:
            return cluster.get("Namespace", None, namespace) is None
        except ForbiddenError:
            return False  # who may not look at namespaces has been given one

    @staticmethod
    def _detail(kind: str, config: KubernetesConfig) -> str:
        if kind == "Deployment":
            size = f"{config.cpu_cores:g} cores and {config.memory_gb:g} GiB each"
            return f"{config.replicas} {'replica' if config.replicas == 1 else 'replicas'}, {size}"
        if kind in ("HorizontalPodAutoscaler", "ScaledObject"):
            goal = f"{config.autoscale_target_utilization} % {config.autoscale_metric}"
            return f"{config.autoscale_min_replicas} to {config.autoscale_max_replicas} replicas at {goal}"
        return config.access if kind == "Service" else ""

    def _node(self, cluster: Cluster, place: Place) -> str | None:
        if place.access != "node-port":
            return None
        if id(cluster) not in self._nodes:
            self._nodes[id(cluster)] = node_address(cluster)
        return self._nodes[id(cluster)]

    @staticmethod
    def _drift(service: ServiceRef, parts: Parts) -> list[str]:
        """Return what others have changed of the Deployment and the Service."""
        wanted = [item for item in read_applied(service) if item["kind"] in ("Deployment", "Service")]
        there = [{**item, "kind": "Deployment"} for item in parts.deployments]
        if parts.service is not None:
            there.append({**parts.service, "kind": "Service"})
        return drift(wanted, there)[:_MOST_DRIFT] if there else []

    @staticmethod
    def _remark(place: Place, changed: Sequence[str]) -> str | None:
        """Return what is worth saying of a healthy service."""
        if changed:
            more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
            return f"Somebody changed it: {changed[0]}{more}; `start` repairs it."
        return warning(place.authority) if place.authority else None

    @staticmethod
    def _facts(
        place: Place, cluster: Cluster, parts: Parts, standing: Standing, changed: Sequence[str]
    ) -> dict[str, Any]:
        """Return what people want to know: replicas, pods, nodes, image, changes by others."""
        end = ends(place.authority) if place.authority else None
        live = parts.live_revision
        return {
            "cluster": cluster.context_name,
            "namespace": place.namespace,
            "replicas": {"ready": standing.ready, "wanted": standing.wanted},
            "pods": describe_pods(parts.pods_of(live)),
            "image": place.extra.get("image"),
            "drift": list(changed),
            **({"certificate_ends": end.timestamp()} if end else {}),
            **({"trouble": standing.trouble.cause.value} if standing.trouble else {}),
        }
