"""A field that a step changes through a temporary is exchanged with another one instead.

``u[1:-1] += k * (u[2:] - u[:-2])`` computes all of the new elements before it stores one. The new
ones can be stored where they will be looked for if the old ones are elsewhere, as in a program
with two buffers, whose reverse sweep reads the field where it was written
(``srcad.transform.resident``)::

    for t in range(steps):                      u_next = u.copy()
        new = np.empty(n)                       for t in range(steps):
        for i in range(n):                          for i in range(1, n + 1):
            new[i] = f(u[i], u[i + 2])    ->            u_next[i] = f(u[i - 1], u[i + 1])
        for i in range(n):                          u, u_next = u_next, u
            u[i + 1] = new[i]

All iterations write the same elements of the field, and those through one temporary: what they do
not write is the same in both. No other name denotes the field, and nobody but the loop before it
is over holds it, as no name for all of it or a part of it is made inside.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from srcad.analysis.alias import Sites, points_to
from srcad.analysis.flow import assigned, mentions, names_of, times_bound
from srcad.analysis.iterations import BY_ELEMENT, is_still
from srcad.ir.build import ONE
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Bind,
    Block,
    Comment,
    Copy,
    Expr,
    For,
    Load,
    Stmt,
    Store,
    Var,
    names_read,
    statements,
)
from srcad.ir.rename import renamed_expr
from srcad.ir.types import is_inexact
from srcad.transform.centre import centre

Arrays = dict[str, tuple[str, int]]
_Ranges = tuple[tuple[str, Expr, Expr], ...]
"""Counter, first and end of nested loops, from the outermost on."""


def exchange(body: Block, arrays: Arrays, names: Names) -> Block:
    """The body with such fields of its outermost loops exchanged; new arrays are declared."""
    out: list[Stmt] = []
    for place, stmt in enumerate(body):
        while isinstance(stmt, For) and stmt.until is None and stmt.checkpoints is None:
            found = _Loop(body, stmt, place, arrays).found()
            if found is None:
                break
            made, step, field = found
            other = names.fresh(f"{field}_next")
            arrays[other] = arrays[field]
            out.append(Copy(other, field))
            changed = replace(stmt, body=_exchanged(stmt.body, made, step, field, other))
            body = (*body[:place], changed, *body[place + 1 :])
            stmt = changed
        out.append(stmt)
    return tuple(out)


def _exchanged(block: Block, made: Alloc, step: int, field: str, other: str) -> Block:
    """The block with the loops from ``step`` on, through a temporary, as one and an exchange."""
    first, second = block[step], block[step + 1]
    assert isinstance(first, For) and isinstance(second, For)
    outer, (inner, copied) = _ranges(first), (_ranges(second), _innermost(second)[0])
    assert isinstance(copied, Store)
    counters = dict(zip((c for c, _, _ in inner), (c for c, _, _ in outer), strict=True))
    index = tuple(renamed_expr(e, counters) for e in copied.index)

    def stored(stmt: Stmt) -> Stmt:
        match stmt:
            case For():
                return replace(stmt, body=tuple(map(stored, stmt.body)))
            case Store(array=array) if array == made.target:
                return replace(stmt, array=other, index=index, fresh=False)
        return stmt

    swap = Bind((field, other), (other, field), copied.at)
    whole = (*block[:step], *centre((stored(first),)), swap, *block[step + 2 :])
    return tuple(s for s in whole if s is not made)


class _Loop:
    """One loop of a body, and what is known of the arrays in it."""

    def __init__(self, body: Block, loop: For, place: int, arrays: Arrays) -> None:
        self.body = body
        self.loop = loop
        self.place = place
        self.arrays = arrays
        self.changing = assigned(loop.body) | {loop.var.name}

    def found(self) -> tuple[Alloc, int, str] | None:
        """A temporary, where the loop that fills it stands, and the field; None: there is none."""
        made = {s.target: s for s in self.loop.body if isinstance(s, Alloc)}
        if not made:
            return None
        for step, (first, second) in enumerate(
            zip(self.loop.body, self.loop.body[1:], strict=False)
        ):
            match second:
                case For() if isinstance(first, For) and (inside := _innermost(second)):
                    copied = inside[0]
                case _:
                    continue
            match copied:
                case Store(array=field, value=Load(array=new)) if new in made:
                    if not self._fills(first, second, new, field):
                        continue
                    count, bound = mentions(self.body), times_bound(self.body)
                    if count[new] == 3 and bound[new] == 1 and self._is_alone(field, bound):
                        return made[new], step, field
        return None

    def _fills(self, first: For, second: For, new: str, field: str) -> bool:
        """Whether a loop does nothing but fill the temporary that the second one copies."""
        inside = [s for s in _innermost(first) if not isinstance(s, Comment)]
        copies = [s for s in _innermost(second) if not isinstance(s, Comment)]
        stores = [s for s in inside if isinstance(s, Store)]
        if len(copies) != 1 or len(stores) != 1 or stores[0].array != new:
            return False
        if not all(isinstance(s, Assign | Store) for s in inside) or inside[-1] is not stores[0]:
            return False
        outer, inner = _ranges(first), _ranges(second)
        if [r[1:] for r in outer] != [r[1:] for r in inner]:
            return False
        (copy,) = copies
        assert isinstance(copy, Store) and isinstance(copy.value, Load)
        at_own = _are(stores[0].index, outer) and _are(copy.value.index, inner)
        if not at_own:
            return False
        counters = {c for c, _, _ in inner}
        still = all(is_still(e, self.changing) for _, *ends in inner for e in ends)
        named = set[str]().union(*map(names_read, copy.index))
        if not still or named & self.changing - counters:
            return False
        if not all(is_still(e, set()) for e in copy.index):
            return False
        dtype, _ = self.arrays[field]
        return self.arrays[new][0] == dtype and is_inexact(dtype)

    def _is_alone(self, field: str, bound: Counter[str]) -> bool:
        """Whether the loop has the field for itself, which it writes in one place."""
        makers = [s for s in self.body[: self.place] if isinstance(s, Alloc | Copy)]
        if bound[field] != 1 or field not in {s.target for s in makers}:
            return False
        if _stores(self.loop.body, field) != 1:
            return False
        inside = statements(self.loop.body)
        if any(field in names_of(s) and not isinstance(s, BY_ELEMENT) for s in inside):
            return False
        sites: Sites = points_to(self.body, set(self.arrays))
        own = sites.get(field, frozenset((field,)))
        others = (sites.get(n, frozenset((n,))) for n in self.arrays if n != field)
        return not any(own & s for s in others)


def _stores(block: Block, array: str) -> int:
    return sum(isinstance(s, Store) and s.array == array for s in statements(block))


def _are(index: tuple[Expr, ...], ranges: _Ranges) -> bool:
    """Whether an element is that at the counters of nested loops, in their order."""
    return [e.name if isinstance(e, Var) else "" for e in index] == [c for c, _, _ in ranges]


def _innermost(loop: For) -> Block:
    """The block of the innermost of perfectly nested loops that count up one by one; or nothing."""
    stmt: Stmt = loop
    while isinstance(stmt, For):
        if stmt.step != ONE or stmt.until is not None or stmt.checkpoints is not None:
            return ()
        inside = [s for s in stmt.body if not isinstance(s, Comment)]
        if len(inside) != 1 or not isinstance(inside[0], For):
            return tuple(inside) if not any(isinstance(s, For) for s in inside) else ()
        (stmt,) = inside
    return ()


def _ranges(loop: For) -> _Ranges:
    """The counters of nested loops, with the ends of their ranges."""
    out: list[tuple[str, Expr, Expr]] = []
    stmt: Stmt = loop
    while isinstance(stmt, For):
        out.append((stmt.var.name, stmt.start, stmt.stop))
        stmt = next((s for s in stmt.body if isinstance(s, For)), stmt.body[0])
    return tuple(out)
