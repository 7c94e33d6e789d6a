"""Integer arrays as indices: elements picked from an array, or places in it to write.

Only axes that index arrays select are treated here: slices, integers and new axes have made a
view of the array before (``srcad.frontend.indexing``).
"""

from srcad.errors import ArgumentError, ArgumentValueError
from srcad.frontend.arrays import Index, broadcast, kind_of, materialise, may_alias, over, spread
from srcad.frontend.builder import Builder
from srcad.frontend.positions import check_position, wrapped
from srcad.frontend.values import ArrayValue
from srcad.ir.build import compare
from srcad.ir.nodes import Call, Const, Expr, Load, Stmt, Var, walk
from srcad.ir.types import INT

Chosen = dict[int, ArrayValue]


def gathered(b: Builder, value: ArrayValue, chosen: Chosen, front: int) -> ArrayValue:
    """``value[..., index arrays, ...]`` of index arrays known to be in bounds.

    ``chosen`` gives the index array of each axis that has one; their common axes come after
    ``front`` of the other axes of the value.
    """
    arrays = list(chosen.values())
    _require_one_shape(b, arrays)
    common, units = broadcast(b, arrays)
    rest = [k for k in range(value.ndim) if k not in chosen]
    before, after = rest[:front], rest[front:]

    def places(at: Index) -> Index:
        shared = at[front : front + len(common)]
        others = (*at[:front], *at[front + len(common) :])
        place = dict(zip(rest, others, strict=True))
        for axis, key in chosen.items():
            place[axis] = wrapped(b, value, axis, _index(b, key, shared))
        return tuple(place[k] for k in range(value.ndim))

    view = value.view
    return ArrayValue(
        value.dtype,
        (*(value.extents[k] for k in before), *common, *(value.extents[k] for k in after)),
        (*(value.units[k] for k in before), *units, *(value.units[k] for k in after)),
        lambda at: value.element(places(at)),
        value.reads.union(*(key.reads for key in arrays)),
        scatter=None if view is None else view.base,
    )


def index_array(b: Builder, key: ArrayValue, written: str | None) -> ArrayValue:
    """An index array that may be read several times, also while the array ``written`` changes."""
    if kind_of(key.dtype) != INT:
        raise ArgumentError(
            f"an index array must hold integers or bools, not {key.dtype}",
            b.here,
            "convert it with .astype(np.int64)",
        )
    shared = written is not None and any(may_alias(b, written, name) for name in key.reads)
    return key if not shared and is_cheap(b, key) else materialise(b, key, "k")


def is_cheap(b: Builder, value: ArrayValue) -> bool:
    """Whether an element may as well be computed again as read from memory."""
    if value.view is not None:
        return True
    trial: list[Stmt] = []
    with b.into(trial):
        expr = value.element(tuple(Var(f"$probe{k}", INT) for k in range(value.ndim)))
    parts = list(walk(expr))
    calls = [
        e for e in parts if isinstance(e, Call) and e.function not in ("int", "float", "np.int64")
    ]
    loads = [e for e in parts if isinstance(e, Load)]
    return not trial and not calls and len(loads) <= 2 and len(parts) <= 12


def check_indices(b: Builder, value: ArrayValue, axis: int, key: ArrayValue) -> None:
    """IndexError at run time unless every position lies on the axis."""

    def check(at: Index) -> None:
        words = b.spelled(spread(key, at))
        check_position(b, value, axis, _index(b, key, at), words)

    over(b, key.extents, check)


def _index(b: Builder, key: ArrayValue, at: Index) -> Expr:
    """An element of an index array, as an integer of 64 bits."""
    item = spread(key, at)
    if key.dtype != INT and not isinstance(item, Const):
        item = Call("np.int64", (item,), INT)
    return b.simple_index(item)


def _require_one_shape(b: Builder, arrays: list[ArrayValue]) -> None:
    """NumPy's IndexError unless the index arrays can be broadcast together."""
    ndim = max(a.ndim for a in arrays)
    message = "shape mismatch: indexing arrays could not be broadcast together"
    for k in range(1, ndim + 1):
        wide = [a.extents[-k] for a in arrays if k <= a.ndim and not a.units[-k]]
        for other in wide[1:]:
            test = compare("==", wide[0], other)
            if isinstance(test, Const) and not test.value:
                raise ArgumentValueError(message, b.at)
            if wide[0] != other:
                b.check(test, "IndexError", message)
