"""Revisions that were replaced: they go on answering what they have accepted, and need what they need until then."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ..errors import MldeployError
from .config import DeploymentConfig, read_config
from .target import ServiceRef

if TYPE_CHECKING:
    from .records import RevisionRecord, ServiceRecord
    from .workspace import Workspace


@runtime_checkable
class SeeingOut(Protocol):
    """What a target also has where a replaced revision still answers when ``apply`` has returned. Optional."""

    def see_out(self, service: ServiceRef, config: DeploymentConfig) -> None:
        """Return when no replaced revision has requests to answer any more, or its time to drain is over.

        Args:
            config: the configuration of the revision that was replaced last.
        """
        ...


def see_out(workspace: Workspace, record: ServiceRecord, replaced: RevisionRecord) -> None:
    """Wait for the end of a revision that was replaced, before what it sends requests to is removed.

    A target that cannot tell is not waited for.
    """
    target = workspace.targets.get(record.target)
    if isinstance(target, SeeingOut):
        with suppress(MldeployError):
            config = read_config(target.config_type, replaced.config)
            target.see_out(workspace.deployer.reference(record), config)
