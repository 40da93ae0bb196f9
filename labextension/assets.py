"""The built assets of the JupyterLab extension, and how a stale copy of them is noticed.

``jlpm build`` and ``jlpm build:prod`` write to ``labextension/dist``, which is not committed. What is committed, and
goes into the wheel, is a production build in ``jupyter_mldeploy/labextension``, so that ``pip install`` needs no node.
Each build carries the digest of the sources that it was made from:

    python labextension/assets.py stamp     write the digest into the build (the build scripts do it)
    python labextension/assets.py publish   make the build the committed one (``make lab-assets`` does it)
    python labextension/assets.py install   show the build in the JupyterLab of this Python (``make lab`` does it)
    python labextension/assets.py check     fail when the committed build is stale
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILT = ROOT / "labextension" / "dist"
COMMITTED = ROOT / "jupyter_mldeploy" / "labextension"
STAMP = "sources.json"
#: What a build is made from; the versions of all packages stand in yarn.lock.
SOURCES = (
    "labextension/src",
    "labextension/style",
    "labextension/schema",
    "labextension/rspack.config.js",
    "package.json",
    "tsconfig.json",
    "yarn.lock",
)


def digest() -> str:
    """Return the digest of the sources as they are now: names and contents, in order."""
    total = hashlib.sha256()
    for path in sorted(path for name in SOURCES for path in _files(ROOT / name)):
        total.update(f"{path.relative_to(ROOT).as_posix()}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return f"sha256:{total.hexdigest()}"


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return [item for item in path.rglob("*") if item.is_file() and not item.name.startswith(".")]


def stamp(folder: Path) -> str | None:
    """Return the digest that a build was made from; None when there is none that can be read."""
    try:
        return str(json.loads((folder / STAMP).read_text(encoding="utf-8"))["digest"])
    except (FileNotFoundError, ValueError):  # none, or one with the marks of a merge conflict
        return None


def fresh() -> Path | None:
    """Return the folder of a build of the sources as they are now: the local one first, then the committed one."""
    now = digest()
    return next((folder for folder in (BUILT, COMMITTED) if stamp(folder) == now), None)


def replace(old: Path, new: Path) -> None:
    """Put a copy of ``new`` in the place of ``old``."""
    shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(new, old)


def main(arguments: list[str]) -> str | None:
    """Do what the only argument says; return what went wrong."""
    match arguments:
        case ["stamp"]:
            (BUILT / STAMP).write_text(json.dumps({"digest": digest()}, indent=2) + "\n", encoding="utf-8")
        case ["publish"]:
            if stamp(BUILT) != digest():
                return "labextension/dist is no build of these sources; run jlpm build:prod first."
            replace(COMMITTED, BUILT)
        case ["install"]:
            found = fresh()
            if found is None:
                return "There is no build of these sources; run jlpm build first."
            replace(Path(sys.prefix) / "share/jupyter/labextensions/jupyter-mldeploy", found)
            shutil.copy(ROOT / "install.json", Path(sys.prefix) / "share/jupyter/labextensions/jupyter-mldeploy")
        case ["check"]:
            if stamp(COMMITTED) != digest():
                return "jupyter_mldeploy/labextension was built from other sources; run make lab-assets and commit it."
        case _:
            return __doc__
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
