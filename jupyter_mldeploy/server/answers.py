"""What the API answers, as models: the OpenAPI document is made from them, and tests check real answers against it.

They are not used to build answers: those come from the core's own documents.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Error(Answer):
    """Every failure: what failed and why, and what to do."""

    code: str
    """Stable, for programs: not_found, conflict, invalid_input, forbidden, internal_error, …"""
    message: str
    """One sentence for people."""
    hint: str | None
    """What to do next."""
    cause: str | None
    """The exception behind it."""
    details: dict[str, Any]
    """Facts, by code: field, problems, diagnostics, postmortem, log_tail, steps, reference, …"""


class Service(Answer):
    """A service as last settled; times are epoch seconds."""

    name: str
    uid: str
    """Tells apart services that had the same name one after the other."""
    target: str
    state: Literal["Transitioning", "Healthy", "Unhealthy", "Unschedulable", "Failed", "Deleting", "Stopped", "Deleted"]
    reason: str | None
    revision: int | None
    """Number of the live revision."""
    scoring_uri: str | None
    """Where requests go, as seen from the machine of the Jupyter server."""
    proxy_uri: str
    """Path on this Jupyter server under which the service can be reached, for browsers; append ``score``."""
    created: float
    updated: float
    deleted: float | None
    description: str | None
    tags: dict[str, str]
    properties: dict[str, str]
    observed: float | None
    """When it was last compared with the truth by this server."""
    facts: dict[str, Any]
    """What was found then: workers, memory_bytes, restarts, expires, …"""
    operations: list[str]
    """Ids of operations that are running for it."""


class Services(Answer):
    """All services by name."""

    services: list[Service]
    seq: int
    """Number of the newest event; subscribe to events after it to miss nothing."""


class Origin(Answer):
    """Where a script came from."""

    notebook: str | None
    cell_id: str | None
    execution_count: int | None
    path: str | None
    file: str | None
    """Where the file browser has the notebook or script; null when it lies elsewhere or nobody said."""


class Revision(Answer):
    """A revision of a service."""

    revision: int
    state: Literal["candidate", "live", "superseded", "failed"]
    reason: str | None
    digest: str
    created: float
    config: dict[str, Any]
    """The target's configuration as it was given."""
    origin: Origin
    facts: dict[str, Any]
    """Times of sub-steps in seconds, and the like."""


class Revisions(Answer):
    """The revisions of a service, the newest first."""

    name: str
    revisions: list[Revision]


class File(Answer):
    """A file of a bundle."""

    path: str
    size: int
    digest: str


class BundleModel(Answer):
    """A model in a bundle."""

    name: str
    version: int
    """0 for one that is not registered."""
    size: int
    digest: str


class SourceFile(File):
    """A file that belongs to a script."""

    text: str | None = None
    """Its text where texts were asked for; null for the entry script, and for what is no text or too long."""


class RevisionInFull(Revision):
    """A revision with its content."""

    entry_script: str
    source: str
    """Text of the entry script."""
    files: list[SourceFile]
    models: list[BundleModel]
    environment: dict[str, Any]
    input_schema: dict[str, Any] | None = Field(alias="schema")
    line_map: dict[str, Any] | None
    """Where the script's lines came from."""


class ServiceInFull(Service):
    """A service, compared with the truth just now."""

    live: Revision | None
    """The live revision."""
    revisions: int
    """How many there are."""


class Difference(Answer):
    """What is different between two revisions; see ``core.bundles.diff``."""

    model_config = ConfigDict(extra="allow")

    name: str
    from_revision: int = Field(alias="from")
    to_revision: int = Field(alias="to")
    files: list[dict[str, Any]]
    """path, status, text (a unified diff)."""
    models: list[dict[str, Any]]
    environment: list[dict[str, Any]]
    """path, status, before, after."""


class Plan(Answer):
    """What a deployment would do; nothing was created."""

    service: str
    target: str
    revision: int
    bundle: str
    steps: list[dict[str, Any]]
    """action (create, change, keep, replace, delete), what, detail."""
    findings: list[dict[str, Any]]
    environment: dict[str, Any]
    notes: list[str]
    """What was given and has no effect."""
    card: dict[str, Any]
    """A mimebundle."""
    sizing: dict[str, Any] | None
    """rps, latency_s, concurrent, utilization, per_replica, replicas; null where no load was given."""


