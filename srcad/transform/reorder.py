"""Reversed loops whose iterations can run in any order run forward.

The reverse sweep takes the iterations of each loop last first. Where they are independent of each
other, as those of a stencil are, the order does not matter, and the processor and LLVM prefer the
order of the memory::

    for i in range(n - 1, -1, -1):              for i in range(n):
        x_b[i] += a[i] * y_b[i]         ->          x_b[i] += a[i] * y_b[i]
        y_b[i] = 0.0                                y_b[i] = 0.0
"""

from dataclasses import replace

from srcad.analysis.alias import Aliases
from srcad.analysis.iterations import Bounds, commute
from srcad.analysis.liveness import Live, live_at_end, live_before
from srcad.ir.build import ONE, add, integer
from srcad.ir.nodes import Block, For, If, Stmt, While


def reorder(block: Block, live: Live, aliases: Aliases, bounds: Bounds) -> Block:
    """The block with such loops running forward; ``live`` are the names read after it."""
    out: list[Stmt] = []
    for stmt in reversed(block):
        before = live_before(stmt, live)
        match stmt:
            case If():
                parts = (reorder(b, live, aliases, bounds) for b in (stmt.body, stmt.orelse))
                stmt = replace(stmt, body=next(parts), orelse=next(parts))
            case While():
                end = live_at_end(stmt, live)
                stmt = replace(stmt, body=reorder(stmt.body, end, aliases, bounds))
            case For():
                end = live_at_end(stmt, live)
                if stmt.step == integer(-1) and commute(stmt, live, aliases, bounds):
                    start, stop = add(stmt.stop, ONE), add(stmt.start, ONE)
                    stmt = replace(stmt, start=start, stop=stop, step=ONE)
                with bounds.within(stmt):
                    stmt = replace(stmt, body=reorder(stmt.body, end, aliases, bounds))
        out.append(stmt)
        live = before
    return tuple(reversed(out))
