"""MLD211, MLD214: samples that say less than the script can take."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext, called_name, keyword
from jupyter_mldeploy.core.lint.rule import rule
from jupyter_mldeploy.core.lint.schema_use import parameter_types, schema_uses

_SCHEMA = frozenset({"schema", "rawhttp"})


@rule("MLD211", "sample-too-narrow", "warning", stage="request", kinds=_SCHEMA)
def sample_too_narrow(ctx: ScriptContext) -> Iterator[Finding]:
    """A sample of whole numbers refuses or cuts decimals; an empty sample says nothing.

    An `int` sample refuses `1.7`; an integer array silently makes `1` of it; a `bool` refuses numbers; on
    Azure's server an array or DataFrame without columns refuses every request that has some, and this one cannot check
    anything. Write numbers as `1.0` when decimals may come, and give a sample at least one row.

    Bad::

        import numpy as np
        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("data", NumpyParameterType(np.array([[1, 2]])))
        def run(data):
            return data.tolist()

    Good::

        import numpy as np
        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))
        def run(data):
            return data.tolist()
    """
    for use in schema_uses(ctx):
        if use.role != "input" or use.made is None or use.made.sample is None or not use.converts:
            continue
        value, call = use.made.sample_value, use.made.call
        if value is None:
            continue
        if use.made.type == "standard" and value.type == "int" and isinstance(value.node, ast.Constant | ast.UnaryOp):
            yield ctx.finding(
                use.made.sample,
                f"A sample of type int refuses decimals such as 1.7 for {use.name}; write it as a float "
                f"if they may come.",
            )
        if not isinstance(value.node, ast.Call):
            continue
        if use.made.type == "numpy" and called_name(value.node) in {"array", "asarray"} and value.node.args:
            shape, whole = _array(ctx, value.node.args[0])
            fixed_shape, fixed_type = _is_off(call, "enforce_shape"), _is_off(call, "enforce_column_type")
            if shape and 0 in (shape if len(shape) == 1 else shape[1:]) and not fixed_shape:
                yield ctx.finding(
                    use.made.sample,
                    f"An empty array says nothing about {use.name}: Azure's server refuses every request that has "
                    "values, this one checks nothing; fill in a row.",
                )
            elif whole and not fixed_type and len(value.node.args) == 1 and keyword(value.node, "dtype") is None:
                yield ctx.finding(
                    use.made.sample,
                    f"This sample is an array of whole numbers, so decimals in {use.name} are silently cut "
                    "(1.7 becomes 1); write 1.0 or give a float dtype if decimals may come.",
                )
        if use.made.type == "pandas" and called_name(value.node) == "DataFrame" and not _is_off(call, "enforce_shape"):
            arguments = value.node.args or [item.value for item in value.node.keywords if item.arg == "data"]
            empty = not value.node.args and not value.node.keywords
            if empty or (
                len(value.node.keywords) + len(value.node.args) == 1 and arguments and _is_empty(ctx, arguments[0])
            ):
                yield ctx.finding(
                    use.made.sample,
                    f"An empty DataFrame says nothing about {use.name}: Azure's server refuses every request that has "
                    "columns, this one checks nothing; fill in a row.",
                )


def _is_off(call: ast.Call, name: str) -> bool:
    node = keyword(call, name)
    return node is not None and not (isinstance(node, ast.Constant) and node.value is True)


def _is_empty(ctx: ScriptContext, node: ast.expr) -> bool:
    node = ctx.expression_of(node)
    return (isinstance(node, ast.List) and not node.elts) or (isinstance(node, ast.Dict) and not node.keys)


def _array(ctx: ScriptContext, node: ast.expr) -> tuple[tuple[int, ...], bool]:
    """Return the shape of a nested list literal and whether all its values are whole numbers; () when it is not one."""
    node = ctx.expression_of(node)
    if not isinstance(node, ast.List):
        return (), False
    shape: list[int] = []
    level: list[ast.expr] = [node]
    for _ in range(6):
        if not level or not all(isinstance(item, ast.List) for item in level):
            break
        lists = [item for item in level if isinstance(item, ast.List)]
        shape.append(len(lists[0].elts))
        level = [element for item in lists for element in item.elts]
    numbers = [item.operand if isinstance(item, ast.UnaryOp) else item for item in level]
    whole = bool(numbers) and all(isinstance(item, ast.Constant) and type(item.value) is int for item in numbers)
    return tuple(shape), whole


@rule("MLD214", "no-swagger-2", "info", stage="answer", kinds=_SCHEMA)
def no_swagger_2(ctx: ScriptContext) -> Iterator[Finding]:
    """The schema cannot be said in Swagger 2.0, so `/swagger.json` without a version answers 404.

    That is so for lists of mixed types and for DataFrames with the orients `split` and `values`. Versions 3 and 3.1 are
    still served.

    Bad::

        from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("data", StandardPythonParameterType([1.5, "red"]))
        def run(data):
            return data

    Good::

        from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("data", StandardPythonParameterType({"size": 1.5, "colour": "red"}))
        def run(data):
            return data
    """
    for made in parameter_types(ctx):
        orient = keyword(made.call, "orient")
        if made.type == "pandas" and isinstance(orient, ast.Constant) and orient.value in {"split", "values"}:
            yield ctx.finding(
                orient, f'orient="{orient.value}" cannot be said in Swagger 2.0; clients must ask for version 3.'
            )
        if made.type != "standard" or made.sample is None:
            continue
        sample = ctx.expression_of(made.sample)
        types = (
            [ctx.type_of(item) for item in sample.elts]
            if isinstance(sample, ast.List) and len(sample.elts) < 500
            else []
        )
        if len(set(types)) > 1 and None not in types:
            listed = ", ".join(dict.fromkeys(item or "" for item in types))
            yield ctx.finding(
                made.sample,
                f"A list of mixed types ({listed}) cannot be said in Swagger 2.0; clients must ask for version 3.",
            )
