"""NumPy's array functions in terms of loops and the array statements of the core IR.

Each entry takes the builder and the evaluated arguments and returns a value. Elementwise
functions are not here: every function with a rule is one (``srcad.rules``).
"""

from __future__ import annotations

import builtins
import functools
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from srcad.errors import ArgumentValueError
from srcad.frontend import arrays, indexing, lanes, reductions, scalars, stores
from srcad.frontend.builder import Builder
from srcad.frontend.values import ArrayValue, RangeValue, StaticValue, TupleValue, Value
from srcad.ir.build import (
    ONE,
    TRUE,
    ZERO,
    accumulate,
    at_least_zero,
    compare,
    conjugate,
    imag_part,
    integer,
    join_kinds,
    literal,
    negate,
    real_part,
)
from srcad.ir.nodes import (
    Assign,
    Binary,
    Call,
    Const,
    Expr,
    Extent,
    Load,
    MatMul,
    Store,
    Var,
)
from srcad.ir.types import BOOL, FLOAT, FLOAT32, INT, is_complex, is_dtype, is_inexact, real_kind
from srcad.rules.registry import rule_of

Entry = Callable[..., Value]
_NOTHING = StaticValue(None)
_functions: dict[Any, Entry] = {}
_methods: dict[str, Entry] = {}


def library_function(function: object) -> Entry | None:
    """The entry of a NumPy function, or None."""
    try:
        return _functions.get(function)
    except TypeError:
        return None


def array_method(name: str) -> Entry | None:
    """The entry of a method of arrays, or None."""
    return _methods.get(name)


def entry(*functions: object, methods: tuple[str, ...] = ()) -> Callable[[Entry], Entry]:
    def declare(entry: Entry) -> Entry:
        for function in functions:
            _functions[function] = entry
        for name in methods:
            _methods[name] = entry
        return entry

    return declare


# ---------------------------------------------------------------- conversions


def static_int(b: Builder, value: Value | None, what: str) -> int:
    """An integer literal."""
    known = b.decided(value)
    if known is not None:
        return known
    raise b.refuse(f"{what} must be an integer literal", "write the number out")


def as_array(b: Builder, value: Value) -> ArrayValue:
    """An array; tuples and lists of numbers are stored as one."""
    value = scalars.given(b, value)
    if isinstance(value, ArrayValue):
        return value
    if isinstance(value, TupleValue):
        return from_items(b, value)
    if isinstance(value, RangeValue):
        numbers = arange(b, value.start, value.stop, value.step)
        assert isinstance(numbers, ArrayValue)
        return numbers
    raise b.refuse("an array is expected here")


def alone(b: Builder, value: Value, *options: Value | None) -> Expr | None:
    """The number that is reduced as it is: one without axes, and no options."""
    value = scalars.given(b, value)
    plain = isinstance(value, Expr) and value.kind != BOOL and not any(options)
    return value if plain else None  # type: ignore[return-value]


def dtype_of(b: Builder, value: Value | None, default: str) -> str:
    """A dtype argument."""
    if value is None or (isinstance(value, StaticValue) and value.value is None):
        return default
    if isinstance(value, StaticValue):
        try:
            name = np.dtype(value.value).name  # type: ignore[call-overload]
        except TypeError:
            name = ""
        if is_dtype(name):
            return name
        raise b.refuse(
            f"arrays of dtype {name or value.value!r} are not supported yet",
            "use float64, float32 or complex128",
        )
    raise b.refuse("a dtype must be written out", "for example dtype=np.float64")


def shape_of(b: Builder, value: Value) -> tuple[Expr, ...]:
    """A shape argument: an integer or a tuple of integers."""
    items = value.items if isinstance(value, TupleValue) else (value,)
    for item in items:
        if not isinstance(item, Expr) or item.kind != INT:
            raise b.refuse("a shape must be an integer or a tuple of integers")
        if not b.is_nonnegative(item):
            b.check(compare(">=", item, ZERO), "ValueError", "negative dimensions are not allowed")
    return tuple(items)  # type: ignore[arg-type]


def _number(b: Builder, value: Value) -> Expr:
    if isinstance(value, Expr):
        return value
    if isinstance(value, ArrayValue) and value.ndim == 0:
        return value.element(())
    raise b.refuse("a number is expected here")


# ---------------------------------------------------------------- shapes


