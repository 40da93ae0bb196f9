"""What is profiled: a script with its models, or the bytes that a service serves now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import MldeployError
from ..storage.process_identity import has_ended, own_identity
from .profile import choose_target, profile
from .profile_result import Profile

if TYPE_CHECKING:
    from ..assemble import Source
    from ..environment import EnvironmentSpec
    from ..model import Model
    from ..service import Service
    from ..workspace import Workspace

#: Tag of a temporary service: the process that profiles with it, as ``host pid token``.
PROFILED_BY = "mldeploy.profiled-by"


def profile_bytes(
    workspace: Workspace,
    name: str,
    entry_script: str | Path | Source | None,
    requests: Any,
    *,
    models: Sequence[str | Path | Model],
    environment: EnvironmentSpec | str | Path | None,
    target: str | None,
    **options: Any,
) -> Profile:
    """Profile a script with its models, or without either the live revision of the service ``name``."""
    chosen, notes = choose_target(workspace, target)
    report = options.get("report")
    for note in notes:
        if report is not None:
            report("start", note)

    cancelled = options.get("cancelled")
    _remove_orphans(workspace)

    def from_script(label: str, config: Mapping[str, Any], timeout_s: float) -> Service:
        request, more = workspace.prepare(
            label, entry_script, models=models, environment=environment, target=chosen, config=config
        )
        notes.extend(more)
        workspace.deployer.deploy(request, timeout_s=timeout_s, cancelled=cancelled)
        return workspace.service(label)

    def from_service(label: str, config: Mapping[str, Any], timeout_s: float) -> Service:
        deployer = workspace.deployer
        deployer.promote(name, chosen, new_name=label, config=config, timeout_s=timeout_s, cancelled=cancelled)
        return workspace.service(label)

    chosen_way = from_service if entry_script is None and not models else from_script

    def deploy(label: str, config: Mapping[str, Any], timeout_s: float) -> Service:
        """Deploy the temporary service; of one that does not come to life nothing stays."""
        marked = {
            **config,
            "description": f"Temporary: {name!r} is being profiled.",
            "tags": {PROFILED_BY: " ".join(str(fact) for fact in own_identity().values())},
        }
        try:
            return chosen_way(label, marked, timeout_s)
        except BaseException:
            with suppress(MldeployError):
                workspace.deployer.delete(label)
            raise

    found = profile(workspace, name, requests, deploy, target=chosen, **options)
    return Profile(found.name, found.target, found.details, found.runs, found.complete, (*notes, *found.notes))


def _remove_orphans(workspace: Workspace) -> None:
    """Delete the temporary services of profiles whose processes were killed on this machine."""
    for record in workspace.catalogue.services():
        by = record.tags.get(PROFILED_BY, "").split(" ")
        if has_ended(dict(zip(("host", "pid", "token"), by, strict=False))):
            with suppress(MldeployError):
                workspace.deployer.delete(record.name)
