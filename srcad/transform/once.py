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
from srcad.analysis.liveness import Live, live_at_end, live_before
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
    Stmt,
    While,
    blocks,
    statements,
    with_blocks,
)
from srcad.ir.types import INT

_SIMPLE = Assign | For | If | Check | IndexCheck | Raise | Comment


def run_once(block: Block, live: Live) -> Block:
    """The block with such loops run once; ``live`` are the names read after it."""
    out: list[Stmt] = []
    for stmt in reversed(block):
        before = live_before(stmt, live)
        if isinstance(stmt, For) and _repeats_itself(stmt, live):
            stmt = replace(stmt, stop=Call("min", (stmt.stop, ONE), INT))
        if isinstance(stmt, If):
            stmt = with_blocks(stmt, tuple(run_once(b, live) for b in blocks(stmt)))
        elif isinstance(stmt, For | While):
            stmt = with_blocks(stmt, (run_once(stmt.body, live_at_end(stmt, live)),))
        out.append(stmt)
        live = before
    return tuple(reversed(out))


def _repeats_itself(loop: For, live: Live) -> bool:
    """Whether an iteration does nothing but check, and all check the same."""
    if loop.start != ZERO or loop.step != ONE or loop.until is not None or loop.stop == ONE:
        return False
    if not all(isinstance(s, _SIMPLE) for s in statements(loop.body)):
        return False
    changed = assigned(loop.body) | {loop.var.name}
    return not changed & (exposed(loop.body) | live)
