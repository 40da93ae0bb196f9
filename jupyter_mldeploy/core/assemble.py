"""From what a user names (a script, models, an environment) to a content-addressed bundle.

Nothing of the user's code runs here: the script is read and linted, files are hashed, distributions are looked up.
"""

from __future__ import annotations

import os
import sys
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DeploymentError, EntryScriptError, InvalidInputError
from .bundle import Bundle, BundleModel, BundleStore
from .cell_lines import in_cell
from .environment import EnvironmentRegistry, EnvironmentSpec
from .model import Model, ModelRegistry
from .records import Origin
from .storage.tree import FileEntry

if TYPE_CHECKING:
    from .entryscript import EntryScript
    from .lint import Diagnostic

#: Folders that a source directory never brings along.
SKIPPED_FOLDERS = frozenset(
    {".git", ".hg", ".svn", "__pycache__", ".ipynb_checkpoints", ".venv", "venv", "node_modules", ".mypy_cache"}
)


@dataclass(frozen=True, slots=True)
class Source:
    """An entry script and the files that go with it.

    Attributes:
        script: base name of the entry script, for example ``score.py``.
        text: its source.
        files: further files, path below the source directory → file on disk or content.
        line_map: where the script's lines came from (see ``core.capture``), or None.
        kind: ``"cell"`` when the text is a notebook cell; the linter then knows that other cells are not there.
    """

    script: str
    text: str
    files: Mapping[str, Path | bytes | FileEntry] = field(default_factory=dict)
    line_map: Mapping[str, Any] | None = None
    origin: Origin = field(default_factory=Origin)
    kind: str = "script"

    @classmethod
    def from_file(
        cls, path: str | Path, *, source_directory: str | Path | None = None, include: Sequence[str | Path] = ()
    ) -> Source:
        """Read an entry script, and with ``source_directory`` everything beside it.

        Raises:
            InvalidInputError: the script is missing, is not a ``.py`` file or lies outside the source directory.
        """
        root = Path(source_directory).expanduser() if source_directory is not None else None
        script = Path(path).expanduser()
        if root is not None and not script.is_absolute() and (root / script).exists():
            script = root / script
        if not script.is_file():
            raise InvalidInputError(
                f"There is no entry script {str(path)!r}.",
                field="entry_script",
                hint=_nearby(script),
            )
        relative = script.name
        if root is not None and root.is_dir():
            if not script.resolve().is_relative_to(root.resolve()):
                raise InvalidInputError(
                    f"The entry script {str(path)!r} is not inside the source directory {str(root)!r}.",
                    field="entry_script",
                )
            relative = script.resolve().relative_to(root.resolve()).as_posix()
        files = accompanying_files(source_directory, include)
        files.pop(relative, None)
        return cls(relative, _read_text(script), files, origin=Origin(path=str(script.resolve())))


def accompanying_files(
    source_directory: str | Path | None = None, include: Sequence[str | Path] = ()
) -> dict[str, Path | bytes | FileEntry]:
    """Return the files that go with a script: all of ``source_directory``, and the files and folders to include.

    Raises:
        InvalidInputError: one of them does not exist.
    """
    files: dict[str, Path | bytes | FileEntry] = {}
    if source_directory is not None:
        root = Path(source_directory).expanduser()
        if not root.is_dir():
            raise InvalidInputError(f"There is no source directory {str(root)!r}.", field="source_directory")
        files.update(_walk(root))
    for extra in include:
        extra_path = Path(extra).expanduser()
        if extra_path.is_dir():
            files.update({f"{extra_path.name}/{name}": file for name, file in _walk(extra_path).items()})
        elif extra_path.is_file():
            files[extra_path.name] = extra_path
        else:
            raise InvalidInputError(
                f"There is no file {str(extra)!r} to include.", field="include", hint=_nearby(extra_path)
            )
    return files


@dataclass(frozen=True, slots=True)
class Assembled:
    """What :func:`assemble` made: the bundle, the script's contract and the findings that did not stop it."""

    bundle: Bundle
    script: EntryScript
    findings: Sequence[Diagnostic]
    models: Sequence[Model | BundleModel]
    environment: EnvironmentSpec


