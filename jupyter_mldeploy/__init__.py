"""From a notebook cell to a live model endpoint.

    import jupyter_mldeploy as mld

    service = mld.deploy("diabetes", "score.py", models=["ridge.pkl"])
    service.score({"data": [[…]]})

In a notebook ``%load_ext jupyter_mldeploy`` gives the ``%%deploy`` cell magic. Everything here is loaded when it is
first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from ._version import __version__

TYPE_CHECKING = False  # what typing.TYPE_CHECKING means to type checkers, without the import of typing
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from .core.assemble import Source
    from .core.config import DeploymentConfig
    from .core.environment import EnvironmentSpec as Environment
    from .core.model import Model
    from .core.records import State
    from .core.service import Service
    from .core.target import Report
    from .core.workspace import Workspace
    from .errors import (
        AlreadyExistsError,
        BusyError,
        CaptureError,
        ConflictError,
        CorruptStoreError,
        DeadlineExceededError,
        DeploymentError,
        EntryScriptError,
        EnvironmentBuildError,
        ForbiddenError,
        InUseError,
        InvalidConfigurationError,
        InvalidInputError,
        InvalidNameError,
        MldeployError,
        NotFoundError,
        NotSupportedError,
        ScoringError,
        StoreError,
        StoreFullError,
        TargetUnavailableError,
    )

__all__ = [
    "AlreadyExistsError",
    "BusyError",
    "CaptureError",
    "ConflictError",
    "CorruptStoreError",
    "DeadlineExceededError",
    "DeploymentError",
    "EntryScriptError",
    "Environment",
    "EnvironmentBuildError",
    "ForbiddenError",
    "InUseError",
    "InvalidConfigurationError",
    "InvalidInputError",
    "InvalidNameError",
    "MldeployError",
    "Model",
    "NotFoundError",
    "NotSupportedError",
    "ScoringError",
    "Service",
    "State",
    "StoreError",
    "StoreFullError",
    "TargetUnavailableError",
    "Workspace",
    "__version__",
    "deploy",
    "load_ipython_extension",
    "unload_ipython_extension",
]

#: Public name → (module, name there); every other public name lives in ``errors``.
_PLACES = {
    "Environment": ("core.environment", "EnvironmentSpec"),
    "Model": ("core.model", "Model"),
    "Service": ("core.service", "Service"),
    "State": ("core.service", "State"),
    "Workspace": ("core.workspace", "Workspace"),
}


def deploy(
    name: str,
    entry_script: str | Path | Source | None = None,
    *,
    models: Sequence[str | Path | Model] = (),
    environment: Environment | str | Path | None = None,
    pip: Sequence[str] = (),
    target: str = "local",
    config: Mapping[str, Any] | DeploymentConfig | None = None,
    source_directory: str | Path | None = None,
    include: Sequence[str | Path] = (),
    interpreter: str | Path | None = None,
    force: bool = False,
    timeout_s: float = 300.0,
    report: Report | None = None,
) -> Service:
    """Deploy an entry script in the default workspace; see :meth:`Workspace.deploy` for arguments and errors."""
    from .core.workspace import Workspace

    return Workspace().deploy(
        name,
        entry_script,
        models=models,
        environment=environment,
        pip=pip,
        target=target,
        config=config,
        source_directory=source_directory,
        include=include,
        interpreter=interpreter,
        force=force,
        timeout_s=timeout_s,
        report=report,
    )


def load_ipython_extension(ipython: Any) -> None:
    """Give an IPython shell the ``%%deploy`` and ``%deploy`` magics (``%load_ext jupyter_mldeploy``)."""
    from .magics import load_ipython_extension as load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Take the magics away again (``%unload_ext jupyter_mldeploy``)."""
    from .magics import unload_ipython_extension as unload

    unload(ipython)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell Jupyter Server about the extension (``jupyter_mldeploy.server``)."""
    from .server.app import MldeployApp

    return [{"module": "jupyter_mldeploy.server.app", "app": MldeployApp}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell JupyterLab where the built assets of its extension are."""
    return [{"src": "labextension", "dest": "jupyter-mldeploy"}]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _PLACES.get(name, ("errors", name))
    value: object = getattr(import_module(f"{__name__}.{module}"), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
