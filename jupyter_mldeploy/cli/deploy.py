"""``mldeploy deploy`` and ``mldeploy plan``: an entry script, or a notebook's ``%%deploy`` cell, becomes a service."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.assemble import Source
from ..core.deployargs import DeployOptions, add_deploy_arguments, read_deploy_values
from ..core.deployoptions import NAME_HELP
from ..errors import InvalidInputError
from .context import Context
from .shown import failing, show_outcome

if TYPE_CHECKING:
    from ..core.deployrequest import Prepared
    from ..core.nocode import NoCode
    from ..core.request import Request
    from ..core.sizing import Sizing

#: Options of ``%%deploy`` that need a kernel or a cell, or that the command line has elsewhere.
ONLY_IN_CELLS = frozenset({"objects", "save", "from_file", "quiet"})


def deploy_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``deploy``."""
    parser.description = (
        "Check an entry script, store it with its models and environment under one digest, start it, and wait until it"
        " answers. An existing service is brought to a new revision; if that fails, the old one goes on serving."
    )
    _arguments(parser)
    parser.add_argument(
        "--show-script",
        action="store_true",
        help="print the entry script that a model gets which has none, and deploy nothing",
    )


def plan_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``plan``: those of ``deploy``."""
    _arguments(parser, skip={"dry_run"})
    size = parser.add_argument_group("how many replicas")
    size.add_argument("--rps", type=float, metavar="N", help="requests per second to expect; needs --latency")
    size.add_argument("--latency", metavar="TIME", help="time of one request, such as 80ms or 1.5s")
    files = parser.add_argument_group("as files", "manifests without secrets, for those who keep them in Git")
    files.add_argument("-o", "--output", metavar="LAYOUT", help="yaml, kustomize, helm or kserve")
    files.add_argument("--to", metavar="FOLDER", type=Path, help="where to write them; a single file goes to stdout")


def run_deploy(context: Context, args: argparse.Namespace) -> int | None:
    """Deploy; with ``--dry-run`` plan."""
    if args.dry_run:
        return run_plan(context, args)
    if args.show_script:
        _show_script(context, args)
        return None
    options, source, sources = _read(context, args, trusted=True)
    with failing(context, options.name, sources):
        deploy(context, _prepare(context, options, source))
    return None


def _show_script(context: Context, args: argparse.Namespace) -> None:
    """Print the script, so that it can be kept with ``> score.py``."""
    _, made, sources = _read(context, args)
    text = next(iter(sources.values()))
    notes = [] if isinstance(made, Source) else list(made.notes)
    for note in notes:
        context.output.note(note)
    context.output.result({"script": text, "notes": notes}, text.rstrip("\n"))


def run_plan(context: Context, args: argparse.Namespace) -> int | None:
    """Show what a deployment would do."""
    from ..core.card import plan_card

    options, source, _ = _read(context, args)
    request = _prepare(context, options, source).request
    if getattr(args, "output", None) is not None:
        _export(context, request, args.output, args.to)
        return None
    sizing = _size(context, request, args)
    plan = context.workspace.deployer.plan(request)
    document = plan.to_dict() if sizing is None else {**plan.to_dict(), "sizing": sizing.to_dict()}
    if sizing is not None:
        context.output.note(str(sizing))
    context.output.result(document, lambda: str(plan_card(plan)["text/plain"]))
    return None


def _export(context: Context, request: Request, layout: str, folder: Path | None) -> None:
    """Write the deployment down as files."""
    from ..core.export import export

    made = export(context.workspace, request, layout)
    if folder is None:
        text = made.text
        context.output.result({"layout": layout, "files": dict(made.files)}, text)
        return
    paths = [str(path) for path in made.write(folder)]
    context.output.result({"layout": layout, "written": paths}, "\n".join(paths))


def _size(context: Context, request: Request, args: argparse.Namespace) -> Sizing | None:
    """Return how many replicas the expected load needs, None where none was given."""
    from ..core.config import read_config
    from ..core.sizing import read_time, size

    rps, latency = getattr(args, "rps", None), getattr(args, "latency", None)
    if rps is None and latency is None:
        return None
    if rps is None or latency is None:
        raise InvalidInputError("--rps and --latency belong together.", field="rps" if rps is None else "latency")
    config_type = context.workspace.targets.get(request.target).config_type
    return size(read_config(config_type, request.config), rps, read_time(latency))


def deploy(context: Context, prepared: Prepared) -> None:
    """Carry out a prepared request and show what came of it."""
    from .progress import reporting

    deployer = context.workspace.deployer
    with reporting(context.output) as report:
        outcome = deployer.deploy(prepared.request, timeout_s=prepared.timeout_s, report=report)
        for which, key in prepared.keys.items():
            deployer.regenerate_key(prepared.request.name, which, key)
    show_outcome(context, outcome)


def _arguments(parser: argparse.ArgumentParser, skip: set[str] | None = None) -> None:
    parser.add_argument("name", metavar="NAME", help=NAME_HELP)
    parser.add_argument(
        "script", metavar="SCRIPT", nargs="?", help="the entry script with init() and run(), for example score.py"
    )
    options = parser.add_argument_group("deployment", "the options of %%deploy in a notebook")
    add_deploy_arguments(options, skip=ONLY_IN_CELLS | (skip or set()))
    notebook = parser.add_argument_group("from a notebook", "the file is read, never run or changed")
    notebook.add_argument(
        "--notebook", metavar="FILE", help="deploy this notebook's %%%%deploy cell; options here override its line"
    )
    notebook.add_argument("--cell", metavar="ID", help="the cell's id, where the notebook has several")


def _prepare(context: Context, options: DeployOptions, made: Source | NoCode) -> Prepared:
    from ..core.deployrequest import prepare

    targets = context.workspace.targets
    prepared = prepare(targets, options, made if isinstance(made, Source) else made.source)
    notes = [*prepared.notes]
    if not isinstance(made, Source):
        prepared = replace(prepared, request=made.apply(prepared.request, targets.get(prepared.request.target)))
        notes += made.notes
    for note in notes:
        context.output.note(note)
    return prepared


def _read(
    context: Context, args: argparse.Namespace, *, trusted: bool = False
) -> tuple[DeployOptions, Source | NoCode, Mapping[str, str]]:
    """Return the options, the entry script, and the texts that a traceback may point into.

    Args:
        trusted: a model that comes without a script may be read although it is a pickle.
    """
    options = read_deploy_values(args.name, vars(args))
    if args.notebook is not None:
        if args.script is not None:
            raise InvalidInputError(
                f"Both an entry script ({args.script}) and --notebook were given.",
                field="script",
                hint="Keep one of them.",
            )
        from ..core.notebook_script import read_script

        read = read_script(args.notebook, options, args.cell)
        for note in read.notes:
            context.output.note(note)
        return read.options, read.source, read.texts
    if args.cell is not None or options.cells:
        flag = "--cell" if args.cell is not None else "--cells"
        raise InvalidInputError(
            f"{flag} is about a notebook, and none was given.", field=flag, hint="Add --notebook FILE."
        )
    script: str | Path | None = args.script
    directory: str | Path | None = options.source_directory
    if script is None and options.config_file is not None:
        script, directory = _named_in_file(options)
    if script is None:
        models = options.models or _models_in_file(options)
        if not models:
            raise InvalidInputError(
                "An entry script, --notebook FILE or --model FILE is needed.",
                field="script",
                hint=f"`mldeploy deploy {args.name} score.py`.",
            )
        from ..core.nocode import without_script

        made = without_script(context.workspace, models, interpreter=options.python, trusted=trusted)
        return options, made, {made.source.script: made.source.text}
    source = Source.from_file(script, source_directory=directory, include=options.include)
    return options, source, {source.script: source.text}


def _models_in_file(options: DeployOptions) -> Sequence[str]:
    """Return the models that a v2 deployment file names."""
    if options.config_file is None:
        return ()
    from ..core.azure_files.v1files import read_deployment_file

    content = read_deployment_file(str(options.config_file)).content
    return content.models if content is not None else ()


def _named_in_file(options: DeployOptions) -> tuple[Path | None, Path | str | None]:
    """Return the script and the source directory that a v2 deployment file names; options override the file."""
    from ..core.azure_files.v1files import read_deployment_file

    content = read_deployment_file(str(options.config_file)).content
    if content is None:
        return None, None
    return content.entry_script, options.source_directory or content.source_directory
