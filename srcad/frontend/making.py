"""Arrays made: of zeros, of numbers, of other arrays; copied or taken as they are."""

from __future__ import annotations

import numpy as np

from srcad.frontend import arrays, shapes, spreading, stores
from srcad.frontend.axes import as_piece, at_least, is_none
from srcad.frontend.builder import Builder
from srcad.frontend.library import (
    as_array,
    astype,
    dtype_of,
    entry,
    flag,
    from_items,
    shape_of,
    static_int,
)
from srcad.frontend.values import ArrayValue, StaticValue, TupleValue, Value
from srcad.ir.build import ONE, TRUE, ZERO
from srcad.ir.nodes import Copy, Expr
from srcad.ir.types import FLOAT

Shape = tuple[Expr, ...]
_NONE = StaticValue(None)

# ---------------------------------------------------------------- filled with one number


def _filled(
    b: Builder, shape: Shape, dtype: str, fill: Expr | None, order: Value | None
) -> ArrayValue:
    """A new array; in order "F" the other one's axes run backwards through memory."""
    if not _is_fortran(b, order):
        return arrays.allocate(b, b.wanted, shape, dtype, fill)
    return arrays.transpose(arrays.allocate(b, b.wanted, shape[::-1], dtype, fill))


def _is_fortran(b: Builder, order: Value | None) -> bool:
    """Whether a new array is laid out with the first axis running fastest."""
    if order is None or is_none(order):
        return False
    name = order.value if isinstance(order, StaticValue) else None
    if name not in ("C", "F", "K", "A"):
        raise b.refuse("order must be one of 'C', 'F', 'A' and 'K', written out")
    return name == "F"


@entry(np.zeros)
def zeros(
    b: Builder, shape: Value, dtype: Value | None = None, order: Value | None = None
) -> Value:
    """An array of zeros."""
    return _filled(b, shape_of(b, shape), dtype_of(b, dtype, FLOAT), ZERO, order)


@entry(np.empty)
def empty(
    b: Builder, shape: Value, dtype: Value | None = None, order: Value | None = None
) -> Value:
    """An array whose elements are about to be written."""
    return _filled(b, shape_of(b, shape), dtype_of(b, dtype, FLOAT), None, order)


@entry(np.ones)
def ones(b: Builder, shape: Value, dtype: Value | None = None, order: Value | None = None) -> Value:
    """An array of ones."""
    return _filled(b, shape_of(b, shape), dtype_of(b, dtype, FLOAT), ONE, order)


@entry(np.full)
def full(
    b: Builder,
    shape: Value,
    fill_value: Value,
    dtype: Value | None = None,
    order: Value | None = None,
) -> Value:
    """An array of one number, or of an array broadcast to its shape."""
    fill = as_piece(b, fill_value)
    return _full(b, shape_of(b, shape), fill, dtype_of(b, dtype, fill.dtype), order)


def _full(b: Builder, shape: Shape, fill: ArrayValue, dtype: str, order: Value | None) -> Value:
    if not fill.ndim:
        return _filled(b, shape, dtype, fill.element(()), order)
    out = _filled(b, shape, dtype, None, order)
    stores.assign_into(b, out, spreading.spread_to(b, fill, out.extents))
    return out


def _like(
    b: Builder,
    prototype: Value,
    fill: Expr | ArrayValue | None,
    dtype: Value | None,
    order: Value | None,
    shape: Value | None,
) -> Value:
    like = as_piece(b, prototype)
    extents = like.extents if shape is None or is_none(shape) else shape_of(b, shape)
    name = dtype_of(b, dtype, like.dtype)
    if isinstance(fill, ArrayValue):
        return _full(b, extents, fill, name, order)
    if not extents and fill is not None:
        return b.convert(fill, arrays.kind_of(name))
    return _filled(b, extents, name, fill, order)


@entry(np.zeros_like)
def zeros_like(
    b: Builder,
    a: Value,
    dtype: Value | None = None,
    order: Value | None = None,
    *,
    shape: Value | None = None,
) -> Value:
    """Zeros in the shape and dtype of an array."""
    return _like(b, a, ZERO, dtype, order, shape)


@entry(np.ones_like)
def ones_like(
    b: Builder,
    a: Value,
    dtype: Value | None = None,
    order: Value | None = None,
    *,
    shape: Value | None = None,
) -> Value:
    """Ones in the shape and dtype of an array."""
    return _like(b, a, ONE, dtype, order, shape)


@entry(np.empty_like)
def empty_like(
    b: Builder,
    prototype: Value,
    dtype: Value | None = None,
    order: Value | None = None,
    *,
    shape: Value | None = None,
) -> Value:
    """Memory in the shape and dtype of an array."""
    is_number = isinstance(prototype, Expr) and shape is None
    return _like(b, prototype, ZERO if is_number else None, dtype, order, shape)


