"""Telemetry, as real receivers get it from real workers; and that it never stands in the way of scoring."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk", reason="opentelemetry-sdk is not installed")

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from jupyter_mldeploy.scoring.telemetry.destinations import choose
from jupyter_mldeploy.scoring.telemetry.outbox import MOST_ITEMS, Outbox
from tests.patience import FACTOR
from tests.ports import free_port

from .otlp_receiver import receiving
from .worker_process import PLAIN, Worker, serving, wait_until

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = CALLER[:-1] + "0"

TALKING = (
    PLAIN.replace("    pass", "    print('from init')")
    + """
import logging
from opentelemetry import trace


def run(data):
    print("printed", data)
    logging.getLogger("mine").warning("careful")
    with trace.get_tracer("script").start_as_current_span("inner"):
        pass
    if data == "bad":
        raise ValueError("no such thing")
    return trace.get_current_span().get_span_context().trace_id.to_bytes(16).hex()
"""
)


def otlp(url: str, **more: str) -> dict[str, str]:
    times = {"OTEL_EXPORTER_OTLP_TIMEOUT": "1", "OTEL_BSP_SCHEDULE_DELAY": "50"}
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": url, **times, **more}


def on(**settings: Any) -> dict[str, Any]:
    return {"app_insights_enabled": True, "service_name": "svc", **settings}


def test_a_request_is_a_span_with_v1s_names_below_the_callers(tmp_path: Path) -> None:
    with (
        receiving() as receiver,
        serving(
            tmp_path,
            TALKING,
            settings=on(),
            revision="7",
            worker_id=2,
            environment=otlp(receiver.url, WORKSPACE_NAME="ws", HOSTNAME="box", OTEL_RESOURCE_ATTRIBUTES="team=blue"),
        ) as worker,
    ):
        headers = {"traceparent": CALLER, "x-request-id": "r-1", "x-ms-client-request-id": "c-1", "User-Agent": "tests"}
        answer = worker.ask("POST", "/score?secret=1", "x", headers)
        assert answer.json() == CALLER[3:35], "run() finds the caller's trace current"
        request, run, inner = (receiver.span(name) for name in ("POST /score", "run()", "inner"))
    assert {span.trace_id for span in (request, run, inner)} == {CALLER[3:35]}
    assert (request.parent_id, run.parent_id, inner.parent_id) == (CALLER[36:52], request.span_id, run.span_id)
    assert (request.kind, run.kind) == (2, 1)
    assert request.seconds >= run.seconds >= inner.seconds > 0
    told = request.attributes
    assert {
        "Container Id": "box",
        "Request Id": "r-1",
        "Client Request Id": "c-1",
        "Response Value": json.dumps(CALLER[3:35]),
        "name": "/score",
        "url": f"http://127.0.0.1:{worker.port}/score",
        "resultCode": "200",
        "success": True,
        "http_method": "POST",
        "Workspace Name": "ws",
        "Service Name": "svc",
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "user_agent.original": "tests",
    }.items() <= told.items()
    assert told["start_time"].endswith("Z")
    assert told["duration"].startswith("00:00:0")
    assert {
        "service.name": "svc",
        "service.version": "7",
        "mldeploy.revision": "7",
        "mldeploy.worker": 2,
        "team": "blue",
    }.items() <= request.resource.items()
    assert "secret" not in repr(receiver.spans), "queries are not told"


def test_log_lines_carry_request_and_trace_and_exceptions_their_traceback(tmp_path: Path) -> None:
    with receiving() as receiver, serving(tmp_path, TALKING, settings=on(), environment=otlp(receiver.url)) as worker:
        answer = worker.ask("POST", "/score", "bad", {"x-request-id": "r-2"})
        assert answer.status == 500
        run = receiver.span("run()")
        request = receiver.span("POST /score", resultCode="500")
        printed, logged, failed, started = (
            receiver.record(text) for text in ("printed bad", "careful", "run() failed", "from init")
        )
        worker.ask("POST", "/nope", "x")
        assert receiver.span("POST", resultCode="404").attributes["success"] is False
    assert (printed.logger, printed.level, printed.attributes["log.iostream"]) == ("azmlinfsrv.print", "INFO", "stdout")
    assert (logged.logger, logged.level) == ("mine", "WARNING")
    for record in (printed, logged, failed):
        assert (record.trace_id, record.span_id) == (run.trace_id, run.span_id)
        assert record.attributes["Request Id"] == "r-2"
    assert (started.trace_id, started.attributes["Request Id"]) == ("", "")
    assert failed.attributes["exception.type"] == "ValueError"
    assert failed.attributes["exception.message"] == "no such thing"
    assert 'raise ValueError("no such thing")' in failed.attributes["exception.stacktrace"]
    assert "telemetry" not in failed.attributes["exception.stacktrace"], "frames of the server's own are left out"
    ((name, event),) = request.events
    assert (name, event["exception.type"]) == ("exception", "ValueError")
    assert (request.status, run.status, request.attributes["success"]) == (2, 2, False)


def test_what_the_caller_does_not_sample_is_not_told_and_responses_only_where_wanted(tmp_path: Path) -> None:
    settings = on(log_response=False)
    with (
        receiving() as receiver,
        serving(tmp_path, TALKING, settings=settings, environment=otlp(receiver.url)) as worker,
    ):
        assert worker.ask("POST", "/score", "x", {"traceparent": UNSAMPLED}).json() == CALLER[3:35]
        worker.ask("GET", "/")
        worker.ask("GET", "/metrics")
        worker.ask("POST", "/score", "last", {"x-request-id": "last"})
        told = receiver.span("POST /score", **{"Request Id": "last"})
    assert "Response Value" not in told.attributes
    assert {span.name for span in receiver.spans} == {"POST /score", "run()", "inner"}
    assert len(receiver.spans) == 3


ASYNC = """
from opentelemetry import trace

