"""A schema decorator of ``run()`` with its nodes, as the schema rules need it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from jupyter_mldeploy.core.entryscript import RunDecorator
from jupyter_mldeploy.core.lint.context import ScriptContext, called_name, keyword
from jupyter_mldeploy.core.script.kind import is_ours
from jupyter_mldeploy.core.script.values import Value

SAMPLE_TYPES = {
    "NumpyParameterType": "numpy",
    "PandasParameterType": "pandas",
    "StandardPythonParameterType": "standard",
    "SparkParameterType": "spark",
}
MODULES = {
    "NumpyParameterType": "inference_schema.parameter_types.numpy_parameter_type",
    "PandasParameterType": "inference_schema.parameter_types.pandas_parameter_type",
    "StandardPythonParameterType": "inference_schema.parameter_types.standard_py_parameter_type",
}


@dataclass(frozen=True, slots=True)
class ParameterTypeCall:
    """A call such as ``NumpyParameterType(sample)`` whose class is certainly known."""

    call: ast.Call
    class_name: str
    type: str
    sample: ast.expr | None
    sample_value: Value | None


@dataclass(frozen=True, slots=True)
class SchemaUse:
    """A called schema decorator; ``certain`` says that imports prove it is ours and its arguments can be counted."""

    node: ast.Call
    role: Literal["input", "output"]
    certain: bool
    name: str | None
    name_node: ast.expr | None
    type_node: ast.expr | None
    made: ParameterTypeCall | None
    optional: bool
    converts: bool

    @property
    def decoded(self) -> str | None:
        """The type that ``run()`` receives for this input, or None when it is not certain."""
        if self.role != "input" or not self.converts or self.made is None or not self.certain:
            return None
        if self.made.type in {"numpy", "pandas"}:
            return "ndarray" if self.made.type == "numpy" else "DataFrame"
        return self.made.sample_value.type if self.made.type == "standard" and self.made.sample_value else None


def schema_uses(ctx: ScriptContext) -> list[SchemaUse]:
    """Return the called schema decorators of ``run()`` from the top down."""
    made: list[SchemaUse] | None = ctx.notes.get("schema_uses")
    if made is None:
        made = ctx.notes["schema_uses"] = _read_uses(ctx)
    return made


def _read_uses(ctx: ScriptContext) -> list[SchemaUse]:
    return [
        _use(ctx, decorator, decorator.node)
        for decorator in ctx.analysis.decorators
        if decorator.role in {"input", "output"} and isinstance(decorator.node, ast.Call)
    ]


def _use(ctx: ScriptContext, decorator: RunDecorator, call: ast.Call) -> SchemaUse:
    positional = list(call.args)
    unpacked = any(isinstance(arg, ast.Starred) for arg in positional) or any(
        item.arg is None for item in call.keywords
    )
    name_node: ast.expr | None = None
    role: Literal["input", "output"] = "input" if decorator.role == "input" else "output"
    if role == "input":
        name_node = positional.pop(0) if positional else keyword(call, "param_name")
    type_node = positional[0] if positional else keyword(call, "param_type" if role == "input" else "output_type")
    value = ctx.expression_of(name_node) if name_node is not None else None
    name = value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None
    return SchemaUse(
        node=call,
        role=role,
        certain=decorator.resolved and not unpacked,
        name=name,
        name_node=name_node,
        type_node=type_node,
        made=parameter_type(ctx, type_node) if type_node is not None else None,
        optional=_is_on(positional, 2, call, "optional", default=False),
        converts=_is_on(positional, 1, call, "convert_to_provided_type", default=True),
    )


def _is_on(positional: list[ast.expr], index: int, call: ast.Call, name: str, *, default: bool) -> bool:
    """Read a literal flag; a computed one counts as the value that mutes the strict rules."""
    node = positional[index] if index < len(positional) else keyword(call, name)
    if node is None:
        return default
    return bool(node.value) if isinstance(node, ast.Constant) else not default


def parameter_type(ctx: ScriptContext, node: ast.expr) -> ParameterTypeCall | None:
    """Return the parameter type that an expression certainly makes, or None."""
    node = ctx.expression_of(node)
    if not isinstance(node, ast.Call):
        return None
    qualified = ctx.qualified_name(node.func)
    class_name = (qualified or "").rpartition(".")[2]
    if qualified is None or not is_ours(qualified) or class_name not in SAMPLE_TYPES:
        return None
    sample = node.args[0] if node.args else keyword(node, "sample_input")
    if isinstance(sample, ast.Starred):
        return None
    return ParameterTypeCall(
        node, class_name, SAMPLE_TYPES[class_name], sample, ctx.value_of(sample) if sample is not None else None
    )


def parameter_types(ctx: ScriptContext) -> Iterator[ParameterTypeCall]:
    """Yield every parameter type the script certainly makes, nested ones too."""
    for call in ctx.facts.calls:
        if (called_name(call) or "").endswith("ParameterType"):
            made = parameter_type(ctx, call)
            if made is not None:
                yield made


def first_not_encodable(ctx: ScriptContext, node: ast.expr, depth: int = 0) -> tuple[ast.expr, str] | None:
    """Return the first part of a literal that JSON certainly cannot hold, with its type name."""
    if depth > 8:
        return None
    shown = ctx.expression_of(node)
    if isinstance(shown, ast.Dict):
        parts: list[ast.expr] = [value for value in shown.values if value is not None]
    elif isinstance(shown, ast.List | ast.Tuple):
        parts = list(shown.elts)
    else:
        found = ctx.type_of(shown)
        return (node, found) if found in NOT_ENCODABLE else None
    for part in parts:
        inner = first_not_encodable(ctx, part, depth + 1)
        if inner is not None:
            return inner
    return None


NOT_ENCODABLE = {
    "ndarray", "DataFrame", "Series", "set", "frozenset", "complex", "object", "class", "function", "generator", "map",
    "filter", "zip", "np.int8", "np.int16", "np.int32", "np.int64", "np.uint8", "np.uint16", "np.uint32", "np.uint64",
    "np.float16", "np.float32", "np.bool_", "np.datetime64", "np.timedelta64",
}  # fmt: skip
