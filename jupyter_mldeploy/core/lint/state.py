"""MLD301–MLD305: what ``init()`` leaves for ``run()``."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding, ScriptContext
from jupyter_mldeploy.core.lint.diagnostics import Fix
from jupyter_mldeploy.core.lint.evaluation import first_use
from jupyter_mldeploy.core.lint.rule import rule
from jupyter_mldeploy.core.script.scopes import FunctionNode, Scope

_MODULE_KINDS = frozenset({"json", "schema", "rawhttp", "batch", "unknown"})
_CONTAINER = {"list", "dict", "set"}
_MUTATING = {
    "append",
    "extend",
    "update",
    "add",
    "insert",
    "pop",
    "clear",
    "setdefault",
    "remove",
    "popitem",
    "discard",
}


def _is_placeholder(node: ast.expr | None) -> bool:
    match node:
        case ast.Constant(value=value):
            return not value
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return not elements
        case ast.Dict(keys=keys):
            return not keys
        case _:
            return False


def _free_reads(scope: Scope, name: str) -> list[ast.Name]:
    """Return the reads of a global name in a function and the functions inside it."""
    found: list[ast.Name] = []
    for inner in scope.subtree():
        if inner is not scope and name in inner.bindings and name not in inner.globals:
            continue
        if name not in inner.bindings or name in inner.globals:
            found.extend(inner.reads.get(name, ()))
    return found


def _locals_of(scope: Scope) -> Iterator[str]:
    """Yield the names that a function binds for itself, without its parameters and Python's own names."""
    for name, bindings in scope.bindings.items():
        if not hasattr(builtins, name) and not any(binding.kind in {"parameter", "except"} for binding in bindings):
            yield name


def _global_fix(ctx: ScriptContext, node: FunctionNode, name: str) -> Fix | None:
    scope = ctx.facts.scopes[node]
    for statement in scope.globals.values():
        span = ctx.span(statement)
        if statement in node.body:
            end = type(span)(span.end_line, span.end_column, span.end_line, span.end_column)
            return Fix(f"Declare {name} global in {node.name}()", (ctx.replace(end, f", {name}"),), safe=True)
    edit = ctx.insert_in_body(node, f"global {name}")
    return Fix(f"Declare {name} global in {node.name}()", (edit,), safe=True) if edit else None


