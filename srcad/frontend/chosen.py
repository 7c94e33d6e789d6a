"""Lists in a list, chosen by an index that is known at run time only.

A method that changes such a list becomes one branch for each of the lists; a list that is read is
a variable that denotes the array of one of them, and another for its length::

    cells[k].append(v)               if k == 0: (append v to the first list)
    for w in cells[j]: ...     ->    if k == 1: (append v to the second list)
                                     if j == 0: chosen, n = (the array and length of the first)
                                     ...

Such a variable does not see how its list changes afterwards, so it gets no name in the program.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gast

from srcad.frontend import arrays
from srcad.frontend.either import EitherLists
from srcad.frontend.lists import METHODS, ListMethod, is_list
from srcad.frontend.values import CHOSEN, ListValue, RowsValue, StaticValue, TupleValue, Value
from srcad.ir.build import compare, integer
from srcad.ir.nodes import Assign, Bind, Expr, If, Stmt
from srcad.ir.types import INT


@dataclass(frozen=True)
class ChosenMethod:
    """A method of one of several lists, not called yet."""

    name: str
    lists: tuple[Value, ...]
    place: Expr

    def __hash__(self) -> int:
        return id(self)


class ChosenLists(EitherLists):
    """Elaborates what is done with one of several lists."""

    behind: dict[str, set[str]]
    """The arrays that a variable which stands for one of several lists may denote."""

    def _value(self, node: Any) -> Value:
        is_method = isinstance(node, gast.Attribute) and node.attr in METHODS
        if not is_method or not isinstance(node.value, gast.Subscript):
            return super()._value(node)
        owner, keys = self.target_of(node.value)
        if _is_choice(owner, keys) and self.b.constant(keys[0]) is None:
            assert isinstance(owner, TupleValue) and isinstance(keys[0], Expr)
            place = self.place_in(owner.items, keys[0])
            return StaticValue(ChosenMethod(node.attr, owner.items, place))
        return self.attribute(self.subscript(owner, keys), node.attr)

    def _call_object(
        self, function: Any, values: list[Value], keywords: dict[str, Value], node: Any
    ) -> Value:
        if not isinstance(function, ChosenMethod):
            return super()._call_object(function, values, keywords, node)
        if function.name not in ("append", "extend", "clear"):
            raise self.b.refuse(
                f".{function.name}() of a list that is chosen by a number known at run time only",
                "choose with if and elif",
            )
        values = [self.kept(v) for v in values]
        for k, item in enumerate(function.lists):
            before = self.moment()
            body: list[Stmt] = []
            other: list[Stmt] = []
            with self.b.into(body):
                self.list_method(ListMethod(function.name, item), values, node)  # type: ignore[arg-type]
            after = self.moment()
            self.resume(before)
            self.resume(self.merged(after, body, before, other))
            test = compare("==", function.place, integer(k))
            self.b.emit(If(test, tuple(body), tuple(other), self.b.at))
        return StaticValue(None)

    def _picked_item(self, items: tuple[Value, ...], key: Expr) -> Value:
        if all(map(is_list, items)):
            self._settle_lengths(items)
        lists = [i for i in items if isinstance(i, ListValue)]
        kinds = {self.b.arrays[i.array] for i in lists}
        if len(lists) < len(items) or len(kinds) > 1:
            return super()._picked_item(items, key)
        here = self.b.here
        mark = f"{here.line}_{here.column}"
        ref = self._reference(f"$chosen_{mark}", arrays.whole(self.b, lists[0].array))
        count = self.var(self.scope, f"$count_chosen_{mark}", INT)
        self.behind.setdefault(ref, set()).update(i.array for i in lists)
        for k, item in enumerate(lists):
            taken = (
                Bind((ref,), (item.array,), self.b.at),
                Assign(count, item.count, self.b.at),
            )
            if not k:
                self.b.block += taken
                continue
            self.b.emit(If(compare("==", key, integer(k)), taken, (), self.b.at))
        return ListValue(ref, count, (self.scope.key, here.line, here.column, CHOSEN))

    def _settle_lengths(self, items: tuple[Value, ...]) -> None:
        """Start again with lists in arrays, if they differ in length."""
        known = [i for i in items if isinstance(i, TupleValue)]
        if len(known) == len(items) and len({len(i.items) for i in known}) == 1:
            return
        for item in known:
            if item.tag is not None and item.tag.site is not None and not item.tag.fixed:
                self.make_run_time(item.tag, item.items)

    def rows_of(self, value: Value) -> RowsValue | None:
        """What is run over, as rows; one of several lists runs over the array of one of them."""
        rows = super().rows_of(value)
        if rows is None or not isinstance(value, ListValue) or value.site[3] != CHOSEN:
            return rows
        return RowsValue(rows.length, rows.row, rows.unrolled, tuple(self.behind[value.array]))


def _is_choice(owner: Value, keys: list[object]) -> bool:
    """Whether a subscript chooses among lists by a number."""
    if not isinstance(owner, TupleValue) or owner.keys or not owner.items or len(keys) != 1:
        return False
    return isinstance(keys[0], Expr) and all(map(is_list, owner.items))
