"""Cards: what they say, that they escape everything, and that they never hold a key."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.card import (
    MIME,
    VERSION,
    deployment_card,
    failure_card,
    lint_card,
    plan_card,
    progress_card,
    service_card,
    services_table,
)
from jupyter_mldeploy.core.cards.glance import glance
from jupyter_mldeploy.core.cards.html import to_html
from jupyter_mldeploy.core.cards.model import (
    Card,
    clean,
    excerpt,
    to_text,
)
from jupyter_mldeploy.core.cards.parts import duration
from jupyter_mldeploy.core.cards.snippets import call_snippets
from jupyter_mldeploy.core.records import (
    Origin,
    RevisionRecord,
    RevisionState,
    ServiceRecord,
    State,
)
from jupyter_mldeploy.core.request import Outcome, Plan
from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.target import PlanStep
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import DeploymentError, EntryScriptError, InvalidInputError
from tests.core.memory_target import memory_targets
from tests.patience import FACTOR

EVIL = "<script>alert(1)</script>\"' onload=x"
CELL = """\
%%deploy diabetes
import joblib
def init():
    global model
    model = joblib.load('nope.pkl')


def run(data):
    return 1
"""

RECORD = ServiceRecord(
    uid="a" * 32,
    name="diabetes",
    target="local",
    state=State.HEALTHY,
    reason=None,
    live_revision=3,
    scoring_uri="http://127.0.0.1:40321/score",
    created=1_700_000_000.0,
    updated=1_700_000_100.0,
)
REVISION = RevisionRecord("a" * 32, 3, "sha256:" + "0" * 64, {}, RevisionState.LIVE, None, 1_700_000_000.0, Origin())
STEPS = [{"step": "check", "seconds": 0.031}, {"step": "start", "seconds": 1.2}]
FINDING = {
    "code": "MLD301",
    "severity": "warning",
    "message": "The model is loaded in run().",
    "line": 5,
    "column": 0,
    "path": "cell In[4]",
    "cell_id": None,
}


class Page(HTMLParser):
    """Collects tags, attributes and text, and checks that tags are closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.text += data


def outcome(**changes: Any) -> Outcome:
    return Outcome(replace(RECORD, **changes), REVISION, STEPS, [FINDING])


def failed(**values: Any) -> DeploymentError:
    verdict = {
        "code": "model-not-found",
        "cause": "the file 'nope.pkl' is not there",
        "fix": "Join AZUREML_MODEL_DIR with one of these paths.",
        "where": "cell In[4] line 5",
        "stage": "init",
        "exception": "FileNotFoundError: [Errno 2] No such file or directory: 'nope.pkl'",
        "traceback": [
            {"file": "cell In[4]", "line": 5, "function": "init", "text": "model = joblib.load('nope.pkl')"},
            {"file": "/usr/lib/python3/site-packages/joblib/x.py", "line": 9, "function": "load", "text": "open()"},
        ],
        "model_tree": ["ridge.pkl"],
    }
    return DeploymentError(
        "Revision 4 of 'diabetes' failed in init(): The file 'nope.pkl' is not there.",
        hint="Join AZUREML_MODEL_DIR with one of these paths.",
        postmortem=verdict,
        log_tail=["starting", "password=hunter2hunter2", "\x1b[31mboom\x1b[0m"],
        steps=STEPS,
        **values,
    )


def every_card() -> list[dict[str, Any]]:
    """Return one card of each kind, with hostile text wherever text can come from outside."""
    record = replace(RECORD, name=EVIL, reason=EVIL, tags={EVIL: EVIL}, description=EVIL, scoring_uri="http://" + EVIL)
    revision = replace(REVISION, reason=EVIL, origin=Origin(EVIL, EVIL, 3, EVIL))
    finding = {**FINDING, "message": EVIL, "code": EVIL, "path": EVIL}
    error = failed()
    error.message = EVIL
    error.hint = EVIL
    error.details["log_tail"] = [EVIL]
    error.postmortem = {**(error.postmortem or {}), "model_tree": [EVIL]}
    plan = Plan(EVIL, EVIL, 1, EVIL, [PlanStep("create", EVIL, EVIL)], [finding], {"pip": [EVIL]})
    done = Outcome(record, revision, [{"step": EVIL, "seconds": 1}], [finding])
    return [
        deployment_card(done, sample={EVIL: EVIL}, notes=[EVIL], captured=EVIL),
        failure_card(EVIL, error, service=record, revision=4, sources={"cell In[4]": EVIL * 5 + "\n" * 9}),
        failure_card(EVIL, EntryScriptError(EVIL, diagnostics=[finding, finding]), sources={EVIL: f"{EVIL}\n" * 9}),
        plan_card(plan, captured=EVIL, notes=[EVIL]),
        lint_card([finding], title=EVIL, source=f"{EVIL}\n" * 9),
        progress_card(EVIL, [(EVIL, 1.0)], EVIL),
    ]


