"""What a step changes in place it makes in the next slot of the tape.

A loop that changes a field in place saves it first, whole, and then reads and writes it once more.
Where the field is saved in the slots of a tape, a step finds it in one slot and writes the next, as
a loop does that exchanges its arrays (``resident.py``)::

    for t in range(n):                          for i in range(m):
        for i in range(m):                          h_tape[0, i] = h[i]
            h_tape[t, i] = h[i]                 for t in range(n):
        for i in range(1, m):           ->          h_old = h_tape[t]
            e[i] += h[i] - h[i - 1]                 h = h_tape[t + 1]
        for i in range(m - 1):                      h[m - 1] = h_old[m - 1]
            h[i] += e[i + 1] - e[i]                 for i in range(1, m):
                                                        e[i] += h_old[i] - h_old[i - 1]
                                                    for i in range(m - 1):
                                                        h[i] = h_old[i] + (e[i + 1] - e[i])

So it is where the step copies its field itself (``un = u.copy()``), and the copy is a row of a tape
(``rows.py``): then ``un`` is the old field.

The first statement that writes the field must write all of it but a border, and read of it, there,
no element but the one that it writes. Nobody else may know the array.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from srcad.analysis.flow import assigned, names_of
from srcad.analysis.iterations import BY_ELEMENT, accesses
from srcad.ir.build import ONE, add
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Block,
    Expr,
    Extent,
    For,
    Function,
    Load,
    Span,
    Stmt,
    Store,
    Tape,
    Window,
    blocks,
    children,
    rebuild,
    statements,
    with_blocks,
)
from srcad.ir.rename import with_expressions
from srcad.transform.boxes import Box, box_of
from srcad.transform.fields import Field, FieldLoop, row_of
from srcad.transform.nest import copied_by


def next_slot(function: Function, names: Names) -> Function:
    """The function with such fields in their tapes."""
    tapes = {s.target for s in function.body if isinstance(s, Tape)}
    k = 0
    while k < len(function.body):
        stmt = function.body[k]
        if isinstance(stmt, For) and any(_is_copy(s, tapes) for s in stmt.body):
            function = _InPlace(function, k, names).rewritten() or function
        k += 1  # what follows looks at all before it, and finds the loop again
    return function


def _is_copy(stmt: Stmt, tapes: set[str]) -> bool:
    """Whether a statement may save a field in one of these tapes, or in a row of one."""
    if isinstance(stmt, Window):
        return stmt.source in tapes and not stmt.own
    found = copied_by(stmt)
    return found is not None and found.target in tapes


class _InPlace(FieldLoop):
    """A loop that changes the field in place."""

    def rewritten(self) -> Function | None:
        """The function with a field of this loop in its tape; None: there is none."""
        if not self.is_plain():
            return None
        body = self.loop.body
        for k, stmt in enumerate(body):
            row = self._copied_row(k)
            if (found := self.saved(stmt)) is not None:
                name, tape, slot = found
                old, before, rest = None, body[:k], body[k + 1 :]
            elif row is not None:
                old, name, tape, slot = row
                before, rest = body[:k], body[k + 2 :]
            else:
                continue
            made = self._made(name, old, tape, slot, before, rest)
            if made is not None:
                return made
        return None

    def _copied_row(self, k: int) -> tuple[str, str, Tape, Expr] | None:
        """The row of a tape to which a statement and the next copy an array, and that array."""
        window, *after = self.loop.body[k : k + 2]
        if not isinstance(window, Window) or window.source not in self.tapes or not after:
            return None
        slot, *spans = window.keys
        found = copied_by(after[0])
        if found is None or isinstance(slot, Span):
            return None
        row = row_of(window.target, window.source, slot, self.function.arrays)
        if (window.keys, window.order) != (row.keys, row.order):
            return None
        if found.target != window.target or found.at != found.counters or found.to != found.at:
            return None
        whole = {
            tuple(Extent(n, k) for k in range(len(spans))) for n in (found.target, found.source)
        }
        if found.ends not in whole:
            return None
        return found.target, found.source, self.tapes[window.source], slot

    # ------------------------------------------------------------ what must be known of it

    def _made(
        self, name: str, old: str | None, tape: Tape, slot: Expr, before: Block, rest: Block
    ) -> Function | None:
        """The function with a field in its tape, if it can be there."""
        body = (*before, *rest)
        if not self.counts(slot) or not self.have_shape((name,), tape):
            return None
        if not self.are_apart((name,)) or not self.are_left_alone((name,)):
            return None
        if any(name in names_of(s) for s in statements(body) if not isinstance(s, BY_ELEMENT)):
            return None
        if any(s.array == name for s in _stores(before)) or not self._is_kept(old, tape, rest):
            return None
        first = next((k for k, s in enumerate(rest) if name in {x.array for x in _stores((s,))}), 0)
        box = self._box(name, rest[first])
        if box is None:
            return None
        names = self.names.fresh(f"{name}_old") if old is None else old
        field = Field((names, name), tape.target, slot, box)
        return self._in_slots(field, tape, before, rest[:first], rest[first], rest[first + 1 :])

    def _is_kept(self, old: str | None, tape: Tape, rest: Block) -> bool:
        """Whether nothing else writes what is saved, in this loop or after it."""
        if old is None:
            return self.is_filled_once(tape)
        whole = self.function.body
        named = [s for s in statements(whole) if isinstance(s, Window) and s.source == tape.target]
        stored = {s.array for s in _stores(whole) if s.array == tape.target}
        written = _stores((*rest, *whole[self.place + 1 :]))
        if stored or any(self.aliases.may(old, s.array) for s in written):
            return False
        handed = {n for s in statements(rest) if not isinstance(s, BY_ELEMENT) for n in names_of(s)}
        return old not in handed and all(w.target == old for w in named)

    def _box(self, name: str, stmt: Stmt) -> Box | None:
        """The elements that a statement writes, if it reads each of them before only, if at all."""
        stored = [s for s in _stores((stmt,)) if s.array == name]
        if len(stored) != 1 or not isinstance(stmt, For):
            return None
        index = stored[0].index
        if any(a.array == name and a.index != index for a in accesses((stmt,))):
            return None
        found = box_of(stmt, name, index, self.sizes, assigned((self.loop,)))
        if found is None:
            return None
        box, inner = found
        return box if _loads(name, (stmt,)) == _loads(name, inner) else None

    # ------------------------------------------------------------ what is written

    def _in_slots(
        self, field: Field, tape: Tape, before: Block, reads: Block, writes: Stmt, rest: Block
    ) -> Function:
        """The function with the field in its tape; ``writes`` is the first to change it."""
        old, name = field.cycle
        arrays = self.function.arrays | {old: self.function.arrays[name]}
        self.function = replace(self.function, arrays=arrays)
        windows = (
            row_of(old, tape.target, field.slot, arrays),
            row_of(name, tape.target, add(field.slot, ONE), arrays),
        )
        border = self.border(field, old, name, ())
        made = (*_from(old, name, reads), *_written_to(name, old, (writes,)), *rest)
        return self.around(field, tape, name, (), (*before, *windows, *border, *made))


def _stores(block: Block) -> Iterator[Store]:
    return (s for s in statements(block) if isinstance(s, Store))


def _loads(name: str, block: Block) -> int:
    """How often an array is read."""
    return sum(a.array == name and a.how != "store" for a in accesses(block))


def _from(old: str, name: str, block: Block) -> Block:
    """The block with the old field in place of another."""

    def read(expr: Expr) -> Expr:
        parts = tuple(map(read, children(expr)))
        if isinstance(expr, Load) and expr.array == name:
            return Load(old, parts, expr.kind)
        return rebuild(expr, parts) if parts else expr

    return with_expressions(block, read)


def _written_to(name: str, old: str, block: Block) -> Block:
    """A nest that writes the field: up to where it is written, the old one is read."""
    for k, stmt in enumerate(block):
        if any(s.array == name for s in _stores((stmt,))):
            inner = tuple(_written_to(name, old, b) for b in blocks(stmt))
            changed = with_blocks(stmt, inner) if inner else _from(old, name, (stmt,))[0]
            return (*_from(old, name, block[:k]), changed, *block[k + 1 :])
    return block
