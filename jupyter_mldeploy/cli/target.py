"""``mldeploy target …``: where services can run."""

from __future__ import annotations

import argparse
from typing import Any

from ..core.documents import target_document
from ..core.target import BrokenTarget
from .context import Context
from .output import fields, table


def list_arguments(parser: argparse.ArgumentParser) -> None:
    """``target list`` has no arguments of its own."""


def run_list(context: Context, _: argparse.Namespace) -> int | None:
    """List the installed targets; a broken plug-in is named and costs the others nothing."""
    targets = context.workspace.targets
    found = [target_document(targets.find(name)) for name in targets.names()]
    rows = [
        (
            item["name"],
            "yes" if item["available"] else "no",
            item.get("summary") or "",
            "" if item["available"] else item["reason"],
        )
        for item in found
    ]
    context.output.result({"targets": found}, lambda: table(("NAME", "USABLE", "WHAT IT IS", "WHY NOT"), rows))
    return None


def describe_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``target describe``."""
    parser.add_argument("name", metavar="NAME", help="the target")


def run_describe(context: Context, args: argparse.Namespace) -> int | None:
    """Show a target's capabilities and the keys of its configuration."""
    found = context.workspace.targets.find(args.name)
    document = target_document(found, in_full=True)
    if isinstance(found, BrokenTarget):
        context.workspace.targets.get(args.name)  # raises with the reason
    context.output.result(document, lambda: _text(document))
    return None


def _text(document: dict[str, Any]) -> str:
    usable = "yes" if document["available"] else f"no: {document['reason']}"
    head = fields([("target", document["name"]), ("title", document["title"]), ("usable", usable)])
    capabilities = dict(document["capabilities"])
    why_not = capabilities.pop("why_not")
    can = []
    for name, value in capabilities.items():
        shown = {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
        can.append((name.replace("_", " "), shown, why_not.get(name, "")))
    keys = [_key(name, schema) for name, schema in document["configuration"].get("properties", {}).items()]
    return "\n".join(
        [
            head,
            document["summary"],
            "",
            table(("CAPABILITY", "", "WHY NOT"), can),
            "",
            table(("KEY (--set KEY=VALUE)", "TYPE", "DEFAULT", "MEANING"), keys),
        ]
    )


def _key(name: str, schema: dict[str, Any]) -> tuple[str, str, str, str]:
    import json

    default = schema.get("default")
    shown = "" if default in (None, {}, []) else json.dumps(default)
    meaning = " ".join(schema.get("description", "").split()).replace("``", "`")
    return name, _type(schema), shown, meaning


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(item) for item in schema["anyOf"] if item.get("type") != "null")
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    kind = str(schema.get("type", "any"))
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum")
    if low is not None and high is not None:
        return f"{kind} {low} to {high}"
    return kind
