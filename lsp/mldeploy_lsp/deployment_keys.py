"""Keys of deployment files (environment, inference and deployment configuration, endpoints) and their values."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from jupyter_mldeploy.core.azure_files.v1keys import COMPUTE_TYPES, V1_KEYS
from jupyter_mldeploy.core.lint.document import Node, UnreadableDocument, read_document
from jupyter_mldeploy.core.lint.document_context import DocumentFamily, family_of
from mldeploy_lsp.document import Document

_BOOLEAN = ("true", "false")


class Key(NamedTuple):
    """A key: its path with dots, what it means, and the values that it takes when there are only a few."""

    path: str
    help: str
    values: tuple[str, ...] = ()


_INFERENCE = (
    Key("entryScript", "Path of the script with init() and run(), below sourceDirectory."),
    Key("sourceDirectory", "Folder whose files go with the script."),
    Key("environment", "The environment: an object, or the path of a file that holds one."),
    Key("environment.name", "Name of the environment."),
    Key("environment.python.condaDependenciesFile", "The conda file of the environment."),
    Key("description", "Free text."),
    Key("runtime", "The interpreter; environment replaces it.", ("python", "spark-py", "python-slim")),
    Key("condaFile", "Path of a conda file; environment replaces it."),
    Key("baseImage", "The image to build on; environment replaces it."),
    Key("enableGpu", "Build on an image with CUDA.", _BOOLEAN),
    Key("cudaVersion", "Version of CUDA.", ("9.0", "9.1", "10.0")),
    Key("extraDockerfileSteps", "Path of a file with further Dockerfile steps."),
)
_ENVIRONMENT = (
    Key("name", "Name of the environment."),
    Key("channels", "Where conda looks for packages, the first one first.", ("conda-forge", "defaults", "anaconda")),
    Key("dependencies", "Conda packages, and one `pip:` list; `python=3.11` fixes the interpreter."),
    Key("pip", "Requirements that pip installs; conda needs `pip` among its packages for this."),
    Key("variables", "Environment variables."),
)
_PROBE_KEYS = ("initial_delay", "period", "timeout", "success_threshold", "failure_threshold")
_ENDPOINT = (
    Key("$schema", "Says whether this is an endpoint or a deployment."),
    Key("name", "Name of the endpoint or deployment."),
    Key("endpoint_name", "The endpoint that the deployment belongs to."),
    Key("auth_mode", "How callers prove who they are.", ("key", "aml_token", "aad_token")),
    Key("traffic", "Percent of the requests for each deployment."),
    Key("model", "The model: `azureml:NAME:VERSION`, or an object with a path."),
    Key("code_configuration", "Where the script is."),
    Key("code_configuration.code", "Folder of the script."),
    Key("code_configuration.scoring_script", "The script, below code."),
    Key("environment", "The environment: `azureml:NAME:VERSION`, or an object."),
    Key("environment.conda_file", "The conda file."),
    Key("environment.image", "The image to build on."),
    Key("environment_variables", "Variables of the script."),
    Key("instance_type", "Size of the machine."),
    Key("instance_count", "How many machines."),
    Key("app_insights_enabled", "Send logs to Application Insights.", _BOOLEAN),
    Key("request_settings", "Limits of requests."),
    Key("request_settings.request_timeout_ms", "Longest time for one call of run(), in milliseconds."),
    Key("request_settings.max_concurrent_requests_per_instance", "Calls of run() that one instance executes at once."),
    Key("request_settings.max_queue_wait_ms", "Longest time in the queue, in milliseconds."),
    Key("scale_settings", "How the number of instances follows the load."),
    Key("scale_settings.type", "Kind of scaling.", ("default", "target_utilization")),
    Key("liveness_probe", "When an instance counts as dead."),
    Key("readiness_probe", "When an instance gets requests."),
    *(Key(f"{probe}.{key}", "") for probe in ("liveness_probe", "readiness_probe") for key in _PROBE_KEYS),
    Key("description", "Free text."),
    Key("tags", "Labels that may change."),
    Key("properties", "Facts that stay."),
)
_BOOLEAN_KEYS = {
    "authEnabled", "tokenAuthEnabled", "appInsightsEnabled", "sslEnabled", "autoScaler.autoscaleEnabled",
    "dataCollection.storageEnabled",
}  # fmt: skip
_YAML_KEY = re.compile(r"\s*(?:- )?([\w$.-]+)\s*:")


@lru_cache(maxsize=1)
def _deployment() -> tuple[Key, ...]:
    keys = [Key("computeType", "Where the service runs.", tuple(COMPUTE_TYPES))]
    for key in V1_KEYS:
        name = key.fields[0] if key.fields else ""
        text = f"`{name}` of the SDK." if name else "A key of your own for callers."
        if key.instead:
            text += f" Here {key.instead}."
        keys.append(Key(key.path, text, _BOOLEAN if key.path in _BOOLEAN_KEYS else ()))
    sections = dict.fromkeys(key.path.partition(".")[0] for key in V1_KEYS if "." in key.path)
    return (*keys, *(Key(section, "Holds further keys.") for section in sections))


def keys_of(family: DocumentFamily) -> tuple[Key, ...]:
    """Return the keys of a kind of file."""
    return {
        "inferenceconfig": _INFERENCE,
        "environment": _ENVIRONMENT,
        "endpoint": _ENDPOINT,
        "requirements": (),
        "deploymentconfig": _deployment() if family == "deploymentconfig" else (),
    }[family]


def tree_of(document: Document) -> Node | None:
    """Return a document's tree, or None while it cannot be read."""
    name = (document.shown_path or document.uri).lower()
    if name.endswith(".txt"):
        return None
    try:
        return read_document(document.source, "json" if name.endswith(".json") else "yaml")
    except UnreadableDocument:
        return None


