"""``globals()["x"]`` with a fixed name is the variable ``x``: written so, the rest of the analysis understands it."""

from __future__ import annotations

import ast
import copy


def plain_names(node: ast.stmt) -> ast.stmt:
    """Return the statement with ``globals()["x"]``, ``globals().get("x")`` and ``"x" in globals()`` made plain.

    For analysis only. Stores inside functions stay as they are: there a plain name would be a local variable.
    """
    plain = _Plain().visit(copy.deepcopy(node))
    assert isinstance(plain, ast.stmt)  # noqa: S101 - the transformer replaces expressions only
    return plain


class _Plain(ast.NodeTransformer):
    depth = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._inside(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._inside(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return self._inside(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        name = _fixed_name(node.slice)
        if _is_globals(node.value) and name and (isinstance(node.ctx, ast.Load) or self.depth == 0):
            return ast.copy_location(ast.Name(name, node.ctx), node)
        return self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn) and _is_globals(node.comparators[0]):
            return ast.copy_location(ast.Constant(True), node)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        function = node.func
        looks_up = isinstance(function, ast.Attribute) and function.attr == "get" and _is_globals(function.value)
        if looks_up and node.args and _fixed_name(node.args[0]):
            return ast.copy_location(ast.Constant(True), node)
        return self.generic_visit(node)

    def _inside(self, node: ast.AST) -> ast.AST:
        self.depth += 1
        self.generic_visit(node)
        self.depth -= 1
        return node


def _is_globals(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "globals"


def _fixed_name(node: ast.AST) -> str | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) and value.isidentifier() else None
