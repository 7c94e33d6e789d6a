"""Arrays turned, rolled and repeated: ``np.flip``, ``np.rot90``, ``np.roll``, ``np.tile``, ..."""

from __future__ import annotations

import numpy as np

from srcad.errors import ArgumentValueError
from srcad.frontend import arrays, indexing, shapes, stores
from srcad.frontend.axes import as_piece, at_least, axes_at, axis_at, is_none
from srcad.frontend.builder import Builder
from srcad.frontend.choosing import flattened
from srcad.frontend.joining import require_same, total
from srcad.frontend.lanes import FULL
from srcad.frontend.library import as_array, entry, static_int
from srcad.frontend.values import ArrayValue, TupleValue, Value
from srcad.ir.build import ONE, ZERO, compare, integer, scale
from srcad.ir.nodes import Assign, Binary, Call, Const, Expr
from srcad.ir.types import INT

_PLANE = TupleValue((ZERO, ONE))

# ---------------------------------------------------------------- turned


@entry(np.flip)
def flip(b: Builder, m: Value, axis: Value | None = None) -> Value:
    """A view with the elements of an axis (of all axes) in reversed order."""
    value = as_array(b, m)
    if axis is None or is_none(axis):
        return _reversed(b, value, list(range(value.ndim)))
    return _reversed(b, value, axes_at(b, axis, value.ndim))


def _reversed(b: Builder, value: ArrayValue, axes: list[int]) -> ArrayValue:
    back = (None, None, integer(-1))
    keys: list[object] = [back if k in axes else FULL for k in range(value.ndim)]
    found = indexing.select(b, value, keys)
    assert isinstance(found, ArrayValue)
    return found


@entry(np.flipud)
def flipud(b: Builder, m: Value) -> Value:
    """A view with the rows in reversed order."""
    return flip(b, m, ZERO)


@entry(np.fliplr)
def fliplr(b: Builder, m: Value) -> Value:
    """A view with the columns in reversed order."""
    if as_array(b, m).ndim < 2:
        raise ArgumentValueError("Input must be >= 2-d.", b.at)
    return flip(b, m, ONE)


@entry(np.rot90)
def rot90(b: Builder, m: Value, k: Value = ONE, axes: Value = _PLANE) -> Value:
    """A view turned by 90 degrees, k times, in the plane of two axes."""
    value = as_array(b, m)
    plane = axes_at(b, axes, value.ndim, "axes")
    if len(plane) != 2:
        raise ArgumentValueError("len(axes) must be 2.", b.at)
    one, two = plane
    order = list(range(value.ndim))
    order[one], order[two] = two, one
    match static_int(b, k, "k") % 4:
        case 1:
            return arrays.permuted(_reversed(b, value, [two]), order)
        case 2:
            return _reversed(b, value, plane)
        case 3:
            return _reversed(b, arrays.permuted(value, order), [two])
    return value


# ---------------------------------------------------------------- rolled


@entry(np.roll)
def roll(b: Builder, a: Value, shift: Value, axis: Value | None = None) -> Value:
    """The elements moved along an axis; those that leave at one end come in at the other."""
    value = as_array(b, a)
    shifts = shift.items if isinstance(shift, TupleValue) else (shift,)
    if axis is None or is_none(axis):
        if len(shifts) != 1:
            raise b.refuse("several shifts need as many axes", "give axis=(...)")
        rolled = _rolled(b, flattened(b, value), shifts[0], 0)
        return rolled if value.ndim == 1 else shapes.reshaped(b, rolled, value.extents)
    items = axis.items if isinstance(axis, TupleValue) else (axis,)
    if len(shifts) != len(items) and 1 not in (len(shifts), len(items)):
        raise ArgumentValueError("shift and axis of np.roll must have as many entries", b.at)
    count = max(len(shifts), len(items))
    shifts, items = (v * count if len(v) == 1 else v for v in (shifts, items))
    for by, k in zip(shifts, items, strict=True):
        value = _rolled(b, value, by, axis_at(b, k, value.ndim))
    return value


