"""Scripts that take the request and make the response themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .v1_scripts import RAWHTTP
from .worker_process import Worker, serving

# From v1's documentation: without @rawhttp, although run() reads the request.
CORS_SCRIPT = """
from azureml.contrib.services.aml_response import AMLResponse

def init():
    print("This is init()")

def run(request):
    print("This is run()")
    print("Request: [{0}]".format(request))
    if request.method == 'GET':
        respBody = str.encode(request.full_path)
        return AMLResponse(respBody, 200)
    elif request.method == 'POST':
        reqBody = request.get_data(False)
        resp = AMLResponse(reqBody, 200)
        resp.headers['Access-Control-Allow-Origin'] = "http://www.example.com"
        return resp
    else:
        return AMLResponse("bad request", 500)
"""


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with serving(tmp_path_factory.mktemp("raw"), RAWHTTP) as worker:
        yield worker


def test_bytes_come_back_as_they_went(raw: Worker) -> None:
    body = bytes(range(256)) * 5000
    answer = raw.ask("POST", "/score", body)
    assert answer.body == body
    assert answer.header("content-type") == "application/octet-stream"
    assert answer.header("x-ms-run-function-failed") == "False"


def test_multipart_with_files_and_fields(raw: Worker) -> None:
    body = (
        b'--B\r\nContent-Disposition: form-data; name="field"\r\n\r\nvalue\r\n'
        b'--B\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\x00\xff\x00\r\n--B--\r\n"
    )
    told = raw.ask("POST", "/score?m=info", body, {"Content-Type": "multipart/form-data; boundary=B"}).json()
    assert (told["form"], told["files"]) == ({"field": "value"}, {"f": ["a.bin", 3]})


def test_request_attributes(raw: Worker) -> None:
    headers = {"Content-Type": "application/json", "X-Foo": "bar", "X_Foo": "posing as X-Foo"}
    told = raw.ask("POST", "/score?m=info&q=a%20b", b'{"a": 1}', headers).json()
    assert told["url"] == f"http://127.0.0.1:{raw.port}/score?m=info&q=a%20b"
    assert told["args"] == {"m": "info", "q": "a b"}
    assert (told["json"], told["hdr"], told["cl"]) == ({"a": 1}, "bar", 8)


def test_head_and_options_are_the_scripts_own(raw: Worker) -> None:
    assert raw.ask("OPTIONS", "/score", b"zz").body == b"zz"
    answer = raw.ask("HEAD", "/score", b"zz")
    assert (answer.status, answer.header("content-length"), answer.body) == (200, "2", b"")


def test_streamed_response(raw: Worker) -> None:
    answer = raw.ask("POST", "/score?m=gen")
    assert (answer.header("transfer-encoding"), answer.body) == ("chunked", b"abc")
    assert raw.ask("HEAD", "/score?m=gen").body == b""
    with raw.connect() as client:
        old = client.send(b"POST /score?m=gen HTTP/1.0\r\nContent-Length: 0\r\n\r\n").answer()
        assert (old.body, old.header("transfer-encoding")) == (b"abc", None)


def test_headers_of_one_value_are_not_split(tmp_path: Path) -> None:
    script = """
from azureml_inference_server_http.api.aml_request import rawhttp
from azureml_inference_server_http.api.aml_response import AMLResponse
import numpy as np
def init(): pass
@rawhttp
def run(request):
    if request.args.get("m") == "json":
        return AMLResponse({"a": np.arange(2)}, 200)
    if request.args.get("m") == "empty":
        return AMLResponse("", 204)
    return AMLResponse(b"x", 200, {"Expires": "Wed, 21 Oct 2015 07:28:00 GMT", "X-N": 5, "Content-Length": "99"})
"""
    with serving(tmp_path, script) as worker:
        answer = worker.ask("GET", "/score")
        assert answer.header("expires") == "Wed, 21 Oct 2015 07:28:00 GMT"
        assert (answer.header("x-n"), answer.header("content-length")) == ("5", "1")
        assert worker.ask("GET", "/score?m=json").json() == {"a": [0, 1]}
        with worker.connect() as client:
            request = b"GET /score?m=empty HTTP/1.1\r\nHost: x\r\n\r\n"
            nothing = client.send(request).answer()
            assert (nothing.status, nothing.header("content-length")) == (204, None)
            assert client.send(request).answer().status == 204


def test_script_that_forgot_the_decorator(tmp_path: Path) -> None:
    with serving(tmp_path, CORS_SCRIPT) as worker:
        answer = worker.ask("POST", "/score", b"\x00\xff")
        assert (answer.status, answer.body) == (200, b"\x00\xff")
        assert answer.header("access-control-allow-origin") == "http://www.example.com"
        assert worker.ask("GET", "/score?a=1").body == b"/score?a=1"
        assert worker.wait_for_log(lambda line: "@rawhttp" in line["message"])["level"] == "warning"


def test_rawhttp_and_schema_exclude_each_other(tmp_path: Path) -> None:
    script = """
from azureml.contrib.services.aml_request import rawhttp
from inference_schema.schema_decorators import input_schema
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
def init(): pass
@rawhttp
@input_schema("data", StandardPythonParameterType("x"))
def run(data): return data
"""
    worker = Worker(tmp_path, script)
    try:
        failed = worker.wait_for("failed")
        assert (failed["stage"], worker.wait()) == ("contract", 3)
        assert "both @rawhttp and @input_schema" in failed["message"]
    finally:
        worker.stop()
