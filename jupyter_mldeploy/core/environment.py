"""Environments: what a script needs around it, as data that means the same on every machine.

    >>> spec = EnvironmentSpec("ridge", python="3.11", pip=("Scikit_Learn >= 1.4", "azureml-defaults"))
    >>> spec.pip, spec.provided
    (('scikit-learn>=1.4', 'azureml-defaults'), ('azureml-defaults',))

A specification says nothing about where it is built; targets do that (``local`` with ``--isolated`` by
:class:`~.venvs.VenvCache`). The files that it is read from are in ``conda_file``, ``pip_requirements`` and
``v1_environment``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ..errors import InvalidInputError
from .environments.pip_requirements import (
    normal_option,
    normal_requirement,
    read_requirements,
    requirement_name,
)
from .environments.registry import EnvironmentRegistry
from .environments.runtime_requirements import PROVIDED, PROVIDED_EXTRAS
from .environments.venvs import VenvCache
from .storage.canonical import canonical_json, digest_of_bytes

__all__ = ["EnvironmentRegistry", "EnvironmentSpec", "VenvCache"]

_PYTHON = re.compile(r"\d+(\.\d+){0,2}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TUPLES = ("pip", "pip_options", "channels", "conda", "dockerfile_steps")
_RUNTIMES = ("python", "spark-py")
_MAPPINGS = ("variables", "registry", "lock", "hashes")


@dataclass(frozen=True)
class EnvironmentSpec:
    """What a script needs around it.

    Values are put into one normal form, so that equal content has an equal :attr:`digest`.

    Attributes:
        name, version: as registered; version is None for one that is not. They do not count as content.
        python: a version to match (``"3.11"``, ``"3.11.4"``), a range (``">=3.11,<3.13"``), or None for any.
        pip: PEP 508 requirements.
        pip_options: pip's options, for example ``"--index-url https://…"``.
        channels, conda: conda's channels and its packages other than Python and pip's.
        variables: environment variables of the script; none by default.
        base_image, base_dockerfile: of container targets; at most one of the two.
        registry: ``address``, ``username`` and ``password`` of the base image's registry; the password is a reference
            ``${NAME}``, never the password itself.
        lock: distribution → version, for everything that is to be installed, as far as it is known.
        hashes: distribution → digests that its files must have.
        dockerfile_steps: further lines of the Dockerfile, run as root before the packages are installed. ``COPY`` takes
            files that go with the entry script.
        gpu: ``"any"``, where the packages bring CUDA with themselves, or the version of CUDA that they need
            (``"12.6"``); None for no GPU.
        runtime: ``"spark-py"`` for Java and PySpark; None is plain Python.

    Raises:
        InvalidInputError: a value that cannot be used; ``field`` names it.
    """

    name: str = "environment"
    version: str | None = None
    python: str | None = None
    pip: tuple[str, ...] = ()
    pip_options: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    conda: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    base_image: str | None = None
    base_dockerfile: str | None = None
    registry: Mapping[str, str] = field(default_factory=dict)
    lock: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dockerfile_steps: tuple[str, ...] = ()
    gpu: str | None = None
    runtime: str | None = None

    def __post_init__(self) -> None:
        for name in _TUPLES:
            values = getattr(self, name)
            if isinstance(values, str) or not all(isinstance(item, str) for item in values):
                raise InvalidInputError(f"The environment's {name} must be a list of texts.", field=name)
        pip = tuple(dict.fromkeys(normal_requirement(item) for item in self.pip))
        options = tuple(dict.fromkeys(normal_option(item.split(None, 1), where=None) for item in self.pip_options))
        conda = tuple(dict.fromkeys(item.strip() for item in self.conda))
        for name, value in (
            ("pip", pip),
            ("pip_options", options),
            ("conda", conda),
            ("channels", tuple(self.channels)),
            ("dockerfile_steps", tuple(item.rstrip() for item in self.dockerfile_steps if item.strip())),
            ("runtime", None if self.runtime == "python" else self.runtime),
        ):
            object.__setattr__(self, name, value)
        for name in _MAPPINGS:
            values = getattr(self, name)
            normal = {key: tuple(item) if name == "hashes" else item for key, item in sorted(values.items())}
            object.__setattr__(self, name, normal)
        object.__setattr__(self, "python", _normal_python(self.python))
        self._check()

    def _check(self) -> None:
        for name, value in self.variables.items():
            if not _VARIABLE.fullmatch(name) or not isinstance(value, str):
                raise InvalidInputError(
                    f"The environment variable {name!r} = {value!r} cannot be set.",
                    field="variables",
                    hint="Names are letters, digits and '_'; values are texts.",
                )
        if self.base_image and self.base_dockerfile:
            raise InvalidInputError(
                "An environment has a base image or a base Dockerfile, not both.",
                field="base_dockerfile",
                hint="Leave one of the two out.",
            )
        if self.runtime is not None and self.runtime not in _RUNTIMES:
            raise InvalidInputError(
                f"There is no runtime {self.runtime!r}.",
                field="runtime",
                hint=f"Runtimes are {' and '.join(_RUNTIMES)}.",
            )
        if self.gpu is not None and not re.fullmatch(r"any|\d+\.\d+(\.\d+)?", str(self.gpu)):
            raise InvalidInputError(
                f"{self.gpu!r} is not a version of CUDA.", field="gpu", hint="Write 12.6, or any to take no CUDA base."
            )
        password = self.registry.get("password")
        if password and not re.fullmatch(r"\$\{\w+\}", password):
            raise InvalidInputError(
                "The registry's password stands in the environment in clear text.",
                field="registry.password",
                hint="Write it as ${NAME} and set NAME where images are pulled.",
            )

    @property
    def digest(self) -> str:
        """``sha256:…`` of the content: everything except name and version."""
        content = {key: value for key, value in self.to_dict().items() if key not in {"name", "version"}}
        return digest_of_bytes(canonical_json(content, what="environment"))

    @property
    def provided(self) -> tuple[str, ...]:
        """Requirements that the scoring runtime stands in for, such as ``azureml-defaults``; they are not installed."""
        return tuple(item for item in self.pip if requirement_name(item) in PROVIDED)

    @property
    def installed_pip(self) -> tuple[str, ...]:
        """Requirements to install: without the provided ones, but with what their extras stand for."""
        from packaging.requirements import Requirement

        found = [item for item in self.pip if requirement_name(item) not in PROVIDED]
        names = {requirement_name(item) for item in found}
        for item in self.provided:
            requirement = Requirement(item)
            for extra in sorted(requirement.extras):
                stands_for = PROVIDED_EXTRAS.get((requirement_name(item), extra))
                if stands_for and stands_for not in names:
                    found.append(stands_for)
        return tuple(found)

    def with_pip(self, requirements: Iterable[str]) -> EnvironmentSpec:
        """Return the specification with further requirements; one for a name that is there replaces it and its lock."""
        added = [normal_requirement(item) for item in requirements]
        names = {requirement_name(item) for item in added}
        kept = [item for item in self.pip if requirement_name(item) not in names]
        lock = {name: version for name, version in self.lock.items() if name not in names}
        return replace(self, pip=(*kept, *added), lock=lock)

    def to_dict(self) -> dict[str, Any]:
        """Return the specification as JSON; fields that are not set are left out, except name and version."""
        result: dict[str, Any] = {"name": self.name, "version": self.version}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name in result or not value:
                continue
            if item.name == "hashes":
                value = {name: list(digests) for name, digests in value.items()}
            elif isinstance(value, tuple):
                value = list(value)
            elif isinstance(value, Mapping):
                value = dict(value)
            result[item.name] = value
        return result

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> EnvironmentSpec:
        """Return the specification that :meth:`to_dict` wrote.

        Raises:
            InvalidInputError: an unknown key or a value that cannot be used.
        """
        known = {item.name for item in fields(cls)}
        unknown = sorted(set(value) - known)
        if unknown:
            from .names import did_you_mean

            raise InvalidInputError(
                f"An environment has no field {unknown[0]!r}.",
                field=unknown[0],
                hint=did_you_mean(unknown[0], known) or f"Fields are: {', '.join(sorted(known))}.",
            )
        values: dict[str, Any] = {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}
        return cls(**values)

    @classmethod
    def from_conda_yaml(cls, source: str | Path, *, name: str | None = None) -> EnvironmentSpec:
        """Read a conda environment file.

        Args:
            source: a path, or the text itself when it has line breaks.
            name: overrides the file's own.

        Raises:
            InvalidInputError: names file, line and key.
        """
        from .environments.conda_file import read_conda

        return cls(**_named(read_conda(source), name))

    @classmethod
    def from_pip_requirements(cls, source: str | Path, *, name: str | None = None) -> EnvironmentSpec:
        """Read a requirements file, with those that it includes.

        Args:
            source: a path, or the text itself when it has line breaks.
            name: of the environment; by default the file's name without its suffix.

        Raises:
            InvalidInputError: names file and line.
        """
        found = read_requirements(source)
        own = None if isinstance(source, str) and "\n" in source else Path(source).stem
        return cls(
            name=name or own or "environment",
            pip=tuple(found.pip),
            pip_options=tuple(found.options),
            lock=found.pins,
            hashes=found.hashes,
        )

    @classmethod
    def from_azureml_json(cls, source: str | Path | Mapping[str, Any], *, name: str | None = None) -> EnvironmentSpec:
        """Read an environment of Azure ML's SDK v1 (``azureml_environment.json``, or ``environment`` in a v1 file).

        Args:
            source: the object itself, a path, or JSON text.

        Raises:
            InvalidInputError: names the key.
        """
        from .environments.v1_environment import read_v1_environment

        return cls(**_named(read_v1_environment(source), name))

    @classmethod
    def captured(
        cls, imports: Iterable[str], python: str = sys.executable, *, name: str = "captured"
    ) -> EnvironmentSpec:
        """Pin what a script's imports use in an interpreter: the distributions in ``pip``, all they need in ``lock``.

        Args:
            imports: modules, dotted, for example ``Capture.imports``.
            python: the interpreter; this one is looked at from inside, others are asked.

        Raises:
            InvalidInputError: the interpreter cannot be run.
        """
        from .environments.installed import look_up_imports

        found = look_up_imports(imports, python)
        return cls(name=name, python=".".join(found.python.split(".")[:2]), pip=found.pins, lock=found.lock)

    def to_conda_yaml(self) -> str:
        """Return a conda environment file with the requirements as they were asked for (the lock is not in it)."""
        import yaml

        dependencies: list[Any] = [f"python{_conda_pin(self.python)}"] if self.python else []
        dependencies += self.conda
        if self.pip or self.pip_options:
            if not any(re.match(r"(.*::)?pip\b(?!-)", item) for item in self.conda):
                dependencies.append("pip")
            dependencies.append({"pip": [*self.pip_options, *self.pip]})
        document: dict[str, Any] = {"name": self.name}
        if self.channels:
            document["channels"] = list(self.channels)
        document["dependencies"] = dependencies
        if self.variables:
            document["variables"] = dict(self.variables)
        return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=200))

    def to_requirements(self, *, locked: bool = True) -> str:
        """Return a requirements file of what is to be installed; ``locked`` adds the exact versions that are known."""
        names = {requirement_name(item) for item in self.installed_pip}
        lines = [*self.pip_options]
        for item in self.installed_pip:
            digests = "".join(f" --hash={digest}" for digest in self.hashes.get(requirement_name(item), ()))
            lines.append(f"{item}{digests}")
        if locked and not self.hashes:  # in pip's hash mode nothing may be without a digest
            pins = (f"{key}=={value}" for key, value in self.lock.items() if key not in names and key not in PROVIDED)
            lines.extend(pins)
        return "".join(f"{line}\n" for line in lines)


def _named(values: dict[str, Any], name: str | None) -> dict[str, Any]:
    return {**values, "name": name} if name else values


def _normal_python(text: str | None) -> str | None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    if text is None or not str(text).strip():
        return None
    value = str(text).strip().removeprefix("==").removeprefix("=").strip().removesuffix(".*")
    if _PYTHON.fullmatch(value):
        return value
    try:
        return str(SpecifierSet(value))
    except InvalidSpecifier:
        raise InvalidInputError(
            f"{text!r} is not a Python version.",
            field="python",
            hint="Write 3.11, 3.11.4 or a range such as >=3.11,<3.13.",
        ) from None


def _conda_pin(python: str) -> str:
    return f"={python}" if _PYTHON.fullmatch(python) else python


def diff_environments(old: EnvironmentSpec, new: EnvironmentSpec) -> Sequence[Mapping[str, Any]]:
    """Return ``{"field", "name", "old", "new"}`` for each difference: ``pip``, ``numpy``, ``numpy==1.26``, None."""
    from .environments.diff import differences

    return differences(old, new)
