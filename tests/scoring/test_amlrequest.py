"""Every attribute of ``AMLRequest`` and every argument of ``AMLResponse`` that v1 documented."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .worker_process import Worker, serving

SCRIPT = """
import base64
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse
from azureml_inference_server_http.api.aml_request import AMLRequest as Same
from azureml_inference_server_http.api.aml_response import AMLResponse as SameResponse

RESPONSES = {
    "none": lambda: AMLResponse(None, 202),
    "text": lambda: AMLResponse("\\u00fc", 200),
    "bytes": lambda: AMLResponse(b"\\x00\\xff", 200, {"Content-Type": "image/png"}),
    "json_str": lambda: AMLResponse({"a": [1, None]}, 201, json_str=True),
    "json_text": lambda: AMLResponse('{"a": 1}', 200, json_str=True),
    "failed": lambda: AMLResponse("no", 400, run_function_failed=True),
    "headers": lambda: AMLResponse("x", 200, {"X-Many": "a, b", "X-One": "1", "Cache-Control": "no-store"}),
    "status": lambda: AMLResponse("gone", 410),
    "cookie": lambda: cookie(),
}


def cookie():
    response = AMLResponse("x", 200)
    response.set_cookie("session", "1", httponly=True)
    return response


def init():
    assert Same is AMLRequest and SameResponse is AMLResponse


@rawhttp
def run(request):
    kind = request.args.get("respond")
    if kind:
        return RESPONSES[kind]()
    if request.args.get("read") == "stream":
        parts = [request.stream.read(4), request.stream.read()]
        return {"parts": [part.decode() for part in parts]}
    return {
        "is_request": isinstance(request, AMLRequest),
        "method": request.method, "path": request.path, "full_path": request.full_path, "url": request.url,
        "base_url": request.base_url, "host": request.host, "scheme": request.scheme,
        "header": request.headers.get("x-mine"), "headers": sorted(request.headers.keys()),
        "args": request.args.to_dict(flat=False), "form": request.form.to_dict(flat=False),
        "files": {name: [file.filename, base64.b64encode(file.read()).decode(), file.content_type]
                  for name, file in request.files.items()},
        "values": request.values.to_dict(flat=False), "cookies": dict(request.cookies),
        "data": base64.b64encode(request.data).decode(),
        "get_data": base64.b64encode(request.get_data()).decode(),
        "text": request.get_data(as_text=True) if request.args.get("text") else None,
        "json": request.json if request.is_json else None, "get_json": request.get_json(silent=True),
        "forced": request.get_json(force=True, silent=True), "is_json": request.is_json,
        "content_type": request.content_type, "mimetype": request.mimetype, "content_length": request.content_length,
        "query_string": request.query_string.decode(), "remote_addr": request.remote_addr,
    }
