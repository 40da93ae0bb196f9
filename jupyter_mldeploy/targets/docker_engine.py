"""The connection to a Docker Engine: this machine's, ``DOCKER_HOST``'s, or that of the chosen Docker context."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..core.target import Availability
from ..errors import TargetUnavailableError

_LOADING = threading.Lock()
_INSTALL = "pip install 'jupyter_mldeploy[docker]'"
_GET_ENGINE = (
    "Install Docker (https://docs.docker.com/engine/install/) or start it, set DOCKER_HOST to an engine elsewhere,"
    " or deploy to the target 'local', which needs none."
)


def load_package() -> None:
    """Load the Python package ``docker``; whoever is the first to need something of it calls this.

    Its modules import one another in a circle. Threads that begin to load different ones of them at once see them half
    made, the loading fails, and the package is unusable for as long as the process lives.

    Raises:
        TargetUnavailableError: it is missing; says how to install it.
    """
    with _LOADING:
        try:
            from . import docker_connection  # noqa: F401  loads all of it that we use
        except ImportError:
            raise TargetUnavailableError(
                "The Python package 'docker' is not installed.", hint=f"Install it: {_INSTALL}."
            ) from None


def connect(timeout_s: float | None = 60.0) -> Any:
    """Return a low-level client (a ``docker.APIClient``) of the engine; the caller closes it.

    Raises:
        TargetUnavailableError: no engine answers, or the Python package ``docker`` is missing; says what to do.
    """
    load_package()
    import docker

    from .docker_connection import EngineConnection

    where = engine_address()
    try:
        settings = docker.utils.kwargs_from_env()
        if where is not None and "base_url" not in settings:
            settings["base_url"] = where
        return EngineConnection(version="auto", timeout=timeout_s, **settings)
    except Exception as error:  # docker wraps what requests and urllib3 raise, and not always
        raise TargetUnavailableError(
            f"No Docker Engine answers{f' at {where}' if where else ''}: {short_reason(error)}.", hint=_GET_ENGINE
        ) from error


@contextmanager
def engine(timeout_s: float | None = 60.0) -> Iterator[Any]:
    """Give a client of the engine for a block; what the engine or the way to it breaks off becomes an error of ours.

    Raises:
        TargetUnavailableError: no engine answers, it broke off, or it refused something that nobody foresaw.
    """
    client = connect(timeout_s)
    from docker.errors import APIError
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield client
    except APIError as error:
        raise TargetUnavailableError(f"The Docker Engine refused: {error.explanation or error}.") from error
    except (RequestException, HTTPError, ConnectionError) as error:
        raise broken_off(short_reason(error)) from error
    finally:
        client.close()


def broken_off(reason: str) -> TargetUnavailableError:
    """Return the error for an engine that ended, or was cut off, in the middle of something."""
    return TargetUnavailableError(
        f"The Docker Engine broke off: {reason}.",
        hint="`docker info` tells whether it runs. Then try again: stages that were built are kept.",
    )


def engine_address() -> str | None:
    """Return the address that ``DOCKER_HOST`` or the chosen Docker context names; None is this machine's default."""
    if os.environ.get("DOCKER_HOST"):
        return os.environ["DOCKER_HOST"]
    try:
        load_package()
        from docker.context import ContextAPI

        context = ContextAPI.get_current_context()
    except Exception:  # noqa: BLE001  a damaged Docker configuration is no reason not to try the default
        return None
    host = getattr(context, "Host", None)
    return str(host) if host and getattr(context, "Name", "default") != "default" else None


def availability() -> Availability:
    """Say whether an engine answers, within about a second."""
    try:
        connect(timeout_s=5.0).close()
    except TargetUnavailableError as error:
        return Availability(False, error.message.rstrip("."), error.hint)
    return Availability(True)


def short_reason(error: BaseException) -> str:
    """Return the first line of what lies at the bottom of an error."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    text = str(error) or type(error).__name__
    return text.splitlines()[0].rstrip(".")
