"""Environments: one normal form and digest, read from conda, pip and v1 files, written back."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from jupyter_mldeploy.core.environment import EnvironmentSpec, diff_environments
from jupyter_mldeploy.errors import InvalidInputError

SEED = """\
name: project_environment
dependencies:
  - python=3.6.2
  - scikit-learn=0.20.0
  - pip:
      # You must list azureml-defaults as a pip dependency
    - azureml-defaults>=1.0.45
    - inference-schema[numpy-support]
"""


def conda(text: str, **options: Any) -> EnvironmentSpec:
    return EnvironmentSpec.from_conda_yaml(text if "\n" in text else f"{text}\n", **options)


def test_requirements_have_one_form() -> None:
    spec = EnvironmentSpec(
        pip=(
            "Scikit_Learn >= 1.0,<2",
            "scikit-learn<2,>=1.0",
            'PyYAML[B,a]; python_version>"3.8"',
            "x @ https://h/x-1.whl ; os_name=='nt'",
        )
    )
    assert spec.pip == (
        "scikit-learn<2,>=1.0",
        'pyyaml[a,b]; python_version > "3.8"',
        'x @ https://h/x-1.whl ; os_name == "nt"',
    )
    assert EnvironmentSpec(pip=spec.pip).pip == spec.pip


def test_the_digest_is_of_the_content_alone() -> None:
    one = EnvironmentSpec("a", "1", pip=("B==1",), variables={"Y": "1", "X": "2"})
    two = EnvironmentSpec("b", "7", pip=("b==1",), variables={"X": "2", "Y": "1"})
    assert one.digest == two.digest
    assert one.digest.startswith("sha256:")
    changes: list[dict[str, Any]] = [
        {"python": "3.11"},
        {"pip": ("b==2",)},
        {"pip_options": ("--pre",)},
        {"conda": ("c",)},
        {"channels": ("c",)},
        {"variables": {}},
        {"base_image": "i"},
        {"lock": {"b": "1"}},
        {"hashes": {"b": ("sha256:00",)}},
    ]
    digests = {dataclasses.replace(one, **change).digest for change in changes}
    assert len(digests | {one.digest}) == len(changes) + 1


def test_it_survives_json() -> None:
    spec = EnvironmentSpec(
        "n", "2", ">=3.11,<3.13", ("a==1",), ("-i https://h/simple",), ("c",), ("d=1",), {"V": "1"}, "img", None,
        {"address": "r", "password": "${P}"}, {"a": "1"}, {"a": ("sha256:ab",)},
    )  # fmt: skip
    assert spec.pip_options == ("--index-url https://h/simple",)
    assert EnvironmentSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    assert EnvironmentSpec().to_dict() == {"name": "environment", "version": None}
    with pytest.raises(InvalidInputError, match="no field 'pips'") as caught:
        EnvironmentSpec.from_dict({"pips": []})
    assert "'pip'" in str(caught.value)


def test_there_are_no_variables_by_default() -> None:
    assert EnvironmentSpec().variables == {}


def test_what_the_runtime_provides_is_not_installed() -> None:
    spec = conda(SEED)
    assert spec.provided == ("azureml-defaults>=1.0.45", "inference-schema[numpy-support]")
    assert spec.installed_pip == ("numpy",)
    assert EnvironmentSpec(pip=("inference-schema[numpy-support]", "numpy==1")).installed_pip == ("numpy==1",)


def test_the_seeds_conda_file_is_read() -> None:
    spec = conda(SEED)
    assert (spec.name, spec.python, spec.conda) == ("project_environment", "3.6.2", ("scikit-learn=0.20.0",))
    again = conda(spec.to_conda_yaml())
    assert (again.python, again.pip, again.digest) != (None, (), "")
    assert again.pip == spec.pip
    document = yaml.safe_load(spec.to_conda_yaml())
    assert document["dependencies"][:3] == ["python=3.6.2", "scikit-learn=0.20.0", "pip"]


def test_conda_files_keep_everything() -> None:
    spec = conda(
        """
name: full
channels: [conda-forge, defaults]
prefix: /opt/conda/envs/full
variables:
  MODE: fast
  LEVEL: 010
