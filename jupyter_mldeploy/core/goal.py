"""Where a deployment goes: its target, and the service of its name. Checked before anything exists there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ConflictError, NotFoundError, TargetUnavailableError
from .config import DeploymentConfig, read_config
from .config_marks import require_capabilities

if TYPE_CHECKING:
    from .records import ServiceRecord
    from .target import Target
    from .workspace import Workspace


def usable_target(workspace: Workspace, name: str, settings: Mapping[str, Any]) -> tuple[Target, DeploymentConfig]:
    """Return a target that can be used here, and its configuration.

    Raises:
        NotFoundError: there is no such target.
        InvalidConfigurationError, NotSupportedError: a setting cannot be used.
        TargetUnavailableError: the target cannot be used here; says what to do.
    """
    target = workspace.targets.get(name)
    config = read_config(target.config_type, settings)
    require_capabilities(target, config)
    available = target.available()
    if not available.ok:
        raise TargetUnavailableError(f"Target {name!r} cannot be used here: {available.reason}.", hint=available.hint)
    return target, config


def service_there(workspace: Workspace, name: str, target: str, *, hint: str) -> ServiceRecord | None:
    """Return the service of a name, None when it is free; ConflictError when it runs on another target."""
    try:
        record = workspace.catalogue.service(name)
    except NotFoundError:
        return None
    if record.target != target:
        raise ConflictError(f"Service {name!r} runs on target {record.target!r}, not on {target!r}.", hint=hint)
    return record
