"""MLD603–MLD606: where the model lies."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext, called_name
from jupyter_mldeploy.core.lint.diagnostics import Fix
from jupyter_mldeploy.core.lint.rule import ONLINE, rule
from jupyter_mldeploy.core.lint.shape_style import PLACEHOLDER
from jupyter_mldeploy.core.script.kind import MODEL_DIR

_MODEL_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-._]{0,254}")
_LOADERS = {
    "load", "open", "load_model", "from_pretrained", "read_pickle", "InferenceSession", "load_weights", "restore",
    "load_file", "load_state_dict", "Booster", "load_learner",
}  # fmt: skip
_ABSOLUTE = re.compile(
    r"^(?:/(?!tmp\b|dev\b|proc\b|etc\b|sys\b|usr\b|bin\b|opt\b|score\b|api\b|$)[\w.~-]+/.*\w|[A-Za-z]:[\\/].+|\.?/?azureml-models/.+)"
)
_BACKSLASHED = re.compile(r"\.?\\?(?:[\w.-]+\\)+[\w.-]+")
_NEAR = {
    "AZURE_MODEL_DIR",
    "AZUREML_MODELS_DIR",
    "AZUREML_MODEL_PATH",
    "AML_MODEL_DIR",
    "AZUREML_MODELDIR",
    "AZ_MODEL_DIR",
    "AZUREML_MODEL",
}


@rule("MLD603", "absolute-path-joined", "error", stage="init", zero_fp=True)
def absolute_path_joined(ctx: ScriptContext) -> Iterator[Finding]:
    """`os.path.join(model_dir, "/file")`: a part that begins with a slash throws away what stands before it.

    Bad::

        import os

        def init():
            global path
            path = os.path.join(os.getenv("AZUREML_MODEL_DIR"), "/model.pkl")

        def run(data):
            return [path, data]

    Good::

        import os

        def init():
            global path
            path = os.path.join(os.getenv("AZUREML_MODEL_DIR"), "model.pkl")

        def run(data):
            return [path, data]
    """
    for call in ctx.facts.calls:
        if (
            called_name(call) != "join"
            or len(call.args) < 2
            or ctx.qualified_name(call.func) not in {"os.path.join", "posixpath.join"}
        ):
            continue
        if not _is_model_folder(ctx, call.args[0]):
            continue
        for part in call.args[1:]:
            shown = part
            if isinstance(part, ast.JoinedStr) and part.values and isinstance(part.values[0], ast.Constant):
                shown = part.values[0]
            if (
                not isinstance(shown, ast.Constant)
                or not isinstance(shown.value, str)
                or not shown.value.startswith("/")
            ):
                continue
            fix = None
            text = ctx.text(part)
            stripped = re.sub(r"""^([rRbBuUfF]*(?:'''|\"\"\"|'|"))/+""", r"\1", text)
            if stripped != text:
                fix = Fix("Strip the slash", (ctx.replace(part, stripped),), safe=True)
            yield ctx.finding(
                part,
                "A part that begins with / throws the model folder away, so the file is not found; strip the slash.",
                fix,
            )
            break


def _is_model_folder(ctx: ScriptContext, node: ast.expr) -> bool:
    shown = ctx.expression_of(node)
    if isinstance(shown, ast.Name):
        found = ctx.facts.lookup(shown.id, ctx.facts.scope_of(shown))
        values = [binding.value for binding in found[1]] if found else []
        return bool(values) and all(
            value is not None and not isinstance(value, ast.Name) and _is_model_folder(ctx, value) for value in values
        )
    if isinstance(shown, ast.Subscript):
        return isinstance(shown.slice, ast.Constant) and shown.slice.value == MODEL_DIR
    if isinstance(shown, ast.Call):
        if called_name(shown) in {"getenv", "get"} and shown.args:
            return isinstance(shown.args[0], ast.Constant) and shown.args[0].value == MODEL_DIR
        return called_name(shown) == "get_model_path"
    return False


@rule(
    "MLD604",
    "misspelt-model-dir",
    "warning",
    stage="init",
    runtime="TypeError: expected str, bytes or os.PathLike object, not NoneType",
)
def misspelt_model_dir(ctx: ScriptContext) -> Iterator[Finding]:
    """An environment variable is named nearly, but not exactly, `AZUREML_MODEL_DIR`.

    Bad::

        import os

        def init():
            global path
            path = os.path.join(os.getenv("AZURE_MODEL_DIR"), "model.pkl")

        def run(data):
            return [path, data]

    Good::

        import os

        def init():
            global path
            path = os.path.join(os.getenv("AZUREML_MODEL_DIR"), "model.pkl")

        def run(data):
            return [path, data]
    """
    for node, name in ctx.facts.strings:
        if name == MODEL_DIR or "model" not in name.lower() or len(name) > 24 or not name.isidentifier():
            continue
        near = (
            name.upper() == MODEL_DIR
            or name in _NEAR
            or (name.isupper() and difflib.SequenceMatcher(None, name, MODEL_DIR).ratio() > 0.9)
        )
        if not near or not _names_variable(ctx, node):
            continue
        quote = ctx.text(node)[:1]
        quote = quote if quote in "'\"" else '"'
        fix = Fix(f"Write {MODEL_DIR}", (ctx.replace(node, f"{quote}{MODEL_DIR}{quote}"),))
        yield ctx.finding(node, f"No server sets {name}; the model's folder is in {MODEL_DIR}.", fix)


def _names_variable(ctx: ScriptContext, node: ast.Constant) -> bool:
    parent = ctx.facts.parents[node]
    if isinstance(parent, ast.Call):
        return ctx.qualified_name(parent.func) in {"os.getenv", "os.environ.get"} and parent.args[:1] == [node]
    return (
        isinstance(parent, ast.Subscript)
        and isinstance(parent.ctx, ast.Load)
        and ctx.qualified_name(parent.value) == "os.environ"
    )


@rule(
    "MLD605",
    "hard-coded-path",
    "warning",
    stage="init",
    runtime="FileNotFoundError: [Errno 2] No such file or directory",
)
def hard_coded_path(ctx: ScriptContext) -> Iterator[Finding]:
    """A model or file is opened by a path of one computer.

    The container has another file system. Register the file with the model and join its name to `AZUREML_MODEL_DIR`.
    The server sets that variable; a script that overwrites it looks in the wrong place. Backslashes between folders are
    part of a file's name on Linux.

    Bad::

        import joblib

        def init():
            global model
            model = joblib.load("/home/alice/models/model.pkl")

        def run(data):
            return [str(model), data]

    Good::

        import os
        import joblib

        def init():
            global model
            model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.pkl"))

        def run(data):
            return [str(model), data]
    """
    for call in ctx.facts.calls:
        if called_name(call) not in _LOADERS or not call.args:
            continue
        shown = ctx.expression_of(call.args[0])
        if not isinstance(shown, ast.Constant) or not isinstance(shown.value, str):
            continue
        windows = _BACKSLASHED.fullmatch(shown.value) is not None
        if not windows and not _ABSOLUTE.match(shown.value):
            continue
        if any(isinstance(arg, ast.Constant) and arg.value in {"w", "a", "wb", "w+"} for arg in call.args[1:]):
            continue
        why = "separates folders by backslashes, which Linux does not" if windows else "exists on one computer only"
        yield ctx.finding(call.args[0], f'"{shown.value}" {why}; join the file name to {MODEL_DIR} instead.')
    for node, value in _settings_of_model_dir(ctx):
        yield ctx.finding(
            node, f'The server sets {MODEL_DIR}; "{value}" exists on one computer only, so leave this assignment out.'
        )


def _settings_of_model_dir(ctx: ScriptContext) -> Iterator[tuple[ast.Assign, str]]:
    """Yield where ``os.environ["AZUREML_MODEL_DIR"]`` is certainly overwritten by a path of one computer."""
    for node in ctx.facts.subscripts:
        statement = ctx.facts.parents.get(node)
        if (
            isinstance(node.ctx, ast.Store)
            and isinstance(statement, ast.Assign)
            and isinstance(statement.value, ast.Constant)
            and isinstance(statement.value.value, str)
            and _ABSOLUTE.match(statement.value.value)
            and isinstance(node.slice, ast.Constant)
            and node.slice.value == MODEL_DIR
            and ctx.qualified_name(node.value) == "os.environ"
            and not ctx.facts.is_conditional(statement)
            and ctx.facts.scope_of(node).function() in {ctx.facts.module, ctx.init_scope, ctx.run_scope}
        ):
            yield statement, statement.value.value


@rule(
    "MLD606",
    "not-a-model-name",
    "warning",
    stage="init",
    kinds=ONLINE | {"batch"},
    runtime="ModelNotFoundException: Model not found in cache",
)
def not_a_model_name(ctx: ScriptContext) -> Iterator[Finding]:
    """`get_model_path` is given a path, or a name that no registered model can have.

    It takes the name of a registered model: letters, digits, `-`, `.` and `_`, beginning with a letter or digit.

    Bad::

        from azureml.core.model import Model

        def init():
            global path
            path = Model.get_model_path("outputs/model.pkl")

        def run(data):
            return [path, data]

    Good::

        from azureml.core.model import Model

        def init():
            global path
            path = Model.get_model_path("model")

        def run(data):
            return [path, data]
    """
    for reference in ctx.entry.model_references:
        if reference.how != "get_model_path" or reference.name is None or PLACEHOLDER.search(reference.name):
            continue
        if _MODEL_NAME.fullmatch(reference.name):
            continue
        is_path = "/" in reference.name or "\\" in reference.name
        what = (
            "is a path; give the registered name"
            if is_path
            else "can be no model's name; use letters, digits, - . and _"
        )
        yield ctx.finding(reference.span, f'"{reference.name}" {what}.')
