"""How much there is to do in loops: whether it is enough for threads, and in how many parts.

Operations are counted roughly, as nodes of expressions, times the trip counts of the loops in which
most is done. Those that are not known beforehand are guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from srcad.analysis.flow import assigned
from srcad.ir.build import ONE, compare, integer, scale, sub
from srcad.ir.nodes import (
    Binary,
    Block,
    Call,
    Expr,
    For,
    If,
    Logic,
    While,
    blocks,
    expressions,
    names_read,
    walk,
)
from srcad.ir.types import INT

_PARTS = 32
"""The most parts of a loop: more than there are threads, as some are slower than others."""
_GRAIN = 1 << 16
"""Operations of a part at least: 2 us, ten times what it costs to take one (measured)."""
_LONG = 8
"""Iterations of a part at least, for each one of its tail: its rows are fetched twice."""
_ENOUGH = 8
"""The least number of such parts, in a region, that threads are started for."""
_LEAST = 2
"""The least number of them in one of its loops: threads wait for each other after it."""
_TRIPS = 8
"""Iterations taken for a loop of which the number is not known beforehand."""

Loop = For | While


def most_parts(counts: Iterable[Expr] = (), tail: int = 0, work: Expr | None = None) -> Expr:
    """The most parts that it is worth to divide loops into that have so many rows and operations.

    ``tail`` rows of each part are looked at by the next one too.
    """
    long = integer(_LONG * tail)
    rows = (Binary("//", c, long, INT) if tail else c for c in dict.fromkeys(counts))
    limits = [integer(_PARTS), *rows]
    if work is not None:
        limits.append(Binary("//", work, integer(_GRAIN), INT))
    return Call("min", tuple(limits), INT) if limits[1:] else limits[0]


def operations(loop: For, rows: Expr) -> Expr:
    """The number of operations in so many iterations of a loop."""
    counts, guess, nodes = _heaviest(loop.body, assigned((loop,)))
    return _product((rows, *counts), nodes * guess)


def is_worth(loops: Iterable[tuple[For, tuple[Loop, ...]]], changing: set[str]) -> Expr:
    """Whether there is enough to do: in the largest of these loops, and in all its turns.

    Each comes with the loops around it. What is ``changing`` is not known beforehand.
    """
    sizes = (_size(loop, around, changing) for loop, around in loops)
    size = max(sizes, key=lambda s: (len(s.counts) + len(s.trips), s.turns * s.nodes))
    every = _product((*size.trips, *size.counts), size.turns * size.nodes)
    enough = compare(">=", every, integer(_ENOUGH * _GRAIN))
    if not size.trips and size.turns == 1:
        return enough
    one = compare(">=", _product(size.counts, size.nodes), integer(_LEAST * _GRAIN))
    return Logic("and", (one, enough))


@dataclass(frozen=True)
class _Size:
    """How much a loop does: trip counts that are known beforehand, and guesses."""

    trips: tuple[Expr, ...]
    """Of the loops around it."""
    turns: int
    counts: tuple[Expr, ...]
    """Of itself and the loops in it in which most is done."""
    nodes: int


def _size(loop: For, around: tuple[Loop, ...], changing: set[str]) -> _Size:
    trips = [_trips(outer, changing) for outer in around]
    counts, guess, nodes = _inside(loop, changing)
    known = tuple(t for t in trips if t is not None)
    return _Size(known, _TRIPS ** trips.count(None), tuple(counts), guess * nodes)


def _heaviest(block: Block, changing: set[str]) -> tuple[list[Expr], int, int]:
    """The trip counts of the loops in which most is done, and how much: known, guessed, nodes."""
    own = sum(1 for s in block for e in expressions(s) for _ in walk(e))
    found: list[tuple[list[Expr], int, int]] = [([], 1, own)]
    for stmt in block:
        if isinstance(stmt, If):
            found += [_heaviest(b, changing) for b in blocks(stmt)]
        elif isinstance(stmt, Loop):
            found.append(_inside(stmt, changing))
    return max(found, key=lambda f: (len(f[0]), f[1] * f[2]))


def _inside(loop: Loop, changing: set[str]) -> tuple[list[Expr], int, int]:
    """The same for a loop: its own trip count comes first."""
    counts, guess, nodes = _heaviest(loop.body, changing)
    trips = _trips(loop, changing)
    if trips is None:
        return counts, guess * _TRIPS, nodes
    return [trips, *counts], guess, nodes


def _trips(loop: Loop, changing: set[str]) -> Expr | None:
    """The number of iterations of a loop that counts by one; None: it is not known beforehand."""
    match loop:
        case For(step=step) if step == ONE:
            count = sub(loop.stop, loop.start)
        case For(step=step) if step == integer(-1):
            count = sub(loop.start, loop.stop)
        case _:
            return None
    return None if names_read(count) & changing else count


def _product(factors: Iterable[Expr], number: int) -> Expr:
    product: Expr | None = None
    for factor in factors:
        product = factor if product is None else Binary("*", product, factor, INT)
    return integer(number) if product is None else scale(product, number)
