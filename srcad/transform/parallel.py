"""Independent loops run in threads, several of them in one region.

Which loops can be divided into parts is proved in ``srcad.analysis.division``. A *region* is a run
of statements with such loops, the loop over time around them included where that can be, so that
threads are started once for all of them. Each thread, a *worker*, goes through the same statements
with variables of its own; a divided loop is a *phase*, of which it runs the parts that no other one
has taken, and which ends when all parts are done::

    for t in range(n):                        def f_part(first, last, m, u, v):
        for i in range(1, k - 1):                 for i in range(first, last):
            for j in range(m):                        for j in range(m):
                v[i, j] = ...                             v[i, j] = ...
        u[0, 0] = s[t]
        u, v = v, u                           def f_worker(worker, workers, crew, k, m, n, s, u, v):
                                                  own = new_worker(worker, workers)
                                                  for t in range(n):
                                                      parts = max(1, min(k - 2, 32, ...))
                                                      part = next_part(crew, own, parts)
                                                      while part >= 0:
                                                          f_part(1 + part * (k - 2) // parts, ...)
                                                          part = next_part(crew, own, parts)
                                                      end_phase(crew, own, parts)
                                                      part = next_part(crew, own, 1)
                                                      if part >= 0:
                                                          u[0, 0] = s[t]
                                                      end_phase(crew, own, 1)
                                                      u, v = v, u

Of what is not divided, every worker assigns the scalars and binds the names for itself, and one of
them writes the elements. So scalars must not hang on elements that the region writes: a worker may
be late, and reads them when the others are many phases ahead. No worker waits for one that has not
begun, whichever threads there are (see ``end_phase`` in ``srcad.runtime.threads``).

Afterwards the caller binds its own names as the workers did. If there is little to do, it runs the
statements as they were. The number of parts depends on the sizes, not on the number of threads; so
do the results.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.division import Division, Plan
from srcad.analysis.flow import assigned, exposed, names_of
from srcad.analysis.iterations import Access, accesses
from srcad.analysis.liveness import Live, live_at_end, live_before
from srcad.ir.build import ONE, ZERO, add, compare, integer, literal, scale, sub
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Bind,
    Block,
    Call,
    Comment,
    Const,
    Expr,
    For,
    Function,
    If,
    Invoke,
    Load,
    Logic,
    Return,
    Stmt,
    Store,
    Var,
    While,
    Window,
    blocks,
    expressions,
    names_read,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.types import INT
from srcad.position import Position
from srcad.transform.initialise import initialise
from srcad.transform.prune import prune
from srcad.transform.reorder import ascending

_PARTS = 32
"""The most parts of a loop: more than there are threads, as some are slower than others."""
_EACH = 4
"""Parts for each worker, where the result does not depend on how many parts there are."""
_GRAIN = 1 << 16
"""Operations of a part at least: 2 us, ten times what it costs to take one (measured)."""
_LONG = 8
"""Iterations of a part at least, for each one of its tail: its rows are fetched twice."""
_ENOUGH = 8
"""The least number of such parts, in a region, that threads are started for."""
_LEAST = 2
"""The least number of them in one of its loops: threads wait for each other after it."""
_TRIPS = 8
"""Iterations taken for a loop of which the number is not known beforehand."""
_DEPTH = 2
"""The most loops around one that is divided; around one in which there is no other: none."""


def parallel(
    functions: tuple[Function, ...], names: Names, counted: Collection[Position] = ()
) -> tuple[Function, ...]:
    """The functions of a module, independent loops of the last one divided among threads.

    The loops at the places ``counted`` stay where they are: between their steps a run can end.
    """
    *others, function = functions
    maker = _Regions(function, names, counted)
    body = maker.block(maker.pieces(function.body, frozenset(function.exports), 0))
    if not maker.made:
        return functions
    return (*others, *maker.made, prune(replace(function, body=body)))


@dataclass(frozen=True)
class _Piece:
    """A statement, with what is known of it."""

    stmt: Stmt
    live: Live
    """The names that are read after it."""
    plan: Plan | None = None
    parts: tuple[tuple[_Piece, ...], ...] = ()
    """Its blocks, where loops in them are divided."""

    @property
    def divided(self) -> bool:
        """Whether it is, or has in it, a loop that is divided."""
        return self.plan is not None or bool(self.parts)


@dataclass(frozen=True)
class _Share:
    """A divided loop of a phase."""

    loop: For
    plan: Plan
    rows: Expr
    member: Function


class _Regions:
    def __init__(self, function: Function, names: Names, counted: Collection[Position]) -> None:
        self.title = function.name
        self.crew, self.own = names.fresh("crew"), names.fresh("own")
        self.known = function.arrays | {self.crew: (INT, 1), self.own: (INT, 1)}
        self.names = names
        self.counted = counted
        self.sites = points_to(function.body, set(function.arrays))
        windows = (s for s in statements(function.body) if isinstance(s, Window))
        self.rows = {w.target: w.source for w in windows if w.own}
        self.division = Division(function, Aliases(function.body, self.sites))
        self.scalars = self.division.scalars
        self.made: list[Function] = []
        self.locals: dict[str, Var] = {}

    # ------------------------------------------------------------ which loops

    def pieces(self, block: Block, live: Live, depth: int) -> tuple[_Piece, ...]:
        """The statements of a block, in which ``depth`` loops are around them."""
        found: list[_Piece] = []
        for stmt in reversed(block):
            found.append(self._piece(stmt, live, depth))
            live = live_before(stmt, live)
        return tuple(reversed(found))

    def _piece(self, stmt: Stmt, live: Live, depth: int) -> _Piece:
        parts: tuple[tuple[_Piece, ...], ...] = ()
        match stmt:
            case If():
                parts = tuple(self.pieces(b, live, depth) for b in blocks(stmt))
            case For() if (plan := self.division.plan(stmt, live, depth == 0)) is not None:
                return _Piece(ascending(stmt), live, plan)
            case For() if depth < _DEPTH:
                with self.division.bounds.within(stmt):
                    parts = (self.pieces(stmt.body, live_at_end(stmt, live), depth + 1),)
            case While() if depth < _DEPTH:
                parts = (self.pieces(stmt.body, live_at_end(stmt, live), depth + 1),)
        return _Piece(stmt, live, None, parts if any(p.divided for b in parts for p in b) else ())

    # ------------------------------------------------------------ which regions

    def block(self, pieces: tuple[_Piece, ...]) -> Block:
        """The statements, with regions in place of those that can run in threads."""
        out: list[Stmt] = []
        while pieces:
            region = self._region(pieces)
            if region:
                out += self._in_threads(region)
                pieces = pieces[len(region) :]
                continue
            stmt, inner = pieces[0].stmt, pieces[0].parts
            out.append(with_blocks(stmt, tuple(map(self.block, inner))) if inner else stmt)
            pieces = pieces[1:]
        return tuple(out)

    def _region(self, pieces: tuple[_Piece, ...]) -> tuple[_Piece, ...]:
        """The statements that these begin with and that make up a region, from divided ones on."""
        if not pieces[0].divided:
            return ()
        found: tuple[_Piece, ...] = ()
        for k, piece in enumerate(pieces):
            if not self._fit(pieces[: k + 1]):
                break
            if piece.divided:
                found = pieces[: k + 1]
        return found

    def _fit(self, pieces: tuple[_Piece, ...]) -> bool:
        """Whether workers can go through some statements, each at its own pace."""
        block = tuple(p.stmt for p in pieces)
        inside = list(statements(block))
        written = {x for s in inside if isinstance(s, Store) for x in self._places(s.array)}
        loops = list(_divided(pieces))
        for name in {v.name for _, plan in loops for v in plan.sums}:
            summed = (loop for loop, plan in loops if name in {v.name for v in plan.sums})
            own = sum(name in names_of(s) for loop in summed for s in statements((loop,)))
            if own != sum(name in names_of(s) for s in inside):  # else its value is asked for
                return False
        return all(self._fits(p, written) for p in pieces)

    def _places(self, array: str) -> frozenset[str]:
        """All memory that a name denotes at some time: a late worker reads what is there then."""
        found = self.sites.get(array, frozenset((array,)))
        return found.union(*(self._places(self.rows[name]) for name in found if name in self.rows))

    def _fits(self, piece: _Piece, written: set[str]) -> bool:
        stmt = piece.stmt
        if isinstance(stmt, For) and piece.plan is not None:
            return self._is_steady((stmt.start, stmt.stop), written)
        inside = tuple(statements((stmt,)))
        if any(isinstance(s, For | While) and s.at in self.counted for s in inside):
            return False
        if piece.parts:
            steady = self._is_steady(expressions(stmt), written)
            return steady and all(self._fits(p, written) for b in piece.parts for p in b)
        if _writes(stmt):
            simple = all(isinstance(s, Assign | Store | For | If | While | Comment) for s in inside)
            return simple and not assigned((stmt,)) & piece.live
        simple = all(
            isinstance(s, Assign | Bind | Window | For | If | While | Comment) for s in inside
        )
        return simple and all(self._is_steady(expressions(s), written) for s in inside)

    def _is_steady(self, items: Iterable[Expr], written: set[str]) -> bool:
        """Whether expressions read nothing that the region writes."""
        loads = (e for x in items for e in walk(x) if isinstance(e, Load))
        return not any(self._places(e.array) & written for e in loads)

    # ------------------------------------------------------------ what replaces a region

    def _in_threads(self, region: tuple[_Piece, ...]) -> list[Stmt]:
        """The statements in place of a region; its functions are added to those of the module."""
        sums = {v.name: v for _, plan in _divided(region) for v in plan.sums}
        kept = {name: self.names.fresh(f"{name}_parts") for name in sums}
        self.known |= {k: (sums[name].kind, 1) for name, k in kept.items()}
        crew = self._crew(self._worker(region, kept))
        part = self._local("part")
        call = Invoke((), crew.name, crew.parameters, crew.exports, at=region[0].stmt.at)
        cells = [Alloc(k, (integer(_PARTS),), sums[s].kind, True) for s, k in kept.items()]
        added = [(sums[s], Load(k, (part,), sums[s].kind)) for s, k in kept.items()]
        total = [For(part, ZERO, integer(_PARTS), ONE, _sums(added))] if added else []
        threads = (*cells, call, *total, *_followed(region))
        serial = tuple(p.stmt for p in region)
        return [If(self._is_worth(region), threads, serial, region[0].stmt.at)]

    def _crew(self, worker: Function) -> Function:
        """The function that starts the workers.

        Threads are started in a function in which no array is bound to another name: Numba writes
        the second value of ``u`` as ``u_1``, which may be the name of another array.
        """
        number, workers = (p for p in worker.parameters[:2] if isinstance(p, Var))
        inputs = worker.parameters[3:]
        call = Invoke((), worker.name, worker.parameters, worker.exports)
        body = (
            Alloc(self.crew, (integer(8 * _PARTS + 8),), INT, True),
            Assign(workers, Call("get_num_threads", (), INT)),
            For(number, ZERO, workers, ONE, (call,), parallel=True),
        )
        exports = tuple(a for a in worker.exports if a != self.crew)
        title = self.names.fresh(f"{self.title}_crew")
        self.made.append(Function(title, inputs, body, self.known, exports))
        return self.made[-1]

    def _worker(self, region: tuple[_Piece, ...], kept: dict[str, str]) -> Function:
        """The function that each thread runs."""
        number, workers = self._local("worker"), self._local("workers")
        private = {a for _, plan in _divided(region) for a in plan.scratch}
        made = [stmt for name, stmt in self.division.made.items() if name in private]
        work = tuple(self._phases(region, kept))
        start = Invoke((self.own,), "new_worker", (number, workers))
        body = (start, *made, *work)
        stored = {s.array for p in region for s in statements((p.stmt,)) if isinstance(s, Store)}
        own = {number.name, workers.name, self.crew}
        inputs = self._inputs(body, own)
        exports = tuple(sorted({*stored - private, *kept.values()} & set(inputs)))
        title = self.names.fresh(f"{self.title}_worker")
        function = Function(title, inputs, body, self.known, (self.crew, *exports))
        body = prune(function).body
        parameters = (number, workers, self.crew, *self._inputs(body, own))
        self.made.append(initialise(replace(function, parameters=parameters, body=body)))
        return self.made[-1]

    def _phases(self, pieces: tuple[_Piece, ...], kept: dict[str, str]) -> Iterator[Stmt]:
        """What a worker does of some statements."""
        phase: list[_Piece] = []
        for piece in pieces:
            if piece.plan is not None or (not piece.parts and _writes(piece.stmt)):
                alone = piece.plan is None
                if any(self._meet(p, piece) for p in phase if not (alone and p.plan is None)):
                    yield from self._phase(phase, kept)
                    phase = []
                phase.append(piece)
                continue
            if not isinstance(piece.stmt, Comment):
                yield from self._phase(phase, kept)
                phase = []
            if piece.parts:
                inner = tuple(tuple(self._phases(b, kept)) for b in piece.parts)
                yield with_blocks(piece.stmt, inner)
            else:
                yield piece.stmt
        yield from self._phase(phase, kept)

    def _meet(self, one: _Piece, two: _Piece) -> bool:
        """Whether two statements may touch an element that one of them writes."""
        private = {a for p in (one, two) if p.plan is not None for a in p.plan.scratch}
        (ours, mine), (theirs, yours) = self._touched(one, private), self._touched(two, private)
        return any(
            not (a.how == b.how == "load")
            and self.division.aliases.may(a.array, b.array)
            and not (a.array == b.array and (_apart(a, b, yours) or _apart(b, a, mine)))
            for a in ours
            for b in theirs
        )

    def _touched(self, piece: _Piece, private: set[str]) -> tuple[set[Access], dict[str, int]]:
        """What a statement touches, and the least value of its counter."""
        stmt = piece.stmt
        found = {a for a in accesses((stmt,)) if a.array not in private}
        least = self.division.bounds.least_counter(stmt) if isinstance(stmt, For) else None
        if isinstance(stmt, For) and least is not None:
            return found, {stmt.var.name: least}
        return found, {}

    def _phase(self, pieces: list[_Piece], kept: dict[str, str]) -> Iterator[Stmt]:
        """Statements that do not touch what others of them write: a part of each at a time."""
        part = self._local("part")
        divided = [(p.stmt, p.plan) for p in pieces if isinstance(p.stmt, For) and p.plan]
        alone = tuple(p.stmt for p in pieces if p.plan is None)
        if not divided:
            if alone:
                yield self._next(ONE)
                yield If(compare(">=", part, ZERO), alone)
                yield self._end(ONE)
            return
        parts = self._local("parts")
        most: dict[Expr, None] = {}
        work: Expr = ZERO
        shares: list[_Share] = []
        for k, (loop, plan) in enumerate(divided):
            rows = sub(loop.stop, loop.start)
            if not isinstance(rows, Var):
                yield Assign(self._local("count", str(k)), rows)
                rows = self._local("count", str(k))
            shares.append(_Share(loop, plan, rows, self._member(loop, plan)))
            long = integer(_LONG * plan.spread)
            most[Binary("//", rows, long, INT) if plan.spread else rows] = None
            amount = self._work(loop, rows)
            work = amount if work == ZERO else Binary("+", work, amount, INT)
        limits = (*most, Binary("//", work, integer(_GRAIN), INT))
        if any(plan.spread or plan.sums or _is_innermost(loop) for loop, plan in divided):
            count = Call("power_of_two", (Call("min", (integer(_PARTS), *limits), INT),), INT)
        else:
            count = scale(self._local("workers"), _EACH)
            count = Call("max", (ONE, Call("min", (integer(_PARTS), count, *limits), INT)), INT)
        yield Assign(parts, count)
        first = [s for share in shares for s in self._run(share, kept, tail=False)]
        if alone:
            first.insert(0, If(compare("==", part, ZERO), alone))
        yield from self._each_part(first)
        tails = [s for share in shares if share.plan.spread for s in self._run(share, kept, True)]
        if tails:
            yield from self._each_part(tails)

    def _each_part(self, body: list[Stmt]) -> Iterator[Stmt]:
        """A phase: the body for each part that the worker takes."""
        parts = self._local("parts")
        again = self._next(parts)
        yield again
        yield While(compare(">=", self._local("part"), ZERO), (*body, again))
        yield self._end(parts)

    def _next(self, parts: Expr) -> Stmt:
        writes = self.crew, self.own
        return Invoke((self._local("part"),), "next_part", (*writes, parts), writes)

    def _end(self, parts: Expr) -> Stmt:
        writes = self.crew, self.own
        return Invoke((), "end_phase", (*writes, parts), writes)

    def _run(self, share: _Share, kept: dict[str, str], tail: bool) -> Iterator[Stmt]:
        """A part of a loop: where neighbours add to the same rows, all but its tail, or its tail.

        The tail are its last iterations, as many as the places are apart that one of them adds to.
        What comes before meets no other part, and the tails do not meet each other.
        """
        loop, plan, rows, member = share.loop, share.plan, share.rows, share.member
        part, parts = self._local("part"), self._local("parts")
        first, last = self._local("first"), self._local("last")

        def border(k: Expr) -> Expr:
            place = Binary("//", Binary("*", k, rows, INT), parts, INT)
            return add(loop.start, place) if loop.start != ZERO else place

        yield Assign(first, border(part))
        yield Assign(last, border(add(part, ONE)))
        if plan.spread:
            middle = Call("max", (first, sub(last, integer(plan.spread))), INT)
            yield Assign(first if tail else last, middle)
        locals_ = tuple(self._local(f"{s.name}_part", "", s.kind) for s in plan.sums)
        given = (first, last, *member.parameters[2:])
        yield Invoke(locals_, member.name, given, member.exports, at=loop.at)
        for total, local in zip(plan.sums, locals_, strict=True):
            cell = Load(kept[total.name], (part,), total.kind)
            yield Store(cell.array, cell.index, Binary("+", cell, local, cell.kind))

    def _member(self, loop: For, plan: Plan) -> Function:
        """The function that runs some iterations of a loop."""
        first, last = self._local("first"), self._local("last")
        start = [Assign(s, literal(0.0, s.kind)) for s in plan.sums]
        body: Block = (*start, replace(loop, start=first, stop=last))
        if plan.sums:
            body = (*body, Return(plan.sums))
        inputs = self._inputs(body, {first.name, last.name})
        exports = tuple(sorted({s.array for s in statements(loop.body) if isinstance(s, Store)}))
        title = self.names.fresh(f"{self.title}_part")
        apart = self._are_apart([a for a in inputs if isinstance(a, str)], exports)
        function = Function(title, (first, last, *inputs), body, self.known, exports, apart)
        self.made.append(initialise(prune(function)))
        return self.made[-1]

    def _are_apart(self, arrays: list[str], written: Collection[str]) -> bool:
        """Whether no array that is written shares memory with another one."""
        pairs = ((a, b) for a in written for b in arrays if a != b)
        return not any(self.division.aliases.may(a, b) for a, b in pairs)

    def _inputs(self, body: Block, own: set[str]) -> tuple[Var | str, ...]:
        """What a function with this body is given, beside what it assigns first."""
        read = exposed(body) - own
        return tuple(n if n in self.known else self.scalars[n] for n in sorted(read))

    # ------------------------------------------------------------ how much there is to do

    def _is_worth(self, region: tuple[_Piece, ...]) -> Expr:
        """Whether there is enough to do in a region: in its largest loop, and in all its turns."""
        changing = assigned(tuple(p.stmt for p in region))
        sizes = _sizes(region, changing)
        size = max(sizes, key=lambda s: (len(s.counts) + len(s.trips), s.turns * s.nodes))
        every = _product((*size.trips, *size.counts), size.turns * size.nodes)
        enough = compare(">=", every, integer(_ENOUGH * _GRAIN))
        if not size.trips and size.turns == 1:
            return enough
        one = compare(">=", _product(size.counts, size.nodes), integer(_LEAST * _GRAIN))
        return Logic("and", (one, enough))

    def _work(self, loop: For, rows: Expr) -> Expr:
        """The number of operations of a loop, roughly."""
        counts, guess, nodes = _heaviest(loop.body, assigned((loop,)))
        return _product((rows, *counts), nodes * guess)

    def _local(self, base: str, number: str = "", kind: str = INT) -> Var:
        """A variable of the division, the same for all loops."""
        if base + number not in self.locals:
            self.locals[base + number] = Var(self.names.fresh(base), kind)
        return self.locals[base + number]


def _divided(pieces: tuple[_Piece, ...]) -> Iterator[tuple[For, Plan]]:
    """The loops among some statements, and in them, that are divided."""
    for piece in pieces:
        if piece.plan is not None:
            assert isinstance(piece.stmt, For)
            yield piece.stmt, piece.plan
        for part in piece.parts:
            yield from _divided(part)


def _is_innermost(loop: For) -> bool:
    """Whether LLVM may run several iterations at once, and those left over in another way."""
    return not any(isinstance(s, For | While) for s in statements(loop.body))


def _apart(one: Access, other: Access, least: dict[str, int]) -> bool:
    """Whether a fixed place of an array lies below all those of a counter that is at least so."""
    return any(
        isinstance(p, Const)
        and p.value >= 0
        and isinstance(q, Var)
        and q.name in least
        and p.value < least[q.name]
        for p, q in zip(one.index, other.index, strict=True)
    )


def _followed(pieces: tuple[_Piece, ...]) -> Iterator[Stmt]:
    """What workers do with their own variables, for the caller to do the same with its own."""
    for piece in pieces:
        if piece.parts:
            yield with_blocks(piece.stmt, tuple(tuple(_followed(b)) for b in piece.parts))
        elif piece.plan is None and not _writes(piece.stmt):
            yield piece.stmt


def _writes(stmt: Stmt) -> bool:
    """Whether a statement writes elements of arrays."""
    return any(isinstance(s, Store) for s in statements((stmt,)))


def _sums(pairs: Iterable[tuple[Var, Expr]]) -> tuple[Assign, ...]:
    """``a += b`` for each pair."""
    return tuple(Assign(a, Binary("+", a, b, a.kind)) for a, b in pairs)


@dataclass(frozen=True)
class _Size:
    """How much a divided loop does: trip counts that are known before the region, and guesses."""

    trips: tuple[Expr, ...]
    """Of the loops around it."""
    turns: int
    counts: tuple[Expr, ...]
    """Of itself and the loops in it in which most is done."""
    nodes: int


def _sizes(
    pieces: tuple[_Piece, ...], changing: set[str], trips: tuple[Expr, ...] = (), turns: int = 1
) -> Iterator[_Size]:
    for piece in pieces:
        stmt, (around, guess) = piece.stmt, (trips, turns)
        if isinstance(stmt, For | While):
            count = _trips(stmt)
            if count is None or names_read(count) & changing:
                guess *= _TRIPS
            else:
                around = (*around, count)
        if isinstance(stmt, For) and piece.plan is not None:
            counts, inner, nodes = _heaviest(stmt.body, changing)
            own = around[len(trips) :]
            yield _Size(trips, turns, (*own, *counts), guess // turns * inner * nodes)
        for part in piece.parts:
            yield from _sizes(part, changing, around, guess)


def _product(factors: Iterable[Expr], number: int) -> Expr:
    product: Expr | None = None
    for factor in factors:
        product = factor if product is None else Binary("*", product, factor, INT)
    return integer(number) if product is None else scale(product, number)


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
    """The number of iterations of a loop that counts by one."""
    if isinstance(loop, For) and loop.step == ONE:
        return sub(loop.stop, loop.start)
    if isinstance(loop, For) and loop.step == integer(-1):
        return sub(loop.start, loop.stop)
    return None
