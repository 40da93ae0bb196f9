"""Streamed answers through a router: part by part, broken off, given up by the client."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.workspace import Workspace
from tests.patience import FACTOR
from tests.targets.local_service import wait_for

#: Streams until a file appears; says in another file that it was ended.
SCRIPT = """
import pathlib
import time

from azureml.contrib.services.aml_request import rawhttp
from azureml.contrib.services.aml_response import AMLResponse

FOLDER = pathlib.Path({folder!r})


def init():
    pass


def events():
    try:
        yield "data: first\\n\\n"
        while not (FOLDER / "go on").exists():
            time.sleep(0.01)
        yield "data: " + "x" * 200_000 + "\\n\\n"
        yield "data: last\\n\\n"
    finally:
        (FOLDER / "ended").touch()


def endless():
    try:
        while True:
            yield b"y" * 65_536
            time.sleep(0.001)
    finally:
        (FOLDER / "given up").touch()


def broken():
    yield b"half of"
    raise OSError("no more")


@rawhttp
{prefix}def run(request):
    kind = request.args.get("kind")
    if kind is None:
        return AMLResponse("whole", 200)
    parts = {{"events": events, "endless": endless, "broken": broken}}[kind]()
    return AMLResponse(parts, 200, {{"content-type": "text/event-stream"}})
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("streams")


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Service]:
    """Two versions that stream; the second's run() is asynchronous and its parts are not."""
    workspace = Workspace(folder / "home")
    for name, prefix in (("one", ""), ("two", "async ")):
        (folder / f"{name}.py").write_text(SCRIPT.format(folder=str(folder), prefix=prefix))
    made = workspace.deploy("streams", folder / "one.py")
    workspace.endpoint("streams").create_version("green", folder / "two.py", traffic=0)
    yield made
    for record in workspace.catalogue.services():
        workspace.deployer.delete(record.name, member=True)


@contextmanager
def asked(service: Service, kind: str, version: str) -> Iterator[http.client.HTTPResponse]:
    parts = urlsplit(service.connection().base_uri)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30 * FACTOR)
    headers = {"authorization": f"Bearer {service.keys().primary}", "azureml-model-deployment": version}
    try:
        connection.request("POST", f"/score?kind={kind}", b"", headers)
        with connection.getresponse() as response:
            yield response
    finally:
        connection.close()


@pytest.mark.parametrize("version", ["r1", "green"])
def test_parts_arrive_as_they_come(service: Service, folder: Path, version: str) -> None:
    with asked(service, "events", version) as answer:
        assert (answer.status, answer.getheader("content-type")) == (200, "text/event-stream")
        assert answer.getheader("azureml-model-deployment") == version
        assert answer.readline() == b"data: first\n"
        assert not (folder / "ended").exists()  # the rest is not even made yet
        (folder / "go on").touch()
        assert answer.read() == b"\ndata: " + b"x" * 200_000 + b"\n\ndata: last\n\n"
    wait_for((folder / "ended").exists, "the end of the generator")
    for name in ("go on", "ended"):
        (folder / name).unlink()


@pytest.mark.parametrize("version", ["r1", "green"])
def test_a_client_that_goes_ends_the_version_s_stream(service: Service, folder: Path, version: str) -> None:
    endpoint = service.workspace.endpoint("streams")
    with asked(service, "endless", version) as answer:
        assert answer.read(100_000) == b"y" * 100_000
    wait_for((folder / "given up").exists, "the end of the generator")
    (folder / "given up").unlink()
    wait_for(lambda: endpoint.figures()[version].requests > 0, "the stream in the figures")
    assert service.request("", headers={"azureml-model-deployment": version}).body == b"whole"


def test_a_stream_that_breaks_off_is_cut_and_is_the_version_s_error(service: Service) -> None:
    endpoint = service.workspace.endpoint("streams")
    before = endpoint.figures()["r1"].errors
    with asked(service, "broken", "r1") as answer, pytest.raises(http.client.IncompleteRead) as cut:
        answer.read()
    assert cut.value.partial == b"half of"
    wait_for(lambda: endpoint.figures()["r1"].errors > before, "the error in the figures")
    assert endpoint.figures()["r1"].errors == before + 1
    assert endpoint.figures()["green"].errors == 0  # a client that went was nobody's error
