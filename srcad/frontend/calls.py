"""Calls of the user's functions: inlined, or (recursive ones, and those under
``srcad.checkpoint``) functions of the module."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from pathlib import Path
from types import FunctionType
from typing import Any

import gast

from srcad import inside
from srcad.analysis.alias import Flow
from srcad.errors import ArgumentError, UnsupportedError
from srcad.frontend import arrays, scalars
from srcad.frontend.closures import Closure, holds_function
from srcad.frontend.expressions import (
    Scope,
)
from srcad.frontend.heap import HEAP
from srcad.frontend.instances import Instances
from srcad.frontend.program import (
    UNKNOWN,
    CapturedValue,
    Elaborated,
    Outlined,
    ResultUnknown,
    Shared,
    Unknown,
)
from srcad.frontend.source import FunctionSource, find_source
from srcad.frontend.stores import assign_into
from srcad.frontend.syntax import assigned_names
from srcad.frontend.values import (
    ArrayValue,
    BoundCall,
    DerivedFunction,
    GivenValue,
    LocalFunction,
    MaybeUnbound,
    ObjectValue,
    OptionalValue,
    Outside,
    PullbackFunction,
    RangeValue,
    StarredValue,
    StaticValue,
    TupleValue,
    Value,
    type_of,
)
from srcad.ir.nodes import (
    Assign,
    Const,
    Expr,
    Extent,
    Invoke,
    Pullback,
    Pushforward,
    Var,
)
from srcad.ir.types import BOOL, FLOAT, Array, Scalar, Static, Tuple, Type
from srcad.rules.registry import CallRule, call_rule_of

_DEEPEST = 16
"""How often a function that takes a function is inlined into itself."""

_OURS = str(Path(__file__).parents[1])


def _is_ours(source: FunctionSource) -> bool:
    """Whether a function is one of srcad's own tables."""
    return source.file.startswith(_OURS)


