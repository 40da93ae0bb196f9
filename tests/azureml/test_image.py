"""The images of v1's first articles: configured, created, deployed by ``deploy_from_image``, exchanged, deleted."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.azureml.exceptions import WebserviceException
from tests.azureml.conftest import SCORE
from tests.azureml.test_notebook import documented, run
from tests.azureml.test_notebook import pytestmark as without_the_sdk
from tests.seeds.scripts import SEEDS
from tests.targets.docker_images import unique
from tests.targets.docker_service import belongings, docker

pytestmark = without_the_sdk

ARTICLE = SEEDS / "000_3f886972c8942c20.txt"
ASK = json.dumps({"data": [[1, 1]]})
REGISTER = """
from azureml.core import Model, Workspace
ws = Workspace.from_config()
model = Model.register(ws, 'weights.pkl', 'weights')
"""
CONFIGURE = """
from azureml.core.image import ContainerImage
image_config = ContainerImage.image_configuration(execution_script='score.py', runtime='python', conda_file='myenv.yml')
"""


@pytest.fixture
def folder(folder: Path) -> Path:
    """The environment asks for a Python that is still there."""
    (folder / "myenv.yml").write_text("dependencies:\n- python=3.11\n- pip:\n  - azureml-defaults\n")
    return folder


@pytest.fixture
def image_name() -> Iterator[str]:
    name = unique("im")
    yield name
    for reference in docker("images", "--format", "{{.Repository}}:{{.Tag}}", f"mldeploy/{name}*").split():
        docker("rmi", reference)


def python_blocks() -> list[str]:
    """The article's blocks, without the one character that never was Python."""
    text = ARTICLE.read_text(encoding="utf-8")
    found = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [block.replace('"myenv.yml"}', '"myenv.yml"') for block in found]


