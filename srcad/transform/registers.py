"""Sums into one element stay in a register while a loop runs.

What a loop only adds to an element that is the same in all of its iterations is summed in a
scalar and added once. To the memory it would be a store in every iteration, which LLVM has to
keep, as it cannot know that nothing else in the loop is the same element::

    for j in range(n):                          x_b_sum = 0.0
        w = m[j] * ax_b                         for j in range(n):
        x_b[j] += w                                 w = m[j] * ax_b
        x_b[i] -= w                 ->              x_b[j] += w
                                                    x_b_sum -= w
                                                x_b[i] += x_b_sum
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from srcad.analysis.alias import Aliases
from srcad.analysis.flow import assigned
from srcad.analysis.iterations import accesses, is_still, named_otherwise
from srcad.ir.build import accumulate, compare, literal
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Block,
    Expr,
    For,
    If,
    Load,
    Stmt,
    Store,
    Var,
    While,
    blocks,
    statements,
    with_blocks,
)
from srcad.transform.accumulate import Place, summed

MOST = 16
"""Sums that one loop keeps: there are no more registers."""

Range = tuple[Expr, Expr]


def keep_sums(
    block: Block, shadows: Collection[str], aliases: Aliases, names: Names
) -> tuple[Block, frozenset[str]]:
    """The block with sums into the shadows kept in scalars, and the names of these."""
    keeper = _Keeper(frozenset(shadows), aliases, names)
    return keeper.block(block, ()), frozenset(keeper.made)


class _Keeper:
    def __init__(self, shadows: frozenset[str], aliases: Aliases, names: Names) -> None:
        self.shadows = shadows
        self.aliases = aliases
        self.names = names
        self.made: set[str] = set()

    def block(self, block: Block, around: tuple[Range, ...]) -> Block:
        """A block inside of loops with these ranges, each of at least one iteration."""
        out: list[Stmt] = []
        for stmt in block:
            match stmt:
                case For() | While():
                    out += self._loop(stmt, around)
                case If():
                    out.append(
                        with_blocks(stmt, tuple(self.block(b, around) for b in blocks(stmt)))
                    )
                case _:
                    out.append(stmt)
        return tuple(out)

    def _loop(self, loop: For | While, around: tuple[Range, ...]) -> list[Stmt]:
        sums = self._sums(loop)
        self.made |= {var.name for var in sums.values()}
        body = summed(loop.body, sums)
        changing = assigned((loop,))
        inner = tuple(r for r in around if all(is_still(e, changing) for e in r))
        if isinstance(loop, For) and all(is_still(e, changing) for e in _range(loop)):
            inner += (_range(loop),)
        out: list[Stmt] = [Assign(var, literal(0.0, var.kind)) for var in sums.values()]
        out.append(replace(loop, body=self.block(body, inner)))
        runs = isinstance(loop, For) and _range(loop) in around
        for (array, index), var in sums.items():
            place = Load(array, index, var.kind)
            adding = Store(array, index, accumulate(place, var))
            always = runs and any(isinstance(s, Assign) and s.target == var for s in body)
            if not always:  # without an iteration there may be no such element
                adding = If(compare("!=", var, literal(0.0, var.kind)), (adding,))
            out.append(adding)
        return out

    def _sums(self, loop: For | While) -> dict[Place, Var]:
        """The elements of shadows that a loop only adds to, and where they are summed."""
        found = list(accesses(loop.body))
        changing = assigned((loop,))
        used = named_otherwise(loop.body) | {a.array for a in found if a.how != "add"}
        free = {
            array
            for array in self.shadows.intersection(a.array for a in found) - changing
            if not any(self.aliases.may(array, other) for other in used)
        }
        places = {
            (s.array, s.index): s.value.kind
            for s in statements(loop.body)
            if isinstance(s, Store)
            and s.array in free
            and all(is_still(e, changing) for e in s.index)
        }
        if len(places) > MOST:
            return {}
        return {at: Var(self.names.fresh(f"{at[0]}_sum"), k) for at, k in places.items()}


def _range(loop: For) -> Range:
    return loop.start, loop.stop
