"""Arrays seen in larger shapes: ``np.broadcast_to``, windows that slide, diagonals.

NumPy returns views that cannot be written. Here they are computations not stored anywhere: an
element is read from the array when it is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from srcad.errors import ArgumentValueError
from srcad.frontend import arrays, reductions
from srcad.frontend.axes import as_piece, axes_at, axis_at
from srcad.frontend.builder import Builder
from srcad.frontend.library import as_array, entry, shape_of
from srcad.frontend.values import ArrayValue, TupleValue, Value
from srcad.ir.build import ONE, ZERO, add, at_least_zero, compare, integer, sub
from srcad.ir.nodes import Call, Const, Expr
from srcad.ir.types import INT


@entry(np.broadcast_to)
def broadcast_to(b: Builder, array: Value, shape: Value) -> Value:
    """The array repeated along new axes and axes of length 1."""
    return spread_to(b, as_piece(b, array), shape_of(b, shape))


def spread_to(b: Builder, value: ArrayValue, shape: arrays.Index) -> ArrayValue:
    """The array broadcast to a shape."""
    shape = tuple(b.simple_index(e) for e in shape)
    lead = len(shape) - value.ndim
    if lead < 0:
        raise ArgumentValueError("an array cannot be broadcast to fewer axes", b.at)
    target = ArrayValue(INT, shape, tuple(e == ONE for e in shape), lambda at: ZERO)
    value = arrays.stretched(b, [value, target])[0]
    for k, wanted in enumerate(shape[lead:]):
        extent = value.extents[k]
        if extent == wanted or value.units[k]:
            continue
        if isinstance(extent, Const) and isinstance(wanted, Const):
            raise ArgumentValueError(
                f"an axis of length {extent.value} cannot be broadcast to {wanted.value}", b.at
            )
        b.check(
            compare("==", extent, wanted),
            "ValueError",
            "operands could not be broadcast together: an axis has another length "
            "(one of length 1 is repeated where that is known beforehand: x[:, None])",
        )
    stretched = tuple(
        unit and wanted != ONE for unit, wanted in zip(value.units, shape[lead:], strict=True)
    )
    if not lead and not any(stretched):
        return value

    def element(at: arrays.Index) -> Expr:
        own = zip(at[lead:], value.units, strict=True)
        return value.element(tuple(ZERO if unit else k for k, unit in own))

    return _window(value, shape, element)


def _window(
    value: ArrayValue, shape: arrays.Index, element: Callable[[arrays.Index], Expr]
) -> ArrayValue:
    """A view of an array, not to be written, that repeats elements or takes them in other steps."""
    is_view = value.readonly or value.view is not None
    units = tuple(e == ONE for e in shape)
    return ArrayValue(value.dtype, shape, units, element, value.reads, readonly=is_view)


@entry(np.broadcast_arrays)
def broadcast_arrays(b: Builder, *args: Value) -> Value:
    """Arrays in their common shape."""
    values = arrays.stretched(b, [as_piece(b, v) for v in args])
    extents, _ = arrays.broadcast(b, values)
    return TupleValue(tuple(spread_to(b, v, extents) for v in values))


@entry(np.broadcast_shapes)
def broadcast_shapes(b: Builder, *args: Value) -> Value:
    """The common shape of arrays of these shapes."""
    shapes = [shape_of(b, v) for v in args]
    values = [
        ArrayValue(INT, shape, tuple(e == ONE for e in shape), lambda at: ZERO) for shape in shapes
    ]
    return TupleValue(arrays.broadcast(b, values)[0] if values else ())


@entry(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(
    b: Builder, x: Value, window_shape: Value, axis: Value | None = None
) -> Value:
    """All windows of an array: their places first, then the axes within a window."""
    value = _readable(b, as_array(b, x))
    lengths = shape_of(b, window_shape)
    if axis is None:
        if len(lengths) != value.ndim:
            raise ArgumentValueError("window_shape must have as many axes as the array", b.at)
        axes = list(range(value.ndim))
    else:
        items = axis.items if isinstance(axis, TupleValue) else (axis,)
        axes = [axis_at(b, item, value.ndim) for item in items]
        if len(axes) != len(lengths):
            raise ArgumentValueError("window_shape and axis must have as many entries", b.at)
    extents = list(value.extents)
    lengths = tuple(b.simple_index(e) for e in lengths)
    for k, length in zip(axes, lengths, strict=True):
        found = sub(extents[k], sub(length, ONE))
        test = compare(">", found, ZERO)
        message = "window shape cannot be larger than input array shape"
        if isinstance(test, Const) and not test.value:
            raise ArgumentValueError(message, b.at)
        b.check(test, "ValueError", message)
        extents[k] = found if isinstance(found, Const) else b.hold(found, "n")

    def element(at: arrays.Index) -> Expr:
        place = list(at[: value.ndim])
        for k, inner in zip(axes, at[value.ndim :], strict=True):
            place[k] = add(place[k], inner)
        return value.element(tuple(place))

    return _window(value, (*extents, *lengths), element)


def _readable(b: Builder, value: ArrayValue) -> ArrayValue:
    """An array whose elements are read again at no cost."""
    return value if value.view is not None else arrays.materialise(b, value, "t")


# ---------------------------------------------------------------- diagonals


@entry(np.diagonal, methods=("diagonal",))
def diagonal(
    b: Builder,
    a: Value,
    offset: Value = ZERO,
    axis1: Value = ZERO,
    axis2: Value = ONE,
) -> Value:
    """The diagonals of the matrices on two axes, along the last axis of the result."""
    value = as_array(b, a)
    if value.ndim < 2:
        raise ArgumentValueError("diag requires an array of at least two dimensions", b.at)
    pair = axes_at(b, TupleValue((axis1, axis2)), value.ndim, "axis1 or axis2")
    return diagonals(b, value, offset, (pair[0], pair[1]))


@entry(np.linalg.diagonal)
def linalg_diagonal(b: Builder, x: Value, *, offset: Value = ZERO) -> Value:
    """The diagonals of the matrices on the last two axes."""
    return diagonal(b, x, offset, integer(-2), integer(-1))


def diagonals(b: Builder, value: ArrayValue, offset: Value, pair: tuple[int, int]) -> ArrayValue:
    """The diagonals of the matrices on two axes."""
    if not isinstance(offset, Expr) or offset.kind != INT:
        raise b.refuse("the offset of a diagonal must be an integer", "convert it with int(...)")
    offset = b.simple_index(offset)
    down, right = at_least_zero(sub(ZERO, offset)), at_least_zero(offset)
    down, right = (e if isinstance(e, Const) else b.hold(e, "k") for e in (down, right))
    sides = [sub(value.extents[k], e) for k, e in zip(pair, (down, right), strict=True)]
    length: Expr = sides[0]
    if sides[0] != sides[1]:
        if isinstance(sides[0], Const) and isinstance(sides[1], Const):
            length = min(sides[0], sides[1], key=lambda e: int(e.value))  # type: ignore[union-attr]
        else:
            length = Call("min", (sides[0], sides[1]), INT)
    if offset != ZERO:
        length = at_least_zero(length)
    if isinstance(length, Call):
        length = b.hold(length, "n")
    rest = [k for k in range(value.ndim) if k not in pair]

    def element(at: arrays.Index) -> Expr:
        place = dict(zip(rest, at[:-1], strict=True))
        place[pair[0]], place[pair[1]] = add(at[-1], down), add(at[-1], right)
        return value.element(tuple(place[k] for k in range(value.ndim)))

    found = _window(value, (*(value.extents[k] for k in rest), length), element)
    return replace(found, units=(*(value.units[k] for k in rest), length == ONE))


@entry(np.trace, methods=("trace",))
def trace(
    b: Builder,
    a: Value,
    offset: Value = ZERO,
    axis1: Value = ZERO,
    axis2: Value = ONE,
) -> Value:
    """The sums of the diagonals of the matrices on two axes."""
    found = diagonal(b, a, offset, axis1, axis2)
    assert isinstance(found, ArrayValue)
    if found.ndim == 1:
        return reductions.total(b, found, "trace")
    return reductions.total_along(b, found, found.ndim - 1, keepdims=False)


@entry(np.linalg.trace)
def linalg_trace(b: Builder, x: Value, *, offset: Value = ZERO) -> Value:
    """The traces of the matrices on the last two axes."""
    return trace(b, x, offset, integer(-2), integer(-1))
