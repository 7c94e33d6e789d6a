"""``np.pad``: the array in the middle of a new one, then the margins of one axis after the other.

A margin is copied from what lies inside it, so corners come out right by themselves.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from srcad.errors import ArgumentValueError
from srcad.frontend import arrays, stores
from srcad.frontend.axes import as_piece
from srcad.frontend.builder import Builder
from srcad.frontend.joining import total
from srcad.frontend.library import entry
from srcad.frontend.values import ArrayValue, StaticValue, TupleValue, Value
from srcad.ir.build import ONE, ZERO, compare, scale, sub
from srcad.ir.nodes import Binary, Call, Const, Expr
from srcad.ir.types import INT, is_inexact, real_kind

Pair = tuple[Expr, Expr]
Source = Callable[[Builder, Expr, Expr, bool], Expr]
"""The place inside an axis of this length that a place outside (before it?) is a copy of."""


_CONSTANT, _EVEN = StaticValue("constant"), StaticValue("even")


@entry(np.pad)
def pad(
    b: Builder,
    array: Value,
    pad_width: Value,
    mode: Value = _CONSTANT,
    *,
    constant_values: Value = ZERO,
    end_values: Value = ZERO,
    reflect_type: Value = _EVEN,
) -> Value:
    """The array with margins on all sides."""
    value = as_piece(b, array)
    name = mode.value if isinstance(mode, StaticValue) else None
    if not isinstance(name, str) or name not in ("constant", "empty", "linear_ramp", *_SOURCES):
        known = ", ".join(["constant", "empty", "linear_ramp", *_SOURCES])
        raise b.refuse(f"np.pad with mode {name!r} is not supported", f"the modes are {known}")
    if not (isinstance(reflect_type, StaticValue) and reflect_type.value == "even"):
        raise b.refuse("np.pad with reflect_type='odd' is not supported", "write the margins")
    if not isinstance(pad_width, Expr | TupleValue):
        raise b.refuse("pad_width must be written as an integer or a tuple of pairs")
    widths = pairs(b, pad_width, value.ndim)
    for width in dict.fromkeys(e for pair in widths for e in pair):
        _require_width(b, width)
    lengths = value.extents
    shape = tuple(
        total(total(one, extent), two) for (one, two), extent in zip(widths, lengths, strict=True)
    )
    out = arrays.unwritten(b, b.wanted, shape, value.dtype)
    before = tuple(one for one, _ in widths)
    arrays.over(
        b,
        lengths,
        lambda at: stores.store_new(b, out, _shifted(at, before), value.element(at)),
    )
    ends = pairs(b, end_values if name == "linear_ramp" else constant_values, value.ndim)
    kind = arrays.kind_of(value.dtype)
    for axis, (width, end) in enumerate(zip(widths, ends, strict=True)):
        margins = _Margins(b, out, axis, widths, lengths)
        if name in _SOURCES:
            if width != (ZERO, ZERO):
                _require_some(b, lengths[axis], axis)
            margins.copied(_SOURCES[name])
        elif name == "linear_ramp":
            if not is_inexact(value.dtype):
                raise b.refuse("np.pad with linear_ramp takes floats", "convert with .astype")
            margins.ramp((b.convert(end[0], kind), b.convert(end[1], kind)))
        else:
            fill = (ZERO, ZERO) if name == "empty" else end
            margins.filled((b.convert(fill[0], kind), b.convert(fill[1], kind)))
    return out


def pairs(b: Builder, value: Value, ndim: int) -> list[Pair]:
    """Two numbers for each axis: given as one, as one pair, as one for each axis in lists, ..."""
    rows = value.items if isinstance(value, TupleValue) else (value,)
    if not any(isinstance(row, TupleValue) for row in rows):
        one, two = _both(b, rows[0]) if len(rows) == 1 else _two(b, rows)
        return [(one, two)] * ndim
    found: list[Pair] = []
    for row in rows:
        items = row.items if isinstance(row, TupleValue) else (row,)
        found.append(_both(b, items[0]) if len(items) == 1 else _two(b, items))
    if len(found) not in (1, ndim):
        raise ArgumentValueError(f"{len(found)} pairs given for an array of {ndim} axes", b.at)
    return found * ndim if len(found) == 1 else found


def _both(b: Builder, value: Value) -> Pair:
    return _two(b, (value, value))


def _two(b: Builder, items: tuple[Value, ...]) -> Pair:
    if len(items) != 2:
        raise ArgumentValueError("np.pad takes one number or two for each axis", b.at)
    found = tuple(v.element(()) if isinstance(v, ArrayValue) and not v.ndim else v for v in items)
    one, two = (b.hold(v, "c") if isinstance(v, Expr) else None for v in found)
    if one is None or two is None:
        raise b.refuse("np.pad takes numbers here", "write a pair for each axis")
    return one, two


def _require_width(b: Builder, value: Expr) -> None:
    if value.kind != INT:
        raise b.refuse("a width of np.pad must be an integer", "convert it with int(...)")
    if isinstance(value, Const):
        if value.value < 0:
            raise ArgumentValueError("index can't contain negative values", b.at)
        return
    b.check(compare(">=", value, ZERO), "ValueError", "index can't contain negative values")


def _require_some(b: Builder, length: Expr, axis: int) -> None:
    message = f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'"
    test = compare(">", length, ZERO)
    if isinstance(test, Const) and not test.value:
        raise ArgumentValueError(message, b.at)
    b.check(test, "ValueError", message)


def _shifted(at: arrays.Index, before: arrays.Index) -> arrays.Index:
    return tuple(total(e, k) for k, e in zip(at, before, strict=True))


class _Margins:
    """The two margins of an axis of a padded array; those of earlier axes are filled."""

    def __init__(
        self,
        b: Builder,
        out: ArrayValue,
        axis: int,
        widths: list[Pair],
        lengths: arrays.Index,
    ) -> None:
        self.b, self.out, self.axis = b, out, axis
        (self.before, self.after), self.length = widths[axis], lengths[axis]
        self.end = b.simple_index(total(self.before, self.length))
        self.starts = [ZERO if k < axis else one for k, (one, _) in enumerate(widths)]
        self.extents = [out.extents[k] if k < axis else e for k, e in enumerate(lengths)]

    def _over(self, width: Expr, write: Callable[[Callable[[Expr], arrays.Index], Expr], None]):
        """``write(place, j)`` for column j of a margin: ``place(k)`` is the index of column k."""
        if width == ZERO:
            return
        axis, starts = self.axis, (*self.starts,)
        extents = (*self.extents[:axis], width, *self.extents[axis + 1 :])

        def body(at: arrays.Index) -> None:
            own = _shifted(at, starts)
            write(lambda k: (*own[:axis], k, *own[axis + 1 :]), at[axis])

        arrays.over(self.b, extents, body)

    def _store(self, at: arrays.Index, item: Expr) -> None:
        stores.store_new(self.b, self.out, at, item)

    def filled(self, ends: Pair) -> None:
        """Both margins of one number each."""
        self._over(self.before, lambda place, j: self._store(place(j), ends[0]))
        self._over(self.after, lambda place, j: self._store(place(total(self.end, j)), ends[1]))

    def copied(self, source: Source) -> None:
        """Both margins copied from inside."""

        def left(place: Callable[[Expr], arrays.Index], j: Expr) -> None:
            inside = source(self.b, sub(j, self.before), self.length, True)
            self._store(place(j), self.out.element(place(total(self.before, inside))))

        def right(place: Callable[[Expr], arrays.Index], j: Expr) -> None:
            inside = source(self.b, total(self.length, j), self.length, False)
            item = self.out.element(place(total(self.before, inside)))
            self._store(place(total(self.end, j)), item)

        self._over(self.before, left)
        self._over(self.after, right)

    def ramp(self, ends: Pair) -> None:
        """Both margins on the line from a number outside to the element at the edge."""
        last = sub(self.end, ONE)
        kind = arrays.kind_of(self.out.dtype)
        for width, end, edge, is_left in (
            (self.before, ends[0], self.before, True),
            (self.after, ends[1], last, False),
        ):

            def write(place, j, width=width, end=end, edge=edge, is_left=is_left):
                steps = j if is_left else sub(sub(width, ONE), j)
                inner = self.out.element(place(edge))
                part = Binary(
                    "/",
                    self.b.convert(steps, real_kind(kind)),
                    self.b.convert(width, real_kind(kind)),
                    real_kind(kind),
                )
                rise = Binary("*", Binary("-", inner, end, kind), part, kind)
                at = place(j if is_left else total(self.end, j))
                self._store(at, Binary("+", end, rise, kind))

            self._over(width, write)


# ---------------------------------------------------------------- where margins are copied from


def _edge(b: Builder, k: Expr, length: Expr, before: bool) -> Expr:
    return ZERO if before else sub(length, ONE)


def _wrap(b: Builder, k: Expr, length: Expr, before: bool) -> Expr:
    return Binary("%", k, length, INT)


def _symmetric(b: Builder, k: Expr, length: Expr, before: bool) -> Expr:
    """Mirrored between the elements: a period of twice the length."""
    place = b.store(Binary("%", k, scale(length, 2), INT), "k")
    return Call("min", (place, sub(sub(scale(length, 2), ONE), place)), INT)


def _reflect(b: Builder, k: Expr, length: Expr, before: bool) -> Expr:
    """Mirrored at the elements at the edges: a period of two elements less."""
    period = b.store(Call("max", (ONE, scale(sub(length, ONE), 2)), INT), "period")
    place = b.store(Binary("%", k, period, INT), "k")
    return Call("min", (place, sub(period, place)), INT)


_SOURCES: dict[str, Source] = {
    "edge": _edge,
    "reflect": _reflect,
    "symmetric": _symmetric,
    "wrap": _wrap,
}
