"""A long time loop whose steps are cheap is reversed in segments, each of which runs twice.

The tape of a field is as long as the run, and a step that only moves data waits for memory. Where
the fields live in their tape (``resident.py``), a tape for some of the steps is enough: the forward
sweep runs over it again and again, and keeps the state at the start of each segment; the reverse
sweep runs a segment once more, with the tape, before it reverses it::

    for t in range(n):                      for t in range(n):
        v = u_tape[t + 1]                       if t == end:
        for i in range(m):                          first, end = end, end + length
            v[i] = f(u[i])                          if end < n:
        u, v = v, u                                     u_snapshots[first // length] = u
    # reverse sweep                                 u_tape[0] = u
    for t in range(n - 1, -1, -1):                  u = u_tape[0]
        u_b += g(u_tape[t]) * v_b     ->        v = u_tape[t - first + 1]
                                                ...
                                            # reverse sweep
                                            for t in range(n - 1, -1, -1):
                                                if t < first:
                                                    first -= length
                                                    ...         # the segment once more
                                                u_b += g(u_tape[t - first]) * v_b

``length`` is the whole run where the tape is short, as the program decides at each call
(``srcad.runtime.schedules.segment_length``); then nothing runs twice. Before the last segment, a
few slots are written in turn, which stay in the cache: nobody reads the others. What runs again is
what fills the tapes. It is not done where an iteration calls functions that are dear, or runs over
its fields several times; nor where it hands anything to the next one but the fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.flow import assigned, exposed, names_of, reads_of, scalars
from srcad.analysis.iterations import accesses, is_still
from srcad.analysis.sizes import difference
from srcad.ir.build import (
    ONE,
    ZERO,
    add,
    at_least_zero,
    binary,
    compare,
    integer,
    logic,
    sub,
)
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Binary,
    Bind,
    Block,
    Call,
    Check,
    Comment,
    Const,
    Expr,
    For,
    Function,
    If,
    IndexCheck,
    Load,
    Return,
    Select,
    Span,
    Stmt,
    Store,
    Tape,
    Var,
    Window,
    blocks,
    children,
    names_read,
    rebuild,
    statements,
    with_blocks,
)
from srcad.ir.rename import renamed, with_expressions
from srcad.ir.types import INT, kind_of
from srcad.position import NOWHERE
from srcad.transform.boxes import Piece, edges
from srcad.transform.cost import dear_calls
from srcad.transform.fields import Field, row_of
from srcad.transform.nest import nest, nest_over

_ARRAYS = 4
"""The most arrays that are exchanged: a segment is longer than twice as many steps."""
_NESTS = 6
"""The most loops over whole fields in a step."""
_SIZE = 60
"""The most statements of a step."""


def segments(function: Function, fields: tuple[Field, ...], names: Names) -> Function:
    """The function with the loops of such fields in segments."""
    tapes = dict.fromkeys(f.tape for f in fields)
    while tapes:
        first = next(iter(tapes))
        loop = _filling(function, first)
        here = [f for f in fields if _filling(function, f.tape) is loop]
        for field in here:
            tapes.pop(field.tape, None)
        if loop is not None:
            function = _Segments(function, loop, here, names).cut() or function
    return function


def _filling(function: Function, tape: str) -> For | None:
    """The loop of the function whose iterations have rows of a tape."""
    for stmt in function.body:
        if isinstance(stmt, For) and any(
            isinstance(s, Window) and s.source == tape for s in stmt.body
        ):
            return stmt
    return None


@dataclass(frozen=True)
class _Kept:
    """Where something of the state at the start of a segment is kept."""

    tape: Tape
    array: str
    piece: Piece | None
    """Places along an axis of the array, and ranges of the others; None: all of it."""

    def moved(self, segment: Expr, names: Names, back: bool = False) -> list[Stmt]:
        """It is kept, or taken back."""
        kind = kind_of(self.tape.dtype)
        kept, array = self.tape.target, self.array

        def move(here: tuple[Expr, ...], there: tuple[Expr, ...]) -> Stmt:
            if back:
                return Store(array, here, Load(kept, (segment, *there), kind))
            return Store(kept, (segment, *there), Load(array, here, kind), True)

        if self.piece is None:
            return nest(names, array, len(self.tape.shape) - 1, lambda at: [move(at, at)])
        axis, places, ranges = self.piece

        def body(at: tuple[Expr, ...]) -> list[Stmt]:
            pairs = enumerate(places)
            return [move((*at[:axis], p, *at[axis:]), (integer(k), *at)) for k, p in pairs]

        return nest_over(names, ranges, body)


class _Segments:
    """One loop of the forward sweep and its reverse."""

    def __init__(self, function: Function, loop: For, fields: list[Field], names: Names) -> None:
        self.function = function
        self.names = names
        self.loop = loop
        self.fields = fields
        self.arrays = dict(function.arrays)
        self.place = next(k for k, s in enumerate(function.body) if s is loop)
        self.cycles = {n for f in fields for n in f.cycle}
        self.turns: dict[str, Var] = {}
        """The slots of tapes that are written in turn."""
        own = {n for s in statements(loop.body) for n in names_of(s)}
        self.tapes = {
            s.target: s
            for s in function.body[: self.place]
            if isinstance(s, Tape) and s.target in own
        }

    def cut(self) -> Function | None:
        """The function with the loop in segments; None: it is left as it is."""
        back = self._back()
        if back is None or not self._is_cheap() or not self._is_plain():
            return None
        again = self._without_effects(self.loop.body)
        carried = exposed(again) & scalars(again).keys() - {self.loop.var.name}
        if carried or not self._stays(back, again):
            return None
        return self._written(back, again)

    # ------------------------------------------------------------ the two loops

    def _back(self) -> int | None:
        """Where the loop stands that reads the tapes backwards, if it is one."""
        loop, body = self.loop, self.function.body
        readers = [
            k
            for k in range(self.place + 1, len(body))
            if any(names_of(s) & self.tapes.keys() for s in statements((body[k],)))
        ]
        if len(readers) != 1 or loop.step != ONE or loop.until is not None or loop.checkpoints:
            return None
        back = body[readers[0]]
        if not isinstance(back, For) or back.step != integer(-1) or back.until is not None:
            return None
        turned = sub(loop.stop, ONE), sub(loop.start, ONE), loop.var
        if (back.start, back.stop, back.var) != turned or back.var.name in assigned(back.body):
            return None
        fixed = names_read(loop.start) | names_read(loop.stop)
        changing = assigned(body[self.place :]) - {loop.var.name}
        if fixed & changing or not is_still(loop.start, set()) or not is_still(loop.stop, set()):
            return None
        found = [*self._indices(loop.body), *self._indices(back.body)]
        self.slots = {n: max(k or 0 for tape, k in found if tape == n) for n in self.tapes}
        return readers[0] if all(k is not None for _, k in found) else None

    def _indices(self, block: Block) -> Iterator[tuple[str, int | None]]:
        """How far each slot of a tape that is named is from the number of the iteration."""
        for stmt in statements(block):
            if isinstance(stmt, Window) and stmt.source in self.tapes:
                slot = stmt.keys[0]
                is_row = stmt.own and not isinstance(slot, Const)
                yield stmt.source, self._ahead(slot) if is_row else None
        for access in accesses(block):
            if access.array in self.tapes:
                yield access.array, self._ahead(access.index[0])

    def _ahead(self, slot: object) -> int | None:
        if not isinstance(slot, Expr):
            return None
        return difference(slot, sub(self.loop.var, self.loop.start))

    # ------------------------------------------------------------ what an iteration does

    def _is_cheap(self) -> bool:
        """Whether an iteration runs over its fields a few times only, and computes little."""
        body = list(statements(self.loop.body))
        loops = [s for s in body if isinstance(s, For)]
        depth = max(len(f.box) for f in self.fields)
        if len(body) > _SIZE or any(map(dear_calls, body)) or _depth(self.loop.body) > depth:
            return False
        innermost = [s for s in loops if not any(isinstance(x, For) for x in s.body)]
        return len(innermost) <= _NESTS * len(self.fields)

    def _is_plain(self) -> bool:
        """Whether an iteration writes fields, tapes, and what it never reads, and names no more."""
        simple = Window | Assign | Store | For | If | Check | IndexCheck | Comment
        aliases = Aliases(self.function.body, points_to(self.function.body, set(self.arrays)))
        loaded = {a.array for a in accesses(self.loop.body) if a.how != "store"}
        for stmt in statements(self.loop.body):
            match stmt:
                case Bind(targets=targets, sources=sources):
                    if set(targets) != set(sources) or loaded & set(targets) - self.cycles:
                        return False
                    if self.cycles & set(targets) and not any(stmt is s for s in self.loop.body):
                        return False
                case Store(array=array):
                    own = array in self.cycles or array in self.tapes
                    if not own and any(aliases.may(array, other) for other in loaded):
                        return False
                case _ if not isinstance(stmt, simple):
                    return False
        return all(len(f.cycle) <= _ARRAYS for f in self.fields)

    def _without_effects(self, block: Block) -> Block:
        """The block without checks, shadows, sums, and what is computed for these alone."""
        while True:
            out = tuple(self._kept_of(block, block))
            if out == block:
                return block
            block = out

    def _kept_of(self, block: Block, whole: Block) -> Iterator[Stmt]:
        for stmt in block:
            match stmt:
                case Check() | IndexCheck() | Comment():
                    continue
                case Bind() if not self.cycles & set(stmt.targets):
                    continue
                case Store(array=array) if array not in self.cycles | self.tapes.keys():
                    continue
                case Assign(target=target) if not _is_read(target.name, whole):
                    continue
                case If(test=test) if any(test == f.has_border for f in self.fields):
                    yield from self._kept_of(stmt.body, whole)  # else there is one segment
                    continue
                case For() | If():
                    parts = tuple(tuple(self._kept_of(b, whole)) for b in blocks(stmt))
                    if any(parts):
                        yield with_blocks(stmt, parts)
                    continue
            yield stmt

    def _stays(self, back: int, again: Block) -> bool:
        """Whether nobody misses what running again changes, and the fields are not read later."""
        rest = self.function.body[back:]
        if exposed(rest) & (assigned(again) | {self.loop.var.name}) - self.cycles:
            return False
        for stmt in statements(rest):
            if isinstance(stmt, Bind | Return) and names_of(stmt) & self.cycles:
                return False
            if isinstance(stmt, Window) and stmt.source in self.cycles | self.tapes.keys():
                return False
        touched = {a.array for a in accesses(rest)}
        written = {a.array for a in accesses(rest) if a.how != "load"}
        dropped = {s.array for s in statements(self.loop.body) if isinstance(s, Store)}
        dropped -= self.cycles | self.tapes.keys()
        return not touched & self.cycles and not written & dropped

    # ------------------------------------------------------------ the new loops

    def _written(self, back: int, again: Block) -> Function:
        """The function with both loops in segments."""
        loop, body = self.loop, self.function.body
        reversed_loop = body[back]
        assert isinstance(reversed_loop, For)
        self.length, self.states, self.first, end = (
            Var(self.names.fresh(n), INT) for n in ("length", "states", "first", "end")
        )
        turns = self._turns()
        trips = at_least_zero(sub(loop.stop, loop.start))
        kept = self._state()
        segment = binary("//", sub(self.first, loop.start), self.length, INT)
        begins = If(
            compare("==", loop.var, end),
            (
                Comment("the next segment"),
                Assign(self.first, end),
                Assign(end, add(self.first, self.length)),
                If(
                    compare("<", end, loop.stop),
                    tuple(s for k in kept for s in k.moved(segment, self.names)),
                    tuple(self._found()) if turns else (),
                ),
                *(() if turns else self._found()),
            ),
        )
        step = Var(self.names.fresh(loop.var.name), INT)
        once_more = replace(
            loop,
            var=step,
            start=self.first,
            stop=add(self.first, self.length),
            body=renamed(self._shifted(again), {loop.var.name: step.name}),
            at=NOWHERE,
        )
        goes_back = If(
            compare("<", loop.var, self.first),
            (
                Comment("the segment before, once more"),
                Assign(self.first, sub(self.first, self.length)),
                *self._restored(kept, segment),
                once_more,
            ),
        )
        ahead = tuple(self._ahead_of_last(turn, slot, end) for turn, slot in turns.items())
        self.turns = {f.tape: turns[len(f.cycle)] for f in self.fields} if turns else {}
        forward = replace(loop, body=(begins, *ahead, *self._shifted(loop.body)))
        self.turns = {}
        backward = replace(reversed_loop, body=(goes_back, *self._shifted(reversed_loop.body)))
        start = (Assign(self.first, loop.start), Assign(end, loop.start))
        before = (*self._opening(trips, kept), *start, forward)
        whole = (*before, *body[self.place + 1 : back], backward, *body[back + 1 :])
        return replace(self.function, body=whole, arrays=self.arrays)

    def _turns(self) -> dict[int, Var]:
        """The slot of the next fields, by the number of arrays that are exchanged.

        Before the last segment only that many slots are written, in turn, at the end of the tape:
        these stay in the cache. There are none where an iteration looks at other slots.
        """
        tapes = {f.tape for f in self.fields}
        read = {a.array for a in accesses(self.loop.body) if a.how == "load"}
        slots = {k for tape, k in self._indices(self.loop.body) if tape in tapes}
        if slots != {1} or read & tapes:
            return {}
        turns = sorted({len(f.cycle) for f in self.fields})
        return {turn: Var(self.names.fresh("slot"), INT) for turn in turns}

    def _ahead_of_last(self, turn: int, slot: Var, end: Var) -> Assign:
        """The slot that an iteration writes: its own one if it is of the last segment."""
        step = self.loop.var
        early = Binary("-", self.length, binary("%", step, integer(turn), INT), INT)
        own = add(sub(step, self.first), ONE)
        return Assign(slot, Select(compare("<", end, self.loop.stop), early, own, INT))

    def _opening(self, trips: Expr, kept: list[_Kept]) -> Iterator[Stmt]:
        """What stands in front of the loops, with tapes for a segment and memory for states."""
        waiting = True
        for stmt in self.function.body[: self.place]:
            if isinstance(stmt, Tape) and stmt.target in self.tapes:
                if waiting:
                    yield Assign(self.length, self._segment(trips, kept))
                    waiting = False
                slots = add(self.length, integer(self.slots[stmt.target]))
                yield replace(stmt, shape=(slots, *stmt.shape[1:]))
            elif not any(names_of(s) & self.tapes.keys() for s in statements((stmt,))):
                yield stmt
        count = binary("//", sub(add(trips, self.length), ONE), self.length, INT)
        yield Assign(self.states, at_least_zero(sub(count, ONE)))
        yield from (k.tape for k in kept)

    def _segment(self, trips: Expr, kept: list[_Kept]) -> Expr:
        """The length of a segment: the whole run where a field is too short to have a border."""
        sizes = [_bytes(tapes) for tapes in (self.tapes.values(), [k.tape for k in kept])]
        length = Call("segment_length", (trips, *sizes), INT)
        if all(f.is_narrow for f in self.fields) and len(set(map(self._shape, self.fields))) == 1:
            return length  # that of empty fields is the whole run
        bordered = logic("and", tuple(dict.fromkeys(f.has_border for f in self.fields)))
        return Select(bordered, length, Call("max", (ONE, trips), INT), INT)

    def _shape(self, field: Field) -> tuple[Expr, ...]:
        return self.tapes[field.tape].shape[1:]

    def _state(self) -> list[_Kept]:
        """What is kept at the start of a segment: fields, and what is around the next ones."""
        out: list[_Kept] = []

        def keep(array: str, lengths: tuple[Expr, ...], piece: Piece | None = None) -> None:
            name = self.names.fresh(f"{array}_snapshots")
            dtype, _ = self.arrays[array]
            self.arrays[name] = dtype, len(lengths) + 1
            out.append(
                _Kept(Tape(name, (self.states, *lengths), dtype, self.loop.at), array, piece)
            )

        for field in self.fields:
            lengths = self._shape(field)
            for name in (field.name, *field.cycle[2:]):
                keep(name, lengths)
            for piece in edges(field.box, field.name):
                axis, places, _ = piece
                others = (*lengths[:axis], *lengths[axis + 1 :])
                keep(field.target, (integer(len(places)), *others), piece)
        return out

    def _found(self) -> Iterator[Stmt]:
        """The fields brought to the start of their tapes."""
        for field in self.fields:
            yield from self._copied(field, field.name, ())
            yield row_of(field.name, field.tape, ZERO, self.arrays)

    def _copied(self, field: Field, source: str, slot: tuple[Expr, ...]) -> list[Stmt]:
        """An array copied to the start of a tape."""
        kind = kind_of(self.arrays[field.name][0])
        return nest(
            self.names,
            field.name,
            len(field.box),
            lambda at: [Store(field.tape, (ZERO, *at), Load(source, (*slot, *at), kind), True)],
        )

    def _restored(self, kept: list[_Kept], segment: Expr) -> Iterator[Stmt]:
        """The state at the start of a segment."""
        for field in self.fields:
            for found in kept:
                if found.array == field.name:
                    yield from self._copied(field, found.tape.target, (segment,))
                elif found.array in field.cycle[2:]:
                    yield row_of(found.array, found.tape.target, segment, self.arrays)
            yield row_of(field.name, field.tape, ZERO, self.arrays)
            yield row_of(field.target, field.tape, self.length, self.arrays)
            for found in kept:
                if found.array == field.target:
                    yield from found.moved(segment, self.names, back=True)

    def _shifted(self, block: Block) -> Block:
        """A block that counts the slots of tapes from the start of the segment."""
        return tuple(map(self._in_segment, with_expressions(block, self._with_slots)))

    def _in_segment(self, stmt: Stmt) -> Stmt:
        match stmt:
            case Store(array=array, index=(slot, *place)) if array in self.tapes:
                return replace(stmt, index=(self._slot(array, slot), *place))
            case Window(source=array, keys=(slot, *spans)) if array in self.tapes:
                assert not isinstance(slot, Span)
                return replace(stmt, keys=(self._slot(array, slot), *spans))
        parts = tuple(tuple(map(self._in_segment, b)) for b in blocks(stmt))
        return with_blocks(stmt, parts) if parts else stmt

    def _with_slots(self, expr: Expr) -> Expr:
        parts = tuple(map(self._with_slots, children(expr)))
        if isinstance(expr, Load) and expr.array in self.tapes:
            return Load(expr.array, (self._slot(expr.array, expr.index[0]), *parts[1:]), expr.kind)
        return rebuild(expr, parts) if parts else expr

    def _slot(self, tape: str, slot: Expr) -> Expr:
        if tape in self.turns:
            return self.turns[tape]
        ahead = self._ahead(slot)
        assert ahead is not None
        return add(sub(self.loop.var, self.first), integer(ahead))


def _depth(block: Block) -> int:
    """How many loops stand within each other."""
    return max((_depth(part) + isinstance(s, For) for s in block for part in blocks(s)), default=0)


def _is_read(name: str, block: Block) -> bool:
    """Whether anything but what computes a scalar itself reads it."""
    others = (s for s in statements(block) if not (isinstance(s, Assign) and s.target.name == name))
    return any(name in reads_of(s) for s in others)


def _bytes(tapes: Iterable[Tape]) -> Expr:
    """The bytes of one slot of some tapes."""
    total: Expr = ZERO
    for tape in tapes:
        size: Expr = integer(np.dtype(tape.dtype).itemsize)
        for length in tape.shape[1:]:
            size = binary("*", size, length, INT)
        total = add(total, size)
    return total
