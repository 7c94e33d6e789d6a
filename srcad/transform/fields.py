"""Fields that a time loop saves whole, and loops in which they live in the slots of their tape.

What ``resident.py`` and ``next_slot.py`` have in common: what has to be known of a field and of its
loop, and the loop around whose iterations the tape is made one slot longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.flow import names_of
from srcad.analysis.iterations import BY_ELEMENT, accesses, offset_from
from srcad.analysis.sizes import Sizes, sizes_after, sizes_inside
from srcad.ir.build import ONE, ZERO, add, sub
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Bind,
    Block,
    Expr,
    Extent,
    For,
    Function,
    If,
    Load,
    Return,
    Span,
    Stmt,
    Store,
    Tape,
    Window,
    statements,
)
from srcad.ir.types import kind_of
from srcad.transform.boxes import Box, Index, copied, edges, has_edges
from srcad.transform.nest import copied_by, nest


@dataclass(frozen=True)
class Field:
    """A field that a loop finds in its tape."""

    cycle: tuple[str, ...]
    """The field, that which an iteration makes of it, and those that it is exchanged with."""
    tape: str
    slot: Expr
    """The number of an iteration."""
    box: Box
    """The elements that an iteration writes, before it looks at any."""

    @property
    def name(self) -> str:
        """The field itself."""
        return self.cycle[0]

    @property
    def target(self) -> str:
        """The array that is the field of the next iteration, by its name in this one."""
        return self.cycle[1]

    @property
    def has_border(self) -> Expr:
        """Whether what an iteration does not write can be told in pieces."""
        return has_edges(self.box)

    @property
    def is_narrow(self) -> bool:
        """Whether that is so of all fields but empty ones."""
        return all(p.width <= 1 for p in self.box)


class FieldLoop:
    """One loop of the forward sweep, and what is known of the fields that it saves."""

    def __init__(self, function: Function, place: int, names: Names) -> None:
        self.function = function
        self.names = names
        self.place = place
        loop = function.body[place]
        assert isinstance(loop, For)
        self.loop = loop
        self.tapes = {s.target: s for s in function.body[:place] if isinstance(s, Tape)}
        self.aliases = Aliases(function.body, points_to(function.body, set(function.arrays)))
        before = sizes_after(function.body[:place], Sizes(function.arrays))
        self.sizes = sizes_inside(loop, before)

    def is_plain(self) -> bool:
        """Whether the iterations are counted up, one by one."""
        loop = self.loop
        return loop.step == ONE and loop.until is None and loop.checkpoints is None

    def counts(self, slot: Expr) -> bool:
        """Whether a slot is the number of an iteration."""
        loop = self.loop
        return offset_from(slot, loop.var) is not None or slot == sub(loop.var, loop.start)

    def saved(self, stmt: Stmt) -> tuple[str, Tape, Expr] | None:
        """The array that a statement saves whole, its tape and the slot of it."""
        found = copied_by(stmt)
        if found is None or found.target not in self.tapes or found.at != found.counters:
            return None
        slot, *place = found.to
        whole = tuple(Extent(found.source, k) for k in range(len(found.counters)))
        if tuple(place) != found.counters or found.ends != whole:
            return None
        return found.source, self.tapes[found.target], slot

    def have_shape(self, arrays: Iterable[str], tape: Tape) -> bool:
        """Whether these are of the shape of the slots of a tape, in every iteration."""
        shape = tuple(map(self.sizes.known, tape.shape[1:]))
        return all(self.sizes.shape(n) == shape for n in arrays)

    def are_apart(self, cycle: Sequence[str]) -> bool:
        """Whether the names denote different arrays, of which no other name is heard again."""
        own = {site for n in cycle for site in self.aliases.sites.get(n, frozenset((n,)))}
        later = self.function.body[self.place :]
        named = (names_of(s) for s in statements(later) if not isinstance(s, BY_ELEMENT))
        others = {a.array for a in accesses(later)}.union(*named) - set(cycle)
        if any(self.aliases.sites.get(n, frozenset((n,))) & own for n in others):
            return False
        return not any(self.aliases.may(a, b) for a in cycle for b in cycle if a != b)

    def are_left_alone(self, cycle: Sequence[str]) -> bool:
        """Whether nothing writes the arrays after the loop, or hands them out."""
        function = self.function
        for stmt in statements(function.body[self.place + 1 :]):
            match stmt:
                case Store(array=array) if array in cycle:
                    return False
                case Return(items=items) if set(cycle).intersection(
                    i for i in items if isinstance(i, str)
                ):
                    return False
                case Bind() if set(cycle) & {*stmt.targets, *stmt.sources}:
                    return False
        return not set(cycle) & set(function.exports)

    def is_filled_once(self, tape: Tape) -> bool:
        """Whether nothing but what saves a field in this loop, and after it, fills a tape."""
        stored = [s.array for s in statements(self.function.body) if isinstance(s, Store)]
        return stored.count(tape.target) == 1 + len(self.ends(tape))

    def ends(self, tape: Tape) -> list[int]:
        """Where a field is saved after the loop, in the statements that follow it."""
        rest = enumerate(self.function.body[self.place + 1 :])
        return [k for k, s in rest if (found := self.saved(s)) and found[1] is tape]

    # ------------------------------------------------------------ the new loop

    def around(self, field: Field, tape: Tape, start: str, row: Block, body: Block) -> Function:
        """The function with the loop's body replaced, and its tape one slot longer.

        ``start`` is copied to the first slot; ``row`` follows that.
        """
        function = self.function
        rest = function.body[self.place + 1 :]
        last = self.ends(tape)
        rest = tuple(s for k, s in enumerate(rest) if k not in last)
        count = tape.shape[0] if last else add(tape.shape[0], ONE)
        longer = replace(tape, shape=(count, *tape.shape[1:]))
        before = tuple(longer if s is tape else s for s in function.body[: self.place])
        first = self.all_copied(start, field.tape, (ZERO,))
        loop = replace(self.loop, body=body)
        return replace(function, body=(*before, *first, *row, loop, *rest))

    def border(self, field: Field, source: str, target: str, slot: Index) -> list[Stmt]:
        """What an iteration does not write, copied: for each axis its ends, within those before."""
        kind = kind_of(self.function.arrays[source][0])
        out: list[Stmt] = []
        for piece in edges(field.box, source):
            out += copied(self.names, source, target, slot, kind, piece)
        if not out or self.sizes.truth(field.has_border):
            return out
        whole = [] if field.is_narrow else self.all_copied(source, target, slot)
        return [If(field.has_border, tuple(out), tuple(whole))]

    def all_copied(self, source: str, target: str, slot: Index) -> list[Stmt]:
        """A nest that copies an array to another one, in which it has a slot."""
        dtype, ndim = self.function.arrays[source]
        kind = kind_of(dtype)
        return nest(
            self.names,
            source,
            ndim,
            lambda at: [Store(target, (*slot, *at), Load(source, at, kind), True)],
        )


def row_of(name: str, tape: str, slot: Expr, arrays: Mapping[str, tuple[str, int]]) -> Window:
    """``name = tape[slot]``."""
    axes = tuple(range(1, arrays[tape][1]))
    spans = (Span(ZERO, Extent(tape, k), 1) for k in axes)
    return Window(name, tape, (slot, *spans), axes, own=True)


def exchanged(block: Block) -> dict[str, str]:
    """For each name that is exchanged, which array it denotes at the end, by its name before."""
    denoted: dict[str, str] = {}
    for stmt in block:
        if isinstance(stmt, Bind):
            moved = [denoted.get(s, s) for s in stmt.sources]
            denoted |= dict(zip(stmt.targets, moved, strict=True))
    return denoted
