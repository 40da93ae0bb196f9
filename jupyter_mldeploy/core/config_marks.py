"""Marks on the fields of a configuration: what a field needs of its target, and what it belongs to.

They stand once, at the field, in a target's own configuration as in the shared one, and travel in its JSON schema::

    class MyConfig(DeploymentConfig):
        accelerators: Annotated[int, Needs("gpu"), BelongsTo("script")] = Field(0, ge=0)

Forms grey the field out with the target's reason where the capability is missing, a deployment that sets it all the
same is refused, and a router in front of several versions knows which settings are its own. A field that a subclass
declares anew keeps its marks unless it has others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel

if TYPE_CHECKING:
    from .config import DeploymentConfig
    from .target import Target

#: Keys of a field in the JSON schema.
CAPABILITY_KEY, SCOPE_KEY = "x-mldeploy-capability", "x-mldeploy-scope"

#: ``endpoint``: the address and its callers; of an endpoint with several versions, the versions have none of it.
#: ``script``: what the entry script does and needs; a router has no use for it. Without a mark: each server's own.
Scope = Literal["endpoint", "script"]


@dataclass(frozen=True, slots=True)
class Needs:
    """The field has no effect on a target without this capability (a name of ``core.target.Capabilities``)."""

    capability: str


@dataclass(frozen=True, slots=True)
class BelongsTo:
    """What the field is about, where it is not each server's own matter."""

    scope: Scope


_Mark = TypeVar("_Mark", Needs, BelongsTo)


def capability_of(config_type: type[BaseModel], key: str) -> str | None:
    """Return the capability that a field needs, None when it works everywhere."""
    found = _mark(config_type, key, Needs)
    return found.capability if found is not None else None


def scope_of(config_type: type[BaseModel], key: str) -> Scope | None:
    """Return what a field belongs to, None when it is each server's own."""
    found = _mark(config_type, key, BelongsTo)
    return found.scope if found is not None else None


def keys_of(config_type: type[BaseModel], scope: Scope) -> frozenset[str]:
    """Return the keys of a configuration that belong to ``scope``."""
    return frozenset(key for key in config_type.model_fields if scope_of(config_type, key) == scope)


def schema_marks(config_type: type[BaseModel]) -> Mapping[str, dict[str, Any]]:
    """Return what the marks add to each field's JSON schema, by key."""
    pairs = ((CAPABILITY_KEY, capability_of), (SCOPE_KEY, scope_of))
    return {
        key: {name: value for name, read in pairs if (value := read(config_type, key)) is not None}
        for key in config_type.model_fields
    }


def require_capabilities(target: Target, config: DeploymentConfig) -> None:
    """Refuse a configuration that asks for what the target cannot do.

    A value that is the default, or that is off, empty or zero, asks for nothing.

    Raises:
        NotSupportedError: with the target's reason.
    """
    for key, item in type(config).model_fields.items():
        needed, value = capability_of(type(config), key), getattr(config, key)
        if needed is not None and value and value != item.get_default(call_default_factory=True):
            target.capabilities.require(target.name, needed)


def _mark(config_type: type[BaseModel], key: str, kind: type[_Mark]) -> _Mark | None:
    for each in config_type.__mro__:
        if issubclass(each, BaseModel) and key in each.model_fields:
            for item in each.model_fields[key].metadata:
                if isinstance(item, kind):
                    return item
    return None
