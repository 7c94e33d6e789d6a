"""Lengths that have a name are read by it.

The passes that prove things know a length as that of an array. Where the program has a name for it,
the text is shorter by that, and Numba has less to compile::

    m = lid.shape[0]                            m = lid.shape[0]
    for i in range(lid.shape[0]):       ->      for i in range(m):
        for j in range(lid.shape[0] - 2):           for j in range(m - 2):

An array that is bound anew, as a field that lives in its tape, has its lengths from its first one.
LLVM does not see that, and would compile loops that suit any lengths::

    h = np.zeros((n, m))                        h = np.zeros((n, m))
    for t in range(steps):              ->      for t in range(steps):
        h = h_tape[t + 1]                           h = h_tape[t + 1]
    h_b = np.zeros_like(h)                      h_b = np.zeros((n, m))
"""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.flow import times_bound, writes_of
from srcad.analysis.sizes import Sizes, sizes_after, sizes_inside
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Block,
    Expr,
    Extent,
    For,
    Function,
    Reshape,
    Stmt,
    Var,
    While,
    Window,
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

_SIMPLE = 3
"""The most nodes of a length that is written out."""


def named_extents(function: Function) -> Function:
    """The function with lengths read by the names that they have all along."""
    function = _Steady(function).written()
    times = times_bound(function.body)
    named: dict[Extent, Var] = {}
    given = {p if isinstance(p, str) else p.name for p in function.parameters}
    seen = dict.fromkeys(given, 0)
    out: list[Stmt] = []

    def by_name(expr: Expr) -> Expr:
        if isinstance(expr, Extent):
            return named.get(expr, expr)
        parts = children(expr)
        return rebuild(expr, tuple(map(by_name, parts))) if parts else expr

    for stmt in function.body:
        out += with_expressions((stmt,), by_name) if named else (stmt,)
        for name in writes_of(stmt):
            seen[name] = seen.get(name, 0) + 1
        match stmt:
            case Assign(target=target, value=Extent() as extent) if extent not in named:
                fixed = seen.get(extent.array) == times[extent.array]
                if fixed and times[target.name] == 1 and target.name not in given:
                    named[extent] = target
    return replace(function, body=tuple(out))


class _Steady:
    """Lengths of arrays that are bound anew, told by what they were made with."""

    def __init__(self, function: Function) -> None:
        self.function = function
        times = times_bound(function.body)
        given = {p for p in function.parameters if isinstance(p, str)}
        rows = {s.target for s in statements(function.body) if isinstance(s, Window) and s.own}
        self.anew = {n for n in function.arrays if times[n] + (n in given) > 1} | rows

    def written(self) -> Function:
        """The function with such lengths."""
        if not self._concerns(self.function.body):
            return self.function
        body = self._block(self.function.body, Sizes(self.function.arrays))
        return replace(self.function, body=body)

    def _concerns(self, block: Block) -> bool:
        """Whether a block asks for a length of an array that is bound anew."""
        return any(
            s.source in self.anew
            if isinstance(s, ZerosLike)
            else any(self._is_asked(e) for e in expressions(s))
            for s in statements(block)
        )

    def _is_asked(self, expr: Expr) -> bool:
        return any(isinstance(e, Extent) and e.array in self.anew for e in walk(expr))

    def _block(self, block: Block, sizes: Sizes) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            changed = stmt
            if self._concerns((stmt,)):
                changed = self._statement(stmt, sizes)
            out.append(changed)
            sizes_after((stmt,), sizes)
        return tuple(out)

    def _statement(self, stmt: Stmt, sizes: Sizes) -> Stmt:
        match stmt:
            case Window() | Reshape():
                return stmt
            case ZerosLike(target=target, source=source) if source in self.anew:
                shape = sizes.shape(source)
                if not all(map(self._is_told, shape)):
                    return stmt
                return Alloc(target, shape, self.function.arrays[source][0], True, stmt.at)
        parts = blocks(stmt)
        inside = sizes_inside(stmt, sizes) if isinstance(stmt, For | While) else sizes
        made = [self._block(part, inside.copy()) for part in parts]
        stmt = with_blocks(stmt, tuple(() for _ in parts)) if parts else stmt
        here = inside if isinstance(stmt, While) else sizes
        (stmt,) = with_expressions((stmt,), lambda e: self._told(e, here))
        return with_blocks(stmt, tuple(made)) if parts else stmt

    def _told(self, expr: Expr, sizes: Sizes) -> Expr:
        if isinstance(expr, Extent) and expr.array in self.anew:
            found = sizes.known(expr)
            return found if self._is_told(found) else expr
        parts = children(expr)
        return rebuild(expr, tuple(self._told(e, sizes) for e in parts)) if parts else expr

    def _is_told(self, length: Expr) -> bool:
        """Whether a length is said in few words, and not by an array that is bound anew."""
        return sum(1 for _ in walk(length)) <= _SIMPLE and not self._is_asked(length)
