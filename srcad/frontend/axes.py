"""Axes moved, added and dropped: ``np.transpose``, ``np.expand_dims``, ``np.atleast_2d``, ...

All of these are views: an axis of length 1 comes and goes in the description of a view.
"""

from __future__ import annotations

import numpy as np

from srcad.errors import ArgumentValueError
from srcad.frontend import arrays, indexing, scalars
from srcad.frontend.builder import Builder
from srcad.frontend.lanes import FULL
from srcad.frontend.library import as_array, entry, static_int
from srcad.frontend.values import ArrayValue, StaticValue, TupleValue, Value
from srcad.ir.build import ONE, ZERO, compare
from srcad.ir.nodes import Const, Expr


def axis_at(b: Builder, axis: Value, ndim: int, what: str = "axis") -> int:
    """An axis, counted from the start."""
    k = static_int(b, axis, what)
    if not -ndim <= k < ndim:
        raise ArgumentValueError(f"{what} {k} is out of bounds for an array of {ndim} axes", b.at)
    return k % ndim


def axes_at(b: Builder, axis: Value, ndim: int, what: str = "axis") -> list[int]:
    """One axis or several different ones."""
    items = axis.items if isinstance(axis, TupleValue) else (axis,)
    found = [axis_at(b, item, ndim, what) for item in items]
    if len(set(found)) < len(found):
        raise ArgumentValueError(f"repeated axis in {what}", b.at)
    return found


def is_none(value: Value | None) -> bool:
    """Whether an argument is left out or None."""
    return value is None or (isinstance(value, StaticValue) and value.value is None)


def as_piece(b: Builder, value: Value) -> ArrayValue:
    """An array; a number as one without axes."""
    return scalars.pointwise(b.hold(value, "c")) if isinstance(value, Expr) else as_array(b, value)


# ---------------------------------------------------------------- moved


@entry(np.transpose, np.permute_dims, methods=("transpose",))
def transpose(b: Builder, a: Value, *order: Value, axes: Value | None = None) -> Value:
    """A view with the axes in another order, reversed by default."""
    value = as_piece(b, a)
    given: tuple[Value, ...] = order if axes is None else (axes,)
    if len(given) == 1 and isinstance(given[0], TupleValue):
        given = given[0].items
    elif not given or is_none(given[0]):
        return arrays.transpose(value)
    if len(given) != value.ndim:
        raise ArgumentValueError(f"{len(given)} axes given for an array of {value.ndim}", b.at)
    return arrays.permuted(value, axes_at(b, TupleValue(given), value.ndim, "axes"))


