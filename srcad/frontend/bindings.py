"""What names denote: scalars in variables, arrays as views or as references."""

from __future__ import annotations

from dataclasses import replace

from srcad.frontend import arrays
from srcad.frontend.expressions import (
    Expressions,
    Scope,
)
from srcad.frontend.syntax import plain
from srcad.frontend.values import (
    ArrayValue,
    BoundCall,
    LocalFunction,
    MaybeUnbound,
    ObjectValue,
    Outside,
    RangeValue,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.build import FALSE, TRUE
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
from srcad.ir.types import BOOL, FLOAT, INT


class Bindings(Expressions):
    """Binds values to names of the program."""

    vars: dict[tuple[str, str, str], Var]
    """The variables of a scope's names, by kind."""
    references: dict[tuple[str, str], str]
    """Array variables: names that denote different arrays at one place."""
    constants_only: dict[str, bool]
    """Whether all values assigned to a variable so far were literals."""

    def var(self, scope: Scope, name: str, kind: str) -> Var:
        """The variable that holds a user's name of this kind."""
        key = (scope.key, name, kind)
        if key not in self.vars:
            base = (
                name.strip("$").rstrip("0123456789").rstrip("_")
                if name.startswith("$")
                else plain(name)
            )
            self.vars[key] = Var(self.b.names.fresh(base), kind)
        return self.vars[key]

    def flag(self, scope: Scope, name: str) -> Var:
        """The variable that tells whether a name is bound."""
        return self.var(scope, f"{name}_bound", BOOL)

    def _flags_cleared(self, key: str, body: Block) -> Block:
        flags = sorted(name for scope, name in self.b.decisions.flagged if scope == key)
        scope = Scope(key, self.scope.source)
        return (*(Assign(self.flag(scope, n), FALSE) for n in flags), *body)

    def assign_name(self, name: str, value: Value) -> None:
        """``name = value`` in the current scope."""
        scope = self.scope
        scope.env[name] = self._bind(name, value)
        if (scope.key, name) in self.b.decisions.flagged:
            self.b.emit(Assign(self.flag(scope, name), TRUE, self.b.at))

    def _bind(self, name: str, value: Value) -> Value:
        """Store a value under a name of the current scope; returns what the name denotes."""
        match value:
            case ArrayValue() if value.ndim == 0:
                return self._bind(name, value.element(()))
            case ArrayValue():
                return self._bind_array(name, value)
            case TupleValue():
                items = self._apart(name, value)
                return value.of(self._bind(f"{name}_{k}", v) for k, v in enumerate(items))
            case StaticValue() | LocalFunction() | RangeValue():
                return value
            case ObjectValue() | Outside() | BoundCall():
                return value
        assert isinstance(value, Expr)
        kind = value.kind
        if kind in (INT, BOOL) and (self.scope.key, name) in self.b.decisions.floats:
            value, kind = self.b.convert(value, FLOAT), FLOAT
        var = self.var(self.scope, name, kind)
        if value != var:
            self.b.emit(Assign(var, value, self.b.at))
        self.constants_only[var.name] = self.constants_only.get(var.name, True) and isinstance(
            value, Const
        )
        return var

    def _apart(self, name: str, value: TupleValue) -> list[Value]:
        """The items of a tuple, none of which changes when the others are bound to ``name``."""
        own = self.scope.env.get(name)
        written = {v.name for v in vars_in(own)}
        out: list[Value] = []
        for item in value.items:
            if isinstance(item, Expr) and names_read(item) & written:
                out.append(self.b.store(item, "t"))
            elif isinstance(item, ArrayValue) and item.view is not None:
                out.append(self._own_alias(item))
            else:
                out.append(item)
        return out

    def _own_alias(self, value: ArrayValue) -> ArrayValue:
        """The same elements under a name that is never rebound, if the base's name may be."""
        view = value.view
        if view is None or view.base not in self.b.rebindable:
            return value
        dtype, ndim = self.b.arrays[view.base]
        alias = self.b.names.fresh(f"{view.base}_kept")
        self.b.arrays[alias] = (dtype, ndim)
        self.b.extents[alias] = tuple(Extent(alias, k) for k in range(ndim))
        self.b.emit(Bind((alias,), (view.base,), self.b.at))
        extents = tuple(extent_of(e, view.base, alias) for e in value.extents)
        return arrays.viewed(self.b, replace(view, base=alias), extents, value.units)

    def kept(self, value: Value) -> Value:
        """The value in variables of its own: it stays what it is whatever is assigned later."""
        match value:
            case ArrayValue() if value.view is None:
                return arrays.materialise(self.b, value, "t")
            case ArrayValue():
                return self._own_alias(value)
            case TupleValue():
                return value.of(self.kept(v) for v in value.items)
            case Const():
                return value
        return self.b.store(value, "t") if isinstance(value, Expr) else value

    def _bind_array(self, name: str, value: ArrayValue) -> Value:
        key = (self.scope.key, name)
        if key in self.b.decisions.rebound:
            return self._bound_reference(name, value)
        if value.view is None:
            return arrays.materialise(self.b, value, plain(name))
        value = self._own_alias(value)
        assert value.view is not None
        return value if value.view.is_whole else arrays.frozen(self.b, value)

    def _bound_reference(self, name: str, value: ArrayValue) -> Value:
        """Make the variable of an array name that is rebound denote an array."""
        if value.view is not None and not value.view.is_whole:
            raise self.b.refuse(
                f"{plain(name)!r} denotes different views of arrays at one place",
                "copy the view with .copy(), or index the array itself",
            )
        stored = arrays.stored(self.b, value, f"{plain(name)}_new")
        assert stored.view is not None
        ref = self._reference(name, stored)
        if ref != stored.view.base:
            self.b.emit(Bind((ref,), (stored.view.base,), self.b.at))
        return arrays.whole(self.b, ref, (False,) * value.ndim)

    def _reference(self, name: str, value: ArrayValue) -> str:
        key = (self.scope.key, f"{name}:{value.dtype}:{value.ndim}")
        if key not in self.references:
            ref = self.b.names.fresh(plain(name))
            self.references[key] = ref
            self.b.arrays[ref] = (value.dtype, value.ndim)
            self.b.extents[ref] = tuple(Extent(ref, k) for k in range(value.ndim))
            self.b.rebindable.add(ref)
        return self.references[key]


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
    return []
