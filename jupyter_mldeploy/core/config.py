"""What every deployment configuration shares, and how one is read.

A target brings its own subclass of :class:`DeploymentConfig`; that one pydantic model is the JSON schema for forms,
REST, CLI and completion alike. Names and defaults follow v1's ``deploy_configuration`` parameters. What a field
needs of its target and what it belongs to is marked at the field (:mod:`.config_marks`).

    >>> read_config(DeploymentConfig, {"auth_enabled": False}).auth_enabled
    False
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.annotated_handlers import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from ..errors import InvalidConfigurationError
from .config_marks import BelongsTo, Needs, schema_marks

Config = TypeVar("Config", bound="DeploymentConfig")

_DURATION = re.compile(r"\s*(?:(\d+)\s*d)?\s*(?:(\d+)\s*h)?\s*(?:(\d+)\s*m)?\s*(?:(\d+)\s*s)?\s*$", re.IGNORECASE)


def read_duration(value: object) -> object:
    """Turn ``"8h"``, ``"1d12h"``, ``"90s"`` or a number of seconds into seconds; other values pass unchanged."""
    if not isinstance(value, str):
        return value
    match = _DURATION.match(value)
    if match and any(match.groups()):
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return value


Seconds = Annotated[int, BeforeValidator(read_duration)]


class DeploymentConfig(BaseModel):
    """The part of a deployment configuration that means the same on every target."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, use_attribute_docstrings=True)

    description: Annotated[str | None, BelongsTo("endpoint")] = None
    """Free text shown in lists."""
    tags: Annotated[dict[str, str], BelongsTo("endpoint")] = Field(default_factory=dict)
    """Labels to find the service by; they can be changed later."""
    properties: Annotated[dict[str, str], BelongsTo("endpoint")] = Field(default_factory=dict)
    """Facts about the service; they can be added to, never changed."""
    auth_enabled: Annotated[bool, Needs("key_auth"), BelongsTo("endpoint")] = True
    """Callers need a key (``Authorization: Bearer <key>``)."""
    token_auth_enabled: Annotated[bool, Needs("token_auth"), BelongsTo("endpoint")] = False
    """Callers need a signed token that ends by itself instead of a key; ``auth_enabled`` is then off."""
    environment_variables: Annotated[dict[str, str], BelongsTo("script")] = Field(default_factory=dict)
    """Variables for the entry script. For secrets use ``secrets``."""
    secrets: Annotated[dict[str, str], BelongsTo("script")] = Field(default_factory=dict)
    """Variables whose values are references: ``env:NAME`` or ``file:PATH``, resolved when the service starts."""
    scoring_timeout_ms: int = Field(60_000, ge=1, le=86_400_000)
    """Longest time for one call of run(), in milliseconds."""
    replica_max_concurrent_requests: int = Field(1, ge=1, le=1_000)
    """How many run() calls one worker executes at once."""
    max_request_wait_time: int = Field(500, ge=0, le=3_600_000)
    """Longest time a request waits in the queue, in milliseconds; then the answer is 503."""
    max_batch_size: Annotated[int, BelongsTo("script")] = Field(1, ge=1, le=100_000)
    """Waiting requests that may share one call of run(); 1 switches micro-batching off."""
    max_batch_wait_ms: Annotated[float, BelongsTo("script")] = Field(0.0, ge=0, le=60_000)
    """Longest time to wait for more requests, in milliseconds; 0 takes what is queued."""
    max_request_body_mb: float = Field(100.0, gt=0, le=10_240)
    """Largest request body in MiB; larger ones are answered 413."""
    cors_origins: Annotated[list[str], BelongsTo("endpoint")] = Field(default_factory=list)
    """Origins whose pages may call the service (``*`` for all)."""
    enable_app_insights: bool = False
    """Tell of requests, log lines and exceptions by OpenTelemetry: to ``OTEL_EXPORTER_OTLP_ENDPOINT``, to
    ``APPLICATIONINSIGHTS_CONNECTION_STRING`` (give it as a secret), or to files beside the service's data."""
    error_detail: bool = False
    """Send the text of an exception in run() to the caller, not only to the log."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON schema with the fields' marks in it (see :mod:`.config_marks`)."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for key, marks in schema_marks(cls).items():
            properties.get(key, {}).update(marks)
        return schema

    @model_validator(mode="before")
    @classmethod
    def _tokens_or_keys(cls, values: Any) -> Any:
        """Switch keys off where tokens are on; as in v1 a service has one of them."""
        if not isinstance(values, Mapping) or not _is_on(values.get("token_auth_enabled")):
            return values
        if _is_on(values.get("auth_enabled")):
            raise ValueError(
                "auth_enabled and token_auth_enabled cannot both be true: callers send a key or a token; "
                "set the one that is not wanted to false"
            )
        return {**values, "auth_enabled": False}


def _is_on(value: object) -> bool:
    return str(value).strip().lower() in {"true", "1", "yes", "on", "y", "t"}


def read_config(config_type: type[Config], values: Mapping[str, Any]) -> Config:
    """Check ``values`` against ``config_type``.

    Raises:
        InvalidConfigurationError: every problem at once, each naming its key; unknown keys name the closest known one.
    """
    try:
        return config_type.model_validate(dict(values))
    except ValidationError as error:
        problems = [_problem(config_type, item) for item in error.errors(include_url=False)]
        text = "; ".join(f"{problem['field']}: {problem['message']}" for problem in problems)
        raise InvalidConfigurationError(
            f"The deployment configuration is not valid: {text}.", problems=problems
        ) from None


def _problem(config_type: type[DeploymentConfig], item: Mapping[str, Any]) -> dict[str, str]:
    field = ".".join(str(part) for part in item["loc"]) or "(configuration)"
    if item["type"] == "extra_forbidden":
        close = difflib.get_close_matches(field, list(config_type.model_fields), n=1, cutoff=0.5)
        meant = f", did you mean {close[0]!r}?" if close else ""
        return {"field": field, "message": f"unknown key{meant}"}
    message = str(item["msg"])
    message = message.removeprefix("Value error, ")
    # A fault of several keys together names them itself; the whole configuration is no help beside it.
    got = f" (got {item['input']!r})" if item["loc"] else ""
    return {"field": field, "message": f"{message[0].lower()}{message[1:]}{got}"}
