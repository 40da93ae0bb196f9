"""The records that an entry script's contract is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jupyter_mldeploy.core.script.kind import ScriptKind
from jupyter_mldeploy.core.script.source import Span
from jupyter_mldeploy.core.script.syntax import Chunk, SyntaxProblem

ParameterKind = Literal["positional_only", "positional", "var_positional", "keyword_only", "var_keyword"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of ``init()`` or ``run()``; ``annotation`` and ``default`` are source text."""

    name: str
    kind: ParameterKind
    annotation: str | None
    default: str | None
    span: Span

    @property
    def required(self) -> bool:
        """Whether a call has to give it."""
        return self.default is None and self.kind not in {"var_positional", "var_keyword"}


@dataclass(frozen=True, slots=True)
class EntryFunction:
    """How a script binds ``init`` or ``run``.

    Attributes:
        name: ``"init"`` or ``"run"``.
        how: ``"def"``, ``"method"`` of the entry class, or any other binding (``"assign"``, ``"import"``, ``"class"``,
        …). parameters: of a ``def``, without a method's ``self``; empty when the signature cannot be read. decorators:
        their source text without ``@``, from the top down. span: the whole definition with its decorators. name_span:
        the name after ``def``, or the binding. broken: the function's chunk had to be repaired, so its body may be
        incomplete.
    """

    name: str
    how: str
    parameters: tuple[Parameter, ...]
    is_async: bool
    is_generator: bool
    decorators: tuple[str, ...]
    docstring: str | None
    returns: str | None
    span: Span
    name_span: Span
    broken: bool


@dataclass(frozen=True, slots=True)
class SampleExpression:
    """A sample inside a parameter type: its source text, where it stands, and the module variable that holds it."""

    text: str
    span: Span
    variable: str | None = None


@dataclass(frozen=True, slots=True)
class SchemaDecorator:
    """One ``@input_schema`` or ``@output_schema`` of ``run()``.

    Attributes:
        role: ``"input"`` or ``"output"``.
        parameter: the literal parameter name of an input, or None.
        type: ``"numpy"``, ``"pandas"``, ``"standard"``, ``"spark"``, ``"custom"``, or None when it cannot be told.
        type_name: the class as written, or None.
        sample: the sample the type is made from, or None.
        optional: of an input: the caller may leave it out.
        convert: of an input: the value is decoded before ``run()`` sees it.
        span: the decorator without ``@``.
        name_span: the parameter name's literal, or None.
    """

    role: Literal["input", "output"]
    parameter: str | None
    type: str | None
    type_name: str | None
    sample: SampleExpression | None
    optional: bool
    convert: bool
    span: Span
    name_span: Span | None


@dataclass(frozen=True, slots=True)
class ModelReference:
    """Where a script takes a model from; ``"env"`` is AZUREML_MODEL_DIR, ``"hub"`` a ``from_pretrained``."""

    how: Literal["env", "get_model_path", "mlflow", "hub"]
    name: str | None
    version: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class EntryScript:
    """What a script tells without being run.

    Attributes:
        path: where it was read from, or None.
        kind: what ``run()`` receives: ``"json"`` text, decoded by a ``"schema"``, a ``"rawhttp"`` request, a
            ``"batch"`` of files or rows; ``"class"`` when a class carries ``run``; ``"unknown"`` without a ``run``.
        kind_is_certain: whether decorators, names or usage prove the kind (a batch script may look like an online one).
        init, run: how the two functions are bound, or None.
        class_name: the class that carries ``run`` as a method, or None.
        schemas: the schema decorators from the top down.
        model_references: where models come from, in source order.
        imports: top-level module names, in order of appearance, without the script's relative imports.
        has_errors: some part is not Python; ``problems`` says where and why.
        chunks: top-level pieces of a broken script, with those that had to be repaired.
    """

    path: str | None
    kind: ScriptKind
    kind_is_certain: bool
    init: EntryFunction | None
    run: EntryFunction | None
    class_name: str | None
    schemas: tuple[SchemaDecorator, ...]
    model_references: tuple[ModelReference, ...]
    imports: tuple[str, ...]
    problems: tuple[SyntaxProblem, ...]
    chunks: tuple[Chunk, ...]

    @property
    def has_errors(self) -> bool:
        """Whether any part of the script could not be read."""
        return bool(self.problems)
