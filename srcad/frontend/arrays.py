"""Arrays during elaboration: views, indexing, broadcasting, and element loops.

An array expression is never stored before something needs it: ``np.sin(a) * b + c`` is one
``ArrayValue`` whose element is the scalar expression of the elements, so a statement becomes a
single loop nest. NumPy's meaning is kept: operands are read before the target is written
(through a temporary where they may overlap), lengths are checked, axes of length 1 broadcast.
"""

from collections.abc import Callable
from dataclasses import replace

from srcad.errors import ArgumentValueError
from srcad.frontend.builder import Builder
from srcad.frontend.values import ArrayValue, Axis, View
from srcad.ir.build import (
    ONE,
    ZERO,
    accumulate,
    add,
    at_least_zero,
    compare,
    imag_part,
    integer,
    literal,
    real,
    real_part,
    scale,
    sub,
    unclamped,
)
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Call,
    Const,
    Expr,
    Extent,
    If,
    IndexCheck,
    Load,
    Logic,
    Select,
    Stmt,
    Store,
    Unary,
    Var,
    walk,
)
from srcad.ir.types import BOOL, INT, is_complex, is_inexact, kind_of, real_kind

Index = tuple[Expr, ...]


def declare(b: Builder, name: str, dtype: str, extents: Index) -> None:
    """Make an array known; its extents are read from it where they are not literals."""
    b.arrays[name] = (dtype, len(extents))
    b.extents[name] = tuple(
        e if isinstance(e, Const) else Extent(name, k) for k, e in enumerate(extents)
    )


def whole(b: Builder, name: str, units: tuple[bool, ...] | None = None) -> ArrayValue:
    """The array itself."""
    extents = b.extents[name]
    if units is None:
        units = tuple(isinstance(e, Const) and e.value == 1 for e in extents)
    axes = tuple(Axis(k, ZERO, 1) for k in range(len(extents)))
    return viewed(b, View(name, (), axes), extents, units)


def viewed(b: Builder, view: View, extents: Index, units: tuple[bool, ...]) -> ArrayValue:
    """A window on an array."""
    dtype = b.arrays[view.base][0]
    take = _PARTS.get(view.part)

    def element(at: Index) -> Expr:
        found = Load(view.base, view.index(at), kind_of(dtype))
        return found if take is None else take(found)

    own = dtype if take is None else real_kind(dtype)
    return ArrayValue(own, extents, units, element, frozenset((view.base,)), view)


_PARTS = {"real": real_part, "imag": imag_part}


def part(b: Builder, value: ArrayValue, name: str) -> ArrayValue:
    """``value.real`` or ``value.imag``: of a complex array a view, which can be written."""
    if not is_complex(value.dtype):
        if name == "real":
            return value
        return elementwise(b, lambda e: imag_part(e[0]), [value], value.dtype)
    if value.view is not None:
        return viewed(b, replace(value.view, part=name), value.extents, value.units)
    take = _PARTS[name]
    return elementwise(b, lambda e: take(e[0]), [value], real_kind(value.dtype))


def place_of(b: Builder, place: Expr) -> Load:
    """The element that a write to ``place``, an element or a part of one, changes."""
    match place:
        case Load():
            return place
        case Call(function="np.real" | "np.imag", args=(Load() as element,)):
            return element
    raise b.refuse("this element cannot be written", "index the array itself")


def write(b: Builder, place: Expr, value: Expr) -> None:
    """``place = value`` of an element or a part of one; the other part is kept."""
    element = place_of(b, place)
    value = b.convert(value, place.kind)
    if isinstance(place, Call):
        value = _with_part(element, place, value)
    b.emit(Store(element.array, element.index, value, False, b.at))


def _with_part(element: Load, place: Call, value: Expr) -> Expr:
    """``element`` with the part ``place`` of it replaced; what is added to a part stays a sum."""
    is_real = place.function == "np.real"
    if isinstance(value, Binary) and value.op in "+-" and value.a == place:
        rest = (
            value.b if is_real else Call("complex", (real(0.0, place.kind), value.b), element.kind)
        )
        return Binary(value.op, element, rest, element.kind)
    parts = (value, imag_part(element)) if is_real else (real_part(element), value)
    return Call("complex", parts, element.kind)


# ---------------------------------------------------------------- broadcasting


