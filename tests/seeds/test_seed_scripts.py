"""The documents' entry scripts by command line: as they stand where they can work, else explained and fixed."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Done, Run

from .scripts import SEEDS, entry_scripts

pytestmark = [
    pytest.mark.skipif(not SEEDS.is_dir(), reason="the documents are not beside this checkout"),
    pytest.mark.slow,
]
SCRIPTS = entry_scripts() if SEEDS.is_dir() else {}


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a classifier of digits under the name that the scripts load."""
    import joblib
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression

    features, target = load_digits(return_X_y=True)
    path = tmp_path_factory.mktemp("digits") / "sklearn_mnist_model.pkl"
    joblib.dump(LogisticRegression(max_iter=300).fit(features / 16, target), path)
    return path


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a pipeline over a table with a decimal, a text and an integer column."""
    import joblib
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    table = pd.DataFrame(
        {"input_name_1": [1.0, 5.1, 2.0, 7.5], "input_name_2": ["value1", "value2"] * 2, "input_name_3": [1, 3, 2, 4]}
    )
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["input_name_2"]), remainder="passthrough"
    )
    path = tmp_path_factory.mktemp("mixed") / "model_file.pkl"
    joblib.dump(make_pipeline(columns, LogisticRegression()).fit(table, [0, 1, 0, 1]), path)
    return path


def write(folder: Path, name: str) -> Path:
    path = folder / "score.py"
    path.write_text(SCRIPTS[name], encoding="utf-8")
    return path


def call(mldeploy: Run, name: str, *, method: str = "POST", path: str = "", body: bytes | None = None) -> Any:
    """Send one plain request, as a browser or a script would."""
    status = mldeploy("status", name, "--json").json
    key = mldeploy("keys", name, "--primary").out.strip()
    request = urllib.request.Request(
        status["scoring_uri"] + path, body, {"Authorization": f"Bearer {key}"}, method=method
    )
    return urllib.request.urlopen(request)


def refused(done: Done, code: str) -> None:
    assert done.code == 2
    assert code in done.err
    assert done.out == ""


def test_the_documents_have_the_scripts_that_are_tested_here() -> None:
    assert set(SCRIPTS) == {
        "000-json", "000-binary", "000-schema", "003-schema", "003-pandas", "003-binary", "003-cors",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["000-binary", "003-binary"])
def test_binary_scripts_work_as_they_stand(mldeploy: Run, folder: Path, name: str) -> None:
    write(folder, name)
    service = f"seed-{name}"[:32]
    done = mldeploy("deploy", service, "score.py")
    assert done.code == 0, done.err
    body = bytes(range(256))
    (folder / "image.bin").write_bytes(body)
    scored = mldeploy("score", service, "--file", "image.bin", "--json")
    assert scored.code == 0, scored.err
    with call(mldeploy, service, body=body) as answer:
        assert answer.read() == (body[::-1] if name == "000-binary" else body)
    with call(mldeploy, service, method="GET", path="?a=1") as answer:
        assert answer.read() == b"/score?a=1"
    assert "This is init()" in mldeploy("logs", service).out
    assert mldeploy("delete", service).code == 0


def test_the_json_script_is_explained_fixed_and_scores(mldeploy: Run, folder: Path, digits: Path) -> None:
    import joblib
    from sklearn.datasets import load_digits

    script = write(folder, "000-json")
    registered = mldeploy("model", "register", str(digits), "-n", "sklearn_mnist")
    assert registered.code == 0, registered.err
    said = mldeploy("deploy", "seed-json", "score.py", "--model", "sklearn_mnist")
    refused(said, "MLD601")
    assert "sklearn.externals.joblib was removed in scikit-learn 0.23" in said.err
    assert "import joblib" in said.err
    assert mldeploy("status", "seed-json").code == 3, "nothing was created"

    assert mldeploy("lint", "score.py").code == 1
    fixed = mldeploy("lint", "score.py", "--fix")
    assert fixed.code == 0, fixed.out + fixed.err
    assert script.read_text() == SCRIPTS["000-json"].replace("from sklearn.externals import joblib", "import joblib")
    done = mldeploy("deploy", "seed-json", "score.py", "--model", "sklearn_mnist")
    assert done.code == 0, done.err
    rows = load_digits().data[:20] / 16
    scored = mldeploy("score", "seed-json", "-d", json.dumps({"data": rows.tolist()}))
    assert scored.code == 0, scored.err
    expected = joblib.load(digits).predict(rows).tolist()
    assert len(set(expected)) > 1
    assert json.loads(json.loads(scored.out)) == expected, "the script encodes twice, and v1 sent it so"
    assert mldeploy("delete", "seed-json").code == 0


def test_the_schema_script_scores_after_the_quick_fix(
    mldeploy: Run, folder: Path, ridge: Path, prediction: float
) -> None:
    write(folder, "003-schema")
    (folder / "sklearn_mnist_model.pkl").write_bytes(ridge.read_bytes())
    refused(mldeploy("deploy", "seed-schema", "score.py", "--model", "sklearn_mnist_model.pkl"), "MLD601")
    assert mldeploy("lint", "score.py", "--fix").code in {0, 1}
    done = mldeploy("deploy", "seed-schema", "score.py", "--model", "sklearn_mnist_model.pkl")
    assert done.code == 0, done.err
    sample = mldeploy("score", "seed-schema", "--json")
    assert sample.code == 0, sample.err
    assert len(sample.json["result"]) == 1, "without data the schema's own sample is sent"
    scored = mldeploy("score", "seed-schema", "-d", json.dumps({"data": [[1] * 10, [2] * 10]}))
    assert len(json.loads(scored.out)) == 2
    wrong = mldeploy("score", "seed-schema", "-d", '{"other": 1}')
    assert wrong.code == 1
    assert "data" in wrong.err
    assert mldeploy("delete", "seed-schema").code == 0


def test_the_schema_script_with_a_wrong_name_is_explained(mldeploy: Run, folder: Path, digits: Path) -> None:
    """This document's script never worked: its schema names a parameter that run() does not have."""
    write(folder, "000-schema")
    assert mldeploy("lint", "score.py", "--fix").code == 1
    refused(mldeploy("deploy", "seed-wrong", "score.py", "--model", str(digits)), "MLD201")


