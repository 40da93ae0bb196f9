"""MLD601–MLD606: imports that are gone, and where the model lies."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext, called_name
from jupyter_mldeploy.core.lint.diagnostics import Fix, Severity
from jupyter_mldeploy.core.lint.rule import ONLINE, rule
from jupyter_mldeploy.core.lint.shape_style import PLACEHOLDER
from jupyter_mldeploy.core.scriptkind import MODEL_DIR

_REMOVED = {"joblib", "six", "funcsigs"}
_DEAD = ("azureml.api", "azureml.assets", "azureml.logging")
_MODEL_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-._]{0,254}")
_LOADERS = {
    "load", "open", "load_model", "from_pretrained", "read_pickle", "InferenceSession", "load_weights", "restore", "load_file",
    "load_state_dict", "Booster", "load_learner",
}  # fmt: skip
_ABSOLUTE = re.compile(r"^(?:/(?!tmp\b|dev\b|proc\b|etc\b|sys\b|usr\b|bin\b|opt\b|score\b|api\b|$)[\w.~-]+/.*\w|[A-Za-z]:[\\/].+|\.?/?azureml-models/.+)")
_NEAR = {"AZURE_MODEL_DIR", "AZUREML_MODELS_DIR", "AZUREML_MODEL_PATH", "AML_MODEL_DIR", "AZUREML_MODELDIR", "AZ_MODEL_DIR", "AZUREML_MODEL"}


def _is_tried(ctx: ScriptContext, node: ast.AST) -> bool:
    """Whether an import may fail without harm."""
    child = node
    for up in ctx.facts.ancestors(node):
        if isinstance(up, ast.Try) and (any(child is item for item in up.body) or isinstance(child, ast.ExceptHandler)):
            return True
        if isinstance(up, ast.If) and ("version" in ctx.text(up.test) or "TYPE_CHECKING" in ctx.text(up.test)):
            return True
        child = up
    return False


@rule(
    "MLD601",
    "removed-sklearn-externals",
    "error",
    stage="import",
    runtime="ImportError: cannot import name 'joblib' from 'sklearn.externals'",
)
def removed_sklearn_externals(ctx: ScriptContext) -> Iterator[Finding]:
    """`sklearn.externals.joblib` was removed in scikit-learn 0.23; import joblib itself.

    Older tutorials load models with `from sklearn.externals import joblib`. scikit-learn carried a copy of joblib until
    0.22; since 0.23 (May 2020) the import fails and the service does not start. The package `joblib` is installed with
    scikit-learn and reads the same files. When the environment pins scikit-learn below 0.23, this is a warning.

    Bad::

        from sklearn.externals import joblib

        def init():
            global model
            model = joblib.load("model.pkl")

        def run(data):
            return model.predict(data).tolist()

    Good::

        import joblib

        def init():
            global model
            model = joblib.load("model.pkl")

        def run(data):
            return model.predict(data).tolist()
    """
    severity = _pinned_severity(ctx)
    for node in ctx.facts.imports:
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and not node.level:
            if node.module == "sklearn.externals":
                names = [alias.name for alias in node.names if alias.name in _REMOVED]
            elif (node.module or "").startswith("sklearn.externals.") and (node.module or "").split(".")[2] in _REMOVED:
                names = [(node.module or "").split(".")[2]]
        elif isinstance(node, ast.Import):
            names = [a.name.split(".")[2] for a in node.names if re.match(r"sklearn\.externals\.(joblib|six|funcsigs)\b", a.name)]
        if not names or _is_tried(ctx, node):
            continue
        name = names[0]
        advice = f"write import {name}" if isinstance(node, ast.Import) or node.module == "sklearn.externals" else f"import it from {name}"
        pinned = " when the pinned scikit-learn is raised" if severity else ""
        yield ctx.finding(
            node,
            f"sklearn.externals.{name} was removed in scikit-learn 0.23, so importing the script fails{pinned}; {advice} "
            "instead, which reads the same files.",
            Fix(f"Import {name} itself", (ctx.replace(node, text),), safe=True) if (text := _direct_import(ctx, node)) else None,
            severity=severity,
        )


def _pinned_severity(ctx: ScriptContext) -> Severity | None:
    packages = ctx.environment.packages if ctx.environment else {}
    version = packages.get("scikit-learn") or packages.get("sklearn")
    match = re.match(r"0\.(\d+)", version or "")
    return "warning" if match and int(match.group(1)) < 23 else None


def _direct_import(ctx: ScriptContext, node: ast.Import | ast.ImportFrom) -> str | None:
    indent = " " * ctx.span(node).column
    if isinstance(node, ast.Import):
        parts = []
        for alias in node.names:
            name = re.sub(r"^sklearn\.externals\.", "", alias.name)
            if name != alias.name and not alias.asname:
                return None  # the script uses the long name
            parts.append(f"{name} as {alias.asname}" if alias.asname and alias.asname != name else name)
        return f"import {', '.join(parts)}"
    def shown(alias: ast.alias) -> str:
        return f"{alias.name} as {alias.asname}" if alias.asname else alias.name

    if node.module != "sklearn.externals":
        names = ", ".join(shown(alias) for alias in node.names)
        return f"from {(node.module or '').removeprefix('sklearn.externals.')} import {names}"
    lines = [f"import {shown(alias)}" for alias in node.names if alias.name in _REMOVED]
    kept = [shown(alias) for alias in node.names if alias.name not in _REMOVED]
    if kept:
        lines.append(f"from sklearn.externals import {', '.join(kept)}")
    return f"{ctx.source.newline}{indent}".join(lines)


@rule("MLD602", "dead-workbench-module", "error", stage="import", zero_fp=True, runtime="ModuleNotFoundError: No module named 'azureml.api'")
def dead_workbench_module(ctx: ScriptContext) -> Iterator[Finding]:
    """The script imports modules of Azure ML Workbench, which was shut down in 2018.

    `azureml.api`, `azureml.assets` and `azureml.logging` are in no installable package any more. Schemas come from
    `inference_schema` today; delete the rest.

    Bad::

        from azureml.api.schema.dataTypes import DataTypes

        def init():
            pass

        def run(input_df):
            return str(input_df)

    Good::

        def init():
            pass

        def run(input_df):
            return str(input_df)
    """
    for node in ctx.facts.imports:
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        if isinstance(node, ast.ImportFrom):
            if node.level:
                continue
            if node.module == "azureml":
                modules = [f"azureml.{alias.name}" for alias in node.names]
        for module in modules:
            dead = next((name for name in _DEAD if module == name or module.startswith(f"{name}.")), None)
            if dead and not _is_tried(ctx, node):
                yield ctx.finding(
                    node, f"{dead} belonged to Azure ML Workbench and is gone, so importing the script fails; remove it (schemas: inference_schema)."
                )
                break


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
        if called_name(call) != "join" or len(call.args) < 2 or ctx.qualified_name(call.func) not in {"os.path.join", "posixpath.join"}:
            continue
        if not _is_model_folder(ctx, call.args[0]):
            continue
        for part in call.args[1:]:
            shown = part
            if isinstance(part, ast.JoinedStr) and part.values and isinstance(part.values[0], ast.Constant):
                shown = part.values[0]
            if not isinstance(shown, ast.Constant) or not isinstance(shown.value, str) or not shown.value.startswith("/"):
                continue
            fix = None
            text = ctx.text(part)
            stripped = re.sub(r"""^([rRbBuUfF]*(?:'''|\"\"\"|'|"))/+""", r"\1", text)
            if stripped != text:
                fix = Fix("Strip the slash", (ctx.replace(part, stripped),), safe=True)
            yield ctx.finding(part, "A part that begins with / throws the model folder away, so the file is not found; strip the slash.", fix)
            break


def _is_model_folder(ctx: ScriptContext, node: ast.expr) -> bool:
    shown = ctx.expression_of(node)
    if isinstance(shown, ast.Name):
        found = ctx.facts.lookup(shown.id, ctx.facts.scope_of(shown))
        values = [binding.value for binding in found[1]] if found else []
        return bool(values) and all(value is not None and not isinstance(value, ast.Name) and _is_model_folder(ctx, value) for value in values)
    if isinstance(shown, ast.Subscript):
        return isinstance(shown.slice, ast.Constant) and shown.slice.value == MODEL_DIR
    if isinstance(shown, ast.Call):
        if called_name(shown) in {"getenv", "get"} and shown.args:
            return isinstance(shown.args[0], ast.Constant) and shown.args[0].value == MODEL_DIR
        return called_name(shown) == "get_model_path"
    return False


@rule("MLD604", "misspelt-model-dir", "warning", stage="init", runtime="TypeError: expected str, bytes or os.PathLike object, not NoneType")
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
    for node in ctx.facts.strings:
        name = node.value
        if name == MODEL_DIR or "model" not in name.lower() or len(name) > 24 or not name.isidentifier():
            continue
        near = name.upper() == MODEL_DIR or name in _NEAR or (
            name.isupper() and difflib.SequenceMatcher(None, name, MODEL_DIR).ratio() > 0.9
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
    return isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Load) and ctx.qualified_name(parent.value) == "os.environ"


@rule("MLD605", "hard-coded-path", "warning", stage="init", runtime="FileNotFoundError: [Errno 2] No such file or directory")
def hard_coded_path(ctx: ScriptContext) -> Iterator[Finding]:
    """A model or file is opened by a path of one computer.

    The container has another file system. Register the file with the model and join its name to `AZUREML_MODEL_DIR`.

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
        if not isinstance(shown, ast.Constant) or not isinstance(shown.value, str) or not _ABSOLUTE.match(shown.value):
            continue
        if any(isinstance(arg, ast.Constant) and arg.value in {"w", "a", "wb", "w+"} for arg in call.args[1:]):
            continue
        yield ctx.finding(
            call.args[0], f'"{shown.value}" exists on one computer only; join the file name to {MODEL_DIR} instead.'
        )


@rule("MLD606", "not-a-model-name", "warning", stage="init", kinds=ONLINE | {"batch"}, runtime="ModelNotFoundException: Model not found in cache")
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
        what = "is a path; give the registered name" if is_path else "can be no model's name; use letters, digits, - . and _"
        yield ctx.finding(reference.span, f'"{reference.name}" {what}.')
