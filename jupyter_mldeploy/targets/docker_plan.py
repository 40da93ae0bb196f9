"""What a deployment would do on this engine, and what it refuses before anything exists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.images.assembly import LABEL_BUNDLE
from ..core.target import BuiltImage, Job, PlanStep
from ..core.telemetry import require_destination
from ..errors import ConflictError, InvalidConfigurationError, NotSupportedError
from .docker_certificate import read_certificate
from .docker_client import is_remote
from .docker_config import DockerConfig
from .docker_house import LABEL_UID
from .docker_observe import View
from .docker_rooms import fits


def plan_steps(engine: Any, job: Job, config: DockerConfig, view: View) -> Sequence[PlanStep]:
    """Return the steps of :meth:`Target.apply`.

    Raises:
        ConflictError: the port is taken.
        InvalidConfigurationError: the engine's machine has less than is asked for, no such network, telemetry is to
            go nowhere, or the certificate cannot be used.
        NotSupportedError: it has no GPU support.
    """
    require_destination(config)
    read_certificate(config, job.revision)
    _refuse(engine, job, config, view)
    steps = [PlanStep("create", "image", f"of bundle {job.bundle.short}, unless it is there already")]
    door = view.door
    if door is None:
        steps.append(
            PlanStep("create", "door", f"a container with port {config.port or '(any free one)'} on {config.host}")
        )
    elif fits(door, config):
        steps.append(PlanStep("keep", "door", f"port {door.port}"))
    else:
        steps.append(PlanStep("replace", "door", f"port {door.port} → {config.port or 'any free one'}, {config.host}"))
    limits = [f"{config.cpus:g} CPU" if config.cpus else "", f"{config.memory_gb:g} GiB" if config.memory_gb else ""]
    shown = ", ".join(item for item in limits if item) or "no limits"
    many = f"{config.workers} workers" if config.workers > 1 else "1 worker"
    steps.append(PlanStep("create", f"revision {job.revision or 'next'}", f"a container with {many}, {shown}"))
    if config.collect_model_data:
        steps.append(
            PlanStep(
                "keep", "model data", f"in {config.data_source(job.service.name)}, also when the service is deleted"
            )
        )
    if view.live:
        steps.append(PlanStep("replace", f"revision {view.live}", "once the new one has tested itself"))
    return steps


def refuse_other_bytes(engine: Any, job: Job, image: BuiltImage) -> None:
    """Raise ConflictError when an image holds another bundle than the one to deploy: somebody has moved its tag."""
    labels = (engine.inspect_image(image.reference).get("Config") or {}).get("Labels") or {}
    found = str(labels.get(LABEL_BUNDLE) or "none")
    if found != job.bundle.digest:
        raise ConflictError(
            f"The image {image.reference} holds the bundle {found[:19]} and not {job.bundle.digest[:19]}.",
            hint=f"Its tag was moved; remove it (`docker rmi {image.reference}`) and deploy again.",
        )


def _refuse(engine: Any, job: Job, config: DockerConfig, view: View) -> None:
    facts = engine.info()
    problems = []
    if config.cpus and config.cpus > int(facts.get("NCPU") or 0):
        problems.append({"field": "cpus", "message": f"the engine's machine has {facts.get('NCPU')} cores"})
    total = int(facts.get("MemTotal") or 0) / 2**30
    if config.memory_gb and total and config.memory_gb > total:
        problems.append({"field": "memory_gb", "message": f"the engine's machine has {total:.1f} GiB"})
    if config.network is not None and not _has_network(engine, config.network):
        message = f"there is no Docker network {config.network!r}; `docker network create {config.network}` makes it"
        problems.append({"field": "network", "message": message})
    if is_remote() and not config.bind_all:
        message = "the engine is on another machine, where 127.0.0.1 is not reached from here; set bind_all"
        problems.append({"field": "bind_all", "message": message})
    if problems:
        text = "; ".join(f"{item['field']}: {item['message']}" for item in problems)
        raise InvalidConfigurationError(f"The Docker Engine cannot run this: {text}.", problems=problems)
    if config.gpus is not None and "nvidia" not in (facts.get("Runtimes") or {}):
        raise NotSupportedError(
            "The Docker Engine has no GPU support: it lacks the NVIDIA container toolkit.",
            hint="Install nvidia-container-toolkit on the engine's machine, or leave gpus out.",
        )
    if config.port is not None and (view.door is None or view.door.port != config.port):
        _refuse_taken(engine, job, config.port)


def _has_network(engine: Any, name: str) -> bool:
    return any(name in (item["Name"], item["Id"]) for item in engine.networks(names=[name]))


def _refuse_taken(engine: Any, job: Job, port: int) -> None:
    for item in engine.containers():
        if (item.get("Labels") or {}).get(LABEL_UID) == job.service.uid and job.service.uid:
            continue
        if any(entry.get("PublicPort") == port for entry in item.get("Ports") or ()):
            name = str((item.get("Names") or ["?"])[0]).lstrip("/")
            raise ConflictError(
                f"Port {port} is taken by the container {name!r}.",
                hint="Choose another port, or leave port out to get a free one.",
            )
