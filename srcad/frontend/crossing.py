"""The product of vectors in space: ``np.cross``."""

from __future__ import annotations

import numpy as np

from srcad.errors import ArgumentValueError
from srcad.frontend import arrays, indexing, scalars, stores
from srcad.frontend.axes import axis_at, is_none
from srcad.frontend.builder import Builder
from srcad.frontend.library import as_array, entry
from srcad.frontend.values import ArrayValue, Value
from srcad.ir.build import compare, integer
from srcad.ir.nodes import Const, Expr

_LAST = integer(-1)


@entry(np.cross)
def cross(
    b: Builder,
    a: Value,
    c: Value,
    axisa: Value = _LAST,
    axisb: Value = _LAST,
    axisc: Value = _LAST,
    axis: Value | None = None,
) -> Value:
    """The products of the vectors on an axis, in space or (where that is known) in the plane."""
    if axis is not None and not is_none(axis):
        axisa = axisb = axisc = axis
    one, two = _vectors(b, a, axisa), _vectors(b, c, axisb)
    flat = [v.extents[-1] == integer(2) for v in (one, two)]
    for value, is_flat in zip((one, two), flat, strict=True):
        if not is_flat:
            _require_three(b, value.extents[-1])
    u, v = _components(b, one, flat[0]), _components(b, two, flat[1])

    def minor(i: int, j: int) -> Expr | ArrayValue:
        """``u[i] v[j] - u[j] v[i]``; a vector in the plane has no third component."""
        terms = [
            scalars.combine(b, "*", u[k], v[m]) if k < len(u) and m < len(v) else None
            for k, m in ((i, j), (j, i))
        ]
        if terms[1] is None:
            assert terms[0] is not None
            return terms[0]
        if terms[0] is None:
            return scalars.unary(b, "-", terms[1])
        return scalars.combine(b, "-", terms[0], terms[1])

    if all(flat):
        return minor(0, 1)
    parts = [minor(1, 2), minor(2, 0), minor(0, 1)]
    lazy = [v for v in parts if isinstance(v, ArrayValue)]
    kind = lazy[0].dtype if lazy else _kind(parts[0])
    shape = lazy[0].extents if lazy else ()
    out = arrays.unwritten(b, b.wanted, (*shape, integer(3)), kind)

    def write(at: arrays.Index) -> None:
        for k, part in enumerate(parts):
            item = part.element(at) if isinstance(part, ArrayValue) else part
            stores.store_new(b, out, (*at, integer(k)), item)

    arrays.over(b, shape, write)
    order = list(range(out.ndim - 1))
    order.insert(axis_at(b, axisc, out.ndim, "axisc"), out.ndim - 1)
    return arrays.permuted(out, order)


def _vectors(b: Builder, value: Value, axis: Value) -> ArrayValue:
    """The array with the axis of its vectors last."""
    found = as_array(b, value)
    if found.view is None:
        found = arrays.materialise(b, found, "t")
    k = axis_at(b, axis, found.ndim)
    return arrays.permuted(found, [*(n for n in range(found.ndim) if n != k), k])


def _require_three(b: Builder, length: Expr) -> None:
    message = (
        "incompatible dimensions for cross product: vectors of length 3 are expected (of length "
        "2 only where that is known beforehand; then write u[0] * v[1] - u[1] * v[0])"
    )
    if isinstance(length, Const) and length.value != 3:
        raise ArgumentValueError(message, b.at)
    b.check(compare("==", length, integer(3)), "ValueError", message)


def _components(b: Builder, value: ArrayValue, flat: bool) -> list[Expr | ArrayValue]:
    lead: list[object] = [(None, None, None)] * (value.ndim - 1)
    with b.into([]):
        return [indexing.select(b, value, [*lead, integer(k)]) for k in range(2 if flat else 3)]


def _kind(value: Expr | ArrayValue) -> str:
    assert isinstance(value, Expr)
    return value.kind


@entry(np.linalg.cross)
def linalg_cross(b: Builder, x1: Value, x2: Value, /, *, axis: Value = _LAST) -> Value:
    """The products of the vectors in space on an axis."""
    return cross(b, x1, x2, axis=axis)
