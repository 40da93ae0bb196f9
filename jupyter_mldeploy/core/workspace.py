"""The workspace: one folder that holds models, environments, bundles, services, events and logs.

Every frontend starts here, and any number of processes may open the same workspace at once::

    workspace = Workspace()                     # $MLDEPLOY_HOME, else below Jupyter's data directory
    service = workspace.deploy("diabetes", "score.py", models=["ridge.pkl"])
    service.score({"data": [[…]]})
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .assemble import Source
from .bundle import BundleStore
from .catalogue import Catalogue
from .deployer import DEFAULT_TIMEOUT_S, Deployer
from .environment import EnvironmentRegistry, EnvironmentSpec, VenvCache
from .events import EventStream
from .model import Model, ModelRegistry
from .request import Request
from .service import Service
from .store import Store
from .target import Progress, Report, Targets

if TYPE_CHECKING:
    from .config import DeploymentConfig


def default_home() -> Path:
    """Return ``$MLDEPLOY_HOME``, or ``mldeploy`` below Jupyter's data directory (``$JUPYTER_DATA_DIR`` honoured)."""
    chosen = os.environ.get("MLDEPLOY_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute()
    jupyter = os.environ.get("JUPYTER_DATA_DIR")
    if jupyter:
        return Path(jupyter).expanduser().absolute() / "mldeploy"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Jupyter" / "mldeploy"
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "jupyter" / "mldeploy"


class Workspace:
    """Opens the store and gives access to everything in it.

    Args:
        home: the workspace's folder, made when it is missing; None is :func:`default_home`.
        targets: the targets to offer; None is those installed.

    Attributes:
        models: the model registry.
        environments: the environment registry.
        bundles: the content-addressed bundles.
        events: the event stream.
        targets: the installed targets.
        deployer: the verbs that change services.
    """

    def __init__(self, home: str | Path | None = None, *, targets: Targets | None = None) -> None:
        self.home = Path(home).expanduser().absolute() if home is not None else default_home()
        self.store = Store(self.home)
        self.models = ModelRegistry(self.store)
        self.bundles = BundleStore(self.store)
        self.environments = EnvironmentRegistry(self.store)
        self.catalogue = Catalogue(self.store)
        self.events = EventStream(self.store)
        self.targets = targets if targets is not None else Targets()
        self.models.in_use_by = self._users_of
        self.bundles.in_use_by = lambda digest: self.catalogue.bundles_in_use().get(digest, [])
        self.deployer = Deployer(self)

    def __repr__(self) -> str:
        return f"Workspace({str(self.home)!r})"

    @cached_property
    def venvs(self) -> VenvCache:
        """The cached virtual environments of isolated services."""
        return VenvCache(self.store)

    # Services.

    def deploy(
        self,
        name: str,
        entry_script: str | Path | Source | None = None,
        *,
        models: Sequence[str | Path | Model] = (),
        environment: EnvironmentSpec | str | Path | None = None,
        pip: Sequence[str] = (),
        target: str = "local",
        config: Mapping[str, Any] | DeploymentConfig | None = None,
        source_directory: str | Path | None = None,
        include: Sequence[str | Path] = (),
        interpreter: str | Path | None = None,
        force: bool = False,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        report: Report | None = None,
    ) -> Service:
        """Deploy an entry script and return its service once it answers.

        Args:
            name: 3–32 lower-case letters, digits and hyphens, a letter first.
            entry_script: path of the script with ``init()`` and ``run()``, or a :class:`Source`; None makes one for
                the models (see ``core.nocode``), which are read for it, pickles too.
            models: registered models (objects, names, ``name:version``) or paths of files and folders.
            environment: specification, conda YAML or requirements file, or registered name; None is what the script
                uses in the interpreter.
            config: the target's configuration; an unknown key is an error that names the closest known one.
            source_directory: folder whose files go with the script.
            interpreter: Python that runs the script on this machine; None is the one running now.
            force: deploy in spite of findings that are severe but not certain.
            timeout_s: deadline for the whole deployment, in seconds.
            report: called with (step, message) at each sub-step.

        Raises:
            InvalidInputError: something given is wrong; nothing was created.
            DeploymentError: the service did not become healthy; what ran before still runs.
        """
        found = None
        if entry_script is None:
            from .nocode import without_script

            found = without_script(self, models, interpreter=interpreter, trusted=True)
            entry_script = found.source
        request = self.request(
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
        )
        if found is not None:
            request = found.apply(request, self.targets.get(target))
            for note in found.notes:
                if report is not None:
                    report("model", note)
        self.deployer.deploy(request, timeout_s=timeout_s, report=report)
        return Service(self, name)

    @staticmethod
    def request(
        name: str,
        entry_script: str | Path | Source,
        *,
        config: Mapping[str, Any] | DeploymentConfig | None = None,
        source_directory: str | Path | None = None,
        include: Sequence[str | Path] = (),
        **values: Any,
    ) -> Request:
        """Put together the request that :meth:`deploy` and :meth:`Deployer.plan` take; same arguments as deploy."""
        source = (
            entry_script
            if isinstance(entry_script, Source)
            else Source.from_file(entry_script, source_directory=source_directory, include=include)
        )
        if config is None:
            settings: Mapping[str, Any] = {}
        elif isinstance(config, Mapping):
            settings = config
        else:
            settings = config.model_dump(exclude_unset=True)
        return Request(name, source, config=settings, **values)

    def service(self, name: str) -> Service:
        """Return a service's handle; NotFoundError when there is none of that name."""
        self.catalogue.service(name)
        return Service(self, name)

    def services(self, *, target: str | None = None, tags: Mapping[str, str] | None = None) -> list[Service]:
        """Return all services by name, their states compared with the truth."""
        records = self.catalogue.services(target=target, tags=tags)
        if records:
            with ThreadPoolExecutor(min(8, len(records))) as pool:
                list(pool.map(self._try_refresh, [record.name for record in records]))
        return [Service(self, record.name) for record in records]

    # Places of the workspace.

    def service_directory(self, uid: str) -> Path:
        """Return the folder of one service's keys and its target's own files."""
        return self.home / "services" / uid

    def keys_path(self, uid: str) -> Path:
        """Return the file that holds a service's keys."""
        return self.service_directory(uid) / "keys.json"

    def token_keys_path(self, uid: str) -> Path:
        """Return the file that holds the keys that a service's tokens are signed with."""
        return self.service_directory(uid) / "token_keys.json"

    def data_directory(self, uid: str) -> Path:
        """Return the folder of the model data that a service collects; it outlives the service."""
        return self.home / "data" / uid

    def log_directory(self, uid: str) -> Path:
        """Return the folder of a service's logs; it outlives the service."""
        return self.home / "logs" / uid

    def build_environment(
        self, environment: Mapping[str, Any], interpreter: str | Path | None, progress: Progress
    ) -> Path:
        """Build (or find) the virtual environment for a specification and return its interpreter."""
        return self.venvs.ensure(
            EnvironmentSpec.from_dict(environment),
            base_python=str(interpreter) if interpreter else None,
            progress=lambda line: progress.step("environment", line),
        )

    def _users_of(self, model: Model) -> list[str]:
        used = self.catalogue.bundles_in_use()
        return [
            user
            for digest, users in used.items()
            if any(
                item.name == model.name and item.version == model.version for item in self.bundles.get(digest).models
            )
            for user in users
        ]

    def _try_refresh(self, name: str) -> None:
        try:
            self.deployer.refresh(name)
        except Exception as error:  # noqa: BLE001  a service deleted meanwhile, or a faulty plug-in, must not hide the others
            logging.getLogger(__name__).debug("service %s was not looked at: %r", name, error)
