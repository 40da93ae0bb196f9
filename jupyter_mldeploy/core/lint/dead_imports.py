"""MLD601, MLD602: imports of modules that are gone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext
from jupyter_mldeploy.core.lint.diagnostics import Fix, Severity
from jupyter_mldeploy.core.lint.rule import rule

_REMOVED = {"joblib", "six", "funcsigs"}
_DEAD = ("azureml.api", "azureml.assets", "azureml.logging")


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


def _what_fails(ctx: ScriptContext, node: ast.AST) -> str | None:
    """Return what an import that cannot succeed stops, or None for code that a server does not certainly run."""
    scope = ctx.facts.scope_of(node).function()
    for up in ctx.facts.ancestors(node):
        if isinstance(up, ast.If) and "__name__" in ctx.text(up.test):
            return None
    while scope.kind == "class" and scope.parent is not None:
        scope = scope.parent.function()
    if scope is ctx.facts.module:
        return "importing the script"
    if scope is ctx.init_scope:
        return "init()"
    return "run()" if scope is ctx.run_scope else None


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

    A script that is deployed all the same (`--force`) finds joblib under the old name on this project's server, but
    nowhere else.

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
            names = [
                a.name.split(".")[2]
                for a in node.names
                if re.match(r"sklearn\.externals\.(joblib|six|funcsigs)\b", a.name)
            ]
        stopped = _what_fails(ctx, node) if names else None
        if stopped is None or _is_tried(ctx, node):
            continue
        name = names[0]
        advice = (
            f"write import {name}"
            if isinstance(node, ast.Import) or node.module == "sklearn.externals"
            else f"import it from {name}"
        )
        pinned = " when the pinned scikit-learn is raised" if severity else ""
        yield ctx.finding(
            node,
            f"sklearn.externals.{name} was removed in scikit-learn 0.23, so {stopped} "
            f"fails{pinned}; {advice} "
            "instead, which reads the same files.",
            Fix(f"Import {name} itself", (ctx.replace(node, text),), safe=True)
            if (text := _direct_import(ctx, node))
            else None,
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


@rule(
    "MLD602",
    "dead-workbench-module",
    "error",
    stage="import",
    zero_fp=True,
    runtime="ModuleNotFoundError: No module named 'azureml.api'",
)
def dead_workbench_module(ctx: ScriptContext) -> Iterator[Finding]:
    """The script imports modules of Azure ML Workbench, which was shut down in 2018.

    `azureml.api`, `azureml.assets` and `azureml.logging` are in no installable package any more. Schemas come from
    `inference_schema` today; delete the rest. What the server does not call, such as a `main()` that wrote the schema,
    may keep its imports.

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
            stopped = _what_fails(ctx, node) if dead else None
            if stopped and not _is_tried(ctx, node):
                yield ctx.finding(
                    node,
                    f"{dead} belonged to Azure ML Workbench and is gone, so {stopped} fails; "
                    f"remove it (schemas: inference_schema).",
                )
                break
