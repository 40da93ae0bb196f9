"""MLD841–MLD849: ``deploymentconfig.json`` of the v1 command line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jupyter_mldeploy.core.azure_files.v1keys import BY_PATH, FREE, SECTIONS
from jupyter_mldeploy.core.lint.context import Finding
from jupyter_mldeploy.core.lint.diagnostics import Fix
from jupyter_mldeploy.core.lint.document import Node
from jupyter_mldeploy.core.lint.document_context import DocumentContext
from jupyter_mldeploy.core.lint.rule import rule

_COMPUTE = ("local", "aci", "aks", "aksendpoint")
_ALL = frozenset(_COMPUTE)
_KUBERNETES = frozenset({"aks", "aksendpoint"})
_CLOUD = _KUBERNETES | {"aci"}
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
# Keys that not every compute type reads; what is not here is read by aks and aksendpoint only.
_READ_BY: dict[str, frozenset[str]] = {
    "port": frozenset({"local"}),
    **dict.fromkeys(("containerResourceRequirements.cpu", "containerResourceRequirements.memoryInGB"), _CLOUD),
    **dict.fromkeys(("authEnabled", "keys.primaryKey", "keys.secondaryKey", "appInsightsEnabled"), _CLOUD),
    **dict.fromkeys(
        ("location", "sslEnabled", "sslCertificate", "sslKey", "cname", "dnsNameLabel"), frozenset({"aci"})
    ),
    **dict.fromkeys(("vaultBaseUrl", "keyName", "keyVersion", "vnetName", "subnetName"), frozenset({"aci"})),
    "computeTargetName": frozenset({"aks"}),
    **dict.fromkeys(("versionName", "trafficPercentile"), frozenset({"aksendpoint"})),
    **dict.fromkeys(("tags", "properties", "description"), _ALL),
}
_BOOLEANS = {
    "authEnabled", "tokenAuthEnabled", "appInsightsEnabled", "sslEnabled", "autoScaler.autoscaleEnabled",
    "dataCollection.storageEnabled",
}  # fmt: skip


def _compute_type(ctx: DocumentContext) -> str | None:
    value = ctx.map.scalar("computeType")
    return value.lower() if isinstance(value, str) and value.lower() in _ALL else None


def _number(node: Node | None) -> float | None:
    if node is None or isinstance(node.value, bool) or not isinstance(node.value, int | float):
        return None
    return float(node.value)


def _at(ctx: DocumentContext, path: str) -> Node | None:
    node: Node | None = ctx.map
    for part in path.split("."):
        node = node.get(part) if node is not None else None
    return node


def _is_on(ctx: DocumentContext, path: str) -> bool:
    node = _at(ctx, path)
    return node is not None and node.value is True


@rule("MLD841", "compute-type", "error", stage="deploy", zero_fp=True, family="deploymentconfig")
def compute_type(ctx: DocumentContext) -> Iterator[Finding]:
    """`computeType` is missing or unknown.

    It is `local`, `aci`, `aks` or `aksendpoint`, in any case. A file that is not valid JSON is reported with the same
    code.

    Bad::

        {"computeTarget": "aci"}

    Good::

        {"computeType": "aci"}
    """
    if ctx.root is None or ctx.root.kind != "map":
        yield ctx.finding(ctx.map.span, 'The file must hold an object, as in {"computeType": "local"}.')
        return
    node = ctx.map.get("computeType")
    if node is None:
        close = [
            entry for entry in ctx.map.entries if entry[0].lower() in {"computetype", "computetarget", "compute_type"}
        ]
        fix = None
        if close:
            span = close[0][1]
            fix = Fix("Write computeType", (ctx.replace(span, ctx.written("computeType", span)),))
        where = close[0][1] if close else ctx.map.span
        yield ctx.finding(where, f"computeType is missing; it is one of {', '.join(_COMPUTE)}.", fix)
    elif not isinstance(node.value, str) or node.value.lower() not in _ALL:
        yield ctx.finding(node, f"There is no computeType {node.value}; it is one of {', '.join(_COMPUTE)}.")


def _keys(ctx: DocumentContext) -> Iterator[tuple[str, str, Node]]:
    """Yield ``(path, written key, node)`` of all keys that have a meaning of their own."""
    for key, _, node in ctx.map.entries:
        if key in SECTIONS and node.kind == "map":
            for inner, _, value in node.entries:
                yield f"{key}.{inner}", inner, value
        else:
            yield key, key, node


@rule("MLD842", "unknown-deployment-key", "warning", stage="answer", family="deploymentconfig")
def unknown_deployment_key(ctx: DocumentContext) -> Iterator[Finding]:
    """A key is not known and silently ignored, so the default stays in force.

    Bad::

        {"computeType": "aci", "enableAppInsights": true}

    Good::

        {"computeType": "aci", "appInsightsEnabled": true}
    """
    if ctx.root is None or ctx.root.kind != "map":
        return
    known = {"computeType", *BY_PATH, *SECTIONS}
    top = {path for path in known if "." not in path}
    aliases = {
        "enableappinsights": "appInsightsEnabled", "authenabled": "authEnabled", "maxqueuewaitsms": "maxQueueWaitMs",
        "enableauth": "authEnabled", "tokenauthenabled": "tokenAuthEnabled", "scoringtimeout": "scoringTimeoutMs",
        "replicas": "numReplicas", "sslcname": "cname",
    }  # fmt: skip
    for section, span, node in ctx.map.entries:
        if section in SECTIONS and node.kind == "map":
            inner = {path.partition(".")[2] for path in BY_PATH if path.startswith(f"{section}.")}
            for key, place, _ in node.entries:
                if key not in inner:
                    advice, fix = ctx.misspelt(key, place, inner)
                    yield ctx.finding(place, f"{section}.{key} is not known and silently ignored; {advice}.", fix)
        elif section not in top and section not in FREE and not section.startswith("$"):
            if section.lower().replace("_", "") in {"computetarget", "computetype"}:
                continue  # MLD841
            meant = aliases.get(re.sub(r"[^a-z]", "", section.lower()))
            if meant:
                fix = Fix(f"Write {meant}", (ctx.replace(span, ctx.written(meant, span)),))
                yield ctx.finding(span, f"{section} is not known and silently ignored; write {meant}.", fix)
                continue
            nested = next((path for path in BY_PATH if path.endswith(f".{section}")), None)
            if nested:
                outer = nested.partition(".")[0]
                yield ctx.finding(span, f"{section} is ignored here; it belongs inside {outer}.")
                continue
            advice, fix = ctx.misspelt(section, span, sorted(top))
            yield ctx.finding(span, f"{section} is not known and silently ignored; {advice}.", fix)


@rule("MLD843", "resources-impossible", "error", stage="deploy", zero_fp=True, family="deploymentconfig")
def resources_impossible(ctx: DocumentContext) -> Iterator[Finding]:
    """CPU or memory is zero or negative, or a limit is below what is requested.

    Bad::

        {"computeType": "aks", "containerResourceRequirements": {"cpu": 2, "cpuLimit": 1}}

    Good::

        {"computeType": "aks", "containerResourceRequirements": {"cpu": 1, "cpuLimit": 2}}
    """
    for name in ("cpu", "memoryInGB", "cpuLimit", "memoryInGBLimit"):
        node = _at(ctx, f"containerResourceRequirements.{name}")
        value = _number(node)
        if node is not None and value is not None and value <= 0:
            yield ctx.finding(node, f"{name} must be more than 0.")
    for name, limit in (("cpu", "cpuLimit"), ("memoryInGB", "memoryInGBLimit")):
        request, bound = (
            _number(_at(ctx, f"containerResourceRequirements.{name}")),
            _at(ctx, f"containerResourceRequirements.{limit}"),
        )
        most = _number(bound)
        if bound is not None and request is not None and most is not None and most < request:
            yield ctx.finding(bound, f"{limit} ({most:g}) is below {name} ({request:g}); raise it.")


@rule("MLD844", "replicas-contradict", "error", stage="deploy", zero_fp=True, family="deploymentconfig")
def replicas_contradict(ctx: DocumentContext) -> Iterator[Finding]:
    """The numbers of replicas contradict the autoscaler.

    With autoscaling there is a range, without it there is a number.

    Bad::

        {"computeType": "aks", "numReplicas": 3, "autoScaler": {"autoscaleEnabled": true}}

    Good::

        {"computeType": "aks", "autoScaler": {"autoscaleEnabled": true, "minReplicas": 1, "maxReplicas": 3}}
    """
    enabled = _at(ctx, "autoScaler.autoscaleEnabled")
    replicas = _at(ctx, "numReplicas")
    fewest, most = _at(ctx, "autoScaler.minReplicas"), _at(ctx, "autoScaler.maxReplicas")
    if enabled is not None and enabled.value is True and replicas is not None and replicas.value is not None:
        yield ctx.finding(replicas, "numReplicas and autoscaling exclude each other; remove one.")
    if enabled is not None and enabled.value is False:
        if replicas is None:
            yield ctx.finding(enabled, "Without autoscaling numReplicas must be given.")
        for node, name in ((fewest, "minReplicas"), (most, "maxReplicas")):
            if node is not None and node.value is not None:
                yield ctx.finding(node, f"{name} needs autoscaling, which is off; switch it on or remove {name}.")
    low, high = _number(fewest), _number(most)
    if fewest is not None and low is not None and high is not None and low > high:
        yield ctx.finding(fewest, f"minReplicas ({low:g}) is more than maxReplicas ({high:g}).")


@rule("MLD845", "two-kinds-of-authentication", "error", stage="deploy", zero_fp=True, family="deploymentconfig")
def two_kinds_of_authentication(ctx: DocumentContext) -> Iterator[Finding]:
    """Key and token authentication are both on; a service has one of them.

    Bad::

        {"computeType": "aks", "authEnabled": true, "tokenAuthEnabled": true}

    Good::

        {"computeType": "aks", "authEnabled": false, "tokenAuthEnabled": true}
    """
    if _is_on(ctx, "authEnabled") and _is_on(ctx, "tokenAuthEnabled"):
        yield ctx.finding(
            ctx.map.key_span("tokenAuthEnabled"), "Keys and tokens exclude each other; set authEnabled to false."
        )


@rule("MLD846", "incomplete-settings", "error", stage="deploy", zero_fp=True, family="deploymentconfig")
def incomplete_settings(ctx: DocumentContext) -> Iterator[Finding]:
    """TLS, a virtual network or a customer-managed key is configured in part.

    TLS needs certificate, key and name; a virtual network its subnet; a customer-managed key its vault, name and
    version.

    Bad::

        {"computeType": "aci", "sslEnabled": true, "cname": "api.example.com"}

    Good::

        {"computeType": "aci", "sslEnabled": true, "sslCertificate": "cert.pem", "sslKey": "key.pem", "cname":
        "api.example.com"}
    """
    if _compute_type(ctx) != "aci":
        return
    if _is_on(ctx, "sslEnabled"):
        missing = [key for key in ("sslCertificate", "sslKey", "cname") if not ctx.map.scalar(key)]
        if missing:
            yield ctx.finding(ctx.map.key_span("sslEnabled"), f"TLS also needs {' and '.join(missing)}.")
    for group in (("vnetName", "subnetName"), ("vaultBaseUrl", "keyName", "keyVersion")):
        given = [key for key in group if ctx.map.scalar(key)]
        missing = [key for key in group if not ctx.map.scalar(key)]
        if given and missing:
            yield ctx.finding(ctx.map.key_span(given[0]), f"{given[0]} also needs {' and '.join(missing)}.")


@rule("MLD847", "key-of-other-compute", "warning", stage="answer", family="deploymentconfig")
def key_of_other_compute(ctx: DocumentContext) -> Iterator[Finding]:
    """A key belongs to another compute type and is silently ignored.

    Bad::

        {"computeType": "aci", "numReplicas": 3}

    Good::

        {"computeType": "aks", "numReplicas": 3}
    """
    kind = _compute_type(ctx)
    if kind is None:
        return
    for path, key, node in _keys(ctx):
        readers = _READ_BY.get(path, _KUBERNETES)
        if path in BY_PATH and kind not in readers:
            outer = ctx.map.get(path.partition(".")[0]) if "." in path else None
            span = outer.key_span(key) if outer is not None else ctx.map.key_span(key)
            yield ctx.finding(span, f"{key} has no effect with {kind}; it belongs to {' and '.join(sorted(readers))}.")
        del node


@rule("MLD848", "text-for-boolean", "warning", stage="answer", family="deploymentconfig")
def text_for_boolean(ctx: DocumentContext) -> Iterator[Finding]:
    """A switch holds text; any text, `"False"` too, counts as on.

    Bad::

        {"computeType": "aci", "authEnabled": "False"}

    Good::

        {"computeType": "aci", "authEnabled": false}
    """
    for path, key, node in _keys(ctx):
        if path in _BOOLEANS and isinstance(node.value, str):
            fix = None
            if node.value.strip().lower() in {"true", "false"}:
                plain = node.value.strip().lower()
                fix = Fix(f"Write {plain}", (ctx.replace(node.span, plain),))
            yield ctx.finding(
                node, f"{key} is a switch, and any text counts as on; write true or false without quotes.", fix
            )


@rule("MLD849", "service-name", "warning", stage="deploy", family="deploymentconfig")
def service_name(ctx: DocumentContext) -> Iterator[Finding]:
    """A name in the configuration breaks the rule for service and version names.

    3 to 32 characters: small letters, digits and dashes, beginning with a letter and not ending with a dash.

    Bad::

        {"computeType": "aksendpoint", "versionName": "Version_1"}

    Good::

        {"computeType": "aksendpoint", "versionName": "version-1"}
    """
    for key in ("versionName", "dnsNameLabel", "name"):
        node = ctx.map.get(key)
        if (
            node is not None
            and isinstance(node.value, str)
            and not (3 <= len(node.value) <= 32 and _NAME.fullmatch(node.value))
        ):
            yield ctx.finding(
                node,
                f"{node.value} is no valid name: 3 to 32 small letters, digits and dashes, beginning with a letter.",
            )