def broadcast(b: Builder, values: list[ArrayValue]) -> tuple[Index, tuple[bool, ...]]:
    """Common extents of arrays; emits the checks that lengths agree."""
    ndim = max(v.ndim for v in values)
    extents: list[Expr] = []
    units: list[bool] = []
    for k in range(ndim):
        axes = [(v, k - (ndim - v.ndim)) for v in values if k - (ndim - v.ndim) >= 0]
        wide = [v.extents[a] for v, a in axes if not v.units[a]]
        units.append(not wide)
        extents.append(wide[0] if wide else ONE)
        for other in wide[1:]:
            require_equal(b, wide[0], other)
    return tuple(extents), tuple(units)


def require_equal(b: Builder, a: Expr, c: Expr) -> None:
    """Two lengths must agree: NumPy's ValueError at run time otherwise."""
    if a == c:
        return
    if isinstance(a, Const) and isinstance(c, Const):
        raise ArgumentValueError(
            f"operands of lengths {a.value} and {c.value} cannot be broadcast together", b.at
        )
    b.check(
        compare("==", a, c),
        "ValueError",
        "operands could not be broadcast together: lengths differ",
    )


def spread(value: ArrayValue, at: Index) -> Expr:
    """The element of a broadcast operand at an index of the result."""
    own = at[len(at) - value.ndim :]
    return value.element(
        tuple(ZERO if unit else k for k, unit in zip(own, value.units, strict=True))
    )


def elementwise(
    b: Builder,
    function: Callable[[list[Expr]], Expr],
    operands: list[Expr | ArrayValue],
    dtype: str,
) -> ArrayValue:
    """``function`` of the elements; scalars are evaluated once, before the loop."""
    arrays = [v for v in operands if isinstance(v, ArrayValue)]
    extents, units = broadcast(b, arrays)
    held: list[Expr | ArrayValue] = []
    for v in operands:
        if isinstance(v, ArrayValue):
            repeats = v.view is None and (v.ndim < len(extents) or v.units != units)
            held.append(materialise(b, v, "t") if repeats else v)
        else:
            held.append(b.hold(v, "c"))

    def element(at: Index) -> Expr:
        return function([spread(v, at) if isinstance(v, ArrayValue) else v for v in held])

    reads = frozenset().union(*(v.reads for v in held if isinstance(v, ArrayValue)))
    return ArrayValue(dtype, extents, units, element, reads)


# ---------------------------------------------------------------- loops


def over(b: Builder, extents: Index, write: Callable[[Index], None]) -> None:
    """A loop nest over all indices; ``write`` emits its body."""
    _nest(b, extents, (), write)


_LETTERS = ("i", "j", "k", "l", "m", "n", "p", "q")


def _nest(b: Builder, extents: Index, at: Index, write: Callable[[Index], None]) -> None:
    if not extents:
        write(at)
        return
    with b.loop(unclamped(extents[0]), _LETTERS[min(len(at), len(_LETTERS) - 1)]) as var:
        _nest(b, extents[1:], (*at, var), write)


def materialise(b: Builder, value: ArrayValue, base: str, dtype: str | None = None) -> ArrayValue:
    """The array stored in fresh memory."""
    dtype = dtype or value.dtype
    name = b.names.fresh(base)
    shape = tuple(b.hold(e, "n") if not isinstance(e, Extent) else e for e in value.extents)
    b.emit(Alloc(name, shape, dtype, False, b.at))
    declare(b, name, dtype, value.extents)
    kind = kind_of(dtype)

    def write(at: Index) -> None:
        b.emit(Store(name, at, b.convert(value.element(at), kind), True, b.at))

    over(b, shape, write)
    return whole(b, name, value.units)


def stored(b: Builder, value: ArrayValue, base: str = "t") -> ArrayValue:
    """The array as a whole base of its own (itself, where it is one)."""
    if value.view is not None and value.view.is_whole:
        return value
    return materialise(b, value, base)


def allocate(b: Builder, base: str, shape: Index, dtype: str, fill: Expr | None) -> ArrayValue:
    """A new array, of zeros, filled with a value, or not filled (``fill`` None)."""
    name = b.names.fresh(base)
    shape = tuple(b.hold(e, "n") if not isinstance(e, Extent) else e for e in shape)
    zero = fill is not None and isinstance(fill, Const) and fill.value == 0
    b.emit(Alloc(name, shape, dtype, zero or fill is None, b.at))
    declare(b, name, dtype, shape)
    if fill is not None and not zero:
        value = b.hold(b.convert(fill, kind_of(dtype)), "c")
        over(b, shape, lambda at: b.emit(Store(name, at, value, True, b.at)))
    return whole(b, name)


