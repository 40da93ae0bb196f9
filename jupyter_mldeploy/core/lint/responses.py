"""MLD401–MLD403, MLD406, MLD407: what ``run()`` returns when all goes well."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext, called_name
from jupyter_mldeploy.core.lint.diagnostics import Fix, Severity
from jupyter_mldeploy.core.lint.rule import ONLINE, rule
from jupyter_mldeploy.core.lint.schema_use import NOT_ENCODABLE

_OTHERS = {
    "bytes", "bytearray", "Timestamp", "datetime", "date", "time", "timedelta", "Decimal", "UUID", "memoryview",
    "enumerate",
}  # fmt: skip
_REFUSED = (NOT_ENCODABLE | _OTHERS) - {"generator"}
PREDICTIONS = {"predict", "predict_proba", "predict_log_proba", "decision_function", "predict_on_batch"}
_TEXT_MAKERS = {"json.dumps", "simplejson.dumps", "ujson.dumps"}
_ADVICE = {
    "ndarray": "return .tolist()",
    "DataFrame": 'return .to_dict("records")',
    "Series": "return .tolist()",
    "set": "return a list",
    "bytes": "return text, or use @rawhttp with AMLResponse",
}


@rule(
    "MLD401",
    "not-json-serializable",
    "error",
    stage="request",
    zero_fp=True,
    kinds=ONLINE,
    response=True,
    runtime="TypeError: Object of type ndarray is not JSON serializable",
)
def not_json_serializable(ctx: ScriptContext) -> Iterator[Finding]:
    """`run()` returns a value that JSON cannot hold.

    The answer is encoded as JSON after `run()` has returned, so no `try` inside it helps. Arrays, DataFrames, Series,
    numpy's whole numbers, sets, bytes and dates fail, also inside a dict or list; `np.float64` passes. Keys must be
    text or numbers.

    The scoring server of this project encodes arrays, DataFrames, Series, numpy's numbers and dates by itself. For
    these the finding is a warning there, because the script cannot go back to Azure's server; with `server = "azureml"`
    in the settings, inside `json.dumps`, and for all other values it is an error.

    Bad::

        import json
        import numpy as np

        def init():
            pass

        def run(raw_data):
            data = np.array(json.loads(raw_data)["data"])
            return {"result": data}

    Good::

        import json
        import numpy as np

        def init():
            pass

        def run(raw_data):
            data = np.array(json.loads(raw_data)["data"])
            return {"result": data.tolist()}
    """
    for node, value in ctx.run_returns():
        if not ctx.in_run(node):
            continue
        inner, dumped = value, False
        if isinstance(value, ast.Call) and ctx.qualified_name(value.func) == "json.dumps" and value.args:
            if any(item.arg in {"default", "cls", "skipkeys", None} for item in value.keywords):
                continue
            inner, dumped = value.args[0], True
        wrong = _first_refused(ctx, inner, 0)
        if wrong is None:
            continue
        part, name = wrong
        if name == "tuple key":
            yield ctx.finding(
                part, "A tuple as key cannot be JSON, so every request that returns it fails; use text keys."
            )
            continue
        fix = _conversion(ctx, part, name)
        does = "json.dumps fails" if dumped else "encoding the answer fails"
        advice = _ADVICE.get(name, "convert it to plain Python")
        if not dumped and ctx.config.server != "azureml" and _is_encoded_here(name):
            message = (
                f"A {name} is encoded by this server only; Azure's own fails on every request. For both, {advice}."
            )
            yield ctx.finding(part, message, fix, severity="warning")
        else:
            yield ctx.finding(part, f"A value of type {name} is not JSON serializable, so {does}; {advice}.", fix)


def _is_encoded_here(name: str) -> bool:
    return name.startswith("np.") or name in {
        "ndarray", "DataFrame", "Series", "Timestamp", "datetime", "date", "time", "timedelta", "UUID",
    }  # fmt: skip


def _first_refused(ctx: ScriptContext, node: ast.expr, depth: int) -> tuple[ast.expr, str] | None:
    if depth > 6:
        return None
    shown = ctx.expression_of(node)
    if shown is not node and isinstance(node, ast.Name) and isinstance(shown, ast.Dict | ast.List | ast.Set):
        # A container held by a variable may have been changed since; only its own type is certain.
        return (node, "set") if isinstance(shown, ast.Set) else None
    if isinstance(node, ast.Dict):
        for key in node.keys:
            if key is not None and ctx.type_of(key) == "tuple":
                return key, "tuple key"
        parts: list[ast.expr] = list(node.values)
    elif isinstance(node, ast.List | ast.Tuple):
        parts = list(node.elts)
    else:
        found = ctx.type_of(node)
        if isinstance(node, ast.Call) and called_name(node) == "list" and len(node.args) == 1 and found == "list":
            return _list_of_whole_numbers(ctx, node)
        return (node, found) if found in _REFUSED else None
    for part in parts:
        inner = _first_refused(ctx, part, depth + 1)
        if inner is not None:
            return inner
    return None


def _list_of_whole_numbers(ctx: ScriptContext, node: ast.Call) -> tuple[ast.expr, str] | None:
    """``list(np.array([1, 2]))`` is a list of np.int64."""
    value = ctx.expression_of(node.args[0])
    if (
        not isinstance(value, ast.Call)
        or ctx.qualified_name(value.func) != "numpy.array"
        or len(value.args) != 1
        or value.keywords
    ):
        return None
    elements = value.args[0]
    if (
        isinstance(elements, ast.List)
        and elements.elts
        and all(isinstance(item, ast.Constant) and type(item.value) is int for item in elements.elts)
    ):
        return node, "np.int64"
    return None


def _conversion(ctx: ScriptContext, part: ast.expr, name: str) -> Fix | None:
    text = ctx.text(part)
    simple = isinstance(part, ast.Name | ast.Call | ast.Attribute | ast.Subscript)
    if name in {"ndarray", "Series"} and simple:
        return Fix("Add .tolist()", (ctx.replace(part, f"{text}.tolist()"),), safe=True)
    if name == "DataFrame" and simple:
        return Fix('Add .to_dict("records")', (ctx.replace(part, f'{text}.to_dict("records")'),), safe=True)
    if name in {"set", "frozenset"}:
        return Fix("Make it a list", (ctx.replace(part, f"list({text})"),), safe=True)
    if name.startswith("np.") and isinstance(part, ast.Call) and "list" not in text[:4]:
        return Fix("Add .item()", (ctx.replace(part, f"{text}.item()"),), safe=True)
    return None


@rule(
    "MLD402",
    "unconverted-prediction",
    "warning",
    stage="request",
    kinds=ONLINE,
    response=True,
    runtime="TypeError: Object of type ndarray is not JSON serializable",
)
def unconverted_prediction(ctx: ScriptContext) -> Iterator[Finding]:
    """`run()` returns what `predict()` gave, which is an array for nearly every library.

    Azure's server cannot encode it. The scoring server of this project can, so there this is an information; with
    `server = "azureml"` in the settings it is a warning. `json.dumps` in the script can encode it nowhere. The same
    goes for the list of arrays that `run()` of an ONNX Runtime session gives.

    Bad::

        import joblib

        def init():
            global model
            model = joblib.load("model.pkl")

        def run(raw_data):
            result = model.predict(raw_data)
            return {"result": result}

    Good::

        import joblib

        def init():
            global model
            model = joblib.load("model.pkl")

        def run(raw_data):
            result = model.predict(raw_data)
            return {"result": result.tolist()}
    """
    ours = ctx.config.server != "azureml"
    for node, value in ctx.run_returns():
        if not ctx.in_run(node):
            continue
        text = _encoded_by_script(ctx, value)
        for part in _items(text or value):
            what = _prediction(ctx, part, forgiving=text is not None)
            if what is None:
                continue
            one = what.endswith("an array")
            fix = None
            if one and isinstance(part, ast.Name | ast.Call):
                fix = Fix("Add .tolist()", (ctx.replace(part, f"{ctx.text(part)}.tolist()"),))
            severity: Severity | None = "info" if ours else None
            does, convert = "only this server encodes" if ours else "is not JSON serializable", "return"
            if text is not None:
                does, convert = "json.dumps cannot encode", "pass"
                severity = None if _is_of_keras(ctx, part) else "info"
            advice = f"{convert} .tolist() of {'it' if one else 'each'}"
            yield ctx.finding(part, f"{what}, which {does}; {advice}.", fix, severity=severity)


def _is_of_keras(ctx: ScriptContext, node: ast.expr) -> bool:
    """Whether a prediction certainly comes from a Keras model, not from a pickled object that may give anything."""
    shown = ctx.expression_of(node)
    shown = (isinstance(shown, ast.Name) and _value_without_errors(ctx, shown)) or shown
    model = shown.func.value if isinstance(shown, ast.Call) and isinstance(shown.func, ast.Attribute) else None
    made = ctx.facts.module.bindings.get(model.id, []) if isinstance(model, ast.Name) else []
    names = [ctx.qualified_name(item.value.func) for item in made if isinstance(item.value, ast.Call)]
    return bool(names) and all(name and ".keras." in f".{name}" and name.endswith("load_model") for name in names)


def _items(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.Dict):
        return list(node.values)
    return list(node.elts) if isinstance(node, ast.List | ast.Tuple) else [node]


def _encoded_by_script(ctx: ScriptContext, node: ast.expr) -> ast.expr | None:
    """Return what ``json.dumps`` gets whose text is returned, when no encoder of its own is given."""
    shown = ctx.expression_of(node)
    if (
        isinstance(shown, ast.Call)
        and len(shown.args) == 1
        and ctx.qualified_name(shown.func) == "json.dumps"
        and not any(item.arg in {"cls", "default", None} for item in shown.keywords)
    ):
        return shown.args[0]
    return None


def _prediction(ctx: ScriptContext, node: ast.expr, *, forgiving: bool) -> str | None:
    """Return what a model's answer usually is, when an expression is such an answer as it came."""
    shown = ctx.expression_of(node)
    if forgiving and isinstance(shown, ast.Name):
        shown = _value_without_errors(ctx, shown) or shown
    if not isinstance(shown, ast.Call) or not isinstance(shown.func, ast.Attribute):
        return None
    model, method = shown.func.value, shown.func.attr
    if method in PREDICTIONS and not is_own_model(ctx, model):
        return f"{method}() usually gives an array"
    return "run() of an ONNX session gives a list of arrays" if is_onnx_run(ctx, shown) else None


