"""What is loaded in advance is found by reading only."""

from __future__ import annotations

import gzip
import pickle
from collections import OrderedDict
from fractions import Fraction
from pathlib import Path

import pytest

from jupyter_mldeploy.targets.local_imports import pickled_imports, script_imports


def test_imports_of_a_script_are_found_with_their_full_names(tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text(
        "import os, numpy as np\nfrom sklearn.linear_model import Ridge\nfrom sklearn import pipeline\n"
        "from . import sibling\ndef init():\n    import joblib\n"
    )
    assert script_imports(script) == ["os", "numpy", "sklearn.linear_model", "sklearn", "sklearn.pipeline", "joblib"]


def test_a_script_that_cannot_be_parsed_has_none(tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text("def init(:\n")
    assert script_imports(script) == []
    assert script_imports(tmp_path / "missing.py") == []


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_modules_of_a_pickle_are_found_without_loading_it(tmp_path: Path, protocol: int) -> None:
    data = pickle.dumps([OrderedDict(), Fraction(1, 3)], protocol=protocol)
    (tmp_path / "model.pkl").write_bytes(data)
    assert {"collections", "fractions"} <= set(pickled_imports(tmp_path))


def test_compressed_and_nested_files_are_read_and_others_left_alone(tmp_path: Path) -> None:
    (tmp_path / "m" / "1").mkdir(parents=True)
    (tmp_path / "m" / "1" / "model.joblib").write_bytes(gzip.compress(pickle.dumps(Fraction(1, 3))))
    (tmp_path / "data.bin").write_bytes(pickle.dumps(OrderedDict()))
    (tmp_path / "broken.pkl").write_bytes(b"\x78\x9cthis is no zlib stream")
    assert pickled_imports(tmp_path) == ["fractions"]


def test_a_pickle_that_would_do_harm_is_only_read(tmp_path: Path) -> None:
    harm = tmp_path / "harm"

    class Harmful:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (harm,)  # type: ignore[return-value]

    (tmp_path / "model.pkl").write_bytes(pickle.dumps(Harmful()))
    assert "pathlib" in pickled_imports(tmp_path)
    assert not harm.exists()


def test_names_that_only_look_like_modules_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps({"file": "a.csv", "os": "posix"}))
    assert pickled_imports(tmp_path) == []
