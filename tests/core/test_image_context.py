"""Build contexts: the same bytes for the same content, readable Dockerfiles, and what goes into which stage."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.assemble import Source, assemble
from jupyter_mldeploy.core.bundle import Bundle
from jupyter_mldeploy.core.environment import EnvironmentSpec
from jupyter_mldeploy.core.images.assembly import bundle_context, environment_context
from jupyter_mldeploy.core.images.context import BuildContext, ContextFile
from jupyter_mldeploy.core.images.dockerfile_steps import logical_lines, place_copies
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import AlreadyExistsError, EnvironmentBuildError, InvalidInputError

SCRIPT = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"
PLAIN = EnvironmentSpec(python="3.11", pip=("numpy>=1.26", "azureml-defaults"))


def bundle_of(
    home: Path, *, script: str = SCRIPT, environment: EnvironmentSpec = PLAIN, models: Any = (), **files: Any
) -> tuple[Bundle, BuildContext]:
    workspace = Workspace(home)
    source = Source("score.py", script, files)
    bundle = assemble(
        source,
        models=models,
        environment=environment,
        pip=(),
        interpreter=None,
        force=False,
        registry=workspace.models,
        environments=workspace.environments,
        bundles=workspace.bundles,
    ).bundle
    spec = EnvironmentSpec.from_dict(bundle.environment)
    return bundle, bundle_context(bundle, spec, workspace.store.blobs)


def tree(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mode & 0o777)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "ridge.pkl"
    path.write_bytes(b"weights")
    return path


def test_the_same_content_is_the_same_context_whoever_makes_it(tmp_path: Path, model: Path) -> None:
    _, first = bundle_of(tmp_path / "one", models=[model])
    os.utime(model, (1, 1))
    before = os.umask(0o077)
    try:
        _, second = bundle_of(tmp_path / "two", models=[model])
        written = second.write(tmp_path / "b")
    finally:
        os.umask(before)
    assert first.digest == second.digest
    assert tree(first.write(tmp_path / "a")) == tree(written)
    assert {mode for _, mode in tree(written).values()} == {0o644}
    assert [stage.name for stage in first.stages] == ["environment", "models", "code"]


def test_a_change_of_code_touches_the_code_stage_alone(tmp_path: Path, model: Path) -> None:
    _, first = bundle_of(tmp_path / "w", models=[model])
    _, second = bundle_of(tmp_path / "w", script=SCRIPT + "# changed\n", models=[model])
    keys = [(one.key == two.key) for one, two in zip(first.stages, second.stages, strict=True)]
    assert keys == [True, True, False]
    assert sum(item.size for item in second.stages[-1].files) < 1000
    model.write_bytes(b"other weights")
    _, third = bundle_of(tmp_path / "w", models=[model])
    assert [(one.key == two.key) for one, two in zip(first.stages, third.stages, strict=True)] == [True, False, False]


def test_the_whole_dockerfile(tmp_path: Path, model: Path) -> None:
    bundle, context = bundle_of(tmp_path / "w", models=[model])
    text = context.dockerfile()
    assert text.count("\nFROM ") == 1
    order = [
        "FROM python:3.11-slim-bookworm",
        "COPY environment/",
        "COPY runtime/",
        "ENV AML_APP_ROOT=/var/azureml-app",
        "EXPOSE 5001",
        "HEALTHCHECK",
        "USER 10001:10001",
        'ENTRYPOINT ["python", "/opt/mldeploy/runtime"]',
        "COPY azureml-models/ridge.pkl/0/ /var/azureml-app/azureml-models/ridge.pkl/0/",
        "AZUREML_MODEL_DIR=/var/azureml-app/azureml-models/ridge.pkl/0",
        f"LABEL mldeploy.bundle={bundle.digest}",
        "COPY app/ /var/azureml-app/app/",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert "# azureml-defaults: not installed" in text
    assert "syntax=" not in text
    assert "<<" not in text
    # Every sentence about the image is a comment, every other line an instruction or its continuation.
    for line in logical_lines(text):
        assert not line.strip() or line.startswith("#") or re.match(r"[A-Z]+ ", line), line
    files = {item.path: item for item in context.files}
    assert files["environment/requirements.txt"].data == b"numpy>=1.26\n"
    assert b"orjson" in (files["environment/runtime.txt"].data or b"")
    assert "runtime/jupyter_mldeploy/scoring/supervisor.py" in files
    assert not any("/core/" in path or "/targets/" in path for path in files if path.startswith("runtime/"))


def test_the_runtime_serves_with_its_requirements_alone(tmp_path: Path) -> None:
    """The runtime in a context imports nothing of this package that is not in the context."""
    _, context = bundle_of(tmp_path / "w")
    folder = context.write(tmp_path / "context")
    names = {path.relative_to(folder / "runtime").parts[1] for path in (folder / "runtime/jupyter_mldeploy").rglob("*")}
    assert names == {"__init__.py", "_version.py", "scoring", "schema"}


def test_locked_versions_are_constraints_and_hashes_are_kept(tmp_path: Path) -> None:
    spec = EnvironmentSpec(python="3.11", pip=("numpy",), lock={"numpy": "1.26.4", "six": "1.16.0", "orjson": "3.1"})
    files = {item.path: item.data for item in environment_context(spec).files}
    assert files["environment/constraints.txt"] == b"numpy==1.26.4\nsix==1.16.0\n"
    hashed = EnvironmentSpec(python="3.11", pip=("numpy==1.26.4",), hashes={"numpy": ("sha256:" + "0" * 64,)})
    context = environment_context(hashed)
    files = {item.path: item.data for item in context.files}
    assert files["environment/requirements.txt"] == b"numpy==1.26.4 --hash=sha256:" + b"0" * 64 + b"\n"
    # Two runs: in pip's hash mode the runtime's own requirements would need digests too.
    assert context.dockerfile().count("pip install") == 2


@pytest.mark.parametrize(
    ("python", "image"),
    [
        ("3.12", "python:3.12-slim-bookworm"),
        ("3.12.4", "python:3.12.4-slim-bookworm"),
        (">=3.12,<3.14", "python:3.12-slim-bookworm"),
        (">=3.8", "python:3.11-slim-bookworm"),
        (None, "python:3.11-slim-bookworm"),
        ("3", "python:3.11-slim-bookworm"),
    ],
)
def test_python_comes_from_the_environment(python: str | None, image: str) -> None:
    assert environment_context(EnvironmentSpec(python=python)).base_images == (image,)


def test_conda_packages_that_pip_has_need_no_conda() -> None:
    spec = EnvironmentSpec.from_conda_yaml(
        "dependencies:\n- python=3.11\n- pytorch=2.1\n- scikit-learn=1.4.0\n- nomkl\n- pip:\n  - azureml-defaults\n"
    )
    context = environment_context(spec)
    files = {item.path: item.data for item in context.files}
    assert files["environment/requirements.txt"] == b"torch==2.1.*\nscikit-learn==1.4.0\n"
    assert context.base_images == ("python:3.11-slim-bookworm",)


def test_other_conda_packages_are_installed_by_micromamba_in_a_stage_of_their_own() -> None:
    spec = EnvironmentSpec(python="3.12", conda=("gdal=3.8", "numpy"), channels=("conda-forge",), pip=("six",))
    context = environment_context(spec)
    assert [stage.name for stage in context.stages] == ["base", "environment"]
    base, environment = context.stages
    assert "FROM mambaorg/micromamba" in base.text
    assert "AS base" in base.text
    files = {item.path: (item.data or b"").decode() for item in base.files}
    assert "- gdal=3.8" in files["conda/conda.yml"]
    assert "- python=3.12" in files["conda/conda.yml"]
    assert "No known counterpart on the Python Package Index: gdal=3.8" in context.dockerfile()
    assert "pip install" in environment.text


def test_gpus() -> None:
    brought = environment_context(EnvironmentSpec(python="3.11", pip=("torch",), gpu="any"))
    assert brought.base_images == ("python:3.11-slim-bookworm",)
    assert "NVIDIA_VISIBLE_DEVICES=all" in brought.dockerfile()
    cuda = environment_context(EnvironmentSpec(pip=("onnxruntime-gpu",), gpu="12.6"))
    assert cuda.base_images == ("nvidia/cuda:12.6.3-cudnn-runtime-ubuntu24.04",)
    with pytest.raises(InvalidInputError, match="no image with a Python") as old:
        environment_context(EnvironmentSpec(gpu="10.0"))
    assert old.value.field == "gpu"
    with pytest.raises(InvalidInputError, match=r"3\.13"):
        environment_context(EnvironmentSpec(python="3.13", gpu="12.6"))


def test_spark_brings_java_and_pyspark() -> None:
    context = environment_context(EnvironmentSpec(python="3.11", runtime="spark-py"))
    assert "openjdk-17-jre-headless" in context.stages[0].text
    files = {item.path: (item.data or b"").decode() for item in context.files}
    assert "pyspark" in files["environment/requirements.txt"]


def test_a_base_image_of_ones_own_is_looked_at_first() -> None:
    spec = EnvironmentSpec(python="3.12", pip=("six",), base_image="registry.example.com/base:1")
    context = environment_context(spec)
    text = context.dockerfile()
    assert text.index("FROM registry.example.com/base:1 AS base") < text.index("sys.version_info") < text.index("pip")
    assert "(3, 12)" in text
    assert context.base_images == ("registry.example.com/base:1",)
    with pytest.raises(InvalidInputError, match="base image of your own"):
        environment_context(replace(spec, conda=("gdal",)))
    own = environment_context(replace(spec, variables={"AZUREML_INFERENCE_PYTHON_PATH": "/opt/py/bin/python"}))
    assert 'ENTRYPOINT ["/opt/py/bin/python"' in own.dockerfile()


def test_v1s_default_base_images_are_not_used_and_it_says_so() -> None:
    spec = EnvironmentSpec(python="3.11", base_image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04")
    context = environment_context(spec)
    assert context.base_images == ("python:3.11-slim-bookworm",)
    assert "was v1's default base image" in context.dockerfile()


def test_a_base_dockerfile_with_stages_of_its_own() -> None:
    text = "FROM golang:1 AS tools\nRUN go version\n\nFROM debian:bookworm AS mine\nCOPY --from=tools /a /b\n"
    context = environment_context(EnvironmentSpec(base_dockerfile=text, pip=("six",)))
    assert context.base_images == ("golang:1", "debian:bookworm")
    assert "FROM golang:1 AS tools" in context.dockerfile()
    assert "FROM debian:bookworm AS base" in context.dockerfile()
    with pytest.raises(InvalidInputError, match="no FROM"):
        environment_context(EnvironmentSpec(base_dockerfile="RUN true"))


def test_steps_may_copy_what_goes_with_the_script(tmp_path: Path) -> None:
    steps = ("RUN apt-get update \\\n && true\nCOPY data/words.txt helper.py /opt/mine/", "LABEL a=b")
    spec = replace(PLAIN, dockerfile_steps=steps)
    _, context = bundle_of(
        tmp_path / "w", environment=spec, **{"data/words.txt": b"a", "helper.py": b"x = 1\n", "other.py": b"y = 1\n"}
    )
    assert "COPY extra/data/words.txt extra/helper.py /opt/mine/" in context.dockerfile()
    (base, *_) = context.stages
    assert {item.path for item in base.files} == {"extra/data/words.txt", "extra/helper.py"}
    _, same = bundle_of(
        tmp_path / "w", environment=spec, **{"data/words.txt": b"a", "helper.py": b"x = 1\n", "other.py": b"y = 2\n"}
    )
    assert same.stages[0].key == base.key, "a file that no step copies is not in the stage"
    with pytest.raises(InvalidInputError, match="does not go with the entry script"):
        environment_context(spec)


@pytest.mark.parametrize("step", ["RUN <<EOF\ntrue\nEOF", "# syntax=docker/dockerfile:1", "COPY <<a /b"])
def test_steps_that_the_classic_builder_does_not_know_are_refused(step: str) -> None:
    with pytest.raises(InvalidInputError, match="cannot be built everywhere"):
        environment_context(EnvironmentSpec(dockerfile_steps=(step,)))


def test_copies_by_pattern_folder_flag_and_address() -> None:
    source = {name: ContextFile.of_bytes(name, b"") for name in ("a.txt", "b.txt", "d/x y.txt", "e.py")}
    lines, files = place_copies(
        [
            "COPY --chown=1:1 *.txt /t/",
            'COPY ["d/x y.txt", "/t/"]',
            "COPY d /d",
            "ADD https://example.com/x.tar /x",
            "COPY --from=base /a /b",
        ],
        source,
    )
    assert lines == [
        "COPY --chown=1:1 extra/*.txt /t/",
        'COPY ["extra/d/x y.txt", "/t/"]',
        "COPY extra/d /d",
        "ADD https://example.com/x.tar /x",
        "COPY --from=base /a /b",
    ]
    assert {item.path for item in files} == {"extra/a.txt", "extra/b.txt", "extra/d/x y.txt"}


def test_an_index_with_credentials_gets_a_stage_that_is_thrown_away() -> None:
    spec = EnvironmentSpec(python="3.11", pip=("six",), pip_options=("--index-url https://u:${TOKEN}@pip.example/s",))
    context = environment_context(spec)
    text = context.dockerfile()
    assert context.build_secrets == ("TOKEN",)
    packages, final = text.split("\nFROM base\n")
    assert "ARG TOKEN" in packages
    assert "TOKEN" not in final
    assert "COPY --from=packages" in final


def test_values_are_quoted(tmp_path: Path) -> None:
    spec = replace(PLAIN, variables={"GREETING": 'say "hi" $HOME', "PLAIN": "a/b:c"})
    text = environment_context(spec).dockerfile()
    assert 'GREETING="say \\"hi\\" \\$HOME"' in text
    assert "PLAIN=a/b:c" in text


def test_a_context_is_not_written_over_something_else(tmp_path: Path) -> None:
    _, context = bundle_of(tmp_path / "w")
    (tmp_path / "there").mkdir()
    context.write(tmp_path / "there")
    with pytest.raises(AlreadyExistsError):
        context.write(tmp_path / "there")


def test_many_models_share_a_layer(tmp_path: Path) -> None:
    models = []
    for number in range(25):
        path = tmp_path / f"m{number}.bin"
        path.write_bytes(b"%d" % number)
        models.append(path)
    _, context = bundle_of(tmp_path / "w", models=models)
    assert context.dockerfile().count("COPY azureml-models") == 1
    assert "AZUREML_MODEL_DIR=/var/azureml-app/azureml-models\n" in context.dockerfile()


def test_an_old_python_is_refused_with_the_way_out() -> None:
    spec = EnvironmentSpec.from_conda_yaml("name: old\ndependencies:\n- python=3.6.2\n- scikit-learn=0.20.1\n")
    with pytest.raises(EnvironmentBuildError) as caught:
        environment_context(spec)
    assert "Python 3.6.2 had its end of life in December 2021" in caught.value.message
    assert "scikit-learn=0.20.1 cannot be had" in caught.value.message
    assert "python=3.11" in str(caught.value.hint)
    assert caught.value.details["plan"]["suggestion"]["python"] == "3.11"
