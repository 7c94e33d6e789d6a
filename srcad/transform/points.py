"""What differs from point to point, where the iterations of a loop are to run side by side.

``points_of`` says it of a loop that can be run so (``srcad.transform.side_by_side``); which loops
are is decided in ``srcad.transform.abreast``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from srcad.analysis.flow import assigned, exposed
from srcad.analysis.iterations import (
    is_still,
    offset_from,
    varies,
)
from srcad.analysis.liveness import Live, live_at_end, live_before
from srcad.ir.build import (
    ONE,
    ZERO,
    add,
    compare,
    integer,
    logic,
)
from srcad.ir.nodes import (
    Assign,
    Block,
    Comment,
    Expr,
    Extent,
    For,
    Grow,
    If,
    Load,
    Stmt,
    Store,
    While,
    all_expressions,
    blocks,
    expressions,
    names_read,
    statements,
    walk,
)
from srcad.ir.types import INT
from srcad.transform.lane_group import looked_at
from srcad.transform.vectorise import Place, can_be_vector

_SIMPLE = Assign | Store | If | For | While | Comment | Grow


@dataclass
class Points:
    """The iterations of a loop that are to run side by side."""

    loop: For
    own: set[str]
    """Tapes that each of them has for itself."""
    sums: set[str]
    """Scalars that they only add to."""
    varying: set[str]
    """Scalars that differ from point to point."""
    disjoint: set[str]
    """Arrays of which the points write elements of their own, or none."""
    counters: dict[int, set[str]] = field(default_factory=dict[int, set[str]])
    """Scalars that count the steps of a loop, by its identity: the same for all that take one."""
    kept: dict[int, Live] = field(default_factory=dict[int, Live])
    """What points that a statement leaves out need later, by its identity."""

    looked_at: list[Place] = field(default_factory=list[Place])
    """Elements that are looked at for points that may have none: they must be there."""

    def is_plain(self, index: Expr) -> bool:
        """Whether it is known before the loop which elements of an axis its points look at."""
        return offset_from(index, self.loop.var) is not None or is_still(
            index, assigned(self.loop.body) | {self.loop.var.name}
        )

    def there(self, first: Expr, stop: Expr) -> Expr:
        """Whether the elements are there."""
        tests: list[Expr] = []
        for array, index in self.looked_at:
            for axis, place in enumerate(index):
                offset = offset_from(place, self.loop.var)
                low, high = (
                    (place, add(place, ONE))
                    if offset is None
                    else (add(first, integer(offset)), add(stop, integer(offset)))
                )
                tests += [compare(">=", low, ZERO), compare("<=", high, Extent(array, axis))]
        return logic("and", tuple(dict.fromkeys(tests)))

    @property
    def filling(self) -> int | None:
        """The number of the statement that fills the stacks; None: there is none, or too many.

        Nothing but what a point has for itself is written up to there.
        """
        body = self.loop.body
        found = [k for k, s in enumerate(body) if any(map(_is_grow, statements((s,))))]
        if len(found) != 1:
            return None
        before = body[: found[0] + 1]
        writes = {s.array for s in statements(before) if isinstance(s, Store)} - self.own
        loop = body[found[0]]
        tops = {s.top for s in statements((loop,)) if isinstance(s, Grow)}
        direct = sum(_is_grow(s) for b in blocks(loop) for s in b)
        alone = not writes and not assigned(before) & self.sums
        fits = alone and isinstance(loop, While) and self.diverges(loop) and len(tops) == 1
        return found[0] if fits and direct == sum(map(_is_grow, statements((loop,)))) else None

    def is_known(self, array: str, index: tuple[Expr, ...]) -> bool:
        """Whether it is known which elements of an array the points have, each its own."""
        counter = self.loop.var.name
        others = self.varying - {counter}
        known = not any(varies(e, others, names_read(e)) for e in index)
        return known and array in self.disjoint and any(counter in names_read(e) for e in index)

    def is_row(self, index: tuple[Expr, ...]) -> bool:
        """Whether the elements of the points, which are known, are not next to each other."""
        counter = self.loop.var
        *rows, last = index
        far = counter.name in names_read(last) and offset_from(last, counter) is None
        return far or any(counter.name in names_read(e) for e in rows)

    def may_be_repeated(self) -> bool:
        """Whether nothing happens if the last point is taken several times: it stores the same."""
        return not self.own and not self.sums and not self.looked_at

    def varies(self, expr: Expr) -> bool:
        """Whether the value of an expression differs from point to point."""
        return varies(expr, self.varying, self.own)

    def diverges(self, stmt: Stmt) -> bool:
        """Whether points take different paths at a statement."""
        match stmt:
            case If() | While():
                return self.varies(stmt.test)
            case For():
                return self.varies(stmt.start) or self.varies(stmt.stop)
        return False


def points_of(loop: For, own: set[str], disjoint: set[str], live: Live) -> Points | None:
    """What differs from point to point; None if they cannot run side by side."""
    body = loop.body
    if not all(is_still(e, assigned(body)) for e in (loop.start, loop.stop)):
        return None
    if loop.until is not None or not all(isinstance(s, _SIMPLE) for s in statements(body)):
        return None
    if not all(map(can_be_vector, all_expressions(body))):
        return None
    points = Points(loop, own, assigned(body) & exposed(body) - own, {loop.var.name}, disjoint)
    end = live_at_end(loop, live)
    while True:
        before = set(points.varying)
        points.counters.clear()
        if not _walk(body, points, None, end):
            return None
        if points.varying == before:
            break
    always = {p for s in body for p in _certain(s)}
    places = list(_in_vain(body, points, False))
    if any(array in own and any(map(points.varies, index)) for array, index in places):
        return None
    for array, index in dict.fromkeys(places):
        if array not in own and (array, index) not in always:
            if not all(map(points.is_plain, index)):
                return None
            points.looked_at.append((array, index))
    return points


def _walk(block: Block, points: Points, kept: Live | None, live: Live) -> bool:
    """Find what varies; ``kept`` is what points that do not run the block need later.

    False: there is a loop that cannot be one of all points.
    """
    after: list[Live] = []
    for stmt in reversed(block):
        after.append(live)
        live = live_before(stmt, live)
    for stmt, later in zip(block, reversed(after), strict=True):
        match stmt:
            case Assign(target=target, value=value) if target.name not in points.sums:
                if points.varies(value) or (kept is not None and target.name in kept):
                    points.varying.add(target.name)
            case Grow():
                if stmt.target not in points.own or stmt.room is not None:
                    return False
                if points.varies(stmt.top):
                    return False
            case If() | While() | For():
                inner = kept
                if points.diverges(stmt):
                    inner = (kept or frozenset()) | later
                    if isinstance(stmt, If):
                        inner |= exposed(stmt.orelse)  # which comes after the other branch
                    points.kept[id(stmt)] = inner
                    if not isinstance(stmt, If):
                        counters = _counters(stmt, points, inner)
                        points.counters[id(stmt)] = counters
                        inner = (inner | exposed(stmt.body)) - counters
                if not _is_common(stmt, points, later):
                    return False
                end = later if isinstance(stmt, If) else live_at_end(stmt, later)
                if not all(_walk(b, points, inner, end) for b in blocks(stmt)):
                    return False
    return True


def _counters(loop: For | While, points: Points, kept: Live) -> set[str]:
    """What every step of a loop counts once, from a number that is the same for all points."""
    found: set[str] = set()
    if isinstance(loop, For) and loop.step != ONE:
        return found  # points join in one after the other
    changed = [s.target.name for s in statements(loop.body) if isinstance(s, Assign)]
    for stmt in loop.body:
        if isinstance(stmt, Assign):
            target = stmt.target
            counts = target.kind == INT and stmt.value == add(target, ONE)
            if counts and changed.count(target.name) == 1 and target.name not in kept:
                found.add(target.name)
    return found - points.varying


def _is_common(stmt: If | While | For, points: Points, later: Live) -> bool:
    """Whether a statement can be made one for all points."""
    if not isinstance(stmt, For):
        return True
    if stmt.until is not None or stmt.var.name in later | assigned(stmt.body):
        return False
    if stmt.checkpoints is not None or points.varies(stmt.step):
        return False
    if not points.diverges(stmt):
        return True
    if stmt.step == ONE:
        return not points.varies(stmt.start)
    return stmt.step == integer(-1) and not points.varies(stmt.stop)


# ---------------------------------------------------------------- what may be computed in vain


def _certain(stmt: Stmt) -> Iterator[Place]:
    """The elements that a statement looks at each time."""
    if isinstance(stmt, Store):
        yield stmt.array, stmt.index
    for expr in expressions(stmt):
        yield from (place for place, _ in looked_at(expr))


def _in_vain(block: Block, points: Points, apart: bool) -> Iterator[Place]:
    """The elements that points look at where a block may not be for them (``apart``), and own."""
    for stmt in block:
        inner = apart or points.diverges(stmt)
        places = [(e.array, e.index) for e in _loads(stmt)]
        if isinstance(stmt, Store):
            places.append((stmt.array, stmt.index))
        yield from (p for p in places if inner or p[0] in points.own)
        for part in blocks(stmt):
            yield from _in_vain(part, points, inner)


def _loads(stmt: Stmt) -> Iterator[Load]:
    return (e for x in expressions(stmt) for e in walk(x) if isinstance(e, Load))


def _is_grow(stmt: Stmt) -> bool:
    return isinstance(stmt, Grow)
