"""Names of arrays that a loop binds anew, and whose arrays nobody else has.

A program in the style of mathematics makes a new array for each new value::

    for t in range(n):
        x_new = np.empty(m)
        for i in range(m):
            x_new[i] = x[i] + h * v[i]
        x = x_new                           # x_new is moved to x: nobody reads it by that name

Here ``x`` is a variable whose values are arrays. Its shadow need not be another one for each of
them: one array, of the shape that all of them have, holds the adjoint of the value of the moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from srcad.analysis.alias import Flow
from srcad.analysis.flow import assigned, bound_in, names_of, times_bound, writes_of
from srcad.analysis.sizes import Sizes, sizes_after, sizes_inside
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Bind,
    Block,
    Check,
    Copy,
    For,
    If,
    IndexCheck,
    Invoke,
    Load,
    MatMul,
    Pop,
    Push,
    Reshape,
    Stmt,
    Store,
    While,
    Window,
    all_blocks,
    blocks,
    expressions,
    names_read,
    statements,
    walk,
)

_Made = Alloc | Copy | MatMul


@dataclass(frozen=True)
class Moved:
    """Variables whose values are arrays, and the arrays that are moved to them."""

    variables: frozenset[str] = frozenset()
    arrays: frozenset[str] = frozenset()


def moved_arrays(
    body: Block,
    arrays: Mapping[str, tuple[str, int]],
    parameters: set[str],
    kept: frozenset[str],
    given: frozenset[str],
) -> Moved:
    """The variables of a program that hold arrays by value.

    ``kept`` are needed after it, those ``given`` have shadows that are given, too.
    """
    binds = [s for s in statements(body) if isinstance(s, Bind)]
    if not binds:
        return Moved()
    finder = _Finder(body, parameters, kept)
    unlike = set(_unlike(body, Sizes(arrays), set(parameters)))
    names = {s.targets[0] for s in binds} - unlike - given
    found = finder.consistent({n for n in names if finder.is_variable(n)})
    moved = {s.sources[0] for s in binds if s.targets[0] in found}
    return Moved(frozenset(found), frozenset(moved & finder.made))


class _Finder:
    def __init__(self, body: Block, parameters: set[str], kept: frozenset[str]) -> None:
        self.body = body
        self.parameters = parameters
        self.bound = times_bound(body)
        self.made = {s.target for s in statements(body) if isinstance(s, _Made)}
        self.stored = {s.array for s in statements(body) if isinstance(s, Store)}
        self.stored |= Flow(body).stored  # by whatever name
        self.named = _named_otherwise(body)
        self.held = Counter(n for s in statements(body) if isinstance(s, Bind) for n in s.sources)
        """How often an array gets another name."""
        self.moves = {id(s) for block in all_blocks(body) for s in self._moves(block, kept)}

    def is_variable(self, name: str) -> bool:
        """Whether a name is bound before the loops that bind it, none of which has snapshots."""
        first = next(s for s in self.body if any(name in names_of(i) for i in statements((s,))))
        early = name in self.parameters or name in writes_of(first)
        return (
            early
            and name not in self.named
            and not any(
                isinstance(s, For | While) and s.checkpoints is not None and name in assigned((s,))
                for s in statements(self.body)
            )
        )

    def consistent(self, names: set[str]) -> set[str]:
        """Those of the names that are only bound to arrays that nobody else writes."""
        left = set(names)
        for stmt in statements(self.body):
            match stmt:
                case Bind():
                    if not (left >= set(stmt.targets) and self._by_value(stmt)):
                        left -= {*stmt.targets, *stmt.sources}
                case _ if not isinstance(stmt, _Made):
                    left -= set(writes_of(stmt))
        return left if left == names else self.consistent(left)

    def _by_value(self, stmt: Bind) -> bool:
        """Whether a name is bound to an array that is moved to it, or that nobody changes."""
        if id(stmt) in self.moves:
            return True
        fixed = len(stmt.sources) == 1 and self.bound[stmt.sources[0]] == 0
        return fixed and not {*stmt.targets, *stmt.sources} & (self.stored | self.named)

    def _moves(self, block: Block, kept: frozenset[str]) -> Iterator[Bind]:
        """The statements of a block that move an array made in it to another name."""
        for k, stmt in enumerate(block):
            if not isinstance(stmt, Bind) or len(stmt.sources) != 1:
                continue
            source = stmt.sources[0]
            start = next(
                (j for j, s in enumerate(block[:k]) if isinstance(s, _Made) and s.target == source),
                None,
            )
            if start is None or source in kept | self.named or self.bound[source] > 1:
                continue
            if self.held[source] > 1:
                continue
            before = {id(s) for s in statements(block[start : k + 1])}
            if not any(source in _used(s) for s in statements(self.body) if id(s) not in before):
                yield stmt


def _used(stmt: Stmt) -> frozenset[str]:
    """Names that a statement itself uses, other than for the lengths of an array."""
    loads = frozenset(e.array for x in expressions(stmt) for e in walk(x) if isinstance(e, Load))
    match stmt:
        case Store():
            return loads | {stmt.array}
        case Assign() | Alloc() | Check() | IndexCheck() | For() | While() | If():
            return loads | set(writes_of(stmt))
    return names_of(stmt)


def _named_otherwise(body: Block) -> set[str]:
    """Arrays that are listed, seen through views, or written or made by functions."""
    out: set[str] = set()
    for stmt in statements(body):
        match stmt:
            case Window() | Reshape() | Push() | Pop():
                out |= names_of(stmt)
            case Invoke():
                out |= {*stmt.writes, *(t for t in stmt.targets if isinstance(t, str))}
    return out


def _unlike(block: Block, sizes: Sizes, bound: set[str]) -> Iterator[str]:
    """Names that may be bound to an array of another shape than before.

    ``bound`` are those that may have been bound before the block.
    """
    for stmt in block:
        match stmt:
            case For() | While():
                own = bound | bound_in(stmt)
                yield from _unlike(stmt.body, sizes_inside(stmt, sizes), own)
            case If():
                for inner in blocks(stmt):
                    yield from _unlike(inner, sizes.copy(), set(bound))
        gone = set(writes_of(stmt))
        before = {n: sizes.shape(n) for n in gone & bound if n in sizes.arrays}
        sizes_after((stmt,), sizes)
        for name, shape in before.items():
            known = not any(names_read(e) & gone for e in shape)
            if not known or sizes.shape(name) != tuple(map(sizes.known, shape)):
                yield name
        bound |= bound_in(stmt)
