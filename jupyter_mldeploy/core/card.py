"""Cards: what a deployment, a failure, a plan or a service looks like, as one mimebundle for every frontend.

A bundle has ``application/vnd.mldeploy+json`` (:data:`VERSION`, ids and facts for programs), ``text/html`` and
``text/plain``. A saved card goes wherever its notebook goes, so it never holds a key: its code reads keys when it runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import DeploymentError, EntryScriptError, MldeployError
from .cards.glance import glance
from .cards.model import (
    Card,
    Lines,
    Note,
    Part,
    Table,
)
from .cards.parts import (
    duration,
    environment_lines,
    finding_data,
    finding_listings,
    finding_table,
    marked_line,
    model_data,
    model_facts,
    revision_table,
    script_lines,
    serious,
    service_data,
    service_facts,
    step_facts,
    tone,
    traceback_lines,
    user_frames,
    when,
)
from .cards.snippets import call_snippets

if TYPE_CHECKING:
    from .bundle import Bundle
    from .records import ServiceRecord
    from .request import Outcome, Plan
    from .service import Service

MIME = "application/vnd.mldeploy+json"
VERSION = 1

MimeBundle = dict[str, Any]

#: How many log lines a failure shows; the rest is in the service's log.
_LOG_LINES = 20


def mimebundle(card: Card) -> MimeBundle:
    """Return a card as a mimebundle."""
    from .cards.html import to_html
    from .cards.model import to_text

    return {
        MIME: {"version": VERSION, "kind": card.kind, **card.data},
        "text/html": to_html(card),
        "text/plain": to_text(card),
    }


def deployment_card(
    outcome: Outcome,
    bundle: Bundle | None = None,
    *,
    replaced: int | None = None,
    sample: object = None,
    notes: Sequence[str] = (),
    captured: str | None = None,
) -> MimeBundle:
    """Return the card of a deployment that reached its goal.

    Args:
        bundle: the revision's bundle; its models are listed.
        replaced: number of the revision that served before.
        sample: a request that the service takes, for the code to paste; None when none is known.
        notes: further sentences, for example where the script was saved.
        captured: the whole entry script where it was put together from several cells; shown folded.
    """
    service, revision = outcome.service, outcome.revision
    parts: list[Part] = [Note(text) for text in notes]
    parts += finding_table(serious(outcome.findings), folded=True)
    if captured is not None:
        parts.append(script_lines(captured))
    if service.scoring_uri:
        auth = bool(revision.config.get("auth_enabled", True))
        parts += call_snippets(service.name, service.scoring_uri, auth=auth, sample=sample)
    return mimebundle(
        Card(
            "deployment",
            f"{service.name} revision {revision.number}",
            str(service.state),
            tone(service.state),
            lead=f"Live after {duration(outcome.seconds)}"
            + (f", in place of revision {replaced}." if replaced is not None else "."),
            facts=(
                *service_facts(service),
                ("digest", revision.bundle),
                *_promotion(revision.facts),
                *model_facts(bundle),
                *step_facts(outcome.steps),
            ),
            parts=tuple(parts),
            data={
                **service_data(service),
                "revision": revision.number,
                "replaced": replaced,
                "digest": revision.bundle,
                "seconds": round(outcome.seconds, 3),
                "steps": [dict(step) for step in outcome.steps],
                "models": model_data(bundle),
                "findings": [finding_data(item) for item in outcome.findings],
            },
        )
    )


def _promotion(facts: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the row that says where a promoted revision's bytes came from."""
    source = facts.get("promoted_from")
    if not source:
        return ()
    return (("promoted from", f"{source['service']} revision {source['revision']}: the same digest, the same bytes"),)


