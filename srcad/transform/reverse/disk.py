"""Snapshots on disk: what a loop with some of them does besides (see ``srcad.disk``).

Snapshots in memory serve one stretch of iterations at a time. The one at its start, in slot 0, is
written to disk on the way forward and read on the way back, when the stretch after it is done. ::

    disk = open_disk(0, 0, 0)
    distance = disk_distance(n, 5, 0, 1)
    start = resume_steps(disk, 0, 1, s_snapshots)
    if start > 0:                                # a call that was killed goes on
        ...                                      # its state put back, due = start
    for t in range(start, n):
        if t == due:
            if t % distance == 0:
                held = 0
            ...                                  # a snapshot, as without a disk
            if t % distance == 0:
                write_disk(disk, t, 1, s_snapshots)
            due = next_in_distance(t, n, 5 - held, distance)
        s = sin(s) + x[t]
    begun = resume_adjoints(disk, n - 1, 0)
    if begun < n - 1:
        ...                                      # swapped names as before the loop
        read_adjoints(disk, begun, 0, x_b, s_b_kept)
        held = 0
    for last in range(begun, -1, -1):
        if held == 0:
            write_adjoints(disk, last, 0, x_b, s_b_kept)
            read_disk(disk, last - last % distance, 1, s_snapshots)
            taken[0] = last - last % distance
            held = 1
        ...                                      # as without a disk
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from srcad.analysis.flow import assigned, exposed, scalars
from srcad.ir.build import ONE, ZERO, compare, integer
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Bind,
    Block,
    Call,
    Expr,
    If,
    Invoke,
    Load,
    Stmt,
    Store,
    Var,
    statements,
)
from srcad.ir.types import INT


@dataclass
class Spilled:
    """The snapshots of one loop that are on disk."""

    calls: tuple[str, ...]
    """The functions of the module, in the order of ``srcad.disk.calls_for``."""
    number: Var
    """Which of the disks of the call it is."""
    distance: Var
    places: tuple[str, ...]
    """The arrays of the snapshots in memory."""
    outside: tuple[str, ...]
    """Arrays that are no part of the state, and matter after the loop."""
    variables: tuple[Var, ...]
    """Scalars of that kind."""
    boxes: tuple[str, ...]
    """Arrays of one element for them."""
    local: frozenset[str]
    """Scalars that each iteration assigns before it reads them: their adjoints end at zero."""

    def opened(self, trips: Expr, snapshots: Expr, most: Expr, turns: int) -> Block:
        """The disk of the loop, and how far snapshots on it are apart."""
        args = (trips, snapshots, most, integer(turns))
        return (
            Invoke((self.number,), self.calls[0], (ZERO, ZERO, ZERO)),
            Assign(self.distance, Call("disk_distance", args, INT)),
        )

    def resumed(self, start: Var) -> Block:
        """The iteration to begin with, and what a killed call had written."""
        arrays = (*self.places, *self.outside, *self.boxes)
        args = (self.number, ZERO, integer(len(self.places)), *arrays)
        return (Invoke((start,), self.calls[1], args, arrays),)

    def written(self, step: Expr) -> Block:
        """The snapshot in slot 0, and what else matters after the loop."""
        arrays = (*self.places, *self.outside, *self.boxes)
        args = (self.number, step, integer(len(self.places)), *arrays)
        return (*boxed(self.variables, self.boxes), Invoke((), self.calls[2], args))

    def read(self, step: Expr) -> Block:
        """The snapshot before an iteration, into slot 0."""
        args = (self.number, step, integer(len(self.places)), *self.places)
        return (Invoke((), self.calls[3], args, self.places),)

    def begun(self, last: Var, end: Expr) -> Block:
        """The iteration to be reversed first: where a killed call had been, or the last one."""
        return (Invoke((last,), self.calls[4], (self.number, end, ZERO)),)

    def adjoints_read(self, last: Expr, shadows: Sequence[str]) -> Block:
        """The shadows that a killed call had written there."""
        args = (self.number, last, ZERO, *shadows)
        return (Invoke((), self.calls[5], args, tuple(shadows)),)

    def adjoints_written(self, last: Expr, shadows: Sequence[str]) -> Block:
        """The shadows before an iteration is reversed."""
        return (Invoke((), self.calls[6], (self.number, last, ZERO, *shadows)),)

    def is_due(self, step: Expr) -> Expr:
        """Whether the snapshot before an iteration is one on disk."""
        return compare("==", Binary("%", step, self.distance, INT), ZERO)

    def before(self, step: Expr) -> Expr:
        """The iteration that the latest of them was taken before."""
        return Binary("-", step, Binary("%", step, self.distance, INT), INT)


def boxes_for(
    variables: Iterable[Var], names: Names, arrays: dict[str, tuple[str, int]]
) -> tuple[str, ...]:
    """Names of arrays of one element, one for each scalar."""
    out: list[str] = []
    for var in variables:
        out.append(names.fresh(f"{var.name}_kept"))
        arrays[out[-1]] = var.kind, 1
    return tuple(out)


def in_boxes(variables: Iterable[Var], boxes: Iterable[str]) -> list[Stmt]:
    """The arrays for scalars."""
    pairs = zip(variables, boxes, strict=True)
    return [Alloc(box, (ONE,), var.kind, zeros=True) for var, box in pairs]


def boxed(variables: Iterable[Var], boxes: Iterable[str]) -> list[Stmt]:
    """Scalars put into their arrays."""
    return [Store(box, (ZERO,), var) for var, box in zip(variables, boxes, strict=True)]


def unboxed(variables: Iterable[Var], boxes: Iterable[str]) -> list[Stmt]:
    """Scalars taken out of them."""
    pairs = zip(variables, boxes, strict=True)
    return [Assign(var, Load(box, (ZERO,), var.kind)) for var, box in pairs]


def carried_shadows(
    body: Block, bars: Iterable[str], arrays: dict[str, tuple[str, int]]
) -> tuple[list[str], list[Var]]:
    """The shadows that one reversed iteration hands to the next: arrays and scalars."""
    stored = {s.array for s in statements(body) if isinstance(s, Store)}
    stored |= {a for s in statements(body) if isinstance(s, Invoke) for a in s.writes}
    carried = exposed(body) & (stored | assigned(body))
    known = scalars(body)
    found = sorted(bar for bar in set(bars) if bar in carried)
    return [b for b in found if b in arrays], [known[b] for b in found if b not in arrays]


def turns_of(body: Block, swapped: Sequence[str]) -> int | None:
    """After how many iterations swapped names denote again what they did; None: it depends."""
    denoted = {name: name for name in swapped}
    for stmt in body:
        if isinstance(stmt, Bind) and set(stmt.targets) & set(swapped):
            denoted |= {t: denoted[s] for t, s in zip(stmt.targets, stmt.sources, strict=True)}
        elif isinstance(stmt, If) and assigned((stmt,)) & set(swapped):
            return None
    turns = 1
    for name in swapped:
        length, other = 1, denoted[name]
        while other != name:
            length, other = length + 1, denoted[other]
        turns = math.lcm(turns, length)
    return turns
