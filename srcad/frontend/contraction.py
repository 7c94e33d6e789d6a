"""Sums of products of arrays over common indices, lowered to matrix products where they are one.

A *term* is an array with a label for each axis. ``contract`` multiplies terms and sums over the
labels that the result has not; every product of NumPy (``dot``, ``matmul``, ``tensordot``,
``einsum``...) is one. Terms are taken in pairs, the cheapest first. Of a pair, each label is

- *batch*: in both and kept,        - *left* or *right*: in one of them and kept,
- *summed*: in both and not kept    (a label that only one has and nobody keeps is summed before).

With summed labels and left or right ones, the pair is a matrix product: its arrays are brought
into the form (batch, rows, columns) by naming their memory anew where its order allows it, and by
a copy where not. All other pairs are loop nests with the last axis of the larger array innermost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations, product
from math import prod

import numpy as np

from srcad.errors import ArgumentValueError
from srcad.frontend import arrays, shapes
from srcad.frontend.builder import Builder, Duplicate
from srcad.frontend.values import ArrayValue
from srcad.ir.build import ZERO, accumulate, compare, literal
from srcad.ir.nodes import Assign, Batch, Binary, Const, Expr, Load, MatMul, Store, Var
from srcad.ir.types import BOOL, INT, is_inexact

Label = str | int
Labels = tuple[Label, ...]

_NOMINAL = 100
"""What an extent counts that is not known when the code is generated."""
_SMALL = 512
"""Matrix products of a batch with fewer multiplications than this are faster as loops."""


@dataclass(frozen=True, slots=True)
class Term:
    """An array with a label for each axis."""

    value: ArrayValue
    labels: Labels

    def along(self, order: Labels) -> ArrayValue:
        """The array with its axes in the order of these labels."""
        return arrays.permuted(self.value, [self.labels.index(x) for x in order])


@dataclass(frozen=True, slots=True)
class Sizes:
    """The extent of each label, and whether it is known to be 1."""

    extents: dict[Label, Expr]
    units: dict[Label, bool]
    dtype: str

    def shape(self, labels: Labels) -> tuple[Expr, ...]:
        """The extents of several labels."""
        return tuple(self.extents[x] for x in labels)

    def flat(self, labels: Labels) -> tuple[bool, ...]:
        """Which of several labels are known to be 1."""
        return tuple(self.units[x] for x in labels)

    def cost(self, labels: Labels) -> int:
        """How many indices there are, as far as it is known."""
        known = (self.extents[x] for x in labels)
        return prod(int(e.value) if isinstance(e, Const) else _NOMINAL for e in known)


def contract(
    b: Builder, terms: list[Term], out: Labels, mismatch: str, stretched: Labels = ()
) -> Expr | ArrayValue:
    """The sum over all labels not in ``out`` of the product of the terms.

    Axes of ``stretched`` labels that are known to have length 1 are broadcast.
    """
    sizes = _sizes(b, terms, mismatch, stretched)
    left = [_without_repeats(_without_units(t, sizes)) for t in terms]
    if len(left) == 1:
        return _alone(b, terms[0], left[0], out, sizes)
    while len(left) > 1:
        one, two = _cheapest(left, out, sizes)
        rest = [t for t in left if t is not one and t is not two]
        needed = {x for t in rest for x in t.labels} | set(out)
        left = [_pair(b, one, two, needed, out, sizes), *rest]
    return left[0].along(out) if out else left[0].value.element(())


def _sizes(b: Builder, terms: list[Term], mismatch: str, stretched: Labels) -> Sizes:
    extents: dict[Label, Expr] = {}
    units: dict[Label, bool] = {}
    for term in terms:
        for k, (label, extent, unit) in enumerate(
            zip(term.labels, term.value.extents, term.value.units, strict=True)
        ):
            first = term.labels.index(label)
            if first < k:
                what = f"dimensions for collapsing index {label!r} don't match"
                _require_equal(b, term.value.extents[first], extent, what)
            elif label not in extents:
                extents[label], units[label] = extent, unit
            elif label not in stretched:
                _require_equal(b, extents[label], extent, mismatch)
                units[label] = units[label] or unit
            elif units[label]:
                extents[label], units[label] = extent, unit
            elif not unit:
                _require_equal(b, extents[label], extent, mismatch)
    dtype = np.result_type(*(np.dtype(t.value.dtype) for t in terms)).name
    if dtype == BOOL:
        raise b.refuse("products of arrays of bools are not supported", "use & and np.any")
    return Sizes(extents, units, dtype)


def _require_equal(b: Builder, one: Expr, two: Expr, mismatch: str) -> None:
    if one == two:
        return
    if isinstance(one, Const) and isinstance(two, Const):
        raise ArgumentValueError(f"{mismatch}: {one.value} and {two.value}", b.here)
    b.check(compare("==", one, two), "ValueError", mismatch)


# ---------------------------------------------------------------- one term


def _without_units(term: Term, sizes: Sizes) -> Term:
    """The term without the axes of length 1 that stand beside longer ones."""
    stretched = [
        unit and not sizes.units[x] for x, unit in zip(term.labels, term.value.units, strict=True)
    ]
    if not any(stretched):
        return term
    kept = [k for k, gone in enumerate(stretched) if not gone]
    return _picked(term, tuple(term.labels[k] for k in kept))


def _without_repeats(term: Term) -> Term:
    """The term with the diagonal in place of axes of one label."""
    labels = tuple(dict.fromkeys(term.labels))
    return term if labels == term.labels else _picked(term, labels)


def _picked(term: Term, labels: Labels) -> Term:
    """The elements of an array by these labels; at the others its first."""
    value = term.value

    def element(at: arrays.Index) -> Expr:
        place = dict(zip(labels, at, strict=True))
        return value.element(tuple(place.get(x, ZERO) for x in term.labels))

    first = [term.labels.index(x) for x in labels]
    extents = tuple(value.extents[k] for k in first)
    units = tuple(value.units[k] for k in first)
    return Term(ArrayValue(value.dtype, extents, units, element, value.reads), labels)


def _alone(
    b: Builder, given: Term, term: Term, out: Labels, sizes: Sizes
) -> Expr | ArrayValue:
    """A term summed and turned; without a sum a view, as NumPy's is."""
    if set(term.labels) != set(out):
        summed = tuple(x for x in term.labels if x not in out)
        found = _looped(b, [term], out, summed, sizes)
        return found.value if out else found.value.element(())
    if term is given or not term.labels:
        return term.along(out) if out else term.value.element(())
    copy = arrays.materialise(b, term.along(out), b.wanted)
    if given.value.view is not None and copy.view is not None:
        b.duplicates.append(Duplicate(copy.view.base, given.value.view.base, None, b.here))
    return copy


