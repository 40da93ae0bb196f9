"""The handle of a service: score it, read its logs, change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import MldeployError, TargetUnavailableError
from .records import RevisionRecord, ServiceRecord, State

if TYPE_CHECKING:
    from .bundles.diff import BundleDiff
    from .events import Event
    from .keys import Keys
    from .probe import Answer
    from .probes.profile_result import Profile
    from .probes.recording import Recorded, Recording
    from .probes.replay import Replay
    from .target import LogLine
    from .tokens import AccessToken
    from .workspace import Workspace


class Service:
    """Handle of one service: score it, read its logs, change it. Cheap to make; every property asks the truth.

    service = workspace.service("diabetes")
    service.score({"data": [[1.0, 2.0]]})
    """

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        self.name = name
        self._uid = workspace.catalogue.last_service(name).uid

    # What it is.

    @property
    def record(self) -> ServiceRecord:
        """The service's record as last settled, without asking its target."""
        return self.workspace.catalogue.service_by_uid(self._uid)

    def refresh(self) -> ServiceRecord:
        """Compare the record with the truth and return it."""
        record = self.record
        if record.deleted is not None:
            return record
        try:
            settled = self.workspace.deployer.refresh(self.name)
        except MldeployError:
            record = self.record
            if record.deleted is None:
                raise
            return record  # somebody deleted it just now
        return settled if settled.uid == self._uid else self.record  # the name may be another service's by now

    @property
    def state(self) -> State:
        """The state now."""
        return self.refresh().state

    @property
    def reason(self) -> str | None:
        """Why it is in that state, when there is something to say."""
        return self.refresh().reason

    @property
    def scoring_uri(self) -> str | None:
        """Where requests go, or None while nothing listens."""
        return self.record.scoring_uri

    @property
    def revision(self) -> int | None:
        """Number of the live revision."""
        return self.record.live_revision

    def revisions(self) -> list[RevisionRecord]:
        """All revisions, oldest first, failed ones too."""
        return self.workspace.catalogue.revisions(self._uid)

    def keys(self) -> Keys:
        """The primary and the secondary key."""
        from .keys import KeyFile

        return KeyFile(self.workspace.keys_path(self._uid)).ensure()

    def regenerate_key(self, which: str, value: str | None = None) -> None:
        """Change the ``"primary"`` or ``"secondary"`` key; the other one keeps working."""
        self.workspace.deployer.regenerate_key(self.name, which, value)

    def get_access_token(self, *, life_s: float = 12 * 3600.0) -> AccessToken:
        """Return a new signed token that opens the service for ``life_s`` seconds (v1's twelve hours by default).

        Raises:
            ConflictError: its callers send keys; it was deployed without ``token_auth_enabled``.
        """
        from .tokens import TokenKeyFile, no_tokens

        if not self.workspace.deployer.takes_tokens(self.record):
            raise no_tokens(self.name)
        return TokenKeyFile(self.workspace.token_keys_path(self._uid)).issue(self.name, life_s=life_s)

    def rotate_token_key(self, *, revoke: bool = False) -> None:
        """Sign tokens with a new key. Those of the key before stay valid until they end; with ``revoke`` none does."""
        self.workspace.deployer.rotate_token_key(self.name, revoke=revoke)

    @property
    def data_directory(self) -> Path:
        """Where the model data is that it collects on this machine (``collect_model_data``); outlives the service."""
        return self.workspace.data_directory(self._uid)

    def diff(self, old: int, new: int | None = None) -> BundleDiff:
        """Compare two revisions: code, models, environment. ``new`` is the live one by default."""
        bundles, catalogue = self.workspace.bundles, self.workspace.catalogue
        second = new if new is not None else (self.revision or 0)
        return bundles.diff(
            bundles.get(catalogue.revision(self._uid, old).bundle),
            bundles.get(catalogue.revision(self._uid, second).bundle),
        )

    # Calling it.

    def score(self, payload: Any = None, *, timeout_s: float = 60.0, headers: Mapping[str, str] | None = None) -> Any:
        """Send one request with the service's key and return the decoded answer.

        Args:
            payload: JSON-serialisable data (arrays and DataFrames are converted), ``bytes`` sent as they are, or text
                that is sent as JSON. None sends the sample of the service's schema.

        Raises:
            ScoringError: the answer was not a success; it carries status, body and the log lines of the request.
        """
        return self.request(payload, timeout_s=timeout_s, headers=headers).result()

    def request(
        self,
        payload: Any = None,
        *,
        timeout_s: float = 60.0,
        headers: Mapping[str, str] | None = None,
        max_bytes: int | None = None,
    ) -> Answer:
        """Send one request and return status, headers, body and time, whatever the status is.

        Of a body longer than ``max_bytes`` only those are read, and the answer is marked as ``truncated``.
        """
        from .probe import send

        return send(self, payload, timeout_s=timeout_s, headers=headers, max_bytes=max_bytes)

    def swagger(self, version: str = "2") -> dict[str, Any]:
        """Return the service's Swagger (``"2"``) or OpenAPI (``"3"``, ``"3.1"``) document."""
        from .probe import swagger

        return swagger(self, version)

    def record_requests(
        self, rate: float = 1.0, *, max_bytes: int = 8192, deny: Sequence[str] = (), **options: Any
    ) -> Service:
        """Record a sample of the requests and answers in its log from now on; see :mod:`.probes.recording`."""
        from .probes.recording import record

        return record(self, rate, max_bytes=max_bytes, deny=deny, **options)

    def recorded(self) -> list[Recorded]:
        """Return the recorded requests that are in its log, oldest first."""
        from .probes.recording import recorded

        return recorded(self)

    def recording(self) -> Recording:
        """Return what it records of its requests now."""
        from .probes.recording import recording

        return recording(self)

    def replay(
        self, requests: Any = None, *, tolerance: float = 0.0, timeout_s: float = 60.0, **options: Any
    ) -> Replay:
        """Send recorded requests again and return which answers changed, and by how much.

        Args:
            requests: another service or its name, a file that :func:`~.probes.recording.save` wrote, or a list; None:
                its own recorded requests, which an earlier revision may have answered.
            tolerance: relative difference of two numbers that counts as none.
            timeout_s: longest time for one answer, in seconds.
            options: ``report``, called with (step, message), and ``cancelled``, an event that ends it.
        """
        from .probes.replay import replay

        return replay(self, requests, tolerance=tolerance, timeout_s=timeout_s, **options)

    def profile(self, requests: Any, **options: Any) -> Profile:
        """Find out how much CPU and memory its live bytes need, with a temporary service; see ``Workspace.profile``."""
        return self.workspace.profile(self.name, requests=requests, **options)

    # Logs and events.

    def log_lines(self, cursor: str | None = None, limit: int = 5000) -> tuple[Sequence[LogLine], str]:
        """Return lines after ``cursor`` (None: the last ``limit`` ones) and the cursor to go on from."""
        record = self.record
        target = self.workspace.targets.get(record.target)
        page = target.logs(self.workspace.deployer.reference(record), cursor, limit)
        return page.lines, page.cursor

    def logs(self, *, follow: bool = False, limit: int = 5000) -> str | Iterator[str]:
        """Return the last ``limit`` lines as text; with ``follow`` an iterator over lines that does not end."""
        if follow:
            from .logs import follow_lines

            return follow_lines(self, limit)
        lines, _ = self.log_lines(limit=limit)
        return "\n".join(line.text for line in lines)

    def events(self, after: int = 0) -> list[Event]:
        """Return what happened to the service, oldest first."""
        return self.workspace.events.read(after, service_uid=self._uid)

    # Changing it.

    def update(self, entry_script: str | Path | None = None, **changes: Any) -> Service:
        """Bring it to a new revision: ``models``, ``environment``, ``config``, ``timeout_s``, ``report``, ``force``."""
        if entry_script is not None:
            from .assemble import Source

            changes["source"] = Source.from_file(
                entry_script,
                source_directory=changes.pop("source_directory", None),
                include=changes.pop("include", ()),
            )
        self.workspace.deployer.update(self.name, **changes)
        return self

    def rollback(self, to: int | None = None, **options: Any) -> Service:
        """Serve an earlier revision again (the last one that was live before, by default)."""
        self.workspace.deployer.rollback(self.name, to, **options)
        return self

    def promote(self, target: str, **options: Any) -> Service:
        """Deploy the same bytes on another target and return that service."""
        outcome = self.workspace.deployer.promote(self.name, target, **options)
        return Service(self.workspace, outcome.service.name)

    def stop(self) -> Service:
        """Stop serving; :meth:`start` brings it back."""
        self.workspace.deployer.stop(self.name)
        return self

    def start(self, **options: Any) -> Service:
        """Serve again after a stop, a crash or a host restart."""
        self.workspace.deployer.start(self.name, **options)
        return self

    def delete(self, *, force: bool = False) -> str | None:
        """Remove it; logs and history stay readable.

        Args:
            force: take it off the lists even where its target cannot be asked any more (see ``Deployer.forget``).

        Returns:
            What may remain at the target, with ``force``; None when nothing does.
        """
        if self.record.deleted is not None:
            return None
        if force:
            return self.workspace.deployer.forget(self.name)
        self.workspace.deployer.delete(self.name)
        return None

    def connection(self) -> Any:
        """Return how this process reaches the service (base URI and headers)."""
        record = self.record
        if record.deleted is not None:
            raise TargetUnavailableError(f"Service {self.name!r} was deleted.")
        return self.workspace.targets.get(record.target).connect(self.workspace.deployer.reference(record))

    def show(self, view: str = "panel") -> Any:
        """Return a live view for the notebook: ``"panel"`` (state, actions and all the rest), ``"test"`` or ``"logs"``.

        Raises:
            NotSupportedError: this kernel has no ipywidgets; the hint says what to install.
        """
        from .views import open_view

        return open_view(view, self)

    def __repr__(self) -> str:
        record = self.record
        state = "deleted" if record.deleted is not None else record.state
        return f"Service({self.name!r}, {state}, revision {record.live_revision}, {record.scoring_uri})"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from .card import service_card
        from .views import views_available

        live = f"`%deploy panel {self.name}` or .show() gives a live panel: test requests, log, revisions."
        return service_card(self, notes=[live] if views_available() and self.record.deleted is None else [])