dependencies:
  - python>=3.11,<3.13
  - conda-forge::numpy=1.26
  - scipy==1.11.*
  - pandas>=2,<3
  - numba=0.58.1=py311_0
  - lightgbm[version='>=4']
  - pip=23.1
  - pip:
    - --index-url https://pypi.example/simple
    - torch==2.1.0  # comment
"""
    )
    assert spec.python == "<3.13,>=3.11"
    assert spec.channels == ("conda-forge", "defaults")
    assert spec.variables == {"LEVEL": "010", "MODE": "fast"}
    assert spec.conda[0] == "conda-forge::numpy=1.26"
    assert spec.pip_options == ("--index-url https://pypi.example/simple",)
    assert spec.pip == ("torch==2.1.0",)
    assert conda(spec.to_conda_yaml()).digest == spec.digest


@pytest.mark.parametrize(
    "pin", ["python=3.10", "python==3.10", "python=3.10.*", "python 3.10.*", "conda-forge::python=3.10"]
)
def test_python_pins_stay_texts(pin: str) -> None:
    assert conda(f"dependencies:\n- {pin}").python == "3.10"


PIP = "dependencies.pip"


@pytest.mark.parametrize(
    ("text", "message", "field"),
    [
        ("dependencies:\n  - a\nchanels: [x]", "line 3: there is no key 'chanels' in a conda file. Did", "chanels"),
        ("dependencies:\n  - a\n b: c", "line 3 is not YAML", "environment"),
        ("- a\n- b", "needs keys such as dependencies", "environment"),
        ("\n", "needs keys such as dependencies", "environment"),
        ("dependencies: numpy\n", "line 1: dependencies must be a list", "dependencies"),
        ("dependencies:\n  - pip:\n    - a b", "line 3: 'a b' is not a pip requirement", PIP),
        ("dependencies:\n  - pip:\n    - numpy=1.2", "Write 'numpy==1.2': one equals sign is conda's way", PIP),
        ("dependencies:\n  - pip:\n    - --upgrade", "line 3: '--upgrade' is not an option", PIP),
        ("dependencies:\n  - pip:\n    - a\n  - pip:\n    - b", "line 4: there are two pip sections", PIP),
        ("dependencies:\n  - pip: a", "dependencies.pip must be a list", PIP),
        ("dependencies:\n  - conda:\n    - a", "a section 'conda'; only pip is one", "dependencies.conda"),
        ("dependencies:\n  - -c\n", "'-c' is an option, not a package", "dependencies"),
        ("dependencies:\n  - a=1\n  - '!x'", "line 3: '!x' is not a package", "dependencies"),
        ("dependencies:\n  - [a]\n", "a dependency is a text or a pip section", "dependencies"),
        ("dependencies:\n  - python=3.8\n  - python=3.9", "line 3: python stands twice", "dependencies"),
        ("dependencies:\n  - python=snake", "'snake' is not a Python version", "python"),
        ("name: a\nname: b", "line 2: the key 'name' stands twice", "name"),
        ("name: [a]\n", "name must be a text", "name"),
        ("variables: [a]\n", "variables must hold KEY: VALUE pairs", "variables"),
        ("variables:\n  1A: b", "'1A' = 'b' cannot be set", "variables"),
        ("dependencies:\n  - pip:\n    - -r gone.txt", "the requirements file 'gone.txt' is not there", PIP),
        ("dependencies:\n  - pip:\n    - -i https://me:secret@h/simple", "holds a password or token", PIP),
    ],
)  # fmt: skip
def test_conda_errors_name_line_and_key(text: str, message: str, field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        conda(text)
    assert message in str(caught.value)
    assert caught.value.field == field


def test_conda_files_name_themselves_in_errors(tmp_path: Path) -> None:
    file = tmp_path / "conda.yml"
    file.write_text("dependencies:\n  - pip:\n    - ???\n")
    with pytest.raises(InvalidInputError, match=r"conda\.yml line 3: '\?\?\?'"):
        EnvironmentSpec.from_conda_yaml(file)
    with pytest.raises(InvalidInputError, match="cannot be read: No such file"):
        EnvironmentSpec.from_conda_yaml(tmp_path / "gone.yml")
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInputError, match="not UTF-8"):
        EnvironmentSpec.from_conda_yaml(str(file))


def test_requirements_files_with_everything(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "base.txt").write_text("Requests>=2\n-c limits.txt\n")
    (tmp_path / "more" / "limits.txt").write_text("idna==3.4\nrequests<3\n")
    file = tmp_path / "requirements.txt"
    file.write_text(
        """\
