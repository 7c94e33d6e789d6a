"""Independent loops run in threads.

The outermost loops whose iterations can run in any order, and in which there is enough to do, are
divided into parts. Such a loop becomes two functions of its own, so that their variables are their
own too: one for the iterations of a part, and one that calls it from the threads::

    for i in range(n):          def f_part(first, last, m, x, y):
        for j in range(m):          for i in range(first, last):
            y[i, j] = ...               for j in range(m):
                                            y[i, j] = ...

                                def f_parts(m, n, x, y):
                                    parts = min(n, 32, n * m * 9 // 65536)
                                    if parts < 6:
                                        f_part(0, n, m, x, y)
                                    else:
                                        for part in prange(parts):
                                            f_part(part * n // parts, ...)

                                f_parts(m, n, x, y)

Which iterations are independent is proved, never believed, and what is proved leaves no race:

- What is written, each iteration writes at places of its own.
- What is added to the rows around an iteration's own, as the adjoint of a stencil does, meets what
  the neighbours add. A part is at least as long as these places are apart, so it meets the parts
  next to it only: first run the parts of even number, then those of odd number.
- Sums are summed by each part for itself, and then in the order of the parts.
- Scratch arrays, that an iteration fills before it reads them, are made by each part for itself.

The number of parts depends on the sizes, not on the number of threads; so do the results.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.flow import assigned, names_of, reads_of, times_bound, variables
from srcad.analysis.iterations import Access, Bounds, accesses, commute, is_own, offset_from
from srcad.analysis.liveness import Live, live_at_end, live_before
from srcad.ir.build import ONE, ZERO, add, compare, integer, literal, scale, sub
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
    Function,
    If,
    Invoke,
    Load,
    Return,
    Stmt,
    Store,
    Tape,
    Var,
    While,
    ZerosLike,
    blocks,
    expressions,
    names_read,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.types import INT
from srcad.transform.initialise import initialise
from srcad.transform.prune import prune
from srcad.transform.reorder import ascending
from srcad.transform.sums import sums_of

_PARTS = 32
"""The most parts of a loop: more than there are threads, as some are slower than others."""
_GRAIN = 1 << 16
"""Operations of a part at least: 2 us, which is what starting the threads costs (measured)."""
_ENOUGH = 6
"""The least number of parts that threads are started for."""
_TRIPS = 8
"""Iterations taken for a loop of which the number is not known beforehand."""
_DEPTH = 2
"""The most loops around one that is divided; around one in which there is no other: none."""


def parallel(functions: tuple[Function, ...], names: Names) -> tuple[Function, ...]:
    """The functions of a module, independent loops of the last one divided among threads."""
    *others, function = functions
    divider = _Divider(function, names)
    body = divider.block(function.body, frozenset(function.exports), 0)
    if not divider.parts:
        return functions
    return (*others, *divider.parts, prune(replace(function, body=body)))


@dataclass(frozen=True)
class _Plan:
    """How a loop is divided."""

    scratch: frozenset[str]
    """Arrays that each part makes for itself."""
    sums: tuple[Var, ...]
    spread: int
    """How far apart the places are that one iteration adds to; 0: all are its own."""


class _Divider:
    def __init__(self, function: Function, names: Names) -> None:
        self.title = function.name
        self.known = function.arrays
        self.names = names
        self.aliases = Aliases(function.body, points_to(function.body, set(function.arrays)))
        self.bounds = Bounds(function.body)
        self.mentions: Counter[str] = Counter()
        for stmt in statements(function.body):
            self.mentions.update(names_of(stmt))
        self.bound = times_bound(function.body)
        self.made: dict[str, Alloc | ZerosLike] = {}
        """The statements that make arrays, in their order."""
        for stmt in statements(function.body):
            match stmt:
                case Alloc() | ZerosLike():
                    self.made[stmt.target] = stmt
                case Tape():
                    self.made[stmt.target] = Alloc(stmt.target, stmt.shape, stmt.dtype, at=stmt.at)
        self.scalars = variables(function.body)
        self.parts: list[Function] = []
        self.locals: dict[str, Var] = {}

    def block(self, block: Block, live: Live, depth: int) -> Block:
        after: list[Live] = []
        for stmt in reversed(block):
            after.append(live)
            live = live_before(stmt, live)
        pairs = zip(block, reversed(after), strict=True)
        return tuple(new for stmt, live in pairs for new in self._statement(stmt, live, depth))

    def _statement(self, stmt: Stmt, live: Live, depth: int) -> list[Stmt]:
        match stmt:
            case If():
                parts = tuple(self.block(b, live, depth) for b in blocks(stmt))
                return [with_blocks(stmt, parts)]
            case For() if (plan := self._plan(stmt, live, depth)) is not None:
                return self._divided(ascending(stmt), plan)
            case For() if depth < _DEPTH:
                with self.bounds.within(stmt):
                    body = self.block(stmt.body, live_at_end(stmt, live), depth + 1)
                return [replace(stmt, body=body)]
            case While() if depth < _DEPTH:
                body = self.block(stmt.body, live_at_end(stmt, live), depth + 1)
                return [replace(stmt, body=body)]
        return [stmt]

    # ------------------------------------------------------------ which loops

    def _plan(self, loop: For, live: Live, depth: int) -> _Plan | None:
        """How the loop is divided; None if it is not."""
        nested = any(isinstance(s, For | While) for s in statements(loop.body))
        if loop.step not in (ONE, integer(-1)) or not (nested or depth == 0) or _is_short(loop):
            return None
        stored = sorted({s.array for s in statements(loop.body) if isinstance(s, Store)})
        scratch = frozenset(a for a in stored if self._is_scratch(a, loop))
        if not commute(loop, live, self.aliases, self.bounds, scratch):
            return None
        found = [a for a in accesses(loop.body) if a.array not in scratch]
        shared = {a.array for a in found if a.how == "add"}
        with self.bounds.within(loop):
            spreads = [self._spread(array, found, loop) for array in sorted(shared)]
        if None in spreads:
            return None
        sums = tuple(self.scalars[name] for name in sorted(sums_of(loop.body)))
        return _Plan(scratch, sums, max(filter(None, spreads), default=0))

    def _spread(self, array: str, found: list[Access], loop: For) -> int | None:
        """How far apart the places are that one iteration adds to; None: not known."""
        places = {a for a in found if self.aliases.may(array, a.array)}
        if any(a.array != array for a in places):
            return None
        changing = assigned((loop,))
        spreads: list[int] = []
        for positions in map(set, zip(*(a.index for a in places), strict=True)):
            least = [self.bounds.least(p) for p in positions]
            if any(n is None or n < 0 for n in least):  # negative ones count from the end
                continue
            offsets = [k for p in positions if (k := offset_from(p, loop.var)) is not None]
            if len(offsets) == len(positions):
                spreads.append(max(offsets) - min(offsets))
            elif len(positions) == 1 and is_own(positions.pop(), loop.var, changing):
                spreads.append(0)
        return min(spreads, default=None)

    def _is_scratch(self, array: str, loop: For) -> bool:
        """Whether an array is made for this loop, and each iteration fills what it reads of it.

        It is filled by one loop, over the same elements in all iterations; what reads it comes
        after that.
        """
        inside = sum(array in names_of(s) for s in statements(loop.body))
        shapes = sum(isinstance(s, ZerosLike) and s.source == array for s in self.made.values())
        if array not in self.made or self.mentions[array] != inside + shapes + 1:
            return False
        made = self.made[array]
        sizes = reads_of(made)
        if any(self.bound[name] > 1 for name in sizes):
            return False
        shape = made.shape if isinstance(made, Alloc) else _extents(array, self.known[array][1])
        return _is_filled_first(array, shape, loop.body, assigned((loop,)))

    # ------------------------------------------------------------ division

    def _divided(self, loop: For, plan: _Plan) -> list[Stmt]:
        """The statements in place of a loop; its functions are added to those of the module."""
        driver = self._driver(loop, plan, self._member(loop, plan))
        totals = self._fresh(plan.sums, "part")
        call = Invoke(totals, driver.name, driver.parameters, driver.exports, at=loop.at)
        return [call, *_sums(zip(plan.sums, totals, strict=True))]

    def _driver(self, loop: For, plan: _Plan, member: Function) -> Function:
        """The function that divides a loop into parts.

        Threads are started in a function in which no array is bound to another name: Numba writes
        the second value of ``u`` as ``u_1``, which may be the name of another array.
        """
        first, last, count = self._local("first"), self._local("last"), self._local("count")
        parts, part = self._local("parts"), self._local("part")
        totals, locals_ = self._fresh(plan.sums, "sum"), self._fresh(plan.sums, "part")
        kept = [self.names.fresh(f"{s.name}_parts") for s in plan.sums]
        made = {k: (s.kind, 1) for k, s in zip(kept, plan.sums, strict=True)}

        def call(start: Expr, stop: Expr) -> Invoke:
            given = (start, stop, *member.parameters[2:])
            return Invoke(locals_, member.name, given, member.exports, at=loop.at)

        rows = sub(loop.stop, loop.start)
        body: list[Stmt] = [Assign(s, literal(0.0, s.kind)) for s in totals]
        if not isinstance(rows, Var):
            body.append(Assign(count, rows))
            rows = count
        most = rows if plan.spread < 2 else Binary("//", rows, integer(plan.spread), INT)
        grains = Binary("//", self._work(loop, rows), integer(_GRAIN), INT)
        body.append(Assign(parts, Call("min", (most, integer(_PARTS), grains), INT)))

        def border(k: Expr) -> Expr:
            share = Binary("//", Binary("*", k, rows, INT), parts, INT)
            return add(loop.start, share) if loop.start != ZERO else share

        noted = [Store(k, (part,), local, True) for k, local in zip(kept, locals_, strict=True)]
        one = (
            Assign(first, border(part)),
            Assign(last, border(add(part, ONE))),
            call(first, last),
            *noted,
        )
        threads: list[Stmt] = [Alloc(k, (parts,), kind) for k, (kind, _) in made.items()]
        if plan.spread:
            turn, pair = self._local("turn"), self._local("pair")
            half = Binary("//", sub(add(parts, ONE), turn), integer(2), INT)
            numbered = (Assign(part, add(scale(pair, 2), turn)), *one)
            inner = For(pair, ZERO, half, ONE, numbered, parallel=True)
            threads.append(For(turn, ZERO, integer(2), ONE, (inner,)))
        else:
            threads.append(For(part, ZERO, parts, ONE, one, parallel=True))
        added = [(t, Load(k, (part,), t.kind)) for t, k in zip(totals, kept, strict=True)]
        if added:
            threads.append(For(part, ZERO, parts, ONE, _sums(added)))
        serial = [call(loop.start, loop.stop), *_sums(zip(totals, locals_, strict=True))]
        few = compare("<", parts, integer(_ENOUGH * (2 if plan.spread else 1)))
        body.append(If(few, tuple(serial), tuple(threads), loop.at))
        if totals:
            body.append(Return(totals))
        inputs = self._inputs(tuple(body), set())
        title = self.names.fresh(f"{self.title}_parts")
        driver = Function(title, inputs, tuple(body), self.known | made, member.exports)
        self.parts.append(prune(driver))
        return self.parts[-1]

    def _fresh(self, sums: tuple[Var, ...], word: str) -> tuple[Var, ...]:
        """Further variables for some sums."""
        return tuple(replace(s, name=self.names.fresh(f"{s.name}_{word}")) for s in sums)

    def _member(self, loop: For, plan: _Plan) -> Function:
        """The function that runs some iterations of a loop."""
        first, last = self._local("first"), self._local("last")
        own = [stmt for name, stmt in self.made.items() if name in plan.scratch]
        start = [Assign(s, literal(0.0, s.kind)) for s in plan.sums]
        inner = replace(loop, start=first, stop=last)
        body: Block = (*own, *start, inner)
        if plan.sums:
            body = (*body, Return(plan.sums))
        inputs = self._inputs(body, {first.name, last.name})
        written = {s.array for s in statements(loop.body) if isinstance(s, Store)}
        exports = tuple(sorted(written - plan.scratch))
        title = self.names.fresh(f"{self.title}_part")
        function = Function(title, (first, last, *inputs), body, self.known, exports)
        self.parts.append(initialise(prune(function)))
        return self.parts[-1]

    def _inputs(self, body: Block, own: set[str]) -> tuple[Var | str, ...]:
        """What a function with this body is given, beside what it assigns itself."""
        read = {n for s in statements(body) for n in reads_of(s)} - assigned(body) - own
        return tuple(n if n in self.known else self.scalars[n] for n in sorted(read))

    def _work(self, loop: For, rows: Expr) -> Expr:
        """The number of operations of a loop, roughly."""
        still, trips, nodes = _heaviest(loop.body, assigned((loop,)))
        work = rows
        for count in still:
            work = Binary("*", work, count, INT)
        return scale(work, nodes * trips)

    def _local(self, base: str) -> Var:
        """A variable of the division, the same for all loops."""
        if base not in self.locals:
            self.locals[base] = Var(self.names.fresh(base), INT)
        return self.locals[base]


def _sums(pairs: Iterable[tuple[Var, Expr]]) -> tuple[Assign, ...]:
    """``a += b`` for each pair."""
    return tuple(Assign(a, Binary("+", a, b, a.kind)) for a, b in pairs)


def _is_short(loop: For) -> bool:
    """Whether it is known that there are few iterations."""
    return isinstance(count := sub(loop.stop, loop.start), Const) and abs(count.value) < _TRIPS


def _extents(array: str, rank: int) -> tuple[Expr, ...]:
    return tuple(Extent(array, axis) for axis in range(rank))


def _is_filled_first(array: str, shape: tuple[Expr, ...], block: Block, changing: set[str]) -> bool:
    """Whether the first that a block does with an array is to fill it; ``changing`` differs.

    If it is filled in part only, nothing else may be written: what is not filled is the same in
    all iterations.
    """
    touching = [s for s in block if _mentions(s, array)]
    first, rest = touching[0], touching[1:]
    if isinstance(first, For) and (nest := _filling(first, array, changing)) is not None:
        again = any(isinstance(s, Store) and s.array == array for s in statements(tuple(rest)))
        return not again or _is_whole(*nest, array, shape)
    if rest or array in reads_of(first):
        return False
    inner = [b for b in blocks(first) if any(_mentions(s, array) for s in b)]
    return len(inner) == 1 and _is_filled_first(array, shape, inner[0], changing)


def _filling(
    loop: For, array: str, changing: set[str]
) -> tuple[tuple[For, ...], tuple[Expr, ...]] | None:
    """The loops, and the index, of a nest that stores an array and does not read it.

    It stores the same elements whenever it runs; None: it is no such nest.
    """
    if any(names_read(e) & changing for e in (loop.start, loop.stop, loop.step)) or loop.until:
        return None
    changing = changing - {loop.var.name}
    touching = [s for s in loop.body if _mentions(s, array)]
    if len(touching) != 1:
        return None
    match touching[0]:
        case For():
            inner = _filling(touching[0], array, changing)
            return None if inner is None else ((loop, *inner[0]), inner[1])
        case Store(index=index, value=value) if array not in names_read(value):
            parts = [e for x in index for e in walk(x)]
            moves = any(isinstance(e, Load) for e in parts)
            if not moves and not {n for e in index for n in names_read(e)} & changing:
                return (loop,), index
    return None


def _is_whole(
    nest: tuple[For, ...], index: tuple[Expr, ...], array: str, shape: tuple[Expr, ...]
) -> bool:
    """Whether a nest stores all elements of an array of this shape."""
    if index != tuple(loop.var for loop in nest):
        return False
    return all(
        loop.start == ZERO and loop.step == ONE and loop.stop in (extent, Extent(array, axis))
        for axis, (loop, extent) in enumerate(zip(nest, shape, strict=True))
    )


def _mentions(stmt: Stmt, array: str) -> bool:
    return any(array in names_of(s) for s in statements((stmt,)))


def _heaviest(block: Block, changing: set[str]) -> tuple[list[Expr], int, int]:
    """The trip counts of the loops in which most is done, and how much: known, guessed, nodes."""
    own = sum(1 for s in block for e in expressions(s) for _ in walk(e))
    found: list[tuple[list[Expr], int, int]] = [([], 1, own)]
    for stmt in block:
        if isinstance(stmt, If):
            found += [_heaviest(b, changing) for b in blocks(stmt)]
        elif isinstance(stmt, For | While):
            counts, guess, nodes = _heaviest(stmt.body, changing)
            trips = _trips(stmt)
            if trips is not None and not names_read(trips) & changing:
                found.append(([trips, *counts], guess, nodes))
            else:
                found.append((counts, guess * _TRIPS, nodes))
    return max(found, key=lambda f: (len(f[0]), f[1] * f[2]))


def _trips(loop: For | While) -> Expr | None:
    """The number of iterations of a loop that counts up by one."""
    if isinstance(loop, For) and loop.step == ONE:
        return sub(loop.stop, loop.start)
    return None
