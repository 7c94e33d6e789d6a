"""Branches: values that differ are joined into one variable."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from srcad.frontend import arrays
from srcad.frontend.assignments import Assignments
from srcad.frontend.expressions import CONFLICT, FUNCTIONS, TAKEN, UNEVEN, UNLIKE, is_marker
from srcad.frontend.heap import Joins, Moment, cell_name, conflict, sequenced
from srcad.frontend.lists import lists_in, lists_of
from srcad.frontend.precision import is_held_exactly
from srcad.frontend.program import ResultUnknown
from srcad.frontend.values import (
    ArrayValue,
    ListTag,
    LocalFunction,
    MaybeUnbound,
    ObjectValue,
    OptionalValue,
    RangeValue,
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
from srcad.ir.types import BOOL, COMPLEX, FLOAT, INT, is_single


class Branches(Assignments):
    """Elaborates if statements."""

    def _if(self, node: Any) -> None:
        test = self.condition(node.test)
        at = self.b.at
        if isinstance(test, Const):
            for stmt in node.body if test.value else node.orelse:
                self.statement(stmt)
            return
        before = self.moment()
        body: list[Stmt] = []
        known = self._branch(node.body, body)
        after_body = self.moment()
        self.resume(before)
        orelse: list[Stmt] = []
        known_else = self._branch(node.orelse, orelse)
        if not (known or known_else):
            raise ResultUnknown
        after_else = self.moment()
        self.b.at = at
        if not known or (body and isinstance(body[-1], Raise)):
            self.resume(after_else)
        elif not known_else or (orelse and isinstance(orelse[-1], Raise)):
            self.resume(after_body)
        else:
            self.resume(self.merged(after_body, body, after_else, orelse))
        self.b.emit(If(test, tuple(body), tuple(orelse), at))

    def _branch(self, nodes: list[Any], block: list[Stmt]) -> bool:
        """Elaborate a branch; False if it hangs on a recursive result that is not known yet."""
        try:
            with self.b.into(block):
                for stmt in nodes:
                    self.statement(stmt)
        except ResultUnknown:
            return False
        return True

    def merged(self, one: Moment, b1: list[Stmt], two: Moment, b2: list[Stmt]) -> Moment:
        """What names and cells denote after two branches."""
        starts = len(b1), len(b2)
        joins = Joins(one.cells, two.cells, self.locus("if"))
        self.meet(joins, one.names, two.names, loop=False)
        outer, self.joins = self.joins, joins
        names: dict[str, Value] = {}
        for name in dict.fromkeys([*one.names, *two.names]):
            if one.names.get(name) is two.names.get(name):  # most: neither branch assigns them
                names[name] = one.names[name]
                continue
            if name not in one.names or name not in two.names:
                value = one.names[name] if name in one.names else two.names[name]
                names[name] = value if isinstance(value, MaybeUnbound) else MaybeUnbound(value)
                continue
            names[name] = self.joined(name, one.names[name], b1, two.names[name], b2)
        cells = {**one.cells, **two.cells}
        for name in one.cells.keys() & two.cells.keys():
            cells[name] = self._joined_cell(name, one.cells[name], b1, two.cells[name], b2)
        self.joins = outer
        self.lose(names, joins)
        self.note_sharing(joins)
        for block, start in zip((b1, b2), starts, strict=True):
            if cells:
                sequenced(block, start, self.b.names.fresh)
        return Moment(names, {**cells, **joins.cells}, len(self.writes))

    def lose(self, names: dict[str, Value], joins: Joins) -> bool:
        """Let names of lists go that another name stands for, which would not see them change."""
        lost = [n for n, v in names.items() if any(x.array in joins.lists for x in lists_in(v))]
        for name in lost:
            names[name] = conflict(TAKEN)
        return bool(lost)

    def _joined_cell(
        self, name: str, v1: Value, b1: list[Stmt], v2: Value, b2: list[Stmt]
    ) -> Value:
        saved, self.scope = self.scope, self.heap
        try:
            return self.joined(name, v1, b1, v2, b2)
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

    def joined(self, name: str, v1: Value, b1: list[Stmt], v2: Value, b2: list[Stmt]) -> Value:
        """One value for two, each valid after its own branch."""
        if v1 == v2:
            return _one_list(v1, v2)
        if isinstance(v1, ObjectValue) and isinstance(v2, ObjectValue):
            return self._joined_objects(name, v1, b1, v2, b2)
        if isinstance(v1, MaybeUnbound) or isinstance(v2, MaybeUnbound):
            inner1 = v1.value if isinstance(v1, MaybeUnbound) else v1
            inner2 = v2.value if isinstance(v2, MaybeUnbound) else v2
            lost = [v for v in (inner1, inner2) if is_marker(v)]
            if lost:
                return MaybeUnbound(lost[0])
            joined = self.joined(name, inner1, b1, inner2, b2)
            return joined if isinstance(joined, MaybeUnbound) else MaybeUnbound(joined)
        if any(isinstance(v, OptionalValue) or _is_none(v) for v in (v1, v2)):
            return self._optional(name, v1, b1, v2, b2)
        if (
            isinstance(v1, TupleValue)
            and isinstance(v2, TupleValue)
            and len(v1.items) == len(v2.items)
            and v1.cls is v2.cls
            and v1.keys == v2.keys
        ):
            pairs = zip(v1.items, v2.items, strict=True)
            items = tuple(
                self.joined(f"{name}_{k}", a, b1, c, b2) for k, (a, c) in enumerate(pairs)
            )
            if any(isinstance(i, MaybeUnbound) for i in items):
                return conflict(UNLIKE if v1.cls is list else CONFLICT)
            return _one_list(v1.of(items), v2)
        if isinstance(v1, RangeValue) and isinstance(v2, RangeValue):
            return RangeValue(
                *(self._part(name, word, b1, b2, v1, v2) for word in ("start", "stop", "step"))
            )
        given = v1, v2
        v1, v2 = self._without_axes(v1, b1, v2, b2)
        self.grow_if_lists(v1, v2)
        if isinstance(v1, Expr) and isinstance(v2, Expr):
            kind = self._joined_kind(name, v1, v2)
            decided = {FLOAT: self.b.decisions.floats, COMPLEX: self.b.decisions.complexes}
            for v in (v1, v2):
                if (
                    kind in decided
                    and v.kind in (INT, BOOL, FLOAT)
                    and v.kind != kind
                    and isinstance(v, Var)
                    and self.constants_only.get(v.name, False)
                ):
                    self.b.decisions.add(decided[kind], (self.scope.key, name))
            var = self.var(self.scope, name, kind)
            for v, block in ((v1, b1), (v2, b2)):
                self.note_number(name, var, v)
                if v != var:
                    block.append(Assign(var, self.b.convert(v, kind), self.b.at))
            self.constants_only[var.name] = False
            if given != (v1, v2):
                self.maybe_arrays.add(var.name)
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
        if isinstance(v1, LocalFunction) and isinstance(v2, LocalFunction):
            return conflict(FUNCTIONS)
        both_lists = isinstance(v1, TupleValue) and isinstance(v2, TupleValue) and v1.cls is list
        return conflict(UNEVEN if both_lists and v2.cls is list else CONFLICT)  # type: ignore[union-attr]

    def _without_axes(
        self, v1: Value, b1: list[Stmt], v2: Value, b2: list[Stmt]
    ) -> tuple[Value, Value]:
        """Two values of which one is a number and the other an array without axes, as numbers."""
        pair: list[Value] = []
        for value, other, block in ((v1, v2, b1), (v2, v1, b2)):
            if isinstance(value, ArrayValue) and value.ndim == 0 and isinstance(other, Expr):
                with self.b.into(block):
                    value = self.b.hold(value.element(()), "t")
            pair.append(value)
        return pair[0], pair[1]

    def _joined_kind(self, name: str, v1: Expr, v2: Expr) -> str:
        """The kind of a variable that holds either number; literals before are made of it."""
        kind = self.b.numbers.joined((v1, v2))
        in_loop = self.joins is not None and self.joins.loop
        if is_single(kind) and not in_loop and not all(map(self._is_short, (v1, v2))):
            return join_kinds(v1.kind, v2.kind)  # 0.1 on one path keeps its digits
        places = {
            place
            for v in (v1, v2)
            if isinstance(v, Var) and self.constants_only.get(v.name) and v.kind != kind
            for place in self.literals.get(v.name, ())
        }
        if is_single(kind) and not places <= self.b.decisions.singles.keys():
            self.b.decisions.singles.update(dict.fromkeys(places, kind))
            self.b.decisions.changed = True
        return kind

    def _is_short(self, value: Expr) -> bool:
        """Whether a number is of single precision, or made of literals that are exactly that."""
        if is_single(value.kind):
            return True
        if isinstance(value, Const):
            return is_held_exactly(value)
        return (
            isinstance(value, Var)
            and self.constants_only.get(value.name, False)
            and value.name not in self.long_literals
        )

    def _optional(self, name: str, v1: Value, b1: list[Stmt], v2: Value, b2: list[Stmt]) -> Value:
        """None on one path, or on paths before."""
        found: list[Value] = []
        given: list[Expr] = []
        for v in (v1, v2):
            given.append(v.given if isinstance(v, OptionalValue) else Const(not _is_none(v), BOOL))
            if not _is_none(v):
                found.append(v.value if isinstance(v, OptionalValue) else v)
        if not all(isinstance(v, Expr | ArrayValue | TupleValue) for v in found):
            return conflict()
        if len(found) == 2:
            value = self.joined(name, found[0], b1, found[1], b2)
        else:
            with self.b.into(b2 if _is_none(v1) else b1):
                value = self.canonical(name, found[0])
        if isinstance(value, MaybeUnbound):
            return value
        flag = self.joined(f"{name}_given", given[0], b1, given[1], b2)
        assert isinstance(flag, Expr)
        return OptionalValue(value, flag)

    def canonical(self, name: str, value: Value) -> Value:
        """The value in the variables that stand for a name."""
        match value:
            case TupleValue(items=items):
                parts = (self.canonical(f"{name}_{k}", v) for k, v in enumerate(items))
                return replace(value, items=tuple(parts))
            case ArrayValue():
                if (self.scope.key, name) not in self.b.decisions.rebound:
                    self.b.decisions.add(self.b.decisions.rebound, (self.scope.key, name))
                return self._bound_reference(name, value)
        if isinstance(value, Expr):
            var = self.var(self.scope, name, value.kind)
            if value != var:
                self.b.emit(Assign(var, value, self.b.at))
            self.constants_only[var.name] = False
            return var
        return value

    def _part(
        self,
        name: str,
        word: str,
        b1: list[Stmt],
        b2: list[Stmt],
        one: RangeValue,
        two: RangeValue,
    ) -> Expr:
        part = self.joined(f"{name}_{word}", getattr(one, word), b1, getattr(two, word), b2)
        assert isinstance(part, Expr)
        return part


def _is_none(value: Value) -> bool:
    return isinstance(value, StaticValue) and value.value is None


def _one_list(value: Value, other: Value) -> Value:
    """A list that is one of two lists, by the paths taken, can be read but not changed."""
    if not (isinstance(value, TupleValue) and isinstance(other, TupleValue)):
        return value
    one, two = value.tag, other.tag
    if one is two or (one and two and one.site is not None and one.site == two.site):
        return value
    own, others = lists_of(one), lists_of(two)
    if one is not None and one.either and all(tag in own for tag in others):
        return value
    return replace(value, tag=ListTag(fixed=True, either=tuple(dict.fromkeys((*own, *others)))))


def are_one_list(value: Value, other: Value) -> bool:
    """Whether the lists in two equal values are the same ones."""
    match value, other:
        case TupleValue(), TupleValue():
            pairs = zip(value.items, other.items, strict=True)
            return value.tag is other.tag and all(are_one_list(a, b) for a, b in pairs)
        case MaybeUnbound(), MaybeUnbound():
            return are_one_list(value.value, other.value)
    return True
