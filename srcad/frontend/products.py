"""The products of NumPy as sums over common axes: ``dot``, ``matmul``, ``tensordot``, ..."""

from __future__ import annotations

import numpy as np

from srcad.errors import ArgumentValueError
from srcad.frontend import arrays, library, reductions, shapes, stores
from srcad.frontend.builder import Builder
from srcad.frontend.contraction import contract
from srcad.frontend.library import as_array, conj, entry, static_int
from srcad.frontend.terms import Labels, Term
from srcad.frontend.values import ArrayValue, StaticValue, TupleValue, Value
from srcad.ir.build import ONE, ZERO, add, integer
from srcad.ir.nodes import Binary, Call, Const, Expr
from srcad.ir.types import INT, is_inexact

_ALIGNED = "shapes not aligned: the inner lengths of a product differ"
_MATRIX = 2


def operand(b: Builder, value: Value) -> ArrayValue:
    """An array; a number is one without axes."""
    if isinstance(value, Expr):
        held = b.hold(value, "c")
        return ArrayValue(held.kind, (), (), lambda _: held)
    return as_array(b, value)


def _letters(name: str, count: int) -> Labels:
    return tuple(f"{name}{k}" for k in range(count))


def _multiplied(b: Builder, one: ArrayValue, two: ArrayValue) -> Expr | ArrayValue:
    """A number times an array: a number is an array of its own dtype here, as in NumPy."""
    labels = _letters("i", one.ndim), _letters("j", two.ndim)
    return contract(b, [Term(one, labels[0]), Term(two, labels[1])], (*labels[0], *labels[1]), "")


def _are_matrices(one: ArrayValue, two: ArrayValue) -> bool:
    """Whether BLAS multiplies them as they are: matrices and vectors, not of integers."""
    if one.ndim == two.ndim == 1:
        return True
    floats = is_inexact(one.dtype) or is_inexact(two.dtype)
    return floats and one.ndim <= _MATRIX and two.ndim <= _MATRIX


def _into(b: Builder, out: Value | None, result: Value) -> Value:
    """The result, written into ``out`` where it is given."""
    if out is None or (isinstance(out, StaticValue) and out.value is None):
        return result
    assert isinstance(result, Expr | ArrayValue)
    target = stores.writable(b, as_array(b, out))
    stores.assign_into(b, target, result)
    return target


# ---------------------------------------------------------------- dot, matmul and their kin


@entry(np.dot, methods=("dot",))
def dot(b: Builder, a: Value, c: Value, out: Value | None = None) -> Value:
    """The sum over the last axis of one and the last axis but one of the other."""
    one, two = operand(b, a), operand(b, c)
    if not one.ndim or not two.ndim:
        return _into(b, out, _multiplied(b, one, two))
    if _are_matrices(one, two):
        return _into(b, out, library.dot(b, one, two))
    rows, columns = _letters("i", one.ndim - 1), _letters("j", two.ndim - 1)
    inner = (*columns[:-1], "k", *columns[-1:]) if two.ndim > 1 else ("k",)
    terms = [Term(one, (*rows, "k")), Term(two, inner)]
    return _into(b, out, contract(b, terms, (*rows, *columns), _ALIGNED))


@entry(np.matmul, np.linalg.matmul)
def matmul(b: Builder, x1: Value, x2: Value, out: Value | None = None) -> Value:
    """Products of matrices: the axes before the last two are broadcast."""
    one, two = operand(b, x1), operand(b, x2)
    if not one.ndim or not two.ndim:
        raise ArgumentValueError(
            "matmul: an operand does not have enough dimensions", b.here, "use * for numbers"
        )
    if _are_matrices(one, two):
        return _into(b, out, library.dot(b, one, two))
    rows = ("i",) if one.ndim > 1 else ()
    columns = ("j",) if two.ndim > 1 else ()
    lead, terms = _batches([(one, (*rows, "k")), (two, ("k", *columns))])
    mismatch = "matmul: operands have a mismatch in their core dimension or cannot be broadcast"
    return _into(b, out, contract(b, terms, (*lead, *rows, *columns), mismatch, lead))


def _batches(pairs: list[tuple[ArrayValue, Labels]]) -> tuple[Labels, list[Term]]:
    """Terms whose last axes have these labels and whose other axes are broadcast together."""
    counts = [value.ndim - len(core) for value, core in pairs]
    lead = _letters("b", max(counts))
    terms = [
        Term(value, (*lead[len(lead) - n :], *core))
        for (value, core), n in zip(pairs, counts, strict=True)
    ]
    return lead, terms


@entry(np.inner)
def inner(b: Builder, a: Value, c: Value) -> Value:
    """The sum over the last axes of both."""
    one, two = operand(b, a), operand(b, c)
    if not one.ndim or not two.ndim:
        return _multiplied(b, one, two)
    rows, columns = _letters("i", one.ndim - 1), _letters("j", two.ndim - 1)
    terms = [Term(one, (*rows, "k")), Term(two, (*columns, "k"))]
    return contract(b, terms, (*rows, *columns), _ALIGNED)


