"""Laying a bundle out as a directory that an entry script runs in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ...errors import AlreadyExistsError
from ..models.layout import MODELS_DIRECTORY
from ..storage.canonical import canonical_json
from ..storage.copying import flush
from ..storage.failures import storage_errors
from ..storage.workdirs import sweep, work_dir
from ..store import Store
from .format import (
    DESCRIPTION,
    LINE_MAP,
    SOURCE_DIRECTORY,
    Bundle,
)

_LINK_FROM = 1 << 20


def materialise(store: Store, bundle: Bundle, dest: Path) -> Path:
    """Make ``dest`` hold the bundle, whole or not at all, and return it. See ``BundleStore.materialise``."""
    dest = dest.expanduser().absolute()
    if _is_complete(bundle, dest):
        return dest
    doing = f"lay out bundle {bundle.short}"
    with storage_errors(dest, doing):
        dest.parent.mkdir(parents=True, exist_ok=True)
    with storage_errors(dest, doing), _staging(store, dest) as staging:
        new = staging / "new"
        _fill(store, bundle, new)
        _publish(bundle, new, dest, staging / "old")
    return dest


def _fill(store: Store, bundle: Bundle, root: Path) -> None:
    made: set[Path] = set()
    for name in (SOURCE_DIRECTORY, MODELS_DIRECTORY):
        (root / name).mkdir(parents=True)
    for path, entry in bundle.files().items():
        target = root / path
        if target.parent not in made:
            target.parent.mkdir(parents=True, exist_ok=True)
            made.add(target.parent)
        # Source files are small and get edited in place while debugging, sometimes as root, for whom a read-only
        # mode is no obstacle; so they are copies. Models are big, and are links into the store.
        small = path.startswith(f"{SOURCE_DIRECTORY}/") and entry.size < _LINK_FROM
        store.blobs.place(entry.digest, target, executable=entry.executable, private=small)
    if bundle.origin is not None:
        (root / LINE_MAP).write_bytes(canonical_json(dict(bundle.origin), what="origin"))
    # Written last and flushed: where this is right, the rest was complete.
    with (root / DESCRIPTION).open("wb") as stream:
        stream.write(bundle.description())
        stream.flush()
        flush(stream.fileno())


def _publish(bundle: Bundle, new: Path, dest: Path, old: Path) -> None:
    for _ in range(3):
        try:
            new.rename(dest)
        except OSError:
            if _is_complete(bundle, dest):
                return
            if not dest.is_symlink() and not dest.exists():
                raise
            _refuse_others(bundle, dest)
            # The same bundle, damaged: put aside, so that the name never stands for something half-done.
            dest.rename(old)
        else:
            return
    raise AlreadyExistsError(f"{str(dest)!r} is being filled by another process.", hint="Try again.")


def _refuse_others(bundle: Bundle, dest: Path) -> None:
    try:
        ours = (dest / DESCRIPTION).read_bytes() == bundle.description()
    except OSError:
        ours = False
    if not ours:
        raise AlreadyExistsError(
            f"Bundle {bundle.short} cannot be laid out in {str(dest)!r}: there is something else already.",
            hint="Choose a directory that does not exist yet.",
        )


def _is_complete(bundle: Bundle, dest: Path) -> bool:
    try:
        if (dest / DESCRIPTION).read_bytes() != bundle.description():
            return False
        return all((dest / path).stat().st_size == entry.size for path, entry in bundle.files().items())
    except OSError:
        return False


@contextmanager
def _staging(store: Store, dest: Path) -> Iterator[Path]:
    with ExitStack() as stack:
        # A rename needs one mount, which equal device numbers do not prove; so elsewhere it is done side by side.
        if dest.is_relative_to(store.home):
            place = store.tmp_dir("bundle")
        else:
            sweep(dest.parent, f".{dest.name}")
            place = work_dir(dest.parent, f".{dest.name}")
        yield stack.enter_context(place)
