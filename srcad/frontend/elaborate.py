"""From a function and the types of its arguments to core IR.

Elaboration reads the program once, in order, with the types at hand. Calls of the user's
functions are inlined, branches on static values are decided, tuples come apart into variables,
views become index arithmetic on the array under them and array statements become loops. What is
left is a program over scalars and arrays. From ::

    def f(x, scheme):                       x: float64[:], scheme = "square"
        y = x[1:] * 2.0
        if scheme == "square":
            y *= y
        return np.sum(y)

comes ::

    y = np.empty(max(0, x.shape[0] - 1))
    for i in range(x.shape[0] - 1): y[i] = x[i + 1] * 2.0
    for i in range(y.shape[0]): y[i] = y[i] * y[i]
    s = 0.0
    for i in range(y.shape[0]): s = s + y[i]
    return s
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import gast
import numpy as np

from srcad.analysis.alias import points_to, stored_sites
from srcad.errors import ArgumentError, UndefinedNameError
from srcad.frontend import arrays, library, scalars
from srcad.frontend.builder import Builder, Decisions, Restart
from srcad.frontend.expressions import (
    BINARY,
    CONFLICT,
    Expressions,
    ReadBeforeAssignment,
    Scope,
    written_names,
)
from srcad.frontend.jumps import RESULT, RETURNED, remove_jumps
from srcad.frontend.source import FunctionSource, find_source
from srcad.frontend.values import (
    ArrayValue,
    LocalFunction,
    MaybeUnbound,
    RangeValue,
    StaticValue,
    TupleValue,
    Value,
    type_of,
)
from srcad.ir.build import FALSE, ONE, TRUE, ZERO, add, integer, join_kinds, sub
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Bind,
    Block,
    Call,
    Check,
    Const,
    Expr,
    Extent,
    For,
    If,
    Invoke,
    Load,
    Raise,
    Stmt,
    Store,
    Var,
    While,
    children,
    names_read,
    rebuild,
    walk,
)
from srcad.ir.types import BOOL, FLOAT, FLOAT32, INT, Array, Function, Scalar, Static, Tuple, Type
from srcad.position import Position

_HINTS = {
    gast.Try: ("try/except/finally", "test for the condition with if"),
    gast.With: ("with", "do this outside the function"),
    gast.Delete: ("del", "drop the statement"),
    gast.Global: ("global: writing a global variable", "return the value instead"),
    gast.Nonlocal: ("nonlocal: writing an outer variable", "return the value instead"),
    gast.ClassDef: ("a class inside the function", "define it outside"),
    gast.Import: ("import inside the function", "import at the top of the module"),
    gast.ImportFrom: ("import inside the function", "import at the top of the module"),
    gast.AsyncFor: ("async for", "differentiate a plain function"),
    gast.AsyncWith: ("async with", "differentiate a plain function"),
    gast.AsyncFunctionDef: ("async def", "differentiate a plain function"),
}


@dataclass(frozen=True)
class CapturedValue:
    """A number or array read from outside the program: its name there and how to get it."""

    fetch: Callable[[], object]
    name: str
    type: Type


@dataclass(frozen=True)
class Elaborated:
    """The core IR of a program and what was learned on the way."""

    name: str
    parameters: tuple[Var | str, ...]
    """Leaves of the dynamic parameters: scalars and array names."""
    leaves: dict[str, tuple[Var | str, ...]]
    """The leaves of each parameter."""
    body: Block
    result: Value | None
    arrays: dict[str, tuple[str, int]]
    rebindable: frozenset[str]
    captured: tuple[CapturedValue, ...]
    guards: tuple[tuple[Callable[[], object], object], ...]
    names: Names
    callees: tuple[Outlined, ...] = ()
    """Functions that are called, not inlined: those that call themselves."""

    def escaping(self) -> set[str]:
        """Names that mean something outside of the body: parameters and results."""
        out = {p if isinstance(p, str) else p.name for p in self.parameters}
        out |= {c.name for c in self.captured}
        pending = [self.result] if self.result is not None else []
        while pending:
            match pending.pop():
                case ArrayValue(view=view) if view is not None:
                    out.add(view.base)
                case TupleValue(items=items):
                    pending += items
                case StaticValue() | None:
                    pass
                case value if isinstance(value, Expr):
                    out |= names_read(value)
        return out


@dataclass
class Outlined:
    """A function that calls itself, elaborated on its own for some argument types."""

    name: str
    types: tuple[tuple[str, Type], ...]
    result: Type | None = Scalar(FLOAT)
    """The type of its result: assumed at first, then found."""
    writes: frozenset[int] = frozenset()
    """Positions, among its leaves, of the arrays that it writes."""
    captured: tuple[tuple[object, CapturedValue], ...] = ()
    program: Elaborated | None = None


@dataclass
class _Shared:
    """What the elaborations of one module have in common."""

    outlined: dict[object, Outlined] = field(default_factory=dict)
    decisions: Decisions = field(default_factory=Decisions)


def elaborate(source: FunctionSource, parameters: tuple[tuple[str, Type], ...]) -> Elaborated:
    """Elaborate a function for argument types; raises ``UnsupportedError`` and kin."""
    shared = _Shared()
    program = _settled(source, parameters, shared, source.name)[0]
    return replace(program, callees=tuple(shared.outlined.values()))


def _settled(
    source: FunctionSource, parameters: tuple[tuple[str, Type], ...], shared: _Shared, name: str
) -> tuple[Elaborated, _Elaborator]:
    """Elaborate until every decision is made."""
    decisions = Decisions(outlined=shared.decisions.outlined)
    for _ in range(200):
        try:
            elaborator = _Elaborator(source, decisions, shared, name)
            return elaborator.run(parameters), elaborator
        except Restart:
            continue
    raise RuntimeError("elaboration does not settle")


class _Elaborator(Expressions):
    def __init__(
        self, source: FunctionSource, decisions: Decisions, shared: _Shared, title: str
    ) -> None:
        self.b = Builder(Names(), decisions)
        self.shared = shared
        self.title = title
        self.source = source
        self.scope = Scope(source.name, source)
        self.vars: dict[tuple[str, str, str], Var] = {}
        self.constants_only: dict[str, bool] = {}
        self.references: dict[tuple[str, str], str] = {}
        self.captures: dict[object, tuple[CapturedValue, Value]] = {}
        self.guards: list[tuple[Callable[[], object], object]] = []
        self.calls: list[int] = [id(source.function)]

    # ------------------------------------------------------------ the whole program

    def run(self, parameters: tuple[tuple[str, Type], ...]) -> Elaborated:
        node = self.source.node
        self.b.here = self.b.at = self.source.position(node)
        self.b.names.fresh(self.title)
        for other in self.shared.outlined.values():
            self.b.names.fresh(other.name)
        leaves: dict[str, tuple[Var | str, ...]] = {}
        for name, type_ in parameters:
            found: list[Var | str] = []
            self.scope.env[name] = self._parameter(name, type_, found)
            leaves[name] = tuple(found)
        result = self._body(node, self.scope)
        if result is not None:
            result = self._returned(result)
        body = tuple(self.b.block)
        body = self._flags_cleared(self.scope.key, body)
        captured = tuple(c for c, _ in self.captures.values())
        return Elaborated(
            self.title,
            tuple(leaf for found in leaves.values() for leaf in found),
            leaves,
            body,
            result,
            self.b.arrays,
            frozenset(self.b.rebindable),
            captured,
            tuple(self.guards),
            self.b.names,
        )

    def _returned(self, value: Value) -> Value:
        """The result of the program with its arrays stored as bases of their own."""
        match value:
            case ArrayValue() if value.ndim == 0:
                return value.element(())
            case ArrayValue():
                return arrays.stored(self.b, value, "result")
            case TupleValue():
                return TupleValue(tuple(self._returned(v) for v in value.items), value.cls)
        return value

    def _parameter(self, name: str, type_: Type, leaves: list[Var | str]) -> Value:
        match type_:
            case Scalar(kind=kind):
                var = self.var(self.scope, name, kind)
                self.constants_only[var.name] = False
                leaves.append(var)
                return var
            case Array(dtype=dtype, ndim=ndim):
                base = self.b.names.fresh(name)
                self.b.arrays[base] = (dtype, ndim)
                self.b.extents[base] = tuple(Extent(base, k) for k in range(ndim))
                leaves.append(base)
                value = arrays.whole(self.b, base, type_.units or (False,) * ndim)
                if (self.scope.key, name) in self.b.decisions.rebound:
                    return self._bound_reference(name, value)
                return value
            case Tuple(items=items, cls=cls):
                return TupleValue(
                    tuple(self._parameter(f"{name}_{k}", t, leaves) for k, t in enumerate(items)),
                    cls,
                )
            case Static(value=value):
                return StaticValue(value)
            case Function(function=function):
                return StaticValue(function)

    def _body(self, node: Any, scope: Scope) -> Value | None:
        """Elaborate the body of a function in ``scope``; returns its result."""
        saved, self.scope = self.scope, scope
        scope.local = _assigned_names(node.body) | {a.id for a in _parameters(node.args)}
        body = node.body
        try:
            if _is_docstring(body[0]):
                body = body[1:]
            statements = remove_jumps(body) if body else []
            result: Value | None = None
            for stmt in statements:
                if isinstance(stmt, gast.Return):
                    result = self._return(stmt)
                else:
                    self.statement(stmt)
            return result
        finally:
            self.scope = saved

    def _return(self, stmt: Any) -> Value | None:
        if stmt.value is None:
            return None
        if isinstance(stmt.value, gast.Name) and stmt.value.id == RESULT:
            value = self.scope.env[RESULT]
            if isinstance(value, MaybeUnbound):
                if isinstance(value.value, StaticValue) and value.value.value is CONFLICT:
                    raise self.b.refuse(
                        "the function returns values of different kinds (or None) on its paths",
                        "return the same kind of value, a number or an array, on every path",
                    )
                returned = self.scope.env[RETURNED]
                assert isinstance(returned, Expr)
                self.b.emit(
                    Check(
                        returned,
                        "TypeError",
                        f"this path of {self.scope.source.name} returns None, not a value",
                        self.b.at,
                    )
                )
                return value.value
            return value
        self._move_to(stmt)
        self.b.wanted = "result"
        value = self.value(stmt.value)
        self.b.wanted = "t"
        if isinstance(value, StaticValue) and value.value is None:
            return None
        return value

    # ------------------------------------------------------------ names

    def var(self, scope: Scope, name: str, kind: str) -> Var:
        """The variable that holds a user's name of this kind."""
        key = (scope.key, name, kind)
        if key not in self.vars:
            base = (
                name.strip("$").rstrip("0123456789").rstrip("_")
                if name.startswith("$")
                else _plain(name)
            )
            self.vars[key] = Var(self.b.names.fresh(base), kind)
        return self.vars[key]

    def flag(self, scope: Scope, name: str) -> Var:
        return self.var(scope, f"{name}_bound", BOOL)

    def _flags_cleared(self, key: str, body: Block) -> Block:
        flags = sorted(name for scope, name in self.b.decisions.flagged if scope == key)
        scope = Scope(key, self.scope.source)
        return (*(Assign(self.flag(scope, n), FALSE) for n in flags), *body)

    def assign_name(self, name: str, value: Value) -> None:
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
            case TupleValue(cls=cls):
                items = self._apart(name, value)
                return TupleValue(
                    tuple(self._bind(f"{name}_{k}", v) for k, v in enumerate(items)), cls
                )
            case StaticValue() | LocalFunction() | RangeValue():
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
        written = {v.name for v in _vars_in(own)}
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
        extents = tuple(_extent_of(e, view.base, alias) for e in value.extents)
        return arrays.viewed(self.b, replace(view, base=alias), extents, value.units)

    def _bind_array(self, name: str, value: ArrayValue) -> Value:
        key = (self.scope.key, name)
        if key in self.b.decisions.rebound:
            return self._bound_reference(name, value)
        if value.view is None:
            return arrays.materialise(self.b, value, _plain(name))
        value = self._own_alias(value)
        assert value.view is not None
        return value if value.view.is_whole else arrays.frozen(self.b, value)

    def _bound_reference(self, name: str, value: ArrayValue) -> Value:
        """Make the variable of an array name that is rebound denote an array."""
        if value.view is not None and not value.view.is_whole:
            raise self.b.refuse(
                f"{name!r} denotes different views of arrays at one place",
                "copy the view with .copy(), or index the array itself",
            )
        stored = arrays.stored(self.b, value, f"{_plain(name)}_new")
        assert stored.view is not None
        ref = self._reference(name, stored)
        if ref != stored.view.base:
            self.b.emit(Bind((ref,), (stored.view.base,), self.b.at))
        return arrays.whole(self.b, ref, (False,) * value.ndim)

    def _reference(self, name: str, value: ArrayValue) -> str:
        key = (self.scope.key, f"{name}:{value.dtype}:{value.ndim}")
        if key not in self.references:
            ref = self.b.names.fresh(_plain(name))
            self.references[key] = ref
            self.b.arrays[ref] = (value.dtype, value.ndim)
            self.b.extents[ref] = tuple(Extent(ref, k) for k in range(value.ndim))
            self.b.rebindable.add(ref)
        return self.references[key]

    # ------------------------------------------------------------ captured values

    def captured(self, name: str, scope: Scope) -> Value:
        source = scope.source
        try:
            value = source.lookup(name)
        except KeyError:
            raise UndefinedNameError(f"name {name!r} is not defined", self.b.here) from None
        return self._captured_value(
            (id(source.function), name), name, lambda: source.lookup(name), value
        )

    def captured_attribute(self, owner: object, name: str) -> Value:
        if not isinstance(owner, types.ModuleType | type | np.dtype | np.finfo | np.iinfo):
            raise self.b.refuse(
                f"attributes of {type(owner).__name__} objects are not supported yet",
                "pass the value as an argument of the function",
            )
        try:
            value = getattr(owner, name)
        except AttributeError:
            raise UndefinedNameError(
                f"{getattr(owner, '__name__', owner)!r} has no attribute {name!r}", self.b.here
            ) from None
        module = getattr(owner, "__name__", "")
        if (
            module in ("math", "numpy")
            or module.startswith("numpy.")
            or isinstance(owner, np.finfo | np.iinfo)
        ):
            if isinstance(value, float | np.floating):
                return Const(float(value), FLOAT)
            if isinstance(value, int | np.integer) and not isinstance(value, bool):
                return integer(int(value))
            return StaticValue(value)
        return self._captured_value((id(owner), name), name, lambda: getattr(owner, name), value)

    def _captured_value(
        self, key: object, name: str, fetch: Callable[[], object], value: object
    ) -> Value:
        if key in self.captures:
            return self.captures[key][1]
        kind = _kind_of_number(value)
        if kind is not None:
            var = Var(self.b.names.fresh(name), kind)
            self.captures[key] = (CapturedValue(fetch, var.name, Scalar(kind)), var)
            return var
        if isinstance(value, np.ndarray):
            dtype = value.dtype.name
            if dtype not in (FLOAT, FLOAT32, BOOL) and not dtype.startswith(("int", "uint")):
                raise self.b.refuse(
                    f"the captured array {name!r} has dtype {dtype}, which is not supported yet"
                )
            base = self.b.names.fresh(name)
            units = tuple(n == 1 for n in value.shape)
            self.b.arrays[base] = (dtype, value.ndim)
            self.b.extents[base] = tuple(Extent(base, k) for k in range(value.ndim))
            found: Value = arrays.whole(self.b, base, units)
            self.captures[key] = (
                CapturedValue(fetch, base, Array(dtype, value.ndim, units)),
                found,
            )
            return found
        if isinstance(value, tuple):
            items = [
                self._captured_value((key, k), f"{name}_{k}", lambda k=k: fetch()[k], item)  # type: ignore[index]
                for k, item in enumerate(value)
            ]
            cls = type(value) if hasattr(value, "_fields") else None
            return TupleValue(tuple(items), cls)
        if not isinstance(value, types.ModuleType | types.BuiltinFunctionType | np.ufunc):
            self.guards.append((fetch, value))
        return StaticValue(value)

    # ------------------------------------------------------------ calls

    def call_user(
        self, function: Any, values: list[Value], keywords: dict[str, Value], node: Any
    ) -> Value:
        here = self.b.here
        if isinstance(function, LocalFunction):
            code: Any = function.node
            parent: Scope | None = function.scope  # type: ignore[assignment]
            assert parent is not None
            source, name = parent.source, getattr(code, "name", "lambda_")
            defaults: list[Value] = [*function.defaults]
            identity = id(function.node)
        else:
            source = find_source(function)
            code, parent, name, identity = source.node, None, source.name, id(source.function)
            fn = source.function
            defaults = [self._python_value(v, name) for v in fn.__defaults__ or ()]
        if identity in self.calls and identity not in self.b.decisions.outlined:
            if isinstance(function, LocalFunction):
                raise self.b.refuse(
                    f"{name} is defined inside and calls itself: that recursion is not supported",
                    "define it at the top of the module",
                )
            self.b.decisions.add(self.b.decisions.outlined, identity)
        if identity in self.b.decisions.outlined:
            return self._invoke(source, code, values, keywords, defaults, function)
        key = f"{self.scope.key}/{name}@{here.line}:{here.column}"
        scope = Scope(key, source, parent=parent)
        self._bind_arguments(scope, code, values, keywords, defaults, source, function)
        self.calls.append(identity)
        saved_at, saved_wanted, self.b.wanted = self.b.at, self.b.wanted, "t"
        try:
            if isinstance(code, gast.Lambda):
                saved, self.scope = self.scope, scope
                try:
                    return self.value(code.body)
                finally:
                    self.scope = saved
            for flagged in sorted(n for k, n in self.b.decisions.flagged if k == key):
                self.b.emit(Assign(self.flag(scope, flagged), FALSE, self.b.at))
            result = self._body(code, scope)
        finally:
            self.calls.pop()
            self.b.at, self.b.here, self.b.wanted = saved_at, here, saved_wanted
        return StaticValue(None) if result is None else result

    def _bind_arguments(
        self,
        scope: Scope,
        code: Any,
        values: list[Value],
        keywords: dict[str, Value],
        defaults: list[Value],
        source: FunctionSource,
        function: Any,
    ) -> None:
        args = code.args
        names = [a.id for a in [*args.posonlyargs, *args.args]]
        title = getattr(code, "name", "the lambda")
        given = dict(zip(names, values, strict=False))
        if len(values) > len(names):
            if args.vararg is None:
                raise ArgumentError(
                    f"{title}() takes {len(names)} positional arguments, {len(values)} were given",
                    self.b.here,
                )
            given[args.vararg.id] = TupleValue(tuple(values[len(names) :]))
        elif args.vararg is not None:
            given[args.vararg.id] = TupleValue(())
        if args.kwarg is not None:
            raise self.b.refuse(
                "a function that takes **keywords is not supported", "name the keywords"
            )
        kwonly = [a.id for a in args.kwonlyargs]
        for name, value in keywords.items():
            if name in given:
                raise ArgumentError(
                    f"{title}() got several values for argument {name!r}", self.b.here
                )
            if name not in names and name not in kwonly:
                raise ArgumentError(
                    f"{title}() got an unexpected keyword argument {name!r}", self.b.here
                )
            given[name] = value
        for name, value in zip(names[len(names) - len(defaults) :], defaults, strict=True):
            given.setdefault(name, value)
        kwdefaults = getattr(getattr(function, "py_func", function), "__kwdefaults__", None) or {}
        for name in kwonly:
            if name not in given and name in kwdefaults:
                given[name] = self._python_value(kwdefaults[name], name)
        missing = [n for n in [*names, *kwonly] if n not in given]
        if missing:
            raise ArgumentError(f"{title}() is missing the argument {missing[0]!r}", self.b.here)
        assigned = _assigned_names(code.body) if not isinstance(code, gast.Lambda) else frozenset()
        saved, self.scope = self.scope, scope
        for name, value in given.items():
            simple = isinstance(value, Const | Var) or not isinstance(value, Expr)
            if isinstance(value, ArrayValue) and value.view is None:
                value = arrays.materialise(self.b, value, name)
            keep = simple and name not in assigned
            if isinstance(value, ArrayValue) and (scope.key, name) not in self.b.decisions.rebound:
                keep = True
            scope.env[name] = value if keep else self._bind(name, value)
        self.scope = saved

    def _invoke(
        self,
        source: FunctionSource,
        code: Any,
        values: list[Value],
        keywords: dict[str, Value],
        defaults: list[Value],
        function: Any,
    ) -> Value:
        """A call that is not inlined."""
        scope = Scope(f"{self.scope.key}/{source.name}!", source)
        self._bind_arguments(scope, code, values, keywords, defaults, source, function)
        given = {n: self._as_argument(v) for n, v in scope.env.items()}
        types_ = tuple((n, _argument_type(v)) for n, v in given.items())
        target = self._outlined(source, types_)
        leaves = [leaf for v in given.values() for leaf in _leaves(v)]
        writes = tuple(str(leaves[k]) for k in sorted(target.writes))
        if len(set(writes)) < len(writes) or any(leaves.count(w) > 1 for w in writes):
            raise self.b.refuse(
                "the same array is passed twice to a recursive function that writes it"
            )
        args: list[Expr | str] = list(leaves)
        for key, value in target.captured:
            found = self._captured_value(key, value.name, value.fetch, value.fetch())
            args += _leaves(found)
        results: list[Var] = []
        out = self._results(target.result, target.name, results)
        self.b.emit(
            Invoke(tuple(results), target.name, tuple(args), writes, len(leaves), self.b.at)
        )
        return out

    def _as_argument(self, value: Value) -> Value:
        match value:
            case ArrayValue():
                return arrays.stored(self.b, value, "t")
            case TupleValue(items=items, cls=cls):
                return TupleValue(tuple(self._as_argument(v) for v in items), cls)
            case MaybeUnbound() | RangeValue() | LocalFunction():
                raise self.b.refuse(
                    "a recursive function takes numbers, arrays and static values here"
                )
        return self.b.hold(value, "a") if isinstance(value, Expr) else value

    def _results(self, type_: Type | None, base: str, found: list[Var]) -> Value:
        match type_:
            case None:
                return StaticValue(None)
            case Scalar(kind=kind):
                var = Var(self.b.names.fresh(f"{base}_value"), kind)
                found.append(var)
                return var
            case Tuple(items=items, cls=cls):
                return TupleValue(tuple(self._results(t, base, found) for t in items), cls)
        raise self.b.refuse(
            "a recursive function must return numbers", "write arrays into an argument instead"
        )

    def _outlined(self, source: FunctionSource, types_: tuple[tuple[str, Type], ...]) -> Outlined:
        """The function of the module for these argument types, elaborated if it is new."""
        key = (id(source.function), types_)
        known = self.shared.outlined.get(key)
        if known is not None:
            return known
        taken = [o.name for o in self.shared.outlined.values()]
        name = (
            f"{source.name}_call"
            if source.name == self.title or source.name in taken
            else source.name
        )
        while name in taken or name in self.b.names._used:
            name += "_"
        self.b.names.fresh(name)
        target = Outlined(name, types_)
        self.shared.outlined[key] = target
        for _ in range(20):
            program, elaborator = _settled(source, types_, self.shared, name)
            leaves = list(program.parameters)
            sites = points_to(program.body, set(program.arrays))
            written = stored_sites(program.body, sites)
            writes = frozenset(
                k for k, leaf in enumerate(leaves) if isinstance(leaf, str) and leaf in written
            )
            result = None if program.result is None else type_of(program.result)
            captured = tuple((k, c) for k, (c, _) in elaborator.captures.items())
            old = (target.result, target.writes, [c.name for _, c in target.captured])
            new = (result, writes, [c.name for _, c in captured])
            target.result, target.writes, target.captured, target.program = (
                result,
                writes,
                captured,
                program,
            )
            if old == new:
                self.guards += elaborator.guards
                return target
        raise RuntimeError("the result of a recursive function does not settle")

    def _python_value(self, value: object, name: str) -> Value:
        """A default argument: a Python object."""
        if isinstance(value, bool):
            return Const(value, BOOL)
        if isinstance(value, int | np.integer):
            return integer(int(value))
        if isinstance(value, float | np.floating):
            return Const(float(value), FLOAT)
        if isinstance(value, tuple):
            return TupleValue(tuple(self._python_value(v, name) for v in value))
        if isinstance(value, np.ndarray):
            return self._captured_value((id(value), "default"), name, lambda: value, value)
        return StaticValue(value)

    def chosen(self, node: Any) -> Value:
        """A conditional expression between tuples or arrays: an if statement on a hidden name."""
        name = f"$picked_{node.lineno}_{node.col_offset}"

        def assign(value: Any) -> Any:
            target = gast.copy_location(gast.Name(name, gast.Store(), None, None), node)
            return gast.copy_location(gast.Assign([target], value, None), node)

        branch = gast.If(node.test, [assign(node.body)], [assign(node.orelse)])
        self.statement(gast.copy_location(branch, node))
        return self.name(name)

    # ------------------------------------------------------------ statements

    def _move_to(self, node: Any) -> None:
        self.b.at = self.b.here = self.scope.source.position(node)

    def statement(self, node: Any) -> None:
        """Elaborate one statement."""
        self._move_to(node)
        match node:
            case gast.Assign():
                self._assign(node)
            case gast.AugAssign():
                self._augmented(node)
            case gast.AnnAssign():
                if node.value is not None:
                    self._assign_value(node.target, node.value)
            case gast.For():
                self._for(node)
            case gast.While():
                self._while(node)
            case gast.If():
                self._if(node)
            case gast.Expr():
                if not isinstance(node.value, gast.Constant):
                    self.value(node.value)
            case gast.Pass():
                pass
            case gast.Raise():
                self._raise(node)
            case gast.Assert():
                message = node.msg.value if isinstance(node.msg, gast.Constant) else ""
                test = scalars.truth(self.b, self.value(node.test))
                self.b.emit(Check(test, "AssertionError", str(message), self.b.at))
            case gast.FunctionDef():
                if node.decorator_list:
                    raise self.b.refuse(
                        "a decorated function inside the function is not supported yet",
                        "define it without decorator",
                    )
                defaults = tuple(self.value(d) for d in node.args.defaults)
                self.scope.env[node.name] = LocalFunction(node, self.scope, defaults)
            case _:
                what, hint = _HINTS.get(type(node), (type(node).__name__, ""))
                if type(node).__name__ == "TryStar":
                    what, hint = _HINTS[gast.Try]
                if type(node).__name__ == "Match":
                    what, hint = "match", "write if/elif"
                raise self.b.refuse(f"{what} is not supported", hint)

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
            self.b.wanted = _plain(target.id) + ("_new" if rebound else "")
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
                raise self.b.refuse(
                    "writing an attribute is not supported", "use a variable or an array"
                )
            case gast.Starred():
                raise self.b.refuse("a starred target is not supported", "unpack by index")
            case _:
                raise self.b.refuse(f"assigning to {type(target).__name__} is not supported")

    def _unpack(self, targets: list[Any], value: Value) -> None:
        if any(isinstance(t, gast.Starred) for t in targets):
            raise self.b.refuse(
                "a starred target (*) is not supported", "unpack by index or by a slice"
            )
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
            for t in _target_names(gast.Tuple(targets, None))
            for v in _vars_in(self.scope.env.get(t))
        }
        stores = any(isinstance(t, gast.Subscript) for t in targets)
        items = [
            self._untouched(item, written if k else set(), stores) for k, item in enumerate(items)
        ]
        for target, item in zip(targets, items, strict=True):
            self._assign_target(target, item)

    def _untouched(self, item: Value, written: set[str], stores: bool) -> Value:
        """A value that stays what it is while variables (if ``stores``, elements) are written."""
        match item:
            case TupleValue(items=items, cls=cls):
                return TupleValue(tuple(self._untouched(i, written, stores) for i in items), cls)
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
        if not isinstance(owner, ArrayValue):
            raise self.b.refuse(
                "only arrays can be written by index", "use an array, or separate variables"
            )
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
                and names_read(old) & _assigned_by_walrus(node.value)
            ):
                raise self.b.refuse(
                    "an assignment expression inside an augmented assignment is not supported"
                )
            self.assign_name(node.target.id, self.binary(op, old, value))
            return
        if not isinstance(node.target, gast.Subscript):
            raise self.b.refuse("an augmented assignment to this target is not supported")
        owner, keys = self.target_of(node.target)
        if not isinstance(owner, ArrayValue):
            raise self.b.refuse(
                "only arrays can be written by index", "use an array, or separate variables"
            )
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

    def _raise(self, node: Any) -> None:
        exc = node.exc
        args: list[Any] = []
        if isinstance(exc, gast.Call):
            exc, args = exc.func, exc.args
        found = self.value(exc) if isinstance(exc, gast.Name) else None
        error = found.value if isinstance(found, StaticValue) else None
        if (
            not (isinstance(error, type) and issubclass(error, Exception))
            or error.__module__ != "builtins"
        ):
            raise self.b.refuse(
                "raise takes a built-in exception here", 'for example raise ValueError("...")'
            )
        text = ""
        if args:
            text = (
                str(args[0].value) if isinstance(args[0], gast.Constant) else gast.unparse(args[0])
            )
        self.b.emit(Raise(error.__name__, text, self.b.at))

    # ------------------------------------------------------------ branches

    def _if(self, node: Any) -> None:
        test = scalars.truth(self.b, self.value(node.test))
        at = self.b.at
        if isinstance(test, Const):
            for stmt in node.body if test.value else node.orelse:
                self.statement(stmt)
            return
        before = dict(self.scope.env)
        body: list[Stmt] = []
        with self.b.into(body):
            for stmt in node.body:
                self.statement(stmt)
        after_body = self.scope.env
        self.scope.env = dict(before)
        orelse: list[Stmt] = []
        with self.b.into(orelse):
            for stmt in node.orelse:
                self.statement(stmt)
        after_else = self.scope.env
        self.b.at = at
        if body and isinstance(body[-1], Raise):
            self.scope.env = after_else
        elif orelse and isinstance(orelse[-1], Raise):
            self.scope.env = after_body
        else:
            self.scope.env = self._merged(after_body, body, after_else, orelse)
        self.b.emit(If(test, tuple(body), tuple(orelse), at))

    def _merged(
        self, one: dict[str, Value], b1: list[Stmt], two: dict[str, Value], b2: list[Stmt]
    ) -> dict[str, Value]:
        out: dict[str, Value] = {}
        for name in dict.fromkeys([*one, *two]):
            if name not in one or name not in two:
                value = one[name] if name in one else two[name]
                out[name] = value if isinstance(value, MaybeUnbound) else MaybeUnbound(value)
                continue
            out[name] = self._joined(name, one[name], b1, two[name], b2)
        return out

    def _joined(self, name: str, v1: Value, b1: list[Stmt], v2: Value, b2: list[Stmt]) -> Value:
        if v1 == v2:
            return v1
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
        ):
            pairs = zip(v1.items, v2.items, strict=True)
            items = tuple(
                self._joined(f"{name}_{k}", a, b1, c, b2) for k, (a, c) in enumerate(pairs)
            )
            if any(isinstance(i, MaybeUnbound) for i in items):
                return MaybeUnbound(StaticValue(CONFLICT))
            return TupleValue(items, v1.cls)
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
        return MaybeUnbound(StaticValue(CONFLICT))

    # ------------------------------------------------------------ loops

    def _loop(
        self, assigned: frozenset[str], before: list[Stmt], elaborate_body: Callable[[], Any]
    ) -> tuple[list[Stmt], Any]:
        """Elaborate a loop's body until the values at its head and at its end agree.

        ``before`` receives what has to be converted ahead of the loop. Afterwards the scope holds
        the values after the loop, zero trips included.
        """
        scope = self.scope
        entry = dict(scope.env)
        assumed: dict[str, Value] = {}
        for _ in range(50):
            names, variables = set(self.b.names._used), dict(self.vars)
            head = {**entry, **{n: MaybeUnbound(v) for n, v in assumed.items()}}
            scope.env = dict(head)
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
                    assumed[name] = actual
                    changed = True
            for name, at_entry in list(entry.items()):
                joined = self._head(name, at_entry, end.get(name, at_entry), before, body)
                if joined != at_entry:
                    entry[name] = joined
                    changed = True
            if not changed:
                scope.env = {
                    **entry,
                    **{
                        n: (v if isinstance(v, MaybeUnbound) else MaybeUnbound(v))
                        for n, v in end.items()
                        if n not in entry
                    },
                }
                return body, extra
            self.b.names._used = names | {v.name for v in self.vars.values()}
        raise RuntimeError("the types of a loop do not settle")

    def _head(
        self, name: str, at_entry: Value, at_end: Value, before: list[Stmt], body: list[Stmt]
    ) -> Value:
        """The value of a name at the head of a loop."""
        return self._joined(name, at_entry, before, at_end, body)

    def _for(self, node: Any) -> None:
        at = self.b.at
        until = getattr(node, "until", None)
        iterable = node.iter
        if isinstance(iterable, gast.Call) and isinstance(iterable.func, gast.Name):
            word = self._builtin_name(iterable.func)
            if word in ("enumerate", "zip", "reversed"):
                self._for_zip(node, word, until)
                return
        value = self.value(iterable)
        match value:
            case RangeValue():
                self._for_range(node, value, until, at)
            case TupleValue():
                self._unrolled(node, value, until)
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
        assigned = _assigned_names([*node.body]) | _target_names(node.target)
        if not isinstance(node.target, gast.Name):
            raise self.b.refuse("the target of a loop over range() is one name")
        start, stop, step = (
            self._bound_held(e, assigned, w)
            for e, w in ((r.start, "start"), (r.stop, "stop"), (r.step, "step"))
        )
        own = _assigned_names(node.body)
        name = node.target.id
        scope = self.scope

        def body() -> Var:
            if name in own:
                counter = Var(self.b.names.fresh(f"{_plain(name)}_count"), INT)
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
        names = {v.name for n in assigned for v in _vars_in(self.scope.env.get(n))}
        names |= {
            self.vars[k].name for k in self.vars if k[0] == self.scope.key and k[1] in assigned
        }
        reads = names_read(e)
        loads = any(isinstance(x, Load | Call) for x in walk(e))
        if loads or reads & names or reads & self.b.rebindable:
            return self.b.store(self.b.convert(e, INT), base)
        return self.b.convert(e, INT)

    def _for_zip(self, node: Any, word: str, until: str | None) -> None:
        call = node.iter
        args = self.values(call.args)
        if word == "reversed":
            match args[0]:
                case RangeValue(start=start, stop=stop, step=Const(value=1)):
                    back = RangeValue(sub(stop, ONE), sub(start, ONE), integer(-1))
                    self._for_range(node, back, until, self.b.at)
                    return
                case TupleValue(items=items, cls=cls):
                    self._unrolled(node, TupleValue(items[::-1], cls), until)
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
            self._unrolled(node, TupleValue(tuple(items)), until)
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
        assigned = _assigned_names(node.body) | _target_names(node.target)
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

    def _unrolled(self, node: Any, value: TupleValue, until: str | None) -> None:
        for k, item in enumerate(value.items):
            if until is None or k == 0:
                self._assign_target(node.target, item)
                for stmt in node.body:
                    self.statement(stmt)
                continue
            stop = self.scope.env[until]
            if isinstance(stop, Const) and stop.value:
                return
            before = dict(self.scope.env)
            inner: list[Stmt] = []
            with self.b.into(inner):
                self._assign_target(node.target, item)
                for stmt in node.body:
                    self.statement(stmt)
            after = self.scope.env
            none: list[Stmt] = []
            self.scope.env = self._merged(after, inner, before, none)
            assert isinstance(stop, Expr)
            self.b.emit(If(scalars.negation(stop), tuple(inner), tuple(none), self.b.at))

    def _while(self, node: Any) -> None:
        at = self.b.at
        assigned = _assigned_names([*node.body, gast.Expr(node.test)])
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


