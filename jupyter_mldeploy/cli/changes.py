"""Commands that change a service: update, rollback, promote, stop, start, delete."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..core.deployargs import add_deploy_arguments, read_deploy_values
from ..errors import InvalidInputError, MldeployError
from . import exit_codes
from .context import Context
from .parser import integer, option_type
from .progress import reporting
from .shown import failing, service_document, show_outcome

if TYPE_CHECKING:
    from ..core.request import Outcome
    from ..core.service import Service

#: Options of ``deploy`` that an update does not take: they belong to a cell, a first deployment, or a plan.
NOT_FOR_UPDATE = frozenset(
    {
        "objects",
        "target",
        "pip",
        "cells",
        "isolated",
        "python",
        "save",
        "from_file",
        "dry_run",
        "quiet",
    }
)


def update_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``update``."""
    parser.description = "Bring a service to a new revision that differs in what is given; the rest stays as it is."
    parser.add_argument("name", metavar="NAME", help="the service")
    parser.add_argument("script", metavar="SCRIPT", nargs="?", help="another entry script")
    add_deploy_arguments(parser, skip=NOT_FOR_UPDATE)


def run_update(context: Context, args: argparse.Namespace) -> int | None:
    """Update a service."""
    from ..core.assemble import Source
    from ..core.deployrequest import configuration

    options = read_deploy_values(args.name, vars(args))
    service = context.service(args.name)
    changes: dict[str, Any] = {}
    if args.script is not None:
        changes["source"] = Source.from_file(
            args.script, source_directory=options.source_directory, include=options.include
        )
    elif options.source_directory or options.include:
        raise InvalidInputError(
            "--source-directory and --include go with an entry script.", field="script", hint="Name the script too."
        )
    if options.models:
        changes["models"] = options.models
    if options.environment is not None:
        changes["environment"] = options.environment
    target = context.workspace.targets.get(service.record.target)
    config, notes = configuration(options, target)
    for note in notes:
        context.output.note(note)
    if config:
        changes["config"] = config
    if not changes:
        raise InvalidInputError(
            f"Nothing to update: no script, model, environment or setting of {args.name} was given.",
            hint="`mldeploy update --help` lists what can change.",
        )
    if options.timeout is not None:
        changes["timeout_s"] = options.timeout
    return _change(
        context,
        args.name,
        lambda report: context.workspace.deployer.update(args.name, force=options.force, report=report, **changes),
    )


def rollback_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rollback``."""
    parser.add_argument("name", metavar="NAME", help="the service")
    parser.add_argument(
        "--to",
        metavar="N",
        type=integer(1),
        help="the revision (default: the one that was live before the present one)",
    )
    _timeout(parser)


def run_rollback(context: Context, args: argparse.Namespace) -> int | None:
    """Roll a service back."""
    return _change(
        context,
        args.name,
        lambda report: context.workspace.deployer.rollback(
            args.name, args.to, report=report, timeout_s=_deadline(args)
        ),
    )


def promote_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``promote``."""
    parser.add_argument("name", metavar="NAME", help="the service")
    parser.add_argument("target", metavar="TARGET", help="where its bytes go")
    parser.add_argument("--as", dest="new_name", metavar="NEW", help="the new service's name (default: NAME-TARGET)")
    add_deploy_arguments(parser, skip=_all_fields_but("settings", "config_file", "timeout"))


def run_promote(context: Context, args: argparse.Namespace) -> int | None:
    """Promote a service to another target."""
    context.service(args.name)
    config = _configuration(context, args.name, args, args.target)
    return _change(
        context,
        args.new_name or f"{args.name}-{args.target}",
        lambda report: context.workspace.deployer.promote(
            args.name, args.target, new_name=args.new_name, config=config, report=report, timeout_s=_deadline(args)
        ),
    )


def deploy_image_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``image deploy``."""
    parser.description = (
        "Deploy the very bytes that an image was built from. An existing service is brought to a new revision, with the"
        " configuration that is given here."
    )
    parser.add_argument("image", metavar="NAME[:VERSION]", help="the image; the newest version without one")
    parser.add_argument("name", metavar="SERVICE", help="the service")
    parser.add_argument("--target", metavar="TARGET", default="docker", help="where it runs (default: docker)")
    add_deploy_arguments(parser, skip=_all_fields_but("settings", "config_file", "timeout"))


def run_deploy_image(context: Context, args: argparse.Namespace) -> int | None:
    """Deploy an image."""
    return _change(
        context,
        args.name,
        lambda report: context.workspace.deployer.deploy_image(
            args.name,
            args.image,
            target=args.target,
            config=_configuration(context, args.name, args, args.target),
            report=report,
            timeout_s=_deadline(args),
        ),
    )


def stop_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``stop``."""
    parser.add_argument("names", metavar="NAME", nargs="+", help="the services")


