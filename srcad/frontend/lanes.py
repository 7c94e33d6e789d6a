"""Functions of vectors applied along one axis of an array: one lane after the other."""

from collections.abc import Callable

from srcad.frontend.arrays import Index, materialise, over, unwritten, whole
from srcad.frontend.builder import Builder
from srcad.frontend.indexing import select
from srcad.frontend.values import ArrayValue
from srcad.ir.nodes import Expr, Store

FULL = (None, None, None)


def along(
    b: Builder,
    value: ArrayValue,
    axis: int,
    keepdims: bool,
    dtype: str,
    reduce: Callable[[Builder, ArrayValue], Expr],
) -> ArrayValue:
    """``reduce`` of every lane of an axis."""
    if value.view is None:
        value = materialise(b, value, "t")
    kept = [k for k in range(value.ndim) if k != axis]
    out = unwritten(b, b.wanted, tuple(value.extents[k] for k in kept), dtype)
    assert out.view is not None
    base = out.view.base

    def write(at: Index) -> None:
        b.emit(Store(base, at, b.convert(reduce(b, lane(b, value, axis, at)), dtype), True, b.at))

    over(b, tuple(value.extents[k] for k in kept), write)
    result = whole(b, base, tuple(value.units[k] for k in kept))
    return with_axis(b, result, axis) if keepdims else result


def lane(b: Builder, value: ArrayValue, axis: int, at: Index) -> ArrayValue:
    """The vector along an axis at an index of the other axes, known to exist."""
    keys: list[object] = list(at)
    keys.insert(axis, FULL)
    with b.into([]):
        picked = select(b, value, keys)
    assert isinstance(picked, ArrayValue)
    return picked


def with_axis(b: Builder, value: ArrayValue, axis: int) -> ArrayValue:
    """A view with a new axis of length 1."""
    keys: list[object] = [FULL] * value.ndim
    keys.insert(axis, None)
    picked = select(b, value, keys)
    assert isinstance(picked, ArrayValue)
    return picked


def part(b: Builder, value: ArrayValue, axis: int, start: Expr | None, stop: Expr | None):
    """``value[:, ..., start:stop]`` on one axis."""
    keys: list[object] = [FULL] * value.ndim
    keys[axis] = (start, stop, None)
    picked = select(b, value, keys)
    assert isinstance(picked, ArrayValue)
    return picked
