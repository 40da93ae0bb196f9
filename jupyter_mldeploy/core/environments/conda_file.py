"""Conda environment files, read strictly: every complaint names the file, the line and the key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InvalidInputError
from ..names import did_you_mean
from .pip_requirements import normal_option, normal_requirement

if TYPE_CHECKING:
    from yaml.nodes import MappingNode, Node, ScalarNode

KEYS = ("name", "channels", "dependencies", "prefix", "variables")
_PACKAGE = re.compile(
    r"(?:[\w./:\-]+::)?(?P<name>[A-Za-z0-9_][\w.\-]*)"
    r"(?P<rest>\s*(?:[=<>!~][^\[\]]*|\[[^\]]*\]|\s[\w.*<>=!,|+\-]+(?:\s[\w.*]+)?)?)"
)


def read_conda(source: str | Path) -> dict[str, Any]:
    """Return the fields of an :class:`~.environment.EnvironmentSpec` that a conda file gives.

    Args:
        source: a path, or the text itself when it has line breaks.

    Raises:
        InvalidInputError: the file cannot be read, is not YAML, or has something that conda would not take.
    """
    if isinstance(source, str) and "\n" in source:
        return _Reader("the conda file", Path.cwd()).read(source)
    path = Path(source).expanduser()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidInputError(
            f"The conda file {str(path)!r} cannot be read: {error.strerror}.", field="environment"
        ) from None
    except UnicodeDecodeError:
        raise InvalidInputError(f"The conda file {str(path)!r} is not UTF-8 text.", field="environment") from None
    return _Reader(path.name, path.parent).read(text)


def conda_name(package: str) -> str:
    """Return the name of a conda package specification: ``conda-forge::numpy=1.26`` is ``numpy``."""
    found = _PACKAGE.fullmatch(package.strip())
    return found.group("name").lower() if found else package


def conda_version(package: str) -> str:
    """Return the version part of a conda package specification as a PEP 440 range; "" when it names none.

    ``=1.26`` is ``==1.26.*``, ``=1.26.4`` and ``==1.26.4`` are ``==1.26.4``; a build string is dropped.
    """
    found = _PACKAGE.fullmatch(package.strip())
    rest = found.group("rest").strip() if found else ""
    bracket = re.fullmatch(r"\[.*?version\s*=\s*['\"]?([^'\"\]]+)['\"]?.*\]", rest)
    if bracket:
        rest = bracket.group(1).strip()
    if not rest or rest.startswith("["):
        return ""
    if rest[0] not in "=<>!~":
        version, _, _ = rest.partition(" ")
        return version if version[0] in "<>=!~" else f"=={version}"
    exact = re.fullmatch(r"(==?)\s*([\w.*+!]+)(?:=\S*)?", rest)
    if not exact:
        return re.sub(r"\s+", "", rest)
    version = exact.group(2)
    # One equals sign is "starts with" to conda; a full version of three numbers is meant exactly.
    fuzzy = exact.group(1) == "=" and not version.endswith("*") and version.count(".") < 2
    return f"=={version}.*" if fuzzy else f"=={version}"


class _Reader:
    def __init__(self, file: str, folder: Path) -> None:
        self.file = file
        self.folder = folder

    def error(self, message: str, node: Node | None, key: str, hint: str | None = None) -> InvalidInputError:
        at = f" line {node.start_mark.line + 1}" if node is not None else ""
        return InvalidInputError(f"{self.file}{at}: {message}", field=key, hint=hint)

    def read(self, text: str) -> dict[str, Any]:
        root = self._compose(text)
        fields: dict[str, Any] = {"pip": [], "pip_options": [], "conda": []}
        for key, node in self._pairs(root, "the file"):
            if key == "name":
                fields["name"] = self._text(node, key)
            elif key == "channels":
                fields["channels"] = tuple(self._texts(node, key))
            elif key == "variables":
                fields["variables"] = {
                    name: self._text(item, f"variables.{name}") for name, item in self._pairs(node, key)
                }
            elif key == "dependencies":
                self._dependencies(node, fields)
            elif key != "prefix":
                raise self.error(
                    f"there is no key {key!r} in a conda file.",
                    node,
                    key,
                    did_you_mean(key, KEYS) or f"Keys are: {', '.join(KEYS)}.",
                )
        return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}

    def _compose(self, text: str) -> MappingNode:
        import yaml

        try:
            root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            at = f" line {mark.line + 1}" if mark else ""
            problem = getattr(error, "problem", None) or str(error)
            raise InvalidInputError(
                f"{self.file}{at} is not YAML: {problem}.",
                field="environment",
                hint="Check indentation, colons and dashes.",
            ) from None
        if not isinstance(root, yaml.MappingNode):
            raise self.error("an environment needs keys such as dependencies, and has none.", root, "environment")
        return root

    def _pairs(self, node: Node, where: str) -> Iterator[tuple[str, Node]]:
        import yaml

        if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null":
            return
        if not isinstance(node, yaml.MappingNode):
            raise self.error(f"{where} must hold KEY: VALUE pairs.", node, where)
        seen: set[str] = set()
        for key_node, value in node.value:
            key = self._text(key_node, where)
            if key in seen:
                raise self.error(f"the key {key!r} stands twice in {where}.", key_node, key, "Put both together.")
            seen.add(key)
            yield key, value

    def _text(self, node: Node, key: str) -> str:
        import yaml

        if not isinstance(node, yaml.ScalarNode) or node.tag == "tag:yaml.org,2002:null":
            raise self.error(f"{key} must be a text.", node, key)
        # The text as written: a version 3.10 must not become the number 3.1.
        return str(node.value).strip()

    def _items(self, node: Node, key: str) -> list[Node]:
        import yaml

        if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null":
            return []
        if not isinstance(node, yaml.SequenceNode):
            raise self.error(f"{key} must be a list, one item a line after a dash.", node, key)
        return list(node.value)

    def _texts(self, node: Node, key: str) -> list[str]:
        return [self._text(item, key) for item in self._items(node, key)]

    def _dependencies(self, node: Node, fields: dict[str, Any]) -> None:
        import yaml

        pip_seen = False
        for item in self._items(node, "dependencies"):
            if isinstance(item, yaml.MappingNode):
                for key, value in self._pairs(item, "dependencies"):
                    if key != "pip":
                        raise self.error(
                            f"the list of dependencies has a section {key!r}; only pip is one.",
                            item,
                            f"dependencies.{key}",
                            f"Write it as one word, for example {key}=1.0.",
                        )
                    if pip_seen:
                        raise self.error("there are two pip sections.", item, "dependencies.pip", "Put them together.")
                    pip_seen = True
                    self._pip(value, fields)
            elif isinstance(item, yaml.ScalarNode):
                self._package(item, fields)
            else:
                raise self.error("a dependency is a text or a pip section.", item, "dependencies")

    def _package(self, node: ScalarNode, fields: dict[str, Any]) -> None:
        text = self._text(node, "dependencies")
        if text.startswith("-"):
            raise self.error(
                f"{text!r} is an option, not a package.",
                node,
                "dependencies",
                "Options of pip go into the pip section; write packages without the second dash.",
            )
        if not _PACKAGE.fullmatch(text):
            raise self.error(
                f"{text!r} is not a package.", node, "dependencies", "Write a name and a version, as in numpy=1.26."
            )
        if conda_name(text) != "python":
            fields["conda"].append(text)
            return
        if "python" in fields:
            raise self.error("python stands twice in dependencies.", node, "dependencies", "Keep one of the two.")
        version = conda_version(text)
        fields["python"] = (
            version.removeprefix("==").removesuffix(".*") if version.startswith("==") else version or None
        )

    def _pip(self, node: Node, fields: dict[str, Any]) -> None:
        for item in self._items(node, "dependencies.pip"):
            text = re.sub(r"\s#.*$", "", self._text(item, "dependencies.pip"))
            where = f"{self.file} line {item.start_mark.line + 1}"
            if text.startswith(("-r", "--requirement")):
                self._include(re.sub(r"^(-r|--requirement)[=\s]*", "", text), item, fields)
            elif text.startswith("-"):
                fields["pip_options"].append(
                    normal_option(text.split(None, 1), where=where, folder=self.folder, field="dependencies.pip")
                )
            else:
                fields["pip"].append(normal_requirement(text, where=where, field="dependencies.pip"))

    def _include(self, file: str, node: Node, fields: dict[str, Any]) -> None:
        from .pip_requirements import read_requirements

        path = self.folder / file
        if not path.is_file():
            raise self.error(f"the requirements file {file!r} is not there.", node, "dependencies.pip")
        found = read_requirements(path)
        fields["pip"].extend(found.pip)
        fields["pip_options"].extend(found.options)
        fields.setdefault("lock", {}).update(found.pins)
        fields.setdefault("hashes", {}).update(found.hashes)
