"""What clients send: one model a body. Unknown keys are refused, so that a typing error is noticed."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

_HEADER = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"


def check_headers(headers: dict[str, str]) -> dict[str, str]:
    """Return request headers that can be sent; ValueError names one that cannot."""
    for name, value in headers.items():
        if not re.match(_HEADER, name) or not value.isprintable() or not value.isascii():
            raise ValueError(f"the header {name!r} cannot be sent")
    return headers


class Body(BaseModel):
    """Base of all bodies."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class SourceBody(Body):
    """Where the entry script comes from: one of ``path``, ``text`` and ``notebook``.

    With none of them it is made for the models.
    """

    path: str | None = None
    """An entry script, relative to the file browser's root."""
    source_directory: str | None = None
    """With ``path``: a folder whose files go with the script."""
    text: str | None = None
    """The entry script itself."""
    name: str = Field("score.py", pattern=r"^[A-Za-z0-9_.-]+\.py$")
    """With ``text``: the script's file name."""
    files: dict[str, str] = Field(default_factory=dict)
    """With ``text``: further files, path below the script's folder → text."""
    notebook: str | None = None
    """A notebook file; it is read as saved, and never run."""
    cell_id: str | None = None
    """With ``notebook``: the cell; without it, the ``%%deploy`` cell of the service's name."""

    @model_validator(mode="after")
    def _one(self) -> SourceBody:
        if sum(item is not None for item in (self.path, self.text, self.notebook)) > 1:
            raise ValueError("give one of path, text and notebook")
        if self.cell_id is not None and self.notebook is None:
            raise ValueError("cell_id goes with notebook")
        if self.files and self.text is None:
            raise ValueError("files goes with text")
        if self.source_directory is not None and self.path is None:
            raise ValueError("source_directory goes with path")
        return self

    @property
    def given(self) -> bool:
        """There is a script, and none has to be made."""
        return any(item is not None for item in (self.path, self.text, self.notebook))


class Changes(Body):
    """What a new revision is made of."""

    models: list[str] | None = None
    """Registered models (``name`` or ``name:version``) or paths below the file browser's root."""
    environment: str | None = None
    """A registered environment (``name`` or ``name:version``) or the path of a conda or requirements file."""
    config: dict[str, Any] = Field(default_factory=dict)
    """Keys of the target's configuration; its JSON schema is part of the target."""
    force: bool = False
    """Deploy in spite of findings that are severe but not certain."""
    timeout_s: float = Field(300.0, gt=0, le=86_400)
    """Deadline for the whole deployment, in seconds."""


class DeployBody(Changes):
    """A deployment, or a plan of one."""

    name: str
    """The service: 3 to 32 lower-case letters, digits and dashes, starting with a letter."""
    source: SourceBody
    target: str | None = None
    """The target; left out, what a notebook's ``%%deploy`` line says, else ``local``."""
    pip: list[str] = Field(default_factory=list)
    """Further requirements for the environment."""
    kernel: str | None = None
    """Name of a kernel specification whose Python runs the script on this machine; left out, the server's own."""

    @field_validator("source")
    @classmethod
    def _something(cls, source: SourceBody, info: ValidationInfo) -> SourceBody:
        if not source.given and not info.data.get("models"):
            raise ValueError("give one of path, text and notebook, or models that a script is made for")
        return source


class PlanBody(DeployBody):
    """A plan of a deployment, and how many replicas an expected load needs."""

    rps: float | None = Field(None, gt=0)
    """Requests per second to expect; needs ``latency_s``."""
    latency_s: float | None = Field(None, gt=0)
    """Time of one request, in seconds."""


class UpdateBody(Changes):
    """What changes; the rest stays as it is."""

    source: SourceBody | None = None
    """Another entry script."""

    @model_validator(mode="after")
    def _something(self) -> UpdateBody:
        if self.source is None and self.models is None and self.environment is None and not self.config:
            raise ValueError("nothing to update: give source, models, environment or config")
        if self.source is not None and not self.source.given:
            raise ValueError("source: give exactly one of path, text and notebook")
        return self


