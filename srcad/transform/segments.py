"""A long time loop whose steps are cheap is reversed in segments, each of which runs twice.

The tape of a field is as long as the run, and a step that only moves data waits for memory. Where
the fields live in their tape (``resident.py``), a tape for some of the steps is enough: the forward
sweep runs over it again and again, and keeps the state at the start of each segment; the reverse
sweep runs a segment once more, with the tape, before it reverses it::

    for t in range(n):                      for t in range(n):
        v = u_tape[t + 1]                       if t == end:
        for i in range(m):                          first, end = end, end + length
            v[i] = f(u[i])                      if t + 1 == end:
        u, v = v, u                                 slot = end // length
    # reverse sweep                             else:
    for t in range(n - 1, -1, -1):                  slot = segments + t - first + 1
        u_b += g(u_tape[t]) * v_b     ->        v = u_tape[slot]
                                                ...
                                            # reverse sweep
                                            for t in range(n - 1, -1, -1):
                                                if t < first:
                                                    first -= length
                                                    ...         # the segment once more
                                                slot = ...      # that of step t
                                                u_b += g(u_tape[slot]) * v_b

``length`` is the whole run where the tape is short, as the program decides at each call
(``srcad.runtime.schedules.segment_length``); then nothing runs twice. A tape has the fields at the
start of all segments first, where they are made, and then those within one: a field is never
copied. Before the last segment, a few slots are written in turn, which stay in the cache: nobody
reads the others. What runs again is what fills the tapes; the last step of a segment makes the
start of the next one, and is left out. Where all arrays have the same border at the start, and no
iteration writes it, it is brought to all slots once. It is not done where an iteration calls
functions that are dear, or runs over its fields several times; nor where it hands anything to the
next one but the fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from srcad.analysis.alias import Aliases, points_to, stored_sites
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
    Copy,
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
        self.turn = {f.tape: len(f.cycle) for f in fields}
        """How many arrays are exchanged, by the tape of their field."""
        self.own_slots: dict[tuple[int, int], Expr] = {}
        """The slots of fields: of this step or the next one, by the number that is exchanged."""
        self.sites = points_to(function.body, set(function.arrays))
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
        fit = (k in (0, 1) if tape in self.turn else k is not None for tape, k in found)
        return readers[0] if all(fit) else None

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
        aliases = Aliases(self.function.body, self.sites)
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
        self.length, self.segments, self.first, end = (
            Var(self.names.fresh(n), INT) for n in ("length", "segments", "first", "end")
        )
        trips = at_least_zero(sub(loop.stop, loop.start))
        self.still = {f.tape for f in self.fields if self._border_is_still(f)}
        borders = tuple(self._borders())
        kept = self._state()
        begins = If(
            compare("==", loop.var, end),
            (
                Comment("the next segment"),
                Assign(self.first, end),
                Assign(end, add(self.first, self.length)),
                *self._saved(kept, end),
            ),
        )
        goes_back = If(
            compare("<", loop.var, self.first),
            (
                Comment("the segment before, once more"),
                Assign(self.first, sub(self.first, self.length)),
                *self._restored(kept),
                self._once_more(self._without_borders(again)),
            ),
        )
        turns = self._turns()
        steps = self._in_slots(self._without_borders(loop.body), loop.var, end, turns)
        forward = replace(loop, body=(begins, *steps))
        after = add(self.first, self.length)
        steps = self._in_slots(reversed_loop.body, loop.var, after, set())
        backward = replace(reversed_loop, body=(goes_back, *steps))
        start = (Assign(self.first, loop.start), Assign(end, loop.start))
        before = (*self._opening(trips, kept, borders), *start, forward)
        whole = (*before, *body[self.place + 1 : back], backward, *body[back + 1 :])
        return replace(self.function, body=whole, arrays=self.arrays)

    def _once_more(self, again: Block) -> For:
        """The steps of a segment; the last one's field is at the start of the next segment."""
        step = Var(self.names.fresh(self.loop.var.name), INT)
        end = add(self.first, self.length)
        others = {a.array for a in accesses(again)} & self.tapes.keys() - self._own()
        if others:
            body = self._in_slots(again, self.loop.var, end, set())
        else:
            body = self._in_slots(again, self.loop.var, None, set())
        return replace(
            self.loop,
            var=step,
            start=self.first,
            stop=end if others else sub(end, ONE),
            body=renamed(body, {self.loop.var.name: step.name}),
            at=NOWHERE,
        )

    def _own(self) -> set[str]:
        return {f.tape for f in self.fields}

    def _turns(self) -> set[int]:
        """The numbers of arrays that are exchanged.

        Before the last segment only that many slots are written, in turn, at the end of the tape:
        these stay in the cache. It is not so where an iteration looks at other slots.
        """
        read = {a.array for a in accesses(self.loop.body) if a.how == "load"}
        slots = {k for tape, k in self._indices(self.loop.body) if tape in self._own()}
        return set() if slots != {1} or read & self._own() else {len(f.cycle) for f in self.fields}

    def _in_slots(self, block: Block, step: Var, end: Expr | None, turns: set[int]) -> Block:
        """A block of the loop at ``step``, with the slots that its fields have.

        ``end`` is the first step of the next segment; None: that is none of the slots.
        """
        ahead = {k for tape, k in self._indices(block) if tape in self._own()}
        self.own_slots = {}
        out: list[Stmt] = []
        if 0 in ahead:
            slot = self.own_slots[0, 0] = Var(self.names.fresh("slot"), INT)
            at_start = compare("==", step, self.first)
            inside = sub(add(self.segments, step), self.first)
            out.append(Assign(slot, Select(at_start, self._segment(self.first), inside, INT)))
        for turn in sorted(turns or {0}) if 1 in ahead else ():
            inside = add(sub(add(self.segments, step), self.first), ONE)
            if end is None:
                self.own_slots[1, turn] = inside
                continue
            slot = self.own_slots[1, turn] = Var(self.names.fresh("slot"), INT)
            if turn:
                last = sub(add(self.segments, self.length), ONE)
                early = Binary("-", last, binary("%", step, integer(turn), INT), INT)
                inside = Select(compare("<", end, self.loop.stop), early, inside, INT)
            at_end = compare("==", add(step, ONE), end)
            first = self._segment(end)
            out.append(If(at_end, (Assign(slot, first),), (Assign(slot, inside),)))
        return (*out, *self._shifted(block))

    def _segment(self, start: Expr) -> Expr:
        """The number of the segment that starts at a step."""
        return binary("//", sub(start, self.loop.start), self.length, INT)

    def _opening(self, trips: Expr, kept: list[_Kept], borders: Block) -> Iterator[Stmt]:
        """What stands in front of the loops, with tapes for a segment and memory for states."""
        waiting = True
        for stmt in self.function.body[: self.place]:
            if isinstance(stmt, Tape) and stmt.target in self.tapes:
                if waiting:
                    yield Assign(self.length, self._length(trips, kept))
                    whole = binary("//", sub(add(trips, self.length), ONE), self.length, INT)
                    yield Assign(self.segments, whole)
                    waiting = False
                if stmt.target in self._own():
                    slots = add(self.segments, self.length)
                else:
                    slots = add(self.length, integer(self.slots[stmt.target]))
                yield replace(stmt, shape=(slots, *stmt.shape[1:]))
            elif not any(names_of(s) & self.tapes.keys() for s in statements((stmt,))):
                yield stmt
        yield from (k.tape for k in kept)
        yield from borders
        for field in self.fields:
            yield from self._copied(field)
            yield row_of(field.name, field.tape, ZERO, self.arrays)

    def _length(self, trips: Expr, kept: list[_Kept]) -> Expr:
        """The length of a segment: the whole run where a field is too short to have a border."""
        own = [self.tapes[f.tape] for f in self.fields]
        sizes = [_bytes(tapes) for tapes in (self.tapes.values(), [*own, *(k.tape for k in kept)])]
        length = Call("segment_length", (trips, *sizes), INT)
        if all(f.is_narrow for f in self.fields) and len(set(map(self._shape, self.fields))) == 1:
            return length  # that of empty fields is the whole run
        bordered = logic("and", tuple(dict.fromkeys(f.has_border for f in self.fields)))
        return Select(bordered, length, Call("max", (ONE, trips), INT), INT)

    def _shape(self, field: Field) -> tuple[Expr, ...]:
        return self.tapes[field.tape].shape[1:]

    # ------------------------------------------------------------ borders

    def _border_is_still(self, field: Field) -> bool:
        """Whether all slots have the border of the field, which nobody writes."""
        stores = [s for s in statements(self.loop.body) if isinstance(s, Store)]
        if len([s for s in stores if s.array in field.cycle]) != 1 or not field.is_narrow:
            return False
        same: set[str] = set()
        for stmt in self.function.body[: self.place]:
            if any(names_of(s) & self.tapes.keys() for s in statements((stmt,))):
                continue
            match stmt:
                case Copy(target=target, source=source) if target in field.cycle and (
                    source == field.name or source in same
                ):
                    same.add(target)
                case _ if stored_sites((stmt,), self.sites) & self._sites(field):
                    same.clear()
                case _ if assigned((stmt,)) & {*field.cycle}:
                    same.clear()
        return same == {*field.cycle[1:]}

    def _sites(self, field: Field) -> frozenset[str]:
        """The arrays that a field lives in before the loop."""
        names = field.cycle
        return frozenset(s for n in names for s in self.sites.get(n, frozenset((n,))))

    def _borders(self) -> Iterator[Stmt]:
        """The borders that never change, in all slots."""
        for field in self.fields:
            if field.tape in self.still:
                slot = Var(self.names.fresh("slot"), INT)
                self.own_slots = {(1, 0): slot}
                border = tuple(s for s in self.loop.body if _fills(s, field.tape))
                body = renamed(self._shifted(border), {field.target: field.name})
                last = add(self.segments, self.length)
                yield For(slot, ONE, last, ONE, body)

    def _without_borders(self, block: Block) -> Block:
        """A block of the loop without what brings a border to a slot that has it."""
        return tuple(s for s in block if not any(_fills(s, tape) for tape in self.still))

    # ------------------------------------------------------------ the state

    def _state(self) -> list[_Kept]:
        """What is kept at the start of a segment beside the fields: what is around the next ones.

        And those that are older.
        """
        out: list[_Kept] = []

        def keep(array: str, lengths: tuple[Expr, ...], piece: Piece | None = None) -> None:
            name = self.names.fresh(f"{array}_snapshots")
            dtype, _ = self.arrays[array]
            self.arrays[name] = dtype, len(lengths) + 1
            shape = (self.segments, *lengths)
            out.append(_Kept(Tape(name, shape, dtype, self.loop.at), array, piece))

        for field in self.fields:
            lengths = self._shape(field)
            for name in field.cycle[2:]:
                keep(name, lengths)
            for piece in edges(field.box, field.name) if field.tape not in self.still else ():
                axis, places, _ = piece
                others = (*lengths[:axis], *lengths[axis + 1 :])
                keep(field.target, (integer(len(places)), *others), piece)
        return out

    def _saved(self, kept: list[_Kept], end: Expr) -> Iterator[Stmt]:
        """The state is kept, unless nobody will run the segment again."""
        first = self._segment(self.first)
        moved = tuple(s for k in kept for s in k.moved(first, self.names))
        if moved:
            yield If(compare("<", end, self.loop.stop), moved)

    def _copied(self, field: Field) -> list[Stmt]:
        """A field copied to the start of its tape."""
        kind = kind_of(self.arrays[field.name][0])
        return nest(
            self.names,
            field.name,
            len(field.box),
            lambda at: [Store(field.tape, (ZERO, *at), Load(field.name, at, kind), True)],
        )

    def _restored(self, kept: list[_Kept]) -> Iterator[Stmt]:
        """The state at the start of a segment."""
        segment = self._segment(self.first)
        last = sub(add(self.segments, self.length), ONE)
        for field in self.fields:
            for found in kept:
                if found.array in field.cycle[2:]:
                    yield row_of(found.array, found.tape.target, segment, self.arrays)
            yield row_of(field.name, field.tape, segment, self.arrays)
            if field.tape not in self.still:
                yield row_of(field.target, field.tape, last, self.arrays)
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
        ahead = self._ahead(slot)
        assert ahead is not None
        if tape in self.turn:
            found = self.own_slots.get((ahead, self.turn[tape]))
            return self.own_slots[ahead, 0] if found is None else found
        return add(sub(self.loop.var, self.first), integer(ahead))


def _fills(stmt: Stmt, tape: str) -> bool:
    """Whether a statement writes elements of a tape."""
    return any(a.array == tape and a.how == "store" for a in accesses((stmt,)))


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
