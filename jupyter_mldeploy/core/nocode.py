"""Services without an entry script: a model's file becomes a script that loads and scores it.

    found = without_script(workspace, ["ridge.onnx"])
    print(found.source.text)                        # what would be deployed: show, edit, lint it
    workspace.deploy("ridge", models=["ridge.onnx"])

The script declares its input by samples, taken from the model's own signature. Reading a model happens in a process of
its own, with the interpreter that will serve it. Reading a pickle runs the code in it, so a pickle is only read when
``trusted`` says so; deploying it is that word.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError
from . import nocode_scripts as scripts
from .assemble import Source
from .model import Model
from .nocode_kinds import KNOWN, TITLES, Found, Kind, detect
from .nocode_mlflow import mlflow_parts
from .records import Origin

if TYPE_CHECKING:
    from .request import Request
    from .target import Target
    from .workspace import Workspace

#: Seconds that reading a model may take.
READ_TIMEOUT_S = 120.0

SCRIPT_NAME = "score.py"

#: v1's resource configuration → keys of targets' configurations.
_RESOURCES = {"cpu": "cpu_cores", "memory_in_gb": "memory_gb", "gpu": "gpu_cores"}

_DISTRIBUTIONS = {"sklearn": "scikit-learn", "lightgbm": "lightgbm", "tensorflow": "tensorflow"}


@dataclass(frozen=True, slots=True)
class NoCode:
    """What a service without a script consists of.

    Attributes:
        source: the script that was made.
        models: the models, stored in the workspace.
        notes: sentences for the user: what was not read, versions that differ.
        pip: requirements beyond what the script imports (``xgboost==3.2.0`` for a pickled classifier of it).
        resources: keys of the target's configuration that the registered model asks for.
    """

    source: Source
    models: Sequence[Model]
    notes: Sequence[str] = ()
    pip: Sequence[str] = ()
    resources: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, request: Request, target: Target) -> Request:
        """Return a request with the script, its models, and what the model asks for where the request says nothing."""
        wanted = {
            _RESOURCES[key]: value
            for key, value in self.resources.items()
            if value and _RESOURCES.get(key) in target.config_type.model_fields
        }
        # An environment that was named is complete by its author's word.
        more = self.pip if request.environment is None else ()
        return replace(
            request, source=self.source, models=self.models, pip=(*request.pip, *more),
            config={**wanted, **request.config},
        )  # fmt: skip


def without_script(
    workspace: Workspace,
    models: Sequence[str | Path | Model],
    *,
    interpreter: str | Path | None = None,
    trusted: bool = False,
) -> NoCode:
    """Make the entry script for models that come without one.

    Args:
        models: one model; several become one service that chooses by the request (``core.nocode_multi``).
        interpreter: the Python that will serve them; None is the one running now.
        trusted: read pickles too; otherwise their script takes rows as they come.

    Raises:
        InvalidInputError: there is no model, its format is not known, it cannot be read, or the interpreter lacks the
            library that reads it.
    """
    if not models:
        raise InvalidInputError(
            "There is neither an entry script nor a model.", field="entry_script",
            hint="Name a script with init() and run(), or a model with --model (models=[…]). " + KNOWN,
        )  # fmt: skip
    stored = [workspace.models.resolve(item) for item in models]
    if len(stored) > 1:
        return _several(workspace, stored, interpreter, trusted=trusted)
    (model,) = stored
    with workspace.store.tmp_dir("nocode") as directory:
        path = _place(workspace, model, directory)
        found = detect(path, name=model.root)
        facts, notes = _facts(found, path, model.root, interpreter, trusted=trusted)
    parts = _parts(found, facts)
    text = scripts.script(_title(found, model), location(model, _inner(found, facts)), parts)
    # A pickle needs what its classes come from; all other scripts import what they need by name.
    needed = facts.get("versions", {}) if facts.get("kind", found.kind) == "pickle" else {}
    pip = _pinned(needed)
    source = Source(SCRIPT_NAME, text, origin=Origin(path=None))
    return NoCode(source, [model], notes, pip, dict(model.resource_configuration or {}))


def _several(workspace: Workspace, models: Sequence[Model], interpreter: str | Path | None, *, trusted: bool) -> NoCode:
    """Make the script that serves several models."""
    from .nocode_multi import multi_script

    kinds: dict[str, Found] = {}
    notes: list[str] = []
    needed: dict[str, str] = {}
    resources: dict[str, Any] = {}
    with workspace.store.tmp_dir("nocode") as directory:
        for number, model in enumerate(models):
            folder = directory / str(number)
            folder.mkdir()
            path = _place(workspace, model, folder)
            kinds[model.name] = found = detect(path, name=model.root)
            facts, more = _facts(found, path, model.root, interpreter, trusted=trusted)
            notes += more
            needed |= facts.get("versions", {}) if found.kind == "pickle" else {}
            for key, value in (model.resource_configuration or {}).items():
                resources[key] = max(resources.get(key, 0), value)
    source = Source(SCRIPT_NAME, multi_script(kinds))
    return NoCode(source, models, notes, _pinned(needed), resources)


def _pinned(versions: Mapping[str, str]) -> list[str]:
    return [f"{name}=={version.partition('+')[0]}" for name, version in versions.items()]


def location(model: Model, inner: str = "") -> str:
    """Return the expression for a lone model's path at run time."""
    parts = [repr(part) for part in (model.root, *Path(inner).parts)]
    return f"os.path.join(os.getenv('AZUREML_MODEL_DIR', '.'), {', '.join(parts)})"


def _place(workspace: Workspace, model: Model, directory: Path) -> Path:
    from .models.download import download_files

    return download_files(workspace.store.blobs, model.tree, model.root, directory, exist_ok=False)


