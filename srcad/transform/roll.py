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

It is done where that saves three loops or more. The ring makes the iterations depend on each other,
so it is not done where they are to run in threads.
"""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import dataclass, replace

from srcad.analysis.alias import Aliases
from srcad.analysis.flow import assigned, writes_of
from srcad.analysis.iterations import accesses, offset_from
from srcad.ir.build import (
    ONE,
    ZERO,
    accumulate,
    add,
    added_to,
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
    Comment,
    Const,
    Expr,
    Extent,
    For,
    If,
    Load,
    Select,
    Stmt,
    Store,
    Unary,
    Var,
    blocks,
    children,
    names_read,
    rebuild,
    walk,
    with_blocks,
)
from srcad.ir.types import INT
from srcad.transform.gather import CHEAP

ROWS = 4
"""Rows, beside the one in the middle, that are worth a ring."""
KEPT = 2
"""The most values of an iteration that are kept."""

Offsets = tuple[int, ...]


@dataclass
class _Nest:
    """Loops around one block, each over the same range in all iterations of those around it."""

    loops: list[For]
    body: Block


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
            if isinstance(stmt, For) and (nest := _nest_of(stmt)) is not None:
                made = _Roller(nest, frozenset(shadows), aliases, names, arrays).rolled()
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


def _nest_of(loop: For) -> _Nest | None:
    """The loops of a nest of two or more, the innermost of which branches nowhere."""
    loops: list[For] = []
    body: Block = (loop,)
    while True:
        inner = [s for s in body if not isinstance(s, Comment)]
        if len(inner) != 1 or not isinstance(inner[0], For):
            break
        loops.append(inner[0])
        body = inner[0].body
    if len(loops) < 2 or not all(isinstance(s, Assign | Store | Comment) for s in body):
        return None
    changing = assigned((loop,))
    for each in loops:
        ends = (each.start, each.stop)
        plain = each.step == ONE and each.until is None and each.checkpoints is None
        if not plain or any(isinstance(e, Load) for x in ends for e in walk(x)):
            return None
        if any(names_read(e) & changing for e in ends):
            return None
    return _Nest(loops, body)


class _Roller:
    def __init__(
        self,
        nest: _Nest,
        shadows: frozenset[str],
        aliases: Aliases,
        names: Names,
        arrays: dict[str, tuple[str, int]],
    ) -> None:
        self.nest = nest
        self.shadows = shadows
        self.aliases = aliases
        self.names = names
        self.arrays = arrays
        self.counters = [loop.var for loop in nest.loops]

    def rolled(self) -> tuple[list[Alloc], list[Stmt]] | None:
        """The rings, and the statements in place of the nest; None: it is left as it is."""
        shadow = self._shadow()
        if shadow is None:
            return None
        core, terms = self._core(shadow)
        rows = {offsets[:-1] for offsets in terms}
        own = assigned(core)
        parts = {e for found in terms.values() for t in found for e in walk(t)}
        kept = sorted(
            (e for e in parts if isinstance(e, Var) and e.name in own), key=lambda v: v.name
        )
        if len(rows) <= ROWS or len(kept) > KEPT:
            return None
        return self._written(shadow, core, terms, kept)

    # ------------------------------------------------------------ what is added where

    def _shadow(self) -> str | None:
        """The shadow that the nest adds to, each time at the counters of its loops and literals."""
        found = set(accesses(self.nest.body))
        for array in sorted({a.array for a in found if a.how == "add"} & self.shadows):
            touched = [a for a in found if self.aliases.may(array, a.array)]
            if any(a.how != "add" or a.array != array for a in touched):
                continue
            places = [self._offsets(a.index) for a in touched]
            if None not in places and len({p[:-1] for p in places if p is not None}) > ROWS:
                return array
        return None

    def _offsets(self, index: tuple[Expr, ...]) -> Offsets | None:
        """How far an element is from the counters, one for each axis in their order."""
        if len(index) != len(self.counters):
            return None
        found = [offset_from(e, c) for e, c in zip(index, self.counters, strict=True)]
        known = [k for k in found if k is not None]
        return tuple(known) if len(known) == len(found) else None

    def _core(self, shadow: str) -> tuple[Block, dict[Offsets, list[Expr]]]:
        """The block without the additions, and these: for each place the terms."""
        once = self._assigned_once()
        out: list[Stmt] = []
        terms: dict[Offsets, list[Expr]] = {}
        shares: dict[Expr, Var] = {}
        for stmt in self.nest.body:
            if not isinstance(stmt, Store) or stmt.array != shadow:
                out.append(stmt)
                gone = {stmt.array} if isinstance(stmt, Store) else set(writes_of(stmt))
                shares = {e: v for e, v in shares.items() if self._stays(e, gone)}
                continue
            own = Load(shadow, stmt.index, stmt.value.kind)
            term, offsets = added_to(stmt.value, own), self._offsets(stmt.index)
            assert term is not None and offsets is not None
            if not self._is_cheap(term, once):
                if term not in shares:
                    shares[term] = Var(self.names.fresh("share"), own.kind)
                    out.append(Assign(shares[term], term, stmt.at))
                term = shares[term]
            terms.setdefault(offsets, []).append(term)
        return tuple(out), terms

    def _stays(self, term: Expr, gone: set[str]) -> bool:
        """Whether a term is as it was when these names have been written."""
        return not any(self.aliases.may(one, two) for one in names_read(term) for two in gone)

    def _assigned_once(self) -> set[str]:
        found = [s.target.name for s in self.nest.body if isinstance(s, Assign)]
        return {n for n in found if found.count(n) == 1}

    def _is_cheap(self, term: Expr, once: set[str]) -> bool:
        """Whether a term is a few operations on one value that the block computes once."""
        parts = list(walk(term))
        changing = names_read(term) & (assigned(self.nest.body) | {c.name for c in self.counters})
        simple = all(isinstance(e, Const | Var | Unary | Binary) for e in parts)
        return simple and len(parts) <= CHEAP and len(changing) == 1 and changing <= once

    # ------------------------------------------------------------ the rings

    def _written(
        self, shadow: str, core: Block, terms: dict[Offsets, list[Expr]], kept: list[Var]
    ) -> tuple[list[Alloc], list[Stmt]]:
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
            place = (here, *(self._place(axis, c, spread) for axis, c in self._inner()))
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

    def _inner(self) -> list[tuple[int, Var]]:
        """The axes but for the first, with their counters."""
        return list(enumerate(self.counters))[1:]

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
        counters = [Var(self.names.fresh("jklmn"[k % 5]), INT) for k in range(len(self._inner()))]
        ring = rings[kept[0].name]
        block: Block = tuple(
            Store(rings[v.name], (plane, *counters), literal(0.0, v.kind), True) for v in kept
        )
        for axis, counter in reversed(list(enumerate(counters, 1))):
            block = (For(counter, ZERO, Extent(ring, axis), ONE, block),)
        return block

    def _place(self, axis: int, position: Expr, spread: list[int]) -> Expr:
        """Where in a ring the value of an iteration is, along an axis."""
        start = self.nest.loops[axis].start
        return sub(position, sub(start, integer(spread[axis])))

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
                    self._place(axis, add(c, integer(-offsets[axis])), spread)
                    for axis, c in self._inner()
                ),
            )
            return _with_loads(term, rings, at)

        index = (add(self.counters[0], integer(least[0])), *self.counters[1:])
        found = [fetched(t, o) for o in sorted(terms) for t in terms[o]]
        total = functools.reduce(accumulate, found, Load(shadow, index, kind))
        block: Block = (Store(shadow, index, total),)
        for axis, counter in reversed(self._inner()):
            low = add(self.nest.loops[axis].start, integer(least[axis]))
            high = add(Extent(ring, axis), integer(-spread[axis]))
            high = add(high, low) if isinstance(low, Const) else Binary("+", low, high, INT)
            block = (For(counter, low, high, ONE, block),)
        (loop,) = block
        assert isinstance(loop, For)
        return loop


def _with_loads(term: Expr, rings: dict[str, str], at: tuple[Expr, ...]) -> Expr:
    """A term with what is kept of an iteration from its place in the rings."""
    if isinstance(term, Var) and term.name in rings:
        return Load(rings[term.name], at, term.kind)
    parts = tuple(_with_loads(e, rings, at) for e in children(term))
    return rebuild(term, parts) if parts else term
