"""Which distributions imports come from, and what those need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from importlib.metadata import version
from pathlib import Path

import pytest

from jupyter_mldeploy.core.environment import EnvironmentSpec
from jupyter_mldeploy.core.environments.installed import look_up_imports
from jupyter_mldeploy.errors import InvalidInputError


def distribution(
    folder: Path, name: str, number: str, files: list[str], *, requires: str = "", origin: object = None
) -> None:
    info = folder / f"{name.replace('-', '_')}-{number}.dist-info"
    info.mkdir(parents=True)
    needs = "".join(f"Requires-Dist: {item}\n" for item in requires.split("|") if item)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n{needs}")
    for file in files:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in [*files, f"{info.name}/METADATA"]))
    if origin is not None:
        (info / "direct_url.json").write_text(json.dumps(origin))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def test_imports_are_pinned_with_everything_below_them() -> None:
    found = look_up_imports(["yaml", "json", "pytest.mark", "os.path"])
    assert found.pins == (f"pytest=={version('pytest')}", f"pyyaml=={version('PyYAML')}")
    assert {"pluggy", "iniconfig", "packaging", "pytest", "pyyaml"} <= found.lock.keys()
    assert found.lock["pluggy"] == version("pluggy")
    assert found.missing == ()
    assert found.python == ".".join(map(str, sys.version_info[:3]))


def test_what_is_missing_or_local_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_helpers.py").write_text("raise RuntimeError('never run')")
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    found = look_up_imports(["my_helpers.f", "my_package.part", "no_such_module"])
    assert found.pins == ()
    assert found.missing == ("no_such_module",)
    assert found.local == {
        "my_helpers.f": str(tmp_path / "my_helpers.py"),
        "my_package.part": str(tmp_path / "my_package"),
    }


def test_what_the_runtime_provides_is_neither_missing_nor_pinned() -> None:
    wanted = [
        "inference_schema.schema_decorators.input_schema",
        "azureml.contrib.services.aml_request.rawhttp",
        "azureml.core.model.Model",
        "jupyter_mldeploy.schema",
    ]
    found = look_up_imports(wanted)
    assert (found.pins, found.missing, dict(found.local)) == ((), (), {})


def test_distributions_that_share_a_namespace_are_told_apart(site: Path) -> None:
    distribution(site, "shared-storage", "1.0", ["shared/storage/__init__.py", "shared/storage/client.py"])
    distribution(site, "shared-vision", "2.0", ["shared/vision.py"])
    assert look_up_imports(["shared.storage.client.Client"]).pins == ("shared-storage==1.0",)
    assert look_up_imports(["shared.vision.Image"]).pins == ("shared-vision==2.0",)
    assert look_up_imports(["shared"]).pins == ("shared-storage==1.0", "shared-vision==2.0")


def test_requirements_count_by_their_markers_and_extras(site: Path) -> None:
    distribution(site, "top", "1", ["top/__init__.py"], requires="mid[fast]>=1|never; sys_platform == 'plan9'")
    distribution(site, "mid", "2", ["mid.py"], requires="quick; extra == 'fast'|slow; extra == 'slow'")
    distribution(site, "quick", "3", ["quick.py"])
    distribution(site, "slow", "4", ["slow.py"])
    distribution(site, "never", "5", ["never.py"])
    assert look_up_imports(["top"]).lock == {"mid": "2", "quick": "3", "top": "1"}


def test_where_a_distribution_came_from(site: Path, tmp_path: Path) -> None:
    git = {"url": "https://h/o/repo", "vcs_info": {"vcs": "git", "commit_id": "abc123"}}
    distribution(site, "from-git", "1", ["from_git.py"], origin=git)
    distribution(site, "from-url", "1", ["from_url.py"], origin={"url": "https://h/from_url-1.whl"})
    distribution(site, "from-file", "1", ["from_file.py"], origin={"url": "file:///build/from_file"})
    project = tmp_path / "project"
    project.mkdir()
    editable = {"url": project.as_uri(), "dir_info": {"editable": True}}
    distribution(site, "in-work", "0.1", ["__editable___in_work.pth"], origin=editable)
    (project / "in_work.py").write_text("")
    sys.path.insert(0, str(project))
    try:
        found = look_up_imports(["from_git", "from_url", "from_file", "in_work"])
    finally:
        sys.path.remove(str(project))
    assert found.pins == (
        "from-file==1",
        "from-git @ git+https://h/o/repo@abc123",
        "from-url @ https://h/from_url-1.whl",
    )
    assert found.local == {"in_work": str(project)}


def test_local_versions_are_pinned_by_their_public_part(site: Path) -> None:
    distribution(site, "torchish", "2.1.0+cu121", ["torchish/__init__.py"])
    found = look_up_imports(["torchish"])
    assert found.pins == ("torchish==2.1.0",)
    assert found.lock == {"torchish": "2.1.0+cu121"}


def test_what_is_installed_later_is_seen(site: Path) -> None:
    assert look_up_imports(["fresh_one"]).missing == ("fresh_one",)
    before = site.stat().st_mtime_ns
    distribution(site, "fresh-one", "1", ["fresh_one.py"])
    os.utime(site, ns=(before + 10**9, before + 10**9))
    import importlib

    importlib.invalidate_caches()
    assert look_up_imports(["fresh_one"]).pins == ("fresh-one==1",)


def test_a_file_in_front_of_an_installed_module_is_local(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution(site, "shadowed", "1", ["shadowed.py"])
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "shadowed.py").write_text("")
    monkeypatch.syspath_prepend(mine)
    assert look_up_imports(["shadowed"]).local == {"shadowed": str(mine / "shadowed.py")}


def test_another_interpreter_is_asked(tmp_path: Path) -> None:
    base = Path(sysconfig.get_config_var("BINDIR")) / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    environment = tmp_path / "venv"
    subprocess.run([str(base), "-m", "venv", "--without-pip", str(environment)], check=True)
    packages = next((environment / "lib").glob("python3*")) / "site-packages"
    distribution(packages, "only-there", "9", ["only_there.py"])
    found = look_up_imports(["only_there", "yaml"], str(environment / "bin" / "python"))
    assert found.pins == ("only-there==9",)
    assert found.missing == ("yaml",)


def test_an_interpreter_that_cannot_be_run(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="cannot be run: No such file"):
        look_up_imports(["yaml"], str(tmp_path / "python"))
    script = tmp_path / "not-python"
    script.write_text("#!/bin/sh\necho nothing to see >&2\n")
    script.chmod(0o755)
    with pytest.raises(InvalidInputError, match="cannot say what is installed: nothing to see"):
        look_up_imports(["yaml"], script)


def test_the_captured_environment() -> None:
    spec = EnvironmentSpec.captured(["yaml", "json"])
    assert spec.pip == (f"pyyaml=={version('PyYAML')}",)
    assert spec.lock == {"pyyaml": version("PyYAML")}
    assert spec.python == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert str(Path.cwd()) not in json.dumps(spec.to_dict())
