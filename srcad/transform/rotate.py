"""An array that each step makes anew while it hands on the last ones is one that goes round.

A step that needs the last two states makes the next one, and forgets the one before. Where nobody
else has hold of that, its memory is that of the next state but one, as one would write it::

    before, now = np.zeros(n), np.zeros(n)      before, now = np.zeros(n), np.zeros(n)
                                                after = np.empty(n)
    for t in range(steps):                      for t in range(steps):
        after = np.zeros(n)                         for i in range(n):
                                           ->           after[i] = 0.0
        for i in range(1, n - 1):                   for i in range(1, n - 1):
            after[i] = 2.0 * now[i] - ...               after[i] = 2.0 * now[i] - ...
        before, now = now, after                    before, now, after = now, after, before

Then loops are fused that could not be while ``now`` might be an array of any step, and reversal
finds three fields that are exchanged, with three shadows, in place of references to arrays. It is
done where the next state is computed from neighbours in another one.
"""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.flow import names_of, times_bound, writes_of
from srcad.analysis.iterations import BY_ELEMENT
from srcad.analysis.places import places_of
from srcad.analysis.sizes import Sizes, sizes_after, sizes_inside
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Bind,
    Block,
    Copy,
    Extent,
    For,
    If,
    Stmt,
    Store,
    While,
    blocks,
    statements,
    with_blocks,
)
from srcad.transform.in_place import filled, reads_neighbours

Arrays = dict[str, tuple[str, int]]


def rotate(body: Block, arrays: Arrays, kept: set[str], names: Names) -> Block:
    """The body with such arrays made before the loop; ``kept`` are needed afterwards."""
    if not any(isinstance(s, Bind) and len(s.targets) > 1 for s in statements(body)):
        return body
    return _Rotater(body, arrays, kept, names).block(body, Sizes(arrays))


class _Rotater:
    def __init__(self, body: Block, arrays: Arrays, kept: set[str], names: Names) -> None:
        self.arrays, self.kept, self.names = arrays, kept, names
        self.times = times_bound(body)
        self.mentions: dict[str, list[Stmt]] = {}
        for stmt in statements(body):
            for name in names_of(stmt) & arrays.keys():
                self.mentions.setdefault(name, []).append(stmt)

    def block(self, block: Block, sizes: Sizes) -> Block:
        """A block of the program; ``sizes``: what is known before it."""
        out: list[Stmt] = []
        for stmt in block:
            match stmt:
                case For() | While():
                    stmt = replace(stmt, body=self.block(stmt.body, sizes_inside(stmt, sizes)))
                case If():
                    parts = (self.block(b, sizes.copy()) for b in blocks(stmt))
                    stmt = with_blocks(stmt, tuple(parts))
            turned = self._turned(stmt, out, sizes) if isinstance(stmt, For) else None
            out += turned or (stmt,)
            sizes = sizes_after((stmt,), sizes)
        return tuple(out)

    def _turned(self, loop: For, before: list[Stmt], sizes: Sizes) -> list[Stmt] | None:
        """A loop that hands on its arrays, with the new one before it; None: it does not."""
        k, at = next(((k, s) for k, s in enumerate(loop.body) if _hands_on(s)), (0, None))
        if not isinstance(at, Bind) or loop.until is not None or loop.checkpoints is not None:
            return None
        *_, new = at.sources
        j = next((j for j, s in enumerate(loop.body) if new in writes_of(s)), k)
        made = loop.body[j]
        if not isinstance(made, Alloc | Copy) or made.target != new or j >= k:
            return None
        if not self._are_known_here(at, made, loop.body[j : k + 1], before):
            return None
        uses = tuple(places_of(loop.body[j : k + 1]))
        if not any(reads_neighbours(p, name) for name in at.targets for p in uses):
            return None
        inside = sizes_after(loop.body[:k], sizes_inside(loop, sizes))
        if len({inside.shape(n) for n in (*at.targets, new)} | {sizes.shape(at.targets[0])}) > 1:
            return None
        dtype, ndim = self.arrays[new]
        once = Alloc(new, tuple(Extent(at.targets[0], axis) for axis in range(ndim)), dtype)
        empty = isinstance(made, Alloc) and not made.zeros
        start = () if empty else filled(made, self.arrays, self.names)
        turn = Bind((*at.targets, new), (*at.sources, at.targets[0]), at.at)
        step = _again(loop.body[j + 1 : k], new)
        body = (*loop.body[:j], *start, *step, turn, *loop.body[k + 1 :])
        return [once, replace(loop, body=body)]

    def _are_known_here(
        self, at: Bind, made: Alloc | Copy, uses: Block, before: list[Stmt]
    ) -> bool:
        """Whether the arrays are made in front of the loop, and nothing else has hold of one.

        The new one is not named but in ``uses``, from where it is made to where it is handed on.
        """
        *_, new = at.sources
        fresh = {s.target: s for s in before if isinstance(s, Alloc | Copy)}
        if new in self.kept or self.times[new] != 1:
            return False
        if len(self.mentions[new]) != sum(new in names_of(s) for s in statements(uses)):
            return False
        for name in (*at.targets, new):
            if self.arrays[name] != self.arrays[new]:
                return False
            first = made if name == new else fresh.get(name)
            if first is None or (name != new and self.times[name] != 2):
                return False
            for stmt in self.mentions[name]:
                reads = isinstance(stmt, Alloc | Copy) and name not in writes_of(stmt)
                if not (stmt is at or stmt is first or reads or isinstance(stmt, BY_ELEMENT)):
                    return False
        return True


def _hands_on(stmt: Stmt) -> bool:
    """Whether a statement binds each of several names to the array of the next one."""
    if not isinstance(stmt, Bind) or len(stmt.targets) < 2:
        return False
    *handed, new = stmt.sources
    return tuple(handed) == stmt.targets[1:] and new not in stmt.targets


def _again(block: Block, new: str) -> Block:
    """The block, in which the elements of an array are no longer written for the first time."""
    out: list[Stmt] = []
    for stmt in block:
        if isinstance(stmt, Store) and stmt.array == new:
            stmt = replace(stmt, fresh=False)
        parts = blocks(stmt)
        out.append(with_blocks(stmt, tuple(_again(b, new) for b in parts)) if parts else stmt)
    return tuple(out)
