"""The verbs of the deployer, on a target that fails when told to."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from jupyter_mldeploy.core.records import RevisionState, State
from jupyter_mldeploy.core.target import Job, Observation, Progress
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import (
    BusyError,
    ConflictError,
    DeadlineExceededError,
    DeploymentError,
    EntryScriptError,
    InUseError,
    InvalidConfigurationError,
    InvalidInputError,
    InvalidNameError,
    NotFoundError,
    NotSupportedError,
    TargetUnavailableError,
)
from tests.core.memory_target import MemoryTarget, memory_targets
from tests.patience import FACTOR
from tests.targets.local_service import wait_for

SCRIPT = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home", targets=memory_targets())


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "score.py"
    path.write_text(SCRIPT)
    return path


def events(workspace: Workspace) -> list[str]:
    return [event.kind for event in workspace.events.read()]


def test_a_first_deployment_makes_service_revision_and_events(workspace: Workspace, script: Path) -> None:
    seen: list[str] = []
    service = workspace.deploy("svc", script, target="memory", report=lambda step, _: seen.append(step))
    assert service.state is State.HEALTHY
    assert service.revision == 1
    assert service.scoring_uri == "memory://score"
    (revision,) = service.revisions()
    assert revision.state is RevisionState.LIVE
    assert revision.bundle.startswith("sha256:")
    assert revision.facts["steps"]
    assert seen == ["check", "place", "run"]
    kinds = events(workspace)
    assert kinds.count("worker") == 1, "what the target reports is imported once, however often it is seen"
    for kind in ("service_created", "revision_created", "revision_live", "service_state"):
        assert kind in kinds


def test_the_same_content_has_the_same_digest_and_a_new_revision(workspace: Workspace, script: Path) -> None:
    workspace.deploy("svc", script, target="memory")
    service = workspace.deploy("svc", script, target="memory")
    first, second = service.revisions()
    assert first.bundle == second.bundle
    assert (first.state, second.state) == (RevisionState.SUPERSEDED, RevisionState.LIVE)


def test_a_failed_first_deployment_keeps_its_reason(workspace: Workspace, script: Path) -> None:
    with pytest.raises(DeploymentError, match="It failed: boom"):
        workspace.deploy("svc", script, target="memory", config={"fail": "boom"})
    service = workspace.service("svc")
    assert service.state is State.FAILED
    assert service.reason == "It failed: boom."
    assert service.revision is None
    assert "the log" in service.logs()
    workspace.deploy("svc", script, target="memory")
    assert service.state is State.HEALTHY


def test_a_failed_update_changes_nothing(workspace: Workspace, script: Path) -> None:
    service = workspace.deploy("svc", script, target="memory")
    with pytest.raises(DeploymentError):
        service.update(config={"fail": "boom"})
    assert service.revision == 1
    assert service.state is State.HEALTHY
    assert [item.state for item in service.revisions()] == [RevisionState.LIVE, RevisionState.FAILED]


def test_update_replaces_only_what_is_given(workspace: Workspace, script: Path, tmp_path: Path) -> None:
    model = tmp_path / "weights.bin"
    model.write_bytes(b"1")
    service = workspace.deploy("svc", script, models=[model], target="memory", config={"size": 3, "tags": {"a": "b"}})
    other = tmp_path / "other.py"
    other.write_text(SCRIPT.replace("return data", "return [data]"))
    service.update(other)
    bundle = workspace.bundles.get(service.revisions()[-1].bundle)
    assert bundle.entry_script == "other.py"
    assert [item.name for item in bundle.models] == ["weights.bin"]
    service.update(config={"size": 4})
    live = service.revisions()[-1]
    assert live.config == {"size": 4, "tags": {"a": "b"}}
    assert live.bundle == bundle.digest
    assert "return [data]" in str(service.diff(1))
    service.update(config={"size": None})  # back to its default
    assert service.revisions()[-1].config == {"tags": {"a": "b"}}


def test_rollback_serves_the_revision_before_and_then_the_one_before_that(workspace: Workspace, script: Path) -> None:
    for size in (1, 2, 3):
        service = workspace.deploy("svc", script, target="memory", config={"size": size})
    service.rollback()
    assert service.revisions()[-1].config == {"size": 2}
    service.rollback()
    assert service.revisions()[-1].config == {"size": 1}
    with pytest.raises(ConflictError, match="no earlier revision"):
        service.rollback()
    service.rollback(3)
    assert service.revisions()[-1].config == {"size": 3}
    with pytest.raises(NotFoundError, match="99"):
        service.rollback(99)


def test_a_plan_creates_nothing(workspace: Workspace, script: Path) -> None:
    plan = workspace.deployer.plan(workspace.request("svc", script, target="memory"))
    assert "create" in str(plan)
    assert plan.revision == 1
    assert plan.bundle.startswith("sha256:")
    assert workspace.services() == []
    assert events(workspace) == []
    assert not (workspace.home / "services").exists()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"name": "Bad_Name"}, InvalidNameError, "Bad_Name"),
        ({"target": "nowhere"}, NotFoundError, "memory"),
        ({"target": "broken"}, TargetUnavailableError, "NotThere"),
        ({"config": {"sise": 3}}, InvalidConfigurationError, "did you mean 'size'"),
        ({"config": {"size": 30}}, InvalidConfigurationError, "size"),
        ({"config": {"refuse": True}}, NotSupportedError, "refuse"),
        ({"config": {"secrets": {"TOKEN": "hunter2hunter2"}}}, InvalidInputError, "TOKEN"),
        ({"config": {"secrets": {"TOKEN": "env:NOT_SET_ANYWHERE"}}}, InvalidInputError, "NOT_SET_ANYWHERE"),
        ({"entry_script": "nowhere.py"}, InvalidInputError, "nowhere.py"),
        ({"models": ["nowhere.pkl"]}, NotFoundError, "nowhere.pkl"),
        ({"models": ["ridge:7"]}, NotFoundError, "ridge"),
        ({"environment": "nowhere.yml"}, InvalidInputError, "nowhere.yml"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_exists(
    workspace: Workspace, script: Path, change: dict[str, object], error: type[Exception], words: str
) -> None:
    values = {"name": "svc", "entry_script": script, "target": "memory", **change}
    with pytest.raises(error, match=words) as caught:
        workspace.deploy(**values)  # type: ignore[arg-type]
    assert "hunter2" not in str(caught.value)
    assert workspace.services() == []
    assert events(workspace) == []


def test_a_script_that_cannot_work_is_refused_with_its_line(workspace: Workspace, tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("def init():\n    pass\n")
    with pytest.raises(EntryScriptError, match="MLD101"):
        workspace.deploy("svc", bad, target="memory", force=True)
    bad.write_text("def init(:\n")
    with pytest.raises(EntryScriptError, match=r"bad\.py line 1"):
        workspace.deploy("svc", bad, target="memory")
    assert workspace.services() == []


def test_a_script_that_answers_callers_who_know_more_than_its_document_is_deployed(
    workspace: Workspace, tmp_path: Path
) -> None:
    script = tmp_path / "score.py"
    script.write_text(
        "from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType\n"
        "from inference_schema.schema_decorators import input_schema\n\n\ndef init():\n    pass\n\n\n"
        "@input_schema('name', StandardPythonParameterType('x'))\ndef run(name, payload):\n    return [name, payload]\n"
    )
    request = workspace.request("svc", script, target="memory")
    assert [item["code"] for item in workspace.deployer.plan(request).findings if item["severity"] == "error"] == [
        "MLD202"
    ]
    assert workspace.deploy("svc", script, target="memory").state is State.HEALTHY


def test_a_deadline_ends_a_deployment_and_says_where_it_was(
    workspace: Workspace, script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = MemoryTarget.apply

    def hurried(self: MemoryTarget, job: Job, progress: Progress) -> Observation:
        step = progress.step

        def begin(name: str, message: str = "") -> None:
            step(name, message)
            if name == "run":  # however long it took to come here
                progress.deadline = progress.elapsed + 0.1

        monkeypatch.setattr(progress, "step", begin)
        return apply(self, job, progress)

    monkeypatch.setattr(MemoryTarget, "apply", hurried)
    with pytest.raises(DeadlineExceededError, match="step 'run'") as caught:
        workspace.deploy("svc", script, target="memory", config={"hang": True})
    assert [step["step"] for step in caught.value.steps] == ["check", "place", "run"]
    assert workspace.service("svc").state is State.FAILED


def test_stop_start_and_delete_are_idempotent(workspace: Workspace, script: Path) -> None:
    service = workspace.deploy("svc", script, target="memory")
    assert service.stop().stop().state is State.STOPPED
    assert service.start().start().state is State.HEALTHY
    keys = workspace.keys_path(service.record.uid)
    assert keys.exists()
    assert workspace.deployer.delete("svc") is True
    assert workspace.deployer.delete("svc") is False
    assert not keys.exists()
    assert workspace.services() == []
    assert service.record.deleted is not None
    with pytest.raises(NotFoundError, match="was deleted"):
        workspace.service("svc")
    with pytest.raises(NotFoundError):
        workspace.deployer.delete("never")
    assert workspace.deploy("svc", script, target="memory").revision == 1


def test_keys_change_one_at_a_time(workspace: Workspace, script: Path) -> None:
    service = workspace.deploy("svc", script, target="memory")
    before = service.keys()
    service.regenerate_key("Secondary", "x" * 20)
    after = service.keys()
    assert after.primary == before.primary
    assert after.secondary == "x" * 20
    assert before.primary not in repr(before)
    assert oct(workspace.keys_path(service.record.uid).stat().st_mode & 0o777) == "0o600"
    with pytest.raises(InvalidInputError, match="tertiary"):
        service.regenerate_key("tertiary")
    with pytest.raises(InvalidInputError, match="16"):
        service.regenerate_key("primary", "short")


def test_properties_can_only_be_added(workspace: Workspace, script: Path) -> None:
    workspace.deploy("svc", script, target="memory", config={"properties": {"a": "1"}})
    with pytest.raises(InvalidInputError, match="only be added"):
        workspace.deploy("svc", script, target="memory", config={"properties": {"a": "2"}})
    service = workspace.deploy("svc", script, target="memory", config={"properties": {"a": "1", "b": "2"}})
    assert service.record.properties == {"a": "1", "b": "2"}
    workspace.deploy("svc", script, target="memory")
    assert service.record.properties == {"a": "1", "b": "2"}


def test_a_model_in_use_is_not_deleted(workspace: Workspace, script: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"1")
    model = workspace.models.register(weights, "weights")
    service = workspace.deploy("svc", script, models=["weights:1"], target="memory")
    with pytest.raises(InUseError, match="svc"):
        workspace.models.delete(model)
    service.delete()
    workspace.models.delete(model)
    assert workspace.models.list() == []


def test_a_service_does_not_wander_between_targets(workspace: Workspace, script: Path) -> None:
    service = workspace.deploy("svc", script, target="memory")
    promoted = service.promote("memory", new_name="svc-copy")
    assert promoted.revisions()[0].bundle == service.revisions()[0].bundle
    assert {item.name for item in workspace.services()} == {"svc", "svc-copy"}


_DEPLOY_AND_HANG = """
    import sys
    from jupyter_mldeploy.core.workspace import Workspace
    from tests.core.memory_target import memory_targets
    workspace = Workspace(sys.argv[1], targets=memory_targets())
    print("go", flush=True)
    workspace.deploy("svc", sys.argv[2], target="memory", config={"hang": True})
