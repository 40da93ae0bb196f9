"""``%deploy profile``, ``record``, ``replay`` and ``adopt``: a few lines each, over the core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError
from .deploying import Attempt
from .payloads import read_variable
from .surface import surface

if TYPE_CHECKING:
    from ..core.probes.profile_result import Profile
    from ..core.probes.replay import Replay
    from .session import Session


def run_profile(
    session: Session,
    name: str | None,
    requests: str | None,
    target: str | None,
    cpu: float | None,
    memory_gb: float | None,
    timeout: float | None,
) -> Profile:
    """Profile the live bytes of a service; the returned object draws its plot."""
    from ..core.probe import sample

    service = session.service(name)
    bodies: Any = requests
    if requests is None:
        bodies = [sample(service)]
    elif requests.startswith("$"):
        bodies = read_variable(requests[1:], session.shell.user_ns)
    shown = surface(session.shell, f"Profile of {service.name}")
    with Attempt(session, service.name, shown, undone="Not profiled"):
        found = service.profile(
            bodies, target=target, cpu=cpu, memory_gb=memory_gb, deadline_s=timeout or 300.0, report=shown.step
        )
        if getattr(session.shell, "kernel", None) is not None:
            shown.show({"text/plain": str(found)})  # in the progress's place; the returned object draws the plot
    return found


def run_record(
    session: Session, name: str | None, rate: float | None, off: bool, deny: str | None, max_bytes: int | None
) -> str:
    """Switch recording on or off."""
    if off and rate is not None:
        raise InvalidInputError("--off and --rate exclude each other.", field="--off", hint="Leave one of them out.")
    service = session.service(name)
    share = 0.0 if off else rate or 1.0
    more: dict[str, Any] = {} if max_bytes is None else {"max_bytes": max_bytes}
    shown = surface(session.shell, service.name, quiet=True)
    with Attempt(session, service.name, shown, undone="Not changed"):
        service.record_requests(share, deny=[item for item in (deny or "").split(",") if item], **more)
    said = "records no more" if off else f"records {share:.3g} of its requests; they are in its log"
    return f"{service.name} {said}."


def run_replay(session: Session, name: str | None, source: str | None, tolerance: float | None) -> Replay:
    """Send recorded requests again."""
    return session.service(name).replay(source, tolerance=tolerance or 0.0)


def run_adopt(session: Session, name: str | None, target: str | None) -> list[str]:
    """Adopt a service, or list those that could be; return what to say."""
    from ..core.adoption import adopt, strangers

    place = target or "docker"
    if name is not None:
        return [f"{adopt(session.workspace, name, place).name} is adopted."]
    found = strangers(session.workspace, place)
    rows = [f"{item.name}  revision {item.revision}  bundle {item.bundle[:19]}" for item in found]
    return rows or [f"There is nothing on {place} that this workspace does not know."]
