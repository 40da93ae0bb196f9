"""What became of work whose server ended in the middle: said from what is there now."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ..core.records import RevisionRecord, RevisionState, ServiceRecord
from ..core.workspace import Workspace
from ..errors import MldeployError, NotFoundError

#: Work about something else than a service; its name may be that of a service all the same.
_OF_OTHERS = {"register": "model", "build": "image", "push": "image"}

#: Seconds to wait for whoever is settling the same service just now, as the comparison in the background may be.
_SETTLING_S = 5.0


def interrupted(workspace: Workspace, document: Mapping[str, Any], *, look: bool) -> dict[str, Any]:
    """Return an operation that was cut off as REST shows it: with what became of the service.

    Args:
        document: as it was kept, "running".
        look: ask the target first, which also settles the revision that was being made.
    """
    kind, name = str(document["kind"]), str(document["service"])
    what = _OF_OTHERS.get(kind, "service")
    # The first 140 characters are what a notification shows.
    told = [f"The Jupyter server ended during this {kind} of {what} {name}."]
    details: dict[str, Any] = {"kind": kind}
    if what == "service":
        if look:
            with suppress(MldeployError):  # a target that does not answer says nothing new
                workspace.deployer.refresh(name, wait_s=_SETTLING_S)
        sentences, facts = _service(workspace, name, float(document["created"]))
        told = [f"The Jupyter server ended during this {kind}.", *sentences]
        details |= facts
    error = {
        "code": "interrupted",
        "message": " ".join(told),
        "hint": "Begin it again if it is still wanted; what is done already is found again.",
        "cause": None,
        "details": details,
    }
    return {**document, "state": "interrupted", "cancelling": False, "error": error, "version": document["version"] + 1}


def _service(workspace: Workspace, name: str, begun: float) -> tuple[list[str], dict[str, Any]]:
    try:
        record = workspace.catalogue.service(name)
    except NotFoundError:
        try:
            workspace.catalogue.last_service(name)
        except NotFoundError:
            return [f"Nothing is deployed as {name!r}."], {}
        return [f"{name} is deleted."], {}
    made = [item for item in workspace.catalogue.revisions(record.uid) if item.created >= begun]
    told = [_revision(item) for item in made[-1:]]
    return [_state(record), *told], {"service": name, "live_revision": record.live_revision}


def _revision(item: RevisionRecord) -> str:
    if item.state is RevisionState.FAILED:
        return f"Revision {item.number} failed."
    if item.state is RevisionState.CANDIDATE:
        return f"Revision {item.number} is not settled yet."
    return f"Revision {item.number} was finished all the same."


def _state(record: ServiceRecord) -> str:
    serves = f"serves revision {record.live_revision}" if record.live_revision is not None else "has no live revision"
    return f"{record.name} {serves} and is: {record.state}."
