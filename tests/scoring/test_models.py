"""Several models in one service: choosing, loading once, letting go, figures."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.scoring import models as module
from jupyter_mldeploy.scoring.exchange import Exchange
from jupyter_mldeploy.scoring.models import ModelChoiceError, ModelPool
from jupyter_mldeploy.scoring.print_capture import current_request
from tests.patience import FACTOR

from .worker_process import serving

MIB = 2**20


@pytest.fixture(autouse=True)
def _memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "resident_bytes", lambda _: 0)  # sizes are those on disk
    yield
    gc.collect()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AML_APP_ROOT", str(tmp_path))
    for name, version, size in (("a", 2, 1), ("a", 10, 1), ("b", 1, 1), ("c", 1, 2)):
        folder = tmp_path / "azureml-models" / name / str(version)
        folder.mkdir(parents=True)
        (folder / "model.bin").write_bytes(name.encode() * (size * MIB))
    return tmp_path / "azureml-models"


def load(path: Path) -> str:
    return "/".join(path.parts[-3:-1])


def request(query: bytes = b"", header: bytes = b"") -> Exchange:
    exchange = Exchange(None)
    exchange.query = query
    if header:
        exchange.headers[b"x-mldeploy-model"] = header
    return exchange


def choose(pool: ModelPool, exchange: Exchange) -> Any:
    token = current_request.set(exchange)
    try:
        return pool.chosen()
    finally:
        current_request.reset(token)


def test_query_and_header_choose(root: Path) -> None:
    pool = ModelPool(load)
    assert pool.names() == ["a:10", "a:2", "b:1", "c:1"]
    assert choose(pool, request(b"model=a")) == "a/10"
    assert choose(pool, request(b"x=1&model=a%3A2")) == "a/2"
    exchange = request(b"model=a", b"b:1")
    assert choose(pool, exchange) == "b/1"
    assert exchange.extra == b"x-mldeploy-model: b:1\r\n"
    assert pool.get("a", 2) == "a/2"
    assert pool.get("c") == "c/1"


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [(b"", 400, "names no model"), (b"model=", 400, "names no model"), (b"model=z", 404, "no model 'z'"),
     (b"model=a:3", 404, "no model 'a:3'"), (b"model=../a", 404, "no model '../a'")],
)  # fmt: skip
def test_a_wrong_choice_is_told_with_the_names_there_are(root: Path, query: bytes, status: int, told: str) -> None:
    with pytest.raises(ModelChoiceError, match=told) as caught:
        choose(ModelPool(load), request(query))
    assert caught.value.status == status
    assert "a:10, a:2, b:1, c:1" in str(caught.value)


def test_default_and_lone_model(root: Path, tmp_path: Path) -> None:
    assert choose(ModelPool(load, default="a:2"), request()) == "a/2"
    with pytest.raises(ValueError, match="default model 'z'"):
        ModelPool(load, default="z")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "only.bin").touch()
    assert choose(ModelPool(lambda path: path.name, folder=tmp_path / "files"), request()) == "only.bin"
    with pytest.raises(ValueError, match="There is no model in"):
        ModelPool(load, folder=tmp_path / "nothing")
    with pytest.raises(ValueError, match="no function to load the model 'b'"):
        ModelPool({"a": load, "c": load})


def test_outside_of_a_request_nothing_is_chosen(root: Path) -> None:
    pool = ModelPool(load, default="a")
    with pytest.raises(LookupError, match="use get"):
        pool.chosen()
    with pytest.raises(KeyError):
        pool.get("a", 3)


def test_the_longest_unused_model_is_let_go(root: Path) -> None:
    pool = ModelPool(load, memory_gb=3 / 1024)
    for name in ("a", "b", "a:2", "b"):
        pool.get(name)
    assert pool.loaded() == ["a:10", "a:2", "b:1"]
    pool.get("c")
    assert pool.loaded() == ["b:1", "c:1"]
    figures = pool.figures()
    assert figures["a:10"][:3] == [1, 1, 1]
    assert figures["b:1"][:3] == [2, 1, 0]
    assert (figures["a:10"][4], figures["c:1"][4]) == (0, 2 * MIB)


def test_a_model_larger_than_the_budget_is_loaded_alone(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    pool = ModelPool(load, memory_gb=1.5 / 1024)
    pool.get("a")
    with caplog.at_level(logging.WARNING):
        assert pool.get("c") == "c/1"
    assert pool.loaded() == ["c:1"]
    assert [record.message for record in caplog.records] == [
        "Model c:1 alone takes about 2 MiB, more than memory_gb allows (1 MiB)."
    ]


def test_many_threads_load_a_model_once(root: Path) -> None:
    begun, go = threading.Event(), threading.Event()
    calls: list[Path] = []

    def slow(path: Path) -> str:
        calls.append(path)
        begun.set()
        go.wait(10 * FACTOR)
        return load(path)

    pool = ModelPool(slow)
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(pool.get("a"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    begun.wait(10 * FACTOR)
    go.set()
    for thread in threads:
        thread.join(10 * FACTOR)
    assert (len(calls), found) == (1, ["a/10"] * 8)


def test_a_model_that_cannot_be_loaded_is_tried_again(root: Path) -> None:
    answers: Iterator[Any] = iter([OSError("not now"), "there"])

    def flaky(path: Path) -> Any:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    pool = ModelPool(flaky)
    with pytest.raises(OSError, match="not now"):
        pool.get("a")
    assert pool.get("a") == "there"
    assert pool.figures()["a:10"][1] == 1


SCRIPT = """
from jupyter_mldeploy.scoring.models import ModelPool

def init():
    global pool
    pool = ModelPool(lambda path: path.read_text(), memory_gb=1)

def run(data):
    return pool.chosen() + data
"""


def test_in_a_service(tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder = tmp_path / "azureml-models" / name / "1"
        folder.mkdir(parents=True)
        (folder / "text.txt").write_text(name)
    with serving(tmp_path, SCRIPT, model_dir="azureml-models") as worker:
        answer = worker.ask("POST", "/score?model=two", "!")
        assert (answer.json(), answer.header("x-mldeploy-model")) == ("two!", "two:1")
        assert worker.ask("POST", "/score", "!", {"x-mldeploy-model": "one:1"}).json() == "one!"
        missing = worker.ask("POST", "/score?model=three", "!")
        assert (missing.status, missing.header("x-ms-run-function-failed")) == (404, "False")
        assert missing.message == "There is no model 'three' here. Models: one:1, two:1."
        assert worker.ask("POST", "/score", "!").status == 400
        text = worker.ask("GET", "/metrics").body.decode()
    assert 'mldeploy_model_requests_total{model="two:1"} 1' in text
    assert 'mldeploy_model_loads_total{model="one:1"} 1' in text
    assert 'mldeploy_model_evictions_total{model="one:1"} 0' in text
