"""The lengths of arrays of one iteration, in terms of what is there before the loop.

Reversal makes the shadow of an array like the array, and runs over its elements by its lengths; so
an array that the forward sweep made in an iteration is kept for its lengths, though nobody reads an
element of it. Where the lengths are those of arrays from before the loop, these tell them::

    for t in range(n - 1, -1, -1):          for t in range(n - 1, -1, -1):
        y = y_list.pop()                        y_b = np.zeros(h.shape[0])
        y_b = np.zeros_like(y)       ->         for i in range(h.shape[0]):
        for i in range(y.shape[0]):                 y_b[i] -= z_b[i]
            y_b[i] -= z_b[i]

and then nothing reads ``y`` any more (``prune``). So it is with what an iteration copies.
"""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.flow import bound_in, named_in
from srcad.analysis.iterations import accesses
from srcad.analysis.places import start_of_reverse
from srcad.analysis.sizes import Sizes, sizes_after, sizes_inside
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Block,
    Const,
    Copy,
    Expr,
    Extent,
    For,
    Function,
    If,
    Pop,
    Stmt,
    Store,
    Var,
    While,
    ZerosLike,
    blocks,
    children,
    names_read,
    rebuild,
    statements,
    with_blocks,
)
from srcad.ir.rename import with_expressions


def lengths(function: Function) -> Function:
    """The function with the lengths of such arrays told by others."""
    taken = {s.array for s in statements(function.body) if isinstance(s, Pop)} | _unread(function)
    if not taken:
        return function
    teller = _Teller(function, taken)
    return replace(function, body=_anew(teller.block(function.body, Sizes(function.arrays), set())))


def _anew(block: Block) -> Block:
    """The block with assignments that are others than those of the program.

    ``hold`` tells them by identity: what such programs compute again, they do not save.
    """
    return tuple(
        replace(stmt)
        if isinstance(stmt, Assign | Store)
        else with_blocks(stmt, tuple(map(_anew, blocks(stmt))))
        for stmt in block
    )


def _unread(function: Function) -> set[str]:
    """Arrays that the reverse sweep copies once more, of which it reads no element."""
    body = function.body
    start = start_of_reverse(body)
    sweep = () if start is None else body[start:]
    copied = {s.target for s in statements(sweep) if isinstance(s, Copy)}
    read = {a.array for a in accesses(sweep)} if copied else set()
    return copied - read


class _Teller:
    def __init__(self, function: Function, taken: set[str]) -> None:
        self.arrays = function.arrays
        self.taken = taken

    def block(self, block: Block, sizes: Sizes, changing: set[str]) -> Block:
        """A block, in loops that change these names; ``sizes``: what is known before it."""
        out: list[Stmt] = []
        for stmt in block:
            match stmt:
                case _ if self.taken.isdisjoint(named_in(stmt)):
                    made = stmt
                case For() | While():
                    inside, changed = sizes_inside(stmt, sizes), changing | bound_in(stmt)
                    # the test of ``while`` is one of each iteration, the ends of ``for`` are not
                    known = (inside, changed) if isinstance(stmt, While) else (sizes, changing)
                    body = self.block(stmt.body, inside.copy(), changed)
                    made = with_blocks(self._told(stmt, *known), (body,))
                case If():
                    parts = (self.block(b, sizes.copy(), changing) for b in blocks(stmt))
                    made = with_blocks(self._told(stmt, sizes, changing), tuple(parts))
                case _:
                    made = self._told(stmt, sizes, changing)
            out.append(made)
            sizes_after((stmt,), sizes)
        return tuple(out)

    def _told(self, stmt: Stmt, sizes: Sizes, changing: set[str]) -> Stmt:
        """A statement, apart from the blocks in it."""

        def told(expr: Expr) -> Expr:
            if isinstance(expr, Extent) and expr.array in self.taken:
                found = sizes.known(expr)
                simple = isinstance(found, Const | Extent | Var)
                return found if simple and not names_read(found) & changing else expr
            parts = children(expr)
            return rebuild(expr, tuple(map(told, parts))) if parts else expr

        if isinstance(stmt, ZerosLike) and stmt.source in self.taken:
            dtype, ndim = self.arrays[stmt.target]
            shape = tuple(told(Extent(stmt.source, k)) for k in range(ndim))
            if not any(names_read(e) & changing for e in shape):
                return Alloc(stmt.target, shape, dtype, True, stmt.at)
        alone = with_blocks(stmt, tuple(() for _ in blocks(stmt))) if blocks(stmt) else stmt
        (made,) = with_expressions((alone,), told)
        return made
