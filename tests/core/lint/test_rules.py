"""Every rule is documented, finds its bad example, keeps silent about its good one, and its fixes help."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from pathlib import Path

import pytest

from jupyter_mldeploy.core.lint import RULES, Rule, apply_fixes

from .examples import EXAMPLE_RULES, lint_example, read_example


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_is_documented(rule: Rule) -> None:
    assert re.fullmatch(r"MLD\d{3}", rule.code)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.name)
    assert rule.summary.endswith(".") or rule.summary.endswith(":")
    assert rule.bad.strip()
    assert rule.good.strip()
    assert rule.docs_url.endswith(f"{rule.code}.md")


def test_names_are_unique() -> None:
    counts = Counter(rule.name for rule in RULES)
    assert [name for name, count in counts.items() if count > 1] == []


def test_table_is_ordered_and_found_by_code() -> None:
    codes = [rule.code for rule in RULES]
    assert codes == sorted(codes)
    assert len(codes) == len(RULES) >= 100
    assert "MLD301" in RULES
    assert RULES["MLD301"].name == "missing-global"
    assert RULES.get("MLD999") is None


@pytest.mark.parametrize("rule", EXAMPLE_RULES, ids=lambda rule: rule.code)
def test_bad_example_is_reported(rule: Rule, tmp_path: Path) -> None:
    found = [item for item in lint_example(rule, read_example(rule, rule.bad), tmp_path) if item.code == rule.code]
    assert found
    for item in found:
        assert item.message.endswith((".", "?", "!"))
        assert (item.line, item.column) <= (item.end_line, item.end_column)


@pytest.mark.parametrize("rule", EXAMPLE_RULES, ids=lambda rule: rule.code)
def test_good_example_passes(rule: Rule, tmp_path: Path) -> None:
    found = lint_example(rule, read_example(rule, rule.good), tmp_path)
    assert [item for item in found if item.code == rule.code] == []
    assert [item for item in found if item.severity == "error"] == []


@pytest.mark.parametrize("rule", EXAMPLE_RULES, ids=lambda rule: rule.code)
def test_fixes_remove_what_they_fix(rule: Rule, tmp_path: Path) -> None:
    example = read_example(rule, rule.bad)
    found = [item for item in lint_example(rule, example, tmp_path) if item.code == rule.code]
    for item in found:
        for fix in item.fixes:
            fixed = apply_fixes(example.text, [dataclasses.replace(item, fixes=(fix,))], unsafe=True)
            assert fixed != example.text
            after = dataclasses.replace(example, files={**example.files, example.name: fixed})
            codes = [other.code for other in lint_example(rule, after, tmp_path)]
            assert codes.count(rule.code) < len(found), fixed
            assert "MLD100" not in codes, fixed


def test_error_rules_say_when_they_fail() -> None:
    silent = [
        rule.code for rule in RULES if rule.severity == "error" and rule.stage == "answer" and rule.code != "MLD505"
    ]
    assert silent == []
