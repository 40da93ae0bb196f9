"""Revisions that were replaced: they go on answering what they have accepted, and need what they need until then."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ..errors import MldeployError, NotFoundError
from .config import DeploymentConfig, read_config
from .target import Progress, ServiceRef
from .traffic.members import members_of, split_in

if TYPE_CHECKING:
    from .records import RevisionRecord, ServiceRecord
    from .workspace import Workspace

#: Seconds between two looks whether whoever waits has given up.
_LOOK_S = 0.1


@runtime_checkable
class SeeingOut(Protocol):
    """What a target also has where a replaced revision still answers when ``apply`` has returned. Optional."""

    def see_out(self, service: ServiceRef, config: DeploymentConfig) -> None:
        """Return when no replaced revision has requests to answer any more, or its time to drain is over.

        Args:
            config: the configuration of the revision that was replaced last.
        """
        ...


def see_out(workspace: Workspace, record: ServiceRecord, replaced: RevisionRecord, progress: Progress) -> None:
    """Wait for the end of a revision that was replaced, before what it sends requests to is removed.

    A target that cannot tell is not waited for, and no longer than ``progress`` allows: its deadline or a cancellation
    ends the wait, which is no failure of what was done before.
    """
    target = workspace.targets.get(record.target)
    if not isinstance(target, SeeingOut):
        return
    with suppress(MldeployError):
        progress.step("drain", "waiting for the last answers of the revision before")
        config = read_config(target.config_type, replaced.config)
        reference = workspace.deployer.reference(record)
        ended: Future[None] = Future()

        def look() -> None:
            try:
                target.see_out(reference, config)
            except BaseException as error:  # noqa: BLE001  it is raised where somebody waits
                ended.set_exception(error)
            else:
                ended.set_result(None)

        # In a thread, since a target's wait cannot be ended; one that nobody waits for any more only looks.
        threading.Thread(target=look, name="see-out", daemon=True).start()
        while not wait([ended], _LOOK_S).done:
            progress.check()
        ended.result()


@contextmanager
def versions_seen_out(workspace: Workspace, name: str, progress: Progress) -> Iterator[None]:
    """Delete the versions of an endpoint that get no requests any more, once the block has replaced its router.

    They are asked until the router that knew them has answered what it had accepted. A block that is broken off may
    have replaced it a moment before: what then gets no requests goes as well, since no other way leads to it.
    """
    before = workspace.deployer.live(workspace.catalogue.service(name))
    try:
        yield
    except BaseException:
        # What ended the block (its deadline, a cancellation) is no reason to fail the requests that are under way.
        _see_out_versions(workspace, name, before, progress.afresh())
        raise
    _see_out_versions(workspace, name, before, progress)


def _see_out_versions(workspace: Workspace, name: str, before: RevisionRecord, progress: Progress) -> None:
    record = workspace.catalogue.service(name)
    now = workspace.deployer.live(record)
    if now.number == before.number:
        return
    known, split = split_in(before), split_in(now)
    if split is None:
        unused = [member.name for member in members_of(workspace.catalogue, name).values()]
    else:
        used = set(split.services.values())
        unused = [service for service in known.services.values() if service not in used] if known is not None else []
    if not unused:
        return
    try:
        see_out(workspace, record, before, progress)
    finally:  # whoever gives up waiting leaves no version behind
        delete_versions(workspace, unused)


def delete_versions(workspace: Workspace, names: Iterable[str]) -> None:
    """Delete services that are versions of an endpoint; those that are gone already are passed over."""
    for name in names:
        with suppress(NotFoundError):
            workspace.deployer.delete(name, member=True)


__all__ = ["SeeingOut", "delete_versions", "see_out", "versions_seen_out"]
