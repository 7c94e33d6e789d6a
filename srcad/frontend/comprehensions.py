"""List comprehensions and generator expressions.

Over things of known length a comprehension is written out, its conditions decided. Otherwise it
becomes a loop that fills an array (``[f(v) for v in x]``), or, with a condition or a second
``for``, one that appends to a list. ``sum`` of one adds up in the loop and needs no array.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

import gast

from srcad.analysis.flow import writes_of
from srcad.frontend import arrays
from srcad.frontend.loops import Loops
from srcad.frontend.records import leaves, skeleton
from srcad.frontend.refusals import REFUSALS
from srcad.frontend.syntax import assigned_names
from srcad.frontend.text import TextParts, static_text
from srcad.frontend.values import (
    ArrayValue,
    ListValue,
    RecordsValue,
    Site,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.build import ONE, ZERO, at_least_zero
from srcad.ir.nodes import Alloc, Const, Expr, For, Stmt, Store, Var, names_read, statements
from srcad.ir.types import BOOL, INT

_CONSUMERS = (
    builtins.sum,
    builtins.min,
    builtins.max,
    builtins.sorted,
    builtins.any,
    builtins.all,
    builtins.tuple,
    builtins.list,
    math.fsum,
    math.prod,
)


class _RunTime(Exception):
    """A length or a condition of a comprehension is known at run time only."""


def _as_list(node: Any) -> Any:
    """A generator expression as a list."""
    return gast.copy_location(gast.ListComp(node.elt, node.generators), node)


class Comprehensions(Loops):
    """Elaborates comprehensions."""

    def _value(self, node: Any) -> Value:
        match node:
            case gast.ListComp():
                return self._comprehension(node)
            case gast.JoinedStr():
                return static_text(self.b, self.text_parts(node))
        return super()._value(node)

    def text_parts(self, node: Any) -> TextParts:
        """The pieces of an f-string: texts, and values with their format."""
        parts: TextParts = []
        for piece in node.values:
            if isinstance(piece, gast.Constant):
                parts.append(str(piece.value))
                continue
            spec = (
                static_text(self.b, self.text_parts(piece.format_spec))
                if piece.format_spec
                else None
            )
            form = str(spec.value) if isinstance(spec, StaticValue) else ""
            parts.append((self.value(piece.value), form))
        return parts

    def _print(self, node: Any) -> Value:
        """``print`` of f-strings: their pieces one after the other, numbers as they are."""
        values: list[Value] = []
        for arg in node.args:
            if not isinstance(arg, gast.JoinedStr):
                values += self.values([arg])
                continue
            for part in self.text_parts(arg):
                if not isinstance(part, str):
                    values.append(part[0])
                elif part.strip():
                    values.append(StaticValue(part.strip()))
        keywords: dict[str, Value] = {str(k.arg): self.value(k.value) for k in node.keywords}
        return self._call_object(print, values, keywords, node)

    def _call(self, node: Any) -> Value:
        if any(isinstance(a, gast.JoinedStr) for a in node.args):
            function = self.value(node.func)
            if isinstance(function, StaticValue) and function.value is print:
                return self._print(node)
        if not any(isinstance(a, gast.GeneratorExp) for a in node.args):
            return super()._call(node)
        function = self.value(node.func)
        found = function.value if isinstance(function, StaticValue) else None
        if not any(found is f for f in _CONSUMERS):
            raise self.b.refuse(**REFUSALS["GeneratorExp"].words())
        if found is builtins.sum and len(node.args) == 1 and not node.keywords:
            items = self._written_out(node.args[0])
            if items is None:
                return self._summed(node.args[0])
            return self._call_object(found, [self.new_list(items)], {}, node)
        args = [_as_list(a) if isinstance(a, gast.GeneratorExp) else a for a in node.args]
        return super()._call(gast.copy_location(gast.Call(node.func, args, node.keywords), node))

    # ------------------------------------------------------------ written out

    def _comprehension(self, node: Any) -> Value:
        items = self._written_out(node)
        if items is not None:
            return self.new_list(items, "comprehension")
        known_rows = len(node.generators) == 1 and not node.generators[0].ifs
        site = self.site("comprehension")
        if known_rows and site not in self.b.decisions.ranks | self.b.decisions.records:
            return self._filled(node, site)
        return self._appended(node)

    def _written_out(self, node: Any) -> tuple[Value, ...] | None:
        """The items, if their number is known; else nothing is left of the attempt."""
        start, env = len(self.b.block), dict(self.scope.env)
        kept = list(self.b.block)
        out: list[Value] = []
        held = f"$made_{node.lineno}_{node.col_offset}"  # functions among the items are held by it

        def visit() -> None:
            out.append(self._kept(self.value(node.elt)))
            self.scope.env[held] = TupleValue(tuple(out))

        try:
            self._each(node.generators, visit)
        except _RunTime:
            self.b.block[:] = kept[:start]
            self.scope.env = env
            return None
        self.scope.env.pop(held, None)
        return tuple(out)

    def _each(self, generators: list[Any], visit: Callable[[], None]) -> None:
        if not generators:
            visit()
            return
        first, *others = generators
        items = self.known_items(self.value(first.iter))
        if items is None:
            raise _RunTime
        outer = self.rounds
        try:
            for k, item in enumerate(items.items):
                self.rounds = (*outer, k)
                self._name_parts(first.target, item)
                tests = [self.condition(test) for test in first.ifs]
                if not all(isinstance(t, Const) for t in tests):
                    raise _RunTime
                if all(t.value for t in tests):  # type: ignore[union-attr]
                    self._each(others, visit)
        finally:
            self.rounds = outer

    def _name_parts(self, target: Any, value: Value) -> None:
        """Let the target's names stand for the parts of a value, known ones as such."""
        match target:
            case gast.Name():
                self.scope.env[target.id] = self._kept(value)
            case gast.Tuple() | gast.List():
                items = self._unpacked(target.elts, value)
                for inner, item in zip(target.elts, items, strict=True):
                    plain = inner.value if isinstance(inner, gast.Starred) else inner
                    self._name_parts(plain, item)
            case _:
                raise self.b.refuse(
                    "the target of a comprehension is a name or a tuple of names", "write the loop"
                )

    def _kept(self, value: Value) -> Value:
        """A value that stays what it is."""
        match value:
            case Const():
                return value
            case TupleValue():
                return value.of(self._kept(i) for i in value.items)
            case ArrayValue() if value.ndim == 0:
                return self._kept(value.element(()))
            case ArrayValue() if value.view is None:
                return arrays.snapshot(self.b, value, "item")
            case ArrayValue():
                return self._still(value)
        return self.b.store(value, "item") if isinstance(value, Expr) else value

    # ------------------------------------------------------------ at run time

    def _filled(self, node: Any, site: Site) -> Value:
        """``[f(v) for v in x]``: an array of as many elements or rows, one for each member."""
        (generator,) = node.generators
        at = self.b.at
        rows = self.rows_of(self.value(generator.iter))
        if rows is None:
            raise self.b.refuse(
                "a comprehension runs over ranges, arrays, tuples and lists here", "write the loop"
            )
        length = self.b.store(at_least_zero(rows.length), "n")
        made: list[tuple[str, str, tuple[Expr, ...]]] = []
        shape: list[TupleValue] = []

        def body() -> Var:
            made.clear()
            counter = Var(self.b.names.fresh("k"), INT)
            self.b.counters.append((counter.name, True))
            self._assign_target(generator.target, rows.row(counter))
            item = self.value(node.elt)
            whole = item if isinstance(item, TupleValue) else TupleValue((item,))
            shape[:] = [whole] if isinstance(item, TupleValue) else []
            for leaf in self._members(whole):
                made.append(self._put_member(leaf, counter))
            self.b.counters.pop()
            return counter

        before: list[Stmt] = []
        assigned = assigned_names([node])
        block, counter = self._loop(assigned, before, body)
        changed = {counter.name}.union(*(writes_of(stmt) for stmt in statements(tuple(block))))
        if any(names_read(e) & changed for _, _, extents in made for e in extents):
            self._append_instead(site, shape, [(k, len(e)) for _, k, e in made])
        self.b.block += before
        for base, kind, extents in made:
            self.b.emit(Alloc(base, (length, *extents), kind, True, at))
            arrays.declare(self.b, base, kind, (length, *extents))
        self.b.emit(For(counter, ZERO, length, ONE, tuple(block), None, at))
        values = [arrays.whole(self.b, base) for base, _, _ in made]
        if not shape:
            return self.array_list(values[0], "comprehension")
        return self.filled_records(shape[0], values, "comprehension")

    def _append_instead(
        self, site: Site, shape: list[TupleValue], columns: list[tuple[str, int]]
    ) -> None:
        """Start again with a list that grows: the shapes of its rows are known in the loop only."""
        if shape:
            self.make_columns(site, skeleton(shape[0]), columns)
        ((kind, ndim),) = columns
        self.b.decisions.make_list(site, kind, ndim)

    def _put_member(self, leaf: Expr | ArrayValue, row: Var) -> tuple[str, str, tuple[Expr, ...]]:
        """Store a number or an array in a row of a new array: its name, kind and shape."""
        base = self.b.names.fresh("items")
        if isinstance(leaf, Expr):
            self.b.emit(Store(base, (row,), leaf, True, self.b.at))
            return base, leaf.kind, ()
        if leaf.scatter is not None or leaf.masked is not None:
            leaf = arrays.materialise(self.b, leaf, "t")
        kind = arrays.kind_of(leaf.dtype)

        def put(at: tuple[Expr, ...]) -> None:
            self.b.emit(Store(base, (row, *at), leaf.element(at), True, self.b.at))

        arrays.over(self.b, leaf.extents, put)
        self.b.grown[base] = self.b.here
        if leaf.view is not None:
            self.b.kept.setdefault(base, {}).setdefault(leaf.view.base, self.b.here)
        return base, kind, leaf.extents

    def _members(self, item: TupleValue) -> list[Expr | ArrayValue]:
        """The numbers and arrays in an item of a comprehension."""
        found: list[Expr | ArrayValue] = []
        for leaf in leaves(item):
            if isinstance(leaf, ArrayValue) and leaf.ndim == 0:
                leaf = leaf.element(())
            if not isinstance(leaf, Expr | ArrayValue):
                raise self.b.refuse(
                    "a comprehension over something of unknown length makes a list of numbers, of "
                    "arrays, or of tuples of these",
                    "write the loop",
                )
            found.append(leaf)
        return found

    def _appended(self, node: Any) -> ListValue | RecordsValue:
        """A comprehension with conditions or several ``for``: a loop that appends."""
        site = self.site("comprehension")
        name = f"$list_{node.lineno}_{node.col_offset}"
        made = self.empty_records(site)
        if made is None:
            kind = self.b.decisions.lists.setdefault(site, BOOL)
            made = self.stored_list(site, kind, ())
        self.scope.env[name] = made
        method = gast.Attribute(gast.Name(name, gast.Load(), None, None), "append", gast.Load())
        self._loops(node, gast.Expr(gast.Call(method, [node.elt], [])))
        return made

    def _summed(self, node: Any) -> Value:
        """``sum(...)`` in a loop."""
        name = f"$sum_{node.lineno}_{node.col_offset}"
        self.assign_name(name, ZERO)
        target = gast.Name(name, gast.Store(), None, None)
        self._loops(node, gast.AugAssign(target, gast.Add(), node.elt))
        return self.name(name)

    def _loops(self, node: Any, inner: Any) -> None:
        """A statement inside the loops and conditions of a comprehension."""
        for generator in reversed(node.generators):
            for test in reversed(generator.ifs):
                inner = gast.If(test, [inner], [])
            inner = gast.For(generator.target, generator.iter, [inner], [], None)
        for part in gast.walk(inner):
            if not hasattr(part, "lineno"):
                gast.copy_location(part, node)
        self.statement(inner)