def check(source: Source, *, force: bool = False) -> list[Diagnostic]:
    """Lint an entry script; return what may pass.

    Args:
        force: let findings pass that are severe but not certain. Certain ones (no ``run``, say) never pass.

    Raises:
        EntryScriptError: the script cannot work; every reason is in ``diagnostics``.
    """
    # Here, because opening a workspace and looking at its services needs no linter.
    from .lint import RULES, lint_source

    findings = [
        in_cell(item, source.line_map)
        for item in lint_source(source.text, path=source.script, kind="cell" if source.kind == "cell" else "script")
    ]
    certain = {rule.code for rule in RULES if rule.zero_fp}
    serves = {rule.code for rule in RULES if rule.serves}
    severe = [item for item in findings if item.severity == "error" and item.code not in serves]
    fatal = [item for item in severe if not force or item.code in certain]
    if fatal:
        first = fatal[0]
        more = f" (and {len(fatal) - 1} more)" if len(fatal) > 1 else ""
        where = f"{first.path or source.script} line {first.line}"
        raise EntryScriptError(
            f"The entry script cannot work: {where}: {first.code} {first.message}{more}",
            diagnostics=[item.to_dict() for item in fatal],
            hint="Nothing was deployed."
            + ("" if any(item.code in certain for item in fatal) else " --force deploys it all the same."),
        )
    return findings


@contextmanager
def told_in_failures(findings: Sequence[Mapping[str, Any]]) -> Iterator[None]:
    """Add what the linter said about a script to the failure of its deployment: it may name the cause, and mend it."""
    try:
        yield
    except DeploymentError as error:
        error.found(findings)
        raise


def read_environment(
    given: EnvironmentSpec | str | Path | None,
    *,
    pip: Sequence[str] = (),
    imports: Sequence[str],
    interpreter: str | Path | None,
    registry: EnvironmentRegistry,
) -> EnvironmentSpec:
    """Return the environment of a deployment.

    Args:
        given: a specification, a conda YAML or requirements file, a registered ``name`` or ``name:version``, or None
            for the distributions that ``imports`` use in ``interpreter``.
        pip: further requirements.
    """
    if given is None:
        spec = EnvironmentSpec.captured(imports, python=str(interpreter or sys.executable))
    elif isinstance(given, EnvironmentSpec):
        spec = given
    else:
        path = Path(given).expanduser()
        if path.suffix in {".yml", ".yaml"}:
            spec = EnvironmentSpec.from_conda_yaml(path)
        elif path.suffix in {".txt", ".in"}:
            spec = EnvironmentSpec.from_pip_requirements(path)
        else:
            name, _, version = str(given).partition(":")
            spec = registry.get(name, version or None)
    return spec.with_pip(pip) if pip else spec


def assemble(
    source: Source,
    *,
    models: Sequence[str | Path | Model | BundleModel],
    environment: EnvironmentSpec | str | Path | None,
    pip: Sequence[str],
    interpreter: str | Path | None,
    force: bool,
    registry: ModelRegistry,
    environments: EnvironmentRegistry,
    bundles: BundleStore,
) -> Assembled:
    """Check everything, then store one bundle. Refuses before anything is created."""
    from .entryscript import read_entry_script

    findings = check(source, force=force)
    script = read_entry_script(source.text, path=source.script)
    resolved = [item if isinstance(item, BundleModel) else registry.resolve(item) for item in models]
    names = [model.name for model in resolved]
    for name in names:
        if names.count(name) > 1:
            raise InvalidInputError(
                f"Two of the models are named {name!r}; the entry script could not tell them apart.",
                field="models",
                hint="Register one of them under another name.",
            )
    spec = read_environment(
        environment, pip=pip, imports=script.imports, interpreter=interpreter, registry=environments
    )
    bundle = bundles.create(
        entry_script=source.script,
        source={**source.files, source.script: source.text.encode()},
        models=resolved,
        # What an environment is called is no part of its content: the digest is the same under any name.
        environment={key: value for key, value in spec.to_dict().items() if key not in {"name", "version"}},
        origin=source.line_map,
    )
    return Assembled(bundle, script, findings, resolved, spec)


def _walk(root: Path) -> dict[str, Path | bytes | FileEntry]:
    found: dict[str, Path | bytes | FileEntry] = {}
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        for name in sorted(names):
            if not name.endswith((".pyc", ".pyo")):
                path = Path(folder) / name
                found[path.relative_to(root).as_posix()] = path
    return found


def _read_text(path: Path) -> str:
    try:
        with tokenize.open(path) as stream:
            return stream.read()
    except (SyntaxError, UnicodeDecodeError) as error:
        raise EntryScriptError(f"The entry script {path.name!r} is not readable as Python source: {error}.") from error


def _nearby(path: Path) -> str | None:
    folder = path.parent
    if not folder.is_dir():
        return f"The folder {str(folder)!r} does not exist either."
    names = sorted(item.name for item in folder.iterdir() if item.suffix == path.suffix)[:8]
    return f"In {str(folder)!r} there are: {', '.join(names)}." if names else None