def _rolled(b: Builder, value: ArrayValue, shift: Value, k: int) -> ArrayValue:
    if not isinstance(shift, Expr) or shift.kind != INT:
        raise b.refuse("the shift of np.roll must be an integer", "convert it with int(...)")
    extent = value.extents[k]
    out = arrays.unwritten(b, b.wanted, value.extents, value.dtype)
    size = Call("max", (ONE, extent), INT)
    by = b.store(Binary("%", shift, size, INT), "shift")
    stay = b.store(Binary("-", extent, by, INT), "stay")
    for length, start, end in ((stay, ZERO, by), (by, stay, ZERO)):

        def move(at: arrays.Index, start: Expr = start, end: Expr = end) -> None:
            item = value.element((*at[:k], total(start, at[k]), *at[k + 1 :]))
            stores.store_new(b, out, (*at[:k], total(end, at[k]), *at[k + 1 :]), item)

        arrays.over(b, (*value.extents[:k], length, *value.extents[k + 1 :]), move)
    return out


# ---------------------------------------------------------------- repeated


@entry(np.repeat, methods=("repeat",))
def repeat(b: Builder, a: Value, repeats: Value, axis: Value | None = None) -> Value:
    """Every element (every row of an axis) several times."""
    value = as_piece(b, a)
    k = None if axis is None or is_none(axis) else axis_at(b, axis, value.ndim)
    if k is None:
        value, k = flattened(b, value), 0
    if isinstance(repeats, TupleValue) or (isinstance(repeats, ArrayValue) and repeats.ndim):
        counts = as_array(b, repeats)
        if counts.ndim != 1 or arrays.kind_of(counts.dtype) != INT:
            raise b.refuse("repeats must be an integer or a vector of integers", "write the loop")
        if not counts.units[0]:
            return _repeated_each(b, value, counts, k)
        repeats = counts.element((ZERO,))
    count = _count(b, repeats)
    value = value if value.view is not None else arrays.materialise(b, value, "t")
    shape = (*value.extents[:k], _times(value.extents[k], count), *value.extents[k + 1 :])
    out = arrays.unwritten(b, b.wanted, shape, value.dtype)

    def write(at: arrays.Index) -> None:
        own, again = at[:-1], at[-1]
        place = (*own[:k], total(_times(own[k], count), again), *own[k + 1 :])
        stores.store_new(b, out, place, value.element(own))

    arrays.over(b, (*value.extents, count), write)
    return out


def _repeated_each(b: Builder, value: ArrayValue, counts: ArrayValue, axis: int) -> ArrayValue:
    """Row k of an axis ``counts[k]`` times; ``starts[k]`` is where its first copy goes."""
    require_same(b, value.extents[axis], counts.extents[0], _LENGTHS)
    counts = counts if counts.view is not None else arrays.materialise(b, counts, "repeats")
    starts = arrays.unwritten(b, "starts", value.extents[axis : axis + 1], INT)
    size = b.store(ZERO, "n")
    with b.loop(value.extents[axis], "i") as i:
        count = b.convert(counts.element((i,)), INT)
        message = "repeats may not contain negative values."
        b.check(compare(">=", count, ZERO), "ValueError", message)
        stores.store_new(b, starts, (i,), size)
        b.emit(Assign(size, Binary("+", size, count, INT), b.at))
    shape = (*value.extents[:axis], size, *value.extents[axis + 1 :])
    out = arrays.unwritten(b, b.wanted, shape, value.dtype)

    def rows(at: arrays.Index) -> None:
        count = b.simple_index(b.convert(counts.element(at[:1]), INT))
        arrays.over(b, (count, *value.extents[:axis], *value.extents[axis + 1 :]), write, at)

    def write(at: arrays.Index) -> None:
        row, again, *others = at
        place = total(starts.element((row,)), again)
        item = value.element((*others[:axis], row, *others[axis:]))
        stores.store_new(b, out, (*others[:axis], place, *others[axis:]), item)

    arrays.over(b, value.extents[axis : axis + 1], rows)
    return out


_LENGTHS = "operands could not be broadcast together: repeats must be as long as the axis"


@entry(np.tile)
def tile(b: Builder, A: Value, reps: Value) -> Value:
    """The array side by side with itself."""
    items = reps.items if isinstance(reps, TupleValue) else (reps,)
    counts = [_count(b, r) for r in items]
    value = at_least(b, as_piece(b, A), len(counts))
    counts = [ONE] * (value.ndim - len(counts)) + counts
    value = value if value.view is not None else arrays.materialise(b, value, "t")
    shape = tuple(_times(e, c) for e, c in zip(value.extents, counts, strict=True))
    out = arrays.unwritten(b, b.wanted, shape, value.dtype)

    def write(at: arrays.Index) -> None:
        again, own = at[: value.ndim], at[value.ndim :]
        blocks = zip(again, own, value.extents, strict=True)
        place = tuple(total(_times(c, extent), k) for c, k, extent in blocks)
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
