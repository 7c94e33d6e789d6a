"""An element that a loop only adds to is summed in a variable, and stored once.

What the program adds up in place passes through as many values as there are terms, and reversal
would save each of them, to put it back. None but the first and the last is ever read::

    for k in range(j):                              s = a[i, j]
        a[i, j] -= a[i, k] * a[j, k]     ->         for k in range(j):
                                                        s -= a[i, k] * a[j, k]
                                                    a[i, j] = s

Nothing else in the loop may touch that element: what has another place, like ``a[i, k]`` for k
below j, does not. The additions are the same, in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

from srcad.analysis.alias import Aliases, Sites
from srcad.analysis.flow import assigned, reads_of
from srcad.analysis.iterations import Access, Bounds, Index, accesses, is_still, named_otherwise
from srcad.ir.build import ONE, compare, sub
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Block,
    Check,
    Const,
    Expr,
    For,
    If,
    IndexCheck,
    Load,
    Stmt,
    Store,
    Var,
    While,
    blocks,
    children,
    rebuild,
    statements,
    with_blocks,
)
from srcad.ir.types import is_inexact

MOST = 4
"""Elements that one loop sums into: more are a pattern of another kind."""

Place = tuple[str, Index]


def sum_in_variables(body: Block, sites: Sites, names: Names) -> Block:
    """The body with such elements summed in variables."""
    return _Summer(Aliases(body, sites), Bounds(body), names).block(body)


class _Summer:
    def __init__(self, aliases: Aliases, bounds: Bounds, names: Names) -> None:
        self.aliases = aliases
        self.bounds = bounds
        self.names = names

    def block(self, block: Block) -> Block:
        out: list[Stmt] = []
        for k, stmt in enumerate(block):
            match stmt:
                case For():
                    sums = self._sums(stmt, block[:k], block[k + 1 :])
                    with self.bounds.within(stmt):
                        body = self.block(summed(stmt.body, sums))
                    out += _wrapped(replace(stmt, body=body), sums, block[:k], block[k + 1 :])
                case While():
                    out.append(replace(stmt, body=self.block(stmt.body)))
                case If():
                    parts = tuple(self.block(b) for b in blocks(stmt))
                    out.append(with_blocks(stmt, parts))
                case _:
                    out.append(stmt)
        return tuple(out)

    def _sums(self, loop: For, before: Block, after: Block) -> dict[Place, Var]:
        """The elements that a loop only adds to, and the variables that sum them."""
        if loop.until is not None or not isinstance(loop.step, Const):
            return {}
        changing = assigned((loop,))
        used = named_otherwise(loop.body)
        places = {
            (s.array, s.index): s.value.kind
            for s in statements(loop.body)
            if isinstance(s, Store)
            and not s.fresh
            and is_inexact(s.value.kind)
            and s.array not in changing
            and all(is_still(e, changing) for e in s.index)
        }
        with self._inside(loop):
            found = list(accesses(loop.body))
            chosen = [
                (place, kind)
                for place, kind in places.items()
                if (_exists(place, before, after) or _is_certain(place, loop))
                and not any(self.aliases.may(place[0], name) for name in used)
                and all(
                    a.how == "add" if (a.array, a.index) == place else self._apart(place, a, loop)
                    for a in found
                    if self.aliases.may(place[0], a.array)
                )
            ]
        if len(chosen) > MOST:
            return {}
        return {p: Var(self.names.fresh(f"{p[0]}_sum"), kind) for p, kind in chosen}

    def _inside(self, loop: For) -> ExitStack:
        """What holds in the innermost loops of a loop."""
        stack = ExitStack()
        for inner in [s for s in statements((loop,)) if isinstance(s, For)]:
            stack.enter_context(self.bounds.within(inner))
        return stack

    def _apart(self, place: Place, access: Access, loop: For) -> bool:
        """Whether an access is certainly of another element."""
        array, index = place
        if access.array != array:
            return False
        loops = [s for s in statements((loop,)) if isinstance(s, For)]
        for a, b in zip(index, access.index, strict=True):
            if not self._is_natural(a) or not self._is_natural(b):
                continue
            difference = sub(a, b)
            if isinstance(difference, Const) and difference.value != 0:
                return True
            if any(b == inner.var and _is_outside(a, inner) for inner in loops):
                return True
        return False

    def _is_natural(self, position: Expr) -> bool:
        least = self.bounds.least(position)
        return least is not None and least >= 0


def _is_outside(position: Expr, loop: For) -> bool:
    """Whether a position is none that the counter of a loop takes."""
    if loop.step != ONE:
        return False
    above, below = sub(position, loop.stop), sub(position, loop.start)
    return (isinstance(above, Const) and above.value >= 0) or (
        isinstance(below, Const) and below.value < 0
    )


def _wrapped(loop: For, sums: dict[Place, Var], before: Block, after: Block) -> Iterator[Stmt]:
    """A loop, and around it what takes the sums from their elements and puts them there."""
    out: list[Stmt] = [Assign(var, Load(*place, var.kind)) for place, var in sums.items()]
    out.append(loop)
    out += [Store(*place, var) for place, var in sums.items()]
    if all(_exists(place, before, after) for place in sums):
        yield from out
    else:  # without an iteration there may be no such element
        up = isinstance(loop.step, Const) and loop.step.value > 0
        yield If(compare("<" if up else ">", loop.start, loop.stop), tuple(out))


def _is_certain(place: Place, loop: For) -> bool:
    """Whether each iteration touches an element, without a check of its index."""
    adding = any(isinstance(s, Store) and (s.array, s.index) == place for s in loop.body)
    inside = [s for s in statements(loop.body) if isinstance(s, Check | IndexCheck)]
    return adding and not any(place[0] in reads_of(s) for s in inside)


def _exists(place: Place, before: Block, after: Block) -> bool:
    """Whether an element is touched in any case, and nothing has to be checked for it first."""

    def touches(block: Block) -> bool:
        found = (a for s in block if not blocks(s) for a in accesses((s,)))
        return any((a.array, a.index) == place for a in found)

    checks = any(isinstance(s, Check | IndexCheck) and place[0] in reads_of(s) for s in after)
    return touches(before) or (touches(after) and not checks)


def summed(block: Block, sums: dict[Place, Var]) -> Block:
    """The block with additions to these elements made additions to variables."""
    if not sums:
        return block
    out: list[Stmt] = []
    for stmt in block:
        if isinstance(stmt, Store) and (stmt.array, stmt.index) in sums:
            var = sums[stmt.array, stmt.index]
            out.append(Assign(var, _with(stmt.value, stmt, var), stmt.at))
        else:
            parts = tuple(summed(b, sums) for b in blocks(stmt))
            out.append(with_blocks(stmt, parts) if parts else stmt)
    return tuple(out)


def _with(value: Expr, stmt: Store, var: Var) -> Expr:
    """The value with the variable in place of the element."""
    if value == Load(stmt.array, stmt.index, var.kind):
        return var
    return rebuild(value, tuple(_with(e, stmt, var) for e in children(value)))
