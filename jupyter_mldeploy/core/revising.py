"""Which bundle a change of a service leads to: an earlier revision's, or the present one with parts replaced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConflictError
from .assemble import Source, assemble
from .environment import EnvironmentSpec
from .records import RevisionRecord, RevisionState, ServiceRecord
from .traffic.members import split_in

if TYPE_CHECKING:
    from .bundle import Bundle
    from .catalogue import Catalogue
    from .model import Model
    from .workspace import Workspace


def revision_to_serve(
    catalogue: Catalogue, record: ServiceRecord, live: Callable[[ServiceRecord], RevisionRecord], to: int | None
) -> RevisionRecord:
    """Return the revision that a rollback serves again.

    Args:
        live: returns a service's live revision.
        to: its number; None is the one that was live before the present one.

    Raises:
        ConflictError: there is none, it never worked, or it divided requests among versions.
    """
    if to is None:
        present = live(record)
        before = present.facts.get("rollback_of", present.number)
        earlier = [
            item
            for item in catalogue.revisions(record.uid)
            if item.state is RevisionState.SUPERSEDED and item.number < before and split_in(item) is None
        ]
        if not earlier:
            raise ConflictError(
                f"Service {record.name!r} has no earlier revision that worked.",
                hint=f"`mldeploy revisions {record.name}` lists them; name one with --to.",
            )
        return earlier[-1]
    wanted = catalogue.revision(record.uid, to)
    if wanted.state is RevisionState.FAILED:
        raise ConflictError(f"Revision {to} of {record.name!r} never worked: {wanted.reason}")
    if split_in(wanted) is not None:
        raise ConflictError(
            f"Revision {to} of {record.name!r} divided requests among versions that are gone.",
            hint="Create the versions again.",
        )
    return wanted


def revised(
    workspace: Workspace,
    bundle: Bundle,
    *,
    source: Source | None,
    models: Sequence[str | Path | Model] | None,
    environment: EnvironmentSpec | str | Path | None,
    force: bool,
) -> Bundle:
    """Return the bundle with the given parts replaced."""
    bundles = workspace.bundles
    if source is None:
        text = bundles.read_text(bundle, bundle.entry_script)
        entries = {entry.path: entry for entry in bundle.source.files if entry.path != bundle.entry_script}
        source = Source(bundle.entry_script, text, entries, line_map=bundle.line_map)
    given = EnvironmentSpec.from_dict(bundle.environment) if environment is None else environment
    return assemble(
        source,
        models=list(bundle.models) if models is None else models,
        environment=given,
        pip=(),
        interpreter=None,
        force=force,
        registry=workspace.models,
        environments=workspace.environments,
        bundles=bundles,
    ).bundle
