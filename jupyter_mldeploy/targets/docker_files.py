"""Files in a service's volume: keys, tokens' keys and secrets go in, what the door says comes out.

They travel through the engine's archive interface, so nothing has to be mounted from this machine: an engine elsewhere
gets them as well. Only the service's user (and root of the engine's machine) can read them.
"""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from .docker_house import FOLDER, GONE, MOUNT, USER_ID, Part

KEYS = "keys.json"
TOKEN_KEYS = "token_keys.json"  # noqa: S105  a file's name


def bundle_file(revision: int) -> str:
    """Return the name of the file with the description of a revision's bundle."""
    return f"bundle-{revision}.json"


def secrets_file(revision: int) -> str:
    """Return the name of the file with a revision's secrets."""
    return f"secrets-{revision}.json"


#: Longest time in which a door carries out the order to let a revision take over, in seconds.
TAKE_OVER_S = 15.0
#: How often a file is read that is replaced all the time, and one that must be there is looked for (two seconds).
_READS = 10
_LOOKS = 24


def put(engine: Any, container: str, files: Mapping[str, bytes]) -> None:
    """Write files into the service's folder of the volume; the container may be stopped."""
    folder = PurePosixPath(FOLDER).relative_to(MOUNT)
    engine.put_archive(container, MOUNT, _archive(folder, 0o700, files))


def put_folder(engine: Any, container: str, place: str, name: str, mode: int) -> None:
    """Make a folder of the service's user in a volume that is mounted at ``place``, and is root's when it is new."""
    engine.put_archive(container, place, _archive(PurePosixPath(name), mode, {}))


def let_take_over(engine: Any, door: Part, revision: int) -> None:
    """Tell the door that a revision is to serve from now on; 0 takes an order back that it has not carried out yet.

    No signal does this: an engine that has sent one takes the container for stopped by hand, and restarts it no more.
    """
    put(engine, door.id, {_order_file(door): str(revision).encode()})


def is_to_take_over(engine: Any, door: Part) -> int:
    """Return the revision that the door was told last to let take over, 0 for none."""
    found = get(engine, door.id, _order_file(door)) or b""
    return int(found) if found.isdigit() else 0


def _order_file(door: Part) -> str:
    return f"{door.door_name}.take"


def _archive(folder: PurePosixPath, mode: int, files: Mapping[str, bytes]) -> bytes:
    """Return a folder with its files as the engine takes them."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        header = _header(str(folder), mode)
        header.type = tarfile.DIRTYPE
        archive.addfile(header)
        for name, data in files.items():
            header = _header(str(folder / name), 0o400)
            header.size = len(data)
            archive.addfile(header, io.BytesIO(data))
    return stream.getvalue()


def _header(name: str, mode: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.mode, header.uid, header.gid = mode, USER_ID, USER_ID
    header.mtime = time.time()  # whole seconds would hide that a file was replaced twice in one of them
    return header


def is_going(engine: Any, container: str) -> bool:
    """Say whether a container is gone or about to go; nothing is to be read from it any more."""
    from docker.errors import NotFound

    try:
        inspected = engine.inspect_container(container)
    except NotFound:
        return True
    state = str((inspected.get("State") or {}).get("Status") or "")
    return state in ("removing", "dead") or str(inspected.get("Name") or "").endswith(GONE)


def get(engine: Any, container: str, name: str) -> bytes | None:
    """Return a file of the service's folder, None when it is not there, or not to be read any more.

    A container that is being removed must not be read (see :data:`GONE`). Its name is asked for right before, and not
    taken from a list that may be as old as this process was kept waiting.
    """
    from docker.errors import APIError, NotFound

    try:
        for attempt in range(_READS):
            if is_going(engine, container):
                return None
            try:
                chunks, _ = engine.get_archive(container, f"{FOLDER}/{name}")
                break
            except APIError as error:
                # The engine looks at the file and then reads it; one that is replaced in between is gone for it.
                if "no such file" in str(error.explanation) and attempt < _READS - 1:
                    continue
                # A container that is removed while it is read makes errors of many kinds.
                if isinstance(error, NotFound) or is_going(engine, container):
                    return None
                raise
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            for member in archive:
                stream = archive.extractfile(member)
                if stream is not None:
                    return stream.read()
    except tarfile.TarError:
        return None
    return None


def door_state(engine: Any, door: Part) -> dict[str, Any]:
    """Return what the door wrote last, {} when it has written nothing or is gone.

    While another container of the same volume is being removed, the engine finds no file in it for a moment. What a
    door serves must not be forgotten for that, so a file that seems to be missing is looked for again.
    """
    for attempt in range(_LOOKS if door.running else _LOOKS // 8):
        try:
            value = json.loads(get(engine, door.id, f"{door.door_name}.json") or b"null")
        except ValueError:
            value = None
        if isinstance(value, dict):
            return value
        if is_going(engine, door.id):
            break
        time.sleep(min(0.1, 0.01 * (attempt + 1)))
    return {}