@pytest.mark.docker
@pytest.mark.skipif(not ARTICLE.exists(), reason="the documents are not beside this checkout")
def test_the_articles_blocks(folder: Path, image_name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Configure and create an image, deploy it, test the service, point it to another image, clean up."""

    def block(*words: str) -> str:
        (found,) = {item for item in python_blocks() if all(word in item for word in words)}
        return found.replace("myimage", image_name).replace("aci-mnist-3", f"{image_name}-svc")

    names: dict[str, Any] = {}
    run(REGISTER, names)
    run(block("ContainerImage.image_configuration"), names)
    run(block("ContainerImage.create"), names)
    names["image"].wait_for_creation(show_output=True)
    assert f"{image_name}:1: Succeeded" in capsys.readouterr().out
    run("from azureml.core.webservice import Webservice\n"
        f"service = Webservice.deploy_from_image(workspace=ws, name='{image_name}-svc', image=image)\n"
        "service.wait_for_deployment(show_output=True)", names)  # fmt: skip
    run(block("test_sample", "prediction").replace("[1,2,3,4,5,6,7,8,9,10]", "[1,2]").replace(
        "[10,9,8,7,6,5,4,3,2,1]", "[3,4]"), names)  # fmt: skip
    assert names["prediction"] == [5, 11]

    edited = (folder / "score.py").read_text()
    (folder / "score.py").write_text(edited.replace("a * b", "10 * a * b"))
    run(CONFIGURE + f"other = ContainerImage.create(ws, '{image_name}2', [model], image_config)\n"
        "other.wait_for_creation()", names)  # fmt: skip
    run(block("new_image", "service.update"), names)
    assert capsys.readouterr().out.endswith("Healthy\n")
    assert names["service"].run(ASK) == [30]
    run("by_image = [item.name for item in Webservice.list(ws, image_id=new_image.id)]\n"
        "by_other = Webservice.list(ws, image_name=image.name)", names)  # fmt: skip
    assert (names["by_image"], names["by_other"]) == ([f"{image_name}-svc"], [])
    with pytest.raises(WebserviceException, match=rf"in use by service {image_name}-svc revision 2"):
        names["new_image"].delete()
    run("service.delete()\nimage.delete()\nnew_image.delete()", names)
    assert names["ws"].images == {}
    assert belongings(image_name) == []


@pytest.mark.docker
@pytest.mark.filterwarnings("ignore:InferenceConfig")
def test_the_documentation_s_image(folder: Path, image_name: str) -> None:
    _, notebook, images, _ = documented()
    (folder / "ridge.pkl").write_bytes(pickle.dumps(list(range(1, 11))))
    (folder / "score.py").write_text(SCORE.replace("weights.pkl", "ridge.pkl"))
    names: dict[str, Any] = {}
    run(notebook, names)
    run(images.replace("myimage", image_name).replace("myservice2", f"{image_name}-svc"), names)
    assert names["service"].run('{"data": [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]}') == [385]
    names["service"].delete()
    names["image"].delete()


@pytest.mark.docker
def test_an_image_with_its_labels(folder: Path, image_name: str) -> None:
    names: dict[str, Any] = {"image_name": image_name}
    (folder / "more.txt").write_text("more")
    run(REGISTER + CONFIGURE, names)
    run("image_config.tags, image_config.description = {'area': 'sums'}, 'adds'\n"
        "image_config.dependencies = ['more.txt']\n"
        "image = ContainerImage.create(ws, image_name, [model], image_config)\n"
        "image.wait_for_creation()\n"
        "from azureml.core import Image\n"
        "found = Image(ws, image_name)\n"
        "listed = Image.list(ws, model_id=model.id, tags=[['area', 'sums']])\n"
        "nothing = Image.list(ws, image_name, tags=['other'])", names)  # fmt: skip
    image, found = names["image"], names["found"]
    assert (image.id, image.version, image.creation_state) == (f"{image_name}:1", 1, "Succeeded")
    assert [item.id for item in names["listed"]] == [found.id] == [image.id]
    assert names["nothing"] == []
    assert found.image_location.startswith(f"mldeploy/{image_name}:")
    image.add_tags({"b": "1"})
    image.remove_tags(["area"])
    image.add_properties({"fixed": "yes"})
    values = found.serialize()
    json.dumps(values)
    assert (values["tags"], values["properties"], values["description"]) == ({"b": "1"}, {"fixed": "yes"}, "adds")
    assert (values["modelIds"], values["imageType"], values["creationError"]) == (["weights:1"], "Docker", None)
    found.update({"c": "2"})
    assert image.tags == {"c": "2"}
    assert "Step" in Path(values["imageBuildLogUri"].removeprefix("file://")).read_text()
    assert image.run(ASK) == [3]
    assert docker("ps", "--all", "--quiet", "--filter", f"ancestor={found.image_location}") == ""
    files = docker("run", "--rm", "--entrypoint", "ls", found.image_location, "/var/azureml-app/app").split()
    assert "more.txt" in files
    image.delete()
    with pytest.raises(WebserviceException, match=image_name):
        run("Image(ws, image_name)", names)


@pytest.mark.filterwarnings("ignore:ContainerImageConfig. the environment is recorded:UserWarning")
def test_from_a_configuration_without_an_image(folder: Path) -> None:
    """``deploy_from_model`` and ``deploy`` never asked for an image of the user's own."""
    names: dict[str, Any] = {}
    run(REGISTER + CONFIGURE, names)
    run("from azureml.core.webservice import Webservice\n"
        "service = Webservice.deploy_local_from_model(ws, 'sums', [model], image_config, wait=True)\n"
        "other = Webservice.deploy(ws, 'others', ['weights.pkl'], image_config)\n"
        "other.wait_for_deployment()", names)  # fmt: skip
    assert names["service"].run(ASK) == names["other"].run(ASK) == [3]
    assert set(names["ws"].models) == {"weights", "weights.pkl"}


def test_what_an_image_cannot_be_made_of(folder: Path) -> None:
    names: dict[str, Any] = {}
    run(REGISTER + CONFIGURE, names)
    with pytest.raises(WebserviceException, match=r"score2\.py"):
        run("ContainerImage.image_configuration('score2.py', 'python')", names)
    with pytest.raises(WebserviceException, match="runtime"):
        run("ContainerImage.image_configuration('score.py', 'perl')", names)
    with pytest.raises(WebserviceException, match=r"swagger\*\.json"):
        run("ContainerImage.image_configuration('score.py', 'python', schema_file='schema.json')", names)
    run("image_config.base_image_registry.address = 'myregistry.azurecr.io'\n"
        "image_config.base_image_registry.password = 'password'", names)  # fmt: skip
    with pytest.raises(WebserviceException, match="password"):
        run("ContainerImage.create(ws, 'myimage', [model], image_config)", names)
    with pytest.raises(WebserviceException, match="name or an id"):
        run("from azureml.core import Image\nImage(ws)", names)
    with pytest.raises(WebserviceException, match="myimage:7"):
        run("Image(ws, id='myimage:7')", names)
