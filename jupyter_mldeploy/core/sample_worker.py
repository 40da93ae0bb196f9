"""The sample worker: one JSON question a line on standard input, two lines of JSON for each on standard output.

The first line comes as soon as what the question needs is imported, so that the time for the answer, the second line,
is counted from there.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import json
import os
import select
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from jupyter_mldeploy.core.entryscript import Analysis, analyse, span_of
from jupyter_mldeploy.core.sample_evaluation import Evaluator, NotEvaluable
from jupyter_mldeploy.core.sample_functions import TooLargeError

MEMORY = 4 * 1024**3
_VERSIONS = ("2.0", "3.0", "3.1")


def answer(text: str, path: str | None = None) -> dict[str, Any]:
    """Return a preview of a script's schemas as JSON values, in the form of ``core.sample.SchemaPreview``."""
    analysis = analyse(text, path=path)
    preview = _Preview(analysis)
    preview.make()
    return preview.body


class _Preview:
    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.body: dict[str, Any] = {"inputs": [], "problems": []}

    def make(self) -> None:
        run = self.analysis.run_node
        decorators = [item for item in self.analysis.decorators if item.role in {"input", "output"}]
        if run is None or not decorators:
            return
        evaluator = Evaluator(self.analysis.facts)
        prepare(evaluator, self.analysis)
        function = self._bare(run, evaluator)
        from jupyter_mldeploy.schema.contract_reading import read_contract
        from jupyter_mldeploy.schema.schema_decorators import input_schema, output_schema

        complete = True
        for item in reversed(decorators):
            maker: Any = input_schema if item.role == "input" else output_schema
            try:
                if not isinstance(
                    item.node, ast.Call
                ):  # @output_schema without arguments decorates with what it returns
                    function = maker(function)
                    continue
                arguments = [evaluator.value(argument) for argument in item.node.args]
                keywords = {word.arg: evaluator.value(word.value) for word in item.node.keywords if word.arg}
                function = maker(*arguments, **keywords)(function)
            except NotEvaluable as reason:
                complete = False
                self._problem(_sentence(reason.message), reason.node, certain=False)
            except (TooLargeError, MemoryError, RecursionError) as error:
                complete = False
                self._problem(_sentence(str(error) or type(error).__name__), item.node, certain=False)
            except ModuleNotFoundError as error:
                complete = False
                self._problem(
                    f"{error.name} is not installed here, so the sample is not worked out.", item.node, certain=False
                )
            except Exception as error:  # noqa: BLE001 - this is what importing the script will raise
                complete = False
                self._problem(_as_raised(error), item.node, certain=True)
        try:
            contract = read_contract(function)
        except Exception as error:  # noqa: BLE001 - the server will say the same
            self._problem(_as_raised(error), run, certain=False)
            return
        self._describe(contract, complete=complete)

    def _bare(self, run: ast.FunctionDef | ast.AsyncFunctionDef, evaluator: Evaluator) -> Any:
        """Make a function with the signature of ``run()`` and nothing in it."""
        arguments = copy.deepcopy(run.args)
        values: dict[str, Any] = {"__name__": "entry_module"}
        for arg in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
            arg.annotation = None
        for group in (arguments.defaults, arguments.kw_defaults):
            for index, default in enumerate(group):
                if default is None:
                    continue
                name = f"_default_{len(values)}"
                try:
                    values[name] = evaluator.value(default)
                except Exception:  # noqa: BLE001 - that there is a default is enough
                    values[name] = None
                group[index] = ast.copy_location(ast.Name(name, ast.Load()), default)
        if self.analysis.entry.class_name and arguments.args:
            del arguments.args[0]
        for star in (arguments.vararg, arguments.kwarg):
            if star is not None:
                star.annotation = None
        made = ast.FunctionDef("run", arguments, [ast.Pass()], [], None)
        if "type_params" in ast.FunctionDef._fields:
            setattr(made, "type_params", [])  # noqa: B010 - Python 3.12 wants it, 3.11 does not know it
        module = ast.fix_missing_locations(ast.Module([made], []))
        exec(compile(module, "<signature>", "exec"), values)  # noqa: S102 - a signature of names, no user code
        return values["run"]

    def _problem(self, message: str, node: ast.AST, *, certain: bool) -> None:
        span = span_of(self.analysis.source, node)
        place = [span.line, span.column, span.end_line, span.end_column]
        self.body["problems"].append({"message": message, "span": place, "certain": certain})

    def _describe(self, contract: Any, *, complete: bool) -> None:
        from jupyter_mldeploy.schema.openapi import swagger_document

        for item in contract.parameters:
            self.body["inputs"].append(
                {
                    "name": item.name,
                    "type": _kind(item.type),
                    "decoded": _decoded(item.type) if item.convert else "",
                    "required": item.required,
                    "sample": _json(item.type.sample_input) if item.type is not None else None,
                }
            )
        if contract.output is not None:
            sample = _json(contract.output.sample_input)
            self.body["output"] = {
                "name": "return",
                "type": _kind(contract.output),
                "decoded": _decoded(contract.output),
                "required": True,
                "sample": sample,
            }
            self.body["response"] = sample
        if not complete:
            return
        with contextlib.suppress(Exception):
            self.body["request"] = _plain(contract.sample_request())
        documents: dict[str, Any] = {}
        for version in _VERSIONS:
            with contextlib.suppress(Exception):
                documents[version] = _plain(swagger_document(contract, version))
        self.body["documents"] = documents


