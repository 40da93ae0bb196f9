"""What can go wrong between a request's bytes and ``run()``: a leaf of its own, because images carry no more of us.

SchemaDefinitionError   a decorator or sample is wrong; raised while the entry script is imported
ContractError           ``run()`` has a form that no request can reach; raised when the script is loaded
RequestError            the request does not fit (``ValueError``): answer 400 with its message
ResponseError           the result cannot be written as JSON (``TypeError``): answer 500 with its message
SwaggerVersionError     the document version asked for does not exist: answer 404 with its message
BatchError              results cannot be given back to the requests they belong to: score one by one
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice
from typing import Any

_LONGEST_TEXT = 60
_LONGEST_REASON = 400
_MOST_KEYS = 8


class SchemaDefinitionError(Exception):
    """A schema decorator or the sample in it cannot be used; raised where the script is imported."""


class ContractError(Exception):
    """``run()`` has a signature or a set of decorators that no request could ever be passed to."""


class SwaggerVersionError(ValueError):
    """The Swagger/OpenAPI version asked for does not exist, or the samples cannot be described in it."""


class BatchError(ValueError):
    """Requests cannot be joined into one call, or the result of a joined call cannot be taken apart again."""


class ResponseError(TypeError):
    """A result of ``run()`` cannot be written as JSON.

    Attributes:
        json_path: where in the result, for example ``$.scores[3]``.
        type_name: the type that has no JSON form.
    """

    def __init__(self, message: str, *, json_path: str, type_name: str) -> None:
        super().__init__(message)
        self.json_path = json_path
        self.type_name = type_name


class RequestError(ValueError):
    """A request that does not fit the contract of ``run()``.

    Attributes:
        message: the whole sentence, to be sent to the caller with status 400.
        reason: the message without its location: the text that the conversion itself gives.
        json_path: where in the request, for example ``$.data[0][3]``; ``$`` is the body.
        expected: what should have been there, in words.
        got: what was there, in words.
        parameter: the parameter of ``run()`` concerned, or None when the body as a whole is wrong.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        json_path: str = "$",
        expected: str | None = None,
        got: str | None = None,
        parameter: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = message if reason is None else reason
        self.json_path = json_path
        self.expected = expected
        self.got = got
        self.parameter = parameter

    @classmethod
    def at(cls, json_path: str, reason: str, *, expected: str, got: str) -> RequestError:
        """Build the error whose message is ``reason`` followed by the place, what was expected and what came."""
        # Conversions quote what they were given, however long it is.
        reason = shortened(reason, _LONGEST_REASON)
        ended = reason if reason.endswith((".", "!", "?")) else f"{reason}."
        return cls(
            f"{ended} At {json_path}: expected {expected}, got {got}.",
            reason=reason,
            json_path=json_path,
            expected=expected,
            got=got,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return ``{message, json_path, expected, got, parameter}``: the facts for a JSON body."""
        return {
            "message": self.message,
            "json_path": self.json_path,
            "expected": self.expected,
            "got": self.got,
            "parameter": self.parameter,
        }


def request_error_of(error: BaseException) -> RequestError | None:
    """Return the `RequestError` behind an exception that a decorated function raised, or None.

    Decorated functions called directly raise plain ``ValueError`` as the original package does; the cause is ours.
    """
    if isinstance(error, RequestError):
        return error
    return error.__cause__ if isinstance(error.__cause__, RequestError) else None


def child_path(path: str, key: str | int) -> str:
    """Return the path of a member: ``$.a.b`` for ``b``, ``$.a[3]`` for ``3``, ``$.a['x y']`` for ``x y``."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if key.isidentifier() else f"{path}[{key!r}]"


def shortened(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Return ``text``, cut off with ``…`` beyond ``longest`` characters."""
    return text if len(text) <= longest else f"{text[:longest]}…"


def listed(names: Iterable[object], most: int = 12) -> str:
    """Return names in quotes and between commas, at most ``most`` of them."""
    first = list(islice(names, most + 1))
    quoted = [repr(shortened(str(name))) for name in first[:most]]
    return ", ".join([*quoted, "…"] if len(first) > most else quoted)


def describe(value: object) -> str:
    """Say in words what a decoded JSON value is, short enough for an error message."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        # An integer of thousands of digits is refused by str() itself, so say its size instead.
        if isinstance(value, int) and value.bit_length() > 256:
            return f"a number of {value.bit_length()} bits"
        return f"the number {value!r}"
    if isinstance(value, str):
        return f"the string {json.dumps(shortened(value), ensure_ascii=False)}"
    if isinstance(value, (list, tuple)):
        return f"an array of {len(value)} item{'' if len(value) == 1 else 's'}"
    if isinstance(value, dict):
        if not value:
            return "an empty object"
        return f"an object with the keys {listed(value, _MOST_KEYS)}"
    return f"a {type(value).__name__}"
