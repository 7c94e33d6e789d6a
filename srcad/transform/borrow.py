"""Rows that are copied and not changed are read where they are.

The members of a batch, and rows that a program copies, come as arrays of their own. Where neither
the copy nor the original is written, the elements are read from the original::

    row = np.empty(x.shape[1])
    for k in range(x.shape[0]):                 for k in range(x.shape[0]):
        for i in range(x.shape[1]):     ->          s += x[k, 0] * x[k, 3]
            row[i] = x[k, i]
        s += row[0] * row[3]

It is done along the last axes only: a column that was copied may have been copied for its order.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from srcad.analysis.flow import assigned, mentions, names_of, times_bound
from srcad.analysis.iterations import is_still
from srcad.ir.nodes import (
    Alloc,
    Block,
    Copy,
    Expr,
    Extent,
    For,
    Function,
    Load,
    Stmt,
    Store,
    ZerosLike,
    blocks,
    children,
    expressions,
    rebuild,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.rename import with_expressions
from srcad.transform.nest import copied_by


def borrow(function: Function) -> Function:
    """The function with such copies of parameters read from these; no two of them may overlap."""
    given = {p for p in function.parameters if isinstance(p, str)} - _written(function)
    if not given:
        return function
    borrower = _Borrower(function, given)
    body = borrower.block(function.body)
    gone = borrower.gone
    return replace(function, body=_without(body, gone)) if gone else function


def _written(function: Function) -> set[str]:
    """Arrays that are written, or that another name may denote."""
    out = set(function.exports)
    for stmt in statements(function.body):
        read = {stmt.source} if isinstance(stmt, Copy | ZerosLike) else set[str]()
        out |= _named(stmt) - read
    return out


def _without(block: Block, arrays: set[str]) -> Block:
    """A block in which these arrays are not made."""
    kept = [s for s in block if not (isinstance(s, Alloc) and s.target in arrays)]
    return tuple(
        with_blocks(s, tuple(_without(b, arrays) for b in blocks(s))) if blocks(s) else s
        for s in kept
    )


def _named(stmt: Stmt) -> frozenset[str]:
    """Arrays that a statement names otherwise than to read elements or lengths."""
    within = {e.array for x in expressions(stmt) for e in walk(x) if isinstance(e, Load | Extent)}
    own = {stmt.array} if isinstance(stmt, Store) else set()
    return (names_of(stmt) - within) | own


@dataclass(frozen=True)
class _Copy:
    """A nest that fills an array with the last axes of another."""

    target: str
    source: str
    prefix: tuple[Expr, ...]


class _Borrower:
    def __init__(self, function: Function, given: set[str]) -> None:
        self.given = given
        self.arrays = function.arrays
        self.mentions = mentions(function.body)
        self.named = Counter(n for s in statements(function.body) for n in _named(s))
        made = (s for s in statements(function.body) if isinstance(s, Alloc))
        self.shapes = {s.target: s.shape for s in made}
        self.times = times_bound(function.body)
        self.gone: set[str] = set()

    def block(self, block: Block) -> Block:
        """A block without such copies; those that are made in it are read in what follows."""
        out: list[Stmt] = []
        while block:
            stmt, block = block[0], block[1:]
            found = self._copy(stmt, block)
            if found is not None:
                self.gone.add(found.target)
                block = with_expressions(block, lambda e, found=found: _read(e, found))
                continue
            parts = tuple(map(self.block, blocks(stmt)))
            out.append(with_blocks(stmt, parts) if parts else stmt)
        return tuple(out)

    def _copy(self, stmt: Stmt, rest: Block) -> _Copy | None:
        """The copy that a statement makes, if what follows only reads its elements."""
        copied = _copied(stmt)
        if copied is None or copied.source not in self.given:
            return None
        shape, rank = self.shapes.get(copied.target), len(copied.prefix)
        if shape is None or self.times[copied.target] != 1 or self.named[copied.target] != 2:
            return None  # made once, filled once
        alike = self.arrays[copied.target][0] == self.arrays[copied.source][0]
        whole = shape == tuple(Extent(copied.source, rank + k) for k in range(len(shape)))
        loops = [s for s in statements((stmt,)) if isinstance(s, For)]
        full = tuple(loop.stop for loop in loops) == shape
        later = sum(copied.target in names_of(s) for s in statements(rest))
        own = sum(copied.target in names_of(s) for s in statements((stmt,)))
        every = later + own + 1 == self.mentions[copied.target]
        changing = assigned(rest) | {loop.var.name for loop in loops}
        still = all(is_still(e, changing) for e in copied.prefix)
        return copied if alike and whole and full and every and still else None


def _copied(stmt: Stmt) -> _Copy | None:
    """What a statement copies of the last axes of an array, if it is such a nest."""
    found = copied_by(stmt)
    if found is None:
        return None
    rank = len(found.at) - len(found.counters)
    if rank < 1 or found.to != found.counters or found.at[rank:] != found.counters:
        return None
    return _Copy(found.target, found.source, found.at[:rank])


def _read(expr: Expr, copy: _Copy) -> Expr:
    """An expression with the elements of a copy read from its original."""
    if isinstance(expr, Extent) and expr.array == copy.target:
        return replace(expr, array=copy.source, axis=expr.axis + len(copy.prefix))
    parts = tuple(_read(e, copy) for e in children(expr))
    expr = rebuild(expr, parts) if parts else expr
    if isinstance(expr, Load) and expr.array == copy.target:
        return replace(expr, array=copy.source, index=(*copy.prefix, *expr.index))
    return expr