@entry(np.full_like)
def full_like(
    b: Builder,
    a: Value,
    fill_value: Value,
    dtype: Value | None = None,
    order: Value | None = None,
    *,
    shape: Value | None = None,
) -> Value:
    """An array of one number, or of an array broadcast, in the shape and dtype of another."""
    fill = as_piece(b, fill_value)
    return _like(b, a, fill if fill.ndim else fill.element(()), dtype, order, shape)


# ---------------------------------------------------------------- from other values


@entry(np.array)
def array(
    b: Builder,
    a: Value,
    dtype: Value | None = None,
    *,
    copy: Value = TRUE,
    order: Value | None = None,
    ndmin: Value = ZERO,
) -> Value:
    """A new array of numbers, lists and arrays."""
    if is_none(copy):
        return _at_least(b, asarray(b, a, dtype, order), ndmin)
    if not flag(b, copy):
        raise b.refuse("np.array(..., copy=False) is not supported", "use np.asarray")
    return _at_least(b, _copied(b, a, dtype, order), ndmin)


def _at_least(b: Builder, value: Value, ndmin: Value) -> Value:
    count = static_int(b, ndmin, "ndmin")
    return at_least(b, as_piece(b, value), count) if count else value


def _copied(b: Builder, a: Value, dtype: Value | None, order: Value | None) -> Value:
    """A new array of the same elements."""
    if isinstance(a, Expr) or (isinstance(a, ArrayValue) and not a.ndim):
        item = as_piece(b, a).element(())
        return b.of_numpy(b.convert(item, arrays.kind_of(dtype_of(b, dtype, item.kind))))
    if isinstance(a, TupleValue) and not _is_fortran(b, order):
        return from_items(b, a, dtype)
    value = as_array(b, a)
    name = dtype_of(b, dtype, value.dtype)
    if _is_fortran(b, order):
        return _fortran(b, value, name)
    if name == value.dtype and value.view is not None and arrays.is_base(b, value):
        base = b.names.fresh(b.wanted)
        b.emit(Copy(base, value.view.base, b.at))
        arrays.declare(b, base, value.dtype, value.extents)
        return arrays.whole(b, base, value.units)
    return arrays.materialise(b, value, b.wanted, name)


def _fortran(b: Builder, value: ArrayValue, dtype: str) -> ArrayValue:
    """A copy with the first axis running fastest."""
    return arrays.transpose(arrays.materialise(b, arrays.transpose(value), b.wanted, dtype))


@entry(np.copy)
def copy(b: Builder, a: Value, order: Value | None = None) -> Value:
    """``np.copy(a)``."""
    return _copied(b, a, None, order)


@entry(methods=("copy",))
def copy_method(b: Builder, a: Value, order: Value | None = None) -> Value:
    """``a.copy()``."""
    return _copied(b, a, None, order)


@entry(np.asarray, np.asanyarray)
def asarray(
    b: Builder,
    a: Value,
    dtype: Value | None = None,
    order: Value | None = None,
    *,
    copy: Value = _NONE,
) -> Value:
    """The array itself, where it is one of this dtype."""
    if not is_none(copy) and flag(b, copy):
        return _copied(b, a, dtype, order)
    if isinstance(a, ArrayValue) and dtype_of(b, dtype, a.dtype) == a.dtype:
        if order is None or is_none(order):
            return a
        return asfortranarray(b, a) if _is_fortran(b, order) else ascontiguousarray(b, a)
    if not is_none(copy):
        raise b.refuse("np.asarray(..., copy=False) is not supported where it has to copy")
    return _copied(b, a, dtype, order)


@entry(np.ascontiguousarray)
def ascontiguousarray(b: Builder, a: Value, dtype: Value | None = None) -> Value:
    """The array itself where it is contiguous and of this dtype, else a copy."""
    value = at_least(b, as_piece(b, a), 1)
    name = dtype_of(b, dtype, value.dtype)
    return value if _is_laid_out(b, value, name) else arrays.materialise(b, value, b.wanted, name)


@entry(np.asfortranarray)
def asfortranarray(b: Builder, a: Value, dtype: Value | None = None) -> Value:
    """The array itself where its first axis runs fastest, else a copy where it does."""
    value = at_least(b, as_piece(b, a), 1)
    name = dtype_of(b, dtype, value.dtype)
    if _is_laid_out(b, arrays.transpose(value), name):
        return value
    return _fortran(b, value, name)


def _is_laid_out(b: Builder, value: ArrayValue, dtype: str) -> bool:
    """Whether an array need not be copied to be contiguous and of this dtype."""
    if value.view is None or dtype != value.dtype:
        return False
    if value.view.base in b.strided and not value.view.part:
        raise b.refuse(
            "whether this array is contiguous is known only when the program runs",
            "copy it with .copy()",
        )
    return shapes.is_contiguous(b, value)


@entry(methods=("view",))
def view(b: Builder, a: Value) -> Value:
    """``a.view()``: the array itself under another name."""
    return a


@entry(np.astype)
def astype_function(b: Builder, x: Value, dtype: Value, /, *, copy: Value = TRUE) -> Value:
    """``np.astype(x, dtype)``."""
    return astype(b, x, dtype, copy)
