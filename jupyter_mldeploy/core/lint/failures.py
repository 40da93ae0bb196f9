"""MLD404, MLD405, MLD408: what ``run()`` does when something goes wrong."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.arrays import ARRAY_ONLY
from jupyter_mldeploy.core.lint.context import Finding, ScriptContext, called_name, leaves
from jupyter_mldeploy.core.lint.diagnostics import Fix
from jupyter_mldeploy.core.lint.rule import ONLINE, rule
from jupyter_mldeploy.core.lint.statuses import response_fix
from jupyter_mldeploy.core.script.scopes import FunctionNode

_ERROR_WORD = re.compile(
    r"err|fail|exception|wrong|invalid|unable|could ?n[o']t|cannot|traceback|problem|bad request", re.IGNORECASE
)
_RESPONSES = {"AMLResponse", "Response", "make_response", "jsonify", "abort"}
_ARRAY_ATTRIBUTES = ARRAY_ONLY | {"mean", "to_json", "to_dict"}
_NEAR = 40  # statements after a try that are read


def _handlers(ctx: ScriptContext) -> Iterator[ast.ExceptHandler]:
    for handler in ctx.facts.handlers:
        if ctx.in_run(handler):
            yield handler


def _speaks_of_error(ctx: ScriptContext, node: ast.expr, handler: ast.ExceptHandler) -> bool:
    """Whether a value tells of the caught exception."""
    shown = ctx.expression_of(node)
    for part in (node, shown):
        for item in ast.walk(part):
            if isinstance(item, ast.Name) and (item.id == handler.name or _ERROR_WORD.search(item.id)):
                return True
            if isinstance(item, ast.Constant) and isinstance(item.value, str) and _ERROR_WORD.search(item.value):
                return True
            if isinstance(item, ast.Call) and called_name(item) in {"format_exc", "exc_info"}:
                return True
            if isinstance(item, ast.Name) and item is not part and handler.name:
                inner = ctx.expression_of(item)
                if inner is not item and any(isinstance(x, ast.Name) and x.id == handler.name for x in ast.walk(inner)):
                    return True
    return False


def _is_response(ctx: ScriptContext, node: ast.expr) -> bool:
    shown = ctx.expression_of(node)
    return isinstance(shown, ast.Call) and called_name(shown) in _RESPONSES


@rule("MLD404", "error-with-status-200", "info", stage="answer", kinds=ONLINE, response=True)
def error_with_status_200(ctx: ScriptContext) -> Iterator[Finding]:
    """An `except` clause returns the error as if it were a result: the caller gets status 200.

    Clients, load balancers and dashboards then see a success. Raise (the answer is status 500, the traceback is in the
    log) or return `AMLResponse(message, 500)`.

    Bad::

        import json

        def init():
            pass

        def run(raw_data):
            try:
                return json.loads(raw_data)["data"]
            except Exception as e:
                return str(e)

    Good::

        import json
        from azureml.contrib.services.aml_response import AMLResponse

        def init():
            pass

        def run(raw_data):
            try:
                return json.loads(raw_data)["data"]
            except Exception as e:
                return AMLResponse(str(e), 500)
    """
    for handler in _handlers(ctx):
        for node in _own_nodes(handler):
            if not isinstance(node, ast.Return) or node.value is None or _is_response(ctx, node.value):
                continue
            if isinstance(node.value, ast.Tuple):
                continue  # MLD406 says it better
            if not _speaks_of_error(ctx, node.value, handler):
                continue
            text = ctx.type_of(node.value) in {"str", "bytes"}
            yield ctx.finding(
                node.value,
                "The error is returned like a result, so the caller gets status 200; raise, or return "
                "AMLResponse(message, 500).",
                response_fix(ctx, node.value, ctx.text(node.value), 500, as_json=not text),
                Fix("Raise instead", (ctx.replace(node, "raise"),)),
            )
        yield from _returned_later(ctx, handler)


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes inside a node without those of nested functions and nested handlers."""
    stack = list(ast.iter_child_nodes(node))
    while stack:
        item = stack.pop()
        if isinstance(item, FunctionNode | ast.Lambda | ast.ExceptHandler | ast.ClassDef):
            continue
        yield item
        stack.extend(ast.iter_child_nodes(item))


def _falling(handler: ast.ExceptHandler) -> list[tuple[ast.Assign, str]]:
    """Return the names that a handler assigns at its end level before going on after the ``try``."""
    if leaves(handler.body):
        return []
    return [
        (node, node.targets[0].id)
        for node in handler.body
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
    ]


def _after(ctx: ScriptContext, handler: ast.ExceptHandler) -> list[ast.stmt]:
    """Return the statements that follow the handler's ``try`` in the same block."""
    statement = ctx.facts.parents[handler]
    parent = ctx.facts.parents[statement]
    for name in ("body", "orelse", "finalbody"):
        block = getattr(parent, name, None)
        if isinstance(block, list) and block and block[0].lineno <= handler.lineno <= (block[-1].end_lineno or 0):
            return block[bisect_right(block, handler.lineno, key=lambda item: item.lineno) :][:_NEAR]
    return []


def _returned_later(ctx: ScriptContext, handler: ast.ExceptHandler) -> Iterator[Finding]:
    for node, name in _falling(handler):
        if not _tells_exception(node.value, handler):
            continue
        for statement in _after(ctx, handler):
            if isinstance(statement, ast.Return) and statement.value is not None:
                if any(isinstance(item, ast.Name) and item.id == name for item in ast.walk(statement.value)) and not (
                    _is_response(ctx, statement.value)
                ):
                    yield ctx.finding(
                        node.value,
                        f"The error becomes {name} and is returned like a result, so the caller gets "
                        f"status 200; raise, or "
                        "return AMLResponse(message, 500).",
                        Fix("Raise instead", (ctx.replace(node, "raise"),)),
                    )
                break
            if any(
                isinstance(item, ast.Name) and item.id == name and isinstance(item.ctx, ast.Store)
                for item in ast.walk(statement)
            ):
                break


