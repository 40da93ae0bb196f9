"""``%deploy profile``, ``record``, ``replay`` and ``adopt`` on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import InvalidInputError, NotFoundError, NotSupportedError
from tests.patience import FACTOR
from tests.targets.local_service import wait_for

from .conftest import SCRIPT, Shell

DOUBLE = SCRIPT.replace("return data", "import json; return json.loads(data) * 2")


def test_a_profile_shows_its_progress_and_gives_the_plot(local: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    local.value(f"%%deploy svc\n{SCRIPT}")
    local.value("bodies = ['[1]', '[2]']")
    capsys.readouterr()
    found = local.value(
        f"found = %deploy profile svc --requests $bodies --target local --timeout {14 * FACTOR:g}\nfound"
    )
    assert found.details["state"] == "Succeeded"
    assert "%" in capsys.readouterr().out
    assert found._repr_svg_().startswith("<svg")
    assert "recommended" in repr(found)
    with pytest.raises(InvalidInputError, match="no variable 'nope'"):
        local.value("%deploy profile svc --requests $nope")
    with pytest.raises(InvalidInputError, match="schema"):
        local.value("%deploy profile svc")
    with pytest.raises(InvalidInputError, match="expected a number"):
        local.value("%deploy profile svc --timeout soon")


def test_requests_are_recorded_and_replayed(local: Shell, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    local.value(f"%%deploy svc\n{DOUBLE}")
    local.value("%deploy record svc --deny name,address")
    assert "svc records 1 of its requests" in capsys.readouterr().out
    local.value("%deploy test svc 21")
    wait_for(lambda: Workspace(tmp_path / "home").service("svc").recorded(), "the record")
    local.value(f"%%deploy other\n{DOUBLE.replace('* 2', '* 3')}")
    found = local.value("found = %deploy replay other --from svc\nfound")
    assert (found.largest.before, found.largest.after) == (42, 63)
    assert "1 of 1 answers of other" in repr(found)
    assert local.value("%deploy replay other --from svc --tolerance 0.5").changed == []
    assert local.value("%deploy replay svc").changed == []
    local.value("%deploy record svc --off")
    assert "records no more" in capsys.readouterr().out
    with pytest.raises(InvalidInputError, match="exclude each other"):
        local.value("%deploy record svc --off --rate 0.5")
    with pytest.raises(InvalidInputError, match="share above 0"):
        local.value("%deploy record svc --rate 2")


def test_strangers_are_looked_for_where_they_can_be(local: Shell, tmp_path: Path) -> None:
    with pytest.raises(NotSupportedError):
        local.value("%deploy adopt --target local")
    with pytest.raises(NotFoundError, match="nowhere"):
        local.value("%deploy adopt --target nowhere")
