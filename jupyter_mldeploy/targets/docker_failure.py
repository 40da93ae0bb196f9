"""From a container that ended, or did not come to life, to a sentence that explains it and an error with evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..core.postmortem import Verdict, explain
from ..core.records import State
from ..core.target import Job, Observation, Progress
from ..errors import DeadlineExceededError, DeploymentError
from .container_failure import KILLED, evidence, messages, says_out_of_memory
from .docker_config import DockerConfig

_TAIL = 60


def verdict_of(lines: Sequence[str], state: Mapping[str, Any], memory_gb: float | None) -> Verdict:
    """Return the most likely cause of a container's end.

    Args:
        lines: its last log lines, as it wrote them.
        state: the engine's ``State`` of it.
    """
    code = _code(state)
    hit = bool(state.get("OOMKilled")) or (code == KILLED and says_out_of_memory(lines))
    found = evidence(lines, exit_code=code, out_of_memory=hit, memory_limit_gb=memory_gb)
    if code == KILLED and not hit and found.exception is None:
        return Verdict(
            "killed",
            "it was killed (SIGKILL) from outside; its memory limit was not hit",
            "Start it again; if nobody killed it, look whether the engine's machine ran out of memory.",
        )
    return explain(found)


def _code(state: Mapping[str, Any]) -> int | None:
    """Return the exit code; None while the container runs, when the engine's number says nothing."""
    return None if state.get("Running") and not state.get("Restarting") else int(state.get("ExitCode") or 0)


def how_it_ended(state: Mapping[str, Any], verdict: Verdict) -> str:
    """Return one sentence: the exit code, and the cause.

    >>> how_it_ended({"ExitCode": 3}, Verdict("exception", "calling init() raised KeyError: 'a'", ""))
    "exit code 3: calling init() raised KeyError: 'a'"
    """
    code = _code(state)
    where = f" ({verdict.where})" if verdict.where else ""
    return f"{f'exit code {code}: ' if code is not None else ''}{verdict.cause}{where}"


def start_error(
    job: Job, config: DockerConfig, lines: Sequence[str], state: Mapping[str, Any], seen: Observation,
    progress: Progress,
) -> DeploymentError:  # fmt: skip
    """Return the error for a revision whose container ended before it served."""
    verdict = verdict_of(lines, state, config.memory_gb)
    code = int(state.get("ExitCode") or 0)
    shown = f" (exit code {code})" if code else ""
    return DeploymentError(
        f"Revision {job.revision} of {job.service.name!r} did not start{shown}: {verdict.sentence}{_after(seen)}",
        hint=verdict.fix,
        state=_state(seen),
        postmortem={**verdict.to_dict(), "exit_code": code, "message": verdict.cause},
        log_tail=messages(lines)[-_TAIL:],
        steps=progress.steps(),
    )


def late_error(
    job: Job, lines: Sequence[str], seconds: float, seen: Observation, progress: Progress
) -> DeadlineExceededError:
    """Return the error for a revision that was not ready in time."""
    return DeadlineExceededError(
        f"Revision {job.revision} of {job.service.name!r} was not started: its container was not ready within "
        f"{seconds:g} s.{_after(seen)}",
        hint="Give it more time (timeout_s, start_timeout_s), or look at the last log lines for what it waits for.",
        state=_state(seen),
        log_tail=messages(lines)[-_TAIL:],
        steps=progress.steps(),
    )


def _after(seen: Observation) -> str:
    serves = seen.live_revision is not None and seen.state is State.HEALTHY
    return f" Revision {seen.live_revision} goes on serving." if serves else ""


def _state(seen: Observation) -> State:
    return State.FAILED if seen.live_revision is None else seen.state
