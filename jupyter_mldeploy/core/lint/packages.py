"""The packages of a conda environment file or a requirements file, with their places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from jupyter_mldeploy.core.lint.context import PinnedEnvironment
from jupyter_mldeploy.core.lint.document import Node
from jupyter_mldeploy.core.script.source import SourceText, Span

_CONDA = re.compile(r"^(?:[\w./-]+::)?(?P<name>[A-Za-z0-9][\w.-]*)\s*(?P<rest>.*)$")
_PIP = re.compile(r"^(?P<name>[A-Za-z0-9][\w.-]*)\s*(?:\[(?P<extras>[^\]]*)\])?\s*(?P<rest>.*)$")
_VERSION = re.compile(r"\d[\w.*]*")
_BELOW = re.compile(r"<\s*(\d[\w.]*)")

# Import name → distributions that bring it, the usual one first.
_DISTRIBUTIONS = """
sklearn: scikit-learn
PIL: pillow
skimage: scikit-image
yaml: pyyaml
cv2: opencv-python-headless opencv-python opencv-contrib-python opencv-contrib-python-headless opencv py-opencv
bs4: beautifulsoup4 bs4
dateutil: python-dateutil pandas
dotenv: python-dotenv
torch: torch pytorch pytorch-cpu
torchvision: torchvision torchvision-cpu
tensorflow: tensorflow tensorflow-gpu tensorflow-cpu intel-tensorflow
keras: keras tensorflow tensorflow-gpu tensorflow-cpu keras-gpu
onnxruntime: onnxruntime onnxruntime-gpu
xgboost: xgboost py-xgboost py-xgboost-cpu
inference_schema: inference-schema azureml-defaults azureml-sdk azureml-inference-server-http
joblib: joblib scikit-learn azureml-automl-runtime
OpenSSL: pyopenssl
git: gitpython
fastai: fastai
Crypto: pycryptodome
jwt: pyjwt
lightgbm: lightgbm
psycopg2: psycopg2 psycopg2-binary
faiss: faiss-cpu faiss-gpu faiss
en_core_web_sm: en-core-web-sm
"""
# Distribution → others that bring it along, so that scripts import it without naming it.
_BROUGHT_BY = """
numpy: azureml-automl-runtime azureml-sdk azureml-train-automl azureml-train-automl-runtime catboost fastai gensim
  h5py inference-schema keras lightgbm matplotlib mlflow mxnet nltk onnx onnxruntime onnxruntime-gpu opencv
  opencv-python opencv-python-headless pandas prophet py-xgboost pyarrow pytorch scikit-image scikit-learn scipy
  seaborn sentence-transformers shap spacy statsmodels tensorflow tensorflow-cpu tensorflow-gpu torch torchvision
  transformers xgboost
pandas: azureml-automl-runtime azureml-dataprep azureml-dataset-runtime azureml-train-automl
  azureml-train-automl-runtime catboost fastai inference-schema mlflow prophet seaborn shap statsmodels
scipy: fastai gensim lightgbm mlflow scikit-image scikit-learn statsmodels xgboost
scikit-learn: azureml-automl-runtime azureml-train-automl azureml-train-automl-runtime fastai imbalanced-learn
  lightgbm mlflow sentence-transformers shap
pillow: fastai keras-preprocessing matplotlib scikit-image torchvision
requests: azureml-core azureml-defaults azureml-inference-server-http azureml-sdk azureml-train-automl-runtime
  huggingface-hub mlflow spacy tensorflow torchvision transformers