class Step(Answer):
    """A sub-step of an operation."""

    step: str
    message: str
    began: float
    """Seconds after the operation's start."""
    seconds: float | None
    """How long it took; null while it goes on."""


class Operation(Answer):
    """Long work."""

    id: str
    version: int
    """Grows with every change."""
    kind: Literal[
        "deploy", "update", "rollback", "promote", "start", "stop", "delete", "register", "traffic", "build", "push",
        "profile", "record", "replay", "adopt",
    ]  # fmt: skip
    service: str
    """The service's name; for ``register`` the model's, for ``build`` and ``push`` the image's."""
    state: Literal["running", "succeeded", "failed", "cancelled", "interrupted"]
    """``interrupted``: the server that ran it ended before it did; ``error`` says what became of the service."""
    cancelling: bool
    created: float
    steps: list[Step]
    error: Error | None


class OperationInFull(Operation):
    """Long work with what came of it."""

    result: dict[str, Any] | None
    """For a deployment: service, revision, digest, seconds, steps, findings."""
    card: dict[str, Any] | None
    """A mimebundle with application/vnd.mldeploy+json, text/html and text/plain; a profile's has image/svg+xml."""


class Operations(Answer):
    """The operations of this server and what is kept of those before, the oldest first."""

    operations: list[Operation]


class VersionFigures(Answer):
    """What the router counted of a version since the requests were last divided anew."""

    requests: int
    errors: int
    """Answers of 5xx, and requests without an answer."""
    mirrored: int
    mirror_errors: int
    error_rate: float
    p50_ms: float | None
    p95_ms: float | None


class Version(Answer):
    """One version of an endpoint."""

    name: str
    service: str
    """The service that runs it."""
    weight: float
    """Its share of the requests in percent."""
    mirror: float
    """Share of the requests that are copied to it in percent."""
    default: bool
    figures: VersionFigures | None


class Traffic(Answer):
    """How requests are divided; no versions while one revision gets all of them."""

    name: str
    versions: list[Version]


class Keys(Answer):
    """The keys of a service. Either one works."""

    primary: str
    secondary: str


class Token(Answer):
    """A token that opens a service."""

    access_token: str
    token_type: str
    refresh_after: str
    """When to get the next one, ISO 8601 in UTC."""
    expiry_on: str
    """When it ends, ISO 8601 in UTC."""


class Document(Answer):
    """A Swagger or OpenAPI document, or a mimebundle."""

    model_config = ConfigDict(extra="allow")


class Content(Answer):
    """A body: exactly one of the three is not null."""

    value: Any = Field(alias="json")
    """Decoded JSON."""
    text: str | None
    base64: str | None


class Invocation(Answer):
    """What a service answered to a test request, whatever the status."""

    status: int
    headers: dict[str, str]
    seconds: float
    """From sending to the last byte, without the way through Jupyter."""
    size: int
    """Bytes of the body that were read."""
    truncated: bool
    """The body goes on."""
    body: Content
    explanation: list[str]
    """Log lines of this request when it failed."""


class Code(Answer):
    """Code to copy."""

    label: str
    text: str


class Codes(Answer):
    """Calls of a service, ready to paste; they read the key when they run."""

    name: str
    code: list[Code]


class Findings(Answer):
    """What the linter found."""

    diagnostics: list[dict[str, Any]]
    """code, severity, message, line (from 1), column (from 0, code points), end_line, end_column, fixes, docs_url."""
    milliseconds: float
    cell_names: list[str] | None
    """The names that the texts in ``cells`` bind; null when none were sent."""


class Rule(Answer):
    """A rule of the linter."""

    code: str
    name: str
    severity: Literal["error", "warning", "info", "hint"]
    summary: str
    page: str
    """Markdown: what fails and when, the message at run time, a faulty and a good example."""


class LogLine(Answer):
    """A line of a log."""

    time: float | None
    text: str
    source: str
    revision: int | None
    level: str


class Log(Answer):
    """Lines, and the cursor to go on from."""

    name: str
    uid: str
    lines: list[LogLine]
    cursor: str
    ended: bool
    """The service was deleted, and nothing will follow."""


class Event(Answer):
    """Something that happened."""

    seq: int
    time: float
    kind: str
    service: str | None
    service_uid: str | None
    revision: int | None
    message: str
    data: dict[str, Any]


class Events(Answer):
    """Events, the oldest first."""

    events: list[Event]
    seq: int
    """Go on after this number."""
