"""From a body to a request for the core, and what operations do with it. Runs in threads, without tornado."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.assemble import Source
from ..core.card import deployment_card, failure_card
from ..core.config import read_config
from ..core.deployargs import DeployOptions
from ..core.documents import outcome_document, service_document
from ..core.model import Model
from ..core.names import check_service_name
from ..core.request import Outcome, Request
from ..core.service import Service
from ..errors import InvalidInputError, MldeployError, NotFoundError
from .bodies import DeployBody, PromoteBody, RollbackBody, SourceBody, StartBody, UpdateBody, VersionBody
from .image_bodies import DeployImageBody

if TYPE_CHECKING:
    from .backend import Backend
    from .operation import Operation


@dataclass(frozen=True, slots=True)
class Deployment:
    """A request with what goes beside it: notes for people, deadline in seconds, keys that a v1 file sets."""

    request: Request
    notes: Sequence[str]
    timeout_s: float
    keys: Mapping[str, str]


# Reading. Refuses what can be refused at once, so that the client gets it as the answer to its request.


def read_deployment(
    backend: Backend, body: DeployBody, interpreter: str | None, *, trusted: bool = False
) -> Deployment:
    """Return the request that a body asks for.

    Args:
        trusted: a model that comes without a script may be read although it is a pickle, which runs what is in it.

    Raises:
        InvalidInputError: name, source, path or configuration cannot be used.
        ForbiddenError: a path or the target is not allowed.
        NotFoundError: there is no such target, model or environment.
    """
    check_service_name(body.name)
    if body.source.notebook is not None:
        found = _from_notebook(backend, body, interpreter)
    elif not body.source.given:
        found = _from_models(backend, body, interpreter, trusted=trusted)
    else:
        request = Request(
            body.name,
            _source(backend, body.source),
            models=read_models(backend, body.models or ()),
            environment=read_environment(backend, body.environment),
            pip=body.pip,
            target=body.target or "local",
            config=body.config,
            interpreter=interpreter,
            force=body.force,
        )
        found = Deployment(request, (), body.timeout_s, {})
    return replace(
        found, request=replace(found.request, config=checked(backend, found.request.target, found.request.config))
    )


def checked(backend: Backend, target_name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration that the policy and the target accept."""
    target = backend.workspace.targets.get(target_name)
    backend.policy.require_target(target_name)
    allowed = backend.policy.within_ttl(target, config)
    read_config(target.config_type, allowed)
    return allowed


def read_update(backend: Backend, name: str, body: UpdateBody) -> dict[str, Any]:
    """Return the arguments for ``Deployer.update``."""
    record = backend.workspace.catalogue.service(name)
    backend.policy.require_target(record.target)
    values: dict[str, Any] = {"force": body.force, "timeout_s": body.timeout_s}
    if body.source is not None:
        values["source"] = read_source(backend, name, body.source)
    if body.models is not None:
        values["models"] = read_models(backend, body.models)
    if body.environment is not None:
        values["environment"] = read_environment(backend, body.environment)
    if body.config:
        target = backend.workspace.targets.get(record.target)
        values["config"] = body.config
        if backend.policy.max_ttl_s and "ttl" in body.config:
            values["config"] = backend.policy.within_ttl(target, body.config)
    return values


def read_version(backend: Backend, name: str, body: VersionBody) -> dict[str, Any]:
    """Return the arguments for ``Endpoint.create_version``."""
    record = backend.workspace.catalogue.service(name)
    backend.policy.require_target(record.target)
    return {
        "entry_script": None if body.source is None else read_source(backend, name, body.source),
        "models": read_models(backend, body.models or ()),
        "environment": read_environment(backend, body.environment),
        "revision": body.revision,
        "traffic": body.traffic,
        "mirror": body.mirror,
        "default": body.default,
        "config": body.config,
        "force": body.force,
        "timeout_s": body.timeout_s,
    }


def read_source(backend: Backend, name: str, body: SourceBody) -> Source:
    """Return the entry script of a service that a body names or holds."""
    if body.notebook is None:
        return _source(backend, body)
    return _from_notebook(backend, DeployBody.model_validate({"name": name, "source": body}), None).request.source


