"""Arrays during elaboration: views, indexing, broadcasting, and element loops.

An array expression is never stored before something needs it: ``np.sin(a) * b + c`` is one
``ArrayValue`` whose element is the scalar expression of the elements, so a statement becomes a
single loop nest. NumPy's meaning is kept: operands are read before the target is written
(through a temporary where they may overlap), lengths are checked, axes of length 1 broadcast.
"""

from collections.abc import Callable
from dataclasses import replace

from srcad.errors import ArgumentValueError
from srcad.frontend.builder import Builder, Duplicate
from srcad.frontend.values import ArrayValue, Axis, ListValue, Masked, View
from srcad.ir.build import (
    ONE,
    ZERO,
    compare,
    imag_part,
    real,
    real_part,
    unclamped,
)
from srcad.ir.nodes import (
    Alloc,
    Binary,
    Bind,
    Call,
    Const,
    Expr,
    Extent,
    Load,
    Span,
    Stmt,
    Store,
    Var,
    Window,
    names_read,
    walk,
)
from srcad.ir.types import BOOL, INT, is_complex, kind_of, real_kind

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


def is_base(b: Builder, value: ArrayValue) -> bool:
    """Whether a value is an array itself: all elements of its base, in their places."""
    view = value.view
    return view is not None and view.is_identity and value.extents == b.extents[view.base]


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


def put(b: Builder, name: str, at: Expr, item: Expr) -> None:
    """Write an element of a new vector for the first time."""
    b.emit(Store(name, (at,), item, True, b.at))


def listed(b: Builder, value: ListValue) -> ArrayValue:
    """The items of a list, as an array."""
    rank = b.arrays[value.array][1]
    view = View(value.array, (), tuple(Axis(k, ZERO, 1) for k in range(rank)))
    return viewed(b, view, (value.count, *b.extents[value.array][1:]), (False,) * rank)


# ---------------------------------------------------------------- broadcasting


def stretched(b: Builder, values: list[ArrayValue]) -> list[ArrayValue]:
    """The operands; a slice of one element at most is an axis of length 1 beside a longer one.

    That it has its element is checked when it runs.
    """
    ndim = max((v.ndim for v in values), default=0)
    out = list(values)
    for k in range(1, ndim + 1):
        wide = {v.extents[-k] for v in values if v.ndim >= k and not v.units[-k]}
        if len(wide) < 2:
            continue
        for n, v in enumerate(out):
            if v.ndim < k or v.units[-k] or not is_short(b, v.extents[-k]):
                continue
            if all(is_short(b, e) for e in wide):
                continue
            what = "operands could not be broadcast together: a slice is empty"
            b.check(compare("==", v.extents[-k], ONE), "ValueError", what)
            units = [*v.units]
            units[-k] = True
            out[n] = replace(v, units=tuple(units))
    return out


def is_short(b: Builder, extent: Expr) -> bool:
    """Whether an axis of a slice has one element at most."""
    return isinstance(extent, Var) and extent.name in b.short


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
    alike = _one_mask(b, arrays)
    if alike is None:
        swapped = {id(old): new for old, new in zip(arrays, stretched(b, arrays), strict=True)}
        operands = [swapped[id(v)] if isinstance(v, ArrayValue) else v for v in operands]
        arrays = [v for v in operands if isinstance(v, ArrayValue)]
    extents, units = (
        (arrays[0].extents, arrays[0].units) if alike is not None else broadcast(b, arrays)
    )
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
    masked = None
    if alike is not None:
        masked = Masked(alike, _of_sources(function, held, alike, dtype))
    return ArrayValue(dtype, extents, units, element, reads, masked=masked)