def is_onnx_run(ctx: ScriptContext, call: ast.Call) -> bool:
    """Whether a call is certainly ``run()`` of a session of ONNX Runtime, which gives a list."""
    func = call.func
    if not isinstance(func, ast.Attribute) or func.attr != "run" or not isinstance(func.value, ast.Name):
        return False
    found = ctx.facts.lookup(func.value.id, ctx.facts.scope_of(func.value))
    bound = [item.value for item in found[1]] if found else []
    made = [item for item in bound if not (isinstance(item, ast.Constant) and item.value is None)]
    return bool(made) and all(
        isinstance(item, ast.Call) and ctx.qualified_name(item.func) == "onnxruntime.InferenceSession" for item in made
    )


def _value_without_errors(ctx: ScriptContext, node: ast.Name) -> ast.expr | None:
    """Return the only value that a variable of ``run()`` gets outside of ``except``, if it has one."""
    found = ctx.facts.lookup(node.id, ctx.facts.scope_of(node))
    if found is None or found[0] is not ctx.run_scope:
        return None
    normal = [item for item in found[1] if ctx.in_handler(item.node) is None]
    return normal[0].value if len(normal) == 1 and normal[0].kind == "assign" else None


def is_own_model(ctx: ScriptContext, node: ast.expr) -> bool:
    """Whether an object may be made by a class or function of this script, whose ``predict`` may return anything."""
    if isinstance(node, ast.Attribute):
        held = _held_values(ctx, node)
        return not held or any(not _is_loaded(ctx, value) for value in held)
    if not isinstance(node, ast.Name):
        return True
    found = ctx.facts.lookup(node.id, ctx.facts.scope_of(node))
    return any(
        binding.kind == "import" or (isinstance(binding.value, ast.Call) and _is_own_call(ctx, binding.value))
        for binding in (found[1] if found else ())
    )