@entry(np.ndim)
def ndim(b: Builder, a: Value) -> Value:
    return integer(a.ndim if isinstance(a, ArrayValue) else _depth(a))


def _depth(value: Value) -> int:
    if isinstance(value, TupleValue):
        return 1 + (_depth(value.items[0]) if value.items else 0)
    return value.ndim if isinstance(value, ArrayValue) else 0


@entry(np.iscomplexobj)
def iscomplexobj(b: Builder, x: Value) -> Value:
    kind = x.dtype if isinstance(x, ArrayValue) else getattr(x, "kind", "")
    return Const(is_complex(kind), BOOL)


@entry(np.shape)
def shape(b: Builder, a: Value) -> Value:
    return TupleValue(() if isinstance(a, Expr) else as_array(b, a).extents)


@entry(np.size)
def size(b: Builder, a: Value, axis: Value | None = None) -> Value:
    if isinstance(a, Expr):
        return ONE
    value = as_array(b, a)
    axes = axes_of(b, value, axis)
    count: Expr = ONE
    for e in value.extents if axes is None else (value.extents[k] for k in axes[::-1]):
        count = e if count == ONE else Binary("*", count, e, INT)
    return count


@entry(methods=("item",))
def item(b: Builder, a: Value, *index: Value) -> Value:
    if isinstance(a, Expr) and not index:
        return a
    value = as_array(b, a)
    keys = index[0].items if len(index) == 1 and isinstance(index[0], TupleValue) else index
    if not keys:
        for extent in value.extents:
            message = "can only convert an array of size 1 to a Python scalar"
            b.check(compare("==", extent, ONE), "ValueError", message)
        return value.element(tuple(ZERO for _ in value.extents))
    if len(keys) != value.ndim:
        raise b.refuse(".item() takes one index for each axis here", "write a[i, j]")
    return indexing.select(b, value, list(keys))


# ---------------------------------------------------------------- numbers in order


@entry(np.arange)
def arange(
    b: Builder,
    start: Value,
    stop: Value | None = None,
    step: Value | None = None,
    dtype: Value | None = None,
) -> Value:
    first, last = (
        (ZERO, _number(b, start)) if stop is None else (_number(b, start), _number(b, stop))
    )
    stride = ONE if step is None else _number(b, step)
    if any(is_inexact(e.kind) for e in (first, last, stride)):
        return _float_range(b, first, last, stride, dtype_of(b, dtype, FLOAT))
    stride = b.hold(stride, "step")
    b.check(compare("!=", stride, ZERO), "ZeroDivisionError", "the step of np.arange is zero")
    count: Expr = Binary("-", last, first, INT) if first != ZERO else last
    if isinstance(stride, Const) and stride.value not in (0, 1):
        extra = int(stride.value) - (1 if stride.value > 0 else -1)
        count = Binary("//", Binary("+", count, integer(extra), INT), stride, INT)
    elif not isinstance(stride, Const):  # the quotient rounded up
        count = negate(Binary("//", negate(count), stride, INT))
    n = count if isinstance(count, Extent) else b.hold(_not_negative(b, count), "n")
    kind = arrays.kind_of(dtype_of(b, dtype, INT))
    first = b.hold(first, "k")

    def element(at: tuple[Expr, ...]) -> Expr:
        scaled = at[0] if stride == ONE else Binary("*", stride, at[0], INT)
        return b.convert(scaled if first == ZERO else Binary("+", first, scaled, INT), kind)

    return arrays.materialise(
        b, ArrayValue(dtype_of(b, dtype, INT), (n,), (False,), element), b.wanted
    )


def _not_negative(b: Builder, count: Expr) -> Expr:
    return count if b.is_nonnegative(count) else at_least_zero(count)


def _float_range(b: Builder, first: Expr, last: Expr, stride: Expr, dtype: str) -> ArrayValue:
    """``np.arange`` of floats: as many as fit, at multiples of NumPy's rounded step."""
    start, stop, step = (b.hold(b.convert(e, FLOAT), "c") for e in (first, last, stride))
    gap = Binary("/", Binary("-", stop, start, FLOAT), step, FLOAT)
    steps = Call("math.ceil", (gap,), INT)
    n = b.hold(Call("max", (ZERO, steps), INT), "n")
    second = b.store(Binary("+", start, step, FLOAT), "second")
    width = b.store(Binary("-", second, start, FLOAT), "step")

    def element(at: tuple[Expr, ...]) -> Expr:
        item = Binary("*", b.convert(at[0], FLOAT), width, FLOAT)
        if not (isinstance(start, Const) and start.value == 0.0):
            item = Binary("+", start, item, FLOAT)
        return b.convert(item, arrays.kind_of(dtype))

    return arrays.materialise(b, ArrayValue(dtype, (n,), (False,), element), b.wanted)