@rule(
    "MLD301",
    "missing-global",
    "error",
    stage="request",
    zero_fp=True,
    kinds=_MODULE_KINDS,
    whole=True,
    runtime="NameError: name 'model' is not defined",
)
def missing_global(ctx: ScriptContext) -> Iterator[Finding]:
    """`init()` assigns a name without `global`, and `run()` reads it.

    The assignment makes a local variable that is gone when `init()` returns, so the service starts and every request
    fails. A `global` statement outside of functions has no effect.

    Bad::

        import joblib

        def init():
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
    init, init_scope, run_scope = ctx.init, ctx.init_scope, ctx.run_scope
    if (
        init is None
        or init_scope is None
        or run_scope is None
        or not ctx.is_certain("init")
        or not ctx.is_certain("run")
    ):
        return
    if ctx.facts.star_imports or ctx.facts.dynamic:
        return
    for name in _locals_of(init_scope):
        if name in ctx.facts.module.bindings or (name in run_scope.bindings and name not in run_scope.globals):
            continue
        reads = [node for node in _free_reads(run_scope, name) if not ctx.is_forgiven(node)]
        if not reads:
            continue
        target = init_scope.bindings[name][0].node
        yield ctx.finding(
            target,
            f"init() keeps {name} to itself, so run() fails with NameError on every request; declare it "
            f"global in init().",
            _global_fix(ctx, init, name),
        )


@rule(
    "MLD302",
    "shadowed-placeholder",
    "warning",
    stage="request",
    kinds=_MODULE_KINDS,
    whole=True,
    runtime="AttributeError: 'NoneType' object has no attribute 'predict'",
)
def shadowed_placeholder(ctx: ScriptContext) -> Iterator[Finding]:
    """`init()` assigns a name that the module holds empty, without `global`; `run()` then reads the empty one.

    Bad::

        import joblib

        model = None

        def init():
            model = joblib.load("model.pkl")

        def run(data):
            return model.predict(data).tolist()

    Good::

        import joblib

        model = None

        def init():
            global model
            model = joblib.load("model.pkl")

        def run(data):
            return model.predict(data).tolist()
    """
    init, init_scope, run_scope = ctx.init, ctx.init_scope, ctx.run_scope
    if init is None or init_scope is None or run_scope is None or ctx.facts.dynamic:
        return
    for name in _locals_of(init_scope):
        bindings = ctx.facts.module.bindings.get(name, [])
        if len(bindings) != 1 or not _is_placeholder(bindings[0].value) or not _free_reads(run_scope, name):
            continue
        yield ctx.finding(
            init_scope.bindings[name][0].node,
            f"This makes a local {name}; run() reads the module's {name}, which stays "
            f"{ctx.text(bindings[0].value) if bindings[0].value else 'empty'}. Declare it global in init().",
            _global_fix(ctx, init, name),
        )


@rule(
    "MLD303",
    "global-read-before-local-assignment",
    "error",
    stage="request",
    zero_fp=True,
    kinds=_MODULE_KINDS,
    runtime="UnboundLocalError: cannot access local variable 'model' where it is not associated with a value",
)
def global_read_before_local_assignment(ctx: ScriptContext) -> Iterator[Finding]:
    """`run()` reads a global and assigns it later without `global`, so the read fails.

    One assignment anywhere in a function makes the name local in all of it.

    Bad::

        def init():
            global count
            count = 0

        def run(data):
            count += 1
            return [count, data]

    Good::

        def init():
            global count
            count = 0

        def run(data):
            global count
            count += 1
            return [count, data]
    """
    run, scope = ctx.run, ctx.run_scope
    if run is None or scope is None or not ctx.is_certain("run"):
        return
    for name, bindings in scope.bindings.items():
        if name not in ctx.facts.module.bindings or name in scope.globals or name in scope.nonlocals:
            continue
        if any(binding.kind == "parameter" for binding in bindings):
            continue
        use = first_use(ctx.facts, run, name)
        if use is None or ctx.is_forgiven(use):
            continue
        yield ctx.finding(
            use,
            f"run() assigns {name} further on, so here it is a local variable without a value and the "
            f"request fails with "
            f"UnboundLocalError; declare {name} global in run() or give the local another name.",
            _global_fix(ctx, run, name),
        )


@rule("MLD304", "global-never-assigned", "warning", stage="request", kinds=_MODULE_KINDS, whole=True)
def global_never_assigned(ctx: ScriptContext) -> Iterator[Finding]:
    """A function declares a name global, but nothing ever assigns it.

    Usually the assignment uses another spelling, and reading the declared name fails.

    Bad::

        import joblib

        def init():
            global model
            clf = joblib.load("model.pkl")

        def run(data):
            return [str(data)]

    Good::

        import joblib

        def init():
            global model
            model = joblib.load("model.pkl")

        def run(data):
            return [str(data), str(model)]
    """
    if ctx.facts.star_imports or ctx.facts.dynamic:
        return
    for node in ctx.facts.functions:
        for name, statement in ctx.facts.scopes[node].globals.items():
            if name in ctx.facts.module.bindings or (ctx.cell_names and name in ctx.cell_names):
                continue
            yield ctx.finding(statement, f"{node.name}() declares {name} global, but nothing in the script assigns it.")


@rule("MLD305", "shared-state-changed", "warning", stage="answer", kinds=frozenset({"json", "schema", "rawhttp"}))
def shared_state_changed(ctx: ScriptContext) -> Iterator[Finding]:
    """`run()` rebinds or changes module-level state.

    A service runs several workers, and a worker may answer several requests at once: each worker has its own copy, and
    simultaneous requests see one another's changes. Keep state in a database or a file with locks.

    Bad::

        history = []

        def init():
            pass

        def run(data):
            history.append(data)
            return history

    Good::

        def init():
            pass

        def run(data):
            history = [data]
            return history
    """
    scope = ctx.run_scope
    if scope is None:
        return
    for name in scope.globals:
        for binding in ctx.facts.module.bindings.get(name, ()):
            if binding.deferred and ctx.facts.scope_of(binding.node).function() is scope:
                yield ctx.finding(
                    binding.node,
                    f"run() changes the global {name}, which every worker has for itself and "
                    f"simultaneous requests share.",
                )
                break
    for attribute in ctx.facts.attributes:
        call = ctx.facts.parents[attribute]
        if attribute.attr not in _MUTATING or not isinstance(call, ast.Call) or call.func is not attribute:
            continue
        if isinstance(attribute.value, ast.Name) and _is_module_container(ctx, scope, attribute.value):
            yield _changed(ctx, attribute.value)
    for subscript in ctx.facts.subscripts:
        if (
            isinstance(subscript.ctx, ast.Store | ast.Del)
            and isinstance(subscript.value, ast.Name)
            and (_is_module_container(ctx, scope, subscript.value))
        ):
            yield _changed(ctx, subscript.value)


def _is_module_container(ctx: ScriptContext, scope: Scope, node: ast.Name) -> bool:
    if ctx.facts.scope_of(node).function() is not scope or (node.id in scope.bindings and node.id not in scope.globals):
        return False
    bindings = ctx.facts.module.bindings.get(node.id, [])
    values = [binding.value for binding in bindings if binding.value is not None]
    return bool(values) and any(ctx.type_of(value) in _CONTAINER for value in values)


def _changed(ctx: ScriptContext, node: ast.Name) -> Finding:
    return ctx.finding(
        node,
        f"run() changes the module's {node.id}, which every worker has for itself and simultaneous requests share.",
    )
