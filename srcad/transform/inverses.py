"""Inverses are made in arrays, and small determinants without LAPACK.

What ``np.linalg.inv`` returns is an array of its own, column by column, in every iteration. Here
the array is made first, so that the passes that follow can make it once, or as a row of a tape::

    y = np.linalg.inv(a)                    y = np.empty((a.shape[0], a.shape[1]))
    s = np.linalg.det(a)            ->      set_inverse(y, a)
                                            s = determinant(a)

``set_inverse`` and ``determinant`` are in ``srcad.runtime.inverses``.
"""

from dataclasses import replace

from srcad.ir.nodes import (
    Alloc,
    Block,
    Extent,
    Function,
    Invoke,
    Stmt,
    blocks,
    statements,
    with_blocks,
)
from srcad.transform.products import strided


def inverses(function: Function) -> Function:
    """The function with its inverses and determinants written so."""
    calls = [s for s in statements(function.body) if _is_inverse(s) or _is_determinant(s)]
    if not calls:
        return function
    body = function.body
    while True:
        bad = strided(body)
        made = _written(body, function.arrays, bad)
        if made == body:
            return replace(function, body=body)
        body = made


def _is_inverse(stmt: Stmt) -> bool:
    return isinstance(stmt, Invoke) and stmt.function == "np.linalg.inv"


def _is_determinant(stmt: Stmt) -> bool:
    return isinstance(stmt, Invoke) and stmt.function == "np.linalg.det"


def _written(block: Block, arrays: dict[str, tuple[str, int]], bad: set[str]) -> Block:
    """The block with the calls of contiguous arrays written anew."""
    out: list[Stmt] = []
    for stmt in block:
        match stmt:
            case Invoke(args=(str() as a,), targets=(target,)):
                if _is_inverse(stmt) and isinstance(target, str) and a not in bad:
                    shape = Extent(a, 0), Extent(a, 1)
                    out.append(Alloc(target, shape, arrays[target][0], False, stmt.at))
                    out.append(Invoke((), "set_inverse", (target, a), (target,), 0, stmt.at))
                    continue
                if _is_determinant(stmt):
                    stmt = replace(stmt, function="determinant")
            case _ if parts := blocks(stmt):
                stmt = with_blocks(stmt, tuple(_written(b, arrays, bad) for b in parts))
        out.append(stmt)
    return tuple(out)