def _of_sources(
    function: Callable[[list[Expr]], Expr],
    operands: list[Expr | ArrayValue],
    mask: ArrayValue,
    dtype: str,
) -> ArrayValue:
    """``function`` of the arrays from which one mask picks the operands."""
    sources = [v.masked.source if isinstance(v, ArrayValue) and v.masked else v for v in operands]
    (first, *_), reads = (
        [v for v in sources if isinstance(v, ArrayValue)],
        frozenset[str]().union(*(v.reads for v in sources if isinstance(v, ArrayValue))),
    )

    def element(at: Index) -> Expr:
        return function([spread(v, at) if isinstance(v, ArrayValue) else v for v in sources])

    units = (*mask.units, *first.units[mask.ndim :])
    extents = (*mask.extents, *first.extents[mask.ndim :])
    return ArrayValue(dtype, extents, units, element, reads)


def _one_mask(b: Builder, values: list[ArrayValue]) -> ArrayValue | None:
    """The mask that picks all of these values from arrays of one shape, or None."""
    first = values[0].masked
    if first is None:
        return None
    for value in values[1:]:
        other = value.masked
        lead = first.mask.ndim
        if other is None or other.source.extents[lead:] != first.source.extents[lead:]:
            return None
        if not same_mask(b, first.mask, other.mask):
            return None
    return first.mask


# ---------------------------------------------------------------- masks


def truth_of(mask: ArrayValue, at: Index) -> Expr:
    """An element as a condition."""
    item = mask.element(at)
    if item.kind == BOOL:
        return item
    zero = 0 if item.kind == INT else 0j if is_complex(item.kind) else 0.0
    return compare("!=", item, Const(zero, item.kind))


def same_mask(b: Builder, one: ArrayValue, other: ArrayValue) -> bool:
    """Whether two masks certainly have the same elements."""
    if one is other:
        return True
    if one.extents != other.extents:
        return False
    probe = tuple(Var(f"$probe{k}", INT) for k in range(one.ndim))
    trial: list[Stmt] = []
    with b.into(trial):
        same = truth_of(one, probe) == truth_of(other, probe)
    return same and not trial


# ---------------------------------------------------------------- loops


def over(b: Builder, extents: Index, write: Callable[[Index], None], outer: Index = ()) -> None:
    """A loop nest over all indices; ``write`` emits its body.

    ``outer``: the counters of loops around it, which come first in the index written.
    """
    _nest(b, (*outer, *extents), outer, write)


_LETTERS = ("i", "j", "k", "l", "m", "n", "p", "q")


def _nest(b: Builder, extents: Index, at: Index, write: Callable[[Index], None]) -> None:
    depth = len(at)
    if depth == len(extents):
        write(at)
        return
    with b.loop(unclamped(extents[depth]), _LETTERS[min(depth, len(_LETTERS) - 1)]) as var:
        _nest(b, extents, (*at, var), write)


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


def snapshot(b: Builder, value: ArrayValue, base: str) -> ArrayValue:
    """What a name holds of an array not stored anywhere: a copy, not to be read when stale."""
    made = materialise(b, value, base)
    if value.readonly and made.view is not None:
        b.snapshots[made.view.base] = (value.reads, b.here)
    return made


def stored(b: Builder, value: ArrayValue, base: str = "t") -> ArrayValue:
    """The array as a whole base of its own (itself, where it is one)."""
    if is_base(b, value):
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


def unwritten(b: Builder, base: str, shape: Index, dtype: str) -> ArrayValue:
    """A new array whose elements are all going to be written once."""
    name = b.names.fresh(base)
    shape = tuple(b.hold(e, "n") if not isinstance(e, Extent) else e for e in shape)
    b.emit(Alloc(name, shape, dtype, False, b.at))
    declare(b, name, dtype, shape)
    return whole(b, name)


