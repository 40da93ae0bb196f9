"""``Dataset`` and ``Datastore`` as far as profiling needs them: tables of one text column, each row a request body."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .exceptions import UserErrorException, raising
from .workspace import Workspace

__all__ = ["Dataset", "Datastore", "PromoteHeadersBehavior"]


class PromoteHeadersBehavior:
    """Whether the first line of a file names columns."""

    NO_HEADERS = 0
    ONLY_FIRST_FILE_HAS_HEADERS = 1
    COMBINE_ALL_FILES_HEADERS = 2
    ALL_FILES_HAVE_SAME_HEADERS = 3


class Datastore:
    """A folder of the workspace that files are uploaded to."""

    def __init__(self, workspace: Workspace, name: str = "workspaceblobstore") -> None:
        self.workspace = workspace
        self.name = name
        self.folder = workspace.core.home / "datastores" / name

    @staticmethod
    def get_default(workspace: Workspace) -> Datastore:
        """Return the folder that every workspace has."""
        return Datastore(workspace)

    def upload_files(
        self,
        files: Sequence[str | Path],
        relative_root: str | None = None,
        target_path: str = "",
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> None:
        """Copy files below ``target_path``; one that is there stays unless ``overwrite``."""
        target = self._below(target_path)
        target.mkdir(parents=True, exist_ok=True)
        for each in map(Path, files):
            if not each.is_file():
                raise UserErrorException(f"There is no file {str(each)!r} to upload.")
            if overwrite or not (target / each.name).exists():
                shutil.copyfile(each, target / each.name)

    def path(self, name: str) -> Path:
        """Return where an uploaded file is."""
        return self._below(name)

    def _below(self, name: str) -> Path:
        found = (self.folder / name).resolve()
        if not found.is_relative_to(self.folder.resolve()):
            raise UserErrorException(f"{name!r} leads out of the datastore.")
        return found


class Dataset:
    """Rows of text; made by :meth:`Tabular.from_delimited_files`.

    Attributes:
        rows: the texts, in order.
        name, version: as registered, or None.
    """

    def __init__(self, rows: Sequence[str]) -> None:
        self.rows = list(rows)
        self.name: str | None = None
        self.version: int | None = None

    class Tabular:
        """Makes datasets."""

        @staticmethod
        def from_delimited_files(
            path: Any, separator: str = ",", header: int = PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS, **_: Any
        ) -> Dataset:
            """Read files with one request body a line: ``separator`` is a line break, and no line names columns.

            Args:
                path: a path, or ``(datastore, path)``, or a list of these.
            """
            if separator != "\n":
                raise UserErrorException(
                    "Only files with one request body a line can be read: write separator='\\n'. For other tables give"
                    " Model.profile() a list of texts or a DataFrame."
                )
            files = [_file(each) for each in (path if isinstance(path, list) else [path])]
            lines = [text.splitlines() for text in files]
            if header != PromoteHeadersBehavior.NO_HEADERS:
                lines = [each[1:] for each in lines]
            return Dataset([line for each in lines for line in each if line.strip()])

    def register(self, workspace: Workspace, name: str, create_new_version: bool = False, **_: Any) -> Dataset:
        """Keep it under a name; a name that is taken gets another version only with ``create_new_version``."""
        folder = _folder(workspace, name)
        # Two that register at once get two versions.
        with raising(UserErrorException), workspace.core.store.lock(f"dataset-{name}", timeout_s=10):
            last = _versions(folder)[-1:]
            if last and not create_new_version:
                raise UserErrorException(
                    f"There is a dataset {name!r} already; create_new_version=True adds a version."
                )
            folder.mkdir(parents=True, exist_ok=True)
            version = last[0] + 1 if last else 1
            temporary = folder / f".{version}"
            temporary.write_text(json.dumps(self.rows), encoding="utf-8")
            temporary.replace(folder / f"{version}.json")
        return Dataset.get_by_name(workspace, name, version)

    @staticmethod
    def get_by_name(workspace: Workspace, name: str, version: int | str = "latest") -> Dataset:
        """Return a registered dataset."""
        folder = _folder(workspace, name)
        known = _versions(folder)
        number = known[-1] if known and version == "latest" else version
        if number not in known:
            raise UserErrorException(
                f"There is no dataset {name!r}, version {version}; versions are: {known or 'none'}."
            )
        found = Dataset(json.loads((folder / f"{number}.json").read_text(encoding="utf-8")))
        found.name, found.version = name, int(number)
        return found

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"Dataset({len(self.rows)} rows, name={self.name!r}, version={self.version})"


def registered(workspace: Workspace) -> dict[str, Dataset]:
    """Return the newest version of each dataset, by name."""
    folders = sorted((workspace.core.home / "datasets").glob("*/"))
    return {folder.name: Dataset.get_by_name(workspace, folder.name) for folder in folders if _versions(folder)}


def _folder(workspace: Workspace, name: str) -> Path:
    if not name or "/" in name or name.startswith("."):
        raise UserErrorException(f"{name!r} cannot be a dataset's name.")
    return workspace.core.home / "datasets" / name


def _versions(folder: Path) -> list[int]:
    return sorted(int(path.stem) for path in folder.glob("*.json") if path.stem.isdigit())


def _file(given: Any) -> str:
    path = given[0].path(given[1]) if isinstance(given, tuple) else Path(given)
    try:
        return str(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserErrorException(f"{path.name!r} cannot be read: {error.strerror}.") from None
