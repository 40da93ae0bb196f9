"""What an image stands on: the base image, who installs the packages, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...errors import EnvironmentBuildError, InvalidInputError
from ..environments.plan import PYTHONS, EnvironmentPlan, plan_environment
from .dockerfile_steps import as_lines, logical_lines

if TYPE_CHECKING:
    from ..environment import EnvironmentSpec

#: Images by name and tag; a tag that is moved is Debian's security fixes, which are wanted.
PYTHON_IMAGE = "python:{python}-slim-bookworm"
MICROMAMBA_IMAGE = "mambaorg/micromamba:2.0.5-debian12-slim"
CONDA_BASE_IMAGE = "debian:bookworm-slim"
CUDA_IMAGE = "nvidia/cuda:{cuda}-cudnn-runtime-ubuntu24.04"
#: Ubuntu 24.04's own Python, which the CUDA images get.
_CUDA_PYTHON = "3.12"
_OLDEST_CUDA = (12, 4)
_PATCHED_CUDA = {"12.4": "12.4.1", "12.5": "12.5.1", "12.6": "12.6.3", "12.8": "12.8.1", "12.9": "12.9.1"}
#: Base images that v1 put into every environment. They brought conda, MPI and a web server, all of which is not used.
_V1_DEFAULTS = re.compile(
    r"mcr\.microsoft\.com/azureml/(base|base-gpu|intelmpi|openmpi|minimal|o16n-base)[\w./-]*(:.*)?"
)
_ENVIRONMENT = "/opt/environment"


@dataclass(frozen=True)
class Base:
    """What the first stage begins with.

    Attributes:
        dockerfile: the lines from the first ``FROM`` to where packages are installed.
        python_command: what starts Python in the image.
        python: the minor version it is expected to have; None takes what is there.
        foreign: whether the image is the user's own, of which nothing is known.
        pip: requirements for pip.
        conda_file: text of ``conda.yml``, or None.
        images: the images that are pulled.
        notes: sentences for people; they stand in the Dockerfile.
    """

    dockerfile: tuple[str, ...]
    python: str | None
    pip: tuple[str, ...]
    images: tuple[str, ...]
    python_command: str = "python"
    foreign: bool = False
    conda_file: str | None = None
    dockerfile_steps: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def choose_base(spec: EnvironmentSpec) -> Base:
    """Return what an environment's image stands on.

    Raises:
        EnvironmentBuildError: the environment cannot be had as it is; ``details["plan"]`` is the plan with the changes.
    """
    plan = plan_environment(spec)
    if plan.problems:
        raise refuse(spec, plan)
    if spec.base_dockerfile or (spec.base_image and not _V1_DEFAULTS.fullmatch(spec.base_image)):
        return _own_base(spec, plan)
    if spec.gpu and spec.gpu != "any":
        return _cuda_base(spec, plan)
    return _python_base(spec, plan)


def refuse(spec: EnvironmentSpec, plan: EnvironmentPlan) -> EnvironmentBuildError:
    """Return the error for a plan with problems: what is wrong, and the changes to make."""
    name = "" if spec.name == "environment" else f" {spec.name!r}"
    return EnvironmentBuildError(
        f"The environment{name} cannot be built as it is: {' '.join(item.message for item in plan.problems)}",
        hint=f"Change it to: {'; '.join(item.change.rstrip('.') for item in plan.problems)}."
        " `mldeploy environment plan` shows all of it, and --suggest a changed file.",
        details={"plan": plan.to_dict()},
    )


def _notes(spec: EnvironmentSpec, plan: EnvironmentPlan) -> list[str]:
    notes = list(plan.notes)
    if spec.provided:
        notes.append(f"{', '.join(spec.provided)}: not installed, the scoring runtime below does its job.")
    if spec.base_image and _V1_DEFAULTS.fullmatch(spec.base_image):
        notes.append(f"{spec.base_image} was v1's default base image; nothing of it is needed, so it is not used.")
    return notes


def _python_base(spec: EnvironmentSpec, plan: EnvironmentPlan) -> Base:
    notes = _notes(spec, plan)
    exact = spec.python if spec.python and re.fullmatch(r"\d+\.\d+\.\d+", spec.python) else plan.python
    pip = list(plan.pip)
    variables: dict[str, str] = {}
    lines: list[str] = []
    images: tuple[str, ...]
    conda_file = None
    if plan.kind == "conda":
        conda_file = _conda_file(spec, plan)
        images = (MICROMAMBA_IMAGE, CONDA_BASE_IMAGE)
        lines += [
            f"FROM {MICROMAMBA_IMAGE} AS conda",
            "COPY conda/conda.yml /tmp/conda.yml",
            f"RUN micromamba create --yes --prefix {_ENVIRONMENT} --file /tmp/conda.yml \\",
            " && micromamba clean --all --yes",
            "",
            f"FROM {CONDA_BASE_IMAGE}",
            f"COPY --from=conda {_ENVIRONMENT} {_ENVIRONMENT}",
            f"ENV PATH={_ENVIRONMENT}/bin:$PATH",
        ]
    else:
        images = (PYTHON_IMAGE.format(python=exact),)
        lines.append(f"FROM {images[0]}")
    if spec.gpu or (spec.base_image and "gpu" in spec.base_image and not spec.base_dockerfile):
        notes.append("CUDA comes with the packages; the driver is the machine's (docker run --gpus all).")
        variables.update(_gpu_variables())
    if spec.runtime == "spark-py":
        notes.append("PySpark runs in one process with the service (local[*]); Java is Debian's.")
        lines += [
            "RUN mkdir -p /usr/share/man/man1 \\",  # which slim images lack, and Java's packages take for granted
            " && apt-get update \\",
            " && apt-get install --yes --no-install-recommends openjdk-17-jre-headless procps \\",
            " && rm -rf /var/lib/apt/lists/*",
        ]
        variables.update({"PYSPARK_PYTHON": "python", "SPARK_LOCAL_DIRS": "/tmp", "SPARK_LOCAL_IP": "127.0.0.1"})  # noqa: S108
        if not any(re.match(r"pyspark\b", item) for item in (*pip, *plan.conda)):
            pip.append("pyspark>=3.5,<5")
    return Base(
        tuple(lines),
        plan.python,
        tuple(pip),
        images,
        conda_file=conda_file,
        dockerfile_steps=tuple(as_lines(spec.dockerfile_steps)),
        variables=variables,
        notes=tuple(notes),
    )


def _cuda_base(spec: EnvironmentSpec, plan: EnvironmentPlan) -> Base:
    cuda = str(spec.gpu)
    if tuple(int(part) for part in cuda.split(".")[:2]) < _OLDEST_CUDA:
        raise InvalidInputError(
            f"CUDA {cuda} has no image with a Python that the scoring runtime runs on (3.11 or newer).",
            field="gpu",
            hint="Take CUDA 12.4 or newer, or gpu=any where the packages bring CUDA themselves (torch, tensorflow"
            "[and-cuda], xgboost do), or name a base_image of your own.",
        )
    if plan.kind == "conda":
        raise InvalidInputError(
            f"Conda packages ({', '.join(spec.conda)}) and a CUDA base image do not go together here.",
            field="gpu",
            hint="Leave the CUDA version out (gpu=any): conda brings its own, or name a base_image of your own.",
        )
    if spec.python and plan.python != _CUDA_PYTHON:
        raise InvalidInputError(
            f"The CUDA image has Ubuntu's Python {_CUDA_PYTHON}, and the environment asks for {spec.python}.",
            field="python",
            hint=f"Ask for Python {_CUDA_PYTHON}, or take gpu=any, or name a base_image of your own.",
        )
    image = CUDA_IMAGE.format(cuda=_PATCHED_CUDA.get(cuda, cuda if cuda.count(".") > 1 else f"{cuda}.0"))
    lines = (
        f"FROM {image}",
        "RUN apt-get update \\",
        " && apt-get install --yes --no-install-recommends python3 python3-venv \\",
        " && rm -rf /var/lib/apt/lists/* \\",
        f" && python3 -m venv {_ENVIRONMENT}",
        f"ENV PATH={_ENVIRONMENT}/bin:$PATH",
    )
    return Base(
        lines,
        _CUDA_PYTHON,
        plan.pip,
        (image,),
        dockerfile_steps=tuple(as_lines(spec.dockerfile_steps)),
        variables=_gpu_variables(),
        notes=(*_notes(spec, plan), "The driver is the machine's (docker run --gpus all)."),
    )


def _gpu_variables() -> dict[str, str]:
    return {"NVIDIA_VISIBLE_DEVICES": "all", "NVIDIA_DRIVER_CAPABILITIES": "compute,utility"}


def _own_base(spec: EnvironmentSpec, plan: EnvironmentPlan) -> Base:
    if plan.kind == "conda":
        raise InvalidInputError(
            f"Conda packages that pip does not have ({', '.join(spec.conda)}) cannot be put into a base image of your"
            " own.",
            field="conda",
            hint="Install them in the base image, and leave them out of the environment.",
        )
    if spec.base_dockerfile:
        lines = tuple(logical_lines(spec.base_dockerfile.rstrip()))
        aliases = {found.group(1) for line in lines if (found := re.search(r"(?i)^FROM\s.*\sAS\s+(\S+)", line))}
        images = tuple(
            found.group(1)
            for line in lines
            if (found := re.match(r"(?i)FROM\s+(?:--\S+\s+)*(\S+)", line)) and found.group(1) not in aliases
        )
        if not images:
            raise InvalidInputError("The base Dockerfile has no FROM.", field="base_dockerfile")
    else:
        lines, images = (f"FROM {spec.base_image}",), (str(spec.base_image),)
    return Base(
        lines,
        plan.python if spec.python else None,
        plan.pip,
        images,
        python_command=spec.variables.get("AZUREML_INFERENCE_PYTHON_PATH", "python"),
        foreign=True,
        dockerfile_steps=tuple(as_lines(spec.dockerfile_steps)),
        variables=_gpu_variables() if spec.gpu else {},
        notes=tuple(_notes(spec, plan)),
    )


def _conda_file(spec: EnvironmentSpec, plan: EnvironmentPlan) -> str:
    import yaml

    python = spec.python if spec.python and re.fullmatch(r"\d+(\.\d+)+", spec.python) else plan.python
    document = {
        "name": "environment",
        "channels": list(spec.channels) or ["conda-forge"],
        "dependencies": [f"python={python or PYTHONS[0]}", *plan.conda, "pip"],
    }
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=200))
