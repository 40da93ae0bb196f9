# ruff: noqa: E501 - files in one line
"""Damaged scripts and files: no rule fails, every position lies in the text, every fix can be applied."""

from __future__ import annotations

import random

import pytest

from jupyter_mldeploy.core.lint import Diagnostic, apply_fixes, lint_document, lint_source
from jupyter_mldeploy.core.script.source import SourceText

from .ground_truth import CASES
from .realistic import SCRIPTS

PIECES = "()[]{}:,.'\"\\\n \t=+-*/@#abc1é🎉\r\x0c\u2028"
DOCUMENTS = {
    "deploymentconfig.json": '{"computeType":"aks","numReplicas":3,"autoScaler":{"autoscaleEnabled":true,"minReplicas":1}}',
    "inferenceconfig.json": '{"entryScript":"score.py","runtime":"python","condaFile":"env.yml","environment":{}}',
    "environment.yml": "name: a\nchannels: [x]\ndependencies:\n  - python=3.6\n  - pip:\n    - numpy=1\n    - sklearn\n",
    "deployment.yml": "name: a-b\nendpoint_name: x\nmodel: m\nscale_settings: {type: default}\ntraffic: {a: 50}\n",
}
MARKS = [*"[]{},:\"'\n -&*!|>%@`0atrue\t\x85", "null", "true", "1.5", "[]", "{}", "&a", "*a"]


def damaged(text: str, choice: random.Random, pieces: list[str]) -> str:
    characters = list(text)
    for _ in range(choice.randrange(1, 6)):
        at = choice.randrange(len(characters) + 1)
        if choice.random() < 0.45 and at < len(characters):
            del characters[at : at + choice.randrange(1, 8)]
        else:
            characters[at:at] = choice.choice(pieces)
    return "".join(characters)


def check(text: str, found: list[Diagnostic]) -> None:
    source = SourceText(text)
    for item in found:
        assert 1 <= item.line <= item.end_line <= len(source.lines)
        assert 0 <= item.column <= len(source.line(item.line))
        assert 0 <= item.end_column <= len(source.line(item.end_line))
        assert item.to_dict()["code"] == item.code
    apply_fixes(text, found, unsafe=True)


def test_damaged_scripts(caplog: pytest.LogCaptureFixture) -> None:
    choice = random.Random(5)
    texts = [text for text, _ in SCRIPTS.values()] + [case.script for case in CASES]
    for _ in range(1_200):
        text = damaged(choice.choice(texts), choice, list(PIECES))
        check(text, lint_source(text, kind=choice.choice(["auto", "script", "cell", "batch"])))
    assert caplog.records == []


def test_damaged_documents(caplog: pytest.LogCaptureFixture) -> None:
    choice = random.Random(6)
    for _ in range(1_200):
        name = choice.choice(list(DOCUMENTS))
        text = damaged(DOCUMENTS[name], choice, MARKS)
        check(text, lint_document(text, path=name))
    assert caplog.records == []
