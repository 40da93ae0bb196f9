"""The warm parent: what it loads in advance, when it is renewed, and what its workers start with."""

from __future__ import annotations

import os
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_mldeploy.scoring.control import ControlError

from .supervised import HERE, Supervised, wait_for


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Supervised]:
    found = Supervised(tmp_path)
    yield found
    found.clean()


@pytest.fixture
def interpreter(tmp_path: Path) -> Path:
    """A virtual environment of our own, in which distributions can come and go."""
    home = tmp_path / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    return home / "bin" / "python"


def site(interpreter: Path) -> Path:
    return next((interpreter.parent.parent / "lib").glob("python*/site-packages"))


LOADED = (
    "import sys\nloaded = '{0}' in sys.modules\nimport {0}\ndef init(): pass\ndef run(text): return loaded, {0}.VALUE\n"
)


def test_installed_modules_are_loaded_before_the_fork(service: Supervised, interpreter: Path) -> None:
    (site(interpreter) / "heavy.py").write_text("VALUE = 1\n")
    service.start(LOADED.format("heavy"), interpreter=str(interpreter), imports=["heavy", "not_there"])
    assert service.ask()[1] == "(True, 1)"


def test_modules_of_the_user_are_read_afresh_by_every_worker(service: Supervised, interpreter: Path) -> None:
    own = service.base / "own"
    own.mkdir()
    (own / "mine.py").write_text("VALUE = 1\n")
    service.environment["PYTHONPATH"] = f"{HERE}:{own}"
    order = {"interpreter": str(interpreter), "imports": ["mine"]}
    service.start(LOADED.format("mine"), **order)
    assert service.ask()[1] == "(False, 1)"
    (own / "mine.py").write_text("VALUE = 22\n")
    service.swap(LOADED.format("mine"), **order)
    assert service.ask()[1] == "(False, 22)"


def test_an_editable_module_that_came_along_renews_the_parent_when_it_changes(
    service: Supervised, interpreter: Path
) -> None:
    own = service.base / "own"
    own.mkdir()
    (own / "editable.py").write_text("VALUE = 1\n")
    (site(interpreter) / "installed.py").write_text("import editable\nVALUE = editable.VALUE\n")
    service.environment["PYTHONPATH"] = f"{HERE}:{own}"
    order = {"interpreter": str(interpreter), "imports": ["installed"]}
    service.start(LOADED.format("installed"), **order)
    (own / "editable.py").write_text("VALUE = 22\n")
    service.swap(LOADED.format("installed"), **order)
    assert service.ask()[1] == "(True, 22)"
    assert "editable.py was changed" in service.messages()


def test_installing_a_package_renews_the_parent(service: Supervised, interpreter: Path) -> None:
    (site(interpreter) / "heavy.py").write_text("VALUE = 1\n")
    order = {"interpreter": str(interpreter), "imports": ["heavy"]}
    service.start(LOADED.format("heavy"), **order)
    (site(interpreter) / "heavy.py").write_text("VALUE = 22\n")
    (site(interpreter) / "heavy-2.dist-info").mkdir()
    service.swap(LOADED.format("heavy"), **order)
    assert service.ask()[1] == "(True, 22)"
    assert "packages in" in service.messages()


def test_what_a_revision_turned_out_to_need_is_loaded_for_the_next(service: Supervised, interpreter: Path) -> None:
    (site(interpreter) / "surprise.py").write_text("VALUE = 1\n")
    script = (
        "import importlib, sys\nloaded = 'surprise' in sys.modules\n"
        "def init(): importlib.import_module('surprise')\ndef run(text): return loaded\n"
    )
    order = {"interpreter": str(interpreter), "learn": True}
    service.start(script, **order)
    assert service.ask()[1] == "False"

    def learned() -> bool:
        service.swap(script, **order)
        return service.ask()[1] == "True"

    wait_for(learned, "the warm parent to learn")


def test_a_module_that_starts_a_thread_is_left_to_the_workers(service: Supervised, interpreter: Path) -> None:
    (site(interpreter) / "threaded.py").write_text(
        "import threading\nVALUE = 1\n"
        "threading.Thread(target=threading.Event().wait, daemon=True, name='pump').start()\n"
    )
    (site(interpreter) / "heavy.py").write_text("VALUE = 2\n")
    script = LOADED.format("threaded") + "loaded = (loaded, 'heavy' in sys.modules)\n"
    service.start(script, interpreter=str(interpreter), imports=["threaded", "heavy"])
    assert service.ask()[1] == "((False, True), 1)"
    assert "'threaded' is not loaded in advance: it started a thread (pump)" in service.messages()


