"""``Workspace``: v1's door. No account stands behind it: it opens a folder of this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._version import __version__
from ..core import workspace as core_workspace
from .exceptions import ProjectSystemException, UserErrorException, raising

if TYPE_CHECKING:
    from .compute import ComputeTarget
    from .dataset import Dataset, Datastore
    from .environment import Environment
    from .image import Image
    from .model import Model
    from .webservice import Webservice

__all__ = ["VERSION", "Workspace"]

#: What notebooks print at their top; it is ours, as there is no SDK.
VERSION = __version__

#: Where v1 looked in a folder and those above it.
_PLACES = (".azureml/config.json", "aml_config/config.json", "config.json")


class Workspace:
    """A workspace on this machine.

    Args:
        subscription_id, resource_group: kept to be read again; nothing is asked of Azure.
        workspace_name: for people; ``$MLDEPLOY_HOME`` decides which folder is opened.

    Attributes:
        core: the workspace of the deployment core, with everything that v1 has no name for.
    """

    def __init__(
        self,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        workspace_name: str = "local",
        auth: Any = None,
        **_: Any,
    ) -> None:
        with raising(UserErrorException):
            self.core = core_workspace.Workspace()
        self.subscription_id = subscription_id
        self.resource_group = resource_group
        self.name = workspace_name
        self.location: str | None = None

    @staticmethod
    def from_config(path: str | Path | None = None, auth: Any = None, **_: Any) -> Workspace:
        """Open the workspace with the names of a ``config.json``, looked for here and above when no path is given.

        Where none is found the names are empty: nothing needs them.

        Raises:
            ProjectSystemException: the file that was named is not there, or is not one.
        """
        file = _named_config(Path(path)) if path is not None else _found_config()
        if file is None:
            return Workspace()
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
            name = str(values["workspace_name"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ProjectSystemException(
                f"{file} is no workspace configuration ({type(error).__name__}: {error}). It holds subscription_id,"
                " resource_group and workspace_name; Workspace.from_config() without a path needs no file."
            ) from None
        return Workspace(values.get("subscription_id"), values.get("resource_group"), name)

    @staticmethod
    def get(
        name: str,
        auth: Any = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        **_: Any,
    ) -> Workspace:
        """Open the workspace under a name."""
        return Workspace(subscription_id, resource_group, name)

    @staticmethod
    def create(
        name: str,
        auth: Any = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        location: str | None = None,
        **_: Any,
    ) -> Workspace:
        """Open the workspace under a name; its folder is made when it is missing."""
        made = Workspace(subscription_id, resource_group, name)
        made.location = location
        return made

    def write_config(self, path: str | Path | None = None, file_name: str | None = None) -> None:
        """Write ``.azureml/config.json`` into a folder, this one by default."""
        file = Path(path or ".") / ".azureml" / (file_name or "config.json")
        file.parent.mkdir(parents=True, exist_ok=True)
        values = {
            "subscription_id": self.subscription_id, "resource_group": self.resource_group, "workspace_name": self.name,
        }  # fmt: skip
        file.write_text(json.dumps(values, indent=4), encoding="utf-8")

    def get_details(self) -> dict[str, Any]:
        """Return its names and where it is."""
        return {"name": self.name, "location": self.location, "home": str(self.core.home)}

    @property
    def models(self) -> dict[str, Model]:
        """The newest version of each model, by name."""
        from .model import Model

        return {model.name: model for model in Model.list(self, latest=True)}

    @property
    def images(self) -> dict[str, Image]:
        """The newest version of each image, by name."""
        from .image import Image

        return {image.name: image for image in reversed(Image.list(self))}

    @property
    def environments(self) -> dict[str, Environment]:
        """The newest version of each environment, by name."""
        from .environment import Environment

        return Environment.list(self)

    @property
    def webservices(self) -> dict[str, Webservice]:
        """All services, by name."""
        from .webservice import Webservice

        return {service.name: service for service in Webservice.list(self)}

    @property
    def compute_targets(self) -> dict[str, ComputeTarget]:
        """Attached clusters, by name."""
        from .compute import ComputeTarget

        return {compute.name: compute for compute in ComputeTarget.list(self)}

    @property
    def datasets(self) -> dict[str, Dataset]:
        """The newest version of each dataset, by name."""
        from .dataset import registered

        return registered(self)

    def get_default_datastore(self) -> Datastore:
        """Return the folder of the workspace that files are uploaded to."""
        from .dataset import Datastore

        return Datastore(self)

    def __repr__(self) -> str:
        return f"Workspace.create(name={self.name!r}, home={str(self.core.home)!r})"


def _named_config(path: Path) -> Path:
    places = (path, *(path / place for place in _PLACES))
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise ProjectSystemException(
            f"There is no workspace configuration {str(path)!r}. Workspace.from_config() without a path needs none."
        )
    return found


def _found_config() -> Path | None:
    here = Path.cwd()
    places = (folder / place for folder in (here, *here.parents) for place in _PLACES[:2])
    return next((place for place in places if place.is_file()), None)