# ---------------------------------------------------------------- pairs


def _cheapest(terms: list[Term], out: Labels, sizes: Sizes) -> tuple[Term, Term]:
    """The pair with the fewest multiplications, of several that with the smallest product."""

    def cost(pair: tuple[Term, Term]) -> tuple[int, int]:
        one, two = pair
        needed = {x for t in terms if t is not one and t is not two for x in t.labels} | set(out)
        labels = tuple(dict.fromkeys((*one.labels, *two.labels)))
        return sizes.cost(labels), sizes.cost(tuple(x for x in labels if x in needed))

    return min(combinations(terms, 2), key=cost)


def _pair(
    b: Builder, one: Term, two: Term, needed: set[Label], out: Labels, sizes: Sizes
) -> Term:
    """The product of two terms, summed over what is not needed."""
    one = _presummed(b, one, needed | set(two.labels), sizes)
    two = _presummed(b, two, needed | set(one.labels), sizes)
    both = [x for x in one.labels if x in two.labels]
    batch = tuple(x for x in both if x in needed)
    summed = tuple(x for x in both if x not in needed)
    left = tuple(x for x in one.labels if x not in both)
    right = tuple(x for x in two.labels if x not in both)
    if not summed:
        return _outer(b, one, two, sizes)
    found = None
    if (left or right) and is_inexact(sizes.dtype):
        turned = (batch, right, left) == _split(out, batch, right, left)
        if not left or (right and turned):
            one, two, left, right = two, one, right, left
        found = _matrices(b, one, two, (batch, summed, left, right), sizes)
    result = _in_order((*batch, *left, *right), out)
    return found or _looped(b, [one, two], result, summed, sizes)


def _split(out: Labels, *groups: Labels) -> tuple[Labels, ...]:
    """``out`` cut into parts as long as these."""
    ends = [sum(map(len, groups[: k + 1])) for k in range(len(groups))]
    return tuple(out[end - len(g) : end] for g, end in zip(groups, ends, strict=True))


def _in_order(labels: Labels, out: Labels) -> Labels:
    """The labels as the result has them, where it has all of them."""
    return tuple(x for x in out if x in labels) if set(labels) <= set(out) else labels


