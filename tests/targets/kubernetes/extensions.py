"""Extensions that clusters may serve, as far as our objects go: fields, types and limits as their APIs say.

Fields that are not in a schema are dropped by the API server, as in a real cluster, so a test that reads back what it
wrote finds a field that does not exist. There are no controllers: nothing acts on the objects.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from jupyter_mldeploy.errors import MldeployError
from jupyter_mldeploy.targets.k8s.cluster import Cluster
from tests.patience import FACTOR

Schema = dict[str, Any]
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def _object(properties: Mapping[str, Schema], *required: str) -> Schema:
    return {"type": "object", "properties": dict(properties), **({"required": list(required)} if required else {})}


def _list(items: Schema, most: int | None = None) -> Schema:
    return {"type": "array", "items": items, **({"maxItems": most} if most else {})}


def _text(*values: str, longest: int = 1024, shape: str | None = None) -> Schema:
    more: Schema = {"enum": list(values)} if values else {}
    return {"type": "string", "maxLength": longest, **more, **({"pattern": shape} if shape else {})}


def _number(least: int, most: int | None = None, **more: Any) -> Schema:
    return {"type": "integer", "format": "int32", "minimum": least, **({"maximum": most} if most else {}), **more}


ANY: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_NAME = _text(longest=253)
_BACKEND = {"group": _NAME, "kind": _text(longest=63), "name": _NAME, "namespace": _text(longest=63),
            "port": _number(1, 65_535)}  # fmt: skip
_HEADER = _object({"name": _text(longest=256), "value": _text(longest=4096)}, "name", "value")
_HEADERS = _object({"set": _list(_HEADER, 16), "add": _list(_HEADER, 16), "remove": _list(_text(), 16)})
_PATH = _object(
    {"type": _text("ReplaceFullPath", "ReplacePrefixMatch"), "replaceFullPath": _text(), "replacePrefixMatch": _text()},
    "type",
)


def _filter(*, percentages: bool) -> Schema:
    mirror: dict[str, Schema] = {"backendRef": _object(_BACKEND, "name")}
    if percentages:  # from Gateway API 1.2 on
        mirror["percent"] = _number(0, 100)
        mirror["fraction"] = _object(
            {"numerator": _number(0), "denominator": _number(1, None, default=100)}, "numerator"
        )
    return _object(
        {
            "type": _text("RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror", "RequestRedirect",
                          "URLRewrite", "ExtensionRef"),
            "requestHeaderModifier": _HEADERS,
            "responseHeaderModifier": _HEADERS,
            "requestMirror": _object(mirror, "backendRef"),
            "urlRewrite": _object({"hostname": _text(longest=253), "path": _PATH}),
        },
        "type",
    )  # fmt: skip


def _http_route(*, percentages: bool) -> Schema:
    match = _object(
        {
            "path": _object({"type": _text("Exact", "PathPrefix", "RegularExpression"), "value": _text(shape="^/")}),
            "headers": _list(
                _object({"type": _text("Exact", "RegularExpression"), "name": _text(longest=256),
                         "value": _text(longest=4096)}, "name", "value"), 16),
            "method": _text("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"),
        }
    )  # fmt: skip
    filters = _list(_filter(percentages=percentages), 16)
    rule = _object(
        {
            "matches": _list(match, 64),
            "filters": filters,
            "backendRefs": _list(
                _object({**_BACKEND, "weight": _number(0, 1_000_000, default=1), "filters": filters}, "name"), 16
            ),
        }
    )
    parent = _object({"group": _NAME, "kind": _NAME, "namespace": _NAME, "name": _NAME, "sectionName": _NAME}, "name")
    return _object(
        {
            "spec": _object(
                {"parentRefs": _list(parent, 32), "hostnames": _list(_text(longest=253), 16), "rules": _list(rule, 16)}
            ),
            "status": ANY,
        },
        "spec",
    )


_GATEWAY = _object(
    {
        "spec": _object(
            {
                "gatewayClassName": _NAME,
                "listeners": _list(_object({"name": _NAME, "port": _number(1), "protocol": _text()}, "name"), 64),
            },
            "gatewayClassName", "listeners",
        ),
        "status": ANY,
    },
    "spec",
)  # fmt: skip

_SCALED_OBJECT = _object(
    {
        "spec": _object(
            {
                "scaleTargetRef": _object({"apiVersion": _text(), "kind": _text(), "name": _NAME}, "name"),
                "pollingInterval": _number(0),
                "cooldownPeriod": _number(0),
                "minReplicaCount": _number(0),
                "maxReplicaCount": _number(0),
                "advanced": _object({"horizontalPodAutoscalerConfig": _object({"name": _text(), "behavior": ANY})}),
                "triggers": _list(
                    _object(
                        {
                            "type": _text(),
                            "name": _text(),
                            "metricType": _text("AverageValue", "Value", "Utilization"),
                            "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
                        },
                        "metadata", "type",
                    )
                ),
            },
            "scaleTargetRef", "triggers",
        ),
        "status": ANY,
    },
    "spec",
)  # fmt: skip

_CERTIFICATE = _object(
    {
        "spec": _object(
            {
                "secretName": _text(),
                "dnsNames": _list(_text()),
                "commonName": _text(),
                "issuerRef": _object({"name": _text(), "kind": _text(), "group": _text()}, "name"),
            },
            "issuerRef", "secretName",
        ),
        "status": ANY,
    },
    "spec",
)  # fmt: skip


def _definition(group: str, version: str, kind: str, plural: str, schema: Schema) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            # The API server keeps groups ending in k8s.io to those who say where they were approved.
            "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api/pull/2997"},
        },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()},
            "versions": [
                {
                    "name": version, "served": True, "storage": True, "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }  # fmt: skip


def _definitions(*, percentages: bool) -> list[dict[str, Any]]:
    route = _http_route(percentages=percentages)
    return [
        _definition("gateway.networking.k8s.io", "v1", "Gateway", "gateways", _GATEWAY),
        _definition("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes", route),
        _definition("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects", _SCALED_OBJECT),
        _definition("cert-manager.io", "v1", "Certificate", "certificates", _CERTIFICATE),
    ]


@contextmanager
def served(cluster: Cluster, *, percentages: bool = True) -> Iterator[None]:
    """Have the cluster serve the extensions; they and all their objects are gone afterwards.

    Args:
        percentages: as from Gateway API 1.2 on; older ones mirror all requests or none.
    """
    definitions = _definitions(percentages=percentages)
    try:
        for item in definitions:
            cluster.call("POST", DEFINITIONS, body=item)
        _wait(lambda: all(_answers(cluster, item) for item in definitions))
        yield
    finally:
        for item in definitions:
            try:
                cluster.call("DELETE", f"{DEFINITIONS}/{item['metadata']['name']}")
            except MldeployError:
                continue
        groups = {item["spec"]["group"] for item in definitions}
        _wait(lambda: not groups & cluster.groups())


def _answers(cluster: Cluster, definition: Mapping[str, Any]) -> bool:
    spec = definition["spec"]
    if spec["group"] not in cluster.groups():
        return False
    try:
        cluster.call("GET", f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}")
    except MldeployError:
        return False
    return True


def _wait(condition: Any, seconds: float = 60 * FACTOR) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "the cluster does not take the extensions over"
        time.sleep(0.2)
