"""What the verbs of ``%deploy`` do: a few lines each, over the core."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..core.views import open_view
from ..errors import ConflictError, InvalidInputError, NotSupportedError, TargetUnavailableError
from .deploying import Attempt, deploy_cell, plan_again
from .failures import as_sentences
from .probing import run_adopt, run_profile, run_record, run_replay
from .surface import is_watched, show, surface
from .verbs import VERBS, find_verb, manual

if TYPE_CHECKING:
    from ..core.cards.model import Card
    from ..core.records import RevisionRecord
    from ..core.service import Service
    from .session import Session

_LOG_LINES = 100


def run_command(session: Session, line: str) -> Any:
    """Run one ``%deploy`` line and return what it gives, if it gives something.

    Raises:
        MldeployError: quietly, see ``failures``.
    """
    with as_sentences():
        word, _, rest = line.strip().partition(" ")
        if not word or word in {"-h", "--help", "help"}:
            _print(manual())
            return None
        if word not in VERBS and "--from" in rest:
            return deploy_cell(session, line, "")
        verb = find_verb(word)
        if rest.strip() in {"-h", "--help"}:
            _print(verb.manual())
            return None
        if verb.usage:
            return _RAW[verb.name](session, rest.strip())
        return _RUN[verb.name](session, **vars(verb.parse(rest)))


def _list(session: Session) -> None:
    from ..core.card import services_table

    show(session.shell, services_table(session.workspace.services()))


def _status(session: Session, name: str | None) -> None:
    from ..core.card import service_card

    service = session.service(name, deleted=name is not None)
    service.refresh()
    show(session.shell, service_card(service))


def _logs(session: Session, name: str | None, follow: bool, live: bool, lines: int | None) -> Any:
    service = session.service(name, deleted=name is not None)
    limit = lines or _LOG_LINES
    in_kernel = getattr(session.shell, "kernel", None) is not None
    unattended = in_kernel and not is_watched(session.shell)
    if live:
        _require_notebook(session)
        return open_view("logs", service)
    if follow and not unattended:
        with suppress(KeyboardInterrupt):  # the way to end it
            for text in service.logs(follow=True, limit=limit):
                _print(text)
        return None
    shown, _ = service.log_lines(limit=limit)
    for line in shown:
        _print(line.text)
    if not shown:
        _print(f"The log of {service.name} is empty.")
    if follow:
        _print("(not following the log: nobody could interrupt this cell)")
    return None


def _keys(session: Session, name: str | None, regenerate: str | None) -> Any:
    service = session.service(name)
    target = session.workspace.targets.get(service.record.target)
    target.capabilities.require(target.name, "key_auth")
    live = service.record.live_in(service.revisions())
    if live is not None and live.config.get("auth_enabled") is False:
        _print(f"{service.name} runs without authentication: its keys are not asked for.")
    if regenerate:
        service.regenerate_key(regenerate)
        _print(f"The {regenerate} key of {service.name} was changed; the other one goes on working.")
    return service.keys()


def _rollback(session: Session, name: str | None, to: int | None) -> None:
    service = session.service(name)
    shown = surface(session.shell, service.name)
    with Attempt(session, service.name, shown, undone="Not rolled back") as attempt:
        outcome = attempt.run(lambda report: session.workspace.deployer.rollback(service.name, to, report=report))
        attempt.succeeded(outcome)


def _start(session: Session, name: str | None) -> None:
    from ..core.card import service_card

    service = session.service(name)
    shown = surface(session.shell, service.name)
    with Attempt(session, service.name, shown, undone="Not started"):
        service.start(report=shown.step)
        shown.show(service_card(service))


def _stop(session: Session, name: str | None) -> None:
    service = session.service(name).stop()
    _print(f"{service.name} is stopped; `%deploy start {service.name}` brings it back.")


def _delete(session: Session, name: str, force: bool) -> None:
    from ..core.service import Service

    service = Service(session.workspace, name)
    was_there = service.record.deleted is None
    remark = service.delete(force=force)
    session.forget(name)
    if remark is not None:
        _print(remark)
        return
    _print(f"{name} {'is deleted' if was_there else 'had been deleted before'}; its log can still be read.")


def _open(session: Session, name: str | None) -> None:
    service = session.service(name)
    uri = service.scoring_uri
    if uri is None or service.record.deleted is not None:
        raise TargetUnavailableError(f"Nothing listens for {service.name!r}.", hint="Start or deploy it first.")
    address = f"{uri.removesuffix('/score')}/docs"
    from ..core.cards.model import Card

    _show_card(session, Card("open", service.name, "", "idle", link=address, data={"address": address}))


def _form(session: Session) -> Any:
    _require_notebook(session)
    return open_view("form", session.workspace)


def _panel(session: Session, name: str | None) -> Any:
    _require_notebook(session)
    return open_view("services", session.workspace) if name is None else open_view("panel", session.service(name))


def _require_notebook(session: Session) -> None:
    if getattr(session.shell, "kernel", None) is None:
        raise NotSupportedError("Live views need a notebook.", hint="`%deploy status` and `%deploy logs` work here.")


def _record(session: Session, **options: Any) -> None:
    _print(run_record(session, **options))


def _replay(session: Session, **options: Any) -> Any:
    options["source"] = options.pop("from")
    return run_replay(session, **options)


def _adopt(session: Session, **options: Any) -> None:
    for line in run_adopt(session, **options):
        _print(line)


def _revisions(session: Session, name: str | None) -> None:
    from ..core.cards.parts import revision_table

    service = session.service(name, deleted=name is not None)
    revisions = service.revisions()
    live = service.revision
    facts = (("live", str(live)),) if live is not None else ()
    table = revision_table(revisions, folded=False)
    numbers = [{"number": item.number, "state": str(item.state), "digest": item.bundle} for item in revisions]
    _show_card(session, _card("revisions", service.name, facts=facts, parts=(table,), live=live, revisions=numbers))


def _events(session: Session, name: str | None, lines: int | None) -> None:
    from ..core.cards.model import Table
    from ..core.cards.parts import when

    service = session.service(name, deleted=name is not None)
    events = service.events()[-(lines or 50) :]
    rows = tuple((when(event.time), event.kind, event.message) for event in events)
    data = [event.to_dict() for event in events]
    _show_card(session, _card("events", service.name, parts=(Table(("time", "kind", "what"), rows),), events=data))


def _test(session: Session, rest: str) -> Any:
    from .payloads import read_payload, split_name

    name, text = split_name(rest)
    payload = read_payload(text, session.shell.user_ns)
    service = session.service(name)
    answer = service.request(payload)
    if answer.ok:
        _print(f"{answer.status} in {answer.seconds * 1000:.1f} ms")
    return answer.result()


def _diff(session: Session, rest: str) -> None:
    words = rest.split()
    name = words.pop(0) if words and not words[0].isdecimal() else None
    if len(words) > 2 or not all(word.isdecimal() for word in words):
        raise InvalidInputError(
            f"%deploy diff takes a name and up to two revisions, not {rest!r}.", hint=find_verb("diff").synopsis()
        )
    service = session.service(name, deleted=name is not None)
    numbers = [int(word) for word in words]
    old, new = (*numbers, None, None)[:2]
    if old is None:
        old = _before_live(service, service.revisions())
    from ..core.cards.model import Lines

    found = service.diff(old, new)
    title = f"{service.name} revisions {old} → {new if new is not None else service.revision}"
    lines = Lines("", tuple(str(found).split("\n")))
    _show_card(session, _card("diff", title, parts=(lines,), diff=found.to_dict()))


def _before_live(service: Service, revisions: list[RevisionRecord]) -> int:
    live = service.revision
    earlier = [
        item.number for item in revisions if live is not None and item.number < live and item.state == "superseded"
    ]
    if not earlier:
        raise ConflictError(
            f"{service.name!r} has no earlier revision to compare with.",
            hint=f"`%deploy revisions {service.name}` lists them.",
        )
    return earlier[-1]


def _plan(session: Session, rest: str) -> None:
    plan_again(session, rest)


def _card(kind: str, title: str, *, facts: Any = (), parts: Any = (), **data: Any) -> Card:
    from ..core.cards.model import Card

    return Card(kind, title, "", "idle", facts=facts, parts=parts, data=data)


def _show_card(session: Session, card: Card) -> None:
    from ..core.card import mimebundle

    show(session.shell, mimebundle(card))


def _print(text: str) -> None:
    from ..core.cards.model import clean

    print(clean(text), flush=True)  # noqa: T201  what a line magic says goes to stdout


_RUN: dict[str, Callable[..., Any]] = {
    "list": _list,
    "status": _status,
    "logs": _logs,
    "keys": _keys,
    "rollback": _rollback,
    "revisions": _revisions,
    "events": _events,
    "profile": run_profile,
    "record": _record,
    "replay": _replay,
    "adopt": _adopt,
    "stop": _stop,
    "start": _start,
    "delete": _delete,
    "open": _open,
    "form": _form,
    "panel": _panel,
}
_RAW: dict[str, Callable[[Session, str], Any]] = {"test": _test, "diff": _diff, "plan": _plan}
