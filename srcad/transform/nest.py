"""Loops over all elements of an array, or over some of them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from srcad.ir.build import ONE, ZERO
from srcad.ir.names import Names
from srcad.ir.nodes import Comment, Expr, Extent, For, Load, Stmt, Store, Var
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
    return nest_over(names, [(ZERO, Extent(array, k)) for k in range(ndim)], body)


def nest_over(names: Names, ranges: Sequence[tuple[Expr, Expr]], body: Body) -> list[Stmt]:
    """``body`` for each index in these ranges, first and end by axis."""
    counters = [Var(names.fresh("ijklmn"[k % 6]), INT) for k in range(len(ranges))]
    block: list[Stmt] = body(tuple(counters))
    for counter, (first, end) in reversed(list(zip(counters, ranges, strict=True))):
        block = [For(counter, first, end, ONE, tuple(block))]
    return block


class Copied(NamedTuple):
    """What a nest over whole axes copies: an element for each value of its counters."""

    target: str
    to: tuple[Expr, ...]
    source: str
    at: tuple[Expr, ...]
    counters: tuple[Expr, ...]
    ends: tuple[Expr, ...]


def copied_by(stmt: Stmt) -> Copied | None:
    """What a statement copies, if it is such a nest and nothing else."""
    counters: list[Expr] = []
    ends: list[Expr] = []
    while isinstance(stmt, For):
        inner = [s for s in stmt.body if not isinstance(s, Comment)]
        plain = (stmt.start, stmt.step, stmt.until, stmt.checkpoints) == (ZERO, ONE, None, None)
        if not plain or len(inner) != 1:
            return None
        counters.append(stmt.var)
        ends.append(stmt.stop)
        stmt = inner[0]
    match stmt:
        case Store(array=target, index=to, value=Load(array=source, index=at)) if counters:
            return Copied(target, to, source, at, tuple(counters), tuple(ends))
    return None
