"""Which services are versions of which endpoint, told by their tags and by the live revision's facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import ConflictError, InvalidInputError, NotFoundError
from ..names import check_service_name
from .split import ENDPOINT_TAG, VERSION_TAG, Split

if TYPE_CHECKING:
    from ..catalogue import Catalogue
    from ..records import RevisionRecord, ServiceRecord

#: Key of a router revision's facts: the split, and what to restore when it ends.
SPLIT_FACT = "split"


def split_of(catalogue: Catalogue, record: ServiceRecord) -> Split | None:
    """Return how a service's requests are divided now; None while one revision gets all of them."""
    if record.live_revision is None:
        return None
    return split_in(catalogue.revision(record.uid, record.live_revision))


def split_in(revision: RevisionRecord) -> Split | None:
    """Return the split of a router revision; None for any other revision."""
    found = revision.facts.get(SPLIT_FACT)
    return Split.from_dict(found) if isinstance(found, dict) else None


def weights_of(catalogue: Catalogue) -> dict[str, dict[str, float]]:
    """Return version → percentage of all services with several versions, by the service's uid."""
    return {uid: Split.from_dict(facts[SPLIT_FACT]).weights for uid, facts in catalogue.splits().items()}


def members_of(catalogue: Catalogue, name: str) -> dict[str, ServiceRecord]:
    """Return the services that are versions of an endpoint, by version."""
    return {record.tags[VERSION_TAG]: record for record in catalogue.services(tags={ENDPOINT_TAG: name})}


def member_name(endpoint: str, version: str) -> str:
    """Return the name of the service that runs a version.

    Raises:
        InvalidInputError: both names together are too long for a service.
    """
    name = f"{endpoint}-{version}"
    if len(name) > 32:
        raise InvalidInputError(
            f"Version {version!r} of {endpoint!r} would be the service {name!r}, whose name has "
            f"{len(name)} characters; 32 are the most.",
            field="version",
            hint="Choose a shorter name for the version.",
        )
    return check_service_name(name)


def refuse_while_split(catalogue: Catalogue, record: ServiceRecord) -> None:
    """Raise ConflictError for an endpoint with several versions: which of them is meant must be said."""
    split = split_of(catalogue, record)
    if split is not None:
        versions = ", ".join(f"{route.version} {route.weight:g} %" for route in split.routes)
        raise ConflictError(
            f"Endpoint {record.name!r} has several versions ({versions}), so it is not clear which one to replace.",
            hint=f"`mldeploy traffic update {record.name} VERSION …` changes one version, "
            f"`mldeploy traffic finish {record.name} VERSION` makes one the only one.",
        )


def refuse_member(catalogue: Catalogue, record: ServiceRecord) -> None:
    """Raise ConflictError for a service that is a version of an endpoint that still sends requests to it."""
    endpoint = record.tags.get(ENDPOINT_TAG)
    if endpoint is None:
        return
    try:
        split = split_of(catalogue, catalogue.service(endpoint))
    except NotFoundError:
        return
    if split is not None and record.name in split.services.values():
        raise ConflictError(
            f"Service {record.name!r} is version {record.tags.get(VERSION_TAG)!r} of endpoint {endpoint!r}.",
            hint=f"`mldeploy traffic delete {endpoint} {record.tags.get(VERSION_TAG)}` takes it out first.",
        )
