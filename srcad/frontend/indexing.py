"""Basic and advanced indexing: ``value[keys]`` as a view or as a gather of elements."""

from dataclasses import replace

from srcad.errors import ArgumentValueError
from srcad.frontend import masks
from srcad.frontend.arrays import Index, viewed
from srcad.frontend.builder import Builder
from srcad.frontend.gathers import check_indices, gathered, index_array
from srcad.frontend.positions import position
from srcad.frontend.values import ArrayValue, Axis, View
from srcad.ir.build import ONE, ZERO, add, at_least_zero, compare, integer, scale, sub
from srcad.ir.nodes import Binary, Call, Const, Expr, Extent, Select, Var
from srcad.ir.types import BOOL, INT


def select(
    b: Builder, value: ArrayValue, keys: list[object], *, written: bool = False
) -> Expr | ArrayValue:
    """``value[keys]``: keys are integers, slices (triples), None, ``...``, index arrays, masks.

    ``written``: the elements are going to be written, so index arrays that share their memory
    are copied.
    """
    if written and value.readonly:
        raise ArgumentValueError("assignment destination is read-only", b.here)
    keys = _expanded(b, value, keys)
    if any(isinstance(k, ArrayValue) for k in keys):
        return _advanced(b, value, keys, written)
    fixed: dict[int, Expr] = {}
    axes: list[tuple[int, Expr, int] | None] = []
    extents: list[Expr] = []
    units: list[bool] = []
    own = 0
    for key in keys:
        if key is Ellipsis:
            continue
        if key is None:
            axes.append(None)
            extents.append(ONE)
            units.append(True)
            continue
        if isinstance(key, tuple):
            start, step, length, unit = _slice(b, key, value.extents[own], value.units[own])
            axes.append((own, start, step))
            extents.append(length)
            units.append(unit)
        else:
            fixed[own] = position(b, value, own, key)
        own += 1
    view = value.view
    if view is not None:
        if not axes:
            return value.element(tuple(fixed[k] for k in range(own)))
        return viewed(b, composed(view, fixed, axes), tuple(extents), tuple(units))

    def element(at: Index) -> Expr:
        place = dict(fixed)
        for axis, k in zip(axes, at, strict=True):
            if axis is not None:
                place[axis[0]] = add(axis[1], scale(k, axis[2]))
        return value.element(tuple(place[k] for k in range(own)))

    if not axes:
        return element(())
    shape, lengths = tuple(extents), tuple(units)
    return ArrayValue(value.dtype, shape, lengths, element, value.reads, readonly=value.readonly)


def _advanced(b: Builder, value: ArrayValue, keys: list[object], written: bool) -> ArrayValue:
    """``value[keys]`` where some keys are arrays: the other keys make a view to gather from."""
    if _is_leading_mask(keys):
        assert isinstance(keys[0], ArrayValue)
        return masks.masked(b, value, keys[0])
    base = value.view.base if written and value.view is not None else None
    inner_keys: list[object] = []
    chosen: dict[int, ArrayValue] = {}
    unchecked: list[int] = []
    for key in keys:
        if not isinstance(key, ArrayValue):
            inner_keys += [] if key is Ellipsis else [key]
            continue
        if key.dtype == BOOL:
            masks.require_shape(b, value, _taken(inner_keys), key)
            lists = masks.positions(b, key)
        else:
            lists = [index_array(b, key, base)]
            unchecked.append(_left(inner_keys))
        for item in lists:
            chosen[_left(inner_keys)] = item
            inner_keys.append(_FULL)
    inner = select(b, value, inner_keys)
    assert isinstance(inner, ArrayValue)
    for axis in unchecked:
        check_indices(b, inner, axis, chosen[axis])
    return gathered(b, inner, chosen, _front(keys))


_FULL = (None, None, None)


def _taken(keys: list[object]) -> int:
    """How many axes of the array the keys stand for."""
    return sum(_consumed(k) for k in keys)


def _left(keys: list[object]) -> int:
    """How many axes basic keys leave."""
    return sum(not isinstance(k, Expr) for k in keys)


def _front(keys: list[object]) -> int:
    """How many axes come before those of the index arrays (integers count as such arrays).

    Arrays that stand side by side put their axes in their place, others in front of all.
    """
    found = [n for n, key in enumerate(keys) if isinstance(key, ArrayValue | Expr)]
    adjacent = len(found) == found[-1] - found[0] + 1
    return sum(key is not Ellipsis for key in keys[: found[0]]) if adjacent else 0


def _is_leading_mask(keys: list[object]) -> bool:
    first = keys[0]
    return (
        isinstance(first, ArrayValue)
        and first.dtype == BOOL
        and all(key in (_FULL, Ellipsis) for key in keys[1:])
    )


def _expanded(b: Builder, value: ArrayValue, keys: list[object]) -> list[object]:
    """Keys with ``...`` and missing trailing keys spelled out as full slices.

    An ellipsis that stands for no axis remains: it separates the arrays on its sides.
    """
    used = _taken(keys)
    if used > value.ndim:
        raise ArgumentValueError(
            f"too many indices: the array has {value.ndim} axes, {used} were given", b.at
        )
    rest: list[object] = [_FULL] * (value.ndim - used)
    dots = [n for n, k in enumerate(keys) if k is Ellipsis]
    if len(dots) > 1:
        raise ArgumentValueError("an index can only have a single ellipsis ('...')", b.at)
    if dots:
        where = dots[0]
        return [*keys[:where], *(rest or [Ellipsis]), *keys[where + 1 :]]
    return [*keys, *rest]


