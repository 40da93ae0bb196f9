"""Scripts while they are being typed, and hostile ones."""

from __future__ import annotations

import re
import time

import pytest

from jupyter_mldeploy.core.entryscript import read_entry_script
from jupyter_mldeploy.core.lint import RULES, lint_source
from jupyter_mldeploy.core.script.syntax import MAX_CHARACTERS, parse_source

from .broken_states import SCRIPTS, states

COUNT = 1_500


def test_headers_survive_half_written_lines() -> None:
    whole = {name: read_entry_script(text) for name, text in SCRIPTS.items()}
    headers = recovered = broken = 0
    for name, text, _ in states(COUNT):
        script = read_entry_script(text)
        if not script.has_errors:
            continue
        broken += 1
        for function in ("init", "run"):
            if not re.search(rf"^def {function}\(.*\):$", text, re.MULTILINE):
                continue
            headers += 1
            found, wanted = getattr(script, function), getattr(whole[name], function)
            recovered += found is not None and [p.name for p in found.parameters] == [p.name for p in wanted.parameters]
    assert broken > COUNT * 0.8
    assert recovered / headers >= 0.99


def test_a_broken_chunk_costs_no_other_its_findings() -> None:
    text = "from sklearn.externals import joblib\n\ndef init():\n    x = (\n\ndef run(raw_data):\n    return 1\n"
    codes = [(item.code, item.line) for item in lint_source(text, kind="script")]
    assert ("MLD601", 1) in codes
    assert ("MLD100", 4) in codes


def test_typing_makes_no_false_certain_errors() -> None:
    """Rules about what is missing keep silent until the text is whole again."""
    absent = {"MLD101", "MLD202", "MLD301", "MLD306", "MLD411", "MLD412"}
    for _, text, _ in states(COUNT // 3, seed=7):
        found = lint_source(text, kind="cell")
        if any(item.code == "MLD100" for item in found):
            assert {item.code for item in found} & absent == set()
        assert all(item.code in RULES for item in found)


@pytest.mark.parametrize(
    "text", ["", "\n", "\ufeff", "\ufeffimport os\n", "\r\r", "# only a comment", '"""only a docstring"""']
)
def test_almost_nothing(text: str) -> None:
    assert not parse_source(text).has_errors
    assert read_entry_script(text).kind == "unknown"


@pytest.mark.parametrize(
    "text",
    [
        "def run(data):\n    return data\0",
        "(" * 10_000,
        "x = " + "[" * 10_000 + "]" * 10_000,
        "-" * 10_000 + "1",
        "a" + ".a" * 10_000,
        "+".join(["1"] * 10_000),
        "".join(" " * depth + "if 1:\n" for depth in range(300)),
        "\udc80 = 1",
        "def run(" * 500,
        "@" * 5_000,
        "@a\n" * 5_000,
        "'''" * 999,
    ],
    ids=["null", "open", "nested", "minus", "dots", "plus", "ifs", "surrogate", "defs", "ats", "decorators", "quotes"],
)
def test_hostile_text_is_bounded(text: str) -> None:
    start = time.process_time()
    found = lint_source(text, kind="script")
    assert time.process_time() - start < 20
    assert found
    assert found[0].code == "MLD100"


def test_deep_but_valid_text_does_not_crash_a_rule(caplog: pytest.LogCaptureFixture) -> None:
    deep = "a" + ".a" * 900
    text = f"def init():\n    pass\n\ndef run(raw_data):\n    x = {deep}\n    return {'+'.join(['x'] * 800)}\n"
    lint_source(text, kind="script")
    assert caplog.records == []


def test_large_text_is_refused_with_a_reason() -> None:
    start = time.process_time()
    (found,) = lint_source("x = 1\n" * 1_000_000, kind="script")
    assert time.process_time() - start < 5
    assert found.code == "MLD001"
    assert "characters" in found.message
    assert parse_source("x" * (MAX_CHARACTERS + 1)).too_large


def test_problem_is_pythons_own_message() -> None:
    (found,) = lint_source("def init():\n    pass\n\ndef run(data):\n    return (data\n", kind="script")
    assert found.message == "'(' was never closed."
    assert (found.line, found.column) == (5, 11)


LARGE = {
    "one name bound again and again": "    raw_data = raw_data['a']\n" * 25_000,
    "guards": "    if isinstance(raw_data, str): raw_data['x']\n" * 15_000,
    "returns": "    if d: return {'a': np.array(d)}\n" * 15_000,
    "handlers": "    try:\n        y = d\n    except Exception as e:\n        y = str(e)\n" * 8_000
    + "    return y.tolist()\n",
    "broken functions": "def f(:\n    x\n" * 15_000,
    "one list": "    x = [" + "1," * 250_000 + "]\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_large_scripts_take_bounded_time(name: str) -> None:
    head = "import json\nimport numpy as np\ndef init(): ...\ndef run(raw_data):\n    d = json.loads(raw_data)\n"
    start = time.process_time()
    lint_source(head + LARGE[name], kind="cell")
    assert time.process_time() - start < 60