def _row(b: Builder, value: ArrayValue, k: Expr) -> Value:
    """Row ``k`` of an array, known to exist."""
    keys: list[object] = [k]
    with b.into([]):
        picked = arrays.select(b, value, keys)
    return picked


def _argument_type(value: Value) -> Type:
    """The type of an argument of a function that is not inlined; lengths of axes are left open."""
    found = type_of(value)
    if isinstance(found, Array):
        return Array(found.dtype, found.ndim)
    if isinstance(value, TupleValue):
        return Tuple(tuple(_argument_type(v) for v in value.items), value.cls)
    return found


def _leaves(value: Value) -> list[Expr | str]:
    match value:
        case ArrayValue():
            assert value.view is not None
            return [value.view.base]
        case TupleValue(items=items):
            return [leaf for item in items for leaf in _leaves(item)]
        case StaticValue():
            return []
    assert isinstance(value, Expr)
    return [value]


def _extent_of(expr: Expr, base: str, alias: str) -> Expr:
    """An extent written with another name of the array."""
    if isinstance(expr, Extent) and expr.array == base:
        return Extent(alias, expr.axis)
    return rebuild(expr, tuple(_extent_of(e, base, alias) for e in children(expr)))


def _plain(name: str) -> str:
    return name.strip("$") if name.strip("$_") else "k"


