"""MLD607–MLD609: when models are loaded and what a container can reach."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext, called_name
from jupyter_mldeploy.core.lint.diagnostics import Fix
from jupyter_mldeploy.core.lint.rule import ONLINE, rule
from jupyter_mldeploy.core.script.kind import MODEL_DIR

#: What makes a model from a file.
LOADS = {
    "joblib.load", "pickle.load", "cloudpickle.load", "dill.load", "torch.load", "torch.jit.load",
    "mlflow.pyfunc.load_model", "mlflow.sklearn.load_model", "mlflow.pytorch.load_model",
    "mlflow.keras.load_model", "keras.models.load_model", "tensorflow.keras.models.load_model",
    "tensorflow.saved_model.load", "onnxruntime.InferenceSession", "spacy.load",
    "tensorflow.keras.models.model_from_json", "keras.models.model_from_json", "sklearn.externals.joblib.load",
}  # fmt: skip
_WORKSPACE = {
    "azureml.core.Workspace.from_config", "azureml.core.Workspace.get", "azureml.core.Workspace",
    "azureml.core.workspace.Workspace.from_config", "azureml.core.workspace.Workspace",
    "azureml.core.Run.get_context", "azureml.core.run.Run.get_context", "azureml.core.workspace.Workspace.get",
}  # fmt: skip


@rule("MLD607", "model-loaded-outside-init", "warning", stage="answer", kinds=ONLINE | {"batch"})
def model_loaded_outside_init(ctx: ScriptContext) -> Iterator[Finding]:
    """The model is loaded in `run()`, for every request, or while the script is imported.

    Load it in `init()`: there it happens once, a failure is reported as a failed start, and health checks wait for it.
    The same goes for a `run()` that calls `init()` each time: the server has called it already. A model that the
    request chooses is not meant: it cannot be known before.

    Bad::

        import joblib

        def init():
            pass

        def run(data):
            model = joblib.load("model.pkl")
            return model.predict(data).tolist()

    Good::

        import joblib

        def init():
            global model
            model = joblib.load("model.pkl")

        def run(data):
            return model.predict(data).tolist()
    """
    each = "mini-batch" if ctx.entry.kind == "batch" else "request"
    for call in ctx.facts.calls:
        name = called_name(call)
        if name == "init" and ctx.in_run(call) and _calls_init(ctx, call) and not _is_lazy(ctx, call):
            yield ctx.finding(
                call, f"init() does its work again for every {each}; the server has called it already, so remove this."
            )
        if name not in {"load", "load_model", "InferenceSession", "from_pretrained", "model_from_json"}:
            continue
        if name != "from_pretrained" and ctx.qualified_name(call.func) not in LOADS:
            continue
        scope = ctx.facts.scope_of(call).function()
        if scope is ctx.run_scope and scope is not None:
            if not _is_lazy(ctx, call) and not any(_depends_on_input(ctx, part) for part in _arguments(call)):
                yield ctx.finding(call, f"The model is loaded again for every {each}; load it in init().")
        elif scope is ctx.facts.module and ctx.entry.kind != "batch" and not _is_main(ctx, call):
            yield ctx.finding(
                call,
                "The model is loaded while the script is imported; load it in init(), whose failures are reported.",
            )


def _calls_init(ctx: ScriptContext, call: ast.Call) -> bool:
    found = ctx.facts.lookup("init", ctx.facts.scope_of(call)) if isinstance(call.func, ast.Name) else None
    return found is not None and found[0] is ctx.facts.module and ctx.is_certain("init")


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(item.value for item in call.keywords)]


def _depends_on_input(ctx: ScriptContext, node: ast.expr, depth: int = 0) -> bool:
    """Whether an expression in ``run()`` may come from what ``run()`` was given."""
    for name in ast.walk(node):
        if not isinstance(name, ast.Name) or ctx.run_scope is None:
            continue
        found = ctx.facts.lookup(name.id, ctx.facts.scope_of(name))
        if found is None or found[0].function() is not ctx.run_scope:
            continue
        for binding in found[1]:
            if binding.kind != "assign" or binding.value is None:
                if binding.kind != "import":
                    return True
            elif depth > 8 or _depends_on_input(ctx, binding.value, depth + 1):
                return True
    return False


def _is_lazy(ctx: ScriptContext, node: ast.AST) -> bool:
    """Whether a load stands behind a test, as in ``if model is None:``."""
    return any(isinstance(up, ast.If | ast.IfExp | ast.BoolOp) for up in _until_function(ctx, node))


def _is_main(ctx: ScriptContext, node: ast.AST) -> bool:
    return any(isinstance(up, ast.If) and "__name__" in ctx.text(up.test) for up in ctx.facts.ancestors(node))


def _until_function(ctx: ScriptContext, node: ast.AST) -> Iterator[ast.AST]:
    for up in ctx.facts.ancestors(node):
        if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef):
            return
        yield up


@rule("MLD608", "workspace-in-online-script", "warning", stage="init", kinds=frozenset({"json", "schema", "rawhttp"}))
def workspace_in_online_script(ctx: ScriptContext) -> Iterator[Finding]:
    """An online script opens a workspace or asks for the current run; a service has neither.

    The container carries no configuration file and no credentials. Models arrive in `AZUREML_MODEL_DIR`, values in
    environment variables.

    Bad::

        import json
        from azureml.core import Workspace

        def init():
            global ws
            ws = Workspace.from_config()

        def run(raw_data):
            return json.loads(raw_data)

    Good::

        import json
        import os

        def init():
            global folder
            folder = os.environ["AZUREML_MODEL_DIR"]

        def run(raw_data):
            return json.loads(raw_data)
    """
    if not ctx.entry.kind_is_certain:
        return
    for call in ctx.facts.calls:
        if called_name(call) not in {"from_config", "get_context", "Workspace", "get"}:
            continue
        name = ctx.qualified_name(call.func)
        if name in _WORKSPACE and not _is_main(ctx, call) and not ctx.is_forgiven(call):
            short = (name or "").removeprefix("azureml.core.").removeprefix("workspace.").removeprefix("run.")
            yield ctx.finding(
                call, f"{short}() finds no workspace in a service's container; pass values as environment variables."
            )


@rule(
    "MLD609",
    "model-dir-without-default",
    "info",
    stage="init",
    runtime="TypeError: expected str, bytes or os.PathLike object, not NoneType",
)
def model_dir_without_default(ctx: ScriptContext) -> Iterator[Finding]:
    """`AZUREML_MODEL_DIR` is read without a default, so `init()` fails when the script is tried by itself.

    Servers set the variable. A default such as `"."` lets the script run in a notebook or a test too.

    Bad::

        import os

        def init():
            global path
            path = os.path.join(os.getenv("AZUREML_MODEL_DIR"), "model.pkl")

        def run(data):
            return [path, data]

    Good::

        import os

        def init():
            global path
            path = os.path.join(os.getenv("AZUREML_MODEL_DIR", "."), "model.pkl")

        def run(data):
            return [path, data]
    """
    for call in ctx.facts.calls:
        if len(call.args) != 1 or call.keywords or called_name(call) not in {"getenv", "get"}:
            continue
        name = call.args[0]
        if not isinstance(name, ast.Constant) or name.value != MODEL_DIR:
            continue
        parent = ctx.facts.parents[call]
        if isinstance(parent, ast.BoolOp | ast.Compare | ast.If):
            continue
        span = ctx.span(name)
        end = type(span)(span.end_line, span.end_column, span.end_line, span.end_column)
        yield ctx.finding(
            call,
            f"Outside of a server {MODEL_DIR} is not set and this is None; a default lets the script be tried locally.",
            Fix('Add the default "."', (ctx.replace(end, ', "."'),)),
        )
    for node in ctx.facts.subscripts:
        if (
            isinstance(node.slice, ast.Constant)
            and node.slice.value == MODEL_DIR
            and isinstance(node.ctx, ast.Load)
            and (ctx.qualified_name(node.value) == "os.environ")
        ):
            yield ctx.finding(
                node,
                f"Outside of a server {MODEL_DIR} is not set and this raises KeyError; os.getenv with a "
                f"default can be tried locally.",
                Fix(
                    'Use os.getenv with the default "."',
                    (ctx.replace(node, f'{ctx.text(node.value).removesuffix(".environ")}.getenv("{MODEL_DIR}", ".")'),),
                ),
            )
