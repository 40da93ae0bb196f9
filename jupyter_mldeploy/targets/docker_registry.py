"""Pushing to and pulling from registries through a Docker Engine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ..core.images.builder import Log
from ..core.images.built import PushedImage
from ..core.progress import Progress
from ..core.storage.failures import human_size
from ..errors import (
    ForbiddenError,
    InvalidInputError,
    MldeployError,
    NotFoundError,
    TargetUnavailableError,
)

#: A push that breaks off goes on where it was: layers that have arrived are not sent again.
_ATTEMPTS = 4
_PAUSE_S = 1.0
_REFUSED = re.compile(r"unauthorized|denied|no basic auth|authentication required|forbidden|\b40[13]\b", re.IGNORECASE)
_MISSING = re.compile(r"manifest unknown|not found|does not exist|name unknown", re.IGNORECASE)
_DESTINATION = re.compile(r"(?P<registry>[\w.-]+(?::\d+)?)/(?P<repository>[a-z0-9._/-]+):(?P<tag>[\w][\w.-]{0,127})")


def push_image(
    engine: Any,
    reference: str,
    destination: str,
    credentials: Mapping[str, str] | None,
    progress: Progress,
    log: Log,
) -> PushedImage:
    """Tag, push, and take the tag away again; return where the image is by its digest.

    Raises:
        NotFoundError: the engine does not have the image.
        ForbiddenError: the registry refuses who we are.
        TargetUnavailableError: the registry cannot be reached, or broke off again and again.
    """
    from docker.errors import APIError, ImageNotFound

    if not _DESTINATION.fullmatch(destination):
        raise InvalidInputError(
            f"{destination!r} is not a place in a registry.",
            field="destination",
            hint="Write host[:port]/repository:tag, in lower case, for example registry.example.com/team/model:1.",
        )
    repository, _, tag = destination.rpartition(":")
    try:
        engine.tag(reference, repository, tag)
    except ImageNotFound:
        raise NotFoundError("image", reference, message=f"The engine does not have the image {reference}.") from None
    try:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return _push(engine, repository, tag, credentials, progress, log)
            except TargetUnavailableError as error:
                if attempt == _ATTEMPTS or progress.remaining < _PAUSE_S * attempt:
                    raise
                log(f"{error.message} Going on in {_PAUSE_S * attempt:g} s.")
                if progress.cancelled.wait(_PAUSE_S * attempt):
                    progress.check()
    finally:
        with suppress(APIError):
            engine.remove_image(destination, noprune=True)
    raise AssertionError("the loop returns or raises")


def _push(
    engine: Any, repository: str, tag: str, credentials: Mapping[str, str] | None, progress: Progress, log: Log
) -> PushedImage:
    digest = ""
    sent: dict[str, int] = {}
    total: dict[str, int] = {}
    shown = 0
    try:
        for message in engine.push(repository, tag, stream=True, decode=True, auth_config=_auth(credentials)):
            progress.check()
            layer, status = str(message.get("id") or ""), str(message.get("status") or "")
            if "error" in message:
                raise _failure(str(message["error"]), f"{repository}:{tag}", "pushed")
            if status == "Pushing":
                detail = message.get("progressDetail") or {}
                if layer and layer not in sent:
                    log(f"{layer} Pushing")
                sent[layer] = int(detail.get("current") or sent.get(layer, 0))
                total[layer] = int(detail.get("total") or total.get(layer, 0))
                percent = 100 * sum(sent.values()) // max(1, sum(total.values()))
                if percent // 10 != shown // 10:
                    shown = percent
                    progress.note(f"pushing: {min(percent, 100)} % of {human_size(sum(total.values()))}")
            elif status and status not in ("Preparing", "Waiting"):
                log(f"{layer} {status}".strip())
            digest = str((message.get("aux") or {}).get("Digest") or digest)
    finally:
        engine.end_streams()
    if not digest:
        raise TargetUnavailableError(f"The push of {repository}:{tag} ended without a digest.")
    return PushedImage(f"{repository}@{digest}", f"{repository}:{tag}", digest, sum(sent.values()))


def pull_image(
    engine: Any,
    location: str,
    credentials: Mapping[str, str] | None,
    progress: Progress,
    log: Log,
    *,
    what: str,
) -> None:
    """Fetch an image.

    Raises:
        NotFoundError: the registry does not have it.
        ForbiddenError: it refuses who we are.
        TargetUnavailableError: it cannot be reached.
    """
    from docker.errors import APIError

    progress.step("pull", f"Fetching the {what} {location}")
    try:
        for message in engine.pull(location, stream=True, decode=True, auth_config=_auth(credentials)):
            progress.check()
            if "error" in message:
                raise _failure(str(message["error"]), location, "fetched", what)
            status = str(message.get("status") or "")
            if status and "progressDetail" not in message:
                log(f"{message.get('id') or ''} {status}".strip())
    except APIError as error:
        raise _failure(str(error.explanation or error), location, "fetched", what) from error
    finally:
        engine.end_streams()


def _auth(credentials: Mapping[str, str] | None) -> dict[str, str] | None:
    if credentials is None:
        return None  # the engine's client looks into the user's Docker configuration
    return {"username": credentials.get("username", ""), "password": credentials.get("password", "")}


def _failure(text: str, place: str, verb: str, what: str = "image") -> MldeployError:
    reason = " ".join(text.split()).rstrip(".")
    message = f"The {what} {place} could not be {verb}: {reason}."
    registry = place.partition("/")[0] if "." in place.partition("/")[0] or ":" in place.partition("/")[0] else ""
    login = f"docker login {registry}".strip()
    if _REFUSED.search(text):
        return ForbiddenError(
            message,
            hint=f"Log in (`{login}`), or give a username and a password by reference (env:NAME or file:PATH).",
        )
    if _MISSING.search(text):
        return NotFoundError("image", place, message=message, hint="Check name and tag, and who may see it.")
    return TargetUnavailableError(message, hint="Check that the registry is up and can be reached from the engine.")
