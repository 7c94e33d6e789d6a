"""Fields that a time loop saves whole live in the slots of their tape, and are not copied there.

A loop that exchanges its arrays finds a field at the start of each iteration, and writes the next
one into another array. Where the field is saved, the next one is written where it will be saved,
so that a step writes its result once::

    for t in range(n):                          for i in range(m):
        for i in range(m):                          u_tape[0, i] = u[i]
            u_tape[t, i] = u[i]                 u = u_tape[0]
        for i in range(1, m - 1):       ->      for t in range(n):
            v[i] = f(u[i - 1], u[i])                u_tape[t + 1, 0] = v[0]     # in a loop
        u, v = v, u                                 u_tape[t + 1, m - 1] = v[m - 1]
                                                    v = u_tape[t + 1]
                                                    for i in range(1, m - 1):
                                                        v[i] = f(u[i - 1], u[i])
                                                    u, v = v, u

What an iteration leaves as it is, a border, is copied from the array that it would have written
into. Nothing is copied but that, so the pass asks that an iteration writes the rest before it looks
at it, and that nothing but the loop writes the arrays afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeGuard

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.flow import assigned, names_of
from srcad.analysis.iterations import accesses, is_still, offset_from
from srcad.analysis.sizes import Shape, Sizes, difference, sizes_after, sizes_inside
from srcad.ir.build import ONE, ZERO, add, compare, integer, logic, sub
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Bind,
    Block,
    Check,
    Comment,
    Expr,
    Extent,
    For,
    Function,
    If,
    IndexCheck,
    Load,
    Return,
    Span,
    Stmt,
    Store,
    Tape,
    Var,
    While,
    Window,
    statements,
)
from srcad.ir.types import kind_of
from srcad.transform.nest import copied_by, nest_over

_BORDER = 8
"""The most elements, along each axis and at each end, that an iteration may leave as they are."""
_PLAIN = Assign | Store | For | While | If | Check | IndexCheck | Comment
"""Statements that name arrays as accesses to elements only."""


def resident(function: Function, names: Names) -> tuple[Function, tuple[Field, ...]]:
    """The function with such fields in their tapes, and these."""
    fields: list[Field] = []
    if not any(isinstance(s, Tape) for s in function.body):
        return function, ()
    k = 0
    while k < len(function.body):
        stmt = function.body[k]
        found = None
        if isinstance(stmt, For) and _exchanged(stmt.body):  # what follows looks at all before it
            found = _Loop(function, k, names).resident()
        if found is not None:
            function, field = found
            fields.append(field)
        k += 1
    return function, tuple(fields)


@dataclass(frozen=True)
class Field:
    """A field that a loop finds in its tape."""

    cycle: tuple[str, ...]
    """The field, that which an iteration makes of it, and those that it is exchanged with."""
    tape: str
    slot: Expr
    """The number of an iteration."""
    box: tuple[Places, ...]
    """The elements that an iteration writes, before it looks at any, by axis."""

    @property
    def name(self) -> str:
        """The field itself."""
        return self.cycle[0]

    @property
    def target(self) -> str:
        """The array that is the field of the next iteration, by its name in this one."""
        return self.cycle[1]

    @property
    def runs(self) -> Expr:
        """Whether an iteration writes any element."""
        return logic("and", tuple(compare("<", p.first, p.end) for p in self.box))

    def edges(self, array: str) -> Iterator[tuple[int, list[Expr], list[tuple[Expr, Expr]]]]:
        """What is around the box, in pieces: an axis, places along it, ranges of the others."""
        for axis, along in enumerate(self.box):
            places: list[Expr] = [integer(k) for k in range(along.before)]
            places += [add(along.end, integer(k)) for k in range(along.after)]
            ranges: list[tuple[Expr, Expr]] = [(p.first, p.end) for p in self.box[:axis]]
            ranges += [(ZERO, Extent(array, k)) for k in range(axis + 1, len(self.box))]
            if places:
                yield axis, places, ranges


@dataclass(frozen=True)
class Places:
    """Places along an axis: from ``first`` up to ``end``, if there are any."""

    first: Expr
    end: Expr
    before: int
    """How many there are in front of them, and behind them."""
    after: int


class _Loop:
    """One loop of the forward sweep."""

    def __init__(self, function: Function, place: int, names: Names) -> None:
        self.function = function
        self.names = names
        self.place = place
        loop = function.body[place]
        assert isinstance(loop, For)
        self.loop = loop
        self.tapes = {s.target: s for s in function.body[:place] if isinstance(s, Tape)}
        self.aliases = Aliases(function.body, points_to(function.body, set(function.arrays)))

    def resident(self) -> tuple[Function, Field] | None:
        """The function with a field of this loop in its tape; None: there is none."""
        loop = self.loop
        if loop.step != ONE or loop.until is not None or loop.checkpoints is not None:
            return None
        before = sizes_after(self.function.body[: self.place], Sizes(self.function.arrays))
        self.sizes = sizes_inside(loop, before)
        saves = [(k, found) for k, s in enumerate(loop.body) if (found := self._saved(s))]
        for number, (k, (name, tape, slot)) in enumerate(saves):
            if k != number:
                return None  # something is done before it is saved
            body = (*loop.body[:k], *loop.body[k + 1 :])
            field = self._field(name, tape, slot, body)
            if field is not None:
                left = len(saves) - 1
                return self._rewritten(field, tape, body[:left], body[left:]), field
        return None

    # ------------------------------------------------------------ what is saved

    def _saved(self, stmt: Stmt) -> tuple[str, Tape, Expr] | None:
        """The array that a statement saves whole, its tape and the slot of it."""
        found = copied_by(stmt)
        if found is None or found.target not in self.tapes or found.at != found.counters:
            return None
        slot, *place = found.to
        whole = tuple(Extent(found.source, k) for k in range(len(found.counters)))
        if tuple(place) != found.counters or found.ends != whole:
            return None
        return found.source, self.tapes[found.target], slot

    def _field(self, name: str, tape: Tape, slot: Expr, body: Block) -> Field | None:
        """What must be known of a field to have it in its tape; None: it is not so."""
        if offset_from(slot, self.loop.var) is None and slot != sub(self.loop.var, self.loop.start):
            return None
        end = _exchanged(body)
        cycle = [name]
        while (other := end.get(cycle[-1])) is not None and other not in cycle:
            cycle.append(other)
        if len(cycle) < 2 or end.get(cycle[-1]) != name or not self._are_apart(cycle):
            return None
        target = cycle[1]
        if not self._writes_only(target, cycle, body) or not self._is_left_alone(cycle, tape):
            return None
        shape = self._shape(tape)
        if any(self.sizes.shape(n) != shape for n in cycle):
            return None
        box = self._box(target, body)
        return None if box is None else Field(tuple(cycle), tape.target, slot, box)

    def _shape(self, tape: Tape) -> Shape:
        return tuple(map(self.sizes.known, tape.shape[1:]))

    def _are_apart(self, cycle: list[str]) -> bool:
        """Whether the names denote different arrays, of which no other name is heard again."""
        own = {site for n in cycle for site in self.aliases.sites.get(n, frozenset((n,)))}
        later = self.function.body[self.place :]
        named = (names_of(s) for s in statements(later) if not isinstance(s, _PLAIN))
        others = {a.array for a in accesses(later)}.union(*named) - set(cycle)
        if any(self.aliases.sites.get(n, frozenset((n,))) & own for n in others):
            return False
        return not any(self.aliases.may(a, b) for a in cycle for b in cycle if a != b)

    def _writes_only(self, target: str, cycle: list[str], body: Block) -> bool:
        """Whether an iteration writes no other array of the cycle, and names them plainly."""
        for k, stmt in enumerate(body):
            if isinstance(stmt, Bind):
                continue
            denoted = _exchanged(body[:k])
            for inner in statements((stmt,)):
                if not isinstance(inner, _PLAIN) and names_of(inner) & set(cycle):
                    return False
                match inner:
                    case Store(array=array) if array in cycle:
                        if denoted.get(array, array) != target:
                            return False
        return True

    def _is_left_alone(self, cycle: list[str], tape: Tape) -> bool:
        """Whether nothing writes the arrays after the loop, or hands them out."""
        function = self.function
        rest = function.body[self.place + 1 :]
        for stmt in statements(rest):
            match stmt:
                case Store(array=array) if array in cycle:
                    return False
                case Return(items=items) if set(cycle).intersection(
                    i for i in items if isinstance(i, str)
                ):
                    return False
                case Bind() if set(cycle) & {*stmt.targets, *stmt.sources}:
                    return False
        if set(cycle) & set(function.exports):
            return False
        stored = [s.array for s in statements(function.body) if isinstance(s, Store)]
        ends = sum(found[1] is tape for s in rest if (found := self._saved(s)))
        return stored.count(tape.target) == 1 + ends

    # ------------------------------------------------------------ what is written

    def _box(self, target: str, body: Block) -> tuple[Places, ...] | None:
        """The elements that the first statement that touches an array writes, and nothing else."""
        for stmt in body:
            if isinstance(stmt, Bind) and target in stmt.targets:
                return None
            found = [a for a in accesses((stmt,)) if a.array == target]
            if not found:
                continue
            if len(found) != 1 or found[0].how != "store" or not isinstance(stmt, For):
                return None
            return self._extents(target, stmt, found[0].index)
        return None

    def _extents(
        self, target: str, loop: For, index: tuple[Expr, ...]
    ) -> tuple[Places, ...] | None:
        """First and end, by axis, of what nested loops write at this index."""
        changing = assigned((self.loop,))
        ranges: dict[Var, tuple[Expr, Expr]] = {}
        block: Block = (loop,)
        while not any(isinstance(s, Store) and s.array == target for s in block):
            inner = [s for s in block if isinstance(s, For) and self._touches(s, target)]
            if len(inner) != 1 or inner[0].step != ONE or inner[0].until is not None:
                return None
            first, end = (self._still(e, changing) for e in (inner[0].start, inner[0].stop))
            if first is None or end is None:
                return None
            ranges[inner[0].var] = first, end
            block = inner[0].body
        out: list[Places] = []
        for axis, place in enumerate(index):
            hits = [(c, k) for c in ranges if (k := offset_from(place, c)) is not None]
            if len(hits) != 1:
                return None
            counter, shift = hits[0]
            first, end = (add(e, integer(shift)) for e in ranges.pop(counter))
            before = difference(self.sizes.known(first), ZERO)
            after = difference(self.sizes.known(Extent(target, axis)), self.sizes.known(end))
            if not _is_small(before) or not _is_small(after):
                return None
            out.append(Places(first, end, before, after))
        return None if ranges else tuple(out)

    def _still(self, end: Expr, changing: set[str]) -> Expr | None:
        """The end of a range in terms that no iteration changes."""
        found = end if is_still(end, changing) else self.sizes.known(end)
        return found if is_still(found, changing) else None

    def _touches(self, stmt: Stmt, array: str) -> bool:
        return any(a.array == array for a in accesses((stmt,)))

    # ------------------------------------------------------------ the new loop

    def _rewritten(self, field: Field, tape: Tape, saves: Block, body: Block) -> Function:
        """The function with the field in its tape, one slot longer than the loop."""
        function, name = self.function, field.name
        rest = function.body[self.place + 1 :]
        last = [k for k, s in enumerate(rest) if (found := self._saved(s)) and found[1] is tape]
        rest = tuple(s for k, s in enumerate(rest) if k not in last)
        count = tape.shape[0] if last else add(tape.shape[0], ONE)
        longer = replace(tape, shape=(count, *tape.shape[1:]))
        before = tuple(longer if s is tape else s for s in function.body[: self.place])
        first = self._copied(name, tape.target, ZERO, self._whole(name))
        after = add(field.slot, ONE)
        row = row_of(name, tape.target, ZERO, function.arrays)
        next_row = row_of(field.target, tape.target, after, function.arrays)
        made = (*self._border(field, after), next_row)
        loop = replace(self.loop, body=(*saves, *made, *body))
        return replace(function, body=(*before, *first, row, loop, *rest))

    def _axes(self, name: str) -> range:
        return range(self.function.arrays[name][1])

    def _whole(self, name: str) -> list[tuple[Expr, Expr]]:
        return [(ZERO, Extent(name, k)) for k in self._axes(name)]

    def _border(self, field: Field, slot: Expr) -> list[Stmt]:
        """What an iteration does not write, copied: for each axis its ends, within those before."""
        name, tape = field.target, field.tape
        out: list[Stmt] = []
        for axis, places, ranges in field.edges(name):
            out += self._copied(name, tape, slot, ranges, axis, places)
        if not out or self.sizes.truth(field.runs):
            return out
        return [
            If(field.runs, tuple(out), tuple(self._copied(name, tape, slot, self._whole(name))))
        ]

    def _copied(
        self,
        name: str,
        tape: str,
        slot: Expr,
        ranges: list[tuple[Expr, Expr]],
        axis: int = 0,
        ends: list[Expr] | None = None,
    ) -> list[Stmt]:
        """Elements of an array copied to a slot of a tape; ``ends`` are places along an axis."""
        kind = kind_of(self.function.arrays[name][0])

        def body(at: tuple[Expr, ...]) -> list[Stmt]:
            places = [at] if ends is None else [(*at[:axis], e, *at[axis:]) for e in ends]
            return [Store(tape, (slot, *p), Load(name, p, kind), True) for p in places]

        return nest_over(self.names, ranges, body)


def row_of(name: str, tape: str, slot: Expr, arrays: Mapping[str, tuple[str, int]]) -> Window:
    """``name = tape[slot]``."""
    axes = tuple(range(1, arrays[tape][1]))
    spans = (Span(ZERO, Extent(tape, k), 1) for k in axes)
    return Window(name, tape, (slot, *spans), axes, own=True)


def _exchanged(block: Block) -> dict[str, str]:
    """For each name that is exchanged, which array it denotes at the end, by its name before."""
    denoted: dict[str, str] = {}
    for stmt in block:
        if isinstance(stmt, Bind):
            moved = [denoted.get(s, s) for s in stmt.sources]
            denoted |= dict(zip(stmt.targets, moved, strict=True))
    return denoted


def _is_small(length: int | None) -> TypeGuard[int]:
    return length is not None and 0 <= length <= _BORDER
