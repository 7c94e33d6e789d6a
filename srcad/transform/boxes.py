"""The box of elements that nested loops write, and what is around it.

A step of a simulation writes the inside of its field and leaves a border as it is. Where the next
field is made in other memory, the border has to be copied there::

    for i in range(1, n - 1):           # rows from 1 up to n - 1: one before them, one after
        for j in range(1, m - 1):
            v[i, j] = f(u[i, j])
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeGuard

from srcad.analysis.iterations import accesses, is_still, offset_from
from srcad.analysis.sizes import Sizes, difference
from srcad.ir.build import ONE, ZERO, add, compare, integer, logic
from srcad.ir.names import Names
from srcad.ir.nodes import Block, Expr, Extent, For, Load, Stmt, Store, Var
from srcad.transform.nest import nest_over

_BORDER = 8
"""The most elements, along each axis and at each end, that a border may have."""

Piece = tuple[int, list[Expr], list[tuple[Expr, Expr]]]
"""An axis, places along it, ranges of the other axes."""
Index = tuple[Expr, ...]


@dataclass(frozen=True)
class Places:
    """Places along an axis: from ``first`` up to ``end``, if there are any."""

    first: Expr
    end: Expr
    before: int
    """How many there are in front of them, and behind them."""
    after: int

    @property
    def length(self) -> Expr:
        """The length of the axis."""
        return add(self.end, integer(self.after))

    @property
    def width(self) -> int:
        """How long the axis must be to have what is in front of them, and what is behind."""
        return max(self.before, self.after)


Box = tuple[Places, ...]
"""By axis."""


def box_of(
    loop: For, array: str, index: Index, sizes: Sizes, changing: set[str]
) -> tuple[Box, Block] | None:
    """What nested loops write at this index, each element once, and their innermost block.

    In terms of nothing that is ``changing``. None: that is not said plainly, or much is around it.
    """
    ranges: dict[Var, tuple[Expr, Expr]] = {}
    block: Block = (loop,)
    while not any(isinstance(s, Store) and s.array == array for s in block):
        inner = [s for s in block if isinstance(s, For) and _touches(s, array)]
        if len(inner) != 1 or inner[0].step != ONE or inner[0].until is not None:
            return None
        ends = (inner[0].start, inner[0].stop)
        first, end = (e if is_still(e, changing) else sizes.known(e) for e in ends)
        if not is_still(first, changing) or not is_still(end, changing):
            return None
        ranges[inner[0].var] = first, end
        block = inner[0].body
    out: list[Places] = []
    for axis, place in enumerate(index):
        hits = [(c, k) for c in ranges if (k := offset_from(place, c)) is not None]
        if len(hits) != 1:
            return None
        counter, shift = hits[0]
        first, end = (add(e, integer(shift)) for e in ranges.pop(counter))
        before = difference(sizes.known(first), ZERO)
        after = difference(sizes.known(Extent(array, axis)), sizes.known(end))
        if not _is_small(before) or not _is_small(after):
            return None
        out.append(Places(first, end, before, after))
    return None if ranges else (tuple(out), block)


def has_edges(box: Box) -> Expr:
    """Whether the array is as long as the pieces around the box ask for."""
    return logic("and", tuple(compare("<", integer(p.width - 1), p.length) for p in box if p.width))


def edges(box: Box, array: str) -> Iterator[Piece]:
    """What of an array is around the box, in pieces.

    If nothing is in the box, these are all of the array, some of it twice.
    """
    for axis, along in enumerate(box):
        places: list[Expr] = [integer(k) for k in range(along.before)]
        places += [add(along.end, integer(k)) for k in range(along.after)]
        ranges: list[tuple[Expr, Expr]] = [(p.first, p.end) for p in box[:axis]]
        ranges += [(ZERO, Extent(array, k)) for k in range(axis + 1, len(box))]
        if places:
            yield axis, places, ranges


def copied(
    names: Names, source: str, target: str, slot: Index, kind: str, piece: Piece
) -> list[Stmt]:
    """A piece of one array copied to the same places of another, in which it has a slot."""
    axis, places, ranges = piece

    def body(at: Index) -> list[Stmt]:
        found = [(*at[:axis], p, *at[axis:]) for p in places]
        return [Store(target, (*slot, *p), Load(source, p, kind), True) for p in found]

    return nest_over(names, ranges, body)


def _touches(stmt: Stmt, array: str) -> bool:
    return any(a.array == array for a in accesses((stmt,)))


def _is_small(length: int | None) -> TypeGuard[int]:
    return length is not None and 0 <= length <= _BORDER
