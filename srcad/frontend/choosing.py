"""Elements chosen by masks and index arrays through functions: ``np.nonzero``, ``np.take``, ..."""

from __future__ import annotations

import builtins
from dataclasses import replace

import numpy as np

from srcad.frontend import arrays, indexing, masks, scalars, shapes, stores
from srcad.frontend.builder import Builder
from srcad.frontend.extremes import flat_position
from srcad.frontend.lanes import FULL, reduced
from srcad.frontend.library import as_array, axes_of, entry, flag
from srcad.frontend.values import ArrayValue, StaticValue, TupleValue, Value
from srcad.ir.build import FALSE, TRUE, ZERO, integer
from srcad.ir.nodes import Alloc, Assign, Binary, Const, Expr, Logic, Store, Var
from srcad.ir.types import BOOL, INT


@entry(np.nonzero, methods=("nonzero",))
def nonzero(b: Builder, a: Value) -> Value:
    """The indices of the true elements, one array for each axis."""
    found = masks.positions(b, as_array(b, a))
    bases = [v.view.base for v in found if v.view is not None]
    return TupleValue(tuple(arrays.whole(b, name) for name in bases))


@entry(np.where)
def where(b: Builder, condition: Value, x: Value | None = None, y: Value | None = None) -> Value:
    """Elements of x where the condition holds, else of y; alone: ``np.nonzero``."""
    if x is None or y is None:
        return nonzero(b, condition)
    return scalars.pick(b, condition, x, y)


@entry(np.flatnonzero)
def flatnonzero(b: Builder, a: Value) -> Value:
    """The positions of the true elements in the order of the elements."""
    value = as_array(b, a)
    found = nonzero(b, value)
    assert isinstance(found, TupleValue)
    if value.ndim == 1:
        return found.items[0]
    parts = [v for v in found.items if isinstance(v, ArrayValue)]
    flat = ArrayValue(
        INT,
        parts[0].extents,
        (False,),
        lambda at: flat_position(tuple(p.element(at) for p in parts), value.extents),
        frozenset[str]().union(*(p.reads for p in parts)),
    )
    return arrays.materialise(b, flat, b.wanted)


@entry(np.argwhere)
def argwhere(b: Builder, a: Value) -> Value:
    """The indices of the true elements, one in each row."""
    value = as_array(b, a)
    number = masks.count(b, value)
    name = b.names.fresh(b.wanted)
    b.emit(Alloc(name, (number, integer(value.ndim)), INT, False, b.at))
    arrays.declare(b, name, INT, (number, integer(value.ndim)))
    row = b.store(ZERO, "row")

    def write(at: arrays.Index) -> None:
        for k, item in enumerate(at):
            b.emit(Store(name, (row, integer(k)), item, True, b.at))
        b.emit(Assign(row, Binary("+", row, integer(1), INT), b.at))

    masks.over_true(b, value, write)
    return arrays.whole(b, name)


@entry(np.count_nonzero)
def count_nonzero(b: Builder, a: Value) -> Value:
    """How many elements are true."""
    return masks.count(b, as_array(b, a))


@entry(np.any, methods=("any",))
def any_(b: Builder, a: Value, axis: Value | None = None, keepdims: Value | None = None) -> Value:
    """Whether an element is true."""
    return _quantified_along(b, a, axis, keepdims, TRUE)


@entry(np.all, methods=("all",))
def all_(b: Builder, a: Value, axis: Value | None = None, keepdims: Value | None = None) -> Value:
    """Whether all elements are true."""
    return _quantified_along(b, a, axis, keepdims, FALSE)


def _quantified_along(
    b: Builder, a: Value, axis: Value | None, keepdims: Value | None, found: Const
) -> Value:
    if isinstance(a, Expr):
        return scalars.truth(b, a)
    value = as_array(b, a)
    axes, keep = axes_of(b, value, axis), flag(b, keepdims)
    return reduced(b, value, axes, keep, BOOL, lambda b, v: _quantified(b, v, found))


@entry(builtins.any)
def builtin_any(b: Builder, a: Value) -> Value:
    """``any()`` of a tuple or a vector."""
    return _builtin(b, a, "or")


@entry(builtins.all)
def builtin_all(b: Builder, a: Value) -> Value:
    """``all()`` of a tuple or a vector."""
    return _builtin(b, a, "and")


def _builtin(b: Builder, a: Value, op: str) -> Value:
    if isinstance(a, TupleValue) and a.items:
        return Logic(op, tuple(scalars.truth(b, v) for v in a.items))
    if as_array(b, a).ndim != 1:
        raise b.refuse(f"{'any' if op == 'or' else 'all'}() takes a vector", "use np.any or np.all")
    return _quantified(b, a, TRUE if op == "or" else FALSE)