# a comment
numpy == 1.26.4 \\
    --hash=sha256:AA \\
    --hash=sha256:bb   # why
-rmore/base.txt
--extra-index-url=https://extra.example/simple
-f wheels
--pre
pandas>=2 ; python_version >= "3.11"
git+https://github.com/o/repo.git@v1#egg=my_repo[x]
-e git+https://github.com/o/other@main#egg=other
https://files.example/pkg-1.0-py3-none-any.whl
named @ https://${TOKEN}@files.example/named.zip
"""
    )
    spec = EnvironmentSpec.from_pip_requirements(file)
    assert spec.name == "requirements"
    assert spec.pip == (
        "numpy==1.26.4",
        "requests<3,>=2",
        'pandas>=2; python_version >= "3.11"',
        "my-repo[x] @ git+https://github.com/o/repo.git@v1",
        "other @ git+https://github.com/o/other@main",
        "pkg @ https://files.example/pkg-1.0-py3-none-any.whl",
        "named @ https://${TOKEN}@files.example/named.zip",
    )
    assert spec.pip_options == (
        "--extra-index-url https://extra.example/simple",
        f"--find-links {tmp_path / 'wheels'}",
        "--pre",
    )
    assert spec.hashes == {"numpy": ("sha256:aa", "sha256:bb")}
    assert spec.lock == {"idna": "3.4"}
    assert "numpy==1.26.4 --hash=sha256:aa --hash=sha256:bb\n" in spec.to_requirements()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\n./wheel.whl\n", "line 2: './wheel.whl' is a place on this machine"),
        ("-e .\n", "line 1: '.' is a place on this machine"),
        ("a\n\nb==\n", "line 3: 'b==' is not a pip requirement"),
        ("git+https://h/repo\n", "does not say which distribution it is"),
        ("--frobnicate x\n", "line 1: '--frobnicate x' is not an option"),
        ("--index-url\n", "--index-url takes one value"),
        ("a --config-settings x=y\n", "'--config-settings x=y' is not an option that a requirement can keep"),
        ("-r nowhere.txt\n", "cannot be read: No such file"),
        ("x @ https://u:p@h/x.whl\n", "the URL of h holds a password or token in clear text"),
        ("-i 'https://h\n", "no closing quotation"),
    ],
)
def test_requirements_errors_name_the_line(text: str, message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        EnvironmentSpec.from_pip_requirements(text)
    assert message in str(caught.value)


def test_requirements_files_that_include_each_other(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("-r b.txt\n")
    (tmp_path / "b.txt").write_text("-r a.txt\n")
    with pytest.raises(InvalidInputError, match="includes itself"):
        EnvironmentSpec.from_pip_requirements(tmp_path / "a.txt")


V1 = {
    "name": "myenv",
    "version": "3",
    "assetId": None,
    "inferencingStackVersion": None,
    "environmentVariables": {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE", "MODE": "x"},
    "python": {
        "userManagedDependencies": False,
        "interpreterPath": "python",
        "condaDependenciesFile": None,
        "baseCondaEnvironment": None,
        "condaDependencies": {
            "name": "project_environment",
            "channels": ["conda-forge"],
            "dependencies": ["python=3.11", {"pip": ["azureml-defaults", "numpy==1.26.4"]}, "scipy"],
        },
    },
    "docker": {
        "enabled": True,
        "baseImage": "mcr.example/base:1",
        "baseDockerfile": None,
        "sharedVolumes": True,
        "shmSize": "2g",
        "arguments": [],
        "baseImageRegistry": {"address": "reg.example", "username": "me", "password": None, "registryIdentity": None},
        "platform": {"os": "Linux", "architecture": "amd64"},
    },
    "spark": {"repositories": [], "packages": [], "precachePackages": True},
    "databricks": {},
    "r": None,
}


def test_v1_environments_are_read(tmp_path: Path) -> None:
    spec = EnvironmentSpec.from_azureml_json(V1)
    assert (spec.name, spec.version, spec.python) == ("myenv", None, "3.11")
    assert spec.variables == {"MODE": "x"}
    assert (spec.pip, spec.conda, spec.channels) == (
        ("azureml-defaults", "numpy==1.26.4"),
        ("scipy",),
        ("conda-forge",),
    )
    assert spec.base_image == "mcr.example/base:1"
    assert spec.registry == {"address": "reg.example", "username": "me"}
    (tmp_path / "azureml_environment.json").write_text(json.dumps(V1))
    assert EnvironmentSpec.from_azureml_json(tmp_path) == spec
    assert EnvironmentSpec.from_azureml_json(json.dumps(V1), name="other").name == "other"


def test_v1_environments_that_point_to_a_conda_file(tmp_path: Path) -> None:
    (tmp_path / "env.yml").write_text("dependencies:\n- numpy\n")
    (tmp_path / "e.json").write_text(json.dumps({"name": "n", "python": {"condaDependenciesFile": "env.yml"}}))
    assert EnvironmentSpec.from_azureml_json(tmp_path / "e.json").conda == ("numpy",)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"nam": 1}, "no key 'nam'. Did you mean 'name'?"),
        ({"docker": {"baseimage": 1}}, "no key 'docker.baseimage'. Did you mean 'baseImage' or"),
        (
            {"docker": {"baseImageRegistry": {"password": "hunter2"}}},
            "password stands in the environment in clear text",
        ),
        ({"docker": {"buildContext": {"location": "x"}}}, "kept in an Azure workspace"),
        ({"python": []}, None),
        ({"python": "x"}, "python in the v1 environment must be an object"),
        (
            {"python": {"condaDependencies": {"dependencies": ["numpy", {"pip": ["a b"]}]}}},
            "'a b' is not a pip requirement",
        ),
        ("{", "is not JSON"),
        ("gone.json", "cannot be read"),
    ],
)
def test_v1_errors_name_the_key(value: Any, message: str | None) -> None:
    if message is None:
        assert EnvironmentSpec.from_azureml_json(value).pip == ()
        return
    with pytest.raises(InvalidInputError) as caught:
        EnvironmentSpec.from_azureml_json(value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"pip": "numpy"}, "pip"),
        ({"pip": ("a b",)}, "pip"),
        ({"pip_options": ("--what",)}, "pip"),
        ({"python": "abc"}, "python"),
        ({"variables": {"A B": "1"}}, "variables"),
        ({"variables": {"A": 1}}, "variables"),
        ({"base_image": "a", "base_dockerfile": "b"}, "base_dockerfile"),
        ({"registry": {"password": "x"}}, "registry.password"),
    ],
)
def test_values_are_checked(values: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        EnvironmentSpec(**values)
    assert caught.value.field == field


def test_further_requirements_replace_those_of_the_same_name() -> None:
    spec = EnvironmentSpec(pip=("numpy==1", "scipy==2"), lock={"numpy": "1", "scipy": "2"})
    more = spec.with_pip(["NumPy>=2", "xgboost"])
    assert more.pip == ("scipy==2", "numpy>=2", "xgboost")
    assert more.lock == {"scipy": "2"}


def test_differences_are_named_by_distribution() -> None:
    old = EnvironmentSpec(python="3.11", pip=("numpy==1.26", "scipy"), lock={"numpy": "1.26"}, conda=("a=1",))
    new = EnvironmentSpec(python="3.12", pip=("numpy==2.0", "torch"), lock={"numpy": "2.0"}, conda=("a=2",))
    assert [tuple(item.values()) for item in diff_environments(old, new)] == [
        ("python", "python", "3.11", "3.12"),
        ("pip", "numpy", "numpy==1.26", "numpy==2.0"),
        ("pip", "scipy", "scipy", None),
        ("pip", "torch", None, "torch"),
        ("conda", "a", "a=1", "a=2"),
        ("lock", "numpy", "1.26", "2.0"),
    ]
    assert diff_environments(old, old) == []
