"""Lists that are made, grow and change inside the program.

While the control flow is known, a list is its items: ``append`` makes a longer tuple, and every
name that holds the list sees it. A list that grows in a loop or a branch that is decided at run
time becomes an array that is replaced by one of twice the length when it is full::

    out = []                         out = np.empty(8); n = 0
    while e > tol:             ->    while e > tol:
        out.append(e)                    if n == out.shape[0]: out = (a copy, twice as long)
                                         out[n] = e; n = n + 1

That the second form is needed is seen only where the loop ends; then elaboration starts again
(``Decisions.lists``).
"""

from __future__ import annotations

import itertools
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeGuard

import gast

from srcad.errors import ArgumentValueError
from srcad.frontend import arrays, histories, indexing, joining, scalars
from srcad.frontend.builder import Builder
from srcad.frontend.expressions import STALE, Scope, is_by_key
from srcad.frontend.sequences import EAGER, ITERATORS, Sequences
from srcad.frontend.syntax import plain
from srcad.frontend.values import (
    CHOSEN,
    JOINED,
    ArrayValue,
    ListTag,
    ListValue,
    LocalFunction,
    MaybeUnbound,
    Outside,
    RangeValue,
    RecordsValue,
    RowsValue,
    Site,
    StarredValue,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.build import ONE, ZERO, add, at_least_zero, compare, integer, sub
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Bind,
    Call,
    Const,
    Expr,
    Extent,
    For,
    If,
    Load,
    Select,
    Stmt,
    Store,
    Var,
)
from srcad.ir.types import BOOL, INT

METHODS = ("append", "extend", "insert", "pop", "reverse", "clear", "copy")
_HINT = "allocate np.empty(n) before the loop and fill it"
_CAPACITY = 8
Items = tuple[Value, ...]


@dataclass(frozen=True)
class ListMethod:
    """A method of a list, not called yet."""

    name: str
    owner: TupleValue | ListValue | RecordsValue

    def __hash__(self) -> int:
        return id(self)


