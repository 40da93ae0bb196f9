"""Images on their way to registries and back; what a killed push leaves behind is cleared away by the next step."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ...errors import MldeployError, NotFoundError
from ..progress import Progress
from .builder import Builder
from .built import PushedImage
from .catalogue import ImageCatalogue
from .credentials import resolve_credentials
from .record import Image

#: A fact of an image that is being pushed: the name that it has on the engine for the time being.
PUSHING = "pushing"


class Shipping:
    """Pushes and pulls with one builder."""

    def __init__(self, rows: ImageCatalogue, builder: Builder) -> None:
        self._rows = rows
        self._builder = builder

    def push(
        self,
        image: Image,
        destination: str,
        credentials: Mapping[str, str] | None,
        progress: Progress,
        log_path: Path,
    ) -> PushedImage:
        """Push an image and note where it is."""
        given = resolve_credentials(credentials, field="credentials")
        destination = with_tag(destination, str(image.version))
        progress.step("push", f"Pushing {image.id} to {destination}")
        image = self.clear(image)
        image = self._rows.change(image, facts={**image.facts, PUSHING: destination})
        try:
            log_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with log_path.open("a", encoding="utf-8") as log:
                pushed = self._builder.push(
                    image.reference, destination, given, progress, lambda line: print(line, file=log, flush=True)
                )
        finally:
            image = self._rows.change(image, facts={key: value for key, value in image.facts.items() if key != PUSHING})
        self.note(image, pushed)
        return pushed

    def note(self, image: Image, pushed: PushedImage) -> None:
        """Remember where an image is."""
        kept = [location for location in image.locations if location != pushed.location]
        self._rows.change(image, locations=[*kept, pushed.location])

    def pull(self, image: Image, credentials: Mapping[str, str] | None, progress: Progress) -> str:
        """Make an image be on the engine and return its name there."""
        if self._builder.find(image.reference) is not None:
            return image.reference
        if not image.locations:
            raise NotFoundError(
                "image",
                image.reference,
                message=f"The engine does not have {image.reference} any more, and it was never pushed.",
                hint=f"Build it again: `mldeploy image build --bundle {image.bundle[7:19]} --name {image.name}`.",
            )
        given = resolve_credentials(credentials, field="credentials")
        return self._builder.pull(image.location, given, progress, lambda _line: None).reference

    def clear(self, image: Image) -> Image:
        """Take away the name that a push had given to an image before it was killed."""
        left = image.facts.get(PUSHING)
        if not left:
            return image
        with suppress(MldeployError):
            self._builder.remove(str(left))
        return self._rows.change(image, facts={key: value for key, value in image.facts.items() if key != PUSHING})


def with_tag(destination: str, tag: str) -> str:
    """Return a place in a registry, with a tag where it has none."""
    return destination if ":" in destination.rpartition("/")[2] else f"{destination}:{tag}"
