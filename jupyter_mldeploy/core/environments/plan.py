"""What becomes of an environment in an image: what is mapped, what is past its end of life, what has to be changed.

Nothing is replaced in silence: every item of the specification has a line, and what cannot be had is a problem that
stops the build with the change that helps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .conda_file import conda_version
from .conda_to_pip import pip_name
from .pip_requirements import join_requirements, requirement_name
from .runtime_requirements import PROVIDED, RUNTIME_PYTHON

if TYPE_CHECKING:
    from packaging.version import Version

    from ..environment import EnvironmentSpec

#: Pythons that images are made for, the one that is taken when nothing is asked for first.
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
#: Months in which Pythons had, or will have, their last fixes.
_ENDS = {
    "2.7": "January 2020",
    "3.5": "September 2020",
    "3.6": "December 2021",
    "3.7": "June 2023",
    "3.8": "October 2024",
    "3.9": "October 2025",
    "3.10": "October 2026",
}
#: The oldest versions with files for Python 3.11, of packages whose older ones are asked for most.
_OLDEST: Mapping[str, str] = {
    "h5py": "3.8.0",
    "lightgbm": "3.3.0",
    "matplotlib": "3.6.1",
    "numpy": "1.23.2",
    "onnx": "1.13.0",
    "onnxruntime": "1.15.0",
    "pandas": "1.5.0",
    "pillow": "9.3.0",
    "pyarrow": "10.0.1",
    "scikit-image": "0.20.0",
    "scikit-learn": "1.1.3",
    "scipy": "1.9.2",
    "statsmodels": "0.13.3",
    "tensorflow": "2.12.0",
    "torch": "2.0.0",
    "torchvision": "0.15.1",
}
_PICKLED = frozenset({"scikit-learn", "numpy", "pandas", "lightgbm", "statsmodels"})


@dataclass(frozen=True, slots=True)
class PlanItem:
    """One line of a plan.

    Attributes:
        wanted: as the specification has it.
        becomes: what is installed, or None for nothing.
        how: ``same``, ``renamed``, ``not needed``, ``provided``, ``conda``, ``pip``.
        note: why, where that is not plain.
    """

    wanted: str
    becomes: str | None
    how: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class PlanProblem:
    """Something that cannot be had, and the change that helps (``field`` names where)."""

    field: str
    message: str
    change: str


@dataclass(frozen=True)
class EnvironmentPlan:
    """How an environment is made in an image.

    Attributes:
        kind: ``pip``, or ``conda`` where some package is not on the Python Package Index.
        python: the minor version of the image's Python.
        pip: what pip installs, without the scoring runtime's own requirements.
        conda: what conda installs, [] for kind ``pip``.
        problems: what must be changed first.
        notes: what one should know.
        suggestion: the specification with the changes made, where there are problems; for people to look at.
    """

    kind: str
    python: str
    items: tuple[PlanItem, ...]
    pip: tuple[str, ...]
    conda: tuple[str, ...]
    problems: tuple[PlanProblem, ...]
    notes: tuple[str, ...]
    suggestion: EnvironmentSpec | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON."""
        return {
            "kind": self.kind,
            "python": self.python,
            "items": [
                {"wanted": item.wanted, "becomes": item.becomes, "how": item.how, "note": item.note or None}
                for item in self.items
            ],
            "pip": list(self.pip),
            "conda": list(self.conda),
            "problems": [
                {"field": item.field, "message": item.message, "change": item.change} for item in self.problems
            ],
            "notes": list(self.notes),
            "suggestion": self.suggestion.to_dict() if self.suggestion is not None else None,
        }


def plan_environment(spec: EnvironmentSpec) -> EnvironmentPlan:
    """Return the plan for an image with the environment. It reads the specification only; nothing is built."""
    problems: list[PlanProblem] = []
    notes: list[str] = []
    python = _python(spec, problems, notes)
    found = [(package, *pip_name(package)) for package in spec.conda]
    unmapped = [package for package, _, how in found if how in ("conda only", "unknown")]
    items: list[PlanItem] = []
    pip = [item for item in spec.pip if requirement_name(item) not in PROVIDED]
    names = {requirement_name(item) for item in pip}
    if unmapped:
        notes.append(
            f"No known counterpart on the Python Package Index: {', '.join(unmapped)}. So micromamba installs conda's"
            " packages."
        )
    for package, name, how in found:
        if unmapped:
            items.append(PlanItem(package, package, "conda"))
        elif name is None:
            items.append(PlanItem(package, None, "not needed", "pip's packages bring it"))
        elif name in PROVIDED:
            items.append(PlanItem(package, None, "provided", "the scoring runtime does its job"))
        else:
            requirement = f"{name}{conda_version(package)}"
            joined = join_requirements(pip, [requirement])
            if name not in names:
                items.append(PlanItem(package, requirement, how))
            elif joined == pip:
                items.append(PlanItem(package, None, "not needed", f"{name} stands among pip's packages too"))
            else:
                note = f"{name} stands among pip's packages too, without a version, so this one holds"
                items.append(PlanItem(package, requirement, how, note))
            pip = joined
            names.add(name)
    for item in spec.pip:
        if requirement_name(item) in PROVIDED:
            items.append(PlanItem(item, None, "provided", "the scoring runtime does its job"))
        else:
            items.append(PlanItem(item, item, "pip"))
    # What the extras of provided packages stand for, unless somebody says more exactly which.
    conda_names = {pip_name(item)[0] for item in spec.conda}
    pip += [item for item in spec.installed_pip if requirement_name(item) not in names | conda_names]
    relaxed = dict(_too_old(spec, pip, problems))
    items = [
        replace(item, becomes=None, how="cannot be had", note=f"too old for Python {PYTHONS[0]} or newer")
        if item.becomes is not None and requirement_name(item.becomes) in relaxed
        else item
        for item in items
    ]
    suggestion = _suggest(spec, python, relaxed) if problems else None
    kind = "conda" if unmapped else "pip"
    conda = spec.conda if unmapped else ()
    return EnvironmentPlan(kind, python, tuple(items), tuple(pip), conda, tuple(problems), tuple(notes), suggestion)


