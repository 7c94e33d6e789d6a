"""Sums of products that are matrix products, of arrays with any number of axes.

The arrays are brought into the form (batch, rows, columns) by naming their memory anew where its
order allows it, and by a copy where not.
"""

from __future__ import annotations

from itertools import product

from srcad.frontend import arrays, shapes
from srcad.frontend.builder import Builder
from srcad.frontend.terms import Labels, Sizes, Term
from srcad.ir.nodes import Batch, MatMul, Var
from srcad.ir.types import INT


def matrix_product(
    b: Builder, one: Term, two: Term, groups: tuple[Labels, Labels, Labels, Labels], sizes: Sizes
) -> Term | None:
    """A matrix product, or of a matrix (``one``) and a vector; None where loops are better."""
    batch, summed, left, right = groups
    orders = product(_orders(batch, one, two), _orders(summed, one, two))

    def copies(order: tuple[Labels, Labels]) -> int:
        x, y = order
        return (_layout(b, one, (x, left, y), sizes) is None) + (
            _layout(b, two, (x, y, right), sizes) is None
        )

    batch, summed = min(orders, key=copies)
    if not right and _layout(b, one, (batch, left, summed), sizes) is None:
        return None
    a, ta = _factor(b, one, (batch, left, summed), sizes)
    c, tc = _factor(b, two, (batch, summed, right), sizes)
    labels = (*batch, *left, *right)
    merged = any(len(g) > 1 for g in (batch, left, right))
    target = b.names.fresh("t" if merged else b.wanted)
    sides = [(a, 1 if ta else 0, left), (c, 0 if tc else 1, right)]
    lead = 1 if batch else 0
    extents = [b.extents[a][0]] if batch else []
    extents += [b.extents[name][lead + k] for name, k, group in sides if group]
    over = None
    if batch:
        over = Batch(Var(b.names.fresh("i"), INT), tuple(extents), sizes.dtype)
    b.emit(MatMul(target, a, c, ta, tc, b.at, batch=over))
    arrays.declare(b, target, sizes.dtype, tuple(extents))
    if merged:
        value = shapes.divided(b, target, sizes.shape(labels))
        assert value.view is not None
        target = value.view.base
    return Term(arrays.whole(b, target, sizes.flat(labels)), labels)


def _orders(labels: Labels, one: Term, two: Term) -> tuple[Labels, Labels]:
    """The labels as each of two terms has them."""
    return (
        tuple(x for x in one.labels if x in labels),
        tuple(x for x in two.labels if x in labels),
    )


def _layout(
    b: Builder, term: Term, groups: tuple[Labels, Labels, Labels], sizes: Sizes
) -> bool | None:
    """Whether its memory is that of the transposed matrices; None if that of neither."""
    if term.value.view is None or term.value.dtype != sizes.dtype:
        return None
    batch, rows, columns = groups
    for transposed in (False, True):
        order = (*batch, *columns, *rows) if transposed else (*batch, *rows, *columns)
        value = term.along(order)
        assert value.view is not None
        if value.view.base in b.strided:
            return None
        if arrays.is_base(b, value) or (not b.counters and shapes.is_contiguous(b, value)):
            return transposed
    return None


def _factor(
    b: Builder, term: Term, groups: tuple[Labels, Labels, Labels], sizes: Sizes
) -> tuple[str, bool]:
    """A factor as an array of matrices or vectors, and whether they are transposed."""
    batch, rows, columns = groups
    found = _layout(b, term, groups, sizes)
    transposed = term.labels[-1] in rows and bool(columns) if found is None else found
    order = (*batch, *columns, *rows) if transposed else (*batch, *rows, *columns)
    value = term.along(order)
    if found is None:
        value = arrays.materialise(b, value, "t", sizes.dtype)
    parts = (batch, columns, rows) if transposed else (batch, rows, columns)
    name = shapes.merged(b, value, tuple(len(g) for g in parts if g))
    return name, transposed and bool(columns)
