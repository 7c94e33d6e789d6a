"""Grids of coordinates and unit matrices: ``np.meshgrid``, ``np.mgrid``, ``np.eye``, ..."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from srcad.errors import ArgumentValueError
from srcad.frontend import arrays, joining, library, stores
from srcad.frontend.axes import as_piece, at_least, is_none
from srcad.frontend.builder import Builder
from srcad.frontend.choosing import flattened
from srcad.frontend.lanes import with_axis
from srcad.frontend.library import dtype_of, entry, flag, shape_of, static_int
from srcad.frontend.spreading import spread_to
from srcad.frontend.values import ArrayValue, StaticValue, TupleValue, Value
from srcad.ir.build import FALSE, ONE, ZERO, add, at_least_zero, integer, sub
from srcad.ir.nodes import Binary, Call, Const, Expr
from srcad.ir.types import FLOAT, INT, is_complex, is_inexact

_XY = StaticValue("xy")
_TWO = integer(2)

# ---------------------------------------------------------------- grids


@entry(np.meshgrid)
def meshgrid(
    b: Builder,
    *xi: Value,
    copy: Value | None = None,
    sparse: Value = FALSE,
    indexing: Value = _XY,
) -> Value:
    """The coordinates of a grid, one array for each vector."""
    order = indexing.value if isinstance(indexing, StaticValue) else None
    if order not in ("xy", "ij"):
        raise ArgumentValueError("Valid values for `indexing` are 'xy' and 'ij'.", b.at)
    vectors = [flattened(b, as_piece(b, v)) for v in xi]
    places = list(range(len(vectors)))
    if order == "xy" and len(vectors) > 1:
        places[:2] = [1, 0]
    shape = [vectors[places.index(k)].extents[0] for k in range(len(vectors))]
    is_open, is_view = flag(b, sparse), copy is not None and not flag(b, copy)
    made: list[Value] = []
    for vector, place in zip(vectors, places, strict=True):
        value = _on_axis(b, vector, place, len(vectors))
        if not is_open:
            value = spread_to(b, value, tuple(shape))
        made.append(value if is_view else replace(value, view=None, readonly=False))
    return TupleValue(tuple(made))


def _on_axis(b: Builder, vector: ArrayValue, place: int, ndim: int) -> ArrayValue:
    """A vector along one axis of several."""
    for _ in range(ndim - 1 - place):
        vector = with_axis(b, vector, vector.ndim)
    return at_least(b, vector, ndim)


@entry(np.indices)
def indices(
    b: Builder,
    dimensions: Value,
    dtype: Value | None = None,
    sparse: Value = FALSE,
) -> Value:
    """The indices of the elements of an array of this shape, one grid for each axis."""
    shape = shape_of(b, dimensions)
    kind = dtype_of(b, dtype, INT)
    vectors = [_counted(b, ZERO, ONE, n, kind) for n in shape]
    return _grid(b, vectors, flag(b, sparse), kind)


def _grid(b: Builder, vectors: list[ArrayValue], is_open: bool, dtype: str) -> Value:
    """The coordinates of a grid, as one array or (open) as a tuple of arrays that broadcast."""
    ndim = len(vectors)
    if is_open:
        return TupleValue(tuple(_on_axis(b, v, k, ndim) for k, v in enumerate(vectors)))
    shape = tuple(v.extents[0] for v in vectors)
    out = arrays.unwritten(b, b.wanted, (integer(ndim), *shape), dtype)

    def write(at: arrays.Index) -> None:
        for k, vector in enumerate(vectors):
            stores.store_new(b, out, (integer(k), *at), vector.element((at[k],)))

    arrays.over(b, shape, write)
    return out


def _counted(b: Builder, start: Expr, step: Expr, count: Expr, dtype: str) -> ArrayValue:
    """``start + step * k`` for k below a count."""
    kind = arrays.kind_of(dtype)
    count = b.simple_index(count)

    def element(at: arrays.Index) -> Expr:
        if start.kind == step.kind == INT:
            scaled = at[0] if step == ONE else Binary("*", step, at[0], INT)
            return b.convert(add(scaled, start), kind)
        scaled = Binary("*", b.convert(at[0], FLOAT), b.convert(step, FLOAT), FLOAT)
        return b.convert(Binary("+", b.convert(start, FLOAT), scaled, FLOAT), kind)

    return ArrayValue(dtype, (count,), (count == ONE,), element)


GRIDS = (np.mgrid, np.ogrid, np.r_, np.c_)
"""Objects that make an array when they are indexed."""


def is_grid(value: object) -> bool:
    """Whether a Python object is one of these."""
    return any(value is grid for grid in GRIDS)


def indexed(b: Builder, grid: object, keys: list[object]) -> Value:
    """``np.mgrid[keys]`` and its kin."""
    if grid is np.r_ or grid is np.c_:
        return _concatenated(b, keys, as_columns=grid is np.c_)
    if not all(isinstance(key, tuple) for key in keys):
        raise b.refuse("np.mgrid and np.ogrid take slices here", "write np.mgrid[0:n, 0:m]")
    vectors = [_range_of(b, key) for key in keys]  # type: ignore[arg-type]
    if len(vectors) == 1:
        (vector,) = vectors
        only = arrays.materialise(b, vector, b.wanted)
        return only
    kind = FLOAT if any(v.dtype == FLOAT for v in vectors) else INT
    vectors = [
        replace(v, dtype=kind, element=lambda at, v=v: b.convert(v.element(at), kind))
        for v in vectors
    ]
    return _grid(b, vectors, grid is np.ogrid, kind)


def _range_of(b: Builder, key: tuple[Expr | None, Expr | None, Expr | None]) -> ArrayValue:
    """The numbers of a slice; an imaginary step is how many."""
    start, stop, step = key
    first = ZERO if start is None else b.hold(start, "c")
    if stop is None:
        raise b.refuse("a slice must have an end here", "write 0:n")
    last = b.hold(stop, "c")
    if isinstance(step, Const) and is_complex(step.kind):
        count = int(abs(step.value))
        gaps = Const(float(max(1, count - 1)), FLOAT)
        span = Binary("-", b.convert(last, FLOAT), b.convert(first, FLOAT), FLOAT)
        width = b.hold(Binary("/", span, gaps, FLOAT), "step")
        return _counted(b, first, width, integer(count), FLOAT)
    stride = ONE if step is None else b.hold(step, "step")
    if any(is_inexact(e.kind) for e in (first, last, stride)):
        gap = Binary("-", b.convert(last, FLOAT), b.convert(first, FLOAT), FLOAT)
        steps = Call("math.ceil", (Binary("/", gap, b.convert(stride, FLOAT), FLOAT),), INT)
        return _counted(b, first, stride, b.hold(Call("max", (ZERO, steps), INT), "n"), FLOAT)
    if stride == ONE:
        return _counted(b, first, ONE, b.hold(at_least_zero(sub(last, first)), "n"), INT)
    found = library.arange(b, first, last, stride)
    assert isinstance(found, ArrayValue)
    return found


def _concatenated(b: Builder, keys: list[object], *, as_columns: bool) -> Value:
    """``np.r_[...]``: one after the other; ``np.c_[...]``: side by side, vectors as columns."""
    pieces: list[ArrayValue] = []
    for key in keys:
        if isinstance(key, tuple):
            piece = _range_of(b, key)
        elif isinstance(key, ArrayValue | TupleValue | Expr):
            piece = as_piece(b, key)
        else:
            raise b.refuse("np.r_ and np.c_ take arrays, numbers and slices here")
        piece = at_least(b, piece, 1)
        pieces.append(with_axis(b, piece, 1) if as_columns and piece.ndim == 1 else piece)
    weak = [v for v, key in zip(pieces, keys, strict=True) if not isinstance(key, Expr)]
    exact = [arrays.kind_of(v.dtype) for v in weak]
    dtype = None
    if weak and any(is_inexact(k) for k in exact) and not any(is_complex(v.dtype) for v in pieces):
        dtype = StaticValue(np.dtype(joining.joined_dtype(weak)))
    return joining.joined(b, pieces, pieces[0].ndim - 1 if as_columns else 0, dtype)


# ---------------------------------------------------------------- unit matrices


@entry(np.eye)
def eye(
    b: Builder,
    N: Value,
    M: Value | None = None,
    k: Value = ZERO,
    dtype: Value | None = None,
) -> Value:
    """Ones on a diagonal."""
    (rows,) = shape_of(b, N)
    columns = rows if M is None or is_none(M) else shape_of(b, M)[0]
    rows, columns = b.simple_index(rows), b.simple_index(columns)
    out = arrays.allocate(b, b.wanted, (rows, columns), dtype_of(b, dtype, FLOAT), ZERO)
    one = b.convert(ONE, arrays.kind_of(out.dtype))
    if k == ZERO and rows == columns:
        arrays.over(b, (rows,), lambda at: stores.store_new(b, out, (at[0], at[0]), one))
        return out
    if not isinstance(k, Expr) or k.kind != INT:
        raise b.refuse("the diagonal of np.eye must be an integer", "convert it with int(...)")
    offset = b.simple_index(k)
    down, right = (b.hold(at_least_zero(e), "k") for e in (sub(ZERO, offset), offset))
    length = Call("min", (sub(rows, down), sub(columns, right)), INT)
    arrays.over(
        b,
        (b.hold(length, "n"),),
        lambda at: stores.store_new(b, out, (add(at[0], down), add(at[0], right)), one),
    )
    return out


@entry(np.identity)
def identity(b: Builder, n: Value, dtype: Value | None = None) -> Value:
    """The unit matrix."""
    return eye(b, n, dtype=dtype)


@entry(np.diag_indices)
def diag_indices(b: Builder, n: Value, ndim: Value = _TWO) -> Value:
    """The index arrays of the main diagonal."""
    return TupleValue(tuple(library.arange(b, n) for _ in range(static_int(b, ndim, "ndim"))))
