"""Outer products that a loop adds to a matrix are added several at a time.

The adjoint of ``y = a @ x``, as a product or in loops, adds an outer product to the shadow of the
matrix. In a loop over time that reads and writes the whole matrix in each iteration. Here the two
vectors are kept, and sixteen products are added at once, as a product of matrices::

    for t in range(n):                          terms = 0
        for i in range(m):                      for t in range(n):
            s_b = k * y_b[i]                        for j in range(l):
            for j in range(l):                          columns[terms, j] = x[j]
                x_b[j] += a[i, j] * s_b             for i in range(m):
                a_b[i, j] += x[j] * s_b   ->            s_b = k * y_b[i]
                                                        rows[terms, i] = s_b
                                                        for j in range(l):
                                                            x_b[j] += a[i, j] * s_b
                                                    terms += 1
                                                    if terms == 16:
                                                        add_products(a_b, rows, columns, terms, ...)
                                                        terms = 0
                                                add_products(a_b, rows, columns, terms, ...)

``add_products`` (``srcad.runtime.products``) is a call of BLAS where there is more than a
little to do; its last arguments are where the loops over the rows and over the columns start.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from srcad.analysis.alias import Aliases
from srcad.analysis.flow import assigned, times_bound
from srcad.analysis.iterations import accesses, is_still, named_otherwise
from srcad.ir.build import (
    ONE,
    ZERO,
    add,
    added_to,
    at_least_zero,
    compare,
    integer,
    negate,
)
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Block,
    Call,
    Comment,
    Const,
    Expr,
    Extent,
    For,
    If,
    Invoke,
    Load,
    Span,
    Stmt,
    Store,
    Unary,
    Var,
    While,
    Window,
    blocks,
    children,
    names_read,
    rebuild,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.types import FLOAT, FLOAT32, INT

TERMS = 16
"""Products that are added at once."""

Arrays = dict[str, tuple[str, int]]


def batch_products(
    block: Block, shadows: frozenset[str], aliases: Aliases, names: Names, arrays: Arrays
) -> Block:
    """The block with outer products into the shadows batched; ``arrays`` learns of the buffers.

    ``shadows`` are those whose rows follow each other in memory.
    """
    return _Batcher(shadows, aliases, names, arrays).block(block)


@dataclass(frozen=True)
class _Batch:
    """Outer products into one matrix, as they are collected."""

    array: str
    lead: tuple[Expr, ...]
    """The leading indices of the matrix in its array."""
    loops: tuple[For, For]
    """The loops over the rows and over the columns."""
    buffers: tuple[str, str]
    """Where the two vectors of each product are kept."""
    matrix: str
    """The name of the matrix, if it is a part of its array."""
    terms: Var
    kind: str

    def start(self) -> Iterator[Stmt]:
        """What is in front of the loop that makes the products."""
        for loop, buffer in zip(self.loops, self.buffers, strict=True):
            length = loop.stop if isinstance(loop.stop, Extent) else at_least_zero(loop.stop)
            yield Alloc(buffer, (integer(TERMS), length), self.kind)
        yield Assign(self.terms, ZERO)

    def count(self) -> Iterator[Stmt]:
        """What follows each product."""
        yield Assign(self.terms, add(self.terms, ONE))
        full = compare("==", self.terms, integer(TERMS))
        yield If(full, (*self._adding(), Assign(self.terms, ZERO)))

    def finish(self) -> Iterator[Stmt]:
        """What follows the loop."""
        if self.lead:
            yield If(compare(">", self.terms, ZERO), tuple(self._adding()))
        else:
            yield from self._adding()

    def _adding(self) -> Iterator[Stmt]:
        """All products that were kept are added."""
        rows, columns = self.loops
        if self.lead:
            first = len(self.lead)
            axes = first, first + 1
            whole = (Span(ZERO, Extent(self.array, axis), 1) for axis in axes)
            yield Window(self.matrix, self.array, (*self.lead, *whole), axes)
        args = self.matrix, *self.buffers, self.terms, rows.start, columns.start
        yield Invoke((), "add_products", args, (self.matrix,), 0, rows.at)


class _Batcher:
    def __init__(
        self, shadows: frozenset[str], aliases: Aliases, names: Names, arrays: Arrays
    ) -> None:
        self.shadows = shadows
        self.aliases = aliases
        self.names = names
        self.arrays = arrays

    def block(self, block: Block) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            match stmt:
                case For() | While():
                    out += self._loop(stmt)
                case If():
                    out.append(with_blocks(stmt, tuple(map(self.block, blocks(stmt)))))
                case _:
                    out.append(stmt)
        return tuple(out)

    def _loop(self, loop: For | While) -> Iterator[Stmt]:
        found: list[_Batch] = []
        body = self._inside(loop.body, loop, found)
        for batch in found:
            yield from batch.start()
        yield replace(loop, body=body)
        for batch in found:
            yield from batch.finish()

    def _inside(self, block: Block, loop: For | While, found: list[_Batch]) -> Block:
        """A block of a loop; what it adds to matrices is collected in ``found``."""
        out: list[Stmt] = []
        for stmt in block:
            match stmt:
                case For():
                    made = self._collected(stmt, loop)
                    if made is None:
                        out += self._loop(stmt)
                    else:
                        statements, batch = made
                        out += statements
                        found.append(batch)
                case While():
                    out += self._loop(stmt)
                case If():
                    parts = tuple(self._inside(b, loop, found) for b in blocks(stmt))
                    out.append(with_blocks(stmt, parts))
                case _:
                    out.append(stmt)
        return tuple(out)

    def _collected(self, outer: For, loop: For | While) -> tuple[list[Stmt], _Batch] | None:
        """A nest of two loops in a loop, with its outer product kept."""
        for inner in outer.body:
            if isinstance(inner, For):
                for stmt in inner.body:
                    if isinstance(stmt, Store) and self._is_apart(stmt, outer, inner, loop):
                        pair = _factors(_written_out(stmt, inner), outer, inner)
                        if pair is not None and self._keep(pair, outer, inner):
                            return self._kept(stmt, pair, outer, inner)
        return None

    def _is_apart(self, stmt: Store, outer: For, inner: For, loop: For | While) -> bool:
        """Whether the matrix is only added to, for all of its elements that the loops reach."""
        changing = assigned((loop,))
        ranges = (outer.start, outer.stop, inner.start, inner.stop)
        if len(stmt.index) < 2 or not all(_is_natural(r) for r in (outer.start, inner.start)):
            return False
        return (
            stmt.array in self.shadows
            and stmt.array not in changing
            and stmt.value.kind in (FLOAT, FLOAT32)
            and {*stmt.index[-2:]} == {outer.var, inner.var}
            and outer.step == inner.step == ONE
            and outer.until is None
            and inner.until is None
            and all(is_still(e, changing) for e in (*ranges, *stmt.index[:-2]))
            and all(_is_total(e) for e in ranges)
            and not any(self.aliases.may(stmt.array, n) for n in named_otherwise(loop.body))
            and all(
                a.how == "add" for a in accesses(loop.body) if self.aliases.may(stmt.array, a.array)
            )
        )

    def _keep(self, pair: tuple[Expr, Expr], outer: For, inner: For) -> bool:
        """Whether the factors are known before the loops that they do not change in."""
        stored = {s.array for s in statements(outer.body) if isinstance(s, Store)}
        within = {s.array for s in statements(inner.body) if isinstance(s, Store)}
        return not self._reads(pair[0], within) and not self._reads(pair[1], stored)

    def _reads(self, expr: Expr, stored: set[str]) -> bool:
        read = {e.array for e in walk(expr) if isinstance(e, Load)}
        return any(self.aliases.may(a, b) for a in read for b in stored)

    def _kept(
        self, stmt: Store, pair: tuple[Expr, Expr], outer: For, inner: For
    ) -> tuple[list[Stmt], _Batch]:
        kind = stmt.value.kind
        terms = Var(self.names.fresh("terms"), INT)
        names = [self.names.fresh(f"{stmt.array}_{side}") for side in ("rows", "columns")]
        swapped = stmt.index[-2] == inner.var
        loops = (inner, outer) if swapped else (outer, inner)
        of_outer, of_inner = reversed(names) if swapped else names
        lead = stmt.index[:-2]
        matrix = self.names.fresh(f"{stmt.array}_part") if lead else stmt.array
        for name in (*names, matrix):
            self.arrays[name] = (kind, 2)
        batch = _Batch(
            stmt.array,
            lead,
            (replace(loops[0], body=()), replace(loops[1], body=())),
            (names[0], names[1]),
            matrix,
            terms,
            kind,
        )
        first = replace(inner, body=(Store(of_inner, (terms, inner.var), pair[1]),))
        body: list[Stmt] = []
        for other in outer.body:
            if other is inner:
                body.append(Store(of_outer, (terms, outer.var), pair[0]))
                rest = tuple(s for s in inner.body if s is not stmt)
                if any(not isinstance(s, Comment) for s in rest):
                    body.append(replace(inner, body=rest))
            else:
                body.append(other)
        return [first, replace(outer, body=tuple(body)), *batch.count()], batch


def _written_out(stmt: Store, inner: For) -> Store:
    """A statement of the inner loop, with elements in place of the variables that hold them."""
    bound = times_bound(inner.body)
    held: dict[Expr, Expr] = {
        s.target: s.value
        for s in inner.body[: inner.body.index(stmt)]
        if isinstance(s, Assign) and isinstance(s.value, Load) and bound[s.target.name] == 1
    }
    stored = {s.array for s in statements(inner.body) if isinstance(s, Store)}

    def written(expr: Expr) -> Expr:
        value = held.get(expr)
        if isinstance(value, Load) and value.array not in stored:
            return value
        parts = children(expr)
        return rebuild(expr, tuple(map(written, parts))) if parts else expr

    return replace(stmt, value=written(stmt.value))


def _factors(stmt: Store, outer: For, inner: For) -> tuple[Expr, Expr] | None:
    """The factors of an outer product: one for each loop, the same in all iterations of the other.

    The product is taken as it is written, so that no factor overflows that did not.
    """
    term = added_to(stmt.value, Load(stmt.array, stmt.index, stmt.value.kind))
    minus = isinstance(term, Unary) and term.op == "-"
    if isinstance(term, Unary) and minus:
        term = term.x
    if not isinstance(term, Binary) or term.op != "*" or term.a.kind != term.b.kind:
        return None
    inside = assigned((inner,))
    around = assigned((outer,)) - inside
    for one, two in ((term.a, term.b), (term.b, term.a)):
        if (
            not names_read(one) & inside
            and names_read(two) & inside == {inner.var.name}
            and not names_read(two) & around
            and one.kind == stmt.value.kind
        ):
            return (negate(one) if minus else one), two
    return None


def _is_total(expr: Expr) -> bool:
    """Whether an expression can be evaluated though the loop that does so has no iteration."""
    return all(
        isinstance(e, Const | Var | Extent)
        or (isinstance(e, Binary) and e.op in "+-*")
        or (isinstance(e, Call) and e.function in ("max", "min"))
        for e in walk(expr)
    )


def _is_natural(expr: Expr) -> bool:
    return isinstance(expr, Const) and expr.value >= 0