def _consumed(key: object) -> int:
    """How many axes of the array a key stands for."""
    if key is None or key is Ellipsis:
        return 0
    return key.ndim if isinstance(key, ArrayValue) and key.dtype == BOOL else 1


def _slice(b: Builder, key: tuple, extent: Expr, unit: bool) -> tuple[Expr, int, Expr, bool]:
    """Start, step and length of a slice of an axis, clipped as Python clips."""
    lower, upper, step_expr = key
    step = 1
    if step_expr is not None:
        step = b.decided(step_expr) or 0
        if step == 0:
            raise b.refuse(
                "the step of a slice must be a number other than zero that is known when the "
                "derivative is written",
                "write a literal or a name from outside of the function, or the loop over elements",
            )
    if lower is None and upper is None:
        if step == 1:
            return ZERO, 1, extent, unit
        if step == -1:
            return sub(extent, ONE), -1, extent, unit
    first, last = (ZERO, extent) if step > 0 else (sub(extent, ONE), integer(-1))
    start = first if lower is None else _clipped(b, lower, extent, step, is_start=True)
    stop = last if upper is None else _clipped(b, upper, extent, step, is_start=False)
    span = sub(stop, start) if step > 0 else sub(start, stop)
    if abs(step) != 1:
        size = abs(step)
        span = add(span, integer(size - 1))
        length = (
            integer(max(0, int(span.value)) // size)
            if isinstance(span, Const)
            else at_least_zero(Binary("//", span, integer(size), INT))
        )
    else:
        length = at_least_zero(span)
    if not isinstance(length, Const):
        if _is_short(lower, upper):
            length = b.store(length, "n")
            b.short.add(length.name)
        length = length if _is_plain(length) else b.hold(length, "n")
    return start, step, length, isinstance(length, Const) and length.value == 1


def _is_short(lower: Expr | None, upper: Expr | None) -> bool:
    """Whether bounds let through one element at most: ``[:1]``, ``[-1:]``, ``[k : k + 1]``."""
    if lower is not None and upper is not None and not isinstance(lower, Const):
        return lower.kind == upper.kind == INT and sub(upper, lower) == ONE
    if upper is None:
        return isinstance(lower, Const) and lower.value == -1
    if not isinstance(upper, Const) or not (lower is None or isinstance(lower, Const)):
        return False
    first = 0 if lower is None else int(lower.value)
    return upper.value - first == 1 and (first < 0) == (upper.value < 0)


def _is_plain(expr: Expr) -> bool:
    match expr:
        case Const() | Var() | Extent():
            return True
        case Call(function="max"):
            return all(_is_plain(a) for a in expr.args)
        case Binary():
            return _is_plain(expr.a) and _is_plain(expr.b)
    return False


def _clipped(b: Builder, bound: Expr, extent: Expr, step: int, *, is_start: bool) -> Expr:
    """A bound of a slice within the axis.

    A literal that lies outside only where the slice is empty anyway is not clipped: the length,
    at least zero, then says so, and the bound stays affine in the extent.
    """
    if not isinstance(bound, Expr) or bound.kind != INT:
        raise b.refuse("a bound of a slice must be an integer", "convert it with int(...)")
    low, high = (ZERO, extent) if step > 0 else (integer(-1), sub(extent, ONE))
    if isinstance(bound, Const):
        outward = is_start == (step > 0)
        if bound.value >= 0:
            position: Expr = bound
            limit = None if outward or bound.value == 0 else ("min", high)
        else:
            position = add(extent, bound)
            limit = ("max", low) if outward else None
        if limit is None:
            return position
        if isinstance(position, Const) and isinstance(limit[1], Const):
            pick = min if limit[0] == "min" else max
            return integer(pick(int(position.value), int(limit[1].value)))
        return b.hold(Call(limit[0], (position, limit[1]), INT), "k")
    if not b.is_nonnegative(bound):
        held = b.hold(bound, "k")
        wrapped = Select(compare("<", held, ZERO), add(held, extent), held, INT)
        bound = Call("max", (low, wrapped), INT)
    return b.hold(Call("min", (bound, high), INT), "k")


def composed(view: View, fixed: dict[int, Expr], axes: list) -> View:
    """A view of a view."""
    place = dict(view.fixed)
    for own, at in fixed.items():
        base = view.axes[own]
        if base is not None:
            place[base.base_axis] = add(base.start, scale(at, base.step))
    made: list[Axis | None] = []
    for axis in axes:
        base = None if axis is None else view.axes[axis[0]]
        if axis is None or base is None:
            made.append(None)
        else:
            made.append(
                Axis(
                    base.base_axis, add(base.start, scale(axis[1], base.step)), base.step * axis[2]
                )
            )
    return replace(view, fixed=tuple(sorted(place.items())), axes=tuple(made))
