"""Growing tapes have room before a loop fills them, so that its iterations need not ask for it.

A tape that may grow in an iteration is another array after it, for all that the processor can know:
its address is read again, and references are counted. Where the number of iterations is known when
the loop begins, the tape has as many slots by then. Elsewhere the iterations run for as long as
there is room, and a loop around them makes more::

    while test:                                 while test:
        if trip == x_tape.size:                     if trip == x_tape.size:
            x_tape = grow(pool, x_tape)                 x_tape = grow(pool, x_tape)
        x_tape[trip] = x                ->          room = x_tape.size
        x = f(x)                                    while trip < room and test:
        trip += 1                                       x_tape[trip] = x
                                                        x = f(x)
                                                        trip += 1
"""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.flow import assigned, writes_of
from srcad.ir.build import ONE, add, at_least_zero, compare, logic
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Block,
    Call,
    Expr,
    Extent,
    For,
    Function,
    Grow,
    Stmt,
    Var,
    While,
    blocks,
    statements,
    with_blocks,
)
from srcad.ir.types import INT
from srcad.transform.reverse.loops import trip_count


def reserve(function: Function, names: Names) -> Function:
    """The function whose growing tapes have room before the loops that fill them."""
    return replace(function, body=_block(function.body, names))


def _block(block: Block, names: Names) -> Block:
    out: list[Stmt] = []
    for stmt in block:
        if blocks(stmt):
            stmt = with_blocks(stmt, tuple(_block(b, names) for b in blocks(stmt)))
        if isinstance(stmt, For | While):
            out += _reserved(stmt, names)
        else:
            out.append(stmt)
    return tuple(out)


def _reserved(loop: For | While, names: Names) -> Block:
    """A loop, and what makes room for it."""
    grows, rest = _split(loop.body)
    top = _filled(grows, rest)
    if top is None:
        return (loop,)
    if isinstance(loop, For):
        if loop.until is not None:
            return (loop,)
        room: Expr = at_least_zero(trip_count(loop))
        return (*(replace(g, room=room) for g in grows), replace(loop, body=rest))
    sizes = tuple(Extent(g.target, 0) for g in grows)
    least = Var(names.fresh("room"), INT)
    size = sizes[0] if len(sizes) == 1 else Call("min", sizes, INT)
    filling = While(logic("and", (compare("<", top, least), loop.test)), rest, loop.at)
    return (replace(loop, body=(*grows, Assign(least, size), filling)),)


def _split(body: Block) -> tuple[tuple[Grow, ...], Block]:
    """What makes room at the start of an iteration, and the rest of it."""
    grows: list[Grow] = []
    for stmt in body:
        if not isinstance(stmt, Grow) or stmt.room is not None:
            break
        grows.append(stmt)
    return tuple(grows), body[len(grows) :]


def _filled(grows: tuple[Grow, ...], rest: Block) -> Var | None:
    """The counter of the slots, if each iteration fills one slot of each tape, and no other."""
    tops = {g.top for g in grows}
    if len(tops) != 1:
        return None
    (top,) = tops
    if not isinstance(top, Var) or {g.target for g in grows} & assigned(rest):
        return None
    counting = [s for s in statements(rest) if top.name in writes_of(s)]
    if counting == [Assign(top, add(top, ONE))] and any(s is counting[0] for s in rest):
        return top
    return None
