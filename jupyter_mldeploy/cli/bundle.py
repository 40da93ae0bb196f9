"""``mldeploy bundle …``: the content-addressed bundles."""

from __future__ import annotations

import argparse

from ..core.storage.failures import human_size
from .context import Context
from .output import age, fields, table


def list_arguments(parser: argparse.ArgumentParser) -> None:
    """``bundle list`` has no arguments of its own."""


def run_list(context: Context, _: argparse.Namespace) -> int | None:
    """List bundles, oldest first."""
    used = context.workspace.catalogue.bundles_in_use()
    bundles = context.workspace.bundles.list()
    rows = [
        (
            bundle.digest[:19],
            bundle.entry_script,
            ", ".join(model.id for model in bundle.models),
            human_size(bundle.size),
            age(bundle.created.timestamp()) if bundle.created else "",
            ", ".join(used.get(bundle.digest, ())),
        )
        for bundle in bundles
    ]
    context.output.result(
        {"bundles": [{**bundle.to_dict(), "used_by": used.get(bundle.digest, [])} for bundle in bundles]},
        lambda: table(("DIGEST", "SCRIPT", "MODELS", "SIZE", "AGE", "USED BY"), rows, empty="There are no bundles."),
    )
    return None


def show_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``bundle show``."""
    _digest(parser)


def run_show(context: Context, args: argparse.Namespace) -> int | None:
    """Show what a bundle holds."""
    bundle = context.workspace.bundles.get(args.digest)
    used = context.workspace.catalogue.bundles_in_use().get(bundle.digest, [])
    document = {**bundle.to_dict(), "used_by": used}

    def text() -> str:
        facts = fields(
            [
                ("digest", bundle.digest),
                ("entry script", bundle.entry_script),
                ("size", human_size(bundle.size)),
                ("models", ", ".join(f"{model.id} ({human_size(model.size)})" for model in bundle.models)),
                ("used by", ", ".join(used)),
            ]
        )
        files = [(path, human_size(entry.size)) for path, entry in sorted(bundle.files().items())]
        return facts + "\n" + table(("FILE", "SIZE"), files)

    context.output.result(document, text)
    return None


def export_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``bundle export``."""
    _digest(parser)
    parser.add_argument("path", metavar="FILE", help="the tar file to write")


def run_export(context: Context, args: argparse.Namespace) -> int | None:
    """Write a tar file, the same bytes wherever it is written."""
    bundle = context.workspace.bundles.get(args.digest)
    path = context.workspace.bundles.export(bundle, args.path)
    context.output.result({"digest": bundle.digest, "path": str(path)}, str(path))
    return None


def import_bundle_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``bundle import``."""
    parser.add_argument("path", metavar="FILE", help="the tar file that `bundle export` wrote")


def run_import_bundle(context: Context, args: argparse.Namespace) -> int | None:
    """Store the bundle of a tar file."""
    bundle = context.workspace.bundles.import_(args.path)
    context.output.result(bundle.to_dict(), bundle.digest)
    return None


def verify_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``bundle verify``."""
    parser.add_argument(
        "digests", metavar="DIGEST", nargs="*", help="bundles by their first 8 or more digits (default: all)"
    )


def run_verify(context: Context, args: argparse.Namespace) -> int | None:
    """Read every file again and compare it with its digest."""
    bundles = context.workspace.bundles
    chosen = [bundles.get(digest) for digest in args.digests] or bundles.list()
    for bundle in chosen:
        bundles.verify(bundle)
    digests = [bundle.digest for bundle in chosen]
    context.output.result({"intact": digests}, "\n".join(f"{digest} is intact" for digest in digests))
    return None


def _digest(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("digest", metavar="DIGEST", help="the bundle's digest, or its first 8 or more hex digits")
