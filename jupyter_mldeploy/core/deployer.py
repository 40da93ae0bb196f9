"""Plan, deploy, update, roll back, stop, start, delete: the one way for every frontend and every target.

Each verb takes the service's lock, records a candidate revision, lets the target act, and settles the record. A
process that is killed in between loses nothing: the lock goes with it, and the next reader settles the candidate by
what the target reports (:meth:`Deployer.refresh`).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BusyError, NotFoundError
from .assemble import Assembled, Source, assemble, told_in_failures
from .config import DeploymentConfig, read_config
from .environment import EnvironmentSpec
from .goal import service_there, usable_target
from .key_changes import regenerate_key, rotate_token_key, takes_tokens
from .leftovers import tidy
from .names import check_service_name
from .promotion import prepare, prepare_image
from .records import FROM_IMAGE, Origin, RevisionRecord, ServiceRecord, State
from .removal import Removal
from .replaced import versions_seen_out
from .request import Outcome, Plan, Request
from .revising import revised, revision_to_serve
from .rollout import Rollout
from .target import Job, Observation, Progress, Report, ServiceRef, Target
from .traffic.members import members_of, refuse_while_split

if TYPE_CHECKING:
    from .bundle import Bundle
    from .image import Image
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
        self._removal = Removal(workspace, self._rollout)

    def plan(self, request: Request) -> Plan:
        """Say what :meth:`deploy` would do. Everything is checked; no service, revision or process is created."""
        target, job, assembled = self.planned(request)
        return Plan(
            request.name,
            request.target,
            job.revision,
            assembled.bundle.digest,
            list(target.plan(job)),
            [item.to_dict() for item in assembled.findings],
            assembled.environment.to_dict(),
        )

    def planned(self, request: Request) -> tuple[Target, Job, Assembled]:
        """Return the target and what it would get. Everything is checked; nothing is created."""
        target, config = self._check(request)
        assembled = self._assemble(request)
        record = self._existing(request)
        number = 1
        if record is not None:
            number = max((item.number for item in self._catalogue.revisions(record.uid)), default=0) + 1
        job = self._rollout.job(record, request.name, number, assembled.bundle, config, request.interpreter)
        return target, job, assembled

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
        if record is not None:
            refuse_while_split(self._catalogue, record)
        assembled = self._assemble(request)
        self._preview(target, record, request, assembled, config)
        findings = [item.to_dict() for item in assembled.findings]
        with told_in_failures(findings):
            outcome = self._rollout.roll(
                request.name, target, assembled.bundle, config, request.config, request.source.origin, progress,
                interpreter=request.interpreter,
            )  # fmt: skip
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
        """Bring a service to a new revision that differs in what is given; the rest stays as it is.

        Args:
            config: settings to change; None as a value takes one back to its default.
        """
        record = self._catalogue.service(name)
        refuse_while_split(self._catalogue, record)
        live = self._rollout.live(record)
        bundle = self._workspace.bundles.get(live.bundle)
        target = self._workspace.targets.get(record.target)
        changed = config or {}
        kept = {key: value for key, value in live.config.items() if key not in changed}
        settings = {**kept, **{key: value for key, value in changed.items() if value is not None}}
        checked = read_config(target.config_type, settings)
        progress = Progress(timeout_s, report, cancelled)
        progress.step("check", "checking what changes")
        new = revised(self._workspace, bundle, source=source, models=models, environment=environment, force=force)
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
        wanted = revision_to_serve(self._catalogue, record, self._rollout.live, to)
        target = self._workspace.targets.get(record.target)
        progress = Progress(timeout_s, report, cancelled)
        progress.step("check", f"going back to revision {wanted.number}")
        with versions_seen_out(self._workspace, name, progress):  # the revision serves directly: no version is asked
            return self._rollout.roll(
                name, target, self._workspace.bundles.get(wanted.bundle),
                read_config(target.config_type, wanted.config), wanted.config, wanted.origin, progress,
                interpreter=self._interpreter(wanted), facts={"rollback_of": wanted.number},
            )  # fmt: skip

    def serve(
        self,
        name: str,
        bundle: Bundle,
        settings: Mapping[str, Any],
        progress: Progress,
        *,
        like: RevisionRecord,
        target: str | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> Outcome:
        """Make a bundle that is known the live revision of a service, which is made when it is new.

        Args:
            settings: the target's configuration.
            like: a revision whose interpreter and origin are taken over.
            target: where a new service runs.
            facts: what to remember about the revision.
        """
        try:
            to = self._workspace.targets.get(self._catalogue.service(name).target)
        except NotFoundError:
            if target is None:
                raise
            to = self._workspace.targets.get(target)
        config = read_config(to.config_type, settings)
        return self._rollout.roll(
            name, to, bundle, config, settings, like.origin, progress, interpreter=self._interpreter(like), facts=facts
        )

    def live(self, record: ServiceRecord) -> RevisionRecord:
        """Return the live revision of a service; ConflictError when none ever worked."""
        return self._rollout.live(record)

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
        record = self._catalogue.service(name)
        live = self._rollout.live(record)
        settings = dict(config or {})
        goal, to, bundle, checked, facts = prepare(
            self._workspace, self._rollout, record, live, target, new_name, settings
        )
        progress = Progress(timeout_s, report, cancelled)
        progress.step("check", f"promoting {bundle.digest[:19]} to {target}")
        origin, interpreter = live.origin, self._interpreter(live)
        return self._rollout.roll(
            goal, to, bundle, checked, settings, origin, progress, interpreter=interpreter, facts=facts
        )

    def deploy_image(
        self,
        name: str,
        image: Image | str,
        *,
        target: str = "docker",
        config: Mapping[str, Any] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        report: Report | None = None,
        cancelled: threading.Event | None = None,
    ) -> Outcome:
        """Deploy the very bytes that an image of the workspace was built from; a service that exists is updated.

        Args:
            image: ``name:version``, or ``name`` for its newest version.
        """
        settings = dict(config or {})
        item, to, bundle, checked = prepare_image(self._workspace, self._rollout, name, image, target, settings)
        progress = Progress(timeout_s, report, cancelled)
        progress.step("check", f"deploying image {item.id} on {target}")
        return self._rollout.roll(name, to, bundle, checked, settings, Origin(), progress, facts={FROM_IMAGE: item.id})

    def stop(self, name: str) -> ServiceRecord:
        """Stop serving; keys, logs and revisions stay. Idempotent."""
        record, target = self._known(name)
        target.capabilities.require(target.name, "stop_start")
        with self._rollout.locked(name):
            target.stop(self._rollout.reference(record))
            stopped = self._rollout.announce(record, State.STOPPED, "stopped by the user")
        for member in members_of(self._catalogue, name).values():
            self.stop(member.name)  # after the router, which sends requests there until it has ended
        return stopped

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
        for member in members_of(self._catalogue, name).values():
            self.start(member.name, timeout_s=timeout_s, report=report, cancelled=cancelled)
        progress.step("start", f"starting {name}")
        with self._rollout.locked(name, progress):
            revision = self._rollout.live(record)
            bundle = self._workspace.bundles.get(revision.bundle)
            config = read_config(target.config_type, revision.config)
            job = self._rollout.job(record, name, revision.number, bundle, config, self._interpreter(revision))
            seen = target.start(job, progress)
            return self._rollout.settle(record, seen)

    def delete(self, name: str, *, member: bool = False) -> bool:
        """Remove a service from its target and from the lists; logs and history stay. See ``core.removal``."""
        return self._removal.delete(name, member=member)

    def forget(self, name: str) -> str | None:
        """Delete a service, and only its record where its target cannot be asked. See ``core.removal``."""
        return self._removal.forget(name)

    def regenerate_key(self, name: str, which: str, value: str | None = None) -> None:
        """Change one key; callers with the other one notice nothing."""
        regenerate_key(self._workspace, self._rollout, name, which, value)

    def rotate_token_key(self, name: str, *, revoke: bool = False) -> None:
        """Sign tokens with a new key; those of the key before stay valid unless ``revoke`` says otherwise."""
        rotate_token_key(self._workspace, self._rollout, name, revoke=revoke)

    def takes_tokens(self, record: ServiceRecord) -> bool:
        """Return whether the live revision's callers send tokens."""
        return takes_tokens(self._workspace, record)

    def refresh(self, name: str, *, wait_s: float = 0.0) -> ServiceRecord:
        """Compare the record with the truth, import what happened, and settle what a killed process left open.

        Args:
            wait_s: seconds to wait for somebody else who changes or settles the service, when something is open. After
                them the record is returned as it is.
        """
        return self.look(name, wait_s=wait_s)[0]

    def look(self, name: str, *, wait_s: float = 0.0) -> tuple[ServiceRecord, Observation]:
        """Do what :meth:`refresh` does, and return what the target reported as well."""
        record, target = self._known(name)
        seen = target.observe(self._rollout.reference(record))
        self._rollout.import_events(record, seen)
        patience = wait_s if wait_s and self._rollout.has_candidates(record) else 0.0
        try:
            with self._workspace.store.lock(f"service-{name}", timeout_s=patience):
                settled = self._catalogue.service_by_uid(record.uid)
                if settled.deleted is not None:
                    return settled, seen
                is_open = self._rollout.has_candidates(settled)
                if is_open or settled.updated != record.updated:
                    # The service was changed while the target answered, so that answer may be about the past.
                    seen = target.observe(self._rollout.reference(settled))
                if is_open:
                    self._rollout.recover(settled, seen)
                    settled = self._catalogue.service_by_uid(record.uid)
                    tidy(target, self._rollout.reference(settled), settled.live_revision)
                return self._rollout.settle(settled, seen), seen
        except BusyError:
            return self._catalogue.service_by_uid(record.uid), seen

    def reference(self, record: ServiceRecord) -> ServiceRef:
        """Return what a target needs to find the service."""
        return self._rollout.reference(record)

    def _check(self, request: Request) -> tuple[Target, DeploymentConfig]:
        check_service_name(request.name)
        return usable_target(self._workspace, request.target, request.config)

    def _existing(self, request: Request) -> ServiceRecord | None:
        hint = "Choose another name, delete it first, or promote it."
        return service_there(self._workspace, request.name, request.target, hint=hint)

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

    def _preview(
        self,
        target: Target,
        record: ServiceRecord | None,
        request: Request,
        assembled: Assembled,
        config: DeploymentConfig,
    ) -> None:
        """Let the target refuse before a row, a directory or a process exists."""
        if target.capabilities.needs_image:
            self._workspace.images.context(assembled.bundle)  # an environment that no image can have is refused
        target.plan(self._rollout.job(record, request.name, 0, assembled.bundle, config, request.interpreter))

    def _known(self, name: str) -> tuple[ServiceRecord, Target]:
        record = self._catalogue.service(name)
        return record, self._workspace.targets.get(record.target)

    @staticmethod
    def _interpreter(revision: RevisionRecord) -> str | None:
        value = revision.facts.get("interpreter")
        return str(value) if value else None
