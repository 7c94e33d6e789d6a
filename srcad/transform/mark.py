"""Loops get snapshots that the user did not ask for, where memory is limited.

The loops are named by where they stand; how many snapshots each keeps is a parameter of the
program, so that one program serves all sizes of arguments::

    for t in range(n):    ->    for t in range(n):    # checkpoints: snapshots
"""

from __future__ import annotations

from dataclasses import replace

from srcad.ir.names import Names
from srcad.ir.nodes import Block, Checkpoints, For, Stmt, Var, While, blocks, with_blocks
from srcad.ir.types import INT
from srcad.position import Position


def mark(block: Block, places: frozenset[Position], names: Names) -> tuple[Block, tuple[Var, ...]]:
    """The block with snapshots in the loops at these places, and the new parameters."""
    rooms: list[Var] = []

    def marked(stmt: Stmt) -> Stmt:
        if isinstance(stmt, For | While) and stmt.checkpoints is None and stmt.at in places:
            rooms.append(Var(names.fresh("snapshots"), INT))
            stmt = replace(stmt, checkpoints=Checkpoints(rooms[-1]))
        parts = tuple(tuple(map(marked, part)) for part in blocks(stmt))
        return with_blocks(stmt, parts) if parts else stmt

    return (tuple(map(marked, block)), tuple(rooms)) if places else (block, ())
