"""``mldeploy environment …``: named, versioned descriptions of what a script needs around it."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInputError
from .context import Context
from .image import builder_arguments, deadline
from .output import fields, table
from .progress import reporting

if TYPE_CHECKING:
    from ..core.environment import EnvironmentSpec


def create_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``environment create``."""
    parser.description = "Keep an environment as the next version of a name. The same content again keeps its version."
    parser.add_argument("-n", "--name", metavar="NAME", required=True, help="its name")
    parser.add_argument(
        "-f", "--file", metavar="FILE", help="a conda file (.yml), requirements (.txt) or v1's azureml_environment.json"
    )
    parser.add_argument("--pip", metavar="REQ", action="append", default=[], help="a requirement (repeatable)")
    parser.add_argument("--python-version", metavar="VERSION", help="the Python version, for example 3.11")


def run_create(context: Context, args: argparse.Namespace) -> int | None:
    """Register an environment."""
    from ..core.environment import EnvironmentSpec

    if args.file is None and not args.pip:
        raise InvalidInputError("An environment needs a --file or --pip requirements.", field="--file")
    spec = read_environment_file(Path(args.file).expanduser(), args.name) if args.file else EnvironmentSpec(args.name)
    if args.pip:
        spec = spec.with_pip(args.pip)
    if args.python_version:
        spec = replace(spec, python=args.python_version)
    spec = context.workspace.environments.register(spec)
    context.output.result(
        {**spec.to_dict(), "digest": spec.digest}, f"registered {spec.name}:{spec.version} ({spec.digest[:19]})"
    )
    return None


def list_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``environment list``."""
    parser.add_argument("-n", "--name", metavar="NAME", help="only the versions of this one")


def run_list(context: Context, args: argparse.Namespace) -> int | None:
    """List environments."""
    found = context.workspace.environments.list(args.name)
    documents = [
        {"name": item.name, "version": item.version, "digest": item.digest, "created": item.created} for item in found
    ]
    context.output.result(
        {"environments": documents},
        lambda: table(
            ("NAME", "VERSION", "DIGEST", "CREATED"),
            [(item.name, item.version, item.digest[:19], item.created) for item in found],
            empty="No environment. `mldeploy environment create -n NAME -f FILE` keeps one.",
        ),
    )
    return None


def show_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``environment show``."""
    _reference(parser)
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--conda", action="store_true", help="print a conda file")
    shown.add_argument("--requirements", action="store_true", help="print requirements for pip")


def run_show(context: Context, args: argparse.Namespace) -> int | None:
    """Show an environment."""
    spec = find_environment(context, args.environment)
    if args.conda or args.requirements:
        text = spec.to_conda_yaml() if args.conda else spec.to_requirements()
        context.output.result({"text": text}, text)
        return None
    document = {**spec.to_dict(), "digest": spec.digest}

    def text_of() -> str:
        shown = [
            ("name", f"{spec.name}:{spec.version}"),
            ("digest", spec.digest),
            ("python", spec.python),
            ("channels", ", ".join(spec.channels)),
            ("conda", ", ".join(spec.conda)),
            ("pip", ", ".join(spec.pip)),
            ("provided", ", ".join(spec.provided)),
            ("locked", len(spec.lock) or None),
            ("variables", ", ".join(f"{key}={value}" for key, value in spec.variables.items())),
            ("base image", spec.base_image),
        ]
        return fields(shown)

    context.output.result(document, text_of)
    return None


def build_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``environment build``."""
    _reference(parser)
    parser.add_argument("--python", metavar="PATH", help="the Python interpreter to build it with")
    parser.add_argument("--image", action="store_true", help="build the container image that services stand on instead")
    parser.add_argument("--save", metavar="DIR", help="write the image's Dockerfile and its files; build nothing")
    builder_arguments(parser)


def run_build(context: Context, args: argparse.Namespace) -> int | None:
    """Build the virtual environment that `--isolated` uses, or the image, so that no deployment need wait for it."""
    spec = find_environment(context, args.environment)
    if args.image or args.save is not None:
        return _build_image(context, args, spec)
    with reporting(context.output) as report:
        interpreter = context.workspace.venvs.ensure(
            spec,
            base_python=args.python,
            progress=lambda line: report("environment", line) if report is not None else None,
        )
    context.output.result({"name": spec.name, "version": spec.version, "python": str(interpreter)}, str(interpreter))
    return None


def _build_image(context: Context, args: argparse.Namespace, spec: EnvironmentSpec) -> int | None:
    if args.save is not None:
        from ..core.images.assembly import environment_context
        from ..core.images.dockerfile_builder import explain

        build = environment_context(spec)
        path = build.write(Path(args.save))
        context.output.result({"path": str(path)}, lambda: "\n".join([str(path), *explain(build, path)]))
        return None
    with reporting(context.output) as report:
        image = context.workspace.images.build_environment(
            spec, builder=args.builder, progress=deadline(args.timeout, report)
        )
    context.output.result(image.to_dict(), lambda: f"{image.id}  {image.location}")
    return None


def delete_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``environment delete``."""
    parser.add_argument("environment", metavar="NAME:VERSION", help="the environment")
    parser.add_argument("--all", action="store_true", help="all versions of NAME")


def run_delete(context: Context, args: argparse.Namespace) -> int | None:
    """Delete a version, or all; services keep what they run with."""
    name, colon, version = args.environment.partition(":")
    if bool(colon) == args.all:
        raise InvalidInputError(
            "Which version?" if not colon else f"Both a version ({version}) and --all were given.",
            field="environment",
            hint="Write NAME:VERSION, or NAME --all.",
        )
    count = context.workspace.environments.delete(name, version or None)
    context.output.result(
        {"name": name, "version": version or None, "deleted": count}, f"deleted {args.environment} ({count})"
    )
    return None


def _reference(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("environment", metavar="NAME[:VERSION]", help="the environment; without a version the newest")


def find_environment(context: Context, reference: str) -> EnvironmentSpec:
    """Return a registered environment."""
    name, _, version = reference.partition(":")
    return context.workspace.environments.get(name, version or None)


def read_environment_file(path: Path, name: str) -> EnvironmentSpec:
    """Read a conda file, requirements, or v1's JSON."""
    from ..core.environment import EnvironmentSpec

    if path.suffix == ".json" or path.is_dir():
        return EnvironmentSpec.from_azureml_json(path, name=name)
    if path.suffix in {".txt", ".in"}:
        return EnvironmentSpec.from_pip_requirements(path, name=name)
    return EnvironmentSpec.from_conda_yaml(path, name=name)
