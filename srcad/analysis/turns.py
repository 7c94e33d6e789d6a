"""Which statements threads can do without waiting for each other in between.

The rows of one loop are divided, and every statement goes to the part in which its rows are: other
loops over nearly the same rows, and statements that touch one row, as a source in a wave equation.
A part does what is its own in the order of the program. What the next part needs, or needs first,
is left for a second turn, after all parts have done the first: a few rows on either side of each
border between two parts::

    for i in range(n - 1):                  part: rows a to b         border: around row b
        e_b[i + 1] += w[i]
        e_b[i] -= w[i]                      i from a up to b - 1      i = b - 1
    for i in range(1, n):
        h_b[i] += e_b[i]                    i from a + 1 up to b - 1  i = b - 1 and b
        h_b[i - 1] -= e_b[i]

Each statement begins ``low`` rows later in a part than the part does, and ends ``high`` rows
earlier. Let iteration ``x`` of one statement touch what ``y = x + d`` of a later one touches. In
no part may ``y`` run in the first turn where ``x`` does not: so ``low`` of the later one is at
least ``d`` more, and its ``high`` at least ``d`` less. And where iterations of one loop add to the
same rows, up to ``spread`` apart, ``low + high`` is that at least.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from srcad.analysis.division import Division, Plan
from srcad.analysis.flow import assigned, times_bound
from srcad.analysis.iterations import Access, accesses, offset_from
from srcad.analysis.sizes import Sizes, difference
from srcad.ir.build import ONE, add, integer, sub
from srcad.ir.nodes import (
    Binary,
    Expr,
    Extent,
    For,
    Load,
    Stmt,
    Store,
    Window,
    names_read,
    statements,
    walk,
)
from srcad.ir.types import INT

_NEAR = 8
"""How far apart the ends of loops are, at most, whose rows are divided in the same places."""


@dataclass(frozen=True)
class Member:
    """A statement that may be done together with others."""

    stmt: Stmt
    plan: Plan | None
    """How it is divided; None: it is not."""
    light: bool
    """Whether it is divided only where others are: it does little."""
    rows: tuple[Expr, Expr] | None
    """First and end of a loop, in terms that do not change; None: not known."""
    guard: Expr | None = None
    """What must hold for it to be done."""
    before: Window | None = None
    """A row of a tape that is bound after it, and before other members."""


@dataclass(frozen=True)
class Band:
    """What the parts do of a statement."""

    member: Member
    reference: For | None
    """The loop whose rows are divided; None: it is done whole, with the first part."""
    row: Expr | None
    """The row that it belongs to, where it is no loop that is divided."""
    shift: tuple[int, int] = (0, 0)
    """How far its first and its end are from those of the reference."""
    low: int = 0
    high: int = 0
    reach: int = 0
    """The most rows that it and others look ahead."""

    @property
    def is_behind(self) -> bool:
        """Whether its row is known to come after all those that are divided: the last part's."""
        end = None if self.reference is None or self.row is None else self.reference.stop
        behind = None if end is None or self.row is None else difference(self.row, end)
        return behind is not None and behind >= 0

    @property
    def is_outside(self) -> bool:
        """Whether its row is known to be before those, or the first one, or after them."""
        start = None if self.reference is None or self.row is None else self.reference.start
        ahead = None if start is None or self.row is None else difference(start, self.row)
        return self.is_behind or (ahead is not None and ahead >= 0)

    @property
    def loop(self) -> For | None:
        """The loop of which a part runs some iterations."""
        divided = self.reference is not None and self.row is None
        return self.member.stmt if divided and isinstance(self.member.stmt, For) else None


@dataclass(frozen=True)
class _Touch:
    """An element that a member touches, and between which bounds its index lies."""

    access: Access
    bounds: tuple[tuple[Expr, Expr, bool] | None, ...]
    """By axis: the least index, the largest, and whether it is never negative."""
    copied_to: tuple[str, Expr] | None = None
    """A tape and the slot to which the element is copied, in the same place as it is in here.

    If this array is that slot, the element that is read is the one that is written.
    """


_Pair = tuple[_Touch | None, _Touch | None]
"""Elements of two members that may be the same; None for both: how they compare is not known."""


