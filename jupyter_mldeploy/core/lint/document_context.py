"""What a rule about a deployment file gets, and how such files are told apart."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Literal

from jupyter_mldeploy.core.entryscript import EntryScript
from jupyter_mldeploy.core.lint.context import Finding
from jupyter_mldeploy.core.lint.diagnostics import Fix, Severity, TextEdit
from jupyter_mldeploy.core.lint.document import Node
from jupyter_mldeploy.core.lint.settings import LintConfig
from jupyter_mldeploy.core.script.source import SourceText, Span

DocumentFamily = Literal["environment", "requirements", "inferenceconfig", "deploymentconfig", "endpoint"]

_ENVIRONMENT_NAME = re.compile(
    r"^(?:conda[\w.-]*|(?:my|prod|scoring|score|inference|deploy|train)?_?-?env(?:ironment)?[\w.-]*|[\w.-]*conda[\w.-]*)\.ya?ml$",
    re.IGNORECASE,
)
_REQUIREMENTS_NAME = re.compile(r"^[\w.-]*requirements[\w.-]*\.txt$", re.IGNORECASE)
_INFERENCE_NAME = re.compile(r"inference[_-]?config", re.IGNORECASE)
_DEPLOYMENT_NAME = re.compile(r"deployment?[_-]?config", re.IGNORECASE)
_INFERENCE_KEYS = {"entryscript", "sourcedirectory", "condafile", "extradockerfilesteps", "enablegpu", "baseimage"}
_DEPLOYMENT_KEYS = {
    "computetype", "computetarget", "containerresourcerequirements", "autoscaler", "authenabled", "appinsightsenabled",
    "numreplicas", "scoringtimeoutms", "sslenabled", "tokenauthenabled",
}  # fmt: skip
_ENDPOINT_SCHEMA = re.compile(r"(?:online|batch)(?:Endpoint|Deployment)\.schema\.json", re.IGNORECASE)
_OTHER_SCHEMA = re.compile(r"\.schema\.json")


@dataclass(frozen=True)
class DocumentContext:
    """One deployment file under the linter.

    Attributes:
        source: the text with its line index.
        root: the document, or None when it is empty.
        language: YAML, JSON, or plain text (requirements).
        path: where it is, or None.
        scripts: entry scripts that stand beside it, with their text.
        config: the settings.
    """

    source: SourceText
    root: Node | None
    language: Literal["yaml", "json", "text"]
    path: str | None
    config: LintConfig
    scripts: tuple[tuple[EntryScript, str], ...] = ()
    modules: frozenset[str] = field(default_factory=frozenset)

    @property
    def map(self) -> Node:
        """The document as a map; an empty one when it is something else."""
        if self.root is not None and self.root.kind == "map":
            return self.root
        return Node("map", self.root.span if self.root else Span(1, 0, 1, len(self.source.line(1))))

    @property
    def folder(self) -> Path | None:
        """The folder of the file, or None when it is not on disk (yet), so that nothing can be looked for beside it."""
        return Path(self.path).parent if self.path and Path(self.path).is_file() else None

    @property
    def is_azure(self) -> bool:
        """Whether the files are meant for Azure's own server."""
        return self.config.server == "azureml"

    def finding(
        self, where: Node | Span, message: str, *fixes: Fix | None, severity: Severity | None = None
    ) -> Finding:
        """Make a finding at a node or span."""
        span = where.span if isinstance(where, Node) else where
        return Finding(span, message, tuple(fix for fix in fixes if fix), severity)

    def replace(self, span: Span, text: str) -> TextEdit:
        """Return an edit that replaces a span."""
        return TextEdit(span.line, span.column, span.end_line, span.end_column, text)

    def written(self, text: str, span: Span) -> str:
        """Return ``text`` quoted as what stands at ``span``."""
        old = self.source.slice(span)
        quote = old[:1] if old[:1] in {"'", '"'} else ""
        return f"{quote}{text}{quote}"

    def misspelt(self, key: str, span: Span, accepted: Iterable[str]) -> tuple[str, Fix | None]:
        """Return advice and a fix for an unknown key: the accepted one that is closest."""
        names = list(accepted)
        plain = {re.sub(r"[^a-z]", "", name.lower()): name for name in names}
        simple = re.sub(r"[^a-z]", "", key.lower())
        close = plain.get(simple) or next(iter(difflib.get_close_matches(key, names, 1, 0.7)), None)
        if close is None:
            near = difflib.get_close_matches(simple, plain, 1, 0.75)
            close = plain[near[0]] if near else None
        if close is None:
            return "remove it", None
        return f"write {close}", Fix(f"Write {close}", (self.replace(span, self.written(close, span)),))


def family_of(path: str | None, root: Node | None) -> DocumentFamily | None:
    """Tell what a deployment file is, from its keys first and from its name when the keys do not say."""
    name = PurePath(path).name if path else ""
    if _REQUIREMENTS_NAME.match(name):
        return "requirements"
    keys = {key for key, _, _ in root.entries} if root is not None and root.kind == "map" else set()
    schema = str(root.scalar("$schema") or "") if root is not None and keys else ""
    if _ENDPOINT_SCHEMA.search(schema):
        return "endpoint"
    if _OTHER_SCHEMA.search(schema):
        return None
    if "entryScript" in keys:
        return "inferenceconfig"
    if {key.lower() for key in keys} & {"computetype"} and not keys & {"properties", "name"}:
        return "deploymentconfig"
    known = {"name", "channels", "dependencies", "prefix", "variables"}
    if not name.endswith(".json") and "dependencies" in keys and (keys <= known or "channels" in keys):
        return "environment"
    if "endpoint_name" in keys and keys & {"model", "code_configuration", "environment", "instance_type"}:
        return "endpoint"
    if "auth_mode" in keys and keys & {"name", "traffic"}:
        return "endpoint"
    simple = {key.lower().replace("_", "") for key in keys}
    if _INFERENCE_NAME.search(name) and (simple & _INFERENCE_KEYS or root is None or is_canonical(name)):
        return "inferenceconfig"
    if _DEPLOYMENT_NAME.search(name) and (simple & _DEPLOYMENT_KEYS or root is None or is_canonical(name)):
        return None if {"apiVersion", "kind"} & keys else "deploymentconfig"
    if _ENVIRONMENT_NAME.match(name) and not keys & {
        "image",
        "conda_file",
        "build",
        "services",
        "version",
        "jobs",
        "docker",
    }:
        return "environment"
    return None


def is_canonical(path: str) -> bool:
    """Whether a file has the very name that Azure's documents give to configurations; others need a known key too."""
    return PurePath(path).name.lower() in {"inferenceconfig.json", "deploymentconfig.json"}


def is_candidate(path: str) -> bool:
    """Whether a file may be a deployment file by its name, so that a folder's other files need not be read."""
    name = PurePath(path).name
    return name.endswith((".yml", ".yaml", ".json")) or _REQUIREMENTS_NAME.match(name) is not None
