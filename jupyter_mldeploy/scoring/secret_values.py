"""Secrets of a service in a container: a mounted file becomes variables of the script, and their values no log line.

``MLDEPLOY_SECRETS_FILE`` names a JSON object of variables. So they are in no image, no label and no list of the
container's variables that an engine shows to whoever may ask it.
"""

from __future__ import annotations

import json

from .errors import SettingsError

TYPE_CHECKING = False  # what typing.TYPE_CHECKING means to type checkers, without the import of typing
if TYPE_CHECKING:
    from collections.abc import MutableMapping

VARIABLE = "MLDEPLOY_SECRETS_FILE"

#: Shorter values are too common to be blotted out everywhere.
_SHORTEST = 4

_blots: list[bytes] = []


def load_secrets(environ: MutableMapping[str, str]) -> None:
    """Set the variables of the secrets file, and have their values blotted out of this process's log from now on.

    Raises:
        SettingsError: the file is missing or no JSON object of texts.
    """
    place = environ.get(VARIABLE)
    if not place:
        return
    try:
        with open(place, "rb") as file:  # noqa: PTH123 - no pathlib: see standalone
            found = json.loads(file.read())
    except (OSError, ValueError) as error:
        raise SettingsError(f"{VARIABLE}: {place} cannot be read as JSON: {error}.") from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise SettingsError(f"{VARIABLE}: {place} must hold a JSON object of texts.")
    environ.update(found)
    for value in found.values():
        if len(value) >= _SHORTEST:
            # As it is, and as it stands inside a JSON line.
            forms = (value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
            _blots.extend(sorted({form.encode() for form in forms}, key=len, reverse=True))


def blot(data: bytes) -> bytes:
    """Return log data without the values of secrets."""
    for value in _blots:
        data = data.replace(value, b"***")
    return data