@entry(np.linspace)
def linspace(
    b: Builder, start: Value, stop: Value, num: Value | None = None, endpoint: Value = TRUE
) -> Value:
    first = b.hold(b.convert(_number(b, start), FLOAT), "c")
    last = b.hold(b.convert(_number(b, stop), FLOAT), "c")
    count = b.hold(integer(50) if num is None else _number(b, num), "n")
    last_index = Binary("-", count, ONE, INT) if flag(b, endpoint) else count
    gaps = Call("max", (ONE, last_index), INT)
    step = b.store(
        Binary("/", Binary("-", last, first, FLOAT), b.convert(gaps, FLOAT), FLOAT), "step"
    )

    def element(at: tuple[Expr, ...]) -> Expr:
        return Binary("+", first, Binary("*", b.convert(at[0], FLOAT), step, FLOAT), FLOAT)

    out = arrays.materialise(b, ArrayValue(FLOAT, (count,), (False,), element), b.wanted)
    return out


def common_dtype(dtypes: Iterable[str]) -> str:
    """The dtype of an array of elements of these dtypes."""
    return functools.reduce(_common, dtypes)


def _common(one: str, other: str) -> str:
    if one == other:
        return one
    small = ("bool", "int8", "int16", "uint8", "uint16")
    if FLOAT32 in (one, other):
        rest = other if one == FLOAT32 else one
        if rest in small:
            return FLOAT32
        if not is_complex(rest):
            return FLOAT
    return join_kinds(arrays.kind_of(one), arrays.kind_of(other))


Leaves = list[tuple[tuple[int, ...], Expr | ArrayValue]]
"""Numbers and arrays, and their places in nested tuples and lists."""


def from_items(b: Builder, value: TupleValue, dtype: Value | None = None) -> ArrayValue:
    """A new array of nested tuples and lists of numbers and arrays."""
    shape, leaves = _nested(b, value)
    kinds = [v.dtype if isinstance(v, ArrayValue) else v.kind for _, v in leaves]
    wanted = dtype_of(b, dtype, common_dtype(kinds) if kinds else FLOAT)
    if any(isinstance(leaf, ArrayValue) for _, leaf in leaves):
        out = arrays.unwritten(b, b.wanted, shape, wanted)
    else:
        out = arrays.allocate(b, b.wanted, shape, wanted, None)
    assert out.view is not None
    base, kind = out.view.base, arrays.kind_of(wanted)
    for place, leaf in leaves:
        front = tuple(map(integer, place))
        inner = leaf if isinstance(leaf, ArrayValue) else scalars.pointwise(leaf)

        def write(at: arrays.Index, front: arrays.Index = front, v: ArrayValue = inner) -> None:
            b.emit(Store(base, (*front, *at), b.convert(v.element(at), kind), True, b.at))

        arrays.over(b, inner.extents, write)
    return out


def _nested(b: Builder, value: Value) -> tuple[tuple[Expr, ...], Leaves]:
    """The shape of nested tuples and lists, and what they hold."""
    value = scalars.given(b, value)
    if not isinstance(value, TupleValue):
        leaf = scalars.operand(b, value)
        return (leaf.extents if isinstance(leaf, ArrayValue) else ()), [((), leaf)]
    found = [_nested(b, item) for item in value.items]
    shape = found[0][0] if found else ()
    message = "the items of an array must have the same shape"
    leaves: Leaves = []
    for k, (other, inner) in enumerate(found):
        if len(other) != len(shape):
            raise ArgumentValueError(message, b.at)
        for one, two in zip(shape, other, strict=True):
            test = compare("==", one, two)
            if isinstance(test, Const) and not test.value:
                raise ArgumentValueError(message, b.at)
            if one != two:
                b.check(test, "ValueError", message)
        leaves += [((k, *place), leaf) for place, leaf in inner]
    return (integer(len(found)), *shape), leaves


@entry(methods=("astype",))
def astype(b: Builder, a: Value, dtype: Value, copy: Value = TRUE) -> Value:
    value, name = as_array(b, a), dtype_of(b, dtype, FLOAT)
    if value.dtype == name and not flag(b, copy):
        return value
    return arrays.materialise(b, value, b.wanted, name)


