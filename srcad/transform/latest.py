"""What an iteration waits for is added last.

A recurrence along a row, as in a sweep of Gauss-Seidel, takes for each element as long as the
operations between the element before and the next one. A sum that begins with it, or has it in the
middle, makes it wait for additions that could have been done before. So the element that the last
iteration has stored is added to the sum of the others, if these are three or more::

    for j in range(1, m - 1):                   for j in range(1, m - 1):
        u[i, j] = 0.25 * (u[i - 1, j]               u[i, j] = 0.25 * (u[i - 1, j]
            + u[i, j - 1] + u[i, j + 1])    ->          + u[i, j + 1] + u[i, j - 1])

It is done where nothing but the gradient is asked for and no digit decides anything (as in
``quotients.py``), in innermost loops without branches.
"""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.iterations import offset_from
from srcad.ir.build import ONE, add, integer, negate
from srcad.ir.nodes import (
    Assign,
    Binary,
    Block,
    Comment,
    Expr,
    For,
    Function,
    Load,
    Stmt,
    Store,
    Unary,
    blocks,
    children,
    rebuild,
    walk,
    with_blocks,
)
from srcad.ir.types import FLOAT, FLOAT32
from srcad.transform.quotients import is_smooth

FEW = 3
"""So many terms beside it make it worth while. Sums of three in all may be there for what they
cancel: ``(total - before) - term`` is what a sum was rounded by."""

Terms = list[tuple[bool, Expr]]
"""The terms of a sum, and whether each is subtracted."""


def latest(function: Function) -> Function:
    """The function with what an iteration waits for added last."""
    if not is_smooth(function.body):
        return function
    return replace(function, body=_block(function.body))


def _block(block: Block) -> Block:
    return tuple(_stmt(s) if blocks(s) else s for s in block)


def _stmt(stmt: Stmt) -> Stmt:
    if isinstance(stmt, For) and all(isinstance(s, Assign | Store | Comment) for s in stmt.body):
        if stmt.step not in (ONE, integer(-1)):
            return stmt
        return replace(stmt, body=tuple(_reordered(s, stmt) for s in stmt.body))
    return with_blocks(stmt, tuple(map(_block, blocks(stmt))))


def _reordered(stmt: Stmt, loop: For) -> Stmt:
    """A statement; if it stores an element, with the one that was stored before added last."""
    if not isinstance(stmt, Store) or stmt.value.kind not in (FLOAT, FLOAT32):
        return stmt
    place = _before(stmt, loop)
    if place is None or place not in walk(stmt.value):
        return stmt
    return replace(stmt, value=_last(stmt.value, place))


def _before(store: Store, loop: For) -> Load | None:
    """The element that a statement has stored in the iteration before."""
    if not store.index:
        return None
    *rows, last = store.index
    if any(loop.var in walk(e) for e in rows):
        return None
    shift = offset_from(last, loop.var)
    if shift is None:
        return None
    shift -= 1 if loop.step == ONE else -1
    at = add(loop.var, integer(shift))
    return Load(store.array, (*rows, at), store.value.kind)


def _last(expr: Expr, place: Load) -> Expr:
    """An expression in whose sums the term with an element comes last."""
    if place not in walk(expr) or isinstance(expr, Load):
        return expr
    if not (isinstance(expr, Binary) and expr.op in ("+", "-")):
        return rebuild(expr, tuple(_last(e, place) for e in children(expr)))
    terms = _terms(expr, False, place)
    early = [(minus, e) for minus, e in terms if place not in walk(e)]
    late = [(minus, _last(e, place)) for minus, e in terms if place in walk(e)]
    if len(late) > 1 or len(early) < FEW or any(e.kind != expr.kind for _, e in terms):
        return rebuild(expr, tuple(_last(e, place) for e in children(expr)))
    first = next((k for k, (minus, _) in enumerate(early) if not minus), 0)
    minus, total = early.pop(first)
    total = negate(total) if minus else total
    for minus, term in (*early, *late):
        total = Binary("-" if minus else "+", total, term, expr.kind)
    return total


def _terms(expr: Expr, minus: bool, place: Load) -> Terms:
    """The terms of a sum, from left to right; sums without the element are one term.

    >>> from srcad.ir.nodes import Var
    >>> a, b, c = (Var(name, FLOAT) for name in "abc")
    >>> x = Load("x", (), FLOAT)
    >>> sum_ = Binary("-", Binary("+", a, b, FLOAT), Binary("-", c, x, FLOAT), FLOAT)
    >>> [(minus, len(list(walk(e)))) for minus, e in _terms(sum_, False, x)]
    [(False, 3), (True, 1), (False, 1)]
    """
    match expr:
        case Binary(op="+" | "-" as op, a=a, b=b) if place in walk(expr):
            return [*_terms(a, minus, place), *_terms(b, minus != (op == "-"), place)]
        case Unary(op="-", x=x) if place in walk(expr):
            return _terms(x, not minus, place)
    return [(minus, expr)]
