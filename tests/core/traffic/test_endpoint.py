"""Endpoints with several versions on this machine: real services, real requests."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.traffic import canary
from jupyter_mldeploy.core.traffic.endpoint import Endpoint
from jupyter_mldeploy.core.traffic.figures import VersionFigures
from jupyter_mldeploy.core.traffic.referee import Policy, Ruling, Verdict
from jupyter_mldeploy.core.traffic.split import Split
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import ConflictError, DeploymentError, InvalidInputError, NotFoundError, NotSupportedError
from tests.core.memory_target import memory_targets
from tests.patience import FACTOR
from tests.targets.local_service import wait_for

SCRIPT = """
import os
import random


def init():
    pass


def run(data):
    if random.random() < {errors}:
        raise RuntimeError("bad luck")
    return ["{answer}", os.environ.get("MOOD")]
"""


def script(folder: Path, answer: str, errors: float = 0.0) -> Path:
    """Return an entry script that answers with its version's name, or fails now and then."""
    path = folder / f"{answer}.py"
    path.write_text(SCRIPT.format(answer=answer, errors=errors))
    return path


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service that answers ``["one", …]``; everything of its workspace is deleted afterwards."""
    workspace = Workspace(tmp_path / "home")
    made = workspace.deploy("split", script(tmp_path, "one"), config={"tags": {"team": "a"}})
    yield made
    for record in workspace.catalogue.services():
        workspace.deployer.delete(record.name, member=True)


@pytest.fixture
def endpoint(service: Service) -> Endpoint:
    """The same as an endpoint."""
    return service.workspace.endpoint("split")


def shares(service: Service, requests: int) -> Counter[str]:
    """Return how often each version answered."""
    return Counter(service.score({})[0] for _ in range(requests))


def is_share(count: int, requests: int, percent: float, *, sigmas: float = 5) -> bool:
    """Whether a version got its share, as far as chance allows: five sigmas are missed once in two million times."""
    share = percent / 100
    return abs(count - requests * share) <= sigmas * math.sqrt(requests * share * (1 - share)) + 1e-9


#: In a process of its own: there the names that the router imports are those of the scoring server.
DRAWS = """
import collections, json, random, sys
from jupyter_mldeploy.scoring import shims
shims.install()
from jupyter_mldeploy.core.traffic.router_script import Router
versions = [
    {"name": name, "weight": weight, "mirror": 0, "uri": "http://127.0.0.1/score"}
    for name, weight in json.loads(sys.argv[1]).items()
]
router = Router({"versions": versions, "default": versions[0]["name"], "timeout_s": 1}, {})
chance = random.Random(3)
print(json.dumps(collections.Counter(router.choose(chance.random() * 100).name for _ in range(100_000))))
"""


def test_shares_are_met_within_three_sigmas() -> None:
    """With numbers that are the same each time, so that chance has no say."""
    weights = {"v1": 30.0, "v2": 5.0, "v3": 10.0, "v4": 15.0, "v5": 20.0, "v6": 20.0}
    drawn = subprocess.run(
        [sys.executable, "-c", DRAWS, json.dumps(weights)], check=True, capture_output=True, text=True
    )
    found = json.loads(drawn.stdout)
    for name, percent in weights.items():
        assert is_share(found[name], 100_000, percent, sigmas=3), (name, found)


def test_two_versions_then_one_at_the_same_address(service: Service, endpoint: Endpoint, tmp_path: Path) -> None:
    address, key = service.scoring_uri, service.keys().primary
    assert endpoint.versions() == {}
    endpoint.create_version(
        "green", script(tmp_path, "two"), traffic=30, config={"environment_variables": {"MOOD": "good"}}
    )
    assert {item.name: (item.weight, item.is_default) for item in endpoint.versions().values()} == {
        "r1": (70, True), "green": (30, False),
    }  # fmt: skip
    found = shares(service, 400)
    assert is_share(found["two"], 400, 30), found
    assert (service.scoring_uri, service.keys().primary) == (address, key)

    one = service.request({}, headers={"azureml-model-deployment": "green"})
    assert (one.json(), one.headers["azureml-model-deployment"]) == (["two", "good"], "green")
    unknown = service.request({}, headers={"azureml-model-deployment": "pink"})
    assert unknown.status == 404
    assert "green, r1" in unknown.json()["message"]
    assert service.request({}, headers={"authorization": "Bearer wrong"}).status == 401

    counted = endpoint.figures()
    assert counted["r1"].requests == found["one"]
    assert counted["green"].requests == found["two"] + 1

    endpoint.finish("green")
    assert (service.scoring_uri, service.score({})) == (address, ["two", "good"])
    assert endpoint.versions() == {}
    assert [item.name for item in service.workspace.catalogue.services()] == ["split"]
    assert service.record.tags == {"team": "a"}
    service.rollback()
    assert service.score({}) == ["one", None]


def test_six_versions_get_their_shares(service: Service, endpoint: Endpoint, tmp_path: Path) -> None:
    weights = {"v2": 5.0, "v3": 10.0, "v4": 15.0, "v5": 20.0, "v6": 20.0}
    for name in weights:
        endpoint.create_version(name, script(tmp_path, name))
    with pytest.raises(InvalidInputError, match="at most 6"):
        endpoint.create_version("v7", script(tmp_path, "v7"))
    endpoint.set_traffic(weights)
    found = shares(service, 1000)
    for name, percent in {**weights, "one": 30.0}.items():
        assert is_share(found[name], 1000, percent), (name, found)
    assert sum(found.values()) == 1000


def test_no_request_fails_while_shares_change(service: Service, endpoint: Endpoint, tmp_path: Path) -> None:
    over, failures, count = threading.Event(), [], [0] * 4

    def client(place: int) -> None:
        while not over.is_set():
            try:
                service.score({})
                count[place] += 1
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=client, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    try:
        endpoint.create_version("green", script(tmp_path, "two"), traffic=10)
        for percent in (50, 90, 0):
            endpoint.set_traffic({"green": percent})
        endpoint.finish("green")
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not failures
    assert sum(count) > 50


#: Answers when a file is there, and says by another one that it waits.
HELD = """
import pathlib, time