"""


def test_a_killed_deployment_is_settled_by_the_next_reader(workspace: Workspace, script: Path) -> None:
    workspace.deploy("svc", script, target="memory")
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_DEPLOY_AND_HANG), str(workspace.home), str(script)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout is not None
    try:
        process.stdout.readline()
        wait_for(lambda: len(workspace.service("svc").revisions()) == 2, "the second revision")
        with pytest.raises(BusyError, match="svc"):
            workspace.deploy("svc", script, target="memory", timeout_s=2)
        assert workspace.service("svc").revisions()[-1].state is RevisionState.CANDIDATE
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    service = workspace.service("svc")
    assert service.state is State.HEALTHY
    assert service.revision == 1
    failed = service.revisions()[-1]
    assert failed.state is RevisionState.FAILED
    assert "ended before" in str(failed.reason)
    assert workspace.deploy("svc", script, target="memory").revision == 3


def _many(home: Path, script: Path, number: int) -> None:
    workspace = Workspace(home, targets=memory_targets())
    weights = script.parent / f"w{number}.bin"
    weights.write_bytes(bytes([number]))
    for _ in range(3):
        workspace.models.register(weights, "shared")
        workspace.deploy("shared", script, target="memory", models=["shared"])
        workspace.deploy(f"own-{number}", script, target="memory")


@pytest.mark.slow
def test_eight_processes_lose_nothing(workspace: Workspace, script: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_many, args=(workspace.home, script, number)) for number in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(100 * FACTOR)
    assert [process.exitcode for process in processes] == [0] * 8
    assert [model.version for model in workspace.models.list("shared")] in (
        list(range(24, 0, -1)),
        list(range(1, 25)),
    )
    shared = workspace.service("shared")
    assert [item.number for item in shared.revisions()] == list(range(1, 25))
    assert sum(item.state is RevisionState.LIVE for item in shared.revisions()) == 1
    assert shared.revision == 24
    assert len(workspace.services()) == 9
