"""Promotion: a service's very bytes on another target. What is checked before anything exists there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ConflictError, NotFoundError, TargetUnavailableError
from .config import DeploymentConfig, read_config
from .config_marks import require_capabilities
from .names import check_service_name

if TYPE_CHECKING:
    from .bundle import Bundle
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
    bundle = workspace.bundles.get(live.bundle)
    workspace.bundles.verify(bundle)
    goal = check_service_name(new_name or f"{record.name}-{target}")
    to = workspace.targets.get(target)
    config = read_config(to.config_type, settings)
    require_capabilities(to, config)
    if goal == record.name:
        raise ConflictError(
            f"{goal!r} is the service that is being promoted.", hint="Leave the new name out, or give another one."
        )
    available = to.available()
    if not available.ok:
        raise TargetUnavailableError(f"Target {target!r} cannot be used here: {available.reason}.", hint=available.hint)
    try:
        existing: ServiceRecord | None = workspace.catalogue.service(goal)
    except NotFoundError:
        existing = None
    if existing is not None and existing.target != target:
        raise ConflictError(
            f"Service {goal!r} runs on target {existing.target!r}, not on {target!r}.", hint="Give another name."
        )
    interpreter = live.facts.get("interpreter")
    to.plan(rollout.job(existing, goal, 0, bundle, config, str(interpreter) if interpreter else None))
    facts = {"promoted_from": {"service": record.name, "revision": live.number, "bundle": bundle.digest}}
    return goal, to, bundle, config, facts
