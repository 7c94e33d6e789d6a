"""Points that take different paths run side by side, each until it is through.

A loop over points that each iterate to convergence, or branch, is scalar code for LLVM, with one
call of the C library after the other. Where the points do not depend on each other, a few of them
take each step together: those that are through, or took the other branch, keep what they have.
The innermost loops then run over lanes, and their elementary functions are vector instructions
(``vectorise.py``)::

    for i in range(n):                    for strip in range(0, n, 16):
        z = x[i]                              some = 0
        d = 1.0                               for lane in range(16):
        while abs(d) > 1e-9:                      z = x[strip + lane]
            d = z - math.sin(z) - k       ->      d = 1.0
            z = z - d                             going = abs(d) > 1e-9
        y[i] = z                                  some += 1 if going else 0
                                                  z_lanes[lane] = z; ...
                                              while some > 0:
                                                  some = 0
                                                  for lane in range(16):
                                                      z = z_lanes[lane]; ...
                                                      d = z - sin(z) - k
                                                      z = z - d if going else z
                                                      ...
                                              for lane in range(16):
                                                  y[strip + lane] = z_lanes[lane]

Few lanes, as a strip takes as many steps as the slowest of its points. Only what cannot fail is
computed for points that do not need it: arithmetic, elementary functions, and elements of arrays
that are there, which is tested before a strip. The loop as it was is kept for the last few points,
for elements that are not there, and for strips that take more steps than there is memory for: up to
there a strip writes nothing but what it has for itself.

So run points whose numbers are in the rows of a matrix, branches or not: elements of rows are moved
into arrays of the lanes, and back (``lane_group.py``). Short loops of an iteration are written out,
such as that over the rows of a Jacobian. Where the points only store what is their own, the last
strip takes the last point for all lanes that are left, and the loop as it was is not needed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import cast

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.flow import assigned, exposed, mentions, named_in, names_of, scalars
from srcad.analysis.iterations import (
    Bounds,
    accesses,
    commute,
    is_still,
    of_each,
    offset_from,
    span,
    varies,
)
from srcad.analysis.liveness import Live, live_at_end, live_before
from srcad.analysis.set_in_branch import read_unset
from srcad.ir.build import (
    FALSE,
    ONE,
    TRUE,
    ZERO,
    add,
    added_to,
    binary,
    compare,
    integer,
    logic,
    negation,
    sub,
    zero_of,
)
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Block,
    Call,
    Check,
    Comment,
    Compare,
    Const,
    Expr,
    Extent,
    For,
    Function,
    Grow,
    If,
    Load,
    Logic,
    Select,
    Stack,
    Stmt,
    Store,
    Unary,
    Var,
    While,
    all_expressions,
    blocks,
    children,
    expressions,
    names_read,
    rebuild,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.types import BOOL, INT, is_inexact
from srcad.transform.lane_group import LaneGroup, looked_at
from srcad.transform.outermost import Outermost
from srcad.transform.vectorise import Place, can_be_vector, has_lanes, is_elementary
from srcad.transform.write_out import values_of, written_out

LANES = 16
"""Points side by side. They wait for the slowest, which then costs about what it costs alone."""
STEPS = 512
"""The most that a point may take side by side with others: there is memory for so many."""
STATEMENTS = 64
"""The most statements that a loop in an iteration is written out to."""
MORE = 256
"""The same for a loop of four iterations or fewer, as one over the rows of a Jacobian."""
_MOVES = 6
"""So many elements of rows are moved in the time that an elementary function saves, or as many sums
and products that become vector instructions as that save the time of one."""
_IN_LOOPS = 1
"""The same in each step of a loop of the points, whose rows are long."""
_QUOTIENT = 4
_SHORT = 4
_SIMPLE = Assign | Store | If | For | While | Comment | Grow
_CHEAP = Var | Const | Binary | Unary | Compare
"""What may be computed for either outcome of a test, at a few operations each."""
_FEW = 9


def abreast(function: Function, names: Names) -> Function:
    """The function with such loops over points in strips; itself if there is none."""
    body = function.body
    aliases = Aliases(body, points_to(body, set(function.arrays)))
    marcher = _Marcher(body, dict(function.arrays), aliases, names)
    made = marcher.block(body, frozenset(function.exports))
    if not marcher.found:
        return function
    return replace(function, body=(*marcher.memory, *made), arrays=marcher.arrays)


class _Marcher(Outermost):
    def __init__(
        self, body: Block, arrays: dict[str, tuple[str, int]], aliases: Aliases, names: Names
    ) -> None:
        self.arrays = arrays
        self.aliases = aliases
        self.names = names
        self.bounds = Bounds(body)
        self.stacks = {s.target for s in body if isinstance(s, Stack)}
        self.mentions = mentions(body)
        self.first = {id(s) for s in body}
        """The statements that no loop or branch is around, by identity."""
        self.memory: list[Stmt] = []
        """What the lanes of all loops need."""
        self.found = False
        """Whether there are such loops."""

    def written(self, loop: For, live: Live) -> For | None:
        """The loop in strips; None if it stays."""
        ends = span(loop)
        if ends is None or not _is_worth_it(loop, self.aliases):
            return None
        stands_alone = id(loop) in self.first
        checks, loop = _checked(loop)
        own = self._own_stacks(loop)
        changed = self._written_out(loop)
        changed = replace(changed, body=_with_whiles(changed.body, changed.body))
        changed = replace(changed, body=(*self._set_first(changed.body), *changed.body))
        plain = replace(changed, body=_without_grows(changed.body))
        if not commute(plain, live, self.aliases, self.bounds, own):
            return None
        apart = of_each(plain, self.aliases, self.bounds, own)
        points = _points(changed, own, apart, live)
        if points is None or (own and points.filling is None):
            return None
        made = None
        if stands_alone and points.may_be_repeated():
            made = self._strips(loop, points, repeats=True)
        made = made or self._strips(loop, points, repeats=False)
        return None if made is None else replace(made, body=(*checks, *made.body))

    def _strips(self, loop: For, points: _Points, *, repeats: bool) -> For | None:
        """The loop in strips, if LLVM makes vector instructions of that."""
        used, arrays = set(self.names.used), dict(self.arrays)
        own = replace(points, varying=set(points.varying))
        writer = _Writer(own, self.names, arrays, repeats=repeats)
        strips = writer.strips(loop)
        lanes = (*writer.memory, strips)
        if not (writer.pays() and _become_vectors(lanes, writer.lane, arrays)):
            self.names.release(used)
            return None
        self.arrays.update(arrays)
        self.memory += writer.memory
        self.found = True
        return strips

    def _written_out(self, loop: For) -> For:
        """The loop with the loops in it that have few known iterations written out."""
        opened: set[int] = set()
        _size(loop.body, opened)
        if not opened:
            return loop
        counters = {s.var.name for s in statements(loop.body) if isinstance(s, For)}
        own = {counter for counter in counters if not _asks_for(counter, loop.body)}
        counts = Counter({n: k for n, k in self.mentions.items() if n not in own})
        return replace(loop, body=written_out(loop.body, frozenset(opened), counts, self.names))

    def _set_first(self, body: Block) -> Block:
        """Values, which nobody reads, for variables that an iteration sets in a branch.

        What a branch sets and another one reads, under the same test, is not from the iteration
        before.
        """
        kinds = scalars(body)
        early = assigned(body) & exposed(body) & kinds.keys()
        early -= read_unset(body, self.aliases)
        zeros = {n: FALSE if kinds[n].kind == BOOL else zero_of(kinds[n].kind) for n in early}
        return tuple(Assign(kinds[n], zeros[n]) for n in sorted(early))

    def _own_stacks(self, loop: For) -> set[str]:
        """Stacks that the points of a loop fill and read, each for itself."""
        inside = mentions(loop.body)
        found = {s for s in self.stacks if 0 < inside[s] == self.mentions[s] - 1}
        others = inside.keys() & self.arrays.keys() - found
        return {a for a in found if not any(self.aliases.may(a, b) for b in others)}


def _checked(loop: For) -> tuple[Block, For]:
    """The checks with which every iteration begins alike, and the loop without them."""
    changing = assigned((loop,))
    count = 0
    for stmt in loop.body:
        if not isinstance(stmt, Check) or not is_still(stmt.test, changing):
            break
        count += 1
    return loop.body[:count], replace(loop, body=loop.body[count:])


def _size(block: Block, opened: set[int]) -> int:
    """How many statements a block is written out to; ``opened`` gets the loops, by identity."""
    size = 0
    for stmt in block:
        inner = sum(_size(b, opened) for b in blocks(stmt))
        values = _written(stmt)
        most = STATEMENTS if values is not None and len(values) > _SHORT else MORE
        if values is not None and inner * len(values) <= most:
            opened.add(id(stmt))
            inner *= len(values)
        size += inner + (not isinstance(stmt, Comment))
    return size


def _written(stmt: Stmt) -> range | None:
    """The values of a counter, if its loop may be written out: it fills no stacks."""
    if not isinstance(stmt, For) or stmt.checkpoints is not None:
        return None
    if not all(isinstance(s, Assign | Store | If | For | Comment) for s in statements(stmt.body)):
        return None
    return values_of(stmt)


def _with_whiles(block: Block, whole: Block) -> Block:
    """The block, each statement an object of its own, its loops that may be left as ``while``."""
    out: list[Stmt] = []
    for stmt in block:
        parts = tuple(_with_whiles(b, whole) for b in blocks(stmt))
        made = with_blocks(stmt, parts) if parts else stmt
        if isinstance(made, For) and made.until is not None and _is_entered(made, out, whole):
            test = logic("and", (compare("<", made.var, made.stop), negation(made.until)))
            count = Assign(made.var, add(made.var, ONE))
            out += [Assign(made.var, made.start), While(test, (*made.body, count), made.at)]
        else:
            out.append(replace(made))
    return tuple(out)


def _is_entered(loop: For, before: list[Stmt], whole: Block) -> bool:
    """Whether a loop begins with its flag down and counts up, for itself and to a fixed end."""
    assert loop.until is not None
    setting = [s for s in before if loop.until.name in assigned((s,))]
    down = bool(setting) and setting[-1] == Assign(loop.until, FALSE)
    changing = assigned(loop.body)
    still = all(is_still(e, changing | {loop.var.name}) for e in (loop.start, loop.stop))
    own = loop.var.name not in changing and not _asks_for(loop.var.name, whole)
    return down and still and own and loop.step == ONE


def _asks_for(counter: str, block: Block) -> bool:
    """Whether a counter is read, or bound by something else, outside of its loops."""
    for stmt in block:
        if any(counter in names_read(e) for e in expressions(stmt)):
            return True
        own = isinstance(stmt, For) and stmt.var.name == counter
        if not own and counter in names_of(stmt):
            return True
        if not own and any(_asks_for(counter, b) for b in blocks(stmt)):
            return True
    return False


def _without_grows(block: Block) -> Block:
    return tuple(
        with_blocks(s, tuple(map(_without_grows, blocks(s)))) if blocks(s) else s
        for s in block
        if not isinstance(s, Grow)
    )


def _is_worth_it(loop: For, aliases: Aliases) -> bool:
    """Whether there are elementary functions, which are not in vector instructions as it is."""
    inner = [s for s in statements((loop,)) if isinstance(s, For)]
    if any(has_lanes(s, aliases) for s in inner):
        return False
    return any(map(is_elementary, all_expressions(loop.body)))


def _become_vectors(block: Block, lane: Var, arrays: dict[str, tuple[str, int]]) -> bool:
    """Whether the loops over lanes that call elementary functions are ones for LLVM."""
    aliases = Aliases(block, points_to(block, set(arrays)))
    return all(
        has_lanes(s, aliases)
        for s in statements(block)
        if isinstance(s, For) and s.var == lane and any(map(is_elementary, all_expressions(s.body)))
    )


# ---------------------------------------------------------------- what differs from point to point


@dataclass
class _Points:
    """The iterations of a loop that are to run side by side."""

    loop: For
    own: set[str]
    """Tapes that each of them has for itself."""
    sums: set[str]
    """Scalars that they only add to."""
    varying: set[str]
    """Scalars that differ from point to point."""
    apart: set[str]
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
        fits = alone and isinstance(loop, While) and self.is_apart(loop) and len(tops) == 1
        return found[0] if fits and direct == sum(map(_is_grow, statements((loop,)))) else None

    def is_known(self, array: str, index: tuple[Expr, ...]) -> bool:
        """Whether it is known which elements of an array the points have, each its own."""
        counter = self.loop.var.name
        others = self.varying - {counter}
        known = not any(varies(e, others, names_read(e)) for e in index)
        return known and array in self.apart and any(counter in names_read(e) for e in index)

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

    def is_apart(self, stmt: Stmt) -> bool:
        """Whether points take different paths at a statement."""
        match stmt:
            case If() | While():
                return self.varies(stmt.test)
            case For():
                return self.varies(stmt.start) or self.varies(stmt.stop)
        return False


def _points(loop: For, own: set[str], apart: set[str], live: Live) -> _Points | None:
    """What differs from point to point; None if they cannot run side by side."""
    body = loop.body
    if not all(is_still(e, assigned(body)) for e in (loop.start, loop.stop)):
        return None
    if loop.until is not None or not all(isinstance(s, _SIMPLE) for s in statements(body)):
        return None
    if not all(map(can_be_vector, all_expressions(body))):
        return None
    points = _Points(loop, own, assigned(body) & exposed(body) - own, {loop.var.name}, apart)
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


def _walk(block: Block, points: _Points, kept: Live | None, live: Live) -> bool:
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
                if points.is_apart(stmt):
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


def _counters(loop: For | While, points: _Points, kept: Live) -> set[str]:
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


def _is_common(stmt: If | While | For, points: _Points, later: Live) -> bool:
    """Whether a statement can be made one for all points."""
    if not isinstance(stmt, For):
        return True
    if stmt.until is not None or stmt.var.name in later | assigned(stmt.body):
        return False
    if stmt.checkpoints is not None or points.varies(stmt.step):
        return False
    if not points.is_apart(stmt):
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


def _in_vain(block: Block, points: _Points, apart: bool) -> Iterator[Place]:
    """The elements that points look at where a block may not be for them (``apart``), and own."""
    for stmt in block:
        inner = apart or points.is_apart(stmt)
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


# ---------------------------------------------------------------- the loop in strips


class _Writer:
    """Writes the strips of a loop."""

    def __init__(
        self,
        points: _Points,
        names: Names,
        arrays: dict[str, tuple[str, int]],
        *,
        repeats: bool,
    ) -> None:
        self.points = points
        self.repeats = repeats
        """Whether the last strip takes the last point for all lanes that are left."""
        self.names = names
        self.arrays = arrays
        self.strip = Var(names.fresh("strip"), INT)
        self.lane = Var(names.fresh("lane"), INT)
        self.ends = cast(tuple[Expr, Expr], span(points.loop))
        self.count: Expr = integer(LANES)
        """How many lanes have a point of their own."""
        self.point: Expr = ZERO
        """The point of a lane, in the loop that is written."""
        if repeats:
            self.count = Var(names.fresh("lanes"), INT)
            self.repeated = Var(names.fresh("point"), INT)
        self.moved = 0
        """How many elements of rows are moved."""
        self.poor = False
        """Whether a loop inside moves more than it computes."""
        self.direct = False
        """Whether lanes store to arrays while they compute."""
        self.memory: list[Stmt] = []
        """The arrays of variables that are handed from one loop over lanes to the next."""
        self.wide: dict[str, str] = {}
        """These arrays, by the names of the variables."""
        self.rows: dict[str, str] = {}
        """The arrays in place of stacks."""
        self.some: Expr = ZERO
        """How many points go on in the last loop."""
        self.kinds: dict[str, str] = {}
        self.begun: set[str] = set()
        """Variables that have a value."""
        self.looping = 0
        """How many loops there are around."""
        self.out: list[Stmt] = []
        self.group = self._nothing()
        """What all lanes do next, one after the other."""
        self.moving: dict[int, For] = {}
        """The loops over lanes that only move elements to variables, or back, by identity."""
        self.delayed: list[Assign] = []
        """What is done once for all lanes after that."""

    def strips(self, loop: For) -> For:
        """The loop in strips."""
        first, stop = self.ends
        for name in sorted(self.points.own):
            self.rows[name] = self._memory(name, (STEPS * LANES,), self.arrays[name][0])
        body, filling = self.points.loop.body, self.points.filling
        filled: Block = ()
        if filling is not None:
            filled = self._part(body[: filling + 1])
        some = self.some
        rest = self._part(body[0 if filling is None else filling + 1 :])
        self._widen((*filled, *rest))
        rest, live = self._handed(rest, frozenset())
        filled, _ = self._handed(filled, live)
        end = Call("min", (add(self.strip, integer(LANES)), stop), INT)
        alone = replace(loop, start=self.strip, stop=end, step=ONE)
        few = compare("<", sub(stop, self.strip), integer(LANES))
        there = self.points.there(first, stop)
        if there != TRUE:
            few = logic("or", (few, negation(there)))
        said = Comment(f"{LANES} iterations side by side, each for as long as it goes on")
        if isinstance(self.count, Var):
            lanes = Assign(self.count, Call("min", (integer(LANES), sub(stop, self.strip)), INT))
            return For(self.strip, first, stop, integer(LANES), (lanes, said, *rest), None, loop.at)
        inside: Block = (If(few, (alone,), (said, *rest)),)
        if filling is not None:
            apart = Var(self.names.fresh("apart"), BOOL)
            (top,) = {s.top for s in statements(body) if isinstance(s, Grow)}
            long = logic("and", (compare(">", some, ZERO), compare(">=", top, integer(STEPS))))
            tried = If(negation(apart), (said, *filled, Assign(apart, long)))
            inside = (Assign(apart, few), tried, If(apart, (alone,), rest))
        return For(self.strip, first, stop, integer(LANES), inside, None, loop.at)

    def pays(self) -> bool:
        """Whether the strips are right, and moving elements costs less than they save."""
        if self.poor or (self.repeats and (self.direct or not self.moved)):
            return False
        return self.moved <= _saved(self.points.loop.body, _MOVES)

    def _part(self, block: Block) -> Block:
        self._block(block, None, frozenset())
        self._flush()
        made, self.out = tuple(self.out), []
        return made

    def _memory(self, name: str, shape: tuple[int, ...], kind: str) -> str:
        """An array for the lanes."""
        array = self.names.fresh(f"{name}_lanes")
        self.arrays[array] = (kind, len(shape))
        self.memory.append(Alloc(array, tuple(map(integer, shape)), kind))
        return array

    def _wide(self, name: str, shape: tuple[int, ...], kind: str) -> str:
        """An array with an axis of lanes."""
        return self._memory(name, (*shape, LANES), kind)

    # ------------------------------------------------------------ statements

    def _flush(self) -> None:
        """Begin another loop over the lanes."""
        group = self.group
        moved = sum(self.points.is_row(at) for _, at in (*group.taken, *group.left))
        self.moved += moved
        if self.looping:
            self.poor |= moved > _saved(tuple(group.body), _IN_LOOPS)
        self.direct |= bool(group.stored)
        taking, body, leaving = group.parts(self.lane, self._wide, self.names)
        self._loop(taking, integer(LANES), moving=True)
        self._loop(body, integer(LANES))
        self._loop(leaving, self.count, moving=True)
        self.out += self.delayed
        self.group, self.delayed = self._nothing(), []

    def _loop(self, body: list[Stmt], lanes: Expr, *, moving: bool = False) -> None:
        """A loop over the lanes, if they do something."""
        if all(isinstance(s, Comment) for s in body):
            self.out += body
            return
        loop = For(self.lane, ZERO, lanes, ONE, tuple(body))
        if moving:
            self.moving[id(loop)] = loop
        self.out.append(loop)

    def _nothing(self) -> LaneGroup:
        return LaneGroup(self._is_row, self._variable)

    def _is_row(self, array: str, index: tuple[Expr, ...], kind: str) -> bool:
        found = self.points.is_known(array, index) and self.arrays[array][0] == kind
        return found and (self.repeats or self.points.is_row(index))

    def _variable(self, hint: str, kind: str) -> Var:
        """A new variable of the lanes."""
        name = Var(self.names.fresh(hint), kind)
        self.points.varying.add(name.name)
        return name

    def _each(self, stmt: Stmt) -> None:
        """A statement that each lane executes."""
        late = names_of(stmt) & {s.target.name for s in self.delayed}
        if late or (isinstance(stmt, Assign | Store) and self.group.clashes(stmt)):
            self._flush()
        self.group.add(stmt)

    def _once(self, stmt: Assign) -> None:
        """A statement that is executed once for all lanes: before what they do next, or after."""
        late = {n for s in self.delayed for n in names_of(s)}
        if stmt.target.name in late | self.group.names or late & names_of(stmt):
            self.delayed.append(stmt)
        else:
            self.out.append(stmt)

    def _inner(self, block: Block, mask: Var | None, kept: Live, *last: Stmt) -> Block:
        """The body of a loop or branch of all lanes, with ``last`` at the end for each lane."""
        out, self.out = self.out, []
        self.looping += 1
        self._block(block, mask, kept)
        for stmt in last:
            self._each(stmt)
        self._flush()
        self.looping -= 1
        made, self.out = tuple(self.out), out
        return made

    def _block(self, block: Block, mask: Var | None, kept: Live) -> None:
        for stmt in block:
            match stmt:
                case Comment():
                    self._each(stmt)
                case Assign():
                    self._assign(stmt, mask, kept)
                case Store():
                    self._store(stmt, mask)
                case If():
                    self._branch(stmt, mask, kept)
                case While():
                    self._while(stmt, mask, kept)
                case For():
                    self._for(stmt, mask, kept)

    def _assign(self, stmt: Assign, mask: Var | None, kept: Live) -> None:
        target, value = stmt.target, stmt.value
        if target.name in self.points.sums:
            if mask is not None:
                term = added_to(value, target)
                assert term is not None
                term = Select(mask, self._simple(term), zero_of(term.kind), term.kind)
                value = Binary("+", target, term, target.kind)
            self._each(replace(stmt, value=value))
        elif target.name not in self.points.varying:
            self._once(stmt)
        else:
            old = target.name in self.begun or self.looping
            self.begun.add(target.name)
            if mask is not None and target.name in kept and old:
                value = Select(mask, self._simple(value), target, target.kind)
            self._each(replace(stmt, value=value))

    def _store(self, stmt: Store, mask: Var | None) -> None:
        value = stmt.value
        if mask is not None and stmt.array not in self.points.own:
            old: Expr = Load(stmt.array, stmt.index, value.kind)
            if self._is_row(stmt.array, stmt.index, value.kind):
                old = self._named("before", old)
            value = Select(mask, self._simple(value), old, value.kind)
        self._each(replace(stmt, value=value))

    def _simple(self, expr: Expr) -> Expr:
        """An expression that may be computed in vain, by a name if it is a long one."""
        parts = list(walk(expr))
        if len(parts) <= _FEW and all(isinstance(e, _CHEAP) for e in parts):
            return expr
        return self._named("value", expr)

    def _named(self, hint: str, value: Expr) -> Var:
        """A variable of the lanes."""
        name = self._variable(hint, value.kind)
        self._each(Assign(name, value))
        return name

    def _branch(self, stmt: If, mask: Var | None, kept: Live) -> None:
        if not self.points.is_apart(stmt):
            self._flush()
            parts = tuple(self._inner(b, mask, kept) for b in blocks(stmt))
            self.out.append(with_blocks(stmt, parts))
            return
        kept = self.points.kept[id(stmt)]
        when = self._named("when", _both(mask, _eager(stmt.test)))
        other = None
        if stmt.orelse:
            other = self._named("other", _both(mask, negation(when)))
        self._block(stmt.body, when, kept)
        if other is not None:
            self._block(stmt.orelse, other, kept)

    def _while(self, stmt: While, mask: Var | None, kept: Live) -> None:
        if not self.points.is_apart(stmt):
            self._flush()
            self.out.append(replace(stmt, body=self._inner(stmt.body, mask, kept)))
            return
        parts = _parts_of(stmt.test)
        common = tuple(e for e in parts if not self.points.varies(e))
        apart = logic("and", tuple(e for e in parts if self.points.varies(e)))
        some = Var(self.names.fresh("some"), INT)
        self._once(Assign(some, ZERO))
        going = self._named("going", _both(mask, _eager(apart)))
        count = Assign(some, Binary("+", some, Select(going, ONE, ZERO, INT), INT))
        self._each(count)
        self._flush()
        again = Assign(going, _both(going, _eager(apart)))
        body = self._inner(stmt.body, going, self._inside(stmt), again, count)
        self.some = some  # not that of a loop inside
        full = {compare("<", s.top, integer(STEPS)) for s in stmt.body if isinstance(s, Grow)}
        test = logic("and", (compare(">", some, ZERO), *common, *full))
        self.out.append(While(test, (Assign(some, ZERO), *body), stmt.at))

    def _for(self, stmt: For, mask: Var | None, kept: Live) -> None:
        if not self.points.is_apart(stmt):
            if not self._is_aside(stmt, mask):
                self._flush()
                self.out.append(replace(stmt, body=self._inner(stmt.body, mask, kept)))
                return
            if self._only_fills(stmt):
                self._loop([stmt], self.count, moving=True)
                return
            before = self.group, self.delayed
            self.group, self.delayed = self._nothing(), []
            self.out.append(replace(stmt, body=self._inner(stmt.body, mask, kept)))
            self.group, self.delayed = before
            return
        up = stmt.step == ONE
        end = self._named("end", stmt.stop if up else stmt.start)
        self._flush()
        most = Var(self.names.fresh("most"), INT)
        self.out.append(Assign(most, stmt.start if up else stmt.stop))
        reached = end if mask is None else Select(mask, end, most, INT)
        self._each(Assign(most, Call("max", (most, reached), INT)))
        self._flush()
        going = self._named("going", _both(mask, compare("<" if up else "<=", stmt.var, end)))
        body = self._inner(stmt.body, going, self._inside(stmt))
        start, stop = (stmt.start, most) if up else (most, stmt.stop)
        self.out.append(replace(stmt, start=start, stop=stop, body=body))

    def _is_aside(self, loop: For, mask: Var | None) -> bool:
        """Whether a loop has nothing to do with what all lanes do before it."""
        late = {n for s in self.delayed for n in names_of(s)}
        if mask is not None or named_in(loop) & (late | self.group.made):
            return False
        found = {(a.array, a.index) for a in accesses((loop,))}
        apart = all(a in self.points.apart and self.group.is_apart((a, at)) for a, at in found)
        return apart and not assigned((loop,)) & self.group.names

    def _only_fills(self, loop: For) -> bool:
        """Whether a loop sets elements of one point after the other to a literal."""
        inside = [s for s in loop.body if not isinstance(s, Comment)]
        return all(
            isinstance(s, Store)
            and isinstance(s.value, Const)
            and self._is_row(s.array, s.index, s.value.kind)
            for s in inside
        )

    def _inside(self, loop: For | While) -> Live:
        """What points that are through with a loop need of what it changes."""
        counters = self.points.counters[id(loop)]
        return (self.points.kept[id(loop)] | exposed(loop.body)) - counters

    # ------------------------------------------------------------ variables of lanes

    def _is_group(self, stmt: Stmt) -> bool:
        return isinstance(stmt, For) and stmt.var == self.lane

    def _widen(self, block: Block) -> None:
        """Make arrays of the variables that one loop over lanes hands to another."""
        groups = [s for s in statements(block) if self._is_group(s)]
        early = set[str]().union(*(exposed(b) for group in groups for b in blocks(group)))
        for group in groups:
            for stmt in statements(blocks(group)[0]):
                if isinstance(stmt, Assign):
                    self.kinds[stmt.target.name] = stmt.target.kind
        for name in sorted(early & self.points.varying & self.kinds.keys()):
            self.wide[name] = self._wide(name, (), self.kinds[name])

    def _handed(self, block: Iterable[Stmt], live: Live) -> tuple[Block, Live]:
        """The block, its loops over lanes with what they take from others and leave to them.

        ``live`` are the variables that are read after it; those read before it are returned.
        """
        out: list[Stmt] = []
        for stmt in reversed(tuple(block)):
            match stmt:
                case For() if self._is_group(stmt):
                    stmt, live = self._taking(stmt, live)
                case For() | While():
                    end = live | names_of(stmt)
                    body, head = self._handed(stmt.body, end)
                    while not head <= end:
                        end |= head
                        body, head = self._handed(stmt.body, end)
                    stmt, live = replace(stmt, body=body), end
                case If():
                    both = [self._handed(b, live) for b in blocks(stmt)]
                    stmt = with_blocks(stmt, tuple(part for part, _ in both))
                    live = live.union(*(before for _, before in both))
            out.append(stmt)
        return tuple(reversed(out)), live

    def _taking(self, group: For, live: Live) -> tuple[For, Live]:
        """A loop over lanes, and what is read before it."""
        read, made = exposed(group.body), assigned(group.body)
        every = self.repeats and group.stop != self.count  # also lanes without one of their own
        self.point = self.repeated if every else add(self.strip, self.lane)

        def place(name: str) -> Load:
            return Load(self.wide[name], (self.lane,), self.kinds[name])

        if id(group) in self.moving:
            moved = tuple(self._placed(self._moved(s)) for s in group.body)
            return replace(group, body=self._of_point(group, moved)), (live - made) | read
        taken = [Assign(Var(n, self.kinds[n]), place(n)) for n in sorted(read & self.wide.keys())]
        left = [
            Store(self.wide[n], (self.lane,), Var(n, self.kinds[n]))
            for n in sorted(made & self.wide.keys() & live)
        ]
        body = (*taken, *map(self._placed, group.body), *left)
        return replace(group, body=self._of_point(group, body)), (live - made) | read

    def _moved(self, stmt: Stmt) -> Stmt:
        """A statement that moves an element of an array to a variable of the lanes, or back."""
        match stmt:
            case Assign(target=target, value=value):
                return Store(self.wide[target.name], (self.lane,), value)
            case Store(value=Var(name=name, kind=kind)):
                return replace(stmt, value=Load(self.wide[name], (self.lane,), kind))
        return stmt

    def _of_point(self, group: For, body: Block) -> Block:
        """The body of a loop over the lanes, each with its point."""
        if not isinstance(self.point, Var) or self.points.loop.var.name not in mentions(group.body):
            return body
        place = Call("min", (add(self.strip, self.lane), sub(self.ends[1], ONE)), INT)
        return (Assign(self.point, place), *body)

    def _placed(self, stmt: Stmt) -> Stmt:
        """A statement of a lane, for the point that is in it."""
        match stmt:
            case Assign():
                return replace(stmt, value=self._expr(stmt.value))
            case Store():
                place = self._expr(Load(stmt.array, stmt.index, stmt.value.kind))
                assert isinstance(place, Load)
                value = self._expr(stmt.value)
                return replace(stmt, array=place.array, index=place.index, value=value)
        return with_blocks(stmt, tuple(tuple(map(self._placed, b)) for b in blocks(stmt)))

    def _expr(self, expr: Expr) -> Expr:
        if expr == self.points.loop.var:
            return self.point
        parts = tuple(map(self._expr, children(expr)))
        if isinstance(expr, Load) and expr.array in self.points.own:
            (slot,) = parts
            place = add(binary("*", slot, integer(LANES), INT), self.lane)
            return replace(expr, array=self.rows[expr.array], index=(place,))
        return rebuild(expr, parts) if parts else expr


def _saved(block: Block, moves: int) -> int:
    """How many elements of rows may be moved for vector instructions, so many for each function."""
    exprs = list(all_expressions(block))
    dear = sum(map(is_elementary, exprs))
    return moves * dear + sum(_cost(e) for e in exprs if isinstance(e, Binary)) // _MOVES


def _cost(expr: Binary) -> int:
    """What an operation costs, in sums and products of floats."""
    if not is_inexact(expr.kind):
        return 0
    return _QUOTIENT if expr.op == "/" else 1


def _parts_of(test: Expr) -> tuple[Expr, ...]:
    """What has to hold, one by one."""
    return test.items if isinstance(test, Logic) and test.op == "and" else (test,)


def _eager(expr: Expr) -> Expr:
    """A test, all of it evaluated."""
    match expr:
        case Logic(op=op, items=items):
            made = _eager(items[0])
            for item in items[1:]:
                made = Binary("&" if op == "and" else "|", made, _eager(item), BOOL)
            return made
        case Unary(op="not", x=x):
            return Unary("not", _eager(x), BOOL)
    return expr


def _both(mask: Var | None, test: Expr) -> Expr:
    return test if mask is None else Binary("&", mask, test, BOOL)
