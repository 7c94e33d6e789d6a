"""Copies that a loop makes again and again are moves of memory.

A nest that copies all elements of an array, once in each iteration of a loop around it, is a call
where both arrays have one shape (``srcad.runtime.copies``)::

    for k in range(sweeps):                         for k in range(sweeps):
        for i in range(n):                              set_copy(pn, p)
            for j in range(m):          ->              ...
                pn[i, j] = p[i, j]
        ...
"""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.liveness import Live, live_at_end, live_before
from srcad.analysis.sizes import Sizes, sizes_after, sizes_inside
from srcad.ir.nodes import (
    Block,
    For,
    Function,
    If,
    Invoke,
    Stmt,
    Var,
    While,
    blocks,
    statements,
    with_blocks,
)
from srcad.transform.nest import copied_by


def blit(function: Function) -> Function:
    """The function with such copies as calls."""
    if not any(_is_copy(s) for s in statements(function.body)):
        return function
    live = frozenset(function.exports)
    return replace(function, body=_block(function.body, live, Sizes(function.arrays), False))


def _is_copy(stmt: Stmt) -> bool:
    copied = copied_by(stmt)
    return copied is not None and len(copied.to) > 1


def _block(block: Block, live: Live, sizes: Sizes, repeated: bool) -> Block:
    """A block; ``live`` are the names read after it; ``repeated``: it is in a loop."""
    after = [live]
    for stmt in reversed(block):
        after.append(live_before(stmt, after[-1]))
    out: list[Stmt] = []
    for stmt, later in zip(block, reversed(after[:-1]), strict=True):
        call = _call(stmt, later, sizes) if repeated else None
        if call is not None:
            out.append(call)
        elif isinstance(stmt, For | While) and any(map(_is_copy, statements(stmt.body))):
            body = _block(stmt.body, live_at_end(stmt, later), sizes_inside(stmt, sizes), True)
            out.append(with_blocks(stmt, (body,)))
        elif isinstance(stmt, If):
            parts = (_block(part, later, sizes.copy(), repeated) for part in blocks(stmt))
            out.append(with_blocks(stmt, tuple(parts)))
        else:
            out.append(stmt)
        sizes_after((stmt,), sizes)
    return tuple(out)


def _call(stmt: Stmt, live: Live, sizes: Sizes) -> Stmt | None:
    """The call, if a statement copies every element of an array."""
    copied = copied_by(stmt)
    if copied is None or len(copied.to) < 2 or not copied.to == copied.at == copied.counters:
        return None
    if any(isinstance(c, Var) and c.name in live for c in copied.counters):
        return None
    target, source = copied.target, copied.source
    shape, arrays = sizes.shape(target), sizes.arrays
    whole = tuple(map(sizes.known, copied.ends)) == shape == sizes.shape(source)
    if not whole or arrays[target] != arrays[source]:
        return None
    return Invoke((), "set_copy", (target, source), (target,), 0)