def _source(backend: Backend, body: SourceBody) -> Source:
    if body.path is not None:
        folder = body.source_directory
        return Source.from_file(
            backend.paths.resolve(body.path, field="source.path"),
            source_directory=None if folder is None else backend.paths.resolve(folder, field="source.source_directory"),
        )
    return Source(body.name, body.text or "", {path: text.encode() for path, text in body.files.items()})


def _from_notebook(backend: Backend, body: DeployBody, interpreter: str | None) -> Deployment:
    from ..core.deployrequest import prepare
    from ..core.notebook_script import read_script

    def check(options: DeployOptions) -> None:
        """Refuse files outside of the root before they are read."""
        for field in ("source_directory", "config_file", "from_file"):
            if getattr(options, field) is not None:
                backend.paths.resolve(getattr(options, field), field=field)
        for path in options.include:
            backend.paths.resolve(path, field="include")

    given = DeployOptions(
        name=body.name,
        target=body.target,
        models=tuple(body.models or ()),
        environment=body.environment,
        pip=tuple(body.pip),
        settings=body.config,
        force=body.force,
    )
    path = backend.paths.resolve(body.source.notebook or "", field="source.notebook")
    read = read_script(str(path), given, body.source.cell_id, check=check)
    prepared = prepare(backend.workspace.targets, read.options, read.source)
    request = prepared.request
    request = replace(
        request,
        models=read_models(backend, [item if isinstance(item, str) else str(item) for item in request.models]),
        environment=read_environment(backend, None if request.environment is None else str(request.environment)),
        interpreter=request.interpreter or interpreter,
    )
    timeout_s = body.timeout_s if "timeout_s" in body.model_fields_set else prepared.timeout_s
    return Deployment(request, (*read.notes, *prepared.notes), timeout_s, prepared.keys)


def _from_models(backend: Backend, body: DeployBody, interpreter: str | None, *, trusted: bool) -> Deployment:
    from ..core.nocode import without_script

    backend.policy.require_writable()  # the models are stored to be read
    target = body.target or "local"
    models = read_models(backend, body.models or ())
    made = without_script(backend.workspace, models, interpreter=interpreter, trusted=trusted)
    request = Request(
        body.name,
        made.source,
        environment=read_environment(backend, body.environment),
        pip=body.pip,
        target=target,
        config=body.config,
        interpreter=interpreter,
        force=body.force,
    )
    return Deployment(made.apply(request, backend.workspace.targets.get(target)), made.notes, body.timeout_s, {})


def read_models(backend: Backend, references: Sequence[str]) -> list[str | Path | Model]:
    """Return registered models as they are and files as absolute paths; names are not looked for in the cwd."""
    found: list[str | Path | Model] = []
    for reference in references:
        there = backend.paths.exists(reference, field="models")
        try:
            registered = _registered(backend, reference)
        except (NotFoundError, InvalidInputError):
            if not there and not ("/" in reference or reference.startswith(".")):
                raise
            registered = None
        if registered is None:
            found.append(backend.paths.resolve(reference, field="models"))
        elif there:
            raise InvalidInputError(
                f"{reference!r} is a registered model and also a file or folder here.",
                field="models",
                hint=f"Write {registered.id!r} for the registered one or './{reference}' for the file.",
            )
        else:
            found.append(registered)
    return found


def _registered(backend: Backend, reference: str) -> Model:
    models = backend.workspace.models
    name, colon, _ = reference.rpartition(":")
    return models.get_id(reference) if colon and name else models.get(reference)


def read_environment(backend: Backend, reference: str | None) -> str | Path | None:
    """Return a registered environment's reference, which is there, or a file's path."""
    if reference is None:
        return None
    if Path(reference).suffix in {".yml", ".yaml", ".txt", ".in"}:
        return backend.paths.resolve(reference, field="environment")
    name, _, version = reference.partition(":")
    backend.workspace.environments.get(name, version or None)
    return reference


# Doing.


