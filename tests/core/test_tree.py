"""Canonical JSON, file entries, trees, and the scan of folders."""

from __future__ import annotations

import os
import socket
import unicodedata
from pathlib import Path

import pytest

from jupyter_mldeploy.core.storage.canonical import canonical_json, digest_of_bytes
from jupyter_mldeploy.core.storage.scan import DEFAULT_IGNORE, scan_folder
from jupyter_mldeploy.core.storage.tree import FileEntry, Tree
from jupyter_mldeploy.errors import InvalidInputError

ONE = digest_of_bytes(b"1")
TWO = digest_of_bytes(b"2")


def test_canonical_json_is_the_known_bytes() -> None:
    value = {"ü": [1, 1.5, True, None], "a": {"z": "é\n", "b": ()}}
    assert canonical_json(value) == '{"a":{"b":[],"z":"é\\n"},"ü":[1,1.5,true,null]}'.encode()
    assert canonical_json({"b": 1, "a": 2}) == canonical_json({"a": 2, "b": 1})


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), {1: 2}, {"a": {None: 1}}, [object()], "\ud800", b"x", {1}]
)
def test_canonical_json_refuses_what_json_cannot_carry(value: object) -> None:
    with pytest.raises(InvalidInputError):
        canonical_json({"outer": value}, what="environment")


def test_the_message_leads_to_the_place() -> None:
    with pytest.raises(InvalidInputError) as caught:
        canonical_json({"pins": [{"a": 1}, {"b": float("nan")}]}, what="environment")
    assert caught.value.field == "environment.pins[1].b"


def test_a_value_that_holds_itself_is_refused() -> None:
    value: dict[str, object] = {}
    value["me"] = value
    with pytest.raises(InvalidInputError, match="holds itself"):
        canonical_json(value)


def test_a_tree_does_not_depend_on_order() -> None:
    one, two = FileEntry("b", ONE, 1), FileEntry("a/c", TWO, 1)
    assert Tree((one, two)).digest == Tree((two, one)).digest
    assert [entry.path for entry in Tree((one, two)).files] == ["a/c", "b"]


def test_a_trees_digest_is_pinned() -> None:
    # Digests are stored and compared between machines and versions: this one may never change.
    tree = Tree((FileEntry("model/ü.bin", ONE, 1, executable=True), FileEntry("model/a", TWO, 1)))
    assert tree.digest == "sha256:e5a23f68da9ec5ab43ca848d8785e38c176c1fc59a86cc9090ddb67018db90c1"
    assert Tree.from_json(tree.to_json()) == tree


def test_executable_size_path_and_content_count() -> None:
    base = Tree((FileEntry("a", ONE, 1),))
    others = [FileEntry("a", ONE, 1, executable=True), FileEntry("b", ONE, 1), FileEntry("a", TWO, 1)]
    assert len({base.digest, *(Tree((entry,)).digest for entry in others)}) == 4


def test_names_are_the_same_in_both_unicode_forms() -> None:
    composed, decomposed = (unicodedata.normalize(form, "modèle.bin") for form in ("NFC", "NFD"))
    assert composed != decomposed
    assert Tree((FileEntry(composed, ONE, 1),)) == Tree((FileEntry(decomposed, ONE, 1),))
    with pytest.raises(InvalidInputError, match="two files"):
        Tree((FileEntry(composed, ONE, 1), FileEntry(decomposed, TWO, 1)))


@pytest.mark.parametrize(
    "path", ["", "/a", "../a", "a/../b", "a//b", "./a", "a/.", "a/", "a\0b", "\udce9.txt", "..", "a/.."]
)
def test_paths_that_no_tree_has(path: str) -> None:
    with pytest.raises(InvalidInputError):
        FileEntry(path, ONE, 1)


def test_a_file_is_not_a_folder_as_well() -> None:
    with pytest.raises(InvalidInputError, match="both a file and the folder"):
        Tree((FileEntry("a", ONE, 1), FileEntry("a/b/c", TWO, 1)))


