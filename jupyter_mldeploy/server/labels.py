"""Tags and properties of what is registered: models and images take changes in the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from ..errors import InvalidInputError

Item = TypeVar("Item")


class LabelChanges(Protocol):
    """What the bodies of changes have in common."""

    add_properties: dict[str, str]
    add_tags: dict[str, str]
    remove_tags: list[str]

    @property
    def model_fields_set(self) -> set[str]:
        """Names of the fields that were given."""


class Labelled(Protocol[Item]):
    """A registry whose items have tags and properties."""

    def add_properties(self, item: Item, properties: Mapping[str, Any], /) -> Item:
        """Add properties; one that is there already is refused."""

    def remove_tags(self, item: Item, keys: Sequence[str], /) -> Item:
        """Remove tags."""

    def add_tags(self, item: Item, tags: Mapping[str, Any], /) -> Item:
        """Add tags or change them."""


def require_changes(body: LabelChanges) -> None:
    """Raise InvalidInputError when a body changes nothing."""
    if not body.model_fields_set:
        raise InvalidInputError("Nothing to change was given.", field="(body)")


def relabelled(registry: Labelled[Item], item: Item, body: LabelChanges) -> Item:
    """Change an item's tags and properties, and return it as it is then."""
    if body.add_properties:  # first, as it is the only one that may be refused
        item = registry.add_properties(item, body.add_properties)
    if body.remove_tags:
        item = registry.remove_tags(item, body.remove_tags)
    if body.add_tags:
        item = registry.add_tags(item, body.add_tags)
    return item
