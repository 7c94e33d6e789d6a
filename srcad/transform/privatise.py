"""Work arrays that every iteration fills anew are made in the iteration, while it is reversed.

Programs that care for speed allocate their work arrays once, before the loop. To reversal that
looks like state that passes from one iteration to the next: it would save and restore what nobody
reads. An array that is filled before it is read, in each iteration, is local to it; made in the
loop, it is rerun like any other local (``privatise``)::

    w = np.empty(n)                         for i in range(m):
    for i in range(m):                          w = np.empty(n)
        for j in range(n):          ->          for j in range(n):
            w[j] = x[i, j] ** 2                     w[j] = x[i, j] ** 2
        s += norm(w)                            s += norm(w)

In the adjoint they are made once again (``hoist``), and their shadows are filled with zeros where
an iteration would have made them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from srcad.analysis.alias import Sites
from srcad.analysis.flow import named_in, names_of, times_bound
from srcad.ir.build import ONE, ZERO, literal
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Bind,
    Block,
    Expr,
    Extent,
    For,
    Function,
    Load,
    Pop,
    Push,
    Stmt,
    Store,
    Var,
    While,
    ZerosLike,
    blocks,
    expressions,
    statements,
    walk,
    with_blocks,
)
from srcad.transform.nest import nest

Loop = For | While


def privatise(body: Block, sites: Sites, kept: set[str]) -> tuple[Block, dict[str, Loop]]:
    """The body with such arrays made in the innermost loop that they are local to.

    ``kept`` are needed afterwards. The second result says which loop each of them is made in.
    """
    made: set[str] = set()
    values = _fixed_values(body)
    for alloc in [s for s in body if isinstance(s, Alloc) and s.shape]:
        name = alloc.target
        holders = [s for s in body if s is not alloc and name in named_in(s)]
        shared = any(name in found for other, found in sites.items() if other != name)
        if name in kept or shared or sites.get(name) != frozenset((name,)):
            continue
        if len(holders) != 1 or not isinstance(holders[0], For | While):
            continue
        loop = _Private(alloc, values).within(holders[0])
        if loop is not None:
            body = tuple(loop if s is holders[0] else s for s in body if s is not alloc)
            made.add(name)
    return body, {
        stmt.target: loop
        for loop in statements(body)
        if isinstance(loop, For | While)
        for stmt in loop.body
        if isinstance(stmt, Alloc) and stmt.target in made
    }


def hoist(function: Function, made: Iterable[str], bars: dict[str, str], names: Names) -> Function:
    """The adjoint with those arrays, and their shadows, made once."""
    body = function.body
    pinned = {n for s in statements(body) if isinstance(s, Bind | Push | Pop) for n in names_of(s)}
    for name in made:
        shadow = bars.get(name, "")
        if {name, shadow} & pinned:
            continue
        inner = [s for s in statements(body) if isinstance(s, Alloc) and s.target == name]
        if not inner:
            continue
        kind, ndim = function.arrays[name]
        filled = nest(
            names, shadow, ndim, lambda at, s=shadow, k=kind: [Store(s, at, literal(0.0, k))]
        )
        body = _emptied(body, name, shadow, tuple(filled))
        body = _before_first(body, shadow, ZerosLike(shadow, name))
        body = _before_first(body, name, inner[0])
    return replace(function, body=body)


class _Private:
    """Where one array can be made."""

    def __init__(self, alloc: Alloc, values: dict[str, Expr]) -> None:
        self.alloc = replace(alloc, zeros=False)
        self.name = alloc.target
        self.values = values

    def within(self, loop: Loop) -> Loop | None:
        """The loop with the array made inside of it; None if it is not local to it."""
        holders = [s for s in loop.body if self.name in named_in(s)]
        if len(holders) == 1 and isinstance(holders[0], For | While):
            inner = self.within(holders[0])
            if inner is not None:
                body = tuple(inner if s is holders[0] else s for s in loop.body)
                return replace(loop, body=body)
        if not holders or not self._fills(holders[0], ()):
            return None
        k = next(k for k, s in enumerate(loop.body) if s is holders[0])
        return replace(loop, body=(*loop.body[:k], self.alloc, *loop.body[k:]))

    def _fills(self, stmt: Stmt, counters: tuple[Var, ...]) -> bool:
        """Whether a statement writes all elements, each before it is read."""
        axis = len(counters)
        if axis == len(self.alloc.shape):
            return (
                isinstance(stmt, Store)
                and stmt.array == self.name
                and stmt.index == counters
                and not any(
                    isinstance(e, Load) and e.array == self.name
                    for x in expressions(stmt)
                    for e in walk(x)
                )
            )
        if not isinstance(stmt, For) or stmt.until is not None:
            return False
        if stmt.start != ZERO or stmt.step != ONE or not self._same(stmt.stop, axis):
            return False
        counters = (*counters, stmt.var)
        holders = [s for s in stmt.body if self.name in named_in(s)]
        if not holders or not self._fills(holders[0], counters):
            return False
        if axis + 1 < len(self.alloc.shape):
            return len(holders) == 1
        return all(self._only_at(s, counters) for s in holders)

    def _only_at(self, stmt: Stmt, counters: tuple[Var, ...]) -> bool:
        """Whether a statement touches no other element of the array."""
        for s in statements((stmt,)):
            if isinstance(s, Store) and s.array == self.name and s.index != counters:
                return False
            for x in expressions(s):
                for e in walk(x):
                    if isinstance(e, Load) and e.array == self.name and e.index != counters:
                        return False
        return True

    def _same(self, stop: Expr, axis: int) -> bool:
        if stop == Extent(self.name, axis):
            return True
        return self._known(stop) == self._known(self.alloc.shape[axis])

    def _known(self, expr: Expr) -> Expr:
        while isinstance(expr, Var) and expr.name in self.values:
            expr = self.values[expr.name]
        return expr


def _fixed_values(body: Block) -> dict[str, Expr]:
    """What the scalars are that are assigned once, at the top."""
    counts = times_bound(body)
    return {
        s.target.name: s.value
        for s in body
        if isinstance(s, Assign)
        and counts[s.target.name] == 1
        and isinstance(s.value, Var | Extent)
    }


def _emptied(block: Block, name: str, shadow: str, filled: Block) -> Block:
    """The block without what makes an array; its shadow is filled instead of made."""
    out: list[Stmt] = []
    for stmt in block:
        match stmt:
            case Alloc() if stmt.target == name:
                continue
            case ZerosLike() if stmt.target == shadow:
                out += filled
                continue
        parts = tuple(_emptied(b, name, shadow, filled) for b in blocks(stmt))
        out.append(with_blocks(stmt, parts) if parts else stmt)
    return tuple(out)


def _before_first(block: Block, name: str, stmt: Stmt) -> Block:
    """The block with a statement in front of the first one that mentions a name."""
    for k, other in enumerate(block):
        if name in named_in(other):
            return (*block[:k], stmt, *block[k:])
    return block