def prepare(evaluator: Evaluator, analysis: Analysis) -> None:
    """Work out the module's variables that the decorators need, in the order of the script.

    What cannot be worked out is kept as unknown and only matters when a decorator asks for it.
    """
    run = analysis.run_node
    wanted = _needed(analysis)
    end = run.lineno if run is not None else 0
    for statement in _statements(analysis.facts.tree.body, end):
        names = _bound(statement) & wanted
        if not names:
            continue
        try:
            if isinstance(statement, ast.Assign):
                for target in statement.targets:
                    evaluator.assign(target, statement.value)
            elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
                evaluator.assign(statement.target, statement.value)
            elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
                evaluator.mutate(statement.value)
            elif isinstance(statement, ast.If):
                raise NotEvaluable("what stands under an if is not worked out", statement.test)
            else:
                raise NotEvaluable("this statement is not worked out", statement)
        except NotEvaluable as reason:
            _forget(evaluator, names, reason)
        except Exception as error:  # noqa: BLE001 - raised again where a decorator needs the value
            _forget(evaluator, names, NotEvaluable(_as_raised(error), statement))


def _forget(evaluator: Evaluator, names: set[str], reason: NotEvaluable) -> None:
    for name in names:
        evaluator.variables.pop(name, None)
        evaluator.unknown[name] = reason


def _statements(body: list[ast.stmt], end: int) -> Iterator[ast.stmt]:
    """Yield the statements before ``run()``; a ``try`` is taken to succeed."""
    for statement in body:
        if statement.lineno >= end:
            return
        if isinstance(statement, ast.Try):
            yield from _statements([*statement.body, *statement.orelse, *statement.finalbody], end)
        elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield statement


def _bound(statement: ast.stmt) -> set[str]:
    """Return the names a statement binds or changes."""
    if isinstance(statement, ast.Expr):
        call = statement.value
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and isinstance(call.func.value, ast.Name)
        ):
            return {call.func.value.id}
        return set()
    names: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
            root: ast.expr = node
            while isinstance(root, ast.Subscript | ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name):
                names.add(root.id)
    return names


def _needed(analysis: Analysis) -> set[str]:
    """Return the module names that the decorators and defaults of ``run()`` depend on."""
    run = analysis.run_node
    if run is None:
        return set()
    nodes: list[ast.AST] = [item.node for item in analysis.decorators]
    nodes += [item for item in [*run.args.defaults, *run.args.kw_defaults] if item is not None]
    wanted: set[str] = set()
    uses: dict[str, set[str]] = {}
    for statement in _statements(analysis.facts.tree.body, run.lineno):
        read = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
        for name in _bound(statement):
            uses.setdefault(name, set()).update(read)
    todo = [node.id for root in nodes for node in ast.walk(root) if isinstance(node, ast.Name)]
    while todo:
        name = todo.pop()
        if name not in wanted:
            wanted.add(name)
            todo.extend(uses.get(name, ()))
    return wanted


