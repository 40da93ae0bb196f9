"""The difference of two bundles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.bundle import Bundle, BundleStore
from jupyter_mldeploy.core.model import ModelRegistry
from jupyter_mldeploy.core.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def make(store: Store, source: dict[str, Any], environment: dict[str, Any] | None = None, **more: Any) -> Bundle:
    return BundleStore(store).create(entry_script="score.py", source=source, environment=environment or {}, **more)


def test_no_difference(store: Store) -> None:
    bundle = make(store, {"score.py": b"x = 1\n"})
    found = BundleStore(store).diff(bundle, bundle)
    assert not found
    assert str(found) == "No difference."


def test_text_is_shown_line_by_line(store: Store) -> None:
    before = make(store, {"score.py": b"a = 1\nb = 2\n", "old.py": b"gone\n"})
    after = make(store, {"score.py": b"a = 1\nb = 3", "new.py": b"come <here>\n", "data.bin": b"\0\1"})
    found = BundleStore(store).diff(before, after)
    assert [(change.path, change.status) for change in found.files] == [
        ("data.bin", "added"),
        ("new.py", "added"),
        ("old.py", "removed"),
        ("score.py", "changed"),
    ]
    text = str(found)
    assert "data.bin: added (2 B, sha256:" in text
    assert "-b = 2\n+b = 3\n\\ No newline at end of file" in text
    assert "--- before/old.py\n+++ /dev/null" in text
    assert "come &lt;here&gt;" in found._repr_html_()
    assert "come <here>" not in found._repr_html_()


def test_the_executable_bit_is_told(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "run.sh"
    path.write_text("echo\n")
    before = make(store, {"score.py": b"", "run.sh": path})
    path.chmod(0o755)
    found = BundleStore(store).diff(before, make(store, {"score.py": b"", "run.sh": path}))
    assert "run.sh: executable now" in str(found)


def test_a_new_pin_is_one_change(store: Store) -> None:
    before = make(store, {"score.py": b""}, {"pip": ["numpy==1.26", "scikit_learn==1.4", "gone"], "python": "3.11"})
    after = make(store, {"score.py": b""}, {"pip": ["new>=1", "Scikit-Learn==1.5", "numpy==1.26"], "python": "3.12"})
    found = BundleStore(store).diff(before, after)
    assert [str(change) for change in found.environment] == [
        "- pip.gone: gone",
        "+ pip.new: new>=1",
        "~ pip.scikit-learn: scikit_learn==1.4 -> Scikit-Learn==1.5",
        "~ python: 3.11 -> 3.12",
    ]


def test_the_order_of_pins_is_no_silent_difference(store: Store) -> None:
    before = make(store, {"score.py": b""}, {"pip": ["a", "b"]})
    after = make(store, {"score.py": b""}, {"pip": ["b", "a"]})
    assert before.digest != after.digest
    assert str(BundleStore(store).diff(before, after)) == "environment:\n  ~ pip: ['a', 'b'] -> ['b', 'a']"


def test_an_empty_schema_is_not_the_same_as_none(store: Store) -> None:
    before, after = make(store, {"score.py": b""}), make(store, {"score.py": b""}, schema={})
    bundles = BundleStore(store)
    assert [change.status for change in bundles.diff(before, after).schema] == ["added"]
    assert [change.status for change in bundles.diff(after, before).schema] == ["removed"]


def test_models_schema_and_entry_script(store: Store, tmp_path: Path) -> None:
    registry = ModelRegistry(store)
    (tmp_path / "m.pkl").write_bytes(b"1")
    first, free = registry.register(tmp_path / "m.pkl", "ridge"), registry.unregistered(tmp_path / "m.pkl")
    (tmp_path / "m.pkl").write_bytes(b"2")
    second, other = registry.register(tmp_path / "m.pkl", "ridge"), registry.unregistered(tmp_path / "m.pkl")
    bundles = BundleStore(store)
    before = make(store, {"score.py": b""}, models=[first, free], schema={"in": {"type": "array"}, "v": True})
    after = bundles.create(
        entry_script="main.py",
        source={"main.py": b""},
        environment={},
        models=[second, other],
        schema={"in": {"type": "object"}, "v": 1},
    )
    found = bundles.diff(before, after)
    assert str(found.entry_script) == "~ entry_script: score.py -> main.py"
    assert str(found.models[0]) == f"~ m.pkl: m.pkl:0 ({free.digest[:19]}) -> m.pkl:0 ({other.digest[:19]})"
    assert str(found.models[1]) == "~ ridge: ridge:1 -> ridge:2"
    assert [str(change) for change in found.schema] == ["~ in.type: array -> object", "~ v: True -> 1"]
    gone = bundles.diff(after, make(store, {"score.py": b""}))
    assert [change.status for change in gone.models] == ["removed", "removed"]
    assert json.loads(json.dumps(found.to_dict()))["entry_script"]["after"] == "main.py"
