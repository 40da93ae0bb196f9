"""A service as a representation may see it: fresh where that is quick, and never waiting for a network."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import MldeployError

if TYPE_CHECKING:
    from ..records import RevisionRecord, ServiceRecord
    from ..service import Service

#: Seconds that a representation may take to compare the record with the truth.
BUDGET_S = 0.2


def glance(service: Service, *, budget_s: float = BUDGET_S) -> tuple[ServiceRecord, Sequence[RevisionRecord]]:
    """Return a service's record and revisions.

    A service on this machine is compared with the truth when that takes no longer than ``budget_s`` seconds; one that
    is reached over a network, or is slow, is returned as last settled.
    """
    if service.record.deleted is None and is_near(service):
        asking = threading.Thread(target=_refresh, args=(service,), name="mldeploy-glance", daemon=True)
        asking.start()
        asking.join(budget_s)
    return service.record, service.revisions()


def is_near(service: Service) -> bool:
    """Return whether the service runs on this machine."""
    try:
        capabilities = service.workspace.targets.get(service.record.target).capabilities
    except MldeployError:
        return False
    return not (capabilities.needs_account or capabilities.needs_image)


def _refresh(service: Service) -> None:
    try:
        service.refresh()
    except (MldeployError, OSError):
        return  # deleted meanwhile, or a broken plug-in: what was settled last is shown