NATIVE = """
import _thread, os, pathlib, time
VALUE = 1
gate = _thread.allocate_lock()
gate.acquire()
def body():
    pathlib.Path(f"/proc/self/task/{{_thread.get_native_id()}}/comm").write_text("{name}")
    started.append(True)
    gate.acquire()
started = []
_thread.start_new_thread(body, ())
while not started:
    time.sleep(0.001)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="native threads are seen in /proc")
@pytest.mark.parametrize(("thread", "early"), [("polars-0", False), ("jemalloc_bg_thd", True)])
def test_native_threads_are_told_apart(service: Supervised, interpreter: Path, thread: str, early: bool) -> None:
    (site(interpreter) / "native.py").write_text(NATIVE.format(name=thread))
    service.start(LOADED.format("native"), interpreter=str(interpreter), imports=["native"])
    assert service.ask()[1] == f"({early}, 1)"
    assert (f"it started a native thread ({thread})" in service.messages()) is not early


def test_a_module_that_kills_the_parent_is_left_to_the_workers(service: Supervised, interpreter: Path) -> None:
    (site(interpreter) / "deadly.py").write_text("import os\nos.kill(os.getpid(), 11)\n")
    service.start(interpreter=str(interpreter), imports=["deadly"])
    assert service.ask()[0] == 200
    assert "loading 'deadly' in advance ended the warm parent" in service.messages()
    with pytest.raises(ControlError, match="was killed by SIGSEGV"):
        service.swap("import deadly\ndef init(): pass\ndef run(text): pass\n", interpreter=str(interpreter))


def test_a_module_that_hangs_is_named_and_does_not_hold_up_the_next_revision(
    service: Supervised, interpreter: Path
) -> None:
    service.start(interpreter=str(interpreter))
    (site(interpreter) / "hanging.py").write_text("import time\ntime.sleep(600)\n")
    with pytest.raises(ControlError, match=r"not ready within 4 s; it was loading 'hanging'"):
        service.swap(interpreter=str(interpreter), imports=["hanging"], start_timeout_s=4)
    service.swap(interpreter=str(interpreter), imports=["hanging"])
    assert service.ask()[2].startswith("3:")


def test_an_interpreter_that_cannot_run_the_server_is_named(service: Supervised, tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho this is no python >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(ControlError, match="cannot run the scoring server: this is no python"):
        service.start(interpreter=str(broken))
    wait_for(lambda: not service.processes(), "the end of all processes")


def test_another_interpreter_takes_over_in_a_swap(service: Supervised, interpreter: Path) -> None:
    script = "import sys\ndef init(): pass\ndef run(text): return sys.prefix\n"
    service.start(script)
    assert service.ask()[1] == sys.prefix
    service.swap(script, interpreter=str(interpreter))
    assert service.ask()[1] == str(interpreter.parent.parent)


def test_another_environment_is_there_when_libraries_are_loaded(service: Supervised, interpreter: Path) -> None:
    (site(interpreter) / "heavy.py").write_text("import os\nVALUE = os.environ.get('OMP_NUM_THREADS')\n")
    order = {"interpreter": str(interpreter), "imports": ["heavy"]}
    service.environment["OMP_NUM_THREADS"] = "3"
    service.start(LOADED.format("heavy"), **order)
    assert service.ask()[1] == "(True, '3')"
    service.environment["OMP_NUM_THREADS"] = "5"
    service.swap(LOADED.format("heavy"), **order)
    assert service.ask()[1] == "(True, '5')"


def test_workers_do_not_share_random_numbers(service: Supervised) -> None:
    numpy = pytest.importorskip("numpy")
    assert numpy.random.rand() != numpy.random.rand()
    script = (
        "import random, numpy\ndrawn = (random.random(), numpy.random.rand())\ndef init(): pass\n"
        "def run(text): return drawn\n"
    )
    answers = set()
    service.start(script, imports=["numpy.random"])
    for _ in range(2):
        answers.update(service.ask()[1].strip("()").split(", "))
        service.swap(script, imports=["numpy.random"])
    assert len(answers) == 4


def test_secrets_reach_the_script_and_nothing_on_disk(service: Supervised) -> None:
    script = (
        "import os\ndef init(): print(os.environ['PASSWORD'], flush=True)\n"
        "def run(text): return os.environ['PASSWORD']\n"
    )
    service.start(script, secrets={"PASSWORD": "correct-horse"})
    assert service.ask()[1] == "correct-horse"
    os.kill(service.workers()[0]["pid"], 9)
    assert service.ask()[1] == "correct-horse", "a replaced worker has them too"
    assert "***" in service.log_text()
    service.stop()
    for path in service.base.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert b"correct-horse" not in path.read_bytes(), path


def test_what_belongs_to_jupyter_or_the_cloud_is_not_there(
    service: Supervised, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = (
        "JUPYTERHUB_API_TOKEN",
        "JPY_PARENT_PID",
        "AZURE_CLIENT_SECRET",
        "AWS_ACCESS_KEY_ID",
        "HF_TOKEN",
        "DB_PASSWORD",
    )
    for name in hidden:
        monkeypatch.setenv(name, "hidden")
    monkeypatch.setenv("MY_SETTING", "shown")
    service.start("import os\ndef init(): pass\ndef run(text): return sorted(os.environ.items())\n")
    seen = service.ask()[1]
    assert "'hidden'" not in seen
    assert "('MY_SETTING', 'shown')" in seen
    assert f"('MLDEPLOY_SERVICE_UID', '{service.uid}')" in seen


def test_the_supervisor_itself_imports_nothing_but_the_standard_library(service: Supervised) -> None:
    service.start(imports=["numpy"])
    maps = Path(f"/proc/{service.status()['pid']}/maps")
    if not maps.exists():
        pytest.skip("needs /proc")
    assert "site-packages" not in maps.read_text()
    assert service.status()["warm_parents"][0]["memory_bytes"] > 0
