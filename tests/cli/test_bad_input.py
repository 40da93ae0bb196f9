"""Bad input: one clear sentence on stderr, an exit code that says which kind, and nothing left behind."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import FACTOR

from .conftest import MLDEPLOY, SCRIPT, Done, Run


@pytest.fixture(scope="module", autouse=True)
def nothing_left(home: Path) -> Iterator[None]:
    """After all the refusals the workspace has no service, no private folder and no work in progress."""
    yield
    from jupyter_mldeploy.core.workspace import Workspace

    assert Workspace(home).catalogue.services() == []
    assert [path for path in (home / "services").glob("*") if path.is_dir()] == []
    assert list((home / "tmp").glob("*")) == []


def sentence(done: Done, code: int) -> str:
    """Check that a call was refused with one line, and return it."""
    assert done.code == code, done.err
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1, done.err
    assert done.err.rstrip().endswith((".", "?"))
    return done.err


def test_a_model_file_that_is_not_there(mldeploy: Run) -> None:
    said = sentence(mldeploy("deploy", "bad-model", "score.py", "--model", "rigde.pkl"), 3)
    assert "'rigde.pkl'" in said
    assert "ridge.pkl" in said, "the file that was probably meant"


def test_a_model_that_was_deleted(mldeploy: Run) -> None:
    assert mldeploy("model", "register", "ridge.pkl", "-n", "gone").code == 0
    assert mldeploy("model", "delete", "gone:1").code == 0
    assert "was deleted" in sentence(mldeploy("deploy", "bad-gone", "score.py", "--model", "gone:1"), 3)
    assert "gone:1" in sentence(mldeploy("model", "show", "gone:1"), 3)


@pytest.mark.parametrize("name", ["Diabetes", "ab", "a" * 33, "di_abetes", "9lives", "tail-"])
def test_a_name_that_breaks_the_rule(mldeploy: Run, name: str) -> None:
    said = sentence(mldeploy("deploy", name, "score.py", "--model", "ridge.pkl"), 2)
    assert "service name" in said
    assert "3 to 32" in said


def test_a_script_that_is_not_there(mldeploy: Run) -> None:
    said = sentence(mldeploy("deploy", "bad-script", "scroe.py"), 2)
    assert "'scroe.py'" in said
    assert "score.py" in said


def test_a_syntax_error(mldeploy: Run, folder: Path) -> None:
    (folder / "score.py").write_text(SCRIPT.replace("def run(data):", "def run(data:"))
    said = sentence(mldeploy("deploy", "bad-syntax", "score.py", "--model", "ridge.pkl"), 2)
    assert "score.py line 9" in said
    assert "MLD100" in said


def test_a_script_without_run(mldeploy: Run, folder: Path) -> None:
    (folder / "score.py").write_text(SCRIPT.replace("def run(", "def predict("))
    said = sentence(mldeploy("deploy", "bad-run", "score.py", "--model", "ridge.pkl"), 2)
    assert "run()" in said
    assert "MLD101" in said
    forced = sentence(mldeploy("deploy", "bad-run", "score.py", "--model", "ridge.pkl", "--force"), 2)
    assert "MLD101" in forced, "what is certain to fail cannot be forced"


def test_a_port_that_is_taken(mldeploy: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = sentence(mldeploy("deploy", "bad-port", "score.py", "--model", "ridge.pkl", "--port", str(port)), 4)
    assert str(port) in said
    assert "free one" in said


def test_a_target_that_is_not_installed(mldeploy: Run) -> None:
    said = sentence(mldeploy("deploy", "bad-target", "score.py", "--target", "moon"), 3)
    assert "'moon'" in said
    assert "installed are: aks, docker, fpga, kubernetes, local" in said


def test_a_configuration_key_that_does_not_exist(mldeploy: Run) -> None:
    said = sentence(mldeploy("deploy", "bad-key", "score.py", "--model", "ridge.pkl", "--set", "wokers=2"), 2)
    assert "wokers" in said
    assert "did you mean 'workers'" in said


def test_a_configuration_value_of_the_wrong_kind(mldeploy: Run) -> None:
    done = mldeploy("deploy", "bad-value", "score.py", "--set", "scoring_timeout_ms=soon", "--json")
    assert done.code == 2
    assert done.error["code"] == "invalid_configuration"
    assert done.error["details"]["field"] == "scoring_timeout_ms"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("env.yml", "dependencies: [numpy\n", "env.yml"),
        ("env.yml", "dependencies: numpy\n", "dependencies"),
        ("requirements.txt", "numpy=1.26\n", "requirements.txt"),
    ],
)
def test_an_environment_file_that_is_broken(mldeploy: Run, folder: Path, name: str, text: str, said: str) -> None:
    (folder / name).write_text(text)
    assert said in sentence(mldeploy("deploy", "bad-env", "score.py", "--model", "ridge.pkl", "--env", name), 2)


def test_an_environment_that_is_not_registered(mldeploy: Run) -> None:
    assert "'nowhere'" in sentence(mldeploy("deploy", "bad-env", "score.py", "--env", "nowhere"), 3)


def test_an_interpreter_that_is_not_there(mldeploy: Run) -> None:
    assert "'/no/python'" in sentence(mldeploy("deploy", "bad-python", "score.py", "--python", "/no/python"), 2)


def test_neither_script_nor_notebook(mldeploy: Run) -> None:
    assert "--notebook" in sentence(mldeploy("deploy", "bad-nothing"), 2)


def test_a_service_that_is_not_there(mldeploy: Run) -> None:
    for words in (("status",), ("logs",), ("score",), ("stop",), ("rollback",), ("keys",), ("revisions",), ("delete",)):
        assert "'nobody'" in sentence(mldeploy(*words, "nobody"), 3)


def test_data_that_is_not_json(mldeploy: Run) -> None:
    assert "not JSON" in sentence(mldeploy("score", "nobody", "-d", "{data: 1}"), 2)
    assert "'nofile.json'" in sentence(mldeploy("score", "nobody", "-d", "@nofile.json"), 2)


def test_a_workspace_that_is_no_folder(mldeploy: Run, folder: Path) -> None:
    (folder / "plain").write_text("")
    done = mldeploy("list", "--workspace", "plain")
    assert done.code == 1
    assert "plain" in sentence(done, 1)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can make a small file system")
def test_a_full_disk(mldeploy: Run, folder: Path) -> None:
    """A 2 MB file system takes the catalogue but not the model; afterwards nothing of it is left and room is back."""
    small = folder / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        home = {"MLDEPLOY_HOME": str(small / "home")}
        assert mldeploy("list", env=home).code == 0
        (folder / "big.bin").write_bytes(os.urandom(4_000_000))
        said = sentence(mldeploy("model", "register", "big.bin", "-n", "big", env=home), 1)
        assert "full" in said or "room" in said or "space" in said
        assert mldeploy("model", "list", "--json", env=home).json == {"models": []}
        failed = mldeploy("deploy", "bad-disk", "score.py", "--model", "big.bin", "--json", env=home)
        assert failed.code == 1
        assert failed.error["code"] == "store_full"
        assert mldeploy("list", "--json", env=home).json == {"services": []}
        assert mldeploy("model", "register", "ridge.pkl", "-n", "small", env=home).code == 0
    finally:
        subprocess.run(["umount", "-l", str(small)], check=False)


def test_a_reader_that_leaves_is_no_error(home: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{MLDEPLOY} --help | head -1; {MLDEPLOY} target list --json | true"],
        env={**os.environ, "MLDEPLOY_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60 * FACTOR,
        check=False,
    )
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.slow
def test_an_environment_that_cannot_be_built(mldeploy: Run, folder: Path) -> None:
    offline = {"PIP_NO_INDEX": "1", "UV_OFFLINE": "1", "UV_NO_INDEX": "1"}
    assert mldeploy("environment", "create", "-n", "broken", "--pip", "there-is-no-such-thing==99").code == 0
    done = mldeploy("environment", "build", "broken", "--json", env=offline)
    assert done.code == 1
    assert done.error["code"] == "environment_build_failed"
    assert done.error["details"]["log_tail"]
    failed = mldeploy(
        "deploy", "bad-build", "score.py", "--model", "ridge.pkl", "--env", "broken", "--isolated", env=offline
    )
    assert failed.code == 1
    assert "could not be built" in failed.err
    assert mldeploy("delete", "bad-build").code in {0, 3}
