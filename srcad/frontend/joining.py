"""Arrays joined: ``np.concatenate``, ``np.stack``, ``np.block``, ``np.append``, ..."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeGuard

import numpy as np

from srcad.errors import ArgumentValueError
from srcad.frontend import arrays, indexing, stores
from srcad.frontend.axes import as_piece, at_least, at_least_3d, axis_at, is_none
from srcad.frontend.builder import Builder
from srcad.frontend.choosing import flattened
from srcad.frontend.lanes import with_axis
from srcad.frontend.library import axis_of, common_dtype, dtype_of, entry
from srcad.frontend.values import ArrayValue, TupleValue, Value
from srcad.ir.build import ONE, ZERO, add, binary, compare, integer
from srcad.ir.nodes import Binary, Const, Expr
from srcad.ir.types import INT


@entry(np.concatenate)
def concatenate(
    b: Builder, arrays: Value, axis: Value = ZERO, *, dtype: Value | None = None
) -> Value:
    """Arrays one after the other along an axis."""
    if _is_rows(arrays):
        k = axis_at(b, axis, arrays.ndim - 1)
        return rows_joined(b, arrays, k, dtype)
    pieces = _pieces(b, arrays)
    k = None if is_none(axis) else axis_at(b, axis, pieces[0].ndim)
    flat = [flattened(b, p) for p in pieces] if k is None else pieces
    return joined(b, flat, k or 0, dtype)


@entry(np.stack)
def stack(b: Builder, arrays: Value, axis: Value = ZERO, *, dtype: Value | None = None) -> Value:
    """Arrays of one shape along a new axis."""
    if _is_rows(arrays):
        k = axis_at(b, axis, arrays.ndim)
        return rows_joined(b, with_axis(b, arrays, k + 1), k, dtype)
    pieces = _pieces(b, arrays)
    k = axis_at(b, axis, pieces[0].ndim + 1)
    return joined(b, [with_axis(b, p, k) for p in pieces], k, dtype)


@entry(np.vstack, *(getattr(np, name) for name in ("row_stack",) if hasattr(np, name)))
def vstack(b: Builder, tup: Value, *, dtype: Value | None = None) -> Value:
    """Arrays one below the other, vectors as rows."""
    if _is_rows(tup):
        return rows_joined(b, with_axis(b, tup, 1) if tup.ndim == 2 else tup, 0, dtype)
    return joined(b, [at_least(b, p, 2) for p in _pieces(b, tup)], 0, dtype)


@entry(np.hstack)
def hstack(b: Builder, tup: Value, *, dtype: Value | None = None) -> Value:
    """Arrays side by side."""
    if _is_rows(tup):
        return rows_joined(b, tup, 0 if tup.ndim == 2 else 1, dtype)
    pieces = [at_least(b, p, 1) for p in _pieces(b, tup)]
    return joined(b, pieces, 0 if pieces[0].ndim == 1 else 1, dtype)


@entry(np.dstack)
def dstack(b: Builder, tup: Value) -> Value:
    """Arrays one behind the other, along the third axis."""
    return joined(b, [at_least_3d(b, p) for p in _pieces(b, tup)], 2)


@entry(np.column_stack)
def column_stack(b: Builder, tup: Value) -> Value:
    """Arrays side by side, vectors as columns."""
    pieces = [at_least(b, p, 1) for p in _pieces(b, tup)]
    return joined(b, [with_axis(b, p, 1) if p.ndim == 1 else p for p in pieces], 1)


@entry(np.block)
def block(b: Builder, arrays: Value) -> Value:
    """A matrix of blocks, given as nested lists: the lists furthest in lie side by side."""
    depth = _list_depth(b, arrays)
    leaves = list(_leaves(b, arrays))
    ndim = max(depth, *(v.ndim for v in leaves))
    shape, placed = _laid_out(b, arrays, depth, ndim)
    return assembled(b, shape, placed)


def _list_depth(b: Builder, value: Value) -> int:
    """How deep lists are nested, the same everywhere."""
    if not isinstance(value, TupleValue):
        return 0
    if value.cls is not list:
        raise b.refuse("np.block takes lists: a tuple is not allowed", "write [...]")
    depths = {_list_depth(b, item) for item in value.items}
    if len(depths) != 1:
        raise ArgumentValueError("List depths are mismatched, or a list is empty", b.at)
    return 1 + depths.pop()


def _leaves(b: Builder, value: Value) -> Iterator[ArrayValue]:
    if isinstance(value, TupleValue):
        for item in value.items:
            yield from _leaves(b, item)
    else:
        yield as_piece(b, value)


Placed = list[tuple[tuple[Expr, ...], ArrayValue]]
"""Arrays and where the first element of each goes."""


def _laid_out(b: Builder, value: Value, depth: int, ndim: int) -> tuple[tuple[Expr, ...], Placed]:
    """The shape of nested blocks, and the place of each in it."""
    if not isinstance(value, TupleValue):
        piece = at_least(b, as_piece(b, value), ndim)
        return piece.extents, [((ZERO,) * ndim, piece)]
    axis = ndim - depth
    found = [_laid_out(b, item, depth - 1, ndim) for item in value.items]
    first = found[0][0]
    start: Expr = ZERO
    placed: Placed = []
    for shape, pieces in found:
        for k in range(ndim):
            if k != axis:
                require_same(b, first[k], shape[k])
        for place, piece in pieces:
            moved = (*place[:axis], total(start, place[axis]), *place[axis + 1 :])
            placed.append((moved, piece))
        start = total(start, shape[axis])
    return (*first[:axis], start, *first[axis + 1 :]), placed


def assembled(b: Builder, shape: tuple[Expr, ...], placed: Placed) -> ArrayValue:
    """A new array made of arrays in their places, which fill it."""
    out = arrays.unwritten(b, b.wanted, shape, joined_dtype([piece for _, piece in placed]))
    for place, piece in placed:
        start = tuple(b.simple_index(e) for e in place)

        def write(at: arrays.Index, start: arrays.Index = start, piece: ArrayValue = piece) -> None:
            own = tuple(total(s, k) for s, k in zip(start, at, strict=True))
            stores.store_new(b, out, own, piece.element(at))

        arrays.over(b, piece.extents, write)
    return out


@entry(np.append)
def append(b: Builder, arr: Value, values: Value, axis: Value | None = None) -> Value:
    """The array with values after its end."""
    pieces = [as_piece(b, arr), as_piece(b, values)]
    k = axis_of(b, pieces[0], axis)
    return joined(b, [flattened(b, p) for p in pieces] if k is None else pieces, k or 0)


def joined(
    b: Builder, pieces: Sequence[ArrayValue], axis: int, dtype: Value | None = None
) -> ArrayValue:
    """Arrays one after the other along an axis, in fresh memory."""
    first = pieces[0]
    if any(p.ndim != first.ndim for p in pieces):
        raise ArgumentValueError("arrays to join must have the same number of axes", b.at)
    for piece in pieces[1:]:
        for k in range(first.ndim):
            if k != axis:
                require_same(b, first.extents[k], piece.extents[k])
    starts: list[Expr] = [ZERO]
    for piece in pieces:
        starts.append(total(starts[-1], piece.extents[axis]))
    shape = (*first.extents[:axis], starts[-1], *first.extents[axis + 1 :])
    out = arrays.unwritten(b, b.wanted, shape, dtype_of(b, dtype, joined_dtype(pieces)))
    for piece, start in zip(pieces, starts, strict=False):
        _write_block(b, out, axis, b.simple_index(start), piece)
    return out


def _is_rows(value: Value) -> TypeGuard[ArrayValue]:
    """Whether arrays to join are the rows of one, whose number is known at run time only."""
    return (
        isinstance(value, ArrayValue) and value.ndim > 1 and not isinstance(value.extents[0], Const)
    )


def rows_joined(b: Builder, value: ArrayValue, axis: int, dtype: Value | None = None) -> ArrayValue:
    """The rows of an array one after the other along an axis of theirs."""
    rows, length = value.extents[0], value.extents[1 + axis]
    size = length if rows == ONE else binary("*", rows, length, INT)
    size = rows if length == ONE else size
    shape = (*value.extents[1 : 1 + axis], size, *value.extents[2 + axis :])
    out = arrays.unwritten(b, b.wanted, shape, dtype_of(b, dtype, value.dtype))

    def write(at: arrays.Index) -> None:
        row, *own = at
        start = row if length == ONE else binary("*", row, length, INT)
        own[axis] = start if length == ONE else total(start, own[axis])
        stores.store_new(b, out, tuple(own), value.element(at))

    arrays.over(b, value.extents, write)
    return out


def _write_block(b: Builder, out: ArrayValue, axis: int, start: Expr, piece: ArrayValue) -> None:
    """Write an array into its place in a joined one."""

    def place(at: arrays.Index) -> arrays.Index:
        return (*at[:axis], total(start, at[axis]), *at[axis + 1 :])

    arrays.over(b, piece.extents, lambda at: stores.store_new(b, out, place(at), piece.element(at)))


_SHAPES = "all the input array dimensions except for the joined axis must match"


def require_same(b: Builder, one: Expr, other: Expr, message: str = _SHAPES) -> None:
    """ValueError unless two lengths are the same."""
    if one == other:
        return
    test = compare("==", one, other)
    if isinstance(test, Const) and not test.value:
        raise ArgumentValueError(message, b.at)
    b.check(test, "ValueError", message)


def total(a: Expr, c: Expr) -> Expr:
    """``a + c`` of integers."""
    if isinstance(c, Const) or isinstance(a, Const):
        return add(a, c) if isinstance(c, Const) else add(c, a)
    return Binary("+", a, c, INT)


def joined_dtype(values: Sequence[ArrayValue]) -> str:
    """The dtype of arrays joined."""
    return common_dtype(v.dtype for v in values)


def _pieces(b: Builder, value: Value) -> list[ArrayValue]:
    if isinstance(value, ArrayValue) and isinstance(value.extents[0], Const):
        rows = range(int(value.extents[0].value))
        return [as_piece(b, indexing.select(b, value, [integer(k)])) for k in rows]
    if not isinstance(value, TupleValue) or not value.items:
        raise b.refuse(
            "arrays to join are written as a tuple or list of them",
            "allocate the result and fill its parts in a loop",
        )
    return [as_piece(b, item) for item in value.items]
