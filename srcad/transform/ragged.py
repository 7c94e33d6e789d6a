"""Rows of a shadow that follow one another are assigned, not added to zeros.

The rows of a sparse matrix lie behind each other in one array, and only the numbers of the run say
where each begins. If each begins where the one before it ends, or later, its elements of the shadow
are touched for the first time, and need not be zeros before. So the loop keeps count of the
elements that have a value::

    data_b = np.zeros_like(data)            data_b = np.empty_like(data)
    for i in range(n):                      filled = 0
        start = indptr[i]                   for i in range(n):
        stop = indptr[i + 1]                    start = indptr[i]
        for k in range(start, stop):            stop = indptr[i + 1]
            data_b[k] += y_b[i] * x[k]          if filled <= start < stop:
                                                    for j in range(filled, start):
                                    ->                  data_b[j] = 0.0
                                                    for k in range(start, stop):
                                                        data_b[k] = y_b[i] * x[k]
                                                    filled = stop
                                                elif start < stop:
                                                    for j in range(filled, data_b.shape[0]):
                                                        data_b[j] = 0.0
                                                    filled = data_b.shape[0]
                                                    for k in range(start, stop):
                                                        data_b[k] += y_b[i] * x[k]
                                            for j in range(filled, data_b.shape[0]):
                                                data_b[j] = 0.0

From the first row on that does not follow, all that is left is zero and the rows are added. Where
the loop over the rows runs backward, each row is to end where the one after it begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.flow import assigned, names_of, times_bound
from srcad.analysis.iterations import BY_ELEMENT, is_still, span
from srcad.ir.build import ONE, ZERO, added_to, converted, zero_of
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Block,
    Call,
    Compare,
    Const,
    Expr,
    Extent,
    For,
    Function,
    If,
    Load,
    Logic,
    Stmt,
    Store,
    Var,
    ZerosLike,
    expressions,
    names_read,
    statements,
    walk,
)
from srcad.ir.types import INT, is_complex, is_inexact, kind_of


def ragged(function: Function, names: Names) -> Function:
    """The function with such rows assigned where they follow one another."""
    body = function.body
    if not any(_rows(s) for s in body):
        return function
    fresh = _zeros(function)
    out: list[Block] = [(s,) for s in body]
    for k, stmt in enumerate(body):
        for rows in _rows(stmt):
            assert isinstance(stmt, For)
            arrays = [
                a
                for a, place in fresh.items()
                if place < k
                and not any(_touches(s, a) for s in body[place + 1 : k])
                and _is_assignable(stmt, rows, a)
            ]
            if not arrays:
                continue
            out[k] = _Filler(arrays, function.arrays, names).filled(stmt, rows)
            for array in arrays:
                place = fresh.pop(array)
                out[place] = (_unfilled(body[place], function.arrays[array][0]),)
            break
    return replace(function, body=tuple(s for block in out for s in block))


def _unfilled(making: Stmt, dtype: str) -> Alloc:
    """What makes a vector, without its zeros."""
    assert isinstance(making, Alloc | ZerosLike)
    like = isinstance(making, ZerosLike)
    shape = (Extent(making.source, 0),) if like else making.shape
    return Alloc(making.target, shape, dtype, at=making.at)


def _zeros(function: Function) -> dict[str, int]:
    """Vectors of zeros that the function makes, once and under one name, and where."""
    body, arrays = function.body, function.arrays
    aliases = Aliases(body, points_to(body, set(arrays)))
    times = times_bound(body)
    found: dict[str, int] = {}
    for k, stmt in enumerate(body):
        if isinstance(stmt, ZerosLike) or (isinstance(stmt, Alloc) and stmt.zeros):
            name = stmt.target
            dtype, rank = arrays[name]
            alone = not any(a != name and aliases.may(a, name) for a in arrays)
            if rank == 1 and alone and times[name] == 1 and is_inexact(kind_of(dtype)):
                found[name] = k
    return found


def _rows(loop: Stmt) -> list[For]:
    """The loops over one row, in a loop over rows that begin and end at numbers of the run."""
    if not isinstance(loop, For) or not _is_plain(loop):
        return []
    changing = assigned((loop,))
    found: list[For] = []
    for stmt in loop.body:
        ends = span(stmt) if isinstance(stmt, For) and _is_plain(stmt) else None
        if (
            isinstance(stmt, For)
            and ends is not None
            and not any(is_still(e, changing) for e in ends)
        ):
            found.append(stmt)
    return found


def _is_plain(loop: For) -> bool:
    return loop.until is None and not loop.parallel and loop.var.name not in assigned(loop.body)


def _is_assignable(loop: For, rows: For, array: str) -> bool:
    """Whether a row begins by adding to its elements of an array, and nothing else touches it."""
    if any(s is not rows and _touches(s, array) for s in loop.body):
        return False
    places = [s for s in rows.body if _touches(s, array)]
    if not places or _assigned(places[0], array, rows.var) is None:
        return False
    for stmt in statements(rows.body):
        if not isinstance(stmt, BY_ELEMENT) and array in names_of(stmt):
            return False
        found = [e for x in expressions(stmt) for e in walk(x) if isinstance(e, Load)]
        if isinstance(stmt, Store):
            found.append(Load(stmt.array, stmt.index, ""))
        if any(e.array == array and e.index != (rows.var,) for e in found):
            return False
    return True


def _touches(stmt: Stmt, array: str) -> bool:
    """Whether a statement, or one inside of it, uses more of an array than its length."""
    for s in statements((stmt,)):
        if isinstance(s, Store) and s.array == array:
            return True
        if any(e.array == array for x in expressions(s) for e in walk(x) if isinstance(e, Load)):
            return True
        if not isinstance(s, BY_ELEMENT | Alloc | ZerosLike) and array in names_of(s):
            return True
    return False


def _assigned(stmt: Stmt, array: str, counter: Var) -> Store | None:
    """What a statement does that adds to the element of a row, if that is zero."""
    if not isinstance(stmt, Store) or (stmt.array, stmt.index) != (array, (counter,)):
        return None
    kind = stmt.value.kind
    term = added_to(stmt.value, Load(array, stmt.index, kind))
    if term is None or array in names_read(term):
        return None
    return replace(stmt, value=converted(term, kind) if is_complex(kind) else term)


def _of(lengths: list[Expr], function: str) -> Expr:
    """The least or the greatest of lengths."""
    return lengths[0] if len(lengths) == 1 else Call(function, tuple(lengths), INT)


class _Filler:
    def __init__(self, arrays: list[str], known: dict[str, tuple[str, int]], names: Names) -> None:
        self.arrays = arrays
        self.zeros = [zero_of(kind_of(known[a][0])) for a in arrays]
        self.names = names

    def filled(self, loop: For, rows: For) -> Block:
        """The loop with rows that are assigned where they follow, and zeros for the rest."""
        ends = span(rows)
        assert ends is not None
        bound: list[Stmt] = []
        start, stop = self._held(ends[0], "start", bound), self._held(ends[1], "stop", bound)
        some = Compare("<", start, stop)
        zero: Expr = ZERO
        lengths: list[Expr] = [Extent(a, 0) for a in self.arrays]
        if isinstance(loop.step, Const) and loop.step.value < 0:
            edge = Var(self.names.fresh("left"), INT)
            first = _of(lengths, "min")
            beyond = [(edge, length) for length in lengths] if len(lengths) > 1 else []
            end, done = start, zero
            gap, rest = (stop, edge), [(zero, edge) for _ in lengths]
            follows = Logic("and", (Compare("<=", zero, start), some, Compare("<=", stop, edge)))
        else:
            edge = Var(self.names.fresh("filled"), INT)
            first, beyond, end, done = zero, [], stop, _of(lengths, "max")
            gap, rest = (edge, start), [(edge, length) for length in lengths]
            follows = Logic("and", (Compare("<=", edge, start), some))
        assigning = tuple(self._without_zeros(s, rows) for s in rows.body)
        one = self._zeros(*gap, *self.arrays), replace(rows, body=assigning), Assign(edge, end)
        two = *self._left(rest), Assign(edge, done), rows
        chosen = If(follows, one, (If(some, two, ()),))
        place = next(k for k, s in enumerate(loop.body) if s is rows)
        body = (*loop.body[:place], *bound, chosen, *loop.body[place + 1 :])
        before = Assign(edge, first), *self._left(beyond)
        return (*before, replace(loop, body=body), *self._left(rest))

    def _left(self, rest: Sequence[tuple[Expr, Expr]]) -> Iterator[Stmt]:
        """Zeros in what is left of each array."""
        for array, ends in zip(self.arrays, rest, strict=False):
            yield self._zeros(*ends, array)

    def _held(self, end: Expr, base: str, bound: list[Stmt]) -> Expr:
        """A bound of a row that can be named again."""
        if isinstance(end, Var | Const):
            return end
        name = Var(self.names.fresh(base), INT)
        bound.append(Assign(name, end))
        return name

    def _without_zeros(self, stmt: Stmt, rows: For) -> Stmt:
        """A statement of a row, as it is where the elements of the row have no value yet."""
        for array in self.arrays:
            if next(s for s in rows.body if _touches(s, array)) is stmt:
                found = _assigned(stmt, array, rows.var)
                assert found is not None
                return found
        return stmt

    def _zeros(self, start: Expr, stop: Expr, *arrays: str) -> For:
        """Zeros in a range of elements."""
        at = Var(self.names.fresh("j"), INT)
        zeros = dict(zip(self.arrays, self.zeros, strict=True))
        return For(at, start, stop, ONE, tuple(Store(a, (at,), zeros[a]) for a in arrays))
