"""Assignments: to names, tuples, elements and slices, plain and augmented."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import gast

from srcad.errors import ArgumentError, ArgumentValueError
from srcad.frontend import arrays, indexing, library, scalars, stores
from srcad.frontend.bindings import vars_in
from srcad.frontend.expressions import (
    BINARY,
    written_names,
)
from srcad.frontend.heap import HEAP
from srcad.frontend.implicit import Implicit
from srcad.frontend.lists import is_list, require_list
from srcad.frontend.syntax import assigned_by_walrus, plain, target_names
from srcad.frontend.values import (
    ArrayValue,
    ListTag,
    ListValue,
    OptionalValue,
    RangeValue,
    RecordsValue,
    RowsValue,
    TupleValue,
    Value,
)
from srcad.ir.build import TRUE, integer
from srcad.ir.nodes import (
    Assign,
    Bind,
    Const,
    Expr,
    Load,
    Var,
    names_read,
    walk,
)
from srcad.ir.types import is_inexact


class Assignments(Implicit):
    """Elaborates assignments."""

    @abstractmethod
    def statement(self, node: Any) -> None:
        """Elaborate one statement."""

    def _move_to(self, node: Any) -> None:
        self.b.at = self.b.here = self.scope.source.position(node)

    def _assign(self, node: Any) -> None:
        if len(node.targets) == 1:
            self._assign_value(node.targets[0], node.value)
            return
        written = {v.name for t in node.targets for v in self._written_by(t)}
        value = self._untouched(self.value(node.value), written, stores=True)
        for target in node.targets:
            self._assign_target(target, value)

    def _written_by(self, target: Any) -> list[Var]:
        """The variables that hold what the names of a target denote now."""
        return [v for n in target_names(target) for v in vars_in(self.scope.env.get(n))]

    def _assign_value(self, target: Any, value_node: Any) -> None:
        if isinstance(target, gast.Name):
            self.b.wanted = self._title(target)
            self.targets.append((self.scope, target.id, value_node))
        self.direct = value_node
        if _is_member_by_member(target, value_node):
            titles = tuple(map(self._title, target.elts))
            value: Value = TupleValue(tuple(self.values(value_node.elts, titles)))
        else:
            value = self.value(value_node)
        self.b.wanted = "t"
        if isinstance(target, gast.Name):
            self.targets.pop()
        self._assign_target(target, value)

    def _title(self, target: Any) -> str:
        """What a value made for a target is called."""
        if not isinstance(target, gast.Name):
            return "t"
        rebound = (self.scope.key, target.id) in self.b.decisions.rebound
        title = plain(target.id) + ("_new" if rebound else "")
        self.b.names.call(title, plain(target.id))
        return title

    def _assign_target(self, target: Any, value: Value) -> None:
        match target:
            case gast.Name():
                self.assign_name(target.id, value)
            case gast.Tuple() | gast.List():
                self._unpack(target.elts, value)
            case gast.Subscript():
                owner, keys = self.target_of(target)
                self._store(owner, keys, value)
            case gast.Attribute():
                part = self._part_of(target)
                if part is not None:
                    stores.assign_into(self.b, part, scalars.operand(self.b, value))
                    return
                self.write_member(self.value(target.value), target.attr, value)
            case _:
                raise self.b.refuse(f"assigning to {type(target).__name__} is not supported")

    def _part_of(self, target: Any) -> ArrayValue | None:
        """``z.real`` or ``z.imag`` of an array, as the target of an assignment."""
        if target.attr not in ("real", "imag"):
            return None
        owner = self.value(target.value)
        return arrays.part(self.b, owner, target.attr) if isinstance(owner, ArrayValue) else None

    def _unpack(self, targets: list[Any], value: Value) -> None:
        items = self._unpacked(targets, value)
        targets = [t.value if isinstance(t, gast.Starred) else t for t in targets]
        if self._swap(targets, items):
            return
        written = {v.name for t in targets for v in self._written_by(t)}
        written |= {v.name for k, v in self.vars.items() if k[0] == HEAP}
        stores = any(isinstance(t, gast.Subscript | gast.Attribute) for t in targets)
        items = [
            self._untouched(item, written if k else set(), stores, self._title(targets[k]))
            for k, item in enumerate(items)
        ]
        for target, item in zip(targets, items, strict=True):
            self._assign_target(target, item)

    def _unpacked(self, targets: list[Any], value: Value) -> list[Value]:
        """One value for each target; a starred one takes a list of what the others leave."""
        value = self.sequence(scalars.given(self.b, value))
        starred = [k for k, t in enumerate(targets) if isinstance(t, gast.Starred)]
        if isinstance(value, ListValue | RecordsValue | RangeValue | RowsValue):
            value = self.known_items(value) or self.numbers_of(value) or value
        if isinstance(value, ArrayValue) and value.ndim:
            length = value.extents[0]
            if not isinstance(length, Const):
                if starred:
                    raise self.b.refuse(
                        "a starred target takes the rest of a tuple, not of an array",
                        "take a slice of the array",
                    )
                wanted = scalars.compare("==", length, integer(len(targets)))
                self.b.check(wanted, "ValueError", f"not the {len(targets)} values to unpack")
                length = integer(len(targets))
            items: list[Value] = [
                indexing.select(self.b, value, [integer(k)]) for k in range(int(length.value))
            ]
        elif isinstance(value, TupleValue):
            items = list(value.items)
        else:
            raise ArgumentError("this value cannot be unpacked", self.b.here)
        surplus = len(items) - len(targets)
        if surplus < -len(starred) or (surplus and not starred):
            raise ArgumentValueError(
                f"{len(items)} values cannot be unpacked into {len(targets)}", self.b.here
            )
        for k in starred:
            rest = TupleValue(tuple(items[k : k + surplus + 1]), list, tag=ListTag())
            items[k : k + surplus + 1] = [rest]
        return items

    def _untouched(self, item: Value, written: set[str], stores: bool, title: str = "t") -> Value:
        """A value that stays what it is while variables (if ``stores``, elements) are written."""
        match item:
            case OptionalValue(value=value, given=given):
                flag = self._untouched(given, written, stores)
                assert isinstance(flag, Expr)
                return OptionalValue(self._untouched(value, written, stores, title), flag)
            case TupleValue():
                return item.of(self._untouched(i, written, stores) for i in item.items)
            case ArrayValue() if item.view is None:
                return arrays.snapshot(self.b, item, title)
            case ArrayValue():
                return self.own_alias(item)
        if isinstance(item, Expr) and not isinstance(item, Const):
            loads = any(isinstance(e, Load) for e in walk(item))
            if names_read(item) & written or (stores and loads):
                return self.b.store(item, title)
        return item

    def _swap(self, targets: list[Any], items: list[Value]) -> bool:
        """``u, v = v, u`` of array names that are variables of their own: one statement."""
        if not all(isinstance(t, gast.Name) for t in targets):
            return False
        keys = [(self.scope.key, t.id) for t in targets]
        if not all(k in self.b.decisions.rebound for k in keys):
            return False
        if not all(isinstance(v, ArrayValue) and arrays.is_base(self.b, v) for v in items):
            return False
        bases = [v.view.base for v in items]  # type: ignore[union-attr]
        refs = [self._reference(t.id, v) for t, v in zip(targets, items, strict=True)]  # type: ignore[arg-type]
        if set(refs) & set(bases):
            self.b.emit(Bind(tuple(refs), tuple(bases), self.b.at))
        else:
            for ref, base in zip(refs, bases, strict=True):
                self.b.emit(Bind((ref,), (base,), self.b.at))
        for target, ref, item in zip(targets, refs, items, strict=True):
            self.scope.env[target.id] = arrays.whole(self.b, ref, (False,) * item.ndim)  # type: ignore[union-attr]
            if (self.scope.key, target.id) in self.b.decisions.flagged:
                self.b.emit(Assign(self.flag(self.scope, target.id), TRUE, self.b.at))
        return True

    def _store(self, owner: Value, keys: list[object], value: Value) -> None:
        if isinstance(owner, ListValue | RecordsValue | TupleValue):
            self.store_item(owner, keys, value)
            return
        if self.is_dict(owner):
            self.write_item(owner, keys, value)
            return
        if not isinstance(owner, ArrayValue):
            raise self._not_an_array()
        place = indexing.select(self.b, owner, keys, written=True)
        if isinstance(value, TupleValue):
            value = library.as_array(self.b, value)
        item = scalars.operand(self.b, value)
        if isinstance(place, ArrayValue):
            stores.assign_into(self.b, place, item)
            return
        if isinstance(item, ArrayValue):
            raise ArgumentError("an array cannot be stored in one element", self.b.here)
        arrays.write(self.b, place, item)

    def _augmented(self, node: Any) -> None:
        op = BINARY[type(node.op)]
        if isinstance(node.target, gast.Name):
            old = scalars.given(self.b, self.name(node.target.id))
            value = self.value(node.value)
            if isinstance(old, ArrayValue):
                self._update(old, op, value)
                return
            if is_list(old):
                self.update_list(old, op, value)
                return
            if isinstance(old, Var) and old.name in self.maybe_arrays:
                raise self.b.refuse(
                    "this is a number on some paths and an array without axes on others, "
                    "which an augmented assignment would change in place",
                    f"make it a number first: {plain(node.target.id)} = float(...)",
                )
            if (
                isinstance(old, Expr)
                and isinstance(value, Expr)
                and names_read(old) & assigned_by_walrus(node.value)
            ):
                raise self.b.refuse(
                    "an assignment expression inside an augmented assignment is not supported"
                )
            self.assign_name(node.target.id, self.binary(op, old, value))
            return
        if isinstance(node.target, gast.Attribute):
            part = self._part_of(node.target)
            if part is not None:
                self._update(part, op, self.value(node.value))
            else:
                self._augmented_member(node, op)
            return
        owner, keys = self.target_of(node.target)
        if self.is_dict(owner):
            self._augmented_item(node, op, owner, keys)
            return
        if isinstance(owner, TupleValue):
            require_list(self.b, owner)
            new = self._combined(self.subscript(owner, keys), op, node.value)
            if new is not None:
                self.store_item(owner, keys, new)
            return
        if isinstance(owner, ListValue):
            owner = arrays.listed(self.b, owner)
        if not isinstance(owner, ArrayValue):
            raise self._not_an_array()
        keys = [self.b.simple_index(k) if isinstance(k, Expr) else k for k in keys]
        place = indexing.select(self.b, owner, keys, written=True)
        if isinstance(place, ArrayValue):
            self._update(place, op, self.value(node.value))
            return
        start = len(self.b.block)
        value = self.value(node.value)
        if isinstance(scalars.operand(self.b, value), ArrayValue):
            raise ArgumentError("an array cannot be stored in one element", self.b.here)
        base = arrays.place_of(self.b, place).array
        old_value: Value = place
        if base in written_names(self.b, self.b.block[start:]):
            old_value = self._settled(place, {base}, start)
        new = self.binary(op, old_value, value)
        assert isinstance(new, Expr)
        arrays.write(self.b, place, self._stored_kind(new, place.kind))

    def _not_an_array(self) -> Exception:
        return self.b.refuse(
            "only arrays, lists and dicts can be written by index",
            "use an array, or separate variables",
        )

    def _augmented_member(self, node: Any, op: str) -> None:
        owner, name = self.value(node.target.value), node.target.attr
        new = self._combined(self.attribute(owner, name), op, node.value)
        if new is not None:
            self.write_member(owner, name, new)

    def _augmented_item(self, node: Any, op: str, owner: Value, keys: list[object]) -> None:
        new = self._combined(self.item(owner, keys), op, node.value)
        if new is not None:
            self.write_item(owner, keys, new)

    def _combined(self, old: Value, op: str, node: Any) -> Value | None:
        """The new value of a member or an item; None if it is changed in place."""
        start = len(self.b.block)
        old = scalars.given(self.b, old)
        value = self.value(node)
        if isinstance(old, ArrayValue) and old.ndim:
            self._update(old, op, value)
            return None
        if is_list(old):
            self.update_list(old, op, value)
            return None
        written = written_names(self.b, self.b.block[start:])
        return self.binary(op, self._settled(old, written, start) if written else old, value)

    def _stored_kind(self, value: Expr, kind: str) -> Expr:
        if is_inexact(value.kind) and not is_inexact(kind):
            raise ArgumentError(
                "a float cannot be added in place to an integer array (NumPy refuses it too)",
                self.b.here,
            )
        return self.b.convert(value, kind)

    def _update(self, place: ArrayValue, op: str, value: Value) -> None:
        if isinstance(value, TupleValue):
            value = library.as_array(self.b, value)
        operand = scalars.operand(self.b, value)
        if op == "@":
            raise self.b.refuse("@= is not supported", "write x = x @ y")
        if place.view is None and place.scatter is None:
            raise self.b.refuse(
                "this array is the result of an expression: an update of it would be lost",
                "give the array a name and write that",
            )
        new = scalars.combine(self.b, op, place, operand)
        kind = new.dtype if isinstance(new, ArrayValue) else new.kind
        if is_inexact(kind) and not is_inexact(place.dtype):
            raise ArgumentError(
                "a float cannot be added in place to an integer array (NumPy refuses it too)",
                self.b.here,
            )
        stores.assign_into(self.b, place, new)


def _is_member_by_member(target: Any, value: Any) -> bool:
    """Whether an assignment is one of as many values to as many targets."""
    if not isinstance(target, gast.Tuple | gast.List) or not isinstance(value, gast.Tuple):
        return False
    parts = [*target.elts, *value.elts]
    return len(target.elts) == len(value.elts) and not any(
        isinstance(part, gast.Starred) for part in parts
    )
