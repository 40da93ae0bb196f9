"""Adoption: services that a target knows and this workspace does not, because its store was lost or is another one.

The target tells what it finds, the bundle's bytes come back from it and are checked against their digest, and the
service goes on under its old uid, with its keys.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ..errors import ConflictError, NotFoundError, NotSupportedError
from .config import read_config
from .keys import KeyFile, Keys
from .records import Origin

if TYPE_CHECKING:
    from .service import Service
    from .target import ServiceRef
    from .workspace import Workspace


@dataclass(frozen=True, slots=True)
class Found:
    """A service that a target has found.

    Attributes:
        revision: number of the one that serves.
        bundle: digest of its bundle.
        config: the target's configuration as it was given.
        keys: ``primary`` and ``secondary``; None where callers need none.
        token_keys: content of the file that tokens are signed with, or None.
        runtime: facts for the target itself.
        image: the image that it runs, as the default builder's engine calls it; None where it is no such image.
    """

    uid: str
    name: str
    revision: int
    bundle: str
    config: Mapping[str, Any]
    keys: Mapping[str, str] | None = field(default=None, repr=False)
    token_keys: Mapping[str, Any] | None = field(default=None, repr=False)
    origin: Mapping[str, Any] = field(default_factory=dict)
    runtime: Mapping[str, Any] = field(default_factory=dict)
    image: str | None = None


@runtime_checkable
class Adopting(Protocol):
    """What a target also has where its services can be found without the store. Optional."""

    def find_services(self) -> Sequence[Found]:
        """Return every service of ours on the target that has a revision which serves."""
        ...

    def fetch_bundle(self, found: Found, path: Path) -> None:
        """Write the bundle's archive, as ``mldeploy bundle export`` does, to ``path``."""
        ...

    def adopted(self, service: ServiceRef, keys_file: Path | None, token_keys_file: Path | None) -> None:
        """Take note where the service's files are in this workspace."""
        ...


def strangers(workspace: Workspace, target: str) -> list[Found]:
    """Return the services on a target that this workspace does not know.

    Raises:
        NotSupportedError: the target cannot find services without the store.
    """
    known = {record.uid for record in workspace.catalogue.services()}
    return [found for found in _adopting(workspace, target).find_services() if found.uid not in known]


def adopt(workspace: Workspace, name: str, target: str) -> Service:
    """Make a stranger on a target a service of this workspace; it goes on serving all the while.

    Raises:
        NotFoundError: there is none of that name; names those there are.
        ConflictError: this workspace has another service of that name.
        CorruptStoreError: the bytes on the target are not those that their digest says.
    """
    there = {found.name: found for found in strangers(workspace, target)}
    if name not in there:
        raise NotFoundError(
            "service", name, message=f"Target {target!r} has no service {name!r} that this workspace does not know.",
            hint=f"It has: {', '.join(sorted(there))}." if there else None,
        )  # fmt: skip
    found = there[name]
    try:
        workspace.catalogue.service(name)
    except NotFoundError:
        pass
    else:
        raise ConflictError(f"This workspace has a service {name!r} already.", hint="Delete it, or adopt elsewhere.")
    plug_in = _adopting(workspace, target)
    config = read_config(workspace.targets.get(target).config_type, found.config)
    with tempfile.TemporaryDirectory(prefix="mldeploy-adopt-") as folder:
        archive = Path(folder) / "bundle.tar"
        plug_in.fetch_bundle(found, archive)
        bundle = workspace.bundles.import_(archive)
    if bundle.digest != found.bundle:
        raise ConflictError(f"{name!r} says that it serves {found.bundle[:19]}, but holds {bundle.digest[:19]}.")
    record = workspace.catalogue.adopt_service(
        found.uid, name, target, revision=found.revision, bundle=bundle.digest, config=found.config,
        origin=Origin(**{key: found.origin.get(key) for key in Origin.__dataclass_fields__}),
        description=config.description, tags=config.tags, properties=config.properties, runtime=found.runtime,
    )  # fmt: skip
    reference = workspace.deployer.reference(record)
    keys = token_keys = None
    if found.keys is not None:
        keys = workspace.keys_path(found.uid)
        KeyFile(keys).write(Keys(found.keys["primary"], found.keys["secondary"]))
    if found.token_keys is not None:
        token_keys = workspace.token_keys_path(found.uid)
        token_keys.touch(mode=0o600)
        token_keys.write_text(json.dumps(found.token_keys), encoding="utf-8")
    plug_in.adopted(reference, keys, token_keys)
    if found.image is not None:
        workspace.images.adopt(name, found.bundle, found.image)
    workspace.deployer.refresh(name)
    return workspace.service(name)


def _adopting(workspace: Workspace, target: str) -> Adopting:
    plug_in = workspace.targets.get(target)
    if not isinstance(plug_in, Adopting):
        raise NotSupportedError(f"Target {target!r} cannot find services without this workspace's store.")
    return plug_in
