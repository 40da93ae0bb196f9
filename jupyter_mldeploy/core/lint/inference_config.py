"""MLD821–MLD827: ``inferenceconfig.json`` of the v1 command line."""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from jupyter_mldeploy.core.lint.context import Finding
from jupyter_mldeploy.core.lint.diagnostics import Fix
from jupyter_mldeploy.core.lint.document import Node
from jupyter_mldeploy.core.lint.document_context import DocumentContext
from jupyter_mldeploy.core.lint.rule import rule

LEGACY = (
    "runtime", "condaFile", "extraDockerfileSteps", "extraDockerFileSteps", "enableGpu", "cudaVersion", "baseImage",
    "baseImageRegistry",
)  # fmt: skip
KEYS = ("entryScript", "sourceDirectory", "environment", "description", *LEGACY)
_RUNTIMES = ("python", "spark-py", "python-slim")
_CUDA = ("9.0", "9.1", "10.0")
_MAX_ENTRIES = 5_000


@rule("MLD821", "inference-config-not-json", "error", stage="read", zero_fp=True, family="inferenceconfig")
def inference_config_not_json(ctx: DocumentContext) -> Iterator[Finding]:
    """`inferenceconfig.json` is not valid JSON, or holds no object.

    Bad::

        {
          "entryScript": "score.py",
          "runtime": "python",
        }

    Good::

        {
          "entryScript": "score.py"
        }
    """
    if ctx.root is None or ctx.root.kind != "map":
        yield ctx.finding(ctx.map.span, 'The file must hold an object, as in {"entryScript": "score.py"}.')


@rule(
    "MLD822", "entry-script-name", "error", stage="deploy", zero_fp=True, family="inferenceconfig",
)  # fmt: skip
def entry_script_name(ctx: DocumentContext) -> Iterator[Finding]:
    """`entryScript` is missing, or is no file name that Python can import.

    It must end in `.py`, and its base name must be an identifier.

    Bad::

        {"entryScript": "my-score.py"}

    Good::

        {"entryScript": "my_score.py"}
    """
    if ctx.root is None or ctx.root.kind != "map":
        return
    node = ctx.map.get("entryScript")
    if node is None:
        close = next((entry for entry in ctx.map.entries if entry[0].lower().replace("_", "") == "entryscript"), None)
        if close is not None:
            fix = Fix("Write entryScript", (ctx.replace(close[1], ctx.written("entryScript", close[1])),), safe=True)
            yield ctx.finding(close[1], f"The key is called entryScript, not {close[0]}, so no script is found.", fix)
        else:
            yield ctx.finding(ctx.map.span, "entryScript is missing; it names the script with init() and run().")
        return
    if not isinstance(node.value, str) or not node.value:
        yield ctx.finding(node, "entryScript must be the path of a Python file.")
        return
    path = PurePosixPath(node.value.replace("\\", "/"))
    if _is_importable(node.value):
        return
    if path.suffix != ".py":
        yield ctx.finding(node, f"entryScript must be a Python file that ends in .py, not {path.name}.")
    else:
        yield ctx.finding(
            node, f"{path.name} cannot be imported by that name; rename it with letters, digits and underscores."
        )


