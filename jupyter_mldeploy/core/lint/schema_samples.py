"""MLD205, MLD209–MLD211, MLD214: the samples that schemas are made from."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext, called_name, keyword
from jupyter_mldeploy.core.lint.diagnostics import Fix
from jupyter_mldeploy.core.lint.rule import rule
from jupyter_mldeploy.core.lint.schema_use import ParameterTypeCall, first_not_encodable, parameter_types, schema_uses

_SCHEMA = frozenset({"schema", "rawhttp"})
_ORIENTS = ("split", "records", "index", "columns", "values", "table")
_SCALARS = {"int", "float", "str", "bool", "None", "dict", "bytes", "set"}
_NOT_NUMPY = {"list", "tuple", "dict", "str", "int", "float", "bool", "None", "DataFrame", "Series", "set", "bytes"}
_NOT_PANDAS = {"ndarray", "Series", "list", "tuple", "dict", "str", "int", "float", "bool", "None", "set", "bytes"}


@rule(
    "MLD205",
    "sample-not-accepted",
    "error",
    stage="import",
    zero_fp=True,
    runtime="Exception: Invalid sample input provided, must provide a sample Numpy array.",
)
def sample_not_accepted(ctx: ScriptContext) -> Iterator[Finding]:
    """A parameter type is given a sample of the wrong type.

    | Type | Accepts | What it says otherwise |
    |---|---|---|
    | `NumpyParameterType` | an ndarray with at least one dimension | `Invalid sample input provided, must provide a sample Numpy array.`; for 0 dimensions `TypeError: len() of unsized object` |
    | `PandasParameterType` | a DataFrame, an `orient` pandas knows | `Invalid sample input provided, must provide a sample Pandas Dataframe.`, `Invalid orient provided, …` |
    | `StandardPythonParameterType` | what JSON can hold | `Sample input cannot be None`, `Invalid python data sample provided: … Object of type ndarray is not JSON serializable` |

    Bad::

        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("data", NumpyParameterType([[1.0, 2.0]]))
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
    """  # noqa: E501 - a table row cannot be broken
    for made in parameter_types(ctx):
        if made.sample is None:
            continue
        found = made.sample_value.type if made.sample_value else None
        if made.type == "numpy":
            yield from _numpy(ctx, made, made.sample, found)
        elif made.type == "pandas":
            yield from _pandas(ctx, made, made.sample, found)
        elif made.type == "standard":
            yield from _standard(ctx, made.sample, found)


def _numpy(ctx: ScriptContext, made: ParameterTypeCall, sample: ast.expr, found: str | None) -> Iterator[Finding]:
    if found in _NOT_NUMPY:
        fix = None
        if found in {"list", "tuple"} and "np" in ctx.facts.module.bindings:
            fix = Fix("Wrap the sample in np.array", (ctx.replace(sample, f"np.array({ctx.text(sample)})"),), safe=True)
        message = (
            f"NumpyParameterType needs a numpy array, not {_a(found)}, so importing the script fails; wrap "
            f"it in np.array(...)."
        )
        yield ctx.finding(sample, message, fix)
    elif found == "ndarray" and made.sample_value and isinstance(made.sample_value.node, ast.Call):
        call = made.sample_value.node
        if called_name(call) in {"array", "asarray"} and call.args and keyword(call, "ndmin") is None:
            element = ctx.type_of(call.args[0])
            if element in _SCALARS:
                yield ctx.finding(
                    sample,
                    f"np.array of {_a(element)} has no dimension, so importing the script fails "
                    "(len() of unsized object); put the values into a list.",
                )


def _pandas(ctx: ScriptContext, made: ParameterTypeCall, sample: ast.expr, found: str | None) -> Iterator[Finding]:
    if found in _NOT_PANDAS:
        fix = None
        if found in {"list", "dict", "ndarray"} and "pd" in ctx.facts.module.bindings:
            wrapped = ctx.text(sample)
            inner = ctx.expression_of(sample)
            scalar = isinstance(inner, ast.Dict) and not any(isinstance(value, ast.List) for value in inner.values)
            text = f"pd.DataFrame([{wrapped}])" if scalar else f"pd.DataFrame({wrapped})"
            fix = Fix("Wrap the sample in pd.DataFrame", (ctx.replace(sample, text),), safe=True)
        message = (
            f"PandasParameterType needs a DataFrame, not {_a(found)}, so importing the script fails; wrap "
            f"it in pd.DataFrame(...)."
        )
        yield ctx.finding(sample, message, fix)
    orient = keyword(made.call, "orient")
    if isinstance(orient, ast.Constant) and orient.value not in _ORIENTS:
        yield ctx.finding(
            orient, f"orient is one of {', '.join(_ORIENTS)}; with {orient.value!r} importing the script fails."
        )


def _standard(ctx: ScriptContext, sample: ast.expr, found: str | None) -> Iterator[Finding]:
    if found == "None":
        yield ctx.finding(
            sample,
            "StandardPythonParameterType cannot learn a type from None, so importing the script fails; "
            "give a real sample.",
        )
        return
    if found == "np.float64":
        yield ctx.finding(sample, "A np.float64 sample refuses every number of a request; use a plain float.")
        return
    wrong = first_not_encodable(ctx, sample)
    if wrong is None:
        return
    node, name = wrong
    advice = {"ndarray": "use NumpyParameterType for it or .tolist()", "DataFrame": "use PandasParameterType for it"}
    fix = None
    if name in {"ndarray", "DataFrame"}:
        wrapper = "NumpyParameterType" if name == "ndarray" else "PandasParameterType"
        if wrapper in ctx.facts.module.bindings and node is not sample:
            fix = Fix(f"Wrap it in {wrapper}", (ctx.replace(node, f"{wrapper}({ctx.text(node)})"),), safe=True)
    within = "A sample" if node is sample else "The sample holds a value that"
    is_a = f"of type {name}" if node is sample else f"is of type {name}"
    yield ctx.finding(
        node,
        f"{within} {is_a}, which JSON cannot hold, so importing the script fails; "
        f"{advice.get(name, 'use plain Python values')}.",
        fix,
    )


def _a(name: str | None) -> str:
    return "None" if name == "None" else f"{'an' if (name or '')[:1] in 'aeiou' else 'a'} {name}"


@rule(
    "MLD209",
    "date-sample",
    "error",
    stage="request",
    runtime="AttributeError: type object 'datetime.date' has no attribute 'strptime'",
)
def date_sample(ctx: ScriptContext) -> Iterator[Finding]:
    """A `datetime.date` sample: inference-schema never decodes it before Python 3.14.

    The package calls `date.strptime`, which does not exist. This project's own schemas decode dates, so here it is a
    warning; with `server = "azureml"` it is an error. A `datetime.datetime` or text sample works everywhere.

    Bad::

        import datetime
        from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("day", StandardPythonParameterType(datetime.date(2024, 1, 31)))
        def run(day):
            return str(day)

    Good::

        import datetime
        from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("day", StandardPythonParameterType("2024-01-31"))
        def run(day):
            return str(datetime.date.fromisoformat(day))
    """
    inputs = {id(use.made.call) for use in schema_uses(ctx) if use.role == "input" and use.made}
    for made in parameter_types(ctx):
        if (
            made.type == "standard"
            and made.sample_value
            and made.sample_value.type == "date"
            and id(made.call) in inputs
        ):
            ours = ctx.config.server != "azureml"
            yield ctx.finding(
                made.sample or made.call,
                "A date sample decodes here, but on Azure's server every request fails; use text or a datetime."
                if ours
                else "With a date sample every request fails in inference-schema; use text or a datetime.",
                severity="warning" if ours else None,
            )


@rule(
    "MLD210",
    "default-of-other-type",
    "warning",
    stage="request",
    kinds=_SCHEMA,
    runtime="ValueError: Invalid input data type to parse. Expected: <class 'str'> but got <class 'NoneType'>",
)
def default_of_other_type(ctx: ScriptContext) -> Iterator[Finding]:
    """A parameter's default has another type than its schema, so leaving it out fails.

    The default is decoded like a value of the caller. `optional=True` hands it to `run()` as it is.

    Bad::

        from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("name", StandardPythonParameterType("text"))
        def run(name=None):
            return f"hello {name}"

    Good::

        from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("name", StandardPythonParameterType("text"), optional=True)
        def run(name=None):
            return f"hello {name}"
    """
    if ctx.run is None or not ctx.plain_run:
        return
    args = ctx.run.args
    plain = [*args.posonlyargs, *args.args]
    defaults = dict(zip([arg.arg for arg in plain][len(plain) - len(args.defaults) :], args.defaults, strict=True))
    for use in schema_uses(ctx):
        default = defaults.get(use.name or "")
        if use.role != "input" or default is None or use.optional or not use.converts:
            continue
        wanted, found = use.decoded, ctx.type_of(default)
        if wanted is None or found is None or found == wanted or (wanted, found) == ("float", "int"):
            continue
        if wanted in {"ndarray", "DataFrame"} and found in {"list", "dict", "ndarray", "DataFrame"}:
            continue
        if wanted not in {"ndarray", "DataFrame", "int", "float", "str", "bool", "list", "dict"}:
            continue
        fix = None
        closing = ctx.span(use.node)
        if keyword(use.node, "optional") is None and len(use.node.args) < 4:
            at = closing.end_column - 1
            end = type(closing)(closing.end_line, at, closing.end_line, at)
            fix = Fix("Add optional=True", (ctx.replace(end, ", optional=True"),))
        yield ctx.finding(
            default,
            f"When a caller leaves {use.name} out, its default ({found}) is decoded as {wanted} and the request fails; "
            "add optional=True to its @input_schema.",
            fix,
        )
