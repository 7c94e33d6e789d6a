"""Reductions of arrays to numbers or along an axis."""

from srcad.frontend.arrays import Index, allocate, frozen, kind_of, materialise, over, whole
from srcad.frontend.builder import Builder
from srcad.frontend.indexing import select
from srcad.frontend.masks import over_masked
from srcad.frontend.values import ArrayValue
from srcad.ir.build import ONE, ZERO, accumulate, add, compare, literal
from srcad.ir.nodes import (
    Assign,
    Binary,
    Call,
    Const,
    Expr,
    If,
    Load,
    Logic,
    Stmt,
    Store,
    Unary,
    Var,
)
from srcad.ir.types import BOOL, INT, is_complex, is_inexact


def total(b: Builder, value: ArrayValue, base: str = "s") -> Expr:
    """The sum of all elements."""
    kind = kind_of(value.dtype)
    kind = INT if kind == BOOL else kind
    acc = Var(b.names.fresh(base), kind)
    b.emit(Assign(acc, ZERO if kind == INT else literal(0.0, kind), b.at))

    summed = value if value.masked is None else value.masked.source

    def write(at: Index) -> None:
        b.emit(Assign(acc, accumulate(acc, b.convert(summed.element(at), kind)), b.at))

    if value.masked is None:
        over(b, value.extents, write)
    else:
        over_masked(b, value.masked, write)
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
