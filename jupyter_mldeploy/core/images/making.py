"""One build, from a row in state Running to one that tells what came of it; called with the image's lock held."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...errors import MldeployError
from ..models.fields import check_labels
from ..progress import Progress
from ..storage.failures import storage_errors
from ..store import Store
from .builder import Builder, Builders
from .built import BuiltImage
from .catalogue import ImageCatalogue
from .context import BuildContext
from .record import CreationState, Image

_DIED = "The process that built it ended before it was done."


class Making:
    """Makes one image with one builder."""

    def __init__(
        self, store: Store, rows: ImageCatalogue, builder: Builder | None, log_path: Callable[[Image], Path]
    ) -> None:
        self._store = store
        self._rows = rows
        self._builder = builder
        self._log_path = log_path

    def make(self, name: str, context: BuildContext, values: Mapping[str, Any], progress: Progress) -> Image:
        """Return the image that is there already, or build it."""
        assert self._builder is not None  # noqa: S101 - only settling does without
        reference = str(values["reference"])
        known = self._rows.find(name, context.digest, self._builder.name)
        if known is not None and known.state is CreationState.RUNNING:
            known = self._failed(known, _DIED)  # we hold its lock
        if known is not None and known.kind == "service" and values["kind"] != "service":
            known = self._keep(known, values)
        found = self._builder.find(reference)
        self._rows.use_stages([*context.below], self._builder.name)
        if known is not None and known.state is CreationState.SUCCEEDED and (found or not self._builder.runs):
            return self._rows.change(known, facts={**known.facts, "fresh": False})
        if known is not None and known.state is CreationState.SUCCEEDED:
            image = self._rows.change(known, state=CreationState.RUNNING, finished=None)
        else:
            image = self._rows.begin(name, **values)
        if found is not None:
            return self.settle_found(image, found)
        return self._build(image, context, reference, progress)

    def _keep(self, image: Image, values: Mapping[str, Any]) -> Image:
        """Make a service's image one that was asked for by name: it does not go with the service any more."""
        labels = {key: check_labels(values[key], key) for key in ("tags", "properties") if values[key]}
        described = {"description": values["description"]} if values["description"] else {}
        return self._rows.change(image, kind=values["kind"], **described, **labels)

    def _build(self, image: Image, context: BuildContext, reference: str, progress: Progress) -> Image:
        assert self._builder is not None  # noqa: S101
        path = self._log_path(image)
        with storage_errors(path, "keep the build log"):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            log = path.open("a", encoding="utf-8")
        began = time.monotonic()
        with log:

            def say(line: str) -> None:
                log.write(f"{line}\n")
                log.flush()

            say(f"Building {image.id} with {self._builder.name}: {reference}")
            try:
                built = self._builder.build(context, reference, progress, say)
            except BaseException as error:
                reason = error.message if isinstance(error, MldeployError) else "The build was interrupted."
                say(reason)
                self._failed(image, reason)
                if isinstance(error, MldeployError):
                    error.details.setdefault("log", str(path))
                    error.hint = error.hint or f"The build log is in {path}."
                raise
            seconds = round(time.monotonic() - began, 3)
            say(f"Built {reference} in {seconds} s.")
        return self._succeeded(image, built.digest, built.size, {"fresh": True, "seconds": seconds})

    def settle_dead(self, image: Image, builders: Builders) -> Image:
        """Record that the builder of an image died, and clear away what it left on its engine."""
        lines = []
        path = self._log_path(image)
        if path.exists():
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        with suppress(MldeployError):  # the engine is gone; its layers are a cache to it, and pruned like all others
            builders.usable(image.builder).discard(lines)
        return self._failed(image, _DIED)

    def settle_found(self, image: Image, found: BuiltImage) -> Image:
        """Record that an image is on the engine already."""
        return self._succeeded(image, found.digest, found.size, {"fresh": False})

    def _failed(self, image: Image, reason: str) -> Image:
        return self._rows.change(image, state=CreationState.FAILED, reason=reason, finished=time.time())

    def _succeeded(self, image: Image, digest: str, size: int, facts: Mapping[str, Any]) -> Image:
        return self._rows.change(
            image,
            state=CreationState.SUCCEEDED,
            reason=None,
            digest=digest,
            size=size,
            facts={**image.facts, **facts},
            finished=time.time(),
        )
