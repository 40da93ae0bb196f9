"""From a request's bytes to arguments with simdjson: the reference path's results, or None to ask it.

Everything here only ever gives up: errors, and whatever simdjson does not take (NaN, UTF-16, lone surrogates, integers
beyond 64 bits), are left to the reference path, which so decides what is refused and in which words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .errors import RequestError
from .fast_arrays import ArrayReader, array_reader, count_brackets
from .parameter_types.numpy_parameter_type import NumpyParameterType

if TYPE_CHECKING:
    from .contract import Parameter

_MOST_KEYS = 64

FastDecoder = Callable[[bytes], "dict[str, Any] | None"]


def fast_decoder(parameters: Sequence[Parameter]) -> FastDecoder | None:
    """Return the decoder for these parameters, or None when simdjson is not installed."""
    try:
        import simdjson
    except ImportError:
        return None
    readers: dict[str, ArrayReader] = {}
    for parameter in parameters:
        reader = _reader_of(parameter)
        if reader is not None:
            readers[parameter.name] = reader
    general = _general_decoder(simdjson, tuple(parameters), readers)
    if len(parameters) == 1 and readers:
        return _single_array_decoder(simdjson, parameters[0].name, readers[parameters[0].name], general)
    return general


def _reader_of(parameter: Parameter) -> ArrayReader | None:
    kind = parameter.type
    # Exactly this class: a subclass may convert in its own way.
    if type(kind) is not NumpyParameterType or not parameter.convert:
        return None
    return array_reader(kind)


def _single_array_decoder(simdjson: Any, name: str, reader: ArrayReader, general: FastDecoder) -> FastDecoder:
    parser_type, array_type, object_type = simdjson.Parser, simdjson.Array, simdjson.Object
    only = [name]

    def decode(body: bytes) -> dict[str, Any] | None:
        try:
            # A parser for each call: it is cheap, belongs to one thread and leaves with the proxies that point into it.
            document = parser_type().parse(body)
        except (ValueError, RuntimeError):
            return None
        if type(document) is not object_type:
            return None
        if list(document.keys()) != only:
            return general(body)
        array = document[name]
        if type(array) is not array_type:
            return None
        found = reader(array)
        if found is None or count_brackets(body) != found[1]:
            return None
        return {name: found[0]}

    return decode


def _general_decoder(simdjson: Any, parameters: tuple[Parameter, ...], readers: dict[str, ArrayReader]) -> FastDecoder:
    parser_type, array_type, object_type = simdjson.Parser, simdjson.Array, simdjson.Object

    def decode(body: bytes) -> dict[str, Any] | None:
        try:
            document = parser_type().parse(body)
        except (ValueError, RuntimeError):
            return None
        if type(document) is not object_type:
            return None
        keys = list(document.keys())
        if len(keys) > _MOST_KEYS:
            return None  # simdjson looks every key up from the start
        if len(set(keys)) != len(keys) or "\0" in "".join(keys):
            return None  # the last one counts, and simdjson finds the first; and its look-up stops at a zero character
        raw = {key: document[key] for key in keys}
        values: dict[str, Any] = {}
        brackets = 0
        try:
            for parameter in parameters:
                name = parameter.name
                if name not in raw:
                    if parameter.required:
                        return None
                    values[name] = parameter.default_value()
                elif name in readers:
                    found = readers[name](raw[name]) if type(raw[name]) is array_type else None
                    if found is None:
                        return None
                    values[name] = found[0]
                    brackets += found[1]
                    del raw[name]
                else:
                    values[name] = parameter.converted(plain(raw[name]), quick=True)
        except RequestError:
            return None
        if brackets and not _accounted_for(body, brackets, raw):
            return None
        return values

    def plain(value: Any) -> Any:
        if type(value) is array_type:
            return value.as_list()
        return value.as_dict() if type(value) is object_type else value

    def _accounted_for(body: bytes, brackets: int, others: dict[str, Any]) -> bool:
        for key, value in others.items():
            brackets += key.count("[")
            if isinstance(value, str):
                brackets += value.count("[")
            elif type(value) is array_type or type(value) is object_type:
                brackets += value.mini.count(b"[")
        # An escaped bracket in a text would be counted although the body does not show it.
        if others and b"\\u" in body:
            return False
        return count_brackets(body) == brackets

    return decode
