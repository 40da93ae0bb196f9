"""The names that Azure ML's SDK v1 accepted, checked with a sentence that says what to change.

Every check returns the name unchanged, so that a caller can write ``name = check_model_name(name)``.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from ..errors import InvalidInputError, InvalidNameError

RESERVED_COMPUTE_NAMES = ("amlcompute", "local", "containerinstance")
UNREGISTERED_NAME_LENGTH = 30
"""Characters kept of a path's base name when it is used as a model without being registered."""


@dataclass(frozen=True)
class NameRule:
    """What a kind of name must look like.

    Attributes:
        kind: how messages call it, for example ``"service name"``.
        pattern: the whole name must match it.
        minimum: fewest characters.
        maximum: most characters.
        sentence: the pattern in words.
        lower_case: whether a suggestion is put into lower case first.
    """

    kind: str
    pattern: str
    minimum: int
    maximum: int
    sentence: str
    lower_case: bool

    def check(self, name: str, *, field: str | None = None) -> str:
        """Return ``name``, or raise InvalidNameError with the rule and, where there is one, a name that would do."""
        if not isinstance(name, str):
            raise InvalidNameError(
                f"A {self.kind} must be text, not {type(name).__name__}.", field=field, details={"kind": self.kind}
            )
        if self.minimum <= len(name) <= self.maximum and re.fullmatch(self.pattern, name):
            return name
        if not name:
            problem = f"The {self.kind} is empty"
        elif len(name) < self.minimum or len(name) > self.maximum:
            shown = name if len(name) <= 60 else name[:57] + "..."
            problem = f"The {self.kind} {shown!r} has {len(name)} characters"
        else:
            problem = f"The {self.kind} {name!r} is not allowed"
        proposal = self.suggest(name)
        raise InvalidNameError(
            f"{problem}: it must be {self.minimum} to {self.maximum} characters long and {self.sentence}.",
            field=field,
            hint=f"Use {proposal!r}, for example." if proposal else None,
            details={"kind": self.kind, "name": name, "suggestion": proposal},
        )

    def suggest(self, name: str) -> str | None:
        """Return a name close to ``name`` that keeps the rule, or None when nothing of it can be kept."""
        text = re.sub(r"[^a-z0-9]+", "-", name.lower()) if self.lower_case else re.sub(r"[^a-zA-Z0-9_-]+", "-", name)
        for start in ("-_", "-_0123456789"):
            proposal = text.lstrip(start)[: self.maximum].rstrip("-_")
            if len(proposal) >= self.minimum and re.fullmatch(self.pattern, proposal):
                return proposal
        return None


_SMALL = "made of lower-case letters, digits and '-', "
MODEL = NameRule(
    "model name",
    r"[a-zA-Z0-9][a-zA-Z0-9\-._]{0,254}",
    1,
    255,
    "made of letters, digits, '-', '.' and '_', starting with a letter or digit",
    lower_case=False,
)
SERVICE = NameRule(
    "service name",
    r"[a-z]([-a-z0-9]*[a-z0-9])?",
    3,
    32,
    _SMALL + "starting with a letter and ending with a letter or digit",
    lower_case=True,
)
ENDPOINT_VERSION = NameRule("endpoint version name", SERVICE.pattern, 3, 32, SERVICE.sentence, lower_case=True)
IMAGE = NameRule(
    "image name",
    r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?",
    3,
    32,
    "made of lower-case letters, digits, '-' and '.', starting and ending with a letter or digit",
    lower_case=True,
)
NAMESPACE = NameRule(
    "Kubernetes namespace",
    r"[a-z0-9]([a-z0-9-]{,61}[a-z0-9])?",
    1,
    63,
    _SMALL + "starting and ending with a letter or digit",
    lower_case=True,
)
WORKSPACE = NameRule(
    "workspace name",
    r"[a-zA-Z0-9][a-zA-Z0-9_\-]{2,32}",
    3,
    33,
    "made of letters, digits, '_' and '-', starting with a letter or digit",
    lower_case=False,
)


def check_model_name(name: str, *, field: str = "name") -> str:
    """Return a model name that keeps the v1 rule (1-255 of letters, digits, ``-._``), or raise InvalidNameError."""
    return MODEL.check(name, field=field)


