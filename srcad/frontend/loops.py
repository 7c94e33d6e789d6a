"""Loops over ranges and sequences, and while loops."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import combinations, product
from typing import Any

import gast
import numpy as np

from srcad.frontend import arrays, library, scalars
from srcad.frontend.bindings import vars_in
from srcad.frontend.branches import are_one_list
from srcad.frontend.checkpoints import is_marked, marks_of, unmarked
from srcad.frontend.expressions import LOST, ReadBeforeAssignment
from srcad.frontend.heap import HEAP, Joins, sequenced
from srcad.frontend.iterators import Iterators
from srcad.frontend.nests import mark_of, over_combinations, over_indices, over_product
from srcad.frontend.sequences import EAGER, LONGEST, ON_REQUEST
from srcad.frontend.syntax import assigned_names, plain, target_names
from srcad.frontend.values import (
    ArrayValue,
    ListTag,
    ListValue,
    MaybeUnbound,
    ObjectValue,
    RangeValue,
    RowsValue,
    Site,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.build import ONE, TRUE, ZERO, integer
from srcad.ir.nodes import (
    Assign,
    Call,
    Checkpoints,
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


class Loops(Iterators):
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
        site, sites = self.locus("loop"), dict(self.loci)
        homes: set[str] = set()
        assumed: dict[str, Value] = {}
        for _ in range(50):
            names, variables = set(self.b.names.used), dict(self.vars)
            head = {**entry, **{n: MaybeUnbound(v) for n, v in assumed.items()}}
            scope.env = dict(head)
            self.heap.env, self.loci = dict(cells), dict(sites)
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
                self.vars = variables
                self.b.names.release(names | self._kept_names())
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
            joins = Joins(cells, self.heap.env, site, homes, loop=True)
            changed = self._joined_ends(entry, end, joins, before, body) or changed
            if not changed:
                old = {name for name in cells if "|" not in name} - homes
                scope.env = {
                    **entry,
                    **{n: self._after_loop(v, old) for n, v in end.items() if n not in entry},
                }
                self.heap.env = {**self.heap.env, **cells}
                return body, extra
            self.b.names.release(names | self._kept_names())
        raise RuntimeError("the types of a loop do not settle")

    def _kept_names(self) -> set[str]:
        """Names of variables that stay when a loop is elaborated again."""
        found = {v.name for v in self.vars.values()} | set(self.references.values())
        return found | {c.name for c, _ in self.captures.values()}

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
            if end.get(name) is at_entry and not isinstance(at_entry, ObjectValue):
                continue
            joined: Value = MaybeUnbound(at_entry)  # if it is deleted in the loop
            if name in end:
                joined = self.joined(name, at_entry, before, end[name], body)
            elif isinstance(at_entry, MaybeUnbound):
                joined = at_entry
            if joined != at_entry or not are_one_list(joined, at_entry):
                entry[name] = joined
                changed = True
        replaced = {h.id for h in joins.made.values()}
        for name, at_entry in list(cells.items()):
            if name in joins.cells or _owner(name) in replaced:
                continue
            joined = self._joined_cell(name, at_entry, before, joins.two[name], body)
            if joined != at_entry or not are_one_list(joined, at_entry):
                joins.cells[name] = joined
        self.joins = outer
        for name, joined in joins.cells.items():
            if cells.get(name) != joined or not are_one_list(joined, cells[name]):
                cells[name] = joined
                changed = True
        if cells:
            sequenced(body, start, self.b.names.fresh)
        changed = self.lose(entry, joins) or changed
        self.lose(end, joins)
        return self.note_sharing(joins) or changed

    def _after_loop(self, value: Value, old: set[str]) -> Value:
        """What a name that the loop binds first denotes after it; ``old`` objects stay."""
        if not self.reachable(value) <= old:
            return MaybeUnbound(StaticValue(LOST))
        return value if isinstance(value, MaybeUnbound) else MaybeUnbound(value)

    def _for(self, node: Any) -> None:
        at = self.b.at
        until = getattr(node, "until", None)
        if is_marked(self, node.iter):
            assigned = assigned_names(node.body) | target_names(node.target)
            node = unmarked(node, self._held_marks(node.iter, assigned))
        if any(isinstance(n, gast.Subscript | gast.Attribute) for n in gast.walk(node.target)):
            raise self.b.refuse(
                "an element or an attribute as the target of a loop is not supported",
                "give the target a name and assign in the body",
            )
        if self._is_over_indices(node.iter):
            self._for_indices(node)
            return
        function = self._nesting_function(node.iter)
        if function is not None:
            self._for_choices(node, function)
            return
        members = self._items(node.iter)
        if members is not None:
            self._unrolled(node, members, until)
            return
        value = self.sequence(self.value(node.iter))
        if isinstance(value, RangeValue):
            self._for_range(node, value, until, at)
            return
        rows = self.rows_of(value)
        if rows is None:
            raise self.b.refuse(
                "a for loop runs over a range, an array, a tuple, a list, zip() or enumerate()",
                "loop over the index",
            )
        if rows.unrolled:
            items = self.known_items(rows)
            assert items is not None
            self._unrolled(node, self._steady_items(node, items), until, self._lists_of(node, rows))
            return
        site = (self.scope.key, node.lineno, node.col_offset, ON_REQUEST)
        if site in self.b.decisions.unrolled:
            row, length = rows.row, rows.length
            assert isinstance(length, Const)
            each = [lambda k=k: row(integer(k)) for k in range(int(length.value))]
            self._unrolled(node, each, until)
            return
        is_short = isinstance(rows.length, Const) and rows.length.value <= LONGEST
        with self._open(site if is_short else None):
            self._over_rows(node, rows, until)

    def _lists_of(self, node: Any, rows: RowsValue) -> dict[ListTag, bool]:
        """The lists that a loop runs over, and whether backwards."""
        match node.iter:
            case gast.Call(args=[gast.Name(id=name)]) if not rows.tags:
                held = self.scope.env.get(name)
                tag = held.tag if isinstance(held, TupleValue) else None
                if tag is not None and self.value(node.iter.func) == StaticValue(reversed):
                    return {tag: True}
        return dict.fromkeys(rows.tags, False)

    def _require_unchanged(self, lists: dict[ListTag, bool], mark: int, k: int) -> None:
        """Refuse a change of what a loop over a list reads after its round ``k``."""
        for tag, old, new in self.changes[mark:]:
            if tag not in lists:
                continue
            ahead = range(len(old) - 1 - k) if lists[tag] else range(k + 1, len(old))
            if len(old) != len(new) or any(old[j] is not new[j] for j in ahead):
                raise self.b.refuse(
                    "this loop runs over a list whose later items it replaces",
                    "loop over a copy, list(...), or over the index",
                )

    def _is_over_indices(self, iterable: Any) -> bool:
        """Whether it is a call of ``np.ndindex`` or ``np.ndenumerate``."""
        if not isinstance(iterable, gast.Call) or not isinstance(iterable.func, gast.Attribute):
            return False
        if iterable.func.attr not in ("ndindex", "ndenumerate"):
            return False
        called = self.value(iterable.func)
        return isinstance(called, StaticValue) and called.value in (np.ndindex, np.ndenumerate)

    def _for_indices(self, node: Any) -> None:
        """A loop over ``np.ndindex`` or ``np.ndenumerate``: nested loops over ranges."""
        with_items = node.iter.func.attr == "ndenumerate"
        args = self.values(node.iter.args)
        mark = mark_of(node)
        whole = args[0] if len(args) == 1 else None
        if with_items:
            whole = library.as_array(self.b, args[0])
            whole = arrays.materialise(self.b, whole, "t") if whole.view is None else whole
            self.scope.env[f"$a_{mark}"] = self._still(whole)
            shape = TupleValue(whole.extents)
        else:
            shape = whole if isinstance(whole, TupleValue) else TupleValue(tuple(args))
        self.scope.env[f"$range_{mark}"] = StaticValue(range)
        extents = library.shape_of(self.b, shape)
        names = () if with_items else self._own_counters(node, len(extents))
        for k, extent in enumerate(extents):
            self.scope.env[f"$n{k}_{mark}"] = self._bound_held(
                extent, assigned_names(node.body), "n"
            )
        for stmt in over_indices(node, len(extents), names, with_items=with_items):
            self.statement(stmt)

    def _nesting_function(self, iterable: Any) -> Any:
        """``itertools.product`` or ``itertools.combinations``, if it is a call of one."""
        if isinstance(iterable, gast.Call) and isinstance(
            iterable.func, gast.Attribute | gast.Name
        ):
            called = self.value(iterable.func)
            if isinstance(called, StaticValue) and called.value in (product, combinations):
                return called.value
        return None

    def _for_choices(self, node: Any, function: Any) -> None:
        """A loop over ``itertools.product`` or ``combinations``: nested loops."""
        args = self.values(node.iter.args)
        keywords = {k.arg: self.value(k.value) for k in node.iter.keywords}
        pools = self.pools(function, args, keywords)
        is_known = all(isinstance(pool, TupleValue) for pool in pools)
        if not pools or (function is combinations and is_known):
            found = self.known_choices(function, pools)
            assert found is not None
            until = getattr(node, "until", None)
            self._unrolled(node, self._steady_items(node, found), until)
            return
        mark, env, written = mark_of(node), self.scope.env, self._written_in(node)
        env[f"$range_{mark}"] = StaticValue(range)
        is_range = [isinstance(pool, RangeValue) for pool in pools]
        if function is product:
            write = over_product
            steady = {id(pool): self._steady_pool(pool, written) for pool in pools}
            for k, pool in enumerate(pools):
                env[f"$pool{k}_{mark}"] = steady[id(pool)]
        else:
            write = over_combinations
            pool = env[f"$pool0_{mark}"] = self._steady_pool(pools[0], written)
            is_simple = isinstance(pool, RangeValue)
            env[f"$start_{mark}"] = pool.start if is_simple else ZERO
            env[f"$stop_{mark}"] = (
                pool.stop if is_simple else self._required(pool, "combinations").length
            )
        names = self._own_counters(node, len(pools)) if all(is_range) else ()
        for stmt in write(node, is_range, names):
            self.statement(stmt)

    def _own_counters(self, node: Any, count: int) -> tuple[str, ...]:
        """The names that a loop assigns, if each can be the counter of one of several loops.

        Another may count on where the program's loop has no more items: nobody must see that.
        """
        if not isinstance(node.target, gast.Tuple | gast.List):
            return ()
        names = tuple(t.id for t in node.target.elts if isinstance(t, gast.Name))
        if len(names) != count or len(set(names)) < len(node.target.elts):
            return ()
        seen = set(names) & (assigned_names(node.body) | self._read_outside(set(names)))
        return () if seen else names

    def _read_outside(self, names: set[str]) -> set[str]:
        """Those of some names that the function reads other than in loops that assign them."""

        def read(node: Any, names: set[str]) -> set[str]:
            if isinstance(node, gast.Name) and isinstance(node.ctx, gast.Load):
                return names & {node.id}
            own = target_names(node.target) if isinstance(node, gast.For) else set()
            found: set[str] = set()
            for child in gast.iter_child_nodes(node):
                is_body = any(child is stmt for stmt in getattr(node, "body", ()) if own)
                found |= read(child, names - own if is_body else names)
            return found

        return read(self.scope.source.node, names)

    def _steady_pool(self, pool: Value, written: set[str]) -> Value:
        """What ``itertools`` takes items of, as it is before the loop."""
        if isinstance(pool, ListValue):
            pool = arrays.listed(self.b, pool)
        if isinstance(pool, ArrayValue) and pool.ndim == 1:
            return arrays.materialise(self.b, pool, "pool")
        if isinstance(pool, RangeValue):
            bounds = (self._untouched(e, written, stores=True) for e in (pool.start, pool.stop))
            start, stop = (e for e in bounds if isinstance(e, Expr))
            return replace(pool, start=start, stop=stop)
        return self._untouched(pool, written, stores=True)

    def _for_range(self, node: Any, r: RangeValue, until: str | None, at: Position) -> None:
        assigned = assigned_names([*node.body]) | target_names(node.target)
        if not isinstance(node.target, gast.Name):
            raise self.b.refuse("the target of a loop over range() is one name")
        is_literal = self.known_items(r) is not None
        kind = EAGER if is_literal else ON_REQUEST
        site = (self.scope.key, node.lineno, node.col_offset, kind)
        items = self.known_items(self.with_constants(r))
        if items is not None and site in self.b.decisions.unrolled:
            self._unrolled(node, self._steady_items(node, items), until)
            return
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
            self.b.numbers.note(counter.name, True, (scope.key, name))
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
        with self._open(site if items is not None else None):
            block, counter = self._loop(assigned, before, body)
        flag = self._until(until)
        self.b.block += before
        self.b.at = at
        marks = getattr(node, "checkpoints", None)
        self.b.emit(For(counter, start, stop, step, tuple(block), flag, at, checkpoints=marks))
        if all(isinstance(e, Const) for e in (start, stop, step)) and range(
            int(start.value), int(stop.value), int(step.value)
        ):  # type: ignore[union-attr]
            for n, v in scope.env.items():
                if isinstance(v, MaybeUnbound) and n == name:
                    scope.env[n] = v.value

    @contextmanager
    def _open(self, site: Site | None) -> Iterator[None]:
        """Inside a loop that could be written out."""
        outer = self.b.open_loops
        self.b.open_loops = [*outer, site] if site is not None else outer
        try:
            yield
        finally:
            self.b.open_loops = outer

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

    def _over_rows(self, node: Any, rows: RowsValue, until: str | None) -> None:
        """A loop over the rows of arrays (and the numbers of ranges), all in step."""
        at = self.b.at
        assigned = assigned_names(node.body) | target_names(node.target)
        length = self._bound_held(rows.length, assigned, "n")
        mark = len(self.appended)

        def body() -> Var:
            counter = Var(self.b.names.fresh("k"), INT)
            self.b.numbers.note(counter.name, True, None)
            self.b.counters.append((counter.name, True))
            self._assign_target(node.target, rows.row(counter))
            for stmt in node.body:
                self.statement(stmt)
            self.b.counters.pop()
            return counter

        before: list[Stmt] = []
        block, counter = self._loop(assigned, before, body)
        flag = self._until(until)
        self.b.block += before
        marks = getattr(node, "checkpoints", None)
        self.b.emit(For(counter, ZERO, length, ONE, tuple(block), flag, at, checkpoints=marks))
        if set(rows.lists) & set(self.appended[mark:]):
            raise self.b.refuse(
                "a list that grows or shrinks while a loop runs over it is not supported",
                "loop over a copy, or over the index",
            )

    def _steady_items(self, node: Any, value: TupleValue) -> list[Callable[[], Value]]:
        """The items of a tuple as they are before the loop."""
        written = self._written_in(node)
        items = [self._untouched(item, written, stores=True) for item in value.items]
        return [lambda item=item: item for item in items]

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
        keys, found = self.keys_of(owner), owner
        if word == "values":
            return [lambda k=k: self.cell(found, k) for k in keys]
        return [lambda k=k: TupleValue((StaticValue(k), self.cell(found, k))) for k in keys]

    def _unrolled(
        self,
        node: Any,
        items: list[Callable[[], Value]],
        until: str | None,
        lists: dict[ListTag, bool] | None = None,
    ) -> None:
        """A loop over members, its body once for each."""
        if hasattr(node, "checkpoints"):
            raise self.b.refuse(
                "a loop over the items of a tuple or a list has no snapshots: its body is written "
                "once for each",
                "leave srcad.checkpoint out",
            )
        try:
            self._each_written(node, items, until, lists or {})
        finally:
            for name in target_names(node.target):
                for var in vars_in(self.scope.env.get(name)):
                    self.b.constants.pop(var.name, None)

    def _assign_steady(self, node: Any, item: Value) -> None:
        """Assign the target of a loop that is written out."""
        self.steady_targets = target_names(node.target) - assigned_names(node.body)
        self._assign_target(node.target, item)
        self.steady_targets = frozenset()

    def _each_written(
        self,
        node: Any,
        items: list[Callable[[], Value]],
        until: str | None,
        lists: dict[ListTag, bool],
    ) -> None:
        mark = len(self.changes)
        for k, item in enumerate(items):
            if k:
                self._require_unchanged(lists, mark, k - 1)
                mark = len(self.changes)
            if until is None or k == 0:
                self._assign_steady(node, item())
                for stmt in node.body:
                    self.statement(stmt)
                continue
            stop = self.scope.env[until]
            if isinstance(stop, Const) and stop.value:
                return
            before = self.moment()
            inner: list[Stmt] = []
            with self.b.into(inner):
                self._assign_steady(node, item())
                for stmt in node.body:
                    self.statement(stmt)
            after = self.moment()
            none: list[Stmt] = []
            self.resume(self.merged(after, inner, before, none))
            assert isinstance(stop, Expr)
            self.b.emit(If(scalars.negation(stop), tuple(inner), tuple(none), self.b.at))

    def _written_in(self, node: Any) -> set[str]:
        """Variables that a loop's body or target assigns."""
        names = assigned_names(node.body) | target_names(node.target)
        found = {v.name for n in names for v in vars_in(self.scope.env.get(n))}
        return found | {
            var.name
            for (key, n, _), var in self.vars.items()
            if key == self.scope.key and n in names
        }

    def _while(self, node: Any) -> None:
        at = self.b.at
        assigned = assigned_names([*node.body, gast.Expr(node.test)])
        marks, node = self._marked_while(node, assigned)
        before: list[Stmt] = []
        ahead: list[Stmt] = []

        def body() -> Expr:
            self._move_to(node)
            test_block: list[Stmt] = []
            with self.b.into(test_block):
                test = self.condition(node.test)
            if not test_block:
                for stmt in node.body:
                    self.statement(stmt)
                ahead.clear()
                return test
            flag = Var(self.b.names.fresh("going"), BOOL)
            for stmt in node.body:
                self.statement(stmt)
            self._move_to(node)
            again = self.condition(node.test)
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
        self.b.emit(While(test, tuple(block), at, marks))

    def _marked_while(self, node: Any, assigned: frozenset[str]) -> tuple[Checkpoints | None, Any]:
        """How many snapshots the condition of a loop asks for, and the loop without that."""
        going = node.test.values[:-1] if isinstance(node.test, gast.BoolOp) else []
        test = node.test.values[-1] if going else node.test
        if not is_marked(self, test):
            return None, node
        marks = self._held_marks(test, assigned)
        test = gast.BoolOp(node.test.op, [*going, test.args[0]]) if going else test.args[0]
        new = gast.While(gast.copy_location(test, node.test), node.body, node.orelse)
        return marks, gast.copy_location(new, node)

    def _held_marks(self, call: Any, assigned: frozenset[str]) -> Checkpoints:
        """What a call of ``srcad.checkpoint`` says, in variables that the loop does not change."""
        marks = marks_of(self, call)
        if marks.on_disk is not None:
            held = self._bound_held(marks.on_disk, assigned, "disk_snapshots")
            marks = replace(marks, on_disk=held)
        return replace(marks, amount=self._bound_held(marks.amount, assigned, "snapshots"))


def _owner(name: str) -> str:
    """The object that a cell belongs to."""
    return name.rpartition("|")[2]
