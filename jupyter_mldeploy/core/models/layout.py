"""Where models lie at run time, and what ``AZUREML_MODEL_DIR`` says, as in the v1 service.

One model:               ``azureml-models/<name>/<version>``, which holds exactly one entry: the file or the folder.
Several models, or none: ``azureml-models``.
A path that was never registered has version 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ...errors import InvalidInputError

MODELS_DIRECTORY = "azureml-models"
MODEL_DIR_VARIABLE = "AZUREML_MODEL_DIR"
MOST_MODELS = 1000


class Placeable(Protocol):
    """What :func:`path_layout` needs of a model."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def version(self) -> int: ...  # noqa: D102
    @property
    def root(self) -> str: ...  # noqa: D102


def version_directory(model: Placeable) -> str:
    """Return the directory of a model, relative to the root of the bundle."""
    return f"{MODELS_DIRECTORY}/{model.name}/{model.version}"


def path_layout(models: Sequence[Placeable]) -> dict[str, str]:
    """Return where each model lies, relative to the root of the bundle.

    Returns:
        ``{"AZUREML_MODEL_DIR": directory, "<name>:<version>": path of the file or folder, …}``.

    Raises:
        InvalidInputError: more than 1000 models, or two that would share a directory.
    """
    if len(models) > MOST_MODELS:
        raise InvalidInputError(
            f"{len(models)} models are too many; a deployment takes at most {MOST_MODELS}.", field="models"
        )
    layout = {MODEL_DIR_VARIABLE: version_directory(models[0]) if len(models) == 1 else MODELS_DIRECTORY}
    for model in models:
        key = f"{model.name}:{model.version}"
        if key in layout:
            raise InvalidInputError(
                f"Two of the models are called {key!r}, so they would share one directory.",
                field="models",
                hint="Register them under different names." if model.version == 0 else "Name it once.",
            )
        layout[key] = f"{version_directory(model)}/{model.root}"
    return layout
