"""Several models in one service, chosen by the request and loaded when they are first needed.

    from jupyter_mldeploy.scoring.models import ModelPool

    def init():
        global pool
        pool = ModelPool(joblib.load, memory_gb=4)

    def run(data):
        return pool.chosen().predict(data).tolist()

Callers choose with ``/score?model=NAME[:VERSION]`` or the header ``x-mldeploy-model: NAME[:VERSION]``; without a
version they get the newest one. When the budget is used up, the models that nobody asked for the longest are let go.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import parse_qsl

from ..schema.errors import RequestError
from .exchange import Exchange
from .model_dir import models_root
from .print_capture import current_request
from .processes import resident_bytes

logger = logging.getLogger("mldeploy.scoring")

Load = Callable[[Path], Any]


class ModelChoiceError(RequestError):
    """The request names no model, or one that is not there; the caller gets 400 or 404 with the names there are."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(slots=True)
class _Entry:
    """One version of a model: where it lies, and what it has done."""

    name: str
    version: str
    path: Path
    lock: threading.Lock = field(default_factory=threading.Lock)
    size: int = 0
    requests: int = 0
    loads: int = 0
    evictions: int = 0
    load_seconds: float = 0.0

    @property
    def id(self) -> str:
        return f"{self.name}:{self.version}" if self.version else self.name


