"""The pages of documentation are those of the rule table."""

from __future__ import annotations

from pathlib import Path

from jupyter_mldeploy.core.lint import RULES
from jupyter_mldeploy.core.lint.docs import main, pages

DOCS = Path(__file__).resolve().parents[3] / "docs" / "lint"


def test_pages_are_up_to_date() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}
    assert written == pages(), "run: python -m jupyter_mldeploy.core.lint.docs docs/lint"


def test_every_rule_has_a_page_with_everything() -> None:
    made = pages()
    for rule in RULES:
        text = made[f"{rule.code}.md"]
        assert rule.summary in text
        assert "## Reported" in text
        assert "## Accepted" in text
        assert rule.runtime is None or rule.runtime in text
        assert Path(rule.docs_url).name in made


def test_writing(tmp_path: Path) -> None:
    (tmp_path / "MLD999.md").touch()
    assert main([str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == set(pages())
    assert main([]) == 2
