"""What names denote: scalars in variables, arrays as views or as references."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import gast

from srcad.frontend import arrays
from srcad.frontend.expressions import (
    Expressions,
    Scope,
)
from srcad.frontend.precision import is_held_exactly
from srcad.frontend.syntax import plain
from srcad.frontend.values import (
    CHOSEN,
    JOINED,
    ArrayValue,
    BoundCall,
    DerivedFunction,
    ListTag,
    ListValue,
    LocalFunction,
    MaybeUnbound,
    ObjectValue,
    OptionalValue,
    Outside,
    PullbackFunction,
    RangeValue,
    RecordsValue,
    RowsValue,
    Site,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.build import TRUE, integer
from srcad.ir.nodes import (
    Assign,
    Bind,
    Block,
    Const,
    Expr,
    Extent,
    Var,
    children,
    names_read,
    rebuild,
)
from srcad.ir.types import BOOL, COMPLEX, FLOAT, INT, is_complex, is_single
from srcad.position import Position


class Bindings(Expressions):
    """Binds values to names of the program."""

    vars: dict[tuple[str, str, str], Var]
    """The variables of a scope's names, by kind."""
    references: dict[tuple[str, str], str]
    """Array variables: names that denote different arrays at one place."""
    constants_only: dict[str, bool]
    long_literals: set[str]
    """Those of them that single precision would round."""
    maybe_arrays: set[str]
    """Variables that hold what is an array without axes on some paths, and a number on others."""
    literals: dict[str, set[tuple[str, Position]]]
    """Where a variable is assigned a literal, by the names there."""
    steady_targets: frozenset[str] = frozenset()
    """Targets of a loop that is written out, which its body does not assign."""
    """Whether all values assigned to a variable so far were literals."""

    def var(self, scope: Scope, name: str, kind: str) -> Var:
        """The variable that holds a user's name of this kind."""
        key = (scope.key, name, kind)
        if key not in self.vars:
            self.vars[key] = Var(self.b.names.fresh(plain(name)), kind)
            self.b.has_single |= is_single(kind)
        return self.vars[key]

    def flag(self, scope: Scope, name: str) -> Var:
        """The variable that tells whether a name is bound."""
        return self.var(scope, f"{name}_bound", BOOL)

    def _flags_cleared(self, key: str, body: Block, bound: frozenset[str]) -> Block:
        """The body after statements that say which names hold something at its start."""
        flags = sorted(name for scope, name in self.b.decisions.flagged if scope == key)
        scope = Scope(key, self.scope.source)
        return (*(Assign(self.flag(scope, n), Const(n in bound, BOOL)) for n in flags), *body)

    def assign_name(self, name: str, value: Value) -> None:
        """``name = value`` in the current scope."""
        scope = self.scope
        scope.env[name] = self._bind(name, value)
        if (scope.key, name) in self.b.decisions.flagged:
            self.b.emit(Assign(self.flag(scope, name), TRUE, self.b.at))

    def _bind(self, name: str, value: Value) -> Value:
        """Store a value under a name of the current scope; returns what the name denotes."""
        match value:
            case ArrayValue() if value.ndim == 0 and value.view is None:
                return self._bind(name, value.element(()))
            case ArrayValue():
                return self._bind_array(name, value)
            case TupleValue():
                written = {v.name for v in vars_in(self.scope.env.get(name))}
                items = self._apart(value, written).items
                bound = value.of(self._bind(f"{name}_{k}", v) for k, v in enumerate(items))
                if value.cls is list and value.tag is None:
                    return replace(bound, tag=ListTag())
                return bound
            case RangeValue():
                parts = TupleValue((value.start, value.stop, value.step))
                written = {v.name for v in vars_in(self.scope.env.get(name))}
                start, stop, step = (
                    v if isinstance(v, Const) else self._bind(f"{name}_{word}", v)
                    for word, v in zip(
                        ("start", "stop", "step"), self._apart(parts, written).items, strict=True
                    )
                )
                return RangeValue(start, stop, step)  # type: ignore[arg-type]
            case OptionalValue(value=inner, given=given):
                held = self.b.hold(given, "given")
                bound = self._bind(name, inner)
                flag = self.var(self.scope, f"{name}_given", BOOL)
                if held != flag:
                    self.b.emit(Assign(flag, held, self.b.at))
                return OptionalValue(bound, flag)
            case RowsValue():
                raise self.b.refuse(
                    "zip(), enumerate() and reversed() can be run over once only: no name for them",
                    "write the call in the for statement, or list(...) around it",
                )
            case ListValue():
                self.require_namable(value)
                self._require_unjoined(value, value.site)
                return value
            case RecordsValue():
                self._require_unjoined(value, value.site)
                return value
            case StaticValue() | LocalFunction():
                return value
            case ObjectValue() | Outside() | BoundCall() | DerivedFunction() | PullbackFunction():
                return value
        assert isinstance(value, Expr)
        kind = value.kind
        if kind in (INT, BOOL) and (self.scope.key, name) in self.b.decisions.floats:
            value, kind = self.b.convert(value, FLOAT), FLOAT
        if not is_complex(kind) and (self.scope.key, name) in self.b.decisions.complexes:
            value, kind = self.b.convert(value, COMPLEX), COMPLEX
        if isinstance(value, Const):
            kind = self.b.decisions.singles.get((name, self.b.at), kind)
            value = self.b.convert(value, kind)
        var = self.var(self.scope, name, kind)
        self.note_number(name, var, value)
        if isinstance(value, Var) and value.name in self.maybe_arrays:
            self.maybe_arrays.add(var.name)
        if value != var:
            self.b.emit(Assign(var, value, self.b.at))
        self._remember(name, var, value)
        self.constants_only[var.name] = self.constants_only.get(var.name, True) and isinstance(
            value, Const
        )
        return var

    def require_namable(self, value: Value) -> None:
        """Refuse a name for one of several lists, which would not see how that changes."""
        if isinstance(value, ListValue) and value.site[3] == CHOSEN:
            raise self.b.refuse(
                "a list that is chosen by a number known at run time only gets no other name",
                "write the index where the list is used: cells[k]",
            )

    def _require_unjoined(self, value: Value, site: Site) -> None:
        """Refuse a second name for one of two lists, which would follow the first."""
        if site[3] == JOINED:
            raise self.b.refuse(
                "a list that is one of two, by the path taken, gets no other name",
                "make a list of it: list(...)",
            )

    def note_number(self, name: str, var: Var, value: Expr) -> None:
        """Note whose number a variable of the program is given, and where if it is a literal."""
        if value != var:
            key = (self.scope.key, name)
            self.b.numbers.note(var.name, self.b.numbers.origin(value), key)
        if isinstance(value, Const):
            self.literals.setdefault(var.name, set()).add((name, self.b.at))
            if not is_held_exactly(value):
                self.long_literals.add(var.name)

    def _remember(self, name: str, var: Var, value: Expr) -> None:
        """Note that a variable, assigned at one place only, holds an integer known beforehand."""
        known = self.b.constant(value)
        self.b.constants.pop(var.name, None)
        if known is not None and value.kind == INT:
            node = self.scope.source.node
            name = re.sub(r"(_\d+)+$", "", name)  # an item of a tuple
            if name in self.steady_targets or _bound_once(node, name):
                self.b.constants[var.name] = integer(known)

    def _apart(self, value: TupleValue, written: set[str]) -> TupleValue:
        """A tuple none of whose items changes while variables are written."""
        out: list[Value] = []
        for item in value.items:
            if isinstance(item, Expr) and names_read(item) & written:
                out.append(self.b.store(item, "t"))
            elif isinstance(item, ArrayValue) and item.view is not None:
                out.append(self.own_alias(item))
            elif isinstance(item, TupleValue):
                out.append(self._apart(item, written))
            else:
                out.append(item)
        return replace(value, items=tuple(out))

    def own_alias(self, value: ArrayValue) -> ArrayValue:
        """The same elements under a name that is never rebound, if the base's name may be."""
        view = value.view
        if view is None or view.base not in self.b.rebindable:
            return value
        dtype, ndim = self.b.arrays[view.base]
        alias = self.b.names.fresh(f"{view.base}_kept", self.b.names.shown(view.base))
        self.b.arrays[alias] = (dtype, ndim)
        self.b.extents[alias] = tuple(Extent(alias, k) for k in range(ndim))
        self.b.borrowed.add(alias)
        if view.base in self.b.strided:
            self.b.strided.add(alias)
        self.b.emit(Bind((alias,), (view.base,), self.b.at))
        extents = tuple(extent_of(e, view.base, alias) for e in value.extents)
        return arrays.viewed(self.b, replace(view, base=alias), extents, value.units)

    def kept(self, value: Value) -> Value:
        """The value in variables of its own: it stays what it is whatever is assigned later."""
        match value:
            case ArrayValue() if value.view is None:
                return arrays.snapshot(self.b, value, "t")
            case ArrayValue():
                return self.own_alias(value)
            case TupleValue():
                return value.of(self.kept(v) for v in value.items)
            case Const():
                return value
        known = self.b.constant(value)
        if known is not None:
            return integer(known)
        return self.b.store(value, "t") if isinstance(value, Expr) else value

    def _bind_array(self, name: str, value: ArrayValue) -> Value:
        key = (self.scope.key, name)
        if key in self.b.decisions.rebound:
            return self._bound_reference(name, value)
        if value.view is None:
            return arrays.snapshot(self.b, value, plain(name))
        value = self.own_alias(value)
        assert value.view is not None
        return value if arrays.is_base(self.b, value) else arrays.frozen(self.b, value)

    def _bound_reference(self, name: str, value: ArrayValue) -> Value:
        """Make the variable of an array name that is rebound denote an array."""
        if value.view is None:
            value = arrays.snapshot(self.b, value, f"{plain(name)}_new")
        ref = self._reference(name, value)
        assert value.view is not None
        if not arrays.is_base(self.b, value) or value.view.base in self.b.strided:
            self._require_strided(name, ref)
        arrays.denote(self.b, ref, value)
        return arrays.whole(self.b, ref, (False,) * value.ndim)

    def _require_strided(self, name: str, ref: str) -> None:
        """Decide that a variable may denote memory that is not contiguous."""
        if ref not in self.b.strided:
            self.b.decisions.add(self.b.decisions.strided, (self.scope.key, name))

    def _reference(self, name: str, value: ArrayValue) -> str:
        key = (self.scope.key, f"{name}:{value.dtype}:{value.ndim}")
        if key not in self.references:
            ref = self.b.names.fresh(plain(name))
            self.references[key] = ref
            self.b.arrays[ref] = (value.dtype, value.ndim)
            self.b.extents[ref] = tuple(Extent(ref, k) for k in range(value.ndim))
            self.b.rebindable.add(ref)
            if (self.scope.key, name) in self.b.decisions.strided:
                self.b.strided.add(ref)
        return self.references[key]


def _bound_once(node: Any, name: str) -> bool:
    """Whether a function has one place that binds a name, which is no parameter."""
    found = [n for n in gast.walk(node) if isinstance(n, gast.Name) and n.id == name]
    return [type(n.ctx) for n in found if not isinstance(n.ctx, gast.Load)] == [gast.Store]


def extent_of(expr: Expr, base: str, alias: str) -> Expr:
    """An extent written with another name of the array."""
    if isinstance(expr, Extent) and expr.array == base:
        return Extent(alias, expr.axis)
    return rebuild(expr, tuple(extent_of(e, base, alias) for e in children(expr)))


def vars_in(value: Value | None) -> list[Var]:
    """The variables that a value is made of."""
    match value:
        case Var():
            return [value]
        case TupleValue(items=items):
            return [v for i in items for v in vars_in(i)]
        case MaybeUnbound(value=inner):
            return vars_in(inner)
        case OptionalValue(value=inner, given=given):
            return [*vars_in(inner), *vars_in(given)]
        case RangeValue(start=start, stop=stop, step=step):
            return [v for e in (start, stop, step) for v in vars_in(e)]
    return []
