"""What a revision will import, found by reading it: the script's import statements and the heads of pickled models.

The warm process loads these while the files are still being laid out. A model's pickle names the packages that
``init()`` will need although no line of the script does.
"""

from __future__ import annotations

import ast
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

PICKLE_SUFFIXES = frozenset({".pkl", ".pickle", ".joblib", ".sav", ".p"})

_HEAD = 512 * 1024
_NAME = rb"[A-Za-z_][A-Za-z0-9_.]*"
#: SHORT_BINUNICODE module, SHORT_BINUNICODE name, STACK_GLOBAL (each perhaps memoized): protocol 4 and later.
_BY_STACK = re.compile(rb"\x8c(.)(" + _NAME + rb")\x94?\x8c(.)(" + _NAME + rb")\x94?\x93", re.DOTALL)
#: GLOBAL: protocols 0 to 3.
_BY_NAME = re.compile(rb"c(" + _NAME + rb")\n" + _NAME + rb"\n")
_MOST_MODULES = 64
_NOT_IMPORTED = frozenset({"__main__", "builtins", "__builtin__", "copy_reg", "copyreg"})


def script_imports(path: Path) -> list[str]:
    """Return the modules that a script imports, dotted (``sklearn.linear_model``); [] when it cannot be parsed."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(dict.fromkeys(alias.name for alias in node.names))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found[node.module] = None
            # `from package import module` loads a module, `from module import name` does not: both are tried.
            found.update(dict.fromkeys(f"{node.module}.{alias.name}" for alias in node.names if alias.name.islower()))
    return list(found)


def pickled_imports(directory: Path) -> list[str]:
    """Return the modules named in the heads of pickle files below ``directory``. Nothing is unpickled."""
    found: dict[str, None] = {}
    for path in sorted(directory.rglob("*")):
        if path.suffix.lower() in PICKLE_SUFFIXES and path.is_file():
            found.update(dict.fromkeys(name for name in _modules(_head(path)) if name not in _NOT_IMPORTED))
        if len(found) > _MOST_MODULES:
            break
    return list(found)[:_MOST_MODULES]


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        data = stream.read(_HEAD)
    window = {b"\x1f\x8b": 31, b"\x78\x01": 15, b"\x78\x5e": 15, b"\x78\x9c": 15, b"\x78\xda": 15}.get(data[:2])
    if window is None:
        return data
    try:
        return zlib.decompressobj(window).decompress(data, _HEAD)
    except zlib.error:
        return b""


def _modules(data: bytes) -> Iterator[str]:
    """Yield the module of each class or function that the pickle names.

    The opcodes are searched for rather than followed: joblib puts raw arrays between them.
    """
    for found in _BY_STACK.finditer(data):
        length, module, name_length, name = found.groups()
        if length[0] == len(module) and name_length[0] == len(name):
            yield module.decode("ascii")
    for found in _BY_NAME.finditer(data):
        yield found.group(1).decode("ascii")
