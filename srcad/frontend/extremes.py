"""The largest and the smallest element, and where it is."""

from __future__ import annotations

from functools import partial

import numpy as np

from srcad.frontend import arrays, reductions
from srcad.frontend.builder import Builder
from srcad.frontend.lanes import reduced
from srcad.frontend.library import as_array, axes_of, axis_of, entry, flag
from srcad.frontend.values import ArrayValue, Value
from srcad.ir.build import ONE, ZERO, add, compare
from srcad.ir.nodes import Assign, Binary, Compare, Const, Expr, If, Logic, Stmt, Var
from srcad.ir.types import FLOAT, FLOAT32, INT, is_complex


@entry(np.max, np.amax, methods=("max",))
def max_(b: Builder, a: Value, axis: Value | None = None, keepdims: Value | None = None) -> Value:
    """The largest element."""
    return _extreme(b, a, axis, keepdims, largest=True)


@entry(np.min, np.amin, methods=("min",))
def min_(b: Builder, a: Value, axis: Value | None = None, keepdims: Value | None = None) -> Value:
    """The smallest element."""
    return _extreme(b, a, axis, keepdims, largest=False)


def _extreme(
    b: Builder, a: Value, axis: Value | None, keepdims: Value | None, *, largest: bool
) -> Value:
    value = as_array(b, a)
    axes, kind = axes_of(b, value, axis), arrays.kind_of(value.dtype)
    reduce = partial(reductions.extreme, largest=largest)
    return reduced(b, value, axes, flag(b, keepdims), kind, reduce)


@entry(np.argmax, methods=("argmax",))
def argmax(
    b: Builder, a: Value, axis: Value | None = None, *, keepdims: Value | None = None
) -> Value:
    """Where the largest element is (the first of equal ones)."""
    return _arg(b, a, axis, keepdims, ">")


@entry(np.argmin, methods=("argmin",))
def argmin(
    b: Builder, a: Value, axis: Value | None = None, *, keepdims: Value | None = None
) -> Value:
    """Where the smallest element is (the first of equal ones)."""
    return _arg(b, a, axis, keepdims, "<")


def _arg(b: Builder, a: Value, axis: Value | None, keepdims: Value | None, better: str) -> Value:
    value = as_array(b, a)
    if is_complex(value.dtype):
        raise b.refuse("complex numbers have no order", "take the maximum of abs(...) or .real")
    k = axis_of(b, value, axis)
    axes = None if k is None else (k,)
    return reduced(b, value, axes, flag(b, keepdims), INT, partial(_place, better=better))


def _place(b: Builder, value: ArrayValue, better: str) -> Expr:
    """The position of the best element in the order of the elements; a NaN is the best."""
    if value.view is None:
        value = arrays.materialise(b, value, "t")
    value = arrays.frozen(b, value)
    some = Logic("and", tuple(compare(">", e, ZERO) for e in value.extents))
    test = some if value.ndim > 1 else some.items[0]
    b.check(test, "ValueError", "argmax or argmin of an empty array")
    place = tuple(Var(b.names.fresh("k"), INT) for _ in value.extents)
    for var in place:
        b.emit(Assign(var, ZERO, b.at))

    def scan(at: arrays.Index) -> None:
        item, best = value.element(at), value.element(place)
        wins: Expr = compare(better, item, best)
        if arrays.kind_of(value.dtype) in (FLOAT, FLOAT32):
            nan, known = Compare("!=", item, item), compare("==", best, best)
            wins = Logic("and", (known, Logic("or", (wins, nan))))
        took: list[Stmt] = [Assign(v, k, b.at) for v, k in zip(place, at, strict=True)]
        b.emit(If(wins, tuple(took), (), b.at))

    arrays.over(b, value.extents, scan)
    return flat_position(place, value.extents)


def flat_position(at: arrays.Index, extents: arrays.Index) -> Expr:
    """The position of an element in the order of the elements."""
    position: Expr = at[0]
    for k, extent in zip(at[1:], extents[1:], strict=True):
        position = add(_product(position, extent), k)
    return position


def _product(a: Expr, c: Expr) -> Expr:
    if isinstance(a, Const) and isinstance(c, Const):
        return Const(int(a.value) * int(c.value), INT)
    return a if c == ONE else Binary("*", a, c, INT)
