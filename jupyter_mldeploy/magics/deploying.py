"""``%%deploy``: from a cell (or a file) to a live revision, and one card about how it went."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DeploymentError, InvalidInputError, MldeployError, NotFoundError
from .failures import quieten, sentence
from .surface import Surface, show, surface

if TYPE_CHECKING:
    from ..core.bundle import Bundle
    from ..core.deployargs import DeployOptions
    from ..core.records import ServiceRecord
    from ..core.request import Outcome, Request
    from ..core.target import Report
    from .scripts import Script
    from .session import Session


def deploy_cell(session: Session, line: str, cell: str) -> None:
    """Deploy a cell (or, with ``--from``, a file) and show the card.

    Raises:
        MldeployError: quietly, with the card of the failure.
        KeyboardInterrupt: quietly; what ran before still runs.
    """
    from ..core.deployargs import parse_deploy_line

    options = parse_deploy_line(line)
    attempt = Attempt(session, options.name, surface(session.shell, options.name, quiet=options.quiet))
    with attempt:
        _deploy(session, attempt, options, line, cell)


def plan_again(session: Session, line: str) -> None:
    """Show the plan for a file, or for the last cell deployed under a name, with the line's options on top."""
    from ..core.deployargs import parse_deploy_line, parse_deploy_words
    from ..core.deployrequest import overlay

    words = shlex.split(line)
    if not words or words[0].startswith("-"):
        words.insert(0, session.service().name)
    options = parse_deploy_words([*words, "--dry-run"])
    cell = ""
    if options.from_file is None:
        if options.name not in session.cells:
            raise InvalidInputError(
                f"No %%deploy cell of {options.name!r} ran in this session, so there is nothing to plan.",
                field="name",
                hint="Put --dry-run on the %%deploy line of a cell, or name a file with --from.",
            )
        line, cell = session.cells[options.name]
        options = overlay(parse_deploy_line(line), options)
    attempt = Attempt(session, options.name, surface(session.shell, options.name, quiet=True))
    with attempt:
        _deploy(session, attempt, options, line, cell)


def _deploy(session: Session, attempt: Attempt, options: DeployOptions, line: str, cell: str) -> None:
    from ..core.assemble import check
    from ..core.card import plan_card
    from ..core.deployrequest import prepare
    from .scripts import read_script

    if cell.strip():
        session.cells[options.name] = (line, cell)
    script = read_script(session, options, line, cell)
    attempt.texts = script.texts
    check(script.source, force=options.force)
    prepared = prepare(session.workspace.targets, options, script.source)
    request = _hand_over(session, script, prepared.request) if script.objects else prepared.request
    if script.made is not None:
        request = script.made.apply(request, session.workspace.targets.get(request.target))
    notes = [*script.notes, *prepared.notes]
    deployer = session.workspace.deployer
    if options.dry_run:
        show(session.shell, plan_card(deployer.plan(request), captured=script.whole, notes=notes))
        return
    if options.save is not None:
        notes.append(_save(options.save, script.source.text))
    outcome = attempt.run(lambda report: deployer.deploy(request, timeout_s=prepared.timeout_s, report=report))
    for which, key in prepared.keys.items():
        deployer.regenerate_key(options.name, which, key)
    attempt.succeeded(outcome, notes=notes, captured=script.whole)


class Attempt:
    """One try to change a service; as a context manager it turns failures into their card.

    Args:
        undone: the state to show when nothing was changed.
    """

    def __init__(self, session: Session, name: str, shown: Surface, *, undone: str = "Not deployed") -> None:
        self.texts: Mapping[str, str] = {}
        self._session = session
        self._name = name
        self._shown = shown
        self._undone = undone
        self._known: int | None = None
        self._live: int | None = None

    def run(self, act: Callable[[Report], Outcome]) -> Outcome:
        """Do it, reporting each step, and return what came of it."""
        record = self._record()
        if record is not None:
            numbers = [item.number for item in self._session.workspace.catalogue.revisions(record.uid)]
            self._known, self._live = max(numbers, default=0), record.live_revision
        else:
            self._known = 0
        return act(self._shown.step)

    def succeeded(self, outcome: Outcome, *, notes: list[str] | None = None, captured: str | None = None) -> None:
        """Show the card of a success."""
        from ..core.card import deployment_card

        self._session.last_service = outcome.service.name
        bundle = self._session.workspace.bundles.get(outcome.revision.bundle)
        sample = _sample(self._session, outcome.service, bundle)
        self._shown.show(
            deployment_card(outcome, bundle, replaced=self._live, sample=sample, notes=notes or (), captured=captured)
        )

    def __enter__(self) -> Attempt:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, MldeployError):
            quieten(error, self._failed(error))
        elif isinstance(error, KeyboardInterrupt):
            stopped = DeploymentError(f"The deployment of {self._name!r} was interrupted.")
            raise quieten(KeyboardInterrupt(stopped.message), self._failed(stopped)) from None

    def _failed(self, error: MldeployError) -> str:
        """Show the card of a failure where it has a place of its own; return what the error itself is to say."""
        from ..core.card import failure_card

        record = self._record()
        number = None
        if record is not None and self._known is not None:
            newest = self._session.workspace.catalogue.revisions(record.uid)[-1:]
            number = next((item.number for item in newest if item.number > (self._known or 0)), None)
        bundle = failure_card(
            self._name, error, service=record, revision=number, sources=self.texts, undone=self._undone
        )
        if self._shown.shows_failures:
            self._shown.show(bundle)
            return sentence(error)
        return str(bundle["text/plain"])

    def _record(self) -> ServiceRecord | None:
        try:
            return self._session.workspace.catalogue.service(self._name)
        except NotFoundError:
            return None


def _hand_over(session: Session, script: Script, request: Request) -> Request:
    """Return the request with the objects that the script restores, as models, and what restoring them needs."""
    from ..core.environments.pip_requirements import requirement_name
    from ..core.objects import hand_over

    workspace = session.workspace
    given = [hand_over(session.shell.user_ns[name], name, workspace.models, workspace.store) for name in script.objects]
    asked = {requirement_name(item) for item in request.pip}
    needed = dict.fromkeys(item for found in given for item in found.requirements)
    # An environment that was named is complete by its author's word; the captured one knows only the script's imports.
    more = [] if request.environment is not None else [item for item in needed if requirement_name(item) not in asked]
    return replace(request, models=[*(item.model for item in given), *request.models], pip=[*request.pip, *more])


def _save(path: str, text: str) -> str:
    file = Path(path).expanduser()
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInputError(f"The script cannot be saved to {path!r}: {error.strerror}.", field="--save") from None
    return f"The script was saved to {path}."


def _sample(session: Session, record: ServiceRecord, bundle: Bundle) -> Any:
    """Return the sample of a service with a schema, for the code to paste; nothing is asked over a network."""
    from ..core.cards.glance import is_near
    from ..core.entryscript import read_entry_script
    from ..core.probe import sample

    service = session.service(record.name)
    if not (record.scoring_uri or "").startswith("http") or not is_near(service):
        return None
    if not read_entry_script(session.workspace.bundles.read_text(bundle, bundle.entry_script)).schemas:
        return None
    with suppress(MldeployError):
        return sample(service)
    return None
