"""Where the statements of a program stand: in which order, and in which blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from srcad.ir.nodes import Block, Comment, For, Invoke, Stmt, Store, While, blocks

REVERSE = Comment("reverse sweep")
"""What stands above the reverse sweep of an adjoint."""


def start_of_reverse(body: Block) -> int | None:
    """The number of the statement at which the reverse sweep begins; None: there is none."""
    return next((k for k, stmt in enumerate(body) if stmt == REVERSE), None)


@dataclass(frozen=True, eq=False)
class Place:
    """A statement, its number in the order of the text, and the blocks around it."""

    stmt: Stmt
    order: int
    around: tuple[tuple[Stmt, int], ...]
    """Loops and branches, each with the number of its block, from the outside in."""

    def is_within(self, other: Place) -> bool:
        """Whether it stands in the block of another statement, or deeper."""
        return _is_prefix(other.around, self.around)

    def loops(self) -> list[For | While]:
        """The loops around it, from the outside in."""
        return [s for s, _ in self.around if isinstance(s, For | While)]


def places_of(body: Block) -> Iterator[Place]:
    """The statements of a block, those in nested blocks included, in order."""
    count = 0

    def walked(block: Block, around: tuple[tuple[Stmt, int], ...]) -> Iterator[Place]:
        nonlocal count
        for stmt in block:
            count += 1
            yield Place(stmt, count, around)
            for k, inner in enumerate(blocks(stmt)):
                yield from walked(inner, (*around, (stmt, k)))

    return walked(body, ())


def _is_prefix(one: tuple[tuple[Stmt, int], ...], two: tuple[tuple[Stmt, int], ...]) -> bool:
    return len(one) <= len(two) and all(
        a is b and j == k for (a, j), (b, k) in zip(one, two[: len(one)], strict=True)
    )


def arrays_written(stmt: Stmt) -> tuple[str, ...]:
    """Arrays of which a statement writes elements."""
    match stmt:
        case Store():
            return (stmt.array,)
        case Invoke():
            return stmt.writes
    return ()
