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
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .assemble import Source
from .bundle import BundleStore
from .catalogue import Catalogue
from .compute import ComputeRegistry
from .deployer import DEFAULT_TIMEOUT_S, Deployer
from .environment import EnvironmentRegistry, EnvironmentSpec, VenvCache
from .events import EventStream
from .model import Model, ModelRegistry
from .request import Request
from .service import Service
from .store import Store
from .target import Progress, Report, Targets

if TYPE_CHECKING:
    from .azure_files.v1inference import InferenceFile
    from .config import DeploymentConfig
    from .image import Images
    from .images.package import ModelPackage
    from .probes.profile_result import Profile
    from .traffic.endpoint import Endpoint


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
        computes: clusters that were attached or created under a name.
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
        self.bundles.in_use_by = lambda digest: self.bundles_in_use().get(digest, [])
        self.computes = ComputeRegistry(self.store, self.home)
        self.deployer = Deployer(self)

    def __repr__(self) -> str:
        return f"Workspace({str(self.home)!r})"

    @cached_property
    def venvs(self) -> VenvCache:
        """The cached virtual environments of isolated services."""
        return VenvCache(self.store)

    @cached_property
    def images(self) -> Images:
        """Container images and packages, loaded when somebody asks for them."""
        from .image import Images

        return Images(self)

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
        request, notes = self.prepare(
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
        for note in notes:
            if report is not None:
                report("model", note)
        self.deployer.deploy(request, timeout_s=timeout_s, report=report)
        return Service(self, name)

    def prepare(
        self,
        name: str,
        entry_script: str | Path | Source | None = None,
        *,
        models: Sequence[str | Path | Model] = (),
        target: str = "local",
        interpreter: str | Path | None = None,
        **values: Any,
    ) -> tuple[Request, Sequence[str]]:
        """Put together the request that :meth:`deploy` would carry out, and notes about it; same arguments.

        Without an entry script one is made for the models, which are read for it, pickles too.
        """
        found = None
        if entry_script is None:
            from .nocode import without_script

            found = without_script(self, models, interpreter=interpreter, trusted=True)
            entry_script = found.source
        request = self.request(name, entry_script, models=models, target=target, interpreter=interpreter, **values)
        if found is None:
            return request, ()
        return found.apply(request, self.targets.get(target)), found.notes

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

    def endpoint(self, name: str) -> Endpoint:
        """Return a service as an endpoint that can have several versions; NotFoundError when there is none."""
        from .traffic.endpoint import Endpoint

        return Endpoint(self, name)

    def services(self, *, target: str | None = None, tags: Mapping[str, str] | None = None) -> list[Service]:
        """Return all services by name, their states compared with the truth."""
        records = self.catalogue.services(target=target, tags=tags)
        if records:
            with ThreadPoolExecutor(min(8, len(records))) as pool:
                list(pool.map(self._try_refresh, [record.name for record in records]))
        return [Service(self, record.name) for record in records]

    # Profiles.

    def profile(
        self,
        name: str,
        entry_script: str | Path | Source | None = None,
        *,
        requests: Any,
        models: Sequence[str | Path | Model] = (),
        environment: EnvironmentSpec | str | Path | None = None,
        target: str | None = None,
        cpu: float | None = None,
        memory_gb: float | None = None,
        requests_per_second: float | None = None,
        description: str | None = None,
        deadline_s: float = 300.0,
        report: Report | None = None,
        cancelled: threading.Event | None = None,
    ) -> Profile:
        """Find out how much CPU and memory a service needs, by real runs; see :mod:`.probes.profile`.

        Args:
            name: what the profile is called; or, without a script and models, the service whose live bytes are taken.
            requests: request bodies: path of a text file with one a line, a list, or a DataFrame of strings.
        """
        from .probes.profiled import profile_bytes

        return profile_bytes(
            self, name, entry_script, requests, models=models, environment=environment, target=target, cpu=cpu,
            memory_gb=memory_gb, requests_per_second=requests_per_second, description=description,
            deadline_s=deadline_s, report=report, cancelled=cancelled,
        )  # fmt: skip

    # Packages.

    def package(
        self,
        models: Sequence[str | Path | Model],
        inference_config: str | Path | InferenceFile | Source,
        generate_dockerfile: bool = False,
        image_name: str | None = None,
        image_label: str | None = None,
        *,
        environment: EnvironmentSpec | str | Path | None = None,
        push_to: str | None = None,
        credentials: Mapping[str, str] | None = None,
        force: bool = False,
        timeout_s: float = 3600.0,
    ) -> ModelPackage:
        """Make an image that serves models, or the files to build one, without deploying anything.

        Args:
            models: registered models (objects, names, ``name:version``) or paths of files and folders.
            inference_config: v1's ``inferenceconfig.json``, or the entry script.
            generate_dockerfile: make the files instead of the image.
            image_name: 3–32 lower-case letters, digits, ``-`` and ``.``; None is ``package``.
            image_label: kept as the tag ``label``.
            environment: what the script runs in, where the configuration does not say.
            push_to: ``registry/repository[:tag]`` to push the image to.
            credentials: ``username`` and ``password`` for it as references (``env:NAME``, ``file:PATH``); None: those
                of the user's Docker configuration.
            timeout_s: seconds that it may take.

        Raises:
            InvalidInputError: something given is wrong.
            EnvironmentBuildError: the environment cannot be had in an image; the message says what to change.
            TargetUnavailableError: no engine answers; ``generate_dockerfile`` needs none.
        """
        from .images.packaging import package

        return package(
            self,
            models,
            inference_config,
            generate_dockerfile=generate_dockerfile,
            image_name=image_name,
            image_label=image_label,
            environment=environment,
            push_to=push_to,
            credentials=credentials,
            force=force,
            timeout_s=timeout_s,
        )

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

    def bundles_in_use(self) -> dict[str, list[str]]:
        """Return {bundle digest: users}: revisions of services, and images with a name of their own."""
        used = self.catalogue.bundles_in_use()
        for digest, images in self.images.bundles().items():
            used.setdefault(digest, []).extend(images)
        return used

    def _users_of(self, model: Model) -> list[str]:
        used = self.bundles_in_use()
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
