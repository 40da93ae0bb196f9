"""MLD109–MLD113: imports, parameters and names around ``init()`` and ``run()``."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator
from pathlib import Path, PurePath

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext
from jupyter_mldeploy.core.lint.diagnostics import Fix
from jupyter_mldeploy.core.lint.rule import ONLINE, UNDECORATED, rule
from jupyter_mldeploy.core.script.source import Span

PLACEHOLDER = re.compile(
    r"<<[^<>\n]{1,60}>>|<(?:your|insert|enter|replace|add|put)\b[^<>\n]{0,60}>|<(?:model|service)[ "
    r"_-]?(?:name|id|file|path)>",
    re.IGNORECASE,
)


@rule(
    "MLD109",
    "relative-import",
    "error",
    stage="import",
    zero_fp=True,
    kinds=ONLINE,
    confirmed=True,
    runtime="ImportError: attempted relative import with no known parent package",
)
def relative_import(ctx: ScriptContext) -> Iterator[Finding]:
    """An online entry script imports relatively, but it is loaded as a file, not as part of a package.

    Modules beside the script are found by their plain names.

    Bad::

        import json
        from .preprocess import clean

        def init():
            pass

        def run(raw_data):
            return clean(json.loads(raw_data))

    Good::

        import json
        from preprocess import clean

        def init():
            pass

        def run(raw_data):
            return clean(json.loads(raw_data))
    """
    if not ctx.entry.kind_is_certain:
        return  # batch scripts live in packages
    if ctx.path is not None and not ctx.is_cell and (Path(ctx.path).parent / "__init__.py").is_file():
        return  # part of a package that another script may import it from
    for node in ctx.facts.imports:
        if not isinstance(node, ast.ImportFrom) or not node.level or ctx.facts.scope_of(node) is not ctx.facts.module:
            continue
        if ctx.facts.is_conditional(node):
            continue
        fix = None
        text = ctx.text(node)
        if node.level == 1 and node.module and text.startswith("from ."):
            fix = Fix(
                "Import by the plain name", (ctx.replace(node, "from " + text[len("from ") :].replace(".", "", 1)),)
            )
        elif node.level == 1 and text.startswith("from . import "):
            fix = Fix("Import by the plain name", (ctx.replace(node, text[len("from . ") :]),))
        yield ctx.finding(
            node,
            "An entry script has no parent package, so this relative import fails when the script is imported; "
            "import the module by its plain name.",
            fix,
        )


@rule("MLD110", "parameter-never-filled", "info", stage="answer", kinds=UNDECORATED, whole=True)
def parameter_never_filled(ctx: ScriptContext) -> Iterator[Finding]:
    """`run()` without schema decorators has a further parameter with a default, which no request can set.

    Bad::

        import json

        def init():
            pass

        def run(raw_data, threshold=0.5):
            return [x > threshold for x in json.loads(raw_data)]

    Good::

        import json

        def init():
            pass

        def run(raw_data):
            body = json.loads(raw_data)
            return [x > body.get("threshold", 0.5) for x in body["data"]]
    """
    if not ctx.plain_run:
        return
    for extra in ctx.inputs[1:]:
        if extra.default is not None:
            yield ctx.finding(
                extra.span,
                f"No request can set {extra.name}: without @input_schema only {ctx.inputs[0].name} is filled. "
                "Take it from the body or describe both with schemas.",
            )


@rule("MLD111", "input-ignored", "info", stage="answer")
def input_ignored(ctx: ScriptContext) -> Iterator[Finding]:
    """`run()` never looks at its input.

    Bad::

        def init():
            pass

        def run(data):
            return "ok"

    Good::

        def init():
            pass

        def run(data):
            return f"got {data}"
    """
    scope, run = ctx.run_scope, ctx.run
    if scope is None or run is None or not ctx.inputs or not ctx.plain_run:
        return
    if all(isinstance(node, ast.Raise | ast.Pass | ast.Expr) for node in run.body):
        return
    names = {item.name for item in ctx.inputs}
    for inner in scope.subtree():
        if names & inner.reads.keys() or inner.reads.keys() & {"locals", "vars"}:
            return
    listed = " and ".join(sorted(names))
    yield ctx.finding(ctx.inputs[0].span, f"run() never reads {listed}, so every request gets the same answer.")


@rule("MLD112", "placeholder-left", "info", stage="init")
def placeholder_left(ctx: ScriptContext) -> Iterator[Finding]:
    """A placeholder of the template is still in the script.

    Bad::

        from azureml.core.model import Model

        def init():
            global path
            path = Model.get_model_path("<<modelid>>")

        def run(data):
            return [path, data]

    Good::

        from azureml.core.model import Model

        def init():
            global path
            path = Model.get_model_path("diabetes")

        def run(data):
            return [path, data]
    """
    for node, text in ctx.facts.strings:
        if "<" not in text or isinstance(ctx.facts.parents[node], ast.Expr):
            continue
        match = PLACEHOLDER.search(text)
        if match:
            yield ctx.finding(
                node, f"The placeholder {match.group()} of a template is still here; put the real value in."
            )


@rule("MLD113", "file-name-not-importable", "warning", stage="deploy", confirmed=True)
def file_name_not_importable(ctx: ScriptContext) -> Iterator[Finding]:
    """The file's name is not a Python identifier, so Azure's tools refuse it as an entry script.

    Rename the file: letters, digits and underscores, no keyword, not beginning with a digit.

    Bad::

        --- my-score.py
        import os

        def init():
            global path
            path = os.environ["AZUREML_MODEL_DIR"]

        def run(data):
            return [path, data]

    Good::

        --- my_score.py
        import os

        def init():
            global path
            path = os.environ["AZUREML_MODEL_DIR"]

        def run(data):
            return [path, data]
    """
    if ctx.path is None or ctx.is_cell or not ctx.path.endswith(".py"):
        return
    stem = PurePath(ctx.path).stem
    if not stem.isidentifier() or keyword.iskeyword(stem):
        wanted = re.sub(r"\W", "_", stem)
        wanted = f"score_{wanted}" if not wanted.isidentifier() or keyword.iskeyword(wanted) else wanted
        yield ctx.finding(
            Span(1, 0, 1, len(ctx.source.line(1))),
            f"{stem}.py cannot be imported by that name, and Azure's tools refuse it as an entry script; "
            f"rename it, for example to {wanted}.py.",
        )