class Lists(Sequences):
    """Makes and changes lists."""

    direct: Any = None
    """The call that is a statement, or all that one assigns: it may change a list."""
    rounds: tuple[int, ...] = ()
    """Of the comprehensions being read, each of whose rounds may make a list of its own."""
    targets: list[tuple[Scope, str, Any]]
    """Names that are being assigned, and the expressions whose values they get."""
    heap: Scope
    """The members of dicts and dataclasses, which may be lists."""
    changes: list[tuple[ListTag, Items, Items]]
    """Lists of known length that were changed, their items before and after."""
    appended: list[str]
    """The arrays of run-time lists that grew or shrank, in the order of the program."""

    # ------------------------------------------------------------ expressions on lists

    def attribute(self, owner: Value, name: str) -> Value:
        """``owner.name``; here the methods of lists."""
        if is_list(owner):
            if name in METHODS:
                return StaticValue(ListMethod(name, owner))
            if not hasattr(list, name):
                raise self.b.refuse(
                    f"a list has no attribute {name!r}", "make it an array, with np.array(...)"
                )
            raise self.b.refuse(
                f"the list method .{name} is not supported",
                "write a = sorted(a)" if name == "sort" else f"one of {', '.join(METHODS)} is",
            )
        return super().attribute(owner, name)

    def binary(self, op: str, left: Value, right: Value) -> Value:
        """``left op right``; here of lists."""
        is_number = isinstance(right, Expr) and not isinstance(right, Const)
        if isinstance(left, TupleValue) and not left.keys and is_number and op == "*":
            return self.repeated(left, right)  # type: ignore[arg-type]
        if isinstance(left, ListValue) or isinstance(right, ListValue):
            if not (op == "+" and is_list(left) and is_list(right)):
                raise self.b.refuse(
                    "arithmetic on a list whose length is known at run time only is not supported",
                    "make an array of it: np.array(...)",
                )
            return self._concatenated(
                (*self._spread_out(left), *self._spread_out(right)), "operator"
            )
        found = super().binary(op, left, right)
        if isinstance(found, TupleValue) and found.cls is list:
            return self.new_list(found.items, "operator")
        return found

    def subscript(self, owner: Value, keys: list[object]) -> Value:
        """``owner[keys]``; here of run-time lists and ranges."""
        if isinstance(owner, ListValue):
            ndim = self.rank_of(owner)
            if ndim and not (len(keys) == 1 and isinstance(keys[0], Expr | tuple)):
                raise self.b.refuse("a list takes one number or a slice as its index")
            found = indexing.select(self.b, arrays.listed(self.b, owner), keys)
            if isinstance(found, ArrayValue) and not (ndim and isinstance(keys[0], Expr)):
                return self.array_list(arrays.materialise(self.b, found, "items"), "slice")
            return found
        if isinstance(owner, RangeValue):
            numbers = self.numbers_of(owner)
            assert numbers is not None
            return self.subscript(numbers, keys)
        if isinstance(owner, TupleValue) and owner.cls is list and isinstance(keys[0], Const):
            self._require_item(owner, int(keys[0].value))
        found = super().subscript(owner, keys)
        if isinstance(found, TupleValue) and found.cls is list and isinstance(keys[0], tuple):
            return self.new_list(found.items, "slice")
        return found

    def _call_object(
        self, function: Any, values: list[Value], keywords: dict[str, Value], node: Any
    ) -> Value:
        if isinstance(function, ListMethod):
            return self.list_method(function, values, node)
        if any(function is f for f in ITERATORS):
            return self.iterator(function, values, keywords)
        if function is list:
            return self.list_of(values[0]) if values else self.new_list((), "call")
        if is_by_key(function, keywords):
            return super()._call_object(function, values, keywords, node)
        if function is tuple and values:
            found = self.known_items(values[0])
            if found is not None:
                return TupleValue(found.items)
        if not isinstance(function, types.FunctionType) and not hasattr(function, "py_func"):
            values = [self._as_numbers(v) for v in values]
        return super()._call_object(function, values, keywords, node)

    def _as_numbers(self, value: Value) -> Value:
        """An argument of a function that takes arrays: run-time lists are arrays there."""
        if isinstance(value, ListValue):
            return arrays.listed(self.b, value)
        if isinstance(value, RowsValue):
            return self.known_items(value) or self.numbers_of(value) or value
        return value

    def unstarred(self, value: Value, *, is_open: bool) -> list[Value]:
        """The items of ``*value``; one starred value for all if there may be any number."""
        found = self.known_items(value)
        if found is not None:
            return list(found.items)
        items = value if isinstance(value, ArrayValue) else self.numbers_of(value)
        if isinstance(items, ArrayValue) and items.ndim:
            length = items.extents[0]
            if isinstance(length, Const):
                rows = range(int(length.value))
                return [indexing.select(self.b, items, [integer(k)]) for k in rows]
            if is_open:
                return [StarredValue(items)]
        raise self.b.refuse(
            "* takes a tuple here, or a list, range or array of known length",
            "write the items out, or use a list: [*...]",
        )

    # ------------------------------------------------------------ making lists

    def site(self, what: str) -> Site:
        """The expression being read, as a place where a list is made."""
        here = self.b.here
        return (self.scope.key, here.line, here.column, "_".join([what, *map(str, self.rounds)]))

    def new_list(self, items: Items, what: str = "list") -> TupleValue | ListValue:
        """A list of items."""
        if any(isinstance(item, StarredValue) for item in items):
            return self._concatenated(items, what)
        site = self.site(what)
        kind = self.b.decisions.lists.get(site)
        if kind is None:
            return TupleValue(items, list, tag=ListTag(site))
        return self.stored_list(site, kind, items)

    def _spread_out(self, value: Value) -> Items:
        """The items of a list in a longer one."""
        if isinstance(value, ListValue):
            return (StarredValue(arrays.listed(self.b, value)),)
        return tuple(self.unstarred(value, is_open=True))

    def _concatenated(self, items: Items, what: str) -> ListValue:
        """A list of numbers, of which some are those of arrays."""
        pieces: list[Value] = []
        for is_starred, run in itertools.groupby(items, lambda i: isinstance(i, StarredValue)):
            found = tuple(run)
            if is_starred:
                pieces += [i.contents for i in found if isinstance(i, StarredValue)]
            else:
                pieces.append(TupleValue(found))
        made = joining.concatenate(self.b, TupleValue(tuple(pieces)))
        if not isinstance(made, ArrayValue) or made.ndim > 1:
            raise self.b.refuse(
                "a list of arrays whose length is known at run time only, and of other items",
                "use np.concatenate, np.vstack or the rows of np.empty((n, m))",
            )
        return self.array_list(arrays.materialise(self.b, made, "items"), what)

    def stored_list(self, site: Site, kind: str, items: Items) -> ListValue:
        """A list in an array, which may grow."""
        ndim = self.b.decisions.ranks.get(site, 0)
        if ndim:
            found = [self._array_for(site, kind, ndim, item) for item in items]
            made = histories.rows_of(self.b, kind, found, ndim)
            return self._held_list(site, kind, made, integer(len(items)))
        for item in items:
            if not isinstance(item, Expr):
                raise self._not_numbers(item)
            kind = self._wider(site, kind, item)
        capacity = max(_CAPACITY, 2 * len(items))
        made = arrays.allocate(self.b, "items", (integer(capacity),), kind, None)
        assert made.view is not None
        for k, item in enumerate(items):
            assert isinstance(item, Expr)
            arrays.put(self.b, made.view.base, integer(k), self.b.convert(item, kind))
        return self._held_list(site, kind, made, integer(len(items)))

    def _held_list(self, site: Site, kind: str, made: ArrayValue, count: Expr) -> ListValue:
        """A list that may grow, in variables of its own."""
        assert made.view is not None
        _, *rounds = site[3].split("_")
        mark = "_".join([str(site[1]), str(site[2]), *rounds])
        name = f"${plain(self.b.wanted) if self.b.wanted != 't' else 'items'}_{mark}"
        ref = self._reference(name, made)
        self._require_unheld(site, ref)
        self.b.emit(Bind((ref,), (made.view.base,), self.b.at))
        size = self.var(self.scope, f"$count_{mark}", INT)
        self.b.emit(Assign(size, count, self.b.at))
        if made.ndim > 1:
            assert made.view is not None
            self.b.grown[ref] = self.b.here
            if made.view.base in self.b.kept:
                self.b.kept.setdefault(ref, {}).update(self.b.kept[made.view.base])
        return ListValue(ref, size, site)

    def _require_unheld(self, site: Site, ref: str) -> None:
        """The list that was made here before must be gone: both would be one variable."""
        for scope in self._active_scopes():
            for name, value in scope.env.items():
                doomed = any(
                    s is scope and n == name and name not in _names_in(node)
                    for s, n, node in self.targets
                )
                if not doomed and not name.startswith("$") and _mentions(value, site, ref):
                    raise self.b.refuse(
                        f"this list is made again while {name!r} holds the one made here before",
                        "copy the list into an array: np.array(...)",
                    )

    def array_list(self, value: ArrayValue, what: str) -> ListValue:
        """A list of the elements of a new array, which nothing else holds."""
        site = self.site(what)
        length = value.extents[0]
        kind = arrays.kind_of(value.dtype)
        if site in self.b.decisions.lists:
            return self._held_list(site, kind, value, length)
        assert value.view is not None
        return ListValue(value.view.base, self.b.hold(length, "n"), site)

    def list_of(self, value: Value) -> Value:
        """``list(value)``."""
        items = self.known_items(value)
        if items is not None:
            return self.new_list(items.items, "call")
        rows = self.rows_of(value)
        if rows is None:
            raise self.b.refuse("list() takes ranges, arrays, tuples and lists", _HINT)
        probe = rows.row(Var("$k", INT)) if not rows.unrolled else None
        if not isinstance(probe, Expr):
            return self.call_user(_listed, [value], {}, None)
        length = self.b.hold(at_least_zero(rows.length), "n")
        made = ArrayValue(probe.kind, (length,), (False,), lambda at: _number(rows.row(at[0])))
        return self.array_list(arrays.materialise(self.b, made, "items"), "call")

    def items_of(self, value: Value) -> Value:
        """What can be indexed in place of an iterable."""
        value = self.sequence(value)
        return self.list_of(value) if isinstance(value, RowsValue) else value

    def repeated(self, value: TupleValue, times: Expr) -> Value:
        """``[x] * n`` for an ``n`` that is known at run time only."""
        if len(value.items) != 1 or not isinstance(value.items[0], Expr) or value.cls is not list:
            raise self.b.refuse(
                "a list times a number that is not known when the code is generated: one number "
                "in brackets only",
                "allocate np.empty(n) and fill it",
            )
        item = value.items[0]
        length = self.b.hold(at_least_zero(times), "n")
        made = arrays.allocate(self.b, self.b.wanted, (length,), item.kind, item)
        return self.array_list(made, "repeat")

    # ------------------------------------------------------------ decisions

    def grow_if_lists(self, one: Value, two: Value) -> None:
        """Start again with a list in an array, if two lists differ in length."""
        if not (isinstance(one, TupleValue) and isinstance(two, TupleValue)):
            return
        if one.cls is not list or two.cls is not list or one.tag is None or two.tag is None:
            return
        if one.tag.site is not None and one.tag.site == two.tag.site:
            self.make_run_time(one.tag, (*one.items, *two.items))

    def make_run_time(self, tag: ListTag, items: Items) -> None:
        """Start again with a list in an array."""
        if any(isinstance(item, ArrayValue) and item.ndim for item in items):
            self._make_rows(tag, items)
        kind = BOOL
        for item in items:
            if not isinstance(item, Expr):
                raise self._not_numbers(item)
            kind = scalars.join_kinds(kind, item.kind)
        if tag.site is None or tag.fixed:
            raise self._not_changeable()
        self.b.decisions.make_list(tag.site, kind)

    def _make_rows(self, tag: ListTag, items: Items) -> None:
        """Start again with a list of arrays in one array, if no loop is left to write out."""
        found = [i for i in items if isinstance(i, ArrayValue)]
        ndim = found[0].ndim
        others = len(found) < len(items) or any(i.ndim != ndim for i in found)
        if (
            others
            or tag.site is None
            or tag.fixed
            or set(self._eager_loops()) - self.b.decisions.unrolled
        ):
            odd = [i for i in items if not isinstance(i, ArrayValue)]
            raise self._not_numbers(odd[0] if odd else None)
        kind = BOOL
        for item in found:
            kind = scalars.join_kinds(kind, arrays.kind_of(item.dtype))
        self.b.decisions.make_list(tag.site, kind, ndim)

    def _array_for(self, site: Site, kind: str, ndim: int, value: Value) -> ArrayValue:
        """A value as an item of a list of arrays."""
        if not isinstance(value, ArrayValue) or value.ndim != ndim:
            raise self._not_numbers(value)
        joined = scalars.join_kinds(kind, arrays.kind_of(value.dtype))
        if joined != kind:
            self.b.decisions.make_list(site, joined, ndim)
        return value

    def rank_of(self, owner: ListValue) -> int:
        """The number of axes of the items of a run-time list."""
        return self.b.arrays[owner.array][1] - 1

    def _require_item(self, owner: TupleValue, k: int) -> None:
        """A list that is too short here may be long enough in a later round of a loop."""
        if -len(owner.items) <= k < len(owner.items):
            return
        if owner.tag is not None and owner.tag.site is not None and not owner.tag.fixed:
            self.make_run_time(owner.tag, owner.items)
        raise ArgumentValueError(
            f"index {k} out of range: the list has {len(owner.items)} items", self.b.here
        )

    def _wider(self, site: Site, kind: str, item: Expr) -> str:
        """The kind of a list's items; a wider one is a new decision."""
        joined = scalars.join_kinds(kind, item.kind)
        if joined != kind:
            self.b.decisions.make_list(site, joined)
        return kind

    def _eager_loops(self) -> list[Site]:
        return [site for site in self.b.open_loops if site[3] == EAGER]

    def _not_numbers(self, item: Value | None = None) -> Exception:
        for site in self._eager_loops():
            self.b.decisions.add(self.b.decisions.unrolled, site)
        hint = "keep one list for each rank, or fill the rows of np.empty((n, m))"
        if isinstance(item, TupleValue):
            hint = "keep one list for each member: ts.append(t); us.append(u)"
        elif isinstance(item, StaticValue):
            hint = "append a number that stands for it"
        return self.b.refuse(
            "a list that grows in a loop or a branch holds numbers, or arrays of one rank, only",
            hint,
        )

    def _not_replaced(self) -> Exception:
        for site in self.b.open_loops[-1:]:  # the others, where that does not suffice
            self.b.decisions.add(self.b.decisions.unrolled, site)
        return self.b.refuse(
            "an array of a list is replaced, which one is known at run time only",
            "write into the array, a[k][:] = ..., or use the rows of np.empty((n, m))",
        )

    def _not_changeable(self) -> Exception:
        return self.b.refuse(
            "this list cannot be changed here: it is the caller's, or one of two lists",
            "make a list or an array inside the function",
        )

    # ------------------------------------------------------------ methods

    def list_method(self, method: ListMethod, values: list[Value], node: Any) -> Value:
        """A call of a method of a list."""
        name, owner = method.name, method.owner
        if name == "copy":
            return self.list_of(owner)
        if isinstance(owner, ListValue):
            return self._run_time_method(owner, name, values)
        if self.direct is not node:
            raise self.b.refuse(
                f"the list method .{name}() inside an expression is not supported",
                "write the call as a statement of its own",
            )
        assert isinstance(owner, TupleValue)
        out: list[Value] = [StaticValue(None)]
        self._change(owner, self._operation(name, owner, values, out))
        return out[0]

    def _operation(
        self, name: str, owner: TupleValue, values: list[Value], out: list[Value]
    ) -> Callable[[Items], Items]:
        """What a method makes of the items; ``out`` receives its result."""
        match name, values:
            case "append", [item]:
                return lambda items: (*items, item)
            case "extend", [more]:
                found = self.known_items(more)
                if found is not None:
                    return lambda items: (*items, *found.items)
            case "reverse", []:
                return lambda items: items[::-1]
            case "clear", []:
                return lambda items: ()
            case "insert", [Const(value=at), item]:
                k = int(at)
                return lambda items: (*items[:k], item, *items[k:])
            case "pop", [] | [Const()]:
                at = int(values[0].value) if values else -1  # type: ignore[union-attr]
                k = at % len(owner.items) if owner.items else 0
                self._require_item(owner, at)
                popped = owner.items[k]
                out[0] = self.b.store(popped, "t") if isinstance(popped, Expr) else popped
                return lambda items: (*items[:k], *items[k + 1 :])
        raise self.b.refuse(f"this form of .{name}() of a list is not supported", _HINT)

    def update_list(self, owner: TupleValue | ListValue, op: str, value: Value) -> None:
        """``owner += value`` or ``owner *= value``: all names of the list see it."""
        if op == "*" and isinstance(value, Const) and isinstance(owner, TupleValue):
            self._change(owner, lambda items: items * int(value.value))
            return
        if op == "+":
            if isinstance(owner, ListValue):
                self._run_time_method(owner, "extend", [value])
                return
            found = self.known_items(value)
            if found is not None:
                self._change(owner, lambda items: (*items, *found.items))
                return
        raise self.b.refuse(
            f"this form of {op}= of a list is not supported", "make a new list: a = a + [...]"
        )

    def store_item(self, owner: TupleValue | ListValue, keys: list[object], value: Value) -> None:
        """``owner[key] = value`` of a list."""
        (key,) = keys if len(keys) == 1 else (None,)
        if not isinstance(key, Expr):
            raise self.b.refuse(
                "a slice of a list cannot be assigned", "use an array, or assign the items"
            )
        if isinstance(owner, ListValue):
            if self.rank_of(owner):
                raise self._not_replaced()
            if owner.site[3] in (CHOSEN, JOINED):
                raise self._not_changeable()
            place = indexing.select(self.b, arrays.listed(self.b, owner), [key])
            assert isinstance(place, Load)
            item = self._number_for(owner, value)
            self.b.emit(Store(place.array, place.index, item, False, self.b.at))
            return
        require_list(self.b, owner)
        tag = owner.tag or ListTag(fixed=True)
        known = self.b.constant(key)
        if known is not None:
            key = integer(known)
        if not isinstance(key, Const):
            if any(isinstance(i, ArrayValue) and i.ndim for i in (*owner.items, value)):
                self._replace_array(owner, key, value)
                return
            extra = (value,) if isinstance(value, Expr) else ()
            self.make_run_time(tag, (*owner.items, *extra))
        k = int(key.value)  # type: ignore[union-attr]
        self._require_item(owner, k)
        k %= len(owner.items)
        self._change(owner, lambda items: (*items[:k], value, *items[k + 1 :]))

    def _replace_array(self, owner: TupleValue, key: Expr, value: Value) -> None:
        """``owner[key] = value`` of arrays, where it is not known which one: each by a branch."""
        if self.b.open_loops:
            raise self._not_replaced()
        place, value = self.place_in(owner.items, key), self.kept(value)
        mark = f"{self.b.here.line}_{self.b.here.column}"
        items: list[Value] = []
        for k, item in enumerate(owner.items):
            yes: list[Stmt] = []
            no: list[Stmt] = []
            items.append(self.joined(f"$item{k}_{mark}", value, yes, item, no))
            if isinstance(items[-1], MaybeUnbound):
                raise self._not_replaced()
            test = compare("==", place, integer(k))
            self.b.emit(If(test, tuple(yes), tuple(no), self.b.at))
        self._change(owner, lambda _: tuple(items))

    # ------------------------------------------------------------ lists of known length

    def _change(self, owner: TupleValue, operation: Callable[[Items], Items]) -> None:
        """Change a list under all names that hold it; those that may be it are lost."""
        tag = owner.tag
        if tag is None or (tag.fixed and not tag.either):
            raise self._not_changeable()
        self.changes.append((tag, owner.items, operation(owner.items)))
        for scope in self._active_scopes():
            for name, value in list(scope.env.items()):
                if name.startswith("$"):
                    continue
                is_shared = _may_share(value, tag)
                if is_shared and scope is self.scope:
                    scope.env[name] = MaybeUnbound(StaticValue(STALE))
                    continue
                if not _holds(value, tag) and not is_shared:
                    continue
                changed = None if is_shared else _changed(value, tag, operation)
                is_merged = scope is self.scope or scope is self.heap
                if changed is None or not is_merged:
                    raise self.b.refuse(
                        f"this list is also held by {plain(name)!r}, where a change would not be "
                        "seen",
                        "return the new list, or use an array",
                    )
                inner = changed.value if isinstance(changed, MaybeUnbound) else changed
                saved, self.scope = self.scope, scope
                try:
                    bound = self._bind(name, inner)
                finally:
                    self.scope = saved
                scope.env[name] = MaybeUnbound(bound) if inner is not changed else bound

    def _active_scopes(self, *others: Scope) -> Iterator[Scope]:
        pending: list[Scope | None] = [self.heap, self.scope, *others]
        seen: set[int] = set()
        while pending:
            scope = pending.pop()
            if scope is not None and id(scope) not in seen:
                seen.add(id(scope))
                yield scope
                pending += [scope.caller, scope.parent]
                for value in scope.env.values():
                    pending += _scopes_in(value)

    def scopes_held(self) -> set[str]:
        """The scopes, by their keys, that functions which names hold see."""
        values = (v for scope in self._active_scopes() for v in scope.env.values())
        return {scope.key for value in values for scope in _scopes_in(value)}

    # ------------------------------------------------------------ lists in arrays

    def _run_time_method(self, owner: ListValue, name: str, values: list[Value]) -> Value:
        kind = arrays.kind_of(self.b.arrays[owner.array][0])
        ndim = self.rank_of(owner)
        if owner.site[3] in (CHOSEN, JOINED):
            raise self._not_changeable()
        if owner.site not in self.b.decisions.lists:
            self.b.decisions.make_list(owner.site, kind, ndim)
        count = owner.count
        assert isinstance(count, Var)
        if name != "append":
            self.appended.append(owner.array)
        match name, values:
            case "append", [item] if ndim:
                self._append(owner, self._array_for(owner.site, kind, ndim, item))
            case "extend", [more] if ndim and (found := self.known_items(more)) is not None:
                made = [self._array_for(owner.site, kind, ndim, i) for i in found.items]
                for item in self._read_before(owner, made):
                    self._append(owner, item)
            case (("clear" | "pop"), _) if ndim:
                raise self.b.refuse(
                    f".{name}() of a list of arrays that grows in a loop or a branch is not "
                    "supported",
                    "use the rows of np.empty((n, m)) and a counter",
                )
            case "append", [item]:
                self._append(owner, self._number_for(owner, item))
            case "extend", [more] if (found := self.known_items(more)) is not None:
                numbers = [self._number_for(owner, i) for i in found.items]
                for number in [self.b.hold(n, "t") for n in numbers]:
                    self._append(owner, number)
            case "clear", []:
                self.b.emit(Assign(count, ZERO, self.b.at))
            case "pop", []:
                self.b.check(compare(">", count, ZERO), "IndexError", "pop from empty list")
                self.b.emit(Assign(count, sub(count, ONE), self.b.at))
                return self.b.store(Load(owner.array, (count,), kind), "t")
            case "pop", [key] if isinstance(key, Expr):
                at = self.place_of(owner, key)
                popped = self.extracted(owner, at)
                self.b.emit(Assign(count, sub(count, ONE), self.b.at))
                return popped
            case "insert", [key, item] if isinstance(key, Expr):
                at = self.b.store(_clamped(self.b.hold(key, "k"), count), "k")
                number = self.b.hold(self._number_for(owner, item), "t")
                self.put_last(owner, number)
                self._shifted(owner, count, at, -1)
                self.b.emit(Store(owner.array, (at,), number, False, self.b.at))
                self.count_one(owner)
            case "extend", [more] if (rows := self.rows_of(more)) is not None and not rows.unrolled:
                with self.b.loop(at_least_zero(rows.length), "k") as k:
                    item = rows.row(k)
                    self._append(
                        owner,
                        self._array_for(owner.site, kind, ndim, item)
                        if ndim
                        else self._number_for(owner, item),
                    )
            case _:
                raise self.b.refuse(
                    f".{name}() of a list whose length is known at run time only is not supported",
                    _HINT,
                )
        return StaticValue(None)

    def place_of(self, owner: ListValue, key: Expr) -> Expr:
        """Where an item of a list is, counted from the front; that it exists is checked."""
        place = indexing.select(self.b, arrays.listed(self.b, owner), [key])
        assert isinstance(place, Load)
        return self.b.store(place.index[0], "k")

    def extracted(self, owner: ListValue, at: Expr) -> Var:
        """The number at a place of a list, which is filled by those behind it."""
        kind = arrays.kind_of(self.b.arrays[owner.array][0])
        popped = self.b.store(Load(owner.array, (at,), kind), "t")
        self._shifted(owner, at, sub(owner.count, ONE), 1)
        return popped

    def _shifted(self, owner: ListValue, start: Expr, stop: Expr, step: int) -> None:
        """Each number from ``start`` on, up or down to ``stop``, is replaced by the next one."""
        k = Var(self.b.names.fresh("k"), INT)
        kind = arrays.kind_of(self.b.arrays[owner.array][0])
        load = Load(owner.array, (add(k, integer(step)),), kind)
        body = (Store(owner.array, (k,), load, False, self.b.at),)
        self.b.emit(For(k, start, stop, integer(step), body, None, self.b.at))

    def _read_before(self, owner: ListValue, items: list[ArrayValue]) -> list[ArrayValue]:
        """Items as they are before the list that they are read from is extended by them."""
        return [
            arrays.materialise(self.b, item, "t") if k and owner.array in item.reads else item
            for k, item in enumerate(items)
        ]

    def _number_for(self, owner: ListValue, value: Value) -> Expr:
        """A value as an item of a list of numbers."""
        item = scalars.operand(self.b, value) if not isinstance(value, TupleValue) else None
        if not isinstance(item, Expr):
            raise self._not_numbers(value)
        kind = arrays.kind_of(self.b.arrays[owner.array][0])
        return self.b.convert(item, self._wider(owner.site, kind, item))

    def _append(self, owner: ListValue, item: Expr | ArrayValue) -> None:
        self.put_last(owner, item)
        self.count_one(owner)

    def count_one(self, owner: ListValue) -> None:
        """A list has one item more."""
        assert isinstance(owner.count, Var)
        self.b.emit(Assign(owner.count, add(owner.count, ONE), self.b.at))

    def put_last(self, owner: ListValue, item: Expr | ArrayValue) -> None:
        """Store an item behind the last one of a list, which does not count it yet."""
        array, count = owner.array, owner.count
        assert isinstance(count, Var)
        self.appended.append(array)
        if isinstance(item, ArrayValue):
            _, loops = self.b.growth.setdefault(array, (owner.site, set()))
            loops.update(self.b.open_loops)
            histories.append_row(self.b, array, count, item)
            return
        item = self.b.hold(item, "t")
        longer: list[Any] = []
        with self.b.into(longer):
            made = self.b.names.fresh(f"{array}_longer")
            dtype = self.b.arrays[array][0]
            size = add(Binary("*", integer(2), count, INT), integer(_CAPACITY))
            self.b.emit(Alloc(made, (self.b.store(size, "n"),), dtype, True, self.b.at))
            arrays.declare(self.b, made, dtype, (Extent(made, 0),))
            kind = arrays.kind_of(dtype)
            with self.b.loop(count, "k") as k:
                arrays.put(self.b, made, k, Load(array, (k,), kind))
            self.b.emit(Bind((array,), (made,), self.b.at))
        full = compare("==", count, Extent(array, 0))
        self.b.emit(If(full, tuple(longer), (), self.b.at))
        self.b.emit(Store(array, (count,), item, False, self.b.at))

    def numbers_of(self, value: Value) -> ArrayValue | None:
        """What is run over, as an array of numbers."""
        if isinstance(value, RangeValue | RowsValue):
            value = self.list_of(value)
        return arrays.listed(self.b, value) if isinstance(value, ListValue) else None


