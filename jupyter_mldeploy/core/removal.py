"""The end of a service: removed from its target, or only forgotten where its target cannot be asked any more."""

from __future__ import annotations

import re
import shutil
import time
from typing import TYPE_CHECKING

from ..errors import ForbiddenError, MldeployError, NotFoundError, TargetUnavailableError
from .events import EventKind
from .target import BrokenTarget
from .traffic.members import members_of, refuse_member

if TYPE_CHECKING:
    from .records import ServiceRecord
    from .rollout import Rollout
    from .workspace import Workspace


class Removal:
    """Deletes services of one workspace."""

    def __init__(self, workspace: Workspace, rollout: Rollout) -> None:
        self._workspace = workspace
        self._catalogue = workspace.catalogue
        self._rollout = rollout

    def delete(self, name: str, *, member: bool = False) -> bool:
        """Remove a service from its target and from the lists; logs and history stay.

        Args:
            member: it may be a version of an endpoint; versions go with their endpoint otherwise.

        Returns:
            True when it was there, False when it had been deleted before.

        Raises:
            TargetUnavailableError, ForbiddenError, NotFoundError: its target cannot be asked, or is not installed any
                more; the service is still listed. ``details["forget"]`` says what :meth:`forget` would leave behind.
        """
        record = self._present(name)
        if record is None:
            return False
        if not member:
            refuse_member(self._catalogue, record)
        versions = members_of(self._catalogue, name)
        with self._rollout.locked(name):
            try:
                self._rollout.remove(record, self._workspace.targets.get(record.target))
            except (TargetUnavailableError, ForbiddenError, NotFoundError) as error:
                # Programs and pages offer the way out themselves; for them the hint stays as it was beside it.
                error.details["forget"] = {"name": name, "remains": self._remains(record), "hint": error.hint}
                way = f"`%deploy delete {name} --force` only takes it off the lists, as does `mldeploy delete --force`."
                error.hint = f"{error.hint} {way}" if error.hint else way
                raise
            self._strike(record, f"{name} was deleted")
        for version in versions.values():
            self.delete(version.name, member=True)
        return True

    def forget(self, name: str) -> str | None:
        """Delete a service; where its target cannot do it, remove the record alone. Versions go with their endpoint.

        For a cluster or an engine that is gone for good. What the target can still remove is removed.

        Returns:
            What may still be there and how to remove it by hand; None when nothing is left, or it had been deleted
            before.
        """
        record = self._present(name)
        if record is None:
            return None
        refuse_member(self._catalogue, record)
        told = [
            remark
            for each in (record, *members_of(self._catalogue, name).values())
            if (remark := self._forget(each)) is not None
        ]
        return " ".join(told) or None

    def _forget(self, record: ServiceRecord) -> str | None:
        name = record.name
        with self._rollout.locked(name):
            try:
                self._rollout.remove(record, self._workspace.targets.get(record.target))
            except MldeployError as error:
                remark = f"{name} is only forgotten: {error.message} {self._remains(record)}"
                self._strike(record, remark)
                return remark
            self._strike(record, f"{name} was deleted")
        return None

    def _remains(self, record: ServiceRecord) -> str:
        """Say what may be left at the target, and how to find it."""
        target = (
            self._workspace.targets.find(record.target) if record.target in self._workspace.targets.names() else None
        )
        known = target.capabilities.remains if target is not None and not isinstance(target, BrokenTarget) else ""
        facts = {key: str(value) for key, value in record.runtime.items()}
        what = known or "what it runs there"
        for key, value in {**facts, "uid": record.uid, "name": record.name}.items():
            what = what.replace(f"{{{key}}}", value)
        what = re.sub(r"\{\w+\}", "(not known)", what)
        return f"Should its target come back, there may still be {what}."

    def _present(self, name: str) -> ServiceRecord | None:
        """Return the record of a service, None when it was deleted before; NotFoundError when it never was."""
        try:
            return self._catalogue.service(name)
        except NotFoundError:
            if self._catalogue.last_service(name).deleted is not None:
                return None
            raise

    def _strike(self, record: ServiceRecord, message: str) -> None:
        self._catalogue.change_service(record.uid, deleted=time.time(), scoring_uri=None)
        self._workspace.events.append(EventKind.SERVICE_DELETED, message, service_uid=record.uid, service=record.name)
        shutil.rmtree(self._workspace.service_directory(record.uid), ignore_errors=True)