"""


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with serving(tmp_path_factory.mktemp("requests"), SCRIPT) as found:
        yield found


def told(worker: Worker, method: str, path: str, body: Any = None, headers: Any = None) -> dict[str, Any]:
    answer = worker.ask(method, path, body, headers)
    assert answer.status == 200, worker.log()[-3:]
    return answer.json()  # type: ignore[no-any-return]


def test_a_json_request(worker: Worker) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8", "X-Mine": "1", "Cookie": "a=1; b=2"}
    found = told(worker, "POST", "/score?q=1&q=%C3%BC&text=1", '{"k": [1, "\u00fc"]}'.encode(), headers)
    address = f"127.0.0.1:{worker.port}"
    assert {
        "is_request": True,
        "method": "POST",
        "path": "/score",
        "full_path": "/score?q=1&q=%C3%BC&text=1",
        "base_url": f"http://{address}/score",
        "host": address,
        "scheme": "http",
        "header": "1",
        "args": {"q": ["1", "\u00fc"], "text": ["1"]},
        "form": {},
        "files": {},
        "values": {"q": ["1", "\u00fc"], "text": ["1"]},
        "cookies": {"a": "1", "b": "2"},
        "text": '{"k": [1, "\u00fc"]}',
        "json": {"k": [1, "\u00fc"]},
        "get_json": {"k": [1, "\u00fc"]},
        "is_json": True,
        "content_type": "application/json; charset=utf-8",
        "mimetype": "application/json",
        "content_length": 16,
        "query_string": "q=1&q=%C3%BC&text=1",
        "remote_addr": "127.0.0.1",
    }.items() <= found.items()
    assert found["url"].startswith(f"http://{address}/score?q=1")
    assert base64.b64decode(found["data"]) == base64.b64decode(found["get_data"]) == '{"k": [1, "\u00fc"]}'.encode()
    assert {"Content-Type", "X-Mine", "Cookie"} <= set(found["headers"])


def test_forms_and_files(worker: Worker) -> None:
    found = told(worker, "POST", "/score?a=0", "a=1&b=2&a=3", {"Content-Type": "application/x-www-form-urlencoded"})
    assert (found["form"], found["values"]) == ({"a": ["1", "3"], "b": ["2"]}, {"a": ["0", "1", "3"], "b": ["2"]})
    body = (
        b'--B\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
        b'--B\r\nContent-Disposition: form-data; name="image"; filename="a b.png"\r\nContent-Type: image/png\r\n\r\n'
        b"\x89PNG\r\n\x00\xff\r\n--B--\r\n"
    )
    found = told(worker, "POST", "/score", body, {"Content-Type": "multipart/form-data; boundary=B"})
    assert found["form"] == {"note": ["hello"]}
    name, content, kind = found["files"]["image"]
    assert (name, base64.b64decode(content), kind) == ("a b.png", b"\x89PNG\r\n\x00\xff", "image/png")


def test_other_bodies(worker: Worker) -> None:
    found = told(worker, "POST", "/score", '{"a": 1}', {"Content-Type": "text/plain"})
    assert (found["is_json"], found["json"], found["get_json"], found["forced"]) == (False, None, None, {"a": 1})
    found = told(worker, "GET", "/score")
    assert (found["data"], found["content_length"] or 0, found["query_string"]) == ("", 0, "")
    head = b"POST /score?read=stream HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked = head + b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"
    with worker.connect() as raw:
        assert raw.send(chunked).answer().json() == {"parts": ["abcd", "ef"]}


@pytest.mark.parametrize(
    ("kind", "status", "body", "content_type", "failed"),
    [
        ("none", 202, b"{}", "application/json", "False"),
        ("text", 200, "\u00fc".encode(), "text/html; charset=utf-8", "False"),
        ("bytes", 200, b"\x00\xff", "image/png", "False"),
        ("json_str", 201, b'{"a":[1,null]}', "application/json", "False"),
        ("json_text", 200, b'"{\\"a\\": 1}"', "application/json", "False"),
        ("failed", 400, b"no", "text/html; charset=utf-8", "True"),
        ("status", 410, b"gone", "text/html; charset=utf-8", "False"),
    ],
)
def test_responses(worker: Worker, kind: str, status: int, body: bytes, content_type: str, failed: str) -> None:
    answer = worker.ask("POST", f"/score?respond={kind}", b"")
    assert (answer.status, answer.body) == (status, body)
    assert answer.header("content-type") == content_type
    assert answer.header("x-ms-run-function-failed") == failed


def test_headers_of_responses(worker: Worker) -> None:
    answer = worker.ask("POST", "/score?respond=headers", b"")
    assert [value for name, value in answer.headers if name == "x-many"] == ["a", "b"]
    assert (answer.header("x-one"), answer.header("cache-control")) == ("1", "no-store")
    assert worker.ask("POST", "/score?respond=cookie", b"").header("set-cookie") == "session=1; HttpOnly; Path=/"


def test_source_directory_and_version_of_the_command(tmp_path: Path) -> None:
    from jupyter_mldeploy.scoring.command_line import _parser, _specification

    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "score.py").write_text("def init(): pass\ndef run(data): return data\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AML_APP_ROOT", str(tmp_path))
        patch.setenv("AZUREML_SOURCE_DIRECTORY", "src")
        patch.setenv("AZUREML_ENTRY_SCRIPT", "score.py")
        patch.setenv("SERVICE_VERSION", "2.5")
        spec = _specification(_parser().parse_args([]))
    assert spec.script_path == tmp_path / "src" / "score.py"
    assert spec.settings.service_version == "2.5"
