"""Lengths that checks and literals fix become literals.

What a program says of its small arrays is often enough to know their lengths: slices between
literals of an array that has been indexed beyond them, arrays that are combined with one of known
length. Then ranges are literals, and checks that can only hold are dropped::

    n = max(0, min(3, p.shape[0]))
    if p.shape[0] <= 6: raise              if p.shape[0] <= 6: raise
    if n != 3: raise                ->     axis = np.empty(3)
    axis = np.empty(n)                     for i in range(3):
    for i in range(n):                         axis[i] = p[i] / angle
        axis[i] = p[i] / angle

Fields that a loop exchanges, of one length, have that length in all iterations::

    u, v = x.copy(), x.copy()              u, v = x.copy(), x.copy()
    for t in range(n):                     for t in range(n):
        for i in range(u.shape[0]):   ->       for i in range(x.shape[0]):
            v[i] = k * u[i]                        v[i] = k * u[i]
        u, v = v, u                            u, v = v, u
"""

import operator
from collections.abc import Mapping
from dataclasses import replace

from srcad.analysis.flow import bound_in
from srcad.analysis.sizes import Sizes, folded, sizes_after, sizes_inside
from srcad.ir.build import ONE, ZERO, unclamped
from srcad.ir.nodes import (
    Binary,
    Block,
    Check,
    Comment,
    Compare,
    Const,
    Expr,
    Extent,
    For,
    If,
    IndexCheck,
    Logic,
    Stmt,
    Var,
    While,
    names_read,
    with_blocks,
)
from srcad.ir.rename import with_expressions
from srcad.ir.types import INT


def settle(block: Block, arrays: Mapping[str, tuple[str, int]] | None = None) -> Block:
    """The block with such lengths as literals.

    With ``arrays``, dtype and rank of its arrays, lengths of products are known, and what all
    iterations of a loop leave alike.
    """
    return _settled(block, Sizes(arrays), frozenset())


def _settled(block: Block, sizes: Sizes, changing: frozenset[str]) -> Block:
    """The block; ``changing`` are the names that the loops around it assign."""
    out: list[Stmt] = []
    for stmt in block:
        match stmt:
            case For():
                ends = (stmt.start, stmt.stop, stmt.step)
                start, stop, step = (_lasting(folded(e, sizes), sizes, changing) for e in ends)
                if (start, step) == (ZERO, ONE):
                    stop = unclamped(stop)
                if not all(map(operator.is_, (start, stop, step), ends)):
                    stmt = replace(stmt, start=start, stop=stop, step=step)
                stmt = _looped(stmt, sizes, changing)
            case While():
                stmt = _looped(stmt, sizes, changing)
            case If():
                test = folded(stmt.test, sizes)
                both = tuple(_settled(b, sizes.copy(), changing) for b in (stmt.body, stmt.orelse))
                sizes.forget(bound_in(stmt))
                stmt = with_blocks(stmt, both)
                stmt = stmt if test is stmt.test else replace(stmt, test=test)
            case Check():
                if sizes.truth(stmt.test):
                    continue
                test = _literal_last(folded(stmt.test, sizes))
                sizes.learn(stmt.test)
                stmt = replace(stmt, test=test)
            case IndexCheck():
                extent = sizes.origin(Extent(stmt.array, stmt.axis))
                stmt = replace(stmt, index=folded(stmt.index, sizes))
                if extent.axis == stmt.axis or extent.array == stmt.what[0]:  # as the user says it
                    stmt = replace(stmt, array=extent.array, axis=extent.axis)
                if _is_within(stmt, sizes):
                    continue
                sizes.after(stmt)
            case Comment():
                pass
            case _:
                (changed,) = with_expressions((stmt,), lambda e: folded(e, sizes))
                sizes.after(stmt)
                stmt = changed
        out.append(stmt)
    return tuple(out)


def _lasting(end: Expr, sizes: Sizes, changing: frozenset[str]) -> Expr:
    """The end of a range as what it is in all iterations of the loops around it."""
    if not isinstance(end, Var) or end.name not in changing:
        return end
    found = sizes.known(end)
    return end if names_read(found) & changing else found


def _looped(loop: For | While, sizes: Sizes, around: frozenset[str]) -> For | While:
    """A loop, whose iterations know what none of them changes."""
    if sizes.arrays:
        inside = sizes_inside(loop, sizes)
        sizes_after((loop,), sizes)
    else:
        sizes.forget(bound_in(loop))
        inside = sizes.copy()
        if isinstance(loop, For):
            inside.within(loop)
    test = folded(loop.test, inside) if isinstance(loop, While) else None
    body = _settled(loop.body, inside, around | bound_in(loop))
    changed = with_blocks(loop, (body,))
    return changed if test is None else replace(changed, test=test)


def _literal_last(test: Expr) -> Expr:
    """``n == 2`` for ``2 == n``."""
    if isinstance(test, Compare) and test.op in ("==", "!=") and isinstance(test.a, Const):
        return replace(test, a=test.b, b=test.a)
    return test


def _is_within(check: IndexCheck, sizes: Sizes) -> bool:
    """Whether an index is certainly between ``-extent`` and ``extent``."""
    extent = Extent(check.array, check.axis)
    below = Compare("<", check.index, extent)
    above = Compare(">=", Binary("+", check.index, extent, INT), ZERO)
    return bool(sizes.truth(Logic("and", (below, above))))
