"""From a worker specification to a script that is ready to be called: import, contract, ``init()``, self-test."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from .calling import ScriptCaller
from .errors import StartError
from .failure import describe
from .line_map import Fragment, read_line_map
from .script import EntryScript, load_entry_script
from .spec import WorkerSpec


@dataclass(frozen=True, slots=True)
class Loaded:
    """A script after ``init()``. Times in milliseconds."""

    script: EntryScript
    contract: Any
    caller: ScriptCaller
    import_ms: float
    init_ms: float


def load(spec: WorkerSpec) -> Loaded:
    """Import the script, read its contract, call ``init()`` and test it.

    Raises:
        StartError: says at which stage it stopped, and why.
    """
    prepare_process(spec)
    started = perf_counter()
    script = load_entry_script(
        spec.script_path,
        app_root=Path(spec.app_root),
        module_name=spec.module_name,
        line_map=_fragments(spec),
    )
    from ..schema import read_contract

    try:
        contract = read_contract(script.run)
    except Exception as error:
        raise StartError("contract", str(error), error) from error
    imported = perf_counter()
    caller = ScriptCaller(contract, spec.settings)
    _call_init(script)
    ready = perf_counter()
    return Loaded(script, contract, caller, (imported - started) * 1000, (ready - imported) * 1000)


def prepare_process(spec: WorkerSpec) -> None:
    """Give the process what scripts expect: working directory, ``AML_APP_ROOT``, ``AZUREML_MODEL_DIR``."""
    root = Path(spec.app_root)
    if root.is_dir():
        os.chdir(root)
    os.environ["AML_APP_ROOT"] = str(root)
    os.environ.setdefault("AZUREML_ENTRY_SCRIPT", spec.entry_script)
    if spec.model_dir is not None:
        os.environ["AZUREML_MODEL_DIR"] = str(root / spec.model_dir)


def _fragments(spec: WorkerSpec) -> tuple[Fragment, ...]:
    if spec.line_map is None:
        return ()
    try:
        return read_line_map(Path(spec.app_root, spec.line_map))
    except (OSError, ValueError):
        return ()  # tracebacks then name the script instead of the cell: no reason not to serve


def _call_init(script: EntryScript) -> None:
    if script.init is None:
        return
    try:
        script.init()
    except BaseException as error:  # noqa: BLE001 - sys.exit() in init() is a start failure like any other
        raise StartError("init", f"init() in {script.path.name} failed: {describe(error)}", error) from error
