"""Branches: values that differ are joined into one variable."""

from __future__ import annotations

from typing import Any

import gast

from srcad.frontend import arrays, scalars
from srcad.frontend.assignments import Assignments
from srcad.frontend.heap import Joins, Moment, cell_name, conflict, sequenced
from srcad.frontend.values import (
    ArrayValue,
    MaybeUnbound,
    ObjectValue,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.build import join_kinds
from srcad.ir.nodes import (
    Assign,
    Const,
    Expr,
    If,
    Raise,
    Stmt,
    Var,
)
from srcad.ir.types import BOOL, FLOAT, INT


class Branches(Assignments):
    """Elaborates if statements."""

    def _if(self, node: Any) -> None:
        test = scalars.truth(self.b, self.value(node.test))
        at = self.b.at
        if isinstance(test, Const):
            for stmt in node.body if test.value else node.orelse:
                self.statement(stmt)
            return
        before = self.moment()
        body: list[Stmt] = []
        with self.b.into(body):
            for stmt in node.body:
                self.statement(stmt)
        after_body = self.moment()
        self.resume(before)
        orelse: list[Stmt] = []
        with self.b.into(orelse):
            for stmt in node.orelse:
                self.statement(stmt)
        after_else = self.moment()
        self.b.at = at
        if body and isinstance(body[-1], Raise):
            self.resume(after_else)
        elif orelse and isinstance(orelse[-1], Raise):
            self.resume(after_body)
        else:
            self.resume(self._merged(after_body, body, after_else, orelse))
        self.b.emit(If(test, tuple(body), tuple(orelse), at))

    def _merged(self, one: Moment, b1: list[Stmt], two: Moment, b2: list[Stmt]) -> Moment:
        starts = len(b1), len(b2)
        joins = Joins(one.cells, two.cells, self.site("if"))
        self.meet(joins, one.names, two.names, loop=False)
        outer, self.joins = self.joins, joins
        names: dict[str, Value] = {}
        for name in dict.fromkeys([*one.names, *two.names]):
            if name not in one.names or name not in two.names:
                value = one.names[name] if name in one.names else two.names[name]
                names[name] = value if isinstance(value, MaybeUnbound) else MaybeUnbound(value)
                continue
            names[name] = self._joined(name, one.names[name], b1, two.names[name], b2)
        cells = {**one.cells, **two.cells}
        for name in one.cells.keys() & two.cells.keys():
            cells[name] = self._joined_cell(name, one.cells[name], b1, two.cells[name], b2)
        self.joins = outer
        self.note_sharing(joins)
        for block, start in zip((b1, b2), starts, strict=True):
            if cells:
                sequenced(block, start, self.b.names.fresh)
        return Moment(names, {**cells, **joins.cells}, len(self.writes))

    def _joined_cell(
        self, name: str, v1: Value, b1: list[Stmt], v2: Value, b2: list[Stmt]
    ) -> Value:
        saved, self.scope = self.scope, self.heap
        try:
            return self._joined(name, v1, b1, v2, b2)
        finally:
            self.scope = saved

    def _joined_objects(
        self, name: str, v1: ObjectValue, b1: list[Stmt], v2: ObjectValue, b2: list[Stmt]
    ) -> Value:
        """One object that stands for either of two."""
        joins = self.joins
        assert joins is not None
        pair = (v1.id, v2.id)
        if pair in joins.made:
            return joins.made[pair]
        keys, others = joins.one[v1.id], joins.two[v2.id]
        if v1.cls is not v2.cls or keys != others or not isinstance(keys, StaticValue):
            return conflict()
        home = joins.made[pair] = self.home(joins, name, v1, v2)
        joins.cells[home.id] = keys
        for key in keys.value:  # type: ignore[attr-defined]
            members = joins.one[cell_name(v1, key)], joins.two[cell_name(v2, key)]
            cell = cell_name(home, key)
            joins.cells[cell] = self._joined_cell(cell, members[0], b1, members[1], b2)
        return home

    def _joined(self, name: str, v1: Value, b1: list[Stmt], v2: Value, b2: list[Stmt]) -> Value:
        if v1 == v2:
            return v1
        if isinstance(v1, ObjectValue) and isinstance(v2, ObjectValue):
            return self._joined_objects(name, v1, b1, v2, b2)
        if isinstance(v1, MaybeUnbound) or isinstance(v2, MaybeUnbound):
            inner1 = v1.value if isinstance(v1, MaybeUnbound) else v1
            inner2 = v2.value if isinstance(v2, MaybeUnbound) else v2
            joined = self._joined(name, inner1, b1, inner2, b2)
            return joined if isinstance(joined, MaybeUnbound) else MaybeUnbound(joined)
        if (
            isinstance(v1, TupleValue)
            and isinstance(v2, TupleValue)
            and len(v1.items) == len(v2.items)
            and v1.cls is v2.cls
            and v1.keys == v2.keys
        ):
            pairs = zip(v1.items, v2.items, strict=True)
            items = tuple(
                self._joined(f"{name}_{k}", a, b1, c, b2) for k, (a, c) in enumerate(pairs)
            )
            if any(isinstance(i, MaybeUnbound) for i in items):
                return conflict()
            return v1.of(items)
        if isinstance(v1, Expr) and isinstance(v2, Expr):
            kind = join_kinds(v1.kind, v2.kind)
            for v in (v1, v2):
                if (
                    kind == FLOAT
                    and v.kind in (INT, BOOL)
                    and isinstance(v, Var)
                    and self.constants_only.get(v.name, False)
                ):
                    self.b.decisions.add(self.b.decisions.floats, (self.scope.key, name))
            var = self.var(self.scope, name, kind)
            for v, block in ((v1, b1), (v2, b2)):
                if v != var:
                    block.append(Assign(var, self.b.convert(v, kind), self.b.at))
            self.constants_only[var.name] = False
            return var
        if (
            isinstance(v1, ArrayValue)
            and isinstance(v2, ArrayValue)
            and v1.ndim == v2.ndim
            and v1.dtype == v2.dtype
        ):
            key = (self.scope.key, name)
            if key not in self.b.decisions.rebound:
                self.b.decisions.add(self.b.decisions.rebound, key)
            for v, block in ((v1, b1), (v2, b2)):
                with self.b.into(block):
                    self._bound_reference(name, v)
            return arrays.whole(self.b, self._reference(name, v1), (False,) * v1.ndim)
        return conflict()

    def chosen(self, node: Any) -> Value:
        """A conditional expression between tuples or arrays: an if statement on a hidden name."""
        name = f"$picked_{node.lineno}_{node.col_offset}"

        def assign(value: Any) -> Any:
            target = gast.copy_location(gast.Name(name, gast.Store(), None, None), node)
            return gast.copy_location(gast.Assign([target], value, None), node)

        branch = gast.If(node.test, [assign(node.body)], [assign(node.orelse)])
        self.statement(gast.copy_location(branch, node))
        return self.name(name)
