"""From a request's bytes or query to the arguments of ``run()``: the reference path, one step at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .errors import RequestError, child_path, describe

if TYPE_CHECKING:
    from .contract import Parameter


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in ``body``: UTF-8, -16 or -32, with or without byte order mark; last duplicate wins.

    Raises:
        RequestError: the body is empty, no JSON, or no object.
    """
    if not body:
        raise RequestError("POST body is empty. Expecting a JSON dictionary.", expected="an object", got="nothing")
    try:
        document = json.loads(body)
    except RecursionError:
        message = "POST body could not be decoded as JSON: too many arrays or objects inside each other"
        raise RequestError(message, expected="an object") from None
    except ValueError as error:
        raise RequestError(f"POST body could not be decoded as JSON: {error}", expected="an object") from error
    if not isinstance(document, dict):
        raise RequestError("POST body should be a JSON dictionary.", expected="an object", got=describe(document))
    return document


def parse_text(body: bytes) -> str:
    """Return the body as text for a ``run()`` without schema; raise `RequestError` when it is not UTF-8."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestError(f"Input cannot be decoded as UTF-8: {error}", expected="UTF-8 text") from error


def bind(parameters: Sequence[Parameter], document: dict[str, Any], *, quick: bool) -> dict[str, Any]:
    """Return the arguments that ``document`` spells; keys that are no parameter are ignored.

    Raises:
        RequestError: a required argument is missing, or a value does not fit its type.
    """
    for parameter in parameters:
        if parameter.required and parameter.name not in document:
            raise missing(parameter)
    values: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.name not in document:
            values[parameter.name] = parameter.default_value()
            continue
        try:
            values[parameter.name] = parameter.converted(document[parameter.name], quick=quick)
        except RequestError as error:
            error.parameter = parameter.name
            raise
    return values


def missing(parameter: Parameter) -> RequestError:
    """Return the error for a required argument that the request does not have."""
    return RequestError(
        f"A value is not provided for the '{parameter.name}' parameter.",
        json_path=child_path("$", parameter.name),
        expected=parameter.expectation(),
        got="nothing",
        parameter=parameter.name,
    )


def parse_query(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return query parameters as a JSON object: values are JSON or else text, repeats become lists."""
    document: dict[str, Any] = {}
    for name, values in _grouped(pairs).items():
        decoded = [_json_or_text(value) for value in values]
        document[name] = decoded[0] if len(decoded) == 1 else decoded
    return document


def bind_query(parameters: Sequence[Parameter], pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the arguments that a query spells; text such as ``7`` stays text for a parameter that is a string."""
    pairs = list(pairs)
    document = parse_query(pairs)
    grouped = _grouped(pairs)
    for parameter in parameters:
        values = grouped.get(parameter.name, [])
        if len(values) == 1 and parameter.takes_text():
            document[parameter.name] = values[0]
    return bind(parameters, document, quick=True)


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
