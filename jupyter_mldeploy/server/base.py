"""What every handler has in common: the backend, bodies that are checked, answers, and one translation of errors."""

from __future__ import annotations

import asyncio
import functools
import json
import sys
import uuid
from collections.abc import Awaitable, Callable, Mapping
from http.client import responses
from pathlib import PurePath
from types import TracebackType
from typing import Any, TypeVar, cast

import orjson
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import APIHandler
from pydantic import BaseModel, ValidationError
from tornado import web

from ..errors import InvalidInputError, MldeployError
from .backend import Backend
from .operation import FailureCard, Operation, Work, internal_error

Body = TypeVar("Body", bound=BaseModel)

#: Longest time in seconds that a request may wait for an operation to end.
LONGEST_WAIT_S = 30.0

_CODES = {400: "bad_request", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}
_HINTS = {
    403: "Log in, or ask whoever runs this Jupyter server for the permission.",
    405: "The OpenAPI document lists what each address takes.",
}


def error_body(error: BaseException | None, status: int) -> tuple[int, dict[str, Any]]:
    """Translate an exception into HTTP status and body ``{code, message, hint, cause, details}``; the only place.

    An exception that nobody foresaw gets a reference in ``details`` for the log.
    """
    if isinstance(error, MldeployError):
        return error.http_status, error.to_dict()
    if error is None or isinstance(error, web.HTTPError):
        reason = getattr(error, "log_message", None) or responses.get(status, "Error")
        message = reason % error.args if isinstance(error, web.HTTPError) and error.args else reason
        return status, {
            "code": _CODES.get(status, "http_error"),
            "message": message if message.endswith(".") else f"{message}.",
            "hint": _HINTS.get(status),
            "cause": None,
            "details": {},
        }
    return 500, internal_error(uuid.uuid4().hex[:12], error)


class ApiHandler(APIHandler):
    """Base of the REST handlers."""

    @property
    def backend(self) -> Backend:
        """What this server's handlers share."""
        found: Backend = self.settings["mldeploy_backend"]
        return found

    # In.

    def body(self, model: type[Body]) -> Body:
        """Return the request's body, checked; an empty one stands for ``{}``.

        Raises:
            InvalidInputError: it is no JSON, or a field is wrong; all problems are in ``details``.
        """
        try:
            return model.model_validate_json(self.request.body or b"{}")
        except ValidationError as error:
            problems = [
                {"field": ".".join(map(str, item["loc"])) or "(body)", "message": item["msg"]}
                for item in error.errors(include_url=False, include_input=False, include_context=False)
            ]
            text = "; ".join(f"{item['field']}: {item['message']}" for item in problems)
            raise InvalidInputError(
                f"The request cannot be used: {text}.", field=problems[0]["field"], details={"problems": problems}
            ) from None

    async def allows(self, action: str, resource: str) -> bool:
        """Say whether the user has a permission."""
        return bool(await ensure_async(self.authorizer.is_authorized(self, self.current_user, action, resource)))

    async def require(self, action: str, resource: str) -> None:
        """Refuse a user who lacks one more permission than the verb's own."""
        if not await self.allows(action, resource):
            raise web.HTTPError(403, f"This needs the permission to {action} {resource}.")

    async def interpreter(self, kernel: str | None) -> str | None:
        """Return the Python of a kernel specification; None for None, which means the server's own."""
        if kernel is None:
            return None
        return await self.backend.quick(_interpreter, self.kernel_spec_manager, kernel)

    def number(self, name: str, default: int, *, low: int = 0, high: int = 2**53) -> int:
        """Return a whole number from the query."""
        text = self.get_query_argument(name, str(default))
        if not text.isdecimal() or not low <= int(text) <= high:
            raise InvalidInputError(f"{name} must be a whole number from {low} to {high}, not {text!r}.", field=name)
        return int(text)

    def seconds(self, name: str) -> float:
        """Return how long the client wants to wait, from the query; 0 when it does not say."""
        return float(self.number(name, 0, high=int(LONGEST_WAIT_S)))

    # Out.

    def show(self, document: Any, status: int = 200) -> None:
        """Answer with JSON."""
        self.set_status(status)
        try:
            text = orjson.dumps(document, default=_plain, option=orjson.OPT_NON_STR_KEYS)
        except TypeError:  # an integer of more than 64 bits, which a caller of a service may have sent
            text = json.dumps(document, default=_plain).encode()
        self.finish(text)

    async def show_operation(
        self, kind: str, service: str, work: Work, *, failure_card: FailureCard | None = None
    ) -> None:
        """Begin long work and answer 202 with the operation, or 200 when it ends within ``wait_s`` of the query."""
        wait_s = self.seconds("wait_s")
        operation = await self.backend.quick(
            self.backend.operations.start, kind, service, work, failure_card=failure_card
        )
        await self.ended(operation, wait_s)
        self.set_header("Location", self.address("operations", operation.id))
        self.show(operation.document(in_full=True), 200 if operation.done.is_set() else 202)

    async def ended(self, operation: Operation, wait_s: float) -> None:
        """Wait until an operation has ended, or ``wait_s`` seconds."""
        bell, loop = self.backend.changed, asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while not operation.done.is_set() and loop.time() < deadline:
            count = bell.count
            if not operation.done.is_set():
                await bell.after(count, deadline - loop.time())

    def address(self, *parts: str) -> str:
        """Return an address of this API with the server's prefix."""
        return "/".join([f"{self.base_url.rstrip('/')}/mldeploy/api/v1", *parts])

    # Errors.

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with the translation of an exception."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        status, document = error_body(error, status_code)
        if document["code"] == "internal_error":
            self.log.error("jupyter_mldeploy: reference %s", document["details"]["reference"], exc_info=error)
        self.set_status(status)
        self.finish(json.dumps(document, default=_plain))

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Log a foreseen error in one line; an unforeseen one is logged with its reference."""
        if isinstance(value, MldeployError):
            self.log.info("%s %s: %s", self.request.method, self.request.path, value.code)
        elif isinstance(value, web.HTTPError):
            super().log_exception(typ, value, tb)


class UnknownHandler(ApiHandler):
    """Addresses that the API does not have."""

    @web.authenticated
    def get(self, *_: str) -> None:
        """Answer 404 with the usual body."""
        raise web.HTTPError(404, "There is no such address in the API of jupyter_mldeploy.")

    post = put = patch = delete = get


Verb = TypeVar("Verb", bound=Callable[..., Awaitable[None]])


def changes(verb: Verb) -> Verb:
    """Refuse a verb in read-only mode. Written under ``@authorized`` of every verb that changes something."""

    @functools.wraps(verb)
    async def refuse_or_do(self: ApiHandler, *args: str) -> None:
        self.backend.policy.require_writable()
        await verb(self, *args)

    return cast("Verb", refuse_or_do)


def _interpreter(specs: KernelSpecManager, kernel: str) -> str:
    try:
        spec = specs.get_kernel_spec(kernel)
    except NoSuchKernel:
        known = ", ".join(sorted(specs.find_kernel_specs())) or "none"
        raise InvalidInputError(f"There is no kernel {kernel!r}; there are: {known}.", field="kernel") from None
    if spec.language.lower() != "python":
        raise InvalidInputError(f"Kernel {kernel!r} runs {spec.language}, not Python.", field="kernel")
    # Jupyter itself starts a kernel whose command is plain "python" with the Python that runs the server.
    return spec.argv[0] if PurePath(spec.argv[0]).is_absolute() else sys.executable


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)
