"""Scatters of a stencil to many rows become one gather, which follows a few planes behind.

The adjoint of a stencil in three dimensions adds each value to five rows, one after the other
(``gather.py`` has a loop for each). Here the values of the last planes are kept, in a ring of
buffers with zeros around them, and each plane of the shadow is added to once, as soon as all that
it receives is there::

    for i in range(1, n - 1):           for i in range(1, n + 1):
        for j in range(1, m - 1):           a, b, c = i % 3, (i - 1) % 3, (i - 2) % 3
            w = k * v_b[i, j]               if i < n - 1:
            u_b[i - 1, j] += w                  for j in range(1, m - 1):
            u_b[i + 1, j] += w    ->                w = k * v_b[i, j]
            u_b[i, j - 1] += w                      w_ring[a, j + 1] = w
            u_b[i, j + 1] += w              else:
                                                w_ring[a] = 0.0     # in a loop
                                            for j in range(0, m):
                                                u_b[i - 1, j] += w_ring[a, j + 1] + ...

It is done where that saves three loops or more. The ring makes the iterations depend on each other;
threads can run parts of the loop nevertheless (``srcad.analysis.rings``).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from srcad.analysis.alias import Aliases
from srcad.analysis.flow import assigned
from srcad.analysis.iterations import accesses
from srcad.ir.build import (
    ONE,
    ZERO,
    add,
    compare,
    integer,
    literal,
    logic,
    sub,
)
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Block,
    Const,
    Expr,
    Extent,
    For,
    If,
    Load,
    Select,
    Stmt,
    Store,
    Var,
    blocks,
    names_read,
    with_blocks,
)
from srcad.ir.types import INT
from srcad.transform.scatter import KEPT, Offsets, Scatter, nest_of, with_loads
from srcad.transform.terms import added

ROWS = 4
"""Rows, beside the one in the middle, that are worth a ring."""


def roll(
    block: Block,
    shadows: Collection[str],
    aliases: Aliases,
    names: Names,
    arrays: dict[str, tuple[str, int]],
) -> Block:
    """The block with such scatters into the shadows gathered; ``arrays`` learns of the rings.

    Rings whose size is the same all along are made at the start of the block.
    """
    changing = assigned(block)
    early: list[Stmt] = []

    def rolled(block: Block) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            made = None
            if isinstance(stmt, For) and (nest := nest_of(stmt)) is not None:
                made = Roller(nest, frozenset(shadows), aliases, names, arrays).rolled()
            if made is None:
                parts = tuple(map(rolled, blocks(stmt)))
                out.append(with_blocks(stmt, parts) if parts else stmt)
                continue
            rings, loops = made
            lasting = not any(names_read(e) & changing for ring in rings for e in ring.shape)
            (early if lasting else out).extend(rings)
            out += loops
        return tuple(out)

    block = rolled(block)
    return (*block[:1], *early, *block[1:])


class Roller(Scatter):
    """Writes a nest with what it scatters behind a ring."""

    def rolled(self) -> tuple[list[Alloc], list[Stmt]] | None:
        """The rings, and the statements in place of the nest; None: it is left as it is."""
        shadow = self._shadow()
        if shadow is None:
            return None
        core, terms = self.core(shadow)
        rows = {offsets[:-1] for offsets in terms}
        kept = self.kept(core, terms)
        if len(rows) <= ROWS or len(kept) > KEPT:
            return None
        return self.written(shadow, core, terms, kept)

    # ------------------------------------------------------------ what is added where

    def _shadow(self) -> str | None:
        """The shadow that the nest adds to, each time at the counters of its loops and literals."""
        found = set(accesses(self.nest.body))
        for array in sorted({a.array for a in found if a.how == "add"} & self.shadows):
            touched = [a for a in found if self.aliases.may(array, a.array)]
            if any(a.how != "add" or a.array != array for a in touched):
                continue
            places = [self.offsets(a.index) for a in touched]
            if None not in places and len({p[:-1] for p in places if p is not None}) > ROWS:
                return array
        return None

    # ------------------------------------------------------------ the rings

    def written(
        self, shadow: str, core: Block, terms: dict[Offsets, list[Expr]], kept: list[Var]
    ) -> tuple[list[Alloc], list[Stmt]]:
        """The rings, and the statements in place of the nest: what it keeps goes behind a ring."""
        least = [min(o[axis] for o in terms) for axis in range(len(self.counters))]
        spread = [max(o[axis] for o in terms) - least[axis] for axis in range(len(least))]
        rings = {v.name: self.names.fresh(f"{v.name}_ring") for v in kept}
        row, plane = self.counters[0], Var(self.names.fresh("plane"), INT)
        count = integer(spread[0] + 1)
        slots = {o: Var(self.names.fresh("slot"), INT) for o in sorted({o[0] for o in terms})}
        here = slots[least[0]]
        numbers = [
            Assign(slot, Binary("%", add(row, integer(least[0] - offset)), count, INT))
            for offset, slot in slots.items()
        ]
        filled: Block = core
        for var in kept:
            place = (here, *(self.place(axis, c, spread) for axis, c in self.inner()))
            filled = (*filled, Store(rings[var.name], place, var, True))
        for loop in reversed(self.nest.loops[1:]):
            filled = (replace(loop, body=filled),)
        outer = self.nest.loops[0]
        inside = If(compare("<", row, outer.stop), filled, self._cleared(kept, rings, here))
        gathered = self._gathered(shadow, terms, rings, slots, least, spread, rings[kept[0].name])
        start = For(plane, ZERO, count, ONE, self._cleared(kept, rings, plane))
        stop = add(outer.stop, integer(spread[0]))
        rolled = replace(outer, stop=stop, body=(*numbers, inside, gathered))
        return self._made(kept, rings, spread), [start, rolled]

    def _made(self, kept: list[Var], rings: dict[str, str], spread: list[int]) -> list[Alloc]:
        """The rings: planes as large as the inner loops, and zeros around; empty without a loop."""
        runs = logic("and", tuple(compare("<", loop.start, loop.stop) for loop in self.nest.loops))
        shape: list[Expr] = [integer(spread[0] + 1)]
        for axis, loop in list(enumerate(self.nest.loops))[1:]:
            full = add(sub(loop.stop, loop.start), integer(2 * spread[axis]))
            shape.append(Select(runs, full, ZERO, INT))
        out: list[Alloc] = []
        for var in kept:
            self.arrays[rings[var.name]] = (var.kind, len(shape))
            out.append(Alloc(rings[var.name], tuple(shape), var.kind))
        return out

    def _cleared(self, kept: list[Var], rings: dict[str, str], plane: Var) -> Block:
        """A plane of the rings set to zero."""
        counters = [Var(self.names.fresh("jklmn"[k % 5]), INT) for k in range(len(self.inner()))]
        ring = rings[kept[0].name]
        block: Block = tuple(
            Store(rings[v.name], (plane, *counters), literal(0.0, v.kind), True) for v in kept
        )
        for axis, counter in reversed(list(enumerate(counters, 1))):
            block = (For(counter, ZERO, Extent(ring, axis), ONE, block),)
        return block

    def _gathered(
        self,
        shadow: str,
        terms: dict[Offsets, list[Expr]],
        rings: dict[str, str],
        slots: dict[int, Var],
        least: list[int],
        spread: list[int],
        ring: str,
    ) -> For:
        """The loops over a plane of the shadow that has received all."""
        kind = self.arrays[shadow][0]

        def fetched(term: Expr, offsets: Offsets) -> Expr:
            at = (
                slots[offsets[0]],
                *(
                    self.place(axis, add(c, integer(-offsets[axis])), spread)
                    for axis, c in self.inner()
                ),
            )
            return with_loads(term, rings, at)

        index = (add(self.counters[0], integer(least[0])), *self.counters[1:])
        found = [fetched(t, o) for o in sorted(terms) for t in terms[o]]
        total = added(Load(shadow, index, kind), found)
        block: Block = (Store(shadow, index, total),)
        for axis, counter in reversed(self.inner()):
            low = add(self.nest.loops[axis].start, integer(least[axis]))
            high = add(Extent(ring, axis), integer(-spread[axis]))
            high = add(high, low) if isinstance(low, Const) else Binary("+", low, high, INT)
            block = (For(counter, low, high, ONE, block),)
        (loop,) = block
        assert isinstance(loop, For)
        return loop
