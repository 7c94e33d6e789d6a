"""What an iteration copies first is read from the copy, until the original is written.

A step in the style of slices copies its fields, and reads now the copies, now the fields. As long
as nothing has been written to a field, both hold the same. Where all that a step reads of a field
is in the copy, the reverse sweep needs the copies alone, and nothing that the step overwrites::

    for t in range(n):                      for t in range(n):
        un = u.copy()                           un = u.copy()
        for i in range(1, m - 1):               for i in range(1, m - 1):
            b[i] = u[i + 1] - u[i - 1]   ->         b[i] = un[i + 1] - un[i - 1]
        for i in range(1, m - 1):               for i in range(1, m - 1):
            u[i] = un[i] + h * b[i]                 u[i] = un[i] + h * b[i]
"""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.alias import Sites, points_to
from srcad.analysis.flow import times_bound, writes_of
from srcad.analysis.places import arrays_written
from srcad.ir.nodes import (
    Block,
    Copy,
    Expr,
    For,
    Load,
    Stmt,
    While,
    blocks,
    children,
    rebuild,
    statements,
    with_blocks,
)
from srcad.ir.rename import with_expressions


def originals(body: Block, arrays: set[str]) -> Block:
    """The body with such reads of the copies; ``arrays`` are all names of arrays."""
    if not any(isinstance(s, Copy) for s in statements(body)):
        return body
    return _Reader(body, arrays).block(body, in_loop=False)


class _Reader:
    def __init__(self, body: Block, arrays: set[str]) -> None:
        self.sites: Sites = points_to(body, arrays)
        self.times = times_bound(body)
        self.written = {s for stmt in statements(body) for s in self._written(stmt)}

    def block(self, block: Block, *, in_loop: bool) -> Block:
        out = [
            with_blocks(
                s,
                tuple(
                    self.block(b, in_loop=in_loop or isinstance(s, For | While)) for b in blocks(s)
                ),
            )
            if blocks(s)
            else s
            for s in block
        ]
        for k, stmt in enumerate(out):
            if in_loop and isinstance(stmt, Copy) and self._is_never_written(stmt.target):
                self._read_from(stmt, out, k + 1)
        return tuple(out)

    def _is_never_written(self, copy: str) -> bool:
        """Whether a copy keeps what it was made with."""
        own = self.sites.get(copy, frozenset((copy,)))
        return own == frozenset((copy,)) and self.times[copy] == 1 and copy not in self.written

    def _read_from(self, copy: Copy, block: list[Stmt], start: int) -> None:
        """Let what follows a copy read it, up to where the original is written or bound anew."""
        original = self.sites.get(copy.source, frozenset((copy.source,)))

        def read(expr: Expr) -> Expr:
            if isinstance(expr, Load) and expr.array == copy.source:
                expr = replace(expr, array=copy.target)
            parts = children(expr)
            return rebuild(expr, tuple(map(read, parts))) if parts else expr

        for k in range(start, len(block)):
            for stmt in statements((block[k],)):
                if copy.source in writes_of(stmt) or original & self._written(stmt):
                    return
            (block[k],) = with_expressions((block[k],), read)

    def _written(self, stmt: Stmt) -> frozenset[str]:
        """The arrays of which a statement writes elements."""
        found = (self.sites.get(a, frozenset((a,))) for a in arrays_written(stmt))
        return frozenset[str]().union(*found)
