"""``mldeploy traffic``: two versions, their shares, what is refused, and a verdict."""

from __future__ import annotations

from pathlib import Path

from .conftest import Run

SCRIPT = "def init():\n    pass\n\n\ndef run(data):\n    return {answer!r}\n"


def test_two_versions_by_command_line(mldeploy: Run, folder: Path) -> None:
    for answer in ("one", "two"):
        (folder / f"{answer}.py").write_text(SCRIPT.format(answer=answer))
    assert mldeploy("deploy", "parted", "one.py", "-q").code == 0
    assert "one version: revision 1" in mldeploy("traffic", "show", "parted").out

    created = mldeploy("traffic", "create", "parted", "green", "two.py", "--percent", "100", "--json").json
    assert [(item["name"], item["weight"], item["default"]) for item in created["versions"]] == [
        ("r1", 0, True), ("green", 100, False),
    ]  # fmt: skip
    assert mldeploy("score", "parted", "-d", "{}").out.strip() == '"two"'
    assert mldeploy("traffic", "set", "parted", "green=0").code == 0
    assert mldeploy("score", "parted", "-d", "{}").out.strip() == '"one"'
    shown = mldeploy("traffic", "show", "parted").out
    assert "r1                      100 %  default  1 requests, 0 failed" in shown

    for words, says in (
        (("traffic", "set", "parted", "green=120"), "120 is no percentage"),
        (("traffic", "set", "parted", "green"), "Write VERSION=PERCENT"),
        (("traffic", "set", "parted"), "Nothing to set"),
        (("traffic", "create", "parted", "red"), "needs an entry script"),
        (("deploy", "parted", "two.py"), "several versions"),
        (("traffic", "canary", "parted", "green", "--steps", "50,5"), "rising percentages"),
    ):
        refused = mldeploy(*words)
        assert refused.code != 0
        assert says in refused.err, refused.err

    held = mldeploy("traffic", "canary", "parted", "green", "--steps", "10", "--step-timeout", "0.2", "--json").json
    assert held["decision"] == "held"
    assert mldeploy("traffic", "finish", "parted", "green", "-q").code == 0
    assert mldeploy("score", "parted", "-d", "{}").out.strip() == '"two"'
