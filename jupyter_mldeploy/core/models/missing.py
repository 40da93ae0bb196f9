"""What is said when a model is asked for that is not there."""

from __future__ import annotations

from pathlib import Path

from ...errors import NotFoundError
from ..names import did_you_mean
from ..store import Store
from .source import missing_path


def model_not_found(store: Store, name: str, version: int | None = None) -> NotFoundError:
    """Return the error for a model that is not registered, with the versions or names that are."""
    with store.read() as db:
        versions = [row[0] for row in db.execute("SELECT version FROM models WHERE name = ? ORDER BY version", (name,))]
        names = [row[0] for row in db.execute("SELECT DISTINCT name FROM models ORDER BY name")]
        last = db.execute("SELECT last_version FROM model_counters WHERE name = ?", (name,)).fetchone()
    wanted = name if version is None else f"{name}:{version}"
    deleted = last is not None and (version is None or 0 < version <= last[0])
    message = f"Model {wanted!r} was deleted." if deleted else f"There is no model {wanted!r}."
    if versions:
        few = ", ".join(map(str, versions[-10:]))
        hint = f"{name!r} has the version{'s' * (len(versions) > 1)} {few}."
    elif names:
        hint = did_you_mean(name, names) or f"There are: {', '.join(names[:12])}{', …' * (len(names) > 12)}."
    else:
        hint = "No model is registered in this workspace."
    return NotFoundError("model", wanted, message=message, hint=hint)


def nothing_of_that_name(store: Store, reference: str, path: Path) -> NotFoundError:
    """Return the error for a text that is neither a registered model nor a path here."""
    nothing = missing_path(path)
    if "/" in reference:
        return nothing
    registry = model_not_found(store, reference)
    return NotFoundError(
        "model",
        reference,
        message=f"{reference!r} is neither a registered model nor a file or folder here.",
        hint=" ".join(hint for hint in (registry.hint, nothing.hint) if hint),
    )
