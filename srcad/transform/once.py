"""Loops whose iterations are all the same run once.

What is left of a loop in the forward sweep may be the checks of indices that depend on an inner
loop only: then its iterations find what the first one found::

    for i in range(n):                  for i in range(min(n, 1)):
        p = 0                               p = 0
        for r in range(m):                  for r in range(m):
            check(p)            ->              check(p)
            p += 1                              p += 1
"""

from dataclasses import replace

from srcad.analysis.flow import assigned, exposed
from srcad.analysis.iterations import Bounds
from srcad.analysis.liveness import Live
from srcad.ir.build import ONE, ZERO
from srcad.ir.nodes import (
    Assign,
    Block,
    Call,
    Check,
    Comment,
    For,
    If,
    IndexCheck,
    Raise,
    statements,
)
from srcad.ir.types import INT
from srcad.transform.rewrite import rewritten

_SIMPLE = Assign | For | If | Check | IndexCheck | Raise | Comment


def run_once(block: Block, live: Live) -> Block:
    """The block with such loops run once; ``live`` are the names read after it."""

    def once(loop: For, live: Live) -> For:
        if not _repeats_itself(loop, live):
            return loop
        return replace(loop, stop=Call("min", (loop.stop, ONE), INT))

    return rewritten(block, live, Bounds(block), once)


def _repeats_itself(loop: For, live: Live) -> bool:
    """Whether an iteration does nothing but check, and all check the same."""
    if loop.start != ZERO or loop.step != ONE or loop.until is not None or loop.stop == ONE:
        return False
    if not all(isinstance(s, _SIMPLE) for s in statements(loop.body)):
        return False
    changed = assigned(loop.body) | {loop.var.name}
    return not changed & (exposed(loop.body) | live)
