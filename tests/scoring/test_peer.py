"""The original server beside ours, in this run: the same requests, the same answers, or a documented improvement.

``MLDEPLOY_BENCH_PEER`` is the virtual environment of azureml-inference-server-http.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.scoring.settings import Settings
from tests.patience import FACTOR
from tests.ports import free_port

from .test_behaviour_table import REPLACED, ROWS, SERVED, VALID, body_of, check_answer, name_of
from .worker_process import Answer, Worker, ask_on, wait_until

PEER = os.environ.get("MLDEPLOY_BENCH_PEER", "")
SCRIPTS = {name: served for name, served in SERVED.items() if served[0]}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not PEER, reason="MLDEPLOY_BENCH_PEER names no environment of the original server"),
]

JSON = {"Content-Type": "application/json"}
TEN = b"[1,2,3,4,5,6,7,8,9,10]"

#: Requests that nobody recorded: (configuration, what it is) → method, path, body, headers.
MORE: dict[tuple[str, str], tuple[str, str, bytes | None, dict[str, str]]] = {
    **{
        ("decorated", what): ("POST", "/score", body, JSON)
        for what, body in {
            "white space": b"  \n\t" + VALID + b"\r\n ",
            "trailing garbage": VALID + b"x",
            "two documents": VALID + VALID,
            "comment": b'{"data": [' + TEN + b"] /* no */}",
            "single quotes": VALID.replace(b'"', b"'"),
            "trailing comma": b'{"data": [' + TEN + b",]}",
            "empty object": b"{}",
            "white space alone": b"   ",
            "number": b"5",
            "text": b'"data"',
            "true": b"true",
            "exponents": b'{"data": [[1e0,2E+0,3e-0,4,5,6,7,8,9,10]]}',
            "beyond a double": b'{"data": [[1e400,2,3,4,5,6,7,8,9,10]]}',
            "huge integer": b'{"data": [[123456789012345678901234567890,2,3,4,5,6,7,8,9,10]]}',
            "leading zero": b'{"data": [[01,2,3,4,5,6,7,8,9,10]]}',
            "plus sign": b'{"data": [[+1,2,3,4,5,6,7,8,9,10]]}',
            "escaped key": b'{"d\\u0061ta": [' + TEN + b"]}",
            "zero character in a key": b'{"data": [' + TEN + b'], "data\\u0000": 1}',
            "lone surrogate": b'{"data": [' + TEN + b'], "x": "\\ud800"}',
            "wrong case": b'{"Data": [' + TEN + b"]}",
            "3-D": b'{"data": [[' + TEN + b"]]}",
            "too wide": b'{"data": [[1,2,3,4,5,6,7,8,9,10,11]]}',
            "dictionaries": b'{"data": [{"a": 1}]}',
            "deep": b'{"data": ' + b"[" * 500 + b"]" * 500 + b"}",
            "very deep": b'{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            "control character": b'{"data": [' + TEN + b'], "x": "\x01"}',
            "many rows": b'{"data": [' + b",".join([TEN] * 200) + b"]}",
        }.items()
    },
    ("decorated", "GET, encoded"): ("GET", "/score?data=%5B" + TEN.decode() + "%5D", None, {}),
    ("decorated", "GET, not JSON"): ("GET", "/score?data=abc", None, {}),
    ("decorated", "GET, twice"): ("GET", "/score?data=[[1]]&data=[" + TEN.decode() + "]", None, {}),
    ("decorated", "encoded path"): ("POST", "/%73core", VALID, JSON),
    ("decorated", "upper-case path"): ("POST", "/SCORE", VALID, JSON),
    ("decorated", "upper-case media type"): ("POST", "/score", VALID, {"Content-Type": "Application/JSON"}),
    ("decorated", "text/json"): ("POST", "/score", VALID, {"Content-Type": "text/json"}),
    ("undecorated (SCORING_TIMEOUT_MS=500)", "GET, plus and percent"): (
        "GET",
        "/score?mode=a+b%20c&%C3%A9=%C3%BC",
        None,
        {},
    ),
    ("undecorated (SCORING_TIMEOUT_MS=500)", "GET, empty value"): ("GET", "/score?mode=&x", None, {}),
    ("undecorated (SCORING_TIMEOUT_MS=500)", "white space"): ("POST", "/score", b'  {"mode":"x"}\n', JSON),
    ("undecorated (SCORING_TIMEOUT_MS=500)", "BOM"): ("POST", "/score", b'\xef\xbb\xbf{"mode":"x"}', JSON),
    ("undecorated (SCORING_TIMEOUT_MS=500)", "unicode"): ("POST", "/score", '{"mode":"é"}'.encode(), JSON),
    ("multi-arg+request_headers", "null for an optional"): ("POST", "/score", b'{"a":1,"b":null}', JSON),
    ("multi-arg+request_headers", "float for an integer"): ("POST", "/score", b'{"a":1.5}', JSON),
    ("multi-arg+request_headers", "flag for an integer"): ("POST", "/score", b'{"a":true}', JSON),
    ("multi-arg+request_headers", "repeated header"): ("POST", "/score", b'{"a":1}', {**JSON, "X-Foo": "1,2"}),
    ("rawhttp", "text"): ("POST", "/score?m=info", "é".encode(), {"Content-Type": "text/plain; charset=utf-8"}),
    ("rawhttp", "repeated query"): ("POST", "/score?m=info&q=1&q=2", b"", {"Content-Type": "text/plain"}),
    ("rawhttp", "cookies"): ("POST", "/score?m=info", b"{}", {**JSON, "Cookie": "a=b; c=d"}),
    ("rawhttp", "host"): ("POST", "/score?m=info", b"{}", {**JSON, "Host": "example.org"}),
}


ANY_RESPONSE = {("rawhttp", "m=flask"), ("rawhttp", "m=gen")}


class Peer:
    """The original server with one script."""

    def __init__(self, directory: Path, script: str, settings: dict[str, Any]) -> None:
        (directory / "score.py").write_text(script)
        ports = [free_port(), free_port()]
        variables = {item.name: item.metadata["env"] for item in fields(Settings)}
        told = {
            variables[name]: ",".join(value) if isinstance(value, list) else str(value).lower()
            for name, value in settings.items()
        }
        self.port = ports[0]
        command = [f"{PEER}/bin/azmlinfsrv", "--entry_script", "score.py", "--port", str(ports[0])]
        with (directory / "peer.log").open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--health_port", str(ports[1])],
                cwd=directory, env={**os.environ, "AML_APP_ROOT": str(directory), **told}, stdout=log, stderr=log,
            )  # fmt: skip

    def ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20 * FACTOR)
        try:
            return ask_on(connection, method, path, body, headers)
        finally:
            connection.close()

    def is_up(self) -> bool:
        assert self.process.poll() is None, "the original server has ended"
        with suppress(OSError, http.client.HTTPException):
            answer = self.ask("GET", "/", None, {})
            assert answer.header("server") != "mldeploy", "another server has the original's port"
            return answer.status == 200
        return False

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20 * FACTOR)


Pairs = dict[str, tuple[Peer, Worker]]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pairs]:
    started: Pairs = {}
    try:
        for name, (script, settings) in SCRIPTS.items():
            peer = Peer(tmp_path_factory.mktemp("theirs"), script, settings)
            worker = Worker(tmp_path_factory.mktemp("ours"), script, settings=settings)
            started[name] = peer, worker
            worker.wait_for("ready", 120 * FACTOR)
            worker.tell("go")
            wait_until(peer.is_up, 120 * FACTOR)
        yield started
    finally:
        for peer, worker in started.values():
            peer.stop()
            worker.stop()


@pytest.mark.parametrize("row", [row for row in ROWS if row["cfg"] in SCRIPTS], ids=name_of)
def test_recorded_request(row: dict[str, Any], pairs: Pairs) -> None:
    peer, worker = pairs[row["cfg"]]
    request = row["method"], row["path"], body_of(row), row["reqh"]
    ours, theirs = worker.ask(*request), as_row(row["cfg"], row["label"], peer, request)
    if b'"openapi": "3' in ours.body:
        here, there = without_bounds(ours.json()), without_bounds(json.loads(theirs["body"]))
        if here["components"]["schemas"]["ServiceOutput"] == {}:  # nothing is known of the result; there: an object
            del here["components"]["schemas"]["ServiceOutput"], there["components"]["schemas"]["ServiceOutput"]
        assert here == there
    elif (row["cfg"], row["label"]) in ANY_RESPONSE:
        # The recorded script made a Flask response; this one a Werkzeug response, which the original does not know.
        assert (ours.status, theirs["status"]) == (row["status"], 500)
    else:
        check_answer(ours, theirs, worker.port)


def without_bounds(document: Any) -> Any:
    """Leave out what our documents say beyond the original's: what is required, and the sizes of arrays."""
    if isinstance(document, dict):
        more = {"required", "minItems", "maxItems"}
        return {key: without_bounds(value) for key, value in document.items() if key not in more}
    return [without_bounds(item) for item in document] if isinstance(document, list) else document


@pytest.mark.parametrize("case", MORE, ids=lambda case: ": ".join(case))
def test_further_request(case: tuple[str, str], pairs: Pairs) -> None:
    peer, worker = pairs[case[0]]
    request = MORE[case]
    ours, row = worker.ask(*request), as_row(*case, peer, request)
    if row["status"] == 500 and ours.status == 400:  # what the caller did wrong is said so, here
        assert len(ours.message) > 20
        return
    check_answer(ours, row, worker.port)


def as_row(cfg: str, label: str, peer: Peer, request: tuple[str, str, bytes | None, dict[str, str]]) -> dict[str, Any]:
    """Ask the original, and write its answer down as a recorded one."""
    answer = peer.ask(*request)
    body = answer.body.decode("utf-8", "replace").replace(f"127.0.0.1:{peer.port}", "127.0.0.1:5102")
    assert next(iter(REPLACED)).endswith("127.0.0.1:5102")
    return {
        "cfg": cfg,
        "label": label,
        "status": answer.status,
        "headers": answer.headers,
        "body": body,
        "blen": len(body.encode()),
    }