@entry(methods=("fill",))
def fill(b: Builder, a: Value, value: Value) -> Value:
    stores.assign_into(b, stores.writable(b, as_array(b, a)), _number(b, value))
    return StaticValue(None)


# ---------------------------------------------------------------- reductions


def axis_of(b: Builder, value: ArrayValue, axis: Value | None) -> int | None:
    if axis is None or (isinstance(axis, StaticValue) and axis.value is None):
        return None
    if isinstance(axis, TupleValue):
        raise b.refuse(
            "several axes at once are not supported yet", "reduce one axis after the other"
        )
    k = static_int(b, axis, "axis")
    if not -value.ndim <= k < value.ndim:
        raise ArgumentValueError(
            f"axis {k} is out of bounds for an array of {value.ndim} axes", b.at
        )
    return k % value.ndim


def axes_of(b: Builder, value: ArrayValue, axis: Value | None) -> tuple[int, ...] | None:
    """One axis or several, in ascending order; None for all."""
    if not isinstance(axis, TupleValue):
        k = axis_of(b, value, axis)
        return None if k is None else (k,)
    found = [axis_of(b, value, k) for k in axis.items]
    known = sorted({k for k in found if k is not None})
    if len(known) != len(found):
        raise ArgumentValueError("duplicate value in 'axis'", b.at)
    return tuple(known)


def flag(b: Builder, value: Value | None) -> bool:
    if value is None:
        return False
    if isinstance(value, Const):
        return bool(value.value)
    raise b.refuse("keepdims must be True or False")


def in_dtype(b: Builder, value: ArrayValue, dtype: Value | None) -> ArrayValue:
    """The array whose elements have the dtype that a reduction is asked for."""
    name = dtype_of(b, dtype, value.dtype)
    return value if name == value.dtype else arrays.materialise(b, value, "t", name)


@entry(np.sum, methods=("sum",))
def sum_(
    b: Builder,
    a: Value,
    axis: Value | None = None,
    dtype: Value | None = None,
    *,
    keepdims: Value | None = None,
) -> Value:
    number = alone(b, a, axis, dtype, keepdims)
    if number is not None:
        return number
    value = in_dtype(b, as_array(b, a), dtype)
    axes, keep = axes_of(b, value, axis), flag(b, keepdims)
    if axes is None or len(axes) == value.ndim:
        whole = reductions.total(b, value)
        return lanes.alone(b, whole, value.ndim) if keep else whole
    for k in axes[::-1]:
        value = reductions.total_along(b, value, k, keep)
    return value


@entry(np.mean, methods=("mean",))
def mean(
    b: Builder,
    a: Value,
    axis: Value | None = None,
    dtype: Value | None = None,
    *,
    keepdims: Value | None = None,
) -> Value:
    number = alone(b, a, axis, dtype, keepdims)
    if number is not None:
        return number if is_inexact(number.kind) else b.convert(number, FLOAT)
    value = in_dtype(b, as_array(b, a), dtype)
    count = size(b, value, axis)
    assert isinstance(count, Expr)
    kind = value.dtype if is_inexact(value.dtype) else FLOAT
    divisor = b.convert(count, real_kind(kind))
    out = sum_(b, value, axis, keepdims=keepdims)
    if isinstance(out, Expr):
        return Binary("/", b.convert(out, kind), divisor, kind)
    assert isinstance(out, ArrayValue)
    return arrays.elementwise(
        b, lambda e: Binary("/", b.convert(e[0], kind), e[1], kind), [out, divisor], kind
    )


@entry(builtins.sum)
def builtin_sum(b: Builder, a: Value, start: Value = ZERO) -> Value:
    if isinstance(a, TupleValue):
        out: Value = start
        for item in a.items:
            out = item if out == ZERO else scalars.combine(b, "+", out, item)
        return out
    value = as_array(b, a)
    if value.ndim != 1:
        raise b.refuse(
            "sum() of an array with several axes adds its rows", "use np.sum(..., axis=0)"
        )
    whole = reductions.total(b, value)
    return whole if start == ZERO else scalars.combine(b, "+", start, whole)


# ---------------------------------------------------------------- products


