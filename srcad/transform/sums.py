"""Sums whose terms may come in any order, so that LLVM sums several at a time.

A loop that adds to a scalar is a chain: each addition waits for the one before it. The reverse
sweep has no order of its own, so the scalars that an inner loop sums are added to by ``plus``, an
addition that LLVM may reorder::

    for j in range(n):                          for j in range(n):
        c_b += y[j] * y_b[j]        ->              c_b = plus(c_b, y[j] * y_b[j])

So are the sums of the program, where nothing but the gradient is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Set
from dataclasses import replace

from srcad.analysis.alias import Aliases
from srcad.analysis.flow import assigned, exposed
from srcad.analysis.iterations import Bounds, commute
from srcad.analysis.liveness import Live
from srcad.ir.build import added_to
from srcad.ir.nodes import (
    Assign,
    Block,
    Call,
    For,
    If,
    Stmt,
    While,
    blocks,
    statements,
    with_blocks,
)
from srcad.ir.types import FLOAT, FLOAT32
from srcad.transform.rewrite import rewritten


def free_sums(block: Block, live: Live, free: Set[str], aliases: Aliases, bounds: Bounds) -> Block:
    """The block with sums into ``free`` freed; ``live`` are the names read after it."""

    def in_any_order(loop: For, live: Live) -> For:
        if _loops(loop) or not commute(loop, live, aliases, bounds):
            return loop
        return replace(loop, body=freed(loop.body, sums_of(loop.body) & free))

    return rewritten(block, live, bounds, in_any_order)


def _loops(loop: For) -> bool:
    """Whether there are loops in a loop."""
    return any(isinstance(s, For | While) for s in statements(loop.body))


def sums_of(body: Block) -> set[str]:
    """Scalars that pass from one iteration to the next: in a loop that commutes, the sums."""
    return assigned(body) & exposed(body)


def freed(block: Block, sums: Collection[str]) -> Block:
    """The block with additions to these sums freed, those of floats."""
    out: list[Stmt] = []
    for stmt in block:
        match stmt:
            case If():
                stmt = with_blocks(stmt, tuple(freed(b, sums) for b in blocks(stmt)))
            case Assign() if stmt.target.name in sums and stmt.target.kind in (FLOAT, FLOAT32):
                term = added_to(stmt.value, stmt.target)
                assert term is not None
                value = Call("plus", (stmt.target, term), stmt.target.kind)
                stmt = Assign(stmt.target, value, stmt.at)
        out.append(stmt)
    return tuple(out)
