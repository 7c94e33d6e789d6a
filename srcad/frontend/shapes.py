"""Other shapes of an array: ``reshape``, ``ravel``, ``flatten`` and their kin.

As in NumPy the result is a view where one is possible. Contiguous memory gets a second name; axes
of length 1 come and go in the description of a view; memory in another order is copied.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from srcad.errors import ArgumentValueError
from srcad.frontend import arrays, indexing
from srcad.frontend.axes import as_piece, is_none
from srcad.frontend.builder import Builder, Duplicate
from srcad.frontend.library import as_array, entry
from srcad.frontend.values import ArrayValue, Axis, StaticValue, TupleValue, Value
from srcad.ir.build import FALSE, ONE, TRUE, ZERO, compare, integer, logic, scale
from srcad.ir.nodes import Binary, Check, Const, Expr, Extent, Reshape
from srcad.ir.types import INT

Shape = tuple[Expr, ...]


@entry(np.reshape)
def reshape(
    b: Builder, a: Value, shape: Value, order: Value | None = None, copy: Value | None = None
) -> Value:
    """``np.reshape(a, shape)``."""
    if copy is not None and not is_none(copy):
        raise b.refuse("copy= is not supported here", "write .copy() where a copy is wanted")
    return _reshape(b, a, (shape,), order)


@entry(methods=("reshape",))
def reshape_method(b: Builder, a: Value, *shape: Value, order: Value | None = None) -> Value:
    """``a.reshape(shape)`` or ``a.reshape(rows, columns)``."""
    return _reshape(b, a, shape, order)


def _reshape(b: Builder, a: Value, shape: tuple[Value, ...], order: Value | None) -> Value:
    value = as_piece(b, a)
    if not is_fortran(b, value, order):
        return number_or_array(reshaped(b, value, _target_shape(b, value, shape)))
    value = arrays.transpose(value)
    found = reshaped(b, value, _target_shape(b, value, shape)[::-1])
    return number_or_array(arrays.transpose(found))


@entry(np.ravel, methods=("ravel",))
def ravel(b: Builder, a: Value, order: Value | None = None) -> Value:
    """``a.ravel()``: a view of contiguous memory, else a copy."""
    value = as_piece(b, a)
    if is_fortran(b, value, order):
        value = arrays.transpose(value)
    if value.view is not None and not is_contiguous(b, value):
        value = _duplicate(b, value, certain=_lies_apart(b, value))
    return reshaped(b, value, (_size(b, value.extents),))


@entry(methods=("flatten",))
def flatten(b: Builder, a: Value, order: Value | None = None) -> Value:
    """``a.flatten()``: always a copy."""
    value = as_array(b, a)
    if is_fortran(b, value, order):
        value = arrays.transpose(value)
    copy = arrays.materialise(b, value, b.wanted)
    return reshaped(b, copy, (_size(b, copy.extents),))


# ---------------------------------------------------------------- how it is done


def reshaped(b: Builder, value: ArrayValue, shape: Shape) -> ArrayValue:
    """The array in another shape of the same size."""
    if shape == value.extents:
        return value
    _require_size(b, value.extents, shape)
    keys = _with_unit_axes(value, shape) if shape else list[object]([ZERO] * value.ndim)
    if keys is not None:
        return as_piece(b, indexing.select(b, value, keys))
    if value.view is None:
        value = arrays.materialise(b, value, b.wanted)
    if not is_contiguous(b, value):
        fewer = len(shape) < sum(not unit for unit in value.units)
        certain = _lies_apart(b, value, everywhere=len(shape) > 1) if fewer else None
        value = _duplicate(b, value, certain)
    return _renamed(b, _as_base(b, value), shape)


def merged(b: Builder, value: ArrayValue, counts: tuple[int, ...]) -> str:
    """A contiguous array with so many axes at a time made one, as an array of its own name."""
    base = _as_base(b, value)
    if all(n == 1 for n in counts):
        return base
    ends = [sum(counts[: k + 1]) for k in range(len(counts))]
    shape = tuple(
        _size(b, value.extents[end - n : end]) for n, end in zip(counts, ends, strict=True)
    )
    return _base_of(_renamed(b, base, shape, "t"))


def grouped(b: Builder, value: ArrayValue, counts: tuple[int, ...]) -> ArrayValue:
    """A contiguous array with so many axes at a time made one."""
    return arrays.whole(b, merged(b, value, counts))


def divided(b: Builder, base: str, shape: Shape) -> ArrayValue:
    """An array in another shape, known to be of the same size."""
    return _renamed(b, base, shape)


def _base_of(value: ArrayValue) -> str:
    assert value.view is not None
    return value.view.base


def is_contiguous(b: Builder, value: ArrayValue) -> bool:
    """Whether the elements of a view lie one after the other in memory, in its order."""
    view = value.view
    if view is None or view.part or view.base in b.strided:
        return False
    axes = [(a, e) for a, e in zip(view.axes, value.extents, strict=True) if a is not None]
    fixed = len(view.fixed)
    if [axis for axis, _ in view.fixed] != list(range(fixed)):
        return False
    if [a.base_axis for a, _ in axes] != list(range(fixed, fixed + len(axes))):
        return False
    if any(a.step != 1 for a, _ in axes):
        return False
    return all(_is_full(b, view.base, a, e) for a, e in axes[1:])


def _is_full(b: Builder, base: str, axis: Axis, extent: Expr) -> bool:
    return axis.start == ZERO and axis.step == 1 and b.extents[base][axis.base_axis] == extent


def _lies_apart(b: Builder, value: ArrayValue, everywhere: bool = False) -> Expr | None:
    """When merging axes of a view needs a copy: some neighbours (``everywhere``: all) lie apart.

    None where that cannot be said.
    """
    view = value.view
    assert view is not None
    if view.part or view.base in b.strided:
        return None
    pairs = list(zip(view.axes, value.extents, strict=True))
    axes = [(a, e) for (a, e), unit in zip(pairs, value.units, strict=True) if a and not unit]
    tests: list[Expr] = [compare(">", e, ONE) for _, e in axes]
    gaps: list[Expr] = []
    for (one, _), (two, extent) in pairwise(axes):
        first, last = sorted((one.base_axis, two.base_axis))
        between = _size(b, b.extents[view.base][first + 1 : last + 1])
        reach, step = scale(extent, two.step), integer(one.step)
        if one.base_axis < two.base_axis:
            gaps.append(_differ(scale(between, one.step), reach))
        else:
            gaps.append(TRUE if abs(one.step) == 1 else _differ(step, _size(b, (reach, between))))
    if not gaps:
        gaps = [TRUE if any(a.step != 1 for a, _ in axes) else FALSE]
    return logic("and", (*tests, logic("and" if everywhere else "or", tuple(gaps))))


def _differ(one: Expr, two: Expr) -> Expr:
    return FALSE if one == two else compare("!=", one, two)


def _duplicate(b: Builder, value: ArrayValue, certain: Expr | None) -> ArrayValue:
    """A copy where NumPy copies if ``certain`` holds, and may return a view if not."""
    check = None
    if certain is not None and certain != TRUE:
        message = "whether this shares memory is decided when it runs: reshape a copy, a.copy()"
        check = Check(certain, "ValueError", f"{message} ({b.at})", b.at)
        b.emit(check)
    copy = arrays.materialise(b, value, b.wanted)
    if certain != TRUE and value.view is not None and copy.view is not None:
        b.duplicates.append(Duplicate(copy.view.base, value.view.base, check, b.here))
    return copy


def _with_unit_axes(value: ArrayValue, shape: Shape) -> list[object] | None:
    """Keys that make the shape by adding and dropping axes known to have length 1, or None."""
    keys: list[object] = []
    own = 0
    for extent in shape:
        while own < value.ndim and value.units[own] and extent != ONE:
            keys.append(ZERO)
            own += 1
        if own < value.ndim and (
            value.extents[own] == extent or (value.units[own] and extent == ONE)
        ):
            keys.append((None, None, None))
            own += 1
        elif extent == ONE:
            keys.append(None)
        else:
            return None
    while own < value.ndim:
        if not value.units[own]:
            return None
        keys.append(ZERO)
        own += 1
    return keys


def _as_base(b: Builder, value: ArrayValue) -> str:
    """A contiguous view as an array of its own name."""
    assert value.view is not None
    if arrays.is_base(b, value):
        return value.view.base
    name = b.names.fresh("t")
    arrays.declare(b, name, value.dtype, value.extents)
    b.reshaped[name] = value.view.base
    arrays.denote(b, name, arrays.frozen(b, value))
    return name


def _renamed(b: Builder, base: str, shape: Shape, wanted: str = "") -> ArrayValue:
    """Another name for the memory of a contiguous array."""
    name = b.names.fresh(wanted or b.wanted)
    held = tuple(e if isinstance(e, Const | Extent) else b.hold(e, "n") for e in shape)
    arrays.declare(b, name, b.arrays[base][0], held)
    b.reshaped[name] = base
    b.emit(Reshape(name, base, held, b.at))
    return arrays.whole(b, name)


def _target_shape(b: Builder, value: ArrayValue, shape: tuple[Value, ...]) -> Shape:
    """The shape asked for, -1 replaced by what is left."""
    items = shape[0].items if len(shape) == 1 and isinstance(shape[0], TupleValue) else shape
    wanted: list[Expr] = []
    for item in items:
        if not isinstance(item, Expr) or item.kind != INT:
            raise b.refuse("a shape must be an integer or a tuple of integers")
        wanted.append(item)
    open_axes = [k for k, e in enumerate(wanted) if isinstance(e, Const) and e.value == -1]
    if len(open_axes) > 1:
        raise ArgumentValueError("can only specify one unknown dimension", b.at)
    if open_axes:
        rest = tuple(e for e in wanted if not (isinstance(e, Const) and e.value == -1))
        wanted[open_axes[0]] = _quotient(b, value.extents, rest)
    return tuple(wanted)


def _quotient(b: Builder, extents: Shape, known: Shape) -> Expr:
    """The extent that makes up the size."""
    left, over = list(extents), list(known)
    for e in known:
        if e in left:
            left.remove(e)
            over.remove(e)
    size, part = _size(b, tuple(left)), _size(b, tuple(over))
    if isinstance(size, Const) and isinstance(part, Const) and part.value:
        return integer(int(size.value) // int(part.value))
    if part == ONE:
        return size
    b.check(compare(">", part, ZERO), "ValueError", "cannot reshape an array into this shape")
    return b.hold(Binary("//", size, part, INT), "n")


def _require_size(b: Builder, extents: Shape, shape: Shape) -> None:
    """NumPy's ValueError unless both shapes have as many elements."""
    left, right = list(extents), list(shape)
    for e in shape:
        if e in left:
            left.remove(e)
            right.remove(e)
    one, two = _size(b, tuple(left)), _size(b, tuple(right))
    if one == two:
        return
    message = "cannot reshape an array into a shape of another size"
    if isinstance(one, Const) and isinstance(two, Const):
        raise ArgumentValueError(f"{message}: {one.value} and {two.value} elements", b.at)
    b.check(compare("==", one, two), "ValueError", message)


def _size(b: Builder, extents: Shape) -> Expr:
    """The number of elements."""
    number = 1
    size: Expr = ONE
    for e in extents:
        if isinstance(e, Const):
            number *= int(e.value)
        else:
            size = e if size == ONE else Binary("*", size, e, INT)
    if number == 1:
        return size
    return integer(number) if size == ONE else Binary("*", size, integer(number), INT)


def is_fortran(b: Builder, value: ArrayValue, order: Value | None) -> bool:
    """Whether elements are taken with the first index running fastest."""
    name = "C" if order is None else order.value if isinstance(order, StaticValue) else ""
    if name in ("C", "F"):
        return name == "F"
    if value.ndim <= 1:
        return False
    raise b.refuse("the order of elements must be 'C' or 'F' here", "write order='C'")


def number_or_array(value: ArrayValue) -> Value:
    """The array, or the number that an array without axes holds."""
    return value if value.ndim else value.element(())
