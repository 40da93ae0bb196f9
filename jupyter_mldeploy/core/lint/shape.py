"""MLD100–MLD105: what ``init()`` and ``run()`` look like."""

from __future__ import annotations

from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext
from jupyter_mldeploy.core.lint.diagnostics import Fix, TextEdit
from jupyter_mldeploy.core.lint.rule import ONLINE, rule
from jupyter_mldeploy.core.script.source import Span


@rule("MLD100", "syntax-error", "error", stage="import", zero_fp=True, runtime="SyntaxError: invalid syntax")
def syntax_error(_: ScriptContext) -> Iterator[Finding]:
    r"""The script is not Python, so it cannot be imported.

    The message is Python's own. Only the broken top-level piece is left unchecked; the rest of the script still is.

    Bad::

        def init():
            pass

        def run(data):
            return len(data

    Good::

        def init():
            pass

        def run(data):
            return len(data)
    """
    return iter(())  # the engine reports what the parser says


@rule(
    "MLD101",
    "missing-function",
    "error",
    stage="load",
    zero_fp=True,
    whole=True,
    confirmed=True,
    runtime="User script at … does not have a run() function defined.",
)
def missing_function(ctx: ScriptContext) -> Iterator[Finding]:
    """The script binds no `init` or no `run`.

    The server calls `init()` once when it starts and `run()` for every request. Any binding counts: a `def`, an import,
    a lambda, a callable object; or one class that has both as methods.

    Bad::

        import json

        def run(data):
            return json.loads(data)["x"]

    Good::

        import json

        def init():
            pass

        def run(data):
            return json.loads(data)["x"]
    """
    if not ctx.named or ctx.facts.star_imports or ctx.facts.dynamic or (ctx.entry.class_name and ctx.entry.run):
        return
    if ctx.entry.run is None and any(node.bases for node in ctx.facts.classes):
        return  # a class may inherit run()
    last = len(ctx.source.lines)
    parameter = "mini_batch" if ctx.entry.kind == "batch" else "data"
    for name, stub in (("init", "def init():\n    pass"), ("run", f"def run({parameter}):\n    return {parameter}")):
        bound = ctx.entry.init if name == "init" else ctx.entry.run
        if bound is not None:
            continue
        newline = ctx.source.newline
        column = len(ctx.source.line(last))
        lead = newline * (2 if column == 0 else 3)
        text = lead + stub.replace("\n", newline) + newline
        first = ctx.first_line
        yield ctx.finding(
            Span(first, 0, first, len(ctx.source.line(first))),
            f"The script binds no {name}(), so the server cannot load it; define {name}() or import it.",
            Fix(f"Add {name}()", (TextEdit(last, column, last, column, text),)),
        )


@rule(
    "MLD102",
    "run-takes-nothing",
    "error",
    stage="load",
    zero_fp=True,
    confirmed=True,
    runtime="run() needs to accept an argument for input data.",
)
def run_takes_nothing(ctx: ScriptContext) -> Iterator[Finding]:
    """`run()` has no parameter that could take the request's data.

    `request_headers` does not count: it receives the headers only.

    Bad::

        def init():
            pass

        def run():
            return "hello"

    Good::

        def init():
            pass

        def run(data):
            return f"hello {data}"
    """
    run = ctx.run
    if run is None or not ctx.plain_run or ctx.inputs or (ctx.entry.class_name and not run.args.args):
        return
    name = "mini_batch" if ctx.entry.kind == "batch" else "data"
    taken = "run() takes only request_headers" if ctx.run_parameters else "run() takes no argument"
    span = ctx.header(run)
    line = ctx.source.line(span.line)
    opening = line.find("(", span.end_column) + 1
    fix = None
    if opening and not ctx.entry.class_name:
        more = ", " if ctx.run_parameters else ""
        fix = Fix(f"Add the parameter {name}", (TextEdit(span.line, opening, span.line, opening, f"{name}{more}"),))
    yield ctx.finding(
        run, f"{taken}, so the server cannot hand it the input data; add a parameter such as {name}.", fix
    )


