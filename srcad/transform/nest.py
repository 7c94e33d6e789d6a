"""Loops over all elements of an array."""

from collections.abc import Callable

from srcad.ir.build import ONE, ZERO
from srcad.ir.names import Names
from srcad.ir.nodes import Expr, Extent, For, Stmt, Var
from srcad.ir.types import INT

Body = Callable[[tuple[Expr, ...]], list[Stmt]]
"""From an index to the statements for that element."""


def nest(names: Names, array: str, ndim: int, body: Body) -> list[Stmt]:
    """``body`` for each index of an array of this rank.

    >>> from srcad.ir.nodes import Load, Store
    >>> (loop,) = nest(Names(), "u", 1, lambda at: [Store("u", at, Load("v", at, "float64"))])
    >>> loop.var.name, loop.stop
    ('i', Extent(array='u', axis=0, kind='int64'))
    """
    counters = [Var(names.fresh("ijklmn"[k % 6]), INT) for k in range(ndim)]
    block: list[Stmt] = body(tuple(counters))
    for k in reversed(range(ndim)):
        block = [For(counters[k], ZERO, Extent(array, k), ONE, tuple(block))]
    return block
