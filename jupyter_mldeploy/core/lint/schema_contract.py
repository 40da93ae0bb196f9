"""MLD201–MLD204: schema decorators and the signature of ``run()``."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext
from jupyter_mldeploy.core.lint.diagnostics import Fix
from jupyter_mldeploy.core.lint.rule import rule
from jupyter_mldeploy.core.lint.schema_use import MODULES, SAMPLE_TYPES, SchemaUse, parameter_type, schema_uses
from jupyter_mldeploy.core.script.kind import is_ours

_SCHEMA = frozenset({"schema", "rawhttp"})


@rule(
    "MLD201",
    "schema-names-no-parameter",
    "error",
    stage="request",
    zero_fp=True,
    kinds=_SCHEMA,
    runtime='Exception: Error, provided param_name "input" is not in the decorated function.',
)
def schema_names_no_parameter(ctx: ScriptContext) -> Iterator[Finding]:
    """`@input_schema` names something that is no parameter of `run()`.

    The decorator decodes the value that belongs to that name and passes it on by name. The import still succeeds, so
    the fault shows at the first request: with that key it fails, without it the caller is told that a value is missing.

    Bad::

        import numpy as np
        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("input", NumpyParameterType(np.array([[1.0]])))
        def run(data):
            return data.tolist()

    Good::

        import numpy as np
        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("data", NumpyParameterType(np.array([[1.0]])))
        def run(data):
            return data.tolist()
    """
    if not ctx.plain_run or any(item.kind in {"var_positional", "var_keyword"} for item in ctx.run_parameters):
        return
    names = [item.name for item in ctx.run_parameters]
    uses = [use for use in schema_uses(ctx) if use.role == "input"]
    described = {use.name for use in uses}
    free = [name for name in names if name not in described and name != "request_headers"]
    for use in uses:
        if use.name is None or use.name in names or use.optional or not use.converts or not use.certain:
            continue
        if not isinstance(use.name_node, ast.Constant):
            continue
        wanted = free[0] if len(free) == 1 else next(iter(difflib.get_close_matches(use.name, free or names, 1)), None)
        fix = None
        if wanted:
            quote = ctx.text(use.name_node)[:1]
            quote = quote if quote in "'\"" else '"'
            fix = Fix(f"Name the parameter {wanted}", (ctx.replace(use.name_node, f"{quote}{wanted}{quote}"),))
        listed = ", ".join(names) if names else "none"
        yield ctx.finding(
            use.name_node,
            f'@input_schema names "{use.name}", which is no parameter of run() ({listed}), so every request fails; '
            "use the parameter's name.",
            fix,
        )


@rule(
    "MLD202",
    "parameter-without-schema",
    "error",
    stage="request",
    zero_fp=True,
    kinds=_SCHEMA,
    runtime="A value is not provided for the 'extra' parameter.",
    whole=True,
    serves=True,
)
def parameter_without_schema(ctx: ScriptContext) -> Iterator[Finding]:
    """A required parameter of a decorated `run()` has no `@input_schema`.

    The parameter is missing from the Swagger document, so a request made from it is refused with status 400; a caller
    who knows the name gets its value through undecoded, so the script can be deployed. `request_headers` and parameters
    with a default need none.

    Bad::

        import numpy as np
        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("data", NumpyParameterType(np.array([[1.0]])))
        def run(data, factor):
            return (data * factor).tolist()

    Good::

        import numpy as np
        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("data", NumpyParameterType(np.array([[1.0]])))
        @input_schema("factor", StandardPythonParameterType(2.0))
        def run(data, factor):
            return (data * factor).tolist()
    """
    if not ctx.plain_run or ctx.run is None:
        return
    uses = [use for use in schema_uses(ctx) if use.role == "input"]
    if not uses or any(not use.certain or use.name is None for use in uses):
        return
    if any(
        not isinstance(decorator.node, ast.Call) for decorator in ctx.analysis.decorators if decorator.role == "input"
    ):
        return
    named = {use.name for use in uses}
    for parameter in ctx.inputs:
        if not parameter.required or parameter.name in named:
            continue
        fix = None
        if len(ctx.inputs) > len(uses):
            # A schema of the simplest kind, to be completed: text is what every client can send.
            module, name = MODULES["StandardPythonParameterType"], "StandardPythonParameterType"
            first = ctx.run.decorator_list[0]
            decorator = f'@input_schema("{parameter.name}", {name}("text"))'
            edits = [ctx.insert_line(first.lineno, decorator, ctx.run.col_offset)]
            if name not in ctx.facts.module.bindings:
                edits.insert(0, ctx.insert_import(f"from {module} import {name}"))
            fix = Fix(f"Add a schema for {parameter.name}", tuple(edits))
        yield ctx.finding(
            parameter.span,
            f"{parameter.name} is required but has no @input_schema, so it is missing from the Swagger document and "
            "requests made from that are refused with status 400; add a schema for it or give it a default.",
            fix,
        )


@rule(
    "MLD203",
    "schema-given-twice",
    "error",
    stage="import",
    zero_fp=True,
    kinds=_SCHEMA,
    runtime="Exception: Error, output schema already defined for function: entry_module.run.",
)
def schema_given_twice(ctx: ScriptContext) -> Iterator[Finding]:
    """Two `@output_schema`, or two `@input_schema` for the same parameter.

    Two output schemas stop the import. Two input schemas decode a value twice: what the first has made of it, the
    second refuses when it is of another type (`Expected: <class 'list'> but got <class 'numpy.ndarray'>`). Of two with
    the same type one is idle; that is a warning.

    Bad::

        import numpy as np
        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.schema_decorators import input_schema, output_schema

        def init():
            pass

        @input_schema("data", NumpyParameterType(np.array([[1.0]])))
        @output_schema(NumpyParameterType(np.array([1.0])))
        @output_schema(NumpyParameterType(np.array([2.0])))
        def run(data):
            return data[:, 0].tolist()

    Good::

        import numpy as np
        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.schema_decorators import input_schema, output_schema

        def init():
            pass

        @input_schema("data", NumpyParameterType(np.array([[1.0]])))
        @output_schema(NumpyParameterType(np.array([1.0])))
        def run(data):
            return data[:, 0].tolist()
    """
    if not ctx.is_certain("run"):
        return
    uses = [use for use in schema_uses(ctx) if use.certain]
    outputs = [use for use in uses if use.role == "output"]
    for use in outputs[1:]:
        yield ctx.finding(
            use.node,
            "run() already has an @output_schema, so importing the script fails; keep one.",
            _without(ctx, use),
        )
    seen: dict[str, SchemaUse] = {}
    for use in uses:
        if use.role != "input" or use.name is None:
            continue
        first = seen.setdefault(use.name, use)
        if first is use or not (first.converts and use.converts):
            continue
        differ = _decodes_differently(first.decoded, use.decoded)
        yield ctx.finding(
            use.node,
            f'"{use.name}" already has an @input_schema'
            + (", and this one refuses what that one makes of the value" if differ else "")
            + "; keep one.",
            _without(ctx, use),
            severity=None if differ else "warning",
        )


def _decodes_differently(first: str | None, second: str | None) -> bool:
    """Whether what the outer schema decodes is certainly refused by the inner one."""
    known = {"ndarray", "DataFrame", "dict", "list", "str"}
    return first in known and second in known and first != second


def _without(ctx: ScriptContext, use: SchemaUse) -> Fix | None:
    span = ctx.span(use.node)
    before = ctx.source.line(span.line)[: span.column].strip()
    after = ctx.source.line(span.end_line)[span.end_column :].strip()
    return (
        Fix("Delete this decorator", (ctx.delete_lines(span.line, span.end_line),))
        if before == "@" and not after
        else None
    )


@rule(
    "MLD204",
    "not-a-parameter-type",
    "error",
    stage="import",
    zero_fp=True,
    kinds=_SCHEMA,
    runtime="Exception: Error, provided param_type must be a subclassof the AbstractParameterType.",
)
def not_a_parameter_type(ctx: ScriptContext) -> Iterator[Finding]:
    """A schema decorator is given a bare sample, a class, or its arguments in the wrong order.

    It needs an instance such as `NumpyParameterType(sample)`.

    Bad::

        import numpy as np
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("data", np.array([[1.0]]))
        def run(data):
            return data.tolist()

    Good::

        import numpy as np
        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("data", NumpyParameterType(np.array([[1.0]])))
        def run(data):
            return data.tolist()
    """
    for use in schema_uses(ctx):
        if not use.certain or use.type_node is None or use.made is not None:
            continue
        if use.role == "output" and len(use.node.args) > 1:
            continue  # MLD206
        name = "param_type" if use.role == "input" else "output_type"
        swapped = use.role == "input" and use.name_node is not None and _made(ctx, use.name_node)
        if swapped and use.name_node is not None:
            first, second = ctx.text(use.name_node), ctx.text(use.type_node)
            edits = (ctx.replace(use.name_node, second), ctx.replace(use.type_node, first))
            fix = Fix("Swap the arguments", edits, safe=True)
            positional = len(use.node.args) >= 2
            yield ctx.finding(
                use.node,
                "The arguments of @input_schema are swapped, so importing the script fails; first the "
                "parameter's name, "
                "then its type.",
                fix if positional else None,
            )
            continue
        qualified = ctx.qualified_name(use.type_node)
        if qualified and is_ours(qualified) and qualified.rpartition(".")[2] in SAMPLE_TYPES:
            class_name = qualified.rpartition(".")[2]
            yield ctx.finding(
                use.type_node,
                f"{class_name} is a class, but {name} must be an instance of it, so importing the script fails; "
                f"write {class_name}(sample).",
            )
            continue
        found = ctx.type_of(use.type_node)
        wrapper = _wrapper(found)
        if wrapper is None:
            continue
        yield ctx.finding(
            use.type_node,
            f"{name} is a bare {found}, so importing the script fails; wrap the sample in {wrapper}(...).",
            _wrap(ctx, use.type_node, wrapper),
        )


def _made(ctx: ScriptContext, node: ast.expr) -> bool:
    return parameter_type(ctx, node) is not None


def _wrapper(found: str | None) -> str | None:
    if found == "ndarray":
        return "NumpyParameterType"
    if found == "DataFrame":
        return "PandasParameterType"
    return "StandardPythonParameterType" if found in {"int", "float", "str", "bool", "list", "dict", "tuple"} else None


def _wrap(ctx: ScriptContext, node: ast.expr, wrapper: str) -> Fix:
    edits = [ctx.replace(node, f"{wrapper}({ctx.text(node)})")]
    if wrapper not in ctx.facts.module.bindings:
        edits.insert(0, ctx.insert_import(f"from {MODULES[wrapper]} import {wrapper}"))
    return Fix(f"Wrap it in {wrapper}", tuple(edits), safe=True)
