"""Bring one revision to life and keep the records true: what every verb of the deployer is made of.

The target acts; this module takes the lock, records a candidate, settles it as live or failed, and announces every
change as an event.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConflictError, DeploymentError, InvalidInputError, MldeployError, NotFoundError
from .bundle import Bundle
from .config import DeploymentConfig
from .config_marks import require_capabilities
from .events import EventKind
from .keys import KeyFile
from .records import (
    Origin,
    RevisionRecord,
    RevisionState,
    ServiceRecord,
    State,
)
from .request import Outcome
from .secrets import resolve_secrets
from .target import Job, Observation, Progress, ServiceRef, Target
from .tokens import TokenKeyFile

if TYPE_CHECKING:
    from .workspace import Workspace


class Rollout:
    """Settles services and revisions of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._catalogue = workspace.catalogue
        self._events = workspace.events

    def reference(self, record: ServiceRecord) -> ServiceRef:
        """Return what a target needs to find the service; its directories exist afterwards."""
        base = self._workspace.service_directory(record.uid)
        private, logs = base / "target", self._workspace.log_directory(record.uid)
        for folder in (private, logs):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        data = self._workspace.data_directory(record.uid)
        return ServiceRef(record.uid, record.name, private, logs, record.runtime, data)

    def job(
        self,
        record: ServiceRecord | None,
        name: str,
        number: int,
        bundle: Bundle,
        config: DeploymentConfig,
        interpreter: str | Path | None,
        origin: Origin | None = None,
    ) -> Job:
        """Put together what the target gets; ``record`` None makes a job that can only be planned."""
        from .entryscript import top_level_imports
        from .telemetry import with_telemetry

        workspace = self._workspace
        if record is not None:
            reference = self.reference(record)
        else:
            nowhere = workspace.home / "services" / "(not created)"
            reference = ServiceRef("", name, nowhere, nowhere, {})
        keys = None
        if config.auth_enabled and record is not None:
            keys = workspace.keys_path(record.uid)
            KeyFile(keys).ensure()
        token_keys = None
        if config.token_auth_enabled and record is not None:
            token_keys = workspace.token_keys_path(record.uid)
            TokenKeyFile(token_keys).ensure()
        environment = with_telemetry(bundle.environment, config)
        return Job(
            service=reference,
            revision=number,
            live_revision=record.live_revision if record is not None else None,
            bundle=bundle,
            place=lambda destination: workspace.bundles.materialise(bundle, destination),
            config=config,
            environment=environment,
            keys_file=keys,
            secrets=resolve_secrets(config.secrets, self._service_key),
            interpreter=Path(interpreter) if interpreter else Path(sys.executable),
            build_environment=lambda progress: workspace.build_environment(environment, interpreter, progress),
            build_image=lambda progress: workspace.images.for_service(name, bundle, progress, environment),
            push_image=workspace.images.push,
            imports=top_level_imports(workspace.bundles.read_text(bundle, bundle.entry_script)),
            origin=asdict(origin) if origin is not None else {},
            token_keys_file=token_keys,
            compute=self._compute,
        )

    def roll(
        self,
        name: str,
        target: Target,
        bundle: Bundle,
        config: DeploymentConfig,
        settings: Mapping[str, Any],
        origin: Origin,
        progress: Progress,
        *,
        interpreter: str | Path | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> Outcome:
        """Record a candidate, let the target apply it, settle it. The service is made when it is new."""
        require_capabilities(target, config)
        with self.locked(name, progress):
            record = self.record(name, target, config)
            known = {**(facts or {}), "interpreter": str(interpreter or sys.executable), "bundle": bundle.digest}
            revision = self._catalogue.add_revision(record.uid, bundle.digest, settings, origin, known)
            self._events.append(
                EventKind.REVISION_CREATED, f"{name} revision {revision.number} is being deployed",
                service_uid=record.uid, service=name, revision=revision.number, data={"bundle": bundle.digest},
            )  # fmt: skip
            if record.live_revision is None:
                record = self.announce(record, State.TRANSITIONING, None)
            try:
                job = self.job(record, name, revision.number, bundle, config, interpreter, origin)
                seen = target.apply(job, progress)
            except BaseException as error:
                self.failed(record, target, revision, config, progress.steps(), error)
                raise
            steps = progress.steps()
            record = self._came_to_life(record, revision, seen, config, steps)
            if target.capabilities.needs_image:
                self._workspace.images.collecting().trim_service(name)
        return Outcome(record, self._catalogue.revision(record.uid, revision.number), steps)

    def record(self, name: str, target: Target, config: DeploymentConfig) -> ServiceRecord:
        """Return the service's record, made when the name is free."""
        try:
            record = self._catalogue.service(name)
        except NotFoundError:
            record = self._catalogue.create_service(
                name, target.name, description=config.description, tags=config.tags, properties=config.properties
            )
            self._events.append(
                EventKind.SERVICE_CREATED, f"{name} was created on {target.name}", service_uid=record.uid, service=name
            )
            return record
        if record.target != target.name:
            raise ConflictError(f"Service {name!r} runs on target {record.target!r}, not on {target.name!r}.")
        changed = [key for key, value in record.properties.items() if config.properties.get(key, value) != value]
        if changed:
            raise InvalidInputError(
                f"Properties can only be added, and {name!r} has another value for {', '.join(changed)}.",
                field="properties",
                hint="Use tags for what changes.",
            )
        return record

    def failed(
        self,
        record: ServiceRecord,
        target: Target,
        revision: RevisionRecord,
        config: DeploymentConfig,
        steps: Sequence[Mapping[str, Any]],
        error: BaseException,
    ) -> None:
        """Settle a candidate that did not come to life; the service keeps what it had.

        What was broken off a moment too late serves all the same, and is settled as what it is.
        """
        seen = None
        if record.live_revision is not None:
            # Whoever interrupts a second time, or a target that does not answer, leaves the question open. It is
            # settled all the same, for only now it is known why.
            with suppress(BaseException):
                seen = target.observe(self.reference(record))
        if seen is not None and seen.live_revision == revision.number:
            self._came_to_life(record, revision, seen, config, steps)
            return
        if isinstance(error, MldeployError):
            reason = error.message
        elif isinstance(error, KeyboardInterrupt):
            reason = "The deployment was interrupted."
        else:
            reason = f"{type(error).__name__}: {error}"
        self._catalogue.settle_failed(record.uid, revision.number, reason)
        self._events.append(
            EventKind.REVISION_FAILED, f"{record.name} revision {revision.number} failed: {reason}",
            service_uid=record.uid, service=record.name, revision=revision.number,
            data=error.to_dict() if isinstance(error, MldeployError) else {},
        )  # fmt: skip
        if record.live_revision is None:
            state = State(error.state) if isinstance(error, DeploymentError) and error.state else State.FAILED
            self.announce(record, State.FAILED if state is State.TRANSITIONING else state, reason)
        elif seen is not None:
            self.settle(record, seen)

    def has_candidates(self, record: ServiceRecord) -> bool:
        """Return whether the outcome of a deployment is open."""
        return any(item.state is RevisionState.CANDIDATE for item in self._catalogue.revisions(record.uid))

    def recover(self, record: ServiceRecord, seen: Observation) -> None:
        """Settle candidates whose deploying process died; called with the service's lock held."""
        for revision in self._catalogue.revisions(record.uid):
            if revision.state is not RevisionState.CANDIDATE:
                continue
            if seen.live_revision == revision.number:
                self._settle_live(record, revision, seen.facts)
            else:
                reason = "The process that deployed it ended before it was done."
                self._catalogue.settle_failed(record.uid, revision.number, reason)
                self._events.append(
                    EventKind.REVISION_FAILED, f"{record.name} revision {revision.number} failed: {reason}",
                    service_uid=record.uid, service=record.name, revision=revision.number,
                )  # fmt: skip
                if record.live_revision is None and seen.live_revision is None:
                    record = self.announce(record, State.FAILED, reason)

    def _came_to_life(
        self,
        record: ServiceRecord,
        revision: RevisionRecord,
        seen: Observation,
        config: DeploymentConfig,
        steps: Sequence[Mapping[str, Any]],
    ) -> ServiceRecord:
        """Settle a candidate as live, and the service as its configuration says."""
        told = {"steps": steps}
        self._settle_live(record, revision, {**seen.facts, **told}, told)
        record = self._catalogue.change_service(
            record.uid,
            description=config.description,
            tags=config.tags,
            properties={**record.properties, **config.properties},
        )
        return self.settle(record, seen)

    def _settle_live(
        self,
        record: ServiceRecord,
        revision: RevisionRecord,
        facts: Mapping[str, Any],
        told: Mapping[str, Any] | None = None,
    ) -> None:
        self._catalogue.settle_live(record.uid, revision.number, facts)
        self._events.append(
            EventKind.REVISION_LIVE, f"{record.name} revision {revision.number} is live",
            service_uid=record.uid, service=record.name, revision=revision.number, data=told or {},
        )  # fmt: skip

    def settle(self, record: ServiceRecord, seen: Observation) -> ServiceRecord:
        """Write what the target reports into the service's record and announce a change."""
        self.import_events(record, seen)
        values: dict[str, Any] = {}
        if seen.scoring_uri is not None and seen.scoring_uri != record.scoring_uri:
            values["scoring_uri"] = seen.scoring_uri
        if seen.runtime is not None and dict(seen.runtime) != dict(record.runtime):
            values["runtime"] = seen.runtime
        if values:
            record = self._catalogue.change_service(record.uid, **values)
        if record.state is State.STOPPED and seen.state is not State.HEALTHY:
            return record  # what the user stopped stays "stopped by the user", however dead the target finds it
        if record.state is State.FAILED and record.live_revision is None and seen.live_revision is None:
            return record  # the cause of a failed first deployment is worth more than "nothing runs"
        return self.announce(record, seen.state, seen.reason)

    def announce(self, record: ServiceRecord, state: State, reason: str | None) -> ServiceRecord:
        """Change the state and, when it is another one, announce it."""
        if record.state is state and record.reason == reason:
            return record
        changed = self._catalogue.change_service(record.uid, state=state, reason=reason)
        if record.state is not state:
            self._events.append(
                EventKind.SERVICE_STATE, f"{record.name} is {state}{f': {reason}' if reason else ''}",
                service_uid=record.uid, service=record.name, revision=changed.live_revision,
                data={"from": record.state, "to": state, "reason": reason},
            )  # fmt: skip
        return changed

    def import_events(self, record: ServiceRecord, seen: Observation) -> None:
        """Add to the stream what happened while nobody watched; what is there already is dropped."""
        for event in seen.events:
            self._events.append(
                event.kind, event.message, service_uid=record.uid, service=record.name,
                data=event.data, at=event.time, key=f"{record.uid}:{event.key}",
            )  # fmt: skip

    def _compute(self, name: str) -> tuple[str, Mapping[str, Any]]:
        found = self._workspace.computes.get(name)
        return found.kind, found.facts

    def _service_key(self, name: str) -> str:
        record = self._catalogue.service(name)
        return KeyFile(self._workspace.keys_path(record.uid)).ensure().primary

    def remove(self, record: ServiceRecord, target: Target) -> None:
        """Take a service and its images away from where they are."""
        self.announce(record, State.DELETING, None)
        target.delete(self.reference(record))
        if target.capabilities.needs_image:
            self._workspace.images.collecting().forget_service(record.name)

    def live(self, record: ServiceRecord) -> RevisionRecord:
        """Return the live revision; ConflictError when no revision ever worked."""
        if record.live_revision is None:
            raise ConflictError(
                f"Service {record.name!r} has no revision that worked"
                + (f" ({record.reason})." if record.reason else "."),
                hint="Deploy it again, or delete it.",
            )
        return self._catalogue.revision(record.uid, record.live_revision)

    def locked(self, name: str, progress: Progress | None = None) -> AbstractContextManager[None]:
        """Take the service's lock, waiting as long as the deadline allows."""
        wait = progress.remaining if progress is not None else 60.0
        return self._workspace.store.lock(f"service-{name}", timeout_s=wait)