@entry(np.vdot)
def vdot(b: Builder, a: Value, c: Value) -> Value:
    """The product of all elements, the first conjugated."""
    one, two = operand(b, a), operand(b, c)
    if not one.ndim and not two.ndim:
        return _multiplied(b, operand(b, conj(b, one.element(()))), two)
    first, second = _vector(b, one), _vector(b, two)
    turned = conj(b, first)
    assert isinstance(turned, ArrayValue)
    return library.dot(b, turned, second)


@entry(np.outer)
def outer(b: Builder, a: Value, c: Value, out: Value | None = None) -> Value:
    """All products of an element of one and an element of the other."""
    parts = [_vector(b, operand(b, v)) for v in (a, c)]
    return _into(b, out, _all_pairs(b, *parts))


@entry(np.linalg.outer)
def linalg_outer(b: Builder, x1: Value, x2: Value) -> Value:
    """``np.outer`` of vectors only."""
    parts = [operand(b, v) for v in (x1, x2)]
    for k, part in enumerate(parts):
        if part.ndim != 1:
            raise ArgumentValueError(
                f"Input arrays must be one-dimensional, but they are x{k + 1}.ndim={part.ndim}",
                b.here,
            )
    return _all_pairs(b, *parts)


def _vector(b: Builder, value: ArrayValue) -> ArrayValue:
    """All elements in one axis."""
    if value.ndim == 1:
        return value
    if not value.ndim:
        return ArrayValue(value.dtype, (ONE,), (True,), lambda _: value.element(()), value.reads)
    if value.view is None:
        value = arrays.materialise(b, value, "t")
    flat = shapes.ravel(b, value)
    assert isinstance(flat, ArrayValue)
    return flat


def _all_pairs(b: Builder, one: ArrayValue, two: ArrayValue) -> Value:
    return contract(b, [Term(one, ("i",)), Term(two, ("j",))], ("i", "j"), "")


@entry(np.kron)
def kron(b: Builder, a: Value, c: Value) -> Value:
    """The blocks ``a[i, j, ...] * c``; of fewer axes, one is taken as one of leading length 1."""
    one, two = operand(b, a), operand(b, c)
    if not one.ndim or not two.ndim:
        return _multiplied(b, one, two)
    rows = _letters("i", one.ndim)
    columns = _letters("j", two.ndim)
    ndim = max(one.ndim, two.ndim)
    pairs = [
        (
            *rows[max(0, len(rows) - k) : len(rows) - k + 1],
            *columns[max(0, len(columns) - k) : len(columns) - k + 1],
        )
        for k in range(ndim, 0, -1)
    ]
    out = tuple(x for pair in pairs for x in pair)
    blocks = contract(b, [Term(one, rows), Term(two, columns)], out, "")
    assert isinstance(blocks, ArrayValue)
    stored = arrays.materialise(b, blocks, "t")
    return shapes.grouped(b, stored, tuple(len(pair) for pair in pairs))


# ---------------------------------------------------------------- axes by number


@entry(np.tensordot, np.linalg.tensordot)
def tensordot(b: Builder, a: Value, c: Value, axes: Value | None = None) -> Value:
    """The sum over pairs of axes: the last of one and the first of the other, or those named."""
    one, two = operand(b, a), operand(b, c)
    first, second = _paired_axes(b, one, two, axes)
    if len(first) != len(second):
        raise ArgumentValueError("shape-mismatch for sum: as many axes of both", b.here)
    labels = [list(_letters("i", one.ndim)), list(_letters("j", two.ndim))]
    for n, (k, m) in enumerate(zip(first, second, strict=True)):
        labels[0][k] = labels[1][m] = f"k{n}"
    out = tuple(x for part in labels for x in part if not x.startswith("k"))
    terms = [Term(v, tuple(x)) for v, x in zip((one, two), labels, strict=True)]
    return contract(b, terms, out, "shape-mismatch for sum")


def _paired_axes(
    b: Builder, one: ArrayValue, two: ArrayValue, axes: Value | None
) -> tuple[list[int], list[int]]:
    if isinstance(axes, TupleValue):
        if len(axes.items) != _MATRIX:
            raise ArgumentValueError("axes of np.tensordot: a number, or two of them", b.here)
        left, right = axes.items
        return _numbers(b, one, left), _numbers(b, two, right)
    count = 2 if axes is None else static_int(b, axes, "axes")
    if count < 0 or count > min(one.ndim, two.ndim):
        raise ArgumentValueError(
            f"np.tensordot over {count} axes of arrays of {one.ndim} and {two.ndim}", b.here
        )
    return list(range(one.ndim - count, one.ndim)), list(range(count))


def _numbers(b: Builder, value: ArrayValue, axes: Value) -> list[int]:
    """Axes given as a number or several of them."""
    items = axes.items if isinstance(axes, TupleValue) else (axes,)
    found = []
    for item in items:
        k = static_int(b, item, "an axis")
        if not -value.ndim <= k < value.ndim:
            raise ArgumentValueError(
                f"axis {k} is out of bounds for an array of {value.ndim} axes", b.here
            )
        found.append(k % value.ndim)
    if len(set(found)) < len(found):
        raise ArgumentValueError("shape-mismatch for sum: an axis is named twice", b.here)
    return found


