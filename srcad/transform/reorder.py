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
from srcad.analysis.liveness import Live
from srcad.ir.build import ONE, add, integer
from srcad.ir.nodes import Block, For
from srcad.transform.rewrite import rewritten


def reorder(block: Block, live: Live, aliases: Aliases, bounds: Bounds) -> Block:
    """The block with such loops running forward; ``live`` are the names read after it."""

    def forward(loop: For, live: Live) -> For:
        if loop.step != integer(-1) or not commute(loop, live, aliases, bounds):
            return loop
        return ascending(loop)

    return rewritten(block, live, bounds, forward)


def ascending(loop: For) -> For:
    """The loop with its iterations in the order of the counter, which moves by one."""
    if loop.step == ONE:
        return loop
    return replace(loop, start=add(loop.stop, ONE), stop=add(loop.start, ONE), step=ONE)
