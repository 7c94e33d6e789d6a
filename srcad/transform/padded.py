"""Rolled copies of one array become reads of one padded copy.

``np.roll`` makes a copy of an array for each neighbour that a formula names. Neighbours of elements
need one copy only, with a few elements of each end repeated at the other: a shift of the array is
then a shift of the index, all shifts are read in one loop, and their adjoints gathered in one. An
array that was made to be rolled is made as the inside of the padded one, and needs no memory of its
own::

    left = np.empty(n)                      x_padded = np.empty(n + 2)
    for i in range(n - 1):                  for i in range(n):
        left[1 + i] = x[i]                      x_padded[i + 1] = x[i]
    for i in range(1):                      x_padded[0] = x_padded[n]
        left[i] = x[n - 1 + i]      ->      x_padded[n + 1] = x_padded[1]
    right = np.empty(n)                     for i in range(n):
    ...                                         y[i] = x_padded[i] * x_padded[i + 2]
    for i in range(n):
        y[i] = left[i] * right[i]

Where the array is shorter than the padding, what is repeated has been repeated itself: each end is
filled from the inside outwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from srcad.analysis.alias import Sites, points_to
from srcad.analysis.flow import names_of, reads_of, times_bound, writes_of
from srcad.analysis.iterations import offset_from
from srcad.analysis.places import Place, arrays_written, places_of
from srcad.ir.build import ONE, ZERO, add, integer
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Block,
    Call,
    Const,
    Expr,
    Extent,
    For,
    IndexCheck,
    Load,
    Stmt,
    Store,
    Var,
    blocks,
    children,
    expressions,
    names_read,
    rebuild,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.rename import with_expressions
from srcad.ir.types import INT, kind_of

_MOST = 4
"""The largest shift: an array that is rolled further is copied."""
_PARTS = 5
"""The statements that roll an array: it is made, two lengths are computed, two loops fill it."""

Arrays = dict[str, tuple[str, int]]
Index = tuple[Expr, ...]


def padded(body: Block, arrays: Arrays, kept: set[str], names: Names) -> Block:
    """The body with several rolled copies of one array as one; ``kept`` are needed afterwards."""
    padder = _Padder(body, arrays, kept, names)
    made = padder.block(body)
    if not padder.reads:
        return body
    return with_expressions(made, lambda e: padder.read(e, padder.reads))


@dataclass(frozen=True)
class _Roll:
    """``target = np.roll(source, by, axis)``, as five statements of a block, from ``start`` on."""

    target: str
    source: str
    by: int
    axis: int
    shape: Index
    start: int


@dataclass(frozen=True)
class _Read:
    """An array that is read in a padded one: where its first element is, and its lengths."""

    padded: str
    first: tuple[int, ...]
    shape: Index


@dataclass
class _Padder:
    body: Block
    arrays: Arrays
    kept: set[str]
    names: Names
    reads: dict[str, _Read] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sites: Sites = points_to(self.body, set(self.arrays))
        self.shared = {s for n, found in self.sites.items() for s in found if n != s}
        self.times = times_bound(self.body)
        self.places: dict[str, list[Place]] = {}
        self.where: dict[int, Place] = {}
        for place in places_of(self.body):
            self.where[id(place.stmt)] = place
            for name in names_of(place.stmt) & self.arrays.keys():
                self.places.setdefault(name, []).append(place)

    def block(self, block: Block) -> Block:
        """A block with its rolled copies replaced; notes how they are read from then on."""
        block = tuple(
            with_blocks(s, tuple(map(self.block, blocks(s)))) if blocks(s) else s for s in block
        )
        groups: dict[tuple[str, Index], list[_Roll]] = {}
        for roll in self._rolls(block):
            groups.setdefault((roll.source, roll.shape), []).append(roll)
        gone: set[int] = set()
        made: dict[int, list[Stmt]] = {}
        inside: dict[str, tuple[int, _Read]] = {}
        for (source, shape), rolls in groups.items():
            if len({(r.by, r.axis) for r in rolls}) < 2 or not self._is_steady(
                source, rolls, block
            ):
                continue
            low = [max([r.by for r in rolls if r.axis == k], default=0) for k in range(len(shape))]
            high = [
                max([-r.by for r in rolls if r.axis == k], default=0) for k in range(len(shape))
            ]
            low, high = ([max(0, n) for n in both] for both in (low, high))
            name = self.names.fresh(f"{source}_padded")
            self.arrays[name] = self.arrays[source]
            for r in rolls:
                first = tuple(n - r.by if k == r.axis else n for k, n in enumerate(low))
                self.reads[r.target] = _Read(name, first, shape)
                gone |= {r.start, r.start + 3, r.start + 4}
            start = rolls[0].start
            made[start] = self._filled(name, source, shape, low, high, block[start])
            if self._is_inside(source, block, rolls):
                inside[source] = start, _Read(name, tuple(low), shape)
        if not made:
            return block
        out: list[Stmt] = []
        for k, stmt in enumerate(block):
            out += made.get(k, [])
            if k not in gone:
                later = {name: read for name, (start, read) in inside.items() if k > start}
                out += with_expressions((stmt,), lambda e, later=later: self.read(e, later))
        return tuple(out)

    def read(self, expr: Expr, reads: dict[str, _Read]) -> Expr:
        """An expression that reads padded arrays."""
        match expr:
            case Load(array=array, index=index) if array in reads:
                read = reads[array]
                places = zip(index, read.first, strict=True)
                moved = tuple(add(self.read(e, reads), integer(n)) for e, n in places)
                return Load(read.padded, moved, expr.kind)
            case Extent(array=array, axis=axis) if array in reads:
                return reads[array].shape[axis]
        parts = children(expr)
        return rebuild(expr, tuple(self.read(e, reads) for e in parts)) if parts else expr

    # ------------------------------------------------------------ what is found

    def _rolls(self, block: Block) -> Iterator[_Roll]:
        for k in range(len(block) - _PARTS + 1):
            roll = _roll_of(block[k : k + _PARTS], k)
            if roll is not None and self._is_only_read(roll, block[k]):
                yield roll

    def _is_only_read(self, roll: _Roll, made: Stmt) -> bool:
        """Whether the copy is read by its elements from where it is made on, and no more."""
        target = roll.target
        if not self._is_own(target) or roll.source == target:
            return False
        first, *others = self.places[target]
        return (
            first.stmt is made
            and all(
                p.is_within(first)
                and (
                    _is_store(p.stmt, target) or _reads_elements(p, target, self.arrays[target][1])
                )
                for p in others
            )
            and sum(_is_store(p.stmt, target) for p in others) == 2
        )

    def _is_own(self, name: str) -> bool:
        """Whether an array is made in one place, and nothing else can denote it."""
        own = self.sites.get(name, frozenset((name,))) == frozenset((name,))
        return own and name not in self.shared and name not in self.kept and self.times[name] == 1

    def _is_steady(self, source: str, rolls: list[_Roll], block: Block) -> bool:
        """Whether the source is the same for all rolls."""
        sites = self.sites.get(source, frozenset((source,)))
        for stmt in statements(block[rolls[0].start : rolls[-1].start + _PARTS]):
            if source in writes_of(stmt):
                return False
            if any(sites & self.sites.get(a, frozenset((a,))) for a in arrays_written(stmt)):
                return False
        return True

    def _is_inside(self, source: str, block: Block, rolls: list[_Roll]) -> bool:
        """Whether a source is made in the block to be rolled: then its reads can be of the padded.

        Nothing is written to it once it is rolled, and its elements are read by number.
        """
        start = rolls[0].start
        moving = {id(s) for r in rolls for s in statements(block[r.start : r.start + _PARTS])}
        if not self._is_own(source) or not any(
            isinstance(s, Alloc) and s.target == source for s in block[:start]
        ):
            return False
        at = self.where[id(block[start])].order
        first, *others = self.places[source]
        ndim = self.arrays[source][1]

        def is_known(place: Place) -> bool:
            if place.order < at or id(place.stmt) in moving:
                return True
            return not _is_store(place.stmt, source) and _reads_elements(place, source, ndim)

        return all(p.is_within(first) and is_known(p) for p in others)

    # ------------------------------------------------------------ what is made

    def _filled(
        self, name: str, source: str, shape: Index, low: list[int], high: list[int], like: Stmt
    ) -> list[Stmt]:
        """The padded copy: made, its inside filled, then both ends of each axis."""
        dtype, ndim = self.arrays[source]
        kind, at = kind_of(dtype), like.at
        lengths = tuple(add(e, integer(a + b)) for e, a, b in zip(shape, low, high, strict=True))

        def over(axes: list[int], inner: Callable[[Index], Stmt]) -> Stmt:
            counters = {k: Var(self.names.fresh("ijklmn"[k % 6]), INT) for k in axes}
            stmt = inner(tuple(counters.get(k, ZERO) for k in range(ndim)))
            for k in reversed(axes):
                stmt = For(counters[k], ZERO, shape[k], ONE, (stmt,))
            return stmt

        def within(index: Index) -> Index:
            return tuple(add(e, integer(n)) for e, n in zip(index, low, strict=True))

        def copy(index: Index) -> Stmt:
            return Store(name, within(index), Load(source, index, kind), True, at)

        out: list[Stmt] = [Alloc(name, lengths, dtype, False, at), over(list(range(ndim)), copy)]
        for axis in range(ndim):
            ends: list[tuple[Expr, Expr]] = [
                (integer(h), add(shape[axis], integer(h))) for h in reversed(range(low[axis]))
            ]
            for h in range(high[axis]):
                ends.append((add(shape[axis], integer(low[axis] + h)), integer(low[axis] + h)))
            for target, taken in ends:

                def end(
                    index: Index, axis: int = axis, target: Expr = target, taken: Expr = taken
                ) -> Stmt:
                    there, here = list(within(index)), list(within(index))
                    there[axis], here[axis] = target, taken
                    return Store(name, tuple(there), Load(name, tuple(here), kind), True, at)

                out.append(over([k for k in range(ndim) if k != axis], end))
        return out


def _roll_of(parts: Block, start: int) -> _Roll | None:
    """The roll that five statements are, as elaboration writes it."""
    made, shift, stay, one, two = parts
    if not (
        isinstance(made, Alloc)
        and isinstance(shift, Assign)
        and isinstance(stay, Assign)
        and isinstance(one, For)
        and isinstance(two, For)
    ):
        return None
    body, end = _nest(one, made.target), _nest(two, made.target)
    if body is None or end is None:
        return None
    match shift.value:
        case Binary(
            op="%", a=Const(value=int(by)), b=Call(function="max", args=(Const(value=1), size))
        ):
            pass
        case _:
            return None
    if stay.value != Binary("-", size, shift.target, INT) or not 0 < abs(by) <= _MOST:
        return None
    moved = _moved(body, end, shift.target, stay.target, made.shape)
    if moved is None or made.shape[moved[1]] != size:
        return None
    return _Roll(made.target, moved[0], by, moved[1], made.shape, start)


def _nest(loop: For, target: str) -> tuple[list[For], Store] | None:
    """The loops of a nest with nothing but a store to an array in it."""
    loops: list[For] = []
    stmt: Stmt = loop
    while isinstance(stmt, For) and len(stmt.body) == 1:
        if stmt.until is not None or (stmt.start, stmt.step) != (ZERO, ONE):
            return None
        loops.append(stmt)
        (stmt,) = stmt.body
    return (loops, stmt) if isinstance(stmt, Store) and stmt.array == target else None


def _moved(
    body: tuple[list[For], Store],
    end: tuple[list[For], Store],
    shift: Var,
    stay: Var,
    shape: Index,
) -> tuple[str, int] | None:
    """The array whose elements two nests move, and along which axis."""
    source = body[1].value
    if not isinstance(source, Load):
        return None
    for axis in range(len(shape)):
        found = []
        for (loops, store), length, to, of in ((body, stay, shift, None), (end, shift, None, stay)):
            counters = tuple(loop.var for loop in loops)
            stops = tuple(length if k == axis else e for k, e in enumerate(shape))
            value = Load(source.array, _shifted(counters, axis, of), source.kind)
            found.append(
                tuple(loop.stop for loop in loops) == stops
                and store.index == _shifted(counters, axis, to)
                and store.value == value
            )
        if all(found):
            return source.array, axis
    return None


def _shifted(counters: tuple[Var, ...], axis: int, by: Var | None) -> Index:
    return tuple(
        Binary("+", by, e, INT) if k == axis and by is not None else e
        for k, e in enumerate(counters)
    )


def _is_store(stmt: Stmt, array: str) -> bool:
    return isinstance(stmt, Store) and stmt.array == array


def _reads_elements(place: Place, array: str, ndim: int) -> bool:
    """Whether a statement reads elements of an array, none counted from the end, or lengths."""
    named = reads_of(place.stmt) - set[str]().union(*map(names_read, expressions(place.stmt)))
    if array in named or (isinstance(place.stmt, IndexCheck) and place.stmt.array == array):
        return False
    least: dict[str, int | None] = {}
    for loop in place.loops():
        if isinstance(loop, For):
            plain = loop.step == ONE and isinstance(loop.start, Const)
            least[loop.var.name] = int(loop.start.value) if plain else None  # type: ignore[union-attr]
    read = [e for x in expressions(place.stmt) for e in walk(x) if isinstance(e, Load)]
    return all(
        len(e.index) == ndim and all(_is_counted(i, least) for i in e.index)
        for e in read
        if e.array == array
    )


def _is_counted(index: Expr, least: dict[str, int | None]) -> bool:
    """Whether an index is certainly not negative."""
    if isinstance(index, Const):
        return index.value >= 0
    for e in walk(index):
        if isinstance(e, Var):
            start, offset = least.get(e.name), offset_from(index, e)
            return start is not None and offset is not None and start + offset >= 0
    return False
