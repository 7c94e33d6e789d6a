"""Basic and advanced indexing: ``value[keys]`` as a view or as a gather of elements."""

from dataclasses import replace

from srcad.errors import ArgumentValueError
from srcad.frontend.arrays import Index, kind_of, materialise, over, viewed
from srcad.frontend.builder import Builder
from srcad.frontend.values import ArrayValue, Axis, View
from srcad.ir.build import ONE, ZERO, add, at_least_zero, compare, integer, scale, sub
from srcad.ir.nodes import Binary, Call, Const, Expr, Extent, IndexCheck, Logic, Select, Var
from srcad.ir.types import BOOL, INT


def select(b: Builder, value: ArrayValue, keys: list[object]) -> Expr | ArrayValue:
    """``value[keys]``: keys are integers, slices (triples), None, ``...`` or index arrays."""
    keys = _expanded(b, value, keys)
    fixed: dict[int, Expr] = {}
    gathered: dict[int, ArrayValue] = {}
    axes: list[tuple[int, Expr, int] | None] = []
    extents: list[Expr] = []
    units: list[bool] = []
    own = 0
    for key in keys:
        if key is None:
            axes.append(None)
            extents.append(ONE)
            units.append(True)
            continue
        extent, unit = value.extents[own], value.units[own]
        if isinstance(key, ArrayValue):
            if gathered:
                raise b.refuse(
                    "an index with several integer arrays is not supported yet",
                    "write the loop over elements",
                )
            if key.ndim != 1 or kind_of(key.dtype) != INT:
                raise b.refuse(
                    "an index array must be 1-D and of integers (boolean masks: not supported yet)",
                    "write the loop over elements with an if",
                )
            gathered[own] = key
            axes.append((own, ZERO, 1))
            extents.append(key.extents[0])
            units.append(False)
        elif isinstance(key, tuple):
            start, step, length, is_unit = _slice(b, key, extent, unit)
            axes.append((own, start, step))
            extents.append(length)
            units.append(is_unit)
        else:
            fixed[own] = _position(b, value, own, key)
        own += 1
    if not axes and value.view is not None:
        return value.element(tuple(fixed[k] for k in range(own)))
    if not gathered and value.view is not None:
        return viewed(b, _composed(value.view, fixed, axes), tuple(extents), tuple(units))
    if gathered:
        for axis, key in list(gathered.items()):
            if key.view is None:
                gathered[axis] = materialise(b, key, "k")
            _check_gather(b, value, axis, gathered[axis])

    def places(at: Index) -> Index:
        place = dict(fixed)
        for axis, k in zip(axes, at, strict=True):
            if axis is None:
                continue
            number, start, step = axis
            if number in gathered:
                place[number] = b.simple_index(gathered[number].element((k,)))
            else:
                place[number] = add(start, scale(k, step))
        return tuple(place[k] for k in range(own))

    if not axes:
        return value.element(places(()))
    reads = value.reads.union(*(g.reads for g in gathered.values()))
    view = value.view
    scatter = None if view is None or view.part else (view.base, lambda at: view.index(places(at)))
    return ArrayValue(
        value.dtype,
        tuple(extents),
        tuple(units),
        lambda at: value.element(places(at)),
        reads,
        None,
        scatter,
    )


def _expanded(b: Builder, value: ArrayValue, keys: list[object]) -> list[object]:
    """Keys with ``...`` and missing trailing keys spelled out as full slices."""
    full = (None, None, None)
    used = sum(k is not None and k is not Ellipsis for k in keys)
    if used > value.ndim:
        raise ArgumentValueError(
            f"too many indices: the array has {value.ndim} axes, {used} were given", b.at
        )
    rest = [full] * (value.ndim - used)
    if Ellipsis in [k for k in keys if k is Ellipsis]:
        where = next(n for n, k in enumerate(keys) if k is Ellipsis)
        return [*keys[:where], *rest, *keys[where + 1 :]]
    return [*keys, *rest]


def _position(b: Builder, value: ArrayValue, axis: int, key: object) -> Expr:
    """An integer position on an axis, checked; negative ones count from the end."""
    if not isinstance(key, Expr) or key.kind not in (INT, BOOL):
        raise b.refuse("an index must be an integer", "convert it with int(...)")
    if key.kind == BOOL:
        raise b.refuse("a bool is not an index", "convert it with int(...)")
    key = b.simple_index(key)
    extent = value.extents[axis]
    view = value.view
    if view is not None:
        base = view.axes[axis]
        if (
            base is not None
            and base.start == ZERO
            and base.step == 1
            and b.extents[view.base][base.base_axis] == extent
        ):
            words = (b.names.shown(view.base), b.spelled(key))
            b.emit(IndexCheck(view.base, base.base_axis, key, words, b.at))
            return key
    b.check(
        Logic("and", (compare("<=", negated(extent), key), compare("<", key, extent))),
        "IndexError",
        f"index {b.spelled(key)} is out of bounds for axis {axis}",
    )
    if isinstance(key, Const) and key.value < 0:
        return add(extent, key)
    if b.is_nonnegative(key):
        return key
    return b.hold(Select(compare("<", key, ZERO), add(key, extent), key, INT), "k")


def negated(extent: Expr) -> Expr:
    """``-extent``."""
    return integer(-int(extent.value)) if isinstance(extent, Const) else sub(ZERO, extent)


def _check_gather(b: Builder, value: ArrayValue, axis: int, key: ArrayValue) -> None:
    extent = b.hold(value.extents[axis], "n")

    def write(at: Index) -> None:
        k = b.store(key.element(at), "k")
        inside = Logic("and", (compare("<=", negated(extent), k), compare("<", k, extent)))
        b.check(
            inside, "IndexError", f"an index of the index array is out of bounds for axis {axis}"
        )

    over(b, key.extents, write)


def _slice(b: Builder, key: tuple, extent: Expr, unit: bool) -> tuple[Expr, int, Expr, bool]:
    """Start, step and length of a slice of an axis, clipped as Python clips."""
    lower, upper, step_expr = key
    step = 1
    if step_expr is not None:
        if not isinstance(step_expr, Const) or step_expr.value == 0:
            raise b.refuse(
                "the step of a slice must be a non-zero literal", "write the loop over elements"
            )
        step = int(step_expr.value)
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
        length = length if _is_plain(length) else b.hold(length, "n")
    return start, step, length, isinstance(length, Const) and length.value == 1


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


def _composed(view: View, fixed: dict[int, Expr], axes: list) -> View:
    """A view of a view."""
    place = dict(view.fixed)
    for own, position in fixed.items():
        base = view.axes[own]
        if base is not None:
            place[base.base_axis] = add(base.start, scale(position, base.step))
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
