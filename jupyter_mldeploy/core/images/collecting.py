"""Removing images that nothing uses: those of services that are gone, and stages that no image stands on."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ...errors import MldeployError, NotFoundError
from ..catalogue import Catalogue
from .builder import Builders
from .catalogue import ImageCatalogue
from .record import CreationState, Image
from .shipping import Shipping

#: Images of a service's latest revisions that are kept for a quick way back.
KEPT_REVISIONS = 5


class Collecting:
    """Removes images of one workspace; what an engine does not want to give up, or cannot be asked for, stays there."""

    def __init__(
        self,
        rows: ImageCatalogue,
        catalogue: Catalogue,
        builders: Builders,
        log_path: Callable[[Image], Path],
        settled: Callable[[Image], Image],
    ) -> None:
        self._rows = rows
        self._catalogue = catalogue
        self._builders = builders
        self._log_path = log_path
        self._settled = settled

    def forget_service(self, name: str) -> int:
        """Remove the images that deployments of a service have made; return how many."""
        return sum(self.remove(self._settled(image)) for image in self._rows.all(name, kind="service"))

    def trim_service(self, name: str) -> int:
        """Remove the images of a service's revisions that no quick way back needs any more; return how many."""
        found = [image for image in self._rows.all(name, kind="service") if image.state is CreationState.SUCCEEDED]
        needed = self._needed(name) if len(found) > KEPT_REVISIONS else {image.bundle for image in found}
        return sum(self._remove_idle(image) for image in found if image.bundle not in needed)

    def collect(self, *, grace_s: float) -> int:
        """Remove images of services and revisions that are gone, and idle stages; return how many.

        Args:
            grace_s: seconds for which what is new, or was used, is left alone.
        """
        before = time.time() - grace_s
        count = 0
        for image in self._rows.all(kind="service"):
            if image.created < before and image.bundle not in self._needed(image.name):
                count += self._remove_idle(image)
        for reference, builder in self._rows.idle_stages(before):
            if self._remove_bytes(reference, builder):
                self._rows.forget_stage(reference)
                count += 1
        return count

    def _needed(self, name: str) -> set[str]:
        try:
            record = self._catalogue.service(name)
        except NotFoundError:
            return set()
        revisions = self._catalogue.revisions(record.uid)
        live = {item.bundle for item in revisions if item.number == record.live_revision}
        return live | {item.bundle for item in revisions[-KEPT_REVISIONS:]}

    def _remove_idle(self, image: Image) -> int:
        """Remove an image, but not from under a container or without its engine: it is looked at again later."""
        with suppress(MldeployError):
            return self.remove(image, strict=True)
        return 0

    def remove(self, image: Image, *, strict: bool = False) -> int:
        """Remove one image, and the models that only it stands on; packages stay, as the next one needs them too.

        Args:
            strict: raise what the builder raises, and forget nothing then.

        Returns:
            1, or 0 for one that is being built.
        """
        if image.state is CreationState.RUNNING:
            return 0
        others = [item for item in self._rows.all() if item.id != image.id]
        if image.state is CreationState.SUCCEEDED:
            # What failed, or was killed, has no bytes that it would need.
            if all(item.reference != image.reference or item.state is CreationState.FAILED for item in others):
                if strict:
                    builder = self._builders.usable(image.builder)
                    Shipping(self._rows, builder).clear(image)
                    builder.remove(image.reference)
                else:
                    self._remove_bytes(image.reference, image.builder)
            needed = {stage for item in others for stage in item.stages}
            for stage in image.stages:
                if "/models:" in stage and stage not in needed and self._remove_bytes(stage, image.builder):
                    self._rows.forget_stage(stage)
        self._rows.change(image, deleted=time.time())
        self._log_path(image).unlink(missing_ok=True)
        return 1

    def _remove_bytes(self, reference: str, builder: str) -> bool:
        with suppress(MldeployError):
            self._builders.usable(builder).remove(reference)
            return True
        return False
