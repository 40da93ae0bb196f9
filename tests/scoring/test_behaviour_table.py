"""Every recorded answer of azureml-inference-server-http 1.5.1, asked for again here.

An answer may differ from the recorded one only as ``ACCEPTED`` says; docs/scoring-server.md lists the same differences.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .v1_scripts import DECORATED, MULTI, RAWHTTP, UNDECORATED
from .worker_process import Answer, Worker, listen

VALID = (
    b'{"data": [[0.038075906433423026, 0.05068011873981862, 0.061696206518683294, 0.0218723855140367, '
    b"-0.04422349842444599, -0.03482076283769895, -0.04340084565202491, -0.002592261998183278, 0.019907486170462722, "
    b"-0.01764612515980379], [-0.0018820165277906047, -0.044641636506989144, -0.051474061238800654, "
    b"-0.02632752814785296, -0.008448724111216851, -0.019163339748222204, 0.07441156407875721, -0.03949338287409329, "
    b"-0.0683315470939731, -0.092204049626824]]}"
)
TABLE = Path(__file__).parents[3] / "shared" / "reference" / "scoring-behaviour.json"
ROWS: list[dict[str, Any]] = json.loads(TABLE.read_bytes()) if TABLE.exists() else []

pytestmark = pytest.mark.skipif(not ROWS, reason="the recorded answers are not here")

SERVED: dict[str, tuple[str, dict[str, Any]]] = {
    "decorated": (DECORATED, {}),
    "undecorated (SCORING_TIMEOUT_MS=500)": (UNDECORATED, {"scoring_timeout_ms": 500}),
    "rawhttp": (RAWHTTP, {}),
    "multi-arg+request_headers": (MULTI, {}),
    "CORS + version header off": (
        DECORATED,
        {
            "cors_origins": ["http://a.com", "http://b.com"],
            "server_version_header": False,
            "service_name": "svc",
            "service_version": "9.9",
            "service_path_prefix": "pre/fix",
        },
    ),
    "SEPERATE_HEALTH_ENDPOINT=true": (DECORATED, {}),
    "startup": ("", {}),
}

# (configuration, case) → status and message here. All of them used to be 500: for what the caller did wrong, or for
# what nobody did wrong.
ACCEPTED: dict[tuple[str, str], tuple[int, str]] = {
    # What does not fit the schema: 400, naming the place.
    ("decorated", "data null"): (400, "At $.data: expected"),
    ("decorated", "wrong dtype: strings"): (400, "$.data"),
    ("decorated", "wrong width (3 cols)"): (400, "$.data"),
    ("decorated", "ragged"): (400, "$.data"),
    ("decorated", "1-D"): (400, "$.data"),
    ("decorated", "scalar"): (400, "$.data"),
    ("decorated", "hftransformersv2 dict as data"): (400, "$.data"),
    ("decorated", "invalid utf8"): (400, "could not be decoded as JSON"),
    ("multi-arg+request_headers", "wrong type"): (400, "$.a"),
    # A compressed body is read.
    ("decorated", "gzip body"): (200, ""),
    # `?b=7` for a text parameter is the text "7".
    ("multi-arg+request_headers", "GET b numeric"): (200, ""),
    # The body reaches a run() without decorators whatever it is declared as.
    ("undecorated (SCORING_TIMEOUT_MS=500)", "form content type"): (200, ""),
    # Arrays are written as JSON.
    ("undecorated (SCORING_TIMEOUT_MS=500)", "run: np"): (200, ""),
    # sys.exit() in run() fails its own request like any exception, and the worker lives on.
    ("undecorated (SCORING_TIMEOUT_MS=500)", "run: exit"): (500, "An unexpected error occurred in scoring script."),
}

# The recorder's port and the type's name (Flask hands out a proxy) in what a script says of its request.
REPLACED = {"http://127.0.0.1:5102": "http://HOST", '"LocalProxy"': '"AMLRequest"'}


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Worker]]:
    started: dict[str, Worker] = {}
    for name, (script, settings) in SERVED.items():
        if script:
            directory = tmp_path_factory.mktemp("table")
            started[name] = Worker(directory, script, settings=settings)
    try:
        for worker in started.values():
            worker.go()
        yield started
    finally:
        for worker in started.values():
            worker.stop()


def name_of(row: dict[str, Any]) -> str:
    return f"{row['cfg']}: {row['label']}"


@pytest.mark.parametrize("row", [row for row in ROWS if row["cfg"] != "startup"], ids=name_of)
def test_row(row: dict[str, Any], workers: dict[str, Worker]) -> None:
    worker = workers[row["cfg"]]
    answer = worker.ask(row["method"], row["path"], body_of(row), row["reqh"])
    check_answer(answer, row, worker.port)


def check_answer(answer: Answer, row: dict[str, Any], port: int) -> None:
    """Check our answer against the original's, which is in the row."""
    accepted = ACCEPTED.get((row["cfg"], row["label"]))
    if accepted is not None:
        status, text = accepted
        assert row["status"] == 500, "only what used to fail may differ"
        assert answer.status == status
        assert text in answer.body.decode()
        return
    assert answer.status == row["status"]
    assert same_body(answer, row, port)
    assert told(answer.headers) == told([(name.lower(), value) for name, value in row["headers"]])


