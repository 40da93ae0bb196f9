"""``mldeploy image …``: the container images of the workspace."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..errors import InvalidInputError
from .context import Context
from .output import age, fields, table
from .parser import option_type
from .progress import reporting

if TYPE_CHECKING:
    from ..core.bundle import Bundle
    from ..core.progress import Progress, Report

KINDS = ("image", "service", "package", "environment")


def build_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``image build``."""
    parser.description = (
        "Build the image of what a service runs, or of any bundle. What is there already is not built again."
    )
    parser.add_argument("service", metavar="SERVICE", nargs="?", help="the service whose live revision is built")
    parser.add_argument("--revision", metavar="N", type=int, help="another revision of it")
    parser.add_argument("--bundle", metavar="DIGEST", help="a bundle, in place of a service")
    parser.add_argument("-n", "--name", metavar="NAME", help="the image's name (default: the service's)")
    parser.add_argument("--tag", metavar="KEY=VALUE", action="append", type=option_type("tags"), default=[],
                        help="a label (repeatable)")  # fmt: skip
    parser.add_argument("-d", "--description", metavar="TEXT", help="what it is")
    builder_arguments(parser)


def run_build(context: Context, args: argparse.Namespace) -> int | None:
    """Build an image."""
    name, bundle = _what(context, args)
    with reporting(context.output) as report:
        image = context.workspace.images.build(
            name,
            bundle,
            builder=args.builder,
            progress=deadline(args.timeout, report),
            description=args.description,
            tags=dict(args.tag),
        )
    context.output.result(image.to_dict(), lambda: f"{image.id}  {image.location}")
    return None


def list_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``image list``."""
    parser.add_argument("-n", "--name", metavar="NAME", help="only this one")
    parser.add_argument("--kind", choices=KINDS, help="only those made for this")
    parser.add_argument("-m", "--model", metavar="NAME[:VERSION]", help="only those with this model")
    parser.add_argument(
        "--tag", metavar="KEY[=VALUE]", action="append", default=[], help="only with this tag (repeatable)"
    )


def run_list(context: Context, args: argparse.Namespace) -> int | None:
    """List images."""
    from ..core.storage.failures import human_size

    images = context.workspace.images.list(
        args.name, kind=args.kind, model=args.model, tags=[text.split("=", 1) for text in args.tag]
    )
    rows = [
        (
            image.id,
            image.kind,
            str(image.state),
            human_size(image.size) if image.size is not None else "",
            age(image.created),
            image.location,
        )
        for image in images
    ]
    context.output.result(
        {"images": [image.to_dict() for image in images]},
        lambda: table(
            ("IMAGE", "KIND", "STATE", "SIZE", "AGE", "LOCATION"),
            rows,
            empty="No image. `mldeploy image build SERVICE` or `mldeploy model package` builds one.",
        ),
    )
    return None


def show_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``image show``."""
    _reference(parser)


def run_show(context: Context, args: argparse.Namespace) -> int | None:
    """Show an image and who uses it."""
    images = context.workspace.images
    image = images.get(args.image)
    document = {**image.to_dict(), "used_by": list(images.users(image)), "log": str(images.log_path(image))}
    context.output.result(
        document,
        lambda: fields(
            (key.replace("_", " "), _shown(value)) for key, value in document.items() if key not in ("name", "version")
        ),
    )
    return None


def logs_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``image logs``."""
    _reference(parser)


def run_logs(context: Context, args: argparse.Namespace) -> int | None:
    """Show an image's build log."""
    images = context.workspace.images
    image = images.get(args.image)
    text = images.read_log(image)
    context.output.result(
        {"id": image.id, "log": text}, text or f"Nothing was built for {image.id}: its content was there already."
    )
    return None


def update_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``image update``."""
    _reference(parser)
    parser.add_argument("--add-tag", metavar="KEY=VALUE", action="append", type=option_type("tags"), default=[],
                        help="add a tag, or change it (repeatable)")  # fmt: skip
    parser.add_argument("--remove-tag", metavar="KEY", action="append", default=[], help="remove a tag (repeatable)")
    parser.add_argument("--add-property", metavar="KEY=VALUE", action="append", type=option_type("tags"), default=[],
                        help="add a property, which never changes (repeatable)")  # fmt: skip


def run_update(context: Context, args: argparse.Namespace) -> int | None:
    """Change what may change of an image."""
    images = context.workspace.images
    image = images.get(args.image)
    if not (args.add_tag or args.remove_tag or args.add_property):
        raise InvalidInputError(
            f"Nothing to change of {image.id} was given.", hint="`mldeploy image update --help` lists it."
        )
    if args.add_property:  # first, as it is the one that may be refused
        image = images.add_properties(image, dict(args.add_property))
    if args.remove_tag:
        image = images.remove_tags(image, args.remove_tag)
    if args.add_tag:
        image = images.add_tags(image, dict(args.add_tag))
    context.output.result(image.to_dict(), f"changed {image.id}")
    return None


def push_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``image push``."""
    parser.description = (
        "Push an image. Without --username the login of the user's Docker configuration is used, and its credential"
        " helpers."
    )
    _reference(parser)
    parser.add_argument("destination", metavar="REGISTRY/REPOSITORY[:TAG]", help="where to; the tag is the version")
    credential_arguments(parser)
    _timeout(parser)


