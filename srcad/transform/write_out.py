"""Loops of a few known iterations are written out: one after the other, each with literals.

So what each iteration does is told apart: elements have numbers, and tests of the counter are
decided::

    for i in range(2):                  unit = 1.0
        unit = 1.0 if i == 0 else 0.0   y[0] = unit * w
        y[i] = unit * w           ->    unit_1 = 0.0
                                        y[1] = unit_1 * w
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from srcad.analysis.flow import assigned, exposed, mentions
from srcad.analysis.sizes import Sizes, folded
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Block,
    Const,
    Expr,
    For,
    If,
    Select,
    Stmt,
    Var,
    blocks,
    children,
    rebuild,
    statements,
    with_blocks,
)
from srcad.ir.rename import renamed, with_expressions
from srcad.ir.types import INT

VALUES = 16
"""The most iterations that are written out."""


def values_of(loop: For) -> range | None:
    """The values of a counter, if they are literal, few, and nothing else changes it."""
    ends = [e.value if isinstance(e, Const) else None for e in (loop.start, loop.stop, loop.step)]
    if None in ends or loop.until is not None or loop.var.name in assigned(loop.body):
        return None
    start, stop, step = (int(n) for n in ends if n is not None)
    values = range(start, stop, step) if step else range(0)
    return values if 0 < len(values) <= VALUES else None


_NOTHING = Sizes()


def at_values(expr: Expr, values: dict[Var, Const]) -> Expr:
    """An expression for these values of counters."""

    def change(e: Expr) -> Expr:
        if isinstance(e, Var):
            return values.get(e, e)
        parts = children(e)
        return rebuild(e, tuple(map(change, parts))) if parts else e

    return _chosen(folded(change(expr), _NOTHING))


def _chosen(expr: Expr) -> Expr:
    """An expression without conditional ones that are decided."""
    if isinstance(expr, Select) and isinstance(expr.test, Const):
        return _chosen(expr.a if expr.test.value else expr.b)
    parts = children(expr)
    return rebuild(expr, tuple(map(_chosen, parts))) if parts else expr


def written_out(
    block: Block, opened: frozenset[int], mentioned: Counter[str], names: Names
) -> Block:
    """The block with loops (by identity) written out, their locals under names of their own."""
    out: list[Stmt] = []
    for stmt in block:
        parts = tuple(written_out(b, opened, mentioned, names) for b in blocks(stmt))
        inner = with_blocks(stmt, parts) if parts else stmt
        if not isinstance(stmt, For) or not isinstance(inner, For) or id(stmt) not in opened:
            out.append(inner)
            continue
        counter = stmt.var
        own = _locals(inner, mentioned)
        values = values_of(stmt)
        assert values is not None
        for k, value in enumerate(values):
            fresh = {n: names.fresh(n) for n in sorted(own)} if k else {}
            at = {counter: Const(value, INT)}
            body = with_expressions(inner.body, lambda e, at=at: at_values(e, at))
            out += _decided(renamed(body, fresh))
        if mentioned[counter.name] > mentions((stmt,))[counter.name]:
            out.append(Assign(counter, Const(values[-1], INT), stmt.at))
    return tuple(out)


def _locals(loop: For, mentioned: Counter[str]) -> set[str]:
    """Scalars of an iteration that nothing else reads."""
    early = exposed(loop.body)
    made = {s.target.name for s in statements(loop.body) if isinstance(s, Assign)}
    inside = mentions((loop,))
    return {n for n in made - early if mentioned[n] == inside[n]}


def _decided(block: Block) -> Iterator[Stmt]:
    """The statements of a block without branches that are decided."""
    for stmt in block:
        if isinstance(stmt, If) and isinstance(stmt.test, Const):
            yield from _decided(stmt.body if stmt.test.value else stmt.orelse)
        else:
            yield stmt
