"""From the options of a ``%%deploy`` line or of ``mldeploy deploy`` to a request for the deployer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from ..errors import InvalidInputError
from .assemble import Source
from .azure_files.v1files import DeploymentFile, read_deployment_file
from .azure_files.v2files import Content
from .deployargs import DeployOptions
from .deployer import DEFAULT_TIMEOUT_S
from .deployoptions import DEPLOY_OPTIONS
from .model import Model
from .request import Request
from .target import Target, Targets

DEFAULT_TARGET = "local"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request with what goes beside it.

    Attributes:
        notes: sentences about what was given and has no effect.
        timeout_s: the deadline in seconds.
        keys: keys that a v1 file sets, ``primary`` or ``secondary`` → key; never written down elsewhere.
    """

    request: Request
    notes: Sequence[str]
    timeout_s: float
    keys: Mapping[str, str]


def prepare(
    targets: Targets,
    options: DeployOptions,
    source: Source,
    *,
    models: Sequence[str | Path | Model] = (),
) -> Prepared:
    """Return the request that options ask for.

    Args:
        source: the entry script, wherever it came from.
        models: further models, before those of ``--model``; for objects of a kernel that were stored.

    Raises:
        InvalidInputError: the configuration file or an option cannot be used.
        NotFoundError: there is no such target.
        NotSupportedError: the target cannot do what an option asks for.
    """
    file = None if options.config_file is None else read_deployment_file(options.config_file)
    target = targets.get(options.target or (file.target if file is not None else None) or DEFAULT_TARGET)
    config, notes = configuration(options, target, file)
    content = file.content if file is not None and file.content is not None else Content()
    request = Request(
        options.name,
        source,
        models=(*models, *(options.models or content.models)),
        environment=options.environment or content.environment,
        pip=options.pip,
        target=target.name,
        config=config,
        interpreter=_interpreter(options.python),
        force=options.force,
    )
    timeout_s = DEFAULT_TIMEOUT_S if options.timeout is None else options.timeout
    return Prepared(request, notes, timeout_s, file.keys if file is not None else {})


def configuration(
    options: DeployOptions, target: Target, file: DeploymentFile | None = None
) -> tuple[dict[str, Any], list[str]]:
    """Return the configuration that options ask for on a target, and notes about what has no effect.

    ``--config FILE`` is read first; ``--set`` and the options that set a key override it.
    """
    if file is None and options.config_file is not None:
        file = read_deployment_file(options.config_file)
    config, notes = file.config_for(target) if file is not None else ({}, [])
    if options.isolated:
        target.capabilities.require(target.name, "isolated_environment")
        config["isolated"] = True
    return {**config, **options.configuration()}, notes


def overlay(base: DeployOptions, over: DeployOptions) -> DeployOptions:
    """Return ``base`` with everything that ``over`` says; dictionaries are merged, lists are replaced."""
    empty = DeployOptions(name=over.name)
    changes: dict[str, Any] = {"name": over.name}
    for item in fields(over):
        value = getattr(over, item.name)
        if item.name == "name" or value == getattr(empty, item.name):
            continue
        changes[item.name] = {**getattr(base, item.name), **value} if isinstance(value, Mapping) else value
    # `--set port=5001` on the command line and `--port 5002` on the line mean one key: what comes last wins.
    settings = dict(changes.get("settings", base.settings))
    for option in DEPLOY_OPTIONS:
        if option.setting in over.settings and option.field not in changes:
            changes[option.field] = getattr(empty, option.field)
        elif option.setting in settings and option.field in changes and option.setting not in over.settings:
            del settings[option.setting]
    return replace(base, **{**changes, "settings": settings})


def below(options: DeployOptions, folder: Path) -> DeployOptions:
    """Return options whose paths are relative to ``folder``, for a line that was written in a file lying there.

    A name that is no path there stays as it is: it may be a registered model or environment.
    """

    def place(value: str) -> str:
        path = folder / Path(value).expanduser()
        return str(path) if path.exists() else value

    changes: dict[str, Any] = {}
    for option in DEPLOY_OPTIONS:
        value = getattr(options, option.field)
        if not value or option.completes not in {"file", "directory", "model", "env"}:
            continue
        if option.field == "save":
            changes["save"] = str(folder / Path(value).expanduser())
        elif isinstance(value, str):
            changes[option.field] = place(value)
        else:
            changes[option.field] = tuple(place(item) for item in value)
    return replace(options, **changes)


def _interpreter(given: str | None) -> str | None:
    """Return the interpreter's path; a bare name is looked for on PATH."""
    if given is None:
        return None
    import os
    import shutil

    path = Path(given).expanduser()
    found = shutil.which(str(path)) if os.sep in given or path.exists() else shutil.which(given)
    if found is None:
        raise InvalidInputError(
            f"There is no Python interpreter {given!r} that can be run.", field="--python", hint="Give its path."
        )
    return os.path.abspath(found)  # noqa: PTH100  resolving the link would leave the virtual environment