@pytest.mark.parametrize("card", every_card(), ids=lambda card: card[MIME]["kind"])
def test_everything_is_escaped_and_nothing_comes_from_outside(card: dict[str, Any]) -> None:
    page = Page(card["text/html"])
    assert set(page.tags) <= {
        "style", "section", "header", "del", "strong", "span", "p", "dl", "dt", "dd", "code", "pre", "details",
        "summary", "table", "thead", "tbody", "tr", "th", "td", "mark", "a",
    }  # fmt: skip
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in {"src", "style"}]
    assert "<script>alert(1)</script>" in page.text
    assert "url(" not in card["text/html"]
    assert "@import" not in card["text/html"]
    assert all(value.startswith("http") for name, value in page.attributes if name == "href" and value)
    assert card[MIME]["version"] == VERSION
    json.dumps(card)


def test_links_are_addresses_only() -> None:
    for link in ("javascript:alert(1)", "http://x y", "data:text/html,x", "http://[", "https://", EVIL):
        assert "a" not in Page(to_html(Card("open", "svc", "", "idle", link=link))).tags, link
    page = Page(to_html(Card("open", "svc", "", "idle", link="http://127.0.0.1:40321/docs?a=1&b=2")))
    assert ("href", "http://127.0.0.1:40321/docs?a=1&b=2") in page.attributes
    assert "a" not in Page(deployment_card(outcome())["text/html"]).tags, "a browser cannot POST to the scoring URI"


def test_a_deployment_card_has_all_that_is_needed_to_use_it() -> None:
    card = deployment_card(outcome(), replaced=2, sample={"data": [[1.5]]})
    text = card["text/plain"]
    assert text.startswith("diabetes revision 3: Healthy")
    assert "in place of revision 2" in text
    assert "http://127.0.0.1:40321/score" in text
    assert REVISION.bundle in text
    assert "31 ms" in text
    assert "1.20 s" in text
    assert "MLD301" in text
    assert "Workspace().service('diabetes').score({'data': [[1.5]]})" in text
    assert "$(mldeploy keys diabetes --primary)" in text
    data = card[MIME]
    assert data["kind"] == "deployment"
    assert data["service"] == {"uid": "a" * 32, "name": "diabetes", "target": "local"}
    assert (data["revision"], data["replaced"], data["seconds"]) == (3, 2, 1.231)


def test_a_failure_card_marks_the_line_and_says_what_goes_on() -> None:
    card = failure_card("diabetes", failed(), service=RECORD, revision=4, sources={"cell In[4]": CELL})
    text = card["text/plain"]
    assert text.splitlines()[0] == "diabetes revision 4 did not go live — diabetes revision 3: Healthy"
    assert "▶ 5 │     model = joblib.load('nope.pkl')" in text
    assert "  3 │ def init():" in text
    assert "Revision 3 goes on serving at http://127.0.0.1:40321/score." in text
    assert "next: Join AZUREML_MODEL_DIR" in text
    assert "ridge.pkl" in text
    assert "boom" in text
    assert "\x1b" not in text
    assert "hunter2" not in text, "what looks like a credential does not get into a saved output"
    html = card["text/html"]
    assert "<del>diabetes revision 4</del>" in html
    assert re.search(r"<mark>[^<]*joblib\.load", html)
    assert card[MIME]["where"] == "cell In[4] line 5"
    assert card[MIME]["live_revision"] == 3
    assert card[MIME]["failed_revision"] == 4
    assert card[MIME]["error"]["code"] == "deployment_failed"


def test_a_failure_before_anything_was_created() -> None:
    card = failure_card("diabetes", InvalidInputError("There is no model 'x'.", hint="Register it."))
    assert card["text/plain"] == "diabetes: Not deployed\n  There is no model 'x'.\n  next: Register it."
    assert "<del>" not in card["text/html"]


def test_a_stopped_service_is_not_said_to_serve() -> None:
    record = replace(RECORD, state=State.STOPPED)
    for revision in (None, 4):
        card = failure_card("diabetes", InvalidInputError("No."), service=record, revision=revision)
        assert "goes on" not in card["text/plain"]


def test_a_first_deployment_that_fails_has_nothing_that_goes_on() -> None:
    record = replace(RECORD, live_revision=None, state=State.FAILED, scoring_uri=None)
    text = failure_card("diabetes", failed(), service=record, revision=1)["text/plain"]
    assert text.startswith("diabetes revision 1 did not go live: Failed")
    assert "goes on" not in text


def test_the_line_of_a_file_is_found_where_the_service_laid_it_out() -> None:
    error = failed()
    error.postmortem = {"traceback": [{"file": "/somewhere/4/app/score.py", "line": 5, "function": "init"}]}
    text = failure_card("diabetes", error, revision=4, sources={"score.py": CELL})["text/plain"]
    assert "score.py, line 5, in init" in text
    assert "▶ 5" in text


def test_lint_findings_show_their_lines() -> None:
    finding = {**FINDING, "severity": "error"}
    error = EntryScriptError("The entry script cannot work.", diagnostics=[finding], hint="Nothing was deployed.")
    text = failure_card("diabetes", error, sources={"cell In[4]": CELL})["text/plain"]
    assert "▶ 5 │     model" in text
    lint = lint_card([finding], title="cell In[4]", source=CELL)["text/plain"]
    assert "1 error" in lint.splitlines()[0]
    assert "▶ 5 │     model" in lint
    assert "OK" in lint_card([])["text/plain"].splitlines()[0]


