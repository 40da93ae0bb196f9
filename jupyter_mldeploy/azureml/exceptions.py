"""The exceptions of v1, raised where v1 raised them; ``__cause__`` is the error of the core with all its evidence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import MldeployError

__all__ = [
    "AzureMLException",
    "ComputeTargetException",
    "ModelNotFoundException",
    "ModelPathNotFoundException",
    "ProjectSystemException",
    "RunEnvironmentException",
    "UserErrorException",
    "WebserviceException",
]


class AzureMLException(Exception):
    """Base of all of them.

    Attributes:
        message: what went wrong and what to do next.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class WebserviceException(AzureMLException):
    """Something about models, images or services."""


class ModelNotFoundException(WebserviceException):
    """There is no such model."""


class ModelPathNotFoundException(WebserviceException):
    """There is no file or folder to register."""


class UserErrorException(AzureMLException):
    """An argument cannot be used."""


class ProjectSystemException(UserErrorException):
    """A configuration file cannot be used."""


class ComputeTargetException(AzureMLException):
    """Something about clusters."""


class RunEnvironmentException(AzureMLException):
    """An environment cannot be built."""


@contextmanager
def raising(kind: type[AzureMLException]) -> Iterator[None]:
    """Raise errors of the core as one of v1's."""
    try:
        yield
    except MldeployError as error:
        raise kind(f"{error.message} {error.hint}" if error.hint else error.message) from error