def _clamped(key: Expr, count: Expr) -> Expr:
    """The place where ``insert`` puts an item: within the list, counted from the front."""
    key = Select(compare("<", key, ZERO), add(key, count), key, INT)
    return Call("min", (Call("max", (key, ZERO), INT), count), INT)


def is_list(value: Value) -> TypeGuard[TupleValue | ListValue | RecordsValue]:
    """Whether a value is a list of the program."""
    if isinstance(value, TupleValue):
        return value.cls is list
    return isinstance(value, ListValue | RecordsValue)


def require_list(b: Builder, owner: TupleValue) -> None:
    """Refuse to assign an item of a tuple."""
    if owner.cls is not list:
        raise b.refuse("the items of a tuple cannot be assigned", "use an array or a list")


def _names_in(node: Any) -> set[str]:
    if isinstance(node, gast.List | gast.ListComp):
        return set()
    return {n.id for n in gast.walk(node) if isinstance(n, gast.Name)}


def _number(value: Value) -> Expr:
    assert isinstance(value, Expr)
    return value


def _parts(value: object) -> list[Any]:
    """What a value is made of."""
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, Expr | ArrayValue | Scope | Outside | gast.AST | type) or not is_dataclass(
        value
    ):
        return []
    return [getattr(value, f.name) for f in fields(value)]


