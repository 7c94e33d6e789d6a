"""What functions see of the scopes around them, as parameters of a function of the module.

A function that calls itself is not inlined, so what it closes over has to be passed to it, and so
has what the functions that it calls or is given close over. From ::

    def area(p, a, b):
        f = lambda x: p * x
        def step(a, b):
            ... f(a) ... step(a, m) ...
        return step(a, b)

comes ``step(a, b, p)``. Its caller and its own elaboration each walk over the functions in the same
order: the one finds the values that are to be passed, the other makes of them scopes of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from srcad.frontend.expressions import ReadBeforeAssignment, Scope, is_attached, is_marker
from srcad.frontend.syntax import free_names
from srcad.frontend.values import (
    BoundCall,
    DerivedFunction,
    ListTag,
    LocalFunction,
    MaybeUnbound,
    Outside,
    PullbackFunction,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.nodes import Const, Var
from srcad.ir.types import BOOL, INT, Static

Passed = Callable[[str, str, Scope, Value], Value]
"""What stands for a value that is passed: by label, name, scope of the name, and value."""


@dataclass(frozen=True)
class Closure:
    """A function of the program that becomes one of the module, and functions it is given."""

    function: LocalFunction | None
    given: dict[str, Value]
    """By the names of its parameters."""
    taken: tuple[str, ...]
    """Its other parameters."""

    @property
    def identity(self) -> int:
        """What tells the function from others; 0 if it is defined outside."""
        if self.function is None:
            return 0
        around: Any = self.function.scope
        return hash((id(self.function.node), around.key))

    def seen(
        self, passed: Passed, flag: Callable[[Scope, str], Var], home: Scope
    ) -> tuple[object, ...]:
        """Give ``home``, the scope of its body, what it sees; returns what that is but for types.

        ``passed`` is called for each value that is passed; ``flag`` finds the variable that tells
        whether a name is bound.
        """
        walk = _Walk(passed, flag, set(self.taken) | set(self.given))
        for name, value in self.given.items():
            home.env[name] = walk.value(name, home, value)
        if self.function is not None:
            home.parent = walk.function(self.function).scope  # type: ignore[assignment]
        return tuple(walk.shape)


@dataclass
class _Walk:
    passed: Passed
    flag: Callable[[Scope, str], Var]
    labels: set[str]
    """Names that parameters have already."""
    scopes: dict[int, Scope] = field(default_factory=dict)
    """What stands for a scope, by its identity."""
    functions: dict[tuple[int, int], LocalFunction] = field(default_factory=dict)
    shape: list[object] = field(default_factory=list)

    def value(self, name: str, scope: Scope, value: Value) -> Value:
        """What stands for a value that a name holds in a scope."""
        match value:
            case LocalFunction():
                return self.function(value)
            case DerivedFunction(function=function):
                kept = value.kind, value.wrt, value.is_single, value.has_aux, str(value.axes)
                self.shape += kept
                return replace(value, function=self.value(name, scope, function))
            case BoundCall() | PullbackFunction():
                self.shape += [type(value), len(value.args), tuple(k for k, _ in value.keywords)]
                return replace(
                    value,
                    function=self.value(name, scope, value.function),
                    args=self._values(name, scope, value.args),
                    keywords=self._named(scope, value.keywords),
                )
            case TupleValue(items=items) if any(map(holds_function, items)):
                self.shape += [value.cls, value.keys, len(items)]
                tag = None if value.tag is None else ListTag(fixed=True)
                return replace(value, items=self._values(name, scope, items), tag=tag)
            case Outside():
                self.shape.append(value)
                return value
            case StaticValue() if not is_attached(value):
                self.shape.append(Static(value.value))
                return value
            case Const(kind=kind) if kind in (BOOL, INT):
                self.shape.append(value)
                return value
        label, k = name, 1
        while label in self.labels:
            label, k = f"{name}_{k}", k + 1
        self.labels.add(label)
        self.shape.append(label)
        return self.passed(label, name, scope, value)

    def _values(self, name: str, scope: Scope, values: tuple[Value, ...]) -> tuple[Value, ...]:
        return tuple(self.value(f"{name}_{k}", scope, v) for k, v in enumerate(values))

    def _named(
        self, scope: Scope, pairs: tuple[tuple[str, Value], ...]
    ) -> tuple[tuple[str, Value], ...]:
        return tuple((name, self.value(name, scope, v)) for name, v in pairs)

    def function(self, function: LocalFunction) -> LocalFunction:
        """A function in the scopes that stand for those around it."""
        node: Any = function.node
        around: Any = function.scope
        home = self._scope(around)
        self.shape += [id(node), self._number(around)]
        key = id(node), id(around)
        if key not in self.functions:
            name = getattr(node, "name", "lambda_")
            self.functions[key] = LocalFunction(
                node,
                home,
                self._values(name, home, function.defaults),
                self._named(home, function.keyword_defaults),
            )
            for free in sorted(free_names(node)):
                self._see(free, around)
        return self.functions[key]

    def _number(self, scope: Scope) -> int:
        return list(self.scopes).index(id(scope))

    def _scope(self, scope: Scope) -> Scope:
        """The scope that stands for one."""
        if id(scope) not in self.scopes:
            parent = None if scope.parent is None else self._scope(scope.parent)
            own = Scope(scope.key, scope.source, parent=parent, local=scope.local)
            self.scopes[id(scope)] = own
        return self.scopes[id(scope)]

    def _see(self, name: str, around: Scope) -> None:
        """Bind a name that a function reads in the scope that holds it, if one does."""
        scope: Scope | None = around
        while scope is not None and name not in scope.env:
            if name in scope.pending:
                raise ReadBeforeAssignment(name)
            if name in scope.local:
                return
            scope = scope.parent
        if scope is None:
            return
        own = self._scope(scope)
        if name in own.env:
            return
        value = own.env[name] = scope.env[name]  # functions may call each other
        self.shape += [name, self._number(scope), type(value)]
        if not isinstance(value, MaybeUnbound):
            own.env[name] = self.value(name, own, value)
        elif not is_marker(value.value):
            own.env[name] = MaybeUnbound(self.value(name, own, value.value))
            self.value(f"{name}_bound", own, self.flag(scope, name))


def holds_function(value: Value) -> bool:
    """Whether a value is a function of the program or an object from outside, or holds one."""
    match value:
        case Outside() | LocalFunction() | BoundCall() | DerivedFunction() | PullbackFunction():
            return True
        case TupleValue(items=items):
            return any(map(holds_function, items))
    return False
