"""Reversal: from a program to the forward sweep that records and the reverse sweep that reads.

The statement list is reversed, block by block. Where the reverse sweep needs a value that the
program overwrites, it is made available in one of three ways, decided for each statement of a
loop's body (``levels.py``):

- *rerun*: an iteration begins, in the reverse sweep, by running again those of its statements
  that depend on nothing it has overwritten; so an iteration's locals are never saved;
- *slot*: what cannot be rerun (carried scalars, values read from arrays that the loop writes) is
  saved once an iteration, in an array indexed by the loop counters, or in a growing one where
  the number of iterations is not known;
- *undo*: an element about to be overwritten is saved, and put back before the statement that
  wrote it is reversed, so that arrays always hold what they held at that point of the program.

Everything that might be needed is written; ``srcad.transform.prune`` then drops what is not. ::

    for i in range(n):            for i in range(n):
        s = sin(s) + x[i]             s_tape[i] = s
                                      s = sin(s) + x[i]
                                  for i in range(n - 1, -1, -1):
                                      s = s_tape[i]
                                      x_b[i] += s_b
                                      s_b = cos(s) * s_b
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from srcad.analysis.flow import exposed
from srcad.analysis.moved import moved_arrays
from srcad.analysis.updates import Update
from srcad.ir.nodes import (
    Assign,
    For,
    If,
    Pop,
    Stmt,
    Store,
)
from srcad.transform.reverse.checkpoint import Checkpointing
from srcad.transform.reverse.levels import Level
from srcad.transform.reverse.slots import Chain, Loop


@dataclass
class Sweeps:
    """The two sweeps, and what has to stand before each."""

    opening: list[Stmt]
    """Stacks and lists: before the forward sweep."""
    forward: list[Stmt]
    middle: list[Stmt]
    """Tapes and shadows of the reverse sweep: before it."""
    reverse: list[Stmt]


class Reverser(Checkpointing):
    """Writes the sweeps of one program; see the text of this module."""

    def run(self, parameters: set[str]) -> Sweeps:
        """Reverse the whole program; ``parameters`` are bound from the start."""
        top = Level(None, None, frozenset(), frozenset())
        self.moved = moved_arrays(self.body, self.arrays, parameters, self.kept, self.given)
        self._late_shadows(parameters)
        self.entry = parameters
        forward = self._forward(self.body, top, set(parameters))
        reverse = self._reverse(self.body, top)
        return Sweeps(self.opening, forward, self.middle, reverse)

    def reversed_iteration(self, loop: Loop, chain: Chain) -> list[Stmt]:
        """One iteration reversed: take up what it found, rerun, reverse."""
        level = self.level_of(loop, chain)
        out = [self._put_back_all(update, chain) for update in self.put_back(loop).values()]
        for var in self._carried(loop):
            out.append(
                Assign(var, self.saved((id(loop), "carried", var.name), var.name, var.kind, chain))
            )
        for name in self._carried_arrays(loop, level):
            out += [
                Pop(n, self.list_of((id(loop), "carried", n), n, chain))
                for n in self.with_bars([name])
            ]
        defined = exposed(loop.body)
        rerun = self._forward(loop.body, level, defined)
        return [*out, *_joined(rerun, self._reverse(loop.body, level))]

    def _put_back_all(self, update: Update, chain: Chain) -> Stmt:
        """The elements that an iteration wrote, as they were before it."""
        for inner in update.loops:
            chain = self.chain(chain.loops, inner)
        store = update.store
        old = self.saved((id(store), "old"), store.array, store.value.kind, chain)
        stmt: Stmt = Store(store.array, store.index, old)
        for inner in reversed(update.loops):
            stmt = For(inner.var, inner.start, inner.stop, inner.step, (stmt,))
        return stmt


def _joined(rerun: list[Stmt], reverse: list[Stmt]) -> list[Stmt]:
    """What is run again and then reversed, under one test where both are under the same.

    The names that a branch assigns then pass from one half to the other inside of it, and nobody
    has to know what they are elsewhere::

        if i != j:                      if i != j:
            d = x[j] - x[i]                 d = x[j] - x[i]
        if i != j:              ->          x_b[j] += 2.0 * d * s_b
            x_b[j] += 2.0 * d * s_b
    """
    if not rerun or not reverse:
        return [*rerun, *reverse]
    one, two = rerun[-1], reverse[0]
    if not isinstance(one, If) or not isinstance(two, If) or one.test != two.test:
        return [*rerun, *reverse]
    both = replace(
        one,
        body=tuple(_joined(list(one.body), list(two.body))),
        orelse=tuple(_joined(list(one.orelse), list(two.orelse))),
    )
    return [*rerun[:-1], both, *reverse[1:]]
