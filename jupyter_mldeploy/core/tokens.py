"""Signed access tokens of a service: v1's ``get_access_token()`` without a workspace identity behind it.

A token is a JWT (HS256) that names its service (``aud``) and ends by itself. The signing keys lie in one file per
service with mode 0600, beside its keys: the present one, and the one before it, so that tokens in use stay valid when
the key is changed. The scoring server checks them (``scoring.tokens``).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..errors import ConflictError, InvalidInputError

#: A token's life in seconds, as in v1.
TOKEN_LIFE_S = 12 * 3600.0

#: Longest life of a token in seconds.
LONGEST_LIFE_S = 30 * 24 * 3600.0


@dataclass(frozen=True, slots=True, repr=False)
class AccessToken:
    """A token to send as ``Authorization: Bearer <access_token>``; its repr does not show it.

    Attributes:
        access_token: the token.
        token_type: ``Bearer``.
        refresh_after: when to get the next one, in UTC.
        expiry_on: when it ends, in UTC.
    """

    access_token: str
    token_type: str
    refresh_after: datetime
    expiry_on: datetime

    def __repr__(self) -> str:
        return f"AccessToken(access_token=…, token_type={self.token_type!r}, expiry_on={self.expiry_on.isoformat()})"


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A key that tokens are signed with, and its name in their headers."""

    kid: str
    key: str

    def sign(self, audience: str, *, life_s: float = TOKEN_LIFE_S, now: float | None = None) -> str:
        """Return a token (JWT) that opens the service ``audience`` for ``life_s`` seconds from ``now`` on."""
        begin = int(time.time() if now is None else now)
        claims = {
            "aud": audience, "iss": "mldeploy", "iat": begin, "nbf": begin, "exp": begin + int(life_s),
            "jti": uuid.uuid4().hex,
        }  # fmt: skip
        head = {"alg": "HS256", "typ": "JWT", "kid": self.kid}
        signed = b".".join(_base64(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
        return (signed + b"." + _base64(hmac.digest(self.key.encode(), signed, hashlib.sha256))).decode()


class TokenKeyFile:
    """The signing keys of one service on disk, the present one first."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def ensure(self) -> Sequence[SigningKey]:
        """Return the keys, made on first use."""
        if not self.path.exists():
            self._write([_new_key()])
        return self.read()

    def read(self) -> Sequence[SigningKey]:
        """Return the keys."""
        values = json.loads(self.path.read_text(encoding="utf-8"))["token_keys"]
        return [SigningKey(item["kid"], item["key"]) for item in values]

    def rotate(self, *, revoke: bool = False) -> None:
        """Sign with a new key from now on. Tokens of the key before stay valid, of all earlier ones not.

        Args:
            revoke: let no token that was issued so far stay valid.
        """
        if revoke:
            self._write([_new_key()])
        else:
            self.prepare()
            self.promote()

    def prepare(self) -> None:
        """Make the next key, and go on signing with the present one: whoever checks tokens can learn the next first."""
        self._write([self.ensure()[0], _new_key()])

    def promote(self) -> None:
        """Sign with the key that was prepared; the one before it still counts."""
        present, *prepared = self.ensure()
        self._write([*prepared, present])

    def trials(self, audience: str) -> list[str]:
        """Return a token for the next minutes of each key, to find out whether a server knows them all."""
        return [key.sign(audience, life_s=600) for key in self.ensure()]

    def issue(self, audience: str, *, life_s: float = TOKEN_LIFE_S) -> AccessToken:
        """Return a new token for the service ``audience``.

        Raises:
            InvalidInputError: ``life_s`` is not between a minute and 30 days.
        """
        if not 60 <= life_s <= LONGEST_LIFE_S:
            raise InvalidInputError(
                f"A token cannot live for {life_s:g} s.", field="life_s", hint="Take 60 s to 30 days; 12 h is usual."
            )
        now = int(time.time())
        token = self.ensure()[0].sign(audience, life_s=life_s, now=now)
        refresh, expiry = (datetime.fromtimestamp(now + int(share * life_s), UTC) for share in (2 / 3, 1))
        return AccessToken(token, "Bearer", refresh, expiry)

    def _write(self, keys: Sequence[SigningKey]) -> None:
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump({"token_keys": [{"kid": item.kid, "key": item.key} for item in keys]}, stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(self.path)


def no_tokens(name: str) -> ConflictError:
    """Return the error for a service whose callers send no tokens."""
    return ConflictError(
        f"Service {name!r} takes no access tokens.",
        hint="Its callers send a key (see keys()). Tokens instead of keys: deploy it with token_auth_enabled: true.",
    )


def _new_key() -> SigningKey:
    return SigningKey(secrets.token_hex(8), secrets.token_urlsafe(48))


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
