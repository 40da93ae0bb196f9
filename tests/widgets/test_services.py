"""ServiceView and Services: state, actions, and following what others do."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import ipywidgets as w
import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import TargetUnavailableError
from jupyter_mldeploy.targets.local import LocalTarget
from jupyter_mldeploy.widgets import Services, ServiceView
from tests.widgets.conftest import RAW_SCRIPT, done, eventually
from tests.widgets.test_panel_of_requests import button


def test_buttons_stop_start_and_delete(echo: Service) -> None:
    with closing(ServiceView(echo, poll_s=0.05)) as view:
        assert view.state == "Healthy"
        assert button(view, "Start").disabled
        button(view, "Stop").click()
        eventually(lambda: view.state == "Stopped", "it is stopped")
        assert done(view)
        button(view, "Start").click()
        eventually(lambda: view.state == "Healthy", "it is back")
        assert done(view)
        assert echo.score({"a": 1}) == '{"a": 1}'
        button(view, "Delete").click()
        assert echo.record.deleted is None, "a delete is asked for twice"
        button(view, "Really delete?").click()
        eventually(lambda: view.state == "Deleted", "it is deleted")
        assert done(view)
        assert button(view, "Stop").disabled


def test_a_service_whose_target_is_gone_can_be_removed_from_the_list(
    echo: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = LocalTarget.delete

    def gone(*_: object) -> None:
        raise TargetUnavailableError("The machine does not answer.")

    monkeypatch.setattr(LocalTarget, "delete", gone)
    reference = echo.workspace.deployer.reference(echo.record)
    with closing(ServiceView(echo, poll_s=0.05)) as view:
        button(view, "Delete").click()
        button(view, "Really delete?").click()
        assert done(view)
        assert "does not answer" in view.error
        told = view.children[1].children[1].children[0].value
        assert "leaves alone whatever it runs" in told
        assert "there may still be" in told
        assert echo.record.deleted is None
        real(echo.workspace.targets.get("local"), reference)  # what would remain, before its folder is gone
        button(view, "Remove from the list only").click()
        eventually(lambda: view.state == "Deleted", "it is off the list")
        assert done(view)
        assert "is only forgotten" in view.children[1].children[1].children[0].value
        assert view.error == ""


def test_tabs_open_requests_log_and_revisions_and_closing_ends_them(echo: Service, tmp_path: Path) -> None:
    (tmp_path / "two.py").write_text(RAW_SCRIPT.replace("return data", "return data + '!'"))
    echo.update(tmp_path / "two.py")
    with closing(ServiceView(echo, poll_s=0.05)) as view:
        tabs = view.children[2]
        for place in (1, 2, 3):
            tabs.selected_index = place
            assert tabs.children[place].children
        requests = tabs.children[1].children[0]
        assert done(requests)
        requests.submit("x")
        assert done(requests)
        assert requests.answer.json() == "x!"
        assert "+    return data + &#x27;!&#x27;" in tabs.children[3].children[0].children[2].value
        button(tabs.children[3], "Serve again").click()
        eventually(lambda: echo.score("y") == "y", "revision 1 serves again")
        assert done(view)


def test_the_panel_follows_what_others_do(echo: Service) -> None:
    with closing(ServiceView(echo, poll_s=0.05)) as view:
        echo.stop()
        eventually(lambda: view.state == "Stopped", "the view sees it")
        assert "Stopped" in view.children[2].children[0].value


def test_the_dashboard_lists_filters_and_opens(workspace: Workspace, echo: Service, tmp_path: Path) -> None:
    with closing(Services(workspace, poll_s=0.05)) as view:
        assert "echo" in view.names
        (tmp_path / "more.py").write_text(RAW_SCRIPT)
        other = workspace.deploy("echo-two", tmp_path / "more.py")
        eventually(lambda: "echo-two" in view.names, "a new service appears")
        view.selected = "echo"
        assert isinstance(view.children[3].children[0], ServiceView)
        search = view.children[0].children[0]
        assert isinstance(search, w.Text)
        search.value = "two"
        assert view.names == ("echo-two",)
        search.value = ""
        other.delete()
        eventually(lambda: "echo-two" not in view.names, "a deleted service goes")


def test_an_open_panel_stays_while_its_list_changes(workspace: Workspace, echo: Service, tmp_path: Path) -> None:
    """Whatever happens to the services gives the list new lines; the panel is that of the second of them."""
    (tmp_path / "before.py").write_text(RAW_SCRIPT)
    first = workspace.deploy("aaa-before-echo", tmp_path / "before.py")
    with closing(Services(workspace, poll_s=0.05)) as view:
        assert view.names.index("echo") > 0
        rows = view.children[1]
        view.selected = "echo"
        panel = view.children[3].children[0]
        opened: list[str] = []
        view.observe(lambda change: opened.append(change["new"]), "selected")
        for _ in range(2):
            first.stop()
            eventually(lambda: any("aaa" in text and "Stopped" in text for text, _ in rows.options), "it is listed")
            first.start()
            eventually(lambda: any("aaa" in text and "Healthy" in text for text, _ in rows.options), "it is back")
        # New lines choose the first of them for a moment, which opens nothing.
        eventually(lambda: rows.value == "echo", "the panel's line is the chosen one")
        assert opened == []
        assert view.children[3].children == (panel,)
        assert not panel.is_closed
        rows.value = first.name  # as by a click
        assert opened == [first.name]
        view.selected = "echo"
        search = view.children[0].children[0]
        assert isinstance(search, w.Text)
        search.value = "aaa"
        assert view.selected == "", "what the list shows no more is closed"
        view.selected = "echo"
        assert view.children[3].children[0].state == "Healthy", "but can be opened by name"
        search.value = ""
        assert view.selected == "echo"
        eventually(lambda: rows.value == "echo", "it is chosen in the list")
        echo.delete()
        eventually(lambda: view.selected == "" and rows.value is None, "a deleted one is chosen no more")
    first.delete()


def test_a_service_that_is_deleted_while_it_is_looked_at_is_told_as_deleted(
    echo: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = echo.workspace.deployer.refresh

    def too_late(name: str) -> object:
        echo.workspace.deployer.delete(name)
        return look(name)

    monkeypatch.setattr(echo.workspace.deployer, "refresh", too_late)
    assert echo.refresh().deleted is not None


def test_a_service_offers_its_views(echo: Service) -> None:
    bundle = echo._repr_mimebundle_()
    assert "%deploy panel echo" in bundle["text/html"]
    with closing(echo.show("logs")) as view:
        assert type(view).__name__ == "LogView"
    with closing(echo.show()) as panel:
        assert isinstance(panel, ServiceView)
