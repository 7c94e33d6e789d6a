"""A loop nest that scatters values to neighbours: what it adds where, and all else that it does.

The passes that make gathers of scatters (``roll.py``, ``fold.py``) take it apart::

    for i in range(1, n - 1):
        for j in range(1, m - 1):
            w = k * v_b[i, j]           # the core
            u_b[i - 1, j] += w          # w at the offsets (-1, 0) and (0, 1)
            u_b[i, j + 1] += 2.0 * w
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from srcad.analysis.alias import Aliases
from srcad.analysis.flow import assigned, writes_of
from srcad.analysis.iterations import offset_from
from srcad.analysis.sizes import Sizes
from srcad.ir.build import ONE, ZERO, added_to, integer, sub, unclamped
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Binary,
    Block,
    Comment,
    Const,
    Expr,
    Extent,
    For,
    Load,
    Stmt,
    Store,
    Unary,
    Var,
    children,
    names_read,
    rebuild,
    walk,
)
from srcad.transform.gather import CHEAP

KEPT = 2
"""The most values of an iteration that are kept."""

Offsets = tuple[int, ...]


@dataclass
class Nest:
    """Loops around one block, each over the same range in all iterations of those around it."""

    loops: list[For]
    body: Block


def nest_of(loop: For, least: int = 2) -> Nest | None:
    """The loops of a nest, ``least`` or more, the innermost of which branches nowhere."""
    loops: list[For] = []
    body: Block = (loop,)
    while True:
        inner = [s for s in body if not isinstance(s, Comment)]
        if len(inner) != 1 or not isinstance(inner[0], For):
            break
        loops.append(inner[0])
        body = inner[0].body
    if len(loops) < least or not all(isinstance(s, Assign | Store | Comment) for s in body):
        return None
    changing = assigned((loop,))
    for each in loops:
        ends = (each.start, each.stop)
        plain = each.step == ONE and each.until is None and each.checkpoints is None
        if not plain or any(isinstance(e, Load) for x in ends for e in walk(x)):
            return None
        if any(names_read(e) & changing for e in ends):
            return None
    return Nest(loops, body)


def receiver(loop: For, shadow: str, sizes: Sizes) -> str | None:
    """The array to which a loop nest adds all of a shadow, element by element."""
    index: list[Expr] = []
    stmt: Stmt = loop
    rank = sizes.arrays[shadow][1]
    while isinstance(stmt, For):
        if len(index) == rank:
            return None
        axis = Extent(shadow, len(index))
        whole = unclamped(sizes.known(stmt.stop)) == unclamped(sizes.known(axis))
        inner = [s for s in stmt.body if not isinstance(s, Comment)]
        plain = stmt.start == ZERO and stmt.step == ONE and stmt.until is None
        if not (whole and plain and len(inner) == 1):
            return None
        index.append(stmt.var)
        stmt = inner[0]
    if not isinstance(stmt, Store) or stmt.index != tuple(index):
        return None
    term = added_to(stmt.value, Load(stmt.array, stmt.index, stmt.value.kind))
    same = isinstance(term, Load) and (term.array, term.index) == (shadow, stmt.index)
    return stmt.array if same else None


class Scatter:
    """The nest, taken apart with the help of what arrays can denote; it hands out names."""

    def __init__(
        self,
        nest: Nest,
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

    def offsets(self, index: tuple[Expr, ...]) -> Offsets | None:
        """How far an element is from the counters, one for each axis in their order."""
        if len(index) != len(self.counters):
            return None
        found = [offset_from(e, c) for e, c in zip(index, self.counters, strict=True)]
        known = [k for k in found if k is not None]
        return tuple(known) if len(known) == len(found) else None

    def core(self, shadow: str) -> tuple[Block, dict[Offsets, list[Expr]]]:
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
            term, offsets = added_to(stmt.value, own), self.offsets(stmt.index)
            assert term is not None and offsets is not None
            if not self._is_cheap(term, once):
                if term not in shares:
                    shares[term] = Var(self.names.fresh("share"), own.kind)
                    out.append(Assign(shares[term], term, stmt.at))
                term = shares[term]
            terms.setdefault(offsets, []).append(term)
        return tuple(out), terms

    def kept(self, core: Block, terms: dict[Offsets, list[Expr]]) -> list[Var]:
        """What the terms need of an iteration."""
        own = assigned(core)
        parts = {e for found in terms.values() for t in found for e in walk(t)}
        return sorted(
            (e for e in parts if isinstance(e, Var) and e.name in own), key=lambda v: v.name
        )

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

    def around(self, body: Block) -> For:
        """The loops of the nest around another block."""
        for loop in reversed(self.nest.loops):
            body = (replace(loop, body=body),)
        (outer,) = body
        assert isinstance(outer, For)
        return outer

    def inner(self) -> list[tuple[int, Var]]:
        """The axes but for the first, with their counters."""
        return list(enumerate(self.counters))[1:]

    def place(self, axis: int, position: Expr, spread: list[int]) -> Expr:
        """Where in a ring the value of an iteration is, along an axis."""
        start = self.nest.loops[axis].start
        return sub(position, sub(start, integer(spread[axis])))


def with_loads(term: Expr, rings: dict[str, str], at: tuple[Expr, ...]) -> Expr:
    """A term with what is kept of an iteration from its place in the rings."""
    if isinstance(term, Var) and term.name in rings:
        return Load(rings[term.name], at, term.kind)
    parts = tuple(with_loads(e, rings, at) for e in children(term))
    return rebuild(term, parts) if parts else term
