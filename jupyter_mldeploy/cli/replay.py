"""``mldeploy record`` and ``mldeploy replay``: which answers a change of the model changes."""

from __future__ import annotations

import argparse

from ..errors import InvalidInputError
from .context import Context
from .progress import reporting


def record_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``record``."""
    parser.description = (
        "Have a sample of the requests and their answers written into the service's log, or save what was recorded."
        " Only small JSON bodies are recorded. Switching it on or off is an update with the same bytes."
    )
    add = parser.add_argument
    add("name", metavar="NAME", help="the service")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--rate", metavar="SHARE", type=float, help="record this share of the requests, from 0 to 1")
    what.add_argument("--off", action="store_true", help="record no more")
    what.add_argument("--save", metavar="FILE", help="write what was recorded, one JSON object a line")
    add("--max-bytes", metavar="N", type=int, default=8192, help="leave out what is larger, body and answer (8192)")
    add("--deny", metavar="FIELD", action="append", default=[], help="leave out this field's values (repeatable)")


def run_record(context: Context, args: argparse.Namespace) -> int | None:
    """Switch recording on or off, or save."""
    service = context.service(args.name)
    if args.save is not None:
        from ..core.probes.recording import save

        found = service.recorded()
        path = save(found, args.save)
        context.output.result({"file": str(path), "requests": len(found)}, f"{len(found)} requests are in {path}")
        return None
    rate = 0.0 if args.off else args.rate
    if rate == 0 and not args.off:
        raise InvalidInputError("A rate of 0 records nothing.", field="--rate", hint="Use --off.")
    with reporting(context.output) as report:
        service.record_requests(rate, max_bytes=args.max_bytes, deny=args.deny, report=report)
    text = "records no more" if args.off else f"records {rate:.3g} of its requests; they are in its log"
    context.output.result({"service": args.name, "rate": rate}, f"{args.name} {text}")
    return None


def replay_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``replay``."""
    parser.description = "Send recorded requests again and show which answers changed, and by how much."
    add = parser.add_argument
    add("name", metavar="NAME", help="the service that is asked")
    add("--from", metavar="NAME|FILE", dest="source", help="whose requests (default: its own, of earlier revisions)")
    add("--tolerance", metavar="SHARE", type=float, default=0.0, help="relative difference that counts as none (0)")


def run_replay(context: Context, args: argparse.Namespace) -> int | None:
    """Replay; exit code 1 when an answer changed."""
    found = context.service(args.name).replay(args.source, tolerance=args.tolerance)
    context.output.result(found.to_dict(), str(found))
    return 1 if found.changed else 0
