"""What building and pushing an image leave: facts that can be kept as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image that the engine of its builder can run.

    Attributes:
        reference: ``mldeploy/<name>:<tag>``; the tag is made from the build context's digest, so that the same
            content has the same reference.
        digest: the engine's id of the image, ``sha256:…``.
        size: bytes on the engine's disk, base image included.
        context: digest of the build context, ``sha256:…``.
        bundle: digest of the bundle that is in it, ``sha256:…``; "" for an environment alone.
        builder: name of the builder that has it.
        fresh: whether it was built just now; False when the same image was there already.
        log: path of the build log, or None when nothing was built.
    """

    reference: str
    digest: str
    size: int
    context: str
    bundle: str = ""
    builder: str = ""
    fresh: bool = True
    log: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> BuiltImage:
        """Return what :meth:`to_dict` wrote."""
        return cls(**value)


@dataclass(frozen=True, slots=True)
class PushedImage:
    """An image in a registry.

    Attributes:
        location: ``registry/repository@sha256:…``: what to run, whatever happens to the tag.
        reference: ``registry/repository:tag`` as it was pushed.
        digest: of the manifest in the registry, ``sha256:…``.
        sent: bytes of layers that were not in the registry before, as they were stored; an estimate by the engine.
    """

    location: str
    reference: str
    digest: str
    sent: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as JSON."""
        return asdict(self)