def _is_importable(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return path.suffix == ".py" and path.stem.isidentifier() and not keyword.iskeyword(path.stem)


@rule("MLD823", "path-not-found", "warning", stage="deploy", family="inferenceconfig")
def path_not_found(ctx: DocumentContext) -> Iterator[Finding]:
    """A file that the configuration names is nowhere to be found.

    Paths count from the source directory, the folder of this file, or the folder where the command is given. So a path
    is only reported when no file of that name exists in any of these.

    Bad::

        --- inferenceconfig.json
        {"entryScript": "scoring.py"}
        --- score.py
        def init():
            pass

    Good::

        --- inferenceconfig.json
        {"entryScript": "score.py"}
        --- score.py
        def init():
            pass
    """
    folder = ctx.folder
    if folder is None or ctx.root is None:
        return
    source = ctx.map.scalar("sourceDirectory")
    for key in ("entryScript", "condaFile"):
        node = ctx.map.get(key)
        if node is None or not isinstance(node.value, str) or not node.value or "$" in node.value:
            continue
        if key == "entryScript" and not _is_importable(node.value):
            continue  # MLD822
        if not _exists(folder, node.value, source if isinstance(source, str) else None):
            yield ctx.finding(
                node, f"{node.value} was not found in the source directory, beside this file or above it."
            )


def _exists(folder: Path, name: str, source: str | None) -> bool:
    name = name.replace("\\", "/")
    bases = [folder, *list(folder.parents)[:4]]
    if source:
        bases += [base / source.replace("\\", "/") for base in bases]
    try:
        if any((base / name).is_file() for base in bases):
            return True
        # Another working directory may have been meant: look for the bare name in what lies around.
        base_name = PurePosixPath(name).name
        for count, path in enumerate(_around(folder)):
            if path == base_name:
                return True
            if count > _MAX_ENTRIES:
                return True  # too much to search; no finding rather than a wrong one
    except (OSError, ValueError):
        return True
    return False


def _around(folder: Path) -> Iterator[str]:
    """Yield file names below the folder and beside it, down to three levels."""
    stack = [(folder, 0)]
    while stack:
        at, depth = stack.pop()
        for path in at.iterdir():
            yield path.name
            if depth < 3 and path.is_dir() and not path.is_symlink() and not path.name.startswith("."):
                stack.append((path, depth + 1))
    for path in folder.parent.iterdir():
        yield path.name


@rule("MLD824", "environment-and-legacy-keys", "error", stage="deploy", zero_fp=True, family="inferenceconfig")
def environment_and_legacy_keys(ctx: DocumentContext) -> Iterator[Finding]:
    """`environment` stands beside the older keys that it replaces; both together are refused.

    Bad::

        {
          "entryScript": "score.py",
          "runtime": "python",
          "environment": {"name": "scoring"}
        }

    Good::

        {
          "entryScript": "score.py",
          "environment": {"name": "scoring"}
        }
    """
    environment = ctx.map.get("environment")
    if environment is None or (environment.kind == "scalar" and environment.value is None):
        return
    for key, span, node in ctx.map.entries:
        empty = node.value in {None, False, ""} if node.kind == "scalar" else not node.entries and not node.items
        if key in LEGACY and not empty:
            yield ctx.finding(span, f"{key} and environment exclude each other; keep environment.")


@rule("MLD825", "deprecated-environment-keys", "info", stage="deploy", family="inferenceconfig")
def deprecated_environment_keys(ctx: DocumentContext) -> Iterator[Finding]:
    """The configuration uses keys that were deprecated in 2019 in favour of `environment`.

    Bad::

        {"entryScript": "score.py", "runtime": "python"}

    Good::

        {"entryScript": "score.py", "environment": {"name": "scoring"}}
    """
    if ctx.map.get("environment") is not None:
        return
    found = [(key, span) for key, span, _ in ctx.map.entries if key in LEGACY]
    if found:
        names = ", ".join(key for key, _ in found)
        yield ctx.finding(
            found[0][1], f"Deprecated since 2019: {names}. An environment says the same and can be versioned."
        )


@rule("MLD826", "unknown-inference-key", "warning", stage="answer", family="inferenceconfig")
def unknown_inference_key(ctx: DocumentContext) -> Iterator[Finding]:
    """A key is not known and silently ignored.

    Bad::

        {"entryScript": "score.py", "sourceDir": "src"}

    Good::

        {"entryScript": "score.py", "sourceDirectory": "src"}
    """
    if ctx.root is None or ctx.root.kind != "map":
        return
    for key, span, _ in ctx.map.entries:
        if key in KEYS or key.startswith("$") or key.lower().replace("_", "") == "entryscript":
            continue
        advice, fix = ctx.misspelt(key, span, KEYS)
        yield ctx.finding(
            span, f"{key} is no key of an inference configuration and is silently ignored; {advice}.", fix
        )


@rule("MLD827", "runtime-or-cuda", "error", stage="deploy", family="inferenceconfig")
def runtime_or_cuda(ctx: DocumentContext) -> Iterator[Finding]:
    """`runtime` or `cudaVersion` has a value that does not exist.

    Runtimes are `python` and `spark-py`, CUDA versions 9.0, 9.1 and 10.0.

    Bad::

        {"entryScript": "score.py", "runtime": "python3"}

    Good::

        {"entryScript": "score.py", "runtime": "python"}
    """
    runtime = ctx.map.get("runtime")
    if (
        runtime is not None
        and runtime.kind == "scalar"
        and runtime.value is not None
        and runtime.value not in _RUNTIMES
    ):
        fix = None
        if isinstance(runtime.value, str) and runtime.value.lower().startswith("python"):
            fix = Fix("Write python", (ctx.replace(runtime.span, ctx.written("python", runtime.span)),))
        yield ctx.finding(runtime, f"There is no runtime {runtime.value}; it is python or spark-py.", fix)
    cuda = ctx.map.get("cudaVersion")
    if cuda is not None and _text(cuda) not in {*_CUDA, ""}:
        yield ctx.finding(cuda, f"There is no CUDA version {_text(cuda)} here; it is 9.0, 9.1 or 10.0.")


def _text(node: Node) -> str:
    return "" if node.value is None else str(node.value)
