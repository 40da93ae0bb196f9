"""``mldeploy adopt``: services that a target knows and this workspace does not."""

from __future__ import annotations

import argparse

from .context import Context


def adopt_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``adopt``."""
    parser.description = (
        "Make services that run on a target, and that this workspace does not know, its own: after its store was lost,"
        " or from another workspace. They go on serving, with their keys. Without a name they are listed."
    )
    parser.add_argument("names", metavar="NAME", nargs="*", help="the services to adopt")
    parser.add_argument("--target", metavar="TARGET", default="docker", help="where they run (docker)")


def run_adopt(context: Context, args: argparse.Namespace) -> int | None:
    """List strangers, or adopt some."""
    from ..core.adoption import adopt, strangers

    if not args.names:
        found = strangers(context.workspace, args.target)
        rows = [f"{item.name}  revision {item.revision}  bundle {item.bundle[:19]}" for item in found]
        document = [{"name": item.name, "revision": item.revision, "bundle": item.bundle} for item in found]
        text = "\n".join(rows) or f"nothing on {args.target} that this workspace does not know"
        context.output.result({"services": document}, text)
        return None
    services = [adopt(context.workspace, name, args.target) for name in args.names]
    document = [{"name": item.name, "revision": item.revision, "state": str(item.record.state)} for item in services]
    context.output.result({"services": document}, "\n".join(f"{item.name} is adopted" for item in services))
    return None
