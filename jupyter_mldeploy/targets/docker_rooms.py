"""Making the containers of a service: the door, and one for each revision. All of them run without any privilege."""

from __future__ import annotations

import json
import random
import socket
import time
from typing import Any

from ..core.storage.process_identity import own_identity
from ..core.target import BuiltImage, Job
from ..errors import ConflictError
from ..scoring.doorway import PROTOCOL
from .container_settings import MODEL_DATA, container_variables
from .docker_certificate import certificate_files, read_certificate
from .docker_client import is_remote
from .docker_config import DockerConfig
from .docker_files import KEYS, TOKEN_KEYS, bundle_file, put, put_folder, secrets_file
from .docker_house import FOLDER, LABEL_DOOR, MOUNT, PORT, Names, Part, labels_of

_SECOND = 1_000_000_000
_DOOR_MEMORY = 128 * 2**20
_TRIES = 20
#: Longest time for a removal that somebody else has begun, and between two looks at it, in seconds.
_REMOVED_S = 60.0
_LOOK_S = 0.05


def make_volume(engine: Any, job: Job) -> None:
    """Make the volume that door and revisions share. Idempotent."""
    engine.create_volume(Names.of(job.service).volume, driver="local", labels=labels_of(job, "volume"))


def ensure_door(engine: Any, job: Job, config: DockerConfig, image: BuiltImage, present: Part | None) -> Part:
    """Return the service's door; the present one is kept when it fits, and started if it has to be.

    Raises:
        ConflictError: the port is taken.
    """
    if present is not None and fits(present, config):
        if not present.running:
            engine.start(present.id)
        _join(engine, present.id, job, config)
        return present
    wanted = config.port or (int(job.service.runtime.get("port") or 0) if present is None else 0)
    # A door that is replaced has another name: it serves until the new revision does.
    name = "door" if present is None else f"door-{job.revision}"
    return _open_door(engine, job, config, image, name, wanted)


def fits(door: Part, config: DockerConfig) -> bool:
    """Say whether a door can stay as it is under a configuration."""
    facts = door.facts
    same = facts.get("host") == config.host and facts.get("version") == PROTOCOL
    return same and config.port in (None, door.port)


def _open_door(engine: Any, job: Job, config: DockerConfig, image: BuiltImage, name: str, wanted: int) -> Part:
    from docker.errors import APIError

    for attempt in range(_TRIES):
        port = wanted if wanted and (config.port or not attempt) else _free_port()
        door = _create_door(engine, job, config, image, name, port)
        try:
            engine.start(door.id)
        except APIError as error:
            remove_container(engine, door.id)
            taken = "already allocated" in str(error) or "already in use" in str(error)
            if not taken or config.port is not None:
                raise
            continue
        return door
    raise ConflictError("No free port was found on the engine's machine.", hint="Give one with port.")


def _create_door(engine: Any, job: Job, config: DockerConfig, image: BuiltImage, name: str, port: int) -> Part:
    names = Names.of(job.service)
    container = names.door if name == "door" else f"{names.door}-{name}"
    remove_container(engine, container)
    facts = {"name": name, "host": config.host, "port": port, "version": PROTOCOL, "owner": own_identity()}
    made = engine.create_container(
        image.reference,
        command=["door", "--folder", FOLDER, "--name", name, "--port", str(PORT)],
        name=container,
        hostname=job.service.name[:63],
        ports=[PORT],
        labels={**labels_of(job, "door"), LABEL_DOOR: json.dumps(facts)},
        healthcheck={"test": ["NONE"]},
        volumes=[MOUNT],
        networking_config=_networks(engine, config, alias=job.service.name),
        host_config=engine.create_host_config(
            binds=[f"{names.volume}:{MOUNT}:rw"],
            port_bindings={PORT: (config.host, port)},
            restart_policy={"Name": "no"},  # until a revision serves
            mem_limit=_DOOR_MEMORY,
            **_unprivileged(read_only=True),
        ),
    )
    put(engine, made["Id"], {})
    return Part(str(made["Id"]), container, "door", "running", 0, facts, image.reference)


def create_revision(engine: Any, job: Job, config: DockerConfig, image: BuiltImage, door: Part) -> str:
    """Make the revision's container; it is not started yet."""
    names = Names.of(job.service)
    name = names.revision(job.revision)
    remove_container(engine, name)
    made = engine.create_container(
        image.reference,
        name=name,
        hostname=name[:63],
        labels=labels_of(job, "revision"),
        environment=_variables(job, config, door),
        stop_signal="SIGTERM",
        healthcheck=_healthcheck(config),
        volumes=[MOUNT],
        networking_config=_networks(engine, config),
        host_config=engine.create_host_config(
            binds=[f"{names.volume}:{MOUNT}:ro", *config.binds(job.service.name)],
            restart_policy={"Name": "no"},  # until it serves
            mem_limit=int(config.memory_gb * 2**30) if config.memory_gb else None,
            memswap_limit=int(config.memory_gb * 2**30) if config.memory_gb else None,
            nano_cpus=int(config.cpus * 1e9) if config.cpus else None,
            device_requests=_gpus(config),
            log_config={
                "type": "json-file",
                "config": {"max-size": f"{max(1, int(config.log_max_mb / 2))}m", "max-file": "2"},
            },
            **_unprivileged(read_only=config.read_only_root),
        ),
    )
    if config.collect_model_data:
        put_folder(engine, str(made["Id"]), MODEL_DATA, "modeldata", 0o755)
    return str(made["Id"])


