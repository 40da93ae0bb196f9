"""``mldeploy compute``: clusters that were attached or created under a name."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError
from .context import Context
from .output import fields, table
from .parser import option_type
from .progress import reporting

if TYPE_CHECKING:
    from ..core.compute import Compute

#: Creating a cluster takes Azure five to fifteen minutes.
_CREATE_S = 1800.0


def attach_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``compute attach``."""
    parser.description = "Keep a cluster that exists under a name. Nothing is installed in it or changed."
    _settings(parser, "resource_group=rg cluster_name=prod, or resource_id=…")


def run_attach(context: Context, args: argparse.Namespace) -> int | None:
    """Attach a cluster."""
    found = context.workspace.computes.attach(args.kind, args.name, _read(args.settings))
    context.output.result(_document(found), f"{found.name} is attached: {_where(found)}")
    return None


def create_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``compute create``."""
    parser.description = "Create a cluster, wait until it works, and keep it under a name. It costs money while it is."
    _settings(parser, "resource_group=rg location=westeurope agent_count=3")
    _timeout(parser)


def run_create(context: Context, args: argparse.Namespace) -> int | None:
    """Create a cluster."""
    from ..core.target import Progress

    with reporting(context.output) as report:
        progress = Progress(args.timeout or _CREATE_S, report)
        found = context.workspace.computes.create(args.kind, args.name, _read(args.settings), progress)
    context.output.result(_document(found), f"{found.name} is created: {_where(found)}")
    return None


def list_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``compute list``: none."""


def run_list(context: Context, args: argparse.Namespace) -> int | None:  # noqa: ARG001  every command has them
    """List the compute targets."""
    found = context.workspace.computes.list()
    rows = [(item.name, item.kind, _where(item), "created" if item.owned else "attached") for item in found]
    context.output.result(
        {"computes": [_document(item) for item in found]},
        table(("name", "kind", "where", ""), rows, empty="No compute target. `mldeploy compute attach` names one."),
    )
    return None


def show_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``compute show``."""
    parser.add_argument("name", metavar="NAME", help="the compute target")


def run_show(context: Context, args: argparse.Namespace) -> int | None:
    """Show how a cluster is now."""
    found = context.workspace.computes.get(args.name)
    state = context.workspace.computes.state(args.name)
    document = {**_document(found), "state": dict(state)}
    context.output.result(document, fields([("name", found.name), ("where", _where(found)), *_texts(state)]))
    return None


def credentials_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``compute credentials``."""
    parser.add_argument("name", metavar="NAME", help="the compute target")


def run_credentials(context: Context, args: argparse.Namespace) -> int | None:
    """Print a kubeconfig; who has it has the cluster."""
    text = context.workspace.computes.credentials(args.name)
    context.output.result({"name": args.name, "kubeconfig": text}, text.rstrip("\n"))
    return None


def detach_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``compute detach``."""
    parser.add_argument("name", metavar="NAME", help="the compute target")


def run_detach(context: Context, args: argparse.Namespace) -> int | None:
    """Forget a cluster."""
    found = context.workspace.computes.detach(args.name)
    context.output.result(_document(found), f"{found.name} is detached; the cluster goes on running")
    return None


def delete_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``compute delete``."""
    parser.description = "Delete a cluster that was created here, with all that runs in it."
    parser.add_argument("name", metavar="NAME", help="the compute target")
    _timeout(parser)


def run_delete(context: Context, args: argparse.Namespace) -> int | None:
    """Delete a cluster."""
    from ..core.target import Progress

    with reporting(context.output) as report:
        found = context.workspace.computes.delete(args.name, Progress(args.timeout or _CREATE_S, report))
    context.output.result(_document(found), f"{found.name} is deleted")
    return None


def _settings(parser: argparse.ArgumentParser, example: str) -> None:
    parser.add_argument("kind", metavar="KIND", help="what it is: aks")
    parser.add_argument("name", metavar="NAME", help="its name here: 2 to 16 letters, digits and hyphens")
    parser.add_argument(
        "--set", metavar="KEY=VALUE", dest="settings", action="append", default=[], help=f"a setting, as in {example}"
    )


def _timeout(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=option_type("timeout"), help="give up waiting after this time (1800)"
    )


def _read(settings: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in settings:
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise InvalidInputError(f"Write KEY=VALUE, not {item!r}.", field="--set")
        family, dot, name = key.partition(".")
        if dot:
            found.setdefault(family, {})[name] = value  # tags.team=a
        else:
            found[key] = value
    return found


def _document(compute: Compute) -> dict[str, Any]:
    return {
        "name": compute.name,
        "kind": compute.kind,
        "facts": dict(compute.facts),
        "created": compute.created,
        "owned": compute.owned,
    }


def _where(compute: Compute) -> str:
    facts = compute.facts
    return f"{facts.get('cluster_name')} in {facts.get('resource_group')} ({facts.get('location')})"


def _texts(state: Mapping[str, Any]) -> list[tuple[str, str]]:
    looked = ("looked at", datetime.now(UTC).strftime("%H:%M:%S UTC"))
    return [*((key.replace("_", " "), str(value)) for key, value in state.items()), looked]