def init():
    pass

def ident():
    return trace.get_current_span().get_span_context().trace_id.to_bytes(16).hex()

async def run(data):
    return ident()
"""
PARTS = ASYNC.replace(
    "async def run(data):\n    return ident()", "def run(data):\n    yield ident()\n    yield ident()"
)
ASYNC_PARTS = PARTS.replace("def run", "async def run")


@pytest.mark.parametrize(
    ("script", "times"), [(ASYNC, 1), (PARTS, 2), (ASYNC_PARTS, 2)], ids=["async", "parts", "both"]
)
def test_every_kind_of_run_finds_its_trace(tmp_path: Path, script: str, times: int) -> None:
    with receiving() as receiver, serving(tmp_path, script, settings=on(), environment=otlp(receiver.url)) as worker:
        body = worker.ask("POST", "/score", "x", {"traceparent": CALLER}).body
        assert body.decode().count(CALLER[3:35]) == times
        assert CALLER[3:35] not in worker.ask("POST", "/score", "x").body.decode(), "the next request has its own"
        assert receiver.span("POST /score").trace_id == CALLER[3:35]


def test_scored_requests_are_told_with_models_input_and_prediction_where_data_is_collected(tmp_path: Path) -> None:
    (tmp_path / "azureml-models" / "ridge" / "3").mkdir(parents=True)
    environment = {"AML_MODEL_DC_STORAGE_ENABLED": "true", "AML_MODEL_DC_STORAGE": str(tmp_path / "data")}
    script = PLAIN + "def run(data):\n    return [1, 2]\n"
    with (
        receiving() as receiver,
        serving(
            tmp_path,
            script,
            settings=on(log_response=False),
            model_dir="azureml-models/ridge/3",
            environment=otlp(receiver.url, **environment),
        ) as worker,
    ):
        worker.ask("POST", "/score", '{"a": 1}')
        told = receiver.record("model_data_collection").attributes
    assert (told["Models"], told["Input"], told["Prediction"]) == ('["ridge:3"]', '{"a": 1}', "[1,2]")
    assert all("Response Value" not in span.attributes for span in receiver.spans)


def test_a_failed_start_is_told(tmp_path: Path) -> None:
    with receiving() as receiver:
        script = "def init():\n    open('/nowhere/model.pkl')\n\ndef run(data):\n    return 1\n"
        worker = Worker(tmp_path, script, settings=on(), environment=otlp(receiver.url))
        try:
            assert worker.wait() == 3
        finally:
            worker.stop()
        failed = receiver.record("The service cannot start (init)").attributes
    assert failed["exception.type"] == "FileNotFoundError"
    assert "open('/nowhere/model.pkl')" in failed["exception.stacktrace"]


# ---- it never stands in the way


def test_a_receiver_that_never_answers_costs_no_request_and_no_drain(tmp_path: Path) -> None:
    longest = int(30 * FACTOR)
    with (
        receiving(answering=False) as receiver,
        serving(
            tmp_path, TALKING, settings=on(), environment=otlp(receiver.url, OTEL_EXPORTER_OTLP_TIMEOUT=str(longest))
        ) as worker,
    ):
        assert worker.ask("POST", "/score", "x").status == 200
        assert receiver.called.wait(20 * FACTOR)
        answers = [worker.ask("POST", "/score", "x").status for _ in range(300)]
        assert answers == [200] * 300
        assert not receiver.spans, "all of them while the exporter hung"
        started = time.monotonic()
        worker.tell("drain", deadline_s=5)
        assert worker.wait() == 0
        assert time.monotonic() - started < longest / 3, "the exporter's own time"


def test_a_receiver_that_is_not_there_or_refuses_is_told_once(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with serving(tmp_path / "a", TALKING, settings=on(), environment=otlp(url)) as worker:
            assert worker.ask("POST", "/score", "x").status == 200
            line = worker.wait_for_log(lambda line: "Telemetry: " in line["message"])
            assert "were not sent to otlp" in line["message"]
            assert worker.ask("POST", "/score", "x").status == 200
            assert {item["logger"] for item in worker.log()} <= {
                "azmlinfsrv.print",
                "mine",
                "access",
                "mldeploy.scoring",
            }
    with receiving() as receiver:
        receiver.status = 400
        with serving(tmp_path / "b", TALKING, settings=on(), environment=otlp(receiver.url)) as worker:
            assert worker.ask("POST", "/score", "x").status == 200
            worker.wait_for_log(lambda line: "were not sent to otlp" in line["message"])


def test_what_cannot_be_set_up_costs_telemetry_not_the_service(tmp_path: Path) -> None:
    settings = on(telemetry=["nobody", "file"])
    with serving(tmp_path, PLAIN + "def run(data):\n    return data\n", settings=settings) as worker:
        for words in (
            "no exporter of traces called 'nobody' is installed",
            "MLDEPLOY_TELEMETRY_DIRECTORY does not say where",
        ):
            worker.wait_for_log(lambda line, words=words: words in line["message"])
        assert worker.score(1).status == 200


def test_without_the_library_the_service_serves_and_says_what_to_install(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden" / "opentelemetry"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('no opentelemetry here')")
    environment = {"PYTHONPATH": f"{hidden.parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    script = PLAIN + "def run(data):\n    return data\n"
    with serving(tmp_path / "app", script, settings=on(), environment=environment) as worker:
        worker.wait_for_log(lambda line: "Add jupyter_mldeploy[otel]" in line["message"])
        assert worker.score(1).status == 200


def test_a_propagator_that_raises_fails_no_request(tmp_path: Path) -> None:
    script = TALKING.replace(
        "def run(data):",
        """from opentelemetry.propagate import set_global_textmap
