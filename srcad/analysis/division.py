"""How the iterations of a loop can be divided into parts that run at the same time.

What is proved of a loop leaves no race, whichever parts run together:

- What is written, each iteration writes at places of its own.
- What is added to the rows around an iteration's own, as the adjoint of a stencil does, meets what
  the neighbours add. A few iterations between two parts are left until these are done
  (``srcad.analysis.turns``).
- Sums are summed by each part for itself.
- Scratch arrays, that an iteration fills before it reads them, are others in each thread.
- What iterations hand on in a ring (``srcad.analysis.rings``), a part is given by its neighbours.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from srcad.analysis.alias import Aliases
from srcad.analysis.flow import (
    assigned,
    exposed,
    fixed_names,
    mentions,
    named_in,
    names_of,
    reads_of,
    times_bound,
    variables,
)
from srcad.analysis.iterations import Access, Bounds, accesses, commute, is_own, offset_from
from srcad.analysis.liveness import Live
from srcad.analysis.rings import Ring
from srcad.ir.build import ONE, ZERO, integer, sub
from srcad.ir.nodes import (
    Alloc,
    Block,
    Const,
    Expr,
    Extent,
    For,
    Function,
    Load,
    Store,
    Tape,
    Var,
    While,
    ZerosLike,
    blocks,
    names_read,
    statements,
    walk,
)

_SHORT = 8
"""A loop that is known to have fewer iterations is left alone."""


@dataclass(frozen=True)
class Plan:
    """How a loop is divided."""

    scratch: frozenset[str]
    """Arrays of which each thread has its own."""
    sums: tuple[Var, ...]
    spread: int
    """How far apart the places are that one iteration adds to; 0: all are its own."""


class Division:
    """The plans for the loops of a function."""

    def __init__(self, function: Function, aliases: Aliases) -> None:
        self.known = function.arrays
        self.aliases = aliases
        self.bounds = Bounds(function.body)
        self.mentions = mentions(function.body)
        self.bound = times_bound(function.body)
        self.fixed = fixed_names(function.body, set(function.arrays))
        self.made: dict[str, Alloc | ZerosLike] = {}
        """The statements that make arrays, in their order."""
        for stmt in statements(function.body):
            match stmt:
                case Alloc() | ZerosLike():
                    self.made[stmt.target] = stmt
                case Tape():
                    self.made[stmt.target] = Alloc(stmt.target, stmt.shape, stmt.dtype, at=stmt.at)
        self.scalars = variables(function.body)

    def plan(self, loop: For, live: Live, outermost: bool) -> Plan | None:
        """How the loop is divided; None if it is not."""
        nested = any(isinstance(s, For | While) for s in statements(loop.body))
        if loop.step not in (ONE, integer(-1)) or not (nested or outermost) or _is_short(loop):
            return None
        stored = sorted({s.array for s in statements(loop.body) if isinstance(s, Store)})
        scratch = frozenset(a for a in stored if self._is_scratch(a, loop))
        if not commute(loop, live, self.aliases, self.bounds, scratch):
            return None
        found = [a for a in accesses(loop.body) if a.array not in scratch]
        shared = {a.array for a in found if a.how == "add"}
        with self.bounds.within(loop):
            spreads = [self._spread(array, found, loop) for array in sorted(shared)]
        if None in spreads:
            return None
        carried = sorted(assigned(loop.body) & exposed(loop.body))
        sums = tuple(self.scalars[name] for name in carried)
        return Plan(scratch, sums, max(filter(None, spreads), default=0))

    def ring(self, ring: Ring, live: Live) -> Plan | None:
        """How a loop with a ring is divided: each thread has a ring of its own.

        All else, the iterations for two rows have nothing to do with, and no part of it is kept
        from one row to the next. What is put into the ring is always in the same places.
        """
        loop = ring.by_rows()
        inside = sum((mentions((s,)) for s in (ring.clear, ring.loop)), Counter[str]())
        steady = [self.made[name] for name in ring.rings if name in self.made]
        bounds = [s for s in statements(ring.filled) if isinstance(s, For)]
        read = {n for s in bounds for e in (s.start, s.stop, s.step) for n in names_read(e)}
        read = read.union(*map(reads_of, steady))
        if len(steady) < len(ring.rings) or not read <= self.fixed | ring.rings:
            return None
        if any(self.mentions[name] != inside[name] + 1 for name in ring.rings):
            return None
        if assigned(loop.body) & exposed(loop.body) or not commute(
            loop, live, self.aliases, self.bounds, ring.rings
        ):
            return None
        found = [a for a in accesses(loop.body) if a.array not in ring.rings]
        with self.bounds.within(loop):
            spreads = {self._spread(a.array, found, loop) for a in found if a.how == "add"}
        return Plan(ring.rings, (), 0) if spreads <= {0} else None

    def _spread(self, array: str, found: list[Access], loop: For) -> int | None:
        """How far apart the places are that one iteration adds to; None: not known."""
        places = {a for a in found if self.aliases.may(array, a.array)}
        if any(a.array != array for a in places):
            return None
        changing = assigned((loop,))
        spreads: list[int] = []
        for positions in map(set, zip(*(a.index for a in places), strict=True)):
            least = [self.bounds.least(p) for p in positions]
            if any(n is None or n < 0 for n in least):  # negative ones count from the end
                continue
            offsets = [k for p in positions if (k := offset_from(p, loop.var)) is not None]
            if len(offsets) == len(positions):
                spreads.append(max(offsets) - min(offsets))
            elif len(positions) == 1 and is_own(positions.pop(), loop.var, changing):
                spreads.append(0)
        return min(spreads, default=None)

    def _is_scratch(self, array: str, loop: For) -> bool:
        """Whether an array is made for this loop, and each iteration fills what it reads of it.

        It is filled by one loop, over the same elements in all iterations; what reads it comes
        after that.
        """
        inside = sum(array in names_of(s) for s in statements(loop.body))
        shapes = sum(isinstance(s, ZerosLike) and s.source == array for s in self.made.values())
        if array not in self.made or self.mentions[array] != inside + shapes + 1:
            return False
        made = self.made[array]
        sizes = reads_of(made)
        if any(self.bound[name] > 1 for name in sizes):
            return False
        shape = made.shape if isinstance(made, Alloc) else _extents(array, self.known[array][1])
        return _is_filled_first(array, shape, loop.body, assigned((loop,)), self.fixed)


def _is_short(loop: For) -> bool:
    """Whether it is known that there are few iterations."""
    return isinstance(count := sub(loop.stop, loop.start), Const) and abs(count.value) < _SHORT


def _extents(array: str, rank: int) -> tuple[Expr, ...]:
    return tuple(Extent(array, axis) for axis in range(rank))


def _is_filled_first(
    array: str, shape: tuple[Expr, ...], block: Block, changing: set[str], fixed: set[str]
) -> bool:
    """Whether the first that a block does with an array is to fill it; ``changing`` differs.

    If it is filled in part only, it is always the same part (``fixed`` are the names that are bound
    once), and nothing else may be written: what is not filled is as it was made.
    """
    touching = [s for s in block if array in named_in(s)]
    first, rest = touching[0], touching[1:]
    if isinstance(first, For) and (nest := _filling(first, array, changing)) is not None:
        again = any(isinstance(s, Store) and s.array == array for s in statements(tuple(rest)))
        return _is_whole(*nest, array, shape) or (not again and _is_same(*nest, fixed))
    if rest or array in reads_of(first):
        return False
    inner = [b for b in blocks(first) if any(array in named_in(s) for s in b)]
    return len(inner) == 1 and _is_filled_first(array, shape, inner[0], changing, fixed)


def _filling(
    loop: For, array: str, changing: set[str]
) -> tuple[tuple[For, ...], tuple[Expr, ...]] | None:
    """The loops, and the index, of a nest that stores an array and does not read it.

    It stores the same elements whenever it runs; None: it is no such nest.
    """
    if any(names_read(e) & changing for e in (loop.start, loop.stop, loop.step)) or loop.until:
        return None
    changing = changing - {loop.var.name}
    touching = [s for s in loop.body if array in named_in(s)]
    if len(touching) != 1:
        return None
    match touching[0]:
        case For():
            inner = _filling(touching[0], array, changing)
            return None if inner is None else ((loop, *inner[0]), inner[1])
        case Store(index=index, value=value) if array not in names_read(value):
            parts = [e for x in index for e in walk(x)]
            moves = any(isinstance(e, Load) for e in parts)
            if not moves and not {n for e in index for n in names_read(e)} & changing:
                return (loop,), index
    return None


def _is_whole(
    nest: tuple[For, ...], index: tuple[Expr, ...], array: str, shape: tuple[Expr, ...]
) -> bool:
    """Whether a nest stores all elements of an array of this shape."""
    if index != tuple(loop.var for loop in nest):
        return False
    return all(
        loop.start == ZERO and loop.step == ONE and loop.stop in (extent, Extent(array, axis))
        for axis, (loop, extent) in enumerate(zip(nest, shape, strict=True))
    )


def _is_same(nest: tuple[For, ...], index: tuple[Expr, ...], fixed: set[str]) -> bool:
    """Whether a nest stores the same elements wherever it stands."""
    bounds = (e for loop in nest for e in (loop.start, loop.stop, loop.step))
    read = {name for e in (*bounds, *index) for name in names_read(e)}
    return read - {loop.var.name for loop in nest} <= fixed
