"""The loops of a block changed one by one, from the outside in, with what is read after each."""

from __future__ import annotations

from collections.abc import Callable

from srcad.analysis.iterations import Bounds
from srcad.analysis.liveness import Live, live_at_end, live_before
from srcad.ir.nodes import Block, For, If, Stmt, While, blocks, with_blocks

Change = Callable[[For, Live], For]
"""From a loop, and the names that are read after it, to what takes its place."""


def rewritten(block: Block, live: Live, bounds: Bounds, change: Change) -> Block:
    """The block with its counted loops changed; ``live`` are the names read after it.

    ``bounds`` are those at the loop at hand.
    """
    out: list[Stmt] = []
    for stmt in reversed(block):
        before = live_before(stmt, live)
        match stmt:
            case If():
                parts = (rewritten(b, live, bounds, change) for b in blocks(stmt))
                stmt = with_blocks(stmt, tuple(parts))
            case While():
                stmt = with_blocks(stmt, (rewritten(stmt.body, before, bounds, change),))
            case For():
                changed = change(stmt, live)
                with bounds.within(changed):
                    body = rewritten(changed.body, live_at_end(stmt, live), bounds, change)
                stmt = with_blocks(changed, (body,))
        out.append(stmt)
        live = before
    return tuple(reversed(out))
