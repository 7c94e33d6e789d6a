"""How much memory the tapes of a program take, for arguments of given sizes.

A tape that stands outside of all loops has a length that is computed from the arguments. In ::

    v_tape = tape(pool, max(0, steps) * max(0, u0.shape[0] - 2), np.float64)
    for t in range(steps):

with 100 for ``steps`` and an array of 50 for ``u0`` that is 4800 numbers, 38400 bytes. What hangs
on numbers that the program computes is not known before it runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from srcad.analysis.sizes import Sizes, sizes_after
from srcad.ir.nodes import (
    Assign,
    Binary,
    Block,
    Call,
    Const,
    Expr,
    For,
    Function,
    Keep,
    Stack,
    Tape,
    While,
    blocks,
    plain_statements,
    statements,
)
from srcad.ir.types import INT, width_of
from srcad.position import Position

_LINE = 64
"""A tape takes whole cache lines (as in ``srcad.runtime``)."""


@dataclass
class Taped:
    """What is kept for one loop; None: not known before the run."""

    at: Position
    trips: int | None = None
    is_marked: bool = False
    """Whether the loop has snapshots."""
    snapshots: int | None = None
    """How many snapshots were asked for."""
    slots: int | None = None
    """How many states there is room for."""
    sizes: list[int | None] = field(default_factory=list)
    """Bytes of each tape."""
    slot_sizes: list[int | None] = field(default_factory=list)
    """Bytes of one state on each of them, where the loop has snapshots."""

    @property
    def bytes(self) -> int | None:
        """Bytes of all tapes of the loop."""
        return _sum(self.sizes)

    @property
    def slot_bytes(self) -> int | None:
        """Bytes of one state."""
        return _sum(self.slot_sizes)


def tapes_of(function: Function, given: Mapping[str, int | tuple[int, ...]]) -> list[Taped]:
    """The tapes of a program, loop by loop, for these integers and shapes of arguments."""
    sizes = Sizes(function.arrays)
    for name, value in given.items():
        if isinstance(value, int):
            sizes.values[name] = Const(value, INT)
        else:
            sizes.shapes[name] = tuple(Const(n, INT) for n in value)
    marked = dict.fromkeys(at for at, _ in _marks(function.body))
    made: list[Taped] = []
    waiting: dict[Position, Taped] = {}
    for stmt in function.body:
        if isinstance(stmt, Tape | Stack | Keep):
            if stmt.at not in waiting:
                waiting[stmt.at] = Taped(stmt.at, is_marked=stmt.at in marked)
                made.append(waiting[stmt.at])
            _add(waiting[stmt.at], stmt, sizes)
        elif isinstance(stmt, For | While) and stmt.at in waiting:
            _describe(waiting.pop(stmt.at), stmt, sizes)
        inner = statements(tuple(s for block in blocks(stmt) for s in block))
        made += [Taped(s.at, sizes=[None]) for s in inner if isinstance(s, Tape | Stack | Keep)]
        sizes_after((stmt,), sizes)
    seen = {taped.at for taped in made}
    made += [Taped(at, is_marked=True, sizes=[None]) for at in marked if at not in seen]
    return made


def _add(taped: Taped, tape: Tape | Stack | Keep, sizes: Sizes) -> None:
    """One more tape of a loop; a stack and a list are as long as the loop makes them."""
    if not isinstance(tape, Tape):
        taped.sizes.append(None)
        return
    lengths = [_number(extent, sizes) for extent in tape.shape]
    slot = _product(width_of(tape.dtype), lengths[1:])
    size = _product(width_of(tape.dtype), lengths)
    taped.sizes.append(None if size is None else -(-size // _LINE) * _LINE)
    if taped.is_marked:
        taped.slots = lengths[0]
        taped.slot_sizes.append(slot)


def _describe(taped: Taped, loop: For | While, sizes: Sizes) -> None:
    """What the forward sweep of a loop says of it."""
    if isinstance(loop, For) and loop.until is None:
        numbers = [_number(e, sizes) for e in (loop.start, loop.stop, loop.step)]
        known = [n for n in numbers if n is not None]
        if len(known) == len(numbers):
            taped.trips = len(range(*known))
    for at, call in _marks((loop,)):
        free = call.args[2]
        if at == loop.at and isinstance(free, Binary):
            taped.snapshots = _number(free.a, sizes)
            return
    taped.snapshots = taped.slots


def _marks(block: Block) -> Iterator[tuple[Position, Call]]:
    """Where loops with snapshots stand, and what computes the next one."""
    for loop in statements(block):
        if isinstance(loop, For | While):
            for stmt in plain_statements(loop.body):
                match stmt:
                    case Assign(value=Call(function="next_snapshot") as call):
                        yield loop.at, call


def _number(expr: Expr, sizes: Sizes) -> int | None:
    """What an integer is, if it is known."""
    found = sizes.known(expr)
    return int(found.value) if isinstance(found, Const) else None


def _sum(numbers: list[int | None]) -> int | None:
    """The sum of numbers that are all known."""
    known = [n for n in numbers if n is not None]
    return sum(known) if known and len(known) == len(numbers) else None


def _product(first: int, others: list[int | None]) -> int | None:
    """The product of numbers that are all known."""
    known = [n for n in others if n is not None]
    return first * math.prod(known) if len(known) == len(others) else None
