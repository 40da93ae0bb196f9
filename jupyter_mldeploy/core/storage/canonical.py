"""Canonical JSON and the digests made from it: the same bytes on every machine for the same values."""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import Any

from ...errors import InvalidInputError

DIGEST_PREFIX = "sha256:"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def canonical_json(value: Any, *, what: str = "value") -> bytes:
    """Return ``value`` as canonical JSON: keys sorted by code point, UTF-8, no white space, no NaN or infinity.

    Floats are written as Python's shortest round-trip form, which does not depend on the machine.

    Args:
        value: dictionaries with text keys, lists, tuples, text, integers, finite floats, booleans and None.
        what: how an error calls the value.

    Raises:
        InvalidInputError: the value holds something that JSON cannot carry, with the path to it.
    """
    try:
        _refuse_foreign(value, what)
        text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except RecursionError:
        raise InvalidInputError(f"{what} is nested too deeply or holds itself.", field=what) from None
    return text.encode("utf-8")


def _refuse_foreign(value: Any, path: str) -> None:
    # json.dumps would quietly turn 1 and True into the keys "1" and "true", so that two values share one digest.
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise InvalidInputError(f"{path} holds text that is not valid Unicode: {value!r}.", field=path) from None
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise InvalidInputError(f"{path} has the key {key!r}; keys must be text.", field=path)
            _refuse_foreign(key, path)
            _refuse_foreign(item, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _refuse_foreign(item, f"{path}[{index}]")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidInputError(f"{path} is {value!r}, which JSON cannot carry.", field=path)
    elif value is not None and not isinstance(value, (bool, int)):
        raise InvalidInputError(
            f"{path} is a {type(value).__name__}, which JSON cannot carry.",
            field=path,
            hint="Use text, numbers, booleans, None, lists and dictionaries.",
        )


def digest_of_bytes(data: bytes) -> str:
    """Return ``"sha256:<64 hex digits>"`` of ``data``."""
    return DIGEST_PREFIX + hashlib.sha256(data).hexdigest()


def is_digest(text: object) -> bool:
    """Return whether ``text`` is a full digest, ``sha256:`` and 64 lower-case hex digits."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None