def _presummed(b: Builder, term: Term, needed: set[Label], sizes: Sizes) -> Term:
    """The term summed over labels that it alone has."""
    own = tuple(x for x in term.labels if x not in needed)
    if not own:
        return term
    kept = tuple(x for x in term.labels if x in needed)
    return _looped(b, [term], kept, own, sizes)


def _stored(b: Builder, terms: list[Term], labels: Labels) -> list[Term]:
    """The terms, those stored whose elements would be computed more than once."""
    return [
        t
        if t.value.view is not None or set(t.labels) == set(labels) or not t.labels
        else replace(t, value=arrays.materialise(b, t.value, "t"))
        for t in terms
    ]


def _element(b: Builder, terms: list[Term], place: dict[Label, Expr], kind: str) -> Expr:
    """The product of the elements of the terms at an index."""
    items = [b.convert(t.value.element(tuple(place[x] for x in t.labels)), kind) for t in terms]
    total = items[0]
    for item in items[1:]:
        total = Binary("*", total, item, kind)
    return total


def _outer(b: Builder, one: Term, two: Term, sizes: Sizes) -> Term:
    """The products of elements, nothing summed; not stored before something needs it."""
    labels = tuple(dict.fromkeys((*one.labels, *two.labels)))
    terms = _stored(b, [one, two], labels)
    kind = arrays.kind_of(sizes.dtype)
    value = ArrayValue(
        sizes.dtype,
        sizes.shape(labels),
        sizes.flat(labels),
        lambda at: _element(b, terms, dict(zip(labels, at, strict=True)), kind),
        one.value.reads | two.value.reads,
    )
    return Term(value, labels)


# ---------------------------------------------------------------- loops


def _looped(
    b: Builder, terms: list[Term], result: Labels, summed: Labels, sizes: Sizes
) -> Term:
    """A sum as loops in the order of the axes of the larger array.

    Where its last axes are summed, their sum is a variable.
    """
    terms = _stored(b, terms, (*result, *summed))
    main = max(terms, key=lambda t: len(t.labels))
    order = tuple(dict.fromkeys((*main.labels, *(x for t in terms for x in t.labels))))
    if not result:
        total = _sum(b, terms, order, {}, sizes)
        return Term(ArrayValue(sizes.dtype, (), (), lambda _: total), ())
    last = len(order)
    while order[last - 1] in summed:
        last -= 1
    outer, inner = order[:last], order[last:]
    kind = arrays.kind_of(sizes.dtype)
    shape = sizes.shape(result)
    once = not set(outer) & set(summed)
    if once:
        made = arrays.unwritten(b, b.wanted, shape, sizes.dtype)
    else:
        made = arrays.allocate(b, b.wanted, shape, sizes.dtype, ZERO)
    assert made.view is not None
    base = made.view.base

    def write(at: arrays.Index) -> None:
        place = dict(zip(outer, at, strict=True))
        target = tuple(place[x] for x in result)
        item = _sum(b, terms, inner, place, sizes) if inner else _element(b, terms, place, kind)
        total = item if once else accumulate(Load(base, target, kind), item)
        b.emit(Store(base, target, total, once, b.at))

    arrays.over(b, sizes.shape(outer), write)
    return Term(arrays.whole(b, base, sizes.flat(result)), result)


def _sum(
    b: Builder, terms: list[Term], labels: Labels, place: dict[Label, Expr], sizes: Sizes
) -> Var:
    """The sum over some labels, at an index of the others."""
    kind = arrays.kind_of(sizes.dtype)
    acc = Var(b.names.fresh("s"), kind)
    b.emit(Assign(acc, ZERO if kind == INT else literal(0.0, kind), b.at))

    def write(at: arrays.Index) -> None:
        here = place | dict(zip(labels, at[len(place) :], strict=True))
        b.emit(Assign(acc, accumulate(acc, _element(b, terms, here, kind)), b.at))

    arrays.over(b, sizes.shape(labels), write, tuple(place.values()))
    return acc


# ---------------------------------------------------------------- matrix products


def _matrices(
    b: Builder, one: Term, two: Term, groups: tuple[Labels, Labels, Labels, Labels], sizes: Sizes
) -> Term | None:
    """A matrix product, or of a matrix (``one``) and a vector; None where loops are better."""
    batch, summed, left, right = groups
    small = [sizes.extents[x] for x in (*left, *summed, *right)]
    if batch and all(isinstance(e, Const) for e in small) and sizes.cost((*left, *summed, *right)) < _SMALL:
        return None
    orders = [
        (x, y)
        for x, y in product(
            dict.fromkeys(_orders(batch, one, two)), dict.fromkeys(_orders(summed, one, two))
        )
    ]

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
