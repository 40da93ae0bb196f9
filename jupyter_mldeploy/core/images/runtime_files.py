"""The scoring runtime as files of a build context: what runs ``init()`` and ``run()`` inside an image."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from .context import ContextFile

#: Folder of the runtime in a context.
FOLDER = "runtime"
_PACKAGE = Path(__file__).resolve().parent.parent.parent
_PARTS = ("__init__.py", "_version.py", "scoring", "schema")
_MAIN = '''"""Start of the service: ``python /opt/mldeploy/runtime``. Arguments are those of azmlinfsrv."""

import sys

from jupyter_mldeploy.scoring.container import main

if __name__ == "__main__":
    sys.exit(main())
'''


@cache
def runtime_files() -> tuple[ContextFile, ...]:
    """Return the runtime's files, sorted by path: the rooms ``scoring`` and ``schema`` of this package."""
    found = [ContextFile.of_bytes(f"{FOLDER}/__main__.py", _MAIN.encode("utf-8"))]
    for part in _PARTS:
        path = _PACKAGE / part
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                place = f"{FOLDER}/{_PACKAGE.name}/{file.relative_to(_PACKAGE).as_posix()}"
                found.append(ContextFile.of_bytes(place, file.read_bytes()))
    return tuple(sorted(found, key=lambda item: item.path))
