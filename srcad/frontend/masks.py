"""Boolean arrays as indices.

``x[mask]`` is the list of positions at which the mask is true, then a gather. Where the positions
are not needed (a sum, an assignment to the same elements) the loop over the whole array with an
``if`` takes their place, and the list, which nothing reads then, is dropped with other dead code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from srcad.errors import ArgumentValueError
from srcad.frontend.arrays import (
    Index,
    assign_each,
    declare,
    materialise,
    over,
    reads_in_step,
    same_mask,
    truth_of,
    whole,
)
from srcad.frontend.builder import Builder
from srcad.frontend.gathers import gathered, is_cheap
from srcad.frontend.values import ArrayValue, Masked
from srcad.ir.build import ONE, ZERO, add, compare
from srcad.ir.nodes import Alloc, Assign, Const, Expr, If, Stmt, Store, Var
from srcad.ir.types import BOOL, INT


def masked(b: Builder, value: ArrayValue, mask: ArrayValue) -> ArrayValue:
    """``value[mask]``, the mask over the leading axes."""
    require_shape(b, value, 0, mask)
    mask = mask if is_cheap(b, mask) else materialise(b, mask, "mask")
    number, places = _found(b, mask)
    picked = gathered(b, value, dict(enumerate(places)), 0)
    rest = picked.extents[1:]
    source = replace(value, extents=(*mask.extents, *rest))
    return replace(picked, extents=(number, *rest), masked=Masked(mask, source))


def require_shape(b: Builder, value: ArrayValue, axis: int, mask: ArrayValue) -> None:
    """NumPy's IndexError unless the mask is as long as the axes that it stands for."""
    message = "boolean index did not match the indexed array along axis"
    for k, extent in enumerate(mask.extents):
        wanted = value.extents[axis + k]
        test = compare("==", extent, wanted)
        if isinstance(test, Const) and not test.value:
            raise ArgumentValueError(f"{message} {axis + k}", b.at)
        if extent != wanted:
            b.check(test, "IndexError", f"{message} {axis + k}")


def count(b: Builder, mask: ArrayValue) -> Var:
    """How many elements are true."""
    number = Var(b.names.fresh("count"), INT)
    b.emit(Assign(number, ZERO, b.at))
    step = Assign(number, add(number, ONE), b.at)
    over_true(b, mask, lambda at: b.emit(step))
    return number


def positions(b: Builder, mask: ArrayValue) -> list[ArrayValue]:
    """The indices of the true elements, in order: one array for each axis of the mask."""
    return _found(b, mask if is_cheap(b, mask) else materialise(b, mask, "mask"))[1]


def _found(b: Builder, mask: ArrayValue) -> tuple[Var, list[ArrayValue]]:
    """The number of true elements and their indices."""
    number = count(b, mask)
    names = [b.names.fresh("found") for _ in mask.extents]
    for name in names:
        b.emit(Alloc(name, (number,), INT, False, b.at))
        declare(b, name, INT, (number,))
    place = Var(b.names.fresh("place"), INT)
    b.emit(Assign(place, ZERO, b.at))

    def write(at: Index) -> None:
        for name, k in zip(names, at, strict=True):
            b.emit(Store(name, (place,), k, True, b.at))
        b.emit(Assign(place, add(place, ONE), b.at))

    over_true(b, mask, write)
    return number, [replace(whole(b, name), extents=(number,)) for name in names]


def over_true(b: Builder, mask: ArrayValue, write: Callable[[Index], None]) -> None:
    """A loop nest over all indices; what ``write`` emits runs where the mask is true."""

    def guarded(at: Index) -> None:
        test = truth_of(mask, at)
        body: list[Stmt] = []
        with b.into(body):
            write(at)
        b.emit(If(test, tuple(body), (), b.at))

    over(b, mask.extents, guarded)


def over_masked(b: Builder, masked: Masked, write: Callable[[Index], None]) -> None:
    """A loop nest over the elements of the source that the mask picks."""
    lead = masked.mask.ndim

    def inner(at: Index) -> None:
        over(b, masked.source.extents[lead:], write, at)

    over_true(b, masked.mask, inner)


def assign_where(b: Builder, target: Masked, value: Expr | ArrayValue) -> bool:
    """``source[mask] = value`` as one loop with an ``if``; False where that is not the same."""
    view = target.source.view
    assert view is not None
    item: Expr | ArrayValue
    if isinstance(value, ArrayValue):
        if value.masked is None or not same_mask(b, target.mask, value.masked.mask):
            return False
        item = value.masked.source
        lead = target.mask.ndim
        if item.extents[lead:] != target.source.extents[lead:]:
            return False
        if not reads_in_step(b, view, item, target.source.units):
            return False
    else:
        item = b.hold(value, "c")
    mask = target.mask
    if not reads_in_step(b, view, _padded(mask, target.source), target.source.units):
        mask = materialise(b, mask, "mask")
    over_masked(
        b,
        Masked(mask, target.source),
        lambda at: assign_each(b, target.source, at, item),
    )
    return True


def _padded(mask: ArrayValue, source: ArrayValue) -> ArrayValue:
    """The mask with the axes of the source."""
    lead = mask.ndim
    return ArrayValue(
        BOOL,
        source.extents,
        source.units,
        lambda at: truth_of(mask, at[:lead]),
        mask.reads,
    )