def deploy(backend: Backend, deployment: Deployment, operation: Operation) -> dict[str, Any]:
    """Deploy and return the operation's result."""
    deployer = backend.workspace.deployer
    replaced = _live(backend, deployment.request.name)
    outcome = deployer.deploy(
        deployment.request, timeout_s=deployment.timeout_s, report=operation.report, cancelled=operation.cancelled
    )
    for which, key in deployment.keys.items():
        deployer.regenerate_key(deployment.request.name, which, key)
    return _result(backend, outcome, replaced, deployment.notes)


def update(backend: Backend, name: str, values: Mapping[str, Any], operation: Operation) -> dict[str, Any]:
    """Update and return the operation's result."""
    replaced = _live(backend, name)
    outcome = backend.workspace.deployer.update(name, report=operation.report, cancelled=operation.cancelled, **values)
    return _result(backend, outcome, replaced)


def rollback(backend: Backend, name: str, body: RollbackBody, operation: Operation) -> dict[str, Any]:
    """Roll back and return the operation's result."""
    replaced = _live(backend, name)
    outcome = backend.workspace.deployer.rollback(
        name, body.to, timeout_s=body.timeout_s, report=operation.report, cancelled=operation.cancelled
    )
    return _result(backend, outcome, replaced)


def promote(
    backend: Backend, name: str, body: PromoteBody, config: Mapping[str, Any], operation: Operation
) -> dict[str, Any]:
    """Promote and return the operation's result."""
    outcome = backend.workspace.deployer.promote(
        name, body.target, new_name=body.new_name, config=config, timeout_s=body.timeout_s, report=operation.report,
        cancelled=operation.cancelled,
    )  # fmt: skip
    return _result(backend, outcome, None)


def deploy_image(
    backend: Backend, image_id: str, body: DeployImageBody, config: Mapping[str, Any], operation: Operation
) -> dict[str, Any]:
    """Deploy an image and return the operation's result."""
    replaced = _live(backend, body.service)
    outcome = backend.workspace.deployer.deploy_image(
        body.service, image_id, target=body.target, config=config, timeout_s=body.timeout_s, report=operation.report,
        cancelled=operation.cancelled,
    )  # fmt: skip
    return _result(backend, outcome, replaced)


def start(backend: Backend, name: str, body: StartBody, operation: Operation) -> dict[str, Any]:
    """Start and return the service."""
    record = backend.workspace.deployer.start(
        name, timeout_s=body.timeout_s, report=operation.report, cancelled=operation.cancelled
    )
    return service_document(record)


def stop(backend: Backend, name: str, operation: Operation) -> dict[str, Any]:
    """Stop and return the service."""
    operation.report("stop", f"stopping {name}")
    return service_document(backend.workspace.deployer.stop(name))


def delete(backend: Backend, name: str, operation: Operation, *, force: bool = False) -> dict[str, Any]:
    """Delete and return the service as it was; deleting again is no error. ``force`` forgets it where need be."""
    operation.report("delete", f"deleting {name}")
    service = Service(backend.workspace, name)
    if not force:
        backend.workspace.deployer.delete(name)
    elif (remark := backend.workspace.deployer.forget(name)) is not None:
        operation.report("forget", remark)
    return service_document(service.record)


def failure(backend: Backend, name: str, error: MldeployError) -> dict[str, Any]:
    """Return the card of a deployment that failed."""
    try:
        service = backend.workspace.service(name)
    except NotFoundError:
        return failure_card(name, error)
    newest = next(reversed(service.revisions()), None)
    failed = newest.number if newest is not None and str(newest.state) == "failed" else None
    return failure_card(name, error, service=service.record, revision=failed)


def _live(backend: Backend, name: str) -> int | None:
    try:
        return backend.workspace.catalogue.service(name).live_revision
    except NotFoundError:
        return None


def _result(backend: Backend, outcome: Outcome, replaced: int | None, notes: Sequence[str] = ()) -> dict[str, Any]:
    bundle = backend.workspace.bundles.get(outcome.revision.bundle)
    return {
        **outcome_document(outcome, bundle),
        "replaced": replaced,
        "notes": list(notes),
        "card": deployment_card(outcome, bundle, replaced=replaced, notes=notes),
    }
