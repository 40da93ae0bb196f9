"""The pieces that several cards share: facts of services and models, findings, steps, the marked line of a cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from ..storage.failures import human_size
from .model import (
    Lines,
    Listing,
    Part,
    Table,
    Tone,
    excerpt,
)

if TYPE_CHECKING:
    from ..bundle import Bundle
    from ..bundles.format import BundleModel
    from ..records import RevisionRecord, ServiceRecord

_TONES: Mapping[str, Tone] = {
    "Healthy": "good",
    "Transitioning": "busy",
    "Deleting": "busy",
    "Unhealthy": "bad",
    "Unschedulable": "bad",
    "Failed": "bad",
}
_LIBRARY = ("site-packages", "/lib/python", "<frozen ")


def tone(state: str) -> Tone:
    """Return how a service's state looks."""
    return _TONES.get(str(state), "idle")


def when(epoch: float) -> str:
    """Return epoch seconds as local time, to the second."""
    return datetime.fromtimestamp(epoch).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float) -> str:
    """Return seconds for people: ``38 ms``, ``1.24 s``, ``2 min 05 s``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"


def service_facts(record: ServiceRecord) -> tuple[tuple[str, str], ...]:
    """Return what every card about a service shows."""
    facts = [("target", record.target)]
    if record.scoring_uri:
        facts.append(("scoring URI", record.scoring_uri))
    if record.description:
        facts.append(("description", record.description))
    if record.tags:
        facts.append(("tags", ", ".join(f"{key}={value}" for key, value in record.tags.items())))
    return tuple(facts)


def service_data(record: ServiceRecord) -> dict[str, Any]:
    """Return the same for programs."""
    return {
        "service": {"uid": record.uid, "name": record.name, "target": record.target},
        "state": str(record.state),
        "scoring_uri": record.scoring_uri,
        "updated": record.updated,
    }


def model_facts(bundle: Bundle | None) -> tuple[tuple[str, str], ...]:
    """Return one fact for each model of a bundle: id and digest."""
    if bundle is None:
        return ()
    return tuple(
        ("model", f"{_model_id(model)}  {human_size(model.size)}  {model.tree.digest[:19]}…") for model in bundle.models
    )


def model_data(bundle: Bundle | None) -> list[dict[str, Any]]:
    """Return the models of a bundle for programs."""
    if bundle is None:
        return []
    return [
        {"name": model.name, "version": model.version, "size": model.size, "digest": model.tree.digest}
        for model in bundle.models
    ]


def _model_id(model: BundleModel) -> str:
    return model.id if model.version else f"{model.name} (not registered)"


def revision_table(revisions: Sequence[RevisionRecord], *, folded: bool = True) -> Table:
    """Return the revisions of a service, the newest first."""
    rows = tuple(
        (
            str(item.number),
            str(item.state),
            item.bundle[:19],
            when(item.created),
            _origin(item),
            _short(item.reason or ""),
        )
        for item in reversed(revisions)
    )
    headers = ("revision", "state", "digest", "created", "from", "reason")
    return Table(headers, rows, label=f"{len(rows)} revisions" if folded else "", folded=folded)


def step_facts(steps: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Return the sub-steps of a deployment with the time each took, as one fact; none without steps."""
    seconds: dict[str, float] = {}
    for step in steps:
        seconds[str(step["step"])] = seconds.get(str(step["step"]), 0.0) + float(step["seconds"])
    shown = " · ".join(f"{name} {duration(time)}" for name, time in seconds.items())
    return (("steps", shown),) if shown else ()


