"""The documents: equal to the seeds' example and to what the original server answers, in three versions."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft4Validator, Draft202012Validator

from jupyter_mldeploy.schema import (
    NumpyParameterType,
    PandasParameterType,
    StandardPythonParameterType,
    SwaggerVersionError,
    document_version,
    input_schema,
    output_schema,
    read_contract,
    swagger_document,
)

SEEDS = Path(__file__).parents[3] / "shared/seeds"


@input_schema("data", NumpyParameterType(np.array([[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]])))
@output_schema(NumpyParameterType(np.array([3726.995])))
def diabetes(data):
    return data


def plain(data):
    return data


@input_schema("values", StandardPythonParameterType([1, "a"]))
def mixed(values, request_headers, extra=1):
    return values


@input_schema("frame", PandasParameterType(pd.DataFrame({"a": [1], "b": ["x"]})))
@input_schema("when", NumpyParameterType(np.array(["2020-01-01"], "datetime64[D]")))
@input_schema("rows", PandasParameterType(pd.DataFrame({"a": [1], "b": ["x"]}), orient="split"))
@input_schema("small", NumpyParameterType(np.ones((1, 2, 3), "int8")), optional=True)
@output_schema(StandardPythonParameterType({"state": "ok", "scores": [1, 2.5]}))
def everything(frame, when, rows, small=None):
    return None


def seeds_document() -> dict[str, Any]:
    for path in sorted(SEEDS.glob("*.txt")):
        for block in re.findall(r"```json\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
            if '"swagger": "2.0"' in block:
                return json.loads(block)
    pytest.fail("no seed holds a Swagger document")


@pytest.mark.skipif(not SEEDS.exists(), reason="the seeds are not in this checkout")
def test_the_document_of_the_seeds():
    expected = seeds_document()
    description = "API specification for Azure Machine Learning myservice"
    document = swagger_document(read_contract(diabetes), "2", service_name="myservice", description=description)
    # What the service has added since that page was written, all of it recorded from its last version.
    assert document["paths"].pop("/swagger.json")["get"]["operationId"] == "GetSwaggerSpec"
    assert document["definitions"]["ServiceInput"]["properties"]["data"].pop("format") == "numpy.ndarray"
    assert document["definitions"]["ServiceOutput"].pop("format") == "numpy.ndarray"
    # ... and what it has taken away: its errors never had a status_code in the body.
    del expected["definitions"]["ErrorResponse"]["properties"]["status_code"]
    assert document == expected


def test_frame_of_swagger_2():
    document = swagger_document(read_contract(diabetes), "2.0", service_name="svc", service_version="9.9")
    assert list(document) == [
        "swagger",
        "info",
        "schemes",
        "consumes",
        "produces",
        "securityDefinitions",
        "paths",
        "definitions",
    ]
    assert document["info"] == {
        "title": "svc",
        "description": "API specification for the Azure Machine Learning service svc",
        "version": "9.9",
    }
    assert document["paths"]["/swagger.json"]["get"]["parameters"] == [
        {"name": "version", "in": "query", "required": False, "type": "integer", "enum": [2, 3]}
    ]
    assert document["paths"]["/score"]["post"]["security"] == [{"Bearer": []}]
    assert document["definitions"]["ErrorResponse"] == {"type": "object", "properties": {"message": {"type": "string"}}}


@pytest.mark.parametrize(("version", "openapi"), [("3", "3.0.3"), ("3.1", "3.1.0")])
def test_frame_of_openapi_3(version, openapi):
    document = swagger_document(read_contract(diabetes), version)
    assert list(document) == ["openapi", "info", "security", "paths", "components"]
    assert document["openapi"] == openapi
    score = document["paths"]["/score"]["post"]
    reference = {"$ref": "#/components/schemas/ServiceInput"}
    assert score["requestBody"]["content"] == {"application/json": {"schema": reference}}
    assert score["requestBody"]["required"] is True
    health = document["paths"]["/"]["get"]["responses"]["200"]["content"]
    assert health == {"text/plain": {"schema": {"type": "string", "example": "Healthy"}}}
    schemas = document["components"]["schemas"]
    assert schemas["ServiceInput"]["required"] == ["data"]
    assert schemas["ServiceInput"]["example"] == {"data": [[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]]}
    assert schemas["ServiceOutput"]["example"] == [3726.995]


def test_functions_without_schema():
    contract = read_contract(plain)
    swagger = swagger_document(contract, 2)["definitions"]
    assert swagger["ServiceInput"] == swagger["ServiceOutput"] == {"type": "object", "example": {}}
    body = swagger_document(contract, 3)["paths"]["/score"]["post"]["requestBody"]
    assert "required" not in body


@pytest.mark.parametrize("prefix", ["pre/fix", "/pre/fix", "pre/fix/", "/pre/fix/"])
@pytest.mark.parametrize("version", ["2", "3"])
def test_prefix(prefix, version):
    document = swagger_document(read_contract(diabetes), version, prefix=prefix)
    assert list(document["paths"]) == ["/pre/fix/", "/pre/fix/score", "/pre/fix/swagger.json"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [(None, "2.0"), ("2", "2.0"), ("2.0", "2.0"), (2, "2.0"), ("3", "3.0"), (3.0, "3.0"), ("3.1", "3.1"), (3.1, "3.1")],
)
def test_versions(asked, found):
    assert document_version(asked, read_contract(diabetes)) == document_version(asked) == found


@pytest.mark.parametrize("asked", ["4", "abc", "", "2.1", "true"])
def test_versions_that_do_not_exist(asked):
    text = re.escape(f"Swagger version [{asked}] is not valid. Supported versions: [2, 3, 3.1].")
    with pytest.raises(SwaggerVersionError, match=f"^{text}$"):
        swagger_document(read_contract(diabetes), asked)


def test_versions_that_cannot_describe_the_samples():
    text = "Swagger version [2] is not supported for the scoring script. Supported swagger versions: [3, 3.1]."
    with pytest.raises(SwaggerVersionError, match=f"^{re.escape(text)}$"):
        swagger_document(read_contract(mixed), "2")
    assert swagger_document(read_contract(mixed))["openapi"] == "3.0.3"


def test_request_headers_are_no_part_of_the_body():
    schema = swagger_document(read_contract(mixed), "3")["components"]["schemas"]["ServiceInput"]
    assert list(schema["properties"]) == ["values", "extra"]
    assert schema["required"] == ["values"]
    assert schema["example"] == {"values": [1, "a"], "extra": 1}


@pytest.mark.parametrize("function", [diabetes, plain, mixed, everything])
def test_documents_are_plain_json_and_their_own_copies(function):
    contract = read_contract(function)
    for version in contract.supported_versions():
        document = swagger_document(contract, version)
        assert json.loads(json.dumps(document, allow_nan=False)) == document
        document["paths"].clear()
        assert swagger_document(contract, version)["paths"]


@pytest.mark.parametrize("function", [diabetes, mixed, everything])
def test_examples_fit_their_schemas(function):
    contract = read_contract(function)
    for validator in (Draft4Validator, Draft202012Validator):  # of OpenAPI 3.0 and 3.1
        schema = contract.input_json_schema()
        validator.check_schema(schema)
        validator(schema).validate(contract.sample_request())
        output = contract.output_json_schema()
        if output:
            validator(output).validate(output["example"])
    contract.decode(json.dumps(contract.sample_request()).encode())


def test_results_are_not_bound_to_the_sizes_of_the_sample():
    @output_schema(StandardPythonParameterType({"frame": PandasParameterType(pd.DataFrame({"minimum": [1]}))}))
    def of_frames(data):
        return data

    @output_schema(NumpyParameterType(np.ones((1, 2), "int8")))
    def of_arrays(data):
        return data

    schema = read_contract(of_frames).output_json_schema()
    Draft202012Validator(schema).validate({"frame": [{"minimum": 5, "more": 1}]})
    assert not Draft202012Validator(schema).is_valid({"frame": [{"minimum": "x"}]})
    schema = read_contract(of_arrays).output_json_schema()
    Draft202012Validator(schema).validate([[1, 2, 3], [1000]])
    assert not Draft202012Validator(schema).is_valid([["x"]])


@pytest.mark.parametrize("orient", ["records", "split", "index", "columns", "values", "table"])
def test_frames_of_more_rows_fit_the_exact_schema(orient):
    frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"], "c": [True, False, True]})
    kind = PandasParameterType(frame[:1], orient=orient)
    schema = kind.json_schema()
    Draft202012Validator.check_schema(schema)
    sent = json.loads(frame.to_json(orient=orient))
    Draft202012Validator(schema).validate(sent)
    assert len(kind.convert(sent)) == 3
