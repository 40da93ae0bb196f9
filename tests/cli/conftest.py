"""A workspace of its own for each module, the diabetes model, and the command line in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.patience import FACTOR

SCRIPT = """\
import json, os, joblib, numpy as np


def init():
    global model
    model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "ridge.pkl"))


def run(data):
    return model.predict(np.array(json.loads(data)["data"])).tolist()
"""
ROW = [0.03, 0.05, 0.06, 0.02, -0.04, -0.03, -0.04, 0, 0.01, -0.01]
#: The installed script, beside the interpreter that runs the tests.
MLDEPLOY = Path(sys.executable).with_name("mldeploy")


@dataclass(frozen=True)
class Done:
    """What a call of the command line gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The error of a ``--json`` call: the only thing on stderr, with nothing on stdout."""
        assert self.out == ""
        document = json.loads(self.err)
        assert set(document) == {"error"}
        return document["error"]  # type: ignore[no-any-return]


Run = Callable[..., Done]


@pytest.fixture(scope="session")
def ridge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return scikit-learn's Ridge, trained on the diabetes data, as a file ``ridge.pkl``."""
    import joblib
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import Ridge

    features, target = load_diabetes(return_X_y=True)
    path = tmp_path_factory.mktemp("model") / "ridge.pkl"
    joblib.dump(Ridge().fit(features, target), path)
    return path


@pytest.fixture(scope="session")
def prediction(ridge: Path) -> float:
    """Return what the model says about :data:`ROW`."""
    import joblib

    return float(joblib.load(ridge).predict([ROW])[0])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the home of a workspace whose services are deleted at the end."""
    from jupyter_mldeploy.core.workspace import Workspace

    path = tmp_path_factory.mktemp("workspace") / "home"
    yield path
    if path.exists():
        for service in Workspace(path).services():
            service.delete()


@pytest.fixture
def folder(tmp_path: Path, ridge: Path) -> Path:
    """Return a folder with ``score.py`` and ``ridge.pkl``."""
    (tmp_path / "score.py").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "ridge.pkl").write_bytes(ridge.read_bytes())
    return tmp_path


@pytest.fixture
def mldeploy(home: Path, folder: Path) -> Run:
    """Return a function that runs ``mldeploy`` in ``folder`` and in the module's workspace."""

    def run(
        *words: str,
        stdin: str | bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 60 * FACTOR,
    ) -> Done:
        environment = {**os.environ, "MLDEPLOY_HOME": str(home), "COLUMNS": "100", **(env or {})}
        given = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [MLDEPLOY, *words], cwd=folder, env=environment, input=given or b"", capture_output=True, timeout=timeout,
            check=False,
        )  # fmt: skip
        return Done(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))

    return run
