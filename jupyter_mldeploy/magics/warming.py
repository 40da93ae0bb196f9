"""Load what a first deployment needs while its user still writes the cell.

The imports take longer than bringing a small service to life. In a kernel they happen in a thread after ``%load_ext``;
a magic that is run earlier waits for that thread.
"""

from __future__ import annotations

import threading
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_MODULES = (
    "..core.workspace",
    "..core.deployargs",
    "..core.deployrequest",
    "..core.capture",
    "..core.card",
    ".commands",
)


class WarmUp:
    """The thread that loads, or nothing outside of kernels: a script should not pay for what it may never use."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._thread: threading.Thread | None = None
        if getattr(shell, "kernel", None) is not None:
            # Not a daemon: an interpreter that ends in the middle of loading an extension module may crash.
            self._thread = threading.Thread(target=_load, name="mldeploy-warm-up")
            self._thread.start()

    def wait(self) -> None:
        """Return when everything is loaded, or at once when nothing is being loaded."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None


def _load() -> None:
    try:
        for module in _MODULES:
            import_module(module, __package__)
        from ..core.deployrequest import DEFAULT_TARGET
        from ..core.target import Targets

        Targets().find(DEFAULT_TARGET)
    except Exception:  # noqa: BLE001  whatever it is, it comes up again, with its traceback, where it is needed
        return
