"""``import azureml.core…`` where the SDK is not installed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

#: v1's module → modules here whose public names it has. Each name is in one place only.
_EVERYTHING = (
    "workspace",
    "model",
    "environment",
    "image",
    "conda_dependencies",
    "webservice",
    "webservice_kinds",
    "compute",
    "dataset",
    "resources",
)
_SERVICES = ("webservice", "webservice_kinds")
MODULES: dict[str, tuple[str, ...]] = {
    "azureml": (),
    "azureml.core": _EVERYTHING,
    "azureml.core.workspace": ("workspace",),
    "azureml.core.model": ("model",),
    "azureml.core.environment": ("environment",),
    "azureml.core.image": ("image",),
    "azureml.core.image.image": ("image",),
    "azureml.core.image.container": ("image",),
    "azureml.core.conda_dependencies": ("conda_dependencies",),
    "azureml.core.resource_configuration": ("resources",),
    "azureml.core.webservice": _SERVICES,
    "azureml.core.webservice.webservice": _SERVICES,
    "azureml.core.webservice.local": _SERVICES,
    "azureml.core.webservice.aci": _SERVICES,
    "azureml.core.webservice.aks": _SERVICES,
    "azureml.core.compute": ("compute",),
    "azureml.core.compute.aks": ("compute",),
    "azureml.core.dataset": ("dataset",),
    "azureml.core.datastore": ("dataset",),
    "azureml.data": ("dataset",),
    "azureml.data.dataset_type_definitions": ("dataset",),
    "azureml.exceptions": ("exceptions",),
    "azureml.core.exceptions": ("exceptions",),
}


class _Finder(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in MODULES:
            return None
        is_package = any(name.startswith(f"{fullname}.") for name in MODULES)
        return ModuleSpec(fullname, self, is_package=is_package)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        names: list[str] = []
        for part in MODULES[module.__name__]:
            ours = importlib.import_module(f"{__package__}.{part}")
            for name in ours.__all__:
                setattr(module, name, getattr(ours, name))
                names.append(name)
        module.__doc__ = f"The names of Azure ML's {module.__name__} that jupyter_mldeploy offers."
        vars(module)["__all__"] = names


_FINDER = _Finder()


def install() -> None:
    """Let ``azureml`` be found, after everything that is really installed. Idempotent."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.append(_FINDER)


def uninstall() -> None:
    """Take the finder out, and forget the modules that came from it."""
    if _FINDER in sys.meta_path:
        sys.meta_path.remove(_FINDER)
    for name in [name for name in MODULES if getattr(sys.modules.get(name), "__loader__", None) is _FINDER]:
        del sys.modules[name]
