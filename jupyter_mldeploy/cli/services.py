"""Commands that look at services: list, status, logs, revisions, diff, events."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..core import documents
from ..core.cards.model import clean
from .context import Context
from .output import age, clock, table
from .parser import integer, option_type

if TYPE_CHECKING:
    from ..core.target import LogLine


def list_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``list``."""
    parser.add_argument("--target", metavar="TARGET", help="only services on this target")
    parser.add_argument(
        "--tag",
        metavar="KEY=VALUE",
        action="append",
        type=option_type("tags"),
        default=[],
        help="only these (repeatable)",
    )


def run_list(context: Context, args: argparse.Namespace) -> int | None:
    """List the services, their states compared with the truth."""
    records = [service.record for service in context.workspace.services(target=args.target, tags=dict(args.tag))]
    rows = [
        (
            record.name,
            context.output.state(record.state),
            record.live_revision or "-",
            record.target,
            record.scoring_uri or "-",
            age(record.updated),
            clean(record.reason or ""),
        )
        for record in records
    ]
    context.output.result(
        {"services": [documents.service_document(record) for record in records]},
        lambda: table(
            ("NAME", "STATE", "REVISION", "TARGET", "SCORING URI", "UPDATED", "REASON"),
            rows,
            empty="There are no services. `mldeploy deploy NAME score.py` creates one.",
        ),
    )
    return None


def status_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``status``."""
    parser.add_argument("name", metavar="NAME", help="the service")


def run_status(context: Context, args: argparse.Namespace) -> int | None:
    """Show one service."""
    from ..core.card import service_card

    service = context.service(args.name)
    record, seen = context.workspace.deployer.look(args.name)
    revisions = service.revisions()
    live = record.live_in(revisions)
    facts = dict(seen.facts)
    document = {
        **documents.service_document(record),
        "digest": live.bundle if live else None,
        "revisions": len(revisions),
        "facts": facts,
    }
    context.output.result(document, lambda: "\n".join([str(service_card(service)["text/plain"]), *_facts(facts)]))
    return None


def _facts(facts: Mapping[str, Any]) -> list[str]:
    """Return what the target reports beside the state, whatever that is, one line each."""
    lines = []
    for key, value in facts.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                text = ", ".join(_part(name, part) for name, part in item.items() if part is not None)
            else:
                text = _fact(key, item)
            if text:
                lines.append(clean(f"  {_label(key)}: {text}"))
    return lines


def _label(key: str) -> str:
    return key.removesuffix("_bytes").replace("_", " ")


def _fact(key: str, value: Any) -> str:
    if value is None:
        return ""
    if key.endswith("_bytes"):
        from ..core.storage.failures import human_size

        return human_size(int(value))
    return clock(value) if key in {"started", "expires"} else str(value)


def _part(key: str, value: Any) -> str:
    """Return a part of a list's entry; what is a word needs no label."""
    shown = _fact(key, value)
    if key.endswith("_bytes"):
        return f"{shown} of {_label(key)}"
    return shown if key in {"name", "phase", "state"} else f"{_label(key)} {shown}"


def logs_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``logs``."""
    parser.add_argument("name", metavar="NAME", help="the service; one that was deleted too")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with new lines until Ctrl-C")
    parser.add_argument("-n", "--lines", metavar="N", type=integer(1), default=1000, help="the last N lines (1000)")
    parser.add_argument("-t", "--times", action="store_true", help="begin each line with its time and source")


def run_logs(context: Context, args: argparse.Namespace) -> int | None:
    """Show a log, and follow it."""
    service = context.service(args.name, deleted=True)
    if args.follow:
        from ..core.logs import follow

        for line in follow(service, args.lines):
            context.output.line(documents.log_document(line), _log_text(line, times=args.times))
        return None
    lines, _ = service.log_lines(limit=args.lines)
    context.output.result(
        {"name": args.name, "lines": [documents.log_document(line) for line in lines]},
        lambda: "\n".join(_log_text(line, times=args.times) for line in lines),
    )
    return None


def _log_text(line: LogLine, *, times: bool) -> str:
    # A log holds what callers sent; its terminal sequences must not reach the reader's terminal.
    text = clean(line.text)
    return f"{clock(line.time):19}  {clean(line.source):12}  {text}" if times else text


def revisions_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``revisions``."""
    parser.add_argument("name", metavar="NAME", help="the service; one that was deleted too")


def run_revisions(context: Context, args: argparse.Namespace) -> int | None:
    """List the revisions, newest first."""
    from ..core.cards.parts import revision_table

    revisions = context.service(args.name, deleted=True).revisions()
    shown = revision_table(revisions, folded=False)
    context.output.result(
        {"name": args.name, "revisions": [documents.revision_document(item) for item in reversed(revisions)]},
        lambda: table([head.upper() for head in shown.headers], [[clean(cell) for cell in row] for row in shown.rows]),
    )
    return None


def diff_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``diff``."""
    parser.add_argument("name", metavar="NAME", help="the service")
    parser.add_argument("old", metavar="A", type=integer(1), help="number of a revision")
    parser.add_argument(
        "new", metavar="B", type=integer(1), nargs="?", help="number of another one (default: the live one)"
    )


def run_diff(context: Context, args: argparse.Namespace) -> int | None:
    """Compare two revisions."""
    service = context.service(args.name, deleted=True)
    difference = service.diff(args.old, args.new)
    document = {"name": args.name, "from": args.old, "to": args.new or service.revision, **difference.to_dict()}
    context.output.result(document, lambda: clean(difference))
    return None


def events_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``events``."""
    parser.add_argument("--service", metavar="NAME", help="only of this service")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with new events until Ctrl-C")
    parser.add_argument("-n", "--lines", metavar="N", type=integer(1), default=50, help="the last N events (50)")
    parser.add_argument(
        "--after", metavar="SEQ", type=integer(0), help="all events after this number, for readers that come back"
    )


def run_events(context: Context, args: argparse.Namespace) -> int | None:
    """Show events, and follow them."""
    stream = context.workspace.events
    if args.service is not None:
        context.service(args.service, deleted=True)
    events, seq = [], args.after or 0
    while batch := stream.read(seq, service=args.service):
        events += batch
        seq = batch[-1].seq
    if args.after is None:
        events = events[-args.lines :]
    if not args.follow:
        context.output.result(
            {"events": [event.to_dict() for event in events]},
            lambda: table(
                ("SEQ", "TIME", "KIND", "WHAT HAPPENED"),
                [(event.seq, clock(event.time), event.kind, clean(event.message)) for event in events],
                empty="Nothing has happened yet.",
            ),
        )
        return None
    for event in events:
        context.output.line(event.to_dict(), _event_text(event))
    for event in stream.follow(max(seq, stream.last_seq() if not events else seq)):
        if args.service in (None, event.service):
            context.output.line(event.to_dict(), _event_text(event))
    return None


def _event_text(event: Any) -> str:
    return f"{event.seq:>6}  {clock(event.time)}  {event.kind:<17}  {clean(event.message)}"
