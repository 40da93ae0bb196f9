"""What another process does to a service's containers in the middle of ours: an engine that only pretends shows it."""

from __future__ import annotations

import io
import json
import os
import socket
import tarfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jupyter_mldeploy.core.images.context import BuildContext, Stage
from jupyter_mldeploy.core.progress import Progress
from jupyter_mldeploy.core.target import ServiceRef
from jupyter_mldeploy.targets import docker_builder
from jupyter_mldeploy.targets.docker_adoption import find_services
from jupyter_mldeploy.targets.docker_files import door_state, get, put
from jupyter_mldeploy.targets.docker_house import Household, Part
from jupyter_mldeploy.targets.docker_observe import View, observe
from jupyter_mldeploy.targets.docker_rooms import remove_container
from jupyter_mldeploy.targets.docker_sweep import remove_everything, sweep

pytest.importorskip("docker")


def refusal(status: int, text: str) -> Exception:
    from docker.errors import APIError, NotFound

    kind = NotFound if status == 404 else APIError
    response: Any = SimpleNamespace(status_code=status, reason="", url="", json=lambda: {"message": text})
    found: Exception = kind(text, response, text)
    return found


GONE = refusal(404, "No such container: door")
GOING = refusal(409, "removal of container door is already in progress")
HALF_GONE = refusal(500, "RWLayer of container door is unexpectedly nil")


class Engine:
    """Answers each call with the next of the answers given for it; the last one stays."""

    def __init__(self, **answers: list[Any]) -> None:
        self.answers = answers
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*_: Any, **__: Any) -> Any:
            self.calls.append(name)
            answers = self.answers[name]
            found = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(found, Exception):
                raise found
            return found

        return call


def inspected(started: float = 0.0, status: str = "running") -> dict[str, Any]:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime(started))
    return {"Name": "/door", "State": {"Status": status, "Running": status == "running", "StartedAt": stamp}}


def file_of(value: Any) -> tuple[list[bytes], dict[str, Any]]:
    stream, data = io.BytesIO(), json.dumps(value).encode()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        header = tarfile.TarInfo("door.json")
        header.size = len(data)
        archive.addfile(header, io.BytesIO(data))
    return [stream.getvalue()], {}


def part(role: str, number: int = 0, **facts: Any) -> Part:
    return Part(role, role, role, "running", number, {"port": 5001, **facts}, "image")


def reference(folder: Path) -> ServiceRef:
    return ServiceRef("uid", "raced", folder, folder, {})


def test_a_removal_that_another_has_begun_is_waited_for() -> None:
    engine = Engine(remove_container=[GOING, GOING, GOING, GONE])
    remove_container(engine, "door")
    assert engine.calls == ["remove_container"] * 4


def test_a_volume_that_the_engine_still_holds_is_removed_all_the_same(tmp_path: Path) -> None:
    held = refusal(409, "remove mldeploy-raced-uid: volume is in use")
    engine = Engine(containers=[[]], remove_volume=[held, held, None])
    remove_everything(engine, reference(tmp_path))
    assert engine.calls.count("remove_volume") == 3


@pytest.mark.parametrize("after", [GONE, inspected(status="removing"), inspected(status="dead")])
def test_a_file_of_a_container_that_is_being_removed_is_no_error(after: Any) -> None:
    assert get(Engine(inspect_container=[inspected(), after], get_archive=[HALF_GONE]), "door", "door.json") is None


def test_a_file_that_is_replaced_twice_in_a_second_has_two_times() -> None:
    """The volume gives both the same inode, so workers that look for changed keys would not see the second change."""
    times: list[float] = []

    def take(_container: str, _place: str, data: bytes) -> None:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            times.append(archive.getmember("service/keys.json").mtime)

    for key in (b"one", b"two"):
        put(SimpleNamespace(put_archive=take), "door", {"keys.json": key})
    assert times[0] != times[1]


def test_an_error_of_a_container_that_stays_is_one() -> None:
    with pytest.raises(type(HALF_GONE), match="unexpectedly nil"):
        get(Engine(inspect_container=[inspected()], get_archive=[HALF_GONE]), "door", "door.json")


def test_a_door_that_is_gone_is_not_waited_for() -> None:
    engine = Engine(inspect_container=[GONE])
    assert door_state(engine, part("door")) == {}
    assert len(engine.calls) == 2


