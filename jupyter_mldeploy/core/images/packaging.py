"""From what a user names to a package: models, and a script with its environment or v1's inference configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InvalidInputError
from ..assemble import Source, assemble
from ..azure_files.v1inference import InferenceFile, read_inference_file
from ..names import check_image_name
from .package import ModelPackage

if TYPE_CHECKING:
    from ..bundle import Bundle
    from ..environment import EnvironmentSpec
    from ..model import Model
    from ..workspace import Workspace

#: v1's packages had no name of their own either.
DEFAULT_NAME = "package"


def package(
    workspace: Workspace,
    models: Sequence[str | Path | Model],
    inference_config: str | Path | InferenceFile | Source,
    *,
    generate_dockerfile: bool,
    image_name: str | None,
    image_label: str | None,
    environment: EnvironmentSpec | str | Path | None,
    push_to: str | None,
    credentials: Mapping[str, str] | None,
    force: bool,
    timeout_s: float,
) -> ModelPackage:
    """See :meth:`~jupyter_mldeploy.core.workspace.Workspace.package`."""
    bundle = read_bundle(workspace, models, inference_config, environment=environment, force=force)
    details: dict[str, Any] = {"tags": {"label": image_label}} if image_label else {}
    return ModelPackage(
        workspace,
        check_image_name(image_name or DEFAULT_NAME),
        bundle,
        generate_dockerfile=generate_dockerfile,
        push_to=push_to,
        credentials=credentials,
        timeout_s=timeout_s,
        details=details,
    )


def read_bundle(
    workspace: Workspace,
    models: Sequence[str | Path | Model],
    inference_config: str | Path | InferenceFile | Source,
    *,
    environment: EnvironmentSpec | str | Path | None = None,
    force: bool = False,
) -> Bundle:
    """Return the bundle of models and a script, which is a ``.py`` file, a Source, or in an inference configuration.

    Raises:
        InvalidInputError: something given is wrong, or there are two environments.
    """
    if isinstance(inference_config, str | Path) and Path(inference_config).suffix != ".py":
        inference_config = read_inference_file(inference_config)
    if isinstance(inference_config, InferenceFile):
        if environment is not None and inference_config.environment is not None:
            raise InvalidInputError(
                f"An environment was given, and {inference_config.path.name} has one of its own.",
                field="environment",
                hint="Keep one of the two.",
            )
        environment = environment if environment is not None else inference_config.environment
        source = inference_config.source()
    elif isinstance(inference_config, Source):
        source = inference_config
    else:
        source = Source.from_file(inference_config)
    return assemble(
        source,
        models=models,
        environment=environment,
        pip=(),
        interpreter=None,
        force=force,
        registry=workspace.models,
        environments=workspace.environments,
        bundles=workspace.bundles,
    ).bundle
