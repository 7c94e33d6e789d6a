"""Assignments: to names, tuples, elements and slices, plain and augmented."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, TypeGuard

import gast

from srcad.errors import ArgumentError
from srcad.frontend import arrays, library, scalars
from srcad.frontend.bindings import vars_in
from srcad.frontend.calls import Calls
from srcad.frontend.expressions import (
    BINARY,
    written_names,
)
from srcad.frontend.heap import HEAP
from srcad.frontend.syntax import assigned_by_walrus, plain, target_names
from srcad.frontend.values import (
    ArrayValue,
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
    Store,
    names_read,
    walk,
)
from srcad.ir.types import BOOL, FLOAT, FLOAT32, INT


class Assignments(Calls):
    """Elaborates assignments."""

    @abstractmethod
    def statement(self, node: Any) -> None:
        """Elaborate one statement."""

    def _move_to(self, node: Any) -> None:
        self.b.at = self.b.here = self.scope.source.position(node)

    def _assign(self, node: Any) -> None:
        first, *others = node.targets
        self._assign_value(first, node.value)
        for target in others:
            value = (
                self.value(first)
                if not isinstance(first, gast.Tuple | gast.List)
                else self.value(node.value)
            )
            self._assign_target(target, value)

    def _assign_value(self, target: Any, value_node: Any) -> None:
        if isinstance(target, gast.Name):
            rebound = (self.scope.key, target.id) in self.b.decisions.rebound
            self.b.wanted = plain(target.id) + ("_new" if rebound else "")
        value = self.value(value_node)
        self.b.wanted = "t"
        self._assign_target(target, value)

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
                self.write_member(self.value(target.value), target.attr, value)
            case _:
                raise self.b.refuse(f"assigning to {type(target).__name__} is not supported")

    def _unpack(self, targets: list[Any], value: Value) -> None:
        value = self.sequence(value)
        starred = [k for k, t in enumerate(targets) if isinstance(t, gast.Starred)]
        if starred:
            targets, value = self._gathered(targets, value, starred[0])
        if isinstance(value, ArrayValue):
            wanted = scalars.compare("==", value.extents[0], integer(len(targets)))
            self.b.check(wanted, "ValueError", f"not the {len(targets)} values to unpack")
            items: list[Value] = [
                arrays.select(self.b, value, [integer(k)]) for k in range(len(targets))
            ]
        elif isinstance(value, TupleValue):
            items = list(value.items)
        else:
            raise ArgumentError("this value cannot be unpacked", self.b.here)
        if len(items) != len(targets):
            raise ArgumentError(
                f"{len(items)} values cannot be unpacked into {len(targets)}", self.b.here
            )
        if self._swap(targets, items):
            return
        written = {
            v.name
            for t in target_names(gast.Tuple(targets, None))
            for v in vars_in(self.scope.env.get(t))
        }
        written |= {v.name for k, v in self.vars.items() if k[0] == HEAP}
        stores = any(isinstance(t, gast.Subscript | gast.Attribute) for t in targets)
        items = [
            self._untouched(item, written if k else set(), stores) for k, item in enumerate(items)
        ]
        for target, item in zip(targets, items, strict=True):
            self._assign_target(target, item)

    def _gathered(self, targets: list[Any], value: Value, k: int) -> tuple[list[Any], Value]:
        """Targets and items of ``a, *b, c = value`` with the items of the starred one in a list."""
        if not isinstance(value, TupleValue):
            raise self.b.refuse(
                "a starred target (*) takes a tuple or a list", "unpack by index or by a slice"
            )
        behind = len(targets) - k - 1
        if len(value.items) < len(targets) - 1:
            raise ArgumentError(
                f"{len(value.items)} values cannot be unpacked into at least {len(targets) - 1}",
                self.b.here,
            )
        end = len(value.items) - behind
        rest = TupleValue(value.items[k:end], list)
        targets = [*targets[:k], targets[k].value, *targets[k + 1 :]]
        return targets, TupleValue((*value.items[:k], rest, *value.items[end:]))

    def _untouched(self, item: Value, written: set[str], stores: bool) -> Value:
        """A value that stays what it is while variables (if ``stores``, elements) are written."""
        match item:
            case TupleValue():
                return item.of(self._untouched(i, written, stores) for i in item.items)
            case ArrayValue() if item.view is None:
                return arrays.materialise(self.b, item, "t")
            case ArrayValue():
                return self._own_alias(item)
        if isinstance(item, Expr) and not isinstance(item, Const):
            loads = any(isinstance(e, Load) for e in walk(item))
            if names_read(item) & written or (stores and loads):
                return self.b.store(item, "t")
        return item

    def _swap(self, targets: list[Any], items: list[Value]) -> bool:
        """``u, v = v, u`` of array names that are variables of their own: one statement."""
        if not all(isinstance(t, gast.Name) for t in targets):
            return False
        keys = [(self.scope.key, t.id) for t in targets]
        if not all(k in self.b.decisions.rebound for k in keys):
            return False
        if not all(
            isinstance(v, ArrayValue) and v.view is not None and v.view.is_whole for v in items
        ):
            return False
        bases = [v.view.base for v in items]  # type: ignore[union-attr]
        refs = [self._reference(t.id, v) for t, v in zip(targets, items, strict=True)]  # type: ignore[arg-type]
        self.b.emit(Bind(tuple(refs), tuple(bases), self.b.at))
        for target, ref, item in zip(targets, refs, items, strict=True):
            self.scope.env[target.id] = arrays.whole(self.b, ref, (False,) * item.ndim)  # type: ignore[union-attr]
            if (self.scope.key, target.id) in self.b.decisions.flagged:
                self.b.emit(Assign(self.flag(self.scope, target.id), TRUE, self.b.at))
        return True

    def _store(self, owner: Value, keys: list[object], value: Value) -> None:
        if self.is_dict(owner):
            self.write_item(owner, keys, value)
            return
        self._require_array(owner)
        place = arrays.select(self.b, owner, keys)
        if isinstance(value, TupleValue):
            value = library.as_array(self.b, value)
        item = scalars.operand(self.b, value)
        if isinstance(place, ArrayValue):
            arrays.assign_into(self.b, place, item)
            return
        if not isinstance(place, Load):
            raise self.b.refuse("this element cannot be written", "index the array itself")
        if isinstance(item, ArrayValue):
            raise ArgumentError("an array cannot be stored in one element", self.b.here)
        self.b.emit(
            Store(place.array, place.index, self.b.convert(item, place.kind), False, self.b.at)
        )

    def _augmented(self, node: Any) -> None:
        op = BINARY[type(node.op)]
        if isinstance(node.target, gast.Name):
            old = self.name(node.target.id)
            value = self.value(node.value)
            if isinstance(old, ArrayValue) and old.ndim:
                self._update(old, op, value)
                return
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
            self._augmented_member(node, op)
            return
        owner, keys = self.target_of(node.target)
        if self.is_dict(owner):
            self._augmented_item(node, op, owner, keys)
            return
        self._require_array(owner)
        keys = [self.b.simple_index(k) if isinstance(k, Expr) else k for k in keys]
        place = arrays.select(self.b, owner, keys)
        if isinstance(place, ArrayValue):
            self._update(place, op, self.value(node.value))
            return
        start = len(self.b.block)
        value = self.value(node.value)
        if not isinstance(place, Load):
            raise self.b.refuse("this element cannot be written", "index the array itself")
        if isinstance(scalars.operand(self.b, value), ArrayValue):
            raise ArgumentError("an array cannot be stored in one element", self.b.here)
        old_value: Value = place
        if place.array in written_names(self.b.block[start:]):
            old_value = self._settled(place, {place.array}, start)
        new = self.binary(op, old_value, value)
        assert isinstance(new, Expr)
        self.b.emit(
            Store(place.array, place.index, self._stored_kind(new, place.kind), False, self.b.at)
        )

    def _require_array(self, owner: Value) -> TypeGuard[ArrayValue]:
        if not isinstance(owner, ArrayValue):
            raise self.b.refuse(
                "only arrays and dicts can be written by index",
                "use an array, or separate variables",
            )
        return True

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
        """The new value of a member; None if it is an array, which is updated in place."""
        start = len(self.b.block)
        value = self.value(node)
        if isinstance(old, ArrayValue) and old.ndim:
            self._update(old, op, value)
            return None
        written = written_names(self.b.block[start:])
        return self.binary(op, self._settled(old, written, start) if written else old, value)

    def _stored_kind(self, value: Expr, kind: str) -> Expr:
        if value.kind in (FLOAT, FLOAT32) and kind in (INT, BOOL):
            raise ArgumentError(
                "a float cannot be added in place to an integer array (NumPy refuses it too)",
                self.b.here,
            )
        return self.b.convert(value, kind)

    def _update(self, place: ArrayValue, op: str, value: Value) -> None:
        operand = scalars.operand(self.b, value)
        if op == "@":
            raise self.b.refuse("@= is not supported", "write x = x @ y")
        if place.view is None and place.scatter is None:
            raise self.b.refuse(
                "this array is the result of an expression: an update of it would be lost"
            )
        new = scalars.combine(self.b, op, place, operand)
        assert isinstance(new, ArrayValue)
        if arrays.kind_of(new.dtype) in (FLOAT, FLOAT32) and arrays.kind_of(place.dtype) in (
            INT,
            BOOL,
        ):
            raise ArgumentError(
                "a float cannot be added in place to an integer array (NumPy refuses it too)",
                self.b.here,
            )
        arrays.assign_into(self.b, place, new)
