"""MLD504–MLD506, MLD508: responses that a script makes itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext, called_name, has_unpacking, keyword
from jupyter_mldeploy.core.lint.diagnostics import Fix
from jupyter_mldeploy.core.lint.rule import ONLINE, rule
from jupyter_mldeploy.core.script.kind import is_ours


def _responses(ctx: ScriptContext) -> Iterator[ast.Call]:
    """Yield the calls that certainly make an AMLResponse."""
    for call in ctx.facts.calls:
        if called_name(call) == "AMLResponse":
            qualified = ctx.qualified_name(call.func)
            if qualified and is_ours(qualified) and not has_unpacking(call):
                yield call


def _message(call: ast.Call) -> ast.expr | None:
    return call.args[0] if call.args else keyword(call, "message")


def _encodes(call: ast.Call) -> bool | None:
    """Whether ``json_str`` is on; None when it is computed."""
    node = call.args[3] if len(call.args) > 3 else keyword(call, "json_str")
    if node is None:
        return False
    return bool(node.value) if isinstance(node, ast.Constant) else None


@rule(
    "MLD504",
    "response-without-status",
    "error",
    stage="request",
    zero_fp=True,
    kinds=ONLINE,
    runtime="TypeError: AMLResponse.__init__() missing 1 required positional argument: 'status_code'",
)
def response_without_status(ctx: ScriptContext) -> Iterator[Finding]:
    """`AMLResponse` is made without its status code, which has no default.

    Bad::

        from azureml.contrib.services.aml_request import rawhttp
        from azureml.contrib.services.aml_response import AMLResponse

        def init():
            pass

        @rawhttp
        def run(request):
            return AMLResponse(request.get_data())

    Good::

        from azureml.contrib.services.aml_request import rawhttp
        from azureml.contrib.services.aml_response import AMLResponse

        def init():
            pass

        @rawhttp
        def run(request):
            return AMLResponse(request.get_data(), 200)
    """
    for call in _responses(ctx):
        if len(call.args) >= 2 or keyword(call, "status_code") is not None:
            continue
        handler = ctx.in_handler(call)
        status = 500 if handler is not None else 200
        fix = None
        if len(call.args) == 1 and not call.keywords:
            span = ctx.span(call.args[0])
            end = type(span)(span.end_line, span.end_column, span.end_line, span.end_column)
            fix = Fix(f"Add the status {status}", (ctx.replace(end, f", {status}"),), safe=handler is None)
        yield ctx.finding(
            call, f"AMLResponse needs a status code, so this fails; write AMLResponse(message, {status}).", fix
        )


@rule("MLD505", "response-of-object", "error", stage="answer", kinds=ONLINE)
def response_of_object(ctx: ScriptContext) -> Iterator[Finding]:
    """`AMLResponse` is given an object without `json_str=True`.

    A dict becomes its keys run together (`{"a": 1}` answers `a`), a list or array fails while the answer is written.

    Bad::

        from azureml.contrib.services.aml_request import rawhttp
        from azureml.contrib.services.aml_response import AMLResponse

        def init():
            pass

        @rawhttp
        def run(request):
            return AMLResponse({"size": len(request.get_data())}, 200)

    Good::

        from azureml.contrib.services.aml_request import rawhttp
        from azureml.contrib.services.aml_response import AMLResponse

        def init():
            pass

        @rawhttp
        def run(request):
            return AMLResponse({"size": len(request.get_data())}, 200, json_str=True)
    """
    for call in _responses(ctx):
        message = _message(call)
        if message is None or _encodes(call) is not False:
            continue
        found = ctx.type_of(message)
        if found not in {"dict", "list", "ndarray", "tuple", "DataFrame", "Series", "set", "int", "float"}:
            continue
        fix = None
        if len(call.args) >= 2 and len(call.args) < 4 and keyword(call, "json_str") is None:
            span = ctx.span(call)
            at = type(span)(span.end_line, span.end_column - 1, span.end_line, span.end_column - 1)
            fix = Fix("Add json_str=True", (ctx.replace(at, ", json_str=True"),), safe=found in {"dict", "list"})
        does = "sends only its keys, run together" if found == "dict" else "fails while the answer is written"
        yield ctx.finding(message, f"AMLResponse of a {found} {does}; add json_str=True.", fix)


@rule("MLD506", "response-encoded-twice", "warning", stage="answer", kinds=ONLINE)
def response_encoded_twice(ctx: ScriptContext) -> Iterator[Finding]:
    """`AMLResponse(json.dumps(...), …, json_str=True)` encodes twice: the client gets a string inside a string.

    `json_str=True` means "encode this as JSON", not "this is JSON already".

    Bad::

        import json
        from azureml.contrib.services.aml_request import rawhttp
        from azureml.contrib.services.aml_response import AMLResponse

        def init():
            pass

        @rawhttp
        def run(request):
            return AMLResponse(json.dumps({"a": 1}), 200, json_str=True)

    Good::

        from azureml.contrib.services.aml_request import rawhttp
        from azureml.contrib.services.aml_response import AMLResponse

        def init():
            pass

        @rawhttp
        def run(request):
            return AMLResponse({"a": 1}, 200, json_str=True)
    """
    for call in _responses(ctx):
        message = _message(call)
        if message is None or _encodes(call) is not True:
            continue
        shown = ctx.expression_of(message)
        if isinstance(shown, ast.Call) and ctx.qualified_name(shown.func) == "json.dumps":
            fix = None
            if shown is message and len(shown.args) == 1 and not shown.keywords:
                fix = Fix("Pass the object itself", (ctx.replace(message, ctx.text(shown.args[0])),))
            yield ctx.finding(message, "json_str=True encodes this text once more; pass the object itself.", fix)


@rule("MLD508", "rawhttp-plain-answer", "info", stage="answer", kinds=ONLINE)
def rawhttp_plain_answer(ctx: ScriptContext) -> Iterator[Finding]:
    """A `@rawhttp` script returns a plain object, or a response header that is no text.

    A plain object is encoded as JSON with status 200, as without `@rawhttp`. A header value that is no text fails:
    `AttributeError: 'int' object has no attribute 'split'`.

    Bad::

        from azureml.contrib.services.aml_request import rawhttp

        def init():
            pass

        @rawhttp
        def run(request):
            return {"size": len(request.get_data())}

    Good::

        from azureml.contrib.services.aml_request import rawhttp
        from azureml.contrib.services.aml_response import AMLResponse

        def init():
            pass

        @rawhttp
        def run(request):
            return AMLResponse({"size": len(request.get_data())}, 200, json_str=True)
    """
    if ctx.entry.kind == "rawhttp":
        for node, value in ctx.run_returns():
            if ctx.in_run(node) and ctx.type_of(value) in {"dict", "list", "str", "int", "float", "bool"}:
                yield ctx.finding(
                    value, "A plain value is sent as JSON with status 200; AMLResponse sets body, status and headers."
                )
    for call in _responses(ctx):
        headers = call.args[2] if len(call.args) > 2 else keyword(call, "response_headers")
        shown = ctx.expression_of(headers) if headers is not None else None
        for value in shown.values if isinstance(shown, ast.Dict) else ():
            if ctx.type_of(value) in {"int", "float", "bool", "None", "list", "dict"}:
                fix = (
                    Fix("Make it text", (ctx.replace(value, f'"{ctx.text(value)}"'),))
                    if isinstance(value, ast.Constant)
                    else None
                )
                yield ctx.finding(
                    value,
                    "A header's value must be text, so making this response fails; put it in quotes.",
                    fix,
                    severity="error",
                )
