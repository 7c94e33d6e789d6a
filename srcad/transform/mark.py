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
    """The block with snapshots in the outermost loops at these places, and the new parameters."""
    rooms: list[Var] = []

    def marked(stmt: Stmt, left: frozenset[Position]) -> Stmt:
        if isinstance(stmt, For | While) and stmt.at in left:
            left = left - {stmt.at}
            if stmt.checkpoints is None:
                rooms.append(Var(names.fresh("snapshots"), INT))
                stmt = replace(stmt, checkpoints=Checkpoints(rooms[-1]))
        parts = tuple(tuple(marked(s, left) for s in part) for part in blocks(stmt))
        return with_blocks(stmt, parts) if parts else stmt

    return (tuple(marked(s, places) for s in block), tuple(rooms)) if places else (block, ())
