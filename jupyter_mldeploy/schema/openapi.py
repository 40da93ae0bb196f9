"""Swagger 2.0 and OpenAPI 3 documents of a scoring service."""

from __future__ import annotations

from typing import Any, Final, Literal

from .contract import RunContract
from .errors import SwaggerVersionError

DocumentVersion = Literal["2.0", "3.0", "3.1"]

_ASKED: Final[dict[str, DocumentVersion]] = {"2": "2.0", "2.0": "2.0", "3": "3.0", "3.0": "3.0", "3.1": "3.1"}
_NAMES: Final[dict[DocumentVersion, str]] = {"2.0": "2", "3.0": "3", "3.1": "3.1"}
_OPENAPI: Final = {"3.0": "3.0.3", "3.1": "3.1.0"}

_JSON = "application/json"
_SECURITY: Final[list[dict[str, list[str]]]] = [{"Bearer": []}]
_HEALTH_TEXT = "If service is up and running, this response will be returned with the content 'Healthy'"
_INPUT_TEXT = "The input payload for executing the real-time machine learning service."
_OUTPUT_TEXT = "The service processed the input correctly and provided a result prediction, if applicable."
_ERROR_TEXT = "The service failed to execute due to an error."


def document_version(version: str | float | None, contract: RunContract | None = None) -> DocumentVersion:
    """Return the document version that ``?version=`` asks for.

    Args:
        version: ``2``, ``2.0``, ``3``, ``3.0`` or ``3.1``; None for the oldest that describes the contract.
        contract: the contract to be described, or None to accept any version that exists.

    Raises:
        SwaggerVersionError: there is no such version, or the contract's samples cannot be described in it.
    """
    supported = [item for item in _NAMES if contract is None or item in contract.supported_versions()]
    if version is None and supported:
        return supported[0]
    asked = _ASKED.get(str(2 if version is None else version))
    if asked is None:
        raise SwaggerVersionError(
            f"Swagger version [{version}] is not valid. Supported versions: [{', '.join(_NAMES.values())}]."
        )
    if asked not in supported:
        listed = ", ".join(_NAMES[item] for item in supported)
        raise SwaggerVersionError(
            f"Swagger version [{_NAMES[asked]}] is not supported for the scoring script. "
            f"Supported swagger versions: [{listed}]."
        )
    return asked


def swagger_document(
    contract: RunContract,
    version: str | float | None = None,
    *,
    service_name: str = "ML service",
    description: str | None = None,
    service_version: str = "1.0",
    prefix: str = "",
) -> dict[str, Any]:
    """Return the document of a service.

    Args:
        contract: what ``run()`` takes and gives.
        version: as `document_version` takes it.
        service_name: the title.
        description: the description; made of the title when None.
        service_version: the version of the service, not of the document.
        prefix: path before ``/``, ``/score`` and ``/swagger.json``, with or without slashes around it.

    Raises:
        SwaggerVersionError: see `document_version`.
    """
    asked = document_version(version, contract)
    if description is None:
        description = f"API specification for the Azure Machine Learning service {service_name}"
    info = {"title": service_name, "description": description, "version": service_version}
    trimmed = prefix.strip("/")
    base = f"/{trimmed}" if trimmed else ""
    return _swagger_2(contract, info, base) if asked == "2.0" else _openapi_3(contract, info, base, _OPENAPI[asked])


def _swagger_2(contract: RunContract, info: dict[str, str], base: str) -> dict[str, Any]:
    def answer(text: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
        error = {"description": _ERROR_TEXT, "schema": {"$ref": "#/definitions/ErrorResponse"}}
        return {"200": {"description": text, "schema": schema, **more}, "default": error}

    body = {"name": "serviceInputPayload", "in": "body", "description": _INPUT_TEXT}
    version = {"name": "version", "in": "query", "required": False, "type": "integer", "enum": [2, 3]}
    text = {"type": "string"}
    return {
        "swagger": "2.0",
        "info": info,
        "schemes": ["https"],
        "consumes": [_JSON],
        "produces": [_JSON],
        "securityDefinitions": {"Bearer": _bearer()},
        "paths": {
            f"{base}/": {"get": _health(answer(_HEALTH_TEXT, text, examples={_JSON: "Healthy"}))},
            f"{base}/score": {
                "post": _score(
                    {"parameters": [body | {"schema": {"$ref": "#/definitions/ServiceInput"}}]},
                    answer(_OUTPUT_TEXT, {"$ref": "#/definitions/ServiceOutput"}),
                )
            },
            f"{base}/swagger.json": {"get": _specification(version, answer("The Swagger specification.", text))},
        },
        "definitions": {
            "ServiceInput": contract.input_schema(),
            "ServiceOutput": contract.output_schema(),
            "ErrorResponse": _error_response(),
        },
    }


def _openapi_3(contract: RunContract, info: dict[str, str], base: str, openapi: str) -> dict[str, Any]:
    def answer(text: str, media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
        error = {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}
        return {
            "200": {"description": text, "content": {media_type: {"schema": schema}}},
            "default": {"description": _ERROR_TEXT, "content": {_JSON: error}},
        }

    def schema_reference(name: str) -> dict[str, str]:
        return {"$ref": f"#/components/schemas/{name}"}

    version = {
        "name": "version",
        "in": "query",
        "required": False,
        "schema": {"type": "integer", "enum": [2, 3]},
    }
    body: dict[str, Any] = {
        "description": _INPUT_TEXT,
        "content": {_JSON: {"schema": schema_reference("ServiceInput")}},
    }
    if contract.mode == "json":
        body["required"] = True
    text = {"type": "string"}
    return {
        "openapi": openapi,
        "info": info,
        "security": _SECURITY,
        "paths": {
            f"{base}/": {"get": _health(answer(_HEALTH_TEXT, "text/plain", text | {"example": "Healthy"}))},
            f"{base}/score": {
                "post": _score({"requestBody": body}, answer(_OUTPUT_TEXT, _JSON, schema_reference("ServiceOutput")))
            },
            f"{base}/swagger.json": {
                "get": _specification(version, answer("The Swagger specification.", "text/plain", text))
            },
        },
        "components": {
            "schemas": {
                "ServiceInput": contract.input_json_schema(),
                "ServiceOutput": contract.output_json_schema(),
                "ErrorResponse": _error_response(),
            },
            "securitySchemes": {"Bearer": _bearer()},
        },
    }


def _health(responses: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": "ServiceHealthCheck",
        "description": "Simple health check endpoint to ensure the service is up at any given point.",
        "responses": responses,
    }


def _score(payload: dict[str, Any], responses: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": "RunMLService",
        "description": "Run web service's model and get the prediction output",
        "security": _SECURITY,
        **payload,
        "responses": responses,
    }


def _specification(version: dict[str, Any], responses: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": "GetSwaggerSpec",
        "description": "Get the Swagger specification.",
        "parameters": [version],
        "responses": responses,
    }


def _bearer() -> dict[str, str]:
    return {"type": "apiKey", "name": "Authorization", "in": "header", "description": "For example: Bearer abc123"}


def _error_response() -> dict[str, Any]:
    return {"type": "object", "properties": {"message": {"type": "string"}}}
