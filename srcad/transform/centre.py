"""Loops over slices count as one would: by the element that they write.

A statement on slices arrives as a loop from zero on, whose elements are all ahead of its counter.
That is hard to read, and LLVM does not vectorise a loop with ``i + 2`` well, of which it would have
to know that it is not negative, as Numba counts from the end then::

    for i in range(n - 2):                      for i in range(1, n - 1):
        v[i + 1] = u[i] + u[i + 2]      ->          v[i] = u[i - 1] + u[i + 1]

Loops over arrays that repeat one end at the other are left: what they compute has a place for each
element from zero on (``periodic.py``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from srcad.analysis.flow import assigned, mentions, names_of
from srcad.analysis.iterations import accesses, offset_from
from srcad.analysis.sizes import difference
from srcad.ir.build import ONE, add, integer
from srcad.ir.nodes import (
    Block,
    Const,
    Expr,
    For,
    Load,
    Stmt,
    Store,
    Var,
    While,
    blocks,
    children,
    rebuild,
    statements,
    with_blocks,
)
from srcad.ir.rename import with_expressions

FAR = 2
"""An element so far ahead of the counter, or farther, is one too many for LLVM."""


def centre(body: Block) -> Block:
    """The body with such loops counted from another number on."""
    mentioned = mentions(body)
    rings = {s.array for s in statements(body) if isinstance(s, Store) and _is_repeating(s)}

    def changed(stmt: Stmt) -> Stmt:
        stmt = with_blocks(stmt, tuple(tuple(map(changed, b)) for b in blocks(stmt)))
        if not isinstance(stmt, For) or any(a.array in rings for a in accesses(stmt.body)):
            return stmt
        return _centred(stmt, mentioned)

    return tuple(map(changed, body))


def _is_repeating(store: Store) -> bool:
    """Whether an element of a vector becomes that of its other end."""
    match store:
        case Store(array=array, index=(into,), value=Load(array=other, index=(place,))):
            return array == other and difference(into, place) is None
    return False


def _centred(loop: For, mentioned: Counter[str]) -> For:
    """A loop, counted by what it writes, if that is ahead of its counter."""
    counter, start = loop.var, loop.start
    if not isinstance(start, Const) or start.value != 0 or loop.step != ONE or not _is_nest(loop):
        return loop
    if loop.until is not None or loop.checkpoints is not None:
        return loop
    if counter.name in assigned(loop.body):
        return loop
    inside = sum(counter.name in names_of(s) for s in statements((loop,)))
    read, written = (set(_offsets(loop.body, counter, w)) for w in (False, True))
    if mentioned[counter.name] != inside or len(written) != 1 or max(read, default=0) < FAR:
        return loop
    (shift,) = written
    if shift < 1:
        return loop

    def shifted(expr: Expr) -> Expr:
        offset = offset_from(expr, counter)
        if offset is not None:
            return add(counter, integer(offset - shift))
        parts = children(expr)
        return rebuild(expr, tuple(map(shifted, parts))) if parts else expr

    body = with_expressions(loop.body, shifted)
    return replace(
        loop, start=integer(shift), stop=add(loop.stop, integer(shift)), body=tuple(body)
    )


def _is_nest(loop: For) -> bool:
    """Whether a loop has no loop in it, or is a nest of such loops around one block."""
    inner = [s for s in statements(loop.body) if isinstance(s, For | While)]
    return not inner or (len(loop.body) == 1 and isinstance(loop.body[0], For))


def _offsets(block: Block, counter: Var, written: bool) -> Iterator[int]:
    """How far the elements that a block reads, or writes, are from a counter."""
    for access in accesses(block):
        if (access.how != "load") == written:
            found = (offset_from(expr, counter) for expr in access.index)
            yield from (k for k in found if k is not None)
