"""Keys of services: a primary and a secondary one, so that one can be changed while the other works.

They live in one file per service with mode 0600, outside the catalogue, bundles, logs and history. Targets hand the
file (or its content by a secret) to the scoring server.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InvalidInputError


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """The two keys of a service; its repr shows neither."""

    primary: str
    secondary: str

    def __repr__(self) -> str:
        return "Keys(primary=…, secondary=…)"

    def __iter__(self) -> Iterator[str]:
        """Unpack like v1's ``primary, secondary = service.get_keys()``."""
        return iter((self.primary, self.secondary))


def generate_key() -> str:
    """Return a new random key of 256 bits in URL-safe letters."""
    return secrets.token_urlsafe(32)


class KeyFile:
    """The keys of one service on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def ensure(self) -> Keys:
        """Return the keys, made on first use."""
        if not self.path.exists():
            self.write(Keys(generate_key(), generate_key()))
        return self.read()

    def read(self) -> Keys:
        """Return the keys."""
        values = json.loads(self.path.read_text(encoding="utf-8"))
        return Keys(values["primary"], values["secondary"])

    def further(self) -> list[str]:
        """Return the keys of others that open the service too; see :meth:`lend`."""
        try:
            values = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        return list(values.get("further") or ())

    def lend(self, further: Sequence[str]) -> bool:
        """Let further keys open the service; they stay when its own are changed. Return whether that is a change."""
        if self.further() == list(further):
            return False
        self.write(self.ensure(), further)
        return True

    def write(self, keys: Keys, further: Sequence[str] | None = None) -> None:
        """Replace the file atomically, readable by its owner only; ``further`` None leaves those there are."""
        others = self.further() if further is None else list(further)
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            more = {"further": others} if others else {}
            json.dump({"primary": keys.primary, "secondary": keys.secondary, **more}, stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(self.path)

    def regenerate(self, which: str, value: str | None = None) -> Keys:
        """Change one key and return both.

        Args:
            which: ``"primary"`` or ``"secondary"``, in any case.
            value: the new key, or None for a random one; at least 16 visible ASCII characters.
        """
        slot = which.lower()
        if slot not in {"primary", "secondary"}:
            raise InvalidInputError(f"A key is 'primary' or 'secondary', not {which!r}.", field="key")
        if value is not None and (len(value) < 16 or not value.isascii() or not value.isprintable() or " " in value):
            raise InvalidInputError(
                "A key needs at least 16 visible ASCII characters and no space.",
                field="set_key",
                hint="Leave it out to get a random one.",
            )
        old = self.ensure()
        new = value or generate_key()
        keys = Keys(new, old.secondary) if slot == "primary" else Keys(old.primary, new)
        self.write(keys)
        return keys
