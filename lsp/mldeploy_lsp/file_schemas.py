"""JSON Schemas of deployment files, for editors: ``python -m mldeploy_lsp.file_schemas lsp/vscode/schemas``.

They say what keys there are, what they mean and of what type they are. They forbid no key: what is misspelt, missing or
contradictory is the linter's to say, once.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jupyter_mldeploy.core.lint.document_context import DocumentFamily
from mldeploy_lsp.deployment_keys import Key, keys_of

FAMILIES: dict[DocumentFamily, str] = {
    "inferenceconfig": "Inference configuration",
    "deploymentconfig": "Deployment configuration",
    "environment": "Conda environment",
    "endpoint": "Online endpoint or deployment",
}
_TEXT_OR_OBJECT = {"environment", "model"}
_TEXT_MAPS = {"tags", "properties", "variables", "environment_variables"}
_NUMBER_MAPS = {"traffic"}
_NUMBERS = {
    "containerResourceRequirements.cpu", "containerResourceRequirements.memoryInGB",
    "containerResourceRequirements.cpuLimit", "containerResourceRequirements.memoryInGBLimit",
}  # fmt: skip
_INTEGERS = {
    "port", "gpuCores", "numReplicas", "scoringTimeoutMs", "maxConcurrentRequestsPerContainer", "maxQueueWaitMs",
    "autoScaler.minReplicas", "autoScaler.maxReplicas", "autoScaler.refreshPeriodInSeconds",
    "autoScaler.targetUtilization", "livenessProbeRequirements.periodSeconds",
    "livenessProbeRequirements.initialDelaySeconds", "livenessProbeRequirements.timeoutSeconds",
    "livenessProbeRequirements.successThreshold", "livenessProbeRequirements.failureThreshold", "instance_count",
    "request_settings.request_timeout_ms", "request_settings.max_concurrent_requests_per_instance",
    "request_settings.max_queue_wait_ms", "trafficPercentile",
    *(
        f"{probe}.{key}"
        for probe in ("liveness_probe", "readiness_probe")
        for key in ("initial_delay", "period", "timeout", "success_threshold", "failure_threshold")
    ),
}  # fmt: skip


def schema(family: DocumentFamily) -> dict[str, Any]:
    """Return the JSON Schema (draft 7) of one kind of file."""
    root: dict[str, Any] = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": FAMILIES[family],
        "type": "object",
        "properties": {},
    }
    keys = keys_of(family)
    sections = {key.path.rpartition(".")[0] for key in keys}
    for key in sorted(keys, key=lambda item: item.path.count(".")):
        if family == "environment" and key.path == "pip":
            continue  # it stands in an item of dependencies
        *above, name = key.path.split(".")
        place = root
        for part in above:
            place = place["properties"].setdefault(part, {"type": "object"})
            place.setdefault("properties", {})
        place["properties"][name] = _value(key, family, is_section=key.path in sections)
    return root


def _value(key: Key, family: DocumentFamily, *, is_section: bool) -> dict[str, Any]:
    about: dict[str, Any] = {"description": key.help.replace("`", "")} if key.help else {}
    if family == "environment" and key.path in {"channels", "dependencies"}:
        return {**about, **_conda_list(key)}
    if key.path in _TEXT_OR_OBJECT:
        return {"type": ["string", "object"], **about, **({"properties": {}} if is_section else {})}
    if is_section:
        return {"type": "object", **about, "properties": {}}
    if key.path in _TEXT_MAPS:
        return {"type": "object", **about}
    if key.path in _NUMBER_MAPS:
        return {"type": "object", **about, "additionalProperties": {"type": "number", "minimum": 0, "maximum": 100}}
    if key.values == ("true", "false"):
        return {"type": "boolean", **about}
    if key.path in _INTEGERS:
        return {"type": "integer", **about}
    if key.path in _NUMBERS:
        return {"type": "number", **about}
    # computeType is read in any case of letters, so its values are proposed, not prescribed.
    return {"type": "string", **about, **({"examples": list(key.values)} if key.values else {})}


def _conda_list(key: Key) -> dict[str, Any]:
    if key.path == "channels":
        return {"type": "array", "items": {"type": "string", "examples": list(key.values)}}
    pip = {"type": "array", "items": {"type": "string"}, "description": "Requirements that pip installs."}
    return {
        "type": "array",
        "items": {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"pip": pip}, "required": ["pip"]}]},
    }


def texts() -> dict[str, str]:
    """Return all schemas by file name."""
    return {f"{family}.schema.json": json.dumps(schema(family), indent=2) + "\n" for family in FAMILIES}


def main(arguments: Sequence[str]) -> int:
    """Write the schemas into the folder that the one argument names."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m mldeploy_lsp.file_schemas FOLDER\n")
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts().items():
        (folder / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
