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
from srcad.ir.build import TRUE, ZERO, accumulate, compare, literal, logic, sub
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Block,
    Const,
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
    block: Block, shadows: Collection[str], aliases: Aliases, names: Names, *, final: bool
) -> tuple[Block, frozenset[str]]:
    """The block with sums into the shadows kept in scalars, and the names of these.

    ``final``: the block is not differentiated afterwards.
    """
    keeper = _Keeper(frozenset(shadows), aliases, names, final)
    return keeper.block(block, ()), frozenset(keeper.made)


class _Keeper:
    def __init__(
        self, shadows: frozenset[str], aliases: Aliases, names: Names, final: bool
    ) -> None:
        self.shadows = shadows
        self.aliases = aliases
        self.names = names
        self.final = final
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
        changing = assigned((loop,))
        sums, tests = self._sums(loop, changing, around)
        self.made |= {var.name for var in sums.values()}
        body = summed(loop.body, sums)
        inner = tuple(r for r in around if all(is_still(e, changing) for e in r))
        if isinstance(loop, For) and all(is_still(e, changing) for e in _range(loop)):
            inner += (_range(loop),)
        out: list[Stmt] = [Assign(var, literal(0.0, var.kind)) for var in sums.values()]
        out.append(replace(loop, body=self.block(body, inner)))
        together: dict[Expr, list[Stmt]] = {}
        for (array, index), var in sums.items():
            total = accumulate(Load(array, index, var.kind), var)
            together.setdefault(tests[array, index], []).append(Store(array, index, total))
        for test, adding in together.items():
            out += adding if test == TRUE else [If(test, tuple(adding))]
        return out

    def _sums(
        self, loop: For | While, changing: set[str], around: tuple[Range, ...]
    ) -> tuple[dict[Place, Var], dict[Place, Expr]]:
        """The elements of shadows that a loop only adds to, and where they are summed.

        The second result says when such an element is there: without an iteration it need not be.
        Behind a branch it is, where something was added; that the sum is not zero says so, but its
        derivative may be another number than zero where it is zero itself.
        """
        found = list(accesses(loop.body))
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
        tests = {at: _reached(at, (loop,), changing, around) for at in places}
        if not self.final:
            places = {at: kind for at, kind in places.items() if tests[at] is not None}
        if len(places) > MOST:
            return {}, {}
        sums = {at: Var(self.names.fresh(f"{at[0]}_sum"), k) for at, k in places.items()}
        return sums, {
            at: tests[at] or compare("!=", var, literal(0.0, var.kind)) for at, var in sums.items()
        }


def _reached(
    place: Place, block: Block, changing: set[str], around: tuple[Range, ...]
) -> Expr | None:
    """When the statements of a block certainly add to an element; None: it hangs on a branch.

    One that surely adds is enough; else all that may add have a say.
    """
    tests: list[Expr | None] = []
    for stmt in block:
        if any(isinstance(s, Store) and (s.array, s.index) == place for s in statements((stmt,))):
            tests.append(_adds(place, stmt, changing, around))
    if TRUE in tests:
        return TRUE
    known = tuple(test for test in tests if test is not None)
    return logic("or", known) if known and len(known) == len(tests) else None


def _adds(place: Place, stmt: Stmt, changing: set[str], around: tuple[Range, ...]) -> Expr | None:
    """When a statement that adds to an element does; None: it hangs on a branch."""
    if isinstance(stmt, Store):
        return TRUE
    if not isinstance(stmt, For) or stmt.until is not None or not isinstance(stmt.step, Const):
        return None
    inner = _reached(place, stmt.body, changing, around)
    if inner is None or not all(is_still(e, changing) for e in _range(stmt)):
        return None
    ends = (stmt.stop, stmt.start) if stmt.step.value > 0 else (stmt.start, stmt.stop)
    runs = compare(">", sub(*ends), ZERO)
    return inner if _range(stmt) in around else logic("and", (runs, inner))


def _range(loop: For) -> Range:
    return loop.start, loop.stop
