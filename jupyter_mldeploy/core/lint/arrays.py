"""MLD409, MLD410: arrays that are used as one number, and lists that are used as arrays."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext
from jupyter_mldeploy.core.lint.diagnostics import Fix
from jupyter_mldeploy.core.lint.packages import is_pinned_below
from jupyter_mldeploy.core.lint.responses import PREDICTIONS, is_onnx_run, is_own_model
from jupyter_mldeploy.core.lint.rule import ONLINE, rule

_ARRAYS = PREDICTIONS | {
    "predict_classes", "score_samples", "transform", "inverse_transform", "fit_predict", "fit_transform",
}  # fmt: skip
#: Methods and functions of numpy that give an array of as many dimensions as theirs.
_KEEPING = {"astype", "copy", "round", "clip", "flatten", "ravel"}
_ELEMENTWISE = {
    f"numpy.{name}" for name in ("abs", "around", "clip", "exp", "expm1", "log", "log1p", "rint", "round", "sqrt")
}
#: What arrays have, and neither lists nor text.
ARRAY_ONLY = {"tolist", "astype", "reshape", "flatten", "ravel", "squeeze", "argmax", "shape", "item"}
_NOT_OF_LISTS = ARRAY_ONLY | {"ndim", "dtype"}
_CONVERSIONS = {"float", "int", "complex"}
#: NumPy 2.4 asks for this Python, so an environment with an older one has an older NumPy.
_PYTHON_OF_2_4 = (3, 11)


@rule(
    "MLD409",
    "array-as-number",
    "warning",
    stage="request",
    runtime="TypeError: only 0-dimensional arrays can be converted to Python scalars",
)
def array_as_number(ctx: ScriptContext) -> Iterator[Finding]:
    """`float()`, `int()` or `complex()` gets a whole prediction, which NumPy 2.4 refuses.

    `predict()`, `predict_proba()`, `decision_function()`, `transform()` and their like give an array, for one row too.
    Up to NumPy 1.24 an array of one element passed as a number; NumPy 1.25 to 2.3 warn
    (`DeprecationWarning: Conversion of an array with ndim > 0 to a scalar is deprecated`); since NumPy 2.4 every array
    that has dimensions fails, also through `"%d" %` and `math.floor()`. An array of more than one element never
    passed: `only length-1 arrays can be converted to Python scalars`. A Series of pandas fails as well since pandas 3.
    `round(array)` and `f"{array:.2f}"` fail with every NumPy.

    `.item()` takes the only element and fails when there are more; `[0]` takes the first; `.tolist()` keeps all.
    The quick fix adds `.item()`; it is not applied with the others, because a model of your own may give plain numbers.

    Nothing is reported when the environment beside the script holds NumPy below 2.4 (`numpy==1.26.4`, `numpy<2.4`, or
    `python=3.10`, for which there is no NumPy 2.4), nor when the exception is caught or the value's type is looked at.

    Bad::

        import json
        import joblib

        def init():
            global model
            model = joblib.load("model.pkl")

        def run(raw_data):
            prediction = model.predict(json.loads(raw_data)["data"])
            return {"price": float(prediction)}

    Good::

        import json
        import joblib

        def init():
            global model
            model = joblib.load("model.pkl")

        def run(raw_data):
            prediction = model.predict(json.loads(raw_data)["data"])
            return {"price": prediction.item()}
    """
    if is_pinned_below(ctx.environment, "numpy", (2, 4)) or is_pinned_below(ctx.environment, "python", _PYTHON_OF_2_4):
        return
    for call in ctx.facts.calls:
        if not isinstance(call.func, ast.Name) or call.func.id not in _CONVERSIONS:
            continue
        if len(call.args) != 1 or call.keywords or ctx.facts.lookup(call.func.id, ctx.facts.scope_of(call)):
            continue
        method = _method(ctx, call.args[0])
        if method is None or ctx.is_forgiven(call) or _is_guarded(ctx, call, call.args[0]):
            continue
        value = call.args[0]
        text = ctx.text(value)
        if not isinstance(value, ast.Name | ast.Call):
            text = f"({text})"
        yield ctx.finding(
            call,
            f"{method}() usually gives an array, for one row too, and since NumPy 2.4 {call.func.id}() fails for an "
            f"array with dimensions; take the element first, for example with .item().",
            Fix("Add .item()", (ctx.replace(value, f"{text}.item()"),)),
        )


def _method(ctx: ScriptContext, node: ast.expr) -> str | None:
    """Return the method of a model that gave the array which an expression is, or None for what may be a number."""
    shown = ctx.expression_of(node)
    while True:
        inner = _same_dimensions(ctx, shown)
        if inner is None:
            break
        shown = ctx.expression_of(inner)
    if not isinstance(shown, ast.Call) or not isinstance(shown.func, ast.Attribute) or not shown.args:
        return None
    method, model = shown.func.attr, shown.func.value
    if method not in _ARRAYS or is_own_model(ctx, model):
        return None
    # What another cell of a notebook made may be anything.
    unknown = isinstance(model, ast.Name) and not ctx.facts.lookup(model.id, ctx.facts.scope_of(model))
    return None if unknown else method


def _same_dimensions(ctx: ScriptContext, node: ast.expr) -> ast.expr | None:
    """Return the operand that an expression takes its dimensions from, if it is one that keeps them."""
    if isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Not):
        return node.operand
    if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Mod | ast.MatMult):
        if isinstance(node.right, ast.Constant):
            return node.left
        return node.right if isinstance(node.left, ast.Constant) else None
    if isinstance(node, ast.Call):
        if ctx.qualified_name(node.func) in _ELEMENTWISE and node.args:
            return node.args[0]
        if isinstance(node.func, ast.Attribute) and node.func.attr in _KEEPING:
            return node.func.value if ctx.qualified_name(node.func) is None else None
    return None


def _is_guarded(ctx: ScriptContext, node: ast.expr, value: ast.expr) -> bool:
    """Whether the type or shape of a value is looked at: by its name, or in a condition around its use."""
    names = {item.id for item in ast.walk(value) if isinstance(item, ast.Name)}
    scope = ctx.facts.scope_of(node).function()
    if any(ctx.is_type_checked(scope, name) for name in names):
        return True
    for up in ctx.facts.ancestors(node):
        if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return False
        if isinstance(up, ast.IfExp | ast.If | ast.While) and any(
            isinstance(item, ast.Name) and item.id in names for item in ast.walk(up.test)
        ):
            return True
    return False


@rule(
    "MLD410",
    "list-used-as-array",
    "error",
    stage="request",
    zero_fp=True,
    kinds=ONLINE,
    runtime="AttributeError: 'list' object has no attribute 'tolist'",
)
def list_used_as_array(ctx: ScriptContext) -> Iterator[Finding]:
    """`run()` asks a list for what only an array has, such as `.tolist()`.

    `run()` of an ONNX Runtime session gives a list with one array for each output, also when there is only one. An old
    example in Azure's documentation calls `.tolist()` of it. Take the output first: `session.run(...)[0].tolist()`.
    `list(...)` and `[... for ...]` are lists as well.

    Bad::

        import json
        import os
        import numpy as np
        import onnxruntime

        def init():
            global session
            session = onnxruntime.InferenceSession(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.onnx"))

        def run(raw_data):
            data = np.array(json.loads(raw_data)["data"], dtype=np.float32)
            result = session.run(["y"], {"x": data})
            return {"result": result.tolist()}

    Good::

        import json
        import os
        import numpy as np
        import onnxruntime

        def init():
            global session
            session = onnxruntime.InferenceSession(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.onnx"))

        def run(raw_data):
            data = np.array(json.loads(raw_data)["data"], dtype=np.float32)
            result = session.run(["y"], {"x": data})
            return {"result": result[0].tolist()}
    """
    for node in ctx.facts.attributes:
        if node.attr not in _NOT_OF_LISTS or not isinstance(node.ctx, ast.Load) or not ctx.in_run(node):
            continue
        shown = ctx.expression_of(node.value)
        session = isinstance(shown, ast.Call) and is_onnx_run(ctx, shown)
        if not session and ctx.type_of(node.value) != "list":
            continue
        if ctx.is_forgiven(node) or _is_guarded(ctx, node, node.value):
            continue
        text = ctx.text(node.value)
        if session:
            message = f"run() of an ONNX session gives a list, so .{node.attr} fails; take an output first, as in [0]."
            fix = Fix("Take the first output", (ctx.replace(node.value, f"{text}[0]"),))
            yield ctx.finding(node, message, fix)
        else:
            yield ctx.finding(node, f"This is a list, which has no .{node.attr}, so this fails on every request.")