def failure_card(
    name: str,
    error: MldeployError,
    *,
    service: ServiceRecord | None = None,
    revision: int | None = None,
    sources: Mapping[str, str] | None = None,
    undone: str = "Not deployed",
) -> MimeBundle:
    """Return the card of a deployment that did not reach its goal.

    Args:
        name: the service.
        error: what went wrong; its post-mortem, log lines and findings are shown.
        service: the service's record afterwards, or None when there is none.
        revision: number of the revision that failed, or None when it never had one.
        sources: display name of a cell or file, as tracebacks name it → its text, for marking the line.
        undone: the state to show when no revision was made.
    """
    verdict: Mapping[str, Any] = (error.postmortem if isinstance(error, DeploymentError) else None) or {}
    findings: Sequence[Mapping[str, Any]] = error.diagnostics if isinstance(error, EntryScriptError) else []
    if isinstance(error, DeploymentError):
        findings = serious(error.findings)
    live = service.live_revision if service is not None else None
    parts = _evidence(error, verdict, findings, sources or {})
    if error.hint:
        parts.append(Note(error.hint, "next"))
    title, state, badge = (name, undone, None) if revision is None else ("", "Failed", None)
    if service is not None and live is not None:
        if revision is not None:
            title, state, badge = f"{name} revision {live}", str(service.state), tone(service.state)
        if service.state == "Healthy" and "goes on serving" not in error.message:
            where = f" at {service.scoring_uri}" if service.scoring_uri else ""
            parts.append(Note(f"Revision {live} goes on serving{where}."))
    return mimebundle(
        Card(
            "failure",
            title,
            state,
            "bad",
            struck=f"{name} revision {revision}" if revision is not None else "",
            lead=error.message,
            facts=step_facts(error.steps) if isinstance(error, DeploymentError) else (),
            parts=tuple(parts),
            badge=badge,
            data={
                **(service_data(service) if service is not None else {"service": {"name": name}}),
                "failed_revision": revision,
                "live_revision": live,
                "error": {"code": error.code, "message": error.message, "hint": error.hint},
                "cause": verdict.get("code"),
                "where": verdict.get("where"),
                "findings": [finding_data(item) for item in findings],
            },
        )
    )


def _evidence(
    error: MldeployError,
    verdict: Mapping[str, Any],
    findings: Sequence[Mapping[str, Any]],
    sources: Mapping[str, str],
) -> list[Part]:
    """Return what led to the error: the marked line, the traceback, findings, model files, log lines."""
    frames = [frame for frame in verdict.get("traceback") or () if isinstance(frame, Mapping)]
    marked = marked_line(frames, sources)
    parts: list[Part] = [marked] if marked is not None else []
    if len(user_frames(frames)) > 1 or (frames and marked is None):
        parts.append(traceback_lines(frames, sources))
    if isinstance(error, DeploymentError):
        parts += finding_table(findings, folded=True)  # beside the point, until nothing else explains it
    else:
        parts += finding_listings(findings, sources)
        parts += finding_table(findings, folded=False) if len(findings) > 1 else []
    tree = tuple(str(path) for path in verdict.get("model_tree") or ())
    if tree and verdict.get("code") == "model-not-found":
        parts.append(Lines("files below AZUREML_MODEL_DIR", tree[:40]))
    tail = error.details.get("log_tail") or ()
    if tail:
        from .logs import redact

        parts.append(Lines("last log lines", tuple(redact(str(line)) for line in tail[-_LOG_LINES:])))
    return parts


def plan_card(plan: Plan, *, captured: str | None = None, notes: Sequence[str] = ()) -> MimeBundle:
    """Return the card of a plan: what would happen; nothing was created. For the rest see :func:`deployment_card`."""
    rows = tuple((step.action, step.what, step.detail) for step in plan.steps)
    pins = environment_lines(plan.environment)
    parts: list[Part] = [Table(("", "what", "detail"), rows)] if rows else []
    parts += [Note(text) for text in notes]
    parts += finding_table(serious(plan.findings), folded=False)
    if pins:
        parts.append(Lines(f"environment: {len(pins)} requirement{'s' * (len(pins) != 1)}", pins, folded=True))
    if captured is not None:
        parts.append(script_lines(captured, folded=False))
    return mimebundle(
        Card(
            "plan",
            f"{plan.service} revision {plan.revision}",
            "Plan",
            "idle",
            lead="Nothing was created. This would happen:",
            facts=(("target", plan.target), ("digest", plan.bundle)),
            parts=tuple(parts),
            data={
                "service": {"name": plan.service, "target": plan.target},
                "revision": plan.revision,
                "digest": plan.bundle,
                "steps": [{"action": step.action, "what": step.what, "detail": step.detail} for step in plan.steps],
                "findings": [finding_data(item) for item in plan.findings],
            },
        )
    )


