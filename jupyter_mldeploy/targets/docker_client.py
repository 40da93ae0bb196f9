"""Clients of the engine, kept open between calls by a few, and what the engine says put into our errors."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from ..errors import ConflictError, DeploymentError, TargetUnavailableError
from .docker_engine import connect, engine_address, load_package, short_reason

#: So many clients wait for their next user: a server's threads come and go, and each of them looks at services.
_IDLE = 4


class _Idle:
    """Clients that nobody uses now, each with the address that it was made for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: list[tuple[str | None, Any]] = []

    def take(self, address: str | None) -> Any | None:
        """Return the one that was used last, None when there is none; those of another address are closed."""
        with self._lock:
            strangers = [client for known, client in self._clients if known != address]
            self._clients = [item for item in self._clients if item[0] == address]
            found = self._clients.pop()[1] if self._clients else None
        for client in strangers:
            client.close()
        return found

    def give(self, address: str | None, client: Any) -> None:
        """Keep a client for the next user, or close it when enough wait."""
        with self._lock:
            kept = len(self._clients) < _IDLE
            if kept:
                self._clients.append((address, client))
        if not kept:
            client.close()

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            clients, self._clients = self._clients, []
        for _, client in clients:
            with suppress(Exception):
                client.close()


_idle = _Idle()


def _after_fork() -> None:
    """A child has connections of its own; its copies of its parent's are closed, which does not end them there."""
    _idle._lock = threading.Lock()
    _idle.close()


atexit.register(_idle.close)
os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def engine_client() -> Iterator[Any]:
    """Give a client for a block; afterwards it waits for its next user, unless it has lost its engine.

    Raises:
        TargetUnavailableError: no engine answers, or it went away meanwhile; says what to do.
        DeploymentError: the engine refused something.
    """
    load_package()
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException

    address = engine_address()
    client = _idle.take(address)
    if client is None:
        client = connect()
    lost = True
    try:
        yield client
        lost = False
    except APIError as error:
        lost = False
        text = str(error.explanation or error).strip().rstrip(".")
        if "port is already allocated" in text or "address already in use" in text:
            raise ConflictError(
                f"The port is taken: {text}.", hint="Choose another port, or leave port out to get a free one."
            ) from error
        raise DeploymentError(f"The Docker Engine refused: {text}.") from error
    except (RequestException, DockerException, ConnectionError) as error:
        raise TargetUnavailableError(
            f"The Docker Engine{f' at {address}' if address else ''} went away: {short_reason(error)}.",
            hint="Start it again; services come back with it, unless their restart policy is 'no'.",
        ) from error
    finally:
        # After an error of any other kind as well: nobody knows in the middle of which answer it was left.
        if lost:
            client.close()
        else:
            client.end_streams()
            _idle.give(address, client)


def engine_host() -> str:
    """Return the name of the machine on which published ports are reached from here."""
    address = engine_address() or ""
    parts = urlsplit(address)
    return parts.hostname if parts.scheme in ("tcp", "ssh", "http", "https") and parts.hostname else "127.0.0.1"


def is_remote() -> bool:
    """Say whether the engine is on another machine than this process."""
    return engine_host() not in ("127.0.0.1", "localhost", "::1")