class RollbackBody(Body):
    """Which revision to serve again."""

    to: int | None = Field(None, ge=1)
    """Its number; left out, the one that was live before the present one."""
    timeout_s: float = Field(300.0, gt=0, le=86_400)
    """Deadline in seconds."""


class TrafficBody(Body):
    """How to divide requests. What is left out stays as it is."""

    traffic: dict[str, float] | None = None
    """Version → percentage; versions that are left out get none, the default version what remains."""
    default: str | None = None
    """The version that gets what no percentage covers."""
    mirror: dict[str, float] | None = None
    """Version → percentage of the requests that are copied to it (one version, at most 50); ``{}`` ends it."""

    @model_validator(mode="after")
    def _something(self) -> TrafficBody:
        if self.traffic is None and self.default is None and self.mirror is None:
            raise ValueError("nothing to set: give traffic, default or mirror")
        return self


class VersionBody(Changes):
    """A new version of an endpoint."""

    version: str
    """Its name: 1 to 20 lower-case letters, digits and dashes."""
    source: SourceBody | None = None
    """Its entry script."""
    revision: int | None = Field(None, ge=1)
    """An earlier revision of the endpoint to serve instead of a new script."""
    traffic: float = Field(0.0, ge=0, le=100)
    """Its share of the requests in percent."""
    mirror: float = Field(0.0, ge=0, le=50)
    """Share of the requests that are copied to it in percent."""
    default: bool = False
    """It gets what no percentage covers."""

    @model_validator(mode="after")
    def _one(self) -> VersionBody:
        if (self.source is None) == (self.revision is None):
            raise ValueError("give exactly one of source and revision")
        return self


class CanaryBody(Body):
    """How a version is tried."""

    steps: list[float] = Field(default=[5.0, 20.0, 50.0], min_length=1)
    """Rising percentages to go through."""
    step_timeout_s: float = Field(600.0, gt=0, le=86_400)
    """Longest time for one step, in seconds."""
    min_requests: int = Field(100, ge=1)
    """Requests that each version must have had before it is found good."""
    max_error_increase: float = Field(0.01, ge=0, le=1)
    """Share of errors that it may have more than the default (0.01 is 1 %)."""
    max_latency_ratio: float = Field(1.5, ge=1)
    """How many times the default's p95 its own may be."""
    on_insufficient: Literal["hold", "rollback"] = "hold"
    """What is done where there were too few requests."""


class PromoteBody(Body):
    """Where a service's bytes go."""

    target: str
    """The target."""
    new_name: str | None = None
    """The new service's name; left out, ``name-target``."""
    config: dict[str, Any] = Field(default_factory=dict)
    """Keys of the target's configuration."""
    timeout_s: float = Field(300.0, gt=0, le=86_400)
    """Deadline in seconds."""


class StartBody(Body):
    """How long to wait for a service that is started."""

    timeout_s: float = Field(300.0, gt=0, le=86_400)
    """Deadline in seconds."""


class KeyBody(Body):
    """Which key to change."""

    key: Literal["primary", "secondary"]
    """Callers with the other one notice nothing."""
    value: str | None = None
    """The new key; left out, a random one."""


class TokenBody(Body):
    """How long a token lives."""

    life_s: float = Field(43_200.0, gt=0, le=86_400 * 30)
    """Its life in seconds; twelve hours when left out."""


class InvokeBody(Body):
    """A test request: at most one of ``payload``, ``text`` and ``base64``; with none, the schema's sample."""

    payload: Any = None
    """Sent as JSON."""
    text: str | None = None
    """Sent as it is, as ``content_type``."""
    base64: str | None = None
    """Bytes, sent as they are, as ``content_type``."""
    content_type: str | None = Field(None, pattern=r"^[\x20-\x7e]{1,200}$")
    """Content type; left out, application/json for text and application/octet-stream for bytes."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Further request headers."""
    timeout_s: float = Field(60.0, gt=0, le=3_600)
    """How long to wait for the answer, in seconds."""

    @model_validator(mode="after")
    def _one(self) -> InvokeBody:
        if sum(item is not None for item in (self.payload, self.text, self.base64)) > 1:
            raise ValueError("give at most one of payload, text and base64")
        check_headers(self.headers)
        return self


