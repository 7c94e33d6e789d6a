"""What can be run over: ranges, arrays, tuples, and ``zip``, ``enumerate``, ``reversed`` of them.

Everything that a loop runs over becomes *rows*: a length and a way to write row k. So ``zip`` and
``enumerate`` nest as they like, and a loop needs one counter.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from srcad.errors import ArgumentError, ArgumentValueError
from srcad.frontend import arrays, indexing, scalars
from srcad.frontend.bindings import Bindings
from srcad.frontend.builder import Builder
from srcad.frontend.values import (
    ArrayValue,
    ListValue,
    RangeValue,
    RowsValue,
    StaticValue,
    TupleValue,
    Value,
    trips,
)
from srcad.ir.build import ONE, ZERO, add, compare, integer, scale, sub
from srcad.ir.nodes import Binary, Call, Const, Expr, If, Logic, Select, Stmt
from srcad.ir.types import BOOL, INT

ITERATORS = (zip, enumerate, reversed)
LONGEST = 1000
"""Ranges of at most so many known numbers are written out where a list is made of them."""
EAGER, ON_REQUEST = "for", "rows"
"""Kinds of loops that could be written out: where a list of arrays grows, or for want of better."""
_FEW = 6


class Sequences(Bindings):
    """Elaborates what loops, comprehensions and unpacking run over."""

    def rows_of(self, value: Value) -> RowsValue | None:
        """What is run over, as rows; None for what cannot be run over."""
        value = scalars.given(self.b, value)
        match value:
            case RowsValue():
                return value
            case TupleValue(items=items, tag=tag):
                tags = () if tag is None else (tag,)
                length = integer(len(items))
                return RowsValue(length, lambda k: items[_known(k)], True, tags=tags)
            case StaticValue(value=str() as text):
                return RowsValue(
                    integer(len(text)), lambda k: StaticValue(text[_known(k)]), unrolled=True
                )
            case ListValue():
                found = self.rows_of(arrays.listed(self.b, value))
                assert found is not None
                return RowsValue(self.b.store(value.count, "n"), found.row, False, (value.array,))
            case RangeValue():
                return self._rows_of_range(value)
            case ArrayValue() if value.ndim:
                if value.view is None:
                    value = arrays.snapshot(self.b, value, "t")
                still = self._still(value)
                return RowsValue(still.extents[0], lambda k: _row(self.b, still, k))
        return None

    def _rows_of_range(self, value: RangeValue) -> RowsValue:
        start, step = (
            e if isinstance(e, Const) else self.b.store(e, "k") for e in (value.start, value.step)
        )

        def row(k: Expr) -> Value:
            if isinstance(step, Const):
                return add(start, scale(k, int(step.value)))
            return add(start, Binary("*", step, k, INT))

        return RowsValue(trips(replace(value, start=start, step=step)), row)

    def _still(self, value: ArrayValue) -> ArrayValue:
        """The array that a loop runs over, even if the loop makes its name denote another."""
        value = self.own_alias(value)
        return value if arrays.is_base(self.b, value) else arrays.frozen(self.b, value)

    def with_constants(self, value: RangeValue) -> RangeValue:
        """A range whose bounds are literals where variables are certain to hold these."""
        found = ((e, self.b.constant(e)) for e in (value.start, value.stop, value.step))
        return RangeValue(*(e if known is None else integer(known) for e, known in found))

    def known_items(self, value: Value) -> TupleValue | None:
        """The items of what is run over, if their number is known and not large."""
        if isinstance(value, TupleValue):
            return value
        if isinstance(value, ArrayValue | ListValue):
            return None
        rows = self.rows_of(value)
        if rows is None or not isinstance(rows.length, Const):
            return None
        length = max(0, int(rows.length.value))
        if length > LONGEST and not rows.unrolled:
            return None
        return TupleValue(tuple(rows.row(integer(k)) for k in range(length)))

    def iterator(self, function: Any, values: list[Value], keywords: dict[str, Value]) -> Value:
        """A call of ``zip``, ``enumerate`` or ``reversed``."""
        if function is reversed:
            return self._reversed(values[0])
        rows = [
            self._required(v, function.__name__)
            for v in values[: 1 if function is enumerate else None]
        ]
        if function is enumerate:
            start = keywords.get("start", values[1] if len(values) > 1 else ZERO)
            assert isinstance(start, Expr)
            offset = start if isinstance(start, Const) else self.b.store(start, "start")
            (only,) = rows
            return RowsValue(
                only.length,
                lambda k: TupleValue((add(k, offset), only.row(k))),
                only.unrolled,
                only.lists,
                only.tags,
            )
        return self._zip(rows, keywords)

    def _required(self, value: Value, word: str) -> RowsValue:
        rows = self.rows_of(value)
        if rows is None:
            raise self.b.refuse(
                f"{word}() takes ranges, arrays, tuples and lists here", "loop over the index"
            )
        return rows

    def _zip(self, rows: list[RowsValue], keywords: dict[str, Value]) -> Value:
        strict = keywords.get("strict")
        if not rows:
            return TupleValue(())
        lengths = [r.length for r in rows]
        if isinstance(strict, Const) and strict.value:
            for k, other in enumerate(lengths[1:]):
                self._require_length(lengths[0], other, k + 2)
        length = _shortest(lengths)
        unrolled = any(r.unrolled for r in rows)
        if unrolled and not isinstance(length, Const):
            length = self._items_in_step(lengths)
        lists = tuple(a for r in rows for a in r.lists)
        tags = tuple(t for r in rows for t in r.tags)
        return RowsValue(
            length, lambda k: TupleValue(tuple(r.row(k) for r in rows)), unrolled, lists, tags
        )

    def _items_in_step(self, lengths: list[Expr]) -> Expr:
        """As many rounds as the tuples have items; arrays must not end before them."""
        known = [e for e in lengths if isinstance(e, Const)]
        length = min(known, key=lambda e: e.value)
        for other in lengths:
            if not isinstance(other, Const):
                message = "zip() of a tuple with an array that is shorter is not supported"
                self.b.check(compare("<=", length, other), "ValueError", message)
        return length

    def _require_length(self, first: Expr, other: Expr, number: int) -> None:
        message = f"zip() argument {number} is shorter or longer than argument 1"
        test = compare("==", first, other)
        if isinstance(test, Const) and not test.value:
            raise ArgumentValueError(message, self.b.here)
        if first != other:
            self.b.check(test, "ValueError", message)

    def _reversed(self, value: Value) -> Value:
        value = scalars.given(self.b, value)
        match value:
            case RangeValue(start=start, stop=stop, step=Const(value=1)):
                return RangeValue(sub(stop, ONE), sub(start, ONE), integer(-1))
            case RangeValue(start=start, step=Const(value=step)):
                last = add(start, scale(sub(trips(value), ONE), int(step)))
                return RangeValue(last, sub(start, integer(int(step))), integer(-int(step)))
            case TupleValue(items=items):
                return TupleValue(items[::-1])
            case ListValue():
                return self._reversed(arrays.listed(self.b, value))
            case ArrayValue() if value.ndim:
                backwards = indexing.select(self.b, value, [(None, None, integer(-1))])
                assert isinstance(backwards, ArrayValue)
                return backwards
        raise self.b.refuse(
            "reversed() takes a range, an array, a tuple or a list here", "loop over the index"
        )

    # ------------------------------------------------------------ items

    def place_in(self, items: tuple[Value, ...], key: Expr) -> Expr:
        """A place among items that is known at run time only, counted from the front."""
        if key.kind != INT:
            raise ArgumentError("an index must be an integer", self.b.here, "convert it with int()")
        n = integer(len(items))
        key = self.b.hold(key, "k")
        inside = Logic("and", (compare("<=", integer(-len(items)), key), compare("<", key, n)))
        self.b.check(inside, "IndexError", "tuple or list index out of range")
        if self.b.is_nonnegative(key):
            return key
        return self.b.store(Select(compare("<", key, ZERO), add(key, n), key, INT), "k")

    def item_at(self, owner: TupleValue, key: Expr) -> Value:
        """An item of a tuple or list at a place that is known at run time only."""
        items = owner.items
        if not items or any(isinstance(i, StaticValue) for i in items):
            raise self.b.refuse(
                "a tuple or list of functions, strings or other objects is indexed by an integer "
                "literal here",
                "choose with if and elif",
            )
        key = self.place_in(items, key)
        if len(items) > _FEW and all(isinstance(i, Expr) for i in items):
            return self._from_table(items, key)
        return self._picked_item(items, key)

    def _from_table(self, items: tuple[Value, ...], key: Expr) -> Value:
        numbers = [i for i in items if isinstance(i, Expr)]
        kind = BOOL
        for e in numbers:
            kind = scalars.join_kinds(kind, e.kind)
        table = arrays.allocate(self.b, "items", (integer(len(numbers)),), kind, None)
        assert table.view is not None
        for k, e in enumerate(numbers):
            arrays.put(self.b, table.view.base, integer(k), self.b.convert(e, kind))
        return table.element((key,))

    def _picked_item(self, items: tuple[Value, ...], key: Expr) -> Value:
        name = f"$item_{self.b.here.line}_{self.b.here.column}"
        found = items[0]
        for k, item in enumerate(items[1:], 1):
            test = compare("==", key, integer(k))
            if isinstance(found, Expr) and isinstance(item, Expr):
                found = scalars.choice(self.b, test, item, found)
                continue
            yes: list[Stmt] = []
            no: list[Stmt] = []
            found = self.joined(name, item, yes, found, no)
            self.b.emit(If(test, tuple(yes), tuple(no), self.b.at))
        if not isinstance(found, Expr | ArrayValue | TupleValue):
            inner = [i for item in items if isinstance(item, TupleValue) for i in item.items]
            if any(isinstance(i, ListValue) for i in inner):
                raise self.b.refuse(
                    "a list in a list in a list, chosen by an index that is known at run time only",
                    "keep one list of all of them: cells[columns * i + j]",
                )
            raise self.b.refuse(
                "the items of this tuple or list are of different kinds (a vector and a matrix, "
                "an array and a number): a literal index is needed",
                "choose with if and elif, or keep one tuple for each kind",
            )
        return found


def _known(k: Expr) -> int:
    assert isinstance(k, Const)
    return int(k.value)


def _shortest(lengths: list[Expr]) -> Expr:
    length = lengths[0]
    for other in lengths[1:]:
        if isinstance(length, Const) and isinstance(other, Const):
            length = integer(min(int(length.value), int(other.value)))
        elif other != length:
            length = Call("min", (length, other), INT)
    return length


def _row(b: Builder, value: ArrayValue, k: Expr) -> Value:
    """Row ``k`` of an array, known to exist."""
    with b.into([]):
        return indexing.select(b, value, [k])
