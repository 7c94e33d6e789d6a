"""Steps of long runs are counted, and a run can be interrupted between them.

Each step of a loop with snapshots, in the forward sweep, run again and reversed, says that it
begins, and whether the run goes on. Where nothing has snapshots and a progress bar is asked for, it
is the loops that have tapes, or else those around other loops::

    for t in range(n):      ->    for t in range(n):
        ...                           if not goes_on(pool, 0):
                                          raise RuntimeError('interrupted')
                                      ...

Compiled code raises nothing but subclasses of ``Exception``; its caller raises
``KeyboardInterrupt``.
This is the last pass but those that print: no pass before it sees that the loops have effects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from srcad.analysis.places import start_of_reverse
from srcad.analysis.tapes import marked_loops
from srcad.ir.build import integer
from srcad.ir.nodes import (
    Block,
    Call,
    Check,
    For,
    Function,
    If,
    Keep,
    Stack,
    Stmt,
    Tape,
    Var,
    While,
    blocks,
    plain_statements,
    statements,
    with_blocks,
)
from srcad.ir.types import BOOL
from srcad.position import Position

FORWARD, AGAIN, REVERSED = range(3)
"""What a step is: the first run, one more from a snapshot, or the way back."""


def count_steps(function: Function, every: bool) -> Function:
    """The function that counts its steps; ``every``: also where no loop has snapshots."""
    places = counted_loops(function, every)
    if not places:
        return function
    found = start_of_reverse(function.body)
    middle = len(function.body) if found is None else found
    body = (
        *_counted(function.body[:middle], places, FORWARD),
        *_counted(function.body[middle:], places, REVERSED),
    )
    if body == function.body:
        return function
    parameters = function.parameters
    if "pool" not in parameters:
        parameters = (*parameters, "pool")
    return replace(function, body=body, parameters=parameters)


def counted_loops(function: Function, every: bool) -> frozenset[Position]:
    """Where the loops stand that count their steps."""
    marked = marked_loops(function.body)
    return marked or (_long_loops(function.body) if every else frozenset())


def _counted(block: Block, places: frozenset[Position], kind: int) -> Iterator[Stmt]:
    """The block, the outermost of the loops at these places counting their steps."""
    for stmt in block:
        if isinstance(stmt, For | While) and stmt.at in places:
            again = _run_again(stmt.body, stmt.at) if kind == REVERSED else stmt.body
            yield with_blocks(stmt, ((_step(kind), *again),))
            continue
        parts = tuple(tuple(_counted(part, places, kind)) for part in blocks(stmt))
        yield with_blocks(stmt, parts) if parts else stmt


def _run_again(block: Block, at: Position) -> Block:
    """The body of a reversed loop, in which the loop itself runs from a snapshot on."""
    out: list[Stmt] = []
    for stmt in block:
        match stmt:
            case For() if stmt.at == at:
                out.append(with_blocks(stmt, ((_step(AGAIN), *stmt.body),)))
            case If():
                out.append(with_blocks(stmt, tuple(_run_again(b, at) for b in blocks(stmt))))
            case _:
                out.append(stmt)
    return tuple(out)


def _step(kind: int) -> Stmt:
    test = Call("goes_on", (Var("pool", "pool"), integer(kind)), BOOL)
    return Check(test, "RuntimeError", "interrupted")


def _long_loops(block: Block) -> frozenset[Position]:
    """The outermost loops that have tapes or, if none has any, those around other loops."""
    loops = [s for s in plain_statements(block) if isinstance(s, For | While)]
    loops = [s for s in loops if not (isinstance(s, For) and s.parallel)]
    taped = {s.at for s in statements(block) if isinstance(s, Tape | Stack | Keep)}
    found = [s for s in loops if s.at in taped]
    found = found or [
        s for s in loops if any(isinstance(x, For | While) for x in statements(s.body))
    ]
    return frozenset(s.at for s in found)