class ModelPool:
    """Models by name and version, loaded on demand. Thread-safe: a model is loaded once however many ask for it.

    Args:
        load: turns the path of a model's file or folder into the model; or such a function for each model's name.
        memory_gb: how much the loaded models may take together, in GiB; None for as much as there is. A model that is
            larger by itself is loaded alone, with a warning.
        default: name or ``name:version`` for requests that choose none; None refuses them where there are several.
        folder: a folder whose files and folders are the models, named without their endings; None takes all models
            that were deployed with the service.

    Raises:
        ValueError: there is no model, ``default`` is not among them, or one of them has no loader.
    """

    def __init__(
        self,
        load: Load | Mapping[str, Load],
        *,
        memory_gb: float | None = None,
        default: str | None = None,
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        self._load = load
        self._budget = None if memory_gb is None else int(memory_gb * 2**30)
        entries = _deployed() if folder is None else _in_folder(Path(folder))
        if not entries:
            raise ValueError(f"There is no model in {Path(folder or models_root()).absolute()}.")
        without = sorted({entry.name for entry in entries if isinstance(load, Mapping) and entry.name not in load})
        if without:
            raise ValueError(f"There is no function to load the model {without[0]!r} with.")
        self._entries = {entry.id: entry for entry in entries}
        self._newest = {entry.name: entry for entry in entries}  # sorted by version, so that the last one wins
        self._lock = threading.Lock()
        self._loaded: OrderedDict[str, Any] = OrderedDict()
        self._default = self._find(default) if default is not None else None
        if self._default is None and default is not None:
            raise ValueError(f"The default model {default!r} is not among {', '.join(self.names())}.")
        if self._default is None and len(self._newest) == 1:
            (self._default,) = self._newest.values()
        _pools.add(self)

    def names(self) -> list[str]:
        """Return what can be chosen, ``name:version`` each."""
        return sorted(self._entries)

    def loaded(self) -> list[str]:
        """Return which models are in memory, the one that was used last at the end."""
        with self._lock:
            return list(self._loaded)

    def chosen(self) -> Any:
        """Return the model that the present request names; the answer gets the header ``x-mldeploy-model``.

        Raises:
            ModelChoiceError: it names none or one that is not there; left alone, it becomes the answer 400 or 404.
            LookupError: there is no request now; use ``get``.
        """
        exchange = current_request.get()
        if exchange is None:
            raise LookupError("No request is being scored, so none has chosen a model; use get(name).")
        wanted = _wanted(exchange)
        entry = self._find(wanted) if wanted else self._default
        if entry is None and not wanted and exchange.connection is None and exchange.request_id == b"self-test":
            entry = self._entries[self.names()[0]]  # the service tests itself before anybody could choose
        if entry is None:
            there = ", ".join(self.names())
            if wanted:
                raise ModelChoiceError(f"There is no model {wanted!r} here. Models: {there}.", status=404)
            raise ModelChoiceError(
                f"The request names no model. Choose one with ?model=NAME or the header x-mldeploy-model: {there}.",
                status=400,
            )
        model = self._get(entry)
        if entry.id.isascii() and entry.id.isprintable():
            exchange.extra += b"x-mldeploy-model: %b\r\n" % entry.id.encode()
        return model

    def get(self, name: str, version: int | str | None = None) -> Any:
        """Return a model, loading it when it is not in memory.

        Raises:
            KeyError: there is no such model.
        """
        entry = self._find(f"{name}:{version}" if version is not None else name)
        if entry is None:
            raise KeyError(f"There is no model {name!r}" + (f" version {version}." if version is not None else "."))
        return self._get(entry)

    def figures(self) -> dict[str, list[float]]:
        """Return requests, loads, evictions, seconds of loading, and bytes in memory, for each model."""
        with self._lock:
            return {
                key: [item.requests, item.loads, item.evictions, item.load_seconds,
                      item.size if key in self._loaded else 0]
                for key, item in self._entries.items()
            }  # fmt: skip

    def _find(self, wanted: str) -> _Entry | None:
        return self._entries.get(wanted) or self._newest.get(wanted)

    def _get(self, entry: _Entry) -> Any:
        with self._lock:
            entry.requests += 1
            if entry.id in self._loaded:
                self._loaded.move_to_end(entry.id)
                return self._loaded[entry.id]
        with entry.lock:
            with self._lock:
                if entry.id in self._loaded:  # another thread has loaded it meanwhile
                    return self._loaded[entry.id]
                self._make_room(entry, entry.size or _size_on_disk(entry.path))
            before, started = resident_bytes(os.getpid()) or 0, perf_counter()
            load = self._load[entry.name] if isinstance(self._load, Mapping) else self._load
            model = load(entry.path)
            seconds = perf_counter() - started
            grown = (resident_bytes(os.getpid()) or 0) - before
            with self._lock:
                # What an allocator had free hides a model; what other threads took at the same time adds to it.
                entry.size = max(grown, _size_on_disk(entry.path))
                entry.loads += 1
                entry.load_seconds += seconds
                self._loaded[entry.id] = model
                self._make_room(entry, 0)
            logger.info("Model %s was loaded in %.2f s (about %d MiB).", entry.id, seconds, entry.size >> 20)
            return model

    def _make_room(self, entry: _Entry, more: int) -> None:
        """Let models go, the longest unused first, until ``more`` bytes fit; called with the lock held."""
        if self._budget is None:
            return
        used = sum(self._entries[key].size for key in self._loaded)
        for key in list(self._loaded):
            if used + more <= self._budget:
                return
            if key != entry.id:
                del self._loaded[key]
                used -= self._entries[key].size
                self._entries[key].evictions += 1
                logger.info("Model %s was let go to make room for %s.", key, entry.id)
        if not more and used > self._budget:
            logger.warning(
                "Model %s alone takes about %d MiB, more than memory_gb allows (%d MiB).",
                entry.id, used >> 20, self._budget >> 20,
            )  # fmt: skip


_pools: weakref.WeakSet[ModelPool] = weakref.WeakSet()


def all_figures() -> dict[str, list[float]]:
    """Return the figures of all pools of this process."""
    return {key: values for pool in list(_pools) for key, values in pool.figures().items()}


def _wanted(exchange: Exchange) -> str:
    header = exchange.header(b"x-mldeploy-model").strip()
    if header:
        return header
    if b"model=" not in exchange.query:
        return ""
    return next((value for key, value in parse_qsl(exchange.query.decode("latin-1")) if key == "model"), "").strip()


def _deployed() -> list[_Entry]:
    root = models_root()
    found = []
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        versions = (
            [item for item in folder.iterdir() if item.is_dir() and item.name.isdecimal()] if folder.is_dir() else []
        )
        for version in sorted(versions, key=lambda item: int(item.name)):
            inside = sorted(version.iterdir())
            path = inside[0] if len(inside) == 1 else version
            found.append(_Entry(folder.name, version.name, path))
    return found


def _in_folder(folder: Path) -> list[_Entry]:
    if not folder.is_dir():
        return []
    items = [item for item in sorted(folder.iterdir()) if not item.name.startswith(".")]
    if len(items) == 1 and items[0].is_dir():
        return _in_folder(items[0])  # a folder that was registered lies as one entry in its version's folder
    return [_Entry(item.stem if item.is_file() else item.name, "", item) for item in items]


def _size_on_disk(path: Path) -> int:
    files = [path] if path.is_file() else [item for item in path.rglob("*") if item.is_file()]
    return sum(item.stat().st_size for item in files)
