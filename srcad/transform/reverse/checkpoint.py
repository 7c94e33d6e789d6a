"""Loops with snapshots: iterations are run again, so that few states are kept at a time.

A loop marked by ``srcad.checkpoint`` records nothing in the forward sweep but its state (see
``srcad.analysis.state``) at the start of some iterations. To reverse an iteration, the last state
before it is put back, the iterations from there on run again, which leaves further snapshots in
the room of those that are used up, and the iteration itself runs once more, recorded, and is
reversed at once: its tapes hold one iteration. ::

    for t in range(n):                  for t in range(n):
        s = sin(s) + x[t]                   if t == due:
                                                s_snapshots[held] = s
                                                taken[held] = t
                                                held += 1
                                                due = next_snapshot(t, n, 5 - held)
                                            s = sin(s) + x[t]
                                        for last in range(n - 1, -1, -1):
                                            first = taken[held - 1]
                                            s = s_snapshots[held - 1]
                                            if first == last:
                                                held -= 1
                                            due = next_snapshot(first, last + 1, 5 - held)
                                            for t in range(first, last):
                                                ...             # as above
                                            t = last
                                            x_b[t] += s_b
                                            s_b = cos(s) * s_b

Where the next snapshot goes is computed as the program runs (``next_snapshot`` in
``srcad.runtime.schedules``). The iterations that run a second time are those of the proved optimum;
the forward sweep, which that takes to end before the last iteration, goes on to the end, and so
keeps one state more: that of the last iteration.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from srcad.analysis.alias import Aliases
from srcad.analysis.flow import assigned, exposed, scalars
from srcad.analysis.liveness import live_after
from srcad.analysis.state import State, read_after, state_of, written_after
from srcad.errors import UnsupportedError
from srcad.ir.build import (
    ONE,
    ZERO,
    accumulate,
    add,
    at_least_zero,
    compare,
    integer,
    literal,
    logic,
    sub,
)
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Bind,
    Block,
    Call,
    Check,
    Comment,
    Copy,
    Expr,
    Extent,
    For,
    If,
    Invoke,
    Keep,
    Load,
    Pop,
    Push,
    Refill,
    Stmt,
    Store,
    Tape,
    Var,
    ZerosLike,
    blocks,
    statements,
    with_blocks,
)
from srcad.ir.types import INT, kind_of, width_of
from srcad.transform.reverse.backward import Backward
from srcad.transform.reverse.disk import (
    Spilled,
    boxed,
    boxes_for,
    carried_shadows,
    in_boxes,
    turns_of,
    unboxed,
)
from srcad.transform.reverse.forward import silent
from srcad.transform.reverse.levels import Level
from srcad.transform.reverse.loops import times_step, trip_count
from srcad.transform.reverse.slots import Loop


@dataclass
class Schedule:
    """The snapshots of one loop, and what tells where they are taken."""

    state: State
    trips: Expr
    number: Var
    """The number of an iteration, from 0: the variable of the loop where that is it."""
    snapshots: Expr
    """How many states are kept, that of the last iteration aside."""
    held: Var
    due: Var
    stride: Var | None
    """Where the number of iterations is not known beforehand: how far snapshots are apart."""
    taken: str
    """An array: the iteration that each snapshot was taken before."""
    places: dict[str, str]
    """The array of the snapshots of each variable and array of the state."""
    homes: dict[str, str]
    """The arrays that swapped names denote before the loop."""
    spare: dict[str, str]
    """Copies of arrays that are written and not read, as they are before the loop."""
    distance: Var
    """How far snapshots are apart that are at equal distances."""
    spilled: Spilled | None = None
    """Those on disk."""


class Checkpointing(Backward):
    """Writes both sweeps of loops with snapshots."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.schedules: dict[int, Schedule] = {}

    def _forward_loop(self, stmt: Loop, level: Level, defined: set[str]) -> list[Stmt]:
        if stmt.checkpoints is None or self._is_nested(stmt, level):
            return super()._forward_loop(stmt, level, defined)
        if stmt.checkpoints.on_disk is not None and (level.again or level.loop is not None):
            raise UnsupportedError(
                "a loop with snapshots on disk is inside of another loop",
                stmt.at,
                "let the outermost loop have the disk",
            )
        made = self._scheduled(stmt, defined)
        self.schedules[id(stmt)] = made
        out = self._keep(stmt, level, defined, assigned((stmt,)) - set(made.state.swapped))
        defined |= assigned((stmt,))
        out += [Bind((home,), (name,)) for name, home in made.homes.items()]
        out += [Copy(spare, name) for name, spare in made.spare.items()]
        out += self._rooms(stmt, made, level.again or level.loop is not None)
        body = self._with_shadows_swapped(stmt.body, made.state.swapped)
        if made.stride is None:
            start: Expr = ZERO
            if made.spilled is not None:
                start = Var(self.names.fresh("start"), INT)
                out += self._resumed(stmt, made, made.spilled, start)
            steps = [*self._first_snapshot(stmt, made), *body]
            loop: Stmt = self._run(stmt, made, start, made.trips, steps)
        else:
            assert isinstance(made.trips, Var)
            out += [Assign(made.trips, ZERO), Assign(made.stride, ONE)]
            count = Assign(made.trips, add(made.trips, ONE))
            steps = [*self._online_snapshot(stmt, made, made.stride), *body, count]
            loop = replace(with_blocks(stmt, (tuple(steps),)), checkpoints=None)
        out += silent([loop]) if level.again or level.loop is not None else [loop]
        rebound = [n for n in made.state.rebound if self.is_active(n)]
        return [*out, *(ZerosLike(self.bar(n), n) for n in rebound)]

    def _with_shadows_swapped(self, block: Block, swapped: tuple[str, ...]) -> list[Stmt]:
        """The block, in which shadows are swapped along with the arrays."""
        out: list[Stmt] = []
        for stmt in block:
            match stmt:
                case Bind() if set(stmt.targets) & set(swapped):
                    out += [stmt, *self._shadow_of(stmt)]
                case If():
                    parts = (tuple(self._with_shadows_swapped(b, swapped)) for b in blocks(stmt))
                    out.append(with_blocks(stmt, tuple(parts)))
                case _:
                    out.append(stmt)
        return out

    def _is_nested(self, stmt: Loop, level: Level) -> bool:
        """Whether the loop is part of a loop that records its iterations."""
        return level.loop is not None and (id(stmt) in level.skipped or self._is_idle(stmt, level))

    def stores(self, outer: Loop, inner: Loop) -> bool:
        """Whether the iterations of a loop would store what one inside of it changes."""
        return id(inner) in self._facts(outer)[2]

    def _reverse_loop(self, stmt: Loop, level: Level) -> list[Stmt]:
        made = self.schedules.get(id(stmt))
        if made is None:
            return super()._reverse_loop(stmt, level)
        first, last = (Var(self.names.fresh(name), INT) for name in ("first", "last"))
        again = silent([*self._snapshot(stmt, made, add(last, ONE)), *stmt.body])
        if stmt.checkpoints is not None and stmt.checkpoints.schedule == "periodic":
            again = silent([*stmt.body])
        back = self._restored_arrays(made)
        body = [
            Comment("back to what this iteration found"),
            *self._restored_variables(made, first),
            If(
                compare("==", first, last),
                (*back, Assign(made.held, sub(made.held, ONE))),
                (
                    *back,
                    Assign(made.due, self._following(made, first, add(last, ONE))),
                    self._run(stmt, made, first, last, again),
                ),
            ),
            Assign(made.number, last),
            *self._counted(stmt, made),
        ]
        self.comment = None
        body += self._reversed_once(stmt, made)
        self.comment = None
        before: list[Stmt] = []
        start: Expr = sub(made.trips, ONE)
        if made.spilled is not None:
            begun = Var(self.names.fresh("begun"), INT)
            before, first_of_all = self._from_disk(
                stmt, made, made.spilled, tuple(body), last, begun
            )
            body, start = [first_of_all, *body], begun
        loop = For(last, start, integer(-1), integer(-1), tuple(body), None, stmt.at)
        before_loop = self._restored(stmt, level, sorted(assigned((stmt,))))
        return [
            *before,
            loop,
            *self._handed_over(stmt, made, level),
            *before_loop,
            *self._contents_back(made),
        ]

    # ------------------------------------------------------------ what is kept

    def _scheduled(self, loop: Loop, defined: set[str]) -> Schedule:
        """What a loop keeps, under which names; refuses what cannot be kept."""
        assert loop.checkpoints is not None
        aliases = self.aliases
        after = live_after(self.body, loop, frozenset(self.kept))
        state = state_of(loop, set(self.arrays), aliases, after)
        self._require_plain(loop, state, defined, aliases)
        if isinstance(loop, For) and loop.start == ZERO and loop.step == ONE:
            number = loop.var
        else:
            number = Var(self.names.fresh("step"), INT)
        held, due = (Var(self.names.fresh(name), INT) for name in ("held", "due"))
        taken = self.names.fresh("taken")
        self.arrays[taken] = INT, 1
        places: dict[str, str] = {}
        for var in state.scalars:
            places[var.name] = self.names.fresh(f"{var.name}_snapshots")
            self.arrays[places[var.name]] = var.kind, 1
        for name in state.arrays:
            dtype, ndim = self.arrays[name]
            places[name] = self.names.fresh(f"{name}_snapshots")
            self.arrays[places[name]] = dtype, ndim + 1
        spare = {name: self.names.fresh(f"{name}_before") for name in state.written}
        homes = {name: self.names.fresh(f"{name}_old") for name in state.swapped}
        self.arrays |= {kept: self.arrays[name] for name, kept in (spare | homes).items()}
        trips: Expr = Var(self.names.fresh("trips"), INT)
        stride = Var(self.names.fresh("stride"), INT)
        if isinstance(loop, For) and loop.until is None:
            trips, stride = trip_count(loop), None
        snapshots = loop.checkpoints.amount
        if loop.checkpoints.in_bytes:
            snapshots = Var(self.names.fresh("snapshots"), INT)
        distance = Var(self.names.fresh("distance"), INT)
        made = Schedule(
            state,
            trips,
            number,
            snapshots,
            held,
            due,
            stride,
            taken,
            places,
            homes,
            spare,
            distance,
        )
        self._require_length(loop, made)
        if loop.checkpoints.on_disk is not None:
            known = scalars(loop.body)
            matter = [v for n, v in sorted(known.items()) if n in after and v not in state.scalars]
            made.spilled = Spilled(
                loop.checkpoints.calls,
                Var(self.names.fresh("disk"), INT),
                distance,
                tuple(places.values()),
                state.written,
                tuple(matter),
                boxes_for(matter, self.names, self.arrays),
                frozenset(n for n in known if n not in exposed(loop.body) and n not in after),
            )
        return made

    def _require_length(self, loop: Loop, made: Schedule) -> None:
        """Snapshots at equal distances are for loops whose length is known beforehand."""
        marks = loop.checkpoints
        if marks is None or marks.schedule == "binomial":
            return
        if made.stride is not None:
            raise UnsupportedError(
                "a loop whose length nobody knows beforehand has snapshots in memory only, in an "
                "order of its own",
                loop.at,
                "leave out schedule and disk, or write a for loop without break",
            )
        if marks.on_disk is not None and turns_of(loop.body, made.state.swapped) is None:
            raise UnsupportedError(
                f"a loop with snapshots on disk swaps {made.state.swapped[0]!r} in some of its "
                "iterations only",
                loop.at,
                "copy elements instead, or leave out disk",
            )

    def _require_plain(self, loop: Loop, state: State, defined: set[str], aliases: Aliases) -> None:
        if state.entangled is not None:
            raise self._entangled(*state.entangled, "the loop writes its elements", loop)
        unbound = [n for n in (*state.swapped, *state.rebound) if n not in defined]
        if unbound:
            raise UnsupportedError(
                f"{self.names.shown(unbound[0])!r} is made in a loop with snapshots and read after "
                "the iteration that makes it",
                loop.at,
                "assign an array of that shape before the loop",
            )
        self._require_apart(loop, state, aliases)
        for stmt in statements(loop.body):
            if isinstance(stmt, Invoke) and stmt.function.startswith("np.random."):
                raise UnsupportedError(
                    "random numbers are drawn in a loop with snapshots, whose iterations run "
                    "several times",
                    loop.at,
                    "draw them before the loop, into an array",
                )
            if isinstance(stmt, Keep | Push | Pop):
                raise UnsupportedError(
                    "a list of arrays changes in a loop with snapshots",
                    stmt.at,
                    "make it an array before the loop",
                )

    def _require_apart(self, loop: Loop, state: State, aliases: Aliases) -> None:
        """Names bound in the loop get shadows of their own, which show nothing by another name."""
        arrays = set(self.arrays)
        outside = arrays - (assigned(loop.body) - {*state.rebound})
        for stored in sorted(written_after(self.body, loop, arrays)):
            for name in state.rebound:
                for other in sorted(outside - {name}):
                    if all(aliases.may(stored, n) for n in (name, other)):
                        raise self._entangled(name, other, "it is written after the loop", loop)
        read = read_after(self.body, loop, arrays, self.seeded)
        for name in state.rewritten:
            for other in sorted(read - {name}):
                if aliases.may(name, other):
                    raise self._entangled(
                        name, other, "the loop writes its elements, which are read after it", loop
                    )

    def _entangled(self, name: str, other: str, why: str, loop: Loop) -> UnsupportedError:
        """The error that a loop binds one of two names of an array that is written."""
        one, two = self.names.shown(name), self.names.shown(other)
        another = "another name too" if one == two else f"the name {two!r} too"
        return UnsupportedError(
            f"a loop with snapshots assigns {one!r} anew, and the array that {one!r} is before the "
            f"loop can have {another}: {why}",
            loop.at,
            f"{one} = {one}.copy() before the loop, if nobody else has to see what it writes",
        )

    def _rooms(self, loop: Loop, made: Schedule, repeated: bool) -> list[Stmt]:
        """The arrays of the snapshots, all empty.

        Those of a loop that is run several times are not from the pool, which would have to hold
        them all.
        """
        slots = made.snapshots
        if made.stride is None:
            slots = at_least_zero(Call("min", (add(slots, ONE), made.trips), INT))
        make = Alloc if repeated else Tape
        out = self._affordable(loop, made)
        out += [make(made.taken, (slots,), INT, at=loop.at)]
        for name, place in made.places.items():
            dtype, ndim = self.arrays[place]
            shape = tuple(Extent(name, k) for k in range(ndim - 1))
            out.append(make(place, (slots, *shape), dtype, at=loop.at))
        return [*out, *self._distances(loop, made), Assign(made.held, ZERO), Assign(made.due, ZERO)]

    def _distances(self, loop: Loop, made: Schedule) -> list[Stmt]:
        """How far snapshots at equal distances are apart."""
        marks = loop.checkpoints
        if marks is None or marks.schedule == "binomial":
            return []
        if made.spilled is not None and marks.on_disk is not None:
            turns = turns_of(loop.body, made.state.swapped) or 1
            return [*made.spilled.opened(made.trips, made.snapshots, marks.on_disk, turns)]
        apart = made.snapshots
        if marks.schedule == "two-level":
            apart = Binary("//", add(apart, ONE), integer(2), INT)
        found = Call("snapshot_distance", (made.trips, apart), INT)
        return [Assign(made.distance, found)]

    def _resumed(self, loop: Loop, made: Schedule, spilled: Spilled, start: Var) -> list[Stmt]:
        """Where the forward sweep begins: where a call that was killed had been."""
        first = Var(self.names.fresh("first"), INT)
        state = (
            Store(made.taken, (ZERO,), start),
            Assign(made.held, ONE),
            *self._restored_state(made, first),
            *unboxed(spilled.variables, spilled.boxes),
            Assign(made.held, ZERO),
            Assign(made.due, start),
        )
        return [
            *in_boxes(spilled.variables, spilled.boxes),
            *spilled.resumed(start),
            If(compare("<", ZERO, start), state),
        ]

    def _turned_back(self, loop: Loop, made: Schedule) -> list[Stmt]:
        """Swapped names and their shadows denote again what they do before the loop."""
        turns = turns_of(loop.body, made.state.swapped) or 1
        if turns == 1:
            return []
        swaps = [s for s in loop.body if isinstance(s, Bind) and s.targets[0] in made.state.swapped]
        back = [b for s in reversed(swaps) for b in self._permuted_back(s)]
        counter = Var(self.names.fresh("k"), INT)
        count = Binary("%", made.trips, integer(turns), INT)
        return [For(counter, ZERO, count, ONE, tuple(back))]

    def _from_disk(
        self, loop: Loop, made: Schedule, spilled: Spilled, body: Block, last: Var, begun: Var
    ) -> tuple[list[Stmt], Stmt]:
        """What the way back begins with, and each of its iterations: the next snapshot read."""
        bars = [bar for name, bar in self.bars.items() if name not in spilled.local]
        arrays, variables = carried_shadows(body, bars, self.arrays)
        boxes = boxes_for(variables, self.names, self.arrays)
        shadows, end = (*arrays, *boxes), sub(made.trips, ONE)
        goes_on = (
            *self._turned_back(loop, made),
            *spilled.adjoints_read(begun, shadows),
            *unboxed(variables, boxes),
            Assign(made.held, ZERO),
        )
        before = [
            *in_boxes(variables, boxes),
            *spilled.begun(begun, end),
            If(compare("<", begun, end), goes_on),
        ]
        step = spilled.before(last)
        found = (
            *boxed(variables, boxes),
            *spilled.adjoints_written(last, shadows),
            *spilled.read(step),
            Store(made.taken, (ZERO,), step),
            Assign(made.held, ONE),
        )
        return before, If(compare("==", made.held, ZERO), found)

    def _affordable(self, loop: Loop, made: Schedule) -> list[Stmt]:
        """How many snapshots the memory given for them holds."""
        if loop.checkpoints is None or not loop.checkpoints.in_bytes:
            return []
        assert isinstance(made.snapshots, Var)
        size: Expr = integer(width_of(INT) + sum(width_of(v.kind) for v in made.state.scalars))
        for name in made.state.arrays:
            dtype, ndim = self.arrays[name]
            part: Expr = integer(width_of(dtype))
            for k in range(ndim):
                part = Binary("*", part, Extent(name, k), INT)
            size = add(size, part)
        spare = ONE if made.stride is None else ZERO
        count = sub(Binary("//", loop.checkpoints.amount, size, INT), spare)
        text = f"the memory given to a loop holds no snapshot of it ({loop.at})"
        return [
            Assign(made.snapshots, count),
            Check(compare(">=", made.snapshots, ONE), "ValueError", text),
        ]

    def _snapshot(self, loop: Loop, made: Schedule, end: Expr) -> list[Stmt]:
        """Keep the state at the start of an iteration, if one is due."""
        following = Assign(made.due, self._following(made, made.number, end))
        kept = (*self._kept_state(loop, made, made.number), following)
        return [If(compare("==", made.number, made.due), kept)]

    def _first_snapshot(self, loop: Loop, made: Schedule) -> list[Stmt]:
        """The same in the forward sweep, which takes those at equal distances."""
        marks, step = loop.checkpoints, made.number
        if marks is None or marks.schedule == "binomial":
            return self._snapshot(loop, made, made.trips)
        kept = self._kept_state(loop, made, step)
        spilled = made.spilled
        if spilled is not None:
            is_due = spilled.is_due(step)
            empty = If(is_due, (Assign(made.held, ZERO),))
            kept = [empty, *kept, If(is_due, spilled.written(step))]
        rule = "next_periodic" if marks.schedule == "periodic" else "next_in_distance"
        free = sub(made.snapshots, made.held)
        following = Call(rule, (step, made.trips, free, made.distance), INT)
        return [If(compare("==", step, made.due), (*kept, Assign(made.due, following)))]

    def _online_snapshot(self, loop: Loop, made: Schedule, stride: Var) -> list[Stmt]:
        """The same while nobody knows how many iterations come.

        There is one before every so many; when there is no room for another one, every second one
        goes.
        """
        step = made.number if isinstance(loop, For) and loop.var == made.number else made.trips
        j = Var(self.names.fresh("j"), INT)
        twice = Binary("*", integer(2), j, INT)
        moves: list[Stmt] = [Store(made.taken, (j,), Load(made.taken, (twice,), INT))]
        for place in made.places.values():
            moves += self._slot_moved(place, j, twice)
        thinned = (
            Assign(stride, Binary("*", integer(2), stride, INT)),
            Assign(made.held, Binary("//", add(made.held, ONE), integer(2), INT)),
            For(j, ONE, made.held, ONE, tuple(moves)),
        )
        is_next = compare("==", Binary("%", step, stride, INT), ZERO)
        has_room = compare("<", made.held, made.snapshots)
        after = add(Binary("//", step, stride, INT), ONE)
        kept = (
            If(compare("==", made.held, made.snapshots), thinned),
            If(logic("and", (is_next, has_room)), tuple(self._kept_state(loop, made, step))),
            Assign(made.due, Binary("*", after, stride, INT)),
        )
        return [If(compare("==", step, made.due), kept)]

    def _slot_moved(self, place: str, target: Expr, source: Expr) -> list[Stmt]:
        """A snapshot moved to another slot."""
        dtype, ndim = self.arrays[place]
        counters = tuple(Var(self.names.fresh("ijklmn"[k % 6]), INT) for k in range(ndim - 1))
        found = Load(place, (source, *counters), kind_of(dtype))
        block: list[Stmt] = [Store(place, (target, *counters), found)]
        for k in reversed(range(ndim - 1)):
            block = [For(counters[k], ZERO, Extent(place, k + 1), ONE, tuple(block))]
        return block

    def _kept_state(self, loop: Loop, made: Schedule, step: Expr) -> list[Stmt]:
        """The state at the start of an iteration, in the next slot."""
        out: list[Stmt] = []
        for name in made.state.rebound:
            out += self._same_shape(loop, name, made.places[name])
        for var in made.state.scalars:
            out.append(Store(made.places[var.name], (made.held,), var))
        for name in made.state.arrays:
            ndim = self.arrays[name][1]
            out += self.nest(name, ndim, self._copied(made.places[name], (made.held,), name, ()))
        return [
            *out,
            Store(made.taken, (made.held,), step),
            Assign(made.held, add(made.held, ONE)),
        ]

    def _same_shape(self, loop: Loop, name: str, place: str) -> list[Stmt]:
        shown = self.names.shown(name)
        text = f"{shown} does not keep its shape in a loop with snapshots ({loop.at})"
        return [
            Check(compare("==", Extent(name, k), Extent(place, k + 1)), "ValueError", text)
            for k in range(self.arrays[name][1])
        ]

    def _copied(self, target: str, before: tuple[Expr, ...], source: str, lead: tuple[Expr, ...]):
        """What copies an element of an array to another, each with leading indices."""
        kind = kind_of(self.arrays[source][0])

        def body(at: tuple[Expr, ...]) -> list[Stmt]:
            return [Store(target, (*before, *at), Load(source, (*lead, *at), kind))]

        return body

    def _following(self, made: Schedule, step: Expr, end: Expr) -> Expr:
        """Where the next snapshot is taken."""
        free = sub(made.snapshots, made.held)
        return Call("next_snapshot", (step, end, free), INT)

    def _run(self, loop: Loop, made: Schedule, start: Expr, stop: Expr, body: list[Stmt]) -> For:
        """Iterations of the loop, as they are."""
        steps = (*self._counted(loop, made), *body)
        return For(made.number, start, stop, ONE, steps, None, loop.at)

    def _counted(self, loop: Loop, made: Schedule) -> list[Stmt]:
        """What the variable of a loop is in an iteration, if not its number."""
        if not isinstance(loop, For) or loop.var == made.number:
            return []
        return [Assign(loop.var, add(loop.start, times_step(made.number, loop.step)))]

    # ------------------------------------------------------------ the way back

    def _restored_state(self, made: Schedule, first: Var) -> list[Stmt]:
        """The latest snapshot put back, and the number of its iteration."""
        return [*self._restored_variables(made, first), *self._restored_arrays(made)]

    def _restored_variables(self, made: Schedule, first: Var) -> list[Stmt]:
        """The same of its variables; its arrays are to be filled next."""
        top = sub(made.held, ONE)
        out: list[Stmt] = [Assign(first, Load(made.taken, (top,), INT))]
        for var in made.state.scalars:
            out.append(Assign(var, Load(made.places[var.name], (top,), var.kind)))
        for name in made.state.rebound:
            dtype, ndim = self.arrays[name]
            shape = tuple(Extent(made.places[name], k + 1) for k in range(ndim))
            out.append(Alloc(name, shape, dtype))
        return [*out, Refill(made.state.arrays)]

    def _restored_arrays(self, made: Schedule) -> list[Stmt]:
        """The same of its arrays."""
        top = sub(made.held, ONE)
        out: list[Stmt] = []
        for name in made.state.arrays:
            ndim = self.arrays[name][1]
            out += self.nest(name, ndim, self._copied(name, (), made.places[name], (top,)))
        return out

    def _reversed_once(self, loop: Loop, made: Schedule) -> list[Stmt]:
        """An iteration run and recorded, and reversed."""
        level = Level(None, None, frozenset(), frozenset(made.state.swapped), again=True)
        out: list[Stmt] = []
        arrived: list[Stmt] = []
        for name in made.state.rebound:
            if self.is_active(name):
                bar = self.bar(name)
                later = self.names.fresh(f"{bar}_later")
                self.arrays[later] = self.arrays[bar]
                out += [Bind((later,), (bar,)), ZerosLike(bar, name)]
                arrived += self._moved_to(bar, later)
        defined = exposed(loop.body) | set(made.state.rebound)
        out += self._forward(loop.body, level, defined)
        return [*out, *arrived, *self._reverse(loop.body, level)]

    def _moved_to(self, target: str, source: str) -> list[Stmt]:
        """``target += source`` of shadows, ``source`` left at zero: it can be another's too."""
        kind = kind_of(self.arrays[target][0])

        def body(at: tuple[Expr, ...]) -> list[Stmt]:
            place = Load(target, at, kind)
            return [
                Store(target, at, accumulate(place, Load(source, at, kind))),
                Store(source, at, literal(0.0, kind)),
            ]

        return self.nest(target, self.arrays[target][1], body)

    def _handed_over(self, loop: Loop, made: Schedule, level: Level) -> list[Stmt]:
        """What the shadows before the loop get from those that the way back was made with."""
        out: list[Stmt] = []
        for name in made.state.rebound:
            if self.is_active(name):
                bar = self.bar(name)
                out += self._moved_to(level.kept[id(loop), bar], bar)
        return out

    def _contents_back(self, made: Schedule) -> list[Stmt]:
        """What the arrays held before the loop, now that their names denote them again."""
        binds: list[Stmt] = [Bind((name,), (home,)) for name, home in made.homes.items()]
        out: list[Stmt] = []
        for name in (*made.state.swapped, *made.state.rewritten):
            ndim = self.arrays[name][1]
            out += self.nest(name, ndim, self._copied(name, (), made.places[name], (ZERO,)))
        handed = [If(compare("<", ZERO, made.trips), tuple(out))] if out else []
        for name, spare in made.spare.items():
            handed += self._contents(name, spare)
        return [*binds, *handed]
