"""MLD861–MLD866: endpoint and deployment YAML of the v2 command line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from jupyter_mldeploy.core.lint.context import Finding
from jupyter_mldeploy.core.lint.diagnostics import Fix
from jupyter_mldeploy.core.lint.document import Node
from jupyter_mldeploy.core.lint.document_context import DocumentContext
from jupyter_mldeploy.core.lint.rule import rule

_NAME = re.compile(r"[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?")
_COMMON = ("$schema", "name", "description", "tags", "properties", "type")
_ENDPOINT = (
    *_COMMON,
    "auth_mode",
    "traffic",
    "mirror_traffic",
    "public_network_access",
    "identity",
    "compute",
    "defaults",
    "kind",
    "location",
)
_DEPLOYMENT = (
    *_COMMON, "endpoint_name", "model", "model_mount_path", "code_configuration", "environment",
    "environment_variables",
    "instance_type", "instance_count", "app_insights_enabled", "request_settings", "liveness_probe", "readiness_probe",
    "scale_settings", "resources", "data_collector", "egress_public_network_access", "compute", "mini_batch_size",
    "max_concurrency_per_instance", "error_threshold", "retry_settings", "output_action", "output_file_name",
    "logging_level",
    "private_network_connection", "provisioning_state", "job_definition", "settings", "code_path", "scoring_script",
    "component", "startup_probe",
)  # fmt: skip
_SECTIONS: dict[str, tuple[str, ...]] = {
    "code_configuration": ("code", "scoring_script"),
    "request_settings": ("request_timeout_ms", "max_concurrent_requests_per_instance", "max_queue_wait_ms"),
    "scale_settings": (
        "type", "min_instances", "max_instances", "polling_interval", "target_utilization_percentage",
    ),
    "liveness_probe": ("initial_delay", "period", "timeout", "success_threshold", "failure_threshold"),
    "readiness_probe": ("initial_delay", "period", "timeout", "success_threshold", "failure_threshold"),
}  # fmt: skip


#: Keys of the command line's preview, which wrote a path in several ways.
_OLD_PATHS = ("local_path", "uri", "model_uri")


def _is_deployment(ctx: DocumentContext) -> bool:
    schema = str(ctx.map.scalar("$schema") or "")
    return "Deployment" in schema or (not schema and ctx.map.get("endpoint_name") is not None)


def _is_batch(ctx: DocumentContext) -> bool:
    return "batch" in str(ctx.map.scalar("$schema") or "").lower()


@rule("MLD861", "endpoint-file-incomplete", "error", stage="deploy", family="endpoint")
def endpoint_file_incomplete(ctx: DocumentContext) -> Iterator[Finding]:
    """An endpoint or deployment file lacks a key that has no default.

    Both need `name`; a deployment also needs `endpoint_name` and, for managed online endpoints, `instance_type`
    (compute of one's own has none). The names may also come from the command line.

    Bad::

        $schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json
        name: blue
        endpoint_name: scoring
        model: azureml:diabetes:1

    Good::

        $schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json
        name: blue
        endpoint_name: scoring
        model: azureml:diabetes:1
        instance_type: Standard_DS3_v2
        instance_count: 1
    """
    schema = str(ctx.map.scalar("$schema") or "")
    if "managedOnlineDeployment" in schema and ctx.map.get("instance_type") is None:
        yield ctx.finding(
            ctx.map.key_span("name"), "A managed deployment needs instance_type, for example Standard_DS3_v2."
        )
    model = ctx.map.get("model")
    code = ctx.map.get("code_configuration")
    if _is_deployment(ctx) and model is None and code is None and not _is_batch(ctx):
        yield ctx.finding(
            ctx.map.key_span("name"),
            "The deployment has neither a model nor code_configuration, so there is nothing to serve.",
        )


@rule("MLD862", "unknown-endpoint-key", "warning", stage="deploy", family="endpoint")
def unknown_endpoint_key(ctx: DocumentContext) -> Iterator[Finding]:
    """A key is not known; Azure's command line refuses it, this project ignores it.

    So it is with `local_path` and `uri` of the preview of 2021: a model has a `path` now, and `code` is one.

    Bad::

        name: blue
        endpoint_name: scoring
        model: azureml:diabetes:1
        instance_types: Standard_DS3_v2

    Good::

        name: blue
        endpoint_name: scoring
        model: azureml:diabetes:1
        instance_type: Standard_DS3_v2
    """
    known = _DEPLOYMENT if _is_deployment(ctx) else _ENDPOINT
    for key, span, node in ctx.map.entries:
        if key not in known:
            advice, fix = ctx.misspelt(key, span, known)
            yield ctx.finding(span, f"{key} is not known here; {advice}.", fix)
        for inner, place, _ in node.entries if key in _SECTIONS else ():
            if inner not in _SECTIONS[key]:
                advice, fix = ctx.misspelt(inner, place, _SECTIONS[key])
                yield ctx.finding(place, f"{key}.{inner} is not known; {advice}.", fix)
    model, code = ctx.map.get("model"), ctx.map.get("code_configuration")
    for inner, place, _ in model.entries if model is not None else ():
        if inner in _OLD_PATHS:
            fix = Fix("Write path", (ctx.replace(place, ctx.written("path", place)),))
            yield ctx.finding(place, f"model.{inner} is no longer known; write path.", fix)
    base = code.get("code") if code is not None else None
    if base is not None and base.kind == "map" and code is not None:
        yield ctx.finding(code.key_span("code"), "code_configuration.code is a path, no longer a mapping.")


@rule("MLD863", "endpoint-name", "error", stage="deploy", family="endpoint")
def endpoint_name(ctx: DocumentContext) -> Iterator[Finding]:
    """The name of an endpoint or deployment breaks the rule for names.

    3 to 32 letters, digits and dashes, beginning with a letter and not ending with a dash.

    Bad::

        name: my_endpoint
        auth_mode: key

    Good::

        name: my-endpoint
        auth_mode: key
    """
    for key in ("name", "endpoint_name"):
        node = ctx.map.get(key)
        if node is None or not isinstance(node.value, str) or re.search(r"[{}$<>]", node.value):
            continue
        if not (3 <= len(node.value) <= 32 and _NAME.fullmatch(node.value)):
            yield ctx.finding(
                node, f"{node.value} is no valid name: 3 to 32 letters, digits and dashes, beginning with a letter."
            )


@rule("MLD864", "scoring-script-not-found", "warning", stage="deploy", family="endpoint")
def scoring_script_not_found(ctx: DocumentContext) -> Iterator[Finding]:
    """The code folder or the scoring script of a deployment does not exist.

    Both count from the folder of the file; the script from the code folder.

    Bad::

        --- deployment.yml
        name: blue
        endpoint_name: scoring
        model: azureml:diabetes:1
        code_configuration:
          code: src
          scoring_script: score.py

    Good::

        --- deployment.yml
        name: blue
        endpoint_name: scoring
        model: azureml:diabetes:1
        code_configuration:
          code: src
          scoring_script: score.py
        --- src/score.py
        def init():
            pass

        def run(data):
            return data
    """
    code = ctx.map.get("code_configuration")
    folder = ctx.folder
    if code is None or folder is None:
        return
    base, script = code.get("code"), code.get("scoring_script")
    path = _path(folder, base)
    if base is not None and path is not None and not path.is_dir():
        yield ctx.finding(base, f"There is no folder {base.value} beside this file.")
    elif script is not None and isinstance(script.value, str) and path is not None:
        if not (path / script.value).is_file():
            yield ctx.finding(script, f"There is no {script.value} in the code folder.")
        elif not script.value.endswith(".py"):
            yield ctx.finding(script, "The scoring script must be a Python file that ends in .py.")


def _path(folder: Path, node: Node | None) -> Path | None:
    if node is None:
        return folder
    if (
        not isinstance(node.value, str)
        or "://" in node.value
        or node.value.startswith("azureml:")
        or "\0" in node.value
    ):
        return None
    return folder / node.value.replace("\\", "/")


@rule("MLD865", "traffic-impossible", "error", stage="deploy", family="endpoint")
def traffic_impossible(ctx: DocumentContext) -> Iterator[Finding]:
    """Traffic shares are impossible: more than 100 in all, or mirrored traffic above 50 or to several deployments.

    Bad::

        name: scoring
        auth_mode: key
        traffic:
          blue: 90
          green: 20

    Good::

        name: scoring
        auth_mode: key
        traffic:
          blue: 90
          green: 10
    """
    for key, most in (("traffic", 100), ("mirror_traffic", 50)):
        shares = ctx.map.get(key)
        if shares is None or shares.kind != "map":
            continue
        total = 0.0
        for name, _, node in shares.entries:
            if isinstance(node.value, bool) or not isinstance(node.value, int | float):
                continue
            total += node.value
            if not 0 <= node.value <= 100:
                yield ctx.finding(node, f"The share of {name} must lie between 0 and 100.")
        if total > most:
            yield ctx.finding(ctx.map.key_span(key), f"The shares of {key} add up to {total:g}; {most} is the most.")
        if key == "mirror_traffic" and len(shares.entries) > 1:
            yield ctx.finding(ctx.map.key_span(key), "Traffic is mirrored to one deployment only.")


@rule("MLD866", "instances-impossible", "error", stage="deploy", family="endpoint")
def instances_impossible(ctx: DocumentContext) -> Iterator[Finding]:
    """Numbers of instances, timeouts or limits are impossible or contradict one another.

    Bad::

        name: blue
        endpoint_name: scoring
        model: azureml:diabetes:1
        scale_settings:
          type: target_utilization
          min_instances: 5
          max_instances: 2

    Good::

        name: blue
        endpoint_name: scoring
        model: azureml:diabetes:1
        scale_settings:
          type: target_utilization
          min_instances: 2
          max_instances: 5
    """
    count = ctx.map.get("instance_count")
    if count is not None and isinstance(count.value, int) and not isinstance(count.value, bool) and count.value < 0:
        yield ctx.finding(count, "instance_count must not be negative.")
    scale = ctx.map.get("scale_settings")
    if scale is not None:
        low, high = scale.scalar("min_instances"), scale.scalar("max_instances")
        if isinstance(low, int) and isinstance(high, int) and low > high:
            yield ctx.finding(
                scale.key_span("min_instances"), f"min_instances ({low}) is more than max_instances ({high})."
            )
        kind = scale.scalar("type")
        if kind is not None and kind not in {"default", "target_utilization"}:
            yield ctx.finding(
                scale.key_span("type"), f"There is no scaling {kind}; it is default or target_utilization."
            )
    settings = ctx.map.get("request_settings")
    for key in ("request_timeout_ms", "max_concurrent_requests_per_instance"):
        value = settings.scalar(key) if settings is not None else None
        if isinstance(value, int) and not isinstance(value, bool) and value <= 0 and settings is not None:
            yield ctx.finding(settings.key_span(key), f"{key} must be more than 0.")
    mode = ctx.map.get("auth_mode")
    if mode is not None and isinstance(mode.value, str) and mode.value.lower() not in {"key", "aml_token", "aad_token"}:
        yield ctx.finding(mode, f"There is no auth_mode {mode.value}; it is key, aml_token or aad_token.")