def run_push(context: Context, args: argparse.Namespace) -> int | None:
    """Push an image to a registry."""
    with reporting(context.output) as report:
        pushed = context.workspace.images.push_named(
            args.image, args.destination, credentials=credentials(args), progress=deadline(args.timeout, report)
        )
    context.output.result(pushed.to_dict(), pushed.location)
    return None


def pull_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``image pull``."""
    _reference(parser)
    credential_arguments(parser)
    _timeout(parser)


def run_pull(context: Context, args: argparse.Namespace) -> int | None:
    """Make an image be on the engine."""
    with reporting(context.output) as report:
        reference = context.workspace.images.pull(
            args.image, credentials=credentials(args), progress=deadline(args.timeout, report)
        )
    context.output.result({"reference": reference}, reference)
    return None


def save_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``image save``."""
    _reference(parser)
    parser.add_argument("directory", metavar="DIR", help="an empty folder, or one to be made")


def run_save(context: Context, args: argparse.Namespace) -> int | None:
    """Write the Dockerfile of an image and everything that it copies."""
    from ..core.images.dockerfile_builder import explain

    images = context.workspace.images
    image = images.get(args.image)
    path = images.save(image, args.directory)
    build = images.context(context.workspace.bundles.get(image.bundle))
    context.output.result({"id": image.id, "path": str(path)}, lambda: "\n".join([str(path), *explain(build, path)]))
    return None


def delete_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``image delete``."""
    parser.add_argument("image", metavar="NAME:VERSION", help="the image")
    parser.add_argument("--force", action="store_true", help="forget it although its engine does not answer")


def run_delete(context: Context, args: argparse.Namespace) -> int | None:
    """Delete one version of an image that nothing uses."""
    if ":" not in args.image:
        raise InvalidInputError("Which version?", field="image", hint="Write NAME:VERSION.")
    context.workspace.images.delete(args.image, force=args.force)
    context.output.result({"id": args.image, "deleted": True}, f"deleted {args.image}")
    return None


def builders_arguments(parser: argparse.ArgumentParser) -> None:
    """``image builders`` has no arguments of its own."""


def run_builders(context: Context, _: argparse.Namespace) -> int | None:
    """List who can build images."""
    found = context.workspace.images.builders.describe()
    context.output.result(
        {"builders": found},
        lambda: table(
            ("BUILDER", "USABLE", "WHAT IT DOES"),
            [
                (item["name"], "yes" if item["ok"] else f"no: {item['reason']}", item.get("summary", ""))
                for item in found
            ],
            empty="No builder is installed.",
        ),
    )
    return None


def builder_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how an image is built."""
    parser.add_argument("--builder", metavar="NAME", help="who builds it (`mldeploy image builders`; default: docker)")
    _timeout(parser)


def credential_arguments(parser: argparse.ArgumentParser) -> None:
    """Add who one is to a registry."""
    parser.add_argument("--username", metavar="NAME", help="the user, or a reference to it (env:NAME, file:PATH)")
    parser.add_argument("--password", metavar="REF", help="a reference to the password: env:NAME or file:PATH")


def credentials(args: argparse.Namespace) -> dict[str, str] | None:
    """Return the credentials that were given, as references."""
    if args.username is None and args.password is None:
        return None
    if args.username is None or args.password is None:
        missing = "--username" if args.username is None else "--password"
        raise InvalidInputError(f"{missing} is missing: the two go together.", field=missing)
    return {"username": args.username, "password": args.password}


def deadline(seconds: float | None, report: Report | None) -> Progress:
    """Return a progress with the deadline that was given, else an hour."""
    from ..core.image import DEFAULT_TIMEOUT_S
    from ..core.progress import Progress

    return Progress(seconds or DEFAULT_TIMEOUT_S, report)


def _timeout(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=option_type("timeout"), help="give up after this time (default: an hour)"
    )


def _reference(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", metavar="NAME[:VERSION]", help="the image; without a version the newest")


def _what(context: Context, args: argparse.Namespace) -> tuple[str, Bundle]:
    if (args.service is None) == (args.bundle is None):
        raise InvalidInputError("`mldeploy image build` needs a SERVICE or a --bundle.", field="service")
    if args.bundle is not None:
        if args.name is None:
            raise InvalidInputError("The image of a bundle needs a --name.", field="--name")
        return args.name, context.workspace.bundles.get(args.bundle)
    catalogue = context.workspace.catalogue
    record = catalogue.service(args.service)
    number = args.revision or record.live_revision
    if number is None:
        raise InvalidInputError(
            f"Service {args.service!r} has no revision that worked.", field="service", hint="Name one with --revision."
        )
    bundle = catalogue.revision(record.uid, number).bundle
    return args.name or args.service, context.workspace.bundles.get(bundle)


def _shown(value: object) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else value
