"""Arrays that iterations make and keep for the reverse sweep are rows of one array.

Reversal puts what an iteration makes, and cannot rerun, on a list, and takes it from there. Where
the number of iterations and the lengths are known before the loop, memory for all of them is taken
from the pool at once, and each iteration makes its array in a row of it::

    y_list = [np.empty(0)]                  y_tape = tape(pool, n * m).reshape((n, m))
    for t in range(n):                      for t in range(n):
        y = np.empty(m)                         y = y_tape[t]
        y_list.append(y)                        for i in range(m):
        for i in range(m):          ->              y[i] = a[t, i] * s
            y[i] = a[t, i] * s              for t in range(n - 1, -1, -1):
    for t in range(n - 1, -1, -1):              y = y_tape[t]
        y = y_list.pop()

What a function of NumPy made is copied to its row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from srcad.analysis.alias import points_to, stored_sites
from srcad.analysis.flow import assigned, times_bound
from srcad.analysis.sizes import Shape, Sizes, sizes_after, sizes_inside
from srcad.ir.build import ONE, ZERO, at_least_zero, integer, zero_of
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Block,
    Copy,
    Expr,
    Extent,
    For,
    Function,
    If,
    Invoke,
    Keep,
    Load,
    MatMul,
    Pop,
    Push,
    Return,
    Span,
    Stmt,
    Store,
    Tape,
    While,
    Window,
    blocks,
    names_read,
    statements,
    with_blocks,
)
from srcad.ir.types import kind_of
from srcad.transform.nest import nest
from srcad.transform.products import Plain, set_product
from srcad.transform.reverse.loops import backwards, position, trip_count

_Making = Alloc | Copy | MatMul | Invoke
_Loops = tuple[For | While, ...]


def rows(function: Function, names: Names) -> Function:
    """The function with such lists as arrays."""
    if not any(isinstance(s, Keep) for s in statements(function.body)):
        return function
    plans = list(_Finder(function, names).plans())
    if not plans:
        return function
    arrays = function.arrays | {p.tape: (p.dtype, len(p.trips) + len(p.shape)) for p in plans}
    body = _Writer(plans, arrays, names).block(function.body)
    parameters = function.parameters
    if "pool" not in parameters:
        parameters = (*parameters, "pool")
    return replace(function, body=body, arrays=arrays, parameters=parameters)


@dataclass(frozen=True)
class _Plan:
    """What becomes of one list."""

    name: str
    tape: str
    array: str
    dtype: str
    made: _Making
    outer: For
    """The loop before which the memory is taken."""
    trips: Shape
    slot: tuple[Expr, ...]
    """The place of an iteration, in both sweeps."""
    shape: Shape
    in_row: bool
    """Whether the array is made in its row, and not copied there."""


@dataclass(frozen=True)
class _Place:
    """Where a list is added to or taken from."""

    stmt: Push | Pop
    loops: _Loops
    block: Block
    shape: Shape | None


class _Finder:
    """Lists that can be arrays."""

    def __init__(self, function: Function, names: Names) -> None:
        self.function = function
        self.names = names
        body = function.body
        self.plain = Plain(function)
        self.bound = times_bound(body)
        self.taken = Counter(s.array for s in statements(body) if isinstance(s, Pop))
        self.nested = assigned(
            tuple(s for s in statements(body) if isinstance(s, For | While | If))
        )
        sites = points_to(body, set(function.arrays))
        self.stored = stored_sites(body, sites)
        self.returned = {
            site
            for s in statements(body)
            if isinstance(s, Return)
            for item in s.items
            if isinstance(item, str)
            for site in sites.get(item, frozenset((item,)))
        } | set(function.exports)

    def plans(self) -> Iterator[_Plan]:
        """What becomes of each list that can be an array."""
        places: dict[str, list[_Place]] = {}
        for place in self._places(self.function.body, Sizes(self.function.arrays), ()):
            stmt = place.stmt
            name = stmt.target if isinstance(stmt, Push) else stmt.source
            places.setdefault(name, []).append(place)
        kept = {s.target: s for s in self.function.body if isinstance(s, Keep)}
        done: set[str] = set()
        for name, found in places.items():
            plan = self._plan(kept[name], found) if name in kept else None
            if plan is not None and plan.array not in done:
                done.add(plan.array)
                yield plan

    def _places(self, block: Block, sizes: Sizes, loops: _Loops) -> Iterator[_Place]:
        for stmt in block:
            match stmt:
                case Push():
                    shape = sizes.shape(stmt.array)
                    least = [sizes.range(e)[0] for e in shape]
                    known = all(n is not None and n >= 0 for n in least)
                    yield _Place(stmt, loops, block, shape if known else None)
                case Pop():
                    yield _Place(stmt, loops, block, None)
                case For() | While():
                    inside = sizes_inside(stmt, sizes)
                    yield from self._places(stmt.body, inside, (*loops, stmt))
                case If():
                    for inner in blocks(stmt):
                        yield from self._places(inner, sizes.copy(), loops)
            sizes_after((stmt,), sizes)

    def _plan(self, kept: Keep, places: list[_Place]) -> _Plan | None:
        if len(places) != 2:
            return None
        push, pop = places
        if not isinstance(push.stmt, Push) or not isinstance(pop.stmt, Pop):
            return None
        array = push.stmt.array
        made = self._made(array, push)
        if made is None or push.shape is None or array in self.returned:
            return None
        loops = self._reversed(push.loops, pop.loops)
        lengths = [e for loop in loops for e in (loop.start, loop.stop)] + [*push.shape]
        if not loops or not all(map(self._is_fixed, lengths)):
            return None
        trips = tuple(map(_trips, loops))
        tape = self.names.fresh(f"{array}_tape")
        slot = tuple(map(position, loops))
        in_row = not isinstance(made, Invoke) and (
            not isinstance(made, MatMul) or made in self.plain
        )
        title, shape = kept.target, push.shape
        return _Plan(title, tape, array, kept.dtype, made, loops[0], trips, slot, shape, in_row)

    def _made(self, array: str, push: _Place) -> _Making | None:
        """What makes an array, if that is one statement before it is listed, and in its block."""
        if self.bound[array] - self.taken[array] != 1:
            return None
        for stmt in push.block:
            match stmt:
                case Push() if stmt is push.stmt:
                    return None
                case Alloc() | Copy() if stmt.target == array:
                    return stmt
                case MatMul() if stmt.target == array:
                    return stmt if stmt in self.plain or array not in self.stored else None
                case Invoke(targets=(target,), function=function) if target == array:
                    fixed = function.startswith("np.") and array not in self.stored
                    return stmt if fixed else None
        return None

    def _reversed(self, forward: _Loops, back: _Loops) -> list[For]:
        """The loops of the forward sweep, if those of the reverse sweep run backwards over them."""
        out: list[For] = []
        if len(forward) != len(back) or not any(forward[0] is s for s in self.function.body):
            return []
        for one, other in zip(forward, back, strict=True):
            if not isinstance(one, For) or not isinstance(other, For) or one.until is not None:
                return []
            if one.step not in (ONE, integer(-1)) or one.var.name in assigned(one.body):
                return []
            turned = backwards(one, [], self.names)
            if (turned.var, turned.start, turned.stop, turned.step) != (
                other.var,
                other.start,
                other.stop,
                other.step,
            ):
                return []
            out.append(one)
        return out

    def _is_fixed(self, expr: Expr) -> bool:
        """Whether an expression has one value from the first loop on."""
        return all(self.bound[n] <= 1 and n not in self.nested for n in names_read(expr))


def _trips(loop: For) -> Expr:
    """The number of iterations of a loop."""
    count = trip_count(loop)
    return count if isinstance(count, Extent) else at_least_zero(count)


class _Writer:
    def __init__(
        self, plans: list[_Plan], arrays: dict[str, tuple[str, int]], names: Names
    ) -> None:
        self.plans = plans
        self.names = names
        self.arrays = arrays
        self.lists = {p.name: p for p in plans}
        self.made = {id(p.made): p for p in plans}

    def block(self, block: Block) -> Block:
        """The block with arrays in place of lists."""
        out: list[Stmt] = []
        for stmt in block:
            out += [
                Tape(p.tape, (*p.trips, *p.shape), p.dtype, p.outer.at)
                for p in self.plans
                if p.outer is stmt
            ]
            if parts := blocks(stmt):
                stmt = with_blocks(stmt, tuple(map(self.block, parts)))
            match stmt:
                case Keep() if stmt.target in self.lists:
                    pass
                case Push() if stmt.target in self.lists:
                    plan = self.lists[stmt.target]
                    if not plan.in_row:
                        out += self._copied(plan)
                case Pop() if stmt.source in self.lists:
                    out.append(replace(self._row(self.lists[stmt.source]), target=stmt.array))
                case _ if id(stmt) in self.made:
                    out += self._in_row(self.made[id(stmt)])
                case _:
                    out.append(stmt)
        return tuple(out)

    def _row(self, plan: _Plan) -> Window:
        lead, ndim = len(plan.slot), len(plan.shape)
        axes = tuple(range(lead, lead + ndim))
        spans = (Span(ZERO, Extent(plan.tape, k), 1) for k in axes)
        return Window(plan.array, plan.tape, (*plan.slot, *spans), axes, plan.made.at)

    def _in_row(self, plan: _Plan) -> list[Stmt]:
        """The array made where it is kept."""
        kind = kind_of(plan.dtype)
        match plan.made:
            case Alloc(zeros=True):
                return [self._row(plan), *self._filled(plan, lambda _: zero_of(kind))]
            case Alloc():
                return [self._row(plan)]
            case Copy(source=source):
                return [self._row(plan), *self._filled(plan, lambda at: Load(source, at, kind))]
            case MatMul() if plan.in_row:
                return [self._row(plan), set_product(plan.made)]
        return [plan.made]

    def _filled(self, plan: _Plan, value) -> list[Stmt]:
        name = plan.array
        return nest(self.names, name, len(plan.shape), lambda at: [Store(name, at, value(at))])

    def _copied(self, plan: _Plan) -> list[Stmt]:
        def body(at: tuple[Expr, ...]) -> list[Stmt]:
            return [Store(plan.tape, (*plan.slot, *at), Load(plan.array, at, kind_of(plan.dtype)))]

        return nest(self.names, plan.array, len(plan.shape), body)
