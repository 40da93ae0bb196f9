"""New keys for services that run: callers with the unchanged key notice nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .config import read_config
from .events import EventKind
from .keys import KeyFile
from .records import ServiceRecord, State
from .tokens import TokenKeyFile, no_tokens
from .traffic.dividing import lend_keys

if TYPE_CHECKING:
    from .rollout import Rollout
    from .workspace import Workspace


def regenerate_key(workspace: Workspace, rollout: Rollout, name: str, which: str, value: str | None = None) -> None:
    """Change one key; callers with the other one notice nothing."""
    record = workspace.catalogue.service(name)
    target = workspace.targets.get(record.target)
    target.capabilities.require(target.name, "key_auth")
    with rollout.locked(name):
        file = KeyFile(workspace.keys_path(record.uid))
        file.regenerate(which, value)
        try:
            if record.state not in {State.STOPPED, State.FAILED}:
                target.reload_keys(rollout.reference(record), file.path)
        finally:  # it is changed, whether all have read it by now or not
            workspace.events.append(
                EventKind.KEYS, f"the {which.lower()} key of {name} was changed", service_uid=record.uid, service=name
            )
            lend_keys(workspace, record)


def rotate_token_key(workspace: Workspace, rollout: Rollout, name: str, *, revoke: bool = False) -> None:
    """Sign tokens with a new key; those of the key before stay valid unless ``revoke`` says otherwise."""
    record = workspace.catalogue.service(name)
    target = workspace.targets.get(record.target)
    if not takes_tokens(workspace, record):
        raise no_tokens(name)
    with rollout.locked(name):
        file = TokenKeyFile(workspace.token_keys_path(record.uid))
        # Nobody gets a token of the new key before the servers know it.
        file.rotate(revoke=True) if revoke else file.prepare()
        if record.state not in {State.STOPPED, State.FAILED}:
            target.reload_keys(rollout.reference(record), file.path)
        if not revoke:
            file.promote()
        text = f"the signing key of {name} was changed{' and its tokens revoked' if revoke else ''}"
        workspace.events.append(EventKind.KEYS, text, service_uid=record.uid, service=name)


def takes_tokens(workspace: Workspace, record: ServiceRecord) -> bool:
    """Return whether the live revision's callers send tokens."""
    if record.live_revision is None:
        return False
    live = workspace.catalogue.revision(record.uid, record.live_revision)
    target = workspace.targets.get(record.target)
    return read_config(target.config_type, live.config).token_auth_enabled