@rule(
    "MLD103",
    "run-signature-not-accepted",
    "error",
    stage="load",
    zero_fp=True,
    kinds=ONLINE,
    confirmed=True,
    runtime="UserScriptError: run() cannot accept positional-only arguments, *args, or **kwargs.",
)
def run_signature_not_accepted(ctx: ScriptContext) -> Iterator[Finding]:
    """`run()` has positional-only parameters, `*args` or `**kwargs`.

    The server calls `run()` with named arguments that it finds in the signature, so every parameter needs a name.

    Bad::

        def init():
            pass

        def run(*args):
            return list(args)

    Good::

        def init():
            pass

        def run(data):
            return [data]
    """
    run = ctx.run
    if run is None or not ctx.plain_run or ctx.entry.class_name:
        return
    names = {
        "positional_only": "is positional-only",
        "var_positional": "takes any arguments",
        "var_keyword": "takes any keywords",
    }
    for parameter in ctx.run_parameters:
        if parameter.kind not in names:
            continue
        star = {"var_positional": "*", "var_keyword": "**"}.get(parameter.kind, "")
        fix = None
        if len(ctx.run_parameters) == 1 and parameter.kind == "var_positional":
            span = parameter.span
            fix = Fix(
                "Take one parameter, data",
                (TextEdit(span.line, span.column - 1, span.end_line, span.end_column, "data"),),
            )
        yield ctx.finding(
            parameter.span,
            f"run()'s {star}{parameter.name} {names[parameter.kind]}; the server passes arguments by name and refuses "
            "such a signature. Name each input.",
            fix,
        )


@rule(
    "MLD104",
    "too-many-required-parameters",
    "error",
    stage="request",
    kinds=frozenset({"json", "rawhttp"}),
    confirmed=True,
    runtime="TypeError: run() missing 1 required positional argument: 'model_name'",
    whole=True,
)
def too_many_required_parameters(ctx: ScriptContext) -> Iterator[Finding]:
    """`run()` without schema decorators has more than one required parameter.

    Without decorators the server passes the request's body to the first parameter and nothing else. Give the others a
    default, or describe every parameter with `@input_schema` so that the body becomes a JSON object of parameters.

    Bad::

        import json

        def init():
            pass

        def run(raw_data, model_name):
            return {model_name: json.loads(raw_data)}

    Good::

        import json

        def init():
            pass

        def run(raw_data, model_name="default"):
            return {model_name: json.loads(raw_data)}
    """
    if ctx.run is None or not ctx.plain_run:
        return
    required = [item for item in ctx.inputs if item.required]
    for extra in required[1:]:
        fix = None
        if not extra.annotation:
            span = extra.span
            fix = Fix(f"Give {extra.name} the default None", (ctx.replace(span, f"{extra.name}=None"),))
        yield ctx.finding(
            extra.span,
            f"Without @input_schema only {required[0].name} receives the request, so every request fails because "
            f"{extra.name} is missing; give it a default or decorate run() with a schema for each parameter.",
            fix,
        )


@rule(
    "MLD105",
    "init-takes-parameters",
    "error",
    stage="init",
    zero_fp=True,
    confirmed=True,
    runtime="TypeError: init() missing 1 required positional argument: 'x'",
)
def init_takes_parameters(ctx: ScriptContext) -> Iterator[Finding]:
    """`init()` has required parameters, but the server calls it with none.

    Bad::

        import os

        def init(model_name):
            global path
            path = os.path.join(os.environ["AZUREML_MODEL_DIR"], model_name)

        def run(data):
            return path

    Good::

        import os

        def init(model_name="model.pkl"):
            global path
            path = os.path.join(os.environ["AZUREML_MODEL_DIR"], model_name)

        def run(data):
            return path
    """
    init, function = ctx.init, ctx.entry.init
    if init is None or function is None or not ctx.is_certain("init") or init.decorator_list:
        return
    for parameter in function.parameters:
        if parameter.required:
            yield ctx.finding(
                parameter.span,
                f"The server calls init() without arguments, so it fails for want of {parameter.name}; "
                "give it a default or read the value from an environment variable.",
            )