def run_stop(context: Context, args: argparse.Namespace) -> int | None:
    """Stop services."""
    return _each(context, args.names, lambda name: context.service(name).stop(), "is stopped")


def start_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``start``."""
    parser.add_argument("names", metavar="NAME", nargs="*", help="the services")
    parser.add_argument(
        "--all",
        action="store_true",
        help="every service that should be serving and is not, as after a restart of the host",
    )
    _timeout(parser)


def run_start(context: Context, args: argparse.Namespace) -> int | None:
    """Start services; ``--all`` leaves alone what was stopped on purpose."""
    if args.all == bool(args.names):
        raise InvalidInputError("`mldeploy start` needs the names of services, or --all.", field="name")
    names = args.names if args.names else _down(context)

    def start(name: str) -> Service:
        with reporting(context.output) as report:
            return context.service(name).start(report=report, timeout_s=_deadline(args))

    return _each(context, names, start, "is started")


def delete_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``delete``."""
    parser.add_argument("names", metavar="NAME", nargs="+", help="the services")
    parser.add_argument(
        "--force", action="store_true", help="forget a service whose target cannot be asked; says what may remain there"
    )


def run_delete(context: Context, args: argparse.Namespace) -> int | None:
    """Delete services; one that was deleted before is no error."""

    def delete(name: str) -> Service:
        service = context.service(name, deleted=True)
        if args.force:
            remark = context.workspace.deployer.forget(name)
            if remark is not None:
                context.output.note(remark)
        elif not context.workspace.deployer.delete(name):
            context.output.note(f"{name} had been deleted before")
        return service

    return _each(context, args.names, delete, "is deleted")


def _change(context: Context, name: str, act: Callable[[Any], Outcome]) -> int | None:
    with failing(context, name), reporting(context.output) as report:
        outcome = act(report)
    show_outcome(context, outcome)
    return None


def _each(context: Context, names: Sequence[str], act: Callable[[str], Service], done: str) -> int:
    """Do one thing to several services; a failure is shown and does not keep the others from their turn."""
    documents, lines, failures = [], [], []
    for name in names:
        try:
            service = act(name)
        except MldeployError as error:
            failures.append(error)
            if len(names) > 1 and not context.output.json:
                context.output.error(error)
        else:
            documents.append(service_document(service))
            lines.append(f"{name} {done}")
    if len(names) == 1 and failures:
        raise failures[0]
    document: dict[str, Any] = {"services": documents}
    if failures:
        document["errors"] = [error.to_dict() for error in failures]
    context.output.result(document, "\n".join(lines))
    return exit_codes.exit_code(failures[0]) if failures else exit_codes.OK


def _down(context: Context) -> list[str]:
    """Return the services that have a revision to serve, were not stopped by the user, and do not answer."""
    records = [service.record for service in context.workspace.services()]
    return [
        record.name
        for record in records
        if record.live_revision is not None
        and str(record.state) not in {"Healthy", "Stopped", "Deleting", "Transitioning"}
        and context.workspace.targets.get(record.target).capabilities.stop_start
    ]


def _timeout(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=option_type("timeout"),
        help="give up when it is not healthy after this time",
    )


def _configuration(context: Context, name: str, args: argparse.Namespace, target: str) -> Mapping[str, Any]:
    from ..core.deployrequest import configuration

    config, notes = configuration(read_deploy_values(name, vars(args)), context.workspace.targets.get(target))
    for note in notes:
        context.output.note(note)
    return config


def _deadline(args: argparse.Namespace) -> float:
    from ..core.deployer import DEFAULT_TIMEOUT_S

    if args.timeout is None:
        return DEFAULT_TIMEOUT_S
    return float(args.timeout if isinstance(args.timeout, float) else option_type("timeout")(args.timeout))


def _all_fields_but(*wanted: str) -> set[str]:
    from ..core.deployoptions import DEPLOY_OPTIONS

    return {option.field for option in DEPLOY_OPTIONS} - set(wanted)
