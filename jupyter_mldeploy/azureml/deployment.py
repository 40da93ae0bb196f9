"""What :meth:`Model.deploy` and :meth:`Webservice.deploy_from_image` do."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.config import read_config
from ..core.request import Outcome
from ..core.target import Target
from .background import Background, Report
from .configurations import V1_NAMES, WebserviceDeploymentConfiguration, aks_configuration, local_configuration
from .exceptions import WebserviceException, raising
from .inference import InferenceConfig
from .model import Model, given
from .webservice import Webservice
from .webservice_kinds import kind_for
from .workspace import Workspace

if TYPE_CHECKING:
    from .compute import ComputeTarget
    from .image import ContainerImageConfig, Image


def begin_deployment(
    workspace: Workspace,
    name: str,
    models: Sequence[Model | str | Path],
    inference_config: InferenceConfig | ContainerImageConfig | None,
    deployment_config: WebserviceDeploymentConfiguration | None,
    deployment_target: ComputeTarget | None,
    *,
    overwrite: bool,
    show_output: bool,
) -> Webservice:
    """See :meth:`Model.deploy`."""
    chosen = _chosen(deployment_config, deployment_target)
    core = workspace.core
    with raising(WebserviceException):
        target, config, idle = _target_and_settings(workspace, name, chosen, deployment_target, overwrite)
        script = None if inference_config is None else inference_config.read()
        request, notes = core.prepare(
            name,
            None if script is None else script.source(),
            models=[given(model) for model in models],
            environment=None if script is None else script.environment,
            target=target.name,
            config=config,
        )
    for sentence in [*notes, *(script.notes_for(target) if script is not None else ()), *idle]:
        warnings.warn(sentence, stacklevel=3)

    def deploy(report: Report) -> Outcome:
        return core.deployer.deploy(request, report=report)

    made = _begun(workspace, name, target, chosen, deploy)
    if show_output:
        made.wait_for_deployment(show_output=True)
    return made


def begin_from_image(
    workspace: Workspace,
    name: str,
    image: Image,
    deployment_config: WebserviceDeploymentConfiguration | None,
    deployment_target: ComputeTarget | None,
    *,
    overwrite: bool,
) -> Webservice:
    """See :meth:`Webservice.deploy_from_image`."""
    chosen = _chosen(deployment_config, deployment_target, WebserviceDeploymentConfiguration("docker", {}))
    with raising(WebserviceException):
        target, config, idle = _target_and_settings(workspace, name, chosen, deployment_target, overwrite)
    for sentence in idle:
        warnings.warn(sentence, stacklevel=3)

    def deploy(report: Report) -> Outcome:
        return workspace.core.deployer.deploy_image(
            name, image.built(), target=target.name, config=config, report=report
        )

    return _begun(workspace, name, target, chosen, deploy)


def _chosen(
    config: WebserviceDeploymentConfiguration | None,
    compute: ComputeTarget | None,
    otherwise: WebserviceDeploymentConfiguration | None = None,
) -> WebserviceDeploymentConfiguration:
    if config is not None:
        return config
    return aks_configuration() if compute is not None else otherwise or local_configuration()


def _target_and_settings(
    workspace: Workspace,
    name: str,
    chosen: WebserviceDeploymentConfiguration,
    compute: ComputeTarget | None,
    overwrite: bool,
) -> tuple[Target, Mapping[str, Any], Sequence[str]]:
    """Check a configuration and the name; return (target, its settings, sentences on those that mean nothing there)."""
    settings = dict(chosen.settings)
    if compute is not None:
        settings["compute_target_name"] = compute.name
    target = workspace.core.targets.get(chosen.target_for(compute, settings))
    known = target.config_type.model_fields
    idle = sorted(key for key in settings if key not in known and key in V1_NAMES)
    config = {key: value for key, value in settings.items() if key not in idle}
    read_config(target.config_type, config)
    if not overwrite:
        workspace.core.catalogue.require_free(name, hint="overwrite=True brings it to a new revision.")
    return target, config, [f"{', '.join(idle)}: no effect on target {target.name!r}."] if idle else []


def _begun(
    workspace: Workspace,
    name: str,
    target: Target,
    chosen: WebserviceDeploymentConfiguration,
    deploy: Callable[[Report], Outcome],
) -> Webservice:
    """Deploy in the background, set the keys that were given, and return v1's handle."""

    def work(report: Report) -> Outcome:
        outcome = deploy(report)
        for which, value in chosen.keys.items():
            workspace.core.deployer.regenerate_key(name, which, value)
        return outcome

    made = Webservice.__new__(kind_for(target.name), workspace, name)
    Webservice.__init__(made, workspace, name, Background(f"deploy-{name}", work))
    return made
