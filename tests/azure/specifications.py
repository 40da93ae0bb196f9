"""Microsoft's own descriptions of Azure's wire format, for checking what is sent and what the emulator answers."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import jsonschema
import pytest

from tests.real_parts import SHARED

SPECS = SHARED / "azure-specs"


def require() -> None:
    """Skip where the descriptions are not at hand."""
    if not SPECS.is_dir():
        pytest.skip("Microsoft's descriptions of Azure are not here")


@cache
def operations(file: str) -> dict[str, Any]:
    """Return a description derived from the SDK: every operation with its models."""
    found: dict[str, Any] = json.loads((SPECS / "sdk-derived" / file).read_text())
    return found


def operation_of(document: dict[str, Any], method: str, path: str) -> dict[str, Any] | None:
    """Return the operation that a method and path belong to."""
    for template, methods in document["paths"].items():
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
        if re.fullmatch(pattern, path, re.IGNORECASE) and method.lower() in methods:
            found: dict[str, Any] = methods[method.lower()]
            return found
    return None


def check_body(document: dict[str, Any], schema: dict[str, Any], body: Any) -> list[str]:
    """Return what is wrong with a body; read-only properties are nobody's to send."""
    root = {"definitions": document["definitions"], **schema}
    return [
        f"{'/'.join(map(str, item.absolute_path))}: {item.message}"
        for item in jsonschema.Draft4Validator(root).iter_errors(body)
    ]


@cache
def arm_validator(file: str, resource: str) -> Any:
    """Return a validator of an official ARM schema, made for offline use (see the folder's README)."""

    def fix(value: Any) -> Any:
        if isinstance(value, list):
            return [fix(item) for item in value]
        if not isinstance(value, dict):
            return value
        if str(value.get("$ref", "")).startswith("https://schema.management.azure.com/"):
            return {"type": "string", "pattern": r"^\[([^\[].*)?\]$"} if "expression" in value["$ref"] else {}
        found = {key: fix(item) for key, item in value.items()}
        if found.get("type") == "integer":
            found["type"] = "number"
        return found

    document = fix(json.loads((SPECS / "arm-schemas" / file).read_text()))
    root = {"definitions": document.get("definitions", {}), **document["resourceDefinitions"][resource]}
    return jsonschema.Draft4Validator(root)