def check_service_name(name: str, *, field: str = "name") -> str:
    """Return a service name that keeps the v1 rule (3-32, lower case, starts with a letter) or raise."""
    return SERVICE.check(name, field=field)


def check_endpoint_version_name(name: str, *, field: str = "version_name") -> str:
    """Return the name of a version behind an endpoint, under the rule of service names, or raise."""
    return ENDPOINT_VERSION.check(name, field=field)


def check_image_name(name: str, *, field: str = "image_name") -> str:
    """Return an image name that keeps the v1 rule (3-32, lower case, ``-`` and ``.`` inside) or raise."""
    return IMAGE.check(name, field=field)


def check_namespace(name: str, *, field: str = "namespace") -> str:
    """Return a Kubernetes namespace (at most 63, an RFC 1123 label) or raise InvalidNameError."""
    return NAMESPACE.check(name, field=field)


def check_workspace_name(name: str, *, field: str = "workspace_name") -> str:
    """Return a workspace name that keeps the v1 rule (3-33) or raise InvalidNameError."""
    return WORKSPACE.check(name, field=field)


def check_compute_name(name: str, *, field: str = "compute_name") -> str:
    """Return a compute target's name, refusing the names that v1 reserved for itself."""
    if not isinstance(name, str) or not name:
        raise InvalidNameError("The compute name is empty.", field=field)
    if name.lower() in RESERVED_COMPUTE_NAMES:
        reserved = ", ".join(RESERVED_COMPUTE_NAMES)
        raise InvalidNameError(
            f"The compute name {name!r} is reserved ({reserved}).", field=field, hint="Choose another."
        )
    return name


def check_entry_script_name(path: str, *, field: str = "entry_script") -> str:
    """Return the path of an entry script whose base name Python can import (``score.py``) or raise."""
    pure = PurePosixPath(path) if isinstance(path, str) and path else None
    if pure is None or pure.suffix != ".py":
        raise InvalidNameError(
            f"The entry script {path!r} is not a Python file.", field=field, hint="Its name must end in '.py'."
        )
    if not pure.stem.isidentifier() or keyword.iskeyword(pure.stem):
        proposal = re.sub(r"\W+", "_", pure.stem)
        proposal = f"score_{proposal}" if keyword.iskeyword(proposal) or not proposal.isidentifier() else proposal
        raise InvalidNameError(
            f"The entry script {path!r} cannot be imported: {pure.stem!r} is not a Python identifier.",
            field=field,
            hint=f"Rename it, for example to '{proposal}.py'.",
        )
    return path


def split_model_id(model_id: str) -> tuple[str, int]:
    """Return ``("ridge", 3)`` for ``"ridge:3"``, or raise InvalidNameError."""
    name, colon, version = model_id.rpartition(":") if isinstance(model_id, str) else ("", "", "")
    if not colon or not re.fullmatch(r"[0-9]{1,18}", version):
        raise InvalidNameError(
            f"{model_id!r} is not a model id.",
            field="model",
            hint="A model id is 'name:version', for example 'ridge:3'.",
        )
    return MODEL.check(name, field="model"), int(version)


def is_model_id(text: str) -> bool:
    """Return whether ``text`` has the form ``name:version``."""
    return re.fullmatch(rf"(?:{MODEL.pattern}):[0-9]{{1,18}}", text) is not None


def unregistered_name(base_name: str) -> str:
    """Return the model name of an unregistered file or folder: its base name cut to 30 characters, as v1 did.

    Characters that a model name may not have become ``-``, because the name is also a directory at run time.
    """
    name = re.sub(r"[^a-zA-Z0-9\-._]", "-", base_name).lstrip("-._")[:UNREGISTERED_NAME_LENGTH]
    if not name:
        raise InvalidInputError(
            f"No model name can be made of {base_name!r}.", field="models", hint="Rename the file or register it."
        )
    return name


def did_you_mean(value: str, candidates: Iterable[str]) -> str | None:
    """Return ``"Did you mean 'ridge'?"`` for the candidates closest to ``value``, or None when none is close."""
    import difflib

    names = list(dict.fromkeys(candidates))
    by_fold: dict[str, str] = {}
    for name in names:
        by_fold.setdefault(name.casefold(), name)
    close = difflib.get_close_matches(value.casefold(), by_fold, n=3, cutoff=0.6)
    if not close:
        return None
    return f"Did you mean {' or '.join(repr(by_fold[item]) for item in close)}?"
