"""An endpoint's requests divided by its Gateway: an HTTPRoute with weights, header matches and mirroring.

The route that leads to the router is what a revision's manifests say; this one takes its place, under the same name,
until the next revision. Whatever speaks against it leaves the router in charge.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ...core.target import ServiceRef
from ...core.traffic.shares import Division, Share
from ...core.traffic.split import HEADER
from ...errors import MldeployError
from .cluster import Cluster
from .drift import drift
from .manifests import Manifest
from .place import Place

_FILE = "divided.json"
#: Weights are whole numbers: hundredths of a percent.
_PARTS = 100
#: Seconds that the Gateway's controller gets to object to a route, and how often it is looked at.
_OBJECTION_S, _EVERY_S = 5.0, 0.2
#: Conditions of a route that must not be False.
_CONDITIONS = ("Accepted", "ResolvedRefs")


def divided_route(plain: Manifest, shares: Sequence[Share], *, rewrites: bool) -> Manifest:
    """Return the route that divides the requests, made from the one that leads all of them to the router.

    Args:
        rewrites: the path before the service is the endpoint's alone; versions serve without it.
    """
    match = plain["spec"]["rules"][0]["matches"][0]
    rewrite = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
    filters = [rewrite] if rewrites else []
    rules: list[dict[str, Any]] = [
        {
            "matches": [{**match, "headers": [{"type": "Exact", "name": HEADER, "value": share.version}]}],
            "filters": [
                *filters,
                {
                    "type": "ResponseHeaderModifier",
                    "responseHeaderModifier": {"set": [{"name": HEADER, "value": share.version}]},
                },
            ],
            "backendRefs": [_backend(share)],
        }
        for share in shares
    ]
    mirrors = [
        {"type": "RequestMirror", "requestMirror": {"backendRef": _backend(share), **_percentage(share.mirror)}}
        for share in shares
        if share.mirror
    ]
    rules.append(
        {
            "matches": [match],
            "filters": [*filters, *mirrors],
            "backendRefs": [{**_backend(share), "weight": round(share.weight * _PARTS)} for share in shares],
        }
    )
    return {**plain, "spec": {**plain["spec"], "rules": rules}}


def divide(cluster: Cluster, place: Place, service: ServiceRef, plain: Manifest, shares: Sequence[Share]) -> Division:
    """Put the dividing route in the plain one's place; see ``core.traffic.shares``."""
    reason = _obstacle(cluster, place, plain, shares)
    if reason:
        return _by_the_router(reason)
    route = divided_route(plain, shares, rewrites=bool(place.prefix))
    try:
        kept = cluster.apply(route)
        lost = drift([route], [{**kept, "kind": "HTTPRoute"}])
        objection = f"its Gateway API is too old: {lost[0]}" if lost else _objection(cluster, place, route)
    except MldeployError as error:
        objection = error.message
    if objection:
        cluster.apply(plain)
        (service.directory / _FILE).unlink(missing_ok=True)
        return _by_the_router(objection)
    (service.directory / _FILE).write_text(json.dumps(route), encoding="utf-8")
    told = ", ".join(f"{share.version} {share.weight:g} %" for share in shares)
    return Division(True, f"the Gateway divides the requests: {told}; the router is left for other ways in")


def restore(cluster: Cluster, service: ServiceRef, plain: Sequence[Manifest]) -> None:
    """Apply the dividing route again where one was in force for just this plain route."""
    with contextlib.suppress(OSError, ValueError):
        route = json.loads((service.directory / _FILE).read_bytes())
        if any(item["kind"] == "HTTPRoute" and item["metadata"] == route["metadata"] for item in plain):
            cluster.apply(route)


def forget(service: ServiceRef) -> None:
    """The route is the plain one again: a new revision was made live."""
    (service.directory / _FILE).unlink(missing_ok=True)


def _obstacle(cluster: Cluster, place: Place, plain: Manifest, shares: Sequence[Share]) -> str:
    """Return why the Gateway cannot divide these requests, "" when nothing speaks against it."""
    if place.keys_file is None or place.token_keys_file is not None:
        return "the versions are opened by keys, and callers of this endpoint have none"
    for share in shares:
        where = Place.read(share.service)
        if where is None or where.namespace != place.namespace:
            return f"version {share.version!r} is in another namespace"
    parent = plain["spec"]["parentRefs"][0]
    space = str(parent.get("namespace") or place.namespace)
    try:
        if cluster.get("Gateway", space, str(parent["name"])) is None:
            return f"there is no Gateway {space}/{parent['name']}"
    except MldeployError:
        return ""  # who may not look at Gateways may attach routes to them all the same
    return ""


def _objection(cluster: Cluster, place: Place, route: Manifest) -> str:
    """Return what the Gateway's controller has against the route, "" when it accepts it or says nothing."""
    until = time.monotonic() + _OBJECTION_S
    while True:
        late = time.monotonic() > until  # before it is looked at: what was there in time counts
        found = cluster.get("HTTPRoute", place.namespace, route["metadata"]["name"]) or {}
        conditions = [
            item
            for parent in (found.get("status") or {}).get("parents") or ()
            for item in parent.get("conditions") or ()
            if item.get("type") in _CONDITIONS and _is_current(item, found)
        ]
        for item in conditions:
            if item.get("status") == "False":
                return f"the Gateway does not take the route ({item.get('reason')}: {item.get('message')})"
        if len(conditions) >= len(_CONDITIONS) or late:
            return ""
        time.sleep(_EVERY_S)


def _is_current(condition: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    return int(condition.get("observedGeneration") or 0) >= int(found["metadata"].get("generation") or 0)


def _by_the_router(reason: str) -> Division:
    return Division(False, f"the router divides the requests, not the Gateway: {reason}")


def _backend(share: Share) -> dict[str, Any]:
    return {"name": share.service.name, "port": 80}


def _percentage(share: float) -> dict[str, Any]:
    if share == int(share):
        return {"percent": int(share)}
    return {"fraction": {"numerator": round(share * _PARTS), "denominator": 100 * _PARTS}}
