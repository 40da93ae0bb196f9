"""Finding services with the engine alone, and getting their bytes back from their containers."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

from ..core.adoption import Found
from ..core.bundles.format import DESCRIPTION, read_description
from ..errors import CorruptStoreError
from .docker_files import KEYS, TOKEN_KEYS, bundle_file, get, is_going
from .docker_house import LABEL_ROLE, LABEL_SERVICE, read_label
from .docker_observe import View

_ROOT = "/var/azureml-app"


def find_services(engine: Any) -> list[Found]:
    """Return every service on the engine whose door knows a revision that serves."""
    found = []
    for listed in engine.containers(all=True, filters={"label": f"{LABEL_ROLE}=door"}):
        who = read_label(listed.get("Labels") or {}, LABEL_SERVICE)
        if not who.get("uid"):
            continue
        view = View.of(engine, str(who["uid"]))
        part = view.part
        if part is None or view.door is None or view.door.id != listed["Id"]:
            continue
        config = dict(part.facts.get("config") or {})
        keys = _json(engine, view.door.id, KEYS) if config.get("auth_enabled", True) else None
        token_keys = _json(engine, view.door.id, TOKEN_KEYS)
        if is_going(engine, view.door.id):
            continue  # another process removes it: what was read may be half of it
        found.append(
            Found(
                uid=str(who["uid"]),
                name=str(who.get("name")),
                revision=part.revision,
                bundle=str(part.facts.get("bundle")),
                config=config,
                keys=keys,
                token_keys=token_keys,
                origin=dict(part.facts.get("origin") or {}),
                runtime={"port": view.door.port},
                image=part.image or None,
            )
        )
    return found


def fetch_bundle(engine: Any, found: Found, path: Path) -> None:
    """Put the bundle's archive together: its description from the volume, its files from the revision's container.

    Raises:
        CorruptStoreError: a part is missing.
    """
    view = View.of(engine, found.uid)
    if view.door is None or view.part is None:
        raise CorruptStoreError(f"The containers of {found.name!r} are gone.")
    description = get(engine, view.door.id, bundle_file(found.revision))
    if description is None:
        raise CorruptStoreError(f"{found.name!r} has no description of its bundle; deploy it again from its source.")
    wanted = read_description(description).files()
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, DESCRIPTION, description, executable=False)
        for name, entry in sorted(wanted.items()):
            chunks, _ = engine.get_archive(view.part.id, f"{_ROOT}/{name}")
            with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as piece:
                stream = piece.extractfile(piece.next() or tarfile.TarInfo())
                _add(archive, name, stream.read() if stream is not None else b"", executable=entry.executable)


def _add(archive: tarfile.TarFile, name: str, data: bytes, *, executable: bool) -> None:
    header = tarfile.TarInfo(name)
    header.size, header.mode = len(data), 0o755 if executable else 0o644
    archive.addfile(header, io.BytesIO(data))


def _json(engine: Any, door: str, name: str) -> dict[str, Any] | None:
    try:
        value = json.loads(get(engine, door, name) or b"null")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
