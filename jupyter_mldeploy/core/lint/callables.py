"""MLD106–MLD108: async, generators and decorators around ``init()`` and ``run()``."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext
from jupyter_mldeploy.core.lint.diagnostics import Fix, TextEdit
from jupyter_mldeploy.core.lint.rule import ONLINE, rule
from jupyter_mldeploy.core.script.scopes import FunctionNode


@rule(
    "MLD106",
    "async-or-generator-run",
    "error",
    stage="request",
    zero_fp=True,
    confirmed=True,
    runtime="TypeError: Object of type generator is not JSON serializable",
)
def async_or_generator_run(ctx: ScriptContext) -> Iterator[Finding]:
    """`run()` is `async` or a generator, which only our own server accepts.

    The scoring server of this project awaits `async def run` and streams what a generator yields, so there this is only
    an information: the script cannot go back to Azure's server, which tries to encode the coroutine or generator as
    JSON. With `server = "azureml"` in the settings, and for batch scripts (whose runner takes a list or a DataFrame),
    it is an error.

    Bad::

        def init():
            pass

        def run(mini_batch):
            for path in mini_batch:
                yield path

    Good::

        def init():
            pass

        def run(mini_batch):
            rows = []
            for path in mini_batch:
                rows.append(path)
            return rows
    """
    run, function = ctx.run, ctx.entry.run
    if run is None or function is None or not ctx.plain_run or not (function.is_async or function.is_generator):
        return
    what = "a generator" if function.is_generator else "async"
    fix = None
    if function.is_async and not any(
        isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith) for node in ast.walk(run)
    ):
        span = ctx.span(run)
        line = ctx.source.line(span.line)
        end = line.find("def", span.column)
        fix = Fix("Make run() a plain function", (TextEdit(span.line, span.column, span.line, end, ""),))
    if ctx.entry.kind == "batch":
        message = (
            f"run() is {what}, but the batch runner takes a list or a DataFrame; collect the rows and return them."
        )
        yield ctx.finding(run, message, fix)
    elif ctx.config.server == "azureml":
        message = (
            f"run() is {what}, and Azure's server cannot encode what that returns as JSON; return the whole answer."
        )
        yield ctx.finding(run, message, fix)
    else:
        does = "streams what it yields" if function.is_generator else "awaits it"
        message = f"run() is {what}: this server {does}, Azure's own server fails on every request."
        yield ctx.finding(run, message, fix, severity="info")


@rule("MLD107", "async-init", "warning", stage="init", confirmed=True)
def async_init(ctx: ScriptContext) -> Iterator[Finding]:
    """`init()` is `async`, so calling it runs nothing of it.

    The call gives a coroutine that Azure's server never awaits: no error appears, and the first request finds no model.

    Bad::

        import joblib

        async def init():
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
    init = ctx.init
    if not isinstance(init, ast.AsyncFunctionDef) or not ctx.is_certain("init"):
        return
    fix = None
    if not any(isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith) for node in ast.walk(init)):
        span = ctx.span(init)
        end = ctx.source.line(span.line).find("def", span.column)
        fix = Fix("Make init() a plain function", (TextEdit(span.line, span.column, span.line, end, ""),))
    yield ctx.finding(
        init, "init() is async and is never awaited, so the model is never loaded; make it a plain function.", fix
    )


@rule(
    "MLD108",
    "decorator-hides-signature",
    "warning",
    stage="load",
    kinds=ONLINE,
    whole=True,
    runtime="UserScriptError: run() cannot accept positional-only arguments, *args, or **kwargs.",
)
def decorator_hides_signature(ctx: ScriptContext) -> Iterator[Finding]:
    """A decorator of `run()` returns a `*args, **kwargs` wrapper without `functools.wraps`.

    The server reads the signature of what it is given, which is then the wrapper's. `functools.wraps` carries the
    signature of the wrapped function over.

    Bad::

        def timed(function):
            def wrapper(*args, **kwargs):
                return function(*args, **kwargs)
            return wrapper

        def init():
            pass

        @timed
        def run(data):
            return [data]

    Good::

        import functools

        def timed(function):
            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                return function(*args, **kwargs)
            return wrapper

        def init():
            pass

        @timed
        def run(data):
            return [data]
    """
    if ctx.run is None:
        return
    for decorator in ctx.run.decorator_list:
        called = isinstance(decorator, ast.Call)
        name = decorator.func if isinstance(decorator, ast.Call) else decorator
        if not isinstance(name, ast.Name):
            continue
        bindings = ctx.facts.module.bindings.get(name.id, [])
        if len(bindings) != 1 or not isinstance(bindings[0].node, FunctionNode) or bindings[0].node.decorator_list:
            continue
        wrapper = _returned_function(bindings[0].node)
        if called and wrapper is not None:
            wrapper = _returned_function(wrapper)
        if wrapper is None or wrapper.decorator_list or not (wrapper.args.vararg or wrapper.args.kwarg):
            continue
        wrapped = bindings[0].node.args.args
        fix = None
        if wrapped and not called:
            indent = ctx.source.line(wrapper.lineno)[: wrapper.col_offset]
            line = TextEdit(
                wrapper.lineno, 0, wrapper.lineno, 0,
                f"{indent}@functools.wraps({wrapped[0].arg}){ctx.source.newline}",
            )  # fmt: skip
            imported = ctx.facts.module.bindings.get("functools")
            fix = Fix(
                "Add functools.wraps", (line,) if imported else (ctx.insert_import("import functools"), line), safe=True
            )
        yield ctx.finding(
            decorator,
            f"@{name.id} hides run()'s signature behind {wrapper.name}(*args, **kwargs), which the server refuses; "
            f"decorate {wrapper.name} with functools.wraps.",
            fix,
        )


def _returned_function(node: FunctionNode) -> FunctionNode | None:
    last = node.body[-1]
    if not isinstance(last, ast.Return) or not isinstance(last.value, ast.Name):
        return None
    named = [item for item in node.body if isinstance(item, FunctionNode) and item.name == last.value.id]
    return named[0] if len(named) == 1 else None