def test_a_service_that_goes_while_it_is_looked_for_is_left_out() -> None:
    door, revision = (
        {"Id": role, "Names": [f"/{role}"], "State": "running", "Image": "image", "Labels": {
            "mldeploy.role": role, "mldeploy.service": json.dumps({"uid": "uid", "name": "raced"}),
            "mldeploy.door": json.dumps({"name": "door", "port": 1}), "mldeploy.revision": json.dumps({"number": 1}),
        }}
        for role in ("door", "revision")
    )  # fmt: skip
    said = file_of({"live": "1", "serving": True})
    stays = Engine(containers=[[door], [door, revision]], inspect_container=[inspected()], get_archive=[said])
    assert [item.name for item in find_services(stays)] == ["raced"]
    goes = Engine(
        containers=[[door], [door, revision]], inspect_container=[inspected(), inspected(), GONE],
        get_archive=[said, HALF_GONE],
    )  # fmt: skip
    assert find_services(goes) == []


@pytest.mark.parametrize(("noted", "state"), [(1_000.0, "Unhealthy"), (3_000.0, "Healthy")])
def test_what_a_door_noted_of_a_revisions_former_life_is_no_news(tmp_path: Path, noted: float, state: str) -> None:
    """The engine starts a killed revision again before its door has noticed that it was gone."""
    door, revision = part("door"), part("revision", 1)
    said = {"live": "1", "serving": True, "workers": 1, "wanted": 1, "time": noted}
    engine = Engine(inspect_container=[inspected(2_000.0), inspected(500.0)])
    seen = observe(engine, reference(tmp_path), View(Household((door, revision)), door, said, 1))
    assert seen.state == state


#: Who deployed it is dead: no process of that number has this token.
DEAD = {"host": socket.gethostname(), "pid": os.getpid(), "token": "another"}


def listed(role: str, number: int = 0, **facts: Any) -> dict[str, Any]:
    label = "mldeploy.door" if role == "door" else "mldeploy.revision"
    labels = {"mldeploy.role": role, label: json.dumps({"number": number, **facts})}
    return {"Id": f"{role}{number}", "Names": [f"/{role}{number}"], "State": "running", "Labels": labels}


def test_a_revision_that_was_told_to_take_over_is_not_removed_when_its_deployer_is_dead(tmp_path: Path) -> None:
    """Its door gets no time to do so for a moment; removed then, it would leave nobody to serve."""
    found = [listed("door", port=5001), listed("revision", 1), listed("revision", 2, owner=DEAD)]
    order, before, after = file_of(2), file_of({"live": "1"}), file_of({"live": "2"})
    engine = Engine(
        containers=[found],
        inspect_container=[inspected()],
        get_archive=[before, order, before, order, after],
        update_container=[None],
        kill=[None],
    )
    assert sweep(engine, reference(tmp_path), View.of(engine, "uid")) is True
    assert "remove_container" not in engine.calls
    assert engine.calls.count("kill") == 1, "the revision before it is sent away"


def test_a_candidate_that_was_never_told_to_take_over_goes_with_its_deployer(tmp_path: Path) -> None:
    found = [listed("door", port=5001), listed("revision", 1), listed("revision", 2, owner=DEAD)]
    engine = Engine(
        containers=[found],
        inspect_container=[inspected()],
        get_archive=[file_of({"live": "1"}), file_of(1)],
        remove_container=[None],
        logs=[io.BytesIO()],
    )
    assert sweep(engine, reference(tmp_path), View.of(engine, "uid")) is True
    assert engine.calls.count("remove_container") == 1


@pytest.mark.parametrize("answer", [GONE, refusal(409, "can not get logs from container which is dead")])
def test_a_revision_that_is_being_removed_has_no_last_lines_and_is_no_error(tmp_path: Path, answer: Any) -> None:
    door, revision = part("door"), part("revision", 1)
    ended = {"Name": "/revision", "State": {"Status": "exited", "Running": False, "ExitCode": 3}}
    engine = Engine(inspect_container=[ended], logs=[answer])
    said = {"live": "1", "serving": True, "time": time.time()}
    seen = observe(engine, reference(tmp_path), View(Household((door, revision)), door, said, 1))
    assert seen.state == "Failed"
    assert "exit code 3" in str(seen.reason)


def test_a_step_whose_cached_layer_is_removed_meanwhile_is_built_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine finds a layer of an image that another process removes, and has no place for this one then."""
    from docker.errors import ImageNotFound

    lost = [{"error": 'failed to get destination image "sha256:06ea": No such image: sha256:06ea'}]
    built = {"Id": "sha256:1", "Size": 1}
    engine = Engine(
        inspect_image=[ImageNotFound(""), ImageNotFound(""), built],
        build=[lost, [{"stream": "Successfully built 1"}]],
        end_streams=[None],
    )
    monkeypatch.setattr(docker_builder, "engine_for", lambda *_: nullcontext(engine))
    said: list[str] = []
    context = BuildContext((Stage("base", "FROM scratch\n"),))
    found = docker_builder.DockerBuilder().build(context, "mldeploy/raced:1", Progress(60), said.append)
    assert found.reference == "mldeploy/raced:1"
    assert any("was removed while" in line for line in said)