def _quantified(b: Builder, a: Value, found: Const) -> Var:
    """Whether some (``found`` True) or all elements are true."""
    value = as_array(b, a)
    answer = b.store(FALSE if found.value else TRUE, "found" if found.value else "all_hold")

    def element(at: arrays.Index) -> Expr:
        test = arrays.truth_of(value, at)
        return test if found.value else scalars.negation(test)

    wanted = ArrayValue(BOOL, value.extents, value.units, element, value.reads)
    masks.over_true(b, wanted, lambda at: b.emit(Assign(answer, found, b.at)))
    return answer


@entry(np.logical_and)
def logical_and(b: Builder, x1: Value, x2: Value) -> Value:
    """Whether both are true, element by element."""
    return scalars.combine(b, "&", _truths(b, x1), _truths(b, x2))


@entry(np.logical_or)
def logical_or(b: Builder, x1: Value, x2: Value) -> Value:
    """Whether one is true, element by element."""
    return scalars.combine(b, "|", _truths(b, x1), _truths(b, x2))


@entry(np.logical_xor)
def logical_xor(b: Builder, x1: Value, x2: Value) -> Value:
    """Whether one of the two is true and not the other, element by element."""
    return scalars.combine(b, "^", _truths(b, x1), _truths(b, x2))


@entry(np.logical_not)
def logical_not(b: Builder, x: Value) -> Value:
    """Whether it is false, element by element."""
    return scalars.unary(b, "~", _truths(b, x))


def _truths(b: Builder, value: Value) -> Value:
    item = scalars.operand(b, value)
    kind = arrays.kind_of(item.dtype) if isinstance(item, ArrayValue) else item.kind
    return item if kind == BOOL else scalars.relation(b, "!=", item, ZERO)


# ---------------------------------------------------------------- elements by index


def _at(op: str):
    def accumulate(b: Builder, a: Value, indices: Value, values: Value) -> Value:
        """``ufunc.at``: unbuffered, so that repeated indices accumulate."""
        keys = indices.items if isinstance(indices, TupleValue) and not indices.cls else (indices,)
        lists = [as_array(b, k) if isinstance(k, TupleValue) else k for k in keys]
        place = indexing.select(b, stores.writable(b, as_array(b, a)), [*lists], written=True)
        item = items_of(b, values)
        if isinstance(place, Expr):
            assert isinstance(item, Expr)
            new = Binary(op, place, b.convert(item, place.kind), place.kind)
            arrays.write(b, place, new)
            return StaticValue(None)
        assert isinstance(place, ArrayValue)
        stores.accumulate_at(b, place, op, item)
        return StaticValue(None)

    return accumulate


for _ufunc, _op in ((np.add, "+"), (np.subtract, "-"), (np.multiply, "*"), (np.divide, "/")):
    entry(_ufunc.at)(_at(_op))


@entry(np.ix_)
def ix_(b: Builder, *vectors: Value) -> Value:
    """Index arrays of an open mesh."""
    made: list[Value] = []
    for k, vector in enumerate(vectors):
        value = as_array(b, vector)
        if value.dtype == BOOL:
            value = masks.positions(b, value)[0]
        keys: list[object] = [None] * len(vectors)
        keys[k] = FULL
        made.append(indexing.select(b, value, keys))
    return TupleValue(tuple(made))


# ---------------------------------------------------------------- in the order of the elements


def flattened(b: Builder, value: ArrayValue, *, written: bool = False) -> ArrayValue:
    """The elements in their order as a vector: a view where one is possible."""
    if value.ndim == 1:
        return value
    if value.ndim == 0:
        keys: list[object] = [None]
        flat = indexing.select(b, value, keys)
        assert isinstance(flat, ArrayValue)
        return flat
    if written and not shapes.is_contiguous(b, value):
        raise b.refuse(
            "elements of an array that is not contiguous cannot be written by flat indices",
            "write them by their index on each axis",
        )
    flat = shapes.ravel(b, value)
    assert isinstance(flat, ArrayValue)
    return flat


def flat(b: Builder, value: ArrayValue) -> ArrayValue:
    """``value.flat``: for reading only where the elements do not lie in order in memory."""
    if value.ndim <= 1 or (value.view is not None and shapes.is_contiguous(b, value)):
        return flattened(b, value)
    return replace(flattened(b, value), view=None)


def items_of(b: Builder, value: Value) -> Expr | ArrayValue:
    """A number or an array, given as a list or tuple too."""
    return scalars.operand(b, as_array(b, value) if isinstance(value, TupleValue) else value)