def init():
    pass

def run(data):
    folder = pathlib.Path({folder!r})
    folder.joinpath("waits").touch()
    while not folder.joinpath("go").exists():
        time.sleep(0.01)
    return "held"
"""


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda service, endpoint: endpoint.finish("green"), id="finish"),
        pytest.param(lambda service, endpoint: endpoint.delete_version("green"), id="delete"),
        pytest.param(lambda service, endpoint: service.rollback(), id="rollback"),
    ],
)
def test_a_request_that_a_version_has_is_answered_before_the_version_goes(
    service: Service, endpoint: Endpoint, tmp_path: Path, change: Callable[[Service, Endpoint], object]
) -> None:
    held = tmp_path / "held.py"
    held.write_text(HELD.format(folder=str(tmp_path)))
    endpoint.create_version("blue", revision=1)
    endpoint.create_version("green", held)
    router = service.revision
    with ThreadPoolExecutor(2) as pool:
        answer = pool.submit(service.request, {}, headers={"azureml-model-deployment": "green"})
        wait_for((tmp_path / "waits").exists, "the request in the version")
        changing = pool.submit(change, service, endpoint)
        try:
            wait_for(lambda: service.revision != router, "the new revision")
            with pytest.raises(TimeoutError):  # the versions go at once where nobody waits for the router
                changing.result(1.0)
        finally:
            (tmp_path / "go").touch()
        found = answer.result()
        assert (found.status, found.json()) == (200, "held")
        changing.result()
    assert "green" not in endpoint.versions()
    assert "split-green" not in [item.name for item in service.workspace.catalogue.services()]


def test_a_mirror_gets_copies_and_its_answers_are_thrown_away(
    service: Service, endpoint: Endpoint, tmp_path: Path
) -> None:
    endpoint.create_version("shadow", script(tmp_path, "shadow", errors=1.0), mirror=50)
    assert shares(service, 200) == {"one": 200}

    def copied() -> dict[str, VersionFigures] | None:
        counted = endpoint.figures()
        return counted if is_share(counted["shadow"].mirrored + counted["shadow"].dropped, 200, 50) else None

    counted = wait_for(copied, "half of the requests as copies")  # the last ones are still under way
    assert counted["shadow"].mirror_errors == counted["shadow"].mirrored
    assert counted["r1"].errors == 0


def test_a_version_that_does_not_start_changes_nothing(service: Service, endpoint: Endpoint, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("def init():\n    raise RuntimeError('no')\n\n\ndef run(data):\n    return 1\n")
    with pytest.raises(DeploymentError, match="no"):
        endpoint.create_version("green", broken, traffic=10)
    assert service.score({}) == ["one", None]
    assert [item.name for item in service.workspace.catalogue.services()] == ["split"]


def test_a_version_that_is_gone_is_named_and_the_others_answer(
    service: Service, endpoint: Endpoint, tmp_path: Path
) -> None:
    endpoint.create_version("green", script(tmp_path, "two"), traffic=50)
    service.workspace.service("split-green").stop()
    answers = [service.request({}) for _ in range(40)]
    assert {answer.status for answer in answers} == {200, 502}
    lost = next(answer for answer in answers if answer.status == 502)
    assert lost.headers["azureml-model-deployment"] == "green"
    assert "'green' cannot be reached" in lost.json()["message"]


def test_what_is_not_clear_is_refused(service: Service, endpoint: Endpoint, tmp_path: Path) -> None:
    with pytest.raises(ConflictError, match="one version only"):
        endpoint.set_traffic({"green": 1})
    endpoint.create_version("green", script(tmp_path, "two"))
    with pytest.raises(ConflictError, match="has a version 'green' already"):
        endpoint.create_version("green", script(tmp_path, "two"))
    with pytest.raises(ConflictError, match="several versions"):
        service.workspace.deploy("split", script(tmp_path, "three"))
    with pytest.raises(ConflictError, match="several versions"):
        service.update(config={"error_detail": True})
    with pytest.raises(ConflictError, match="version 'green' of endpoint 'split'"):
        service.workspace.service("split-green").delete()
    with pytest.raises(NotFoundError, match="it has: r1, green"):
        endpoint.finish("pink")
    router = service.revision
    endpoint.delete_version("green")
    assert service.score({}) == ["one", None]
    with pytest.raises(ConflictError, match="divided requests"):
        service.rollback(router)


def test_rolling_back_and_deleting_take_the_versions_along(
    service: Service, endpoint: Endpoint, tmp_path: Path
) -> None:
    endpoint.create_version("green", script(tmp_path, "two"), traffic=100)
    assert service.score({})[0] == "two"
    service.rollback()
    assert service.score({})[0] == "one"
    assert [item.name for item in service.workspace.catalogue.services()] == ["split"]
    endpoint.create_version("green", revision=1, traffic=50)
    service.stop()
    assert {str(item.state) for item in service.workspace.services() and service.workspace.catalogue.services()} == {
        "Stopped"
    }
    service.start()
    assert shares(service, 20) == {"one": 20}
    service.delete()
    assert service.workspace.catalogue.services() == []


def test_versions_are_updated_one_by_one(service: Service, endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.create_version("green", script(tmp_path, "two"), traffic=100)
    endpoint.update_version("green", script(tmp_path, "three"))
    assert service.score({})[0] == "three"
    endpoint.set_traffic(None, default="green")
    assert endpoint.versions()["green"].is_default


def test_keys_of_the_endpoint_change_with_several_versions(
    service: Service, endpoint: Endpoint, tmp_path: Path
) -> None:
    endpoint.create_version("green", script(tmp_path, "two"), traffic=50)
    old = service.keys().primary
    service.regenerate_key("primary")
    assert len(shares(service, 30)) == 2
    assert service.request({}, headers={"authorization": f"Bearer {old}"}).status == 401


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("errors", "requests", "decision", "left"), [(0.05, 800, "rolled back", "one"), (0.0, 300, "promoted", "two")]
)
def test_a_canary_is_judged(
    service: Service, endpoint: Endpoint, tmp_path: Path, errors: float, requests: int, decision: str, left: str
) -> None:
    """Fourteen failures convict: of 800 requests of which one in twenty fails, fewer do once in a million times.

    How long an answer takes is no matter here: the clients have the processors to themselves.
    """
    policy = Policy(min_requests=requests, latency_floor_ms=10_000)
    endpoint.create_version("green", script(tmp_path, "two", errors=errors))
    over = threading.Event()

    def client() -> None:
        while not over.is_set():
            service.request({})

    threads = [threading.Thread(target=client) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        outcome = endpoint.canary("green", policy, steps=(50,), step_timeout_s=150 * FACTOR)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert outcome.decision == decision, outcome
    assert service.score({})[0] == left
    assert endpoint.versions() == {}
    said = [event for event in service.events() if "canary of green" in event.message]
    assert said[-1].data["canary"]["evidence"]["candidate"]["requests"] >= (requests if errors == 0 else 1)


def test_a_canary_without_requests_is_held(service: Service, endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.create_version("green", script(tmp_path, "two"))
    outcome = endpoint.canary("green", steps=(5, 50), step_timeout_s=0.2)
    assert (outcome.decision, outcome.verdict.ruling) == ("held", Ruling.INSUFFICIENT)
    assert endpoint.versions()["green"].weight == 5


def test_a_canary_looks_no_more_often_than_its_referee_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error that the policy allows is shared among all looks."""
    told: list[int] = []

    class Clock(threading.Event):
        now = 0.0

        def monotonic(self) -> float:
            return self.now

        def wait(self, timeout: float | None = None) -> bool:
            self.now += timeout or 0.0
            return False

    def judge(*_: Any, looks: int) -> Verdict:
        told.append(looks)
        return Verdict(Ruling.GOOD if len(told) == 80 else Ruling.INSUFFICIENT, "", {})

    clock = Clock()
    monkeypatch.setattr(canary, "time", clock)
    monkeypatch.setattr(canary, "judge", judge)
    endpoint = Mock()
    endpoint.split = Split.of({"blue": "svc", "green": "svc-green"}, {"green": 0}, default="blue")
    endpoint.figures.return_value = {}
    outcome = canary.run_canary(endpoint, "green", Policy(), steps=(5, 50), step_timeout_s=600, cancelled=clock)
    assert (outcome.decision, len(outcome.steps)) == ("held", 2)
    assert 80 < len(told) <= told[0]


def test_a_target_that_cannot_split_says_so(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home", targets=memory_targets())
    workspace.deploy("plain", script(tmp_path, "one"), target="memory")
    with pytest.raises(NotSupportedError, match="cannot do traffic split"):
        workspace.endpoint("plain").create_version("green", script(tmp_path, "two"))
