"""MLD406, MLD407: answers that lose their status or their body."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext
from jupyter_mldeploy.core.lint.diagnostics import Fix, TextEdit
from jupyter_mldeploy.core.lint.rule import ONLINE, rule


@rule("MLD406", "status-in-tuple", "warning", stage="answer", kinds=ONLINE, response=True)
def status_in_tuple(ctx: ScriptContext) -> Iterator[Finding]:
    """`run()` returns a tuple with a status code, which becomes a JSON list with status 200.

    Only `AMLResponse` carries a status.

    Bad::

        import json

        def init():
            pass

        def run(raw_data):
            if "data" not in json.loads(raw_data):
                return {"error": "no data"}, 400
            return {"result": 1}

    Good::

        import json
        from azureml.contrib.services.aml_response import AMLResponse

        def init():
            pass

        def run(raw_data):
            if "data" not in json.loads(raw_data):
                return AMLResponse({"error": "no data"}, 400, json_str=True)
            return {"result": 1}
    """
    for node, value in ctx.run_returns():
        if not ctx.in_run(node) or not isinstance(value, ast.Tuple) or len(value.elts) not in {2, 3}:
            continue
        status = value.elts[1]
        if not isinstance(status, ast.Constant) or type(status.value) is not int or not 100 <= status.value <= 599:
            continue
        fix = None
        if len(value.elts) == 2:
            fix = response_fix(
                ctx, value, ctx.text(value.elts[0]), status.value, as_json=not _is_text(ctx, value.elts[0])
            )
        yield ctx.finding(
            value,
            f"The caller gets status 200 and a JSON list; status {status.value} needs AMLResponse(…, {status.value}).",
            fix,
        )


def _is_text(ctx: ScriptContext, node: ast.expr) -> bool:
    return ctx.type_of(node) in {"str", "bytes"}


def response_fix(ctx: ScriptContext, value: ast.expr, body: str, status: int, *, as_json: bool) -> Fix:
    """Return a fix that turns a returned value into an AMLResponse with a status."""
    encode = ", json_str=True" if as_json else ""
    edits: list[TextEdit] = [ctx.replace(value, f"AMLResponse({body}, {status}{encode})")]
    if "AMLResponse" not in ctx.facts.module.bindings:
        edits.insert(0, ctx.insert_import("from azureml.contrib.services.aml_response import AMLResponse"))
    return Fix(f"Return AMLResponse with status {status}", tuple(edits))


@rule(
    "MLD407",
    "nothing-returned",
    "warning",
    stage="answer",
    kinds=frozenset({"json", "schema", "rawhttp", "class"}),
    response=True,
)
def nothing_returned(ctx: ScriptContext) -> Iterator[Finding]:
    """`run()` never returns a value, so the caller gets `{}`.

    Bad::

        import json

        def init():
            pass

        def run(raw_data):
            result = json.loads(raw_data)["data"]
            print(len(result))

    Good::

        import json

        def init():
            pass

        def run(raw_data):
            result = json.loads(raw_data)["data"]
            return len(result)
    """
    run, scope = ctx.run, ctx.run_scope
    if run is None or scope is None or scope.yields or any(node.value is not None for node in scope.returns):
        return
    if all(
        isinstance(node, ast.Raise) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in run.body
    ):
        return
    if isinstance(run.body[-1], ast.Raise) and not scope.returns:
        return
    yield ctx.finding(run, "run() returns nothing, so the caller gets an empty answer; return the result.")