def service_card(service: Service, *, notes: Sequence[str] = ()) -> MimeBundle:
    """Return the card of a service; see :func:`glance.glance` for how fresh its state is."""
    record, revisions = glance(service)
    live = record.live_in(revisions)
    state = "Deleted" if record.deleted is not None else str(record.state)
    data = service_data(record)
    data |= {
        "state": state,
        "revision": record.live_revision,
        "digest": live.bundle if live else None,
        "revisions": len(revisions),
    }
    parts: list[Part] = [Note(text) for text in notes]
    if len(revisions) > 1:
        parts.append(revision_table(revisions))
    if record.scoring_uri and record.deleted is None:
        auth = bool(live.config.get("auth_enabled", True)) if live else True
        parts += call_snippets(record.name, record.scoring_uri, auth=auth)
    number = f" revision {record.live_revision}" if record.live_revision is not None else ""
    return mimebundle(
        Card(
            "service",
            f"{record.name}{number}",
            state,
            "idle" if record.deleted is not None else tone(record.state),
            lead=record.reason or "",
            facts=(*service_facts(record), *((("digest", live.bundle),) if live else ())),
            parts=tuple(parts),
            data=data,
        )
    )


def services_table(services: Sequence[Service]) -> MimeBundle:
    """Return the card that lists services, as last settled."""
    records = [service.record for service in services]
    rows = tuple(
        (
            record.name,
            str(record.state),
            str(record.live_revision or "–"),
            record.target,
            record.scoring_uri or "–",
            when(record.updated),
            record.reason or "",
        )
        for record in records
    )
    count = f"{len(rows)} service{'s' * (len(rows) != 1)}" if rows else "no services"
    return mimebundle(
        Card(
            "services",
            count,
            "",
            "idle",
            lead="" if rows else "Put %%deploy NAME on the first line of a cell with init() and run().",
            parts=(
                (Table(("name", "state", "revision", "target", "scoring URI", "updated", "reason"), rows),)
                if rows
                else ()
            ),
            data={"services": [service_data(record)["service"] | {"state": str(record.state)} for record in records]},
        )
    )


def lint_card(
    findings: Sequence[Mapping[str, Any]], *, title: str = "entry script", source: str | None = None
) -> MimeBundle:
    """Return the card of lint findings (``Diagnostic.to_dict()``); with ``source`` the lines are shown."""
    errors = sum(item.get("severity") == "error" for item in findings)
    parts: list[Part] = finding_table(findings, folded=False)
    if source is not None:
        parts += finding_listings(findings, {title: source})
    return mimebundle(
        Card(
            "lint",
            title,
            f"{errors} error{'s' * (errors != 1)}" if errors else "OK",
            "bad" if errors else "good",
            lead=f"{len(findings)} finding{'s' * (len(findings) != 1)}." if findings else "No findings.",
            parts=tuple(parts),
            data={"findings": [finding_data(item) for item in findings]},
        )
    )


def progress_card(name: str, steps: Sequence[tuple[str, float]], message: str) -> MimeBundle:
    """Return the card of a deployment under way.

    Args:
        steps: the sub-steps that are done, with the seconds each took.
        message: what is being done now.
    """
    done = tuple((step, duration(seconds)) for step, seconds in steps)
    return mimebundle(
        Card(
            "progress",
            name,
            "Transitioning",
            "busy",
            lead=f"{message} …",
            facts=done,
            data={"service": {"name": name}, "step": message},
        )
    )