class CodeBody(Body):
    """A request to write code for."""

    text: str | None = None
    """Its body; left out, bytes that the code reads from a file."""
    content_type: str = Field("application/json", pattern=r"^[\x20-\x7e]{1,200}$")
    """Its content type."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Further request headers."""
    jupyter_url: str | None = Field(None, pattern=r"^https?://[\x21-\x7e]{1,2000}$")
    """Address of this Jupyter server as its users see it, to go through it; left out, the service is called itself."""

    @field_validator("headers")
    @classmethod
    def _headers(cls, headers: dict[str, str]) -> dict[str, str]:
        return check_headers(headers)


class LintBody(Body):
    """A text to check, or a file."""

    text: str | None = None
    """The text."""
    path: str | None = None
    """With ``text``: its name; ``.yml``, ``.json`` and ``.txt`` are checked as deployment files, conda files and
    requirements; with ``cell`` the notebook's. Without: a file below the file browser's root, a notebook too."""
    kind: Literal["auto", "script", "cell", "batch"] = "auto"
    """What the text is; ``auto`` finds out, and finds nothing in what is no entry script."""
    cell_names: list[str] | None = None
    """With ``cell``: names that the notebook's other cells bind."""
    cells: list[str] | None = None
    """With ``cell``: the texts of the notebook's other code cells. The answer has the names that they bind; send those
    as ``cell_names`` as long as the cells stay as they are."""
    server: Literal["mldeploy", "azureml"] | None = None
    """Where the script is going to run; left out, what the project's pyproject.toml says, else ``mldeploy``."""

    @model_validator(mode="after")
    def _something(self) -> LintBody:
        if self.text is None and self.path is None:
            raise ValueError("give text or path")
        if self.cells is not None and self.cell_names is not None:
            raise ValueError("give cells or cell_names, not both")
        return self


class ModelBody(Body):
    """A model to register."""

    path: str
    """A file or folder below the file browser's root."""
    name: str
    """Its name in the registry."""
    description: str | None = None
    """What it is."""
    tags: dict[str, str] = Field(default_factory=dict)
    """Labels that may change."""
    properties: dict[str, str] = Field(default_factory=dict)
    """Labels that can only be added."""
    framework: str | None = None
    """Custom, TensorFlow, ScikitLearn, Onnx, TfKeras, PyTorch or Multi."""
    framework_version: str | None = None
    """Only with a framework."""


class ModelChangesBody(Body):
    """What to change of a model."""

    description: str | None = None
    """Replaces the description."""
    add_tags: dict[str, str] = Field(default_factory=dict)
    """Tags to add or change."""
    remove_tags: list[str] = Field(default_factory=list)
    """Keys of tags to remove."""
    add_properties: dict[str, str] = Field(default_factory=dict)
    """Properties to add."""


class EnvironmentBody(Body):
    """An environment to register: exactly one of ``conda`` and ``requirements`` and ``path``; or ``pip`` alone."""

    name: str
    """Its name."""
    conda: str | None = None
    """Text of a conda file."""
    requirements: str | None = None
    """Text of a requirements file."""
    path: str | None = None
    """A conda (.yml) or requirements (.txt) file below the file browser's root."""
    pip: list[str] = Field(default_factory=list)
    """Further requirements."""
    python: str | None = None
    """Python version, for example 3.11."""

    @model_validator(mode="after")
    def _one(self) -> EnvironmentBody:
        given = sum(item is not None for item in (self.conda, self.requirements, self.path))
        if given > 1 or (given == 0 and not self.pip):
            raise ValueError("give one of conda, requirements and path, or pip")
        return self
