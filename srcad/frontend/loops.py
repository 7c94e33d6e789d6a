"""Loops over ranges and sequences, and while loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gast

from srcad.errors import UndefinedNameError
from srcad.frontend import arrays, scalars
from srcad.frontend.bindings import vars_in
from srcad.frontend.branches import Branches
from srcad.frontend.builder import Builder
from srcad.frontend.expressions import LOST, ReadBeforeAssignment
from srcad.frontend.heap import HEAP, Joins, sequenced
from srcad.frontend.syntax import assigned_names, plain, target_names
from srcad.frontend.values import (
    ArrayValue,
    MaybeUnbound,
    ObjectValue,
    RangeValue,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.build import ONE, TRUE, ZERO, add, integer, sub
from srcad.ir.nodes import (
    Assign,
    Call,
    Const,
    Expr,
    For,
    If,
    Load,
    Stmt,
    Var,
    While,
    names_read,
    walk,
)
from srcad.ir.types import BOOL, FLOAT, INT
from srcad.position import Position


class Loops(Branches):
    """Elaborates loops."""

    def _loop(
        self, assigned: frozenset[str], before: list[Stmt], elaborate_body: Callable[[], Any]
    ) -> tuple[list[Stmt], Any]:
        """Elaborate a loop's body until the values at its head and at its end agree.

        ``before`` receives what has to be converted ahead of the loop. Afterwards the scope holds
        the values after the loop, zero trips included.
        """
        scope = self.scope
        entry = dict(scope.env)
        cells = dict(self.heap.env)
        site, sites = self.site("loop"), dict(self.sites)
        homes: set[str] = set()
        assumed: dict[str, Value] = {}
        for _ in range(50):
            names, variables = set(self.b.names._used), dict(self.vars)
            head = {**entry, **{n: MaybeUnbound(v) for n, v in assumed.items()}}
            scope.env = dict(head)
            self.heap.env, self.sites = dict(cells), dict(sites)
            outer_pending = scope.pending
            scope.pending = outer_pending | (assigned - set(head))
            body: list[Stmt] = []
            try:
                with self.b.into(body):
                    extra = elaborate_body()
            except ReadBeforeAssignment as signal:
                name = str(signal)
                if name not in assigned or name in assumed:
                    raise
                assumed[name] = Var(name, FLOAT)
                self.b.names._used, self.vars = names, variables
                continue
            finally:
                scope.pending = outer_pending
            end = scope.env
            changed = False
            for name, value in list(assumed.items()):
                actual = end.get(name)
                actual = actual.value if isinstance(actual, MaybeUnbound) else actual
                if actual is not None and actual != value:
                    if self.reachable(actual):
                        raise self.b.refuse(
                            f"{name!r} is read in the loop before it is assigned an object there",
                            "assign it before the loop",
                        )
                    assumed[name] = actual
                    changed = True
            joins = Joins(cells, self.heap.env, site, homes)
            changed = self._joined_ends(entry, end, joins, before, body) or changed
            if not changed:
                scope.env = {
                    **entry,
                    **{n: self._after_loop(v) for n, v in end.items() if n not in entry},
                }
                self.heap.env = {**self.heap.env, **cells}
                return body, extra
            self.b.names._used = names | {v.name for v in self.vars.values()}
        raise RuntimeError("the types of a loop do not settle")

    def _joined_ends(
        self,
        entry: dict[str, Value],
        end: dict[str, Value],
        joins: Joins,
        before: list[Stmt],
        body: list[Stmt],
    ) -> bool:
        """Join what names and cells denote before a loop and at its end; whether any changed.

        Changes ``entry`` and ``joins.one``.
        """
        start, changed = len(body), False
        cells = joins.one
        self.meet(joins, entry, end, loop=True)
        outer, self.joins = self.joins, joins
        for name, at_entry in list(entry.items()):
            joined = self._joined(name, at_entry, before, end.get(name, at_entry), body)
            if joined != at_entry:
                entry[name] = joined
                changed = True
        replaced = {h.id for h in joins.made.values()}
        for name, at_entry in list(cells.items()):
            if name in joins.cells or _owner(name) in replaced:
                continue
            joined = self._joined_cell(name, at_entry, before, joins.two[name], body)
            if joined != at_entry:
                joins.cells[name] = joined
        self.joins = outer
        for name, joined in joins.cells.items():
            if cells.get(name) != joined:
                cells[name] = joined
                changed = True
        if cells:
            sequenced(body, start, self.b.names.fresh)
        return self.note_sharing(joins) or changed

    def _after_loop(self, value: Value) -> Value:
        """What a name that the loop binds first denotes after it."""
        if self.reachable(value):
            return MaybeUnbound(StaticValue(LOST))
        return value if isinstance(value, MaybeUnbound) else MaybeUnbound(value)

    def _for(self, node: Any) -> None:
        at = self.b.at
        until = getattr(node, "until", None)
        iterable = node.iter
        if isinstance(iterable, gast.Call) and isinstance(iterable.func, gast.Name):
            word = self._builtin_name(iterable.func)
            if word in ("enumerate", "zip", "reversed"):
                self._for_zip(node, word, until)
                return
        items = self._items(iterable)
        if items is not None:
            self._unrolled(node, items, until)
            return
        value = self.sequence(self.value(iterable))
        match value:
            case RangeValue():
                self._for_range(node, value, until, at)
            case TupleValue():
                self._unrolled(node, [lambda v=v: v for v in value.items], until)
            case ArrayValue() if value.ndim:
                self._over_sequences(node, [value], lambda k, items: items[0], until)
            case _:
                raise self.b.refuse(
                    "a for loop runs over range(), an array, a tuple, enumerate() or zip() here"
                )

    def _builtin_name(self, func: Any) -> str:
        try:
            value = self.value(func)
        except UndefinedNameError:
            return ""
        if isinstance(value, StaticValue) and value.value in (enumerate, zip, reversed):
            return value.value.__name__  # type: ignore[union-attr]
        return ""

    def _for_range(self, node: Any, r: RangeValue, until: str | None, at: Position) -> None:
        assigned = assigned_names([*node.body]) | target_names(node.target)
        if not isinstance(node.target, gast.Name):
            raise self.b.refuse("the target of a loop over range() is one name")
        start, stop, step = (
            self._bound_held(e, assigned, w)
            for e, w in ((r.start, "start"), (r.stop, "stop"), (r.step, "step"))
        )
        own = assigned_names(node.body)
        name = node.target.id
        scope = self.scope

        def body() -> Var:
            if name in own:
                counter = Var(self.b.names.fresh(f"{plain(name)}_count"), INT)
            else:
                counter = self.var(scope, name, INT)
            safe = isinstance(step, Const) and (
                self.b.is_nonnegative(start)
                if step.value > 0
                else isinstance(stop, Const) and stop.value >= -1
            )
            if name in own:
                self.assign_name(name, counter)
            else:
                scope.env[name] = counter
                self.constants_only[counter.name] = False
                if (scope.key, name) in self.b.decisions.flagged:
                    self.b.emit(Assign(self.flag(scope, name), TRUE, at))
            self.b.counters.append((counter.name, bool(safe) and name not in own))
            for stmt in node.body:
                self.statement(stmt)
            self.b.counters.pop()
            return counter

        before: list[Stmt] = []
        block, counter = self._loop(assigned, before, body)
        flag = self._until(until)
        self.b.block += before
        self.b.at = at
        self.b.emit(For(counter, start, stop, step, tuple(block), flag, at))
        if all(isinstance(e, Const) for e in (start, stop, step)) and range(
            int(start.value), int(stop.value), int(step.value)
        ):  # type: ignore[union-attr]
            for n, v in scope.env.items():
                if isinstance(v, MaybeUnbound) and n == name:
                    scope.env[n] = v.value

    def _until(self, until: str | None) -> Var | None:
        if until is None:
            return None
        flag = self.scope.env[until]
        return flag if isinstance(flag, Var) else None

    def _bound_held(self, e: Expr, assigned: frozenset[str], base: str) -> Expr:
        """A bound of a loop, in a variable of its own where the loop may change what it reads."""
        if isinstance(e, Const):
            return e
        names = {v.name for n in assigned for v in vars_in(self.scope.env.get(n))}
        names |= {
            v.name
            for k, v in self.vars.items()
            if k[0] == HEAP or (k[0] == self.scope.key and k[1] in assigned)
        }
        reads = names_read(e)
        loads = any(isinstance(x, Load | Call) for x in walk(e))
        if loads or reads & names or reads & self.b.rebindable:
            return self.b.store(self.b.convert(e, INT), base)
        return self.b.convert(e, INT)

    def _for_zip(self, node: Any, word: str, until: str | None) -> None:
        call = node.iter
        args = [self.sequence(v) for v in self.values(call.args)]
        if word == "reversed":
            match args[0]:
                case RangeValue(start=start, stop=stop, step=Const(value=1)):
                    back = RangeValue(sub(stop, ONE), sub(start, ONE), integer(-1))
                    self._for_range(node, back, until, self.b.at)
                    return
                case TupleValue(items=items):
                    self._unrolled(node, [lambda v=v: v for v in items[::-1]], until)
                    return
                case ArrayValue() as a:
                    backwards = arrays.select(self.b, a, [(None, None, integer(-1))])
                    assert isinstance(backwards, ArrayValue)
                    self._over_sequences(node, [backwards], lambda k, items: items[0], until)
                    return
            raise self.b.refuse("reversed() takes a range, an array or a tuple here")
        offset: Expr = ZERO
        if word == "enumerate":
            if len(args) > 1 or call.keywords:
                extra = args[1] if len(args) > 1 else self.value(call.keywords[0].value)
                assert isinstance(extra, Expr)
                offset = self.b.hold(extra, "start")
            args = args[:1]
        if all(isinstance(a, TupleValue) for a in args):
            rows = list(zip(*(a.items for a in args), strict=False))  # type: ignore[union-attr]
            if word == "enumerate":
                items = [TupleValue((add(offset, integer(k)), r[0])) for k, r in enumerate(rows)]
            else:
                items = [TupleValue(tuple(r)) for r in rows]
            self._unrolled(node, [lambda v=v: v for v in items], until)
            return
        for a in args:
            if not isinstance(a, ArrayValue | RangeValue):
                raise self.b.refuse(f"{word}() takes arrays and ranges here, or only tuples")
        if word == "enumerate":
            self._over_sequences(
                node, args, lambda k, items: TupleValue((add(k, offset), items[0])), until
            )
        else:
            self._over_sequences(node, args, lambda k, items: TupleValue(tuple(items)), until)

    def _over_sequences(
        self,
        node: Any,
        sequences: list[Value],
        pack: Callable[[Expr, list[Value]], Value],
        until: str | None,
    ) -> None:
        """A loop over the rows of arrays (and the numbers of ranges), all in step."""
        at = self.b.at
        lengths: list[Expr] = []
        held: list[Value] = []
        for s in sequences:
            if isinstance(s, ArrayValue):
                if s.view is None:
                    s = arrays.materialise(self.b, s, "t")
                s = self._still(s)
                lengths.append(s.extents[0])
            elif isinstance(s, RangeValue):
                if s.step != ONE:
                    raise self.b.refuse(
                        "a range with a step inside zip() is not supported", "loop over the index"
                    )
                lengths.append(sub(s.stop, s.start))
            held.append(s)
        length = lengths[0]
        for other in lengths[1:]:
            if other != length:
                length = Call("min", (length, other), INT)
        assigned = assigned_names(node.body) | target_names(node.target)
        length = self._bound_held(length, assigned, "n")

        def body() -> Var:
            counter = Var(self.b.names.fresh("k"), INT)
            self.b.counters.append((counter.name, True))
            rows: list[Value] = []
            for s in held:
                if isinstance(s, RangeValue):
                    rows.append(add(s.start, counter))
                else:
                    assert isinstance(s, ArrayValue)
                    rows.append(_row(self.b, s, counter))
            self._assign_target(node.target, pack(counter, rows))
            for stmt in node.body:
                self.statement(stmt)
            self.b.counters.pop()
            return counter

        before: list[Stmt] = []
        block, counter = self._loop(assigned, before, body)
        flag = self._until(until)
        self.b.block += before
        self.b.emit(For(counter, ZERO, length, ONE, tuple(block), flag, at))

    def _still(self, value: ArrayValue) -> ArrayValue:
        """The array that a loop runs over, even if the loop makes its name denote another."""
        value = self._own_alias(value)
        whole = value.view is not None and value.view.is_whole
        return value if whole else arrays.frozen(self.b, value)

    def _items(self, iterable: Any) -> list[Callable[[], Value]] | None:
        """The items of ``d.items()`` and ``d.values()``, each as it is when its turn comes."""
        if not isinstance(iterable, gast.Call) or not isinstance(iterable.func, gast.Attribute):
            return None
        word = iterable.func.attr
        if word not in ("items", "values") or iterable.args or iterable.keywords:
            return None
        owner = self.value(iterable.func.value)
        if not isinstance(owner, ObjectValue) or not self.is_dict(owner):
            return None
        if word == "values":
            return [lambda k=k: self.cell(owner, k) for k in self.keys_of(owner)]
        return [
            lambda k=k: TupleValue((StaticValue(k), self.cell(owner, k)))
            for k in self.keys_of(owner)
        ]

    def _unrolled(self, node: Any, items: list[Callable[[], Value]], until: str | None) -> None:
        for k, item in enumerate(items):
            if until is None or k == 0:
                self._assign_target(node.target, item())
                for stmt in node.body:
                    self.statement(stmt)
                continue
            stop = self.scope.env[until]
            if isinstance(stop, Const) and stop.value:
                return
            before = self.moment()
            inner: list[Stmt] = []
            with self.b.into(inner):
                self._assign_target(node.target, item())
                for stmt in node.body:
                    self.statement(stmt)
            after = self.moment()
            none: list[Stmt] = []
            self.resume(self._merged(after, inner, before, none))
            assert isinstance(stop, Expr)
            self.b.emit(If(scalars.negation(stop), tuple(inner), tuple(none), self.b.at))

    def _while(self, node: Any) -> None:
        at = self.b.at
        assigned = assigned_names([*node.body, gast.Expr(node.test)])
        before: list[Stmt] = []
        ahead: list[Stmt] = []

        def body() -> Expr:
            self._move_to(node)
            test_block: list[Stmt] = []
            with self.b.into(test_block):
                test = scalars.truth(self.b, self.value(node.test))
            if not test_block:
                for stmt in node.body:
                    self.statement(stmt)
                ahead.clear()
                return test
            flag = Var(self.b.names.fresh("going"), BOOL)
            for stmt in node.body:
                self.statement(stmt)
            self._move_to(node)
            again = scalars.truth(self.b, self.value(node.test))
            self.b.emit(Assign(flag, again, at))
            ahead[:] = [*test_block, Assign(flag, test, at)]
            return flag

        block, test = self._loop(assigned, before, body)
        if isinstance(test, Const) and test.value:
            raise self.b.refuse(
                "a loop that never ends is not supported", "give the loop a condition or a break"
            )
        self.b.block += before
        self.b.block += ahead
        self.b.at = at
        self.b.emit(While(test, tuple(block), at))


def _owner(name: str) -> str:
    """The object that a cell belongs to."""
    return name.rpartition("|")[2]


def _row(b: Builder, value: ArrayValue, k: Expr) -> Value:
    """Row ``k`` of an array, known to exist."""
    keys: list[object] = [k]
    with b.into([]):
        picked = arrays.select(b, value, keys)
    return picked
