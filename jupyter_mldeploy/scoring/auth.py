"""Who may call: a primary and a secondary key, or signed tokens. All are sent as ``Authorization: Bearer …``.

Key file (JSON): ``{"primary": "…", "secondary": "…", "further": ["…"], "token_keys": […]}``, each optional (``further``
are keys of others who may call too; see ``tokens`` for the last one, which may also have a file of its own). Without a
file the variables ``MLDEPLOY_PRIMARY_KEY`` and ``MLDEPLOY_SECONDARY_KEY`` count. Keys are compared in constant time and
never logged.
"""

from __future__ import annotations

import hmac
import json
from pathlib import Path
from typing import Any

from .errors import SettingsError
from .exchange import Exchange
from .settings import Settings
from .tokens import SigningKey, TokenChecker, read_signing_keys

_KEY_NEEDED = "A valid key is needed. Send it as the header `Authorization: Bearer <key>`."
_TOKEN_NEEDED = "A valid token is needed. Send it as the header `Authorization: Bearer <token>`."  # noqa: S105
_EITHER_NEEDED = "A valid key or token is needed. Send it as the header `Authorization: Bearer <key or token>`."


class KeyRing:
    """The keys that open the service; ``reload`` takes over changed files without a gap.

    Raises:
        SettingsError: a file was named that cannot be read, or that holds no key.
    """

    def __init__(self, settings: Settings) -> None:
        self._file = Path(settings.keys_file) if settings.keys_file else None
        self._token_file = Path(settings.token_keys_file) if settings.token_keys_file else None
        self._service = settings.service_name
        self._keys: tuple[bytes, ...] = ()
        self._tokens: TokenChecker | None = None
        if self._file is None:
            self._keys = tuple(key.encode() for key in (settings.primary_key, settings.secondary_key) if key)
        self.reload()

    @property
    def enabled(self) -> bool:
        """Whether a key or token is needed at all."""
        return bool(self._keys) or self._tokens is not None

    def reload(self) -> None:
        """Read the files again.

        Raises:
            SettingsError: one cannot be used; what was valid stays so.
        """
        keys, signing = self._keys, tuple[SigningKey, ...]()
        if self._file is not None:
            content = _content(self._file, "MLDEPLOY_KEYS_FILE")
            further = content.get("further")
            named = [content.get("primary"), content.get("secondary"), *(further if isinstance(further, list) else ())]
            keys = tuple(key.encode() for key in named if isinstance(key, str) and key)
            if "token_keys" in content:
                signing = _signing_keys(content, self._file, "MLDEPLOY_KEYS_FILE")
            if not keys and not signing:
                raise SettingsError(f'MLDEPLOY_KEYS_FILE: {self._file} holds no key. It needs {{"primary": "…"}}.')
        if self._token_file is not None:
            content = _content(self._token_file, "MLDEPLOY_TOKEN_KEYS_FILE")
            signing = _signing_keys(content, self._token_file, "MLDEPLOY_TOKEN_KEYS_FILE")
        self._keys = keys
        self._tokens = TokenChecker(signing, self._service) if signing else None

    def admits(self, exchange: Exchange) -> bool:
        """Return whether the request carries a valid key or token."""
        given = _given(exchange)
        if not given:
            return False
        matches = [hmac.compare_digest(given, key) for key in self._keys]  # no early end: the time must not tell which
        return any(matches) or (self._tokens is not None and self._tokens.refusal(given) is None)

    def refusal(self, exchange: Exchange) -> str:
        """Return what to tell the caller of a request that was not admitted."""
        given = _given(exchange)
        if self._tokens is None:
            return _KEY_NEEDED
        if given.count(b".") == 2:
            return self._tokens.refusal(given) or _TOKEN_NEEDED
        return _EITHER_NEEDED if self._keys else _TOKEN_NEEDED


def _given(exchange: Exchange) -> bytes:
    scheme, _, given = exchange.headers.get(b"authorization", b"").partition(b" ")
    return given.strip() if scheme.lower() == b"bearer" else b""


def _content(path: Path, variable: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        # Not the content: it may hold a key.
        raise SettingsError(f"{variable}: {path} cannot be read: {type(error).__name__}.") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{variable}: {path} cannot be read: it is no JSON object.")
    return content


def _signing_keys(content: dict[str, Any], path: Path, variable: str) -> tuple[SigningKey, ...]:
    try:
        return read_signing_keys(content.get("token_keys"))
    except ValueError as error:
        raise SettingsError(f"{variable}: {path} cannot be used: {error}.") from None
