"""Samples to parameter types, JSON Schema and Swagger; requests to arguments; results to JSON.

A leaf: it needs nothing of the rest of the package, and it is copied into images together with the scoring server.
"""

from __future__ import annotations

import importlib

# The names load their modules when first used: importing this package costs nothing.
_HOMES = {
    "AbstractParameterType": "parameter_types.abstract_parameter_type",
    "NumpyParameterType": "parameter_types.numpy_parameter_type",
    "PandasParameterType": "parameter_types.pandas_parameter_type",
    "SparkParameterType": "parameter_types.spark_parameter_type",
    "StandardPythonParameterType": "parameter_types.standard_py_parameter_type",
    "input_schema": "schema_decorators",
    "output_schema": "schema_decorators",
    "get_input_schema": "schema_util",
    "get_output_schema": "schema_util",
    "get_schemas_dict": "schema_util",
    "get_supported_versions": "schema_util",
    "is_schema_decorated": "schema_util",
    "Parameter": "contract",
    "RunContract": "contract",
    "read_contract": "contract_reading",
    "encode": "encoding",
    "document_version": "openapi",
    "swagger_document": "openapi",
    "BatchInfo": "batching",
    "batchable": "batching",
    "split": "batching",
    "stack": "batching",
    "BatchError": "errors",
    "ContractError": "errors",
    "RequestError": "errors",
    "ResponseError": "errors",
    "SchemaDefinitionError": "errors",
    "SwaggerVersionError": "errors",
    "request_error_of": "errors",
}

__all__ = [*_HOMES]  # noqa: PLE0604 - the keys are the names


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
