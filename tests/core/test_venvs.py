"""Virtual environments: built once for each content, whole or not there, failures that name the culprit."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.environment import EnvironmentSpec, VenvCache
from jupyter_mldeploy.core.environments import venv_python, venvs
from jupyter_mldeploy.core.environments.build_failures import explain_failure
from jupyter_mldeploy.core.environments.conda_to_pip import as_pip
from jupyter_mldeploy.core.environments.runtime_requirements import RUNTIME_REQUIREMENTS
from jupyter_mldeploy.core.environments.venv_python import find_python, fits, python_version
from jupyter_mldeploy.core.store import Store
from jupyter_mldeploy.errors import EnvironmentBuildError, InvalidInputError, NotFoundError, StoreFullError
from tests.patience import FACTOR

# Stands in for uv: makes a folder with a link to Python, and does for "install" what UV_SCRIPT says.
FAKE_UV = """\
#!/bin/sh
echo "$@" >> "$UV_CALLS"
if [ "$1" = venv ]; then
    for last; do :; done
    mkdir -p "$last/bin" && ln -s "{python}" "$last/bin/python"
    exit
fi
eval "$UV_SCRIPT"
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a stand-in for uv on the search path; the returned file lists how it was called."""
    tool = tmp_path / "tools" / "uv"
    tool.parent.mkdir()
    tool.write_text(FAKE_UV.format(python=sys.executable))
    tool.chmod(0o755)
    calls = tmp_path / "calls"
    calls.touch()
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("UV_CALLS", str(calls))
    monkeypatch.setenv("UV_SCRIPT", "true")
    monkeypatch.setattr(venvs, "find_uv", lambda: str(tool))
    return calls


@pytest.fixture
def no_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venvs, "find_uv", lambda: None)


def left(store: Store) -> list[str]:
    folder = store.home / "venvs"
    return sorted(item.name for item in folder.iterdir() if item.is_dir()) if folder.exists() else []


def make_wheel(folder: Path, name: str, version: str, requires: str = "") -> None:
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{info}/METADATA": metadata + (f"Requires-Dist: {requires}\n" if requires else ""),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},{len(text)}\n"
        for path, text in files.items()
    )
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")


def test_one_is_built_for_each_content(store: Store, uv: Path) -> None:
    cache = VenvCache(store, runtime=("tinyrt",))
    spec = EnvironmentSpec(
        "one", pip=("a==1", "azureml-defaults"), lock={"a": "1", "b": "2.0+cpu"}, pip_options=("-i https://h",)
    )
    lines: list[str] = []
    interpreter = cache.ensure(spec, progress=lines.append)
    assert interpreter.parts[-2:] == ("bin", "python")
    assert interpreter.exists()
    folder = interpreter.parent.parent
    assert (folder / "requirements-0.txt").read_text() == "--index-url https://h\na==1\ntinyrt\n"
    assert (folder / "constraints-0.txt").read_text() == "a==1\nb==2.0\n"
    assert any("Installing" in line for line in lines)
    before = uv.read_text()
    assert cache.ensure(replace(spec, name="other")) == interpreter
    assert uv.read_text() == before
    assert cache.ensure(EnvironmentSpec(pip=("a==2",))) != interpreter
    assert VenvCache(store, runtime=("tinyrt==2",)).ensure(spec) != interpreter
    built = cache.list()
    assert len(built) == 3
    assert built[-1].environment == "one"
    assert built[-1].interpreter == interpreter


def test_a_failed_build_leaves_only_its_log(store: Store, uv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = (
        "  × No solution found:\n  ╰─▶ Because nosuch was not found in the package registry\n"
        "      and you require nosuch, we can conclude that your requirements are unsatisfiable."
    )
    monkeypatch.setenv("UV_SCRIPT", f"echo 'looking at https://me:secret@h/simple'; echo '{said}'; exit 1")
    cache = VenvCache(store, runtime=())
    with pytest.raises(EnvironmentBuildError) as caught:
        cache.ensure(EnvironmentSpec("broken", pip=("nosuch",)))
    error = caught.value
    assert "The environment 'broken' could not be built: nosuch does not exist in the package index." in str(error)
    assert error.details["requirement"] == "nosuch"
    assert "No solution found" in "\n".join(error.details["log_tail"])
    assert left(store) == []
    log = Path(error.details["log"])
    assert log == store.home / "venvs" / log.name
    assert "No solution found" in log.read_text()
    assert "secret" not in log.read_text() + str(error.to_dict())
    monkeypatch.setenv("UV_SCRIPT", "true")
    assert cache.ensure(EnvironmentSpec("broken", pip=("nosuch",))).exists()


def test_a_full_disk_is_said(store: Store, uv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_SCRIPT", "echo 'error: No space left on device (os error 28)'; exit 2")
    with pytest.raises(StoreFullError, match="the disk is full"):
        VenvCache(store).ensure(EnvironmentSpec(pip=("a",)))
    assert left(store) == []


def test_an_interrupt_ends_the_build_and_leaves_nothing(
    store: Store, uv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_SCRIPT", "echo working; exec sleep 600")

    def interrupt(line: str) -> None:
        if line == "working":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        VenvCache(store).ensure(EnvironmentSpec(pip=("a",)), progress=interrupt)
    assert left(store) == []


BUILD = """\
import sys
from jupyter_mldeploy.core.environments import venvs
from jupyter_mldeploy.core.environment import EnvironmentSpec, VenvCache
from jupyter_mldeploy.core.store import Store
venvs.find_uv = lambda: sys.argv[2]
print(VenvCache(Store(sys.argv[1])).ensure(EnvironmentSpec(pip=("a",)), progress=lambda line: print(line, flush=True)))
"""


def start_build(store: Store, uv: Path, script: str) -> subprocess.Popen[str]:
    tool = str(uv.parent / "tools" / "uv")
    environment = {**os.environ, "UV_SCRIPT": script}
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, str(store.home), tool], stdout=subprocess.PIPE, text=True, env=environment
    )


def read_until(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return
    raise AssertionError(f"the process ended without saying {text!r}")


def test_two_processes_build_it_once(store: Store, uv: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    first = start_build(store, uv, f"echo at the gate; cat {gate}")
    read_until(first, "at the gate")
    second = start_build(store, uv, "echo must not run; exit 1")
    read_until(second, "Another process is building this environment")
    gate.write_text("go\n")
    outputs = [process.communicate(timeout=60 * FACTOR)[0] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0]
    assert outputs[0].splitlines()[-1] == outputs[1].splitlines()[-1]
    assert uv.read_text().count("pip install") == 1


def test_what_a_killed_build_left_is_swept(store: Store, uv: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    process = start_build(store, uv, f"echo at the gate; cat {gate}")
    read_until(process, "at the gate")
    cache = VenvCache(store)
    assert cache.sweep() == ()  # somebody is building it
    process.kill()
    process.communicate()
    gate.write_text("")  # ends the installer that the killed process left
    half = left(store)
    assert len(half) == 1
    assert cache.list() == []
    assert cache.sweep() == tuple(half)
    assert left(store) == []
    assert cache.ensure(EnvironmentSpec(pip=("a",))).exists()


def test_environments_can_be_removed(store: Store, uv: Path) -> None:
    cache = VenvCache(store)
    cache.ensure(EnvironmentSpec(pip=("a",)))
    key = cache.list()[0].key
    cache.remove(key)
    assert cache.list() == []
    assert not cache.log_path(key).exists()
    for wrong in (key, "..", "../../x"):
        with pytest.raises(NotFoundError):
            cache.remove(wrong)


def test_an_environment_whose_python_is_gone_is_built_anew(store: Store, uv: Path) -> None:
    cache = VenvCache(store)
    interpreter = cache.ensure(EnvironmentSpec(pip=("a",)))
    interpreter.unlink()
    interpreter.symlink_to("/nowhere/python")
    assert cache.ensure(EnvironmentSpec(pip=("a",))) == interpreter
    assert interpreter.resolve().exists()


def test_hashes_are_demanded_for_the_users_requirements_alone(store: Store, uv: Path) -> None:
    spec = EnvironmentSpec(pip=("a==1",), hashes={"a": ("sha256:ab",)})
    folder = VenvCache(store, runtime=("tinyrt",)).ensure(spec).parent.parent
    assert (folder / "requirements-0.txt").read_text() == "a==1 --hash=sha256:ab\n"
    assert (folder / "requirements-1.txt").read_text() == "tinyrt\n"
    assert (folder / "constraints-1.txt").read_text() == "a==1\n"


def test_conda_packages_are_installed_by_their_names_in_the_package_index(store: Store, uv: Path) -> None:
    spec = EnvironmentSpec(conda=("pytorch=2.1.0", "numpy=1.26", "scipy>=1,<2", "pip=23", "pandas"), pip=("pandas==2",))
    folder = VenvCache(store, runtime=()).ensure(spec).parent.parent
    assert (folder / "requirements-0.txt").read_text() == "pandas==2\ntorch==2.1.0\nnumpy==1.26.*\nscipy<2,>=1\n"
    with pytest.raises(EnvironmentBuildError, match=r"needs cudatoolkit=11, r-base from conda"):
        VenvCache(store).ensure(EnvironmentSpec(conda=("cudatoolkit=11", "r-base")))
    assert as_pip(["numpy=1.26.4=py311_0", "lightgbm[version='>=4']", "xgboost 1.7.*"])[0] == [
        "numpy==1.26.4",
        "lightgbm>=4",
        "xgboost==1.7.*",
    ]


def test_a_version_that_only_conda_names_holds(store: Store, uv: Path) -> None:
    conda = ("numpy=1.26", "pandas=2.2.0", "scipy=1.13")
    # numpy stands behind an extra, pandas has no version of its own, scipy has one, as pip installs last.
    pip = ("inference-schema[numpy-support]", "pandas[excel]", "scipy==1.14.0")
    interpreter = VenvCache(store, runtime=()).ensure(EnvironmentSpec("mixed", conda=conda, pip=pip))
    asked = (interpreter.parents[1] / "requirements-0.txt").read_text().splitlines()
    assert sorted(asked) == ["numpy==1.26.*", "pandas[excel]==2.2.0", "scipy==1.14.0"]


def test_options_that_uv_does_not_know_are_left_to_pip(store: Store, uv: Path, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    make_wheel(wheels, "tiny", "1.0")
    spec = EnvironmentSpec(pip=("tiny",), pip_options=("--no-index", f"--find-links {wheels}", "--prefer-binary"))
    interpreter = VenvCache(store, runtime=()).ensure(spec)
    assert uv.read_text() == ""
    done = subprocess.run([str(interpreter), "-c", "import tiny; print(tiny.version)"], capture_output=True, text=True)
    assert done.stdout.strip() == "1.0"


def test_with_pip_the_lock_holds_and_failures_name_the_requirement(store: Store, no_uv: None, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    make_wheel(wheels, "top", "1.0", requires="below")
    for number in ("1.0", "2.0"):
        make_wheel(wheels, "below", number)
    make_wheel(wheels, "tinyrt", "0.1")
    options = ("--no-index", f"--find-links {wheels}")
    cache = VenvCache(store, runtime=("tinyrt",))
    lines: list[str] = []
    spec = EnvironmentSpec("pinned", pip=("top",), pip_options=options, lock={"below": "1.0"})
    interpreter = cache.ensure(spec, progress=lines.append)
    code = "import below, tinyrt, sys; print(below.version, tinyrt.version, sys.prefix != sys.base_prefix)"
    done = subprocess.run([str(interpreter), "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["1.0", "0.1", "True"], done.stderr
    assert any(line.startswith("Successfully installed") for line in lines)
    with pytest.raises(EnvironmentBuildError) as caught:
        cache.ensure(EnvironmentSpec("bad", pip=("top==9",), pip_options=options))
    assert caught.value.details["requirement"] == "top==9"
    assert "no version of top==9 fits" in str(caught.value)
    with pytest.raises(EnvironmentBuildError) as caught:
        cache.ensure(EnvironmentSpec("clash", pip=("below==2.0", "top"), pip_options=options, lock={"below": "1.0"}))
    assert "below" in str(caught.value)
    assert len(left(store)) == 1


@pytest.mark.parametrize(
    ("version", "wanted", "expected"),
    [
        ("3.11.7", None, True),
        ("3.11.7", "3.11", True),
        ("3.11.7", "3.11.7", True),
        ("3.11.7", "3.1", False),
        ("3.11.7", "3.12", False),
        ("3.11.7", ">=3.11,<3.12", True),
        ("3.12.0", "<3.12,>=3.11", False),
        ("3.11.7", "3", True),
    ],
)
def test_which_python_fits(version: str, wanted: str | None, expected: bool) -> None:
    assert fits(version, wanted) is expected


def _say(version: str) -> Any:
    return lambda _path: version


def test_finding_a_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = ".".join(map(str, sys.version_info[:3]))
    what = "The environment 'e'"
    assert find_python(None, None, uv=None, what=what).path == sys.executable
    assert find_python(here[: here.rindex(".")], None, uv=None, what=what).version == here
    near = find_python(here[: here.rindex(".")] + ".99", None, uv=None, what=what)
    assert near.note == f"Python {here[: here.rindex('.')]}.99 was asked for, {here} is used"
    with pytest.raises(
        EnvironmentBuildError, match=r"asks for Python 3\.6\.2, but the scoring server runs on Python 3\.11"
    ):
        find_python("3.6.2", None, uv=None, what=what)
    with pytest.raises(EnvironmentBuildError, match=r"asks for Python 3\.98, which is not on this machine"):
        find_python("3.98", None, uv=None, what=what)
    assert find_python("3.98", None, uv="/bin/uv", what=what).fetch
    with pytest.raises(InvalidInputError, match="cannot be run"):
        find_python(None, tmp_path / "python", uv=None, what=what)
    with pytest.raises(InvalidInputError, match=r"asks for Python 3\.98, but .* is 3"):
        find_python("3.98", sys.executable, uv=None, what=what)
    other = tmp_path / "python3.98"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(venv_python, "python_version", _say("3.98.1"))
    assert find_python("3.98", None, uv=None, what=what).version == "3.98.1"


def test_a_python_that_was_too_slow_once_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "python"
    path.symlink_to(sys.executable)

    def late(*command: Any, **_: Any) -> Any:
        raise subprocess.TimeoutExpired(command, 30)

    with monkeypatch.context() as busy:
        busy.setattr(subprocess, "run", late)
        assert python_version(path) is None
    assert python_version(path) == ".".join(map(str, sys.version_info[:3]))


NO_VERSION = "ERROR: Could not find a version that satisfies the requirement foo==9 (from versions: 1)"
CONFLICT = "ERROR: Cannot install a==1 and b because these package versions have conflicting dependencies."
UNSOLVED = (
    "  × No solution found when resolving dependencies:\n  ╰─▶ Because all versions of pandas depend on\n"
    "      numpy>=1.2 and you require numpy<1, we can conclude that\n      you require pandas>=2 in vain."
)
NO_NETWORK = "WARNING: Retrying: Temporary failure in name resolution\nERROR: No matching distribution found for x"


@pytest.mark.parametrize(
    ("text", "requirement", "reason"),
    [
        (NO_VERSION, "foo==9", "no version of foo==9"),
        ("ERROR: No matching distribution found for foo", "foo", "no distribution for foo"),
        (UNSOLVED, "numpy<1 and pandas>=2", "no versions can be found that satisfy numpy<1 and pandas>=2"),
        (CONFLICT, "a==1 and b", "contradict"),
        ("ERROR: Failed building wheel for scikit-learn\nmore", "scikit-learn", "could not be compiled"),
        ("  × Failed to build `scikit-learn==0.20.0`\n", "scikit-learn==0.20.0", "could not be compiled"),
        ("  ╰─▶ Because there is no version of numpy==99 and you", "numpy==99", "no version of numpy==99"),
        ("ERROR: Invalid requirement: 'a b'", "a b", "is not a requirement"),
        (NO_NETWORK, None, "index does not answer"),
        ("error: Request failed: dns error: failed to lookup", None, "index does not answer"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE FILE.", None, "digest"),
        ("something odd\nERROR: It went wrong.", None, "It went wrong"),
        ("", None, "it said nothing"),
    ],
)
def test_logs_are_understood(text: str, requirement: str | None, reason: str) -> None:
    found = explain_failure(text.splitlines())
    assert found.requirement == requirement
    assert reason in found.reason


def test_the_runtime_is_what_the_package_itself_requires() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    normal = {EnvironmentSpec(pip=(item,)).pip[0] for item in project["dependencies"]}
    assert {EnvironmentSpec(pip=(item,)).pip[0] for item in RUNTIME_REQUIREMENTS} <= normal


def test_the_marker_is_written_last(store: Store, uv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = VenvCache(store)
    seen: list[bool] = []
    cache.ensure(
        EnvironmentSpec(pip=("a",)),
        progress=lambda _line: seen.append(bool(list(store.home.glob("venvs/*/.complete")))),
    )
    assert seen
    assert not any(seen)
    marker = next(store.home.glob("venvs/*/.complete"))
    assert json.loads(marker.read_text())["digest"] == EnvironmentSpec(pip=("a",)).digest


def test_threads_of_one_process_build_it_once(store: Store, uv: Path) -> None:
    cache = VenvCache(store)
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(cache.ensure(EnvironmentSpec(pip=("a",))))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60 * FACTOR)
    assert len(set(found)) == 1
    assert len(found) == 4
    assert uv.read_text().count("pip install") == 1
