"""Commands in this process, on a target that keeps everything in a file: documents, tables, notes, errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.cli import exit_codes, main
from jupyter_mldeploy.core import target as target_module
from jupyter_mldeploy.errors import (
    BusyError,
    DeploymentError,
    ForbiddenError,
    InvalidNameError,
    MldeployError,
    NotFoundError,
    NotSupportedError,
    StoreFullError,
    TargetUnavailableError,
)
from tests.core.memory_target import memory_targets

SCRIPT = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Return a function that runs a command in a folder with ``score.py``, with the memory target alone installed."""
    points = list(memory_targets()._points.values())
    monkeypatch.setattr(target_module, "entry_points", lambda **_: points)
    monkeypatch.setenv("MLDEPLOY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "score.py").write_text(SCRIPT)

    def run(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        seen = capsys.readouterr()
        return code, seen.out, seen.err

    return run


def document(done: tuple[int, str, str]) -> Any:
    """Return the one document on stdout of a call that succeeded; stderr is empty."""
    assert done[0] == 0, done[2]
    assert done[2] == ""
    return json.loads(done[1])


def deploy(call: Call, name: str = "svc", *more: str) -> Any:
    return document(call("deploy", name, "score.py", "--target", "memory", "--json", *more))


def test_a_deployment_is_one_document(call: Call) -> None:
    done = deploy(call, "svc", "--set", "size=3", "--description", "what for")
    assert done["name"] == "svc"
    assert (done["target"], done["state"], done["revision"]) == ("memory", "Healthy", 1)
    assert done["digest"].startswith("sha256:")
    assert done["description"] == "what for"
    assert [step["step"] for step in done["steps"]] == ["check", "place", "run"]
    assert done["seconds"] >= 0
    assert document(call("list", "--json"))["services"][0]["name"] == "svc"
    assert document(call("list", "--json", "--target", "other")) == {"services": []}


def test_tables_align_and_say_what_to_do_when_there_is_nothing(call: Call) -> None:
    code, out, err = call("list")
    assert (code, err) == (0, "")
    assert "mldeploy deploy NAME score.py" in out
    deploy(call, "short")
    deploy(call, "a-much-longer-name")
    _, out, _ = call("list")
    head, first, second = out.splitlines()
    column = head.index("STATE")
    assert first[column:].startswith("Healthy")
    assert second[column:].startswith("Healthy")
    assert "\x1b" not in out


def test_a_failed_first_deployment_leaves_its_reason(call: Call) -> None:
    code, out, err = call("deploy", "svc", "score.py", "--target", "memory", "--set", "fail=boom")
    assert (code, out) == (1, "")
    assert "error: It failed: boom." in err
    assert "the log" in err, "the last log lines"
    assert "Failed" in call("list")[1]
    assert "It failed: boom" in call("status", "svc")[1]
    assert call("logs", "svc")[1] == "the log\n"


def test_a_failed_update_says_what_serves(call: Call) -> None:
    deploy(call)
    code, out, err = call("update", "svc", "--set", "fail=boom", "--json")
    assert (code, out) == (1, "")
    error = json.loads(err)["error"]
    assert error["serving"] == {"revision": 1, "scoring_uri": "memory://score"}
    assert error["details"]["log_tail"] == ["the log"]
    _, _, err = call("update", "svc", "--set", "fail=boom")
    assert "goes on serving" in err
    code, _, err = call("update", "svc", "--set", "sise=2")
    assert code == 2
    assert "did you mean 'size'" in err


def test_an_update_without_a_change_is_refused(call: Call) -> None:
    deploy(call)
    code, _, err = call("update", "svc")
    assert code == 2
    assert "Nothing to update" in err
    code, _, err = call("update", "svc", "--include", "score.py")
    assert code == 2
    assert "Name the script too" in err


def test_plan_and_dry_run_are_the_same_and_create_nothing(call: Call) -> None:
    words = ("svc", "score.py", "--target", "memory", "--json")
    planned = document(call("plan", *words))
    assert planned == document(call("deploy", *words, "--dry-run"))
    assert planned["steps"][0]["action"] == "create"
    code, _, err = call("plan", *words[:-1], "--set", "refuse=true")
    assert code == 2
    assert "refuses what it is told to refuse" in err
    assert document(call("list", "--json")) == {"services": []}


def test_promotion_keeps_the_bytes(call: Call) -> None:
    first = deploy(call)
    done = document(call("promote", "svc", "memory", "--as", "svc-prod", "--set", "size=2", "--json"))
    assert (done["name"], done["digest"]) == ("svc-prod", first["digest"])
    code, _, err = call("promote", "svc", "moon")
    assert code == 3
    assert "installed are: broken, memory" in err


def test_a_deadline_is_kept(call: Call) -> None:
    code, _, err = call("deploy", "svc", "score.py", "--target", "memory", "--set", "hang=true", "--timeout", "0.2")
    assert code == 1
    assert "did not finish within 0.2 s" in err


def test_a_broken_target_is_named_and_does_not_hide_the_others(call: Call) -> None:
    found = {item["name"]: item for item in document(call("target", "list", "--json"))["targets"]}
    assert found["memory"]["available"] is True
    assert "NotThere" in found["broken"]["reason"]
    described = document(call("target", "describe", "memory", "--json"))
    assert described["capabilities"]["key_auth"] is True
    assert "size" in described["configuration"]["properties"]
    text = call("target", "describe", "memory")[1]
    assert "integer 1 to 10" in text
    code, _, err = call("target", "describe", "broken")
    assert code == 5
    assert "could not be loaded" in err


def test_a_target_that_fails_to_look_does_not_hide_the_services(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.core.memory_target import MemoryTarget

    deploy(call, "one-a")
    deploy(call, "one-b")
    truth = MemoryTarget.observe

    def faulty(self: MemoryTarget, service: Any) -> Any:
        if service.name == "one-a":
            raise KeyError("control")
        return truth(self, service)

    monkeypatch.setattr(MemoryTarget, "observe", faulty)
    services = document(call("list", "--json"))["services"]
    assert [(item["name"], item["state"]) for item in services] == [("one-a", "Healthy"), ("one-b", "Healthy")]


def test_keys_are_shown_and_changed(call: Call) -> None:
    deploy(call)
    both = document(call("keys", "svc", "--json"))
    assert set(both) == {"primary", "secondary"}
    assert call("keys", "svc", "--secondary")[1] == both["secondary"] + "\n"
    changed = document(call("keys", "svc", "--regenerate", "secondary", "--json"))
    assert changed["primary"] == both["primary"]
    assert changed["secondary"] != both["secondary"]
    assert changed["notes"] == ["the secondary key of svc was changed"]


def test_a_configuration_file_of_ours_is_below_the_options(call: Call, tmp_path: Path) -> None:
    (tmp_path / "deploy.yml").write_text("target: memory\nsize: 4\ntags: {a: b}\n")
    done = document(call("deploy", "svc", "score.py", "--config", "deploy.yml", "--set", "size=5", "--json"))
    assert (done["target"], done["tags"]) == ("memory", {"a": "b"})
    revisions = document(call("revisions", "svc", "--json"))["revisions"]
    assert revisions[0]["config"]["size"] == 5
    code, _, err = call("deploy", "svc", "score.py", "--config", "deploy.yml", "--set", "size=50")
    assert code == 2
    assert "size" in err


def test_models_have_their_life(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "outputs" / "model"
    (folder / "variables").mkdir(parents=True)
    (folder / "variables" / "weights.bin").write_bytes(b"1234")
    registered = document(
        call(
            "model",
            "register",
            "outputs/model",
            "-n",
            "net",
            "--cpu",
            "1",
            "--property",
            "run=7",
            "-d",
            "a net",
            "--json",
        )
    )
    assert registered["id"] == "net:1"
    assert registered["resource_configuration"] == {"cpu": 1.0}
    shown = document(call("model", "show", "net", "--json"))
    assert [item["path"] for item in shown["content"]] == ["model/variables/weights.bin"]
    assert shown["used_by"] == []
    text = call("model", "show", "net:1")[1]
    assert "azureml-models/net/1/model" in text
    changed = document(call("model", "update", "net:1", "--add-tag", "a=1", "--add-tag", "b=2", "--json"))
    assert changed["tags"] == {"a": "1", "b": "2"}
    assert document(call("model", "update", "net", "--remove-tag", "a", "--json"))["tags"] == {"b": "2"}
    code, _, err = call("model", "update", "net", "--add-property", "run=8")
    assert code == 4
    assert "cannot be changed" in err
    assert document(call("model", "list", "--tag", "b", "--json"))["models"][0]["id"] == "net:1"
    assert document(call("model", "list", "--tag", "b=3", "--json")) == {"models": []}
    downloaded = document(call("model", "download", "net:1", "-t", "copy", "--json"))
    assert (Path(downloaded["path"]) / "variables" / "weights.bin").read_bytes() == b"1234"
    assert call("model", "download", "net:1", "-t", "copy")[0] == 4
    assert call("model", "download", "net:1", "-t", "copy", "--overwrite")[0] == 0
    assert document(call("model", "delete", "net:1", "--json")) == {"id": "net:1", "deleted": True}
    code, _, err = call("model", "delete", "net:1")
    assert code == 3
    assert "was deleted" in err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("register", "-n", "x"), 2, "path"),
        (("register", "nothere.pkl", "-n", "x"), 3, "nothere.pkl"),
        (("register", "score.py", "-n", "x y"), 2, "model name"),
        (("register", "score.py", "-n", "x", "--model-framework", "sklearn"), 2, "ScikitLearn"),
        (("delete", "x"), 2, "name:version"),
        (("show", "x:9"), 3, "x:9"),
    ],
)
def test_wrong_models_are_one_sentence(call: Call, words: tuple[str, ...], code: int, said: str) -> None:
    seen, out, err = call("model", *words)
    assert (seen, out) == (code, "")
    assert said in err
    assert err.count("\n") == 1


def test_environments_have_their_life(call: Call, tmp_path: Path) -> None:
    (tmp_path / "conda.yml").write_text(
        "name: x\nchannels: [conda-forge]\ndependencies:\n- python=3.11\n- pip:\n  - numpy>=2\n"
    )
    created = document(call("environment", "create", "-n", "env", "-f", "conda.yml", "--pip", "scipy", "--json"))
    assert (created["name"], created["version"]) == ("env", "1")
    assert created["pip"] == ["numpy>=2", "scipy"]
    again = document(call("environment", "create", "-n", "env", "-f", "conda.yml", "--pip", "scipy", "--json"))
    assert again["version"] == "1", "the same content keeps its version"
    assert document(call("environment", "list", "--json"))["environments"][0]["digest"] == created["digest"]
    assert document(call("environment", "show", "env", "--json"))["python"] == "3.11"
    assert "numpy>=2" in call("environment", "show", "env:1", "--requirements")[1]
    assert "conda-forge" in call("environment", "show", "env", "--conda")[1]
    code, _, err = call("environment", "delete", "env")
    assert code == 2
    assert "NAME:VERSION" in err
    assert document(call("environment", "delete", "env:1", "--json"))["deleted"] == 1
    assert call("environment", "show", "env")[0] == 3


def test_bundles_travel_between_workspaces(call: Call, tmp_path: Path) -> None:
    digest = deploy(call)["digest"]
    listed = document(call("bundle", "list", "--json"))["bundles"]
    assert [item["digest"] for item in listed] == [digest]
    assert listed[0]["used_by"] == ["service svc revision 1"]
    assert document(call("bundle", "export", digest[7:19], "b.tar", "--json"))["digest"] == digest
    other = ("--workspace", str(tmp_path / "other"))
    assert document(call("bundle", "import", "b.tar", "--json", *other))["digest"] == digest
    assert digest in call("bundle", "verify", *other)[1]
    assert "score.py" in call("bundle", "show", digest[:20], *other)[1]
    (tmp_path / "b.tar").write_bytes((tmp_path / "b.tar").read_bytes()[:600])
    assert call("bundle", "import", "b.tar", *other)[0] in {1, 2}
    code, _, err = call("bundle", "show", "12345678")
    assert code == 3
    assert "12345678" in err


def test_gc_removes_what_nothing_uses_and_nothing_else(call: Call, tmp_path: Path) -> None:
    kept = deploy(call, "kept")["digest"]
    (tmp_path / "score.py").write_text(SCRIPT.replace("return data", "return [data]"))
    gone = deploy(call, "gone")["digest"]
    call("delete", "gone")
    assert document(call("gc", "--json"))["bundles"] == 0, "what is new may be about to be used"
    done = document(call("gc", "--all", "--json"))
    assert done["bundles"] == 1
    assert done["files"] >= 1
    left = [item["digest"] for item in document(call("bundle", "list", "--json"))["bundles"]]
    assert left == [kept]
    assert gone not in left
    assert kept in call("bundle", "verify")[1]


def test_events_are_read_on_from_a_number(call: Call) -> None:
    deploy(call, "one-a")
    deploy(call, "one-b")
    events = document(call("events", "--json"))["events"]
    kinds = [event["kind"] for event in events]
    assert "service_created" in kinds
    assert "revision_live" in kinds
    seq = events[3]["seq"]
    assert [event["seq"] for event in document(call("events", "--after", str(seq), "--json"))["events"]] == [
        event["seq"] for event in events[4:]
    ]
    only = document(call("events", "--service", "one-b", "-n", "2", "--json"))["events"]
    assert [event["service"] for event in only] == ["one-b"] * 2


def test_version_opens_no_workspace(call: Call, tmp_path: Path) -> None:
    shown = document(call("version", "--json"))
    assert shown["workspace"] == str(tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_a_log_cannot_write_to_the_readers_terminal(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyter_mldeploy.core.target import LogLine, LogPage
    from tests.core.memory_target import MemoryTarget

    deploy(call)
    page = LogPage([LogLine(None, "\x1b[2Jwiped \x07\u202etxt")], "end")
    monkeypatch.setattr(MemoryTarget, "logs", lambda *_: page)
    out = call("logs", "svc")[1]
    assert "wiped" in out
    assert not {"\x1b", "\x07", "\u202e"} & set(out)


def test_a_fault_of_ours_is_one_sentence(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyter_mldeploy.core.workspace import Workspace

    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(Workspace, "services", broken)
    code, _, err = call("list")
    assert code == 1
    assert "ZeroDivisionError: oops" in err
    assert "MLDEPLOY_TRACEBACK=1" in err
    monkeypatch.setenv("MLDEPLOY_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        call("list")


def test_an_interruption_has_its_code(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyter_mldeploy.core.workspace import Workspace

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Workspace, "services", interrupted)
    assert call("list")[0] == 130


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MldeployError("x"), exit_codes.FAILED),
        (DeploymentError("x"), exit_codes.FAILED),
        (StoreFullError("x"), exit_codes.FAILED),
        (ForbiddenError("x"), exit_codes.FAILED),
        (InvalidNameError("x"), exit_codes.USAGE),
        (NotSupportedError("x"), exit_codes.USAGE),
        (NotFoundError("model", "x"), exit_codes.NOT_FOUND),
        (BusyError("x"), exit_codes.CONFLICT),
        (TargetUnavailableError("x"), exit_codes.UNAVAILABLE),
    ],
)
def test_every_error_has_its_exit_code(error: MldeployError, code: int) -> None:
    assert exit_codes.exit_code(error) == code
