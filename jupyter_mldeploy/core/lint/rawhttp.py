"""MLD501–MLD503, MLD507: scripts that handle the HTTP request themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext
from jupyter_mldeploy.core.lint.diagnostics import Fix
from jupyter_mldeploy.core.lint.rule import rule
from jupyter_mldeploy.core.script.kind import is_ours
from jupyter_mldeploy.core.script.scopes import Scope

_RAW = frozenset({"rawhttp"})


def _request(ctx: ScriptContext) -> tuple[str, Scope] | None:
    if ctx.run_scope is None or not ctx.plain_run or not ctx.inputs:
        return None
    certain = any(item.role == "rawhttp" and item.resolved for item in ctx.analysis.decorators)
    return (ctx.inputs[0].name, ctx.run_scope) if certain and ctx.inputs[0].kind == "positional" else None


@rule(
    "MLD501",
    "rawhttp-with-schema",
    "error",
    stage="load",
    zero_fp=True,
    kinds=_RAW,
    runtime="UserScriptError: run() cannot be decorated with both @rawhttp and @input_schema",
)
def rawhttp_with_schema(ctx: ScriptContext) -> Iterator[Finding]:
    """`run()` is decorated with `@rawhttp` and `@input_schema`, which contradict each other.

    `@rawhttp` hands over the request as it is; a schema decodes it.

    Bad::

        from azureml.contrib.services.aml_request import rawhttp
        from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @rawhttp
        @input_schema("request", StandardPythonParameterType({"a": 1.0}))
        def run(request):
            return str(request)

    Good::

        from azureml.contrib.services.aml_request import rawhttp
        from azureml.contrib.services.aml_response import AMLResponse

        def init():
            pass

        @rawhttp
        def run(request):
            return AMLResponse(request.get_data(), 200)
    """
    raw = [item for item in ctx.analysis.decorators if item.role == "rawhttp" and item.resolved]
    schemas = [item for item in ctx.analysis.decorators if item.role == "input" and item.resolved]
    if raw and schemas and ctx.is_certain("run"):
        span = ctx.span(raw[0].node)
        whole = ctx.source.line(span.line).strip() == f"@{ctx.text(raw[0].node)}"
        fix = (
            Fix("Delete @rawhttp", (ctx.delete_lines(span.line, span.line),))
            if whole and span.line == span.end_line
            else None
        )
        yield ctx.finding(
            raw[0].node,
            "@rawhttp and @input_schema exclude each other, so the server refuses the script; keep one.",
            fix,
        )


@rule(
    "MLD502",
    "rawhttp-called",
    "error",
    stage="import",
    zero_fp=True,
    runtime="TypeError: rawhttp() missing 1 required positional argument",
)
def rawhttp_called(ctx: ScriptContext) -> Iterator[Finding]:
    """`@rawhttp()` with parentheses: it is a plain decorator and takes the function itself.

    Bad::

        from azureml.contrib.services.aml_request import rawhttp
        from azureml.contrib.services.aml_response import AMLResponse

        def init():
            pass

        @rawhttp()
        def run(request):
            return AMLResponse(request.get_data(), 200)

    Good::

        from azureml.contrib.services.aml_request import rawhttp
        from azureml.contrib.services.aml_response import AMLResponse

        def init():
            pass

        @rawhttp
        def run(request):
            return AMLResponse(request.get_data(), 200)
    """
    for node in ctx.facts.functions:
        for decorator in node.decorator_list:
            if not isinstance(decorator, ast.Call) or decorator.args or decorator.keywords:
                continue
            qualified = ctx.qualified_name(decorator.func) or ""
            if is_ours(qualified) and qualified.endswith(".rawhttp"):
                fix = Fix("Remove the parentheses", (ctx.replace(decorator, ctx.text(decorator.func)),), safe=True)
                yield ctx.finding(
                    decorator, "@rawhttp takes no parentheses, so importing the script fails; write @rawhttp.", fix
                )


@rule(
    "MLD503",
    "request-used-as-text",
    "error",
    stage="request",
    zero_fp=True,
    kinds=_RAW,
    runtime="TypeError: the JSON object must be str, bytes or bytearray, not Request",
)
def request_used_as_text(ctx: ScriptContext) -> Iterator[Finding]:
    """A `@rawhttp` script parses or indexes the request object instead of its body.

    Bad::

        import json
        from azureml.contrib.services.aml_request import rawhttp
        from azureml.contrib.services.aml_response import AMLResponse

        def init():
            pass

        @rawhttp
        def run(request):
            rows = json.loads(request)["data"]
            return AMLResponse(rows, 200, json_str=True)

    Good::

        import json
        from azureml.contrib.services.aml_request import rawhttp
        from azureml.contrib.services.aml_response import AMLResponse

        def init():
            pass

        @rawhttp
        def run(request):
            rows = json.loads(request.get_data())["data"]
            return AMLResponse(rows, 200, json_str=True)
    """
    given = _request(ctx)
    if given is None:
        return
    name = given[0]
    for call in ctx.facts.calls:
        if (
            len(call.args) == 1
            and isinstance(call.args[0], ast.Name)
            and call.args[0].id == name
            and (ctx.qualified_name(call.func) == "json.loads" and _is_request(ctx, call.args[0], given, call))
        ):
            fix = Fix("Parse the request's body", (ctx.replace(call.args[0], f"{name}.get_data()"),), safe=True)
            yield ctx.finding(
                call, f"{name} is the request object, so json.loads fails on it; parse {name}.get_data().", fix
            )
    for node in ctx.facts.subscripts:
        if (
            isinstance(node.value, ast.Name)
            and node.value.id == name
            and isinstance(node.slice, ast.Constant)
            and (isinstance(node.slice.value, str) and _is_request(ctx, node.value, given, node))
        ):
            fix = Fix("Use the request's JSON", (ctx.replace(node.value, f"{name}.get_json()"),), safe=True)
            yield ctx.finding(node, f"{name} is the request object and has no keys; use {name}.get_json().", fix)


def _is_request(ctx: ScriptContext, node: ast.Name, given: tuple[str, Scope], use: ast.AST) -> bool:
    name, scope = given
    return ctx.is_parameter(node, name, scope) and not ctx.is_type_checked(scope, name) and not ctx.is_forgiven(use)


@rule("MLD507", "rawhttp-on-helper", "warning", stage="request")
def rawhttp_on_helper(ctx: ScriptContext) -> Iterator[Finding]:
    """`@rawhttp` decorates another function than `run()`.

    It sets a switch of the whole process, so `run()` silently receives a request object instead of the body's text.

    Bad::

        from azureml.contrib.services.aml_request import rawhttp

        @rawhttp
        def body(request):
            return request.get_data()

        def init():
            pass

        def run(data):
            return len(body(data))

    Good::

        from azureml.contrib.services.aml_request import rawhttp
        from azureml.contrib.services.aml_response import AMLResponse

        def body(request):
            return request.get_data()

        def init():
            pass

        @rawhttp
        def run(request):
            return AMLResponse(body(request), 200)
    """
    for node in ctx.facts.functions:
        if node is ctx.run or node.name == "run":
            continue
        for decorator in node.decorator_list:
            qualified = ctx.qualified_name(decorator) or ""
            if is_ours(qualified) and qualified.endswith(".rawhttp"):
                yield ctx.finding(
                    decorator,
                    f"@rawhttp works for the whole process, not for {node.name}(): run() will receive a "
                    f"request; decorate run().",
                )
