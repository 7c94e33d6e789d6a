"""Sums and products of the elements so far, and differences of neighbours."""

from __future__ import annotations

import numpy as np

from srcad.errors import ArgumentValueError
from srcad.frontend import arrays, scalars
from srcad.frontend.builder import Builder
from srcad.frontend.choosing import flattened
from srcad.frontend.joining import concatenate
from srcad.frontend.lanes import part, reduced
from srcad.frontend.library import as_array, axes_of, axis_of, entry, flag, in_dtype, static_int
from srcad.frontend.values import ArrayValue, TupleValue, Value
from srcad.ir.build import ONE, accumulate, integer
from srcad.ir.nodes import Assign, Binary, Const, Expr, Store, Var
from srcad.ir.types import BOOL, INT


@entry(np.cumsum, methods=("cumsum",))
def cumsum(b: Builder, a: Value, axis: Value | None = None, dtype: Value | None = None) -> Value:
    """Sums of the elements so far."""
    return _running(b, in_dtype(b, as_array(b, a), dtype), axis, "+")


@entry(np.cumprod, methods=("cumprod",))
def cumprod(b: Builder, a: Value, axis: Value | None = None, dtype: Value | None = None) -> Value:
    """Products of the elements so far."""
    return _running(b, in_dtype(b, as_array(b, a), dtype), axis, "*")


def _running(b: Builder, value: ArrayValue, axis: Value | None, op: str) -> ArrayValue:
    k = axis_of(b, value, axis)
    if k is None:
        value, k = flattened(b, value), 0
    dtype = _summed(value)
    out = arrays.unwritten(b, b.wanted, value.extents, dtype)
    assert out.view is not None
    base = out.view.base
    others = (*value.extents[:k], *value.extents[k + 1 :])

    def scan(at: arrays.Index) -> None:
        acc = _start(b, op, dtype)
        with b.loop(value.extents[k], "k") as place:
            here = (*at[:k], place, *at[k:])
            b.emit(Assign(acc, _step(b, acc, op, value.element(here)), b.at))
            b.emit(Store(base, here, acc, True, b.at))

    arrays.over(b, others, scan)
    return out


@entry(np.prod, methods=("prod",))
def prod(
    b: Builder,
    a: Value,
    axis: Value | None = None,
    dtype: Value | None = None,
    *,
    keepdims: Value | None = None,
) -> Value:
    """The product of the elements."""
    value = in_dtype(b, as_array(b, a), dtype)
    axes = axes_of(b, value, axis)
    return reduced(b, value, axes, flag(b, keepdims), _summed(value), _product)


def _product(b: Builder, value: ArrayValue) -> Expr:
    acc = _start(b, "*", _summed(value))
    arrays.over(
        b,
        value.extents,
        lambda at: b.emit(Assign(acc, _step(b, acc, "*", value.element(at)), b.at)),
    )
    return acc


def _start(b: Builder, op: str, kind: str) -> Var:
    acc = Var(b.names.fresh("s" if op == "+" else "p"), kind)
    b.emit(Assign(acc, b.convert(integer(0 if op == "+" else 1), kind), b.at))
    return acc


def _step(b: Builder, acc: Var, op: str, item: Expr) -> Expr:
    item = b.convert(item, acc.kind)
    return accumulate(acc, item) if op == "+" else Binary("*", acc, item, acc.kind)


def _summed(value: ArrayValue) -> str:
    """The dtype of a sum of the elements."""
    return INT if arrays.kind_of(value.dtype) in (INT, BOOL) else value.dtype


@entry(np.diff)
def diff(
    b: Builder,
    a: Value,
    n: Value | None = None,
    axis: Value | None = None,
    prepend: Value | None = None,
    append: Value | None = None,
) -> Value:
    """Differences of neighbours along an axis (the last one), ``n`` times."""
    value = as_array(b, a)
    times = 1 if n is None else static_int(b, n, "n")
    if times < 0:
        raise ArgumentValueError(f"order must be non-negative but got {times}", b.at)
    k = value.ndim - 1 if axis is None else axis_of(b, value, axis)
    if k is None:
        raise b.refuse("the axis of np.diff must be an integer", "ravel the array first")
    if prepend is not None or append is not None:
        pieces = (_margin(b, prepend, value, k), value, _margin(b, append, value, k))
        joined = tuple(piece for piece in pieces if piece is not None)
        found = concatenate(b, TupleValue(joined), integer(k))
        assert isinstance(found, ArrayValue)
        value = found
    for _ in range(times):
        if value.view is None:
            value = arrays.materialise(b, value, "t")
        upper = part(b, value, k, ONE, None)
        lower = part(b, value, k, None, Const(-1, INT))
        found = scalars.combine(b, "-", upper, lower)
        assert isinstance(found, ArrayValue)
        value = found
    return value


def _margin(b: Builder, given: Value | None, value: ArrayValue, axis: int) -> ArrayValue | None:
    """What ``np.diff`` puts before or behind an array: a number stands for a slice of it."""
    if given is None:
        return None
    if not isinstance(given, Expr):
        return as_array(b, given)
    number = b.hold(given, "c")
    extents = tuple(ONE if k == axis else e for k, e in enumerate(value.extents))
    units = tuple(k == axis or u for k, u in enumerate(value.units))
    return ArrayValue(number.kind, extents, units, lambda at: number)
