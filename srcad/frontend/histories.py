"""Lists of arrays that grow in a loop or a branch: rows of one array.

Such a list is an array of one more axis, which is replaced by a longer one when it is full. Its
rows are copies of what is appended::

    out = []                         out = np.empty((0, 0)); n = 0
    while t < end:             ->    while t < end:
        out.append(u.copy())             if n == out.shape[0]: out = (a copy, longer)
                                         out[n] = u; n = n + 1

So all must have one shape, which is checked when it runs, and neither the rows may be written nor,
once it is appended, an array that has a name: Python's list would show that
(``srcad.analysis.kept``).
"""

from __future__ import annotations

from srcad.analysis.alias import points_to
from srcad.analysis.kept import written_later
from srcad.analysis.snapshots import rewritten
from srcad.frontend import arrays
from srcad.frontend.builder import Builder
from srcad.frontend.values import ArrayValue
from srcad.ir.build import ZERO, add, compare, integer, logic
from srcad.ir.nodes import Alloc, Binary, Bind, Block, Const, Expr, Extent, If, Load, Stmt, Store
from srcad.ir.types import INT

_CAPACITY = 8


def rows_of(b: Builder, kind: str, items: list[ArrayValue], ndim: int) -> ArrayValue:
    """A new array whose rows are the items, with room for more."""
    shape = items[0].extents if items else (ZERO,) * ndim
    count = 2 * len(items) + _CAPACITY if items else 0
    made = arrays.allocate(b, "items", (integer(count), *shape), kind, None)
    assert made.view is not None
    base = made.view.base
    for k, item in enumerate(items):
        _require_shape(b, base, integer(len(items)), item)
        _put_row(b, base, integer(k), item)
    return made


def append_row(b: Builder, array: str, count: Expr, item: ArrayValue) -> None:
    """Store an item in row ``count`` of an array, which is replaced if it is full."""
    _require_shape(b, array, count, item)
    longer: list[Stmt] = []
    with b.into(longer):
        made = b.names.fresh(f"{array}_longer")
        dtype, rank = b.arrays[array]
        size = add(Binary("*", integer(2), count, INT), integer(_CAPACITY))
        shape = tuple(b.hold(e, "n") if not isinstance(e, Extent) else e for e in item.extents)
        b.emit(Alloc(made, (b.store(size, "n"), *shape), dtype, True, b.at))
        arrays.declare(b, made, dtype, tuple(Extent(made, k) for k in range(rank)))
        kind = arrays.kind_of(dtype)

        def carry(at: tuple[Expr, ...]) -> None:
            b.emit(Store(made, at, Load(array, at, kind), True, b.at))

        arrays.over(b, (count, *shape), carry)
        b.emit(Bind((array,), (made,), b.at))
    b.emit(If(compare("==", count, Extent(array, 0)), tuple(longer), (), b.at))
    _put_row(b, array, count, item)


def _require_shape(b: Builder, array: str, count: Expr, item: ArrayValue) -> None:
    """The shape of the rows, if there are any."""
    for k, extent in enumerate(item.extents, 1):
        test = compare("==", extent, b.extents[array][k])
        if not (isinstance(count, Const) and count.value):
            test = logic("or", (compare("==", count, ZERO), test))
        message = "the arrays of a list that grows in a loop or a branch must have one shape here"
        if not (isinstance(test, Const) and test.value):
            b.check(test, "ValueError", message)


def _put_row(b: Builder, array: str, row: Expr, item: ArrayValue) -> None:
    kind = arrays.kind_of(b.arrays[array][0])
    if item.view is not None:
        b.kept.setdefault(array, {}).setdefault(item.view.base, b.here)
    if item.scatter is not None or item.masked is not None:
        item = arrays.materialise(b, item, "t")

    def put(at: tuple[Expr, ...]) -> None:
        b.emit(Store(array, (row, *at), b.convert(item.element(at), kind), True, b.at))

    arrays.over(b, item.extents, put)


def require_unwritten(b: Builder, body: Block) -> None:
    """Refuse what a list of copies would not show: writes to its rows, to arrays appended."""
    if not b.grown:
        return
    sites = points_to(body, set(b.arrays))
    written = rewritten(body, sites)
    for name, here in b.grown.items():
        if sites[name] & written:
            b.write_out(name)
            b.here = here
            raise b.refuse(
                "an array of this list, which grows in a loop or a branch, is written",
                "write the array before it is appended, or fill the rows of np.empty((n, m))",
            )
    kept = {name: set(found) for name, found in b.kept.items()}
    for name, source in sorted(written_later(body, kept, sites)):
        b.write_out(name)
        b.here = b.kept[name][source]
        raise b.refuse(
            "this array is written after it is appended to a list that grows: the list would "
            "show it",
            "append a copy: .append(a.copy())",
        )
