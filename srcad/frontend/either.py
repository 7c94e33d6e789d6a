"""Names that are one of two lists, by the path taken, whose lengths are known at run time only.

A variable denotes the array of the one or the other, and another one holds its length::

    pairs = near(x)                          pairs, n = (the first list)
    for t in range(steps):             ->    for t in range(steps):
        if t % 10 == 0:                          if t % 10 == 0:
            pairs = near(x)                          pairs, n = (the second list)

Such a list is read, not changed; and the two lists have no other name from there on, because the
variables would not see how they change.
"""

from __future__ import annotations

from typing import TypeGuard

from srcad.frontend import arrays, scalars
from srcad.frontend.branches import Branches
from srcad.frontend.lists import lists_in
from srcad.frontend.records import columns_of, skeleton
from srcad.frontend.values import (
    CHOSEN,
    JOINED,
    ArrayValue,
    ListValue,
    RecordsValue,
    TupleValue,
    Value,
)
from srcad.ir.nodes import Assign, Bind, Expr, Stmt
from srcad.ir.types import INT

RunTimeList = ListValue | RecordsValue


class EitherLists(Branches):
    """Joins lists of run-time length."""

    def joined(self, name: str, v1: Value, b1: list[Stmt], v2: Value, b2: list[Stmt]) -> Value:
        """One value for two, each valid after its own branch."""
        if v1 != v2:
            self._settle(v1, v2)
            self._settle(v2, v1)
            if _is_run_time(v1) and _is_run_time(v2) and _are_alike(v1, v2):
                held = self._are_held(v1, v2, name)
                joined = super().joined if held else self._either
                return joined(name, v1, b1, v2, b2)
        return super().joined(name, v1, b1, v2, b2)

    def _settle(self, known: Value, other: Value) -> None:
        """Start again with a list of known length in an array, as the other one is."""
        if not isinstance(known, TupleValue) or known.cls is not list or known.tag is None:
            return
        if known.tag.site is None or known.tag.fixed:
            return
        if isinstance(other, RecordsValue) and all(
            isinstance(i, TupleValue) and skeleton(i) == skeleton(other.columns)
            for i in known.items
        ):
            kinds = [(self._kind(one), self.rank_of(one)) for one in columns_of(other)]
            self.make_columns(known.tag.site, skeleton(other.columns), kinds)
        if isinstance(other, ListValue):
            kind, ndim = self._kind(other), self.rank_of(other)
            for item in known.items:
                rank = item.ndim if isinstance(item, ArrayValue) else 0
                if not isinstance(item, Expr | ArrayValue) or rank != ndim:
                    return
                kind = scalars.join_kinds(kind, _kind_of(item))
            self.b.decisions.make_list(known.tag.site, kind, ndim)

    def _either(
        self, name: str, v1: RunTimeList, b1: list[Stmt], v2: RunTimeList, b2: list[Stmt]
    ) -> Value:
        pairs = list(zip(lists_in(v1), lists_in(v2), strict=True))
        for one, two in pairs:
            kind = scalars.join_kinds(self._kind(one), self._kind(two))
            for each in (one, two):
                if self._kind(each) == kind:
                    continue
                if each.site[3] in (CHOSEN, JOINED):
                    return super().joined(name, v1, b1, v2, b2)
                self.b.decisions.make_list(each.site, kind, self.rank_of(each))
        site = (self.scope.key, 0, 0, JOINED)
        count = self.var(self.scope, f"$count_0|{name}", INT)
        made: list[ListValue] = []
        for k, (one, two) in enumerate(pairs):
            label = f"{name}_{k}" if len(pairs) > 1 else name
            whole = arrays.whole(self.b, one.array)
            ref = self._reference(f"${label}_0_0", whole)
            made.append(ListValue(ref, count, site))
            for each, block in ((one, b1), (two, b2)):
                if each.array != ref:
                    block.append(Bind((ref,), (each.array,), self.b.at))
                    self.joins.lists.add(each.array)  # type: ignore[union-attr]
        for each, block in ((v1, b1), (v2, b2)):
            if each.count != count:
                block.append(Assign(count, each.count, self.b.at))
        if isinstance(v1, RecordsValue):
            return self.records_of(skeleton(v1.columns), made, site)
        return made[0]

    def _kind(self, one: ListValue) -> str:
        return arrays.kind_of(self.b.arrays[one.array][0])

    def _are_held(self, v1: Value, v2: Value, name: str) -> bool:
        """Whether a member of an object or a name of another function holds one of two lists."""
        joins = self.joins
        if joins is None:
            return True
        wanted = {one.array for v in (v1, v2) for one in lists_in(v)}
        envs = [{n: v for n, v in env.items() if n != name} for env in (joins.one, joins.two)]
        envs += [s.env for s in self.scopes_around() if s is not self.frames[-1]]
        return any(
            one.array in wanted
            for env in envs
            for n, value in env.items()
            if not n.startswith("$")
            for one in lists_in(value)
        )


def _is_run_time(value: Value) -> TypeGuard[RunTimeList]:
    return isinstance(value, ListValue | RecordsValue)


def _are_alike(v1: RunTimeList, v2: RunTimeList) -> bool:
    """Whether two lists are lists of the same kind of items."""
    if isinstance(v1, RecordsValue) and isinstance(v2, RecordsValue):
        return skeleton(v1.columns) == skeleton(v2.columns)
    return isinstance(v1, ListValue) and isinstance(v2, ListValue)


def _kind_of(item: Expr | ArrayValue) -> str:
    return arrays.kind_of(item.dtype) if isinstance(item, ArrayValue) else item.kind
