"""What functions of ``itertools`` give: rows, tuples and lists.

A loop over ``product`` or ``combinations`` is nested loops (``nests.py``). Elsewhere, as in a
comprehension, they are the list of their items.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from srcad.frontend import arrays, scalars
from srcad.frontend.chosen import ChosenLists
from srcad.frontend.values import (
    ArrayValue,
    ListValue,
    RangeValue,
    RowsValue,
    StarredValue,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.build import ONE, ZERO, add, at_least_zero, binary, compare, integer, scale, sub
from srcad.ir.nodes import Call, Const, Expr, names_read
from srcad.ir.types import FLOAT, INT

_FEW = 64
"""So many choices of known items are written out, other than in a loop."""


class Iterators(ChosenLists):
    """Elaborates calls of ``itertools``."""

    def _call_object(
        self, function: Any, values: list[Value], keywords: dict[str, Value], node: Any
    ) -> Value:
        if getattr(function, "__module__", None) != "itertools":
            return super()._call_object(function, values, keywords, node)
        name = function.__name__
        match name, values:
            case "product", _:
                return self._choices(function, self.pools(function, values, keywords))
            case "combinations", [_, _]:
                return self._choices(function, self.pools(function, values, keywords))
            case "pairwise", [value] if not keywords:
                return self._pairs(self._required(value, name))
            case "chain", _ if not keywords:
                return self._chained(values)
            case "islice", [value, *bounds] if bounds and not keywords:
                return self._slice_of(self._required(value, name), bounds)
            case "repeat", [value, times] if isinstance(times, Expr) and not keywords:
                return self._repeated(value, times)
            case "accumulate", [value, *rest]:
                return self._accumulated_by(value, rest, keywords)
        raise self.b.refuse(
            f"itertools.{name} is not supported in this form",
            "write the loop out; product, combinations, pairwise, chain, islice, accumulate and "
            "repeat(x, n) are supported",
        )

    def pools(
        self, function: Any, values: Sequence[Value], keywords: dict[str, Value]
    ) -> list[Value]:
        """What each item of a choice is taken of."""
        keywords, times = dict(keywords), ONE
        if function is itertools.product:
            times = keywords.pop("repeat", ONE)
        elif len(values) == 2:
            values, times = values[:1], values[1]
        if keywords or not isinstance(times, Const):
            raise self.b.refuse(
                f"itertools.{function.__name__} takes a known number of items here",
                "write nested loops",
            )
        found = [self._pool(value, function.__name__) for value in values]
        return found * int(times.value)

    def _pool(self, value: Value, word: str) -> Value:
        value = self.sequence(scalars.given(self.b, value))
        self._required(value, f"itertools.{word}")
        is_simple = isinstance(value, RangeValue) and value.step == ONE
        if is_simple or isinstance(value, TupleValue | ArrayValue | ListValue):
            return value
        return self.list_of(value)

    def known_choices(self, function: Any, pools: list[Value]) -> TupleValue | None:
        """The items of ``product`` or ``combinations``, if those of the pools are known."""
        known = [self.known_items(pool) for pool in pools]
        every = [items.items for items in known if items is not None]
        if len(every) < len(pools):
            return None
        found = (
            itertools.product(*every)
            if function is itertools.product
            else itertools.combinations(every[0] if every else (), len(every))
        )
        return TupleValue(tuple(TupleValue(choice) for choice in found))

    def _choices(self, function: Any, pools: list[Value]) -> Value:
        """The same of a few items, or a list of them."""
        lengths = [self._required(pool, function.__name__).length for pool in pools]
        if math.prod(int(n.value) if isinstance(n, Const) else 0 for n in lengths) > _FEW:
            pools = [self._numbers(p) if isinstance(p, RangeValue) else p for p in pools]
        found = self.known_choices(function, pools)
        if found is not None:
            return found
        helper = _LISTED[function].get(len(pools))
        if helper is None:
            raise self.b.refuse(
                f"itertools.{function.__name__} of {len(pools)} items of lengths known at run time "
                "only, other than in a for loop",
                "write nested loops",
            )
        given = pools if function is itertools.product else pools[:1]
        return self.call_user(helper, given, {}, None)

    def _numbers(self, pool: RangeValue) -> ArrayValue:
        """The numbers of a range, in an array: a loop over them is not written out."""
        rows = self._required(pool, "range")
        length = self.b.hold(at_least_zero(rows.length), "n")

        def number(at: tuple[Expr, ...]) -> Expr:
            found = rows.row(at[0])
            assert isinstance(found, Expr)
            return found

        return arrays.materialise(self.b, ArrayValue(INT, (length,), (False,), number), "pool")

    def _pairs(self, rows: RowsValue) -> RowsValue:
        """``pairwise``: each row with the next one."""

        def row(k: Expr) -> Value:
            return TupleValue((rows.row(k), rows.row(add(k, ONE))))

        length = at_least_zero(sub(rows.length, ONE))
        return RowsValue(length, row, rows.unrolled, rows.lists, rows.tags)

    def _chained(self, values: list[Value]) -> Value:
        """``chain``: the items of each, in a tuple or, if their number is not known, a list."""
        pieces = [self._pool(value, "chain") for value in values]
        items: list[Value] = []
        for piece in pieces:
            known = self.known_items(piece)
            if known is not None:
                items += known.items
                continue
            numbers = piece if isinstance(piece, ArrayValue) else self.numbers_of(piece)
            if numbers is None:
                raise self.b.refuse(
                    "itertools.chain of what is not made of numbers", "write two loops"
                )
            items.append(StarredValue(numbers))
        if any(isinstance(item, StarredValue) for item in items):
            return self.new_list(tuple(items), "chain")
        return TupleValue(tuple(items))

    def _repeated(self, value: Value, times: Expr) -> RowsValue:
        """``repeat``: a value as it is now, again and again."""
        read = set(names_read(value)) if isinstance(value, Expr) else set()
        value = self._untouched(value, read, stores=True)
        return RowsValue(at_least_zero(self.b.store(times, "n")), lambda k: value)

    def _slice_of(self, rows: RowsValue, bounds: list[Value]) -> RowsValue:
        """``islice(rows, stop)`` or ``islice(rows, start, stop[, step])``; no bound is negative."""
        if len(bounds) == 1:
            bounds = [ZERO, *bounds]
        start, stop, step = (*bounds, ONE)[:3]
        start = ZERO if _is_none(start) else start
        step = ONE if _is_none(step) else step
        if not (isinstance(start, Expr) and isinstance(step, Const) and step.value >= 1):
            raise self.b.refuse("itertools.islice takes integers, and a literal step of 1 or more")
        start = start if isinstance(start, Const) else self.b.store(start, "start")
        end = rows.length
        if not _is_none(stop):
            assert isinstance(stop, Expr)
            end = _smaller(end, self.b.hold(stop, "stop"))
        for bound in (start, ZERO if _is_none(stop) else stop):
            assert isinstance(bound, Expr)
            self.b.check(
                compare("<=", ZERO, bound), "ValueError", "islice takes no negative bounds"
            )
        by = int(step.value)
        span = add(sub(end, start), integer(by - 1))
        length = span if by == 1 else binary("//", span, step, INT)
        return RowsValue(
            self.b.hold(at_least_zero(length), "n"),
            lambda k: rows.row(add(start, scale(k, by))),
            rows.unrolled,
            rows.lists,
            rows.tags,
        )

    def _accumulated_by(self, value: Value, rest: list[Value], keywords: dict[str, Value]) -> Value:
        """``accumulate``: a list, or an array of floats if it is of one."""
        function = rest[0] if rest else keywords.get("func", StaticValue(None))
        initial = keywords.get("initial", StaticValue(None))
        is_vector = isinstance(value, ArrayValue) and (value.dtype, value.ndim) == (FLOAT, 1)
        helper: Callable[..., Any] = _accumulated_vector if is_vector else _accumulated
        helper = helper if _is_none(initial) else _accumulated_from
        given = [value] if _is_none(initial) else [value, initial]
        if _is_none(function):
            function = StaticValue(_sum)
        return self.call_user(helper, [*given, function], {}, None)


def _is_none(value: Value) -> bool:
    return isinstance(value, StaticValue) and value.value is None


def _smaller(a: Expr, b: Expr) -> Expr:
    if isinstance(a, Const) and isinstance(b, Const):
        return min(a, b, key=lambda e: e.value)
    return Call("min", (a, b), INT)


# ---------------------------------------------------------------- as the compiler reads them


def _sum(a: Any, b: Any) -> Any:
    return a + b


def _accumulated_vector(items: Any, function: Any) -> Any:
    out = np.array(items)
    for k in range(1, len(out)):
        out[k] = function(out[k - 1], out[k])
    return out


def _accumulated(items: Any, function: Any) -> Any:
    out = []
    if len(items) > 0:
        total = items[0]
        out.append(total)
        for k in range(1, len(items)):
            total = function(total, items[k])
            out.append(total)
    return out


def _accumulated_from(items: Any, initial: Any, function: Any) -> Any:
    total = initial
    out = [total]
    for item in items:
        total = function(total, item)
        out.append(total)
    return out


def _product_of_two(a: Any, b: Any) -> Any:
    return [(x, y) for x in a for y in b]


def _product_of_three(a: Any, b: Any, c: Any) -> Any:
    return [(x, y, z) for x in a for y in b for z in c]


def _combinations_of_two(a: Any) -> Any:
    return [(a[i], a[j]) for i in range(len(a)) for j in range(i + 1, len(a))]


def _combinations_of_three(a: Any) -> Any:
    n = len(a)
    return [(a[i], a[j], a[k]) for i in range(n) for j in range(i + 1, n) for k in range(j + 1, n)]


_LISTED: dict[Any, dict[int, Callable[..., Any]]] = {
    itertools.product: {2: _product_of_two, 3: _product_of_three},
    itertools.combinations: {2: _combinations_of_two, 3: _combinations_of_three},
}
