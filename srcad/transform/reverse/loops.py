"""Counted loops: which iteration it is, how many there are, and the loop run backwards."""

from __future__ import annotations

from srcad.ir.build import ONE, add, integer, scale, sub
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Binary,
    Call,
    Const,
    Expr,
    For,
    Stmt,
    Var,
)
from srcad.ir.types import INT


def position(loop: For) -> Expr:
    """The number of the current iteration, from 0."""
    if loop.step == ONE:
        return sub(loop.var, loop.start)
    if loop.step == integer(-1):
        return sub(loop.start, loop.var)
    return Binary("//", sub(loop.var, loop.start), loop.step, INT)


def trip_count(loop: For) -> Expr:
    """The number of iterations (not positive for none)."""
    if loop.step == ONE:
        return sub(loop.stop, loop.start)
    if loop.step == integer(-1):
        return sub(loop.start, loop.stop)
    if isinstance(loop.step, Const):
        size = int(loop.step.value)
        span = sub(loop.stop, loop.start) if size > 0 else sub(loop.start, loop.stop)
        return Binary("//", add(span, integer(abs(size) - 1)), integer(abs(size)), INT)
    return Call("len", (Call("range", (loop.start, loop.stop, loop.step), INT),), INT)


def times_step(k: Expr, step: Expr) -> Expr:
    """``k * step``."""
    return scale(k, int(step.value)) if isinstance(step, Const) else Binary("*", k, step, INT)


def backwards(loop: For, body: list[Stmt], names: Names) -> For:
    """The loop over the same iterations, last first."""
    if loop.step == ONE:
        start, stop, step = sub(loop.stop, ONE), sub(loop.start, ONE), integer(-1)
        return For(loop.var, start, stop, step, tuple(body), None, loop.at)
    if loop.step == integer(-1):
        return For(
            loop.var, add(loop.stop, ONE), add(loop.start, ONE), ONE, tuple(body), None, loop.at
        )
    k = Var(names.fresh("k"), INT)
    place = Assign(loop.var, add(loop.start, times_step(k, loop.step)))
    return For(
        k, sub(trip_count(loop), ONE), integer(-1), integer(-1), (place, *body), None, loop.at
    )