def _vars_in(value: Value | None) -> list[Var]:
    match value:
        case Var():
            return [value]
        case TupleValue(items=items):
            return [v for i in items for v in _vars_in(i)]
        case MaybeUnbound(value=inner):
            return _vars_in(inner)
    return []


def _kind_of_number(value: Any) -> str | None:
    if isinstance(value, (bool, np.bool_)):
        return BOOL
    if isinstance(value, (int, np.integer)):
        return INT
    if type(value) is np.float32:
        return FLOAT32
    if isinstance(value, float):  # np.float64 is one
        return FLOAT
    return None


def _parameters(args: Any) -> list[Any]:
    extra = [a for a in (args.vararg, args.kwarg) if a is not None]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *extra]


def _is_docstring(stmt: Any) -> bool:
    return (
        isinstance(stmt, gast.Expr)
        and isinstance(stmt.value, gast.Constant)
        and isinstance(stmt.value.value, str)
    )


def _target_names(target: Any) -> frozenset[str]:
    return frozenset(n.id for n in gast.walk(target) if isinstance(n, gast.Name))


def _assigned_names(body: list[Any]) -> frozenset[str]:
    """Names that statements assign, those of inner functions left out."""
    out: set[str] = set()
    pending = list(body)
    while pending:
        node = pending.pop()
        if isinstance(node, gast.FunctionDef | gast.AsyncFunctionDef | gast.ClassDef):
            out.add(node.name)
            continue
        if isinstance(node, gast.Lambda):
            continue
        if isinstance(node, gast.Name) and isinstance(node.ctx, gast.Store):
            out.add(node.id)
        if isinstance(node, gast.Return):
            out |= {RESULT, RETURNED}
        pending.extend(gast.iter_child_nodes(node))
    return frozenset(out)


def _assigned_by_walrus(node: Any) -> set[str]:
    return {n.target.id for n in gast.walk(node) if isinstance(n, gast.NamedExpr)}
