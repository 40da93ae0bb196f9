"""``import`` of the packages that v1 scripts were written for, where the real ones are not installed.

| module                                                        | offers                                      |
|---------------------------------------------------------------|---------------------------------------------|
| ``inference_schema.*``                                        | the schema decorators and types (``schema``) |
| ``azureml.contrib.services.aml_request`` / ``.aml_response``  | ``rawhttp, AMLRequest`` / ``AMLResponse``    |
| ``azureml_inference_server_http.api.aml_request`` / …         | the same                                    |
| ``azureml.core.model`` (and ``azureml.core``)                 | ``Model.get_model_path``                    |
| ``azureml.monitoring``                                        | ``ModelDataCollector``                       |
| ``sklearn.externals.joblib``                                  | ``joblib``, which scikit-learn 0.23 took out |

The finder stands at the end of ``sys.meta_path``: whatever is really installed is found before it. ``azureml`` is a
namespace that several distributions share, so each module is looked for by itself.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn, cast

if TYPE_CHECKING:
    from importlib.abc import Loader

logger = logging.getLogger("mldeploy.scoring")

_REAL_REQUEST_MODULE = "azureml_inference_server_http.api.aml_request"


def _fill_request(module: ModuleType) -> None:
    from . import rawhttp

    vars(module).update(rawhttp=rawhttp.rawhttp, AMLRequest=rawhttp.AMLRequest)


def _fill_response(module: ModuleType) -> None:
    from .rawhttp import AMLResponse

    vars(module).update(AMLResponse=AMLResponse)


def _fill_model(module: ModuleType) -> None:
    vars(module).update(Model=Model)


def _fill_monitoring(module: ModuleType) -> None:
    from .datacollector import ModelDataCollector

    vars(module).update(ModelDataCollector=ModelDataCollector)
    _package(module)


def _fill_log_config(module: ModuleType) -> None:
    from .user_setup import HealthFilter, UtcFormatter

    vars(module).update(AMLLogFormatter=UtcFormatter, RootAccessFilter=HealthFilter)


def _fill_joblib(module: ModuleType) -> None:
    joblib = importlib.import_module("joblib")
    vars(module).update({name: value for name, value in vars(joblib).items() if not name.startswith("__")})
    logger.warning(
        "scikit-learn 0.23 removed sklearn.externals.joblib; joblib %s stands in for it. "
        "Write `import joblib` instead.",
        getattr(joblib, "__version__", ""),
    )


def _fill_core(module: ModuleType) -> None:
    _fill_model(module)
    _package(module)


def _package(module: ModuleType) -> None:
    module.__dict__["__getattr__"] = _explain(module.__name__)


_MODULES: dict[str, Callable[[ModuleType], None]] = {
    "azureml": _package,
    "azureml.contrib": _package,
    "azureml.contrib.services": _package,
    "azureml.contrib.services.aml_request": _fill_request,
    "azureml.contrib.services.aml_response": _fill_response,
    "azureml.core": _fill_core,
    "azureml.core.model": _fill_model,
    "azureml.monitoring": _fill_monitoring,
    "azureml.monitoring.modeldatacollector": _fill_monitoring,
    "azureml_inference_server_http": _package,
    "azureml_inference_server_http.api": _package,
    "azureml_inference_server_http.api.aml_request": _fill_request,
    "azureml_inference_server_http.api.aml_response": _fill_response,
    "azureml_inference_server_http.log_config": _fill_log_config,
    "sklearn.externals.joblib": _fill_joblib,
}


class Model:
    """What scoring needs of ``azureml.core.model.Model``: where a model lies."""

    @staticmethod
    def get_model_path(model_name: str, version: int | None = None, _workspace: object = None) -> str:
        """Return the path of a model's file or folder (see `model_dir.get_model_path`)."""
        from .model_dir import get_model_path

        return get_model_path(model_name, version)

    def __init__(self, *arguments: object, **keywords: object) -> None:
        del arguments, keywords
        _refuse("azureml.core.model.Model(…)")


def _refuse(name: str) -> NoReturn:
    raise ImportError(
        f"{name} needs a workspace and is not available while scoring: only Model.get_model_path is. "
        "Add azureml-core to the environment if the script really needs it."
    )


def _explain(module_name: str) -> Callable[[str], Any]:
    def lookup(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return importlib.import_module(f"{module_name}.{name}")
        except ModuleNotFoundError:
            raise AttributeError(
                f"{module_name}.{name} is not available while scoring: the package that brings it is not installed."
            ) from None

    return lookup


class ScriptShims:
    """Finds v1's module names when nobody before it does.

    Finder and loader in one, without their abstract classes: importing those costs 5 ms of every start.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for a module in the table, None for all others."""
        del path, target
        if fullname not in _MODULES:
            return None
        packages = any(name.startswith(f"{fullname}.") for name in _MODULES)
        return ModuleSpec(fullname, cast("Loader", self), is_package=packages)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return an empty module."""
        return ModuleType(spec.name, f"Stands in for {spec.name}.")

    def exec_module(self, module: ModuleType) -> None:
        """Fill a module."""
        _MODULES[module.__name__](module)


def install() -> None:
    """Make v1's imports work; packages that are installed always win. Idempotent."""
    from ..schema import shims

    shims.install()
    if not any(isinstance(finder, ScriptShims) for finder in sys.meta_path):
        sys.meta_path.append(ScriptShims())


def real_rawhttp_requested() -> bool:
    """Return whether the script used the *installed* package's ``@rawhttp``, which only sets a flag in its module."""
    module = sys.modules.get(_REAL_REQUEST_MODULE)
    return bool(getattr(module, "_rawHttpRequested", False))