def finding_data(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a lint finding for programs; of its fixes the titles: a check of the text tells what they edit now."""
    data = {key: item.get(key) for key in ("code", "severity", "message", "line", "column", "path", "cell_id")}
    return {**data, "fixes": [str(fix["title"]) for fix in item.get("fixes") or ()]}


def serious(findings: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the findings that a deployment should mention: errors and warnings, not hints about style."""
    return [item for item in findings if item.get("severity") in {"error", "warning"}]


def finding_table(findings: Sequence[Mapping[str, Any]], *, folded: bool) -> list[Part]:
    """Return lint findings as a table, or nothing when there are none."""
    if not findings:
        return []
    rows = tuple(
        (str(item.get("severity", "")), str(item.get("code", "")), str(item.get("line", "")), str(item["message"]))
        for item in findings
    )
    count = f"{len(rows)} finding{'s' * (len(rows) != 1)} in the entry script"
    return [Table(("", "code", "line", "finding"), rows, label=count, folded=folded)]


def finding_listings(findings: Sequence[Mapping[str, Any]], sources: Mapping[str, str]) -> list[Part]:
    """Return the lines that findings are about, each once."""
    shown: dict[tuple[str, int], Part] = {}
    for item in findings:
        line = item.get("line")
        place = next((name for name in (item.get("cell_id"), item.get("path")) if name in sources), None)
        if place is None and len(sources) == 1:
            place = next(iter(sources))
        if place is None or not isinstance(line, int):
            continue
        listing = excerpt(f"{place}, line {line}", sources[place], line)
        if listing is not None:
            shown.setdefault((place, line), listing)
    return list(shown.values())


def user_frames(frames: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the frames of a traceback that lie in the user's code, outermost first."""
    return [frame for frame in frames if not any(mark in str(frame.get("file", "")) for mark in _LIBRARY)]


def marked_line(frames: Sequence[Mapping[str, Any]], sources: Mapping[str, str]) -> Listing | None:
    """Return the lines around the innermost frame of the user's code, that frame's line marked."""
    for frame in reversed(user_frames(frames)):
        name, line = _shown_file(frame, sources), int(frame.get("line") or 0)
        label = f"{name}, line {line}" + (f", in {frame['function']}" if frame.get("function") else "")
        if name in sources:
            found = excerpt(label, sources[name], line)
            if found is not None:
                return found
        elif frame.get("text"):
            return Listing(label, ((line, str(frame["text"])),), frozenset({line}))
    return None


def traceback_lines(frames: Sequence[Mapping[str, Any]], sources: Mapping[str, str]) -> Lines:
    """Return a traceback as lines, the user's frames only."""
    shown = user_frames(frames) or list(frames)
    return Lines(
        "traceback",
        tuple(
            f"{_shown_file(frame, sources)} line {frame.get('line')}, in {frame.get('function')}"
            + (f": {str(frame['text']).strip()}" if frame.get("text") else "")
            for frame in shown
        ),
    )


def _shown_file(frame: Mapping[str, Any], sources: Mapping[str, str]) -> str:
    """Return the name of a frame's file as its user knows it: a service has its script in a directory of its own."""
    file = str(frame.get("file", ""))
    return next((name for name in sources if file.endswith(f"/app/{name}")), file)


def _short(text: str, longest: int = 160) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _origin(revision: RevisionRecord) -> str:
    origin = revision.origin
    if revision.facts.get("rollback_of"):
        return f"revision {revision.facts['rollback_of']}"
    if origin.execution_count is not None:
        return f"In[{origin.execution_count}]" + (f" of {PurePath(origin.notebook).name}" if origin.notebook else "")
    return origin.path or origin.notebook or ""


def script_lines(text: str, *, folded: bool = True) -> Lines:
    """Return an entry script with its line numbers."""
    lines = text.rstrip("\n").split("\n")
    width = len(str(len(lines)))
    numbered = tuple(f"{number:>{width}} │ {line}" for number, line in enumerate(lines, 1))
    return Lines("the entry script, as it was put together from the cells", numbered, folded=folded)


def environment_lines(environment: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the requirements of an environment specification, one a line."""
    conda = environment.get("conda") or ()
    return tuple(str(item) for item in (*conda, *(environment.get("pip") or ())) if isinstance(item, str))