@pytest.mark.parametrize(
    "value",
    [
        {},
        ["x"],
        [{"path": "a"}],
        [{"path": "a", "digest": "sha256:x", "size": 1, "executable": False}],
        [{"path": "a", "digest": ONE, "size": -1, "executable": False}],
        [{"path": "a", "digest": ONE, "size": True, "executable": False}],
        [{"path": "a", "digest": ONE, "size": 1, "executable": 0}],
        [{"path": 5, "digest": ONE, "size": 1, "executable": False}],
    ],
)
def test_json_that_is_no_tree_is_refused(value: object) -> None:
    with pytest.raises(InvalidInputError):
        Tree.from_json(value)  # type: ignore[arg-type]


def test_scan_takes_files_and_links_that_stay_inside(tmp_path: Path) -> None:
    root = tmp_path / "m"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "real").write_text("x")
    (root / "link").symlink_to("sub/real")
    (root / "sub" / "up").symlink_to("../link")
    (root / "folder").symlink_to("sub")
    (root / "empty").mkdir()
    found = scan_folder(root)
    assert sorted(found) == ["folder/real", "folder/up", "link", "sub/real", "sub/up"]
    assert {path.read_text() for path in found.values()} == {"x"}


def test_scan_of_a_folder_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a").write_text("x")
    (tmp_path / "real" / "b").symlink_to(tmp_path / "real" / "a")
    (tmp_path / "link").symlink_to("real")
    assert sorted(scan_folder(tmp_path / "link")) == ["a", "b"]


def test_scan_refuses_links_that_lead_outside(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    root = tmp_path / "m"
    root.mkdir()
    (root / "link").symlink_to("../secret")
    with pytest.raises(InvalidInputError, match="leads outside") as caught:
        scan_folder(root)
    assert "cp -rL" in str(caught.value)


@pytest.mark.parametrize("target", [".", "..", "link", "nowhere", "a/b"])
def test_scan_refuses_circles_and_broken_links(tmp_path: Path, target: str) -> None:
    root = tmp_path / "m"
    (root / "a").mkdir(parents=True)
    (root / "a" / "b").symlink_to("../a")
    (root / "link").symlink_to(target)
    with pytest.raises(InvalidInputError, match="symbolic link"):
        scan_folder(root)


def test_scan_refuses_pipes_and_sockets(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidInputError, match="named pipe"):
        scan_folder(tmp_path)
    (tmp_path / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        place = os.open(tmp_path, os.O_RDONLY)
        try:
            listener.bind(f"/proc/self/fd/{place}/s" if Path("/proc/self/fd").exists() else str(tmp_path / "s"))
        finally:
            os.close(place)
        with pytest.raises(InvalidInputError, match="a socket"):
            scan_folder(tmp_path)


def test_scan_leaves_out_what_is_ignored(tmp_path: Path) -> None:
    for name in ("score.py", "x.pyc", ".git/config", "pkg/__pycache__/a.pyc", "pkg/a.py", "data/raw/big", "data/b"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert sorted(scan_folder(tmp_path, (*DEFAULT_IGNORE, "data/raw"))) == ["data/b", "pkg/a.py", "score.py"]
    assert sorted(scan_folder(tmp_path, lambda path: not path.startswith("pkg"))) == [
        "pkg/__pycache__/a.pyc",
        "pkg/a.py",
    ]


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="other systems allow only valid Unicode names")
def test_scan_refuses_names_that_are_no_unicode_and_twins(tmp_path: Path) -> None:
    root = os.fsencode(tmp_path)
    with open(root + b"/\xff.bin", "wb"):  # noqa: PTH123
        pass
    with pytest.raises(InvalidInputError, match="not valid Unicode"):
        scan_folder(tmp_path)
    os.unlink(root + b"/\xff.bin")  # noqa: PTH108
    for form in ("NFC", "NFD"):
        (tmp_path / unicodedata.normalize(form, "é")).write_text(form)
    with pytest.raises(InvalidInputError, match="Unicode form"):
        scan_folder(tmp_path)