class Turns:
    """The question is asked of one function, whose loops ``division`` divides."""

    def __init__(self, division: Division, rows: Mapping[str, Collection[str]]) -> None:
        self.division = division
        self.rows = rows
        """Arrays that are rows of tapes, and which."""
        self.pairs: dict[tuple[int, ...], tuple[_Pair, ...]] = {}
        self.found: dict[int, tuple[Stmt, tuple[_Touch, ...]]] = {}
        self.pieces: dict[int, tuple[Stmt, tuple[Stmt, ...]]] = {}

    def member(self, stmt: Stmt, plan: Plan | None, light: bool, sizes: Sizes) -> Member:
        """A statement, where ``sizes`` are known."""
        rows = None
        if isinstance(stmt, For) and stmt.step == ONE:
            rows = sizes.known(stmt.start), sizes.known(stmt.stop)
        return Member(stmt, plan, light, rows)

    def arrange(self, members: Sequence[Member]) -> tuple[Band, ...] | None:
        """What the parts do of each; None: there are some that have to be waited for."""
        bands: list[Band] | None = self._divided(members)
        for _ in range(2):  # what the loops meet has a row, then what that meets
            bands = self._all_placed(bands)
            if bands is None:
                return None
        out: list[Band] = []
        for band in bands:
            placed = self._after(band, out)
            if placed is None:
                return None
            out.append(placed)
        return tuple(out)

    # ------------------------------------------------------------ whose rows are divided

    def _divided(self, members: Sequence[Member]) -> list[Band]:
        """Loops with the reference of each; what else there is has none yet."""
        references: list[Member] = []
        found: list[Band] = []
        for member in members:
            band = Band(member, None, None)
            if member.plan is not None and not member.light:
                near = self._near(member, references)
                if near is None:
                    references.append(member)
                    near = member, (0, 0)
                band = _referred(band, *near)
            found.append(band)
        for k, band in enumerate(found):
            if band.member.light and band.member.plan is not None:
                near = self._near(band.member, references)
                found[k] = band if near is None else _referred(band, *near)
        return [b for band in found for b in self._by_rows(band)]

    def _by_rows(self, band: Band) -> Iterator[Band]:
        """What is done whole, in pieces that may belong to different rows."""
        stmt = band.member.stmt
        if band.reference is None and isinstance(stmt, For) and self._is_apart(stmt):
            if id(stmt) not in self.pieces:
                self.pieces[id(stmt)] = stmt, tuple(replace(stmt, body=(s,)) for s in stmt.body)
            for piece in self.pieces[id(stmt)][1]:
                yield replace(band, member=replace(band.member, stmt=piece))
        else:
            yield band

    def _is_apart(self, loop: For) -> bool:
        """Whether a loop stores in several rows of one array, and reads none of that."""
        stores = [s for s in loop.body if isinstance(s, Store)]
        rows = {tuple(e for e in s.index if e != loop.var) for s in stores}
        arrays = {s.array for s in stores}
        if not len(rows) == len(loop.body) > 1 or len(arrays) > 1:
            return False
        copied = {
            t.access
            for t in self._touches(loop)
            if t.copied_to == (stores[0].array, stores[0].index[0])
        }
        read = {a.array for a in accesses((loop,)) if a.how != "store" and a not in copied}
        return not any(self._may(a, b) for a in arrays for b in read)

    def _near(
        self, member: Member, references: list[Member]
    ) -> tuple[Member, tuple[int, int]] | None:
        """The reference that begins and ends where a loop does, nearly, and how far away."""
        for other in references:
            if member.rows is None or other.rows is None:
                continue
            ends = [difference(a, b) for a, b in zip(member.rows, other.rows, strict=True)]
            first, end = ends
            if first is not None and end is not None and max(abs(first), abs(end)) <= _NEAR:
                return other, (first, end)
        return None

    # ------------------------------------------------------------ where a statement belongs

    def _all_placed(self, bands: list[Band]) -> list[Band] | None:
        """The bands, with the rows of those that meet others of which the rows are known."""
        known = [b for b in bands if b.reference is not None]
        out = [b if b.reference is not None else self._placed(b, known) for b in bands]
        placed = [b for b in out if b is not None]
        return placed if len(placed) == len(out) else None

    def _placed(self, band: Band, known: list[Band]) -> Band | None:
        """A statement that is not divided, with the row that the others meet it in, if any."""
        for other in known:
            for mine, theirs in self._conflicts(band.member, other.member):
                if mine is None or theirs is None or other.reference is None:
                    return None
                axis = next(self._rows_of(other, theirs), None)
                row = None if axis is None else self._row(band, mine, axis, other.reference)
                if row is None or (band.row not in (None, row)):
                    return None
                if band.reference not in (None, other.reference):
                    return None
                band = replace(band, reference=other.reference, row=row)
        return band

    def _row(self, band: Band, touch: _Touch, axis: int, reference: For) -> Expr | None:
        """Where a statement touches an array along an axis, counted from the first."""
        place, array = touch.access.index[axis], touch.access.array
        inside = assigned((band.member.stmt,))
        if names_read(place) & inside or any(isinstance(e, Load) for e in walk(place)):
            return None
        least, first = (self.division.bounds.least(e) for e in (place, reference.start))
        behind = difference(place, reference.stop)
        if least is not None and least >= 0:
            return place
        if behind is not None and behind >= 0 and first is not None and first >= 0:
            return place  # or there is one part only
        if band.member.before is not None:
            return None
        return Binary("%", place, Extent(array, axis), INT)

    def _rows_of(self, band: Band, touch: _Touch) -> Iterator[int]:
        """The axes along which a statement touches the row that it belongs to, or near it."""
        for axis in range(len(touch.access.index)):
            if self._offset(band, touch, axis) is not None:
                yield axis

    # ------------------------------------------------------------ what comes in the first turn

    def _after(self, band: Band, others: list[Band]) -> Band | None:
        """What comes after others, with the rows that it leaves for the second turn."""
        low, high, reach = 0, 0, max(map(abs, band.shift))
        for other in others:
            for one, two in self._conflicts(other.member, band.member):
                if other.reference is None and band.reference is None:
                    continue  # one after the other
                if other.reference is not band.reference or one is None or two is None:
                    return None
                d = self._distance(other, one, band, two)
                if d is None:
                    return None
                low, high = max(low, other.low + d), max(high, other.high - d)
                reach = max(reach, abs(d))
        spread = band.member.plan.spread if band.member.plan and band.loop else 0
        high = max(high, spread - low)
        return replace(band, low=low, high=high, reach=max(reach, spread))

    def _distance(self, one: Band, a: _Touch, two: Band, b: _Touch) -> int | None:
        """By how much the iteration of the second is larger where both touch one element."""
        if a.access.array != b.access.array:
            return None
        for axis in range(len(a.access.index)):
            ours, theirs = self._offset(one, a, axis), self._offset(two, b, axis)
            if ours is not None and theirs is not None:
                return ours - theirs
        return None

    def _offset(self, band: Band, touch: _Touch, axis: int) -> int | None:
        """How far from its own row a statement touches an array along an axis; None: not known."""
        place, bounds = touch.access.index[axis], touch.bounds[axis]
        if band.row is not None:
            wrapped = Binary("%", place, Extent(touch.access.array, axis), INT)
            return 0 if band.row in (place, wrapped) else None
        if band.loop is None or bounds is None or not bounds[2]:  # negative ones count from the end
            return None
        return offset_from(place, band.loop.var)

    # ------------------------------------------------------------ what two statements touch

    def _conflicts(self, one: Member, two: Member) -> tuple[_Pair, ...]:
        """Elements that both may touch, and one writes."""
        key = id(one.stmt), id(two.stmt), id(one.before), id(two.before)
        if key not in self.pairs:
            self.pairs[key] = tuple(self._pairs(one, two))
        return self.pairs[key]

    def _pairs(self, one: Member, two: Member) -> Iterator[_Pair]:
        scratch = {a for m in (one, two) if m.plan is not None for a in m.plan.scratch}
        for ours in self._touched(one):
            for theirs in self._touched(two):
                a, b = ours.access, theirs.access
                if a.how == b.how == "load" or a.array in scratch or b.array in scratch:
                    continue
                if not (_is_copied_to(ours, b) or _is_copied_to(theirs, a)):
                    yield from self._conflict(one, ours, two, theirs)

    def _conflict(self, one: Member, a: _Touch, two: Member, b: _Touch) -> Iterator[_Pair]:
        """The two elements, where they may be the same."""
        if one.before is not None and two.before is None:
            yield from self._over_binding(a, one.before, b)
        elif two.before is not None and one.before is None:
            yield from ((x, y) for y, x in self._over_binding(b, two.before, a))
        elif a.access.array == b.access.array:
            if not _are_apart(a, b):
                yield a, b
        elif self._share(a, b):
            yield None, None

    def _share(self, a: _Touch, b: _Touch) -> bool:
        """Whether elements of two arrays may be the same."""
        for whole, row in ((a, b), (b, a)):
            if self._is_row(row.access.array, whole.access.array):
                return not _are_apart(_Touch(whole.access, whole.bounds[1:]), row)
        return self.division.aliases.may(a.access.array, b.access.array)

    def _is_row(self, array: str, tape: str) -> bool:
        """Whether an array may be a row of a tape, in which others are written meanwhile."""
        sites = self.division.aliases.sites.get(array, frozenset((array,)))
        return any(tape in self.rows.get(site, ()) for site in sites)

    def _may(self, a: str, b: str) -> bool:
        """Whether two arrays may share memory."""
        rows = self._is_row(a, b) or self._is_row(b, a)
        return rows or self.division.aliases.may(a, b)

    def _over_binding(self, a: _Touch, window: Window, b: _Touch) -> Iterator[_Pair]:
        """The same, if ``target = source[key]`` comes between them: the second sees the new one.

        The rows of a tape are apart or the same, and so are the arrays that are exchanged with
        them: where the target was another array, or this one, it is apart if the indices are.
        """
        if any(window.target in names_read(e) for e in a.access.index):
            yield None, None
            return
        a = replace(a, bounds=tuple(_without(window.target, e) for e in a.bounds))
        if a.access.array == window.source and a.access.index[0] == window.keys[0]:
            row = replace(a.access, array=window.target, index=a.access.index[1:])
            a = _Touch(row, a.bounds[1:])
            if b.access.array == window.target and not _are_apart(a, b):
                yield a, b
            elif b.access.array != window.target and self._share(a, b):
                yield None, None
        elif a.access.array == window.target == b.access.array:
            is_copy = a.copied_to == (window.source, window.keys[0])
            if not is_copy and not _are_apart(a, b):
                yield None, None
        elif a.access.array == b.access.array:
            if not _are_apart(a, b):
                yield a, b
        elif self._share(a, b):
            yield None, None

    def _touched(self, member: Member) -> tuple[_Touch, ...]:
        stmt = member.stmt
        if id(stmt) not in self.found:
            self.found[id(stmt)] = stmt, tuple(self._touches(stmt))
        return self.found[id(stmt)][1]

    def _touches(self, stmt: Stmt) -> Iterator[_Touch]:
        bound = times_bound((stmt,))
        counters = [
            s
            for s in statements((stmt,))
            if isinstance(s, For) and s.step == ONE and bound[s.var.name] == 1
        ]
        changing = assigned((stmt,))
        found = Counter(accesses((stmt,)))
        copies = Counter(c for s in statements((stmt,)) for c in self._copies(s))
        slots = {access: slot for (access, slot), n in copies.items() if n == found[access]}
        for access in found:
            bounds = (self._bounds(e, counters, changing) for e in access.index)
            yield _Touch(access, tuple(bounds), slots.get(access))

    def _copies(self, stmt: Stmt) -> Iterator[tuple[Access, tuple[str, Expr]]]:
        """What a statement reads, and the slot, if it copies an element of a row to a tape."""
        match stmt:
            case Store(array=tape, index=(slot, *place), value=Load() as value):
                if value.index == tuple(place) and self._is_row(value.array, tape):
                    yield Access(value.array, value.index, "load"), (tape, slot)

    def _bounds(
        self, place: Expr, counters: list[For], changing: set[str]
    ) -> tuple[Expr, Expr, bool] | None:
        """The least and the largest that an index can be, and whether it is never negative."""
        if any(isinstance(e, Load) for e in walk(place)):
            return None
        if not names_read(place) & changing:
            least = self.division.bounds.least(place)
            return place, place, least is not None and least >= 0
        for loop in counters:
            k = offset_from(place, loop.var)
            if k is None:
                continue
            if names_read(loop.start) & changing or names_read(loop.stop) & changing:
                return None
            least = self.division.bounds.least(loop.start)
            first, last = add(loop.start, integer(k)), add(sub(loop.stop, ONE), integer(k))
            return first, last, least is not None and least + k >= 0
        return None


def _referred(band: Band, reference: Member, shift: tuple[int, int]) -> Band:
    assert isinstance(reference.stmt, For)
    return replace(band, reference=reference.stmt, shift=shift)


def _without(array: str, bounds: tuple[Expr, Expr, bool] | None) -> tuple[Expr, Expr, bool] | None:
    """Bounds, if they do not hang on the lengths of an array."""
    if bounds is None or array in names_read(bounds[0]) | names_read(bounds[1]):
        return None
    return bounds


def _is_copied_to(touch: _Touch, other: Access) -> bool:
    """Whether what is read is copied to the slot that the other is in."""
    return touch.copied_to is not None and touch.copied_to == (other.array, other.index[0])


def _are_apart(a: _Touch, b: _Touch) -> bool:
    """Whether two indices of one array differ along some axis, whatever the counters are."""
    for ours, theirs in zip(a.bounds, b.bounds, strict=True):
        if ours is None or theirs is None:
            continue
        for low, high in ((ours, theirs), (theirs, ours)):
            gap = difference(high[0], low[1])
            if gap is not None and gap > 0 and low[2]:
                return True
    return False
