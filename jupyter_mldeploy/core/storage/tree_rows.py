"""Trees in the catalogue, and who keeps them alive."""

from __future__ import annotations

import json
import sqlite3
from collections import OrderedDict

from .tree import Tree

_CACHE_SIZE = 64
_cache: OrderedDict[str, Tree] = OrderedDict()


def save_tree(db: sqlite3.Connection, tree: Tree, owner: str) -> None:
    """Store a tree, if it is new, and note that ``owner`` (``"model:…"``, ``"bundle:…"``) keeps it alive."""
    db.execute(
        "INSERT INTO trees (digest, files) VALUES (?, ?) ON CONFLICT DO NOTHING", (tree.digest, tree.canonical.decode())
    )
    db.execute("INSERT INTO tree_refs (owner, tree) VALUES (?, ?) ON CONFLICT DO NOTHING", (owner, tree.digest))


def forget_owner(db: sqlite3.Connection, owner: str) -> None:
    """Note that ``owner`` keeps nothing alive any more."""
    db.execute("DELETE FROM tree_refs WHERE owner = ?", (owner,))
    db.execute("DELETE FROM blob_refs WHERE owner = ?", (owner,))


def load_tree(db: sqlite3.Connection, digest: str) -> Tree:
    """Return a tree that the catalogue refers to; the last few are kept, because bundles share their models' trees."""
    tree = _cache.get(digest)
    if tree is None:
        (files,) = db.execute("SELECT files FROM trees WHERE digest = ?", (digest,)).fetchone()
        tree = _cache[digest] = Tree.from_json(json.loads(files))
        while len(_cache) > _CACHE_SIZE:
            _cache.popitem(last=False)
    return tree


def referenced_blobs(db: sqlite3.Connection) -> set[str]:
    """Return the digests of all blobs that something keeps alive, and drop the trees that nothing does."""
    db.execute("DELETE FROM trees WHERE digest NOT IN (SELECT tree FROM tree_refs)")
    keep = {row[0] for row in db.execute("SELECT DISTINCT blob FROM blob_refs")}
    for (files,) in db.execute("SELECT files FROM trees"):
        keep.update(entry["digest"] for entry in json.loads(files))
    gone = [(path,) for path, digest in db.execute("SELECT path, digest FROM file_digests") if digest not in keep]
    db.executemany("DELETE FROM file_digests WHERE path = ?", gone)
    return keep
