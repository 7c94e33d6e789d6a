"""Arrays joined, repeated and turned: ``np.concatenate``, ``np.stack``, ``np.roll``, ..."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from srcad.errors import ArgumentValueError
from srcad.frontend import arrays, indexing, stores
from srcad.frontend.builder import Builder
from srcad.frontend.choosing import flattened
from srcad.frontend.lanes import FULL, with_axis
from srcad.frontend.library import as_array, axis_of, entry, static_int
from srcad.frontend.values import ArrayValue, TupleValue, Value
from srcad.ir.build import ONE, ZERO, add, compare, integer, join_kinds, scale
from srcad.ir.nodes import Binary, Call, Const, Expr
from srcad.ir.types import FLOAT32, INT


@entry(np.concatenate)
def concatenate(b: Builder, arrays: Value, axis: Value | None = None) -> Value:
    """Arrays one after the other along an axis."""
    pieces = _pieces(b, arrays)
    k = 0 if axis is None else axis_of(b, pieces[0], axis)
    return joined(b, [flattened(b, p) for p in pieces] if k is None else pieces, k or 0)


@entry(np.stack)
def stack(b: Builder, arrays: Value, axis: Value | None = None) -> Value:
    """Arrays of one shape along a new axis."""
    pieces = _pieces(b, arrays)
    k = 0 if axis is None else static_int(b, axis, "axis") % (pieces[0].ndim + 1)
    return joined(b, [with_axis(b, p, k) for p in pieces], k)


@entry(np.vstack)
def vstack(b: Builder, tup: Value) -> Value:
    """Arrays one below the other, vectors as rows."""
    return joined(b, [_at_least(b, p, 2) for p in _pieces(b, tup)], 0)


@entry(np.hstack)
def hstack(b: Builder, tup: Value) -> Value:
    """Arrays side by side."""
    pieces = [_at_least(b, p, 1) for p in _pieces(b, tup)]
    return joined(b, pieces, 0 if pieces[0].ndim == 1 else 1)


@entry(np.column_stack)
def column_stack(b: Builder, tup: Value) -> Value:
    """Arrays side by side, vectors as columns."""
    pieces = [with_axis(b, p, 1) if p.ndim == 1 else p for p in _pieces(b, tup)]
    return joined(b, pieces, 1)


@entry(np.append)
def append(b: Builder, arr: Value, values: Value, axis: Value | None = None) -> Value:
    """The array with values after its end."""
    pieces = [_piece(b, arr), _piece(b, values)]
    k = axis_of(b, pieces[0], axis)
    return joined(b, [flattened(b, p) for p in pieces] if k is None else pieces, k or 0)


def joined(b: Builder, pieces: Sequence[ArrayValue], axis: int) -> ArrayValue:
    """Arrays one after the other along an axis, in fresh memory."""
    first = pieces[0]
    if any(p.ndim != first.ndim for p in pieces):
        raise ArgumentValueError("arrays to join must have the same number of axes", b.at)
    for piece in pieces[1:]:
        for k in range(first.ndim):
            if k != axis:
                _require_same(b, first.extents[k], piece.extents[k])
    starts: list[Expr] = [ZERO]
    for piece in pieces:
        starts.append(_sum(starts[-1], piece.extents[axis]))
    dtype = pieces[0].dtype
    for piece in pieces[1:]:
        dtype = _common(dtype, piece.dtype)
    shape = (*first.extents[:axis], starts[-1], *first.extents[axis + 1 :])
    out = arrays.unwritten(b, b.wanted, shape, dtype)
    for piece, start in zip(pieces, starts, strict=False):
        _write_block(b, out, axis, b.simple_index(start), piece)
    return out


def _write_block(b: Builder, out: ArrayValue, axis: int, start: Expr, piece: ArrayValue) -> None:
    """Write an array into its place in a joined one."""

    def place(at: arrays.Index) -> arrays.Index:
        return (*at[:axis], _sum(start, at[axis]), *at[axis + 1 :])

    arrays.over(b, piece.extents, lambda at: stores.store_new(b, out, place(at), piece.element(at)))


def _require_same(b: Builder, one: Expr, other: Expr) -> None:
    if one == other:
        return
    test = compare("==", one, other)
    message = "all the input array dimensions except for the joined axis must match"
    if isinstance(test, Const) and not test.value:
        raise ArgumentValueError(message, b.at)
    b.check(test, "ValueError", message)


def _sum(a: Expr, c: Expr) -> Expr:
    if isinstance(c, Const) or a == ZERO:
        return add(a, c) if isinstance(c, Const) else c
    return Binary("+", a, c, INT)


def _common(one: str, other: str) -> str:
    if one == other:
        return one
    small = ("bool", "int8", "int16", "uint8", "uint16")
    if FLOAT32 in (one, other):
        return FLOAT32 if (other if one == FLOAT32 else one) in small else "float64"
    return join_kinds(arrays.kind_of(one), arrays.kind_of(other))


def _pieces(b: Builder, value: Value) -> list[ArrayValue]:
    if isinstance(value, ArrayValue) and isinstance(value.extents[0], Const):
        rows = range(int(value.extents[0].value))
        return [_piece(b, indexing.select(b, value, [integer(k)])) for k in rows]
    if not isinstance(value, TupleValue) or not value.items:
        raise b.refuse(
            "arrays to join are written as a tuple or list of them",
            "allocate the result and fill its parts in a loop",
        )
    return [_piece(b, item) for item in value.items]


def _piece(b: Builder, value: Value) -> ArrayValue:
    if isinstance(value, Expr):
        kind = value.kind
        held = b.hold(value, "c")
        return ArrayValue(kind, (), (), lambda at: held)
    return as_array(b, value)


def _at_least(b: Builder, value: ArrayValue, ndim: int) -> ArrayValue:
    while value.ndim < ndim:
        value = with_axis(b, value, 0)
    return value


# ---------------------------------------------------------------- turned


@entry(np.flip)
def flip(b: Builder, m: Value, axis: Value | None = None) -> Value:
    """A view with the elements of an axis (of all axes) in reversed order."""
    value = as_array(b, m)
    if isinstance(axis, TupleValue):
        turned = {static_int(b, k, "axis") % value.ndim for k in axis.items}
    else:
        k = axis_of(b, value, axis)
        turned = set(range(value.ndim)) if k is None else {k}
    back = (None, None, integer(-1))
    keys: list[object] = [back if k in turned else FULL for k in range(value.ndim)]
    return indexing.select(b, value, keys)


@entry(np.flipud)
def flipud(b: Builder, m: Value) -> Value:
    """A view with the rows in reversed order."""
    return flip(b, m, ZERO)


@entry(np.fliplr)
def fliplr(b: Builder, m: Value) -> Value:
    """A view with the columns in reversed order."""
    return flip(b, m, ONE)


@entry(np.roll)
def roll(b: Builder, a: Value, shift: Value, axis: Value | None = None) -> Value:
    """The elements moved along an axis; those that leave at one end come in at the other."""
    value = as_array(b, a)
    k = axis_of(b, value, axis)
    if k is None and value.ndim > 1:
        raise b.refuse(
            "np.roll of several axes at once is not supported yet", "give the axis, or ravel first"
        )
    k = k or 0
    if not isinstance(shift, Expr) or shift.kind != INT:
        raise b.refuse("the shift of np.roll must be an integer", "convert it with int(...)")
    extent = value.extents[k]
    out = arrays.unwritten(b, b.wanted, value.extents, value.dtype)
    size = Call("max", (ONE, extent), INT)
    by = b.store(Binary("%", shift, size, INT), "shift")
    stay = b.store(Binary("-", extent, by, INT), "stay")
    for length, start, end in ((stay, ZERO, by), (by, stay, ZERO)):

        def move(at: arrays.Index, start: Expr = start, end: Expr = end) -> None:
            item = value.element((*at[:k], _sum(start, at[k]), *at[k + 1 :]))
            stores.store_new(b, out, (*at[:k], _sum(end, at[k]), *at[k + 1 :]), item)

        arrays.over(b, (*value.extents[:k], length, *value.extents[k + 1 :]), move)
    return out


# ---------------------------------------------------------------- repeated


@entry(np.repeat, methods=("repeat",))
def repeat(b: Builder, a: Value, repeats: Value, axis: Value | None = None) -> Value:
    """Every element (every row of an axis) several times."""
    value = _piece(b, a)
    k = axis_of(b, value, axis) if value.ndim else None
    if k is None:
        value, k = flattened(b, value), 0
    count = _count(b, repeats)
    value = value if value.view is not None else arrays.materialise(b, value, "t")
    shape = (*value.extents[:k], _times(value.extents[k], count), *value.extents[k + 1 :])
    out = arrays.unwritten(b, b.wanted, shape, value.dtype)

    def write(at: arrays.Index) -> None:
        own, again = at[:-1], at[-1]
        place = (*own[:k], _sum(_times(own[k], count), again), *own[k + 1 :])
        stores.store_new(b, out, place, value.element(own))

    arrays.over(b, (*value.extents, count), write)
    return out


@entry(np.tile)
def tile(b: Builder, A: Value, reps: Value) -> Value:
    """The array side by side with itself."""
    items = reps.items if isinstance(reps, TupleValue) else (reps,)
    counts = [_count(b, r) for r in items]
    value = _at_least(b, _piece(b, A), len(counts))
    counts = [ONE] * (value.ndim - len(counts)) + counts
    value = value if value.view is not None else arrays.materialise(b, value, "t")
    shape = tuple(_times(e, c) for e, c in zip(value.extents, counts, strict=True))
    out = arrays.unwritten(b, b.wanted, shape, value.dtype)

    def write(at: arrays.Index) -> None:
        again, own = at[: value.ndim], at[value.ndim :]
        blocks = zip(again, own, value.extents, strict=True)
        place = tuple(_sum(_times(c, extent), k) for c, k, extent in blocks)
        stores.store_new(b, out, place, value.element(own))

    arrays.over(b, (*counts, *value.extents), write)
    return out


def _count(b: Builder, value: Value) -> Expr:
    if not isinstance(value, Expr) or value.kind != INT:
        raise b.refuse("the number of repetitions must be an integer", "write the loop")
    held = b.hold(value, "n")
    if not b.is_nonnegative(held):
        b.check(compare(">=", held, ZERO), "ValueError", "repeats may not contain negative values")
    return held


def _times(a: Expr, c: Expr) -> Expr:
    if isinstance(c, Const):
        return scale(a, int(c.value))
    if isinstance(a, Const):
        return scale(c, int(a.value))
    return Binary("*", a, c, INT)
