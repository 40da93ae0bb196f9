"""``mldeploy model package``: v1's command: an image that serves models, or the files to build one."""

from __future__ import annotations

import argparse

from ..errors import InvalidInputError
from .context import Context
from .image import credential_arguments, credentials
from .parser import option_type
from .progress import reporting


def package_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``model package``; names as v1's command had them."""
    parser.description = (
        "Make an image that serves models, without deploying anything; with --output-path the files to build one, which"
        " needs no engine."
    )
    parser.add_argument(
        "-m", "--model", metavar="NAME:VERSION", action="append", default=[], dest="models",
        help="a registered model, or a path (repeatable)",
    )  # fmt: skip
    parser.add_argument(
        "--ic", "--inference-config-file", metavar="FILE", dest="inference",
        help="inferenceconfig.json; or --entry-script",
    )  # fmt: skip
    parser.add_argument("--es", "--entry-script", metavar="FILE", dest="script", help="the script, without such a file")
    parser.add_argument("-e", "--environment", metavar="NAME|FILE", help="a registered environment, or a file with one")
    parser.add_argument("--il", "--image-label", metavar="TEXT", dest="label", help="kept as the tag `label`")
    parser.add_argument(
        "-n", "--image-name", metavar="NAME", dest="name", default="package", help="the image's name (default: package)"
    )
    parser.add_argument(
        "--output-path", metavar="DIR", dest="output", help="write Dockerfile and all it copies there; build nothing"
    )
    parser.add_argument("--push", metavar="REGISTRY/REPOSITORY[:TAG]", help="push the image there")
    credential_arguments(parser)
    parser.add_argument("--force", action="store_true", help="package although checks that can be overruled say no")
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=option_type("timeout"), help="give up after this time (default: an hour)"
    )


def run_package(context: Context, args: argparse.Namespace) -> int | None:
    """Package models."""
    from ..core.image import DEFAULT_TIMEOUT_S
    from ..core.images.dockerfile_builder import explain
    from ..core.images.packaging import read_bundle
    from .image import deadline

    if (args.inference is None) == (args.script is None):
        raise InvalidInputError("`mldeploy model package` needs --ic or --entry-script.", field="--ic")
    if args.output is not None and args.push is not None:
        raise InvalidInputError("--output-path writes files, and files are not pushed.", field="--push")
    images = context.workspace.images
    bundle = read_bundle(
        context.workspace, args.models, args.inference or args.script, environment=args.environment, force=args.force
    )
    tags = {"label": args.label} if args.label else {}
    with reporting(context.output) as report:
        progress = deadline(args.timeout or DEFAULT_TIMEOUT_S, report)
        image = images.build(
            args.name,
            bundle,
            kind="package",
            builder="dockerfile" if args.output is not None else None,
            progress=progress,
            tags=tags,
        )
        if args.push is not None:
            images.push_named(image, args.push, credentials=credentials(args), progress=progress)
            image = images.get(image.id)
    document = image.to_dict()
    if args.output is not None:
        path = images.save(image, args.output)
        lines = [str(path), *explain(images.context(bundle), path)]
        context.output.result({**document, "location": str(path)}, "\n".join(lines))
        return None
    context.output.result(document, f"{image.id}  {image.location}")
    return None
