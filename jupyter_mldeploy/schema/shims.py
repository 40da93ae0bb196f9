"""``import inference_schema`` for scripts that were written for the original package, where it is not installed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from importlib.abc import Loader

_ORIGINAL = "inference_schema"

#: Module of the original package → module of ours, relative to this package; None for a package that only holds others.
_MODULES: dict[str, str | None] = {
    _ORIGINAL: None,
    f"{_ORIGINAL}.schema_decorators": ".schema_decorators",
    f"{_ORIGINAL}.schema_util": ".schema_util",
    f"{_ORIGINAL}.parameter_types": None,
    f"{_ORIGINAL}.parameter_types.abstract_parameter_type": ".parameter_types.abstract_parameter_type",
    f"{_ORIGINAL}.parameter_types.numpy_parameter_type": ".parameter_types.numpy_parameter_type",
    f"{_ORIGINAL}.parameter_types.pandas_parameter_type": ".parameter_types.pandas_parameter_type",
    f"{_ORIGINAL}.parameter_types.spark_parameter_type": ".parameter_types.spark_parameter_type",
    f"{_ORIGINAL}.parameter_types.standard_py_parameter_type": ".parameter_types.standard_py_parameter_type",
}


class ShimFinder:
    """Finds the original's module names when nobody before it does.

    Finder and loader in one, without their abstract classes: importing those costs 5 ms of every start.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for a module of the original package, None for all others."""
        del path, target
        if fullname not in _MODULES:
            return None
        return ModuleSpec(fullname, cast("Loader", self), is_package=_MODULES[fullname] is None)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return a module of its own: sharing ours would let the import system rename it."""
        return ModuleType(spec.name, f"Stands in for {spec.name}.")

    def exec_module(self, module: ModuleType) -> None:
        """Fill a module with the public names of ours."""
        source = _MODULES[module.__name__]
        if source is None:
            return
        ours = importlib.import_module(source, __package__)
        for name, value in vars(ours).items():
            if not name.startswith("_"):
                setattr(module, name, value)


def install() -> None:
    """Make ``import inference_schema`` work; the installed original, if there is one, always wins. Idempotent."""
    if not any(isinstance(finder, ShimFinder) for finder in sys.meta_path):
        sys.meta_path.append(ShimFinder())


def uninstall() -> None:
    """Undo `install`, and forget the modules that it gave."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, ShimFinder)]
    for name in _MODULES:
        module = sys.modules.get(name)
        if module is not None and isinstance(getattr(module, "__loader__", None), ShimFinder):
            del sys.modules[name]
