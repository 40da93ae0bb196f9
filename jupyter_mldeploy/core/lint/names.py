"""MLD306, MLD307: names that a cell's script does not have."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext
from jupyter_mldeploy.core.lint.diagnostics import Fix
from jupyter_mldeploy.core.lint.rule import rule

_BUILTINS = frozenset(dir(builtins)) | {
    "__file__", "__name__", "__doc__", "__path__", "__package__", "__spec__", "__loader__", "__builtins__", "__class__",
    "__annotations__", "__cached__", "__debug__", "WindowsError", "frozendict", "__IPYTHON__", "__module__",
    "__qualname__", "__dict__",
}  # fmt: skip
_PYTHON_2 = {
    "unicode",
    "basestring",
    "long",
    "xrange",
    "raw_input",
    "buffer",
    "unichr",
    "reduce",
    "cmp",
    "file",
    "execfile",
}
_IMPORTS = {
    "np": "import numpy as np", "pd": "import pandas as pd", "plt": "import matplotlib.pyplot as plt",
    "tf": "import tensorflow as tf",
    "nn": "from torch import nn", "Image": "from PIL import Image", "Model": "from azureml.core.model import Model",
    "AMLResponse": "from azureml.contrib.services.aml_response import AMLResponse",
    "AMLRequest": "from azureml.contrib.services.aml_request import AMLRequest",
    "rawhttp": "from azureml.contrib.services.aml_request import rawhttp",
    "input_schema": "from inference_schema.schema_decorators import input_schema",
    "output_schema": "from inference_schema.schema_decorators import output_schema",
    "NumpyParameterType": "from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType",
    "PandasParameterType": "from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType",
    "StandardPythonParameterType": (
        "from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType"
    ),
    "Path": "from pathlib import Path", "ort": "import onnxruntime as ort", "sns": "import seaborn as sns",
    "xgb": "import xgboost as xgb", "lgb": "import lightgbm as lgb", "F": "import torch.nn.functional as F",
}  # fmt: skip
_MODULES = {
    "json", "os", "sys", "re", "time", "logging", "math", "io", "base64", "pickle", "datetime", "random", "uuid",
    "glob", "shutil", "traceback", "joblib", "torch", "numpy", "pandas", "sklearn", "onnxruntime", "mlflow",
    "requests", "argparse", "collections", "itertools", "functools", "tempfile", "csv", "copy", "warnings",
    "string", "struct", "zipfile", "hashlib", "scipy", "cv2", "xgboost", "lightgbm", "transformers", "tensorflow",
    "keras", "yaml", "pathlib", "subprocess", "typing",
}  # fmt: skip


def _undefined(ctx: ScriptContext) -> Iterator[ast.Name]:
    """Yield the first read of every name that nothing in the script binds."""
    facts = ctx.facts
    if facts.star_imports or facts.dynamic:
        return
    future = any(
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and any(a.name == "annotations" for a in node.names)
        for node in facts.imports
    )
    # A name that is tried somewhere may have been tested before it is used elsewhere.
    seen = {node.id for node in facts.names if _is_caught(ctx, node)}
    for node in facts.names:
        name = node.id
        if name in seen or name in _BUILTINS or not isinstance(node.ctx, ast.Load):
            continue
        if facts.lookup(name, facts.scope_of(node)) is not None:
            continue
        if (
            ctx.is_forgiven(node)
            or _is_caught(ctx, node)
            or _is_tested(ctx, node)
            or (future and _in_annotation(ctx, node))
        ):
            continue
        seen.add(name)
        yield node


def _is_caught(ctx: ScriptContext, node: ast.AST) -> bool:
    """Whether a ``try`` around a node expects that its name may be missing."""
    if not ctx.facts.handlers:
        return False
    child = node
    for up in ctx.facts.ancestors(node):
        if isinstance(up, ast.Try) and any(child is item for item in up.body):
            for handler in up.handlers:
                caught = handler.type
                names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
                if any(isinstance(item, ast.Name) and item.id == "NameError" for item in names):
                    return True
        child = up
    return False


def _is_tested(ctx: ScriptContext, node: ast.Name) -> bool:
    """Whether a node stands behind a test that decides whether its name exists, such as TYPE_CHECKING."""
    for up in ctx.facts.ancestors(node):
        if isinstance(up, ast.If | ast.IfExp | ast.BoolOp):
            if node.id in _PYTHON_2:
                return True
            for item in ast.walk(up if isinstance(up, ast.BoolOp) else up.test):
                if isinstance(item, ast.Name) and item.id == "TYPE_CHECKING":
                    return True
                if isinstance(item, ast.Constant) and item.value == node.id:
                    return True
    return False


def _in_annotation(ctx: ScriptContext, node: ast.AST) -> bool:
    child = node
    for up in ctx.facts.ancestors(node):
        if isinstance(up, ast.arg) or (isinstance(up, ast.AnnAssign) and child is up.annotation):
            return True
        if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef):
            return child is up.returns
        child = up
    return False


def _stage(ctx: ScriptContext, node: ast.AST) -> str:
    scope = ctx.facts.scope_of(node).function()
    if scope.kind in {"module", "class"}:
        return "importing the script fails"
    if scope is ctx.init_scope:
        return "init() fails"
    return "every request that gets here fails"


@rule(
    "MLD306",
    "undefined-name-in-cell",
    "error",
    stage="request",
    zero_fp=True,
    whole=True,
    runtime="NameError: name 'os' is not defined",
)
def undefined_name_in_cell(ctx: ScriptContext) -> Iterator[Finding]:
    """A name is defined nowhere in the cell that becomes the script.

    Linters and editors do not look into cells that begin with `%%deploy` or `%%writefile`, so this rule does; in plain
    files it leaves the matter to them.

    Bad::

        %%writefile score.py
        def init():
            global folder
            folder = os.environ["AZUREML_MODEL_DIR"]

        def run(data):
            return [folder, data]

    Good::

        %%writefile score.py
        import os

        def init():
            global folder
            folder = os.environ["AZUREML_MODEL_DIR"]

        def run(data):
            return [folder, data]
    """
    if not ctx.is_cell:
        return
    reported = _locals_shared_with_run(ctx)
    for node in _undefined(ctx):
        if node.id in reported or (ctx.cell_names is not None and node.id in ctx.cell_names):
            continue
        statement = _IMPORTS.get(node.id) or (f"import {node.id}" if node.id in _MODULES else None)
        fix = Fix(f"Add {statement}", (ctx.insert_import(statement),), safe=True) if statement else None
        yield ctx.finding(
            node, f"{node.id} is defined nowhere in this cell, so {_stage(ctx, node)}; import or define it here.", fix
        )


def _locals_shared_with_run(ctx: ScriptContext) -> set[str]:
    """Names that MLD301 reports with a better reason."""
    if ctx.init_scope is None or ctx.run_scope is None or not ctx.is_certain("init") or not ctx.is_certain("run"):
        return set()
    return set(ctx.init_scope.bindings)


@rule(
    "MLD307",
    "name-from-another-cell",
    "warning",
    stage="request",
    whole=True,
    runtime="NameError: name 'clean' is not defined",
)
def name_from_another_cell(ctx: ScriptContext) -> Iterator[Finding]:
    """A name comes from another cell of the notebook, which the container does not have.

    With `%%writefile`, only this cell becomes the script: copy the definition here, or put it into a module beside the
    script. `%%deploy` copies definitions from other cells by itself, so there it is a hint.

    Bad::

        --- cells: clean
        %%writefile score.py
        def init():
            pass

        def run(data):
            return clean(data)

    Good::

        --- cells: clean
        %%writefile score.py
        def clean(data):
            return data.strip()

        def init():
            pass

        def run(data):
            return clean(data)
    """
    if not ctx.is_cell or not ctx.cell_names:
        return
    for node in _undefined(ctx):
        if node.id not in ctx.cell_names:
            continue
        if ctx.magic == "deploy":
            message = f"{node.id} comes from another cell; %%deploy copies its definition into the script."
            yield ctx.finding(node, message, severity="hint")
            continue
        statement = _IMPORTS.get(node.id) or (f"import {node.id}" if node.id in _MODULES else None)
        fix = Fix(f"Add {statement}", (ctx.insert_import(statement),), safe=True) if statement else None
        yield ctx.finding(
            node,
            f"{node.id} comes from another cell, which the deployed script does not have; "
            "copy its definition into this cell.",
            fix,
        )
