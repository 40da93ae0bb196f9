"""The diabetes example by command line, from registration to deletion, on the local target."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.patience import FACTOR
from tests.ports import is_kept
from tests.targets.local_service import wait_for

from .conftest import MLDEPLOY, ROW, SCRIPT, Run

PAYLOAD = json.dumps({"data": [ROW]})


@pytest.mark.slow
def test_from_registration_to_deletion(mldeploy: Run, folder: Path, home: Path, prediction: float) -> None:
    registered = mldeploy(
        "model",
        "register",
        "ridge.pkl",
        "-n",
        "diabetes-ridge",
        "--model-framework",
        "ScikitLearn",
        "--tag",
        "a=b",
        "--json",
    )
    assert registered.code == 0, registered.err
    assert registered.json["id"] == "diabetes-ridge:1"
    assert registered.json["tags"] == {"a": "b"}
    assert "diabetes-ridge" in mldeploy("model", "list", "--tag", "a=b").out

    planned = mldeploy("plan", "diabetes", "score.py", "--model", "diabetes-ridge", "--json")
    assert planned.code == 0, planned.err
    assert planned.json["revision"] == 1
    assert mldeploy("list", "--json").json == {"services": []}, "a plan creates nothing"

    deployed = mldeploy("deploy", "diabetes", "score.py", "--model", "diabetes-ridge:1", "--tag", "team=x")
    assert deployed.code == 0, deployed.err
    assert "diabetes revision 1: Healthy" in deployed.out
    steps = deployed.err.splitlines()
    assert len(steps) >= 3
    assert all(" s  " in line for line in steps), "off a terminal each step is one plain line with the time"
    assert "\x1b" not in deployed.out + deployed.err
    assert "\r" not in deployed.err

    listed = mldeploy("list")
    assert "diabetes" in listed.out
    assert "Healthy" in listed.out
    status = mldeploy("status", "diabetes", "--json").json
    assert (status["state"], status["revision"], status["tags"]) == ("Healthy", 1, {"team": "x"})
    assert status["digest"] == planned.json["bundle"], "the plan names the very bytes"

    scored = mldeploy("score", "diabetes", "-d", PAYLOAD)
    assert scored.code == 0, scored.err
    assert json.loads(scored.out) == pytest.approx([prediction])
    (folder / "request.json").write_text(PAYLOAD)
    assert mldeploy("score", "diabetes", "-d", "@request.json").out == scored.out
    assert mldeploy("score", "diabetes", "-d", "-", stdin=PAYLOAD).out == scored.out
    answer = mldeploy("score", "diabetes", "-d", PAYLOAD, "--json").json
    assert answer["status"] == 200
    assert answer["result"] == pytest.approx([prediction])

    key = mldeploy("keys", "diabetes", "--primary").out.strip()
    request = urllib.request.Request(
        status["scoring_uri"], PAYLOAD.encode(), {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:
        assert json.load(response) == pytest.approx([prediction])
    changed = mldeploy("keys", "diabetes", "--regenerate", "primary", "--json").json
    assert changed["primary"] != key
    assert mldeploy("score", "diabetes", "-d", PAYLOAD).code == 0, "the command line sends the new key"

    (folder / "score.py").write_text(SCRIPT.replace(".tolist()", ".round(1).tolist()"))
    updated = mldeploy("update", "diabetes", "score.py", "--set", "workers=2", "--json")
    assert updated.code == 0, updated.err
    assert updated.json["revision"] == 2
    assert updated.err == ""
    assert json.loads(mldeploy("score", "diabetes", "-d", PAYLOAD).out) == [round(prediction, 1)]
    difference = mldeploy("diff", "diabetes", "1")
    assert "+    return model.predict" in difference.out
    assert mldeploy("diff", "diabetes", "1", "2", "--json").json["files"][0]["path"] == "score.py"

    back = mldeploy("rollback", "diabetes", "-q")
    assert back.code == 0, back.err
    assert back.err == ""
    assert json.loads(mldeploy("score", "diabetes", "-d", PAYLOAD).out) == pytest.approx([prediction])
    revisions = mldeploy("revisions", "diabetes", "--json").json["revisions"]
    assert [item["revision"] for item in revisions] == [3, 2, 1]
    assert [item["state"] for item in revisions] == ["live", "superseded", "superseded"]

    assert mldeploy("stop", "diabetes").code == 0
    assert mldeploy("status", "diabetes", "--json").json["state"] == "Stopped"
    stopped = mldeploy("score", "diabetes", "-d", PAYLOAD)
    assert stopped.code == 5
    assert "mldeploy start diabetes" in stopped.err
    assert mldeploy("start", "diabetes").code == 0
    assert mldeploy("score", "diabetes", "-d", PAYLOAD).code == 0

    used = mldeploy("model", "delete", "diabetes-ridge:1", "--json")
    assert used.code == 4
    assert used.error["code"] == "in_use"
    assert any("diabetes" in user for user in used.error["details"]["used_by"])

    assert mldeploy("delete", "diabetes").code == 0
    assert "There are no services" in mldeploy("list").out
    assert mldeploy("delete", "diabetes").code == 0, "deleting again is no error"
    assert mldeploy("status", "diabetes").code == 3
    assert "revision 1" in mldeploy("logs", "diabetes").out, "the log outlives the service"
    events = mldeploy("events", "--service", "diabetes", "--json").json["events"]
    assert events[-1]["kind"] == "service_deleted"
    assert mldeploy("model", "delete", "diabetes-ridge:1").code == 0


def test_a_failed_redeploy_explains_itself_and_changes_nothing(mldeploy: Run, folder: Path) -> None:
    assert mldeploy("deploy", "keeper", "score.py", "--model", "ridge.pkl").code == 0
    (folder / "score.py").write_text(SCRIPT.replace("ridge.pkl", "lasso.pkl"))
    failed = mldeploy("deploy", "keeper", "score.py", "--model", "ridge.pkl")
    assert failed.code == 1
    assert failed.out == ""
    head, rest = failed.err[failed.err.index("error: ") :].split("\n", 1)
    assert "lasso.pkl" in head
    for part in (
        "score.py, line 6",  # the user's traceback, in the user's file
        "ridge.pkl",  # what the model directory holds
        "last log lines",
    ):
        assert part in rest
    assert failed.err.count("Revision 1 goes on serving") == 1
    as_json = mldeploy("deploy", "keeper", "score.py", "--model", "ridge.pkl", "--json")
    assert as_json.code == 1
    error = as_json.error
    assert error["code"] == "deployment_failed"
    assert error["serving"]["revision"] == 1
    assert error["details"]["postmortem"]["traceback"]
    assert mldeploy("score", "keeper", "-d", PAYLOAD).code == 0


def test_logs_and_events_are_followed_until_interrupted(mldeploy: Run, home: Path, folder: Path) -> None:
    assert mldeploy("deploy", "talker", "score.py", "--model", "ridge.pkl").code == 0
    environment = {**os.environ, "MLDEPLOY_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    (folder / "score.py").write_text(
        SCRIPT.replace("    global model", '    global model\n    print("a word from init")')
    )
    with subprocess.Popen(
        [MLDEPLOY, "logs", "talker", "-f", "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as following:
        assert mldeploy("update", "talker", "score.py").code == 0
        assert following.stdout is not None
        deadline = time.monotonic() + 60 * FACTOR
        for line in following.stdout:
            if json.loads(line)["text"].startswith("a word from init"):
                break
            assert time.monotonic() < deadline
        following.send_signal(signal.SIGINT)
        assert following.wait(60 * FACTOR) == 130
    assert mldeploy("delete", "talker").code == 0


def test_several_services_at_once(mldeploy: Run) -> None:
    for name in ("one-a", "one-b"):
        assert mldeploy("deploy", name, "score.py", "--model", "ridge.pkl").code == 0
    stopped = mldeploy("stop", "one-a", "nobody", "one-b", "--json")
    assert stopped.code == 3
    assert [item["name"] for item in stopped.json["services"]] == ["one-a", "one-b"]
    assert stopped.json["errors"][0]["code"] == "not_found"
    assert mldeploy("start", "--all", "--json").json == {"services": []}, "what was stopped on purpose stays stopped"
    deleted = mldeploy("delete", "one-a", "one-b")
    assert deleted.out.splitlines() == ["one-a is deleted", "one-b is deleted"]


@pytest.mark.slow
def test_start_all_brings_back_what_a_restarted_host_lost(mldeploy: Run, prediction: float) -> None:
    assert mldeploy("deploy", "survivor", "score.py", "--model", "ridge.pkl").code == 0
    before = mldeploy("status", "survivor", "--json").json
    assert "worker-1, revision 1, serving" in mldeploy("status", "survivor").out
    for pid in (before["facts"]["supervisor_pid"], *(worker["pid"] for worker in before["facts"]["workers"])):
        with contextlib.suppress(ProcessLookupError):  # a worker may end with its supervisor
            os.kill(pid, signal.SIGKILL)

    def lost() -> dict[str, Any] | None:
        seen: dict[str, Any] = mldeploy("status", "survivor", "--json").json
        return seen if seen["state"] == "Failed" else None

    assert wait_for(lost, "its loss", 40 * FACTOR)["reason"]
    assert mldeploy("score", "survivor", "-d", PAYLOAD).code == 5
    started = mldeploy("start", "--all", "--json")
    assert started.code == 0, started.err
    assert [item["name"] for item in started.json["services"]] == ["survivor"]
    after = mldeploy("status", "survivor", "--json").json
    assert (after["state"], after["revision"]) == ("Healthy", 1)
    assert is_kept(before["scoring_uri"], after["scoring_uri"]), "callers need not learn a new address"
    assert json.loads(mldeploy("score", "survivor", "-d", PAYLOAD).out) == pytest.approx([prediction])
    assert mldeploy("delete", "survivor").code == 0


@pytest.mark.slow
def test_tokens_are_issued_and_revoked(mldeploy: Run) -> None:
    assert mldeploy("deploy", "keyed", "score.py", "--model", "ridge.pkl").code == 0
    refused = mldeploy("token", "keyed")
    assert refused.code == 4
    assert "token_auth_enabled" in refused.err
    deployed = mldeploy("update", "keyed", "--set", "token_auth_enabled=true")
    assert deployed.code == 0, deployed.err
    uri = mldeploy("status", "keyed", "--json").json["scoring_uri"]

    def status(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            with urllib.request.urlopen(urllib.request.Request(uri, PAYLOAD.encode(), headers)) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    issued = mldeploy("token", "keyed", "--life", "1h", "--json").json
    assert issued["token_type"] == "Bearer"
    assert status(issued["access_token"]) == 200
    assert mldeploy("score", "keyed", "-d", PAYLOAD).code == 0, "the command line sends a token of its own"
    fresh = mldeploy("token", "keyed", "--rotate", "--revoke", "-q").out.strip()
    assert status(issued["access_token"]) == 401
    assert status(fresh) == 200
    assert mldeploy("token", "keyed", "--revoke").code == 2
    assert mldeploy("delete", "keyed").code == 0