def dot(b: Builder, one: ArrayValue, two: ArrayValue) -> Value:
    """The product of matrices and vectors."""
    if one.masked is not None and two.masked is not None and one.ndim == two.ndim == 1:
        return reductions.total(b, as_array(b, scalars.combine(b, "*", one, two)))
    inner = one.extents[-1], two.extents[0]
    if inner[0] != inner[1]:
        if isinstance(inner[0], Const) and isinstance(inner[1], Const):
            raise ArgumentValueError(
                f"shapes not aligned: {inner[0].value} and {inner[1].value}", b.at
            )
        b.check(
            compare("==", *inner),
            "ValueError",
            "shapes not aligned: the inner lengths of a product differ",
        )
    kinds = arrays.kind_of(one.dtype), arrays.kind_of(two.dtype)
    kind = join_kinds(*kinds)
    if one.ndim == two.ndim == 1:
        acc = Var(b.names.fresh("s"), kind)
        b.emit(Assign(acc, b.convert(ZERO, kind), b.at))

        def write(at: tuple[Expr, ...]) -> None:
            product = Binary("*", one.element(at), two.element(at), kind)
            b.emit(Assign(acc, accumulate(acc, product), b.at))

        arrays.over(b, (one.extents[0],), write)
        return acc
    left, left_t = _factor(b, one, kind)
    right, right_t = _factor(b, two, kind)
    name = b.names.fresh(b.wanted)
    b.emit(MatMul(name, left, right, left_t, right_t, b.at))
    extents = (*one.extents[:-1], *two.extents[1:])
    arrays.declare(b, name, kind, extents)
    return arrays.whole(b, name, (*one.units[:-1], *two.units[1:]))


def _factor(b: Builder, value: ArrayValue, kind: str) -> tuple[str, bool]:
    """A factor of a matrix product as a base, and whether it is transposed."""
    if value.dtype == kind and value.view is not None:
        if arrays.is_base(b, value):
            return value.view.base, False
        if value.ndim == 2 and arrays.is_base(b, arrays.transpose(value)):
            return value.view.base, True
    base = arrays.materialise(b, value, "t", kind).view
    assert base is not None
    return base.base, False


# ---------------------------------------------------------------- complex numbers


@entry(np.real)
def real(b: Builder, val: Value) -> Value:
    return _part(b, val, "real")


@entry(np.imag)
def imag(b: Builder, val: Value) -> Value:
    return _part(b, val, "imag")


def _part(b: Builder, value: Value, name: str) -> Value:
    if isinstance(value, Expr):
        return real_part(value) if name == "real" else imag_part(value)
    return arrays.part(b, as_array(b, value), name)


@entry(np.conj, np.conjugate, methods=("conj", "conjugate"))
def conj(b: Builder, x: Value) -> Value:
    if isinstance(x, Expr):
        return conjugate(x)
    value = as_array(b, x)
    return arrays.elementwise(b, lambda e: conjugate(e[0]), [value], value.dtype)


@entry(np.angle)
def angle(b: Builder, z: Value, deg: Value | None = None) -> Value:
    if flag(b, deg):
        radians = scalars.operand(b, angle(b, z))
        kind = radians.dtype if isinstance(radians, ArrayValue) else radians.kind
        return scalars.combine(b, "*", radians, literal(180.0 / math.pi, kind))
    if isinstance(z, Expr):
        return phase(b, z)
    value = as_array(b, z)
    dtype = real_kind(value.dtype) if is_inexact(value.dtype) else FLOAT
    return arrays.elementwise(b, lambda e: phase(b, e[0]), [value], dtype)


def phase(b: Builder, z: Expr) -> Expr:
    """The angle of a number in the complex plane."""
    z = z if isinstance(z, Const | Load | Var) else b.store(z, "z")
    kind = real_kind(z.kind) if is_inexact(z.kind) else FLOAT
    return Call("math.atan2", (imag_part(z), real_part(z)), kind)


# ---------------------------------------------------------------- choices


@entry(np.clip, methods=("clip",))
def clip(
    b: Builder,
    a: Value,
    a_min: Value = _NOTHING,
    a_max: Value = _NOTHING,
    *,
    min: Value = _NOTHING,
    max: Value = _NOTHING,
) -> Value:
    low, high = rule_of(np.maximum), rule_of(np.minimum)
    assert low is not None and high is not None
    for rule, bounds in ((low, (a_min, min)), (high, (a_max, max))):
        for bound in bounds:
            if bound != _NOTHING:
                a = scalars.apply(b, rule, [a, bound])
    return a
