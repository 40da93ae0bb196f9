"""``Model``: registered, found, deployed, packaged and profiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.images.package import ModelPackage
from ..core.model import Model as Registered
from ..errors import NotFoundError
from .exceptions import ModelPathNotFoundException, WebserviceException, raising
from .inference import InferenceConfig
from .resources import ResourceConfiguration
from .workspace import Workspace

if TYPE_CHECKING:
    from .compute import ComputeTarget
    from .configurations import WebserviceDeploymentConfiguration
    from .dataset import Dataset
    from .profile import ModelProfile
    from .webservice import Webservice

__all__ = ["InferenceConfig", "Model", "ModelPackage"]

_Filters = Sequence[Any] | Mapping[str, Any] | None


class Model:
    """One version of a registered model.

    Args:
        workspace: where it is registered.
        name: its name; the newest version that fits is meant.
        id: ``name:version``, in place of a name.

    Raises:
        WebserviceException: there is none.
    """

    class Framework:
        """Names of frameworks; with one of them a model can be deployed without a script."""

        CUSTOM = "Custom"
        TENSORFLOW = "TensorFlow"
        SCIKITLEARN = "ScikitLearn"
        ONNX = "Onnx"
        TFKERAS = "TfKeras"
        PYTORCH = "PyTorch"
        MULTI = "Multi"

    def __init__(
        self,
        workspace: Workspace,
        name: str | None = None,
        id: str | None = None,  # noqa: A002  v1's name
        tags: _Filters = None,
        properties: _Filters = None,
        version: int | None = None,
        run_id: str | None = None,
        model_framework: str | None = None,
        expand: bool = True,
        **_: Any,
    ) -> None:
        self.workspace = workspace
        with raising(WebserviceException):
            if id is not None:
                self._record = workspace.core.models.get_id(id)
            elif name is None:
                raise WebserviceException("Model() needs a name or an id.")
            elif version is not None:
                self._record = workspace.core.models.get(name, int(version))
            else:
                found = workspace.core.models.list(
                    name, tags=tags, properties=properties, framework=model_framework, latest=True
                )
                if not found:
                    raise NotFoundError("model", name)
                self._record = found[0]

    @classmethod
    def _of(cls, workspace: Workspace, record: Registered) -> Model:
        made = cls.__new__(cls)
        made.workspace, made._record = workspace, record
        return made

    @staticmethod
    def register(
        workspace: Workspace,
        model_path: str | Path,
        model_name: str,
        tags: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
        description: str | None = None,
        datasets: Any = None,
        model_framework: str | None = None,
        model_framework_version: str | None = None,
        child_paths: Sequence[str] | None = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: ResourceConfiguration | None = None,
    ) -> Model:
        """Register a file or folder as the next version of a name.

        Raises:
            ModelPathNotFoundException: there is nothing at the path.
            WebserviceException: a value cannot be used.
        """
        try:
            with raising(WebserviceException):
                record = workspace.core.models.register(
                    model_path, model_name, tags=tags, properties=properties, description=description,
                    framework=model_framework, framework_version=model_framework_version, child_paths=child_paths,
                    sample_input=_dataset_name(sample_input_dataset),
                    sample_output=_dataset_name(sample_output_dataset),
                    resource_configuration=resource_configuration.to_dict() if resource_configuration else None,
                )  # fmt: skip
        except WebserviceException as error:
            if isinstance(error.__cause__, NotFoundError):
                raise ModelPathNotFoundException(error.message) from error.__cause__
            raise
        return Model._of(workspace, record)

    @staticmethod
    def list(
        workspace: Workspace,
        name: str | None = None,
        tags: _Filters = None,
        properties: _Filters = None,
        run_id: str | None = None,
        latest: bool = False,
        dataset_id: str | None = None,
        expand: bool = True,
        page_count: int = 255,
        model_framework: str | None = None,
    ) -> list[Model]:
        """Return registered models; each filter of ``tags`` is ``'key'`` or ``['key', 'value']``."""
        with raising(WebserviceException):
            found = workspace.core.models.list(
                name, tags=tags, properties=properties, framework=model_framework, latest=latest
            )
        return [Model._of(workspace, record) for record in found]

    @staticmethod
    def get_model_path(model_name: str, version: int | None = None, _workspace: Workspace | None = None) -> str:
        """Return a path with the model's bytes: of a service's models in a service, else a copy of the registered one.

        Raises:
            WebserviceException: there is no such model.
        """
        workspace = _workspace or Workspace()
        return Model(workspace, model_name, version=version).download(
            str(workspace.core.home / "downloads" / model_name), exist_ok=True
        )

    # What it is.

    @property
    def name(self) -> str:
        """Its name."""
        return self._record.name

    @property
    def version(self) -> int:
        """Its version, from 1."""
        return self._record.version

    @property
    def id(self) -> str:
        """``name:version``."""
        return self._record.id

    @property
    def description(self) -> str | None:
        """For people."""
        return self._record.description

    @property
    def tags(self) -> dict[str, Any]:
        """Labels that may change."""
        return dict(self._record.tags)

    @property
    def properties(self) -> dict[str, Any]:
        """Labels that can only be added."""
        return dict(self._record.properties)

    @property
    def created_time(self) -> datetime:
        """When it was registered, in UTC."""
        return self._record.created

    @property
    def model_framework(self) -> str | None:
        """What made it."""
        return self._record.framework

    @property
    def model_framework_version(self) -> str | None:
        """The version of what made it."""
        return self._record.framework_version

    def serialize(self) -> dict[str, Any]:
        """Return v1's keys of a model, as far as they mean something here."""
        found = self._record
        resources = found.resource_configuration
        return {
            "id": found.id,
            "name": found.name,
            "version": found.version,
            "createdTime": found.created.isoformat(),
            "description": found.description,
            "framework": found.framework,
            "frameworkVersion": found.framework_version,
            "tags": self.tags,
            "properties": self.properties,
            "resourceConfiguration": {
                "cpu": resources.get("cpu"), "memoryInGB": resources.get("memory_in_gb"), "gpu": resources.get("gpu"),
            } if resources else None,
            "sampleInputDatasetId": found.sample_input,
            "sampleOutputDatasetId": found.sample_output,
        }  # fmt: skip

    # What can be done with it.

    def download(self, target_dir: str | Path = ".", exist_ok: bool = False, exists_ok: bool | None = None) -> str:
        """Copy its file or folder into a folder, and return the path there."""
        with raising(WebserviceException):
            return str(
                self.workspace.core.models.download(self._record, target_dir, exist_ok=exist_ok or bool(exists_ok))
            )

    def update(
        self,
        tags: Mapping[str, Any] | None = None,
        description: str | None = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: ResourceConfiguration | None = None,
    ) -> None:
        """Replace what is given, the tags as a whole."""
        with raising(WebserviceException):
            self._record = self.workspace.core.models.update(
                self._record, tags=tags, description=description,
                sample_input=_dataset_name(sample_input_dataset), sample_output=_dataset_name(sample_output_dataset),
                resource_configuration=resource_configuration.to_dict() if resource_configuration else None,
            )  # fmt: skip

    def update_tags_properties(
        self,
        add_tags: Mapping[str, Any] | None = None,
        remove_tags: Sequence[str] | None = None,
        add_properties: Mapping[str, Any] | None = None,
    ) -> None:
        """Change its labels; a property that is there already is refused before anything changes."""
        registry = self.workspace.core.models
        with raising(WebserviceException):
            if add_properties:
                self._record = registry.add_properties(self._record, add_properties)
            if remove_tags:
                self._record = registry.remove_tags(self._record, remove_tags)
            if add_tags:
                self._record = registry.add_tags(self._record, add_tags)

    def add_tags(self, tags: Mapping[str, Any]) -> None:
        """Add tags, or give those that exist another value."""
        self.update_tags_properties(add_tags=tags)

    def remove_tags(self, tags: Sequence[str]) -> None:
        """Remove tags by key."""
        self.update_tags_properties(remove_tags=tags)

    def add_properties(self, properties: Mapping[str, Any]) -> None:
        """Add properties, which never change afterwards."""
        self.update_tags_properties(add_properties=properties)

    def delete(self) -> None:
        """Delete this version; refused while a service or an image needs it."""
        with raising(WebserviceException):
            self.workspace.core.models.delete(self._record)

    @staticmethod
    def deploy(
        workspace: Workspace,
        name: str,
        models: Sequence[Model | str | Path],
        inference_config: InferenceConfig | None = None,
        deployment_config: WebserviceDeploymentConfiguration | None = None,
        deployment_target: ComputeTarget | None = None,
        overwrite: bool = False,
        show_output: bool = False,
    ) -> Webservice:
        """Deploy models; returns at once, and ``wait_for_deployment()`` waits.

        Without configuration and cluster it goes to target ``local`` (v1: to an account's container instances).

        Raises:
            WebserviceException: something given is wrong, or the service exists and ``overwrite`` is false.
        """
        from .deployment import begin_deployment

        return begin_deployment(
            workspace, name, models, inference_config, deployment_config, deployment_target,
            overwrite=overwrite, show_output=show_output,
        )  # fmt: skip

    @staticmethod
    def package(
        workspace: Workspace,
        models: Sequence[Model | str | Path],
        inference_config: InferenceConfig | None = None,
        generate_dockerfile: bool = False,
        image_name: str | None = None,
        image_label: str | None = None,
    ) -> ModelPackage:
        """Make an image that serves models, or the files to build one."""
        if inference_config is None:
            raise WebserviceException("Model.package() needs an inference_config.")
        with raising(WebserviceException):
            return workspace.core.package(
                [given(model) for model in models],
                inference_config.read(),
                generate_dockerfile,
                image_name,
                image_label,
            )

    @staticmethod
    def profile(
        workspace: Workspace,
        profile_name: str,
        models: Sequence[Model | str | Path],
        inference_config: InferenceConfig,
        input_dataset: Dataset | Any,
        cpu: float | None = None,
        memory_in_gb: float | None = None,
        description: str | None = None,
    ) -> ModelProfile:
        """Find out how much CPU and memory models need, by real runs; returns at once.

        Args:
            input_dataset: a dataset of one text column, each cell a request body; or what ``Workspace.profile`` of the
                core takes: a path, a list, a DataFrame.
        """
        from .profile import ModelProfile

        return ModelProfile(
            workspace, profile_name, [given(model) for model in models], inference_config, input_dataset,
            cpu=cpu, memory_in_gb=memory_in_gb, description=description,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"Model(workspace={self.workspace!r}, name={self.name}, id={self.id}, version={self.version})"


def given(model: Model | str | Path) -> Registered | str | Path:
    """Return what the core takes for a model."""
    return model._record if isinstance(model, Model) else model


def _dataset_name(dataset: Any) -> str | None:
    return None if dataset is None else str(getattr(dataset, "name", dataset))
