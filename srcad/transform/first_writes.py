"""First writes: elements that are written for the first time need not be restored.

A time step often makes an array and fills it in a loop, element by element; or all steps fill one
array, each from what the one before has written::

    u = np.zeros((n + 1, m))
    u[0, 0] = 1.0                                               # fresh
    for t in range(n):
        for i in range(1, m):
            u[t + 1, i] = u[t, i] + c * u[t, i - 1] * u[t, i]   # fresh

Going back in time, nobody asks for the zeros that stood in ``u``: what is read of an element comes
later in the program than its write, so it was reversed before. Such a store is marked as ``fresh``,
as those are that elaboration writes for array expressions: reversal saves no old value, and
restores none.

It is one if each loop around it, up to the block that makes the array, counts along an axis of its
own, from a literal or down to one, so that no element is written twice and no index is negative;
and if whatever else touches the array is *apart* from it, at elements that it never writes, or
*behind*: it comes to each element after the store has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from srcad.analysis.flow import assigned, names_of
from srcad.analysis.iterations import Index, is_still, offset_from
from srcad.analysis.sizes import difference
from srcad.ir.build import add, integer
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Block,
    Check,
    Comment,
    Const,
    Expr,
    For,
    If,
    IndexCheck,
    Load,
    Stmt,
    Store,
    While,
    blocks,
    expressions,
    statements,
    walk,
    with_blocks,
)

_MOST = 64
"""At most so many accesses to one array are looked at."""


def first_writes(body: Block) -> Block:
    """The body with stores that write elements for the first time marked as fresh."""
    new: dict[str, list[_Touch]] = {}
    """The arrays made in this block, and where they have been touched since."""
    changing: set[str] = set()
    """The names that have been bound since the first of them was made."""
    out: list[Stmt] = []
    for stmt in body:
        found: set[int] = set()
        changing |= assigned((stmt,)) if new else set()
        for array in {n for s in statements((stmt,)) for n in names_of(s)} & new.keys():
            touches = list(_touches((stmt,), array, ()))
            if not _is_simple(stmt, array) or len(touches) + len(new[array]) > _MOST:
                del new[array]
                continue
            found |= {
                id(t.store)
                for t in touches
                if t.store and _is_first(t, touches, new[array], changing)
            }
            new[array] += touches
        if isinstance(stmt, Alloc):
            new[stmt.target] = []
        if found:
            stmt = _marked(stmt, found)
        if parts := blocks(stmt):
            stmt = with_blocks(stmt, tuple(map(first_writes, parts)))
        out.append(stmt)
    return tuple(out)


@dataclass(frozen=True, eq=False)
class _Touch:
    """An element that is read, or written by ``store``, and where that stands."""

    index: Index
    store: Store | None
    path: tuple[tuple[int, Stmt, int], ...]
    """From the outside in: the number of a statement in its block, and that of its block gone into.

    The last statement touches the element itself; its block is -1.
    """

    @property
    def loops(self) -> list[For]:
        """The counted loops around it."""
        return [s for _, s, block in self.path if isinstance(s, For) and block == 0]


def _touches(
    block: Block, array: str, around: tuple[tuple[int, Stmt, int], ...]
) -> Iterator[_Touch]:
    for k, stmt in enumerate(block):
        path = (*around, (k, stmt, -1))
        for expr in expressions(stmt):
            for e in walk(expr):
                if isinstance(e, Load) and e.array == array:
                    yield _Touch(e.index, None, path)
        if isinstance(stmt, Store) and stmt.array == array:
            yield _Touch(stmt.index, stmt, path)
        for number, inner in enumerate(blocks(stmt)):
            yield from _touches(inner, array, (*around, (k, stmt, number)))


def _is_simple(whole: Stmt, array: str) -> bool:
    """Whether a statement touches an array by its elements alone, and gives it no other name."""
    simple = Assign | Store | For | While | If | Check | IndexCheck | Comment
    return all(isinstance(s, simple) for s in statements((whole,)) if array in names_of(s))


def _is_first(
    write: _Touch, beside: list[_Touch], before: list[_Touch], changing: set[str]
) -> bool:
    """Whether a store writes elements that have not been touched, each once.

    ``beside`` are the accesses of the same statement of the block, ``before`` those of the
    statements in front of it, since the array was made. All of them change the names ``changing``.
    """
    axes = [_axis_of(write.index, loop) for loop in write.loops]
    if any(isinstance(s, While) for _, s, _ in write.path) or len(set(axes)) < len(axes):
        return False
    if any(axis is None or _range(write, axis) is None for axis in axes):
        return False

    def is_apart(other: _Touch) -> bool:
        pairs = (write, other), (other, write)
        return _are_apart(write, other) or any(_ends_before(*pair, changing) for pair in pairs)

    others = [t for t in beside if t is not write]
    return all(map(is_apart, before)) and all(is_apart(t) or _is_behind(t, write) for t in others)


def _axis_of(index: Index, loop: For) -> int | None:
    """The axis that a loop counts along, if that is one."""
    if not isinstance(loop.step, Const) or loop.var.name in assigned(loop.body):
        return None
    axes = [axis for axis, e in enumerate(index) if offset_from(e, loop.var) is not None]
    return axes[0] if len(axes) == 1 else None


# ---------------------------------------------------------------- apart


def _range(touch: _Touch, axis: int) -> tuple[int, int | None] | None:
    """Between which literals (the last one included) an index is; None: not known, or below 0."""
    index = touch.index[axis]
    if isinstance(index, Const):
        found = int(index.value), int(index.value)
        return found if found[0] >= 0 else None
    for loop in touch.loops:
        ahead = offset_from(index, loop.var)
        if ahead is not None and isinstance(loop.step, Const):
            if loop.var.name in assigned(loop.body):
                return None
            low, high = (loop.start, loop.stop) if loop.step.value > 0 else (loop.stop, loop.start)
            down = int(loop.step.value < 0)
            if not isinstance(low, Const) or int(low.value) + down + ahead < 0:
                return None
            last = int(high.value) - 1 + down + ahead if isinstance(high, Const) else None
            return int(low.value) + down + ahead, last
    return None


def _are_apart(one: _Touch, two: _Touch) -> bool:
    """Whether two accesses are never to the same element, by the literals of their indices."""
    ranges = ((_range(one, k), _range(two, k)) for k in range(len(one.index)))
    return any(a and b and (_is_below(a, b) or _is_below(b, a)) for a, b in ranges)


def _is_below(one: tuple[int, int | None], two: tuple[int, int | None]) -> bool:
    return one[1] is not None and one[1] < two[0]


def _ends_before(one: _Touch, two: _Touch, changing: set[str]) -> bool:
    """Whether an access counts up to an element that stays the same: a boundary."""
    for axis, index in enumerate(one.index):
        for loop in one.loops:
            ahead = offset_from(index, loop.var)
            if ahead is None or _range(one, axis) is None or not isinstance(loop.step, Const):
                continue
            up = loop.step.value > 0
            end = add(loop.stop if up else loop.start, integer(ahead + (not up)))
            over = difference(two.index[axis], end)
            if over is not None and over >= 0 and is_still(end, changing):
                return True
    return False


# ---------------------------------------------------------------- behind


def _is_behind(other: _Touch, write: _Touch) -> bool:
    """Whether an access comes to each element after the store has, if the store does at all."""
    for mine, its in zip(write.path, other.path, strict=False):
        (k, stmt, block), (m, _, part) = mine, its
        if k != m:
            return k < m
        if block != part:
            return isinstance(stmt, If) and -1 not in (block, part)  # only one of the branches runs
        if isinstance(stmt, For) and block == 0:
            found = _order(other, write, stmt)
            if found != "same":
                return found == "later"
    return False


def _order(other: _Touch, write: _Touch, loop: For) -> Literal["later", "same", "unknown"]:
    """When an access comes to an element, by the iterations of a loop around both.

    In the same one, or in a later one than the store; it may be that the store never does.
    """
    axis = _axis_of(write.index, loop)
    assert axis is not None and isinstance(loop.step, Const)
    own, index = offset_from(write.index[axis], loop.var), other.index[axis]
    if own is None or _range(other, axis) is None:
        return "unknown"
    exact = offset_from(index, loop.var)
    up = loop.step.value > 0
    if exact is not None:
        if exact == own:
            return "same"
        return "later" if (exact < own) == up else "unknown"
    most = _most(other, index, loop)
    return "later" if up and most is not None and most < own else "unknown"


def _most(touch: _Touch, index: Expr, loop: For) -> int | None:
    """How far an index is ahead of the counter of a loop, at most, where it counts up to that."""
    for inner in touch.loops:
        ahead = offset_from(index, inner.var)
        end = offset_from(inner.stop, loop.var)
        up = isinstance(inner.step, Const) and inner.step.value > 0
        if ahead is not None and end is not None and up:
            return ahead + end - 1
    return None


def _marked(stmt: Stmt, stores: set[int]) -> Stmt:
    """The statement with these stores (by identity) marked."""
    if isinstance(stmt, Store):
        return replace(stmt, fresh=True) if id(stmt) in stores else stmt
    parts = tuple(tuple(_marked(s, stores) for s in b) for b in blocks(stmt))
    return with_blocks(stmt, parts) if parts else stmt
