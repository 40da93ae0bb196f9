"""The scripts in Microsoft's own articles: no crash, and only findings that were read and are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jupyter_mldeploy.core.lint import lint_source

SEEDS = Path(__file__).resolve().parents[4] / "shared" / "seeds"
_BLOCK = re.compile(r"^[ \t]*```(?:python|py)[^\n]*\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE)
# Per article, per script: the codes that are right.
EXPECTED = {
    "000": [["MLD403", "MLD601"], [], ["MLD201", "MLD202", "MLD212", "MLD403", "MLD601"]],
    "003": [
        ["MLD211", "MLD216", "MLD404", "MLD601", "MLD609"],
        ["MLD216", "MLD404", "MLD601", "MLD609"],
        [],
        ["MLD412", "MLD610"],
    ],
}


def _scripts(path: Path) -> list[str]:
    return [block for block in _BLOCK.findall(path.read_text(encoding="utf-8")) if "def run" in block]


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the articles are not here")
@pytest.mark.parametrize("number", sorted(EXPECTED))
def test_articles(number: str) -> None:
    path = next(SEEDS.glob(f"{number}_*.txt"))
    found = [sorted({item.code for item in lint_source(script)}) for script in _scripts(path)]
    assert found == EXPECTED[number]


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the articles are not here")
def test_no_code_block_of_the_articles_is_taken_for_a_script_that_it_is_not() -> None:
    for path in SEEDS.glob("*.txt"):
        for block in _BLOCK.findall(path.read_text(encoding="utf-8")):
            if "def run" not in block and "def init" not in block:
                assert lint_source(block) == []
