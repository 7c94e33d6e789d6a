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

import math
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gast

from srcad.analysis.alias import points_to
from srcad.analysis.snapshots import rewritten, stale_reads
from srcad.errors import ArgumentValueError
from srcad.frontend import arrays, scalars
from srcad.frontend.builder import Builder, Decisions, Restart
from srcad.frontend.closures import Closure
from srcad.frontend.comprehensions import Comprehensions
from srcad.frontend.contexts import is_quiet
from srcad.frontend.expressions import (
    Scope,
    is_marker,
)
from srcad.frontend.heap import HEAP
from srcad.frontend.histories import require_unwritten
from srcad.frontend.jumps import RESULT, RETURNED, remove_jumps
from srcad.frontend.lists import ListMethod, is_list
from srcad.frontend.program import CapturedValue, Derive, Elaborated, Shared
from srcad.frontend.refusals import REFUSALS, refusal_of
from srcad.frontend.source import FunctionSource
from srcad.frontend.syntax import assigned_names, is_docstring, parameters_of
from srcad.frontend.text import message_text
from srcad.frontend.values import (
    ArrayValue,
    ListTag,
    ListValue,
    MaybeUnbound,
    OptionalValue,
    Outside,
    RangeValue,
    RecordsValue,
    RowsValue,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.build import FALSE, literal, logic
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Block,
    Check,
    Const,
    Expr,
    Extent,
    Invoke,
    Load,
    Raise,
    Store,
    Var,
    blocks,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.types import FLOAT, Array, Function, Receiver, Scalar, Static, Tuple, Type
from srcad.position import Position
from srcad.rules.registry import call_rule_of
from srcad.transformation import held_by_name, suffix_of

_IMPORTED = ("math", "numpy", "numba", "operator")
"""Modules that may be imported inside a function, once they are."""


def elaborate(
    source: FunctionSource,
    parameters: tuple[tuple[str, Type], ...],
    modes: tuple[str, ...] = ("reverse",),
    derive: Derive | None = None,
    called: object = None,
) -> Elaborated:
    """Elaborate a function for argument types; raises ``UnsupportedError`` and kin.

    ``modes`` are the derivatives that will be taken, ``derive`` takes those that the function takes
    itself. ``called``: the program is a call of this derivative of the function.
    """
    title = source.name + suffix_of(called)
    shared = Shared(title, modes, derive, called)
    program, _ = _settled(source, parameters, shared, title)
    return replace(program, callees=tuple(shared.outlined.values()))


def _settled(
    source: FunctionSource,
    parameters: tuple[tuple[str, Type], ...],
    shared: Shared,
    name: str,
    closure: Closure | None = None,
) -> tuple[Elaborated, tuple[tuple[object, CapturedValue], ...]]:
    """Elaborate until every decision is made; without ``closure``: the outermost function."""
    decisions = Decisions(outlined=shared.decisions.outlined)
    for _ in range(200):
        known = dict(shared.outlined)
        decisions.changed = False
        try:
            elaborator = _Elaborator(source, decisions, shared, name)
            program = elaborator.run(parameters, closure)
        except Restart:
            continue
        except Exception:
            if not decisions.changed:
                raise
        if not decisions.changed:
            return program, tuple((k, c) for k, (c, _) in elaborator.captures.items())
        shared.outlined.clear()
        shared.outlined.update(known)
    raise RuntimeError("elaboration does not settle")


def _without(block: Block, dropped: set[int]) -> Block:
    """A block without some of its statements."""
    kept = (s for s in block if id(s) not in dropped)
    return tuple(with_blocks(s, tuple(_without(x, dropped) for x in blocks(s))) for s in kept)


def _optional(value: Value, returned: Expr) -> Value:
    """The result of a function that falls off its end on some paths."""
    if isinstance(value, OptionalValue):
        return OptionalValue(value.value, logic("and", (returned, value.given)))
    return OptionalValue(value, returned)


def _returned(result: Value | None) -> frozenset[str]:
    """The arrays that a result shows."""
    return frozenset(() if result is None else _memory(result))


def _memory(value: Value) -> set[str]:
    """The arrays whose memory a value shares."""
    match value:
        case ArrayValue(view=view) if view is not None:
            return {view.base}
        case TupleValue(items=items):
            return set().union(*map(_memory, items))
    return set()


class _Elaborator(Comprehensions):
    def __init__(
        self, source: FunctionSource, decisions: Decisions, shared: Shared, title: str
    ) -> None:
        self.b = Builder(Names(), decisions)
        self.shared = shared
        self.title = title
        self.source = source
        self.scope = Scope(title, source)
        self.vars: dict[tuple[str, str, str], Var] = {}
        self.constants_only: dict[str, bool] = {}
        self.literals: dict[str, set[tuple[str, Position]]] = {}
        self.long_literals: set[str] = set()
        self.maybe_arrays: set[str] = set()
        self.references: dict[tuple[str, str], str] = {}
        self.captures: dict[object, tuple[CapturedValue, Value]] = {}
        self.guards: dict[object, tuple[Callable[[], object], object]] = {}
        self.heap = Scope(HEAP, source)
        self.frames: list[Scope] = [self.scope]
        self.loci: dict[str, int] = {}
        self.shared_objects: set[str] = set()
        self.writes: list[str] = []
        self.written_classes: set[type] = set()
        self.allocated: set[str] = set()
        self.given: set[str] = set()
        self.objects = shared.objects
        self.calls: list[int] = [id(source.function)]
        self.inlined = set()
        self.targets = []
        self.appended = []
        self.behind = {}
        self.changes = []
        self.members = []
        self.lent = set()

    def settled(
        self,
        source: FunctionSource,
        parameters: tuple[tuple[str, Type], ...],
        name: str,
        closure: Closure,
    ) -> tuple[Elaborated, tuple[tuple[object, CapturedValue], ...]]:
        return _settled(source, parameters, self.shared, name, closure)

    # ------------------------------------------------------------ the whole program

    def run(self, parameters: tuple[tuple[str, Type], ...], closure: Closure | None) -> Elaborated:
        node = self.source.node
        self.b.here = self.b.at = self.source.position(node)
        self.b.names.fresh(self.title)
        for other in self.shared.outlined.values():
            self.b.names.fresh(other.name)
        leaves: dict[str, tuple[Var | str, ...]] = {}
        types_ = dict(parameters)

        def taken(label: str, name: str, scope: Scope, _value: Value | None = None) -> Value:
            found: list[Var | str] = []
            saved, self.scope = self.scope, scope
            value = self._parameter(name, types_[label], found)
            self.scope = saved
            leaves[label] = tuple(found)
            return value

        for name in types_ if closure is None else closure.taken:
            self.scope.env[name] = taken(name, name, self.scope)
        if closure is not None:
            self.calls = [closure.identity or id(self.source.function)]
            closure.seen(taken, self.flag, self.scope)
        self.given |= {key for key in self.heap.env if "|" not in key}
        called = self.shared.called if closure is None else None
        if closure is None and called is None and call_rule_of(self.source.function) is not None:
            called = self.source.function
        if called is not None:
            self.calls = []
            result: Value | None = self.call_value(
                StaticValue(called), *self._as_arguments(node, called), node
            )
        else:
            result = self.body_of(node, self.scope)
        shared: set[str] = set()
        if isinstance(result, StaticValue) and result.value is None:
            result = None
        if isinstance(result, OptionalValue):
            message = f"this path of {self.title} returns None, not a value"
            self.b.check(result.given, "TypeError", message)
            result = result.value
        if result is not None:
            result = self.snapshot(result)
            shared = _memory(result)
            result = self.returned(result)
        body = tuple(self.b.block)
        body = self._flags_cleared(self.scope.key, body, frozenset(leaves))
        body = self.settled_block(body, result)
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
            frozenset(shared),
            externals=tuple(self.b.externals.items()),
            objects=tuple(self.objects.values()) if self.writes_given() else None,
            members=tuple(self.members),
            lent=frozenset(self.lent),
        )

    def _as_arguments(self, node: Any, called: object) -> tuple[list[Value], dict[str, Value]]:
        """The parameters of the program as the arguments of a call.

        Those that a partial under a derivative holds are none of the program's.
        """
        env, args = dict(self.scope.env), node.args
        words = held_by_name(called)
        values: list[Value] = []
        named = {a.id: env[a.id] for a in args.kwonlyargs if a.id in env}
        behind = False
        for name in [a.id for a in (*args.posonlyargs, *args.args)]:
            behind |= name in words
            if name in env and behind:
                named[name] = env[name]
            elif name in env:
                values.append(env[name])
        if args.vararg is not None and args.vararg.id in env:
            rest = env[args.vararg.id]
            assert isinstance(rest, TupleValue)
            values += rest.items
        if args.kwarg is not None:
            raise self.b.refuse(
                "a derivative of a function with **keywords cannot be differentiated",
                "name its parameters",
            )
        return values, named

    def settled_block(self, block: Block, result: Value | None) -> Block:
        """A block about to be differentiated; what is decided at the end of a program is now."""
        block = self._duplicates_settled(block, result)
        self._require_fresh(block, result)
        require_unwritten(self.b, block)
        return block

    def _duplicates_settled(self, body: Block, result: Value | None) -> Block:
        """Copies in place of possible views: their checks are dropped where nobody writes."""
        if not self.b.duplicates:
            return body
        sites = points_to(body, set(self.b.arrays))
        stored = {
            s
            for stmt in statements(body)
            if isinstance(stmt, Store) and not stmt.fresh
            for s in sites[stmt.array]
        }
        stored |= {
            s for i in statements(body) if isinstance(i, Invoke) for w in i.writes for s in sites[w]
        }
        idle: set[int] = set()
        for d in self.b.duplicates:
            if not (sites[d.copy] | sites[d.source]) & stored:
                idle.add(id(d.check))
            elif d.check is None and (
                sites[d.copy] & stored
                or stale_reads(
                    body, {d.copy: frozenset((d.source,))}, sites, _returned(result), d.within
                )
            ):
                self.b.here = d.here
                raise self.b.refuse(
                    "this may share memory with the array that it is made from, or not, and one "
                    "of the two is written",
                    "make it from a copy, such as a.copy()",
                )
        return _without(body, idle)

    def _require_fresh(self, body: Block, result: Value | None) -> None:
        """Copies in place of views are not written, nor read after what they show was written."""
        if not self.b.snapshots:
            return
        sites = points_to(body, set(self.b.arrays))
        written = rewritten(body, sites)
        shown = {name: sources for name, (sources, _) in self.b.snapshots.items()}
        stale = stale_reads(body, shown, sites, _returned(result))
        for name, (_, here) in self.b.snapshots.items():
            if name in written:
                raise ArgumentValueError("assignment destination is read-only", here)
            if name in stale:
                self.b.here = here
                raise self.b.refuse(
                    "this is a view of an array that is written before the view is read again",
                    "copy it with .copy() where the old elements are meant",
                )

    def returned(self, value: Value) -> Value:
        """The result of the program with its arrays stored as bases of their own."""
        match value:
            case ListValue() | RecordsValue() | RowsValue() | RangeValue():
                raise self.b.refuse(
                    "a list of unknown length cannot be the result, nor a range",
                    "return np.array(...) of it",
                )
            case ArrayValue() if value.ndim == 0:
                return value.element(())
            case ArrayValue():
                return arrays.stored(self.b, value, "result")
            case OptionalValue():
                return self.returned(scalars.given(self.b, value))
            case TupleValue():
                return value.of(self.returned(v) for v in value.items)
            case Outside():
                pairs = self.captured_members(value)
                items = (self.returned(self.snapshot(v)) for _, v in pairs)
                return TupleValue(tuple(items), type(value.value), tuple(k for k, _ in pairs))
        if isinstance(value, Expr) and any(map(self._is_of_small_array, walk(value))):
            return self.b.store(value, "result")  # so that the array need not outlive the body
        return value

    def _is_of_small_array(self, expr: Expr) -> bool:
        """Whether an expression is an element of an array of literal lengths."""
        if not isinstance(expr, Load):
            return False
        extents = self.b.extents.get(expr.array, ())
        return bool(extents) and all(isinstance(e, Const) for e in extents)

    def _parameter(self, name: str, type_: Type, leaves: list[Var | str]) -> Value:
        match type_:
            case Scalar(kind=kind, python=python):
                var = self.var(self.scope, name, kind)
                self.b.numbers.note(var.name, python, (self.scope.key, name))
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
                    tag = ListTag(fixed=True) if cls is list else None
                    return TupleValue(tuple(members), cls, tag=tag)
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
            if RESULT not in self.scope.env:  # every path raises
                return literal(math.nan, FLOAT)
            value = self.scope.env[RESULT]
            if isinstance(value, MaybeUnbound):
                if is_marker(value.value):
                    raise self.b.refuse(
                        "the function returns values of different kinds (or None) on its paths",
                        "return the same kind of value, a number or an array, on every path",
                    )
                if isinstance(value.value, StaticValue) and value.value.value is None:
                    return None
                returned = self.scope.env[RETURNED]
                assert isinstance(returned, Expr)
                if len(self.calls) > 1:
                    return _optional(value.value, returned)
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
        if isinstance(node, gast.Assign | gast.AugAssign) and not any(
            isinstance(n, gast.Call) and n.keywords for n in gast.walk(node)
        ):
            self.b.assignments.add(self.b.at)
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
                    self.direct = node.value
                    self.value(node.value)
            case gast.Pass():
                pass
            case gast.With():
                for item in node.items:
                    self._enter(item)
            case gast.Raise():
                self._raise(node)
            case gast.Assert():
                test = self.condition(node.test)
                self.b.emit(Check(test, "AssertionError", message_text(node.msg), self.b.at))
            case gast.Global() | gast.Nonlocal():
                if self.scope.local & set(node.names):
                    raise self.b.refuse(**refusal_of(node).words())
            case gast.Delete():
                for target in node.targets:
                    self._delete(target)
            case gast.Import():
                for alias in node.names:
                    self._import(alias.name, alias.asname)
            case gast.ImportFrom():
                for alias in node.names:
                    self._import_from(node.module or "", alias.name, alias.asname or alias.name)
            case gast.FunctionDef():
                for decorator in node.decorator_list:
                    self._require_numba(decorator)
                self.scope.env[node.name] = self.local_function(node)
            case _:
                raise self.b.refuse(**refusal_of(node).words())

    def _enter(self, item: Any) -> None:
        """The head of a ``with`` statement, whose body follows it."""
        call = item.context_expr
        if isinstance(call, gast.Call) and item.optional_vars is None:
            context = self.value(call.func)
            if isinstance(context, StaticValue) and is_quiet(context.value, call):
                return
        raise self.b.refuse(**refusal_of(gast.With()).words())

    def _delete(self, target: Any) -> None:
        if isinstance(target, gast.Subscript):
            owner, keys = self.target_of(target)
            if not is_list(owner):
                raise self.b.refuse("del of an element is not supported", "drop the statement")
            self.direct = target
            self.list_method(ListMethod("pop", owner), keys, target)  # type: ignore[arg-type]
            return
        if not isinstance(target, gast.Name):
            raise self.b.refuse("del of an attribute is not supported", "drop the statement")
        self.name(target.id)
        if target.id not in self.scope.env:
            raise self.b.refuse("del of an outer variable is not supported", "drop the statement")
        del self.scope.env[target.id]
        if (self.scope.key, target.id) in self.b.decisions.flagged:
            self.b.emit(Assign(self.flag(self.scope, target.id), FALSE, self.b.at))

    def _import(self, module: str, name: str | None) -> None:
        found = self._module(module)
        if name is None:  # import a.b binds a
            name = module.partition(".")[0]
            found = sys.modules[name]
        self.assign_name(name, StaticValue(found))

    def _import_from(self, module: str, attribute: str, name: str) -> None:
        self.assign_name(name, self.captured_attribute(self._module(module), attribute))

    def _module(self, name: str) -> types.ModuleType:
        """A module that is imported already: nothing is run for an import inside a function."""
        if name.partition(".")[0] in _IMPORTED and name in sys.modules:
            return sys.modules[name]
        raise self.b.refuse(**REFUSALS["Import"].words())

    def _require_numba(self, decorator: Any) -> None:
        """Refuse a decorator of an inner function other than Numba's, which change nothing."""
        called = decorator.func if isinstance(decorator, gast.Call) else decorator
        found = self.value(called)
        value = found.value if isinstance(found, StaticValue) else None
        if not str(getattr(value, "__module__", "")).startswith("numba.core.decorators"):
            self._move_to(decorator)
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
        text = message_text(args[0]) if args else ""
        self.b.emit(Raise(error.__name__, text, self.b.at))