def may_alias(b: Builder, one: str, other: str) -> bool:
    """Whether two array names can denote the same memory."""
    if one == other:
        return True
    same = b.arrays[one][0] == b.arrays[other][0]
    return same and (one in b.rebindable or other in b.rebindable)


def assign_into(b: Builder, target: ArrayValue, value: Expr | ArrayValue, name: str = "t") -> None:
    """``target[...] = value``, the value read as a whole before anything is written."""
    view = target.view
    if target.scatter is not None:
        _scatter(b, target, value)
        return
    if view is None:
        raise b.refuse(
            "this array is the result of an expression: an assignment to it would be lost"
        )
    if isinstance(value, ArrayValue):
        if value.ndim > target.ndim:
            raise ArgumentValueError(
                f"an array of {value.ndim} axes cannot be assigned to {target.ndim} axes", b.at
            )
        lead = target.ndim - value.ndim
        for k, extent in enumerate(value.extents):
            if not value.units[k]:
                require_equal(b, target.extents[lead + k], extent)
        if not _reads_in_step(b, view, value, target.units):
            value = materialise(b, value, "t")
    else:
        value = b.hold(value, "c")

    def put(at: Index) -> None:
        write(b, target.element(at), spread(value, at) if isinstance(value, ArrayValue) else value)

    over(b, target.extents, put)


def _scatter(b: Builder, target: ArrayValue, value: Expr | ArrayValue) -> None:
    """``x[indices] = value``: in order, so that of equal indices the last one wins."""
    assert target.scatter is not None
    base, place = target.scatter
    kind = kind_of(target.dtype)
    if isinstance(value, ArrayValue):
        for extent, unit, wanted in zip(
            value.extents[::-1], value.units[::-1], target.extents[::-1], strict=False
        ):
            if not unit:
                require_equal(b, wanted, extent)
        if value.view is None or may_alias(b, value.view.base, base):
            value = materialise(b, value, "t")
    else:
        value = b.hold(value, "c")

    def write(at: Index) -> None:
        item = spread(value, at) if isinstance(value, ArrayValue) else value
        b.emit(Store(base, place(at), b.convert(item, kind), False, b.at))

    over(b, target.extents, write)


def _reads_in_step(b: Builder, target: View, value: ArrayValue, units: tuple[bool, ...]) -> bool:
    """Whether element k of the value reads the target's memory at most at its own element k."""
    if not any(may_alias(b, target.base, name) for name in value.reads):
        return True
    probe = tuple(ZERO if u else Var(f"$probe{k}", INT) for k, u in enumerate(units))
    wanted = target.index(probe)
    trial: list[Stmt] = []
    with b.into(trial):
        expr = spread(value, probe)
    if trial:
        return False
    loads = [e for e in walk(expr) if isinstance(e, Load) and may_alias(b, target.base, e.array)]
    return all(e.array == target.base and e.index == wanted for e in loads)


def update(b: Builder, target: ArrayValue, value: ArrayValue) -> None:
    """``target op= ...``: the new value of the target, which it may read in step."""
    assign_into(b, target, value)


