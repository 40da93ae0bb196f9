"""``mldeploy model …``: the model registry."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError
from .context import Context
from .output import age, fields, table
from .parser import option_type

if TYPE_CHECKING:
    from ..core.model import Model


def register_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``model register``."""
    parser.add_argument("path", metavar="PATH", nargs="?", help="the file or folder")
    parser.add_argument(
        "-p", "--model-path", metavar="PATH", dest="model_path", help="the same, as v1's command took it"
    )
    parser.add_argument("-n", "--name", metavar="NAME", required=True, help="its name in the registry")
    _labels(parser)
    parser.add_argument("--property", metavar="KEY=VALUE", action="append", type=option_type("tags"), default=[],
                        help="a label that can only be added (repeatable)")  # fmt: skip
    parser.add_argument("-d", "--description", metavar="TEXT", help="what it is")
    parser.add_argument(
        "--model-framework", metavar="NAME", help="Custom, TensorFlow, ScikitLearn, Onnx, TfKeras, PyTorch or Multi"
    )
    parser.add_argument("--model-framework-version", metavar="VERSION", help="its version")
    parser.add_argument("--cpu", metavar="CORES", type=float, help="cores that it needs")
    parser.add_argument("--memory-gb", metavar="GB", type=float, help="memory that it needs")
    parser.add_argument("--gpu", metavar="N", type=float, help="GPUs that it needs")
    parser.add_argument("--child-path", metavar="PATH", action="append", help="of a folder, only this (repeatable)")


def run_register(context: Context, args: argparse.Namespace) -> int | None:
    """Register a model."""
    if (args.path is None) == (args.model_path is None):
        raise InvalidInputError("`mldeploy model register` needs the path of a file or folder.", field="path")
    resources = {"cpu": args.cpu, "memory_in_gb": args.memory_gb, "gpu": args.gpu}
    given = {key: value for key, value in resources.items() if value is not None}
    with _Bytes(context) as progress:
        model = context.workspace.models.register(
            args.path or args.model_path,
            args.name,
            tags=dict(args.tag),
            properties=dict(args.property),
            description=args.description,
            framework=args.model_framework,
            framework_version=args.model_framework_version,
            resource_configuration=given or None,
            child_paths=args.child_path,
            progress=progress,
        )
    context.output.result(model.to_dict(), lambda: f"registered {model.id} ({_content(model)})")
    return None


def list_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``model list``."""
    parser.add_argument("-n", "--name", metavar="NAME", help="only this one")
    parser.add_argument(
        "--tag", metavar="KEY[=VALUE]", action="append", default=[], help="only with this tag (repeatable)"
    )
    parser.add_argument(
        "--property", metavar="KEY[=VALUE]", action="append", default=[], help="the same for properties"
    )
    parser.add_argument("--model-framework", metavar="NAME", help="only of this framework")
    parser.add_argument("-l", "--latest", action="store_true", help="only the newest version of each")


def run_list(context: Context, args: argparse.Namespace) -> int | None:
    """List models."""
    models = context.workspace.models.list(
        args.name,
        tags=[text.split("=", 1) for text in args.tag],
        properties=[text.split("=", 1) for text in args.property],
        framework=args.model_framework,
        latest=args.latest,
    )
    rows = [
        (
            model.name,
            model.version,
            _content(model),
            " ".join(part for part in (model.framework, model.framework_version) if part),
            _pairs(model.tags),
            age(model.created.timestamp()),
        )
        for model in models
    ]
    context.output.result(
        {"models": [model.to_dict() for model in models]},
        lambda: table(
            ("NAME", "VERSION", "CONTENT", "FRAMEWORK", "TAGS", "AGE"),
            rows,
            empty="No model. `mldeploy model register PATH -n NAME` registers one.",
        ),
    )
    return None


def show_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``model show``."""
    _reference(parser)


