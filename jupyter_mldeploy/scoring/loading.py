"""From a worker specification to a script that is ready to be called: import, contract, ``init()``, self-test."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import inspect
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from . import shims
from .calling import ScriptCaller
from .errors import StartError
from .event_loop import new_event_loop
from .failure import describe
from .line_map import LineMap, read_line_map
from .log_lines import LogWriter
from .memory import give_back_freed_memory
from .print_capture import capture_output
from .script import EntryScript, load_entry_script
from .selftest import run_self_test
from .spec import WorkerSpec
from .user_setup import apply_logging_file, connect_debugger

if TYPE_CHECKING:
    from ..schema.contract import RunContract

logger = logging.getLogger("mldeploy.scoring")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A script after ``init()``.

    Attributes:
        script, contract, caller: the script, what it takes, and what calls it.
        user_loop: the event loop of an ``async`` script, else None.
        writer: where log lines go.
        import_ms, init_ms: times in milliseconds. self_test_ms: the same, None when there was nothing to test with.
    """

    script: EntryScript
    contract: RunContract
    caller: ScriptCaller
    user_loop: asyncio.AbstractEventLoop | None
    writer: LogWriter
    import_ms: float
    init_ms: float
    self_test_ms: float | None


def load(spec: WorkerSpec) -> Loaded:
    """Import the script, read its contract, call ``init()`` and test it.

    Raises:
        StartError: says at which stage it stopped, and why.
    """
    writer = open_log(spec)
    capture_output(writer, spec.settings.log_level)
    with suppress(OSError):
        faulthandler.enable(2, all_threads=False)  # a crash in C code leaves at least the line it came from
    prepare_process(spec)
    _start_telemetry(spec, writer)
    shims.install()
    apply_logging_file((Path(spec.app_root), spec.script_path.parent))
    connect_debugger()
    started = perf_counter()
    with _imports_hardly_collected():
        script = load_entry_script(
            spec.script_path,
            app_root=Path(spec.app_root),
            module_name=spec.module_name,
            line_map=_line_map(spec),
        )
    contract = _read_contract(script)
    caller = ScriptCaller(contract, spec.settings)
    imported = perf_counter()
    user_loop = _call_init(script, contract.function)
    ready = perf_counter()
    self_test_ms = run_self_test(spec, contract, caller, user_loop)
    # What lives now lives as long as the worker: leave it out of every later collection, and its pages shared.
    gc.collect()
    gc.freeze()
    give_back_freed_memory()
    return Loaded(
        script,
        contract,
        caller,
        user_loop,
        writer,
        import_ms=(imported - started) * 1000,
        init_ms=(ready - imported) * 1000,
        self_test_ms=self_test_ms,
    )


@contextmanager
def _imports_hardly_collected() -> Iterator[None]:
    """Collect little garbage while modules load: most of what they make stays, and looking through it takes time.

    What does not stay is worth collecting, though: its memory serves the next modules.
    """
    usual, meanwhile = gc.get_threshold(), (20_000, 10, 1_000)
    gc.set_threshold(*meanwhile)
    try:
        yield
    finally:
        gc.freeze()
        if gc.get_threshold() == meanwhile:  # the script has not chosen others
            gc.set_threshold(*usual)


def open_log(spec: WorkerSpec) -> LogWriter:
    """Return the writer for the worker's log lines: JSON when they go to a file, else as the settings say."""
    facts = {"revision": spec.revision, "worker": spec.worker_id or None}
    if spec.log_file is None:
        return LogWriter(2, structured=spec.settings.log_format == "json", facts=facts)
    descriptor = os.open(spec.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    return LogWriter(descriptor, structured=True, facts=facts)


def prepare_process(spec: WorkerSpec) -> None:
    """Give the process what scripts expect: working directory, ``AML_APP_ROOT``, ``AZUREML_MODEL_DIR``."""
    root = Path(spec.app_root)
    if root.is_dir():
        os.chdir(root)
    os.environ["AML_APP_ROOT"] = str(root)
    os.environ.setdefault("AZUREML_ENTRY_SCRIPT", spec.entry_script)
    if spec.model_dir is not None:
        os.environ["AZUREML_MODEL_DIR"] = str(root / spec.model_dir)


def _start_telemetry(spec: WorkerSpec, writer: LogWriter) -> None:
    """Begin telemetry where it is switched on. What it lacks costs telemetry, never the service."""
    if not (spec.settings.app_insights_enabled or spec.settings.telemetry):
        return
    try:
        from .telemetry.session import start
    except ImportError as error:
        logger.warning(
            "There is no telemetry: %s. Add jupyter_mldeploy[otel], or opentelemetry-sdk and "
            "opentelemetry-exporter-otlp-proto-http, to the environment.",
            error,
        )
        return
    try:
        start(spec, writer)
    except Exception as error:  # noqa: BLE001 - a library whose settings are wrong may raise anything
        logger.warning("There is no telemetry: %s", describe(error))


def _line_map(spec: WorkerSpec) -> LineMap | None:
    if spec.line_map is None:
        return None
    try:
        return read_line_map(Path(spec.app_root, spec.line_map))
    except (OSError, ValueError) as error:
        # Tracebacks then name the script instead of the cell: no reason not to serve.
        logger.warning("The line map is not used: %s", error)
        return None


def _read_contract(script: EntryScript) -> RunContract:
    from ..schema.contract_reading import read_contract
    from ..schema.errors import ContractError

    try:
        if shims.real_rawhttp_requested():
            from .rawhttp import mark_rawhttp

            mark_rawhttp(script.run)
        contract = read_contract(script.run)
        if contract.mode == "text" and _means_rawhttp(script.run):
            from .rawhttp import mark_rawhttp

            logger.warning(
                "run() reads its argument like a request: it is called as if it were decorated with @rawhttp."
            )
            mark_rawhttp(script.run)
            contract = read_contract(script.run)
    except (ContractError, AttributeError, TypeError) as error:
        raise StartError("contract", f"{script.path.name}: {error}", error) from error
    return contract


def _means_rawhttp(run: Any) -> bool:
    if f"{__package__}.rawhttp" not in sys.modules and "werkzeug.wrappers" not in sys.modules:
        return False  # the script has imported nothing that could answer a request by hand
    from .rawhttp import reads_like_request

    return reads_like_request(run)


def _call_init(script: EntryScript, run: Callable[..., Any]) -> asyncio.AbstractEventLoop | None:
    """Call ``init()``; return the loop of a script whose ``run()`` is ``async``."""
    is_async = any(test(run) for test in (inspect.iscoroutinefunction, inspect.isasyncgenfunction))
    try:
        result = script.init() if script.init is not None else None
        if not is_async and not inspect.isawaitable(result):
            return None
        loop = new_event_loop()
        asyncio.set_event_loop(loop)
        if inspect.isawaitable(result):
            loop.run_until_complete(result)
    except BaseException as error:  # sys.exit() in init() is a start failure like any other
        raise StartError("init", f"init() in {script.path.name} failed: {describe(error)}", error) from error
    if is_async:
        return loop
    loop.close()  # init() alone is async
    return None
