"""MLD206: what schema decorators and parameter types are called with."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext, called_name, has_unpacking, keyword
from jupyter_mldeploy.core.lint.diagnostics import Fix
from jupyter_mldeploy.core.lint.rule import rule
from jupyter_mldeploy.core.lint.schema_use import SAMPLE_TYPES
from jupyter_mldeploy.core.script.kind import is_ours

_KEYWORDS = {
    "input": ("param_name", "param_type", "convert_to_provided_type", "optional"),
    "output": ("output_type",),
    "NumpyParameterType": ("sample_input", "enforce_column_type", "enforce_shape"),
    "PandasParameterType": ("sample_input", "enforce_column_type", "enforce_shape", "apply_column_names", "orient"),
    "StandardPythonParameterType": ("sample_input",),
    "SparkParameterType": ("sample_input", "apply_sample_schema"),
}


@rule(
    "MLD206",
    "wrong-schema-arguments",
    "error",
    stage="import",
    zero_fp=True,
    runtime="TypeError: input_schema() missing 1 required positional argument: 'param_type'",
)
def wrong_schema_arguments(ctx: ScriptContext) -> Iterator[Finding]:
    """A schema decorator is not called, is given arguments it does not have, or stands on `init()`.

    `@input_schema("name", type)` takes the parameter's name and type; `@output_schema(type)` takes the type alone.

    Bad::

        from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema(StandardPythonParameterType({"a": 1.0}))
        def run(data):
            return data

    Good::

        from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("data", StandardPythonParameterType({"a": 1.0}))
        def run(data):
            return data
    """
    init = ctx.init
    for node in init.decorator_list if init is not None else ():
        qualified = ctx.qualified_name(node.func if isinstance(node, ast.Call) else node) or ""
        if is_ours(qualified) and qualified.endswith(("input_schema", "output_schema")):
            yield ctx.finding(node, "A schema decorator on init() makes init() fail; schemas belong on run().")
    for decorator in ctx.analysis.decorators:
        if decorator.role not in {"input", "output"} or not decorator.resolved:
            continue
        name = f"{decorator.role}_schema"
        if not isinstance(decorator.node, ast.Call):
            yield ctx.finding(
                decorator.node,
                f"@{name} is not called, so importing the script fails; write @{name}(…) with its arguments.",
            )
            continue
        yield from _arguments(
            ctx, decorator.node, f"{name}()", _KEYWORDS[decorator.role], 2 if decorator.role == "input" else 1
        )
    for call in ctx.facts.calls:
        last = called_name(call) or ""
        made = ctx.qualified_name(call.func) if last in SAMPLE_TYPES else None
        if made and is_ours(made) and last in _KEYWORDS:
            yield from _arguments(ctx, call, f"{last}()", _KEYWORDS[last], 1)


def _arguments(
    ctx: ScriptContext, call: ast.Call, name: str, accepted: tuple[str, ...], required: int
) -> Iterator[Finding]:
    if has_unpacking(call):
        return
    if len(call.args) > len(accepted):
        yield ctx.finding(
            call.args[len(accepted)],
            f"{name} takes {len(accepted)} argument{'s' if len(accepted) > 1 else ''} but "
            f"{len(call.args)} were given, so "
            "importing the script fails; remove what is too much.",
        )
        return
    for item in call.keywords:
        if item.arg in accepted:
            continue
        close = difflib.get_close_matches(item.arg or "", accepted, 1)
        fix = None
        if close and keyword(call, close[0]) is None:
            span = ctx.span(item)
            fix = Fix(f"Write {close[0]}", (ctx.replace(span, f"{close[0]}={ctx.text(item.value)}"),))
        yield ctx.finding(
            item,
            f"{name} has no argument {item.arg}, so importing the script fails; it takes {', '.join(accepted)}.",
            fix,
        )
    missing = [key for key in accepted[len(call.args) : required] if keyword(call, key) is None]
    if missing:
        yield ctx.finding(
            call, f"{name} is missing {' and '.join(missing)}, so importing the script fails; give every argument."
        )
