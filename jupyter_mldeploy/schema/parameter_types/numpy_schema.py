"""NumPy dtypes as Swagger schemas, and the items of a sample array as JSON."""

from __future__ import annotations

import binascii
import datetime as dt
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

_SCHEMAS: dict[str, dict[str, Any]] = {
    **{
        f"{sign}int{bits}": {"type": "integer", "format": f"{sign}int{bits}"}
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    },
    "bool": {"type": "boolean"},
    "float16": {"type": "number", "format": "float"},
    "float32": {"type": "number", "format": "float"},
    "float64": {"type": "number", "format": "double"},
    "object": {"type": "object"},
}


def dtype_schema(dtype: np.dtype[Any]) -> dict[str, Any]:
    """Return the schema of one item of ``dtype``; raise ``TypeError`` for dtypes with no JSON form, such as complex."""
    if dtype.names is not None:
        return {"type": "object", "properties": {name: dtype_schema(dtype[name]) for name in dtype.names}}
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return nested_arrays(dtype_schema(base), len(shape))
    name = dtype.name.lower()
    if name in _SCHEMAS:
        return dict(_SCHEMAS[name])
    if name.startswith("datetime"):
        return {"type": "string", "format": "date-time"}
    if name.startswith("timedelta"):
        return {"type": "string", "format": "timedelta"}
    if name.startswith("str"):
        return {"type": "string"}
    if name.startswith(("bytes", "void")):
        return {"type": "string", "format": "binary"}
    raise TypeError(f"We currently do not support extracting schema from data of type {name}")


def nested_arrays(item: dict[str, Any], dimensions: int) -> dict[str, Any]:
    """Wrap an item's schema in one ``array`` a dimension, at least one."""
    schema = item
    for _ in range(max(dimensions, 1)):
        schema = {"type": "array", "items": schema}
    return schema


def exact_item_schema(dtype: np.dtype[Any]) -> dict[str, Any]:
    """Return `dtype_schema` with the range of integers, for forms and OpenAPI 3."""
    import numpy as np

    schema = dtype_schema(dtype)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        schema |= {"minimum": int(limits.min), "maximum": int(limits.max)}
    elif dtype.names is not None:
        schema["properties"] = {name: exact_item_schema(dtype[name]) for name in dtype.names}
        schema["required"] = list(dtype.names)
    elif dtype.hasobject:
        return {}
    return schema


def fixed_arrays(item: dict[str, Any], sizes: Sequence[int | None]) -> dict[str, Any]:
    """Wrap an item's schema in one ``array`` for each of ``sizes``; a size of None is free."""
    schema = item
    for size in reversed(sizes):
        schema = {"type": "array", "items": schema}
        if size is not None:
            schema |= {"minItems": size, "maxItems": size}
    return schema


def example_of(item: Any, schema: dict[str, Any]) -> Any:
    """Return one item of a sample as JSON, in the form that its schema announces.

    A number that JSON cannot hold (NaN, infinity) and NaT become None.
    """
    kind = schema["type"]
    if kind == "object":
        if "properties" in schema:
            return {name: example_of(item[name], member) for name, member in schema["properties"].items()}
        return str(item)
    if kind == "array":
        return [example_of(member, schema["items"]) for member in item]
    if kind == "number":
        number = float(item)
        return number if math.isfinite(number) else None
    if kind == "integer":
        return int(item)
    if kind == "boolean":
        return bool(item)
    form = schema.get("format")
    if form == "date-time":
        return _instant_text(item)
    if form == "binary":
        return binascii.b2a_base64(bytes(item), newline=False).decode("ascii")
    return str(item)


def _instant_text(item: Any) -> str | None:
    # Microseconds first: finer units turn into a bare integer when asked for a Python datetime.
    instant = item.astype("datetime64[us]").item()
    return instant.strftime("%Y-%m-%d %H:%M:%S,%f") if isinstance(instant, dt.datetime) else None