class Calls(Instances):
    """Inlines calls."""

    shared: Shared
    calls: list[int]
    """Identities of the functions being inlined, the outermost first."""
    inlined: set[str]
    """The keys of all that were inlined so far."""

    @abstractmethod
    def body_of(self, node: Any, scope: Scope) -> Value | None:
        """Elaborate the body of a function in ``scope``; returns its result."""

    @abstractmethod
    def pullback_of(
        self,
        rule: CallRule,
        result: Value | None,
        given: list[tuple[str, Value]],
        extra: list[Expr | str],
    ) -> Pullback | None:
        """What a rule says for values like these; ``extra`` are arguments that it does not name."""

    @abstractmethod
    def pushforward_of(
        self,
        rule: CallRule,
        function: Any,
        result: Value | None,
        given: list[tuple[str, Value]],
        extra: list[Expr | str],
    ) -> Pushforward | None:
        """The same for forward mode."""

    @abstractmethod
    def settled(
        self,
        source: FunctionSource,
        parameters: tuple[tuple[str, Type], ...],
        name: str,
        closure: Closure,
    ) -> tuple[Elaborated, tuple[tuple[object, CapturedValue], ...]]:
        """A function elaborated on its own, and its captured values with their keys."""

    def call_user(
        self, function: Any, values: list[Value], keywords: dict[str, Value], node: Any
    ) -> Value:
        """Inline a call of a function of the user's."""
        here = self.b.here
        if isinstance(function, LocalFunction):
            code: Any = function.node
            parent: Scope | None = function.scope  # type: ignore[assignment]
            assert parent is not None
            source, name = parent.source, getattr(code, "name", "lambda_")
            defaults: list[Value] = [*function.defaults]
            identity = hash((id(code), parent.key))
        else:
            source = find_source(function)
            code, parent, name, identity = source.node, None, source.name, id(source.function)
            fn = source.function
            defaults = [self._python_value(v, name) for v in fn.__defaults__ or ()]
        rule = None if isinstance(function, LocalFunction) else call_rule_of(source.function)
        if rule is not None:
            return self._invoke(source, code, values, keywords, defaults, function, rule)
        # With another function as an argument, a function in itself need not be a recursion.
        inner = any(map(_is_function, values)) and self.calls.count(identity) < _DEEPEST
        if identity in self.calls and identity not in self.b.decisions.outlined and not inner:
            self.b.decisions.outline(identity)
        if identity in self.b.decisions.outlined or inside.is_rerun(function):
            return self._invoke(source, code, values, keywords, defaults, function)
        key = self._own_key(f"{self.scope.key}/{name}@{here.line}:{here.column}")
        scope = Scope(key, source, parent=parent, caller=self.scope)
        self._bind_arguments(scope, code, values, keywords, defaults, source, function)
        self.calls.append(identity)
        self.frames.append(scope)
        direct, saved_at, saved_wanted, self.b.wanted = self.direct, self.b.at, self.b.wanted, "t"
        try:
            if isinstance(code, gast.Lambda):
                saved, self.scope = self.scope, scope
                try:
                    return self.value(code.body)
                finally:
                    self.scope = saved
            for flagged in sorted(n for k, n in self.b.decisions.flagged if k == key):
                self.b.emit(
                    Assign(self.flag(scope, flagged), Const(flagged in scope.env, BOOL), self.b.at)
                )
            result = self.body_of(code, scope)
        except UnsupportedError as error:
            if not _is_ours(source) or _is_ours(scope.caller.source):  # type: ignore[union-attr]
                raise
            what = error.what if source.name[0] == "_" else f"{source.name}: {error.what}"
            raise UnsupportedError(what, here, error.hint) from error
        finally:
            self.calls.pop()
            self.frames.pop()
            self.b.at, self.b.here, self.b.wanted = saved_at, here, saved_wanted
            self.direct = direct
        return StaticValue(None) if result is None else result

    def _own_key(self, key: str) -> str:
        """A key for one inlining, which tells its variables from those of another.

        A place that is read again has the variables of before, unless a function still sees them.
        """
        while any(held == key or held.startswith(f"{key}/") for held in self._held_again(key)):
            key += "'"
        return key

    def _held_again(self, key: str) -> set[str]:
        again = key in self.inlined
        self.inlined.add(key)
        return self.scopes_held() if again else set()

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
            given[args.vararg.id] = self._packed(tuple(values[len(names) :]))
        elif args.vararg is not None:
            given[args.vararg.id] = TupleValue(())
        extra: dict[str, Value] = {}
        kwonly = [a.id for a in args.kwonlyargs]
        for name, value in keywords.items():
            if name in given:
                raise ArgumentError(
                    f"{title}() got several values for argument {name!r}", self.b.here
                )
            if name not in names and name not in kwonly:
                if args.kwarg is not None:
                    extra[name] = value
                    continue
                raise ArgumentError(
                    f"{title}() got an unexpected keyword argument {name!r}", self.b.here
                )
            given[name] = value
        for name, value in zip(names[len(names) - len(defaults) :], defaults, strict=True):
            given.setdefault(name, value)
        if args.kwarg is not None:
            given[args.kwarg.id] = self.allocate(dict, extra.items(), args.kwarg.id)
        for name, value in self._keyword_defaults(function):
            if name not in given:
                given[name] = value
        missing = [n for n in [*names, *kwonly] if n not in given]
        if missing:
            raise ArgumentError(f"{title}() is missing the argument {missing[0]!r}", self.b.here)
        assigned = assigned_names(code.body) if not isinstance(code, gast.Lambda) else frozenset()
        saved, self.scope = self.scope, scope
        for name, value in given.items():
            value = self._detached(value)
            self.require_namable(value)
            simple = isinstance(value, Const | Var) or not isinstance(value, Expr)
            if isinstance(value, ArrayValue) and value.view is None:
                value = arrays.snapshot(self.b, value, name)
            keep = simple and name not in assigned
            if isinstance(value, ArrayValue) and (scope.key, name) not in self.b.decisions.rebound:
                keep = True
            scope.env[name] = value if keep else self._bind(name, value)
        self.scope = saved

    def _packed(self, values: tuple[Value, ...]) -> Value:
        """What ``*args`` is bound to; items whose number is known at run time only are a list."""
        is_open = any(isinstance(value, StarredValue) for value in values)
        return self.new_list(values) if is_open else TupleValue(values)

    def _keyword_defaults(self, function: Any) -> list[tuple[str, Value]]:
        if isinstance(function, LocalFunction):
            return list(function.keyword_defaults)
        found = getattr(getattr(function, "py_func", function), "__kwdefaults__", None) or {}
        return [(name, self._python_value(value, name)) for name, value in found.items()]

    def local_function(self, node: Any) -> LocalFunction:
        """A function or lambda defined here, its defaults evaluated."""
        args = node.args
        pairs = zip(args.kwonlyargs, args.kw_defaults, strict=True)
        return LocalFunction(
            node,
            self.scope,
            tuple(self.kept(self.value(d)) for d in args.defaults),
            tuple((a.id, self.kept(self.value(d))) for a, d in pairs if d is not None),
        )

    def _detached(self, value: Value) -> Value:
        """An argument apart from the cell that it was read from, which the callee may write."""
        match value:
            case TupleValue():
                return value.of(self._detached(v) for v in value.items)
            case Var() if any(v == value and k[0] == HEAP for k, v in self.vars.items()):
                return self.b.store(value, value.name)
            case ArrayValue(view=view) if view is not None and any(
                ref == view.base and k[0] == HEAP for k, ref in self.references.items()
            ):
                return self.own_alias(value)
        return value

    def _invoke(
        self,
        source: FunctionSource,
        code: Any,
        values: list[Value],
        keywords: dict[str, Value],
        defaults: list[Value],
        function: Any,
        rule: CallRule | None = None,
    ) -> Value:
        """A call that is not inlined: of a function that calls itself, or that has a rule."""
        local = function if isinstance(function, LocalFunction) else None
        if local is not None:
            source = _as_source(code, source)
        scope = Scope(f"{self.scope.key}/{source.name}!", source)
        self._bind_arguments(scope, code, values, keywords, defaults, source, function)
        lent: dict[str, ArrayValue] = {}
        functions = {n: v for n, v in scope.env.items() if rule is None and holds_function(v)}
        given = {n: self._as_argument(v, lent) for n, v in scope.env.items() if n not in functions}
        closure = Closure(local, functions, tuple(given))

        def passed(label: str, _name: str, _scope: Scope, value: Value) -> Value:
            given[label] = self._as_argument(value, lent)
            return value

        shape = closure.seen(passed, self._told, scope)
        types_ = tuple(
            (n, _argument_type(v) if n in closure.taken else self._seen_type(v))
            for n, v in given.items()
        )
        target = self._outlined(source, types_, rule is not None, closure, shape)
        leaves = [leaf for v in given.values() for leaf in _leaves(v)]
        writes = tuple(str(leaves[k]) for k in sorted(target.writes))
        args: list[Expr | str] = list(leaves)
        for key, value in target.captured:
            found = self._captured_value(key, value.name, value.fetch, value.fetch())
            args += _leaves(found)
        if isinstance(target.result, Unknown):
            raise ResultUnknown
        results: list[Var | str] = []
        self._require_apart(args, writes, lent)
        handed = {
            k: lent.get(str(leaves[k]), v)
            for k, v in enumerate(self._handed(given))
            if isinstance(v, ArrayValue)
        }
        out = self._results(target.result, target.name, results, handed)
        back, ahead = None, None
        if rule is not None:
            if writes or handed_back(target.result):
                raise self.b.refuse(
                    f"{source.name} has a rule, and writes or returns an array that it is given",
                    "let it return a new array",
                )
            pairs, extra = list(given.items()), args[len(leaves) :]
            back = self.pullback_of(rule, out, pairs, extra)
            ahead = self.pushforward_of(rule, function, out, pairs, extra)
        self.b.emit(
            Invoke(
                tuple(results),
                target.name,
                tuple(args),
                writes,
                len(leaves),
                self.b.at,
                back,
                ahead,
                ruled=rule is not None,
            )
        )
        for name in writes:
            if name in lent:
                assign_into(self.b, lent[name], arrays.whole(self.b, name))
        return out

    def _told(self, scope: Scope, name: str) -> Var:
        """The variable that tells whether a name is bound, which is kept from now on."""
        key = (scope.key, name)
        if key not in self.b.decisions.flagged:
            self.b.decisions.add(self.b.decisions.flagged, key)
        return self.flag(scope, name)

    def _seen_type(self, value: Value) -> Type:
        """The type of a value that is passed because it is seen: the same at each depth."""
        if not isinstance(value, Expr):
            return _argument_type(value)
        numbers = self.b.numbers
        return Scalar(value.kind, numbers.is_python(value) or numbers.origin(value))

    def _require_apart(
        self, args: list[Expr | str], writes: tuple[str, ...], lent: dict[str, ArrayValue]
    ) -> None:
        """Refuse a call that may write memory which it is given a second time.

        The callee's reverse has a copy of each array, and a part of an array (``lent``) is handed
        over as a copy and put back afterwards.
        """
        views = {name: value.view.base for name, value in lent.items() if value.view is not None}
        bases = [(a, views.get(a, a)) for a in args if isinstance(a, str)]
        for name in writes:
            if name in lent and lent[name].readonly:
                raise self.b.refuse("this view is read-only, and the function writes it")
            home = views.get(name, name)
            if sum(arrays.may_alias(self.b, home, base) for _, base in bases) > 1:
                raise self.b.refuse(
                    "a recursive function writes an array that it may be given twice",
                    "pass the array once, with the places as integers",
                )

    def _as_argument(self, value: Value, lent: dict[str, ArrayValue]) -> Value:
        match value:
            case ArrayValue():
                found = arrays.stored(self.b, value, "t")
                if value.view is not None and found is not value:
                    assert found.view is not None
                    lent[found.view.base] = arrays.frozen(self.b, value)
                return found
            case TupleValue():
                return value.of(self._as_argument(v, lent) for v in value.items)
            case ObjectValue():
                return self._as_argument(self.snapshot(value), lent)
            case OptionalValue():
                return self._as_argument(scalars.given(self.b, value), lent)
            case Outside() | BoundCall() | DerivedFunction() | PullbackFunction():
                raise self.b.refuse(
                    "a recursive function takes no objects from outside and no bound functions",
                    "pass the numbers and arrays that it needs",
                )
            case MaybeUnbound() | RangeValue() | LocalFunction():
                raise self.b.refuse(
                    "a recursive function takes numbers, arrays and static values here"
                )
        return self.b.hold(value, "a") if isinstance(value, Expr) else value

    def _handed(self, given: dict[str, Value]) -> list[Value]:
        """The values of the leaves of arguments, in order."""
        out: list[Value] = []
        pending = list(given.values())
        while pending:
            value = pending.pop(0)
            if isinstance(value, TupleValue):
                pending = [*value.items, *pending]
            elif not isinstance(value, StaticValue):
                out.append(value)
        return out

    def _results(
        self,
        type_: Type | None,
        base: str,
        found: list[Var | str],
        handed: dict[int, ArrayValue],
    ) -> Value:
        match type_:
            case None:
                return StaticValue(None)
            case Static(value=GivenValue(leaf=leaf)):
                return handed[leaf]
            case Static(value=value):
                return StaticValue(value)
            case Array(dtype=dtype, ndim=ndim):
                name = self.b.names.fresh(f"{base}_value")
                self.b.arrays[name] = (dtype, ndim)
                self.b.extents[name] = tuple(Extent(name, k) for k in range(ndim))
                found.append(name)
                return arrays.whole(self.b, name, type_.units)
            case Scalar(kind=kind):
                var = Var(self.b.names.fresh(f"{base}_value"), kind)
                found.append(var)
                return var
            case Tuple(items=items, cls=cls, keys=keys):
                members = tuple(self._results(t, base, found, handed) for t in items)
                if keys and cls is not None:
                    return self.structure(cls, list(zip(keys, members, strict=True)), base)
                return TupleValue(members, cls)
        raise self.b.refuse(
            "a recursive function must return numbers and arrays", "return them in a tuple"
        )

    def _outlined(
        self,
        source: FunctionSource,
        types_: tuple[tuple[str, Type], ...],
        ruled: bool,
        closure: Closure,
        shape: tuple[object, ...],
    ) -> Outlined:
        """The function of the module for these argument types, elaborated if it is new.

        ``shape`` says which functions it sees and is given.
        """
        function = closure.identity or id(source.function)
        key = (function, types_, shape)
        known = self.shared.outlined.get(key)
        if known is not None:
            return known
        same = [k for k in self.shared.outlined if isinstance(k, tuple) and k[0] == function]
        if shape and len(same) > _DEEPEST:
            raise self.b.refuse(
                f"{source.name} calls itself with another function or object at each level",
                "pass the numbers that they hold",
            )
        taken = [self.shared.title, *(o.name for o in self.shared.outlined.values())]
        name = f"{source.name}_call" if source.name in taken else source.name
        while name in taken or name in self.b.names.used:
            name += "_"
        self.b.names.fresh(name)
        target = Outlined(name, types_, ruled=ruled)
        self.shared.outlined[key] = target
        for _ in range(20):
            try:
                program, captured = self.settled(source, types_, name, closure)
            except ResultUnknown:
                if target.result is not UNKNOWN:
                    del self.shared.outlined[key]
                    raise
                target.result = Scalar(FLOAT)
                continue
            leaves = list(program.parameters)
            flow = Flow(program.body)
            program = replace(program, result=_handed(program, program.result, flow))
            written = flow.stored
            writes = frozenset(
                k for k, leaf in enumerate(leaves) if isinstance(leaf, str) and leaf in written
            )
            result = None if program.result is None else type_of(program.result)
            old = (target.result, target.writes, [c.name for _, c in target.captured])
            new = (result, writes, [c.name for _, c in captured])
            target.result, target.writes, target.captured, target.program = (
                result,
                writes,
                captured,
                program,
            )
            if program.objects is not None:
                raise self.b.refuse(
                    f"{source.name} calls itself and writes members of a dict or dataclass "
                    "that it is given",
                    "return a new one, or write into an array",
                )
            if old == new:
                if any(isinstance(s, Invoke) and s.function == name for s in program.body):
                    raise self.b.refuse(
                        f"the function {source.name} calls itself on every path: it never ends",
                        "return without such a call on one of them",
                    )
                self._require_own(source, program, program.result, flow)
                self.guards |= program.guards
                return target
        raise RuntimeError("the result of a recursive function does not settle")

    def _require_own(
        self, source: FunctionSource, program: Elaborated, value: Value | None, flow: Flow
    ) -> None:
        """Refuse a result that is an array of the caller's on some paths only."""
        if isinstance(value, TupleValue):
            for item in value.items:
                self._require_own(source, program, item, flow)
        if not isinstance(value, ArrayValue):
            return
        given = {p for p in program.parameters if isinstance(p, str)}
        given |= {c.name for c in program.captured}
        found = frozenset[str]().union(*(flow.denoted(base) for base in program.memory_returned))
        if found & given:
            names = ", ".join(sorted({self.b.names.shown(n) for n in found & given}))
            raise self.b.refuse(
                f"the function {source.name}, which is not inlined, can return an array that it "
                f"was given ({names}), and another one on another path",
                f"return a copy of it there, with {names.partition(',')[0]}.copy()",
            )