def denote(b: Builder, name: str, value: ArrayValue) -> None:
    """Make an array variable denote a view of an array."""
    view = value.view
    assert view is not None
    if is_base(b, value):
        if view.base != name:
            b.emit(Bind((name,), (view.base,), b.at))
        return
    if view.part:  # no window shows a part of each element
        made = materialise(b, value, name)
        assert made.view is not None
        b.duplicates.append(Duplicate(made.view.base, view.base, None, b.here))
        b.emit(Bind((name,), (made.view.base,), b.at))
        return
    keys: dict[int, Expr | Span] = dict(view.fixed)
    for axis, length in zip(view.axes, value.extents, strict=True):
        if axis is not None:
            keys[axis.base_axis] = Span(axis.start, length, axis.step)
    order = tuple(None if axis is None else axis.base_axis for axis in view.axes)
    b.emit(Window(name, view.base, tuple(keys[k] for k in sorted(keys)), order, b.at))


def may_alias(b: Builder, one: str, other: str) -> bool:
    """Whether two array names can denote the same memory."""
    if b.memory_of(one) == b.memory_of(other):
        return True
    same = b.arrays[one][0] == b.arrays[other][0]
    return same and not (b.is_settled(one) and b.is_settled(other))


def sharing(b: Builder, written: set[str]) -> set[str]:
    """All names of arrays whose elements may change where those of these are written."""
    return {n for n in b.arrays if any(may_alias(b, n, w) for w in written)}


def reads_in_step(b: Builder, target: View, value: ArrayValue, units: tuple[bool, ...]) -> bool:
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
    counters = {e.name for e in probe if isinstance(e, Var)}
    loads = [e for e in walk(expr) if isinstance(e, Load) and may_alias(b, target.base, e.array)]
    return all(
        e.array == target.base
        and (_is_abreast(e.index, wanted, counters) or _is_apart(e.index, wanted))
        for e in loads
    )


def _is_abreast(one: Index, two: Index, counters: set[str]) -> bool:
    """Whether indices are the same on axes along which counters run: two lines side by side.

    Of these no two elements meet but those for the same values of the counters.

    >>> k, first, last = Var("k", INT), Const(0, INT), Const(-1, INT)
    >>> _is_abreast((k, first), (k, last), {"k"}), _is_abreast((k, first), (first, k), {"k"})
    (True, False)
    """
    if one == two:
        return True
    if any(isinstance(e, Load) for x in (*one, *two) for e in walk(x)):
        return False
    pairs = zip(one, two, strict=True)
    return not any(a != b and (names_read(a) | names_read(b)) & counters for a, b in pairs)


def _is_apart(one: Index, two: Index) -> bool:
    """Whether two indices differ in an axis, whatever its length: 0 and 1, or -1 and -2.

    >>> k = Var("k", INT)
    >>> _is_apart((k, Const(-1, INT)), (k, Const(-2, INT))), _is_apart((ZERO,), (Const(-1, INT),))
    (True, False)
    """
    return any(
        isinstance(a, Const)
        and isinstance(b, Const)
        and a.value != b.value
        and (a.value < 0) == (b.value < 0)
        for a, b in zip(one, two, strict=True)
    )


def assign_each(b: Builder, target: ArrayValue, at: Index, value: Expr | ArrayValue) -> None:
    """Store one element of ``target[...] = value`` into a view or a gather from one."""
    item = spread(value, at) if isinstance(value, ArrayValue) else value
    write(b, target.element(at), item)


# ---------------------------------------------------------------- permuted axes


def transpose(value: ArrayValue) -> ArrayValue:
    """``value.T``."""
    return permuted(value, list(range(value.ndim))[::-1])


def permuted(value: ArrayValue, order: list[int]) -> ArrayValue:
    """The array with its axes in another order: axis k of the result is axis ``order[k]``."""
    view = value.view
    if view is not None:
        view = replace(view, axes=tuple(view.axes[k] for k in order))

    def element(at: Index) -> Expr:
        place = dict(zip(order, at, strict=True))
        return value.element(tuple(place[k] for k in range(value.ndim)))

    return ArrayValue(
        value.dtype,
        tuple(value.extents[k] for k in order),
        tuple(value.units[k] for k in order),
        element,
        value.reads,
        view,
        readonly=value.readonly,
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
