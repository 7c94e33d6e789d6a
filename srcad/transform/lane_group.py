"""What all lanes of a strip do next, with what they take from rows of arrays and leave there.

The elements of one column are far apart: a loop over lanes that stores to some is none for vector
instructions, as LLVM cannot tell that they are not the same. So they are taken before such a loop,
and left after it, by loops of their own::

                                            for lane in range(16):
                                                p_1 = p[strip + lane, 1]
    for lane in range(16):                  for lane in range(16):
        s = math.sin(p[strip + lane, 1])        s = math.sin(p_1)
        y[strip + lane, 0] = s          ->      y_0 = s
        y[strip + lane, 1] = s * s              y_1 = y_0 * y_0
                                            for lane in range(16):
                                                y[strip + lane, 0] = y_0
                                                y[strip + lane, 1] = y_1

That is done for elements that are there in any case, by an index of which only the strip and the
lane differ, and of which no other iteration touches the same.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from srcad.analysis.flow import assigned, names_of
from srcad.analysis.iterations import accesses
from srcad.ir.build import integer, sub
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Const,
    Expr,
    Load,
    Logic,
    Select,
    Stmt,
    Store,
    Var,
    children,
    expressions,
    rebuild,
    walk,
)
from srcad.transform.nest import nest_over
from srcad.transform.vectorise import Place


@dataclass
class LaneGroup:
    """Statements of all lanes."""

    is_row: Callable[[str, tuple[Expr, ...], str], bool]
    """Whether an element, of a kind, is one of a row, which only this lane touches."""
    fresh: Callable[[str, str], Var]
    """A new variable of the lanes, by a name and a kind."""
    body: list[Stmt] = field(default_factory=list[Stmt])
    names: set[str] = field(default_factory=set[str])
    """All names that are mentioned."""
    made: set[str] = field(default_factory=set[str])
    """Those that the statements bind."""
    stored: set[str] = field(default_factory=set[str])
    """The arrays that the statements store to as they are."""
    places: set[Place] = field(default_factory=set[Place])
    """The elements that the statements read or write themselves."""
    taken: dict[Place, Var] = field(default_factory=dict[Place, Var])
    """What is read before the statements."""
    left: dict[Place, Var | Const] = field(default_factory=dict[Place, Var | Const])
    """What is stored after them."""

    def clashes(self, stmt: Assign | Store) -> bool:
        """Whether a statement finds other elements than it would after the loops as they are."""
        for expr in expressions(stmt):
            sure = set(self._rows(expr))
            for load in walk(expr):
                if not isinstance(load, Load):
                    continue
                place = load.array, load.index
                if place in sure and load.array in self.stored:
                    return True
                if not self._is_apart(place, visible=place in sure):
                    return True
        if not isinstance(stmt, Store) or self._is_left(stmt):
            return False
        return not self._is_apart((stmt.array, stmt.index), visible=False)

    def _rows(self, expr: Expr) -> Iterator[Place]:
        """The elements of rows that are looked at each time an expression is evaluated."""
        return (p for p, kind in looked_at(expr) if self.is_row(*p, kind))

    def _is_left(self, stmt: Store) -> bool:
        return self.is_row(stmt.array, stmt.index, stmt.value.kind)

    def is_apart(self, place: Place) -> bool:
        """Whether an element is certainly none that the statements mention."""
        return all(_differ(place, other) for other in (*self.places, *self.taken, *self.left))

    def _is_apart(self, place: Place, *, visible: bool) -> bool:
        """Whether an element is none that is still to be left, or (``visible``) known to be one."""
        for other in reversed(self.left):
            if visible and other == place:
                return True
            if not _differ(other, place):
                return False
        return True

    def add(self, stmt: Stmt) -> None:
        """Add a statement that does not clash with the others."""
        self.names |= names_of(stmt)
        self.made |= assigned((stmt,))
        match stmt:
            case Assign():
                stmt = replace(stmt, value=self.read(stmt.value, True))
            case Store(array=array, index=index) if self._is_left(stmt):
                value = self.read(stmt.value, True)
                item = self.left.pop((array, index), None)
                if not isinstance(value, Const):
                    var = item if isinstance(item, Var) else self._var(array, index, value.kind)
                    self.body.append(Assign(var, value, stmt.at))
                    value = var
                self.left[array, index] = value
                return
            case Store():
                stmt = replace(stmt, value=self.read(stmt.value, True))
                self.stored.add(stmt.array)
        if isinstance(stmt, Assign | Store):
            self.places |= {(a.array, a.index) for a in accesses((stmt,))}
        self.body.append(stmt)

    def read(self, expr: Expr, is_certain: bool) -> Expr:
        """An expression with elements of rows as variables, where they are looked at each time."""
        if isinstance(expr, Load) and is_certain and self.is_row(expr.array, expr.index, expr.kind):
            place = expr.array, expr.index
            if place in self.left:
                return self.left[place]
            if place not in self.taken:
                self.taken[place] = self._var(*place, expr.kind)
            return self.taken[place]
        parts = children(expr)
        sure = _certain_parts(expr)
        made = (self.read(e, is_certain and k < sure) for k, e in enumerate(parts))
        return rebuild(expr, tuple(made)) if parts else expr

    def _var(self, array: str, index: tuple[Expr, ...], kind: str) -> Var:
        numbers = (str(e.value) for e in index if isinstance(e, Const))
        return self.fresh("_".join((array, *numbers)), kind)

    def parts(
        self, lane: Var, memory: Memory, names: Names
    ) -> tuple[list[Stmt], list[Stmt], list[Stmt]]:
        """What a lane takes, does and leaves."""
        taking: list[Stmt] = []
        leaving: list[Stmt] = []
        body = list(self.body)
        for box in _boxes(self.taken):
            if box.is_dense:
                wide = memory(box.array, box.shape, box.kind)
                taking += box.nest(names, lane, wide, into=True)
                body = [*box.moves(wide, lane, into=False), *body]
            else:
                taking += (Assign(self.taken[p], Load(*p, box.kind)) for p in box.members)
        boxes = list(_boxes(self.left))
        times = Counter(box.array for box in boxes)
        boxed: set[Place] = set()
        for box in boxes:
            if box.is_whole and times[box.array] == 1 and box.is_variable:
                wide = memory(box.array, box.shape, box.kind)
                body = _with_moves(body, box.moves(wide, lane, into=True))
                leaving += box.nest(names, lane, wide, into=False)
                boxed |= box.members.keys()
        leaving += (Store(*p, v) for p, v in self.left.items() if p not in boxed)
        return taking, body, leaving


Memory = Callable[[str, tuple[int, ...], str], str]
"""From a name, a shape without the axis of lanes, and a kind to an array for the lanes."""


@dataclass
class _Box:
    """Elements of an array of which only literal indices differ."""

    array: str
    index: tuple[Expr | None, ...]
    """None where the literals are."""
    members: Mapping[Place, Var | Const]

    @property
    def kind(self) -> str:
        """The type of the elements."""
        return next(iter(self.members.values())).kind

    @property
    def ranges(self) -> list[range]:
        """The literals, axis by axis."""
        rows = zip(*map(self.literals, self.members), strict=True)
        return [range(min(row), max(row) + 1) for row in rows]

    @property
    def shape(self) -> tuple[int, ...]:
        """How many literals there are, axis by axis."""
        return tuple(map(len, self.ranges))

    @property
    def is_dense(self) -> bool:
        """Whether they are at least half of the elements between the first and the last."""
        return len(self.members) > 1 and 2 * len(self.members) >= math.prod(self.shape)

    @property
    def is_variable(self) -> bool:
        """Whether none of them is left a literal."""
        return all(isinstance(v, Var) for v in self.members.values())

    @property
    def is_whole(self) -> bool:
        """Whether all elements between the first and the last are among them."""
        return 1 < len(self.members) == math.prod(self.shape)

    def literals(self, place: Place) -> tuple[int, ...]:
        """The literal indices of an element."""
        pairs = zip(place[1], self.index, strict=True)
        return tuple(int(e.value) for e, still in pairs if still is None and isinstance(e, Const))

    def moves(self, wide: str, lane: Var, *, into: bool) -> Iterator[Stmt]:
        """Statements that move variables of a lane to an array for the lanes, or from there."""
        lows = [r.start for r in self.ranges]
        for place, var in self.members.items():
            numbers = (k - low for k, low in zip(self.literals(place), lows, strict=True))
            at = (*map(integer, numbers), lane)
            assert isinstance(var, Var)
            yield Store(wide, at, var) if into else Assign(var, Load(wide, at, var.kind))

    def nest(self, names: Names, lane: Var, wide: str, *, into: bool) -> list[Stmt]:
        """A nest that moves the elements of a lane to an array for the lanes, or from there."""

        def move(at: tuple[Expr, ...]) -> list[Stmt]:
            left = iter(at)
            place = tuple(next(left) if e is None else e for e in self.index)
            own = tuple(sub(k, integer(r.start)) for k, r in zip(at, self.ranges, strict=True))
            own = (*own, lane)
            if into:
                return [Store(wide, own, Load(self.array, place, self.kind))]
            return [Store(self.array, place, Load(wide, own, self.kind))]

        return nest_over(names, [(integer(r.start), integer(r.stop)) for r in self.ranges], move)


def _with_moves(body: list[Stmt], moves: Iterable[Stmt]) -> list[Stmt]:
    """Statements, each variable moved to an array as soon as it has its value."""
    last = {s.target: k for k, s in enumerate(body) if isinstance(s, Assign)}
    after: defaultdict[int, list[Stmt]] = defaultdict(list)
    for move in moves:
        assert isinstance(move, Store)
        assert isinstance(move.value, Var)
        after[last[move.value]].append(move)
    return [s for k, stmt in enumerate(body) for s in (stmt, *after[k])]


def _boxes(places: Mapping[Place, Var | Const]) -> Iterator[_Box]:
    """The elements, those together that differ by literal indices only."""
    found: dict[tuple[str, tuple[Expr | None, ...]], dict[Place, Var | Const]] = {}
    for place, var in places.items():
        array, index = place
        free = tuple(None if isinstance(e, Const) and int(e.value) >= 0 else e for e in index)
        found.setdefault((array, free), {})[place] = var
    return (_Box(array, index, members) for (array, index), members in found.items())


def looked_at(expr: Expr) -> Iterator[tuple[Place, str]]:
    """The elements that are looked at each time an expression is evaluated, and their kinds."""
    if isinstance(expr, Load):
        yield (expr.array, expr.index), expr.kind
    for part in children(expr)[: _certain_parts(expr)]:
        yield from looked_at(part)


def _certain_parts(expr: Expr) -> int:
    """How many parts of an expression are evaluated each time, the first ones."""
    return 1 if isinstance(expr, Select | Logic) else len(children(expr))


def _differ(a: Place, b: Place) -> bool:
    """Whether two elements are certainly not the same."""
    if a[0] != b[0]:
        return True
    pairs = [(i, j) for i, j in zip(a[1], b[1], strict=True) if i != j]
    return any(
        isinstance(i, Const) and isinstance(j, Const) and min(int(i.value), int(j.value)) >= 0
        for i, j in pairs
    )
