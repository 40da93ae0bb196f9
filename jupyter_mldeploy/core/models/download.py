"""Copying a stored model into a directory of the user's."""

from __future__ import annotations

import os
from pathlib import Path

from ...errors import AlreadyExistsError
from ..storage.blobs import BlobStore
from ..storage.failures import storage_errors
from ..storage.tree import Tree


def download_files(blobs: BlobStore, tree: Tree, root: str, target_dir: Path, *, exist_ok: bool) -> Path:
    """Write a tree below ``target_dir`` and return the path of ``root`` there.

    Every file appears whole or not at all, and with ``exist_ok`` replaces one of its name; files that are not part of
    the tree are left alone. They are the user's own: writable, and never links into the store.
    """
    result = target_dir / root
    if not exist_ok and (result.exists() or result.is_symlink()):
        raise AlreadyExistsError(
            f"There is already something at {str(result)!r}.",
            hint="Choose another target_dir, or pass exist_ok=True (--exist-ok) to overwrite it.",
        )
    for entry in tree.files:
        final = target_dir / entry.path
        partial = final.with_name(f".{final.name[:200]}.{os.urandom(4).hex()}.part")
        with storage_errors(final, f"download {entry.path!r}"):
            final.parent.mkdir(parents=True, exist_ok=True)
            try:
                blobs.place(entry.digest, partial, executable=entry.executable, private=True)
                partial.replace(final)
            finally:
                partial.unlink(missing_ok=True)
    return result
