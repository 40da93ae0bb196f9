"""What the OpenAPI document says about a verb, written above the verb."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

Verb = TypeVar("Verb", bound=Callable[..., Any])

ATTRIBUTE = "__mldeploy_documented__"

#: Query of the verbs that begin long work.
WAIT = {"wait_s": "seconds to wait for the end (at most 30)"}


@dataclass(frozen=True, slots=True)
class About:
    """One verb of one address.

    Attributes:
        summary: one sentence.
        answer: model of the answer's body, or None for another content.
        body: model of the request's body, or None when there is none.
        query: parameter → sentence about it.
        status: status of the answer when all goes well.
        content: content type of the answer when there is no model.
    """

    summary: str
    answer: type[BaseModel] | None
    body: type[BaseModel] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    content: str = "application/json"


def documented(
    summary: str,
    answer: type[BaseModel] | None,
    *,
    body: type[BaseModel] | None = None,
    query: Mapping[str, str] | None = None,
    status: int = 200,
    content: str = "application/json",
) -> Callable[[Verb], Verb]:
    """Note what a verb does; see :class:`About`. The innermost decorator of a verb."""

    def note(verb: Verb) -> Verb:
        setattr(verb, ATTRIBUTE, About(summary, answer, body, query or {}, status, content))
        return verb

    return note
