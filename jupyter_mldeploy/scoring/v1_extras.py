"""Names that generated and copied v1 scripts import beside the scoring ones, where the real packages are missing.

AutoML writes scripts that set up telemetry (here: nothing is sent anywhere); scripts for managed endpoints collect data
with ``azureml.ai.monitoring`` (here: into the same files as ``ModelDataCollector``); and many import ``Workspace`` or
``Run`` and never use them. Those may be imported; using them says what is missing.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from typing import Any, NoReturn

#: Names of azureml.core that scripts import; each lies in ``azureml.core`` too.
WORKSPACE_NAMES: dict[str, tuple[str, ...]] = {
    "authentication": (
        "AzureCliAuthentication",
        "InteractiveLoginAuthentication",
        "MsiAuthentication",
        "ServicePrincipalAuthentication",
    ),
    "compute": ("AksCompute", "AmlCompute", "ComputeTarget"),
    "conda_dependencies": ("CondaDependencies",),
    "dataset": ("Dataset",),
    "datastore": ("Datastore",),
    "environment": ("Environment",),
    "experiment": ("Experiment",),
    "image": ("ContainerImage",),
    "keyvault": ("Keyvault",),
    "run": ("Run",),
    "webservice": ("AciWebservice", "AksWebservice", "LocalWebservice", "Webservice"),
    "workspace": ("Workspace",),
}


class _Refusing(type):
    """A class that can be imported, named in annotations and nothing else."""

    def __getattr__(cls, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        refuse(f"{cls.__module__}.{cls.__name__}.{name}")

    def __call__(cls, *arguments: object, **keywords: object) -> NoReturn:
        del arguments, keywords
        refuse(f"{cls.__module__}.{cls.__name__}(…)")


def absent(name: str, module: str) -> type:
    """Return a class that explains, when it is used, that it is not available."""
    return _Refusing(name, (), {"__module__": module, "__doc__": "Not available while scoring."})


def refuse(name: str) -> NoReturn:
    """Raise an ImportError that says why ``name`` is not available.

    Raises:
        ImportError: always.
    """
    raise ImportError(
        f"{name} needs a workspace and is not available while scoring: only Model.get_model_path is. "
        "Add azureml-core to the environment if the script really needs it."
    )


def nothing(*arguments: object, **keywords: object) -> None:
    """Stand for a function that only sends telemetry."""
    del arguments, keywords


def log_traceback(
    exception: BaseException, logger: logging.Logger | None = None, *more: object, **other: object
) -> None:
    """Log an exception, as AutoML's ``logging_utilities.log_traceback`` does."""
    del more, other
    (logger or logging.getLogger("azureml.automl")).error(
        "%s: %s", type(exception).__name__, exception, exc_info=exception
    )


class BasicCorrelationContext:
    """Carries the id that ties inputs to outputs."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002 - the original's name
        self.id = id or str(uuid.uuid4())

    def get_id(self) -> str:
        """Return the id."""
        return self.id

    def get_headers(self) -> dict[str, str]:
        """Return no headers: none are needed here."""
        return {}


_DESIGNATIONS = {"model_inputs": "inputs", "model_outputs": "predictions"}


class Collector:
    """``azureml.ai.monitoring.Collector``: keeps DataFrames where ``ModelDataCollector`` keeps its rows.

    Args:
        name: ``model_inputs``, ``model_outputs``, or a name of one's own.
        on_error: called with what goes wrong instead of raising it.
    """

    def __init__(self, *, name: str, on_error: Callable[[Exception], object] | None = None) -> None:
        from .datacollector import ModelDataCollector

        self.name = name
        self._on_error = on_error
        designation = _DESIGNATIONS.get(name, "general")
        self._collector = ModelDataCollector("model", designation=designation, collection_name=name)

    def collect(self, data: Any, correlation_context: Any = None) -> Any:
        """Keep the rows of a DataFrame; return the correlation context for the next call.

        Raises:
            TypeError: ``data`` is no DataFrame, and there is no ``on_error``.
        """
        context = correlation_context or BasicCorrelationContext()
        if type(data).__name__ != "DataFrame":
            error = TypeError(f"Collector {self.name!r} takes a pandas DataFrame, not {type(data).__name__}.")
            if self._on_error is None:
                raise error
            self._on_error(error)
        else:
            self._collector.collect(data, user_correlation_id=context.get_id())
        return context
