"""``mldeploy traffic``: several versions behind one endpoint."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..core.deployargs import add_deploy_arguments, read_deploy_values
from ..errors import InvalidInputError
from .changes import NOT_FOR_UPDATE
from .context import Context
from .parser import integer
from .progress import reporting
from .shown import failing

if TYPE_CHECKING:
    from ..core.traffic.endpoint import Endpoint


def show_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``traffic show``."""
    parser.add_argument("name", metavar="NAME", help="the endpoint")


def run_show(context: Context, args: argparse.Namespace) -> int | None:
    """Show the versions, their shares, and what the router counted."""
    _show(context, context.workspace.endpoint(args.name))
    return None


def create_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``traffic create``."""
    parser.description = (
        "Deploy one more version beside what the endpoint serves, and give it a share of the requests. Address and keys"
        " stay as they are; no request fails."
    )
    parser.add_argument("name", metavar="NAME", help="the endpoint")
    parser.add_argument("version", metavar="VERSION", help="the new version's name")
    parser.add_argument("script", metavar="SCRIPT", nargs="?", help="its entry script")
    parser.add_argument(
        "--revision", metavar="N", type=integer(1), help="serve this earlier revision instead of a script"
    )
    parser.add_argument("--percent", metavar="P", type=float, default=0.0, help="share of the requests (default: 0)")
    parser.add_argument("--mirror", metavar="P", type=float, default=0.0, help="share that is copied to it, up to 50")
    parser.add_argument("--default", action="store_true", help="it gets what no percentage covers")
    add_deploy_arguments(parser, skip=NOT_FOR_UPDATE)


def run_create(context: Context, args: argparse.Namespace) -> int | None:
    """Create a version."""
    options = read_deploy_values(args.name, vars(args))
    endpoint = context.workspace.endpoint(args.name)
    if args.script is None and args.revision is None and not options.models:
        raise InvalidInputError("A version needs an entry script, --revision or --model.", field="script")
    with failing(context, args.name), reporting(context.output) as report:
        endpoint.create_version(
            args.version,
            args.script,
            models=options.models,
            environment=options.environment,
            source_directory=options.source_directory,
            include=options.include,
            revision=args.revision,
            traffic=args.percent,
            mirror=args.mirror,
            default=args.default,
            config=_config(context, endpoint, options),
            force=options.force,
            timeout_s=options.timeout or 300.0,
            report=report,
        )
    _show(context, endpoint)
    return None


def set_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``traffic set``."""
    parser.add_argument("name", metavar="NAME", help="the endpoint")
    parser.add_argument("shares", metavar="VERSION=PERCENT", nargs="*", help="shares; the default gets what remains")
    parser.add_argument("--mirror", metavar="VERSION=PERCENT", help="copy this share to a version, up to 50; 0 ends it")
    parser.add_argument("--default", metavar="VERSION", help="the version that gets what no percentage covers")


def run_set(context: Context, args: argparse.Namespace) -> int | None:
    """Divide the requests anew."""
    endpoint = context.workspace.endpoint(args.name)
    if not args.shares and args.mirror is None and args.default is None:
        raise InvalidInputError(
            "Nothing to set.", field="shares", hint=f"Write, for example: mldeploy traffic set {args.name} green=10"
        )
    shares = _shares(args.shares, "shares") if args.shares else None
    mirror = _shares([args.mirror], "--mirror") if args.mirror is not None else None
    with failing(context, args.name), reporting(context.output) as report:
        endpoint.set_traffic(shares, default=args.default, mirror=mirror, report=report)
    _show(context, endpoint)
    return None


def update_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``traffic update``."""
    parser.add_argument("name", metavar="NAME", help="the endpoint")
    parser.add_argument("version", metavar="VERSION", help="the version to change")
    parser.add_argument("script", metavar="SCRIPT", nargs="?", help="another entry script")
    add_deploy_arguments(parser, skip=NOT_FOR_UPDATE)


def run_update(context: Context, args: argparse.Namespace) -> int | None:
    """Bring one version to a new revision."""
    options = read_deploy_values(args.name, vars(args))
    endpoint = context.workspace.endpoint(args.name)
    config = _config(context, endpoint, options)
    changes: dict[str, Any] = {"config": config} if config else {}
    if options.models:
        changes["models"] = options.models
    if options.environment is not None:
        changes["environment"] = options.environment
    if args.script is None and not changes:
        raise InvalidInputError(
            "Nothing to update: give a script, a model, an environment or a setting.", field="script"
        )
    if args.script is not None:
        changes |= {"source_directory": options.source_directory, "include": options.include}
    with failing(context, args.name), reporting(context.output) as report:
        endpoint.update_version(args.version, args.script, report=report, force=options.force, **changes)
    _show(context, endpoint)
    return None


def delete_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``traffic delete``."""
    _name_and_version(parser, "the version to take out")