def test_excerpts_stay_inside_the_source() -> None:
    assert excerpt("x", "a\nb", 3) is None
    assert excerpt("x", "a\nb", 0) is None
    listing = excerpt("x", "\n\na\n\n\n\n", 3)
    assert listing is not None
    assert listing.lines == ((3, "a"),)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\rb\x07", "a\ufffdb\ufffd"),
        ("a\u202eb", "a\ufffdb"),
        ("tab\tline\n", "tab\tline\n"),
    ],
)
def test_control_characters_reach_no_terminal(text: str, shown: str) -> None:
    assert clean(text) == shown
    assert "\x1b" not in to_text(Card("x", text, text, "idle", lead=text, facts=((text, text),)))


def test_snippets_never_hold_a_key_and_survive_hostile_names() -> None:
    python, curl = call_snippets(
        "svc", "http://h/score?a='b'", auth=False, sample={"text": "it's", "x": None, "y": True}
    )
    assert "Authorization" not in curl.text
    compile(python.text, "snippet", "exec")
    assert "'x': None, 'y': True" in python.text
    nan = call_snippets("svc", "http://h/score", auth=True, sample=[float("nan")])[0].text
    compile(nan, "snippet", "exec")
    assert "'[NaN]'" in nan
    long = call_snippets("svc", "http://h/score", auth=True, sample=list(range(1000)))
    assert "{...}" in long[0].text
    assert "@request.json" in long[1].text


@pytest.mark.parametrize(("seconds", "text"), [(0.0384, "38 ms"), (1.236, "1.24 s"), (125.4, "2 min 05 s")])
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


# Cards of services that exist.


@pytest.fixture
def service(tmp_path: Path) -> Service:
    (tmp_path / "score.py").write_text("def init():\n    pass\n\n\ndef run(data):\n    return data\n")
    (tmp_path / "weights.bin").write_bytes(b"12345")
    workspace = Workspace(tmp_path / "home", targets=memory_targets())
    return workspace.deploy("svc", tmp_path / "score.py", models=[tmp_path / "weights.bin"], target="memory")


def test_a_service_shows_itself_without_its_keys(service: Service) -> None:
    keys = service.keys()
    service.update(config={"size": 2})
    for bundle in (service._repr_mimebundle_(), services_table([service]), service_card(service)):
        assert not [key for key in keys if key in json.dumps(bundle)]
    bundle = service_card(service)
    assert bundle["text/plain"].startswith("svc revision 2: Healthy")
    assert "2 revisions" in bundle["text/plain"]
    assert bundle[MIME]["service"]["name"] == "svc"
    table = services_table([service])["text/plain"]
    assert "svc" in table
    assert "Healthy" in table
    assert services_table([])["text/plain"].startswith("no services")


def test_the_models_of_a_bundle_are_listed_with_their_digest(service: Service) -> None:
    record, (revision,) = service.record, service.revisions()
    bundle = service.workspace.bundles.get(revision.bundle)
    card = deployment_card(Outcome(record, revision, STEPS), bundle)
    (model,) = card[MIME]["models"]
    assert model["name"] == "weights.bin"
    assert model["size"] == 5
    assert model["digest"][:19] in card["text/plain"]


def test_a_deleted_service_still_has_a_card(service: Service) -> None:
    service.delete()
    bundle = service_card(service)
    assert "Deleted" in bundle["text/plain"].splitlines()[0]
    assert "curl" not in bundle["text/plain"]


def test_a_slow_target_does_not_hold_up_a_card(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    release = threading.Event()
    monkeypatch.setattr(type(service), "refresh", lambda self: release.wait(30 * FACTOR))
    record, revisions = glance(service, budget_s=0.01)
    release.set()
    assert record.name == "svc"
    assert len(revisions) == 1


def test_a_plan_says_that_nothing_was_created(tmp_path: Path, service: Service) -> None:
    request = service.workspace.request("new", tmp_path / "score.py", target="memory")
    bundle = plan_card(service.workspace.deployer.plan(request))
    assert "Nothing was created" in bundle["text/plain"]
    assert "create" in bundle["text/plain"]
    assert bundle[MIME]["digest"].startswith("sha256:")


def test_findings_of_the_script_that_failed_stand_in_the_card_with_the_titles_of_their_fixes() -> None:
    error = failed()
    style = {**FINDING, "severity": "hint", "message": "A matter of style."}
    error.found([{**FINDING, "fixes": [{"title": "Load it in init()", "safe": False, "edits": []}]}, style])
    assert [item["severity"] for item in error.to_dict()["details"]["findings"]] == ["warning", "hint"]
    card = failure_card("diabetes", error, service=RECORD, revision=4, sources={"cell In[4]": CELL})
    (shown,) = card[MIME]["findings"]
    assert shown == {**FINDING, "fixes": ["Load it in init()"]}
    assert "1 finding in the entry script" in Page(card["text/html"]).text
    assert "A matter of style" not in card["text/html"]