def _handed(program: Elaborated, value: Value | None, flow: Flow) -> Value | None:
    """The result of a recursive function; an array that its caller has is said to be that."""
    match value:
        case TupleValue(items=items):
            return replace(value, items=tuple(_handed(program, v, flow) for v in items))
        case ArrayValue(view=view) if view is not None:
            found, leaves = flow.denoted(view.base), list(program.parameters)
            one = len(found) == 1 and found <= {p for p in leaves if isinstance(p, str)}
            if one and view.base in program.memory_returned:
                return GivenValue(leaves.index(next(iter(found))), type_of(value))
    return value


def _as_source(code: Any, around: FunctionSource) -> FunctionSource:
    """A function defined inside, as a function that stands for itself."""
    if isinstance(code, gast.Lambda):
        body = [gast.copy_location(gast.Return(code.body), code.body)]
        made = gast.FunctionDef("lambda_", code.args, body, [], None, None, [])
        code = gast.copy_location(made, code)
    return replace(around, name=code.name, node=code)


def _is_function(value: Value) -> bool:
    functions = LocalFunction | BoundCall | DerivedFunction
    return isinstance(value, functions) or (
        isinstance(value, StaticValue) and isinstance(value.value, FunctionType)
    )


def handed_back(type_: Type | Unknown | None) -> bool:
    """Whether a result holds an array that the function was given."""
    match type_:
        case Static(value=GivenValue()):
            return True
        case Tuple(items=items):
            return any(map(handed_back, items))
    return False


def _argument_type(value: Value) -> Type:
    """The type of an argument of a function that is not inlined; lengths of axes are left open."""
    found = type_of(value)
    if isinstance(found, Array):
        return Array(found.dtype, found.ndim)
    if isinstance(value, TupleValue):
        return Tuple(tuple(_argument_type(v) for v in value.items), value.cls, value.keys)
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
