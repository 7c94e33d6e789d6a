"""Rows of a matrix that meet the same vector are taken four at a time.

A product of a matrix and a vector, written as loops, goes through the vector again for each row. If
the vector is what is added to, each of its elements is loaded and stored for each row, and if it is
multiplied, the sum of a row is a chain of additions that wait for each other. Four rows at a time
share the loads and the stores, and are four chains (unroll and jam)::

    for i in range(n):                          rest = n - n % 4
        s = 0.0                                 for i in range(0, rest, 4):
        for j in range(m):                          s = 0.0
            s += a[i, j] * x[j]                     s_1 = 0.0
        y[i] = s                                    ...
                                    ->              for j in range(m):
                                                        s += a[i, j] * x[j]
                                                        s_1 += a[i + 1, j] * x[j]
                                                        ...
                                                    y[i] = s
                                                    y[i + 1] = s_1
                                                    ...
                                                for i in range(rest, n):
                                                    (as it was)

Each sum has its terms in the order that it had. It is done to short loops of sums only, whose
iterations, those of the outer loop, can run in any order.
"""

from __future__ import annotations

import functools
from dataclasses import replace

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.flow import assigned, exposed
from srcad.analysis.iterations import Bounds, commute, is_still
from srcad.analysis.liveness import Live, live_at_end, live_before
from srcad.ir.build import ONE, add, added_to, at_least_zero, integer, sub
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Binary,
    Block,
    Call,
    Comment,
    Compare,
    Expr,
    For,
    Function,
    If,
    Load,
    Logic,
    Select,
    Stmt,
    Store,
    Var,
    While,
    blocks,
    children,
    expressions,
    names_read,
    rebuild,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.rename import renamed, with_expressions
from srcad.ir.types import INT

TOGETHER = 4
"""Rows that are taken at a time."""
MOST = 3
"""Statements of an inner loop: of longer ones the registers hold fewer rows."""


def jam(function: Function, names: Names) -> Function:
    """The function with such loops over rows taken several at a time."""
    aliases = Aliases(function.body, points_to(function.body, set(function.arrays)))
    jammer = _Jammer(aliases, Bounds(function.body), names)
    return replace(function, body=jammer.block(function.body, frozenset(function.exports)))


class _Jammer:
    def __init__(self, aliases: Aliases, bounds: Bounds, names: Names) -> None:
        self.aliases = aliases
        self.bounds = bounds
        self.names = names

    def block(self, block: Block, live: Live) -> Block:
        """A block; ``live`` are the names read after it."""
        after = [live]
        for stmt in reversed(block):
            after.append(live_before(stmt, after[-1]))
        out: list[Stmt] = []
        for stmt, later in zip(block, reversed(after[:-1]), strict=True):
            match stmt:
                case If():
                    parts = tuple(self.block(b, later) for b in blocks(stmt))
                    out.append(with_blocks(stmt, parts))
                case While():
                    body = self.block(stmt.body, live_at_end(stmt, later))
                    out.append(with_blocks(stmt, (body,)))
                case For():
                    out += self._loop(stmt, later)
                case _:
                    out.append(stmt)
        return tuple(out)

    def _loop(self, loop: For, live: Live) -> list[Stmt]:
        inner = _inner(loop)
        if (
            inner is not None
            and self._is_shared(loop, inner)
            and commute(loop, live, self.aliases, self.bounds)
        ):
            return self._jammed(loop, inner)
        with self.bounds.within(loop):
            body = self.block(loop.body, live_at_end(loop, live))
        return [with_blocks(loop, (body,))]

    def _is_shared(self, loop: For, inner: For) -> bool:
        """Whether a statement adds to, or multiplies by, a vector that all rows go through."""
        of_rows = _of_rows(loop, self.aliases) | {loop.var.name}
        along = {inner.var.name} | (assigned(inner.body) - of_rows)

        def is_vector(expr: Expr) -> bool:
            read = names_read(expr)
            return bool(read & along) and not read & of_rows

        for stmt in inner.body:
            match stmt:
                case Store():
                    place = Load(stmt.array, stmt.index, stmt.value.kind)
                    if is_vector(place) and added_to(stmt.value, place) is not None:
                        return True
                case Assign():
                    term = added_to(stmt.value, stmt.target)
                    if term is not None and any(
                        isinstance(e, Load | Var) and is_vector(e) and e != inner.var
                        for e in walk(term)
                    ):
                        return True
        return False

    def _jammed(self, loop: For, inner: For) -> list[Stmt]:
        count = sub(loop.stop, loop.start)
        least = self.bounds.least(count)
        if least is None or least < 0:
            count = at_least_zero(count)
        rest = Var(self.names.fresh("rest"), INT)
        over = Binary("%", count, integer(TOGETHER), INT)
        body: list[Stmt] = []
        copies = self._copies(loop)
        for k, stmt in enumerate(loop.body):
            if stmt is inner:
                parts = [part.body for copy in copies if isinstance(part := copy[k], For)]
                body.append(replace(inner, body=tuple(_together(parts))))
            else:
                body += _together([(copy[k],) for copy in copies])
        return [
            Assign(rest, Binary("-", loop.stop, over, INT), loop.at),
            replace(loop, stop=rest, step=integer(TOGETHER), body=tuple(body)),
            replace(loop, start=rest),
        ]

    def _copies(self, loop: For) -> list[Block]:
        """The iterations that are run at a time, each with scalars of its own."""
        own = sorted(_of_rows(loop, self.aliases) - exposed(loop.body))
        copies = [loop.body]
        for k in range(1, TOGETHER):
            named = {name: self.names.fresh(f"{name}_{k}") for name in own}
            copies.append(_moved(renamed(loop.body, named), loop.var, k))
        return copies


