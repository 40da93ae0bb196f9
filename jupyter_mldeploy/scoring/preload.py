"""What a warm parent loads in advance, and when that has gone stale.

Only installed distributions and the standard library are loaded: a module of the user's own (beside the script, on
``PYTHONPATH``, or installed as editable) may change before the next revision, and must be read afresh by its worker.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path

#: Never loaded in advance: their import has effects of its own.
_LEFT_ALONE = frozenset({"__main__", "antigravity", "this", "IPython", "ipykernel", "jupyter_client", "test"})

#: Native threads whose library takes care of forks itself: the allocator inside pyarrow, which pandas loads.
_FORK_SAFE_THREADS = frozenset({"jemalloc_bg_thd"})

_OURS = __name__.partition(".")[0]

#: What every worker needs of ours; what else a revision needs is learned from it.
SERVER_MODULES = (
    f"{_OURS}.scoring.worker",
    f"{_OURS}.schema.contract_reading",
    f"{_OURS}.schema.batching",
    f"{_OURS}.schema.encoding",
    f"{_OURS}.schema.shims",
    "concurrent.futures.thread",
    "uvloop",
)


class Preload:
    """Loads modules and remembers the state of the disk they came from."""

    def __init__(self) -> None:
        self._sites = [entry for entry in sys.path if Path(entry).name in {"site-packages", "dist-packages"}]
        self._library = str(Path(os.__file__).parent)
        self._site_stamps = self._stamp_sites()
        self._own_files: dict[str, int | None] = {}
        self._seen: set[str] = set()
        self._tops: dict[str, bool] = {}

    def wants(self, name: str) -> bool:
        """Return whether ``name`` (a module, dotted or not) is installed and not loaded yet."""
        if name in self._seen or name in sys.modules:
            return False
        self._seen.add(name)
        return self.may_be_loaded(name)

    def may_be_loaded(self, name: str) -> bool:
        """Return whether ``name`` belongs to the standard library or to an installed distribution."""
        top = name.partition(".")[0]
        if top not in self._tops:
            self._tops[top] = top not in _LEFT_ALONE and (top == _OURS or self._is_installed(top))
        return self._tops[top]

    def load(self, name: str) -> None:
        """Import ``name``; a failure is ignored here, as the worker will meet and report it."""
        before = set(sys.modules)
        try:
            importlib.import_module(name)
        except (Exception, SystemExit):  # noqa: BLE001  user packages may raise anything
            return
        finally:
            self._remember_own_files(before)

    def stale(self) -> str | None:
        """Return why what is loaded is no longer what lies on disk, or None when it still is."""
        for site, stamp in self._stamp_sites().items():
            if self._site_stamps.get(site) != stamp:
                return f"packages in {site} were installed or removed"
        for path, stamp in self._own_files.items():
            if _modified(path) != stamp:
                return f"{path} was changed"
        return None

    def _is_installed(self, top: str) -> bool:
        if top in sys.stdlib_module_names:
            return True
        try:
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError, AttributeError):
            return False
        if spec is None:
            return False
        places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or [])
        return bool(places) and all(self._is_site_file(place) for place in places)

    def _is_site_file(self, path: str) -> bool:
        return any(path.startswith(site + os.sep) for site in self._sites)

    def _remember_own_files(self, before: set[str]) -> None:
        """Note files outside the installed distributions that came along: they may be edited."""
        for name in set(sys.modules) - before:
            path = getattr(sys.modules.get(name), "__file__", None)
            if not isinstance(path, str) or self._is_site_file(path) or path.startswith(self._library + os.sep):
                continue
            self._own_files[path] = _modified(path)

    def _stamp_sites(self) -> dict[str, int | None]:
        # Installing or removing a distribution renames a .dist-info directory, which touches its parent.
        return {site: _modified(site) for site in self._sites}


def _modified(path: str) -> int | None:
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return None


def know_plugins() -> None:
    """Let narwhals, through which scikit-learn looks at what ``predict`` is given, find its plugins now.

    It reads the entry points of all installed distributions when it is first asked, and then keeps them. That would be
    in the first request of every forked worker, and take it longer than all else until then.
    """
    dependencies = sys.modules.get("narwhals.dependencies")
    if dependencies is not None:
        with suppress(Exception):  # the worker will see
            dependencies.is_into_dataframe(None)


def is_fork_safe() -> str | None:
    """Return why a fork would be dangerous now (threads that it would not copy), or None when it is safe."""
    others = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if others:
        return f"it started a thread ({others[0]})"
    if _native_threads():
        # OpenBLAS and its like stop their threads around a fork; what is left after one is a stranger.
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        strangers = _native_threads()
        if strangers:
            return f"it started a native thread ({strangers[0]})"
    return None


def _native_threads() -> list[str]:
    """Return the names of this process's threads but the main one and those that are known to survive a fork."""
    tasks = Path("/proc/self/task")
    names = []
    for task in tasks.iterdir() if tasks.exists() else ():
        try:
            name = (task / "comm").read_text().strip()
        except OSError:
            continue
        if task.name != str(os.getpid()) and name not in _FORK_SAFE_THREADS:
            names.append(name)
    return names


def loaded_distribution_modules(after: str) -> list[str]:
    """Return the modules loaded later than ``after`` that a warm parent may load in advance next time."""
    # From the end: looking at every name would copy the pages of all of them into a forked process.
    later = list(itertools.takewhile(lambda name: name != after, reversed(sys.modules)))
    preload = Preload()
    return [name for name in reversed(later) if preload.may_be_loaded(name)]
