"""Small arrays of known lengths become scalars: one for each element.

A vector in space is three numbers. Where an array has few elements and each access says which one
it is, nothing has to be made, filled and read again; loops over its elements are written out. To
reversal its elements are variables like any other, so that neither the array nor its adjoint is
memory, and nothing of it goes on a tape::

    axis = np.empty(3)                  axis_0 = r[0] / angle
    for i in range(3):                  axis_1 = r[1] / angle
        axis[i] = r[i] / angle    ->    axis_2 = r[2] / angle
    for i in range(3):                  s += axis_0 * v[0]
        s += axis[i] * v[i]             s += axis_1 * v[1]
                                        s += axis_2 * v[2]
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from srcad.analysis.flow import mentions, names_of, times_bound
from srcad.ir.build import ZERO, literal
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Block,
    Check,
    Const,
    Expr,
    Extent,
    For,
    If,
    IndexCheck,
    Load,
    Stmt,
    Store,
    Var,
    While,
    all_expressions,
    blocks,
    children,
    expressions,
    names_read,
    rebuild,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.rename import with_expressions
from srcad.ir.types import BOOL, INT, is_single, kind_of
from srcad.transform.write_out import VALUES, at_values, values_of, written_out

ELEMENTS = VALUES
"""The most elements of an array that becomes scalars."""
STATEMENTS = 48
"""The most statements that a loop is written out to."""
MORE = 400
"""The most statements that all loops of a program are written out to."""

_SIMPLE = Assign | Store | Alloc | For | If | While | Check | IndexCheck


def scalarise(body: Block, kept: set[str], names: Names) -> Block:
    """The body with such arrays as scalars; ``kept`` are needed afterwards."""
    shapes = _small(body, kept)
    while shapes:
        found = _Survey(shapes)
        found.block(body, ())
        if not found.refused:
            break
        shapes = {a: s for a, s in shapes.items() if a not in found.refused}
    else:
        return body
    opened = frozenset(found.opened)
    body = written_out(body, opened, mentions(body) + Counter(kept), names)
    return _replaced(body, {a: _elements(body, a, s, names) for a, s in shapes.items()})


# ---------------------------------------------------------------- which ones


def _small(body: Block, kept: set[str]) -> dict[str, tuple[int, ...]]:
    """Arrays that are made in one place, with few elements, which nothing else can denote.

    Beside numbers in single precision, an element of a double array widens them; a variable that
    holds a literal does not, where the code runs as Python.
    """
    times = times_bound(body)
    mixed = any(is_single(e.kind) for e in all_expressions(body))
    found: dict[str, tuple[int, ...]] = {}
    others: set[str] = set()
    for stmt in statements(body):
        if not isinstance(stmt, _SIMPLE):
            others |= names_of(stmt)
        if isinstance(stmt, Alloc) and times[stmt.target] == 1 and stmt.target not in kept:
            shape = [e.value if isinstance(e, Const) else None for e in stmt.shape]
            sizes = tuple(int(n) for n in shape if n is not None)
            kind = kind_of(stmt.dtype)
            exact = kind == stmt.dtype and (is_single(kind) or not mixed)
            if exact and shape and len(sizes) == len(shape) and 0 < math.prod(sizes) <= ELEMENTS:
                found[stmt.target] = sizes
    return {a: s for a, s in found.items() if a not in others}


@dataclass(frozen=True)
class _Around:
    """A loop around a statement: its counter and its values."""

    loop: For
    values: range | None
    """None: not known, or too many."""


class _Survey:
    """Which arrays cannot be scalars after all, and which loops are to be written out."""

    def __init__(self, shapes: dict[str, tuple[int, ...]]) -> None:
        self.shapes = shapes
        self.refused: set[str] = set()
        self.opened: set[int] = set()
        """Loops, by identity."""
        self.needs: dict[int, set[str]] = {}
        """The arrays for which a loop is to be written out."""
        self.total = 0

    def block(self, block: Block, around: tuple[_Around, ...]) -> int:
        """Go through a block; how many statements it is written out to."""
        size = 0
        for stmt in block:
            for expr in expressions(stmt):
                for e in walk(expr):
                    if isinstance(e, Load):
                        self._access(e.array, e.index, around)
                    elif isinstance(e, Extent) and e.array in self.shapes:
                        self.refused.add(e.array)
            size += 1
            match stmt:
                case Store():
                    self._access(stmt.array, stmt.index, around)
                case For():
                    size += self._loop(stmt, around)
                case If() | While():
                    size += sum(self.block(b, around) for b in blocks(stmt))
        return size

    def _loop(self, loop: For, around: tuple[_Around, ...]) -> int:
        values = values_of(loop)
        size = self.block(loop.body, (*around, _Around(loop, values)))
        if id(loop) not in self.opened or values is None:
            return size
        written = size * len(values)
        self.total += written
        if written > STATEMENTS or self.total > MORE:
            self.refused |= self.needs[id(loop)]
        return written

    def _access(self, array: str, index: tuple[Expr, ...], around: tuple[_Around, ...]) -> None:
        """An access must say which element it is, once the loops of its counters are open."""
        if array not in self.shapes:
            return
        read = set[str]().union(*map(names_read, index))
        loops = [a for a in around if a.loop.var.name in read]
        known = {a.loop.var.name for a in loops if a.values is not None}
        if read - known or any(isinstance(e, Load) for i in index for e in walk(i)):
            self.refused.add(array)
            return
        for a in loops:
            self.opened.add(id(a.loop))
            self.needs.setdefault(id(a.loop), set()).add(array)
        shape = self.shapes[array]
        for at in _indices(index, loops):
            places = [_place(e, n) for e, n in zip(at, shape, strict=True)]
            if None in places:
                self.refused.add(array)
                return


def _indices(index: tuple[Expr, ...], loops: list[_Around]) -> Iterator[tuple[Expr, ...]]:
    """The index for all values of the counters of loops."""
    ranges = [a.values for a in loops if a.values is not None]
    for values in itertools.product(*ranges):
        at = {a.loop.var: Const(v, INT) for a, v in zip(loops, values, strict=True)}
        yield tuple(at_values(e, at) for e in index)


def _place(index: Expr, size: int) -> int | None:
    """Which element of an axis an index is."""
    if not isinstance(index, Const) or not -size <= int(index.value) < size:
        return None
    return int(index.value) % size


# ---------------------------------------------------------------- elements as scalars


@dataclass(frozen=True)
class _Elements:
    """The scalars that an array becomes."""

    shape: tuple[int, ...]
    scalars: dict[tuple[int, ...], Var]

    def at(self, index: tuple[Expr, ...]) -> Var:
        places = (_place(e, n) for e, n in zip(index, self.shape, strict=True))
        return self.scalars[tuple(p for p in places if p is not None)]


def _elements(body: Block, array: str, shape: tuple[int, ...], names: Names) -> _Elements:
    # In a loop that was written out it is made several times.
    made = next(s for s in statements(body) if isinstance(s, Alloc) and s.target == array)
    places = itertools.product(*map(range, shape))
    kind = kind_of(made.dtype)
    named = {p: Var(names.fresh("_".join([array, *map(str, p)])), kind) for p in places}
    return _Elements(shape, named)


def _replaced(block: Block, arrays: dict[str, _Elements]) -> Block:
    def change(expr: Expr) -> Expr:
        if isinstance(expr, Load) and expr.array in arrays:
            return arrays[expr.array].at(expr.index)
        parts = children(expr)
        return rebuild(expr, tuple(map(change, parts))) if parts else expr

    out: list[Stmt] = []
    for stmt in block:
        match stmt:
            case Alloc() if stmt.target in arrays:
                for var in arrays[stmt.target].scalars.values():
                    zero = Const(False, BOOL) if var.kind == BOOL else ZERO
                    zero = zero if var.kind in (BOOL, INT) else literal(0.0, var.kind)
                    out.append(Assign(var, zero, stmt.at))
            case Store() if stmt.array in arrays:
                out.append(Assign(arrays[stmt.array].at(stmt.index), change(stmt.value), stmt.at))
            case IndexCheck() if stmt.array in arrays:
                pass
            case _:
                parts = tuple(_replaced(b, arrays) for b in blocks(stmt))
                bare = with_blocks(stmt, ((),) * len(parts)) if parts else stmt
                (bare,) = with_expressions((bare,), change)
                out.append(with_blocks(bare, parts) if parts else bare)
    return tuple(out)
