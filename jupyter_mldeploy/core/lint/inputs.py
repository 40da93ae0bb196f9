"""MLD411, MLD412: what an undecorated ``run()`` takes its input for."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext
from jupyter_mldeploy.core.lint.diagnostics import Fix
from jupyter_mldeploy.core.lint.rule import UNDECORATED, rule
from jupyter_mldeploy.core.script.scopes import Scope

_OBJECT_METHODS = {"get", "keys", "values", "items"}
#: What arrays and frames have, and text has not.
_ARRAY_ATTRIBUTES = {
    "shape", "ndim", "dtype", "dtypes", "columns", "iloc", "loc", "astype", "reshape", "tolist", "to_numpy", "to_dict",
    "drop", "dropna", "fillna", "iterrows",
}  # fmt: skip
REQUEST_ONLY = {
    "method", "get_data", "get_json", "full_path", "base_url", "is_json", "content_type", "mimetype", "content_length",
    "query_string", "remote_addr", "cookies", "form", "files", "headers", "json",
}  # fmt: skip

# What nothing but a request has, so that the kind need not be certain.
_UNMISTAKABLE = {"get_data", "get_json", "full_path", "is_json", "query_string", "remote_addr", "content_length"}


def _input(ctx: ScriptContext) -> tuple[str, Scope] | None:
    """Return the name and scope of the parameter that certainly receives the body's text."""
    scope = ctx.run_scope
    if scope is None or not ctx.plain_run or not ctx.inputs or ctx.entry.class_name:
        return None
    first = ctx.inputs[0]
    return (first.name, scope) if first.kind == "positional" and first.default is None else None


@rule(
    "MLD411",
    "json-text-indexed",
    "error",
    stage="request",
    zero_fp=True,
    kinds=UNDECORATED,
    runtime="TypeError: string indices must be integers, not 'str'",
    whole=True,
)
def json_text_indexed(ctx: ScriptContext) -> Iterator[Finding]:
    """An undecorated `run()` uses its input as an object, but it is the body's text.

    Only `@input_schema` makes an array or a frame of it. A mini-batch of the batch runner may be a frame; scripts that
    may be batch scripts are not judged.

    Bad::

        import json

        def init():
            pass

        def run(raw_data):
            rows = raw_data["data"]
            return json.dumps(rows)

    Good::

        import json

        def init():
            pass

        def run(raw_data):
            rows = json.loads(raw_data)["data"]
            return rows
    """
    given = _input(ctx)
    if given is None or not ctx.entry.kind_is_certain:
        return
    name, scope = given
    uses: list[tuple[ast.expr, ast.Name]] = [
        (node, node.value)
        for node in ctx.facts.subscripts
        if isinstance(node.value, ast.Name) and node.value.id == name and _is_text_key(node)
    ]
    for attribute in ctx.facts.attributes:
        if isinstance(attribute.value, ast.Name) and attribute.value.id == name and attribute.attr in _OBJECT_METHODS:
            call = ctx.facts.parents[attribute]
            if isinstance(call, ast.Call) and call.func is attribute:
                uses.append((call, attribute.value))
    for use, read in uses:
        if not ctx.is_parameter(read, name, scope) or ctx.is_type_checked(scope, name) or ctx.is_forgiven(use):
            continue
        fix = None
        if isinstance(use, ast.Call) or isinstance(use.ctx, ast.Load):  # type: ignore[attr-defined]
            edits = [ctx.replace(read, f"json.loads({name})")]
            if "json" not in ctx.facts.module.bindings:
                edits.insert(0, ctx.insert_import("import json"))
            fix = Fix("Parse the text first", tuple(edits), safe=True)
        yield ctx.finding(
            use,
            f"{name} is the body's text, not an object, so this fails on every request; parse it with "
            f"json.loads first.",
            fix,
        )
    for attribute in ctx.facts.attributes:
        if (
            attribute.attr in _ARRAY_ATTRIBUTES
            and ctx.is_parameter(attribute.value, name, scope)
            and not ctx.is_type_checked(scope, name)
            and not ctx.is_forgiven(attribute)
        ):
            yield ctx.finding(
                attribute,
                f"{name} is the body's text, which has no .{attribute.attr}, so this fails on every request; make an "
                f"array or a frame of json.loads({name}) first.",
            )


def _is_text_key(node: ast.Subscript) -> bool:
    return isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)


@rule(
    "MLD412",
    "request-without-rawhttp",
    "error",
    stage="request",
    zero_fp=True,
    kinds=UNDECORATED,
    runtime="AttributeError: 'str' object has no attribute 'method'",
    whole=True,
)
def request_without_rawhttp(ctx: ScriptContext) -> Iterator[Finding]:
    """`run()` uses its input as an HTTP request, but is not decorated with `@rawhttp`.

    Bad::

        from azureml.contrib.services.aml_response import AMLResponse

        def init():
            pass

        def run(request):
            if request.method == "POST":
                return AMLResponse(request.get_data(), 200)
            return AMLResponse("bad request", 400)

    Good::

        from azureml.contrib.services.aml_request import rawhttp
        from azureml.contrib.services.aml_response import AMLResponse

        def init():
            pass

        @rawhttp
        def run(request):
            if request.method == "POST":
                return AMLResponse(request.get_data(), 200)
            return AMLResponse("bad request", 400)
    """
    given = _input(ctx)
    if given is None or ctx.run is None:
        return
    words = (*(node.id for node in ctx.facts.names), *(node.attr for node in ctx.facts.attributes))
    if any("rawhttp" in word.lower().replace("_", "") for word in words):
        return  # on a helper (MLD507), or switched on for the whole process by a function such as enable_rawhttp()
    name, scope = given
    for attribute in ctx.facts.attributes:
        if not isinstance(attribute.value, ast.Name) or attribute.value.id != name:
            continue
        if attribute.attr not in (REQUEST_ONLY if ctx.entry.kind_is_certain else _UNMISTAKABLE):
            continue
        if (
            not ctx.is_parameter(attribute.value, name, scope)
            or ctx.is_type_checked(scope, name)
            or ctx.is_forgiven(attribute)
        ):
            continue
        edits = [ctx.insert_line(ctx.run.lineno, "@rawhttp", ctx.run.col_offset)]
        if "rawhttp" not in ctx.facts.module.bindings:
            edits.insert(0, ctx.insert_import("from azureml.contrib.services.aml_request import rawhttp"))
        yield ctx.finding(
            attribute,
            f"Without @rawhttp {name} is the body's text and has no {attribute.attr}, so this fails on every request; "
            "decorate run() with @rawhttp.",
            Fix("Decorate run() with @rawhttp", tuple(edits), safe=True),
        )
        return  # one decorator repairs them all
