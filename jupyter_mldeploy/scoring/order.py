"""What a supervisor is told: the settings of its service, and the order to bring one revision to life.

Named tuples rather than data classes: importing ``dataclasses`` would double the time a supervisor takes to be up.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

SETTINGS = "service.json"


class OrderError(ValueError):
    """A setting or an order cannot be used; the message names the key."""


def default_method() -> str:
    """Return how workers are made here: forking is safe on Linux, and not on macOS (its frameworks do not allow it)."""
    return "fork" if sys.platform == "linux" else "spawn"


class ServiceSettings(NamedTuple):
    """What belongs to the service as a whole and stays while its supervisor runs (``service.json``).

    Attributes:
        uid, name: the service; every process of it carries both in its environment.
        host: address to bind.
        port: port to bind; 0 takes a free one.
        any_port: take a free port when ``port`` is taken, instead of failing.
        log_directory: where the log's segments go.
        runtime: directory that holds the package, for interpreters that do not have it.
        start_method: ``fork`` or ``spawn``.
        patience_s: seconds without any worker after which requests are answered 503 instead of waiting.
        warm: ``{"interpreter", "environment", "imports"}`` to load before the first order comes, or None.
    """

    uid: str
    name: str
    log_directory: str
    runtime: str
    host: str = "127.0.0.1"
    port: int = 0
    any_port: bool = False
    start_method: str = default_method()
    patience_s: float = 2.0
    warm: Mapping[str, Any] | None = None


class Order(NamedTuple):
    """One revision, and how to run it.

    Attributes:
        revision: its number.
        spec: path of its ``worker.json``.
        interpreter: the Python for its workers.
        imports: modules to load in advance where they are installed.
        learn: load in advance, for later revisions, what else this one turns out to need.
        environment: the user's variables; they are there when libraries are loaded.
        secrets: variables that only workers get; never written to disk.
        workers: how many processes.
        host, port: where to listen from now on; None stays where the service is.
        memory_limit_bytes: resident bytes that one worker and its children may have, or None.
        start_timeout_s: seconds until the workers must be ready.
        drain_s: seconds that old workers may take to finish.
        heartbeat_s: seconds of silence after which a worker counts as hung.
        stuck_s: seconds that one run() may take before its worker is replaced, whatever it says itself.
        expires: epoch seconds at which the service stops by itself, or None.
        log_max_bytes: size of all log segments together.
        worker: ``module:function`` in place of ``run_worker``.
    """

    revision: int
    spec: str
    interpreter: str
    imports: tuple[str, ...] = ()
    learn: bool = True
    environment: Mapping[str, str] = MappingProxyType({})
    secrets: Mapping[str, str] = MappingProxyType({})
    workers: int = 1
    host: str | None = None
    port: int | None = None
    memory_limit_bytes: int | None = None
    start_timeout_s: float = 300.0
    drain_s: float = 30.0
    heartbeat_s: float = 15.0
    stuck_s: float | None = None
    expires: float | None = None
    log_max_bytes: int = 50 * 1024 * 1024
    worker: str | None = None

    def __repr__(self) -> str:
        return f"Order(revision={self.revision}, …)"  # secrets must not get into a traceback


Told = TypeVar("Told", ServiceSettings, Order)


def read_order(values: Mapping[str, Any]) -> Order:
    """Read an order from a command.

    Raises:
        OrderError: a key is missing, unknown or of the wrong kind.
    """
    order = _read(Order, values)
    if not 1 <= order.workers <= 1024:
        raise OrderError("workers must be from 1 to 1024")
    if not Path(order.spec).is_file():
        raise OrderError(f"there is no worker specification at {order.spec}")
    if not os.access(order.interpreter, os.X_OK):
        raise OrderError(f"there is no interpreter at {order.interpreter}")
    return order


def read_settings(values: Mapping[str, Any]) -> ServiceSettings:
    """Read ``service.json``.

    Raises:
        OrderError: a key is missing or unknown.
    """
    return _read(ServiceSettings, values)


def _read(kind: type[Told], values: Mapping[str, Any]) -> Told:
    unknown = sorted(set(values) - set(kind._fields))
    if unknown:
        raise OrderError(f"unknown key {unknown[0]!r}: the supervisor was started by another version; restart it")
    ready: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    try:
        return kind(**ready)
    except TypeError as error:
        raise OrderError(str(error)) from None
