"""From what a supervisor says about a revision that did not start to an error that explains itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.config import DeploymentConfig
from ..core.postmortem import Evidence, Frame, explain
from ..core.records import State
from ..core.target import Job, Observation, Progress
from ..errors import ConflictError, DeadlineExceededError, DeploymentError, MldeployError

_STAGES = frozenset({"import", "contract", "init", "selftest"})


def deployment_error(
    job: Job, config: DeploymentConfig, message: str, facts: Mapping[str, Any], seen: Observation, progress: Progress
) -> MldeployError:
    """Return the error for a revision that did not come to life.

    Args:
        message: the supervisor's sentence.
        facts: what came with it: stage, traceback, tail, model_tree, exit_code, …
        seen: the service as it is afterwards.
    """
    stage = str(facts.get("stage") or "start")
    # Paths as the script sees them: the way to the revision's folder tells a reader nothing.
    folder = f"{job.service.directory / 'revisions' / str(job.revision)}/"

    def short(text: object) -> str:
        return str(text).replace(f"{folder}app/", "").replace(folder, "")

    tail = [short(line) for line in facts.get("tail") or ()]
    if stage == "bind":
        return ConflictError(message, hint="Choose another port, or leave port out to get a free one.")
    what = f"Revision {job.revision} of {job.service.name!r}"
    state = State.FAILED if seen.live_revision is None else seen.state
    serves = seen.live_revision is not None and seen.state is State.HEALTHY
    after = f" Revision {seen.live_revision} goes on serving." if serves else ""
    if facts.get("timed_out"):
        return DeadlineExceededError(
            f"{what} was not started: {message}.{after}",
            hint="Give it more time (timeout_s, start_timeout_s), or look at the last log lines for what it waits for.",
            state=state,
            log_tail=tail,
            steps=progress.steps(),
        )
    text = short(facts.get("traceback_text") or "").strip()
    verdict = explain(
        Evidence(
            stage=stage if stage in _STAGES else "start",
            exception=text.splitlines()[-1] if text else None if stage == "crash" else message,
            traceback=[
                Frame(short(item["file"]), int(item["line"] or 0), str(item["function"]), str(item.get("text") or ""))
                for item in facts.get("traceback") or ()
            ],
            exit_code=facts.get("exit_code"),
            log_tail=tail,
            model_tree=[short(line) for line in facts.get("model_tree") or ()],
            memory_limit_gb=getattr(config, "memory_gb", None),
        )
    )
    return DeploymentError(
        f"{what} did not start: {verdict.sentence}{after}",
        hint=verdict.fix,
        state=state,
        postmortem={**verdict.to_dict(), "message": short(message), "traceback_text": text},
        log_tail=tail,
        steps=progress.steps(),
    )
