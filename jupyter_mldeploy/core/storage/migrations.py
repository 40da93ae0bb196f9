"""The catalogue's schema, as an ordered list of steps.

To change the schema append ``(next number, sql)`` to :data:`MIGRATIONS`; a step that has been released is never
edited. Each step runs in one transaction together with the number it sets, so a process killed half-way leaves the
old schema. The number lives in SQLite's ``user_version``.
"""

from __future__ import annotations

import sqlite3

APPLICATION_ID = 0x6D6C6470
"""Marks the SQLite file as ours ("mldp"), so that another program's database is never migrated by mistake."""

_STORAGE = """
-- A tree is the list of files of a model or of a bundle's source; its blobs live while some owner refers to it.
CREATE TABLE trees (
    digest TEXT PRIMARY KEY,
    files  TEXT NOT NULL
) WITHOUT ROWID;

-- owner: 'model:<name>:<version>', 'bundle:<digest>', or whatever else keeps files alive.
CREATE TABLE tree_refs (
    owner TEXT NOT NULL,
    tree  TEXT NOT NULL REFERENCES trees (digest),
    PRIMARY KEY (owner, tree)
) WITHOUT ROWID;
CREATE INDEX tree_refs_by_tree ON tree_refs (tree);

-- Single blobs kept alive by an owner that has no tree (for example an environment's lock file).
CREATE TABLE blob_refs (
    owner TEXT NOT NULL,
    blob  TEXT NOT NULL,
    PRIMARY KEY (owner, blob)
) WITHOUT ROWID;

-- The last version given out per model name: a deleted version's number is never given to other content.
CREATE TABLE model_counters (
    name         TEXT PRIMARY KEY,
    last_version INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE models (
    name                   TEXT NOT NULL,
    version                INTEGER NOT NULL,
    created                TEXT NOT NULL,
    description            TEXT,
    tags                   TEXT NOT NULL,
    properties             TEXT NOT NULL,
    framework              TEXT,
    framework_version      TEXT,
    resource_configuration TEXT,
    sample_input           TEXT,
    sample_output          TEXT,
    kind                   TEXT NOT NULL CHECK (kind IN ('file', 'folder')),
    root                   TEXT NOT NULL,
    tree                   TEXT NOT NULL REFERENCES trees (digest),
    size                   INTEGER NOT NULL,
    PRIMARY KEY (name, version)
) WITHOUT ROWID;

CREATE TABLE bundles (
    digest   TEXT PRIMARY KEY,
    created  TEXT NOT NULL,
    manifest TEXT NOT NULL,
    origin   TEXT
) WITHOUT ROWID;

CREATE TABLE bundle_models (
    bundle  TEXT NOT NULL REFERENCES bundles (digest) ON DELETE CASCADE,
    name    TEXT NOT NULL,
    version INTEGER NOT NULL,
    tree    TEXT NOT NULL REFERENCES trees (digest),
    PRIMARY KEY (bundle, name, version)
) WITHOUT ROWID;
CREATE INDEX bundle_models_by_model ON bundle_models (name, version);

-- Digests of big files outside the store, so that deploying an unchanged file again does not read it again.
CREATE TABLE file_digests (
    path     TEXT PRIMARY KEY,
    device   INTEGER NOT NULL,
    inode    INTEGER NOT NULL,
    size     INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    digest   TEXT NOT NULL
) WITHOUT ROWID;
"""

_SERVICES = """
-- uid tells apart two services that had the same name one after the other; deleted ones keep their row.
CREATE TABLE services (
    uid TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    target TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    live_revision INTEGER,
    scoring_uri TEXT,
    created REAL NOT NULL,
    updated REAL NOT NULL,
    description TEXT,
    tags TEXT NOT NULL,
    properties TEXT NOT NULL,
    runtime TEXT NOT NULL,
    deleted REAL
);
CREATE UNIQUE INDEX services_name ON services (name) WHERE deleted IS NULL;
CREATE TABLE revisions (
    service_uid TEXT NOT NULL REFERENCES services (uid),
    number INTEGER NOT NULL,
    bundle TEXT NOT NULL,
    config TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    created REAL NOT NULL,
    origin TEXT NOT NULL,
    facts TEXT NOT NULL,
    PRIMARY KEY (service_uid, number)
);
CREATE INDEX revisions_bundle ON revisions (bundle);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    time REAL NOT NULL,
    kind TEXT NOT NULL,
    service_uid TEXT,
    service TEXT,
    revision INTEGER,
    message TEXT NOT NULL,
    data TEXT NOT NULL,
    dedupe TEXT UNIQUE
);
CREATE INDEX events_service ON events (service, seq);
"""

_ENVIRONMENTS = """
-- Deleted versions keep their row, so that a number is never given to other content.
CREATE TABLE environments (
    name    TEXT NOT NULL,
    version INTEGER NOT NULL,
    digest  TEXT NOT NULL,
    created TEXT NOT NULL,
    deleted TEXT,
    spec    TEXT NOT NULL,
    PRIMARY KEY (name, version)
) WITHOUT ROWID;
"""

_IMAGES = """
-- Deleted versions keep their row, so that a number is never given to other content.
CREATE TABLE images (
    name        TEXT NOT NULL,
    version     INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    state       TEXT NOT NULL,
    reason      TEXT,
    builder     TEXT NOT NULL,
    context     TEXT NOT NULL,
    bundle      TEXT NOT NULL,
    reference   TEXT NOT NULL,
    digest      TEXT,
    size        INTEGER,
    stages      TEXT NOT NULL,
    locations   TEXT NOT NULL,
    facts       TEXT NOT NULL,
    description TEXT,
    tags        TEXT NOT NULL,
    properties  TEXT NOT NULL,
    created     REAL NOT NULL,
    finished    REAL,
    deleted     REAL,
    PRIMARY KEY (name, version)
) WITHOUT ROWID;
CREATE INDEX images_bundle ON images (bundle);

-- Images of stages that services' images stand on: a cache, kept while it is used.
CREATE TABLE image_stages (
    reference TEXT PRIMARY KEY,
    builder   TEXT NOT NULL,
    used      REAL NOT NULL
) WITHOUT ROWID;
"""

MIGRATIONS: tuple[tuple[int, str], ...] = ((1, _STORAGE), (2, _SERVICES), (3, _ENVIRONMENTS), (4, _IMAGES))

LATEST = MIGRATIONS[-1][0]


def migrate(db: sqlite3.Connection) -> None:
    """Bring the catalogue to :data:`LATEST`, one transaction a step; the caller holds the store's migration lock."""
    version = schema_version(db)
    for number, sql in MIGRATIONS:
        if number > version:
            try:
                db.executescript(
                    f"BEGIN IMMEDIATE;\n{sql}\n"
                    f"PRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {number};\nCOMMIT;"
                )
            except BaseException:
                if db.in_transaction:
                    db.rollback()
                raise


def schema_version(db: sqlite3.Connection) -> int:
    """Return the number of the last step that was applied, 0 for a new file."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])
