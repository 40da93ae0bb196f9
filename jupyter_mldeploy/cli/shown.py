"""How deployments and their failures are shown by more than one command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..core import documents
from ..errors import DeploymentError, MldeployError, NotFoundError
from .context import Context

if TYPE_CHECKING:
    from ..core.request import Outcome
    from ..core.service import Service


def service_document(service: Service) -> dict[str, Any]:
    """Return a service as last settled, for programs."""
    return documents.service_document(service.record)


def show_outcome(context: Context, outcome: Outcome) -> None:
    """Write a deployment that reached its goal: its card, or its document."""
    bundle = context.workspace.bundles.get(outcome.revision.bundle)

    def text() -> str:
        from ..core.card import deployment_card

        earlier = [
            item.number
            for item in context.workspace.catalogue.revisions(outcome.service.uid)
            if item.number < outcome.revision.number and str(item.state) == "superseded"
        ]
        card = deployment_card(outcome, bundle, replaced=max(earlier, default=None))
        return str(card["text/plain"])

    context.output.result(documents.outcome_document(outcome, bundle), text)


@contextmanager
def failing(context: Context, name: str, sources: Mapping[str, str] | None = None) -> Iterator[None]:
    """Add to an error of the block what its reader needs: the traceback, the log's end, and what still serves.

    Args:
        name: the service.
        sources: display name of a cell or file → its text, for showing the lines of a traceback.
    """
    try:
        yield
    except MldeployError as error:
        context.output.failure = _explain(context, name, error, sources)
        raise


def _explain(
    context: Context, name: str, error: MldeployError, sources: Mapping[str, str] | None
) -> dict[str, Any] | None:
    if "workspace" not in vars(context):
        return None  # it failed before the workspace was opened
    catalogue = context.workspace.catalogue
    try:
        record = catalogue.service(name)
    except NotFoundError:
        return None
    explained: dict[str, Any] = {"serving": None, "text": ""}
    if record.live_revision is not None:
        explained["serving"] = {"revision": record.live_revision, "scoring_uri": record.scoring_uri}
    if isinstance(error, DeploymentError):
        from ..core.card import failure_card

        last = catalogue.revisions(record.uid)[-1:]
        number = last[0].number if last and str(last[0].state) == "failed" else None
        card = failure_card(name, error, service=record, revision=number, sources=sources)
        explained["text"] = str(card["text/plain"])
    elif record.live_revision is not None:
        explained["text"] = f"Revision {record.live_revision} of {name} goes on serving."
    return explained
