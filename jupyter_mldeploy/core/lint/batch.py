"""MLD701–MLD706: scripts of the batch runner."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext, called_name, keyword
from jupyter_mldeploy.core.lint.diagnostics import Fix
from jupyter_mldeploy.core.lint.rule import BATCH, rule

_NOT_ROWS = {"str", "dict", "None", "int", "float", "bool", "set", "bytes", "generator"}
_RUNTIME = (
    "The run() method in the entry script should return a list or a pandas DataFrame. … The actual type of "
    "output is NoneType."
)


@rule("MLD701", "batch-returns-no-rows", "error", stage="request", kinds=BATCH, response=True, runtime=_RUNTIME)
def batch_returns_no_rows(ctx: ScriptContext) -> Iterator[Finding]:
    """A batch `run()` returns something else than a list or a DataFrame.

    The runner counts the returned rows to know which items succeeded. In an `except`, raise, or leave the failed item
    out of the list.

    Bad::

        def init():
            pass

        def run(mini_batch):
            try:
                return [len(path) for path in mini_batch]
            except Exception as e:
                return str(e)

    Good::

        def init():
            pass

        def run(mini_batch):
            return [len(path) for path in mini_batch]
    """
    for node, value in ctx.run_returns():
        if not ctx.in_run(node):
            continue
        found = ctx.type_of(value)
        if found not in _NOT_ROWS:
            continue
        handler = ctx.in_handler(node)
        fix = None
        if handler is not None:
            fix = Fix("Raise instead", (ctx.replace(node, "raise"),))
        elif isinstance(value, ast.Constant) and value.value is None:
            fix = Fix("Return an empty list", (ctx.replace(value, "[]"),))
        yield ctx.finding(
            value,
            f"The batch runner takes a list or a DataFrame, not {found}; return one row per item that succeeded.",
            fix,
        )


@rule("MLD702", "batch-returns-nothing", "error", stage="request", kinds=BATCH, response=True, runtime=_RUNTIME)
def batch_returns_nothing(ctx: ScriptContext) -> Iterator[Finding]:
    """A batch `run()` never returns a value.

    Also with `output_action="summary_only"` the runner counts the returned rows, so each mini-batch is taken for
    failed.

    Bad::

        def init():
            pass

        def run(mini_batch):
            for path in mini_batch:
                print(path)

    Good::

        def init():
            pass

        def run(mini_batch):
            done = []
            for path in mini_batch:
                print(path)
                done.append(path)
            return done
    """
    run, scope = ctx.run, ctx.run_scope
    if run is None or scope is None or scope.yields or any(node.value is not None for node in scope.returns):
        return
    if isinstance(run.body[-1], ast.Raise) or not ctx.is_certain("run"):
        return
    yield ctx.finding(
        run, "run() returns nothing, so the batch runner counts every item as failed; return a list or a DataFrame."
    )


@rule(
    "MLD703",
    "strict-argument-parser",
    "warning",
    stage="init",
    kinds=BATCH,
    runtime="error: unrecognized arguments",
)
def strict_argument_parser(ctx: ScriptContext) -> Iterator[Finding]:
    """A batch script parses its command line with `parse_args()`, which refuses the arguments that the runner adds.

    Bad::

        import argparse

        def init():
            global args
            parser = argparse.ArgumentParser()
            parser.add_argument("--model")
            args = parser.parse_args()

        def run(mini_batch):
            return list(mini_batch)

    Good::

        import argparse

        def init():
            global args
            parser = argparse.ArgumentParser()
            parser.add_argument("--model")
            args = parser.parse_known_args()[0]

        def run(mini_batch):
            return list(mini_batch)
    """
    for call in ctx.facts.calls:
        if called_name(call) != "parse_args" or not isinstance(call.func, ast.Attribute) or call.args or call.keywords:
            continue
        if not _is_parser(ctx, call.func.value) or any(
            isinstance(up, ast.If) and "__name__" in ctx.text(up.test) for up in ctx.facts.ancestors(call)
        ):
            continue
        text = ctx.text(call.func.value)
        fix = Fix("Use parse_known_args", (ctx.replace(call, f"{text}.parse_known_args()[0]"),), safe=True)
        yield ctx.finding(
            call, "The batch runner adds arguments that parse_args() refuses; use parse_known_args().", fix
        )


def _is_parser(ctx: ScriptContext, node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        found = ctx.facts.lookup(node.id, ctx.facts.scope_of(node))
        values = [binding.value for binding in found[1]] if found else []
        return bool(values) and all(isinstance(value, ast.Call) and _makes_parser(ctx, value) for value in values)
    return isinstance(node, ast.Call) and _makes_parser(ctx, node)


def _makes_parser(ctx: ScriptContext, call: ast.Call) -> bool:
    return ctx.qualified_name(call.func) == "argparse.ArgumentParser"


@rule(
    "MLD704",
    "online-script-in-batch",
    "warning",
    stage="request",
    kinds=BATCH,
    runtime="TypeError: the JSON object must be str, bytes or bytearray, not list",
)
def online_script_in_batch(ctx: ScriptContext) -> Iterator[Finding]:
    """An online script (as AutoML generates it) is used for batch: it expects JSON text or decoded input.

    The batch runner hands `run()` a list of file paths or a DataFrame and ignores schema decorators' requests.

    Bad::

        --- kind: batch
        import json

        def init():
            pass

        def run(data):
            return json.loads(data)["data"]

    Good::

        --- kind: batch
        def init():
            pass

        def run(mini_batch):
            return [path for path in mini_batch]
    """
    schemas = [item for item in ctx.analysis.decorators if item.role in {"input", "rawhttp"}]
    if schemas:
        yield ctx.finding(
            schemas[0].node,
            "The batch runner hands over file paths or a DataFrame; this decorator is for online scripts.",
        )
    scope = ctx.run_scope
    if scope is None or not ctx.inputs:
        return
    first = ctx.inputs[0].name
    for call in ctx.facts.calls:
        if len(call.args) != 1 or ctx.qualified_name(call.func) != "json.loads":
            continue
        if ctx.is_parameter(call.args[0], first, scope) and not ctx.is_type_checked(scope, first):
            yield ctx.finding(
                call, f"In a batch {first} is a list of file paths or a DataFrame, not JSON text; iterate over it."
            )


@rule("MLD705", "rows-without-key", "info", stage="answer", kinds=BATCH, response=True)
def rows_without_key(ctx: ScriptContext) -> Iterator[Finding]:
    """The rows that a batch `run()` returns do not say which input they belong to.

    Mini-batches finish in any order and all rows end up in one file. Put the file's name, or a key of the row, in each.

    Bad::

        def init():
            global score
            score = len

        def run(mini_batch):
            rows = []
            for path in mini_batch:
                with open(path) as file:
                    text = file.read()
                rows.append(score(text))
            return rows

    Good::

        import os

        def init():
            global score
            score = len

        def run(mini_batch):
            rows = []
            for path in mini_batch:
                with open(path) as file:
                    text = file.read()
                rows.append(f"{os.path.basename(path)}: {score(text)}")
            return rows
    """
    run, scope = ctx.run, ctx.run_scope
    if run is None or scope is None or not ctx.inputs:
        return
    first = ctx.inputs[0].name
    returned = {value.id for _, value in ctx.run_returns() if isinstance(value, ast.Name)}
    for loop in (node for node in ast.walk(run) if isinstance(node, ast.For)):
        if not any(isinstance(item, ast.Name) and item.id == first for item in ast.walk(loop.iter)):
            continue
        keys = {item.id for item in ast.walk(loop.target) if isinstance(item, ast.Name)}
        for node in ast.walk(loop):
            if isinstance(node, ast.Assign) and any(_names_file(part, keys) for part in ast.walk(node.value)):
                keys |= {item.id for target in node.targets for item in ast.walk(target) if isinstance(item, ast.Name)}
        for call in (node for node in ast.walk(loop) if isinstance(node, ast.Call)):
            func = call.func
            if not isinstance(func, ast.Attribute) or func.attr != "append" or not isinstance(func.value, ast.Name):
                continue
            if func.value.id not in returned or len(call.args) != 1:
                continue
            if not any(isinstance(item, ast.Name) and item.id in keys for item in ast.walk(call.args[0])):
                yield ctx.finding(
                    call, "This row does not say which input it belongs to; add the file's name or a key."
                )
        return


def _names_file(node: ast.AST, keys: set[str]) -> bool:
    """Whether an expression makes a name from a path, such as ``os.path.basename(path)`` or ``Path(path).stem``."""
    if isinstance(node, ast.Call):
        named = called_name(node) in {
            "basename",
            "Path",
            "PurePath",
            "splitext",
            "str",
            "split",
            "rsplit",
            "relpath",
            "format",
        }
        return named and any(isinstance(item, ast.Name) and item.id in keys for item in ast.walk(node))
    if isinstance(node, ast.Dict | ast.Tuple | ast.JoinedStr | ast.List):
        return any(isinstance(item, ast.Name) and item.id in keys for item in ast.walk(node))
    return False


@rule(
    "MLD706",
    "folder-made-by-many",
    "info",
    stage="init",
    kinds=BATCH,
    runtime="FileExistsError: [Errno 17] File exists",
)
def folder_made_by_many(ctx: ScriptContext) -> Iterator[Finding]:
    """`init()` makes a folder without `exist_ok=True`, and several worker processes run it at once.

    Bad::

        import os

        def init():
            os.makedirs("output")

        def run(mini_batch):
            return list(mini_batch)

    Good::

        import os

        def init():
            os.makedirs("output", exist_ok=True)

        def run(mini_batch):
            return list(mini_batch)
    """
    for call in ctx.facts.calls:
        if ctx.init_scope is None or ctx.facts.scope_of(call).function() is not ctx.init_scope:
            continue
        name = ctx.qualified_name(call.func)
        if name not in {"os.makedirs", "os.mkdir"} or keyword(call, "exist_ok") is not None or len(call.args) > 2:
            continue
        if ctx.is_forgiven(call) or not call.args:
            continue
        text = ctx.text(call.func)
        fix = None
        if len(call.args) == 1 and not call.keywords:
            made = text.removesuffix("mkdir") + "makedirs" if text.endswith("mkdir") else text
            fix = Fix(
                "Add exist_ok=True", (ctx.replace(call, f"{made}({ctx.text(call.args[0])}, exist_ok=True)"),), safe=True
            )
        yield ctx.finding(
            call, "Several workers run init() at once, and all but the first fail here; add exist_ok=True.", fix
        )