def _held_values(ctx: ScriptContext, node: ast.Attribute) -> list[ast.expr]:
    """Return what the class around an expression such as ``self.model`` assigns to it; nothing outside of a class."""
    owner = next((up for up in ctx.facts.ancestors(node) if isinstance(up, ast.ClassDef)), None)
    if owner is None or not isinstance(node.value, ast.Name):
        return []
    return [
        item.value
        for item in ast.walk(owner)
        if isinstance(item, ast.Assign)
        for target in item.targets
        if isinstance(target, ast.Attribute) and ast.unparse(target) == ast.unparse(node)
    ]


def _is_loaded(ctx: ScriptContext, value: ast.expr) -> bool:
    """Whether a library's function gave a value, such as ``joblib.load()``."""
    return isinstance(value, ast.Call) and bool(ctx.qualified_name(value.func)) and not _is_own_call(ctx, value)


def _is_own_call(ctx: ScriptContext, call: ast.Call) -> bool:
    if isinstance(call.func, ast.Name):
        made = ctx.facts.module.bindings.get(call.func.id, [])
        if any(item.kind in {"class", "def"} for item in made):
            return True
    return "pipeline" in (called_name(call) or "").lower()


@rule(
    "MLD403", "json-text-returned", "info", stage="answer", kinds=frozenset({"json", "schema", "class"}), response=True
)
def json_text_returned(ctx: ScriptContext) -> Iterator[Finding]:
    r"""`run()` returns JSON text, so the client gets a string inside a string.

    The server encodes what `run()` returns. Text is encoded again: the body becomes `"{\"a\": 1}"`, and the client has
    to decode twice. Return the object itself. Clients that already decode twice must be changed with it.

    Bad::

        import json

        def init():
            pass

        def run(raw_data):
            data = json.loads(raw_data)["data"]
            return json.dumps({"result": data})

    Good::

        import json

        def init():
            pass

        def run(raw_data):
            data = json.loads(raw_data)["data"]
            return {"result": data}
    """
    for node, value in ctx.run_returns():
        if not ctx.in_run(node):
            continue
        shown = ctx.expression_of(value)
        if not isinstance(shown, ast.Call):
            continue
        dumps = ctx.qualified_name(shown.func) in _TEXT_MAKERS
        frame = isinstance(shown.func, ast.Attribute) and shown.func.attr == "to_json" and not shown.args
        if not dumps and not frame:
            continue
        fix = None
        if dumps and len(shown.args) == 1 and not shown.keywords and not isinstance(shown.args[0], ast.Starred):
            once = shown is value or _used_once(ctx, value)
            fix = Fix("Return the object itself", (ctx.replace(shown, ctx.text(shown.args[0])),)) if once else None
        yield ctx.finding(
            value,
            "JSON text is encoded again, so the client gets a string inside a string; return the object itself.",
            fix,
        )


def _used_once(ctx: ScriptContext, node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and ctx.run_scope is not None and len(ctx.run_scope.reads.get(node.id, ())) == 1
