"""Assignments to elements of arrays: to a view, to elements that index arrays or a mask pick."""

from srcad.errors import ArgumentValueError
from srcad.frontend import masks
from srcad.frontend.arrays import (
    Index,
    assign_each,
    kind_of,
    materialise,
    may_alias,
    over,
    reads_in_step,
    require_equal,
    spread,
    write,
)
from srcad.frontend.builder import Builder
from srcad.frontend.values import ArrayValue
from srcad.ir.nodes import Binary, Expr, Store


def assign_into(b: Builder, target: ArrayValue, value: Expr | ArrayValue) -> None:
    """``target[...] = value``, the value read as a whole before anything is written."""
    if target.scatter is not None:
        if target.masked is None or not masks.assign_where(b, target.masked, value):
            _scatter(b, target, value)
        return
    view = writable(b, target).view
    assert view is not None
    if isinstance(value, ArrayValue):
        _require_fit(b, target, value)
        if not reads_in_step(b, view, value, target.units):
            value = materialise(b, value, "t")
    else:
        value = b.hold(value, "c")
    over(b, target.extents, lambda at: assign_each(b, target, at, value))


def writable(b: Builder, target: ArrayValue) -> ArrayValue:
    """The array, refused unless it is memory that others see."""
    if target.view is None:
        raise b.refuse(
            "this array is the result of an expression: an assignment to it would be lost",
            "give the array a name and write that",
        )
    return target


def _require_fit(b: Builder, target: ArrayValue, value: ArrayValue) -> None:
    """NumPy's ValueError unless the value can be broadcast to the target."""
    if value.ndim > target.ndim:
        raise ArgumentValueError(
            f"an array of {value.ndim} axes cannot be assigned to {target.ndim} axes", b.at
        )
    lead = target.ndim - value.ndim
    for k, extent in enumerate(value.extents):
        if not value.units[k]:
            require_equal(b, target.extents[lead + k], extent)


def _scatter(b: Builder, target: ArrayValue, value: Expr | ArrayValue, op: str = "") -> None:
    """``x[indices] = value`` or ``op=``: in order, so of equal indices the last one wins."""
    assert target.scatter is not None
    base, kind = target.scatter, kind_of(target.dtype)
    if isinstance(value, ArrayValue):
        _require_fit(b, target, value)
        if any(may_alias(b, name, base) for name in value.reads):
            value = materialise(b, value, "t")
    else:
        value = b.hold(value, "c")

    def put(at: Index) -> None:
        item = b.convert(spread(value, at) if isinstance(value, ArrayValue) else value, kind)
        place = target.element(at)
        write(b, place, Binary(op, place, item, kind) if op else item)

    over(b, target.extents, put)


def accumulate_at(b: Builder, target: ArrayValue, op: str, value: Expr | ArrayValue) -> None:
    """``np.add.at``: one element after the other, so that equal indices add up."""
    _scatter(b, target, value, op)


def store_new(b: Builder, target: ArrayValue, at: Index, item: Expr) -> None:
    """Write an element of a fresh array for the first time."""
    assert target.view is not None
    kind = kind_of(target.dtype)
    b.emit(Store(target.view.base, target.view.index(at), b.convert(item, kind), True, b.at))
