"""MLD216: a run() that treats rows one by one, for which requests may share a call."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext, called_name
from jupyter_mldeploy.core.lint.loading import LOADS
from jupyter_mldeploy.core.lint.rule import rule
from jupyter_mldeploy.core.lint.schema_use import SchemaUse, schema_uses

_ROW_WISE = {"predict", "predict_proba", "predict_log_proba", "decision_function"}
_LOGS = {"print", "debug", "info", "warning", "error", "exception", "log"}
#: Their predict() may look at other rows (forecasts), or takes and gives what has no rows.
_NOT_ROW_WISE = ("torch.", "spacy.", "onnxruntime.")


@rule("MLD216", "row-wise-run", "hint", stage="answer", kinds=frozenset({"schema"}), response=True, whole=True)
def row_wise_run(ctx: ScriptContext) -> Iterator[Finding]:
    """`run()` scores each row by itself, so requests that wait could share one call; this is off until it is asked for.

    A model answers 32 rows in little more than the time of one. With micro-batching the scoring server joins the rows
    of waiting requests, calls `run()` once and gives each request its rows of the result. It cannot know that rows do
    not influence each other, so it has to be allowed, for each service: `%%deploy NAME --batch 32`,
    `mldeploy deploy --batch 32`, `max_batch_size` in a deployment configuration, or `MLDEPLOY_MAX_BATCH_SIZE` for a
    server that you start yourself. See `docs/scoring-server.md`.

    It is proposed for the plainest scripts only: one array or frame comes in, a loaded model predicts it, the
    predictions go out. Nothing is wrong with a script that is deployed without it.

    Bad::

        import joblib
        import numpy as np
        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            global model
            model = joblib.load("model.pkl")

        @input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))
        def run(data):
            return model.predict(data).tolist()

    Good::

        import joblib
        import numpy as np
        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            global model
            model = joblib.load("model.pkl")

        @input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))
        def run(data):
            return {"mean": float(model.predict(data).mean())}
    """
    run = ctx.run
    if ctx.config.server == "azureml" or not isinstance(run, ast.FunctionDef) or not _joins_rows(ctx):
        return
    returned = _normal_return(run.body)
    if returned is None or returned.value is None:
        return
    calls: set[ast.Call] = set()
    if _is_per_row(ctx, returned.value, ctx.inputs[0].name, calls) and calls and _does_nothing_else(run.body, calls):
        yield ctx.finding(
            run,
            "run() scores each row by itself; with --batch 32 (max_batch_size) waiting requests share one call of it.",
        )


def _joins_rows(ctx: ScriptContext) -> bool:
    """Whether the server could join requests: one array or frame whose dtype, columns and sizes are enforced."""
    if not ctx.plain_run or len(ctx.run_parameters) != 1 or len(ctx.inputs) != 1 or not ctx.inputs[0].required:
        return False
    uses = [use for use in schema_uses(ctx) if use.role == "input"]
    return len(uses) == 1 and uses[0].name == ctx.inputs[0].name and _is_enforced(ctx, uses[0])


def _is_enforced(ctx: ScriptContext, use: SchemaUse) -> bool:
    if not use.certain or use.optional or not use.converts or use.made is None or use.made.sample is None:
        return False
    call = use.made.call
    if len(call.args) > 1 or any(item.arg != "sample_input" for item in call.keywords):
        return False
    value = use.made.sample_value
    if use.made.type == "pandas":
        return value is not None and value.type == "DataFrame"
    if use.made.type != "numpy" or value is None or value.type != "ndarray":
        return False
    shown = ctx.expression_of(use.made.sample)
    if not isinstance(shown, ast.Call) or not shown.args:
        return False
    rows = ctx.expression_of(shown.args[0])
    return isinstance(rows, ast.List) and bool(rows.elts) and isinstance(rows.elts[0], ast.List)


def _normal_return(body: list[ast.stmt]) -> ast.Return | None:
    """Return the statement that ends a straight body, inside one ``try`` or after it."""
    last = body[-1]
    if isinstance(last, ast.Try) and not last.orelse and not last.finalbody:
        return _normal_return(last.body)
    return last if isinstance(last, ast.Return) else None


def _is_per_row(ctx: ScriptContext, node: ast.expr, parameter: str, calls: set[ast.Call]) -> bool:
    """Whether an expression has one item for each row of the parameter; the calls that it takes are noted."""
    if isinstance(node, ast.Dict):
        return all(
            isinstance(key, ast.Constant) and _is_per_row(ctx, value, parameter, calls)
            for key, value in zip(node.keys, node.values, strict=True)
        )
    shown = ctx.expression_of(node)
    if isinstance(shown, ast.Dict) and shown is not node:
        return False  # it may have been changed since
    if not isinstance(shown, ast.Call) or shown.keywords:
        return False
    calls.add(shown)
    func = shown.func
    if isinstance(func, ast.Name):
        return func.id == "list" and len(shown.args) == 1 and _is_per_row(ctx, shown.args[0], parameter, calls)
    if not isinstance(func, ast.Attribute):
        return False
    if func.attr in {"tolist", "to_list"} and not shown.args:
        return _is_per_row(ctx, func.value, parameter, calls)
    return (
        func.attr in _ROW_WISE
        and len(shown.args) == 1
        and ctx.run_scope is not None
        and ctx.is_parameter(shown.args[0], parameter, ctx.run_scope)
        and _is_loaded(ctx, func.value)
    )


def _is_loaded(ctx: ScriptContext, node: ast.expr) -> bool:
    """Whether an object is a global that a known loader makes, and nothing else makes it."""
    if not isinstance(node, ast.Name):
        return False
    made = 0
    for binding in ctx.facts.module.bindings.get(node.id, ()):
        value = binding.value
        if isinstance(value, ast.Constant) and value.value is None:
            continue
        if not isinstance(value, ast.Call):
            return False
        name = ctx.qualified_name(value.func)
        if name not in LOADS or name.startswith(_NOT_ROW_WISE):
            return False
        made += 1
    return made == 1


def _does_nothing_else(body: list[ast.stmt], calls: set[ast.Call]) -> bool:
    """Whether the statements only assign these calls to names, log, and return; handlers may do what they like."""
    for statement in body:
        if isinstance(statement, ast.Try):
            if not _does_nothing_else(statement.body, calls):
                return False
        elif isinstance(statement, ast.Expr):
            call = statement.value
            if not isinstance(call, ast.Constant) and not (isinstance(call, ast.Call) and called_name(call) in _LOGS):
                return False
        elif isinstance(statement, ast.Assign):
            if not all(isinstance(target, ast.Name) for target in statement.targets) or not _made_of(statement, calls):
                return False
        elif not isinstance(statement, ast.Return) or not _made_of(statement, calls):
            return False
    return True


def _made_of(statement: ast.stmt, calls: set[ast.Call]) -> bool:
    return all(node in calls for node in ast.walk(statement) if isinstance(node, ast.Call))
