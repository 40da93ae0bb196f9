"""From a bundle, or an environment alone, to a build context."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...errors import InvalidInputError
from ..bundles.format import LINE_MAP, SOURCE_DIRECTORY
from ..models.layout import MODELS_DIRECTORY, version_directory
from ..storage.canonical import canonical_json
from .context import BuildContext, ContextFile, Stage
from .environment_stage import APP_ROOT, environment_stages, quoted

if TYPE_CHECKING:
    from ..bundle import Bundle
    from ..environment import EnvironmentSpec
    from ..storage.blobs import BlobStore
    from ..storage.tree import FileEntry

#: With more models than this all go into one layer: images have at most 127.
_MOST_LAYERS = 20
#: Labels of an image.
LABEL_BUNDLE = "mldeploy.bundle"
_RULE = "-" * 97


def environment_context(spec: EnvironmentSpec, source: Mapping[str, ContextFile] | None = None) -> BuildContext:
    """Return the context of an environment's image.

    Raises:
        EnvironmentBuildError, InvalidInputError: it cannot be had; says what to change.
    """
    stages, base, secrets = environment_stages(spec, source or {})
    return BuildContext(
        stages,
        registry=tuple(sorted(spec.registry.items())),
        base_images=base.images,
        build_secrets=secrets,
        notes=base.notes,
    )


def bundle_context(bundle: Bundle, spec: EnvironmentSpec, blobs: BlobStore) -> BuildContext:
    """Return the context of a bundle's image; ``spec`` is the bundle's environment.

    Raises:
        EnvironmentBuildError, InvalidInputError: the environment cannot be had; says what to change.
    """
    source = {entry.path: _file(entry.path, entry, blobs) for entry in bundle.source.files}
    context = environment_context(spec, source)
    below = context.stages[-1]
    stages = list(context.stages)
    if bundle.models:
        below = _models_stage(bundle, blobs, below)
        stages.append(below)
    stages.append(_code_stage(bundle, blobs, below))
    return BuildContext(
        tuple(stages),
        bundle=bundle.digest,
        registry=context.registry,
        base_images=context.base_images,
        build_secrets=context.build_secrets,
        notes=context.notes,
    )


def _models_stage(bundle: Bundle, blobs: BlobStore, below: Stage) -> Stage:
    files = []
    folders = []
    for model in bundle.models:
        folder = version_directory(model)
        folders.append(folder)
        files += [_file(f"{folder}/{entry.path}", entry, blobs) for entry in model.tree.files]
    if len(folders) > _MOST_LAYERS:
        folders = [MODELS_DIRECTORY]
    lines = [
        f"# ---- 2. Models {_RULE[:-7]}",
        *(f"COPY {_word(f'{folder}/')} {_word(f'{APP_ROOT}/{folder}/')}" for folder in folders),
        *_settings(bundle),
        "",
    ]
    return Stage("models", "\n".join(lines), tuple(files), below)


def _code_stage(bundle: Bundle, blobs: BlobStore, below: Stage) -> Stage:
    files = [_file(f"{SOURCE_DIRECTORY}/{entry.path}", entry, blobs) for entry in bundle.source.files]
    lines = [
        f"# ---- {3 if bundle.models else 2}. Code: all that a change of the entry script touches {_RULE[:-53]}",
        *([] if bundle.models else _settings(bundle)),
        f"LABEL {LABEL_BUNDLE}={bundle.digest}",
    ]
    if bundle.origin is not None:
        data = canonical_json(dict(bundle.origin), what="origin")
        files.append(ContextFile.of_bytes(LINE_MAP, data))
        lines.append(f"COPY {LINE_MAP} {APP_ROOT}/")
    lines += [f"COPY {SOURCE_DIRECTORY}/ {APP_ROOT}/{SOURCE_DIRECTORY}/", ""]
    return Stage("code", "\n".join(lines), tuple(files), below)


def _settings(bundle: Bundle) -> list[str]:
    """Return what tells the server where things are; beside the models, as a change of code leaves it alone."""
    model_dir = version_directory(bundle.models[0]) if len(bundle.models) == 1 else MODELS_DIRECTORY
    return [
        f"ENV AZUREML_SOURCE_DIRECTORY={SOURCE_DIRECTORY} \\",
        f"    AZUREML_ENTRY_SCRIPT={quoted(bundle.entry_script)} \\",
        f"    AZUREML_MODEL_DIR={quoted(f'{APP_ROOT}/{model_dir}')}",
    ]


def _file(path: str, entry: FileEntry, blobs: BlobStore) -> ContextFile:
    if any(ord(character) < ord(" ") for character in path):
        raise InvalidInputError(f"The file {path!r} cannot go into an image: its name has control characters.")
    return ContextFile(path, entry.digest, entry.size, entry.executable, source=blobs.path(entry.digest))


def _word(path: str) -> str:
    if re.fullmatch(r"[\w./@+-]+", path):
        return path
    raise InvalidInputError(f"{path!r} cannot be written in a Dockerfile.", field="models")
