"""What a time step saves of a field is saved by the loop that reads the field.

Where a field is saved whole at the start of an iteration (``read_saved``), that is a pass over it
of its own: first memory is busy, then the arithmetic. The loop that reads the field has it at hand,
so the copy is made there, and both go on at once::

    for i in range(u.shape[0]):         for i in range(min(1, u.shape[0])):
        u_tape[t, i] = u[i]                 u_tape[t, i] = u[i]
    for i in range(1, n - 1):    ->     for i in range(max(1, n - 1), u.shape[0]):
        v[i] = u[i - 1] + u[i + 1]          u_tape[t, i] = u[i]
                                        for i in range(1, n - 1):
                                            u_tape[t, i] = u[i]
                                            v[i] = u[i - 1] + u[i + 1]

It is done for fields with one axis (of others the rows are short beside what is saved in all, and
nothing is gained), where nothing stores to the field before the loop that reads it has ended. That
loop must still vectorise: LLVM compares the ranges of its arrays before it runs, and gives up where
that takes too many comparisons.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.flow import assigned, names_of
from srcad.analysis.iterations import accesses, offset_from
from srcad.analysis.sizes import Sizes, sizes_after, sizes_inside
from srcad.ir.build import ONE, ZERO, compare
from srcad.ir.nodes import (
    Assign,
    Block,
    Call,
    Check,
    Comment,
    Expr,
    Extent,
    For,
    Function,
    If,
    IndexCheck,
    Load,
    Stmt,
    Store,
    Tape,
    While,
    blocks,
    names_read,
    statements,
    with_blocks,
)
from srcad.ir.types import INT

COMPARISONS = 8
"""Ranges of memory that LLVM compares at most before a loop that it vectorises."""
_PLAIN = (Assign, Store, For, If, Check, IndexCheck, Comment)


def save_along(function: Function) -> Function:
    """The adjoint whose fields are saved by the loops that read them."""
    saver = _Saver(function)
    return replace(function, body=saver.block(function.body, Sizes(function.arrays)))


@dataclass(frozen=True)
class _Copy:
    """A loop that copies all elements of a field to a slot of its tape."""

    loop: For
    tape: str
    field: str
    slot: Expr

    def of(self, position: Expr) -> Store:
        """The copy of one element."""
        (store,) = self.loop.body
        assert isinstance(store, Store)
        value = Load(self.field, (position,), store.value.kind)
        return replace(store, index=(self.slot, position), value=value)


class _Saver:
    def __init__(self, function: Function) -> None:
        self.tapes = {s.target for s in statements(function.body) if isinstance(s, Tape)}
        self.aliases = Aliases(function.body, points_to(function.body, set(function.arrays)))

    def block(self, block: Block, sizes: Sizes) -> Block:
        """The block with the copies moved; ``sizes`` is what is known before it."""
        if all(self._copied(s) is None for s in statements(block)):
            return block
        out: list[Stmt] = []
        rest = list(block)
        while rest:
            stmt = rest.pop(0)
            copy = self._copied(stmt)
            if copy is None or not self._is_moved(copy, rest, sizes):
                out.append(self._within(stmt, sizes))
            sizes = sizes_after((stmt,), sizes)
        return tuple(out)

    def _within(self, stmt: Stmt, sizes: Sizes) -> Stmt:
        inside = sizes_inside(stmt, sizes) if isinstance(stmt, For | While) else sizes
        parts = tuple(self.block(b, inside.copy()) for b in blocks(stmt))
        return with_blocks(stmt, parts) if parts else stmt

    def _copied(self, stmt: Stmt) -> _Copy | None:
        """The copy that a statement makes, if it is nothing else."""
        match stmt:
            case For(
                var=var,
                start=start,
                step=step,
                until=None,
                body=(Store(array=tape, index=(slot, at), value=Load(array=field, index=index)),),
            ) if tape in self.tapes and index == (at,) and at == var:
                if start == ZERO and step == ONE and var.name not in names_read(slot):
                    return _Copy(stmt, tape, field, slot)
        return None

    def _is_moved(self, copy: _Copy, rest: list[Stmt], sizes: Sizes) -> bool:
        """Whether a loop of those that follow, in ``rest``, can make a copy, which then does."""
        if sizes.known(copy.loop.stop) != sizes.known(Extent(copy.field, 0)):
            return False
        sizes = sizes.copy()
        for k, stmt in enumerate(rest):
            if not self._keeps(stmt, copy):
                return False
            if isinstance(stmt, For) and _reads_along(stmt, copy) and _is_within(stmt, copy, sizes):
                rest[k : k + 1] = _saving(stmt, copy, sizes)
                return True
            sizes = sizes_after((stmt,), sizes)
        return False

    def _keeps(self, whole: Stmt, copy: _Copy) -> bool:
        """Whether a statement leaves the field, its tape and the number of the slot alone."""
        if assigned((whole,)) & names_read(copy.slot):
            return False
        for stmt in statements((whole,)):
            if not isinstance(stmt, _PLAIN) or copy.tape in names_of(stmt):
                return False
            if isinstance(stmt, Store) and self.aliases.may(copy.field, stmt.array):
                return False
        return True


def _reads_along(loop: For, copy: _Copy) -> bool:
    """Whether the iterations of an innermost loop read the field element by element."""
    if loop.step != ONE or loop.until is not None or loop.checkpoints is not None:
        return False
    if not all(isinstance(s, Assign | Store | Comment) for s in loop.body):
        return False
    if loop.var.name in assigned(loop.body) | names_read(copy.slot):
        return False
    places = [a.index[0] for a in accesses(loop.body) if a.array == copy.field]
    return any(offset_from(p, loop.var) is not None for p in places) and _vectorises(loop)


def _vectorises(loop: For) -> bool:
    """Whether a loop vectorises with one more array to write, if it does without."""
    touched = {a.array for a in accesses(loop.body)}
    written = {s.array for s in loop.body if isinstance(s, Store)}
    now = _comparisons(len(written), len(touched))
    return now > COMPARISONS or _comparisons(len(written) + 1, len(touched) + 1) <= COMPARISONS


def _comparisons(written: int, touched: int) -> int:
    """The pairs of arrays of which one is written.

    >>> _comparisons(1, 3), _comparisons(2, 4)
    (2, 5)
    """
    return written * (written - 1) // 2 + written * (touched - written)


def _is_within(loop: For, copy: _Copy, sizes: Sizes) -> bool:
    """Whether the counter of a loop is a position of the field."""
    positive = sizes.truth(compare(">=", loop.start, ZERO))
    short = sizes.truth(compare("<=", loop.stop, Extent(copy.field, 0)))
    return bool(positive and short)


def _saving(loop: For, copy: _Copy, sizes: Sizes) -> Iterator[Stmt]:
    """The loop that saves what it reads, after what lies before its start and behind its end."""
    length = Extent(copy.field, 0)
    if sizes.known(loop.start) != ZERO:
        yield replace(copy.loop, stop=Call("min", (loop.start, length), INT))
    if sizes.known(loop.stop) != sizes.known(length):
        yield replace(copy.loop, start=Call("max", (loop.start, loop.stop), INT))
    yield replace(loop, body=(copy.of(loop.var), *loop.body))