# ---------------------------------------------------------------- stacks of vectors


def _stacks(b: Builder, name: str, cores: tuple[Labels, Labels], x1: Value, x2: Value) -> Value:
    """A product of the last axes, the others broadcast."""
    pairs = [(operand(b, v), core) for v, core in zip((x1, x2), cores, strict=True)]
    for value, core in pairs:
        if value.ndim < len(core):
            what = f"{name}: an operand has {value.ndim} axes, and {len(core)} are needed"
            raise ArgumentValueError(what, b.here)
    lead, terms = _batches(pairs)
    kept = tuple(x for core in cores for x in core if x != "k")
    what = f"{name}: operands have a mismatch in their core dimension or cannot be broadcast"
    return contract(b, terms, (*lead, *kept), what, lead)


@entry(np.vecdot, np.linalg.vecdot)
def vecdot(b: Builder, x1: Value, x2: Value, axis: Value | None = None) -> Value:
    """The products of vectors along an axis, the first conjugated."""
    if axis is not None:
        k = static_int(b, axis, "axis")
        x1, x2 = (_axis_last(b, operand(b, v), k) for v in (x1, x2))
    return _stacks(b, "vecdot", (("k",), ("k",)), conj(b, x1), x2)


def _axis_last(b: Builder, value: ArrayValue, k: int) -> ArrayValue:
    if not -value.ndim <= k < value.ndim:
        raise ArgumentValueError(
            f"axis {k} is out of bounds for an array of {value.ndim} axes", b.here
        )
    k %= value.ndim
    return arrays.permuted(value, [n for n in range(value.ndim) if n != k] + [k])


@entry(np.matvec)
def matvec(b: Builder, x1: Value, x2: Value) -> Value:
    """Matrices times vectors."""
    return _stacks(b, "matvec", (("i", "k"), ("k",)), x1, x2)


@entry(np.vecmat)
def vecmat(b: Builder, x1: Value, x2: Value) -> Value:
    """Vectors, conjugated, times matrices."""
    return _stacks(b, "vecmat", (("k",), ("k", "j")), conj(b, x1), x2)


# ---------------------------------------------------------------- traces


@entry(np.trace, methods=("trace",))
def trace(
    b: Builder,
    a: Value,
    offset: Value | None = None,
    axis1: Value | None = None,
    axis2: Value | None = None,
) -> Value:
    """The sum along a diagonal of two axes."""
    value = as_array(b, a)
    if value.ndim < _MATRIX:
        raise ArgumentValueError(
            f"np.trace of an array of {value.ndim} axes: two are needed", b.here
        )
    first = _number(b, value, axis1, 0)
    second = _number(b, value, axis2, 1)
    if first == second:
        raise ArgumentValueError("axis1 and axis2 cannot be the same", b.here)
    shift = ZERO if offset is None else offset
    if not isinstance(shift, Expr) or shift.kind != INT:
        raise b.refuse("the offset of a diagonal must be an integer")
    return _trace(b, value, first, second, shift)


def _number(b: Builder, value: ArrayValue, axis: Value | None, default: int) -> int:
    return default if axis is None else _numbers(b, value, axis)[0]


@entry(np.linalg.trace)
def linalg_trace(b: Builder, x: Value, offset: Value | None = None) -> Value:
    """The sums along the diagonals of the matrices of a stack."""
    value = as_array(b, x)
    return trace(b, x, offset, integer(value.ndim - 2), integer(value.ndim - 1))


def _trace(b: Builder, value: ArrayValue, first: int, second: int, offset: Expr) -> Value:
    offset = b.hold(offset, "k")
    row = _positive(b, Binary("-", ZERO, offset, INT) if offset != ZERO else ZERO)
    column = _positive(b, offset)
    rows = _less(value.extents[first], row)
    columns = _less(value.extents[second], column)
    length = rows if rows == columns else Call("min", (rows, columns), INT)
    if offset != ZERO:
        length = Call("max", (ZERO, length), INT)
    rest = [k for k in range(value.ndim) if k not in (first, second)]

    def element(at: arrays.Index) -> Expr:
        place = dict(zip(rest, at, strict=False))
        place[first], place[second] = add(row, at[-1]), add(column, at[-1])
        return value.element(tuple(place[k] for k in range(value.ndim)))

    diagonal = ArrayValue(
        value.dtype,
        (*(value.extents[k] for k in rest), b.hold(length, "n")),
        (*(value.units[k] for k in rest), False),
        element,
        value.reads,
    )
    if not rest:
        return reductions.total(b, diagonal, "trace")
    return reductions.total_along(b, diagonal, len(rest), keepdims=False)


def _positive(b: Builder, value: Expr) -> Expr:
    if isinstance(value, Const):
        return integer(max(0, int(value.value)))
    if isinstance(value, Binary) and isinstance(value.b, Const):
        return integer(max(0, -int(value.b.value)))
    return b.hold(Call("max", (ZERO, value), INT), "k")


def _less(extent: Expr, start: Expr) -> Expr:
    return extent if start == ZERO else Binary("-", extent, start, INT)