def run_delete(context: Context, args: argparse.Namespace) -> int | None:
    """Take a version out."""
    endpoint = context.workspace.endpoint(args.name)
    with failing(context, args.name), reporting(context.output) as report:
        endpoint.delete_version(args.version, report=report)
    _show(context, endpoint)
    return None


def finish_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``traffic finish``."""
    _name_and_version(parser, "the version that is to serve alone")


def run_finish(context: Context, args: argparse.Namespace) -> int | None:
    """Serve one version alone."""
    endpoint = context.workspace.endpoint(args.name)
    with failing(context, args.name), reporting(context.output) as report:
        endpoint.finish(args.version, report=report)
    _show(context, endpoint)
    return None


def canary_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``traffic canary``."""
    parser.description = (
        "Give a version more and more of the requests while it is no worse than the default version: fewer errors are"
        " told from chance by Fisher's exact test, latencies compared at their 95th percentile. It is promoted, or"
        " rolled back with the evidence, or held where there were too few requests to judge."
    )
    _name_and_version(parser, "the version to try")
    parser.add_argument("--steps", metavar="P,P,…", default="5,20,50", help="percentages to go through (5,20,50)")
    parser.add_argument(
        "--step-timeout", metavar="SECONDS", type=float, default=600.0, help="longest time for a step (600)"
    )
    parser.add_argument("--min-requests", metavar="N", type=integer(1), default=100, help="requests to judge by (100)")
    parser.add_argument(
        "--max-latency-ratio", metavar="X", type=float, default=1.5, help="p95 may be X times as long (1.5)"
    )
    parser.add_argument(
        "--max-error-increase", metavar="P", type=float, default=1.0, help="errors may be P %% more (1)"
    )
    parser.add_argument("--rollback-if-unsure", action="store_true", help="roll back where there are too few requests")


def run_canary(context: Context, args: argparse.Namespace) -> int | None:
    """Try a version."""
    from ..core.traffic.referee import Policy

    endpoint = context.workspace.endpoint(args.name)
    try:
        steps = [float(item) for item in args.steps.split(",")]
    except ValueError:
        raise InvalidInputError(
            f"--steps {args.steps!r} cannot be used: percentages with commas between, as in 5,20,50.", field="--steps"
        ) from None
    policy = Policy(
        min_requests=args.min_requests,
        max_latency_ratio=args.max_latency_ratio,
        max_error_increase=args.max_error_increase / 100,
    )
    with failing(context, args.name), reporting(context.output) as report:
        outcome = endpoint.canary(
            args.version,
            policy,
            steps=steps,
            step_timeout_s=args.step_timeout,
            on_insufficient="rollback" if args.rollback_if_unsure else "hold",
            report=report,
        )
    text = f"{args.version} was {outcome.decision}: {outcome.verdict.reason}"
    context.output.result(outcome.to_dict(), text)
    return None


def _name_and_version(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("name", metavar="NAME", help="the endpoint")
    parser.add_argument("version", metavar="VERSION", help=what)


def _config(context: Context, endpoint: Endpoint, options: Any) -> Mapping[str, Any]:
    from ..core.deployrequest import configuration

    config, notes = configuration(options, context.workspace.targets.get(endpoint.record.target))
    for note in notes:
        context.output.note(note)
    return config


def _shares(words: Sequence[str], field: str) -> dict[str, float]:
    found = {}
    for word in words:
        version, equals, percent = word.partition("=")
        try:
            found[version] = float(percent)
        except ValueError:
            raise InvalidInputError(f"Write VERSION=PERCENT, as in green=10, not {word!r}.", field=field) from None
        if not equals or not version:
            raise InvalidInputError(f"Write VERSION=PERCENT, as in green=10, not {word!r}.", field=field)
    return found


def _show(context: Context, endpoint: Endpoint) -> None:
    document = endpoint.to_dict()
    rows = [_row(item) for item in document["versions"]]
    alone = f"{endpoint.name} has one version: revision {endpoint.record.live_revision}"
    context.output.result(document, "\n".join(rows) if rows else alone)


def _row(version: Mapping[str, Any]) -> str:
    counted = version["figures"] or {}
    parts = [f"{version['name']:20} {version['weight']:6g} %", "default" if version["default"] else "       "]
    if version["mirror"]:
        parts.append(f"mirror {version['mirror']:g} %")
    parts.append(f"{counted.get('requests', 0)} requests, {counted.get('errors', 0)} failed")
    if counted.get("p95_ms") is not None:
        parts.append(f"p95 {counted['p95_ms']:g} ms")
    return "  ".join(parts)