def write_private(engine: Any, door: Part, job: Job, config: DockerConfig, *, renew: bool = False) -> None:
    """Write keys, secrets, certificate and the bundle's description into the volume, where only the door may write.

    Args:
        renew: the revision has all of it, and gets what has changed.
    """
    files: dict[str, bytes] = {bundle_file(job.revision): job.bundle.description()}
    if job.keys_file is not None:
        files[KEYS] = job.keys_file.read_bytes()
    if job.token_keys_file is not None:
        files[TOKEN_KEYS] = job.token_keys_file.read_bytes()
    files |= read_certificate(config, job.revision, renew=renew)
    if job.secrets:
        files[secrets_file(job.revision)] = json.dumps(dict(job.secrets)).encode()
    put(engine, door.id, files)


def restart_policy(config: DockerConfig) -> dict[str, Any]:
    """Return the engine's policy for a revision that serves, and for its door."""
    return {"Name": config.restart, **({"MaximumRetryCount": 10} if config.restart == "on-failure" else {})}


def _variables(job: Job, config: DockerConfig, door: Part) -> dict[str, str]:
    found = container_variables(
        config, job.service.name, job.revision, workers=config.workers, drain_s=config.drain_timeout_s
    )
    found["MLDEPLOY_DOOR"] = f"{FOLDER}/{door.door_name}.sock"
    if config.collect_model_data:
        found |= {"AML_MODEL_DC_STORAGE_ENABLED": "true", "AML_MODEL_DC_STORAGE": MODEL_DATA}
    if config.tls_certificate_file is not None:
        names = ("MLDEPLOY_TLS_CERTIFICATE_FILE", "MLDEPLOY_TLS_KEY_FILE")
        found |= {name: f"{FOLDER}/{file}" for name, file in zip(names, certificate_files(job.revision), strict=True)}
    if job.keys_file is not None:
        found["MLDEPLOY_KEYS_FILE"] = f"{FOLDER}/{KEYS}"
    if job.token_keys_file is not None:
        found["MLDEPLOY_TOKEN_KEYS_FILE"] = f"{FOLDER}/{TOKEN_KEYS}"
    if job.secrets:
        found["MLDEPLOY_SECRETS_FILE"] = f"{FOLDER}/{secrets_file(job.revision)}"
    return found


def _unprivileged(*, read_only: bool) -> dict[str, Any]:
    return {
        "read_only": read_only,
        "tmpfs": {"/tmp": "rw,nosuid,nodev,mode=1777"},  # noqa: S108  the container's
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "pids_limit": 4096,
    }


def _healthcheck(config: DockerConfig) -> dict[str, Any]:
    """Return only what differs from the image's own check."""
    return {
        "interval": int(config.health_interval_s * _SECOND),
        "timeout": int(min(5.0, config.health_interval_s) * _SECOND),
        "retries": 2,
        "start_period": 1_000_000,  # before it serves nobody asks for its health; afterwards every failure counts
    }


def _gpus(config: DockerConfig) -> list[Any] | None:
    if config.gpus is None:
        return None
    from docker.types import DeviceRequest

    return [DeviceRequest(count=-1 if config.gpus == "all" else config.gpus, capabilities=[["gpu"]])]


def _networks(engine: Any, config: DockerConfig, alias: str | None = None) -> Any:
    if config.network is None:
        return None
    endpoint = engine.create_endpoint_config(aliases=[alias] if alias else None)
    return engine.create_networking_config({config.network: endpoint})


def _join(engine: Any, door: str, job: Job, config: DockerConfig) -> None:
    """Let a door that is kept join the network of a new configuration."""
    if config.network is None:
        return
    networks = engine.inspect_container(door)["NetworkSettings"]["Networks"]
    if config.network not in networks:
        engine.connect_container_to_network(door, config.network, aliases=[job.service.name])


def _free_port() -> int:
    """Return a port that is free here; on another machine it is a guess that the engine checks."""
    if is_remote():
        return random.randint(20_000, 32_000)  # noqa: S311  no secret
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def remove_container(engine: Any, container: str) -> None:
    """Remove a container, running or not, with its unnamed volumes, and return when it is gone. Idempotent.

    Where somebody else removes it already, that is waited for: until then it holds its volume and its image.
    """
    from docker.errors import APIError, NotFound

    until = time.monotonic() + _REMOVED_S
    while True:
        try:
            engine.remove_container(container, force=True, v=True)
        except NotFound:
            return
        except APIError as error:
            if "is already in progress" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(_LOOK_S)
        else:
            return