def _tells_exception(node: ast.expr, handler: ast.ExceptHandler) -> bool:
    return any(
        (isinstance(item, ast.Name) and item.id == handler.name)
        or (isinstance(item, ast.Call) and called_name(item) == "format_exc")
        for item in ast.walk(node)
    )


@rule(
    "MLD405",
    "error-text-used-as-array",
    "error",
    stage="request",
    zero_fp=True,
    kinds=ONLINE,
    response=True,
    runtime="AttributeError: 'str' object has no attribute 'tolist'",
)
def error_text_used_as_array(ctx: ScriptContext) -> Iterator[Finding]:
    """An `except` clause puts the error's text where an array is expected afterwards.

    The real error is then hidden behind an AttributeError.

    Bad::

        import json
        import joblib

        def init():
            global model
            model = joblib.load("model.pkl")

        def run(raw_data):
            try:
                result = model.predict(json.loads(raw_data)["data"])
            except Exception as e:
                result = str(e)
            return {"result": result.tolist()}

    Good::

        import json
        import joblib

        def init():
            global model
            model = joblib.load("model.pkl")

        def run(raw_data):
            result = model.predict(json.loads(raw_data)["data"])
            return {"result": result.tolist()}
    """
    for handler in _handlers(ctx):
        for node, name in _falling(handler):
            if ctx.type_of(node.value) != "str" or (ctx.run_scope and ctx.is_type_checked(ctx.run_scope, name)):
                continue
            later = [item for item in handler.body if item.lineno > node.lineno]
            if any(_stores(item, name) for item in later) or _finally_stores(ctx, handler, name):
                continue
            for statement in _after(ctx, handler):
                use = _array_use(ctx, statement, name)
                if use is not None and not ctx.is_forgiven(use):
                    yield ctx.finding(
                        node.value,
                        f"After an error {name} is text, and .{use.attr} below fails on it, which hides "
                        f"the real error; "
                        "return or raise here.",
                        Fix("Raise instead", (ctx.replace(node, "raise"),)),
                    )
                if (
                    use is not None
                    or _stores(statement, name)
                    or not isinstance(statement, ast.Expr | ast.Assign | ast.Return)
                ):
                    break


def _finally_stores(ctx: ScriptContext, handler: ast.ExceptHandler, name: str) -> bool:
    statement = ctx.facts.parents[handler]
    return isinstance(statement, ast.Try) and any(_stores(item, name) for item in statement.finalbody)


def _stores(node: ast.AST, name: str) -> bool:
    return any(
        isinstance(item, ast.Name) and item.id == name and isinstance(item.ctx, ast.Store) for item in ast.walk(node)
    )


def _array_use(ctx: ScriptContext, statement: ast.stmt, name: str) -> ast.Attribute | None:
    """Return an unconditional use of an array's attribute in a simple statement."""
    if not isinstance(statement, ast.Expr | ast.Assign | ast.Return):
        return None
    for item in ast.walk(statement):
        if (
            isinstance(item, ast.Attribute)
            and item.attr in _ARRAY_ATTRIBUTES
            and isinstance(item.value, ast.Name)
            and item.value.id == name
        ):
            between = ctx.facts.ancestors(item)
            if any(isinstance(up, ast.IfExp | ast.BoolOp | ast.Lambda) for up in _until(between, statement)):
                return None
            return item
    return None


def _until(nodes: Iterator[ast.AST], end: ast.AST) -> Iterator[ast.AST]:
    for node in nodes:
        if node is end:
            return
        yield node


@rule(
    "MLD408", "bare-except-or-exit", "warning", stage="request", kinds=frozenset({"json", "schema", "rawhttp", "class"})
)
def bare_except_or_exit(ctx: ScriptContext) -> Iterator[Finding]:
    """`run()` has a bare `except:` or ends the process.

    A bare `except:` also catches the signal by which the server ends a request that takes too long. `sys.exit()` is not
    caught by the server: the worker dies, and with it the other requests it was answering.

    Bad::

        import json
        import sys

        def init():
            pass

        def run(raw_data):
            if not raw_data:
                sys.exit(1)
            return json.loads(raw_data)

    Good::

        import json

        def init():
            pass

        def run(raw_data):
            if not raw_data:
                raise ValueError("the body is empty")
            return json.loads(raw_data)
    """
    for handler in _handlers(ctx):
        if handler.type is None and not any(isinstance(node, ast.Raise) for node in _own_nodes(handler)):
            span = ctx.span(handler)
            end = span.column + len("except")
            yield ctx.finding(
                type(span)(span.line, span.column, span.line, end),
                "A bare except also catches the signals that end a worker; write except Exception.",
                Fix(
                    "Catch Exception",
                    (ctx.replace(type(span)(span.line, span.column, span.line, end), "except Exception"),),
                ),
            )
    for call in ctx.facts.calls:
        if not ctx.in_run(call):
            continue
        name = ctx.qualified_name(call.func)
        plain = (
            isinstance(call.func, ast.Name)
            and call.func.id in {"exit", "quit"}
            and (ctx.facts.lookup(call.func.id, ctx.facts.scope_of(call)) is None)
        )
        if plain or name in {"sys.exit", "os._exit"}:
            yield ctx.finding(
                call, f"{ctx.text(call.func)}() ends the worker process with every request in it; raise an exception."
            )
