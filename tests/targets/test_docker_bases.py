"""Images on other bases than Python's: conda packages by micromamba, CUDA, Spark; built, started and asked.

Stand-ins take the places of the images that a registry would have to give: everything else of their Dockerfiles runs. A
stand-in for micromamba makes the environment's folder as micromamba would, so what that itself does is not tried here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_mldeploy.core.environment import EnvironmentSpec
from jupyter_mldeploy.core.images import base_images
from tests.targets.docker_images import BASE, PLAIN_SCRIPT, Shop, docker, running, score, unique

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif("MLDEPLOY_BASES" not in os.environ, reason="MLDEPLOY_BASES builds images on other bases"),
]

#: What micromamba is asked for is kept, so that the test sees it; Python goes where its packages would.
MICROMAMBA = """\
#!/bin/sh -e
test "$1" = clean && exit 0
test "$1 $2 $3 $5" = "create --yes --prefix --file"
python3 -m venv --copies "$4"
cp "$6" "$4/asked.yml"
"""

SPARK_SCRIPT = """\
import json


def init():
    global session
    from pyspark.sql import SparkSession
    session = SparkSession.builder.config("spark.ui.enabled", "false").getOrCreate()


def run(data):
    frame = session.createDataFrame([(value,) for value in json.loads(data)["data"]], ["x"])
    return [row.y for row in frame.selectExpr("x * 2 AS y").collect()]
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    found = Shop(tmp_path)
    yield found
    found.close()


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[str]:
    """An image with a ``micromamba``, on the base that is here."""
    folder = tmp_path / "standin"
    folder.mkdir()
    (folder / "micromamba").write_text(MICROMAMBA)
    (folder / "micromamba").chmod(0o755)
    (folder / "Dockerfile").write_text(f"FROM {BASE}\nCOPY micromamba /usr/local/bin/\n")
    name = f"{unique('mldeploy-standin')}:1"
    docker("build", "--quiet", "--tag", name, str(folder))
    yield name
    docker("rmi", name, check=False)


def test_conda_packages_come_from_a_stage_of_their_own(
    shop: Shop, stand_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base_images, "MICROMAMBA_IMAGE", stand_in)
    monkeypatch.setattr(base_images, "CONDA_BASE_IMAGE", BASE)
    spec = EnvironmentSpec(python="3.11", conda=("r-base=4.3",), channels=("conda-forge",), pip=("six",))
    image = shop.build(PLAIN_SCRIPT, spec)
    with running(image.reference) as (name, port):
        assert score(port, {"data": [[3, 4]]}) == [11]
        asked = docker("exec", name, "cat", "/opt/environment/asked.yml")
        assert [line.strip("- ") for line in asked.splitlines()[4:]] == ["python=3.11", "r-base=4.3", "pip"]
        which = docker("exec", name, "python", "-c", "import six, sys; print(sys.prefix, six.__file__)")
        assert which.startswith("/opt/environment /opt/environment/lib/")


def test_a_cuda_image_gets_a_python_of_its_own(shop: Shop, stand_in: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_images, "CUDA_IMAGE", stand_in)
    image = shop.build(PLAIN_SCRIPT, EnvironmentSpec(pip=("six",), gpu="12.6"))
    with running(image.reference) as (name, port):
        assert score(port, {"data": [[3, 4]]}) == [11]
        assert docker("exec", name, "sh", "-c", "echo $NVIDIA_VISIBLE_DEVICES") == "all"
        assert docker("exec", name, "python", "-c", "import sys; print(sys.prefix)") == "/opt/environment"


@pytest.mark.timeout(900)
def test_spark_runs_in_the_container(shop: Shop) -> None:
    image = shop.build(SPARK_SCRIPT, EnvironmentSpec(python="3.11", runtime="spark-py"))
    with running(image.reference) as (_, port):
        assert score(port, {"data": [1, 2]}) == [2, 4]
