"""Looks through an object as pickling would: which modules it consists of, and what in it cannot be stored."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ...errors import InvalidInputError

_DEEPEST = 12
_MOST_CHILDREN = 500


@dataclass(slots=True)
class ObjectTrace:
    """What an object consists of.

    Attributes:
        modules: of every class and function in it.
        own_modules: those that are the user's own (``__main__`` included), which no environment can install.
        error: why it cannot be pickled, or None.
    """

    modules: set[str] = field(default_factory=set)
    own_modules: set[str] = field(default_factory=set)
    error: InvalidInputError | None = None


class _Sink:
    """Takes bytes and forgets them."""

    def write(self, data: Any) -> int:
        return len(data)


def trace_object(obj: Any, name: str) -> ObjectTrace:
    """Look through ``obj``; nothing is written, and the data of arrays is not copied."""
    from ..objects import is_own_module

    trace = ObjectTrace()
    error = _try(obj, trace.modules)
    if error is not None:
        trace.error = _explain(obj, name, error)
    trace.own_modules = {item for item in trace.modules if is_own_module(sys.modules.get(item))}
    return trace


def _try(obj: Any, modules: set[str]) -> Exception | None:
    import cloudpickle

    class Recorder(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, item: Any) -> Any:
            named = item if isinstance(item, type | types.FunctionType | types.BuiltinFunctionType) else type(item)
            module = getattr(named, "__module__", None)
            if isinstance(module, str):
                modules.add(module)
            return super().reducer_override(item)

    try:
        # With protocol 5 large buffers are handed to the callback, not copied into the stream.
        Recorder(_Sink(), protocol=5, buffer_callback=lambda _buffer: None).dump(obj)
    except Exception as error:  # noqa: BLE001 - __reduce__ and __getstate__ are foreign code and raise anything
        return error
    return None


def _explain(obj: Any, name: str, error: Exception) -> InvalidInputError:
    path, culprit = _culprit(obj, name, set(), 0)
    kind = type(culprit)
    what = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    reason = str(error).splitlines()[0].rstrip(".") if str(error) else kind.__name__
    where = "it" if path == name else path
    return InvalidInputError(
        f"The object {name!r} cannot be stored: {where} is a {what}, which cannot be pickled ({reason}).",
        field="--object",
        hint="Leave that part out of the object and make it in init(), or save the object by hand and use --model.",
        details={"path": path, "type": what},
    )


def _culprit(obj: Any, path: str, seen: set[int], depth: int) -> tuple[str, Any]:
    """Return path and value of the innermost part that cannot be pickled."""
    seen.add(id(obj))
    if depth < _DEEPEST:
        for part, value in _parts(obj):
            if id(value) not in seen and _try(value, set()) is not None:
                return _culprit(value, f"{path}{part}", seen, depth + 1)
    return path, obj


def _parts(obj: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(obj, dict):
        pairs: Iterator[tuple[str, Any]] = ((f"[{key!r}]", value) for key, value in list(obj.items()))
    elif isinstance(obj, list | tuple | set | frozenset):
        pairs = ((f"[{index}]", value) for index, value in enumerate(obj))
    elif isinstance(obj, types.FunctionType):
        cells = zip(obj.__code__.co_freevars, obj.__closure__ or (), strict=False)
        inside = [(f".<{key}>", cell.cell_contents) for key, cell in cells if _is_filled(cell)]
        names = [key for key in obj.__code__.co_names if key in obj.__globals__]
        pairs = iter([*inside, *((f".<{key}>", obj.__globals__[key]) for key in names)])
    else:
        slots = {key for kind in type(obj).__mro__ for key in getattr(kind, "__slots__", ()) if isinstance(key, str)}
        found = {key: getattr(obj, key) for key in sorted(slots) if hasattr(obj, key)}
        attributes = getattr(obj, "__dict__", None)
        found.update(attributes if isinstance(attributes, dict) else {})
        pairs = ((f".{key}", value) for key, value in found.items())
    yield from islice(pairs, _MOST_CHILDREN)


def _is_filled(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - an empty cell raises
    except ValueError:
        return False
    return True
