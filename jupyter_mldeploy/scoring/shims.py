"""``import`` of the packages that v1 scripts were written for, where the real ones are not installed.

| module                                                        | offers                                      |
|---------------------------------------------------------------|---------------------------------------------|
| ``inference_schema.*``                                        | the schema decorators and types (``schema``) |
| ``azureml.contrib.services.aml_request`` / ``.aml_response``  | ``rawhttp, AMLRequest`` / ``AMLResponse``    |
| ``azureml_inference_server_http.api.aml_request`` / …         | the same                                    |
| ``azureml.core.model`` (and ``azureml.core``)                 | ``Model.get_model_path``                    |
| ``azureml.core.workspace``, ``.run``, ``.dataset`` …          | names to import; using them is refused       |
| ``azureml.monitoring``                                        | ``ModelDataCollector``                       |
| ``azureml.ai.monitoring``                                     | ``Collector``                                |
| ``azureml.automl.core.shared``, ``azureml.telemetry``         | what AutoML's scripts set up; nothing is sent |
| ``azureml.train.automl``                                      | the import alone, which many scripts carry   |
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
from typing import TYPE_CHECKING, Any, cast

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
    from .v1_extras import absent

    vars(module).update(Model=Model, InferenceConfig=absent("InferenceConfig", "azureml.core.model"))


def _fill_workspace_names(module: ModuleType) -> None:
    from .v1_extras import WORKSPACE_NAMES, absent

    for name in WORKSPACE_NAMES[module.__name__.rpartition(".")[2]]:
        vars(module)[name] = absent(name, module.__name__)


def _fill_telemetry(module: ModuleType) -> None:
    from .v1_extras import nothing

    vars(module).update(INSTRUMENTATION_KEY="", set_diagnostics_collection=nothing)


def _fill_log_server(module: ModuleType) -> None:
    from .v1_extras import nothing

    for name in ("enable_telemetry", "set_verbosity", "set_log_file", "update_custom_dimensions"):
        vars(module)[name] = nothing


def _fill_logging_utilities(module: ModuleType) -> None:
    from .v1_extras import log_traceback

    vars(module).update(log_traceback=log_traceback)


def _fill_ai_monitoring(module: ModuleType) -> None:
    from .v1_extras import BasicCorrelationContext, Collector

    vars(module).update(Collector=Collector, BasicCorrelationContext=BasicCorrelationContext)
    _package(module)


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
    from .v1_extras import WORKSPACE_NAMES, absent

    for part, names in WORKSPACE_NAMES.items():
        vars(module).update({name: absent(name, f"azureml.core.{part}") for name in names})
    vars(module).update(Model=Model)
    _package(module)


def _package(module: ModuleType) -> None:
    module.__dict__["__getattr__"] = _explain(module.__name__)


_WORKSPACE_MODULES = (
    "authentication", "compute", "conda_dependencies", "dataset", "datastore", "environment", "experiment", "image",
    "keyvault", "run", "webservice", "workspace",
)  # fmt: skip

_MODULES: dict[str, Callable[[ModuleType], None]] = {
    "azureml": _package,
    "azureml.contrib": _package,
    "azureml.contrib.services": _package,
    "azureml.contrib.services.aml_request": _fill_request,
    "azureml.contrib.services.aml_response": _fill_response,
    "azureml.core": _fill_core,
    "azureml.core.model": _fill_model,
    **{f"azureml.core.{part}": _fill_workspace_names for part in _WORKSPACE_MODULES},
    "azureml.ai": _package,
    "azureml.ai.monitoring": _fill_ai_monitoring,
    "azureml.ai.monitoring.context": _fill_ai_monitoring,
    "azureml.train": _package,
    "azureml.train.automl": _package,
    "azureml.automl": _package,
    "azureml.automl.core": _package,
    "azureml.automl.core.shared": _package,
    "azureml.automl.core.shared.log_server": _fill_log_server,
    "azureml.automl.core.shared.logging_utilities": _fill_logging_utilities,
    "azureml.telemetry": _fill_telemetry,
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
        from .v1_extras import refuse

        del arguments, keywords
        refuse("azureml.core.model.Model(…)")


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
