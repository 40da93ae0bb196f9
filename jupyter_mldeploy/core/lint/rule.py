"""The rule table: every rule is a function whose docstring is its page of documentation.

The docstring's first line says what is wrong. ``Bad::`` and ``Good::`` blocks are examples; the tests lint them, so a
rule without a working positive and negative example does not pass. A line ``--- name`` in an example starts a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from types import MappingProxyType
from typing import Any, Literal

from jupyter_mldeploy.core.lint.diagnostics import Severity

Family = Literal["script", "environment", "inferenceconfig", "deploymentconfig", "endpoint", "file"]
Stage = Literal["import", "load", "init", "request", "deploy", "read", "answer"]
STAGES: Mapping[Stage, str] = MappingProxyType(
    {
        "import": "when the script is imported",
        "load": "when the server loads the script",
        "init": "when init() runs",
        "request": "when a request is answered",
        "answer": "never; the caller gets a misleading answer",
        "deploy": "when the deployment is made",
        "read": "when the file is read",
    }
)
DOCS = "docs/lint/{code}.md"

_BLOCK = re.compile(r"^(Bad|Good)::\n\n?((?:(?:    .*)?\n)+)", re.MULTILINE)
_RULES: dict[str, Rule] = {}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the linter.

    Attributes:
        code: ``"MLD"`` and three digits; never reused for another meaning.
        name: a short name in words, for example ``"missing-global"``.
        severity: of a finding, unless the finding says otherwise.
        zero_fp: every finding is certain; the rule keeps silent when it cannot prove the fault.
        stage: when the fault shows.
        runtime: the message seen then, word for word, or None when nothing says so.
        family: which kind of file it reads.
        kinds: script kinds it applies to.
        whole: it needs the whole script, so it keeps silent while any part cannot be parsed.
        confirmed: it only speaks about files that are certainly entry scripts.
        response: it judges what ``run()`` returns; a hint at most while the script's kind is uncertain.
        serves: callers who know better than the Swagger document are answered all the same, so a deployment is not
            refused for it.
        check: the function that finds it.
    """

    code: str
    name: str
    severity: Severity
    zero_fp: bool
    stage: Stage
    runtime: str | None
    family: Family
    kinds: frozenset[str]
    whole: bool
    confirmed: bool
    response: bool
    serves: bool
    check: Callable[[Any], Iterable[Any]]

    @property
    def summary(self) -> str:
        """What is wrong, in one line."""
        return self._doc().split("\n", 1)[0]

    @property
    def explanation(self) -> str:
        """Why it fails and what to do, in Markdown, without the examples."""
        return _BLOCK.sub("", self._doc().partition("\n")[2] + "\n").strip()

    @property
    def bad(self) -> str:
        """An example that the rule reports."""
        return self._example("Bad")

    @property
    def good(self) -> str:
        """The same example without the fault."""
        return self._example("Good")

    @property
    def docs_url(self) -> str:
        """Where the rule's page is, from the root of the project."""
        return DOCS.format(code=self.code)

    def _doc(self) -> str:
        import inspect

        return inspect.cleandoc(self.check.__doc__ or "")

    def _example(self, name: str) -> str:
        for match in _BLOCK.finditer(self._doc() + "\n"):
            if match.group(1) == name:
                lines = [line[4:] for line in match.group(2).splitlines()]
                return "\n".join(lines).strip("\n") + "\n"
        return ""


ONLINE = frozenset({"json", "schema", "rawhttp", "class"})
UNDECORATED = frozenset({"json"})
BATCH = frozenset({"batch"})
ANY_KIND = frozenset({"json", "schema", "rawhttp", "class", "batch", "unknown"})


def rule(
    code: str,
    name: str,
    severity: Severity,
    *,
    stage: Stage,
    zero_fp: bool = False,
    runtime: str | None = None,
    family: Family = "script",
    kinds: frozenset[str] = ANY_KIND,
    whole: bool = False,
    confirmed: bool = False,
    response: bool = False,
    serves: bool = False,
) -> Callable[[Callable[[Any], Iterable[Any]]], Callable[[Any], Iterable[Any]]]:
    """Add the decorated function to the rule table; see :class:`Rule` for the arguments."""

    def add(check: Callable[[Any], Iterable[Any]]) -> Callable[[Any], Iterable[Any]]:
        _RULES[code] = Rule(
            code, name, severity, zero_fp, stage, runtime, family, kinds, whole, confirmed, response, serves, check
        )
        return check

    return add


class RuleTable:
    """All rules in the order of their codes, read when first used; ``RULES["MLD301"]`` is one of them."""

    @cached_property
    def _all(self) -> dict[str, Rule]:
        import_module("jupyter_mldeploy.core.lint.families")
        return dict(sorted(_RULES.items()))

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._all.values())

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, code: object) -> bool:
        return code in self._all

    def __getitem__(self, code: str) -> Rule:
        return self._all[code]

    def get(self, code: str) -> Rule | None:
        """Return a rule, or None when there is none of that code."""
        return self._all.get(code)


RULES = RuleTable()
