"""Who may call: keys, tokens, origins."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from .worker_process import PLAIN, Worker, serving, wait_until

ECHO = PLAIN + "def run(data):\n    return data\n"


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    directory = tmp_path_factory.mktemp("guarded")
    (directory / "keys.json").write_text('{"primary": "first", "secondary": "second"}')
    settings = {
        "keys_file": str(directory / "keys.json"),
        "service_name": "diabetes",
        "cors_origins": ["https://a.com"],
    }
    with serving(directory, ECHO, settings=settings) as worker:
        yield worker


@pytest.mark.parametrize("path", ["/score", "/swagger.json", "/metrics"])
def test_a_key_is_needed(guarded: Worker, path: str) -> None:
    method = "POST" if path == "/score" else "GET"
    for headers in ({}, bearer("wrong"), bearer(""), {"Authorization": "Basic first"}, {"Authorization": "first"}):
        answer = guarded.ask(method, path, None, headers)
        assert (answer.status, answer.header("www-authenticate")) == (401, "Bearer")
        assert "Authorization: Bearer" in answer.message
    for key in ("first", "second"):
        assert guarded.ask(method, path, None, bearer(key)).status == 200


def test_health_page_and_preflight_need_none(guarded: Worker) -> None:
    assert guarded.ask("GET", "/").status == 200
    assert guarded.ask("GET", "/docs").status == 200
    preflight = {"Origin": "https://a.com", "Access-Control-Request-Method": "POST"}
    assert guarded.ask("OPTIONS", "/score", None, preflight).status == 200


def test_large_body_without_key_is_refused_before_it_is_read(guarded: Worker) -> None:
    with guarded.connect() as client:
        client.send(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n")
        answer = client.answer()
        assert (answer.status, answer.header("connection")) == (401, "close")


def test_keys_are_renewed_one_at_a_time(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text('{"primary": "one", "secondary": "two"}')
    with serving(tmp_path, ECHO, settings={"keys_file": str(keys)}) as worker:

        def admitted(key: str) -> bool:
            return worker.ask("POST", "/score", "x", bearer(key)).status == 200

        keys.write_text('{"primary": "three", "secondary": "two"}')
        worker.tell("reload-keys")
        wait_until(lambda: admitted("three"))
        assert (admitted("one"), admitted("two")) == (False, True)
        keys.write_text("{}")
        worker.process.send_signal(signal.SIGHUP)
        worker.wait_for_log(lambda line: "The keys stay as they were" in line["message"])
        assert admitted("three")
        keys.write_text('{"primary": "four"}')
        worker.process.send_signal(signal.SIGHUP)
        wait_until(lambda: admitted("four"))
        assert not admitted("two")
        assert not any(key in json.dumps(worker.log()) for key in ("three", "four"))


def test_keys_from_the_environment_stay_out_of_the_specification(tmp_path: Path) -> None:
    from jupyter_mldeploy.scoring.settings import Settings

    settings = Settings.from_environment({"MLDEPLOY_PRIMARY_KEY": "secret-key"})
    assert "secret-key" not in repr(settings)
    assert "secret-key" not in json.dumps(settings.to_dict())


def test_unusable_key_file_stops_the_start(tmp_path: Path) -> None:
    worker = Worker(tmp_path, ECHO, settings={"keys_file": str(tmp_path / "none.json")})
    try:
        failed = worker.wait_for("failed")
        assert failed["stage"] == "settings"
        assert "none.json" in failed["message"]
        assert worker.wait() == 3
    finally:
        worker.stop()


def test_comparing_keys_does_not_tell_how_much_is_right(guarded: Worker) -> None:
    # No timing here (it would be noise): every key goes through the constant-time comparison, the valid one included.
    from jupyter_mldeploy.scoring import auth
    from jupyter_mldeploy.scoring.exchange import Exchange
    from jupyter_mldeploy.scoring.settings import Settings

    compared: list[bytes] = []

    class Counting:
        digest = auth.hmac.digest

        @staticmethod
        def compare_digest(given: bytes, key: bytes) -> bool:
            compared.append(key)
            return given == key

    ring = auth.KeyRing(Settings(primary_key="one", secondary_key="two"))
    exchange = Exchange(None)
    exchange.headers[b"authorization"] = b"Bearer one"
    original, auth.hmac = auth.hmac, Counting  # type: ignore[assignment]
    try:
        assert ring.admits(exchange)
    finally:
        auth.hmac = original
    assert compared == [b"one", b"two"]


CORS = {"cors_origins": ["https://a.com", "https://*.example.com"]}


@pytest.fixture(scope="module")
def cors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    script = """
from azureml.contrib.services.aml_request import rawhttp
from azureml.contrib.services.aml_response import AMLResponse
def init(): pass
@rawhttp
def run(request):
    own = {"Access-Control-Allow-Origin": "https://script.com"} if request.args else {}
    return AMLResponse(b"x", 200, own)
"""
    with serving(tmp_path_factory.mktemp("cors"), script, settings=CORS) as worker:
        yield worker


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://a.com", True),
        ("HTTPS://A.COM", True),
        ("https://shop.example.com", True),
        ("https://a.com.evil.net", False),
        ("https://evil.net/.example.com", False),
        ("http://a.com", False),
        ("null", False),
    ],
)
def test_origins(cors: Worker, origin: str, allowed: bool) -> None:
    answer = cors.ask("POST", "/score", b"x", {"Origin": origin})
    assert answer.header("access-control-allow-origin") == (origin if allowed else None)
    assert answer.header("vary") == "Origin"


def test_preflight_is_answered_without_the_script(cors: Worker) -> None:
    asked = {
        "Origin": "https://a.com",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,authorization",
    }
    answer = cors.ask("OPTIONS", "/score", None, asked)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.header("access-control-allow-headers") == "content-type, authorization"
    assert answer.header("access-control-allow-methods") == "GET, POST"
    assert cors.ask("OPTIONS", "/score").body == b"x"  # no preflight: the script's own


def test_the_scripts_own_header_wins(cors: Worker) -> None:
    answer = cors.ask("GET", "/score?own=1", None, {"Origin": "https://a.com"})
    values = [value for name, value in answer.headers if name == "access-control-allow-origin"]
    assert values == ["https://script.com"]


def test_every_origin(tmp_path: Path) -> None:
    with serving(tmp_path, ECHO, settings={"cors_origins": ["*"]}) as worker:
        assert worker.ask("GET", "/", None, {"Origin": "https://b.com"}).header("access-control-allow-origin") == "*"