def run_show(context: Context, args: argparse.Namespace) -> int | None:
    """Show a model, its files and who uses it."""
    model = _find(context, args.model)
    users = context.workspace.models.users(model)
    files = [{"path": entry.path, "size": entry.size, "digest": entry.digest} for entry in model.tree.files]
    document = {**model.to_dict(), "content": files, "used_by": users}

    def text() -> str:
        shown = {
            **model.to_dict(),
            "content": _content(model),
            "tags": _pairs(model.tags),
            "properties": _pairs(model.properties),
            "resource_configuration": _pairs(model.resource_configuration or {}),
            "used by": ", ".join(users),
            "at run time": f"azureml-models/{model.name}/{model.version}/{model.root}",
        }
        for hidden in ("name", "version", "kind", "root", "files", "size"):
            del shown[hidden]
        return fields((key.replace("_", " "), value) for key, value in shown.items()) + "\n" + model.tree.listing()

    context.output.result(document, text)
    return None


def update_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``model update``."""
    _reference(parser)
    parser.add_argument("--add-tag", metavar="KEY=VALUE", action="append", type=option_type("tags"), default=[],
                        help="add a tag, or change it (repeatable)")  # fmt: skip
    parser.add_argument("--remove-tag", metavar="KEY", action="append", default=[], help="remove a tag (repeatable)")
    parser.add_argument("--add-property", metavar="KEY=VALUE", action="append", type=option_type("tags"), default=[],
                        help="add a property (repeatable)")  # fmt: skip
    parser.add_argument("-d", "--description", metavar="TEXT", help="replace the description")


def run_update(context: Context, args: argparse.Namespace) -> int | None:
    """Change what may change of a model."""
    models = context.workspace.models
    model = _find(context, args.model)
    if not (args.add_tag or args.remove_tag or args.add_property or args.description is not None):
        raise InvalidInputError(
            f"Nothing to change of {model.id} was given.", hint="`mldeploy model update --help` lists it."
        )
    if args.add_property:
        model = models.add_properties(model, dict(args.add_property))
    if args.remove_tag:
        model = models.remove_tags(model, args.remove_tag)
    if args.add_tag:
        model = models.add_tags(model, dict(args.add_tag))
    if args.description is not None:
        model = models.update(model, description=args.description)
    context.output.result(model.to_dict(), f"changed {model.id}")
    return None


def download_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``model download``."""
    _reference(parser)
    parser.add_argument("-t", "--target-dir", metavar="DIR", default=".", help="the folder (default: here)")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")


def run_download(context: Context, args: argparse.Namespace) -> int | None:
    """Copy a model's files."""
    model = _find(context, args.model)
    path = context.workspace.models.download(model, args.target_dir, exist_ok=args.overwrite)
    context.output.result({"id": model.id, "path": str(path)}, str(path))
    return None


def delete_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``model delete``."""
    parser.add_argument("model", metavar="NAME:VERSION", help="the model's id")


def run_delete(context: Context, args: argparse.Namespace) -> int | None:
    """Delete one version of a model."""
    model = context.workspace.models.get_id(args.model)
    context.workspace.models.delete(model)
    context.output.result({"id": model.id, "deleted": True}, f"deleted {model.id}")
    return None


def _labels(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tag", metavar="KEY=VALUE", action="append", type=option_type("tags"), default=[], help="a label (repeatable)"
    )


def _reference(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="NAME[:VERSION]", help="the model; without a version the newest")


def _find(context: Context, reference: str) -> Model:
    models = context.workspace.models
    return models.get_id(reference) if ":" in reference else models.get(reference)


def _content(model: Model) -> str:
    from ..core.storage.failures import human_size

    count = len(model.tree)
    files = f" in {count} files" if count != 1 else ""
    return f"{model.kind} {model.root}, {human_size(model.size)}{files}"


def _pairs(values: Any) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items())


class _Bytes:
    """Shows how much of a large model is stored, on a terminal."""

    def __init__(self, context: Context) -> None:
        from .output import is_terminal

        self._stream = context.output.err
        self._shown = -1
        self._wanted = not context.output.quiet and is_terminal(self._stream)

    def __enter__(self) -> _Bytes:
        return self

    def __call__(self, done: int, total: int) -> None:
        percent = 100 * done // total if total else 100
        if self._wanted and total >= 50_000_000 and percent != self._shown:
            self._shown = percent
            self._stream.write(f"\r\x1b[2Kstoring: {percent} %")
            self._stream.flush()

    def __exit__(self, *_: object) -> None:
        if self._shown >= 0:
            self._stream.write("\r\x1b[2K")
