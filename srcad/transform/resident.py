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

from srcad.analysis.flow import assigned, names_of
from srcad.analysis.iterations import BY_ELEMENT, accesses
from srcad.ir.build import ONE, ZERO, add
from srcad.ir.names import Names
from srcad.ir.nodes import Bind, Block, Expr, For, Function, Store, Tape, statements
from srcad.transform.boxes import Box, box_of
from srcad.transform.fields import Field, FieldLoop, exchanged, row_of
from srcad.transform.rims import rims


def resident(function: Function, names: Names) -> tuple[Function, tuple[Field, ...]]:
    """The function with such fields in their tapes, and these."""
    fields: list[Field] = []
    if not any(isinstance(s, Tape) for s in function.body):
        return function, ()
    k = 0
    while k < len(function.body):
        stmt = function.body[k]
        found = None
        if isinstance(stmt, For) and exchanged(stmt.body):  # what follows looks at all before it
            found = _Exchanging(function, k, names).resident()
        if found is not None:
            function, field = found
            fields.append(field)
        k += 1
    return function, tuple(fields)


class _Exchanging(FieldLoop):
    """A loop that exchanges the field with what an iteration makes of it."""

    def resident(self) -> tuple[Function, Field] | None:
        """The function with a field of this loop in its tape; None: there is none."""
        if not self.is_plain():
            return None
        loop = self.loop
        saves = [(k, found) for k, s in enumerate(loop.body) if (found := self.saved(s))]
        for number, (k, (name, tape, slot)) in enumerate(saves):
            if k != number:
                return None  # something is done before it is saved
            body = (*loop.body[:k], *loop.body[k + 1 :])
            field = self._field(name, tape, slot, body)
            if field is not None:
                left = len(saves) - 1
                return self._rewritten(field, tape, body[:left], body[left:]), field
        return None

    def _field(self, name: str, tape: Tape, slot: Expr, body: Block) -> Field | None:
        """What must be known of a field to have it in its tape; None: it is not so."""
        end = exchanged(body)
        cycle = [name]
        while (other := end.get(cycle[-1])) is not None and other not in cycle:
            cycle.append(other)
        if len(cycle) < 2 or end.get(cycle[-1]) != name or not self.counts(slot):
            return None
        if not self._writes_only(cycle[1], cycle, body) or not self.have_shape(cycle, tape):
            return None
        if not self.are_apart(cycle) or not self.are_left_alone(cycle):
            return None
        box = self._box(cycle[1], body) if self.is_filled_once(tape) else None
        return None if box is None else Field(tuple(cycle), tape.target, slot, box)

    def _writes_only(self, target: str, cycle: list[str], body: Block) -> bool:
        """Whether an iteration writes no other array of the cycle, and names them plainly."""
        for k, stmt in enumerate(body):
            if isinstance(stmt, Bind):
                continue
            denoted = exchanged(body[:k])
            for inner in statements((stmt,)):
                if not isinstance(inner, BY_ELEMENT) and names_of(inner) & set(cycle):
                    return False
                match inner:
                    case Store(array=array) if array in cycle:
                        if denoted.get(array, array) != target:
                            return False
        return True

    def _box(self, target: str, body: Block) -> Box | None:
        """The elements that the first statement that touches an array writes, and nothing else."""
        for stmt in body:
            if isinstance(stmt, Bind) and target in stmt.targets:
                return None
            found = [a for a in accesses((stmt,)) if a.array == target]
            if not found:
                continue
            if len(found) != 1 or found[0].how != "store" or not isinstance(stmt, For):
                return None
            changing = assigned((self.loop,))
            written = box_of(stmt, target, found[0].index, self.sizes, changing)
            return None if written is None else written[0]
        return None

    def _rewritten(self, field: Field, tape: Tape, saves: Block, body: Block) -> Function:
        """The function with the field in its tape, one slot longer than the loop."""
        arrays = self.function.arrays
        row = row_of(field.name, tape.target, ZERO, arrays)
        after = add(field.slot, ONE)
        border = self.border(field, field.target, tape.target, (after,))
        next_row = row_of(field.target, tape.target, after, arrays)
        body = rims(body, self.aliases, self.sizes, self.names, arrays)
        made = (*saves, *border, next_row, *body)
        return self.around(field, tape, field.name, (row,), made)
