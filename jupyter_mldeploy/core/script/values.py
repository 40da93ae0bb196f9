"""What type an expression certainly has, read from the syntax tree alone: ``np.array(...)`` is an ndarray.

The answer is a short name (``"ndarray"``, ``"DataFrame"``, ``"dict"``, ``"np.int64"``, ``"str"``, …) or None for
"unknown", which is the usual answer. numpy and pandas are never imported.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from jupyter_mldeploy.core.script.dataflow import reaching
from jupyter_mldeploy.core.script.scopes import Facts

_DEPTH = 12
_ARRAY_MAKERS = {
    "array", "asarray", "asanyarray", "ascontiguousarray", "zeros", "ones", "full", "empty", "zeros_like",
    "ones_like", "arange", "linspace", "eye", "identity", "vstack", "hstack", "dstack", "stack", "column_stack",
    "concatenate", "expand_dims", "atleast_2d", "atleast_3d", "frombuffer", "fromstring", "tile", "repeat",
}  # fmt: skip
_NUMPY_SCALARS = {
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64",
    "bool_", "datetime64", "timedelta64",
}  # fmt: skip
_QUALIFIED = {
    "pandas.DataFrame": "DataFrame", "pandas.read_csv": "DataFrame", "pandas.read_excel": "DataFrame",
    "pandas.read_parquet": "DataFrame", "pandas.DataFrame.from_dict": "DataFrame",
    "pandas.DataFrame.from_records": "DataFrame", "pandas.Series": "Series", "pandas.Timestamp": "Timestamp",
    "json.dumps": "str", "datetime.date": "date", "datetime.date.today": "date", "datetime.datetime": "datetime",
    "datetime.datetime.now": "datetime", "datetime.datetime.today": "datetime",
    "datetime.datetime.utcnow": "datetime", "datetime.datetime.strptime": "datetime", "datetime.time": "time",
    "datetime.timedelta": "timedelta", "os.path.join": "str", "os.path.basename": "str", "os.path.dirname": "str",
    "traceback.format_exc": "str", "numpy.random.randn": "ndarray?", "numpy.random.rand": "ndarray?",
    "time.time": "float", "decimal.Decimal": "Decimal", "uuid.uuid4": "UUID", "collections.OrderedDict": "dict",
    "collections.defaultdict": "dict",
}  # fmt: skip
_BUILTINS = {
    "dict": "dict", "list": "list", "tuple": "tuple", "set": "set", "frozenset": "frozenset", "str": "str",
    "int": "int", "float": "float", "bool": "bool", "bytes": "bytes", "bytearray": "bytearray",
    "complex": "complex", "sorted": "list", "len": "int", "repr": "str", "format": "str", "object": "object",
    "range": "range", "map": "map", "filter": "filter", "zip": "zip", "enumerate": "enumerate", "ascii": "str",
    "hex": "str", "memoryview": "memoryview",
}  # fmt: skip
_SAME_TYPE = {
    "ndarray": {"astype", "reshape", "flatten", "ravel", "copy", "transpose", "squeeze", "round", "clip"},
    "DataFrame": {"copy", "head", "tail", "fillna", "dropna", "reset_index", "rename", "sort_values", "astype", "drop"},
    "Series": {"copy", "head", "tail", "fillna", "astype", "reset_index", "sort_values"},
    "str": {"strip", "lower", "upper", "format", "join", "replace", "title", "lstrip", "rstrip", "capitalize"},
}
_METHODS = {
    ("ndarray", "tobytes"): "bytes", ("ndarray", "tostring"): "bytes", ("DataFrame", "to_numpy"): "ndarray",
    ("DataFrame", "to_json"): "str", ("Series", "to_json"): "str", ("DataFrame", "to_csv"): "str",
    ("Series", "to_numpy"): "ndarray", ("Series", "to_frame"): "DataFrame", ("str", "encode"): "bytes",
    ("bytes", "decode"): "str", ("str", "split"): "list", ("Series", "tolist"): "list", ("Series", "to_list"): "list",
    ("datetime", "isoformat"): "str", ("datetime", "strftime"): "str", ("datetime", "date"): "date",
    ("date", "isoformat"): "str", ("DataFrame", "to_string"): "str", ("dict", "copy"): "dict", ("list", "copy"): "list",
    ("datetime", "time"): "time",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Value:
    """A type name and the expression that shows it (the literal or call that a name stands for)."""

    type: str
    node: ast.expr


def infer(facts: Facts, node: ast.expr, depth: int = 0) -> Value | None:
    """Return the certain type of an expression, or None."""
    if depth > _DEPTH:
        return None
    match node:
        case ast.Constant(value=value):
            return Value("None" if value is None else type(value).__name__, node)
        case ast.Dict() | ast.DictComp():
            return Value("dict", node)
        case ast.List() | ast.ListComp():
            return Value("list", node)
        case ast.Set() | ast.SetComp():
            return Value("set", node)
        case ast.Tuple():
            return Value("tuple", node)
        case ast.JoinedStr():
            return Value("str", node)
        case ast.Lambda():
            return Value("function", node)
        case ast.GeneratorExp():
            return Value("generator", node)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            inner = infer(facts, operand, depth + 1)
            return Value(inner.type, node) if inner and inner.type in {"int", "float"} else None
        case ast.UnaryOp(op=ast.Not()):
            return Value("bool", node)
        case ast.BinOp(left=left, op=ast.Add() | ast.Mod()):
            found = infer(facts, left, depth + 1)
            return Value("str", node) if found and found.type == "str" else None
        case ast.IfExp(body=body, orelse=orelse):
            one, other = infer(facts, body, depth + 1), infer(facts, orelse, depth + 1)
            return Value(one.type, node) if one and other and one.type == other.type else None
        case ast.Name():
            return _name(facts, node, depth)
        case ast.Attribute(value=value, attr=attribute):
            base = infer(facts, value, depth + 1)
            if base and (base.type, attribute) in {("DataFrame", "values"), ("Series", "values"), ("ndarray", "T")}:
                return Value("ndarray", node)
            return None
        case ast.Call():
            return _call(facts, node, depth)
        case _:
            return None


def source_expression(facts: Facts, node: ast.expr) -> ast.expr:
    """Return the expression a name certainly stands for, or the node itself."""
    for _ in range(_DEPTH):
        if not isinstance(node, ast.Name):
            break
        reach = reaching(facts, node)
        if reach is None or reach.value is None:
            break
        node = reach.value
    return node


def _name(facts: Facts, node: ast.Name, depth: int) -> Value | None:
    found = facts.lookup(node.id, facts.scope_of(node))
    if found is None:
        return Value("class", node) if node.id in _BUILTINS or node.id in {"object", "type"} else None
    reach = reaching(facts, node)
    if reach is not None and reach.value is not None:
        return infer(facts, reach.value, depth + 1)
    bindings = found[1]
    if len(bindings) == 1 and bindings[0].kind in {"class", "def"} and not facts.is_conditional(bindings[0].node):
        return Value("class" if bindings[0].kind == "class" else "function", node)
    return None


def _call(facts: Facts, node: ast.Call, depth: int) -> Value | None:
    name = facts.qualified_name(node.func)
    if name is not None:
        root, _, last = name.rpartition(".")
        if root == "numpy" and last in _ARRAY_MAKERS:
            return Value("ndarray", node)
        if root == "numpy" and last in _NUMPY_SCALARS:
            return _numpy_scalar(facts, node, last, depth)
        known = _QUALIFIED.get(name)
        if known == "ndarray?":  # without arguments these are a float
            return Value("ndarray", node) if node.args else Value("float", node)
        if name.startswith("pandas.read_") and any(
            k.arg in {"chunksize", "iterator", "sheet_name"} for k in node.keywords
        ):
            return None
        if known == "str" and root == "pandas":
            return None
        return Value(known, node) if known else None
    if isinstance(node.func, ast.Name):
        found = facts.lookup(node.func.id, facts.scope_of(node.func))
        if found is None and not facts.star_imports:
            known = _BUILTINS.get(node.func.id)
            return Value(known, node) if known else None
        if found is not None and len(found[1]) == 1:
            made = found[1][0].node
            # A class with bases may be a dict or a str; one without is an object that JSON cannot hold.
            if isinstance(made, ast.ClassDef) and not made.bases and not made.keywords and not made.decorator_list:
                return Value("object", node)
        return None
    if isinstance(node.func, ast.Attribute):
        return _method(facts, node, node.func, depth)
    return None


def _numpy_scalar(facts: Facts, node: ast.Call, last: str, depth: int) -> Value | None:
    """``np.float32(x)`` is a scalar only for a scalar; for a list it is an array, which JSON refuses just as well."""
    if len(node.args) != 1 or node.keywords:
        return None
    argument = infer(facts, node.args[0], depth + 1)
    if argument is not None and argument.type in {"list", "tuple", "ndarray", "Series", "DataFrame"}:
        return Value("ndarray" if argument.type not in {"Series", "DataFrame"} else argument.type, node)
    if last == "float64" and argument is None:
        return None  # an array or a float64, and JSON takes the latter
    return Value(f"np.{last}", node)


def _method(facts: Facts, node: ast.Call, func: ast.Attribute, depth: int) -> Value | None:
    base = infer(facts, func.value, depth + 1)
    if base is None:
        return None
    if func.attr in _SAME_TYPE.get(base.type, ()):
        if any(keyword.arg == "inplace" for keyword in node.keywords):
            return None
        return Value(base.type, node)
    known = _METHODS.get((base.type, func.attr))
    if known == "str" and func.attr in {"to_json", "to_csv", "to_string"} and node.args:
        return None  # written to a file
    return Value(known, node) if known else None