class Broken:
    fields = {"traceparent"}
    def extract(self, *_, **__):
        raise RuntimeError("broken")
    def inject(self, *_, **__):
        raise RuntimeError("broken")
set_global_textmap(Broken())

def run(data):""",
    )
    with receiving() as receiver, serving(tmp_path, script, settings=on(), environment=otlp(receiver.url)) as worker:
        assert worker.ask("POST", "/score", "x", {"traceparent": CALLER}).status == 200
        worker.wait_for_log(lambda line: "items were not sent to otlp" in line["message"])


def test_switched_off_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    script = PLAIN + "import sys\ndef run(data):\n    return [name for name in sys.modules if data in name]\n"
    with serving(tmp_path, script, environment=otlp("http://127.0.0.1:9")) as worker:
        assert worker.ask("POST", "/score", "opentelemetry").json() == []
        assert worker.ask("POST", "/score", "telemetry").json() == []


def test_the_outbox_is_bounded_and_counts_what_it_drops() -> None:
    box = Outbox("nowhere", lambda items: False)
    for number in range(MOST_ITEMS + 5):
        box.put(number, 10)
    assert box.lost == 5
    big = Outbox("nowhere", lambda items: False)
    for _ in range(20):
        big.put(b"", 2**20)
    assert big.lost == 4
    sent: list[int] = []

    def fail_first(items: Any) -> bool:
        if not sent and 0 in items:
            sent.append(-1)
            raise OSError("full")
        sent.extend(items)
        return True

    good = Outbox("somewhere", fail_first)
    for number in range(1000):
        good.put(number, 1)
    good.start()
    good.stop()
    assert good.join(10 * FACTOR)
    assert len(sent) in (1, 1 + 1000 - 512)


# ---- where to


def test_files_hold_otlp_json_that_several_workers_share(tmp_path: Path) -> None:
    from google.protobuf.json_format import Parse

    folder = tmp_path / "told"
    settings = on(telemetry=["file"], telemetry_directory=str(folder))
    with (
        serving(tmp_path / "a", TALKING, settings=settings, worker_id=1) as first,
        serving(tmp_path / "b", TALKING, settings=settings, worker_id=2) as second,
    ):
        first.ask("POST", "/score", "x", {"traceparent": CALLER})
        second.ask("POST", "/score", "x")

        def told(file: str, text: str) -> int:
            return (folder / file).read_text().count(text) if (folder / file).exists() else 0

        wait_until(lambda: told("traces.jsonl", '"POST /score"') == 2 == told("logs.jsonl", '"printed x"'))
    lines = (folder / "traces.jsonl").read_text().splitlines()
    workers = set()
    for line in lines:
        document = json.loads(line)
        for group in document["resourceSpans"]:
            found = {item["key"]: item["value"] for item in group["resource"]["attributes"]}
            workers.add(found["mldeploy.worker"]["intValue"])
            for scope in group["scopeSpans"]:
                for span in scope["spans"]:
                    assert (len(span["traceId"]), len(span["spanId"])) == (32, 16)
                    span.pop("traceId"), span.pop("spanId"), span.pop("parentSpanId", None)
        Parse(json.dumps(document), ExportTraceServiceRequest())
    assert workers == {"1", "2"}
    assert CALLER[3:35] in (folder / "traces.jsonl").read_text()
    logs = (folder / "logs.jsonl").read_text()
    assert "printed x" in logs
    for line in logs.splitlines():
        document = json.loads(line)
        assert document.keys() == {f.json_name for f in ExportLogsServiceRequest.DESCRIPTOR.fields}


def test_full_files_make_room(tmp_path: Path) -> None:
    from jupyter_mldeploy.scoring.telemetry.files import LineFile

    first, second = (LineFile(tmp_path / "t.jsonl", most_bytes=100) for _ in range(2))
    for number in range(12):
        (first if number % 2 else second).append(b"%029d\n" % number)
    kept = (tmp_path / "t.1.jsonl").read_text().split() + (tmp_path / "t.jsonl").read_text().split()
    assert [int(line) for line in kept] == list(range(6, 12))
    assert {path.name for path in tmp_path.iterdir()} == {"t.jsonl", "t.1.jsonl"}


def test_application_insights_gets_requests_exceptions_and_traces(tmp_path: Path) -> None:
    pytest.importorskip("azure.monitor.opentelemetry.exporter", reason="the azure-monitor extra is not installed")
    key = "00000000-0000-0000-0000-0000000000ab"
    with receiving() as receiver:
        connection = f"InstrumentationKey={key};IngestionEndpoint={receiver.url}/"
        environment = {"APPLICATIONINSIGHTS_CONNECTION_STRING": connection, "OTEL_BSP_SCHEDULE_DELAY": "50"}
        with serving(tmp_path, TALKING, settings=on(), environment=environment) as worker:
            worker.ask("POST", "/score", "bad", {"x-request-id": "r-9"})

            def kinds() -> dict[str, Any]:
                found = {item["data"]["baseType"]: item for item in list(receiver.envelopes)}
                return found if found.keys() >= {"RequestData", "ExceptionData", "MessageData"} else {}

            rows = wait_until(kinds)
            text = worker.log_path.read_text() + worker.stderr_path.read_text()
    assert all(item["iKey"] == key for item in receiver.envelopes)
    request = rows["RequestData"]["data"]["baseData"]
    assert (request["responseCode"], request["success"]) == ("500", False)
    assert request["properties"]["Request Id"] == "r-9"
    assert request["properties"]["Service Name"] == "svc"
    assert key not in text


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ()),
        ({"APPINSIGHTS_INSTRUMENTATIONKEY": "k"}, ("azure-monitor",)),
        ({"AML_APP_INSIGHTS_KEY": "k", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, ("azure-monitor", "otlp")),
        ({"MLDEPLOY_TELEMETRY_DIRECTORY": "/d"}, ("file",)),
        ({"MLDEPLOY_TELEMETRY_DIRECTORY": "/d", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://x"}, ("otlp",)),
        ({"MLDEPLOY_TELEMETRY": "otlp, file", "MLDEPLOY_TELEMETRY_DIRECTORY": "/d"}, ("otlp", "file")),
        ({"MLDEPLOY_TELEMETRY": "azure-monitor"}, ()),
    ],
)
def test_the_environment_says_where_to(environment: dict[str, str], expected: tuple[str, ...]) -> None:
    from jupyter_mldeploy.scoring.settings import Settings

    chosen = choose(Settings.from_environment(environment), environment)
    assert chosen.names == expected
    assert bool(chosen.problem) == (not expected)
    assert "'k'" not in repr(chosen)


def test_the_command_takes_v1s_argument_and_its_key_is_nowhere_to_be_read(tmp_path: Path) -> None:
    """``--appinsights_instrumentation_key`` with v1's switch, as old containers start it."""
    (tmp_path / "score.py").write_text(PLAIN + "def run(data):\n    return data\n")
    port = free_port()
    program = [sys.executable, "-m", "jupyter_mldeploy.scoring", "--entry_script", "score.py", "--port", str(port)]
    environment = {**os.environ, "AML_APP_INSIGHTS_ENABLED": "true", "MLDEPLOY_TELEMETRY": "file"}
    environment["MLDEPLOY_TELEMETRY_DIRECTORY"] = str(tmp_path / "told")
    log = tmp_path / "log.txt"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*program, "--appinsights_instrumentation_key", "the-key"],
            cwd=tmp_path, stdout=out, stderr=out, env=environment,
        )  # fmt: skip
    try:
        connection = wait_until(lambda: _answers(port))
        assert connection == b"Healthy"
        assert _score(port) == b'"x"'
    finally:
        process.terminate()
        process.wait(20 * FACTOR)
    assert '"POST /score"' in (tmp_path / "told" / "traces.jsonl").read_text()
    assert "the-key" not in log.read_text() + (tmp_path / "told" / "traces.jsonl").read_text()


def _answers(port: int) -> bytes | None:
    import urllib.request

    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5 * FACTOR) as answer:
            return bytes(answer.read())
    except OSError:
        return None


def _score(port: int) -> bytes:
    import urllib.request

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/score", data=b"x", timeout=5 * FACTOR) as answer:
        return bytes(answer.read())
