"""Writes the loop whose iterations run side by side, in strips (``srcad.transform.abreast``).

What all lanes do next is a group (``srcad.transform.lane_group``), which becomes a loop over lanes
when something comes that all do once: a loop, a branch, a scalar that is the same for all. Then the
variables that one such loop hands to another get an array with a place for each lane.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import cast

from srcad.analysis.flow import assigned, exposed, mentions, named_in, names_of
from srcad.analysis.iterations import (
    accesses,
    span,
)
from srcad.analysis.liveness import Live
from srcad.ir.build import (
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
    Comment,
    Compare,
    Const,
    Expr,
    For,
    Grow,
    If,
    Load,
    Logic,
    Select,
    Stmt,
    Store,
    Unary,
    Var,
    While,
    all_expressions,
    blocks,
    children,
    rebuild,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.types import BOOL, INT, is_inexact
from srcad.transform.lane_group import LaneGroup
from srcad.transform.points import Points
from srcad.transform.vectorise import is_elementary

LANES = 16
"""Points side by side. They wait for the slowest, which then costs about what it costs alone."""
STEPS = 512
"""The most that a point may take side by side with others: there is memory for so many."""
_MOVES = 6
"""So many elements of rows are moved in the time that an elementary function saves, or as many sums
and products that become vector instructions as that save the time of one."""
_IN_LOOPS = 1
"""The same in each step of a loop of the points, whose rows are long."""
_QUOTIENT = 4
_CHEAP = Var | Const | Binary | Unary | Compare
"""What may be computed for either outcome of a test, at a few operations each."""
_FEW = 9


class Strips:
    """Writes the strips of a loop."""

    def __init__(
        self,
        points: Points,
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
        if not self.points.diverges(stmt):
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
        if not self.points.diverges(stmt):
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
        if not self.points.diverges(stmt):
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
        apart = all(a in self.points.disjoint and self.group.is_apart((a, at)) for a, at in found)
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
