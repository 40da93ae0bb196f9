"""Who may call: a primary and a secondary key, or signed tokens. All are sent as ``Authorization: Bearer …``.

Key file (JSON): ``{"primary": "…", "secondary": "…", "token_key": "…"}``, each optional. Without a file the variables
``MLDEPLOY_PRIMARY_KEY`` and ``MLDEPLOY_SECONDARY_KEY`` count. Keys are compared in constant time and never logged.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from pathlib import Path

from .errors import SettingsError
from .exchange import Exchange
from .settings import Settings

_LEEWAY_S = 60


class KeyRing:
    """The keys that open the service; ``reload`` takes over a changed file without a gap.

    Raises:
        SettingsError: a key file was named that cannot be read, or that holds no key.
    """

    def __init__(self, settings: Settings) -> None:
        self._file = Path(settings.keys_file) if settings.keys_file else None
        self._service = settings.service_name
        self._keys: tuple[bytes, ...] = ()
        self._token_key: bytes | None = None
        if self._file is not None:
            self.reload()
        else:
            self._keys = tuple(key.encode() for key in (settings.primary_key, settings.secondary_key) if key)

    @property
    def enabled(self) -> bool:
        """Whether a key is needed at all."""
        return bool(self._keys) or self._token_key is not None

    def reload(self) -> None:
        """Read the key file again.

        Raises:
            SettingsError: it cannot be used; the keys that were valid stay so.
        """
        if self._file is None:
            return
        try:
            content = json.loads(self._file.read_bytes())
            found = {name: content.get(name) for name in ("primary", "secondary", "token_key")}
        except (OSError, ValueError, AttributeError) as error:
            # Not the content: it may hold a key.
            raise SettingsError(f"MLDEPLOY_KEYS_FILE: {self._file} cannot be read: {type(error).__name__}.") from None
        values = {name: value.encode() for name, value in found.items() if isinstance(value, str) and value}
        if not values:
            raise SettingsError(f'MLDEPLOY_KEYS_FILE: {self._file} holds no key. It needs {{"primary": "…"}}.')
        self._keys = tuple(values[name] for name in ("primary", "secondary") if name in values)
        self._token_key = values.get("token_key")

    def admits(self, exchange: Exchange) -> bool:
        """Return whether the request carries a valid key or token."""
        scheme, _, given = exchange.headers.get(b"authorization", b"").partition(b" ")
        given = given.strip()
        if scheme.lower() != b"bearer" or not given:
            return False
        matches = [hmac.compare_digest(given, key) for key in self._keys]  # no early end: the time must not tell which
        if any(matches):
            return True
        return self._token_key is not None and given.count(b".") == 2 and self._is_valid_token(given, self._token_key)

    def _is_valid_token(self, token: bytes, key: bytes) -> bool:
        """Check a JWT: HS256 signature, ``exp``, ``nbf``, and ``aud`` when it is there."""
        signed, _, signature = token.rpartition(b".")
        try:
            if not hmac.compare_digest(hmac.digest(key, signed, hashlib.sha256), _unbase64(signature)):
                return False
            head, claims = (json.loads(_unbase64(part)) for part in signed.split(b"."))
            now = time.time()
            return (
                head.get("alg") == "HS256"
                and float(claims["exp"]) > now - _LEEWAY_S
                and float(claims.get("nbf", 0)) <= now + _LEEWAY_S
                and claims.get("aud", self._service) in (self._service, [self._service])
            )
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
            return False


def sign_token(key: str, service: str, *, life_s: float = 12 * 3600, subject: str = "") -> str:
    """Return a token (JWT, HS256) that opens ``service`` for ``life_s`` seconds."""
    now = int(time.time())
    claims = {"aud": service, "iat": now, "nbf": now, "exp": now + int(life_s), "sub": subject}
    head = {"alg": "HS256", "typ": "JWT"}
    signed = b".".join(_base64(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
    return (signed + b"." + _base64(hmac.digest(key.encode(), signed, hashlib.sha256))).decode()


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _unbase64(data: bytes) -> bytes:
    return base64.urlsafe_b64decode(data + b"=" * (-len(data) % 4))