def _as_raised(error: BaseException) -> str:
    """Say an exception as the original package would: its errors about schemas are plain ``Exception``s."""
    name = type(error).__name__
    return f"{'Exception' if name in {'SchemaDefinitionError', 'ContractError'} else name}: {error}"


def _sentence(text: str) -> str:
    first = text.partition(" ")[0]
    start = text[:1].upper() + text[1:] if first.isalpha() else text
    return start if text.endswith(".") else f"{start}."


def _kind(made: Any) -> str | None:
    if made is None:
        return None
    name = type(made).__name__
    return next((kind for kind in ("numpy", "pandas", "standard", "spark") if name.lower().startswith(kind)), "custom")


def _decoded(made: Any) -> str:
    """Say in words what ``run()`` receives."""
    if made is None:
        return ""
    sample, kind = made.sample_input, _kind(made)
    if kind == "numpy":
        rows = ["n", *map(str, sample.shape[1:])] if getattr(made, "enforce_shape", True) else ["…"]
        return f"ndarray {sample.dtype} ({', '.join(rows)}{',' if len(rows) == 1 and rows != ['…'] else ''})"
    if kind == "pandas":
        columns = [f"{name} {dtype}" for name, dtype in list(sample.dtypes.items())[:8]]
        more = ", …" if len(sample.columns) > 8 else ""
        return f"DataFrame (n, {len(sample.columns)}): {', '.join(columns)}{more}"
    return _plain_type(sample)


def _plain_type(sample: Any) -> str:
    if isinstance(sample, Mapping):
        items = [f"{key}: {_inner(value)}" for key, value in list(sample.items())[:8]]
        return f"dict {{{', '.join(items)}{', …' if len(sample) > 8 else ''}}}"
    if isinstance(sample, list | tuple) and sample:
        kinds = list(dict.fromkeys(_inner(item) for item in sample[:50]))
        return f"{type(sample).__name__} of {' or '.join(kinds)}"
    return type(sample).__name__


def _inner(value: Any) -> str:
    return _decoded(value) if hasattr(value, "sample_input") else type(value).__name__


def _json(value: Any) -> Any:
    from jupyter_mldeploy.schema.encoding import encode

    if hasattr(value, "sample_input"):
        return _json(value.sample_input)
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    try:
        return json.loads(encode(value))
    except Exception:  # noqa: BLE001 - a sample that JSON cannot hold is shown as text
        return str(value)


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _import_for(text: str) -> None:
    """Import what a script's samples may need. What fails here is told where a sample asks for it."""
    low = text.lower()
    names = [name for name in ("numpy", "pandas") if name in low]  # in NumpyParameterType as well
    for name in (*names, "jupyter_mldeploy.schema.contract_reading", "jupyter_mldeploy.schema.openapi"):
        with contextlib.suppress(Exception):
            import_module(name)


def main(idle: float) -> None:
    """Answer until the input ends or nobody asks for ``idle`` seconds."""
    _limit_memory()
    questions = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not look like an answer
    while True:
        ready, _, _ = select.select([questions], [], [], idle)
        line = questions.readline() if ready else b""
        if not line:
            return
        question = json.loads(line)
        _import_for(question["text"])
        answers.write(b'"ready"\n')
        answers.flush()
        try:
            body = answer(question["text"], question.get("path"))
        except (Exception, RecursionError) as error:  # noqa: BLE001 - the next question must still be answered
            message = f"The samples could not be worked out: {type(error).__name__}: {error}."
            body = {"problems": [{"message": message, "span": [1, 0, 1, 0], "certain": False}]}
        answers.write(json.dumps(body).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 120.0)
