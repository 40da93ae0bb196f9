"""``CondaDependencies``: the packages of an environment, as conda writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..core.environment import EnvironmentSpec
from .exceptions import UserErrorException, raising

__all__ = ["CondaDependencies"]

#: v1's name for it. Its default Python and its pin of the SDK's version are not taken over: they are of another time.
_NAME = "project_environment"
_DEFAULTS = "azureml-defaults"


class CondaDependencies:
    """The packages of an environment.

    Args:
        conda_dependencies_file_path: a conda environment file, or None for what every v1 environment had.

    Raises:
        UserErrorException: the file cannot be read; the message names line and key.
    """

    def __init__(
        self,
        conda_dependencies_file_path: str | Path | None = None,
        _underlying_structure: dict[str, Any] | None = None,
    ) -> None:
        if _underlying_structure is not None:
            self._document = _underlying_structure
        elif conda_dependencies_file_path is not None:
            with raising(UserErrorException):
                self._document = _document(EnvironmentSpec.from_conda_yaml(Path(conda_dependencies_file_path)))
        else:
            self._document = {"name": _NAME, "dependencies": [{"pip": [_DEFAULTS]}]}

    @staticmethod
    def create(
        pip_indexurl: str | None = None,
        pip_packages: Sequence[str] | None = None,
        conda_packages: Sequence[str] | None = None,
        python_version: str | None = None,
        pin_sdk_version: bool = True,
    ) -> CondaDependencies:
        """Return dependencies made of lists. Without a Python version the one of the target is taken.

        ``pin_sdk_version`` has no effect: ``azureml-defaults`` stands for the scoring runtime, which targets bring.
        """
        made = CondaDependencies()
        made._pip()[:] = [_DEFAULTS] if pip_packages is None else list(pip_packages)
        if python_version is not None:
            made.set_python_version(python_version)
        if pip_indexurl is not None:
            made.set_pip_index_url(pip_indexurl)
        for package in conda_packages or ():
            made.add_conda_package(package)
        return made

    # Reading.

    @property
    def conda_channels(self) -> Iterable[str]:
        """Channels, in the order in which they are asked."""
        return iter(list[str](self._document.get("channels", [])))

    @property
    def conda_packages(self) -> Iterable[str]:
        """Conda's packages, Python among them."""
        return iter([item for item in self._document["dependencies"] if isinstance(item, str)])

    @property
    def pip_packages(self) -> Iterable[str]:
        """Pip's packages."""
        return iter([item for item in self._pip() if not item.startswith("-")])

    @property
    def pip_options(self) -> Iterable[str]:
        """Pip's options."""
        return iter([item for item in self._pip() if item.startswith("-")])

    def get_python_version(self) -> str | None:
        """Return the Python version, or None."""
        found = [item for item in self.conda_packages if _is_package(item, "python")]
        return found[0].removeprefix("python").lstrip("= ") or None if found else None

    def as_dict(self) -> dict[str, Any]:
        """Return it as conda's document."""
        return self._document

    def serialize_to_string(self) -> str:
        """Return it as YAML."""
        import yaml

        return str(yaml.safe_dump(self._document, sort_keys=False))

    def save(self, path: str | Path | None = None) -> str:
        """Write a conda environment file and return its path; ``conda_dependencies.yml`` in this folder by default."""
        return self.save_to_file(".", path)

    def save_to_file(self, base_directory: str | Path, conda_file_path: str | Path | None = None) -> str:
        """Write a conda environment file below a folder and return its path from there."""
        name = str(conda_file_path or "conda_dependencies.yml")
        path = Path(base_directory) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.serialize_to_string(), encoding="utf-8")
        return name

    # Changing.

    def set_python_version(self, version: str) -> None:
        """Ask for a Python version."""
        self._replace("python", f"python={version}", first=True)

    def add_channel(self, channel: str) -> None:
        """Add a channel."""
        channels = self._document.setdefault("channels", [])
        if channel not in channels:
            channels.append(channel)

    def remove_channel(self, channel: str) -> None:
        """Remove a channel."""
        self._document["channels"] = [item for item in self.conda_channels if item != channel]

    def add_conda_package(self, conda_package: str) -> None:
        """Add a package of conda, in place of one of the same name."""
        _refuse_option(conda_package)
        self._replace(_name(conda_package), conda_package)

    def remove_conda_package(self, conda_package: str) -> None:
        """Remove a package of conda; Python stays."""
        if _name(conda_package) != "python":
            self._replace(_name(conda_package), None)

    def add_pip_package(self, pip_package: str) -> None:
        """Add a package of pip, in place of one of the same name."""
        _refuse_option(pip_package)
        self.remove_pip_package(pip_package)
        self._pip().append(pip_package)

    def remove_pip_package(self, pip_package: str) -> None:
        """Remove a package of pip."""
        self._pip()[:] = [item for item in self._pip() if item.startswith("-") or _name(item) != _name(pip_package)]

    def set_pip_option(self, pip_option: str) -> None:
        """Add an option of pip, such as ``--extra-index-url https://…``."""
        self.remove_pip_option(pip_option.split(maxsplit=1)[0])
        self._pip().insert(0, pip_option)

    def remove_pip_option(self, pip_option: str) -> None:
        """Remove an option of pip by its name."""
        self._pip()[:] = [item for item in self._pip() if item.split()[0] != pip_option]

    def set_pip_index_url(self, index_url: str) -> None:
        """Let pip ask this index; with or without ``--index-url`` before it."""
        self.set_pip_option(index_url if index_url.startswith("-") else f"--index-url {index_url}")

    def set_pip_requirements(self, pip_requirements: str | Path) -> None:
        """Take pip's packages from the lines of a requirements file, or of its path."""
        given = str(pip_requirements)
        with raising(UserErrorException):
            found = EnvironmentSpec.from_pip_requirements(given if "\n" in given else Path(given))
        self._pip()[:] = [*found.pip_options, *found.pip]

    def _pip(self) -> list[str]:
        dependencies: list[Any] = self._document["dependencies"]
        for item in dependencies:
            if isinstance(item, dict):
                packages: list[str] = item.setdefault("pip", [])
                return packages
        dependencies.append({"pip": []})
        return self._pip()

    def _replace(self, name: str, item: str | None, *, first: bool = False) -> None:
        kept = [each for each in self._document["dependencies"] if not _is_package(each, name)]
        if item is not None:
            kept.insert(0 if first else sum(isinstance(each, str) for each in kept), item)
        self._document["dependencies"] = kept


def _document(spec: EnvironmentSpec) -> dict[str, Any]:
    import yaml

    document: dict[str, Any] = yaml.safe_load(spec.to_conda_yaml())
    return document


def _name(requirement: str) -> str:
    """Return the name that a requirement of conda or pip begins with, in one spelling."""
    text = requirement.rpartition("::")[2].strip()
    end = next((at for at, sign in enumerate(text) if not (sign.isalnum() or sign in "-_.")), len(text))
    return text[:end].lower().replace("_", "-")


def _is_package(item: Any, name: str) -> bool:
    return isinstance(item, str) and _name(item) == name


def _refuse_option(package: str) -> None:
    if package.startswith("-"):
        raise UserErrorException(f"{package!r} is no package. Use set_pip_option() for options of pip.")
