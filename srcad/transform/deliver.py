"""An array that is made only to be copied into another one is made there.

The rows of a Jacobian, and the results of the members of a batch, are arrays of their own, which
are then copied to their places::

    for k in range(n):                          for k in range(n):
        row = np.empty(m)                           for i in range(m):
        for i in range(m):                              result[k, i] = ...
            row[i] = ...                ->          result[k, 2] += w
        row[2] += w
        for i in range(m):
            result[k, i] = row[i]

That is done where nothing looks at the place meanwhile, and nobody asks for the array later. An
array that begins as zeros is filled with them there, but for what is overwritten.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.flow import assigned, mentions, names_of
from srcad.analysis.iterations import is_still
from srcad.analysis.sizes import Sizes, sizes_after
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Block,
    Check,
    Comment,
    Expr,
    Extent,
    For,
    Function,
    If,
    Load,
    Stmt,
    Store,
    While,
    blocks,
    children,
    rebuild,
    statements,
    with_blocks,
)
from srcad.ir.rename import with_expressions
from srcad.transform.nest import copied_by
from srcad.transform.overwrite import after_filling
from srcad.transform.reuse import filled

_PLAIN = Assign | Store | For | While | If | Check | Comment
"""Statements that name arrays as accesses to elements only."""


def deliver(function: Function, names: Names) -> Function:
    """The function with such arrays made in their places."""
    while True:
        made = _Deliverer(function, names).block(function.body)
        if made is None:
            return function
        function = replace(function, body=made)
    return function


@dataclass(frozen=True)
class _Copied:
    """A nest that copies a whole array to a place in another one."""

    array: str
    target: str
    place: tuple[Expr, ...]
    """The first indices of the place; those of the array follow."""
    ends: tuple[Expr, ...]


class _Deliverer:
    def __init__(self, function: Function, names: Names) -> None:
        self.arrays = function.arrays
        self.names = names
        body = function.body
        self.aliases = Aliases(body, points_to(body, set(function.arrays)))
        self.mentions = mentions(body)
        self.made = {s.target for s in statements(body) if isinstance(s, Alloc)}

    def block(self, block: Block) -> Block | None:
        """The block with one array made in its place; None: there is none to be."""
        for first, stmt in enumerate(block):
            if isinstance(stmt, Alloc):
                for last in range(first + 1, len(block)):
                    copied = _copied(block[last])
                    if copied is not None and copied.array == stmt.target:
                        between = block[first + 1 : last]
                        if not self._is_free(stmt, copied, between, block[last]):
                            break
                        if stmt.zeros:
                            between = self._filled(stmt, between, block[:first])
                        new = self._delivered(stmt, copied, between)
                        return (*block[:first], *new, *block[last + 1 :])
            for k, part in enumerate(blocks(stmt)):
                made = self.block(part)
                if made is not None:
                    parts = list(blocks(stmt))
                    parts[k] = made
                    return (*block[:first], with_blocks(stmt, tuple(parts)), *block[first + 1 :])
        return None

    def _is_free(self, alloc: Alloc, copied: _Copied, between: Block, copy: Stmt) -> bool:
        """Whether the array can be in its place from the beginning."""
        array, target = copied.array, copied.target
        if self.arrays[array][0] != self.arrays[target][0] or target not in self.made:
            return False
        whole = (alloc, *between, copy)
        if self.mentions[array] != sum(array in names_of(s) for s in statements(whole)):
            return False
        changing = assigned(whole)
        if not all(is_still(e, changing) for e in (*copied.place, *alloc.shape)):
            return False
        if any(
            end not in (length, Extent(array, axis))
            for axis, (end, length) in enumerate(zip(copied.ends, alloc.shape, strict=True))
        ):
            return False
        for stmt in statements(between):
            found = names_of(stmt)
            if array in found and not isinstance(stmt, _PLAIN):
                return False
            if any(self.aliases.may(target, n) for n in found & self.arrays.keys() - {array}):
                return False
        return True

    def _filled(self, alloc: Alloc, between: Block, before: Block) -> Block:
        """What follows an array of zeros, where it is made without them."""
        sizes = sizes_after((*before, alloc), Sizes(self.arrays))
        front, rest = filled(alloc, between, sizes, self.arrays, self.names)
        made = (*front, *rest)
        return after_filling(made, alloc.target) if len(alloc.shape) == 1 else made

    def _delivered(self, alloc: Alloc, copied: _Copied, between: Block) -> Block:
        def put(expr: Expr) -> Expr:
            parts = tuple(map(put, children(expr)))
            match expr:
                case Load(array=copied.array):
                    return Load(copied.target, (*copied.place, *parts), expr.kind)
                case Extent(array=copied.array, axis=axis):
                    return alloc.shape[axis]
            return rebuild(expr, parts) if parts else expr

        def placed(stmt: Stmt) -> Stmt:
            if isinstance(stmt, Store) and stmt.array == copied.array:
                index = (*copied.place, *stmt.index)
                return replace(stmt, array=copied.target, index=index)
            parts = tuple(tuple(map(placed, part)) for part in blocks(stmt))
            return with_blocks(stmt, parts) if parts else stmt

        return tuple(map(placed, with_expressions(between, put)))


def _copied(stmt: Stmt) -> _Copied | None:
    """What a statement copies whole, if it is such a nest."""
    found = copied_by(stmt)
    if found is None or found.at != found.counters or found.target == found.source:
        return None
    rank = len(found.to) - len(found.counters)
    place, last = found.to[:rank], found.to[rank:]
    if rank < 1 or last != found.counters or set(place) & set(found.counters):
        return None
    return _Copied(found.source, found.target, place, found.ends)
