"""Keys and tokens of a service: where they are on this machine, and how changed ones reach its containers."""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path
from typing import Any

from ..core.probe import tls_context
from ..core.target import Connection, Job, ServiceRef
from ..core.tokens import TokenKeyFile
from ..scoring.journal import read_json, write_json
from .docker_certificate import is_secure
from .docker_client import engine_host, is_remote
from .docker_files import KEYS, TOKEN_KEYS, door_state, put
from .docker_house import Part
from .docker_observe import View

_FACTS = "docker.json"
_PATIENCE_S, _LOOK_S = 30.0, 0.02
#: So many answers in a row say that every worker has read the new keys.
_PROBES_A_WORKER = 3


def remember(job: Job) -> None:
    """Note on this machine where the service's keys are."""
    remember_files(job.service, job.keys_file, job.token_keys_file)


def remember_files(service: ServiceRef, keys: Path | None, token_keys: Path | None) -> None:
    """Do what :func:`remember` does for a service without a job."""
    facts = {
        "keys_file": str(keys) if keys is not None else None,
        "token_keys_file": str(token_keys) if token_keys is not None else None,
    }
    write_json(service.directory / _FACTS, facts)


def known_keys(service: ServiceRef) -> list[str]:
    """Return the service's keys, the primary one first; [] where callers need none."""
    path = _facts(service).get("keys_file")
    try:
        keys = json.loads(Path(str(path)).read_bytes()) if path else {}
    except (OSError, ValueError):
        return []
    return [str(keys[name]) for name in ("primary", "secondary") if name in keys]


def access_headers(service: ServiceRef) -> dict[str, str]:
    """Return the headers with which this process calls the service."""
    secret = next(iter([*known_keys(service), *_tokens(service)]), None)
    return {"authorization": f"Bearer {secret}"} if secret else {}


def write_keys(engine: Any, service: ServiceRef, view: View) -> None:
    """Write the keys into the service's volume, have them read, and wait until the service takes them."""
    facts = _facts(service)
    files = {}
    for key, name in (("keys_file", KEYS), ("token_keys_file", TOKEN_KEYS)):
        if facts.get(key):
            files[name] = Path(str(facts[key])).read_bytes()
    if view.door is None or not files:
        return
    put(engine, view.door.id, files)  # the containers look for changes about twice a second
    if view.said.get("serving"):
        _wait_until_they_count(engine, service, view, view.door)


def _wait_until_they_count(engine: Any, service: ServiceRef, view: View, door: Part) -> None:
    """Wait until the door says that every worker has read the keys, and ask with each of them.

    A revision of an earlier version does not tell that. With several workers, one that gets no time to run may be left
    out by all of the questions.
    """
    secrets = known_keys(service) or _tokens(service)
    port = door.port
    wanted = _PROBES_A_WORKER * int(view.said.get("wanted") or 1) if int(view.said.get("wanted") or 1) > 1 else 1
    until = time.monotonic() + _PATIENCE_S
    read = view.said.get("keys")
    while read is not None and time.monotonic() < until and door_state(engine, door).get("keys") == read:
        time.sleep(_LOOK_S)
    for secret in secrets:
        good = 0
        while good < wanted and time.monotonic() < until:
            if _takes(port, secret, secure=is_secure(view.part)):
                good += 1
            else:
                good = 0
                time.sleep(0.02)


def _takes(port: int, secret: str, *, secure: bool) -> bool:
    if secure:
        context = tls_context(Connection("", {}, is_remote()))
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            engine_host(), port, timeout=5, context=context
        )
    else:
        connection = http.client.HTTPConnection(engine_host(), port, timeout=5)
    try:
        connection.request("GET", "/swagger.json", headers={"authorization": f"Bearer {secret}"})
        return connection.getresponse().status not in (401, 403)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _tokens(service: ServiceRef) -> list[str]:
    """Return a token of each signing key for the next few minutes, the present key's first; [] where keys are sent."""
    path = _facts(service).get("token_keys_file")
    return TokenKeyFile(Path(str(path))).trials(service.name) if path else []


def _facts(service: ServiceRef) -> dict[str, Any]:
    return read_json(service.directory / _FACTS) or {}
