"""The configuration of the Docker target."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from ..core.config import DeploymentConfig
from ..core.config_marks import BelongsTo, Needs
from ..scoring.errors import SettingsError
from ..scoring.settings import Settings
from .container_settings import MODEL_DATA

_VOLUME = re.compile(r"(?P<source>[^:]+):(?P<place>/[^:]*)(?::(?P<mode>ro|rw))?")
_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*|/[^:]*")
_OWN = ("/run/mldeploy", "/var/azureml-app", "/opt/mldeploy", "/tmp", MODEL_DATA)  # noqa: S108  a container's


class DockerConfig(DeploymentConfig):
    """How a service runs in containers of a Docker Engine."""

    port: Annotated[int | None, BelongsTo("endpoint")] = Field(None, ge=1, le=65_535)
    """Port to publish on the engine's machine; left out, a free one is taken and kept for the service's life."""
    bind_all: Annotated[bool, BelongsTo("endpoint")] = False
    """Publish on all addresses of the engine's machine instead of 127.0.0.1 only; needs ``auth_enabled``."""
    tls_certificate_file: Annotated[str | None, Needs("tls"), BelongsTo("endpoint")] = None
    """Certificate (PEM) that the containers serve with, on this machine; ``start`` hands a renewed one over."""
    tls_key_file: Annotated[str | None, Needs("tls"), BelongsTo("endpoint")] = None
    """Private key (PEM) of that certificate."""
    workers: Annotated[int, Needs("scale"), BelongsTo("script")] = Field(1, ge=1, le=256)
    """Worker processes in the container."""
    cpus: float | None = Field(None, gt=0)
    """CPU cores that the container may use, such as 0.5; left out, all of them."""
    memory_gb: Annotated[float | None, Needs("memory_limit")] = Field(None, ge=0.0625)
    """Memory that the container may use, in GiB; a worker that wants more is killed (exit code 137) and replaced."""
    gpus: Annotated[int | Literal["all"] | None, Needs("gpu"), BelongsTo("script")] = None
    """How many GPUs the container gets, or ``all``; needs NVIDIA's container toolkit on the engine's machine."""
    volumes: Annotated[list[str], BelongsTo("script")] = Field(default_factory=list)
    """Further volumes, ``SOURCE:/PATH`` or ``SOURCE:/PATH:ro``: a named volume, or a folder on the engine's machine."""
    collect_model_data: Annotated[bool, BelongsTo("script")] = False
    """Keep what ``ModelDataCollector`` is given, in a volume that stays when the service is deleted."""
    data_volume: Annotated[str | None, BelongsTo("script")] = None
    """That volume: its name, or a folder on the engine's machine; left out, it is ``mldeploy-data-NAME``."""
    network: str | None = None
    """Docker network to join; other containers in it reach the service as ``http://NAME:5001``."""
    restart: Literal["always", "unless-stopped", "on-failure", "no"] = "always"
    """What the engine does when the container ends by itself or the engine was started again. With ``unless-stopped`` a
    service stays down after its engine was killed: to the engine that looks like a stop by hand."""
    read_only_root: bool = True
    """The container can write to ``/tmp`` and its volumes only."""
    start_timeout_s: float = Field(300.0, gt=0, le=86_400)
    """Longest time for imports, init() and the self-test, in seconds; the deployment's deadline counts as well."""
    drain_timeout_s: float = Field(30.0, ge=0, le=3_600)
    """Time that a replaced or stopped container may take to finish its requests, in seconds."""
    health_interval_s: float = Field(5.0, ge=1, le=3_600)
    """Time between two health checks, in seconds; two failures in a row make the service unhealthy."""
    log_max_mb: float = Field(50.0, ge=1, le=102_400)
    """Size of the service's log, in MiB; the oldest lines go first."""

    @field_validator("volumes")
    @classmethod
    def _volumes(cls, volumes: list[str]) -> list[str]:
        for text in volumes:
            match = _VOLUME.fullmatch(text)
            if match is None:
                raise ValueError(f"{text!r} is not SOURCE:/PATH or SOURCE:/PATH:ro")
            if any(match["place"] == own or match["place"].startswith(own + "/") for own in _OWN):
                raise ValueError(f"{match['place']} belongs to the service itself; mount {text!r} elsewhere")
        return volumes

    @field_validator("data_volume")
    @classmethod
    def _data_volume(cls, volume: str | None) -> str | None:
        if volume is not None and not _SOURCE.fullmatch(volume):
            raise ValueError(f"{volume!r} is neither a volume's name nor an absolute path")
        return volume

    @field_validator("network")
    @classmethod
    def _network(cls, network: str | None) -> str | None:
        if network in ("host", "none") or (network or "").startswith("container:"):
            raise ValueError(f"{network!r} cannot be used: the service's port is published by the engine")
        return network

    @model_validator(mode="after")
    def _check(self) -> DockerConfig:
        if self.bind_all and not (self.auth_enabled or self.token_auth_enabled):
            raise ValueError("bind_all opens the service to the network, so auth_enabled must stay on")
        if (self.tls_certificate_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_certificate_file and tls_key_file belong together")
        if isinstance(self.gpus, int) and self.gpus < 1:
            raise ValueError("gpus must be 1 or more, or 'all'")
        try:
            Settings.from_environment(self.environment_variables)
        except SettingsError as error:
            raise ValueError(f"environment_variables: {error}") from None
        return self

    @property
    def host(self) -> str:
        """The address to publish on."""
        return "0.0.0.0" if self.bind_all else "127.0.0.1"  # noqa: S104  only on demand, and with keys

    def data_source(self, service: str) -> str:
        """Return the volume or folder for collected model data."""
        return self.data_volume or f"mldeploy-data-{service}"

    def binds(self, service: str) -> list[str]:
        """Return the volumes as the engine takes them."""
        data = [f"{self.data_source(service)}:{MODEL_DATA}:rw"] if self.collect_model_data else []
        return [*self.volumes, *data]
