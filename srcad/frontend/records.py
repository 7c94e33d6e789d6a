"""Lists of tuples that grow in a loop or a branch: one list for each member.

Such a list has a list of numbers, or of arrays of one shape, for each number and array in its
items, and one variable that counts them all::

    pairs = []                       pairs_0 = np.empty(8); pairs_1 = np.empty(8); n = 0
    while t < end:             ->    while t < end:
        pairs.append((t, u))             (grow both if they are full)
                                         pairs_0[n] = t; pairs_1[n] = u; n = n + 1

Items are tuples, namedtuples and frozen dataclasses of one structure, and lists of one length that
have no name: they would be seen to change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gast

from srcad.frontend import arrays, scalars
from srcad.frontend.expressions import is_by_key
from srcad.frontend.lists import Items, ListMethod, Lists, holds_list
from srcad.frontend.values import (
    JOINED,
    ArrayValue,
    ListTag,
    ListValue,
    RecordsValue,
    RowsValue,
    Site,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.build import ONE, ZERO, at_least_zero, compare, integer, sub
from srcad.ir.nodes import Assign, Expr, Load, Store, Var
from srcad.ir.types import BOOL

_HINT = "keep one list for each member: ts.append(t); us.append(u)"
_HOLE = StaticValue(None)


class Records(Lists):
    """Makes and changes lists of tuples."""

    # ------------------------------------------------------------ making

    def new_list(self, items: Items, what: str = "list") -> TupleValue | ListValue | RecordsValue:
        """A list of known items."""
        site = self.site(what)
        shape = self.b.decisions.records.get(site)
        if shape is None or not self._are_lists(site, shape):
            return super().new_list(items, what)
        return self.records(site, shape, items)

    def _are_lists(self, site: Site, shape: TupleValue) -> bool:
        sites = [_column(site, k) for k in range(len(list(leaves(shape))))]
        return all(s in self.b.decisions.lists for s in sites)

    def records(self, site: Site, shape: TupleValue, items: Items) -> RecordsValue:
        """A list of tuples of one structure that may grow."""
        rows = [self._leaves_for(shape, item) for item in items]
        columns: list[ListValue] = []
        for k in range(len(list(leaves(shape)))):
            place = _column(site, k)
            kind = self.b.decisions.lists[place]
            columns.append(self.stored_list(place, kind, tuple(row[k] for row in rows)))
        return self.records_of(shape, columns, site)

    def empty_records(self, site: Site) -> RecordsValue | None:
        """A list of tuples that begins empty, if it is known that one is made here."""
        shape = self.b.decisions.records.get(site)
        if shape is None or not self._are_lists(site, shape):
            return None
        return self.records(site, shape, ())

    def filled_records(self, item: TupleValue, values: list[ArrayValue], what: str) -> RecordsValue:
        """A list of tuples like one of them, of the rows of new arrays."""
        columns = [self.array_list(v, f"{what}_00{k}") for k, v in enumerate(values)]
        return self.records_of(skeleton(item), columns, self.site(what))

    def records_of(self, shape: TupleValue, lists: list[ListValue], site: Site) -> RecordsValue:
        """The list of tuples whose members are those of lists, which have one length."""
        if not lists:
            raise self.b.refuse(
                "a list of empty lists or tuples, whose length is known at run time only",
                "write the number of lists as a literal, or keep the members "
                "in an array np.empty((n, most)) with a count for each row",
            )
        count = lists[0].count
        shared = iter([ListValue(one.array, count, one.site) for one in lists])
        return RecordsValue(rebuilt(shape, lambda _: next(shared)), count, site)

    def make_run_time(self, tag: ListTag, items: Items) -> None:
        """Start again with a list in an array, or in one for each member."""
        if items and all(isinstance(i, TupleValue) for i in items) and not self._eager_loops():
            if tag.site is None or tag.fixed:
                raise self._not_changeable()
            self.make_records(tag.site, items)
        super().make_run_time(tag, items)

    def make_records(self, site: Site, items: Items) -> None:
        """Start again with a list for each member of the tuples in a list."""
        first = items[0]
        assert isinstance(first, TupleValue)
        shape = skeleton(first)
        columns: list[tuple[str, int]] = []
        for members in zip(*(self._leaves_for(shape, i) for i in items), strict=True):
            kind, ndim = BOOL, 0
            for member in members:
                kind = scalars.join_kinds(kind, arrays.kind_of(_dtype_of(member)))
                ndim = member.ndim if isinstance(member, ArrayValue) else 0
            columns.append((kind, ndim))
        self.make_columns(site, shape, columns)

    def make_columns(self, site: Site, shape: TupleValue, columns: list[tuple[str, int]]) -> None:
        """Start again with a list for each member, of numbers or arrays of a kind and rank."""
        for k, (kind, ndim) in enumerate(columns):
            self.b.decisions.lists[_column(site, k)] = kind
            if ndim:
                self.b.decisions.ranks[_column(site, k)] = ndim
        self.b.decisions.make_records(site, shape)

    def _leaves_for(self, shape: TupleValue, value: Value) -> list[Value]:
        """The numbers and arrays in an item of a list of tuples."""
        value = scalars.given(self.b, value)
        if not isinstance(value, TupleValue) or skeleton(value) != shape:
            raise self.b.refuse(
                "the items of a list that grows in a loop or a branch must be tuples of one "
                "structure here",
                "keep one list for each structure",
            )
        found: list[Value] = []
        for leaf in leaves(value):
            if isinstance(leaf, ArrayValue) and not leaf.ndim:
                leaf = leaf.element(())
            if not isinstance(leaf, Expr | ArrayValue):
                raise self.b.refuse(
                    "a tuple in a list that grows in a loop or a branch holds numbers and arrays "
                    "only",
                    "append a number that stands for it",
                )
            found.append(leaf)
        return found

    # ------------------------------------------------------------ reading

    def subscript(self, owner: Value, keys: list[object]) -> Value:
        """``owner[keys]``."""
        if not isinstance(owner, RecordsValue):
            return super().subscript(owner, keys)
        if len(keys) != 1 or not isinstance(keys[0], Expr | tuple):
            raise self.b.refuse("a list takes one number or a slice as its index")
        if isinstance(keys[0], Expr):
            key = self.b.hold(keys[0], "k")
            return self._record(owner, lambda one: super(Records, self).subscript(one, [key]))
        return self._selected(owner, "slice", keys)

    def _record(self, owner: RecordsValue, of: Callable[[ListValue], Value]) -> TupleValue:
        return rebuilt(owner.columns, of, ListTag(fixed=True))

    def _selected(self, owner: RecordsValue, what: str, keys: list[object]) -> RecordsValue:
        """A new list of some of the items."""
        columns: list[ListValue] = []
        for k, one in enumerate(columns_of(owner)):
            whole = arrays.listed(self.b, one)
            part = super().subscript(whole, keys)
            assert isinstance(part, ArrayValue)
            columns.append(
                self.array_list(arrays.materialise(self.b, part, "items"), f"{what}_00{k}")
            )
        return self.records_of(skeleton(owner.columns), columns, self.site(what))

    def rows_of(self, value: Value) -> RowsValue | None:
        """What is run over, as rows."""
        if not isinstance(value, RecordsValue):
            return super().rows_of(value)
        return self._rows_through(value, lambda one: one)

    def _rows_through(self, owner: RecordsValue, view: Callable[[ArrayValue], Value]) -> RowsValue:
        """The items, where each member is seen through a view of the list of all."""
        rows: dict[str, RowsValue] = {}
        for one in columns_of(owner):
            found = super().rows_of(view(arrays.listed(self.b, one)))
            assert found is not None
            rows[one.array] = found
        length = self.b.store(owner.count, "n")

        def row(k: Expr) -> TupleValue:
            return self._record(owner, lambda one: rows[one.array].row(k))

        return RowsValue(length, row, False, tuple(rows))

    def _call(self, node: Any) -> Value:
        is_spread = len(node.args) == 1 and isinstance(node.args[0], gast.Starred)
        if is_spread and isinstance(node.func, gast.Name) and not node.keywords:
            function = self.value(node.func)
            if isinstance(function, StaticValue) and function.value is zip:
                value = self.value(node.args[0].value)
                if isinstance(value, RecordsValue):
                    return self._columns(value)
                return self._call_object(zip, self.unstarred(value, is_open=False), {}, node)
        return super()._call(node)

    def _columns(self, owner: RecordsValue) -> Value:
        """``zip(*owner)``: its members one by one."""
        if any(isinstance(i, TupleValue) for i in owner.columns.items):
            raise self.b.refuse("zip(*...) of a list of nested tuples", _HINT)
        test = compare(">", owner.count, ZERO)
        self.b.check(test, "ValueError", "there is nothing to unpack: the list is empty")
        return TupleValue(self._selected(owner, "zip", [(None, None, None)]).columns.items)

    def _as_numbers(self, value: Value) -> Value:
        """An argument of a function that takes arrays: a list of tuples of numbers is a matrix."""
        if not isinstance(value, RecordsValue):
            return super()._as_numbers(value)
        columns = columns_of(value)
        if any(isinstance(i, TupleValue) for i in value.columns.items) or any(
            self.rank_of(one) for one in columns
        ):
            raise self.b.refuse(
                "an array of a list of tuples, whose length is known at run time only: of numbers "
                "only",
                _HINT,
            )
        kind = BOOL
        for one in columns:
            kind = scalars.join_kinds(kind, arrays.kind_of(self.b.arrays[one.array][0]))
        made = arrays.allocate(self.b, "items", (value.count, integer(len(columns))), kind, None)
        assert made.view is not None
        with self.b.loop(value.count, "k") as k:
            for m, one in enumerate(columns):
                item = Load(one.array, (k,), arrays.kind_of(self.b.arrays[one.array][0]))
                place = (k, integer(m))
                self.b.emit(
                    Store(made.view.base, place, self.b.convert(item, kind), True, self.b.at)
                )
        return made

    def _call_object(
        self, function: Any, values: list[Value], keywords: dict[str, Value], node: Any
    ) -> Value:
        match function, values:
            case _, [RecordsValue(count=count)] if function is len:
                return count
            case _, [RecordsValue() as owner] if function is list:
                return self._selected(owner, "call", [(None, None, None)])
        if getattr(function, "__module__", "") == "builtins" and not is_by_key(function, keywords):
            for value in values:
                if isinstance(value, RecordsValue) and function not in (enumerate, reversed, zip):
                    raise self.b.refuse(
                        f"{function.__name__}() of a list of tuples, whose length is known at run "
                        "time only",
                        _HINT,
                    )
        return super()._call_object(function, values, keywords, node)

    def _reversed(self, value: Value) -> Value:
        if not isinstance(value, RecordsValue):
            return super()._reversed(value)
        return self._rows_through(value, super()._reversed)

    # ------------------------------------------------------------ changing

    def list_method(self, method: ListMethod, values: list[Value], node: Any) -> Value:
        """A call of a method of a list."""
        owner, name = method.owner, method.name
        if isinstance(owner, ListValue) and name == "append" and len(values) == 1:
            self._settle_items(owner, values[0])
        if not isinstance(owner, RecordsValue):
            return super().list_method(method, values, node)
        if name == "copy":
            return self._selected(owner, "call", [(None, None, None)])
        return self._change_records(owner, name, values)

    def _settle_items(self, owner: ListValue, item: Value) -> None:
        """Start again where an item shows what the list of a comprehension holds."""
        if owner.site not in self.b.decisions.lists or self.rank_of(owner):
            return
        if not owner.site[3].startswith("comprehension"):
            return
        if isinstance(item, TupleValue):
            self.make_records(owner.site, (item,))
        if isinstance(item, ArrayValue) and item.ndim:
            self.b.decisions.make_list(owner.site, arrays.kind_of(item.dtype), item.ndim)

    def _change_records(self, owner: RecordsValue, name: str, values: list[Value]) -> Value:
        if owner.site[3] == JOINED:
            raise self._not_changeable()
        if not isinstance(owner.count, Var) or not self._are_lists(owner.site, owner.columns):
            kinds = [arrays.kind_of(self.b.arrays[one.array][0]) for one in columns_of(owner)]
            ranks = [self.rank_of(one) for one in columns_of(owner)]
            shape = skeleton(owner.columns)
            self.make_columns(owner.site, shape, list(zip(kinds, ranks, strict=True)))
        count = owner.count
        assert isinstance(count, Var)
        has_arrays = any(self.rank_of(one) for one in columns_of(owner))
        match name, values:
            case "append", [item]:
                self._append_record(owner, item)
            case "extend", [more] if (found := self.known_items(more)) is not None:
                for item in [self.kept(i) for i in found.items]:
                    self._append_record(owner, item)
            case "clear", [] if not has_arrays:
                self.appended += [one.array for one in columns_of(owner)]
                self.b.emit(Assign(count, ZERO, self.b.at))
            case "pop", [] if not has_arrays:
                self.appended += [one.array for one in columns_of(owner)]
                self.b.check(compare(">", count, ZERO), "IndexError", "pop from empty list")
                self.b.emit(Assign(count, sub(count, ONE), self.b.at))
                return self._record(owner, lambda one: self.b.store(self._last(one), "t"))
            case "pop", [key] if isinstance(key, Expr) and not has_arrays:
                self.appended += [one.array for one in columns_of(owner)]
                at = self.place_of(columns_of(owner)[0], key)
                popped = self._record(owner, lambda one: self.extracted(one, at))
                self.b.emit(Assign(count, sub(count, ONE), self.b.at))
                return popped
            case "extend", [more] if (rows := self.rows_of(more)) is not None and not rows.unrolled:
                with self.b.loop(at_least_zero(rows.length), "k") as k:
                    self._append_record(owner, rows.row(k))
            case _:
                raise self.b.refuse(
                    f".{name}() of a list of tuples whose length is known at run time only is not "
                    "supported",
                    _HINT,
                )
        return StaticValue(None)

    def _last(self, one: ListValue) -> Load:
        return Load(one.array, (one.count,), arrays.kind_of(self.b.arrays[one.array][0]))

    def _append_record(self, owner: RecordsValue, item: Value) -> None:
        self._require_nameless(item)
        found = self._leaves_for(skeleton(owner.columns), item)
        columns = columns_of(owner)
        items: list[Expr | ArrayValue] = []
        for one, leaf in zip(columns, found, strict=True):
            if self.rank_of(one):
                kind = arrays.kind_of(self.b.arrays[one.array][0])
                items.append(self._array_for(one.site, kind, self.rank_of(one), leaf))
            else:
                items.append(self.b.hold(self._number_for(one, leaf), "t"))
        for one, leaf in zip(columns, items, strict=True):
            self.put_last(one, leaf)
        self.count_one(columns[0])

    def _require_nameless(self, item: Value) -> None:
        """Refuse lists in an item that something else holds, where they may change."""
        for tag in _tags(item):
            for scope in self._active_scopes():
                for name, value in scope.env.items():
                    if not name.startswith("$") and holds_list(value, tag):
                        raise self.b.refuse(
                            "a list that has a name cannot be an item of a list that grows in a "
                            "loop or a branch",
                            "append a tuple of its items",
                        )

    def update_list(
        self, owner: TupleValue | ListValue | RecordsValue, op: str, value: Value
    ) -> None:
        """``owner += value`` or ``owner *= value``."""
        if not isinstance(owner, RecordsValue):
            return super().update_list(owner, op, value)
        if op != "+":
            raise self.b.refuse(f"{op}= of a list of tuples is not supported", "append in a loop")
        self._change_records(owner, "extend", [value])
        return None

    def store_item(
        self, owner: TupleValue | ListValue | RecordsValue, keys: list[object], value: Value
    ) -> None:
        """``owner[key] = value`` of a list."""
        if not isinstance(owner, RecordsValue):
            return super().store_item(owner, keys, value)
        if owner.site[3] == JOINED:
            raise self._not_changeable()
        self._require_nameless(value)
        found = [self.kept(v) for v in self._leaves_for(skeleton(owner.columns), value)]
        for one, leaf in zip(columns_of(owner), found, strict=True):
            super().store_item(one, keys, leaf)
        return None


def leaves(value: TupleValue) -> Iterator[Value]:
    """The members of a structure that are no structures themselves."""
    for item in value.items:
        if isinstance(item, TupleValue):
            yield from leaves(item)
        else:
            yield item


def rebuilt(
    value: TupleValue, of: Callable[[Any], Value], tag: ListTag | None = None
) -> TupleValue:
    """The same structure of other members; ``tag`` for the lists in it."""
    items = (rebuilt(i, of, tag) if isinstance(i, TupleValue) else of(i) for i in value.items)
    return TupleValue(tuple(items), value.cls, value.keys, tag if value.cls is list else None)


def skeleton(value: TupleValue) -> TupleValue:
    """The structure of a value, with None in place of its numbers and arrays.

    >>> skeleton(TupleValue((ONE, ZERO))) == skeleton(TupleValue((ZERO, ZERO)))
    True
    """
    return rebuilt(value, lambda _: _HOLE)


def columns_of(owner: RecordsValue) -> list[ListValue]:
    """The lists of a list of tuples."""
    return [one for one in leaves(owner.columns) if isinstance(one, ListValue)]


def _column(site: Site, k: int) -> Site:
    scope, line, column, what = site
    return scope, line, column, f"{what}_00{k}"  # what no round of a comprehension has


def _dtype_of(value: Value) -> str:
    return value.dtype if isinstance(value, ArrayValue) else value.kind  # type: ignore[union-attr]


def _tags(value: Value) -> Iterator[ListTag]:
    if isinstance(value, TupleValue):
        if value.tag is not None:
            yield value.tag
        for item in value.items:
            yield from _tags(item)