def test_the_pandas_script_is_explained_step_by_step(mldeploy: Run, folder: Path, mixed: Path) -> None:
    """It imports AutoML, which is not installed here, and uses os without importing it."""
    script = write(folder, "003-pandas")
    words = ("deploy", "seed-pandas", "score.py", "--model", str(mixed))
    refused(mldeploy(*words), "MLD601")
    assert mldeploy("lint", "score.py", "--fix").code in {0, 1}
    without = mldeploy(*words)
    assert without.code == 1
    assert "azureml" in without.err
    script.write_text(script.read_text().replace("import azureml.train.automl\n", ""))
    undefined = mldeploy(*words)
    assert undefined.code == 1
    assert "'os'" in undefined.err
    assert "score.py, line" in undefined.err
    script.write_text("import os\n" + script.read_text())
    done = mldeploy(*words)
    assert done.code == 0, done.err
    row = {"input_name_1": 7.5, "input_name_2": "value2", "input_name_3": 4}
    scored = mldeploy("score", "seed-pandas", "-d", json.dumps({"data": [row]}))
    assert scored.code == 0, scored.err
    assert json.loads(scored.out) == [1]
    assert mldeploy("delete", "seed-pandas").code == 0


def test_the_cors_script_is_explained_fixed_and_sends_its_header(mldeploy: Run, folder: Path) -> None:
    """The document forgot the decorator, so run() got text: the linter says so and adds it."""
    write(folder, "003-cors")
    said = mldeploy("deploy", "seed-cors", "score.py")
    refused(said, "MLD412")
    assert "@rawhttp" in said.err
    assert mldeploy("lint", "score.py", "--fix").code in {0, 1}
    done = mldeploy("deploy", "seed-cors", "score.py")
    assert done.code == 0, done.err
    with call(mldeploy, "seed-cors", body=b"hello") as answer:
        assert answer.read() == b"hello"
        assert answer.headers["Access-Control-Allow-Origin"] == "http://www.example.com"
    assert mldeploy("delete", "seed-cors").code == 0
