"""Services, revisions and targets as JSON documents, the same for every frontend that answers programs.

They hold what is recorded, never a key, a secret or what a target notes for itself.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .target import BrokenTarget, Measuring, Target

if TYPE_CHECKING:
    from .bundle import Bundle
    from .records import RevisionRecord, ServiceRecord
    from .request import Outcome
    from .target import LogLine


def service_document(record: ServiceRecord) -> dict[str, Any]:
    """Return a service; times are epoch seconds."""
    return {
        "name": record.name,
        "uid": record.uid,
        "target": record.target,
        "state": "Deleted" if record.deleted is not None else str(record.state),
        "reason": record.reason,
        "revision": record.live_revision,
        "scoring_uri": record.scoring_uri,
        "created": record.created,
        "updated": record.updated,
        "deleted": record.deleted,
        "description": record.description,
        "tags": dict(record.tags),
        "properties": dict(record.properties),
    }


def revision_document(revision: RevisionRecord) -> dict[str, Any]:
    """Return a revision; ``config`` is as it was given."""
    return {
        "revision": revision.number,
        "state": str(revision.state),
        "reason": revision.reason,
        "digest": revision.bundle,
        "created": revision.created,
        "config": dict(revision.config),
        "origin": asdict(revision.origin),
        "facts": dict(revision.facts),
    }


def outcome_document(outcome: Outcome, bundle: Bundle) -> dict[str, Any]:
    """Return a deployment that reached its goal: the service with ``digest``, ``seconds``, ``steps`` and the like."""
    return {
        **service_document(outcome.service),
        "revision": outcome.revision.number,
        "digest": outcome.revision.bundle,
        "seconds": round(outcome.seconds, 3),
        "steps": [dict(step) for step in outcome.steps],
        "models": [{"id": model.id, "digest": model.tree.digest, "size": model.size} for model in bundle.models],
        "findings": [dict(item) for item in outcome.findings],
    }


def target_document(target: Target | BrokenTarget, *, in_full: bool = False) -> dict[str, Any]:
    """Return a target; ``in_full`` adds its capabilities, its configuration and what a profile can limit."""
    if isinstance(target, BrokenTarget):
        return {
            "name": target.name,
            "available": False,
            "reason": f"the plug-in of package {target.package!r} could not be loaded: {target.error}",
        }
    available = target.available()
    document: dict[str, Any] = {
        "name": target.name,
        "title": target.title,
        "summary": target.summary,
        "available": available.ok,
        "reason": available.reason,
        "hint": available.hint,
    }
    if in_full:
        document["capabilities"] = target.capabilities.to_dict()
        document["configuration"] = target.config_type.model_json_schema()
        document["profiles"] = _profiles(target)
    return document


def _profiles(target: Target) -> dict[str, bool] | None:
    """Return what a profile on a target can limit; None where its services cannot be measured."""
    if not isinstance(target, Measuring):
        return None
    cpu, memory = target.limit_fields
    return {"cpu": bool(cpu), "memory_gb": bool(memory)}


def log_document(line: LogLine) -> dict[str, Any]:
    """Return a line of a log; ``time`` is epoch seconds or None."""
    # Written out: logs have millions of lines, and dataclasses.asdict copies every value.
    return {
        "time": line.time,
        "text": line.text,
        "source": line.source,
        "revision": line.revision,
        "level": line.level,
    }
