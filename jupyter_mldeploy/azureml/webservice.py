"""``Webservice``: a deployed service, with v1's verbs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.config import DeploymentConfig, read_config
from ..core.records import FROM_IMAGE
from ..core.request import Outcome
from ..core.service import Service
from ..errors import NotFoundError
from .background import Background
from .configurations import WebserviceDeploymentConfiguration
from .exceptions import WebserviceException, raising
from .inference import InferenceConfig
from .model import Model, given
from .workspace import Workspace

if TYPE_CHECKING:
    from .compute import ComputeTarget
    from .image import ContainerImageConfig, Image

__all__ = ["Webservice"]

_EITHER = (("auth_enabled", "token_auth_enabled"), ("token_auth_enabled", "auth_enabled"))


class Webservice:
    """A service. Of a name it becomes the class of the service's target.

    Attributes:
        _v1_type: v1's name of what it runs on, "" where v1 had none.

    Raises:
        WebserviceException: there is no service of that name.
    """

    _v1_type = ""

    def __new__(cls, workspace: Workspace, name: str, *_: Any) -> Webservice:
        """Choose the class."""
        from .webservice_kinds import kind_for

        try:
            record = workspace.core.catalogue.service(name)
        except NotFoundError:
            chosen: type[Webservice] = cls
        else:
            chosen = kind_for(record.target)
        return super().__new__(chosen)

    def __init__(self, workspace: Workspace, name: str, work: Background[Outcome] | None = None) -> None:
        self.workspace = workspace
        self.name = name
        self._work = work
        if work is None:
            self._service()

    def _service(self) -> Service:
        with raising(WebserviceException):
            return self.workspace.core.service(self.name)

    def _config(self) -> DeploymentConfig:
        service = self._service()
        target = self.workspace.core.targets.get(service.record.target)
        revisions = service.revisions()
        shown = service.record.live_in(revisions) or next(reversed(revisions), None)
        if shown is None:  # it has no revision yet
            return target.config_type.model_construct()
        with raising(WebserviceException):
            return read_config(target.config_type, shown.config)

    # What it is.

    @property
    def state(self) -> str:
        """``Transitioning``, ``Healthy``, ``Unhealthy``, ``Failed``, …"""
        if self._work is not None and self._work.is_running:
            return "Transitioning"
        try:
            return str(self.workspace.core.service(self.name).state)
        except NotFoundError:
            return "Failed"

    @property
    def error(self) -> str | None:
        """Why the deployment failed, or why it is in its state."""
        failed = None if self._work is None else self._work.error
        return failed or self._service().reason

    @property
    def compute_type(self) -> str:
        """The target that it runs on, in capitals."""
        return self._service().record.target.upper()

    @property
    def scoring_uri(self) -> str | None:
        """Where requests go."""
        return self._service().scoring_uri

    @property
    def swagger_uri(self) -> str | None:
        """Where its Swagger document is."""
        uri = self.scoring_uri
        return None if uri is None else uri.removesuffix("/score") + "/swagger.json"

    @property
    def auth_enabled(self) -> bool:
        """Callers send a key."""
        return bool(getattr(self._config(), "auth_enabled", False)) and not self.token_auth_enabled

    @property
    def token_auth_enabled(self) -> bool:
        """Callers send a token."""
        return self.workspace.core.deployer.takes_tokens(self._service().record)

    @property
    def description(self) -> str | None:
        """For people."""
        return self._service().record.description

    @property
    def tags(self) -> dict[str, str]:
        """Labels that may change."""
        return dict(self._service().record.tags)

    @property
    def properties(self) -> dict[str, str]:
        """Labels that never change."""
        return dict(self._service().record.properties)

    @property
    def created_time(self) -> datetime:
        """When it was deployed first, in UTC."""
        return datetime.fromtimestamp(self._service().record.created, UTC)

    @property
    def updated_time(self) -> datetime:
        """When it changed last, in UTC."""
        return datetime.fromtimestamp(self._service().record.updated, UTC)

    def serialize(self) -> dict[str, Any]:
        """Return v1's keys of a service, as far as they mean something here."""
        return {
            "name": self.name,
            "computeType": self.compute_type,
            "state": self.state,
            "createdTime": self.created_time.isoformat(),
            "updatedTime": self.updated_time.isoformat(),
            "description": self.description,
            "kvTags": self.tags,
            "properties": self.properties,
            "error": self.error,
            "scoringUri": self.scoring_uri,
            "swaggerUri": self.swagger_uri,
            "authEnabled": self.auth_enabled,
        }

    @staticmethod
    def list(
        workspace: Workspace,
        compute_type: str | None = None,
        tags: Mapping[str, str] | None = None,
        model_name: str | None = None,
        model_id: str | None = None,
        image_name: str | None = None,
        image_id: str | None = None,
        **_: Any,
    ) -> list[Webservice]:
        """Return services, filtered by target, tags (``{key: value}``), and model or image of the live revision."""
        with raising(WebserviceException):
            found = [
                item
                for item in workspace.core.services(tags=tags)
                if _has_model(item, model_name, model_id) and _has_image(item, image_name, image_id)
            ]
        made = [Webservice(workspace, item.name) for item in found]
        return [item for item in made if compute_type is None or item._is_of(compute_type)]

    def _is_of(self, compute_type: str) -> bool:
        return compute_type.upper() in {self.compute_type, self._v1_type}

    # Deploying it.

    @staticmethod
    def deploy(
        workspace: Workspace,
        name: str,
        model_paths: Sequence[str | Path],
        image_config: ContainerImageConfig | InferenceConfig,
        deployment_config: WebserviceDeploymentConfiguration | None = None,
        deployment_target: ComputeTarget | None = None,
        overwrite: bool = False,
    ) -> Webservice:
        """Register files and folders as models of their own names, and deploy them."""
        models = [Model.register(workspace, path, Path(path).name) for path in model_paths]
        return Webservice.deploy_from_model(
            workspace, name, models, image_config, deployment_config, deployment_target, overwrite
        )

    @staticmethod
    def deploy_from_model(
        workspace: Workspace,
        name: str,
        models: Sequence[Model | str | Path],
        image_config: ContainerImageConfig | InferenceConfig,
        deployment_config: WebserviceDeploymentConfiguration | None = None,
        deployment_target: ComputeTarget | None = None,
        overwrite: bool = False,
    ) -> Webservice:
        """Do what :meth:`Model.deploy` does, from either kind of configuration."""
        from .deployment import begin_deployment

        return begin_deployment(
            workspace, name, models, image_config, deployment_config, deployment_target,
            overwrite=overwrite, show_output=False,
        )  # fmt: skip

    @staticmethod
    def deploy_local_from_model(
        workspace: Workspace,
        name: str,
        models: Sequence[Model | str | Path],
        image_config: ContainerImageConfig | InferenceConfig,
        deployment_config: WebserviceDeploymentConfiguration | None = None,
        wait: bool = False,
    ) -> Webservice:
        """Deploy on this machine."""
        made = Webservice.deploy_from_model(workspace, name, models, image_config, deployment_config)
        if wait:
            made.wait_for_deployment(show_output=True)
        return made

    @staticmethod
    def deploy_from_image(
        workspace: Workspace,
        name: str,
        image: Image,
        deployment_config: WebserviceDeploymentConfiguration | None = None,
        deployment_target: ComputeTarget | None = None,
        overwrite: bool = False,
    ) -> Webservice:
        """Deploy the very bytes of an image, once it is built; returns at once, and ``wait_for_deployment()`` waits.

        Without configuration and cluster it goes to target ``docker``.

        Raises:
            WebserviceException: something given is wrong, or the service exists and ``overwrite`` is false.
        """
        from .deployment import begin_from_image

        return begin_from_image(workspace, name, image, deployment_config, deployment_target, overwrite=overwrite)

    def wait_for_deployment(self, show_output: bool = False, timeout_sec: float | None = None) -> None:
        """Wait until it is deployed; with ``show_output`` print the steps.

        Raises:
            WebserviceException: it failed; the message names the cause, ``__cause__`` has the evidence.
        """
        if self._work is not None:
            self._work.wait(show_output, WebserviceException, timeout_sec)
        elif show_output:
            print(f"{self.name} is {self.state}")  # noqa: T201  what v1's parameter asks for

    def update_deployment_state(self) -> None:
        """Do nothing: every property asks the truth."""

    # Calling it.

    def run(self, input: Any = None, input_data: Any = None) -> Any:  # noqa: A002  v1's name
        """Send a request (text or bytes of JSON) with the service's key, and return the decoded answer.

        Raises:
            WebserviceException: the answer was not a success.
        """
        payload = input_data if input is None else input
        headers = {"content-type": "application/json"} if isinstance(payload, bytes) else None
        with raising(WebserviceException):
            return self._service().score(payload, headers=headers)

    def get_logs(self, num_lines: int = 5000, init: bool = False) -> str:
        """Return the last lines of its log."""
        with raising(WebserviceException):
            return str(self._service().logs(limit=num_lines))

    def get_keys(self) -> tuple[str, str]:
        """Return the primary and the secondary key."""
        with raising(WebserviceException):
            keys = self._service().keys()
        return keys.primary, keys.secondary

    def regen_key(self, key: str, set_key: str | None = None) -> None:
        """Change the ``Primary`` or the ``Secondary`` key; the other one keeps working."""
        with raising(WebserviceException):
            self._service().regenerate_key(key.lower(), set_key)

    def get_access_token(self) -> Any:
        """Return a new token with the time after which to ask for another."""
        with raising(WebserviceException):
            return self._service().get_access_token()

    def get_token(self) -> tuple[str, datetime]:
        """Return a new token, and the time after which to ask for another."""
        token = self.get_access_token()
        return token.access_token, token.refresh_after

    # Changing it.

    def update(
        self,
        image: Any = None,
        models: Sequence[Model | str | Path] | None = None,
        inference_config: InferenceConfig | None = None,
        deployment_config: WebserviceDeploymentConfiguration | None = None,
        wait: bool = False,
        **settings: Any,
    ) -> None:
        """Bring it to a new revision that differs in what is given; what served before serves until that is healthy.

        Args:
            image: serve its bytes; excludes models and an inference configuration.
            settings: what ``deploy_configuration`` of its target takes: ``tags``, ``auth_enabled``, ``num_replicas``, …
            wait: has no effect: it is always waited for.
        """
        if image is not None and (models is not None or inference_config is not None):
            raise WebserviceException("Give an image, or models and an inference configuration, not both.")
        if self._work is not None:
            self.wait_for_deployment()
        given_settings = {**_set(settings), **(deployment_config.settings if deployment_config is not None else {})}
        changes: dict[str, Any] = {"config": self._switched(given_settings)}
        if models is not None:
            changes["models"] = [given(model) for model in models]
        if inference_config is not None:
            found = inference_config.read()
            changes |= {"source": found.source(), "environment": found.environment}
        with raising(WebserviceException):
            if image is not None:
                self._serve(image, changes["config"])
            else:
                self.workspace.core.deployer.update(self.name, **changes)
        self._work = None  # what was told of the deployment is over

    def _serve(self, image: Image, changed: Mapping[str, Any]) -> None:
        """Serve an image's bytes with the configuration of now, and what changes of it."""
        record, deployer = self._service().record, self.workspace.core.deployer
        settings = {**deployer.live(record).config, **changed}
        deployer.deploy_image(self.name, image.built(), target=record.target, config=settings)

    def _switched(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings with what v1 switched off by itself: keys where tokens are switched on, and the reverse."""
        more = {one: False for one, other in _EITHER if settings.get(other) and one not in settings}
        return {**more, **settings}

    def add_tags(self, tags: Mapping[str, str]) -> None:
        """Add tags, or give those that exist another value."""
        self.update(tags={**self.tags, **tags})

    def remove_tags(self, tags: Sequence[str]) -> None:
        """Remove tags by key."""
        self.update(tags={key: value for key, value in self.tags.items() if key not in tags})

    def delete(self, *_: Any, **__: Any) -> None:
        """Remove it; its logs and history stay in the workspace. Arguments on caches and volumes have no effect."""
        with raising(WebserviceException):
            self._service().delete()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(workspace={self.workspace!r}, name={self.name}, state={self.state})"


def _has_model(service: Service, name: str | None, model_id: str | None) -> bool:
    if name is None and model_id is None:
        return True
    live = service.record.live_in(service.revisions())
    models = service.workspace.bundles.get(live.bundle).models if live is not None else ()
    return any(
        (name is None or model.name == name) and (model_id is None or f"{model.name}:{model.version}" == model_id)
        for model in models
    )


def _has_image(service: Service, name: str | None, image_id: str | None) -> bool:
    if name is None and image_id is None:
        return True
    live = service.record.live_in(service.revisions())
    found = "" if live is None else str(live.facts.get(FROM_IMAGE, ""))
    return name in {None, found.rpartition(":")[0]} and image_id in {None, found}


def _set(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if value is not None}
