"""Loops around loops with snapshots: where they would store what these change, they get snapshots.

An iteration that is recorded stores what each of its statements overwrites, an inner loop's too,
for all its iterations. That is what the snapshots of the inner loop were to spare. So the loop
around it keeps the state of each of its own iterations, and runs them again one by one::

    for i in range(m):                                   for i in checkpoint(range(m), m):
        for t in checkpoint(range(n), snapshots=5):  ->      for t in checkpoint(range(n), 5):
            u = step(u)                                          u = step(u)

A ``while`` loop, of which nobody knows how many iterations it has, keeps as many states as the
loop inside of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from srcad.analysis.flow import assigned
from srcad.ir.build import ONE, integer
from srcad.ir.nodes import (
    Block,
    Call,
    Checkpoints,
    For,
    Stmt,
    While,
    blocks,
    names_read,
    statements,
    with_blocks,
)
from srcad.ir.types import INT
from srcad.transform.reverse.checkpoint import Checkpointing
from srcad.transform.reverse.loops import trip_count
from srcad.transform.reverse.slots import Loop

_OTHERWISE = 100
"""States of a ``while`` loop whose inner loop says how many by what it computes."""


def around(block: Block, reverser_of: Callable[[Block], Checkpointing]) -> Block:
    """The block with snapshots in such loops, from the inside out."""
    while True:
        pairs = [(o, i) for o, i in _nested(block, None) if o.checkpoints is None]
        reverser = reverser_of(block) if pairs else None
        pair = next((p for p in pairs if reverser and reverser.stores(*p)), None)
        if pair is None:
            return block
        block = _replaced(block, pair[0], replace(pair[0], checkpoints=_kept(*pair)))


def _nested(block: Block, outer: Loop | None) -> Iterator[tuple[Loop, Loop]]:
    """Loops with snapshots, each after the loop that it is inside of."""
    for stmt in block:
        around_inner = stmt if isinstance(stmt, For | While) else outer
        for part in blocks(stmt):
            yield from _nested(part, around_inner)
        if isinstance(stmt, For | While) and stmt.checkpoints is not None and outer is not None:
            yield outer, stmt


def _kept(outer: Loop, inner: Loop) -> Checkpoints:
    """How many states the outer loop keeps: all of them, if it is known how many there are."""
    if isinstance(outer, For) and outer.until is None:
        return Checkpoints(Call("max", (ONE, trip_count(outer)), INT))
    assert inner.checkpoints is not None
    if names_read(inner.checkpoints.amount) & assigned((outer,)):
        return Checkpoints(integer(_OTHERWISE))
    return inner.checkpoints


def _replaced(block: Block, old: Loop, new: Stmt) -> Block:
    out: list[Stmt] = []
    for stmt in block:
        if stmt is old:
            out.append(new)
            continue
        inside = any(s is old for s in statements((stmt,)))
        parts = tuple(_replaced(b, old, new) for b in blocks(stmt)) if inside else ()
        out.append(with_blocks(stmt, parts) if parts else stmt)
    return tuple(out)
