"""Loops that keep their last rows in a ring, as ``srcad.transform.roll`` writes them, taken apart.

Iterations of such a loop depend on each other by the ring alone. Threads can run parts of it, each
of which begins with what its neighbours put into the ring near the borders::

    for row in range(start, stop + 2):
        a, b, c = row % 3, (row - 1) % 3, (row - 2) % 3
        if row < stop:
            ring[a, j] = ... v[row, j] ...          # filled
        else:
            ring[a, j] = 0.0                        # cleared
        u[row - 1, j] += ... ring[a, j] ...         # gathered

What is put into the ring for a row can be found beforehand (``ahead``): it hangs on elements that
nobody writes before that row is filled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from srcad.analysis.alias import Aliases
from srcad.analysis.iterations import offset_from
from srcad.analysis.sizes import difference
from srcad.ir.build import ONE, ZERO, add, integer, is_const
from srcad.ir.nodes import (
    Assign,
    Binary,
    Block,
    Comment,
    Compare,
    Const,
    Expr,
    For,
    If,
    Load,
    Stmt,
    Store,
    Var,
    all_expressions,
    blocks,
    children,
    rebuild,
    statements,
    with_blocks,
)
from srcad.ir.rename import with_expressions


@dataclass(frozen=True)
class Ring:
    """A loop with a ring, and the loop before it that clears the ring."""

    clear: For
    loop: For
    rings: frozenset[str]
    slots: tuple[Assign, ...]
    here: Var
    """The slot of the row itself."""
    filled: Block
    cleared: Block
    gathered: Block
    start: Expr
    stop: Expr
    """The rows that are filled."""
    least: int
    most: int
    """How far from a row are those that it is gathered for."""

    @property
    def spread(self) -> int:
        """How many rows beside its own are in the ring."""
        return self.most - self.least

    def by_rows(self) -> For:
        """A loop that does to each row what the parts do to it; the ring is left aside."""

        def shifted(expr: Expr) -> Expr:
            offset = offset_from(expr, self.loop.var)
            if offset is not None:
                return add(self.loop.var, integer(offset - self.least))
            parts = children(expr)
            return rebuild(expr, tuple(map(shifted, parts))) if parts else expr

        first, end = add(self.start, integer(self.least)), add(self.stop, integer(self.most))
        body = (*self.slots, *self.filled, *with_expressions(self.gathered, shifted))
        return replace(self.loop, start=first, stop=end, body=body)

    def ahead(self, kept: dict[str, str], place: tuple[Expr, ...]) -> Block:
        """What puts a row not into the ring but into other arrays, at ``place``."""

        def put(block: Block) -> Iterator[Stmt]:
            for stmt in block:
                if not isinstance(stmt, Store):
                    yield with_blocks(stmt, tuple(tuple(put(b)) for b in blocks(stmt)))
                elif stmt.array in self.rings:
                    yield replace(stmt, array=kept[stmt.array], index=(*place, *stmt.index[1:]))

        return tuple(put(self.filled))

    def taken(self, kept: dict[str, str], place: tuple[Expr, ...]) -> Block:
        """What takes the row into the ring from there."""

        def take(block: Block) -> Iterator[Stmt]:
            for stmt in block:
                if isinstance(stmt, Store):
                    index = (*place, *stmt.index[1:])
                    yield replace(stmt, value=Load(kept[stmt.array], index, stmt.value.kind))
                else:
                    yield with_blocks(stmt, tuple(tuple(take(b)) for b in blocks(stmt)))

        return tuple(take(self.cleared))


def ring_of(clear: Stmt, loop: For, aliases: Aliases) -> Ring | None:
    """The loop, and the statement before it, as a loop with a ring; None: it is none."""
    if not isinstance(clear, For) or loop.step != ONE or loop.until is not None:
        return None
    head = [s for s in loop.body if not isinstance(s, Comment)]
    slots = tuple(s for s in head if isinstance(s, Assign))
    rest = head[len(slots) :]
    if tuple(head[: len(slots)]) != slots or not rest or not isinstance(rest[0], If):
        return None
    choice, gathered = rest[0], tuple(rest[1:])
    match choice.test:
        case Compare(op="<", a=Var() as row, b=stop) if row == loop.var:
            pass
        case _:
            return None
    offsets = [_slot(s, loop.var) for s in slots]
    counts = {c for found in offsets if found is not None for c in (found[1],)}
    here = [s.target for s, found in zip(slots, offsets, strict=True) if found and not found[0]]
    if None in offsets or len(counts) != 1 or len(here) != 1:
        return None
    spread = counts.pop() - 1
    if any(found is None or not -spread <= found[0] <= 0 for found in offsets):
        return None
    rings = frozenset(_stored(choice.orelse))
    if difference(loop.stop, stop) != spread or not _is_cleared(choice.orelse, here[0], rings):
        return None
    if not _is_cleared(clear.body, clear.var, rings) or _stored(clear.body) != set(rings):
        return None
    if (clear.start, clear.stop, clear.step) != (ZERO, integer(spread + 1), ONE):
        return None
    least = _least(gathered, loop.var, rings)
    if least is None or not least <= 0 <= spread + least:
        return None
    known = {s.target for s in slots}
    if not (_is_gathered(gathered, rings, known) and _is_filled(choice.body, here[0], rings)):
        return None
    if not _can_be_ahead(choice.body, rings, aliases):
        return None
    return Ring(
        clear,
        loop,
        rings,
        slots,
        here[0],
        choice.body,
        choice.orelse,
        gathered,
        loop.start,
        stop,
        least,
        spread + least,
    )


def _slot(stmt: Assign, row: Var) -> tuple[int, int] | None:
    """The ``k`` and ``n`` of ``(row + k) % n``."""
    match stmt.value:
        case Binary(op="%", a=number, b=Const(value=int(count))):
            offset = offset_from(number, row)
            return None if offset is None else (offset, count)
    return None


def _stored(block: Block) -> set[str]:
    return {s.array for s in statements(block) if isinstance(s, Store)}


def _is_simple(block: Block) -> bool:
    """Whether it has loops that run to their end, assignments and stores only."""
    return all(
        isinstance(s, Assign | Store | Comment) or (isinstance(s, For) and s.until is None)
        for s in statements(block)
    )


def _is_cleared(block: Block, slot: Var, rings: frozenset[str]) -> bool:
    """Whether a block sets all of a row of the rings to zero."""
    if not rings or not _is_simple(block) or any(isinstance(s, Assign) for s in statements(block)):
        return False
    stores = [s for s in statements(block) if isinstance(s, Store)]
    counters = [s.var for s in statements(block) if isinstance(s, For)]
    return all(
        s.array in rings and s.index == (slot, *counters) and is_const(s.value, 0.0) for s in stores
    )


def _least(gathered: Block, row: Var, rings: frozenset[str]) -> int | None:
    """How far from the row is the one that is gathered; None: it is not one row."""
    stores = [s for s in statements(gathered) if isinstance(s, Store)]
    found = {offset_from(s.index[0], row) for s in stores}
    return found.pop() if len(found) == 1 and not _stored(gathered) & rings else None


def _is_gathered(block: Block, rings: frozenset[str], slots: set[Var]) -> bool:
    """Whether a block reads the rings in the slots of the row, and says no more of them."""
    if not _is_simple(block):
        return False
    loads = [e for e in all_expressions(block) if isinstance(e, Load) and e.array in rings]
    return all(e.index[0] in slots for e in loads)


def _is_filled(block: Block, here: Var, rings: frozenset[str]) -> bool:
    """Whether a block stores in the rings, in the slot of the row, and reads nothing of them."""
    if not _is_simple(block):
        return False
    stores = [s for s in statements(block) if isinstance(s, Store) and s.array in rings]
    others = [s for s in statements(block) if not isinstance(s, For)]
    read = any(e.array in rings for s in others for e in _loads(s))
    return (
        {s.array for s in stores} == rings and all(s.index[0] == here for s in stores) and not read
    )


def _loads(stmt: Stmt) -> Iterator[Load]:
    return (e for e in all_expressions((stmt,)) if isinstance(e, Load))


def _can_be_ahead(filled: Block, rings: frozenset[str], aliases: Aliases) -> bool:
    """Whether what is put into the rings is the same if nothing else is stored.

    An array that is stored and read has one element in each iteration of all loops, which is read
    first.
    """
    counters = [s.var for s in statements(filled) if isinstance(s, For)]
    inside = [s for s in statements(filled) if not isinstance(s, For)]
    written: set[str] = set()
    for stmt in inside:
        if isinstance(stmt, Store) and stmt.array not in rings:
            written.add(stmt.array)
        elif any(aliases.may(a, load.array) for a in written for load in _loads(stmt)):
            return False
    touched: dict[str, set[tuple[Expr, ...]]] = {}
    for stmt in inside:
        if isinstance(stmt, Store):
            touched.setdefault(stmt.array, set()).add(stmt.index)
        for load in _loads(stmt):
            touched.setdefault(load.array, set()).add(load.index)
    for array in written:
        if any(other != array and aliases.may(array, other) for other in touched):
            return False
        (index, *others) = touched[array]
        if others or any(all(offset_from(e, c) is None for e in index) for c in counters):
            return False
    return True
