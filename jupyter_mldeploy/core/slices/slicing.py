"""Backward slice over the statements that a notebook ran: those that the deployed cell's names depend on.

Every statement has a position in the order of execution; the deployed cell comes last. To *need* a name at a position
is to need the last statement before it that bound the name, what changed the object since, and what those read in turn.
Functions read their globals when they are called, so those are needed where the function is used, and at the end.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from .effects import Change, ObjectId, Tracker
from .function_scopes import StatementNames
from .statement_scopes import statement_names

Verdict = Literal["keep", "skip"]


class Statement(NamedTuple):
    """One top-level statement of a cell that ran.

    Attributes:
        cell: index of its cell.
        node: its syntax tree; lines count in the cell.
        deployed: it belongs to the cell to deploy, which is always kept.
        verdict: what a comment ``# mldeploy: keep`` or ``# mldeploy: skip`` on it says.
    """

    cell: int
    node: ast.stmt
    deployed: bool = False
    verdict: Verdict | None = None


class Opaque(NamedTuple):
    """A name was bound at a position by something that cannot become part of a script; ``why`` says by what."""

    position: int
    name: str
    why: str


class Missing(NamedTuple):
    """A name that is needed and that no statement gives; ``wanted_by`` is the statement that needs it, at ``line``."""

    name: str
    wanted_by: int
    line: int
    opaque: Opaque | None = None
    deleted_by: int | None = None


class Doubt(NamedTuple):
    """A statement that may change a needed object; nothing says whether it does."""

    name: str
    statement: int
    text: str


@dataclass(slots=True)
class Slice:
    """The answer: what is kept, and what stands against it.

    Attributes:
        kept: index of a kept statement → the names that it was kept for (none for the deployed cell's own).
        roots: index → the object that the deployed code uses and for whose sake the statement is kept.
        missing: by name.
        doubts: by statement.
        objects: those of the given names that are needed.
        names: the names of every statement.
    """

    kept: dict[int, set[str]] = field(default_factory=dict)
    roots: dict[int, str] = field(default_factory=dict)
    missing: dict[str, Missing] = field(default_factory=dict)
    doubts: dict[int, Doubt] = field(default_factory=dict)
    objects: set[str] = field(default_factory=set)
    names: list[StatementNames] = field(default_factory=list)


class _Need(NamedTuple):
    name: str
    position: int
    wanted_by: int
    line: int
    root: str
    optional: bool = False


class _Event(NamedTuple):
    position: int
    certain: bool
    ids: frozenset[ObjectId] = frozenset()
    opaque: Opaque | None = None
    deletes: bool = False


def slice_statements(
    statements: Sequence[Statement],
    *,
    given: Collection[str] = (),
    opaque: Sequence[Opaque] = (),
    builtin_names: Collection[str] = (),
    lazy_annotations: bool = False,
    include_doubtful: bool = False,
) -> Slice:
    """Find what the deployed statements need.

    Args:
        statements: in the order of execution, the deployed cell's last.
        given: names handed over as stored objects.
        opaque: names bound by commands and the like; ``position`` is the index of the next statement.
        builtin_names: names that are always there.
        lazy_annotations: annotations are not evaluated.
        include_doubtful: keep statements that may change a needed object, in place of reporting them.
    """
    return _Slicer(statements, given, opaque, builtin_names, lazy_annotations, include_doubtful).run()


class _Slicer:
    def __init__(
        self,
        statements: Sequence[Statement],
        given: Collection[str],
        opaque: Sequence[Opaque],
        builtin_names: Collection[str],
        lazy_annotations: bool,
        include_doubtful: bool,
    ) -> None:
        self.statements = statements
        self.given = given
        self.builtin_names = builtin_names
        self.include_doubtful = include_doubtful
        self.result = Slice()
        self.tracker = Tracker()
        self.events: dict[str, list[_Event]] = {}
        self.end = len(statements)
        self.written_by_init: set[str] = set()
        self.seen: set[tuple[str, int, bool]] = set()
        self.pending: list[_Need] = []
        for item in opaque:
            self.events.setdefault(item.name, []).append(_Event(item.position, certain=True, opaque=item))
        for index, statement in enumerate(statements):
            names = statement_names(statement.node, lazy_annotations=lazy_annotations)
            self.result.names.append(names)
            if statement.verdict == "skip" and not statement.deployed:
                continue
            called = self.tracker.run(index, statement.node)
            for name in names.must | names.may | called:
                ids = self.tracker.values.get(name, frozenset())
                self.events.setdefault(name, []).append(_Event(index, name in names.must, ids))
            for name in names.deletes:
                self.events.setdefault(name, []).append(_Event(index, certain=True, deletes=True))
        for events in self.events.values():
            # An opaque binding at position p happened before statement p ran.
            events.sort(key=lambda event: (event.position, event.opaque is None))

    def run(self) -> Slice:
        self.written_by_init = self._written_by_init()
        for index, statement in enumerate(self.statements):
            if statement.deployed or statement.verdict == "keep":
                self._keep(index, "", "")
        while self.pending:
            self._need(self.pending.pop())
        self.result.doubts = {key: item for key, item in self.result.doubts.items() if key not in self.result.kept}
        return self.result

    def _written_by_init(self) -> set[str]:
        """Return the globals that the deployed init() binds, itself or through functions that it calls."""
        written: set[str] = set()
        seen: set[int] = set()
        stack = [name for name in ("init",) if name in self.events]
        while stack:
            for event in reversed(self.events.get(stack.pop(), ())):
                if event.opaque or event.deletes or event.position in seen:
                    continue
                seen.add(event.position)
                names = self.result.names[event.position]
                if isinstance(self.statements[event.position].node, ast.FunctionDef | ast.AsyncFunctionDef):
                    written |= names.global_writes
                    stack.extend(names.deferred)
                break
        return written

    def _keep(self, index: int, reason: str, root: str) -> None:
        reasons = self.result.kept.get(index)
        if reasons is not None:
            if reason:
                reasons.add(reason)
            return
        self.result.kept[index] = {reason} if reason else set()
        self.result.roots[index] = root
        names = self.result.names[index]
        for name, line in names.reads.items():
            self._ask(name, index, index, line, root)
        plain = isinstance(self.statements[index].node, ast.FunctionDef | ast.AsyncFunctionDef)
        plain = plain and not getattr(self.statements[index].node, "decorator_list", [])
        for name, line in names.deferred.items():
            self._ask(name, self.end, index, line, root)
            if not plain:  # a lambda, a decorated function: it may be called while the statement runs
                self._ask(name, index, index, line, root, optional=True)

    def _ask(self, name: str, position: int, wanted_by: int, line: int, root: str, *, optional: bool = False) -> None:
        # What a function uses is an object in its own right; what an expression uses serves what it makes.
        code = isinstance(self.statements[wanted_by].node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        self.pending.append(_Need(name, position, wanted_by, line, name if code or not root else root, optional))

    def _need(self, need: _Need) -> None:
        name, position = need.name, need.position
        if {(name, position, False), (name, position, need.optional)} & self.seen:
            return
        self.seen.add((name, position, need.optional))
        if position == self.end and name in self.written_by_init:
            return
        found, ids, fault = self._binders(name, position)
        deployed = [index for index in found if self.statements[index].deployed]
        if deployed and (name in self.result.names[deployed[-1]].must or name in self.given):
            self._follow(need, deployed)
            return
        if name in self.given:
            self.result.objects.add(name)
            return
        if not found or fault is not None:
            own = self.result.names[need.wanted_by].global_writes
            if fault is None and (name in self.builtin_names or (position == self.end and name in own)):
                return
            if need.optional:  # what a function uses need not have been there when the function was only passed on
                return
            missing = Missing(
                name,
                need.wanted_by,
                need.line,
                fault.opaque if fault else None,
                fault.position if fault and fault.deletes else None,
            )
            self.result.missing.setdefault(name, missing)
            return
        self._follow(need, found)
        for item in self.tracker.reach(ids, code=True):
            index = self.tracker.defined_by(item)
            if index is not None and index not in found:  # reached through a value: it may be called here
                for inner, line in self.result.names[index].deferred.items():
                    self._ask(inner, position, index, line, need.root, optional=True)
            for change in self.tracker.changes.get(item, ()):
                if change.statement < position and change.statement not in found:
                    self._changed(need, change)

    def _binders(self, name: str, position: int) -> tuple[list[int], set[ObjectId], _Event | None]:
        """Return the statements that may have bound the name last, the objects, and what makes it unusable."""
        found: list[int] = []
        ids: set[ObjectId] = set()
        for event in reversed(self.events.get(name, ())):
            before = event.position < position or (event.opaque is not None and event.position <= position)
            if not before:
                continue
            if event.opaque or event.deletes:
                return found, ids, event
            found.append(event.position)
            ids |= event.ids
            if event.certain:
                break
        return found, ids, None

    def _follow(self, need: _Need, found: Sequence[int]) -> None:
        for index in found:
            self._keep(index, need.name, need.root)
            for inner, line in self.result.names[index].deferred.items():
                self._ask(inner, need.position, index, line, need.root, optional=need.position != self.end)

    def _changed(self, need: _Need, change: Change) -> None:
        statement = self.statements[change.statement]
        if statement.deployed or statement.verdict == "skip":
            return
        if change.certain or self.include_doubtful:
            self._keep(change.statement, need.name, need.root)
        else:
            self.result.doubts.setdefault(change.statement, Doubt(need.name, change.statement, change.text))
