"""Positions on an axis: within its bounds, and negative ones counted from the end."""

from srcad.errors import ArgumentError
from srcad.frontend.builder import Builder
from srcad.frontend.values import ArrayValue
from srcad.ir.build import ZERO, add, compare, integer, sub
from srcad.ir.nodes import Const, Expr, IndexCheck, Logic, Select
from srcad.ir.types import INT


def position(b: Builder, value: ArrayValue, axis: int, key: object) -> Expr:
    """An integer as a position on an axis, checked."""
    if not isinstance(key, Expr):
        raise ArgumentError(
            "an array is indexed by integers, slices, arrays of integers and masks",
            b.here,
            "index with integers",
        )
    if key.kind != INT:
        what = "a bool is not an index" if key.kind == "bool" else "an index must be an integer"
        raise b.refuse(what, "convert it with int(...)")
    words, key = b.spelled(key), b.simple_index(key)
    check_position(b, value, axis, key, words)
    return wrapped(b, value, axis, key)


def check_position(b: Builder, value: ArrayValue, axis: int, key: Expr, words: str) -> None:
    """IndexError at run time unless the position, ``words`` to the user, lies on the axis."""
    if is_whole_axis(b, value, axis):
        view = value.view
        assert view is not None
        base = view.axes[axis]
        assert base is not None
        b.emit(IndexCheck(view.base, base.base_axis, key, (b.names.shown(view.base), words), b.at))
        return
    extent = value.extents[axis]
    inside = Logic("and", (compare("<=", negated(extent), key), compare("<", key, extent)))
    b.check(inside, "IndexError", f"index {words} is out of bounds for axis {axis}")


def wrapped(b: Builder, value: ArrayValue, axis: int, key: Expr) -> Expr:
    """The position, from the start where the element it is used for cannot count from the end."""
    if is_whole_axis(b, value, axis) or b.is_nonnegative(key):
        return key
    extent = value.extents[axis]
    if isinstance(key, Const):
        return add(extent, key)
    return b.hold(Select(compare("<", key, ZERO), add(key, extent), key, INT), "k")


def is_whole_axis(b: Builder, value: ArrayValue, axis: int) -> bool:
    """Whether an axis of a view is an axis of its base."""
    view = value.view
    base = None if view is None else view.axes[axis]
    return (
        view is not None
        and base is not None
        and base.start == ZERO
        and base.step == 1
        and b.extents[view.base][base.base_axis] == value.extents[axis]
    )


def negated(extent: Expr) -> Expr:
    """``-extent``."""
    return integer(-int(extent.value)) if isinstance(extent, Const) else sub(ZERO, extent)