def lists_in(value: object) -> Iterator[ListValue]:
    """The lists of run-time length that a value holds."""
    if isinstance(value, ListValue):
        yield value
    for part in _parts(value):
        yield from lists_in(part)


def _scopes_in(value: object) -> Iterator[Scope]:
    """The scopes that functions see which a value holds."""
    if isinstance(value, LocalFunction) and isinstance(value.scope, Scope):
        yield value.scope
    for part in _parts(value):
        yield from _scopes_in(part)


def holds_list(value: object, tag: ListTag) -> bool:
    """Whether a value is or holds this list, or one that may be it."""
    return _holds(value, tag) or _may_share(value, tag)


def _holds(value: object, tag: ListTag) -> bool:
    if isinstance(value, TupleValue) and value.tag is tag:
        return True
    return any(_holds(part, tag) for part in _parts(value))


def lists_of(tag: ListTag | None) -> tuple[object, ...]:
    """The lists that a list may be, by where they are made."""
    return () if tag is None else tag.either or (tag.site or tag,)


def _may_share(value: object, tag: ListTag) -> bool:
    """Whether a value holds another list that may be this one."""
    if isinstance(value, TupleValue) and value.tag is not None and value.tag is not tag:
        own = lists_of(tag)
        known = not tag.either and not value.tag.either
        if not known and any(made in own for made in lists_of(value.tag)):
            return True
    return any(_may_share(part, tag) for part in _parts(value))


def _mentions(value: object, site: Site, array: str) -> bool:
    """Whether a value holds the list made at a place, or a row of its array."""
    if isinstance(value, ListValue) and value.site == site:
        return True
    if isinstance(value, ArrayValue):
        return array in value.reads
    return any(_mentions(part, site, array) for part in _parts(value))


def _changed(value: Value, tag: ListTag, operation: Callable[[Items], Items]) -> Value | None:
    """The value with a list in it changed; None where that is not known how."""
    if isinstance(value, TupleValue):
        if value.tag is tag:
            return replace(value, items=operation(value.items))
        items = tuple(_changed(i, tag, operation) if _holds(i, tag) else i for i in value.items)
        return None if None in items else replace(value, items=items)
    if isinstance(value, MaybeUnbound):
        inner = _changed(value.value, tag, operation)
        return None if inner is None else MaybeUnbound(inner)
    return None


def _listed(items: Any) -> Any:
    """A list of what a loop over ``items`` runs over, as the compiler reads it."""
    return [item for item in items]
