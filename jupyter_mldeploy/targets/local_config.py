"""The configuration of the local target."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..core.config import DeploymentConfig, Seconds
from ..core.config_marks import BelongsTo, Needs
from ..scoring.errors import SettingsError
from ..scoring.settings import Settings


class LocalConfig(DeploymentConfig):
    """How a service runs on this machine."""

    port: Annotated[int | None, BelongsTo("endpoint")] = Field(None, ge=1, le=65_535)
    """Port to listen on; left out, a free one is taken and kept for the service's life."""
    bind_all: Annotated[bool, BelongsTo("endpoint")] = False
    """Listen on all addresses of this machine instead of 127.0.0.1 only; needs ``auth_enabled``."""
    workers: Annotated[int | Literal["auto"], Needs("scale"), BelongsTo("script")] = 1
    """Worker processes, 1 to 1024; ``auto`` is one per core. Libraries' threads are cut so that all fit the cores."""
    isolated: Annotated[bool, Needs("isolated_environment"), BelongsTo("script")] = False
    """Run in a virtual environment of its own, built (and cached) from the environment's specification."""
    python: Annotated[str | None, BelongsTo("script")] = None
    """Path of the Python interpreter; left out, it is the kernel's own."""
    memory_gb: Annotated[float | None, Needs("memory_limit")] = Field(None, gt=0)
    """Resident memory that one worker and its child processes may use, in GiB; beyond it the worker is replaced."""
    ttl: Annotated[Seconds | None, Needs("ttl"), BelongsTo("endpoint")] = Field(None, ge=1)
    """Time after which the service stops by itself, in seconds or as ``"8h"``; it survives restarts of Jupyter."""
    start_timeout_s: float = Field(300.0, gt=0, le=86_400)
    """Longest time for imports, init() and the self-test, in seconds; the deployment's deadline counts as well."""
    drain_timeout_s: float = Field(30.0, ge=0, le=3_600)
    """Time that an old worker may take to finish its requests, in seconds."""
    heartbeat_timeout_s: float = Field(30.0, ge=3, le=3_600)
    """Silence after which a worker counts as hung and is replaced, in seconds."""
    log_max_mb: float = Field(50.0, ge=1, le=102_400)
    """Size of all log files of the service together, in MiB; the oldest lines go first."""
    collect_model_data: Annotated[bool, BelongsTo("script")] = False
    """Keep what ``ModelDataCollector`` is given, in the service's data folder (``Service.data_directory``)."""
    preload: Annotated[bool, BelongsTo("script")] = True
    """Keep a warm process with the script's imports loaded: updates take milliseconds, at the price of its memory."""
    start_method: Literal["auto", "fork", "spawn"] = "auto"
    """How workers are made: forked from the warm process (Linux), or each started afresh (macOS)."""

    @model_validator(mode="after")
    def _check(self) -> LocalConfig:
        if self.bind_all and not (self.auth_enabled or self.token_auth_enabled):
            raise ValueError("bind_all opens the service to the network, so auth_enabled must stay on")
        if self.workers != "auto" and not 1 <= self.workers <= 1024:
            raise ValueError("workers must be from 1 to 1024, or 'auto'")
        if self.isolated and self.python is not None:
            raise ValueError("isolated builds its own interpreter; leave out python, or isolated")
        try:
            Settings.from_environment(self.environment_variables)
        except SettingsError as error:
            raise ValueError(f"environment_variables: {error}") from None
        return self

    @property
    def host(self) -> str:
        """The address to bind."""
        return "0.0.0.0" if self.bind_all else "127.0.0.1"  # noqa: S104  only on demand, and with keys