flask: azureml-defaults azureml-inference-server-http mlflow
torch: fastai pytorch-lightning sentence-transformers torchaudio torchvision torchvision-cpu
pyyaml: azureml-core azureml-defaults azureml-sdk huggingface-hub mlflow transformers
h5py: keras tensorflow tensorflow-cpu tensorflow-gpu
tensorflow: intel-tensorflow tensorflow-cpu tensorflow-gpu
"""


def _table(text: str) -> dict[str, tuple[str, ...]]:
    """Read ``name: words`` lines; an indented line goes on with the one above."""
    joined = text.strip().replace("\n  ", " ")
    return {name: tuple(words.split()) for name, _, words in (line.partition(":") for line in joined.splitlines())}


DISTRIBUTIONS = _table(_DISTRIBUTIONS)
BRINGS = {name: frozenset(words) for name, words in _table(_BROUGHT_BY).items()}


@dataclass(frozen=True, slots=True)
class Package:
    """One requirement: its name in canonical form, what follows the name, and where it stands."""

    name: str
    written: str
    rest: str
    manager: Literal["conda", "pip"]
    span: Span

    @property
    def version(self) -> str | None:
        """The exact version, when one is pinned."""
        match = _VERSION.search(self.rest)
        exact = re.match(r"^\s*={1,3}\s*\d", self.rest)
        if exact is None or match is None:
            return None
        return match.group()

    @property
    def below(self) -> str | None:
        """The version that a range such as ``>=1.2,<2`` stays under, when it says so with ``<``."""
        match = _BELOW.search(self.rest)
        return match.group(1) if match else None


def canonical(name: str) -> str:
    """Return a distribution's name as pip compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def conda_packages(root: Node) -> Iterator[Package]:
    """Yield the packages of a conda environment file, its pip section's too."""
    dependencies = root.get("dependencies")
    for item in dependencies.items if dependencies is not None else ():
        if item.kind == "scalar" and isinstance(item.value, str):
            match = _CONDA.match(item.value.strip())
            if match is not None:
                yield Package(canonical(match["name"]), match["name"], match["rest"], "conda", item.span)
        elif item.kind == "map":
            for key, _, section in item.entries:
                if key == "pip":
                    for line in section.items:
                        package = pip_package(str(line.value), line.span) if line.kind == "scalar" else None
                        if package is not None:
                            yield package


def pip_package(text: str, span: Span) -> Package | None:
    """Return a line of a requirements file as a package; None for options, links and paths."""
    text = re.sub(r"(?:^|\s)#.*$", "", text).split(";", 1)[0].strip()
    if not text or text.startswith(("-", ".", "/")) or "://" in text.split("@", 1)[0]:
        return None
    match = _PIP.match(text)
    if match is None or match["rest"].startswith(("/", "\\")):
        return None
    return Package(canonical(match["name"]), match["name"], match["rest"], "pip", span)


def requirements(source: SourceText) -> Iterator[Package]:
    """Yield the packages of a requirements file."""
    for number, line in enumerate(source.lines, 1):
        start = len(line) - len(line.lstrip())
        package = pip_package(line, Span(number, start, number, len(line.rstrip())))
        if package is not None:
            yield package


def pins(path: str, packages: Iterator[Package]) -> PinnedEnvironment:
    """Return what an environment says about versions, for the rules about scripts."""
    found = list(packages)
    return PinnedEnvironment(
        path,
        {package.name: package.version for package in found},
        {package.name: package.below for package in found if package.below and not package.version},
    )


def is_pinned_below(environment: PinnedEnvironment | None, name: str, version: tuple[int, int]) -> bool:
    """Whether an environment certainly holds a package in a version under ``version`` (major and minor)."""
    if environment is None:
        return False
    pinned, below = environment.packages.get(name), environment.below.get(name)
    if pinned is not None:
        numbers = _numbers(pinned)
        # "2" or "2.*" alone leaves the minor version open.
        return numbers[:1] < version[:1] or (len(numbers) > 1 and numbers[:2] < version)
    return below is not None and _numbers(below) <= version


def _numbers(version: str) -> tuple[int, ...]:
    """Read ``"2.4.0"`` as ``(2, 4)``: zeros behind the minor version say nothing."""
    numbers = [int(part) for part in re.findall(r"\d+", version)]
    while len(numbers) > 2 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
