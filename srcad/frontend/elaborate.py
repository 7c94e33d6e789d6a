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

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gast

from srcad.frontend import arrays, scalars
from srcad.frontend.builder import Builder, Decisions, Restart
from srcad.frontend.expressions import (
    CONFLICT,
    Scope,
)
from srcad.frontend.heap import HEAP
from srcad.frontend.jumps import RESULT, RETURNED, remove_jumps
from srcad.frontend.loops import Loops
from srcad.frontend.program import CapturedValue, Elaborated, Shared
from srcad.frontend.source import FunctionSource
from srcad.frontend.syntax import assigned_names, is_docstring, parameters_of
from srcad.frontend.values import (
    ArrayValue,
    MaybeUnbound,
    Outside,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Check,
    Expr,
    Extent,
    Raise,
    Var,
)
from srcad.ir.types import Array, Function, Receiver, Scalar, Static, Tuple, Type

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


def elaborate(source: FunctionSource, parameters: tuple[tuple[str, Type], ...]) -> Elaborated:
    """Elaborate a function for argument types; raises ``UnsupportedError`` and kin."""
    shared = Shared()
    program, _ = _settled(source, parameters, shared, source.name)
    return replace(program, callees=tuple(shared.outlined.values()))


def _settled(
    source: FunctionSource, parameters: tuple[tuple[str, Type], ...], shared: Shared, name: str
) -> tuple[Elaborated, tuple[tuple[object, CapturedValue], ...]]:
    """Elaborate until every decision is made."""
    decisions = Decisions(outlined=shared.decisions.outlined)
    for _ in range(200):
        try:
            elaborator = _Elaborator(source, decisions, shared, name)
            program = elaborator.run(parameters)
            return program, tuple((k, c) for k, (c, _) in elaborator.captures.items())
        except Restart:
            continue
    raise RuntimeError("elaboration does not settle")


class _Elaborator(Loops):
    def __init__(
        self, source: FunctionSource, decisions: Decisions, shared: Shared, title: str
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
        self.guards: dict[object, tuple[Callable[[], object], object]] = {}
        self.heap = Scope(HEAP, source)
        self.frames: list[Scope] = [self.scope]
        self.sites: dict[str, int] = {}
        self.shared_objects: set[str] = set()
        self.writes: list[str] = []
        self.calls: list[int] = [id(source.function)]

    def settled(
        self, source: FunctionSource, parameters: tuple[tuple[str, Type], ...], name: str
    ) -> tuple[Elaborated, tuple[tuple[object, CapturedValue], ...]]:
        return _settled(source, parameters, self.shared, name)

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
        result = self.body_of(node, self.scope)
        if result is not None:
            result = self._returned(self.snapshot(result))
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
            self.guards,
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
                return value.of(self._returned(v) for v in value.items)
            case Outside():
                pairs = self.captured_members(value)
                items = (self._returned(self.snapshot(v)) for _, v in pairs)
                return TupleValue(tuple(items), type(value.value), tuple(k for k, _ in pairs))
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
            case Tuple(items=items, cls=cls, keys=keys):
                labels = keys or range(len(items))
                members = [
                    self._parameter(f"{name}_{k}", t, leaves)
                    for k, t in zip(labels, items, strict=True)
                ]
                if not keys and not self._is_empty_object(cls):
                    return TupleValue(tuple(members), cls)
                return self.structure(cls, list(zip(keys, members, strict=True)), name)
            case Receiver(value=value):
                return Outside((id(value), "self"), value, lambda: value, name)
            case Static(value=value):
                return StaticValue(value)
            case Function(function=function):
                return StaticValue(function)

    def _is_empty_object(self, cls: type | None) -> bool:
        return cls is not None and not issubclass(cls, tuple | list)

    def body_of(self, node: Any, scope: Scope) -> Value | None:
        """Elaborate the body of a function in ``scope``; returns its result."""
        saved, self.scope = self.scope, scope
        scope.local = assigned_names(node.body) | {a.id for a in parameters_of(node.args)}
        body = node.body
        try:
            if is_docstring(body[0]):
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
                for decorator in node.decorator_list:
                    self._require_numba(decorator)
                self.scope.env[node.name] = self.local_function(node)
            case _:
                what, hint = _HINTS.get(type(node), (type(node).__name__, ""))
                if type(node).__name__ == "TryStar":
                    what, hint = _HINTS[gast.Try]
                if type(node).__name__ == "Match":
                    what, hint = "match", "write if/elif"
                raise self.b.refuse(f"{what} is not supported", hint)

    def _require_numba(self, decorator: Any) -> None:
        """Refuse a decorator of an inner function other than Numba's, which change nothing."""
        called = decorator.func if isinstance(decorator, gast.Call) else decorator
        found = self.value(called)
        value = found.value if isinstance(found, StaticValue) else None
        if not str(getattr(value, "__module__", "")).startswith("numba.core.decorators"):
            raise self.b.refuse(
                "a decorated function inside the function is not supported yet",
                "define it without decorator",
            )

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