def _python(spec: EnvironmentSpec, problems: list[PlanProblem], notes: list[str]) -> str:
    from packaging.specifiers import SpecifierSet

    asked = spec.python
    if asked is None:
        if not (spec.base_image or spec.base_dockerfile):
            notes.append(f"No Python version is asked for; Python {PYTHONS[0]} is taken.")
        return PYTHONS[0]
    if not re.fullmatch(r"\d+(\.\d+)*", asked):
        fitting = [item for item in PYTHONS if any(SpecifierSet(asked).contains(f"{item}.{n}") for n in range(40))]
        if fitting:
            return fitting[0]
        problems.append(
            PlanProblem(
                "python",
                f"No supported Python fits {asked}: the scoring runtime needs Python {PYTHONS[0]} or newer.",
                f"python={PYTHONS[0]}",
            )
        )
        return PYTHONS[0]
    parts = [int(part) for part in asked.split(".")]
    minor = ".".join(str(part) for part in parts[:2])
    if len(parts) == 1 and parts[0] == 3:
        return PYTHONS[0]
    if tuple(parts[:2]) < RUNTIME_PYTHON:
        end = f" had its end of life in {_ENDS[minor]}, and" if minor in _ENDS else ":"
        problems.append(
            PlanProblem(
                "python",
                f"Python {asked}{end} the scoring runtime needs Python {PYTHONS[0]} or newer.",
                f"python={PYTHONS[0]}",
            )
        )
        return PYTHONS[0]
    return minor


def _too_old(spec: EnvironmentSpec, pip: list[str], problems: list[PlanProblem]) -> Iterator[tuple[str, str]]:
    """Note the requirements that no version with files for a supported Python can meet; yield name, new requirement."""
    from packaging.requirements import Requirement
    from packaging.version import Version

    conda = {requirement_name(f"{pip_name(item)[0]}"): item for item in spec.conda if pip_name(item)[0]}
    for text in pip:
        requirement = Requirement(text)
        oldest = _OLDEST.get(requirement.name)
        if oldest is None or not requirement.specifier:
            continue
        if not any(_is_below(item.operator, item.version, Version(oldest)) for item in requirement.specifier):
            continue
        name = requirement.name
        again = (
            f" A model that was pickled with the old {name} has to be saved again with the new one."
            if name in _PICKLED
            else ""
        )
        problems.append(
            PlanProblem(
                "conda" if name in conda else "pip",
                f"{conda.get(name, text)} cannot be had for Python {PYTHONS[0]} or newer: the oldest {name} with"
                f" files for it is {oldest}.",
                f"{name}>={oldest}.{again}",
            )
        )
        yield name, f"{name}>={oldest}"


def _is_below(operator: str, text: str, oldest: Version) -> bool:
    """Return whether everything that a clause of a version specifier allows is older than ``oldest``."""
    from packaging.version import Version

    if operator == "~=" or text.endswith(".*"):
        # The same beginning: 1.23.* may well hold 1.23.2, and ~=1.23 is anything from 1.23 below 2.
        prefix = Version(text.removesuffix(".*")).release
        prefix = prefix[:-1] if operator == "~=" else prefix
        return operator in ("==", "~=") and prefix < oldest.release[: len(prefix)]
    version = Version(text) if operator != "===" else oldest
    return version <= oldest if operator == "<" else operator in ("==", "<=") and version < oldest


def _suggest(spec: EnvironmentSpec, python: str, relaxed: Mapping[str, str]) -> EnvironmentSpec:
    conda = tuple(relaxed.get(str(pip_name(item)[0]), item) for item in spec.conda)
    pip = tuple(relaxed.get(requirement_name(item), item) for item in spec.pip)
    lock = {name: version for name, version in spec.lock.items() if name not in relaxed}
    return replace(spec, version=None, python=python, conda=conda, pip=pip, lock=lock)
