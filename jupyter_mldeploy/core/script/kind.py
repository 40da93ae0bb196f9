"""Tells what kind of entry script a file is: the kind decides what ``run()`` receives, so it comes before every rule.

Decorators prove a kind. Batch scripts carry no marker, so they are told by names and by how ``run()`` uses its input;
when the evidence is thin the answer is marked as uncertain.
"""

from __future__ import annotations

import ast
import re
from pathlib import PurePath
from typing import Literal

from jupyter_mldeploy.core.script.scopes import Facts, FunctionNode, parameters
from jupyter_mldeploy.core.script.values import source_expression

ScriptKind = Literal["json", "schema", "rawhttp", "batch", "class", "unknown"]

MODEL_DIR = "AZUREML_MODEL_DIR"
_OURS = (
    "inference_schema.",
    "azureml.contrib.services.",
    "azureml_inference_server_http.",
    "jupyter_mldeploy.",
)
_BATCH_PARAMETER = re.compile(r"^(?:_*mini_?batch(?:es)?(?:_\w+)?|minibatch\w*)$", re.IGNORECASE)
_BATCH_LIKE = {
    "batch", "files", "file_list", "file_paths", "input_files", "image_files", "images", "df", "dataset", "dataframe",
    "data_frame", "paths", "input_df", "items",
}  # fmt: skip
_ONLINE_LIKE = {
    "raw_data",
    "rawdata",
    "request",
    "req",
    "input_json",
    "json_data",
    "body",
    "payload",
    "raw_input",
    "raw_json",
}
_FRAME_ATTRIBUTES = {
    "drop", "iterrows", "columns", "to_csv", "assign", "iloc", "loc", "itertuples", "dropna", "groupby", "apply", "pop",
    "fillna",
}  # fmt: skip
_FILE_READERS = {
    "open",
    "read_csv",
    "read_parquet",
    "basename",
    "Path",
    "load_img",
    "imread",
    "read_json",
    "load",
    "splitext",
}
_PARALLEL_TEXT = re.compile(r"ParallelRun|parallel_run|EntryScript\b|mini_batch\b")


def is_ours(qualified: str) -> bool:
    """Whether a dotted name belongs to a package whose decorators and classes the contract knows."""
    return qualified.startswith(_OURS)


def tell(
    facts: Facts,
    run: FunctionNode | None,
    roles: set[str],
    *,
    path: str | None,
    text: str,
    has_class: bool,
    has_run: bool,
) -> tuple[ScriptKind, bool]:
    """Return the kind of a script and whether it is certain."""
    if not has_run:
        return "unknown", False
    if "rawhttp" in roles:
        return "rawhttp", True
    if roles & {"input", "output"}:
        return "schema", True
    if has_class:
        return "class", True
    if run is None:
        return "json", False
    if proves_batch(facts, run):
        return "batch", True
    online, batch = _online_evidence(facts, run), _batch_evidence(facts, run, path, text)
    if online >= 2 and batch < 2:
        return "json", True
    if batch - online >= 2:
        return "batch", batch - online >= 3
    return "json", False


def proves_batch(facts: Facts, run: FunctionNode) -> bool:
    """Whether names alone prove a batch script: the parameter ``mini_batch`` or the batch runner's own imports."""
    names = [arg.arg for arg in parameters(run.args)]
    if names and _BATCH_PARAMETER.match(names[0]):
        return True
    if "mini_batch_context" in names:
        return True
    return any(
        isinstance(node, ast.ImportFrom) and (node.module or "").startswith("azureml_user") for node in facts.imports
    )


def _batch_evidence(facts: Facts, run: FunctionNode, path: str | None, text: str) -> float:
    arguments = parameters(run.args)
    if not arguments:
        return 0.0
    first = arguments[0].arg
    score = 0.0
    scope = facts.scopes[run]
    for loop in (node for node in ast.walk(run) if isinstance(node, ast.For) and _mentions(node.iter, first)):
        targets = {node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)}
        called = [
            node
            for node in ast.walk(loop)
            if isinstance(node, ast.Call) and any(isinstance(arg, ast.Name) and arg.id in targets for arg in node.args)
        ]
        if any(_called(node) in _FILE_READERS for node in called):
            score += 2
            break
    if any(_is_read_of(node.value, first) and node.attr in _FRAME_ATTRIBUTES for node in facts.attributes) and (
        len(scope.bindings[first]) == 1
    ):
        score += 1.5
    if first.lower() in _BATCH_LIKE:
        score += 1
    if "shutdown" in facts.module.bindings:
        score += 1
    if any(facts.qualified_name(node.func) == "argparse.ArgumentParser" for node in facts.calls):
        score += 1
    if path and "batch" in PurePath(path).name.lower():
        score += 1.5
    if _PARALLEL_TEXT.search(text):
        score += 1.5
    return score


def _online_evidence(facts: Facts, run: FunctionNode) -> float:
    names = [arg.arg for arg in parameters(run.args)]
    score = 0.0
    if "request_headers" in names:
        score += 3
    if names and names[0].lower() in _ONLINE_LIKE:
        score += 1
    first = names[0] if names else ""
    scope = facts.scopes[run]
    for node in facts.calls:
        name = facts.qualified_name(node.func) or ""
        if (
            name == "json.loads"
            and node.args
            and _mentions(node.args[0], first)
            and facts.scope_of(node).function() is scope
        ) or name.endswith(".AMLResponse"):
            score += 3
    for item in scope.returns:
        value = source_expression(facts, item.value) if item.value is not None else None
        # The batch runner takes neither text nor an object.
        if isinstance(value, ast.Dict) or (isinstance(value, ast.Call) and _called(value) == "dumps"):
            return score + 2
    return score


def _mentions(node: ast.AST, name: str) -> bool:
    return any(isinstance(item, ast.Name) and item.id == name for item in ast.walk(node))


def _is_read_of(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _called(node: ast.Call) -> str | None:
    func = node.func
    return func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else None


def model_reference(
    facts: Facts, node: ast.Call | ast.Subscript
) -> tuple[Literal["env", "get_model_path", "mlflow", "hub"], str | None, str | None] | None:
    """Return ``(how, name, version)`` when an expression asks for a model, or None."""
    if isinstance(node, ast.Subscript):
        named = isinstance(node.slice, ast.Constant) and node.slice.value == MODEL_DIR
        return ("env", None, None) if named and facts.qualified_name(node.value) == "os.environ" else None
    called = _called(node)
    if called in {"getenv", "get"} and node.args:
        first = node.args[0]
        if isinstance(first, ast.Constant) and first.value == MODEL_DIR:
            return "env", None, None
    elif called == "get_model_path":
        name = argument(node, 0, "model_name")
        return "get_model_path", literal(name), literal(argument(node, 1, "version"))
    elif called == "from_pretrained":
        return "hub", literal(argument(node, 0, "pretrained_model_name_or_path")), None
    elif called == "load_model" and (facts.qualified_name(node.func) or "").startswith("mlflow."):
        return "mlflow", literal(argument(node, 0, "model_uri")), None
    return None


def argument(node: ast.Call, position: int, name: str) -> ast.expr | None:
    """Return an argument given by position or by keyword."""
    if position < len(node.args):
        return node.args[position]
    return next((keyword.value for keyword in node.keywords if keyword.arg == name), None)


def literal(node: ast.expr | None) -> str | None:
    """Return a string or number literal as text."""
    if (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str | int | float)
        and not isinstance(node.value, bool)
    ):
        return str(node.value)
    return None
