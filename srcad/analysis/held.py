"""Arrays of which something may keep hold when the iteration that makes them is over.

Where each iteration makes an array anew, one array can serve all of them only if nobody has kept
it: under another name, on a list, in a view, or in a function of the user's. ::

    for t in range(n):
        w = np.empty(3)         # each iteration may have the same one
        y = np.empty(3)         # each has its own: the names p and q hold two of them
        p, q = q, y
"""

from __future__ import annotations

from srcad.analysis.alias import points_to
from srcad.analysis.flow import names_of, reads_of, writes_of
from srcad.analysis.liveness import live_after
from srcad.ir.nodes import (
    Bind,
    Block,
    For,
    Function,
    If,
    Invoke,
    Keep,
    Pop,
    Push,
    Reshape,
    Return,
    While,
    Window,
    statements,
)

OWN = frozenset(
    ("add_product", "add_products", "cofactors", "determinant", "set_inverse", "set_product")
)
"""Functions of ``srcad.runtime`` that write into the arrays that they are given, and keep none."""


def held_arrays(function: Function) -> set[str]:
    """Arrays that are bound to other names, listed, returned, given away, or shown by such ones."""
    held = set(function.exports)
    views: list[tuple[str, str]] = []
    for stmt in statements(function.body):
        match stmt:
            case Bind() | Push() | Pop() | Keep() | Return():
                held |= names_of(stmt)
            case Invoke() if _gives_away(stmt):
                held |= names_of(stmt)
            case Window(target=target, source=source) | Reshape(target=target, source=source):
                views.append((target, source))
    size = -1
    while size != (size := len(held)):
        held |= {source for target, source in views if target in held}
    return held


def _gives_away(stmt: Invoke) -> bool:
    """Whether a call may keep hold of an array."""
    return not stmt.function.startswith("np.") and stmt.function not in OWN


class Holders:
    """Who has the array that an earlier iteration made under a name.

    In ::

        for t in range(n):
            y = np.dot(f, x)
            x = y
            ...
            z = np.dot(g, x)    # x denotes y here, and when y is made again it denotes z
            x = z

    each iteration may have the same two arrays.
    """

    def __init__(self, function: Function) -> None:
        self.body = function.body
        self.exports = frozenset(function.exports)
        self.sites = points_to(function.body, set(function.arrays))
        self.lasting = set(function.exports)
        """Names that more than variables have: lists, views, functions."""
        for stmt in statements(function.body):
            match stmt:
                case Push() | Pop() | Keep() | Window() | Reshape():
                    self.lasting |= names_of(stmt)
                case Invoke() if _gives_away(stmt):
                    self.lasting |= names_of(stmt)

    def is_free(self, name: str, loop: For | While) -> bool:
        """Whether nobody wants the array of the iteration before when one is made under a name."""
        if any(name in found for n, found in self.sites.items() if n in self.lasting):
            return False
        inside = {id(s) for s in statements(loop.body)}
        if any(name in names_of(s) for s in statements(self.body) if id(s) not in inside):
            return False
        walk = _Walk(name)
        end: set[str] = set()
        while True:
            walk.seen = set()
            reached = end | walk.block(loop.body, set(end))
            if reached == end:
                break
            end = reached
        makings = [s for s in statements(loop.body) if name in writes_of(s)]
        wanted = (live_after(self.body, s, self.exports) | reads_of(s) for s in makings)
        return not any(walk.seen & found for found in wanted)


class _Walk:
    """Follows which names may denote the array that is made under one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: set[str] = set()
        """Those that may when it is made again."""

    def block(self, block: Block, holders: set[str]) -> set[str]:
        """The holders after a block, given those before it."""
        for stmt in block:
            match stmt:
                case Bind():
                    pairs = zip(stmt.targets, stmt.sources, strict=True)
                    new = {t for t, s in pairs if s == self.name or s in holders}
                    holders = holders - set(stmt.targets) | new
                case If():
                    holders = self.block(stmt.body, set(holders)) | self.block(
                        stmt.orelse, set(holders)
                    )
                case For() | While():
                    size = -1
                    while size != (size := len(holders)):
                        holders = holders | self.block(stmt.body, set(holders))
                case _:
                    if self.name in writes_of(stmt):
                        self.seen |= holders
                    holders = holders - set(writes_of(stmt))
        return holders
