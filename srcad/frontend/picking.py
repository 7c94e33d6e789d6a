"""Elements read and written by index through functions: ``np.take``, ``np.put``, ..."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from srcad.errors import ArgumentError, ArgumentValueError
from srcad.frontend import arrays, gathers, indexing, masks, shapes, stores
from srcad.frontend.axes import as_piece, axis_at, is_none
from srcad.frontend.builder import Builder
from srcad.frontend.choosing import flatnonzero, flattened, items_of
from srcad.frontend.extremes import flat_position
from srcad.frontend.lanes import FULL
from srcad.frontend.library import as_array, entry, shape_of
from srcad.frontend.spreading import spread_to
from srcad.frontend.values import ArrayValue, StaticValue, TupleValue, Value
from srcad.ir.build import ONE, ZERO, add, binary, compare, integer, sub
from srcad.ir.nodes import Assign, Binary, Call, Const, Expr, Logic
from srcad.ir.types import BOOL, INT

_RAISE = StaticValue("raise")
_LAST = integer(-1)
_ANY = ArrayValue(INT, (ONE, ONE), (True, True), lambda at: ZERO)

# ---------------------------------------------------------------- read


@entry(np.take, methods=("take",))
def take(
    b: Builder, a: Value, indices: Value, axis: Value | None = None, *, mode: Value = _RAISE
) -> Value:
    """``a[indices]`` along an axis, or of the elements in their order."""
    value = as_array(b, a)
    key: Expr | ArrayValue = indices if isinstance(indices, Expr) else as_array(b, indices)
    if axis is None or is_none(axis):
        value, k = flattened(b, value), 0
    else:
        k = axis_at(b, axis, value.ndim)
    keys: list[object] = [FULL] * value.ndim
    keys[k] = within(b, key, value.extents[k], mode)
    return indexing.select(b, value, keys)


def within(
    b: Builder, key: Expr | ArrayValue, extent: Expr, mode: Value, error: str = "IndexError"
) -> Expr | ArrayValue:
    """An index, brought into an axis where ``mode`` is "wrap" or "clip"."""
    name = mode.value if isinstance(mode, StaticValue) else None
    if name == "raise":
        return key
    if name not in ("wrap", "clip"):
        raise b.refuse("mode must be 'raise', 'wrap' or 'clip', written out")
    b.check(compare(">", extent, ZERO), error, "cannot do a non-empty take from an empty axes.")

    def moved(k: Expr) -> Expr:
        if name == "wrap":
            return Binary("%", k, extent, INT)
        return Call("min", (Call("max", (ZERO, k), INT), sub(extent, ONE)), INT)

    if isinstance(key, ArrayValue):
        return replace(
            arrays.elementwise(b, lambda e: moved(b.convert(e[0], INT)), [key], INT), view=None
        )
    return b.store(moved(key), "k")


@entry(np.take_along_axis)
def take_along_axis(b: Builder, arr: Value, indices: Value, axis: Value = _LAST) -> Value:
    """The elements of each lane of an axis at the places of the same lane of the indices."""
    return _along(b, as_array(b, arr), as_array(b, indices), axis, written=False)


@entry(np.put_along_axis)
def put_along_axis(b: Builder, arr: Value, indices: Value, values: Value, axis: Value) -> Value:
    """Write the elements that ``np.take_along_axis`` reads."""
    target = stores.writable(b, as_array(b, arr))
    place = _along(b, target, as_array(b, indices), axis, written=True)
    stores.assign_into(b, place, items_of(b, values))
    return StaticValue(None)


def _along(
    b: Builder, value: ArrayValue, indices: ArrayValue, axis: Value, *, written: bool
) -> ArrayValue:
    """The elements at places of an axis, the same as theirs on all other axes."""
    if is_none(axis):
        value, k = flattened(b, value, written=written), 0
    else:
        k = axis_at(b, axis, value.ndim)
    if indices.ndim != value.ndim:
        raise ArgumentValueError(
            "`indices` and `arr` must have the same number of dimensions", b.at
        )
    if value.view is None:
        value = arrays.materialise(b, value, "t")
    assert value.view is not None
    key = gathers.index_array(b, indices, value.view.base if written else None)
    gathers.check_indices(b, value, k, key)
    chosen = {n: _counting(value, n) for n in range(value.ndim)}
    return gathers.gathered(b, value, {**chosen, k: key}, 0)


def _counting(value: ArrayValue, axis: int) -> ArrayValue:
    """The positions on an axis, to be broadcast with arrays of as many axes."""
    extents = tuple(e if k == axis else ONE for k, e in enumerate(value.extents))
    units = tuple(k != axis or unit for k, unit in enumerate(value.units))
    return ArrayValue(INT, extents, units, lambda at: at[axis])


@entry(np.compress)
def compress(b: Builder, condition: Value, a: Value, axis: Value | None = None) -> Value:
    """The rows of an axis where the condition holds."""
    value, mask = as_array(b, a), as_array(b, condition)
    k = None if axis is None or is_none(axis) else axis_at(b, axis, value.ndim)
    if k is not None and mask.dtype == BOOL and mask.extents == value.extents[k : k + 1]:
        return indexing.select(b, value, [*[FULL] * k, mask])
    return take(b, a, flatnonzero(b, condition), axis)


@entry(methods=("compress",))
def compress_method(b: Builder, a: Value, condition: Value, axis: Value | None = None) -> Value:
    """``a.compress(condition)``."""
    return compress(b, condition, a, axis)


@entry(np.extract)
def extract(b: Builder, condition: Value, arr: Value) -> Value:
    """The elements where the condition holds."""
    return take(b, arr, flatnonzero(b, condition))


# ---------------------------------------------------------------- written


@entry(np.put, methods=("put",))
def put(b: Builder, a: Value, ind: Value, v: Value, mode: Value = _RAISE) -> Value:
    """``a.flat[ind] = v``, the values repeated as often as they are needed."""
    target = flattened(b, stores.writable(b, as_array(b, a)), written=True)
    key = within(b, flattened(b, as_piece(b, ind)), target.extents[0], mode)
    place = indexing.select(b, target, [key], written=True)
    assert isinstance(place, ArrayValue)
    values = items_of(b, v)
    if isinstance(values, ArrayValue):
        values = _cycled(b, values, place.extents)
    stores.assign_into(b, place, values)
    return StaticValue(None)


def _cycled(b: Builder, values: ArrayValue, shape: arrays.Index) -> ArrayValue:
    """The elements in their order, repeated as often as a shape needs."""
    if values.extents == shape or (values.ndim == 1 and len(shape) == 1 and values.units[0]):
        return values
    values = flattened(b, values)
    values = values if values.view is not None else arrays.materialise(b, values, "t")
    size = values.extents[0]
    b.check(compare(">", size, ZERO), "ValueError", "there are no values to write")

    def element(at: arrays.Index) -> Expr:
        return values.element((Binary("%", flat_position(at, shape), size, INT),))

    return ArrayValue(values.dtype, shape, (False,) * len(shape), element, values.reads)


@entry(np.putmask)
def putmask(b: Builder, a: Value, mask: Value, values: Value) -> Value:
    """``a[mask] = values[mask]``, the values repeated as often as they are needed."""
    target, items = stores.writable(b, as_array(b, a)), items_of(b, values)
    if isinstance(items, ArrayValue):
        items = _cycled(b, items, target.extents)
    _copy_where(b, target, items, _same_size(b, as_array(b, mask), target))
    return StaticValue(None)


def _same_size(b: Builder, mask: ArrayValue, target: ArrayValue) -> ArrayValue:
    """A mask for the elements of an array in their order."""
    return mask if mask.ndim == target.ndim else shapes.reshaped(b, mask, target.extents)


@entry(np.place)
def place(b: Builder, arr: Value, mask: Value, vals: Value) -> Value:
    """The elements where the mask is true become the values, one after the other."""
    target = stores.writable(b, as_array(b, arr))
    values = flattened(b, as_piece(b, vals))
    values = arrays.materialise(b, values, "t")
    holds = _same_size(b, as_array(b, mask), target)
    masks.require_shape(b, target, 0, holds)
    assert target.view is not None
    if any(arrays.may_alias(b, target.view.base, name) for name in holds.reads):
        holds = arrays.materialise(b, holds, "mask")
    size = values.extents[0]
    message = "Cannot insert from an empty array!"
    b.check(compare(">", size, ZERO), "ValueError", message)
    count = b.store(ZERO, "count")

    def write(at: arrays.Index) -> None:
        item = values.element((Binary("%", count, size, INT),))
        arrays.write(b, target.element(at), item)
        b.emit(Assign(count, add(count, ONE), b.at))

    masks.over_true(b, holds, write)
    return StaticValue(None)


@entry(np.copyto)
def copyto(b: Builder, dst: Value, src: Value, *, where: Value | None = None) -> Value:
    """``dst[...] = src``, or ``dst[where] = src[where]``."""
    target, value = stores.writable(b, as_array(b, dst)), items_of(b, src)
    if where is None or (isinstance(where, Const) and where.value is True):
        stores.assign_into(b, target, value)
    else:
        _copy_where(b, target, value, as_array(b, where))
    return StaticValue(None)


def _copy_where(b: Builder, target: ArrayValue, value: Expr | ArrayValue, mask: ArrayValue) -> None:
    """``target[mask] = value[mask]``, both broadcast to the target."""
    mask = spread_to(b, mask, target.extents)
    found = indexing.select(b, target, [mask], written=True)
    if isinstance(value, ArrayValue):
        chosen = indexing.select(b, spread_to(b, value, target.extents), [mask])
        assert isinstance(chosen, ArrayValue)
        value = chosen
    assert isinstance(found, ArrayValue)
    stores.assign_into(b, found, value)


# ---------------------------------------------------------------- flat indices


@entry(np.ravel_multi_index)
def ravel_multi_index(
    b: Builder, multi_index: Value, dims: Value, mode: Value = _RAISE, order: Value | None = None
) -> Value:
    """The position of an element in the order of the elements."""
    extents = shape_of(b, dims)
    if not isinstance(multi_index, TupleValue) or len(multi_index.items) != len(extents):
        raise b.refuse("np.ravel_multi_index takes a tuple of as many indices as there are axes")
    modes = mode.items if isinstance(mode, TupleValue) else (mode,) * len(extents)
    keys = [_indices(b, v) for v in multi_index.items]
    keys = [
        within(b, key, extent, m, "ValueError")
        for key, extent, m in zip(keys, extents, modes, strict=True)
    ]
    checked = [isinstance(m, StaticValue) and m.value == "raise" for m in modes]
    backwards = shapes.is_fortran(b, _ANY, order)

    def position(at: list[Expr]) -> Expr:
        at = [b.simple_index(k) for k in at]
        for k, extent, is_checked in zip(at, extents, checked, strict=True):
            if is_checked:
                inside = Logic("and", (compare("<=", ZERO, k), compare("<", k, extent)))
                b.check(inside, "ValueError", "invalid entry in coordinates array")
        if backwards:
            return flat_position(tuple(at[::-1]), extents[::-1])
        return flat_position(tuple(at), extents)

    if all(isinstance(key, Expr) for key in keys):
        return position(keys)  # type: ignore[arg-type]
    found = arrays.elementwise(b, position, keys, INT)
    return arrays.materialise(b, found, b.wanted)


@entry(np.unravel_index)
def unravel_index(b: Builder, indices: Value, shape: Value, order: Value | None = None) -> Value:
    """The index of the element at a position in the order of the elements."""
    extents = tuple(b.hold(e, "n") for e in shape_of(b, shape))
    if shapes.is_fortran(b, _ANY, order):
        found = _unraveled(b, _indices(b, indices), extents[::-1])
        return TupleValue(found.items[::-1])
    return _unraveled(b, _indices(b, indices), extents)


def _unraveled(b: Builder, key: Expr | ArrayValue, extents: arrays.Index) -> TupleValue:
    size: Expr = ONE
    for e in extents:
        size = e if size == ONE else binary("*", size, e, INT)

    def split(rest: Expr) -> list[Expr]:
        """The index on each axis."""
        rest = b.simple_index(rest)
        inside = Logic("and", (compare("<=", ZERO, rest), compare("<", rest, size)))
        b.check(inside, "ValueError", "index is out of bounds for an array of this size")
        at: list[Expr] = []
        for extent in extents[:0:-1]:
            at.append(b.store(Binary("%", rest, extent, INT), "k"))
            rest = b.store(Binary("//", rest, extent, INT), "k")
        return [rest, *at[::-1]]

    if isinstance(key, Expr):
        return TupleValue(tuple(split(key)))
    outs = [arrays.unwritten(b, b.wanted, key.extents, INT) for _ in extents]

    def write(at: arrays.Index) -> None:
        for out, k in zip(outs, split(b.convert(key.element(at), INT)), strict=True):
            stores.store_new(b, out, at, k)

    arrays.over(b, key.extents, write)
    return TupleValue(tuple(outs))


def _indices(b: Builder, value: Value) -> Expr | ArrayValue:
    """An integer, or an array of them."""
    found = items_of(b, value)
    kind = arrays.kind_of(found.dtype) if isinstance(found, ArrayValue) else found.kind
    if kind != INT:
        raise ArgumentError("an index must be an integer", b.here, "convert it with int(...)")
    return found
