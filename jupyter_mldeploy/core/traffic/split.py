"""How an endpoint's requests are divided among its versions.

    >>> split = Split.of({"blue": "diabetes-blue", "green": "diabetes-green"}, {"green": 10}, default="blue")
    >>> [(route.version, route.weight) for route in split.routes]
    [('blue', 90.0), ('green', 10.0)]

As in v1: up to six versions, percentages from 0 to 100 in total, and what is not assigned goes to the default version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import InvalidInputError

MOST_VERSIONS = 6
MOST_MIRRORED = 50.0
#: Tags of the services that are versions of an endpoint.
ENDPOINT_TAG, VERSION_TAG = "mldeploy.endpoint", "mldeploy.version"
#: Request and answer header that names a version.
HEADER = "azureml-model-deployment"

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Route:
    """One version.

    Attributes:
        service: the service that runs it.
        weight: its share of the requests in percent.
        mirror: share of the requests that are copied to it in percent; their answers are thrown away.
    """

    version: str
    service: str
    weight: float
    mirror: float = 0.0


@dataclass(frozen=True, slots=True)
class Split:
    """All versions of an endpoint; ``default`` gets what no weight covers."""

    routes: tuple[Route, ...]
    default: str

    @classmethod
    def of(
        cls,
        services: Mapping[str, str],
        weights: Mapping[str, float],
        *,
        default: str,
        mirror: Mapping[str, float] | None = None,
    ) -> Split:
        """Make a split; the default version takes what the weights leave.

        Args:
            services: version → service that runs it.

        Raises:
            InvalidInputError: an unknown version, a share outside its limits, a sum over 100, too many versions.
        """
        copies = dict(mirror or {})
        for field, shares in (("traffic", weights), ("mirror", copies)):
            for version, share in shares.items():
                if version not in services:
                    known = ", ".join(services)
                    raise InvalidInputError(f"There is no version {version!r}; versions are: {known}.", field=field)
                if not 0 <= share <= 100:
                    raise InvalidInputError(f"{version}: {share:g} is no percentage from 0 to 100.", field=field)
        if len(services) > MOST_VERSIONS:
            raise InvalidInputError(
                f"An endpoint has at most {MOST_VERSIONS} versions, not {len(services)}.",
                field="version",
                hint="Delete one first.",
            )
        total = sum(weights.values())
        if total > 100 + 1e-9:
            raise InvalidInputError(f"The percentages add up to {total:g}, which is more than 100.", field="traffic")
        mirrored = [version for version, share in copies.items() if share]
        if len(mirrored) > 1:
            raise InvalidInputError(f"Only one version can be mirrored, not {', '.join(mirrored)}.", field="mirror")
        for version in mirrored:
            if copies[version] > MOST_MIRRORED:
                raise InvalidInputError(
                    f"At most {MOST_MIRRORED:g} % of the requests can be mirrored, not {copies[version]:g}.",
                    field="mirror",
                )
        if default not in services:
            raise InvalidInputError(f"There is no version {default!r} to be the default.", field="default")
        rest = 100.0 - total
        return cls(
            tuple(
                Route(
                    version, service, weights.get(version, 0.0) + (rest if version == default else 0.0),
                    copies.get(version, 0.0),
                )
                for version, service in services.items()
            ),
            default,
        )  # fmt: skip

    @property
    def services(self) -> dict[str, str]:
        """Version → service."""
        return {route.version: route.service for route in self.routes}

    @property
    def weights(self) -> dict[str, float]:
        """Version → percentage."""
        return {route.version: route.weight for route in self.routes}

    @property
    def mirror(self) -> dict[str, float]:
        """Version → mirrored percentage, of those that have one."""
        return {route.version: route.mirror for route in self.routes if route.mirror}

    def to_dict(self) -> dict[str, Any]:
        """Return the split as JSON."""
        return {
            "default": self.default,
            "versions": [
                {"name": item.version, "service": item.service, "weight": item.weight, "mirror": item.mirror}
                for item in self.routes
            ],
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Split:
        """Read what :meth:`to_dict` wrote."""
        routes = tuple(
            Route(item["name"], item["service"], float(item["weight"]), float(item["mirror"]))
            for item in value["versions"]
        )
        return cls(routes, value["default"])


def check_version_name(name: str) -> str:
    """Return a version's name; InvalidInputError when it cannot be one."""
    if not _NAME.fullmatch(name):
        raise InvalidInputError(
            f"{name!r} is no name of a version: 1 to 20 lower-case letters, digits and '-', as in 'green'.",
            field="version",
        )
    return name
