"""What :meth:`Model.deploy` does."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.config import read_config
from ..core.request import Outcome, Request
from .background import Background
from .configurations import V1_NAMES, WebserviceDeploymentConfiguration, aks_configuration, local_configuration
from .exceptions import WebserviceException, raising
from .inference import InferenceConfig
from .model import Model, given
from .webservice import Webservice
from .webservice_kinds import kind_for
from .workspace import Workspace

if TYPE_CHECKING:
    from .compute import ComputeTarget


def begin_deployment(
    workspace: Workspace,
    name: str,
    models: Sequence[Model | str | Path],
    inference_config: InferenceConfig | None,
    deployment_config: WebserviceDeploymentConfiguration | None,
    deployment_target: ComputeTarget | None,
    *,
    overwrite: bool,
    show_output: bool,
) -> Webservice:
    """See :meth:`Model.deploy`."""
    chosen = deployment_config
    if chosen is None:
        chosen = local_configuration() if deployment_target is None else aks_configuration()
    settings = dict(chosen.settings)
    if deployment_target is not None:
        settings["compute_target_name"] = deployment_target.name
    core = workspace.core
    with raising(WebserviceException):
        target = core.targets.get(chosen.target_for(deployment_target, settings))
        known = target.config_type.model_fields
        idle = sorted(key for key in settings if key not in known and key in V1_NAMES)
        config = {key: value for key, value in settings.items() if key not in idle}
        read_config(target.config_type, config)
        if not overwrite:
            core.catalogue.require_free(name, hint="overwrite=True brings it to a new revision.")
        script = None if inference_config is None else inference_config.read()
        request, notes = core.prepare(
            name,
            None if script is None else script.source(),
            models=[given(model) for model in models],
            environment=None if script is None else script.environment,
            target=target.name,
            config=config,
        )
    said = [*notes, *(script.notes_for(target) if script is not None else ())]
    if idle:
        said.append(f"{', '.join(idle)}: no effect on target {target.name!r}.")
    for sentence in said:
        warnings.warn(sentence, stacklevel=3)
    work = _begin(workspace, request, chosen)
    made = Webservice.__new__(kind_for(target.name), workspace, name)
    Webservice.__init__(made, workspace, name, work)
    if show_output:
        made.wait_for_deployment(show_output=True)
    return made


def _begin(workspace: Workspace, request: Request, config: WebserviceDeploymentConfiguration) -> Background[Outcome]:
    def deploy(report: Any) -> Outcome:
        outcome = workspace.core.deployer.deploy(request, report=report)
        for which, value in config.keys.items():
            workspace.core.deployer.regenerate_key(request.name, which, value)
        return outcome

    return Background(f"deploy-{request.name}", deploy)