def _title(found: Found, model: Model) -> str:
    shown = re.sub(r'["\\\x00-\x1f]', "_", model.root)  # it goes into a docstring
    return f"Serves {TITLES[found.kind][0]}, {shown}."


def _inner(found: Found, facts: Mapping[str, Any]) -> str:
    return str(facts["inner"]) if "inner" in facts else found.path


def _facts(
    found: Found, path: Path, shown: str, interpreter: str | Path | None, *, trusted: bool
) -> tuple[dict[str, Any], list[str]]:
    """Return what the model says about itself, and what its user should know."""
    kind, inner = found.kind, found.path
    if kind == "mlflow":
        if found.native is None or _has("mlflow", interpreter):
            _require(read_model("importable", "mlflow", interpreter), found, shown, interpreter)
            return _mlflow_facts(found, path, shown, interpreter, trusted=trusted)
        kind, inner = found.native
    notes: list[str] = []
    if kind == "pickle" and not trusted:
        stored = (found.stored or {}).get("libraries", {})
        notes.append(
            f"{shown} is a pickle, and reading one runs the code in it: it was not read, so the script does not know "
            "its input. Deploying reads it, in a process of its own, and completes the script."
        )
        return {"kind": kind, "inner": inner, "versions": stored}, notes
    facts = read_model(kind, str(path / inner) if inner else str(path), interpreter)
    _require(facts, Found(kind), shown, interpreter)
    if kind == "pickle" and facts.get("method") is None:
        raise InvalidInputError(
            f"The model {shown!r} holds a {facts.get('class')}, which has neither predict() nor transform().",
            field="entry_script", hint="Write an entry script with init() and run() for it.",
        )  # fmt: skip
    notes += version_notes(shown, facts, found.stored)
    if kind == "pickle":
        notes.append(f"{shown} is a pickle: loading it runs the code in it. Deploy only pickles that you trust.")
    return {**facts, "kind": kind, "inner": inner}, notes


def _mlflow_facts(
    found: Found, path: Path, shown: str, interpreter: str | Path | None, *, trusted: bool
) -> tuple[dict[str, Any], list[str]]:
    """See whether the model takes the sample that its signature suggests. Reading it runs code that it brings."""
    columns = [item for item in found.signature if item.get("name")]
    if not trusted or not columns:
        return {}, []
    facts = read_model("mlflow", str(path), interpreter)
    _require(facts, found, shown, interpreter)
    return facts, []


def version_notes(shown: str, facts: Mapping[str, Any], stored: Mapping[str, Any] | None) -> list[str]:
    """Return what to tell about versions that differ between where the model was made and where it will run."""
    made = {**(stored or {}).get("libraries", {}), **facts.get("trained_with", {})}
    running: Mapping[str, str] = facts.get("versions", {})
    notes = []
    for name, version in made.items():
        if name in running and running[name] != version:
            what = f" ({', '.join(facts['differing'])})" if facts.get("differing") else ""
            notes.append(
                f"{shown} was trained with {name} {version}, running {name} {running[name]}{what}: results may differ "
                f"or loading may fail. Install {name}=={version}, or save the model again."
            )
    return notes


def _require(facts: Mapping[str, Any], found: Found, shown: str, interpreter: str | Path | None) -> None:
    title, library = TITLES[found.kind]
    if "missing" in facts:
        name = _DISTRIBUTIONS.get(str(facts["missing"]), str(facts["missing"]))
        raise InvalidInputError(
            f"The model {shown!r} needs {name}, which {str(interpreter or sys.executable)!r} does not have.",
            field="models", hint=f"`pip install {name}` there, or name another interpreter with --python.",
        )  # fmt: skip
    if "error" in facts:
        raise InvalidInputError(
            f"The model {shown!r} cannot be read as {title} with {library}: {facts['error']}.",
            field="models", hint="Nothing was deployed. Save it again, or write an entry script that loads it.",
        )  # fmt: skip


def _has(module: str, interpreter: str | Path | None) -> bool:
    return "missing" not in read_model("importable", module, interpreter)


def _parts(found: Found, facts: Mapping[str, Any]) -> scripts.Parts:
    kind: Kind = facts.get("kind", found.kind)
    if kind == "pickle":
        return scripts.pickle_parts(facts)
    if kind in {"xgboost", "lightgbm"}:
        return scripts.booster_parts(kind, facts)
    if kind == "onnx":
        return scripts.onnx_parts(facts)
    if kind == "tensorflow":
        return scripts.tensorflow_parts(facts)
    if kind == "mlflow":
        return mlflow_parts(found.signature, facts)
    return scripts.torch_parts(kind, facts)


def read_model(
    kind: str, path: str, interpreter: str | Path | None, timeout_s: float = READ_TIMEOUT_S
) -> dict[str, Any]:
    """Read a model in a process of its own and return its facts, ``{"missing": …}`` or ``{"error": …}``."""
    program = Path(__file__).with_name("nocode_probe.py").read_text(encoding="utf-8")
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="mldeploy-read-") as directory:
        result = Path(directory, "facts.json")
        process = subprocess.Popen(
            [str(interpreter or sys.executable), "-c", program, kind, path, str(result)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            # Modules of the working directory will not be there when the model is served either.
            cwd=directory, start_new_session=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return {"error": f"reading it took longer than {timeout_s:g} s"}
        finally:
            _end_group(process)
            process.wait()
        try:
            facts: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {"error": f"reading it ended with code {process.returncode}"}
        return facts


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and what it has started, unless it has ended and its number is another one's by now."""
    with suppress(OSError):
        if process.returncode is not None:
            # The number is not given away while one of its group is there.
            with suppress(ProcessLookupError):
                os.kill(process.pid, 0)
                return
        os.killpg(process.pid, signal.SIGKILL)