def body_of(row: dict[str, Any]) -> bytes | None:
    """Return the request's body: the recording keeps its first 120 characters."""
    if row["req"] is None:
        return None
    special = {
        "BOM": b"\xef\xbb\xbf" + VALID,
        "utf-16 body": VALID.decode().encode("utf-16"),
        "gzip body": gzip.compress(VALID),
        "extra key": VALID[:-1] + b', "more": 1}',
        "chunked": b"%x\r\n%b\r\n0\r\n\r\n" % (len(VALID), VALID),
        "info multipart": row["req"].encode() + b"\n",
        "1MiB echo": random.Random(1).randbytes(1024 * 1024),
    }.get(row["label"])
    if special is not None:
        return special
    return VALID if len(row["req"]) == 120 else row["req"].encode("latin-1")


def same_body(answer: Answer, row: dict[str, Any], port: int) -> bool:
    ours = answer.body.decode("utf-8", "replace").replace(f"http://127.0.0.1:{port}", "http://HOST")
    theirs: str = row["body"]
    for old, new in REPLACED.items():
        theirs = theirs.replace(old, new)
    if (
        row["blen"] > len(row["body"].encode("utf-8", "replace"))
        and answer.header("content-type") == "application/json"
    ):
        # The recording holds the beginning of the document only.
        return ours.startswith(theirs[:300])
    try:
        # Compact, in UTF-8, and null for what JSON has no number for (NaN): the same values.
        return plain(json.loads(ours)) == plain(json.loads(theirs)) and len(answer.body) <= row["blen"]
    except ValueError:
        return ours == theirs or len(answer.body) == row["blen"]


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return None if value != value else value


def told(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the headers that must be equal; of ids and times only that they are there."""
    ours = {"server", "date", "connection", "content-length", "allow", "access-control-expose-headers"}
    kept = []
    for name, value in headers:
        if name in ours:
            continue
        if name in ("x-ms-run-fn-exec-ms", "x-ms-server-version") or (name.endswith("-id") and len(value) == 36):
            kept.append((name, "…"))
        elif name == "vary":
            continue  # sent to every origin here, so that caches cannot mix answers up
        else:
            kept.append((name, value))
    return sorted(kept)


@pytest.mark.parametrize("row", [row for row in ROWS if row["cfg"] == "startup"], ids=lambda row: row["label"])
def test_startup_failure(row: dict[str, Any], tmp_path: Path) -> None:
    scripts: dict[str, Any] = {
        "initfail": "def init():\n    raise ValueError('told to')\n\n\ndef run(data):\n    return data\n",
        "importfail": "import no_such_module\n",
        "noinit": "def run(data):\n    return data\n",
        "nofile": tmp_path / "missing.py",
    }
    worker = Worker(tmp_path, scripts[row["label"]], listening=listen())
    try:
        worker.wait_for("failed")
        assert worker.wait() == row["exit"]
    finally:
        worker.stop()
