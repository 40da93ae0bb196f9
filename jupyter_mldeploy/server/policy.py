"""What the administrator allows: targets, lifetimes, read-only mode and limits, as values that handlers ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.target import Target
from ..errors import ForbiddenError

_ASK = "Ask whoever runs this Jupyter server."


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds.

    Attributes:
        operations: deployments and the like that run at once; more of them wait for their turn.
        proxy_body: largest request body that the proxy passes on.
        proxy_s: longest time for one proxied request.
        invoke_body: most of an answer that a test request shows.
        stream_page: most log lines or events in one message.
        stream_subscriptions: subscriptions of one WebSocket.
        stream_stall_s: time after which a WebSocket whose client does not read is closed.
    """

    operations: int = 4
    proxy_body: int = 100 << 20
    proxy_s: float = 300.0
    invoke_body: int = 4 << 20
    stream_page: int = 500
    stream_subscriptions: int = 32
    stream_stall_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Policy:
    """See the module's docstring.

    Attributes:
        allowed_targets: targets that may be deployed to; None is all.
        max_ttl_s: longest life of a service in seconds; 0 is no limit.
        read_only: nothing may be changed.
    """

    allowed_targets: frozenset[str] | None = None
    max_ttl_s: int = 0
    read_only: bool = False
    limits: Limits = Limits()

    def why_no_changes(self) -> str | None:
        """Return why nothing may be changed, or None where it may."""
        return "This Jupyter server shows deployments and does not change them." if self.read_only else None

    def require_writable(self) -> None:
        """Raise ForbiddenError in read-only mode."""
        reason = self.why_no_changes()
        if reason is not None:
            raise ForbiddenError(reason, hint=_ASK)

    def allows(self, target: str) -> bool:
        """Return whether a target may be deployed to."""
        return self.allowed_targets is None or target in self.allowed_targets

    def require_target(self, target: str) -> None:
        """Raise ForbiddenError for a target that is not allowed."""
        if self.allows(target):
            return
        allowed = ", ".join(sorted(self.allowed_targets or ())) or "none"
        raise ForbiddenError(
            f"This Jupyter server does not deploy to target {target!r}; allowed are: {allowed}.",
            hint=_ASK,
            details={"target": target},
        )

    def within_ttl(self, target: Target, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the configuration with a lifetime that is allowed: the longest one where none is given.

        Raises:
            ForbiddenError: a longer one is asked for, or the target cannot end a service by itself.
        """
        if not self.max_ttl_s:
            return dict(config)
        if not target.capabilities.ttl:
            raise ForbiddenError(
                f"This Jupyter server limits the life of services to {self.max_ttl_s} s, and target {target.name!r}"
                " cannot end them by itself.",
                hint=_ASK,
            )
        from ..core.config import read_duration

        ttl = read_duration(config.get("ttl"))
        if ttl is None:
            return {**config, "ttl": self.max_ttl_s}
        if isinstance(ttl, int | float) and ttl > self.max_ttl_s:
            raise ForbiddenError(
                f"ttl is {ttl:g} s, and this Jupyter server allows {self.max_ttl_s} s.",
                hint="Give a shorter one.",
                details={"field": "ttl", "max": self.max_ttl_s},
            )
        return dict(config)