def family(document: Document) -> DocumentFamily | None:
    """Tell what kind of deployment file a document is, also while it is being typed."""
    path = document.shown_path or document.uri.rpartition("/")[2]
    found = family_of(path, tree_of(document))
    if found is not None or document.magic is not None:
        return found
    text = document.text[:20_000]
    for mark, kind in _MARKS:
        if mark.search(text):
            return kind
    return None


_MARKS: tuple[tuple[re.Pattern[str], DocumentFamily], ...] = (
    (re.compile(r"\"entryScript\""), "inferenceconfig"),
    (re.compile(r"\"computeType\"", re.IGNORECASE), "deploymentconfig"),
    (re.compile(r"^(?:endpoint_name|auth_mode|code_configuration):", re.MULTILINE), "endpoint"),
    (re.compile(r"^(?:dependencies|channels):", re.MULTILINE), "environment"),
)


def path_at(document: Document, line: int) -> str:
    """Return the keys around a line, the outermost first, with dots: read from indentation or braces, even broken."""
    if (document.shown_path or document.uri).lower().endswith(".json"):
        return _json_path(document, line)
    indent = len(document.source.line(line)) - len(document.source.line(line).lstrip())
    keys: list[str] = []
    for number in range(line - 1, max(0, line - 400), -1):
        text = document.source.line(number)
        found = _YAML_KEY.match(text)
        own = len(text) - len(text.lstrip())
        if found and own < indent:
            keys.append(found[1])
            indent = own
    return ".".join(reversed(keys))


def _json_path(document: Document, line: int) -> str:
    before = document.text[: document.source.offset(line, 0)]
    keys: list[str] = []
    last = ""
    for found in re.finditer(r'"((?:[^"\\\n]|\\.)*)"(\s*:)?|[{}\[\]]', before[-20_000:]):
        mark = found[0]
        if mark in "{[":
            keys.append(last)
            last = ""
        elif mark in "}]":
            keys = keys[:-1]
        elif found[2]:
            last = found[1]
    return ".".join(key for key in keys if key)


def about_key(document: Document, line: int, column: int) -> list[str]:
    """Return what the key at a position means."""
    kind = family(document)
    text = document.source.line(line)
    found = next(
        (item for item in re.finditer(r'"?([\w$.-]+)"?\s*:', text) if item.start() <= column <= item.end()),
        None,
    )
    if kind is None or found is None:
        return []
    path = ".".join(part for part in (path_at(document, line), found[1]) if part)
    key = next((item for item in keys_of(kind) if path in (item.path, f"dependencies.{item.path}")), None)
    if key is None or not key.help:
        return []
    values = f"\n\nOne of {', '.join(f'`{value}`' for value in key.values)}." if key.values else ""
    return [f"**{key.path}** {key.help}{values}"]
