"""Functions of vectors applied along one axis of an array: one lane after the other."""

from collections.abc import Callable

from srcad.frontend.arrays import Index, materialise, over, unwritten, whole
from srcad.frontend.builder import Builder
from srcad.frontend.indexing import select
from srcad.frontend.values import ArrayValue
from srcad.ir.build import ONE
from srcad.ir.nodes import Expr, Store

FULL = (None, None, None)


def along(
    b: Builder,
    value: ArrayValue,
    axes: tuple[int, ...],
    keepdims: bool,
    dtype: str,
    reduce: Callable[[Builder, ArrayValue], Expr],
) -> ArrayValue:
    """``reduce`` of every lane of an axis, or of every part along several axes."""
    if value.view is None:
        value = materialise(b, value, "t")
    kept = [k for k in range(value.ndim) if k not in axes]
    out = unwritten(b, b.wanted, tuple(value.extents[k] for k in kept), dtype)
    assert out.view is not None
    base = out.view.base

    def write(at: Index) -> None:
        b.emit(Store(base, at, b.convert(reduce(b, lane(b, value, axes, at)), dtype), True, b.at))

    over(b, tuple(value.extents[k] for k in kept), write)
    result = whole(b, base, tuple(value.units[k] for k in kept))
    return with_axes(b, result, axes) if keepdims else result


def reduced(
    b: Builder,
    value: ArrayValue,
    axes: tuple[int, ...] | None,
    keepdims: bool,
    dtype: str,
    reduce: Callable[[Builder, ArrayValue], Expr],
) -> Expr | ArrayValue:
    """``reduce`` of the whole array (None), or along axes."""
    every = tuple(range(value.ndim))
    if axes not in (None, every):
        assert axes is not None
        return along(b, value, axes, keepdims, dtype, reduce)
    found = reduce(b, value)
    return alone(b, b.convert(found, dtype), value.ndim) if keepdims else found


def alone(b: Builder, number: Expr, ndim: int) -> ArrayValue:
    """An array of one number."""
    held = b.hold(number, "t")
    kind = held.kind
    one = ArrayValue(kind, (ONE,) * ndim, (True,) * ndim, lambda at: held)
    return materialise(b, one, b.wanted)


def lane(b: Builder, value: ArrayValue, axes: tuple[int, ...], at: Index) -> ArrayValue:
    """The part along some axes at an index of the others, known to exist."""
    keys: list[object] = list(at)
    for axis in axes:
        keys.insert(axis, FULL)
    with b.into([]):
        picked = select(b, value, keys)
    assert isinstance(picked, ArrayValue)
    return picked


def with_axes(b: Builder, value: ArrayValue, axes: tuple[int, ...]) -> ArrayValue:
    """A view with new axes of length 1, in ascending order."""
    keys: list[object] = [FULL] * value.ndim
    for axis in axes:
        keys.insert(axis, None)
    picked = select(b, value, keys)
    assert isinstance(picked, ArrayValue)
    return picked


def with_axis(b: Builder, value: ArrayValue, axis: int) -> ArrayValue:
    """A view with a new axis of length 1."""
    return with_axes(b, value, (axis,))


def part(b: Builder, value: ArrayValue, axis: int, start: Expr | None, stop: Expr | None):
    """``value[:, ..., start:stop]`` on one axis."""
    keys: list[object] = [FULL] * value.ndim
    keys[axis] = (start, stop, None)
    picked = select(b, value, keys)
    assert isinstance(picked, ArrayValue)
    return picked
