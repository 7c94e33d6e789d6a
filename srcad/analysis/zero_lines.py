"""Lines of an array that are zero at a place in an iteration: its border, after its conditions.

The adjoint of a boundary condition moves what is on the border to where it came from, and leaves
zeros. After ::

    for j in range(m):                  # p[-1, :] = 0.0
        p_b[-1, j] = 0.0
    for i in range(n):                  # p[:, 0] = p[:, 1]
        seed = p_b[i, 0]
        p_b[i, 0] = 0.0
        p_b[i, 1] += seed

the last row and the first column are zero. What was added to the last row came from the same row.
"""

from __future__ import annotations

from collections.abc import Callable

from srcad.analysis.flow import names_of
from srcad.analysis.iterations import BY_ELEMENT
from srcad.analysis.sizes import Sizes, difference, sizes_after
from srcad.ir.build import ONE, ZERO, added_to, is_const
from srcad.ir.nodes import (
    Assign,
    Block,
    Comment,
    Const,
    Expr,
    Extent,
    For,
    Load,
    Stmt,
    Store,
    Var,
    statements,
)

Line = tuple[int, int]
"""An axis and a place along it; those from the end are negative."""


def zero_lines(
    block: Block, array: str, rank: int, least: list[int], sizes: Sizes, may: Callable[[str], bool]
) -> set[Line]:
    """Lines of an array that are zero at the end of a block, whatever it was before.

    ``least`` are lengths that the axes have at least, ``may`` tells whether another name can denote
    the array.
    """
    lines: set[Line] = set()
    sizes = sizes.copy()
    for stmt in block:
        inner = list(statements((stmt,)))
        written = {s.array for s in inner if isinstance(s, Store) and may(s.array)}
        written |= {
            n for s in inner if not isinstance(s, BY_ELEMENT) for n in names_of(s) if may(n)
        }
        if written == {array} and isinstance(stmt, For):
            lines = _Along(stmt, array, rank, least, sizes).after(lines)
        elif written:
            lines = set()
        sizes = sizes_after((stmt,), sizes)
    return lines


class _Along:
    """A loop over all elements of lines across one axis."""

    def __init__(self, loop: For, array: str, rank: int, least: list[int], sizes: Sizes) -> None:
        self.loop = loop
        self.array = array
        self.rank = rank
        self.least = least
        self.sizes = sizes
        self.seeds: set[str] = set()
        """Scalars that are an element of the array, where the counter is."""

    def after(self, lines: set[Line]) -> set[Line]:
        """The lines that are zero after the loop, of two axes; none if it is not understood."""
        loop, out = self.loop, set(lines)
        if self.rank != 2 or (loop.start, loop.step, loop.until) != (ZERO, ONE, None):
            return set()
        for stmt in loop.body:
            match stmt:
                case Comment():
                    continue
                case Assign(target=target, value=Load(array=self.array, index=index)):
                    if self._place(index) is None:
                        return set()
                    self.seeds.add(target.name)
                case Store(array=self.array, index=index, value=value):
                    line = self._place(index)
                    if line is None:
                        return set()
                    self._store(line, index, value, out)
                case _ if not self._is_elsewhere(stmt):
                    return set()
        return out

    def _is_elsewhere(self, stmt: Stmt) -> bool:
        """Whether a statement neither writes the array nor changes what the seeds are."""
        bound = stmt.target.name if isinstance(stmt, Assign) else None
        is_plain = isinstance(stmt, Assign) or (
            isinstance(stmt, Store) and stmt.array != self.array
        )
        return is_plain and bound not in self.seeds and bound != self.loop.var.name

    def _store(self, line: Line, index: tuple[Expr, ...], value: Expr, lines: set[Line]) -> None:
        """Take note of a store to the elements of a line."""
        axis, _ = line
        if is_const(value, 0):
            lines.add(line)
            return
        term = added_to(value, Load(self.array, index, value.kind))
        moved = isinstance(term, Var) and term.name in self.seeds
        for other in set(lines):  # what is moved to a line across came from it, and was zero
            if self._may_meet(line, other) if other[0] == axis else not moved:
                lines.discard(other)

    def _may_meet(self, one: Line, other: Line) -> bool:
        """Whether two lines across an axis can be the same one."""
        if one[1] < 0 <= other[1] or other[1] < 0 <= one[1]:
            return max(one[1], other[1]) - min(one[1], other[1]) >= self.least[one[0]]
        return one == other

    def _place(self, index: tuple[Expr, ...]) -> Line | None:
        """The line of an index in which the counter runs over all of the other axis."""
        for axis, place in enumerate(index):
            across = 1 - axis
            if index[across] != self.loop.var:
                continue
            length = self.sizes.known(Extent(self.array, across))
            if self.sizes.known(self.loop.stop) != length:
                return None
            if isinstance(place, Const):
                return axis, int(place.value)
            whole = self.sizes.known(Extent(self.array, axis))
            behind = difference(self.sizes.known(place), whole)
            return (axis, behind) if behind is not None and behind < 0 else None
        return None
