"""Sums of products of arrays over common indices, lowered to matrix products where they are one.

A *term* is an array with a label for each axis. ``contract`` multiplies terms and sums over the
labels that the result has not; every product of NumPy (``dot``, ``matmul``, ``tensordot``,
``einsum``...) is one. Terms are taken in pairs, the cheapest first. Of a pair, each label is

- *batch*: in both and kept,        - *left* or *right*: in one of them and kept,
- *summed*: in both and not kept    (a label that only one has and nobody keeps is summed before).

With summed labels and left or right ones, the pair is a matrix product (``matrices``). All other
pairs are loop nests in the order of the axes of the larger array.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np

from srcad.errors import ArgumentValueError
from srcad.frontend import arrays
from srcad.frontend.builder import Builder, Duplicate
from srcad.frontend.matrices import matrix_product
from srcad.frontend.terms import Label, Labels, Sizes, Term
from srcad.frontend.values import ArrayValue
from srcad.ir.build import ONE, ZERO, accumulate, compare, literal
from srcad.ir.nodes import Assign, Binary, Const, Expr, Load, Store, Var
from srcad.ir.types import BOOL, INT, is_inexact


def contract(
    b: Builder, terms: list[Term], out: Labels, mismatch: str, stretched: Labels = ()
) -> Expr | ArrayValue:
    """The sum over all labels not in ``out`` of the product of the terms.

    Axes of ``stretched`` labels that are known to have length 1 are broadcast.
    """
    terms = [_with_short_axes(b, t, terms, stretched) for t in terms]
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


def _with_short_axes(b: Builder, term: Term, terms: list[Term], stretched: Labels) -> Term:
    """The term; a slice of one element at most is an axis of length 1 beside a longer one."""
    units = list(term.value.units)
    for k, (label, extent) in enumerate(zip(term.labels, term.value.extents, strict=True)):
        if label in stretched and not units[k] and arrays.is_short(b, extent):
            others = [
                e
                for t in terms
                for x, e in zip(t.labels, t.value.extents, strict=True)
                if x == label
            ]
            if not all(arrays.is_short(b, e) or e == ONE for e in others):
                _require_equal(b, extent, ONE, "operands could not be broadcast: a slice is empty")
                units[k] = True
    value = term.value
    if tuple(units) == value.units:
        return term
    return replace(term, value=replace(value, units=tuple(units)))


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


def _alone(b: Builder, given: Term, term: Term, out: Labels, sizes: Sizes) -> Expr | ArrayValue:
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


def _pair(b: Builder, one: Term, two: Term, needed: set[Label], out: Labels, sizes: Sizes) -> Term:
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
        found = matrix_product(b, one, two, (batch, summed, left, right), sizes)
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


def _looped(b: Builder, terms: list[Term], result: Labels, summed: Labels, sizes: Sizes) -> Term:
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