@entry(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(b: Builder, x: Value) -> Value:
    """A view with the last two axes exchanged."""
    return swapaxes(b, x, Const(-1, "int64"), Const(-2, "int64"))


@entry(np.swapaxes, methods=("swapaxes",))
def swapaxes(b: Builder, a: Value, axis1: Value, axis2: Value) -> Value:
    """A view with two axes exchanged."""
    value = as_array(b, a)
    one, two = axis_at(b, axis1, value.ndim, "axis1"), axis_at(b, axis2, value.ndim, "axis2")
    order = list(range(value.ndim))
    order[one], order[two] = two, one
    return arrays.permuted(value, order)


@entry(np.moveaxis)
def moveaxis(b: Builder, a: Value, source: Value, destination: Value) -> Value:
    """A view with some axes moved to other places."""
    value = as_array(b, a)
    starts = axes_at(b, source, value.ndim, "source")
    ends = axes_at(b, destination, value.ndim, "destination")
    if len(starts) != len(ends):
        raise ArgumentValueError(
            "source and destination of np.moveaxis must have as many axes", b.at
        )
    order = [k for k in range(value.ndim) if k not in starts]
    for end, start in sorted(zip(ends, starts, strict=True)):
        order.insert(end, start)
    return arrays.permuted(value, order)


@entry(np.rollaxis)
def rollaxis(b: Builder, a: Value, axis: Value, start: Value = ZERO) -> Value:
    """A view with one axis moved back until it lies before another."""
    value = as_array(b, a)
    moved, before = axis_at(b, axis, value.ndim), static_int(b, start, "start")
    if not -value.ndim <= before <= value.ndim:
        raise ArgumentValueError(
            f"start {before} is out of bounds for an array of {value.ndim} axes", b.at
        )
    before += value.ndim if before < 0 else 0
    order = [k for k in range(value.ndim) if k != moved]
    order.insert(before - (moved < before), moved)
    return arrays.permuted(value, order)


# ---------------------------------------------------------------- added and dropped


@entry(np.expand_dims)
def expand_dims(b: Builder, a: Value, axis: Value) -> Value:
    """A view with new axes of length 1."""
    value = as_piece(b, a)
    count = len(axis.items) if isinstance(axis, TupleValue) else 1
    new = axes_at(b, axis, value.ndim + count)
    return viewed_with(b, value, new)


def viewed_with(b: Builder, value: ArrayValue, new: list[int]) -> ArrayValue:
    """The array with axes of length 1 at these places of the result."""
    keys = [None if k in new else FULL for k in range(value.ndim + len(new))]
    return as_view(indexing.select(b, value, [*keys])) if new else value


_WHICH = "np.squeeze without axis: that this axis has length 1 is known too late; give axis=..."


@entry(np.squeeze, methods=("squeeze",))
def squeeze(b: Builder, a: Value, axis: Value | None = None) -> Value:
    """A view without axes of length 1 (without ``axis``: those known to be)."""
    value = as_piece(b, a)
    if axis is None or is_none(axis):
        gone = [k for k, unit in enumerate(value.units) if unit]
        for extent, unit in zip(value.extents, value.units, strict=True):
            if not unit:
                b.check(compare("!=", extent, ONE), "ValueError", _WHICH)
    else:
        gone = axes_at(b, axis, value.ndim)
    for k in gone:
        if not value.units[k]:
            test = compare("==", value.extents[k], ONE)
            b.check(test, "ValueError", "cannot squeeze an axis whose length is not 1")
    keys: list[object] = [ZERO if k in gone else FULL for k in range(value.ndim)]
    return indexing.select(b, value, keys) if gone else value


def as_view(found: Expr | ArrayValue) -> ArrayValue:
    """The array that a selection with an axis left is."""
    assert isinstance(found, ArrayValue)
    return found


# ---------------------------------------------------------------- at least so many


def at_least(b: Builder, value: ArrayValue, ndim: int) -> ArrayValue:
    """The array with new axes in front until it has as many."""
    return viewed_with(b, value, list(range(ndim - value.ndim)))


def at_least_3d(b: Builder, value: ArrayValue) -> ArrayValue:
    """A vector as the middle axis of three, a matrix as the first two."""
    return viewed_with(b, value, ([0, 1, 2], [0, 2], [2])[value.ndim] if value.ndim < 3 else [])


def _each(b: Builder, values: tuple[Value, ...], made: object) -> Value:
    found = tuple(made(b, as_piece(b, v)) for v in values)  # type: ignore[operator]
    return found[0] if len(found) == 1 else TupleValue(found)


@entry(np.atleast_1d)
def atleast_1d(b: Builder, *arys: Value) -> Value:
    """Arrays with one axis at least."""
    return _each(b, arys, lambda b, v: at_least(b, v, 1))


@entry(np.atleast_2d)
def atleast_2d(b: Builder, *arys: Value) -> Value:
    """Arrays with two axes at least: vectors are rows."""
    return _each(b, arys, lambda b, v: at_least(b, v, 2))


@entry(np.atleast_3d)
def atleast_3d(b: Builder, *arys: Value) -> Value:
    """Arrays with three axes at least."""
    return _each(b, arys, at_least_3d)