def _inner(loop: For) -> For | None:
    """The loop over the columns, if this is one over rows that are worth taking together."""
    if not _is_plain(loop) or loop.checkpoints is not None:
        return None
    nested = [s for s in loop.body if isinstance(s, For)]
    others = [s for s in loop.body if not isinstance(s, For)]
    if len(nested) != 1 or not all(isinstance(s, Assign | Store | Comment) for s in others):
        return None
    (inner,) = nested
    changing = assigned((loop,))
    if not _is_plain(inner) or not all(
        is_still(e, changing) for e in (loop.start, loop.stop, inner.start, inner.stop)
    ):
        return None
    own = assigned(loop.body) - exposed(loop.body)
    work = [s for s in inner.body if not isinstance(s, Comment)]
    if len(work) > MOST or not all(_is_light(s, own) for s in work):
        return None
    return inner


def _is_plain(loop: For) -> bool:
    return loop.step == ONE and loop.until is None and not loop.parallel


def _is_light(stmt: Stmt, own: set[str]) -> bool:
    """Whether a statement of the inner loop is made of products and sums, its scalars ``own``."""
    if not isinstance(stmt, Store) and not (isinstance(stmt, Assign) and stmt.target.name in own):
        return False
    parts = [e for x in expressions(stmt) for e in walk(x)]
    return all(
        (isinstance(e, Call) and e.function == "plus")
        or (isinstance(e, Binary) and e.op in ("+", "-", "*"))
        or not isinstance(e, Call | Binary | Compare | Logic | Select)
        for e in parts
    )


def _of_rows(loop: For, aliases: Aliases) -> set[str]:
    """The scalars of an iteration that may have another value in the next one."""
    written = {s.array for s in statements(loop.body) if isinstance(s, Store)}
    moving = {loop.var.name}
    size = 0
    while size != (size := len(moving)):
        for stmt in statements(loop.body):
            if isinstance(stmt, Assign):
                loads = [e.array for e in walk(stmt.value) if isinstance(e, Load)]
                own = {stmt.target.name, *moving}
                if names_read(stmt.value) & own or any(
                    aliases.may(a, b) for a in loads for b in written
                ):
                    moving.add(stmt.target.name)
    return moving - {loop.var.name}


def _moved(block: Block, counter: Var, by: int) -> Block:
    """The block as it is ``by`` iterations further on."""

    def moved(expr: Expr) -> Expr:
        if expr == counter:
            return add(counter, integer(by))
        parts = tuple(map(moved, children(expr)))
        if isinstance(expr, Binary) and expr.kind == INT and expr.op == "+":
            return add(*parts)
        return rebuild(expr, parts) if parts else expr

    return with_expressions(block, moved)


def _together(copies: list[Block]) -> list[Stmt]:
    """Copies of a block, statement by statement; what they add to one element is added at once."""
    out: list[Stmt] = []
    for versions in zip(*copies, strict=True):
        first = versions[0]
        if isinstance(first, Comment) or (_is_once(first) and len({*versions}) == 1):
            out.append(first)
        elif isinstance(first, Store) and all(v.index == first.index for v in versions):
            place = Load(first.array, first.index, first.value.kind)
            value = functools.reduce(lambda sofar, v: _with(v.value, place, sofar), versions, place)
            out.append(replace(first, value=value))
        else:
            out += versions
    return out


def _is_once(stmt: Stmt) -> bool:
    """Whether a statement does the same if it runs several times: it gives a value to a scalar."""
    return isinstance(stmt, Assign) and stmt.target.name not in names_read(stmt.value)


def _with(expr: Expr, place: Expr, value: Expr) -> Expr:
    """The expression with a value in place of an element."""
    if expr == place:
        return value
    parts = tuple(_with(e, place, value) for e in children(expr))
    return rebuild(expr, parts) if parts else expr
