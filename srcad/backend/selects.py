"""Conditional expressions without branches, before they are compiled.

The adjoint has a ``... if seed != 0.0 else 0.0`` in many lines, so that zero wins over infinity.
Each is three blocks for Numba, whose passes take a time that grows faster than the blocks, though
LLVM makes one instruction of most. Where neither side can raise or costs much, it is that from the
beginning. From ::

    seed = y_b / x if y_b != 0.0 else 0.0

comes ``seed = select(y_b != 0.0, y_b / x, 0.0)``, which evaluates both sides.
"""

import ast
from typing import Any

SELECT = "_srcad_select"
"""The name of the function in a generated module."""
_CHEAP = 4
"""So many operations may be in vain."""
_FREE = ast.Add | ast.Sub | ast.Mult | ast.Div
_SIMPLE = ast.Name | ast.Constant | ast.BinOp | ast.UnaryOp | ast.unaryop | ast.expr_context


def selects(tree: Any) -> Any:
    """The tree, changed in place: calls of ``SELECT`` for the conditional expressions."""
    for field in tree._fields:
        part = getattr(tree, field)
        if isinstance(part, list):
            part[:] = [selects(p) if isinstance(p, ast.AST) else p for p in part]
        elif isinstance(part, ast.expr | ast.stmt):
            setattr(tree, field, selects(part))
    if not isinstance(tree, ast.IfExp) or not (_is_cheap(tree.body) and _is_cheap(tree.orelse)):
        return tree
    function = ast.copy_location(ast.Name(SELECT, ast.Load()), tree)
    return ast.copy_location(ast.Call(function, [tree.test, tree.body, tree.orelse], []), tree)


def _is_cheap(side: ast.expr) -> bool:
    """Whether it is arithmetic of variables, which cannot raise."""
    nodes = list(ast.walk(side))
    if sum(isinstance(n, ast.operator) for n in nodes) > _CHEAP:
        return False
    return all(isinstance(n, _SIMPLE | _FREE) for n in nodes)
