"""The contract of a ``run()`` function: read once when a script is loaded, used for every request."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from . import decoding, swagger_schemas
from .decorated import InputSpec
from .encoding import encode
from .errors import ContractError, RequestError, child_path
from .fast_decoding import FastDecoder, fast_decoder
from .parameter_types.abstract_parameter_type import AbstractParameterType
from .parameter_types.standard_py_parameter_type import StandardPythonParameterType
from .swagger_schemas import ABSENT, Member

#: ``text``: no schema, the body as text goes to the first parameter; ``json``: the body is an object keyed by
#: parameter; ``rawhttp``: the request object itself.
Mode = Literal["text", "json", "rawhttp"]


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """One parameter of ``run()``.

    Attributes:
        name: its name, also its key in the request.
        type: its parameter type, or None when no decorator describes it.
        convert: whether decoding converts the value; False also when a decorator further in will do it.
        optional: whether an absent, null or empty value passes unconverted.
        default: its default, or ``ABSENT``.
    """

    name: str
    type: AbstractParameterType | None = None
    convert: bool = False
    optional: bool = False
    default: Any = ABSENT

    @property
    def required(self) -> bool:
        """Whether a request without it is refused."""
        return self.default is ABSENT

    def converted(self, value: Any, *, quick: bool) -> Any:
        """Return a decoded JSON value as ``run()`` gets it; raise `RequestError` when it does not fit."""
        if self.type is None or not self.convert:
            return value
        spec = InputSpec(self.name, self.type, self.convert, self.optional)
        return spec.converted(value, child_path("$", self.name), quick=quick)

    def default_value(self) -> Any:
        """Return the default for one request: converted when it is of the type's JSON form, as it stands otherwise."""
        value = copy.deepcopy(self.default) if isinstance(self.default, (list, dict)) else self.default
        try:
            return self.converted(value, quick=True)
        except RequestError:
            return value

    def expectation(self) -> str:
        """Say in words what the request must hold for this parameter."""
        return "a JSON value" if self.type is None else self.type.expectation()

    def takes_text(self) -> bool:
        """Whether a string is what the parameter wants, so that ``7`` in a query is text."""
        return isinstance(self.type, StandardPythonParameterType) and self.type.sample_data_type is str


