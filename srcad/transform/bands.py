"""Writes what the parts do of statements that they do together, in one turn or two.

``srcad.analysis.turns`` says which rows of a statement, its *band*, a part does in the first turn.
What it leaves near the border to the next part is done in the second, when all parts are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from srcad.analysis.turns import Band, Member
from srcad.analysis.work import most_parts, operations
from srcad.ir.build import ONE, ZERO, add, compare, integer, sub
from srcad.ir.nodes import (
    Assign,
    Binary,
    Bind,
    Block,
    Call,
    Const,
    Expr,
    For,
    If,
    Invoke,
    Load,
    Logic,
    Select,
    Stmt,
    Store,
    Var,
    Window,
    statements,
)
from srcad.ir.rename import renamed, renamed_expr
from srcad.ir.types import INT
from srcad.transform.pieces import is_innermost
from srcad.transform.threads import Threads


@dataclass(frozen=True)
class Group:
    """Statements that threads do without waiting in between, and names that are bound before."""

    members: tuple[Member, ...] = ()
    bands: tuple[Band, ...] = ()
    bound: tuple[Stmt, ...] = ()


_Border = Callable[[Band, Expr], Expr]
"""The row at which a part begins, by its number."""


class Bands:
    """Writes what the workers do of groups of statements."""

    def __init__(self, threads: Threads, cells: dict[str, str]) -> None:
        self.threads = threads
        self.cells = cells
        """Where each part has its own of a sum: the arrays, by the names of the sums."""

    def done_by_all(self, group: Group) -> Iterator[Stmt]:
        """A group, shared among the workers, and what each of them does before that."""
        for stmt in group.bound:
            if isinstance(stmt, Window) and any(m.before is stmt for m in group.members):
                yield Bind((self.threads.before(stmt.target),), (stmt.target,))
            yield stmt
        if any(b.loop is not None for b in group.bands):
            yield from self._shared(group.bands)
        elif group.members:
            whole = (s for m in group.members for s in self._whole(m))
            yield from self.threads.one_part(_in_short(whole))

    def _shared(self, bands: tuple[Band, ...]) -> Iterator[Stmt]:
        """What all parts do in one turn, or in two."""
        threads = self.threads
        rows: dict[int, tuple[Expr, Expr]] = {}
        for band in bands:
            loop = band.loop
            if loop is None or loop is not band.reference:
                continue
            start, stop = (self._expr(band.member, e) for e in (loop.start, loop.stop))
            count = sub(stop, start)
            if not isinstance(count, Var):
                yield Assign(threads.local("count", str(len(rows))), count)
                count = threads.local("count", str(len(rows)))
            rows[id(loop)] = start, count
        counts = [count for _, count in rows.values()]
        yield Assign(threads.local("parts"), self._number_of_parts(bands, counts))

        def border(band: Band, part: Expr) -> Expr:
            return threads.border(part, *rows[id(band.reference)])

        first = (s for b in bands for s in self._first_turn(b, border))
        yield from threads.each_part(_in_short(first))
        if is_in_two_turns(bands):
            second = _in_short(s for b in bands for s in self._second_turn(b, border))
            has_next = compare("<", add(threads.local("part"), ONE), threads.local("parts"))
            yield from threads.each_part([If(has_next, tuple(second))])

    def _number_of_parts(self, bands: tuple[Band, ...], counts: list[Expr]) -> Expr:
        """How many parts there are, for loops of so many rows."""
        work: Expr = ZERO
        fixed = is_in_two_turns(bands)
        for band in bands:
            plan = band.member.plan
            if band.loop is None or plan is None:
                continue
            fixed = fixed or bool(plan.sums) or _may_round_otherwise(band.loop)
            if band.member.light:
                continue
            trips = self._expr(band.member, sub(band.loop.stop, band.loop.start))
            amount = self._expr(band.member, operations(band.loop, trips))
            work = amount if work == ZERO else Binary("+", work, amount, INT)
        reach = max(b.low for b in bands) + max(b.high for b in bands)
        most = most_parts(counts, max(reach, *(b.reach for b in bands)), work)
        if fixed:
            return Call("power_of_two", (most,), INT)
        return Call("even_parts", (most, self.threads.local("workers")), INT)

    # ------------------------------------------------------------ turns

    def _first_turn(self, band: Band, border: _Border) -> Iterator[Stmt]:
        """All but what is near the borders to other parts."""
        part, is_first, is_last = (
            self.threads.local("part"),
            self.threads.is_first,
            self.threads.is_last,
        )
        if band.reference is None:
            yield If(is_first, self._whole(band.member))
            return
        first = add(border(band, part), integer(band.low))
        last = sub(border(band, add(part, ONE)), integer(band.high))
        if band.row is not None:
            row = self._expr(band.member, band.row)
            begun = Logic("or", (is_first, compare(">=", row, first)))
            ended = Logic("or", (is_last, compare("<", row, last)))
            test = Logic("and", (begun, ended))
            if band.is_outside:
                test = is_last if band.is_behind else is_first
            yield If(test, self._whole(band.member))
            return
        assert band.loop is not None
        start, stop = (self._expr(band.member, e) for e in (band.loop.start, band.loop.stop))
        if band.low or band.shift[0]:
            first = Select(is_first, start, first, INT)
        if band.high or band.shift[1]:
            last = Select(is_last, stop, last, INT)
        yield from self._some_rows(band, first, last)

    def _second_turn(self, band: Band, border: _Border) -> Iterator[Stmt]:
        """What is near the border to the next part."""
        if band.low + band.high == 0 or band.reference is None or band.is_outside:
            return
        place = border(band, add(self.threads.local("part"), ONE))
        first, last = sub(place, integer(band.high)), add(place, integer(band.low))
        if band.row is not None:
            row = self._expr(band.member, band.row)
            near = Logic("and", (compare("<=", first, row), compare("<", row, last)))
            yield If(near, self._whole(band.member))
            return
        yield from self._some_rows(band, first, last)

    def _some_rows(self, band: Band, start: Expr, stop: Expr) -> Iterator[Stmt]:
        """The iterations of a loop from one to another."""
        member, loop, plan = band.member, band.loop, band.member.plan
        assert loop is not None and plan is not None
        first, last = self.threads.local("first"), self.threads.local("last")
        yield Assign(first, start)
        yield Assign(last, stop)
        function, names = self.threads.of_rows(loop, plan.sums), self._names(member)
        given = (names.get(p, p) if isinstance(p, str) else p for p in function.parameters)
        writes = tuple(names.get(a, a) for a in function.exports)
        own = tuple(self.threads.local(f"{s.name}_part", "", s.kind) for s in plan.sums)
        call = Invoke(own, function.name, tuple(given), writes, at=loop.at)
        if member.guard is not None:
            yield If(self._expr(member, member.guard), (call,))
            return
        yield call
        for total, local in zip(plan.sums, own, strict=True):
            cell = Load(self.cells[total.name], (self.threads.local("part"),), total.kind)
            yield Store(cell.array, cell.index, Binary("+", cell, local, cell.kind))

    # ------------------------------------------------------------ names

    def _names(self, member: Member) -> dict[str, str]:
        """Other names for arrays in a member: one may have been given to another array."""
        window = member.before
        return {} if window is None else {window.target: self.threads.before(window.target)}

    def _expr(self, member: Member, expr: Expr) -> Expr:
        """An expression of a member where it is evaluated."""
        return renamed_expr(expr, self._names(member))

    def _whole(self, member: Member) -> Block:
        """All that a member does."""
        stmt = member.stmt if member.guard is None else If(member.guard, (member.stmt,))
        return renamed((stmt,), self._names(member))


def is_in_two_turns(bands: Iterable[Band]) -> bool:
    """Whether something near the borders of parts is left for a second turn."""
    return any(b.low + b.high for b in bands)


def _may_round_otherwise(loop: For) -> bool:
    """Whether numbers may hang on where a loop begins: LLVM runs several iterations at once."""
    values = (s.value for s in statements(loop.body) if isinstance(s, Store | Assign))
    return is_innermost(loop) and not all(isinstance(v, Load | Const) for v in values)


def _in_short(block: Iterable[Stmt]) -> list[Stmt]:
    """A block without what repeats: a condition, or what a variable is already.

    Nothing in it assigns these variables but its own assignments.
    """
    out: list[Stmt] = []
    values: dict[str, Expr] = {}
    for stmt in block:
        if isinstance(stmt, Assign):
            if values.get(stmt.target.name) == stmt.value:
                continue
            values[stmt.target.name] = stmt.value
        match out[-1:], stmt:
            case [If(orelse=()) as last], If(orelse=()) if last.test == stmt.test:
                out[-1] = replace(last, body=(*last.body, *stmt.body))
            case _:
                out.append(stmt)
    return out
