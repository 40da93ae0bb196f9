"""Facts of a text that was read with a memory: those of its pieces, put together."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from jupyter_mldeploy.core.script.scopes import LISTS, Facts
from jupyter_mldeploy.core.script.syntax import ParsedSource, Piece


def facts_of(parsed: ParsedSource) -> Facts:
    """Return the facts of a text; of pieces that were remembered nothing is walked through again."""
    if not parsed.pieces:
        return Facts(parsed.tree)
    return _joined(parsed.tree, [_part(piece) for piece in parsed.pieces])


def _part(piece: Piece) -> Facts:
    if piece.notes is None:
        piece.notes = Facts(ast.Module(body=piece.body, type_ignores=[]))
    facts: Facts = piece.notes
    return facts


def _joined(tree: ast.Module, parts: Sequence[Facts]) -> Facts:
    """Put parts together in exactly the order that one pass over the whole tree has.

    No name of one piece is resolved while another is walked through; what a function binds by ``global`` lands in its
    own piece's module scope, marked as deferred. One pass goes through the functions from the last to the first, so
    what comes from functions is joined from the last part to the first.
    """
    facts = Facts(tree, walk=False)
    module, parents, scopes, owners = facts.module, facts.parents, facts.scopes, facts.owners
    for part in parts:
        own = part.module
        parents.update(part.parents)
        scopes.update(part.scopes)
        del scopes[part.tree]
        owners.update(part.owners)
        owners.update(dict.fromkeys([node for node, scope in part.owners.items() if scope is own], module))
        for scope in own.inner:
            scope.parent = module
        module.inner += own.inner
        module.returns += own.returns
        module.yields += own.yields
        module.nonlocals |= own.nonlocals
        for name, node in own.globals.items():
            module.globals.setdefault(name, node)
        for name, reads in own.reads.items():
            module.reads[name] += reads
        for name, bindings in own.bindings.items():
            plain = [binding for binding in bindings if not binding.deferred]
            if plain:
                module.bindings[name] += plain
    for part in reversed(parts):
        for name, bindings in part.module.bindings.items():
            deferred = [binding for binding in bindings if binding.deferred]
            if deferred:
                module.bindings[name] += deferred
    for statement in tree.body:
        parents[statement] = tree
    facts.star_imports = [found for part in parts for found in part.star_imports]
    for number, name in enumerate(LISTS):
        into = getattr(facts, name)
        for part in parts:
            into += getattr(part, name)[: part.outer[number]]
        outer = len(into)
        for part in reversed(parts):
            into += getattr(part, name)[part.outer[number] :]
        facts.outer = (*facts.outer[:number], outer, *facts.outer[number + 1 :])
    return facts
