"""The statements of a function, with how threads can divide them.

A loop is divided where that is proved (``srcad.analysis.division``), the outermost one of a nest
that can be. A loop that does little is divided only where a larger one is, over the same rows: it
is *light*.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from srcad.analysis.division import Division, Plan
from srcad.analysis.flow import assigned
from srcad.analysis.liveness import Live, live_at_end, live_before
from srcad.analysis.rings import Ring, ring_of
from srcad.analysis.work import Loop
from srcad.ir.build import ONE
from srcad.ir.nodes import (
    Block,
    Expr,
    For,
    If,
    Load,
    Stmt,
    Store,
    While,
    blocks,
    names_read,
    statements,
    walk,
)
from srcad.transform.reorder import ascending

_DEPTH = 2
"""The most loops around one that is divided; around one in which there is no other: none."""


@dataclass(frozen=True)
class Piece:
    """A statement, with what is known of it."""

    stmt: Stmt
    live: Live
    """The names that are read after it."""
    plan: Plan | None = None
    parts: tuple[tuple[Piece, ...], ...] = ()
    """Its blocks, where loops in them are divided."""
    light: Plan | None = None
    """How it is divided if a larger loop is, over the same rows."""
    body: tuple[Piece, ...] = ()
    """What it does if its condition holds, where it does nothing else."""
    guard: Expr | None = None
    """The condition that it stood under."""
    ring: Ring | None = None
    """What its iterations hand on, if it is divided nevertheless."""
    idle: bool = False
    """Whether it clears a ring, which the parts do for themselves."""

    @property
    def divided(self) -> bool:
        """Whether it is, or has in it, a loop that is divided."""
        return self.plan is not None or bool(self.parts)

    @property
    def writes(self) -> bool:
        """Whether it writes elements of arrays."""
        return any(isinstance(s, Store) for s in statements((self.stmt,)))

    @property
    def acts(self) -> bool:
        """Whether the workers share it, or one of them does it."""
        if self.idle:
            return False
        return self.plan is not None or (not self.parts and self.writes)


class Divided(NamedTuple):
    """A loop that is divided."""

    loop: For
    plan: Plan
    ring: Ring | None
    around: tuple[Loop, ...]
    """The loops around it, from the outermost on."""


def divided_in(pieces: tuple[Piece, ...], around: tuple[Loop, ...] = ()) -> Iterator[Divided]:
    """The loops among some statements, and in them, that are divided."""
    for piece in pieces:
        stmt = piece.stmt
        if piece.plan is not None:
            assert isinstance(stmt, For)
            yield Divided(stmt, piece.plan, piece.ring, around)
        inside = (*around, stmt) if isinstance(stmt, Loop) else around
        for part in piece.parts:
            yield from divided_in(part, inside)


def pieces_of(block: Block, live: Live, division: Division, depth: int = 0) -> tuple[Piece, ...]:
    """The statements of a block, in which ``depth`` loops are around them."""
    found: list[Piece] = []
    for k in range(len(block) - 1, -1, -1):
        stmt, before = block[k], block[k - 1] if k else None
        piece = _with_ring(before, stmt, live, division)
        if piece is None:
            piece = _piece(stmt, live, division, depth)
            after = found[-1].ring if found else None
            piece = replace(piece, idle=after is not None and after.clear is stmt)
        found.append(piece)
        live = live_before(stmt, live)
    return tuple(reversed(found))


def _with_ring(before: Stmt | None, stmt: Stmt, live: Live, division: Division) -> Piece | None:
    """A loop with a ring that can be divided; the statement before it clears the ring."""
    if before is None or not isinstance(stmt, For):
        return None
    ring = ring_of(before, stmt, division.aliases)
    plan = None if ring is None else division.ring(ring, live)
    return None if plan is None else Piece(stmt, live, plan, ring=ring)


def _piece(stmt: Stmt, live: Live, division: Division, depth: int) -> Piece:
    parts: tuple[tuple[Piece, ...], ...] = ()
    light = None
    match stmt:
        case If():
            parts = tuple(pieces_of(b, live, division, depth) for b in blocks(stmt))
        case For() if (plan := division.plan(stmt, live, depth == 0)) is not None:
            return Piece(ascending(stmt), live, plan)
        case For() if stmt.step == ONE and is_innermost(stmt):
            light = division.plan(stmt, live, outermost=True)
            light = None if light is None or light.sums or light.scratch else light
        case For() if depth < _DEPTH:
            with division.bounds.within(stmt):
                parts = (pieces_of(stmt.body, live_at_end(stmt, live), division, depth + 1),)
        case While() if depth < _DEPTH:
            parts = (pieces_of(stmt.body, live_at_end(stmt, live), division, depth + 1),)
    if any(p.divided for b in parts for p in b):
        return Piece(stmt, live, None, parts)
    body = next(iter(parts), ()) if isinstance(stmt, If) and _is_plain(stmt) else ()
    return Piece(stmt, live, None, (), light, body)


def is_innermost(loop: For) -> bool:
    """Whether LLVM may run several iterations at once, and those left over in another way."""
    return not any(isinstance(s, For | While) for s in statements(loop.body))


def _is_plain(stmt: If) -> bool:
    """Whether a condition is known to every worker, and all that hangs on it stores elements."""
    simple = all(isinstance(s, Store | For) for s in stmt.body) and not stmt.orelse
    loads = any(isinstance(e, Load) for e in walk(stmt.test))
    return simple and not loads and not names_read(stmt.test) & assigned((stmt,))
