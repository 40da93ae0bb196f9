"""MLD207, MLD208, MLD212, MLD213, MLD215: decorated inputs and outputs in use."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext
from jupyter_mldeploy.core.lint.diagnostics import Fix
from jupyter_mldeploy.core.lint.rule import rule
from jupyter_mldeploy.core.lint.schema_use import SchemaUse, schema_uses
from jupyter_mldeploy.core.script.source import Span

_SCHEMA = frozenset({"schema"})
_NOT_TEXT = {"ndarray", "DataFrame", "dict", "list", "int", "float", "bool", "tuple", "datetime"}


def _decoded(ctx: ScriptContext) -> dict[str, SchemaUse]:
    """Return the inputs of ``run()`` whose decoded type is certain, once each."""
    if not ctx.plain_run or ctx.run_scope is None:
        return {}
    uses = [use for use in schema_uses(ctx) if use.role == "input"]
    if any(not use.certain or use.name is None for use in uses):
        return {}
    counts = Counter(use.name for use in uses)
    return {use.name: use for use in uses if use.name and counts[use.name] == 1 and use.decoded and not use.optional}


@rule(
    "MLD207",
    "decoded-value-parsed-again",
    "error",
    stage="request",
    zero_fp=True,
    kinds=_SCHEMA,
    runtime="TypeError: the JSON object must be str, bytes or bytearray, not ndarray",
)
def decoded_value_parsed_again(ctx: ScriptContext) -> Iterator[Finding]:
    """`json.loads` on a parameter that its `@input_schema` has decoded already.

    With a schema, `run()` receives an array, DataFrame, dict, … and no JSON text.

    Bad::

        import json
        import numpy as np
        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("data", NumpyParameterType(np.array([[1.0]])))
        def run(data):
            rows = json.loads(data)
            return rows

    Good::

        import numpy as np
        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("data", NumpyParameterType(np.array([[1.0]])))
        def run(data):
            return data.tolist()
    """
    decoded = _decoded(ctx)
    scope = ctx.run_scope
    for call in ctx.facts.calls if decoded and scope is not None else ():
        if len(call.args) != 1 or call.keywords or not isinstance(call.args[0], ast.Name):
            continue
        name = call.args[0].id
        if name not in decoded or ctx.qualified_name(call.func) != "json.loads" or scope is None:
            continue
        found = decoded[name].decoded
        if found not in _NOT_TEXT or not ctx.is_parameter(call.args[0], name, scope):
            continue
        if ctx.is_type_checked(scope, name) or ctx.is_forgiven(call):
            continue
        fix = None
        if not isinstance(ctx.facts.parents[call], ast.Subscript):
            fix = Fix(f"Use {name} as it is", (ctx.replace(call, name),))
        yield ctx.finding(
            call,
            f"{name} is decoded by its @input_schema ({found}), so json.loads fails on every request; use it as it is.",
            fix,
        )


@rule(
    "MLD208",
    "array-indexed-by-name",
    "error",
    stage="request",
    zero_fp=True,
    kinds=_SCHEMA,
    runtime=(
        "IndexError: only integers, slices (:), ellipsis (...), numpy.newaxis (None) and integer or boolean arrays are "
        "valid indices"
    ),
)
def array_indexed_by_name(ctx: ScriptContext) -> Iterator[Finding]:
    """A decoded numpy array is indexed with a text key, as if it still were the request's JSON object.

    Bad::

        import numpy as np
        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("data", NumpyParameterType(np.array([[1.0]])))
        def run(data):
            return data["data"].tolist()

    Good::

        import numpy as np
        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("data", NumpyParameterType(np.array([[1.0]])))
        def run(data):
            return data.tolist()
    """
    decoded, scope = _decoded(ctx), ctx.run_scope
    for node in ctx.facts.subscripts if decoded and scope is not None else ():
        if not isinstance(node.value, ast.Name) or not isinstance(node.slice, ast.Constant) or scope is None:
            continue
        name = node.value.id
        use = decoded.get(name)
        if (
            use is None
            or use.decoded != "ndarray"
            or not isinstance(node.slice.value, str)
            or not _is_plain_array(ctx, use)
        ):
            continue
        if not ctx.is_parameter(node.value, name, scope) or ctx.is_type_checked(scope, name) or ctx.is_forgiven(node):
            continue
        fix = Fix(f"Use {name} as it is", (ctx.replace(node, name),)) if isinstance(node.ctx, ast.Load) else None
        yield ctx.finding(
            node,
            f"{name} is a numpy array by its @input_schema, so [{node.slice.value!r}] fails on every "
            f"request; use {name} itself.",
            fix,
        )


def _is_plain_array(ctx: ScriptContext, use: SchemaUse) -> bool:
    """Whether the sample is certainly no structured array, whose fields have names."""
    value = use.made.sample_value if use.made else None
    if value is None or not isinstance(value.node, ast.Call) or not value.node.args:
        return False
    call = value.node
    if len(call.args) > 1 or any(item.arg != "dtype" for item in call.keywords):
        return False
    for item in call.keywords:
        plain = ctx.qualified_name(item.value) or (
            isinstance(item.value, ast.Name) and item.value.id in {"float", "int", "str", "bool"}
        )
        if not plain and not (isinstance(item.value, ast.Constant) and "," not in str(item.value.value)):
            return False
    return isinstance(ctx.expression_of(call.args[0]), ast.List)


_TEXT_OF = {
    "str": "text",
    "dict": "an object",
    "list": "an array",
    "int": "a number",
    "float": "a number",
    "bool": "a boolean",
    "tuple": "an array",
}


@rule("MLD212", "output-differs-from-schema", "hint", stage="answer", kinds=_SCHEMA, response=True)
def output_differs_from_schema(ctx: ScriptContext) -> Iterator[Finding]:
    """What `run()` returns is not what its `@output_schema` promises.

    The returned value is never checked: the service works, but its Swagger document says something else.

    Bad::

        import json
        import numpy as np
        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.schema_decorators import input_schema, output_schema

        def init():
            pass

        @input_schema("data", NumpyParameterType(np.array([[1.0]])))
        @output_schema(NumpyParameterType(np.array([1.0])))
        def run(data):
            return {"result": data[:, 0].tolist()}

    Good::

        import json
        import numpy as np
        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.schema_decorators import input_schema, output_schema

        def init():
            pass

        @input_schema("data", NumpyParameterType(np.array([[1.0]])))
        @output_schema(NumpyParameterType(np.array([1.0])))
        def run(data):
            return data[:, 0].tolist()
    """
    uses = [use for use in schema_uses(ctx) if use.role == "output"]
    if len(uses) != 1 or uses[0].made is None:
        return
    promised = _promised(uses[0])
    if promised is None:
        return
    for node, value in ctx.run_returns():
        if ctx.in_handler(node) is not None or not ctx.in_run(node):
            continue
        given = _TEXT_OF.get(ctx.type_of(value) or "")
        if (
            given is None
            and isinstance(value, ast.Call)
            and isinstance(value.func, ast.Attribute)
            and value.func.attr == "tolist"
        ):
            given = "an array"
        if given is not None and given != promised:
            yield ctx.finding(value, f"@output_schema promises {promised}, but run() returns {given} here.")


def _promised(use: SchemaUse) -> str | None:
    made = use.made
    if made is None:
        return None
    if made.type == "numpy":
        return "an array"
    if made.type == "pandas":
        orient = next((item.value for item in made.call.keywords if item.arg == "orient"), None)
        known = orient.value if isinstance(orient, ast.Constant) else "records" if orient is None else None
        return None if known is None else "an array" if known in {"records", "values"} else "an object"
    return _TEXT_OF.get(made.sample_value.type) if made.type == "standard" and made.sample_value else None


@rule("MLD213", "half-a-schema", "info", stage="answer", kinds=_SCHEMA, whole=True)
def half_a_schema(ctx: ScriptContext) -> Iterator[Finding]:
    """`run()` has an input schema but no output schema, or only an output schema.

    Without an output schema the Swagger document cannot say what comes back. With an output schema alone, `run()` gets
    the values of the JSON object's keys undecoded instead of the body's text.

    Bad::

        import numpy as np
        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("data", NumpyParameterType(np.array([[1.0]])))
        def run(data):
            return data[:, 0].tolist()

    Good::

        import numpy as np
        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.schema_decorators import input_schema, output_schema

        def init():
            pass

        @input_schema("data", NumpyParameterType(np.array([[1.0]])))
        @output_schema(NumpyParameterType(np.array([1.0])))
        def run(data):
            return data[:, 0].tolist()
    """
    roles = {decorator.role for decorator in ctx.analysis.decorators}
    if ctx.run is None:
        return
    if "output" not in roles:
        yield ctx.finding(ctx.run, "run() has no @output_schema, so the Swagger document cannot say what comes back.")
    elif "input" not in roles:
        yield ctx.finding(
            ctx.run,
            "run() has only an @output_schema: the body must then be a JSON object and its values arrive undecoded; "
            "add @input_schema for each parameter.",
        )


@rule("MLD215", "power-bi-names", "info", stage="answer", kinds=_SCHEMA)
def power_bi_names(ctx: ScriptContext) -> Iterator[Finding]:
    """A parameter is named nearly, but not exactly, as Power BI expects.

    Power BI and Azure's automatic schema look for `Inputs` (and, optionally, `GlobalParameters`), in this spelling.

    Bad::

        from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("inputs", StandardPythonParameterType([{"a": 1.5}]))
        @input_schema("GlobalParameters", StandardPythonParameterType(1.0))
        def run(inputs, GlobalParameters=1.0):
            return inputs

    Good::

        from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("Inputs", StandardPythonParameterType([{"a": 1.5}]))
        @input_schema("GlobalParameters", StandardPythonParameterType(1.0))
        def run(Inputs, GlobalParameters=1.0):
            return Inputs
    """
    exact = {"inputs": "Inputs", "globalparameters": "GlobalParameters"}
    names = {use.name for use in schema_uses(ctx) if use.role == "input"}
    if not names & {"Inputs", "GlobalParameters"}:
        return
    for use in schema_uses(ctx):
        wanted = exact.get((use.name or "").replace("_", "").lower())
        if use.role == "input" and wanted and use.name != wanted and use.name_node is not None:
            yield ctx.finding(use.name_node, f"Power BI looks for {wanted} in exactly this spelling, not {use.name}.")
    if (
        "Inputs" not in names
        and "GlobalParameters" in names
        and "inputs" not in {(name or "").lower() for name in names}
    ):
        first = ctx.run
        if first is not None:
            span = ctx.header(first)
            yield ctx.finding(
                Span(span.line, span.column, span.line, span.end_column),
                "Power BI looks for a parameter Inputs beside GlobalParameters.",
            )
