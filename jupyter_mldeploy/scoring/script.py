"""Loads an entry script and finds its ``init`` and ``run``."""

from __future__ import annotations

import importlib.util
import linecache
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from .errors import StartError
from .line_map import LineMap, compile_mapped

MODULE_NAME = "entry_module"


@dataclass(frozen=True, slots=True)
class EntryScript:
    """A loaded entry script.

    Attributes:
        path: the file.
        module: the module it became.
        init: called once without arguments; may be ``async def``. None when a class-based script has no ``init``.
        run: called for every request.
    """

    path: Path
    module: ModuleType
    init: Callable[[], Any] | None
    run: Callable[..., Any]


def load_entry_script(
    path: Path,
    *,
    app_root: Path | None = None,
    module_name: str = MODULE_NAME,
    line_map: LineMap | None = None,
) -> EntryScript:
    """Import the script at ``path`` under ``module_name`` and find its functions.

    The script's directory comes first on ``sys.path`` and the app root last, as v1 did.

    Raises:
        StartError: stage ``import`` (the file is missing, cannot be read, or raises) or ``contract`` (no ``init`` or
            ``run``); ``cause`` is the script's own exception.
    """
    if not path.is_file():
        raise StartError("import", f"The entry script {path} does not exist.")
    for directory, first in ((str(path.parent), True), (str(app_root) if app_root else "", False)):
        if directory and directory not in sys.path:
            sys.path.insert(0, directory) if first else sys.path.append(directory)
    module = _import_script(path, module_name, line_map)
    init, run = _find_functions(module, path)
    return EntryScript(path, module, init, run)


def _import_script(path: Path, module_name: str, line_map: LineMap | None) -> ModuleType:
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None:
        raise StartError("import", f"The entry script {path} is not a Python file: its name must end in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # so that pickle, dataclasses and inspect find the script's classes
    _answer_for_main(module)
    linecache.checkcache(str(path))
    try:
        source = importlib.util.decode_source(path.read_bytes())
        if line_map:
            for code in compile_mapped(source, path, line_map):
                exec(code, module.__dict__)  # noqa: S102 - running the user's script is the purpose
        else:
            exec(compile(source, str(path), "exec", dont_inherit=True), module.__dict__)  # noqa: S102
    except BaseException as error:  # sys.exit() at import is a start failure like any other
        sys.modules.pop(module_name, None)
        raise StartError("import", f"{path.name} cannot be imported: {_summary(error)}", error) from error
    return module


def _answer_for_main(module: ModuleType) -> None:
    """Let ``__main__`` answer with the script's names.

    Objects pickled in a notebook remember their classes as ``__main__.Name``; the script defines them under its own
    module name, and unpickling would fail although the class is there.
    """
    main = sys.modules.get("__main__")
    if main is None or "__getattr__" in vars(main):
        return

    def lookup(name: str) -> Any:
        try:
            return vars(module)[name]
        except KeyError:
            raise AttributeError(f"module '__main__' has no attribute {name!r}") from None

    main.__dict__["__getattr__"] = lookup


def _find_functions(module: ModuleType, path: Path) -> tuple[Callable[[], Any] | None, Callable[..., Any]]:
    # Old SDKs and AutoML wrote a driver script that imports the real one as `driver_module`: its init() does the
    # driver's extra work, the run() that carries the decorators is the inner one.
    driven = getattr(module, "driver_module", None)
    run = getattr(driven if isinstance(driven, ModuleType) and hasattr(driven, "run") else module, "run", None)
    init = getattr(module, "init", None)
    if run is None:
        return _find_class(module, path)
    if not callable(run):
        raise StartError("contract", f"run in {path.name} is {type(run).__name__}, not a function.")
    if init is None:
        raise StartError(
            "contract", f"{path.name} has no init() function. Add `def init(): pass` if there is nothing to load."
        )
    if not callable(init):
        raise StartError("contract", f"init in {path.name} is {type(init).__name__}, not a function.")
    return init, run


def _find_class(module: ModuleType, path: Path) -> tuple[Callable[[], Any] | None, Callable[..., Any]]:
    """Accept a script whose one class has ``run`` (and perhaps ``init``) as methods; it is made without arguments."""
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__ and callable(getattr(value, "run", None))
    ]
    if len(classes) > 1:
        names = ", ".join(item.__name__ for item in classes)
        raise StartError(
            "contract",
            f"{path.name} has several classes with a run method ({names}) and no run() function. "
            f"Say which one with `service = {classes[0].__name__}(); init, run = service.init, service.run`.",
        )
    if not classes:
        raise StartError(
            "contract", f"{path.name} has no run() function, and no class with a run method. Define `def run(data): …`."
        )
    try:
        instance = classes[0]()
    except BaseException as error:
        raise StartError("init", f"{classes[0].__name__}() in {path.name} failed: {_summary(error)}", error) from error
    init = getattr(instance, "init", None)
    return (init if callable(init) else None), instance.run


def _summary(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        line = (error.text or "").strip()
        magic = f". {line!r} is a notebook's magic, not Python: take the line out" if line.startswith("%") else ""
        return f"SyntaxError: {error.msg} ({error.filename}, line {error.lineno}){magic}"
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
