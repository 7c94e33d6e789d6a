"""Arrays taken apart along an axis: ``np.split`` and its kin give views, as in NumPy."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from srcad.errors import ArgumentValueError
from srcad.frontend import arrays, indexing
from srcad.frontend.axes import as_piece, axis_at, is_none
from srcad.frontend.builder import Builder
from srcad.frontend.joining import joined, total
from srcad.frontend.lanes import FULL, part
from srcad.frontend.library import as_array, entry, static_int
from srcad.frontend.spreading import spread_to
from srcad.frontend.values import ArrayValue, StaticValue, TupleValue, Value
from srcad.ir.build import ONE, ZERO, add, compare, integer, scale, sub
from srcad.ir.nodes import Binary, Call, Const, Expr
from srcad.ir.types import INT
from srcad.rules.rearranging import spliced


@entry(np.array_split)
def array_split(b: Builder, ary: Value, indices_or_sections: Value, axis: Value = ZERO) -> Value:
    """Parts of an axis, as equal as they can be, or between given places."""
    value = as_array(b, ary)
    k = axis_at(b, axis, value.ndim)
    if isinstance(indices_or_sections, TupleValue):
        return _between(b, value, indices_or_sections, k)
    count = _sections(b, indices_or_sections)
    return TupleValue(tuple(_near_equal(b, value, count, k)), list)


@entry(np.split)
def split(b: Builder, ary: Value, indices_or_sections: Value, axis: Value = ZERO) -> Value:
    """Equal parts of an axis, or the parts between given places."""
    value = as_array(b, ary)
    k = axis_at(b, axis, value.ndim)
    if isinstance(indices_or_sections, TupleValue):
        return _between(b, value, indices_or_sections, k)
    count = _sections(b, indices_or_sections)
    extent, message = value.extents[k], "array split does not result in an equal division"
    if isinstance(extent, Const):
        if int(extent.value) % count:
            raise ArgumentValueError(message, b.at)
        length: Expr = integer(int(extent.value) // count)
    else:
        rest = Binary("%", extent, integer(count), INT)
        b.check(compare("==", rest, ZERO), "ValueError", message)
        length = b.hold(Binary("//", extent, integer(count), INT), "n")
    starts = [b.hold(scale(length, n), "k") for n in range(count)]
    return TupleValue(tuple(section(b, value, k, start, length) for start in starts), list)


@entry(np.hsplit)
def hsplit(b: Builder, ary: Value, indices_or_sections: Value) -> Value:
    """Parts side by side: of the second axis, of a vector its elements."""
    value = _with_axes(b, ary, 1, "hsplit only works on arrays of 1 or more dimensions")
    return split(b, value, indices_or_sections, ONE if value.ndim > 1 else ZERO)


@entry(np.vsplit)
def vsplit(b: Builder, ary: Value, indices_or_sections: Value) -> Value:
    """Parts one below the other: of the first axis."""
    value = _with_axes(b, ary, 2, "vsplit only works on arrays of 2 or more dimensions")
    return split(b, value, indices_or_sections, ZERO)


@entry(np.dsplit)
def dsplit(b: Builder, ary: Value, indices_or_sections: Value) -> Value:
    """Parts of the third axis."""
    value = _with_axes(b, ary, 3, "dsplit only works on arrays of 3 or more dimensions")
    return split(b, value, indices_or_sections, integer(2))


@entry(np.unstack)
def unstack(b: Builder, x: Value, *, axis: Value = ZERO) -> Value:
    """The rows of an axis whose length is known beforehand."""
    value = as_array(b, x)
    k = axis_at(b, axis, value.ndim)
    extent = value.extents[k]
    if not isinstance(extent, Const):
        raise b.refuse(
            "np.unstack takes an axis whose length is known beforehand", "loop over the rows"
        )
    keys: list[list[object]] = [[FULL] * value.ndim for _ in range(int(extent.value))]
    for n, key in enumerate(keys):
        key[k] = integer(n)
    return TupleValue(tuple(indexing.select(b, value, key) for key in keys))


def _with_axes(b: Builder, value: Value, ndim: int, message: str) -> ArrayValue:
    found = as_piece(b, value)
    if found.ndim < ndim:
        raise ArgumentValueError(message, b.at)
    return found


def _sections(b: Builder, value: Value) -> int:
    if isinstance(value, ArrayValue):
        raise b.refuse(
            "the places where an array is split must be written as a list", "slice the array"
        )
    count = static_int(b, value, "the number of parts of an array")
    if count <= 0:
        raise ArgumentValueError("number sections must be larger than 0.", b.at)
    return count


def _between(b: Builder, value: ArrayValue, places: TupleValue, axis: int) -> TupleValue:
    """The parts between places, which are clipped as bounds of slices are."""
    inner = [b.simple_index(e) if isinstance(e, Expr) else e for e in places.items]
    if any(not isinstance(e, Expr) or e.kind != INT for e in inner):
        raise b.refuse("the places where an array is split must be integers", "use int(...)")
    bounds: list[Expr | None] = [ZERO, *inner, None]  # type: ignore[list-item]
    pairs = pairwise(bounds)
    return TupleValue(tuple(part(b, value, axis, start, stop) for start, stop in pairs), list)


def _near_equal(b: Builder, value: ArrayValue, count: int, axis: int) -> list[ArrayValue]:
    """Parts of which the first few are one element longer."""
    extent = value.extents[axis]
    out: list[ArrayValue] = []
    if isinstance(extent, Const):
        each, longer = divmod(int(extent.value), count)
        for n in range(count):
            start = n * each + min(n, longer)
            length = each + (n < longer)
            out.append(section(b, value, axis, integer(start), integer(length)))
        return out
    each_, longer_ = (
        b.hold(Binary(op, extent, integer(count), INT), name)
        for op, name in (("//", "n"), ("%", "longer"))
    )
    bounds = [
        b.hold(total(scale(each_, n), Call("min", (integer(n), longer_), INT)) if n else ZERO, "k")
        for n in range(count + 1)
    ]
    for start, stop in pairwise(bounds):
        length = b.hold(stop if start == ZERO else Binary("-", stop, start, INT), "n")
        out.append(section(b, value, axis, start, length))
    return out


def section(b: Builder, value: ArrayValue, axis: int, start: Expr, length: Expr) -> ArrayValue:
    """``length`` elements of an axis, known to be there."""
    extents = (*value.extents[:axis], length, *value.extents[axis + 1 :])
    units = (*value.units[:axis], length == ONE, *value.units[axis + 1 :])
    if value.view is not None:
        axes = [(k, start if k == axis else ZERO, 1) for k in range(value.ndim)]
        return arrays.viewed(b, indexing.composed(value.view, {}, axes), extents, units)

    def element(at: arrays.Index) -> Expr:
        return value.element((*at[:axis], add(at[axis], start), *at[axis + 1 :]))

    return ArrayValue(value.dtype, extents, units, element, value.reads)


@entry(spliced)
def splice(
    b: Builder, arr: Value, start: Value, stop: Value, rows: Value, axis: Value
) -> ArrayValue:
    """The array with other rows of an axis in place of those between two places known to exist."""
    value, k = as_array(b, arr), static_int(b, axis, "axis")
    assert isinstance(start, Expr) and isinstance(stop, Expr)
    front = section(b, value, k, ZERO, start)
    back = section(b, value, k, stop, b.hold(sub(value.extents[k], stop), "n"))
    if is_none(rows):
        return joined(b, [front, back], k)
    new = as_piece(b, rows)
    shape = (*value.extents[:k], new.extents[k], *value.extents[k + 1 :])
    dtype = StaticValue(np.dtype(value.dtype))
    return joined(b, [front, spread_to(b, new, shape), back], k, dtype)
