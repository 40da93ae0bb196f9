"""The very bytes of a service or an image on another target: what is checked before anything exists there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ConflictError, InvalidInputError
from .goal import service_there, usable_target
from .names import check_service_name
from .traffic.members import refuse_while_split

if TYPE_CHECKING:
    from .bundle import Bundle
    from .config import DeploymentConfig
    from .image import Image
    from .records import RevisionRecord, ServiceRecord
    from .rollout import Rollout
    from .target import Target
    from .workspace import Workspace


def prepare(
    workspace: Workspace,
    rollout: Rollout,
    record: ServiceRecord,
    live: RevisionRecord,
    target: str,
    new_name: str | None,
    settings: Mapping[str, Any],
) -> tuple[str, Target, Bundle, DeploymentConfig, dict[str, Any]]:
    """Check a promotion and return (new name, target, bundle, configuration, facts for the new revision).

    Raises:
        CorruptStoreError: the bytes are not those that were deployed; names the files.
        TargetUnavailableError: the target cannot be used here.
        ConflictError: the name belongs to a service on another target, or to the service itself.
    """
    goal = check_service_name(new_name or f"{record.name}-{target}")
    if goal == record.name:
        raise ConflictError(
            f"{goal!r} is the service that is being promoted.", hint="Leave the new name out, or give another one."
        )
    interpreter = live.facts.get("interpreter")
    to, bundle, config = _prepare_bundle(
        workspace, rollout, goal, live.bundle, target, settings, str(interpreter) if interpreter else None
    )
    facts = {"promoted_from": {"service": record.name, "revision": live.number, "bundle": bundle.digest}}
    return goal, to, bundle, config, facts


def prepare_image(
    workspace: Workspace, rollout: Rollout, name: str, image: Image | str, target: str, settings: Mapping[str, Any]
) -> tuple[Image, Target, Bundle, DeploymentConfig]:
    """Check that an image can be deployed and return (image, target, bundle, configuration).

    Raises:
        InvalidInputError: the image is not built, or is an environment alone.
        CorruptStoreError, TargetUnavailableError, ConflictError: as :func:`prepare`.
    """
    item = workspace.images.ready(image)
    if not item.bundle:
        raise InvalidInputError(f"{item.id} is an environment alone: it has no entry script.", field="image")
    return item, *_prepare_bundle(workspace, rollout, name, item.bundle, target, settings, None)


def _prepare_bundle(
    workspace: Workspace,
    rollout: Rollout,
    name: str,
    digest: str,
    target: str,
    settings: Mapping[str, Any],
    interpreter: str | None,
) -> tuple[Target, Bundle, DeploymentConfig]:
    bundle = workspace.bundles.get(digest)
    workspace.bundles.verify(bundle)
    to, config = usable_target(workspace, target, settings)
    existing = service_there(workspace, check_service_name(name), target, hint="Give another name.")
    if existing is not None:
        refuse_while_split(workspace.catalogue, existing)
    to.plan(rollout.job(existing, name, 0, bundle, config, interpreter))
    return to, bundle, config
