"""What nothing uses any more, and its removal: bundles of services that are gone, and files of nobody."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .bundle import GRACE_S

if TYPE_CHECKING:
    from .workspace import Workspace


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection removed: numbers of bundles, images and files, and the files' bytes together."""

    bundles: int
    images: int
    files: int
    bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as JSON."""
        return asdict(self)


def collect_garbage(workspace: Workspace, *, grace_s: float = GRACE_S) -> Collected:
    """Remove bundles that no revision of a living service and no image uses, then what images and files are idle.

    Args:
        grace_s: seconds for which what is new is left alone, in case a deployment is about to refer to it.

    Raises:
        BusyError: something was being registered all the time.
    """
    bundles = 0
    now = time.time()
    for bundle in workspace.bundles.list():
        if bundle.created is not None and now - bundle.created.timestamp() < grace_s:
            continue
        # One transaction, so that no revision can begin to use the bundle between the question and the deletion.
        with workspace.store.write():
            if bundle.digest not in workspace.bundles_in_use():
                workspace.bundles.delete(bundle.digest)
                bundles += 1
    images = workspace.images.collecting().collect(grace_s=grace_s)
    files, size = workspace.bundles.gc(grace_s=grace_s)
    return Collected(bundles, images, files, size)
