"""Why a name cannot be taken from the cells, and what to do about it."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Collection, Sequence
from functools import cache

from .cells import (
    Cell,
    ReadCells,
    UnresolvedName,
    binds,
    completed,
)
from .ipython_syntax import read_cell
from .slicing import Missing, Slice

_MODULE_NAMES = frozenset(
    {"__name__", "__file__", "__doc__", "__builtins__", "__annotations__", "__class__", "__path__"}
)
_HISTORY = frozenset({"In", "Out", "_", "__", "___", "_i", "_ii", "_iii", "_ih", "_oh", "_dh"})
_IPYTHON = {
    "display": "Import it (from IPython.display import display), or leave it out: a service shows nothing.",
    "get_ipython": "Leave it out: a service has no IPython.",
}
#: Modules of objects in ``builtins`` that Python itself puts there; IPython and others add more.
_NATIVE = frozenset({None, "builtins", "io", "_io", "_sitebuiltins", "site"})


@cache
def builtin_names() -> frozenset[str]:
    """Return the names that every module has, without what IPython and other tools add to ``builtins``."""
    native = {
        name
        for name, value in vars(builtins).items()
        if getattr(value, "__module__", None) in _NATIVE and not name.startswith("__IPY")
    }
    return frozenset((native - _IPYTHON.keys()) | _MODULE_NAMES)


def explain(
    read: ReadCells, found: Slice, *, kernel_names: Collection[str] | None, not_run: Sequence[Cell]
) -> tuple[UnresolvedName, ...]:
    """Return everything that stands against the slice, each with its reason."""
    unresolved = [
        *read.commands_of_target(),
        *(_missing(read, found, item, kernel_names, not_run) for item in found.missing.values()),
        *_dynamic(read, found),
        *_not_main(read, found),
        *_awaits(read, found),
        *_doubtful(read, found),
    ]
    seen: dict[str, UnresolvedName] = {}
    for item in unresolved:
        seen.setdefault(item.name, item)
    return tuple(seen.values())


def _missing(
    read: ReadCells, found: Slice, item: Missing, kernel_names: Collection[str] | None, not_run: Sequence[Cell]
) -> UnresolvedName:
    name = item.name
    hand_over = f"Pass it with --object {name}."
    reason, hint = _reason(read, found, item, not_run)
    if reason is None:
        if kernel_names is not None and name in kernel_names:
            reason, hint = (
                f"it only exists in the kernel, no cell in the history makes it (pass it with --object {name})",
                hand_over,
            )
        elif kernel_names is not None:
            reason, hint = "no cell that was run defines it", "Define it, or run the cell that does."
        else:
            reason, hint = (
                "no cell of the notebook defines it",
                f"Define it, or deploy from the running notebook with --object {name}.",
            )
    where = read.statements[item.wanted_by]
    return UnresolvedName(name, reason, hint or hand_over, read.label(where.cell), item.line)


def _reason(read: ReadCells, found: Slice, item: Missing, not_run: Sequence[Cell]) -> tuple[str | None, str | None]:
    name = item.name
    if item.opaque is not None:
        return item.opaque.why, f"Write it as plain Python, or pass it with --object {name}."
    if item.deleted_by is not None:
        statement = read.statements[item.deleted_by]
        where = f"{read.label(statement.cell)} line {statement.node.lineno}"
        return f"it was deleted by `del {name}` in {where}", "Define it again, or leave the del out."
    if name in _IPYTHON:
        return "IPython provides it in notebooks only", _IPYTHON[name]
    if name in _HISTORY or (name.startswith("_") and name.lstrip("_i").isdigit()):
        return "it is IPython's input and output history", "Give the value a name of its own in a cell."
    star = _star(read, found, item)
    if star is not None:
        return star
    return _elsewhere(read, name, not_run) or _perhaps(read, found, item) or (None, None)


def _star(read: ReadCells, found: Slice, item: Missing) -> tuple[str, str] | None:
    for index in range(len(read.statements) - 1, -1, -1):
        for module, line in found.names[index].stars.items():
            loaded = sys.modules.get(module)
            public = getattr(loaded, "__all__", None) or [n for n in dir(loaded) if not n.startswith("_")]
            if loaded is not None and item.name not in public:
                continue
            verb = "comes" if loaded is not None else "may come"
            where = f"{read.label(read.statements[index].cell)} line {line}"
            return (
                f"it {verb} from `from {module} import *` in {where}, which says nothing about the names it brings",
                f"Write: from {module} import {item.name}.",
            )
    return None


def _elsewhere(read: ReadCells, name: str, not_run: Sequence[Cell]) -> tuple[str, str] | None:
    """Look for the name in cells, or parts of cells, that did not run."""
    for number, (cell, text) in enumerate(zip(read.cells, read.texts, strict=True)):
        if text.tree is None and text.is_python and name in text.text:
            return (
                f"{read.label(number)} mentions it, but is not valid Python: {text.problem}",
                "Correct that cell and run it.",
            )
        if cell.failed and text.tree is not None:
            done = completed(cell, text)
            if any(name in binds(node) for node in text.tree.body if node not in done):
                return (
                    f"{read.label(number)} defines it, but ended with an error before or there",
                    "Run that cell again without an error.",
                )
        if not text.is_python and text.cell_magic and f"{name} " in text.commands[0].text + " ":
            return (
                f"{read.label(number)} may set it with `{text.commands[0].text}`",
                f"Write it as plain Python, or pass it with --object {name}.",
            )
    for cell in not_run:
        tree = read_cell(cell.source).tree
        if tree is not None and any(name in binds(node) for node in tree.body):
            which = f"cell {cell.id}" if cell.id else "a cell"
            return f"{which} defines it, but was never run", "Run that cell."
    return None


def _perhaps(read: ReadCells, found: Slice, item: Missing) -> tuple[str, str] | None:
    """Name what could have made the name without showing it: exec, globals(), %run."""
    hint = f"Assign it with a plain statement, or pass it with --object {item.name}."
    for index in range(len(read.statements) - 1, -1, -1):
        statement = read.statements[index]
        for call, line in found.names[index].dynamic.items():
            if not statement.deployed and call not in {"eval()", "get_ipython()"}:
                return f"it may be made by {call} in {read.label(statement.cell)} line {line}", hint
    for number, text in enumerate(read.texts[:-1]):
        for command in text.commands:
            if command.may_bind:
                return f"it may be made by `{command.text}` in {read.label(number)} line {command.line}", hint
    return None


def _dynamic(read: ReadCells, found: Slice) -> list[UnresolvedName]:
    """Kept statements that look names up by their text: what they need cannot be known."""
    result = []
    for index in sorted(found.kept):
        for call, line in found.names[index].dynamic.items():
            if call not in {"get_ipython()", "locals()"}:
                label = read.label(read.statements[index].cell)
                result.append(
                    UnresolvedName(
                        call,
                        f"{label} line {line} calls it, so the names that it needs cannot be followed",
                        "Use plain names, give it a namespace of its own, or deploy a file with --from.",
                        label,
                        line,
                    )
                )
    return result


def _not_main(read: ReadCells, found: Slice) -> list[UnresolvedName]:
    result = []
    for index in sorted(found.kept):
        statement = read.statements[index]
        line = found.names[index].reads.get("__name__")
        if line is not None and not statement.deployed and "__main__" in _constants(statement.node):
            label = read.label(statement.cell)
            result.append(
                UnresolvedName(
                    "__name__",
                    f"{label} line {line} runs only where it is '__main__', which it is not in a service",
                    "Take the statements out of that block.",
                    label,
                    line,
                )
            )
    return result


def _constants(node: object) -> set[object]:
    import ast

    if not isinstance(node, ast.If):
        return set()
    return {item.value for item in ast.walk(node.test) if isinstance(item, ast.Constant)}


def _awaits(read: ReadCells, found: Slice) -> list[UnresolvedName]:
    result = []
    for index in sorted(found.kept):
        line = found.names[index].awaits
        if line is not None:
            label = read.label(read.statements[index].cell)
            names = ", ".join(sorted(found.names[index].must | found.names[index].may)) or "await"
            result.append(
                UnresolvedName(
                    names,
                    f"{label} line {line} awaits outside a function, which works only in notebooks",
                    "Use asyncio.run(…), or pass the result with --object.",
                    label,
                    line,
                )
            )
    return result


def _doubtful(read: ReadCells, found: Slice) -> list[UnresolvedName]:
    result = []
    for doubt in found.doubts.values():
        statement = read.statements[doubt.statement]
        label = read.label(statement.cell)
        text = doubt.text if len(doubt.text) <= 60 else f"{doubt.text[:57]}..."
        result.append(
            UnresolvedName(
                doubt.name,
                f"`{text}` in {label} line {statement.node.lineno} may have changed it later; that is not certain",
                "Mark that line with # mldeploy: keep or # mldeploy: skip, or pass the object"
                f" with --object {doubt.name}.",
                label,
                statement.node.lineno,
            )
        )
    return result
