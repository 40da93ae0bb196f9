"""Requests that something before the router divides (a Gateway): the router stays behind it, for all other ways in.

The versions are then called with the endpoint's own keys, so those are lent to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import MldeployError
from ..keys import KeyFile
from ..records import State
from .members import members_of
from .shares import Dividing, Share
from .split import Split

if TYPE_CHECKING:
    from ..records import ServiceRecord
    from ..target import Progress
    from ..workspace import Workspace


def divide(workspace: Workspace, record: ServiceRecord, split: Split, progress: Progress) -> None:
    """Have the requests divided before the router where the target can; what it says about it is reported."""
    target = workspace.targets.get(record.target)
    reference = workspace.deployer.reference(record)
    if not isinstance(target, Dividing) or not target.divides(reference):
        return
    lend_keys(workspace, record, always=True)
    shares = [
        Share(
            item.version, workspace.deployer.reference(workspace.catalogue.service(item.service)), item.weight,
            item.mirror,
        )
        for item in split.routes
    ]  # fmt: skip
    division = target.divide(reference, shares)
    if division.remark:
        progress.step("divide", division.remark)


def lend_keys(workspace: Workspace, record: ServiceRecord, *, always: bool = False) -> None:
    """Let the endpoint's keys open its versions: those that have them already, or ``always`` all of them."""
    target = workspace.targets.get(record.target)
    keys = list(KeyFile(workspace.keys_path(record.uid)).ensure())
    failure: MldeployError | None = None
    for member in members_of(workspace.catalogue, record.name).values():
        file = KeyFile(workspace.keys_path(member.uid))
        if (always or file.further()) and file.lend(keys) and member.state not in {State.STOPPED, State.FAILED}:
            try:
                target.reload_keys(workspace.deployer.reference(member), file.path)
            except MldeployError as error:  # the others get them all the same
                failure = failure or error
    if failure is not None:
        raise failure
