"""Independent loops run in threads, several of them in one region.

Which loops can be divided into parts is proved in ``srcad.analysis.division``. A *region* is a run
of statements with such loops, the loop over time around them included where that can be, so that
threads are started once for all of them. Each thread, a *worker*, goes through the same statements
with variables of its own. Statements that need not wait for each other (``srcad.analysis.turns``)
are a *phase*, of which a worker runs the parts that no other one has taken, and which ends when all
parts are done::

    for t in range(n):                        def f_part(first, last, m, u, v):
        for i in range(1, k - 1):                 for i in range(first, last):
            for j in range(m):                        for j in range(m):
                v[i, j] = ...                             v[i, j] = ...
        u[0, 0] = s[t]
        u, v = v, u                           def f_worker(worker, workers, crew, k, m, n, s, u, v):
                                                  own = new_worker(worker, workers)
                                                  for t in range(n):
                                                      parts = even_parts(min(32, k - 2, ...))
                                                      part = next_part(crew, own, parts)
                                                      while part >= 0:
                                                          f_part(1 + part * (k - 2) // parts, ...)
                                                          if part == 0:
                                                              u[0, 0] = s[t]
                                                          part = next_part(crew, own, parts)
                                                      end_phase(crew, own, parts)
                                                      u, v = v, u

What a part leaves near its borders is done in a second phase, where neighbours need each other.
Where iterations hand on rows in a ring, it is the other way round: in a first phase, each part puts
aside what its neighbours need of its first and last rows, and in the second it runs its own rows.

Of what is not divided, every worker assigns the scalars and binds the names for itself, and one of
them writes the elements. So scalars must not hang on elements that the region writes: a worker may
be late, and reads them when the others are many phases ahead. No worker waits for one that has not
begun, whichever threads there are (see ``end_phase`` in ``srcad.runtime.threads``).

Afterwards the caller binds its own names as the workers did. If there is little to do, it runs the
statements as they were. Where the results hang on how many parts there are, that depends on the
sizes, not on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.division import Division, Plan
from srcad.analysis.flow import assigned, exposed, names_of
from srcad.analysis.liveness import Live, live_at_end, live_before
from srcad.analysis.rings import Ring, ring_of
from srcad.analysis.sizes import Sizes, sizes_after, sizes_inside
from srcad.analysis.turns import Band, Member, Turns
from srcad.ir.build import ONE, ZERO, add, compare, integer, scale, sub, zero_of
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
    Select,
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
from srcad.ir.rename import renamed, renamed_expr
from srcad.ir.types import INT
from srcad.position import Position
from srcad.transform.initialise import initialise
from srcad.transform.prune import prune
from srcad.transform.reorder import ascending

_PARTS = 32
"""The most parts of a loop: more than there are threads, as some are slower than others."""
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
    pieces = maker.pieces(function.body, frozenset(function.exports), 0)
    body = maker.block(pieces, Sizes(function.arrays))
    if not maker.made:
        return functions
    divided = replace(function, body=body, arrays=maker.known)
    return (*others, *maker.made, prune(divided))


@dataclass(frozen=True)
class _Piece:
    """A statement, with what is known of it."""

    stmt: Stmt
    live: Live
    """The names that are read after it."""
    plan: Plan | None = None
    parts: tuple[tuple[_Piece, ...], ...] = ()
    """Its blocks, where loops in them are divided."""
    light: Plan | None = None
    """How it is divided if a larger loop is, over the same rows."""
    body: tuple[_Piece, ...] = ()
    """What it does if its condition holds, where it does nothing else."""
    guard: Expr | None = None
    """The condition that it stood under."""
    ring: Ring | None = None
    """What its iterations hand on, if it is divided nevertheless."""
    idle: bool = False
    """Whether it clears a ring, which the parts do for themselves."""

    @property
    def divided(self) -> bool:
        """Whether it is, or has in it, a loop that is divided."""
        return self.plan is not None or bool(self.parts)


@dataclass(frozen=True)
class _Group:
    """Statements that threads do without waiting in between, and names that are bound before."""

    members: tuple[Member, ...] = ()
    bands: tuple[Band, ...] = ()
    bound: tuple[Stmt, ...] = ()


_Border = Callable[[Band, Expr], Expr]
"""The row at which a part begins, by its number."""


class _Regions:
    def __init__(self, function: Function, names: Names, counted: Collection[Position]) -> None:
        self.title = function.name
        self.crew, self.own = names.fresh("crew"), names.fresh("own")
        self.known = function.arrays | {self.crew: (INT, 1), self.own: (INT, 1)}
        self.names = names
        self.counted = counted
        self.sites = points_to(function.body, set(function.arrays))
        self.rows: dict[str, set[str]] = {}
        for stmt in statements(function.body):
            if isinstance(stmt, Window) and stmt.own:
                self.rows.setdefault(stmt.target, set()).add(stmt.source)
        self.division = Division(function, Aliases(function.body, self.sites))
        self.scalars = self.division.scalars
        self.turns = Turns(self.division, self.rows)
        self.made: list[Function] = []
        self.members: dict[int, Function] = {}
        self.locals: dict[str, Var] = {}
        self.halos: dict[str, str] = {}

    # ------------------------------------------------------------ which loops

    def pieces(self, block: Block, live: Live, depth: int) -> tuple[_Piece, ...]:
        """The statements of a block, in which ``depth`` loops are around them."""
        found: list[_Piece] = []
        for k in range(len(block) - 1, -1, -1):
            stmt, before = block[k], block[k - 1] if k else None
            piece = self._with_ring(before, stmt, live)
            if piece is None:
                piece = self._piece(stmt, live, depth)
                after = found[-1].ring if found else None
                piece = replace(piece, idle=after is not None and after.clear is stmt)
            found.append(piece)
            live = live_before(stmt, live)
        return tuple(reversed(found))

    def _with_ring(self, before: Stmt | None, stmt: Stmt, live: Live) -> _Piece | None:
        """A loop with a ring that can be divided; the statement before it clears the ring."""
        if before is None or not isinstance(stmt, For):
            return None
        ring = ring_of(before, stmt, self.division.aliases)
        plan = None if ring is None else self.division.ring(ring, live)
        return None if plan is None else _Piece(stmt, live, plan, ring=ring)

    def _piece(self, stmt: Stmt, live: Live, depth: int) -> _Piece:
        parts: tuple[tuple[_Piece, ...], ...] = ()
        light = None
        match stmt:
            case If():
                parts = tuple(self.pieces(b, live, depth) for b in blocks(stmt))
            case For() if (plan := self.division.plan(stmt, live, depth == 0)) is not None:
                return _Piece(ascending(stmt), live, plan)
            case For() if stmt.step == ONE and _is_innermost(stmt):
                light = self.division.plan(stmt, live, outermost=True)
                light = None if light is None or light.sums or light.scratch else light
            case For() if depth < _DEPTH:
                with self.division.bounds.within(stmt):
                    parts = (self.pieces(stmt.body, live_at_end(stmt, live), depth + 1),)
            case While() if depth < _DEPTH:
                parts = (self.pieces(stmt.body, live_at_end(stmt, live), depth + 1),)
        if any(p.divided for b in parts for p in b):
            return _Piece(stmt, live, None, parts)
        body = next(iter(parts), ()) if isinstance(stmt, If) and _is_plain(stmt) else ()
        return _Piece(stmt, live, None, (), light, body)

    # ------------------------------------------------------------ which regions

    def block(self, pieces: tuple[_Piece, ...], sizes: Sizes) -> Block:
        """The statements, with regions in place of those that can run in threads.

        ``sizes`` are known before them, and followed.
        """
        out: list[Stmt] = []
        while pieces:
            region = self._region(pieces)
            if region:
                out += self._in_threads(region, sizes.copy())
                sizes_after((p.stmt for p in region), sizes)
                pieces = pieces[len(region) :]
                continue
            stmt, inner = pieces[0].stmt, pieces[0].parts
            parts = tuple(self.block(b, _inside(stmt, sizes)) for b in inner)
            out.append(with_blocks(stmt, parts) if parts else stmt)
            sizes_after((stmt,), sizes)
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
        tapes = (tape for name in found for tape in self.rows.get(name, ()))
        return found.union(*map(self._places, tapes))

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

    def _in_threads(self, region: tuple[_Piece, ...], sizes: Sizes) -> list[Stmt]:
        """The statements in place of a region; its functions are added to those of the module."""
        sums = {v.name: v for _, plan in _divided(region) for v in plan.sums}
        kept = {name: self.names.fresh(f"{name}_parts") for name in sums}
        self.known |= {k: (sums[name].kind, 1) for name, k in kept.items()}
        crew = self._crew(self._worker(region, kept, sizes))
        part = self._local("part")
        call = Invoke((), crew.name, crew.parameters, crew.exports, at=region[0].stmt.at)
        cells = [Alloc(k, (integer(_PARTS),), sums[s].kind, True) for s, k in kept.items()]
        changing = assigned(tuple(p.stmt for p in region))
        cells += [a for ring in _rings(region) for a in self._halos(ring, changing)]
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

    def _worker(self, region: tuple[_Piece, ...], kept: dict[str, str], sizes: Sizes) -> Function:
        """The function that each thread runs."""
        number, workers = self._local("worker"), self._local("workers")
        private = {a for _, plan in _divided(region) for a in plan.scratch}
        made = [stmt for name, stmt in self.division.made.items() if name in private]
        work = tuple(self._phases(region, kept, sizes))
        start = Invoke((self.own,), "new_worker", (number, workers))
        body = (start, *made, *work)
        stored = {s.array for p in region for s in statements((p.stmt,)) if isinstance(s, Store)}
        own = {number.name, workers.name, self.crew}
        inputs = self._inputs(body, own)
        halos = {name for ring in _rings(region) for name in self._halo(ring).values()}
        written = self._written(stored - private, inputs)
        exports = tuple(sorted({*written, *kept.values(), *halos} & set(inputs)))
        title = self.names.fresh(f"{self.title}_worker")
        function = Function(title, inputs, body, self.known, (self.crew, *exports))
        body = prune(function).body
        parameters = (number, workers, self.crew, *self._inputs(body, own))
        self.made.append(initialise(replace(function, parameters=parameters, body=body)))
        return self.made[-1]

    def _phases(
        self, pieces: tuple[_Piece, ...], kept: dict[str, str], sizes: Sizes
    ) -> Iterator[Stmt]:
        """What a worker does of some statements, before which ``sizes`` are known."""
        pieces = tuple(_one_by_one(pieces))
        group = _Group()
        while pieces:
            piece = pieces[0]
            if piece.idle:
                pieces = pieces[1:]
                continue
            if piece.ring is not None:
                yield from self._done_by_all(group, kept)
                group = _Group()
                yield from self._in_ring(piece.ring)
                sizes_after((piece.stmt,), sizes)
                pieces = pieces[1:]
                continue
            if _acts(piece) or (group.members and not isinstance(piece.stmt, Comment)):
                count, group_1 = self._grown(group, pieces, sizes)
                if count:
                    group, pieces = group_1, pieces[count:]
                    continue
                yield from self._done_by_all(group, kept)
                group = _Group()
                continue
            count, stmts = self._by_cases(pieces, kept, sizes)
            if count:
                yield from stmts
                pieces = pieces[count:]
                continue
            if piece.parts:
                inner = _inside(piece.stmt, sizes)
                blocks_ = tuple(tuple(self._phases(b, kept, inner.copy())) for b in piece.parts)
                yield with_blocks(piece.stmt, blocks_)
            else:
                yield piece.stmt
            sizes_after((piece.stmt,), sizes)
            pieces = pieces[1:]
        yield from self._done_by_all(group, kept)

    def _grown(self, group: _Group, pieces: tuple[_Piece, ...], sizes: Sizes) -> tuple[int, _Group]:
        """The group with the next statement that threads share, and how many that takes.

        What every worker does before that for itself, it does before the group. 0: they wait.
        """
        members, bound = group.members, group.bound
        ahead = sizes.copy()
        for k, piece in enumerate(pieces):
            if piece.ring is not None:
                return 0, group
            if piece.idle:
                continue
            if _acts(piece):
                stmt = piece.stmt
                plan = piece.plan or piece.light
                member = self.turns.member(stmt, plan, piece.plan is None, ahead)
                member = replace(member, guard=piece.guard)
                bands = self.turns.arrange((*members, member))
                if bands is None or not self._gains(group.bands, bands):
                    return 0, group
                sizes_after((p.stmt for p in pieces[: k + 1]), sizes)
                return k + 1, _Group((*members, member), bands, bound)
            if isinstance(piece.stmt, Comment):
                continue
            early = None if piece.parts or not members else _before(members, piece.stmt)
            if early is None:
                return 0, group
            members, bound = early, (*bound, piece.stmt)
            sizes_after((piece.stmt,), ahead)
        return 0, group

    def _gains(self, old: tuple[Band, ...], new: tuple[Band, ...]) -> bool:
        """Whether threads meet less often for all of them than for the last one by itself.

        What they leave for the second turn is small for rows of matrices, not for planes.
        """
        if not old:
            return True
        last = new[-1].member
        alone = 2 if new[-1].loop and last.plan and last.plan.spread else 1
        skewed = any(
            b.low + b.high > (b.member.plan.spread if b.member.plan and b.loop else 0) for b in new
        )
        if skewed and any(_depth(b.member.stmt) > 2 for b in new):
            return False
        return 1 + _is_in_two_turns(new) < 1 + _is_in_two_turns(old) + alone

    def _by_cases(
        self, pieces: tuple[_Piece, ...], kept: dict[str, str], sizes: Sizes
    ) -> tuple[int, list[Stmt]]:
        """A choice and what follows it, where one branch is done in one turn with what follows.

        In the other branch, what follows comes by itself. Returns how many statements that are.
        """
        stmt = pieces[0].stmt
        if (
            not isinstance(stmt, If)
            or not pieces[0].parts
            or not all(map(_acts, pieces[0].parts[0]))
        ):
            return 0, []
        group, rest, here = _Group(), pieces[0].parts[0], sizes.copy()
        while rest:
            count, group = self._grown(group, rest, here)
            if not count:
                return 0, []
            rest = rest[count:]
        total = 0
        while count := (grown := self._grown(group, pieces[1 + total :], here))[0]:
            total, group = total + count, grown[1]
        if not total:
            return 0, []
        after = sizes_after((stmt,), sizes.copy())
        orelse = [s for b in pieces[0].parts[1:] for s in self._phases(b, kept, sizes.copy())]
        orelse += self._phases(pieces[1 : 1 + total], kept, after)
        sizes_after((p.stmt for p in pieces[: 1 + total]), sizes)
        body = tuple(self._done_by_all(group, kept))
        return 1 + total, [replace(stmt, body=body, orelse=tuple(orelse))]

    def _done_by_all(self, group: _Group, kept: dict[str, str]) -> Iterator[Stmt]:
        """A group, shared among the workers, and what each of them does before that."""
        for stmt in group.bound:
            if isinstance(stmt, Window) and any(m.before is stmt for m in group.members):
                yield Bind(tuple(self._names(stmt).values()), (stmt.target,))
            yield stmt
        if group.members and any(b.loop is not None for b in group.bands):
            yield from self._shared(group.bands, kept)
        elif group.members:
            yield self._next(ONE)
            alone = _in_short(s for m in group.members for s in self._renamed(m))
            yield If(compare(">=", self._local("part"), ZERO), tuple(alone))
            yield self._end(ONE)

    def _names(self, window: Window) -> dict[str, str]:
        """How an array is called after this name was given to another one."""
        name = self._local(f"{window.target}_before").name
        self.known |= {name: self.known[window.target]}
        return {window.target: name}

    def _renamed(self, member: Member) -> Block:
        names = {} if member.before is None else self._names(member.before)
        stmt = member.stmt if member.guard is None else If(member.guard, (member.stmt,))
        return renamed((stmt,), names)

    def _shared(self, bands: tuple[Band, ...], kept: dict[str, str]) -> Iterator[Stmt]:
        """What all parts do in one turn, or in two."""
        part, parts = self._local("part"), self._local("parts")
        rows: dict[int, tuple[Expr, Expr]] = {}
        for band in bands:
            loop = band.loop
            if loop is None or loop is not band.reference:
                continue
            start, stop = (self._expr(band, e) for e in (loop.start, loop.stop))
            count = sub(stop, start)
            if not isinstance(count, Var):
                yield Assign(self._local("count", str(len(rows))), count)
                count = self._local("count", str(len(rows)))
            rows[id(loop)] = start, count
        yield Assign(parts, self._number_of_parts(bands, [count for _, count in rows.values()]))

        def border(band: Band, k: Expr) -> Expr:
            """The row at which a part begins."""
            start, count = rows[id(band.reference)]
            return add(Binary("//", Binary("*", k, count, INT), parts, INT), start)

        first = [s for b in bands for s in self._first_turn(b, border, kept)]
        yield from self._each_part(_in_short(first))
        if _is_in_two_turns(bands):
            second = _in_short(s for b in bands for s in self._second_turn(b, border, kept))
            yield from self._each_part([If(compare("<", add(part, ONE), parts), tuple(second))])

    def _number_of_parts(self, bands: tuple[Band, ...], counts: list[Expr]) -> Expr:
        """How many parts there are, for loops of so many rows."""
        work: Expr = ZERO
        fixed = _is_in_two_turns(bands)
        for band in bands:
            plan = band.member.plan
            if band.loop is None or plan is None:
                continue
            fixed = fixed or bool(plan.sums) or _may_round_otherwise(band.loop)
            if band.member.light:
                continue
            trips = self._expr(band, sub(band.loop.stop, band.loop.start))
            amount = self._expr(band, self._work(band.loop, trips))
            work = amount if work == ZERO else Binary("+", work, amount, INT)
        reach = max(b.low for b in bands) + max(b.high for b in bands)
        long = _LONG * max(reach, *(b.reach for b in bands))
        rows = (Binary("//", c, integer(long), INT) if long else c for c in dict.fromkeys(counts))
        limits = (integer(_PARTS), *rows, Binary("//", work, integer(_GRAIN), INT))
        most = Call("min", limits, INT)
        if fixed:
            return Call("power_of_two", (most,), INT)
        return Call("even_parts", (most, self._local("workers")), INT)

    def _expr(self, band: Band, expr: Expr) -> Expr:
        """An expression of a member where it is evaluated."""
        before = band.member.before
        return renamed_expr(expr, {} if before is None else self._names(before))

    def _first_turn(self, band: Band, border: _Border, kept: dict[str, str]) -> Iterator[Stmt]:
        """All but what is near the borders to other parts."""
        part, parts = self._local("part"), self._local("parts")
        is_first, is_last = compare("==", part, ZERO), compare("==", add(part, ONE), parts)
        if band.reference is None:
            yield If(is_first, self._renamed(band.member))
            return
        first = add(border(band, part), integer(band.low))
        last = sub(border(band, add(part, ONE)), integer(band.high))
        if band.row is not None:
            row = self._expr(band, band.row)
            begun = Logic("or", (is_first, compare(">=", row, first)))
            ended = Logic("or", (is_last, compare("<", row, last)))
            test = Logic("and", (begun, ended))
            if band.is_outside:
                test = is_last if band.is_behind else is_first
            yield If(test, self._renamed(band.member))
            return
        assert band.loop is not None
        start, stop = (self._expr(band, e) for e in (band.loop.start, band.loop.stop))
        if band.low or band.shift[0]:
            first = Select(is_first, start, first, INT)
        if band.high or band.shift[1]:
            last = Select(is_last, stop, last, INT)
        yield from self._some_rows(band, first, last, kept)

    def _second_turn(self, band: Band, border: _Border, kept: dict[str, str]) -> Iterator[Stmt]:
        """What is near the border to the next part."""
        if band.low + band.high == 0 or band.reference is None or band.is_outside:
            return
        place = border(band, add(self._local("part"), ONE))
        first, last = sub(place, integer(band.high)), add(place, integer(band.low))
        if band.row is not None:
            row = self._expr(band, band.row)
            near = Logic("and", (compare("<=", first, row), compare("<", row, last)))
            yield If(near, self._renamed(band.member))
            return
        yield from self._some_rows(band, first, last, kept)

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

    def _some_rows(
        self, band: Band, start: Expr, stop: Expr, kept: dict[str, str]
    ) -> Iterator[Stmt]:
        """The iterations of a loop from one to another."""
        first, last = self._local("first"), self._local("last")
        yield Assign(first, start)
        yield Assign(last, stop)
        loop, plan, part = band.loop, band.member.plan, self._local("part")
        assert loop is not None and plan is not None
        function, before = self._member(loop, plan), band.member.before
        names = {} if before is None else self._names(before)
        arrays = (names.get(p, p) if isinstance(p, str) else p for p in function.parameters[2:])
        given = (first, last, *arrays)
        writes = tuple(names.get(a, a) for a in function.exports)
        locals_ = tuple(self._local(f"{s.name}_part", "", s.kind) for s in plan.sums)
        call = Invoke(locals_, function.name, given, writes, at=loop.at)
        if band.member.guard is not None:
            yield If(self._expr(band, band.member.guard), (call,))
            return
        yield call
        for total, local in zip(plan.sums, locals_, strict=True):
            cell = Load(kept[total.name], (part,), total.kind)
            yield Store(cell.array, cell.index, Binary("+", cell, local, cell.kind))

    def _member(self, loop: For, plan: Plan) -> Function:
        """The function that runs some iterations of a loop."""
        if id(loop) in self.members:
            return self.members[id(loop)]
        first, last = self._local("first"), self._local("last")
        start = [Assign(s, zero_of(s.kind)) for s in plan.sums]
        body: Block = (*start, replace(loop, start=first, stop=last))
        if plan.sums:
            body = (*body, Return(plan.sums))
        inputs = self._inputs(body, {first.name, last.name})
        exports = tuple(sorted({s.array for s in statements(loop.body) if isinstance(s, Store)}))
        title = self.names.fresh(f"{self.title}_part")
        apart = self._are_apart([a for a in inputs if isinstance(a, str)], exports)
        function = Function(title, (first, last, *inputs), body, self.known, exports, apart)
        self.made.append(initialise(prune(function)))
        self.members[id(loop)] = self.made[-1]
        return self.made[-1]

    def _written(self, stored: set[str], inputs: tuple[Var | str, ...]) -> set[str]:
        """The arrays among the inputs that are written by these names: they may be rows of some."""
        tapes = {t for n in stored for t in self._places(n) - self.sites.get(n, frozenset())}
        may = self.division.aliases.may
        arrays = {a for a in inputs if isinstance(a, str)}
        return {a for a in arrays if a in tapes or any(may(a, name) for name in stored)}

    def _are_apart(self, arrays: list[str], written: Collection[str]) -> bool:
        """Whether no array that is written shares memory with another one."""
        pairs = ((a, b) for a in written for b in arrays if a != b)
        return not any(self.division.aliases.may(a, b) for a, b in pairs)

    def _inputs(self, body: Block, own: set[str]) -> tuple[Var | str, ...]:
        """What a function with this body is given, beside what it assigns first."""
        read = exposed(body) - own
        return tuple(n if n in self.known else self.scalars[n] for n in sorted(read))

    # ------------------------------------------------------------ loops with a ring

    def _halo(self, ring: Ring) -> dict[str, str]:
        """Where a part leaves what its neighbours need, by ring."""
        for name in sorted(ring.rings - self.halos.keys()):
            self.halos[name] = self.names.fresh(f"{name}_halo")
            kind, rank = self.known[name]
            self.known |= {self.halos[name]: (kind, rank + 2)}
        return {name: self.halos[name] for name in sorted(ring.rings)}

    def _halos(self, ring: Ring, changing: set[str]) -> Iterator[Alloc]:
        """The statements that make these arrays, for the most parts that there can be."""
        count = sub(ring.stop, ring.start)
        most: Expr = integer(_PARTS)
        if not names_read(count) & changing:
            rows = _long_parts(ring, count)
            most = Call("max", (ONE, Call("min", (most, rows), INT)), INT)
        for name, halo in self._halo(ring).items():
            made = self.division.made[name]
            shape = made.shape[1:] if isinstance(made, Alloc) else ()
            depth = integer(max(ring.most, -ring.least))
            yield Alloc(halo, (most, integer(2), depth, *shape), self.known[name][0], True)

    def _in_ring(self, ring: Ring) -> Iterator[Stmt]:
        """Parts of a loop with a ring: what neighbours need, and then the rows of each."""
        part, parts, count = self._local("part"), self._local("parts"), self._local("count")
        first, last = self._local("first"), self._local("last")
        rows = replace(ring.loop, start=ring.start, stop=ring.stop)
        yield Assign(count, sub(ring.stop, ring.start))
        long = _long_parts(ring, count)
        work = Binary("//", self._work(rows, count), integer(_GRAIN), INT)
        most = Call("min", (integer(_PARTS), long, work), INT)
        yield Assign(parts, Call("even_parts", (most, self._local("workers")), INT))

        def border(k: Expr) -> Expr:
            return add(Binary("//", Binary("*", k, count, INT), parts, INT), ring.start)

        ends = (Assign(first, border(part)), Assign(last, border(add(part, ONE))))
        ahead, own = self._ring_functions(ring)
        calls = [Invoke((), f.name, f.parameters, f.exports, at=ring.loop.at) for f in (ahead, own)]
        yield If(compare(">", parts, ONE), tuple(self._each_part([*ends, calls[0]])))
        yield from self._each_part([*ends, calls[1]])

    def _ring_functions(self, ring: Ring) -> tuple[Function, Function]:
        """The functions of a part: what its neighbours need, and its own rows."""
        loop, row, halo = ring.loop, ring.loop.var, self._halo(ring)
        part, parts = self._local("part"), self._local("parts")
        first, last = self._local("first"), self._local("last")
        above, below = integer(-ring.least), integer(ring.most)
        ahead = (
            replace(
                loop,
                start=first,
                stop=add(first, above),
                body=ring.ahead(halo, (part, ZERO, sub(row, first))),
            ),
            replace(
                loop,
                start=sub(last, below),
                stop=last,
                body=ring.ahead(halo, (part, ONE, add(sub(row, last), below))),
            ),
        )
        before = ring.taken(halo, (sub(part, ONE), ONE, add(sub(row, first), below)))
        after = ring.taken(halo, (add(part, ONE), ZERO, sub(row, last)))
        begins = replace(loop, start=sub(first, below), stop=first, body=(*ring.slots, *before))
        is_first, is_last = compare("==", part, ZERO), compare("==", add(part, ONE), parts)
        beyond = If(is_last, ring.cleared, after)
        filled = If(compare("<", row, last), ring.filled, (beyond,))
        complete = Logic("or", (is_first, compare(">=", row, add(first, above))))
        body = (*ring.slots, filled, If(complete, ring.gathered))
        stop = add(last, Select(is_last, integer(ring.spread), above, INT))
        own = (
            ring.clear,
            If(compare(">", part, ZERO), (begins,)),
            replace(loop, start=first, stop=stop, body=body),
        )
        titles = f"{self.title}_ends", f"{self.title}_part"
        needed = self._ring_function(titles[0], (part, first, last), ahead, tuple(halo.values()))
        stored = tuple(sorted({s.array for s in statements(own) if isinstance(s, Store)}))
        given = part, parts, first, last
        return needed, self._ring_function(titles[1], given, own, stored)

    def _ring_function(
        self, title: str, given: tuple[Var, ...], body: Block, exports: tuple[str, ...]
    ) -> Function:
        inputs = self._inputs(body, {v.name for v in given})
        arrays = [a for a in inputs if isinstance(a, str)]
        halos = set(self.halos.values())
        written = [a for a in exports if a not in halos]
        apart = self._are_apart([a for a in arrays if a not in halos], written)
        function = Function(
            self.names.fresh(title), (*given, *inputs), body, self.known, exports, apart
        )
        body = prune(function).body
        inputs = self._inputs(body, {v.name for v in given})
        function = replace(function, parameters=(*given, *inputs), body=body)
        self.made.append(initialise(function))
        return self.made[-1]

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


def _rings(pieces: tuple[_Piece, ...]) -> Iterator[Ring]:
    """The rings of loops among some statements, and in them, that are divided."""
    for piece in pieces:
        if piece.ring is not None:
            yield piece.ring
        for part in piece.parts:
            yield from _rings(part)


def _is_innermost(loop: For) -> bool:
    """Whether LLVM may run several iterations at once, and those left over in another way."""
    return not any(isinstance(s, For | While) for s in statements(loop.body))


def _may_round_otherwise(loop: For) -> bool:
    """Whether numbers may hang on where a loop begins: LLVM runs several iterations at once."""
    values = (s.value for s in statements(loop.body) if isinstance(s, Store | Assign))
    return _is_innermost(loop) and not all(isinstance(v, Load | Const) for v in values)


def _is_plain(stmt: If) -> bool:
    """Whether a condition is known to every worker, and all that hangs on it stores elements."""
    simple = all(isinstance(s, Store | For) for s in stmt.body) and not stmt.orelse
    loads = any(isinstance(e, Load) for e in walk(stmt.test))
    return simple and not loads and not names_read(stmt.test) & assigned((stmt,))


def _one_by_one(pieces: Iterable[_Piece]) -> Iterator[_Piece]:
    """The statements, with those under one condition each under that condition."""
    for piece in pieces:
        if piece.body and all(map(_acts, piece.body)):
            test = piece.stmt.test if isinstance(piece.stmt, If) else None
            yield from (replace(p, guard=test) for p in piece.body)
        else:
            yield piece


def _long_parts(ring: Ring, count: Expr) -> Expr:
    """How many parts there are of so many rows, if none is short for the ring that it fills."""
    return Binary("//", count, integer(_LONG * max(1, ring.spread)), INT)


def _acts(piece: _Piece) -> bool:
    """Whether the workers share it, or one of them does it."""
    if piece.idle:
        return False
    return piece.plan is not None or (not piece.parts and _writes(piece.stmt))


def _before(members: tuple[Member, ...], stmt: Stmt) -> tuple[Member, ...] | None:
    """Members that may come after a statement that stands behind them; None: they may not.

    It binds names. If one of them is that of an array that they read, they read it by another name;
    but loops are divided at rows that are the same in all members.
    """
    bound = assigned((stmt,))
    named = {n for m in members for s in statements((m.stmt,)) for n in names_of(s)}
    named = named.union(*(names_read(m.guard) for m in members if m.guard is not None))
    divided = {n for m in members if not m.light for n in names_of(m.stmt)}
    renaming = bool(bound & named)
    if renaming and not (isinstance(stmt, Window) and stmt.own):
        return None
    if renaming and (bound & divided or any(m.before for m in members)):
        return None

    def later(member: Member) -> Member:
        known = not any(bound & names_read(e) for e in member.rows or ())
        rows, before = member.rows if known else None, stmt if isinstance(stmt, Window) else None
        return replace(member, rows=rows, before=before if renaming else member.before)

    return tuple(map(later, members))


def _inside(stmt: Stmt, sizes: Sizes) -> Sizes:
    """What is known in the blocks of a statement."""
    return sizes_inside(stmt, sizes) if isinstance(stmt, For | While) else sizes.copy()


def _is_in_two_turns(bands: Iterable[Band]) -> bool:
    """Whether something near the borders of parts is left for a second turn."""
    return any(b.low + b.high for b in bands)


def _depth(stmt: Stmt) -> int:
    """How many loops are nested in each other."""
    own = isinstance(stmt, For | While)
    return own + max((_depth(s) for b in blocks(stmt) for s in b), default=0)


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