@dataclass(frozen=True, slots=True)
class OpaqueSchemas:
    """Schemas of a function whose decorators cannot be read, only asked: input, output and document versions."""

    input: dict[str, Any]
    output: dict[str, Any]
    versions: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class RunContract:
    """What ``run()`` takes and gives.

    Attributes:
        function: to be called with the decoded arguments by keyword. The undecorated function when only schema
            decorators stand on it; as it was given when other decorators do.
        mode: how a request becomes arguments.
        parameters: in the order of the signature, without ``request_headers``.
        output: the type of the result, or None.
        takes_request_headers: whether to pass ``request_headers=`` as well.
        opaque: schemas when the decorators cannot be read.
    """

    function: Callable[..., Any]
    mode: Mode
    parameters: tuple[Parameter, ...]
    output: AbstractParameterType | None = None
    takes_request_headers: bool = False
    opaque: OpaqueSchemas | None = field(default=None, repr=False)

    @property
    def rawhttp(self) -> bool:
        """Whether ``run()`` takes the request object itself."""
        return self.mode == "rawhttp"

    def decode(self, body: bytes) -> dict[str, Any]:
        """Return the arguments that a POST body spells.

        Args:
            body: the bytes as they came; JSON in UTF-8, -16 or -32, or any UTF-8 text in mode ``text``.

        Returns:
            a value for every parameter, defaults included; arrays own their memory.

        Raises:
            RequestError: the body does not fit; its message is for the caller (status 400).
            ContractError: ``run()`` takes the request object itself.
        """
        fast = self._fast_decoder
        if fast is not None:
            values = fast(body)
            if values is not None:
                return values
        return self._decode(body, quick=True)

    def decode_reference(self, body: bytes) -> dict[str, Any]:
        """Do what `decode` does without any shortcut: what the shortcuts are tested against."""
        return self._decode(body, quick=False)

    def decode_query(self, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
        """Return the arguments that the query of a GET spells: values are JSON where they parse, repeats are lists.

        Args:
            pairs: names and values, percent-decoded, in their order.

        Raises:
            RequestError: an argument is missing or does not fit.
            ContractError: ``run()`` takes the request object itself.
        """
        if self.mode == "text":
            import json

            return {self.parameters[0].name: json.dumps(decoding.parse_query(pairs))}
        self._refuse_rawhttp()
        return decoding.bind_query(self.parameters, pairs)

    def encode(self, result: Any) -> bytes:
        """Return a result as JSON; None is an empty object, frames are spelled in the output sample's orient.

        Raises:
            ResponseError: the result holds something that JSON cannot.
        """
        if result is None:
            return b"{}"
        return encode(result, orient=getattr(self.output, "orient", "records"))  # only frames have one

    def supported_versions(self) -> list[str]:
        """Return the document versions that can describe the contract, of ``2.0``, ``3.0`` and ``3.1``."""
        if self.opaque is not None:
            return list(self.opaque.versions)
        types = [parameter.type for parameter in self.parameters if parameter.type is not None]
        return swagger_schemas.common_versions([*types, self.output] if self.output is not None else types)

    def input_schema(self) -> dict[str, Any]:
        """Return the request's schema as Swagger 2.0 documents have it, with ``example``."""
        if self.opaque is not None:
            return copy.deepcopy(self.opaque.input)
        if self._describes_input():
            return swagger_schemas.input_swagger(self._members())
        return {"type": "object"} if self.mode == "json" else {"type": "object", "example": {}}

    def output_schema(self) -> dict[str, Any]:
        """Return the result's schema as Swagger 2.0 documents have it, with ``example`` when it is described."""
        if self.opaque is not None:
            return copy.deepcopy(self.opaque.output)
        if self.output is not None:
            return self.output.input_to_swagger()
        return {"type": "object"} if self.mode == "json" else {"type": "object", "example": {}}

    def input_json_schema(self) -> dict[str, Any]:
        """Return the request's schema for forms and OpenAPI 3: exact, with ``required`` and ``example``."""
        if self.opaque is not None or not (self._describes_input() or self.mode == "json"):
            return self.input_schema()
        return swagger_schemas.input_json_schema(self._members())

    def output_json_schema(self) -> dict[str, Any]:
        """Return the result's schema for forms and OpenAPI 3."""
        if self.opaque is None and self.output is not None:
            return swagger_schemas.output_json_schema(self.output)
        return self.output_schema() if self.opaque is not None else {}

    def sample_request(self) -> dict[str, Any]:
        """Return a request body made of the samples; empty when nothing is described."""
        if self.opaque is not None:
            return dict(self.opaque.input.get("example", {}))
        return swagger_schemas.sample_request(self._members()) if self.mode == "json" else {}

    @cached_property
    def _fast_decoder(self) -> FastDecoder | None:
        return fast_decoder(self.parameters) if self.mode == "json" else None

    def _decode(self, body: bytes, *, quick: bool) -> dict[str, Any]:
        if self.mode == "text":
            return {self.parameters[0].name: decoding.parse_text(body)}
        self._refuse_rawhttp()
        return decoding.bind(self.parameters, decoding.parse_object(body), quick=quick)

    def _refuse_rawhttp(self) -> None:
        if self.rawhttp:
            raise ContractError("run() is decorated with @rawhttp: it takes the request itself, nothing is decoded.")

    def _describes_input(self) -> bool:
        return any(parameter.type is not None for parameter in self.parameters)

    def _members(self) -> list[Member]:
        return [Member(item.name, item.type, item.default, item.required) for item in self.parameters]
