"""The outermost loops of a kind, written in another way; the others are looked into.

A pass that does so needs to know of each loop what is read after it, and the bounds of the loops
around it.
"""

from abc import ABC, abstractmethod
from dataclasses import replace

from srcad.analysis.iterations import Bounds
from srcad.analysis.liveness import Live, live_at_end, live_before
from srcad.ir.nodes import Block, For, If, Stmt, While, blocks, with_blocks


class Outermost(ABC):
    """Writes the outermost loops for which there is another way."""

    bounds: Bounds
    """Of the loops around."""

    @abstractmethod
    def written(self, loop: For, live: Live) -> Stmt | None:
        """The loop in another way; None if there is none, and what is inside may be written."""

    def block(self, block: Block, live: Live) -> Block:
        """The block with such loops written in the other way."""
        out: list[Stmt] = []
        for stmt in reversed(block):
            before = live_before(stmt, live)
            match stmt:
                case For():
                    stmt = self.written(stmt, live) or self._inside(stmt, live)
                case While():
                    stmt = with_blocks(stmt, (self.block(stmt.body, before),))
                case If():
                    parts = tuple(self.block(b, live) for b in blocks(stmt))
                    stmt = with_blocks(stmt, parts)
            out.append(stmt)
            live = before
        return tuple(reversed(out))

    def _inside(self, loop: For, live: Live) -> For:
        with self.bounds.within(loop):
            return replace(loop, body=self.block(loop.body, live_at_end(loop, live)))