# ---------------------------------------------------------------- indexing


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
            b.emit(IndexCheck(view.base, base.base_axis, key, b.at))
            return key
    b.check(
        Logic("and", (compare("<=", negated(extent), key), compare("<", key, extent))),
        "IndexError",
        f"index is out of bounds for axis {axis}",
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


def transpose(value: ArrayValue) -> ArrayValue:
    """``value.T``."""
    view = None if value.view is None else replace(value.view, axes=value.view.axes[::-1])
    return ArrayValue(
        value.dtype,
        value.extents[::-1],
        value.units[::-1],
        lambda at: value.element(at[::-1]),
        value.reads,
        view,
    )


def frozen(b: Builder, value: ArrayValue) -> ArrayValue:
    """A view whose positions are held in variables, so that a name can denote it for long."""
    view = value.view
    if view is None:
        return value
    fixed = tuple((axis, _held(b, e)) for axis, e in view.fixed)
    axes = tuple(a if a is None else replace(a, start=_held(b, a.start)) for a in view.axes)
    extents = tuple(e if isinstance(e, Const | Extent) else b.hold(e, "n") for e in value.extents)
    return viewed(b, replace(view, fixed=fixed, axes=axes), extents, value.units)


def _held(b: Builder, expr: Expr) -> Expr:
    return expr if isinstance(expr, Const) else b.store(expr, "k")


# ---------------------------------------------------------------- reductions


def total(b: Builder, value: ArrayValue, base: str = "s") -> Expr:
    """The sum of all elements."""
    kind = kind_of(value.dtype)
    kind = INT if kind == BOOL else kind
    acc = Var(b.names.fresh(base), kind)
    b.emit(Assign(acc, ZERO if kind == INT else literal(0.0, kind), b.at))

    def write(at: Index) -> None:
        b.emit(Assign(acc, accumulate(acc, b.convert(value.element(at), kind)), b.at))

    over(b, value.extents, write)
    return acc


def total_along(b: Builder, value: ArrayValue, axis: int, keepdims: bool) -> ArrayValue:
    """The sum along one axis."""
    kept = [k for k in range(value.ndim) if k != axis]
    dtype = INT if kind_of(value.dtype) in (INT, BOOL) else value.dtype
    out = allocate(b, "s", tuple(value.extents[k] for k in kept), dtype, Const(0, INT))
    base = out.view.base if out.view else ""
    kind = kind_of(dtype)

    def write(at: Index) -> None:
        place = tuple(at[k] for k in kept)
        old = Load(base, place, kind)
        b.emit(Store(base, place, accumulate(old, b.convert(value.element(at), kind)), False, b.at))

    over(b, value.extents, write)
    units = tuple(value.units[k] for k in kept)
    result = whole(b, base, units)
    if not keepdims:
        return result
    keys: list[object] = [(None, None, None)] * len(kept)
    keys.insert(axis, None)
    picked = select(b, result, keys)
    assert isinstance(picked, ArrayValue)
    return picked


def extreme(b: Builder, value: ArrayValue, largest: bool) -> Expr:
    """``np.max`` or ``np.min``: the element itself; where several tie, their mean (as a value
    the same), so that the derivative is shared equally. NaN propagates.
    """
    if is_complex(value.dtype):
        raise b.refuse("complex numbers have no order", "take the maximum of abs(...) or .real")
    if value.view is None:
        value = materialise(b, value, "t")
    value = frozen(b, value)
    kind = kind_of(value.dtype)
    empty = Logic("and", tuple(compare(">", e, ZERO) for e in value.extents))
    b.check(empty, "ValueError", "the maximum or minimum of an empty array does not exist")
    best = Var(b.names.fresh("best"), kind)
    ties = Var(b.names.fresh("ties"), INT)
    place = tuple(Var(b.names.fresh("at"), INT) for _ in value.extents)
    first = tuple(ZERO for _ in value.extents)
    b.emit(Assign(best, Call("stop_gradient", (value.element(first),), kind), b.at))
    b.emit(Assign(ties, ZERO, b.at))
    for var in place:
        b.emit(Assign(var, ZERO, b.at))
    worse = "<=" if largest else ">="

    def scan(at: Index) -> None:
        item = value.element(at)
        better = Logic(
            "and", (compare("==", best, best), Unary("not", compare(worse, item, best), BOOL))
        )
        took = [
            Assign(best, Call("stop_gradient", (item,), kind), b.at),
            Assign(ties, ONE, b.at),
            *(Assign(v, k, b.at) for v, k in zip(place, at, strict=True)),
        ]
        tied = If(compare("==", item, best), (Assign(ties, add(ties, ONE), b.at),), (), b.at)
        b.emit(If(better, tuple(took), (tied,), b.at))

    over(b, value.extents, scan)
    out = Var(b.names.fresh("peak"), kind)
    if not is_inexact(kind):
        return best
    shared: list[Stmt] = []
    with b.into(shared):
        b.emit(Assign(out, best, b.at))

        def share(at: Index) -> None:
            item = value.element(at)
            gap = Binary("/", Binary("-", item, best, kind), b.convert(ties, kind), kind)
            add_gap = Assign(out, Binary("+", out, gap, kind), b.at)
            b.emit(If(compare("==", item, best), (add_gap,), (), b.at))

        over(b, value.extents, share)
    alone = (Assign(out, value.element(place), b.at),)
    b.emit(If(compare(">", ties, ONE), tuple(shared), alone, b.at))
    return out
