"""Signed tokens: JWTs (RFC 7519) with HS256, made for one service and one span of time.

Nothing of a token is believed before its signature fits: the header's ``alg`` chooses nothing (only HS256 exists here),
its ``kid`` merely says which of the service's signing keys to try first. The present key and the one before it count,
so that a key can be changed while tokens are in use.

Signing keys lie in a JSON file, the present one first: ``{"token_keys": [{"kid": "…", "key": "…"}, …]}``. It may be the
keys' own file or a file of its own.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

#: Clocks of two machines may differ by this many seconds.
LEEWAY_S = 60

#: Longer texts are no tokens of ours, and are not worth a signature.
_LONGEST = 8192

_SHORTEST_KEY = 32


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that tokens are signed with, and the name that their headers give it."""

    kid: str
    secret: bytes = field(repr=False)


def read_signing_keys(values: object) -> tuple[SigningKey, ...]:
    """Read the list below ``token_keys``.

    Raises:
        ValueError: it is not such a list, or a key is too short; the message does not show it.
    """
    if not isinstance(values, list) or not values:
        raise ValueError("token_keys must be a list with at least one key")
    keys = []
    for item in values:
        kid, key = (item.get("kid"), item.get("key")) if isinstance(item, dict) else (None, None)
        if not isinstance(kid, str) or not isinstance(key, str):
            raise ValueError("each of token_keys needs the texts kid and key")  # noqa: TRY004 - one kind for all
        if len(key) < _SHORTEST_KEY:
            raise ValueError(f"a signing key needs {_SHORTEST_KEY} characters or more")
        keys.append(SigningKey(kid, key.encode()))
    return tuple(keys)


class TokenChecker:
    """Tells whether a token opens a service.

    Args:
        keys: the signing keys that count.
        audience: the service's name; ``aud`` of a token must be or contain it.
        clock: epoch seconds.
    """

    def __init__(self, keys: Sequence[SigningKey], audience: str, clock: Callable[[], float] = time.time) -> None:
        self._keys = tuple(keys)
        self._audience = audience
        self._clock = clock

    def refusal(self, token: bytes) -> str | None:
        """Return None when the token opens the service, else why not, in words for the caller.

        Whoever cannot sign learns nothing: all that is wrong with an unsigned token is "not signed by this service".
        """
        unsigned = "The token was not signed by this service."
        parts = token.split(b".") if len(token) <= _LONGEST else []
        if len(parts) != 3:
            return unsigned
        try:
            head, signature = _object(parts[0]), _unbase64(parts[2])
        except ValueError:
            return unsigned
        if head.get("alg") != "HS256" or head.get("typ", "JWT") != "JWT" or "crit" in head:
            return unsigned
        signed = token[: len(token) - len(parts[2]) - 1]
        named = [key for key in self._keys if key.kid == head.get("kid")]
        fits = [
            hmac.compare_digest(hmac.digest(key.secret, signed, hashlib.sha256), signature)
            for key in (named or ([] if "kid" in head else self._keys))
        ]
        if not any(fits):
            return unsigned
        try:
            return self._unfit(_object(parts[1]))
        except ValueError:
            return "The token's claims cannot be read."

    def _unfit(self, claims: dict[str, Any]) -> str | None:
        audience = claims.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            return "The token was made for another service."
        now = self._clock()
        expires, begins = _time(claims.get("exp")), _time(claims.get("nbf", 0))
        if expires is None or begins is None:
            return "The token does not say when it is valid."
        if expires <= now - LEEWAY_S:
            return "The token has expired. Get a new one with get_access_token()."
        if begins > now + LEEWAY_S:
            return "The token is not valid yet."
        return None


def _object(part: bytes) -> dict[str, Any]:
    found = json.loads(_unbase64(part))
    if not isinstance(found, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one kind of error for everything unreadable
    return found


def _unbase64(data: bytes) -> bytes:
    try:
        return base64.b64decode(data + b"=" * (-len(data) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def _time(value: object) -> float | None:
    sensible = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12
    return float(value) if sensible else None  # type: ignore[arg-type]  # sensible says that it is a number
