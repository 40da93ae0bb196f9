"""Plan, deploy, update, roll back, stop, start, delete: the one way for every frontend and every target.

Each verb takes the service's lock, records a candidate revision, lets the target act, and settles the record. A
process that is killed in between loses nothing: the lock goes with it, and the next reader settles the candidate by
what the target reports (:meth:`Deployer.refresh`).
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BusyError, ConflictError, NotFoundError, TargetUnavailableError
from .assemble import Assembled, Source, assemble
from .config import DeploymentConfig, read_config
from .environment import EnvironmentSpec
from .events import EventKind
from .keys import KeyFile
from .names import check_service_name
from .records import (
    RevisionRecord,
    RevisionState,
    ServiceRecord,
    State,
)
from .request import Outcome, Plan, Request
from .rollout import Rollout
from .target import Observation, Progress, Report, ServiceRef, Target
from .tokens import TokenKeyFile, no_tokens, require_token_auth

if TYPE_CHECKING:
    from .bundle import Bundle
    from .model import Model
    from .workspace import Workspace

#: Seconds that a deployment may take when the caller names no deadline.
DEFAULT_TIMEOUT_S = 300.0


class Deployer:
    """Changes services. See the module's docstring."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._catalogue = workspace.catalogue
        self._events = workspace.events
        self._rollout = Rollout(workspace)

    def plan(self, request: Request) -> Plan:
        """Say what :meth:`deploy` would do. Everything is checked; no service, revision or process is created."""
        target, config = self._check(request)
        assembled = self._assemble(request)
        record = self._existing(request)
        number = 1
        if record is not None:
            number = max((item.number for item in self._catalogue.revisions(record.uid)), default=0) + 1
        job = self._rollout.job(record, request.name, number, assembled.bundle, config, request.interpreter)
        return Plan(
            request.name,
            request.target,
            number,
            assembled.bundle.digest,
            list(target.plan(job)),
            [item.to_dict() for item in assembled.findings],
            assembled.environment.to_dict(),
        )

    def deploy(
        self,
        request: Request,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        report: Report | None = None,
        cancelled: threading.Event | None = None,
    ) -> Outcome:
        """Create the service, or bring the existing one to a new revision.

        Args:
            timeout_s: deadline for the whole deployment, in seconds.
            report: called with (step, message) at each sub-step.
            cancelled: another thread may set it to give the deployment up; it then fails like any other.

        Raises:
            InvalidInputError: something in the request is wrong; nothing was created.
            DeploymentError: it did not become healthy; an existing service goes on with its old revision.
        """
        progress = Progress(timeout_s, report, cancelled)
        progress.step("check", "checking the entry script and its models")
        target, config = self._check(request)
        record = self._existing(request)
        assembled = self._assemble(request)
        self._preview(target, record, request, assembled, config)
        outcome = self._rollout.roll(
            request.name, target, assembled.bundle, config, request.config, request.source.origin, progress,
            interpreter=request.interpreter,
        )  # fmt: skip
        findings = [item.to_dict() for item in assembled.findings]
        return Outcome(outcome.service, outcome.revision, outcome.steps, findings)

    def update(
        self,
        name: str,
        *,
        source: Source | None = None,
        models: Sequence[str | Path | Model] | None = None,
        environment: EnvironmentSpec | str | Path | None = None,
        config: Mapping[str, Any] | None = None,
        force: bool = False,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        report: Report | None = None,
        cancelled: threading.Event | None = None,
    ) -> Outcome:
        """Bring a service to a new revision that differs in what is given; the rest stays as it is."""
        record = self._catalogue.service(name)
        live = self._rollout.live(record)
        bundle = self._workspace.bundles.get(live.bundle)
        target = self._workspace.targets.get(record.target)
        settings = {**live.config, **(config or {})}
        checked = read_config(target.config_type, settings)
        progress = Progress(timeout_s, report, cancelled)
        progress.step("check", "checking what changes")
        new = self._revise(bundle, source=source, models=models, environment=environment, force=force)
        origin = source.origin if source is not None else live.origin
        return self._rollout.roll(
            name, target, new, checked, settings, origin, progress, interpreter=self._interpreter(live)
        )

    def rollback(
        self,
        name: str,
        to: int | None = None,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        report: Report | None = None,
        cancelled: threading.Event | None = None,
    ) -> Outcome:
        """Serve an earlier revision's bundle and configuration again, as a new revision.

        Args:
            to: number of the revision; None is the one that was live before the present one.
        """
        record = self._catalogue.service(name)
        revisions = self._catalogue.revisions(record.uid)
        if to is None:
            present = self._rollout.live(record)
            source_number = present.facts.get("rollback_of", present.number)
            earlier = [
                item for item in revisions if item.state is RevisionState.SUPERSEDED and item.number < source_number
            ]
            if not earlier:
                raise ConflictError(
                    f"Service {name!r} has no earlier revision that worked.",
                    hint=f"`mldeploy revisions {name}` lists them; name one with --to.",
                )
            wanted = earlier[-1]
        else:
            wanted = self._catalogue.revision(record.uid, to)
            if wanted.state is RevisionState.FAILED:
                raise ConflictError(f"Revision {to} of {name!r} never worked: {wanted.reason}")
        target = self._workspace.targets.get(record.target)
        progress = Progress(timeout_s, report, cancelled)
        progress.step("check", f"going back to revision {wanted.number}")
        return self._rollout.roll(
            name, target, self._workspace.bundles.get(wanted.bundle), read_config(target.config_type, wanted.config),
            wanted.config, wanted.origin, progress, interpreter=self._interpreter(wanted),
            facts={"rollback_of": wanted.number},
        )  # fmt: skip

    def promote(
        self,
        name: str,
        target: str,
        *,
        new_name: str | None = None,
        config: Mapping[str, Any] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        report: Report | None = None,
        cancelled: threading.Event | None = None,
    ) -> Outcome:
        """Deploy the live revision's very bytes on another target, under ``new_name`` (default: ``name-target``)."""
        live = self._rollout.live(self._catalogue.service(name))
        bundle = self._workspace.bundles.get(live.bundle)
        self._workspace.bundles.verify(bundle)
        goal = check_service_name(new_name or f"{name}-{target}")
        to = self._workspace.targets.get(target)
        settings = dict(config or {})
        checked = read_config(to.config_type, settings)
        progress = Progress(timeout_s, report, cancelled)
        progress.step("check", f"promoting {bundle.digest[:19]} to {target}")
        return self._rollout.roll(
            goal, to, bundle, checked, settings, live.origin, progress, interpreter=self._interpreter(live)
        )

    def stop(self, name: str) -> ServiceRecord:
        """Stop serving; keys, logs and revisions stay. Idempotent."""
        record, target = self._known(name)
        target.capabilities.require(target.name, "stop_start")
        with self._rollout.locked(name):
            target.stop(self._rollout.reference(record))
            return self._rollout.announce(record, State.STOPPED, "stopped by the user")

    def start(
        self,
        name: str,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        report: Report | None = None,
        cancelled: threading.Event | None = None,
    ) -> ServiceRecord:
        """Serve the live revision again after a stop, a crash or a host restart. Idempotent."""
        record, target = self._known(name)
        target.capabilities.require(target.name, "stop_start")
        progress = Progress(timeout_s, report, cancelled)
        progress.step("start", f"starting {name}")
        with self._rollout.locked(name, progress):
            revision = self._rollout.live(record)
            bundle = self._workspace.bundles.get(revision.bundle)
            config = read_config(target.config_type, revision.config)
            job = self._rollout.job(record, name, revision.number, bundle, config, self._interpreter(revision))
            seen = target.start(job, progress)
            return self._rollout.settle(record, seen)

    def delete(self, name: str) -> bool:
        """Remove a service from its target and from the lists; logs and history stay.

        Returns:
            True when it was there, False when it had been deleted before.
        """
        try:
            record, target = self._known(name)
        except NotFoundError:
            if self._catalogue.last_service(name).deleted is not None:
                return False
            raise
        with self._rollout.locked(name):
            reference = self.reference(record)
            self._rollout.announce(record, State.DELETING, None)
            target.delete(reference)
            self._catalogue.change_service(record.uid, deleted=time.time(), scoring_uri=None)
            self._events.append(EventKind.SERVICE_DELETED, f"{name} was deleted", service_uid=record.uid, service=name)
            shutil.rmtree(self._workspace.service_directory(record.uid), ignore_errors=True)
        return True

    def regenerate_key(self, name: str, which: str, value: str | None = None) -> None:
        """Change one key; callers with the other one notice nothing."""
        record, target = self._known(name)
        target.capabilities.require(target.name, "key_auth")
        with self._rollout.locked(name):
            file = KeyFile(self._workspace.keys_path(record.uid))
            file.regenerate(which, value)
            if record.state not in {State.STOPPED, State.FAILED}:
                target.reload_keys(self._rollout.reference(record), file.path)
            self._events.append(
                EventKind.KEYS, f"the {which.lower()} key of {name} was changed", service_uid=record.uid, service=name
            )

    def rotate_token_key(self, name: str, *, revoke: bool = False) -> None:
        """Sign tokens with a new key; those of the key before stay valid unless ``revoke`` says otherwise."""
        record, target = self._known(name)
        if not self.takes_tokens(record):
            raise no_tokens(name)
        with self._rollout.locked(name):
            file = TokenKeyFile(self._workspace.token_keys_path(record.uid))
            file.rotate(revoke=revoke)
            if record.state not in {State.STOPPED, State.FAILED}:
                target.reload_keys(self._rollout.reference(record), file.path)
            text = f"the signing key of {name} was changed{' and its tokens revoked' if revoke else ''}"
            self._events.append(EventKind.KEYS, text, service_uid=record.uid, service=name)

    def takes_tokens(self, record: ServiceRecord) -> bool:
        """Return whether the live revision's callers send tokens."""
        if record.live_revision is None:
            return False
        live = self._catalogue.revision(record.uid, record.live_revision)
        target = self._workspace.targets.get(record.target)
        return read_config(target.config_type, live.config).token_auth_enabled

    def refresh(self, name: str) -> ServiceRecord:
        """Compare the record with the truth, import what happened, and settle what a killed process left open."""
        return self.look(name)[0]

    def look(self, name: str) -> tuple[ServiceRecord, Observation]:
        """Do what :meth:`refresh` does, and return what the target reported as well."""
        record, target = self._known(name)
        seen = target.observe(self._rollout.reference(record))
        self._rollout.import_events(record, seen)
        try:
            with self._workspace.store.lock(f"service-{name}"):
                self._rollout.recover(record, seen)
                return self._rollout.settle(self._catalogue.service_by_uid(record.uid), seen), seen
        except BusyError:
            return self._catalogue.service_by_uid(record.uid), seen

    def reference(self, record: ServiceRecord) -> ServiceRef:
        """Return what a target needs to find the service."""
        return self._rollout.reference(record)

    def _check(self, request: Request) -> tuple[Target, DeploymentConfig]:
        check_service_name(request.name)
        target = self._workspace.targets.get(request.target)
        config = read_config(target.config_type, request.config)
        require_token_auth(target, config)
        available = target.available()
        if not available.ok:
            raise TargetUnavailableError(
                f"Target {request.target!r} cannot be used here: {available.reason}.", hint=available.hint
            )
        return target, config

    def _existing(self, request: Request) -> ServiceRecord | None:
        try:
            record = self._catalogue.service(request.name)
        except NotFoundError:
            return None
        if record.target != request.target:
            raise ConflictError(
                f"Service {request.name!r} runs on target {record.target!r}, not on {request.target!r}.",
                hint="Choose another name, delete it first, or promote it.",
            )
        return record

    def _assemble(self, request: Request) -> Assembled:
        workspace = self._workspace
        return assemble(
            request.source,
            models=request.models,
            environment=request.environment,
            pip=request.pip,
            interpreter=request.interpreter,
            force=request.force,
            registry=workspace.models,
            environments=workspace.environments,
            bundles=workspace.bundles,
        )

    def _revise(
        self,
        bundle: Bundle,
        *,
        source: Source | None,
        models: Sequence[str | Path | Model] | None,
        environment: EnvironmentSpec | str | Path | None,
        force: bool,
    ) -> Bundle:
        """Return the bundle with the given parts replaced."""
        bundles = self._workspace.bundles
        if source is None:
            text = bundles.read_text(bundle, bundle.entry_script)
            entries = {entry.path: entry for entry in bundle.source.files if entry.path != bundle.entry_script}
            source = Source(bundle.entry_script, text, entries, line_map=bundle.line_map)
        given = EnvironmentSpec.from_dict(bundle.environment) if environment is None else environment
        return assemble(
            source,
            models=list(bundle.models) if models is None else models,
            environment=given,
            pip=(),
            interpreter=None,
            force=force,
            registry=self._workspace.models,
            environments=self._workspace.environments,
            bundles=bundles,
        ).bundle

    def _preview(
        self,
        target: Target,
        record: ServiceRecord | None,
        request: Request,
        assembled: Assembled,
        config: DeploymentConfig,
    ) -> None:
        """Let the target refuse before a row, a directory or a process exists."""
        target.plan(self._rollout.job(record, request.name, 0, assembled.bundle, config, request.interpreter))

    def _known(self, name: str) -> tuple[ServiceRecord, Target]:
        record = self._catalogue.service(name)
        return record, self._workspace.targets.get(record.target)

    @staticmethod
    def _interpreter(revision: RevisionRecord) -> str | None:
        value = revision.facts.get("interpreter")
        return str(value) if value else None
