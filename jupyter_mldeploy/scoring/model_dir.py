"""Where models lie at run time, as v1 laid them out, and the tree that goes with an error about it.

Layout: ``<app root>/azureml-models/<name>/<version>/<one entry>``. ``AZUREML_MODEL_DIR`` is the version's directory
when there is one model, ``azureml-models`` when there are several or none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

MODELS_DIRECTORY = "azureml-models"


class ModelNotFoundError(FileNotFoundError):
    """``Model.get_model_path`` finds no such model; the message shows where it looked and what is there."""


def models_root() -> Path:
    """Return the directory that holds all models: under ``AML_APP_ROOT``, or the working directory without it."""
    return Path(os.environ.get("AML_APP_ROOT") or ".") / MODELS_DIRECTORY


def get_model_path(model_name: str, version: int | None = None) -> str:
    """Return the path of a model's file or folder, by v1's rules.

    Args:
        model_name: name of the registered model (not of its file).
        version: its version; the highest one when None.

    Raises:
        ModelNotFoundError: no such model or version, or its version directory does not hold exactly one entry.
    """
    root = models_root()
    versions = _versions(root / model_name)
    wanted_version = max(versions, default=None) if version is None else int(version)
    directory = None if wanted_version is None else versions.get(wanted_version)
    if directory is None and version is None and Path(model_name).exists():
        return model_name  # v1: a file beside the script, named like the model
    if directory is None:
        wanted = f"model {model_name!r}" + (f" version {version}" if version is not None else "")
        there = ", ".join(f"{name} ({', '.join(map(str, sorted(numbers)))})" for name, numbers in _models(root))
        raise ModelNotFoundError(
            f"There is no {wanted} under {root.absolute()}. "
            + (f"Models there (versions): {there}." if there else "No model is there.")
            + " Pass the registered model's name, not its file name.\n"
            + describe_tree(root)
        )
    entries = sorted(directory.iterdir())
    if len(entries) != 1:
        raise ModelNotFoundError(
            f"{directory} holds {len(entries)} entries, and Model.get_model_path expects exactly one. "
            f"Join AZUREML_MODEL_DIR with the file's name instead.\n{describe_tree(directory)}"
        )
    return str(entries[0])


def _versions(directory: Path) -> dict[int, Path]:
    if not directory.is_dir():
        return {}
    return {int(entry.name): entry for entry in directory.iterdir() if entry.is_dir() and entry.name.isdecimal()}


def _models(root: Path) -> list[tuple[str, dict[int, Path]]]:
    if not root.is_dir():
        return []
    found = ((entry.name, _versions(entry)) for entry in sorted(root.iterdir()) if entry.is_dir())
    return [(name, versions) for name, versions in found if versions]


def model_tree(model_dir: str | os.PathLike[str] | None, limit: int = 200) -> list[str]:
    """Return the model directory as indented lines with sizes, at most ``limit`` of them, for errors and logs."""
    if model_dir is None or not str(model_dir):
        return ["(AZUREML_MODEL_DIR is not set: the service has no model)"]
    root = Path(model_dir)
    if not root.exists():
        return [f"{root} (does not exist)"]
    lines = [f"{root}/" if root.is_dir() else f"{root}  {_size(root)}"]
    walk = _walk(root, 1) if root.is_dir() else iter(())
    for line in walk:
        if len(lines) == limit:
            lines.append(f"… (only the first {limit} lines are shown)")
            break
        lines.append(line)
    return lines


def describe_tree(directory: Path) -> str:
    """Return ``model_tree`` as one text."""
    return "\n".join(model_tree(directory, 40))


def _walk(directory: Path, depth: int) -> Iterator[str]:
    try:
        entries = sorted(directory.iterdir())
    except OSError as error:
        yield f"{'  ' * depth}({error.strerror})"
        return
    for entry in entries:
        if entry.is_dir() and not entry.is_symlink():
            yield f"{'  ' * depth}{entry.name}/"
            yield from _walk(entry, depth + 1)
        else:
            yield f"{'  ' * depth}{entry.name}  {_size(entry)}"


def _size(path: Path) -> str:
    try:
        size = path.stat().st_size
    except OSError:
        return "(broken link)"
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024  # type: ignore[assignment]
    return f"{size:.1f} GiB"
