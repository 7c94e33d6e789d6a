"""Derivatives that a program takes itself: ``srcad.grad(g)(x)`` inside of a function.

The call ``g(x)`` is elaborated into a block of its own, with names of its own for the arguments
that the derivative is taken of; everything else that the block reads, what ``g`` closes over too,
is a constant to it. The derivative of that block is written by the passes that write those of
whole programs, and stands here in place of the call::

    y = srcad.grad(g)(x)          ... # the adjoint of g(x), which makes x_b
                                  y = x_b

What is left is a program like any other, so that it can be differentiated again, in either mode
and with respect to anything. Two perturbations cannot be confused: one is gone before the other
begins.
"""

from __future__ import annotations

import functools
import types
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from srcad.analysis.flow import assigned
from srcad.errors import ArgumentError
from srcad.frontend import arrays, scalars
from srcad.frontend.expressions import Scope
from srcad.frontend.heap import Env, Moment
from srcad.frontend.lists import lists_in
from srcad.frontend.program import MODES, Elaborated
from srcad.frontend.ruled import Ruled
from srcad.frontend.source import find_source
from srcad.frontend.values import (
    ArrayValue,
    BoundCall,
    DerivedFunction,
    ListValue,
    LocalFunction,
    ObjectValue,
    PullbackFunction,
    RangeValue,
    RecordsValue,
    RowsValue,
    StaticValue,
    TupleValue,
    Value,
    type_of,
)
from srcad.ir.build import literal
from srcad.ir.loss import require_loss
from srcad.ir.nodes import (
    Assign,
    Block,
    Comment,
    Const,
    Copy,
    Expr,
    Extent,
    Function,
    Invoke,
    Return,
    Stmt,
    Var,
    names_read,
    statements,
    walk,
)
from srcad.ir.rename import renamed, renamed_expr
from srcad.ir.types import BOOL, INT, is_inexact
from srcad.transformation import is_transform, transformation_of

OPTIONS = ("jit", "fastmath", "parallel", "boundscheck", "vector_math", "cache")
"""Options of a transformation: those of the whole program count."""

Leaf = Var | str
Given = Expr | ArrayValue
Directions = Callable[[Value | None, list[Stmt]], list[Given]]
"""Gives seeds or tangents for a result, and the checks of their lengths."""


@dataclass
class Call:
    """A call of a function whose derivative is taken."""

    function: Value
    values: list[Value]
    keywords: dict[str, Value]

    def at(self, spot: int | str) -> Value:
        """The argument at a position or of a keyword."""
        return self.values[spot] if isinstance(spot, int) else self.keywords[spot]

    def put(self, spot: int | str, value: Value) -> None:
        """Replace an argument."""
        if isinstance(spot, int):
            self.values[spot] = value
        else:
            self.keywords[spot] = value


@dataclass
class Taken:
    """A derivative that was taken: the result of the function, and what came out."""

    result: Value | None
    leaves: Iterator[Value]
    of: list[Leaf]
    """The names of the program around it of whose values it was taken."""


class Derived(Ruled):
    """Takes derivatives of functions that the program calls; ``matrices.py`` those with columns."""

    lent: set[str]
    """Arrays that a function which works on copies would write: they must not overlap others."""

    @abstractmethod
    def settled_block(self, block: Block, result: Value | None) -> Block:
        """A block about to be differentiated; what is decided at the end of a program is now."""

    @abstractmethod
    def returned(self, value: Value) -> Value:
        """A result, its arrays stored as bases of their own."""

    def call_value(
        self, function: Value, positional: list[Value], keywords: dict[str, Value], node: Any
    ) -> Value:
        """``function(*positional, **keywords)``."""
        match function:
            case DerivedFunction():
                return self.call_derived(function, positional, keywords)
            case PullbackFunction():
                return self._pull_back(function, positional, keywords)
        return super().call_value(function, positional, keywords, node)

    def call_special(
        self, function: Any, values: list[Value], keywords: dict[str, Value]
    ) -> Value | None:
        """A call of one of srcad's transformations, or of what they return."""
        known = transformation_of(function)
        if known is not None and known.refused:
            raise self.b.refuse(known.refused, "take it without inside of a function")
        if known is not None:
            wrt = tuple(known.wrt)
            inner = StaticValue(known.function)
            derived = DerivedFunction(
                known.kind, inner, wrt, known.is_single, known.has_aux, known.axes, known.mode
            )
            return self.call_derived(derived, values, keywords)
        if is_transform(function):
            transform = _TRANSFORMS.get(function.__name__)
            if transform is None:
                raise self.b.refuse(
                    f"srcad.{function.__name__} is not supported inside of a function"
                )
            keywords = {k: v for k, v in keywords.items() if k not in OPTIONS}
            return transform(self, function.__name__, values, keywords)
        return super().call_special(function, values, keywords)

    # ------------------------------------------------------------ grad(f), hessian(f)

    def _derived_function(
        self, name: str, values: list[Value], keywords: dict[str, Value]
    ) -> Value:
        """``srcad.grad(f, wrt)``."""
        other = [k for k in keywords if k not in ("wrt", "has_aux", "mode")]
        if other or len(values) > 2:
            given = f"{other[0]}=" if other else "more than a function and wrt"
            raise self.b.refuse(
                f"{name} with {given} inside of a function", "take it without inside of a function"
            )
        wrt, aux, mode = _wrt_aux_and_mode(*values[1:], **keywords)
        single = not isinstance(wrt, TupleValue)
        named = self._named((wrt,) if single else wrt.items)
        return DerivedFunction(name, values[0], named, single, aux, mode=mode)

    def _named(self, items: Sequence[Value]) -> tuple[int | str, ...]:
        """Positions and names of parameters, which must be known beforehand."""
        found: list[int | str] = []
        for item in items:
            known = self.b.constant(item)
            if isinstance(item, StaticValue) and isinstance(item.value, str):
                found.append(item.value)
            elif known is not None:
                found.append(known)
            else:
                raise self.b.refuse("wrt must be known beforehand", "write wrt=0 or wrt='name'")
        return tuple(found)

    def call_derived(
        self, derived: DerivedFunction, values: list[Value], keywords: dict[str, Value]
    ) -> Value:
        """A call of what ``grad``, ``value_and_grad`` or ``hessian`` returns."""
        function, aux = derived.function, derived.has_aux
        call = Call(function, list(values), dict(keywords))
        spots = [self._spot(call, w) for w in derived.wrt]
        self._require_floats(call, spots)
        kind = "gradient" if derived.kind == "grad" and not aux else "value_and_gradient"
        taken = self.taken(kind, call, spots, has_aux=aux)
        result = self.rebuilt(taken.result, taken.leaves) if kind != "gradient" else None
        parts = [self._derivative_like(call.at(spot), taken.leaves) for spot in spots]
        found: Value = parts[0] if derived.is_single else TupleValue(tuple(parts))
        if result is None:
            return found
        if not aux:
            return TupleValue((result, found))
        assert isinstance(result, TupleValue)
        extra = result.items[1] if len(result.items) == 2 else TupleValue(result.items[1:])
        if derived.kind == "grad":
            return TupleValue((found, extra))
        return TupleValue((TupleValue((result.items[0], extra)), found))

    def _spot(self, call: Call, wrt: int | str) -> int | str:
        """Where a call has the argument for a parameter: a position or a keyword."""
        names = self._parameters_of(call.function)
        if isinstance(wrt, str) and wrt in call.keywords:
            return wrt
        if isinstance(wrt, str) and wrt not in names:
            raise ArgumentError(f"wrt names {wrt!r}, which is no parameter", self.b.here)
        if isinstance(wrt, int) and not -len(names) <= wrt < max(len(names), len(call.values)):
            raise ArgumentError(f"wrt={wrt} is out of range", self.b.here)
        index = names.index(wrt) if isinstance(wrt, str) else wrt % max(len(names), 1)
        if index < len(call.values):
            return index
        if index < len(names) and names[index] in call.keywords:
            return names[index]
        raise self.b.refuse(
            f"the argument {names[index]!r}, of which the derivative is taken, is not given",
            "pass it, also where it has a default",
        )

    def _require_floats(self, call: Call, spots: Sequence[int | str]) -> None:
        for spot in spots:
            if not _has_float(self.snapshot(call.at(spot))):
                raise ArgumentError(
                    f"asking for the derivative with respect to {self._parameter_at(call, spot)!r},"
                    " which holds no floats",
                    self.b.here,
                    "pass a float, such as 3.0 for 3",
                )

    def _copied_now(self, value: Value) -> Value:
        """An argument as it is now: arrays are copied."""
        match value:
            case ObjectValue():
                return self._copied_now(self.snapshot(value))
            case TupleValue():
                return value.of(self._copied_now(v) for v in value.items)
            case ArrayValue():
                return arrays.materialise(self.b, value, "kept")
        return self.kept(value)

    def _parameters_of(self, function: Value) -> list[str]:
        """The names of the parameters that a call gives by position."""
        match function:
            case LocalFunction(node=node):
                args: Any = node.args  # type: ignore[attr-defined]
                return [a.id for a in (*args.posonlyargs, *args.args)]
            case BoundCall(function=inner, args=held, keywords=given):
                words = [k for k, _ in given]
                return [n for n in self._parameters_of(inner)[len(held) :] if n not in words]
            case DerivedFunction(function=inner):
                return self._parameters_of(inner)
            case StaticValue(value=found):
                if isinstance(found, functools.partial | types.MethodType):
                    return self._parameters_of(self.opened(found))
                known = transformation_of(found)
                if known is not None:
                    return self._parameters_of(StaticValue(known.function))
                args = find_source(found).node.args
                return [a.id for a in (*args.posonlyargs, *args.args)]
        method = self.callable_of(function)
        if method is None:
            raise ArgumentError("this value cannot be called", self.b.here)
        return self._parameters_of(method)

    # ------------------------------------------------------------ vjp, jvp, hvp, hessian

    def _vjp(self, name: str, values: list[Value], keywords: dict[str, Value]) -> Value:
        """``srcad.vjp(f, *args)``: the result, and a function of the cotangents."""
        if "outputs" in keywords:
            raise self.b.refuse(
                "outputs= is not supported inside of a function", "let the function return it"
            )
        call = Call(values[0], [self._copied_now(v) for v in values[1:]], keywords)
        taken = self.taken("primal", call, list(range(len(call.values))))
        out = self.rebuilt(taken.result, taken.leaves)
        held = tuple(keywords.items())
        return TupleValue((out, PullbackFunction(call.function, tuple(call.values), held)))

    def _pull_back(
        self, pullback: PullbackFunction, values: list[Value], keywords: dict[str, Value]
    ) -> Value:
        """A call of a pullback: the forward sweep runs again."""
        if len(values) != 1 or keywords:
            raise ArgumentError("a pullback takes one argument, the seed", self.b.here)
        call = Call(pullback.function, list(pullback.args), dict(pullback.keywords))
        spots: list[int | str] = list(range(len(call.values)))
        taken = self.taken(
            "vjp", call, spots, lambda y, checks: self.directions(values[0], y, "the seed", checks)
        )
        return TupleValue(tuple(self._derivative_like(v, taken.leaves) for v in call.values))

    def _jvp(self, name: str, values: list[Value], keywords: dict[str, Value]) -> Value:
        """``srcad.jvp(f, primals, tangents)``."""
        if "directions" in keywords or "outputs" in keywords:
            given = "directions" if "directions" in keywords else "outputs"
            raise self.b.refuse(
                f"{given}= is not supported inside of a function",
                "call jvp for each direction"
                if given == "directions"
                else "let the function return it",
            )
        if len(values) != 3 or not all(isinstance(v, TupleValue) for v in values[1:]):
            raise self.b.refuse(
                "jvp takes a function, a tuple of arguments and a tuple of tangents",
                "write jvp(f, (x,), (v,))",
            )
        primals, tangents = values[1].items, values[2].items  # type: ignore[union-attr]
        if len(primals) != len(tangents):
            raise ArgumentError("there must be one tangent for each argument", self.b.here)
        call = Call(values[0], list(primals), keywords)
        given = [(p, t) for p, t in zip(primals, tangents, strict=True) if not _is_none(t)]
        spots = [k for k, t in enumerate(tangents) if not _is_none(t)]
        moving = [d for p, t in given for d in self.directions(t, p, "the tangent")]
        taken = self.taken("jvp", call, spots, lambda *_: moving)
        out = self.rebuilt(taken.result, taken.leaves)
        return TupleValue((out, self._derivative_like(taken.result, taken.leaves)))

    def _hvp(self, name: str, values: list[Value], keywords: dict[str, Value]) -> Value:
        """``srcad.hvp(f, args, vectors, wrt)``."""
        keywords = dict(keywords)
        given = values[3] if len(values) > 3 else keywords.pop("wrt", Const(0, INT))
        if len(values) not in (3, 4) or not isinstance(values[1], TupleValue):
            raise self.b.refuse(
                "hvp takes a function, a tuple of arguments and a vector", "write hvp(f, (x,), v)"
            )
        several = isinstance(given, TupleValue)
        wrt = self._named(given.items if isinstance(given, TupleValue) else (given,))
        call = Call(values[0], list(values[1].items), keywords)
        spots = [self._spot(call, w) for w in wrt]
        self._require_floats(call, spots)
        vectors = values[2].items if several and isinstance(values[2], TupleValue) else (values[2],)
        pairs = list(zip([call.at(s) for s in spots], vectors, strict=True))
        moving = [d for p, v in pairs for d in self.directions(v, p, "the vector")]
        taken = self.taken("hvp", call, spots, lambda *_: moving)
        parts = tuple(self._derivative_like(p, taken.leaves) for p, _ in pairs)
        return TupleValue(parts) if several else parts[0]

    # ------------------------------------------------------------ the derivative of one call

    def taken(
        self,
        kind: str,
        call: Call,
        spots: Sequence[int | str],
        directions: Directions = lambda *_: [],
        *,
        has_aux: bool = False,
        of: Callable[[list[Leaf]], list[Leaf]] = lambda _: [],
    ) -> Taken:
        """The derivative of a call with respect to the arguments at ``spots``, written here.

        ``of`` says, given the names of the program around it that the call reads, of whose values
        it is taken as well.
        """
        stands = _Stood(self)
        replaced = Call(call.function, list(call.values), dict(call.keywords))
        for spot in spots:
            replaced.put(spot, stands.value(call.at(spot), self._parameter_at(call, spot)))
        title = self.title_of(call.function)
        body, result = self.block_of(replaced, MODES.get(kind, ("reverse",)))
        if kind in ("gradient", "value_and_gradient", "hvp"):
            type_ = None if result is None else type_of(result)
            require_loss(type_, title, has_aux, self.b.here)
        also = of(self.read_by(body, stands.names, result))
        checks: list[Stmt] = []
        along = directions(result, checks)
        body = (*body, *checks)
        free = self.read_by(body, stands.names, result)
        program = self.part_of_program(title, (*stands.names, *free), body, result)
        assert self.shared.derive is not None
        function = self.shared.derive(program, kind, [*stands.moving, *also])
        given = [*stands.given, *map(self._itself, free), *along]
        return Taken(result, iter(self._spliced(function, given)), also)

    def block_of(self, call: Call, modes: tuple[str, ...]) -> tuple[Block, Value | None]:
        """A call in a block of its own, from which these derivatives will be taken; its result."""
        before, seen = self.moment(), [(s, dict(s.env)) for s in self.frames]
        block: list[Any] = []
        with self.b.apart(block):
            values = [self._opened_out(v) for v in call.values]
            keywords = {k: self._opened_out(v) for k, v in call.keywords.items()}
            with self.taking((*modes, *self.shared.modes)):
                node = self.scope.source.node
                found = self.call_value(call.function, values, keywords, node)
            result = None if _is_none(found) else self.returned(self.snapshot(found))
            body = self.settled_block(tuple(block), result)
        self._require_pure(body, before, seen, self.title_of(call.function))
        return body, result

    def _opened_out(self, value: Value) -> Value:
        """An argument whose dicts and dataclasses are objects that the block makes."""
        if not isinstance(value, TupleValue):
            return value
        return self._of_structure(value, [self._opened_out(v) for v in value.items])

    def part_of_program(
        self, title: str, inputs: tuple[Leaf, ...], body: Block, result: Value | None
    ) -> Elaborated:
        """A block as a program of its own."""
        rebindable = frozenset(self.b.rebindable)
        arrays_, names = self.b.arrays, self.b.names
        return Elaborated(title, inputs, {}, body, result, arrays_, rebindable, (), {}, names)

    def read_by(self, block: Block, own: Sequence[Leaf], result: Value | None = None) -> list[Leaf]:
        """What a block, and a result, reads of the program around it."""
        free = self._free(block, set(own))
        known = {_name(n) for n in (*free, *own)} | assigned(block)
        for leaf in _result_leaves(result):
            names = {leaf: leaf} if isinstance(leaf, str) else _variables(leaf)
            free += [var for n, var in names.items() if n not in known]
            known |= set(names)
        return free

    def _itself(self, item: Leaf) -> Expr | ArrayValue:
        return arrays.whole(self.b, item) if isinstance(item, str) else item

    def _require_pure(
        self, block: Block, before: Moment, seen: list[tuple[Scope, Env]], title: str
    ) -> None:
        """Refuse a function that changes what its caller has: a derivative changes nothing."""
        if self.changes_outside(block, before, seen):
            raise self.b.refuse(
                f"{title}, whose derivative is taken here, changes an object from outside",
                "return what it computes",
            )
        recursive = {o.name for o in self.shared.outlined.values() if not o.ruled}
        for stmt in statements(block):
            if isinstance(stmt, Invoke) and stmt.function in recursive:
                raise self.b.refuse(
                    f"{title}, whose derivative is taken inside of a function, calls itself or a "
                    "function that does",
                    "write the recursion as a loop",
                )

    def changes_outside(self, block: Block, before: Moment, seen: list[tuple[Scope, Env]]) -> bool:
        """Whether a block changes names, objects or lists that were there before it."""
        lists = {
            n
            for _, env in seen
            for value in env.values()
            for v in lists_in(value)
            for n in (v.array, *names_read(v.count))
        }
        same = all(
            len(scope.env) == len(env) and all(scope.env.get(k) is v for k, v in env.items())
            for scope, env in seen
        )
        return self.has_written(before) or not same or bool(lists & assigned(block))

    # ------------------------------------------------------------ in place of the call

    def _spliced(self, function: Function, given: Sequence[Expr | ArrayValue]) -> list[Value]:
        """The statements of a function, here, for these arguments; what it returns."""
        for name, (dtype, rank) in function.arrays.items():
            if name not in self.b.arrays:
                self.b.arrays[name] = (dtype, rank)
                self.b.extents[name] = tuple(Extent(name, k) for k in range(rank))
        names: dict[str, str] = {}
        copied = {s.target for s in function.body if isinstance(s, Copy) and s.target == s.source}
        for parameter, value in zip(function.parameters, given, strict=True):
            if isinstance(value, ArrayValue):
                assert isinstance(parameter, str) and value.view is not None
                names[parameter] = value.view.base
            elif isinstance(value, Var):
                names[_name(parameter)] = value.name
            else:
                assert isinstance(parameter, Var)
                self.b.emit(Assign(parameter, value, self.b.at))
        self._require_given_once(copied, names)
        for stmt in function.body:
            match stmt:
                case Copy(target=target, source=source) if target == source:
                    self.lent.add(names[target])
                    own = self.b.names.fresh(target)
                    dtype, _ = self.b.arrays[names[target]]
                    arrays.declare(self.b, own, dtype, self.b.extents[names[target]])
                    self.b.emit(Copy(own, names[target], self.b.at))
                    names[target] = own
                case Comment(text="forward sweep" | "reverse sweep"):
                    pass
                case Return(items=items):
                    return [self._returned_item(item, names) for item in items]
                case _:
                    self.b.block += renamed((stmt,), names)
        raise AssertionError("a function of the module returns")

    def _require_given_once(self, copied: set[str], names: dict[str, str]) -> None:
        """Refuse a function that writes an array which it is given, or reads, a second time."""
        for name in copied:
            twins = [n for n in names if n in self.b.arrays and n != name]
            if any(arrays.may_alias(self.b, names[name], names[n]) for n in twins):
                raise self.b.refuse(
                    "the function whose derivative is taken here writes an array that it may be "
                    "given twice",
                    "pass a copy: a.copy()",
                )

    def _returned_item(self, item: Expr | str, names: dict[str, str]) -> Value:
        if isinstance(item, str):
            return arrays.whole(self.b, names.get(item, item))
        return self.b.hold(renamed_expr(item, names), "t")

    # ------------------------------------------------------------ values and their leaves

    def rebuilt(self, like: Value | None, leaves: Iterator[Value]) -> Value:
        """A result of this structure, made of its leaves."""
        match like:
            case None:
                return StaticValue(None)
            case TupleValue():
                items = [self.rebuilt(v, leaves) for v in like.items]
                return self._of_structure(like, items)
            case StaticValue():
                return like
        return next(leaves)

    def _derivative_like(self, like: Value | None, leaves: Iterator[Value]) -> Value:
        """A derivative in the structure of a value; None where that has no floats."""
        match like:
            case ObjectValue():
                return self._derivative_like(self.snapshot(like), leaves)
            case TupleValue():
                items = [self._derivative_like(v, leaves) for v in like.items]
                return self._of_structure(like, items)
        return next(leaves) if _is_float(like) else StaticValue(None)

    def _of_structure(self, like: TupleValue, items: list[Value]) -> Value:
        if like.keys and like.cls is not None:
            return self.structure(like.cls, list(zip(like.keys, items, strict=True)))
        return TupleValue(tuple(items), like.cls)

    def directions(
        self, value: Value, like: Value | None, what: str, checks: list[Stmt] | None = None
    ) -> list[Given]:
        """The leaves of a seed or tangent for each float leaf of a value.

        ``checks`` takes those of lengths, for a value that is not computed yet.
        """
        if isinstance(like, ObjectValue):
            like = self.snapshot(like)
        if isinstance(value, ObjectValue):
            value = self.snapshot(value)
        if isinstance(like, TupleValue):
            if _is_none(value):
                value = like.of([StaticValue(None)] * len(like.items))
            if not isinstance(value, TupleValue) or len(value.items) != len(like.items):
                raise ArgumentError(f"{what} must have {len(like.items)} members", self.b.here)
            pairs = zip(value.items, like.items, strict=True)
            return [d for v, item in pairs for d in self.directions(v, item, what, checks)]
        if not _is_float(like):
            return []
        if _is_none(value):
            if isinstance(like, ArrayValue) and like.ndim:
                if checks is not None:
                    raise self.b.refuse(f"{what} of an array is None", "give an array of zeros")
                zero = literal(0.0, like.dtype)
                return [arrays.allocate(self.b, "zeros", like.extents, like.dtype, zero)]
            return [literal(0.0, _kind(like))]
        found = scalars.operand(self.b, value)
        if isinstance(like, ArrayValue) and like.ndim:
            if not isinstance(found, ArrayValue) or found.ndim != like.ndim:
                raise ArgumentError(f"{what} must be an array of {like.ndim} axes", self.b.here)
            made = arrays.materialise(self.b, found, "direction", like.dtype)
            with self.b.into(self.b.block if checks is None else checks):
                for own, other in zip(made.extents, like.extents, strict=True):
                    arrays.require_equal(self.b, own, other)
            return [made]
        if isinstance(found, ArrayValue) and not found.ndim:
            found = found.element(())
        if not isinstance(found, Expr):
            raise ArgumentError(f"{what} must be a number", self.b.here)
        return [self.b.hold(self.b.convert(found, _kind(like)), "direction")]

    def _parameter_at(self, call: Call, spot: int | str) -> str:
        if isinstance(spot, str):
            return spot
        names = self._parameters_of(call.function)
        return names[spot] if spot < len(names) else "x"

    def title_of(self, function: Value) -> str:
        """What a function is called."""
        match function:
            case LocalFunction(node=node):
                return str(getattr(node, "name", "lambda_"))
            case BoundCall(function=inner) | DerivedFunction(function=inner):
                return self.title_of(inner)
            case StaticValue(value=found):
                return str(getattr(found, "__name__", "f"))
        return "f"


class _Stood:
    """Names that stand for the arguments of a derivative, in the order of their leaves."""

    def __init__(self, owner: Derived) -> None:
        self.owner = owner
        self.names: list[Leaf] = []
        self.given: list[Given] = []
        """What each of these names stands for."""

    @property
    def moving(self) -> list[Leaf]:
        """Those that are floats."""
        arrays_ = self.owner.b.arrays
        kinds = [(n, arrays_[n][0] if isinstance(n, str) else n.kind) for n in self.names]
        return [n for n, kind in kinds if is_inexact(kind)]

    def value(self, value: Value, base: str) -> Value:
        """What stands for a value; integers and static members stay what they are."""
        b = self.owner.b
        match value:
            case ObjectValue():
                return self.value(self.owner.snapshot(value), base)
            case TupleValue(cls=cls, keys=keys):
                labels = keys or range(len(value.items))
                items = [
                    self.value(v, f"{base}_{k}") for k, v in zip(labels, value.items, strict=True)
                ]
                return TupleValue(tuple(items), cls, keys)
            case ListValue() | RecordsValue() | RangeValue() | RowsValue():
                raise b.refuse(
                    "the derivative of a function of a list of unknown length",
                    "make it an array: np.array(...)",
                )
            case ArrayValue(ndim=0):
                return self.value(value.element(()), base)
            case ArrayValue(dtype=dtype):
                is_whole = arrays.is_base(b, value) and value.view is not None
                if not is_whole or value.view.base in b.strided:  # type: ignore[union-attr]
                    value = arrays.materialise(b, value, base)
                assert value.view is not None
                name = b.names.fresh(base)
                arrays.declare(b, name, dtype, b.extents[value.view.base])
                self.names.append(name)
                self.given.append(value)
                return arrays.whole(b, name, value.units)
            case _ if isinstance(value, Expr) and is_inexact(value.kind):
                var = Var(b.names.fresh(base), value.kind)
                self.names.append(var)
                self.given.append(b.hold(value, base))
                return var
        return value


_FIRST = Const(0, INT)
_NO = Const(False, BOOL)


def _wrt_aux_and_mode(
    wrt: Value = _FIRST,
    *,
    has_aux: Value = _NO,
    mode: Value | None = None,
) -> tuple[Value, bool, str]:
    """The arguments of ``grad`` (and ``jacobian``) after the function."""
    way = mode.value if isinstance(mode, StaticValue) and isinstance(mode.value, str) else "auto"
    return wrt, isinstance(has_aux, Const) and bool(has_aux.value), way


def _is_none(value: Value | None) -> bool:
    return value is None or (isinstance(value, StaticValue) and value.value is None)


def _is_float(value: Value | None) -> bool:
    return isinstance(value, ArrayValue | Expr) and is_inexact(_kind(value))


def _kind(value: Value | None) -> str:
    assert isinstance(value, ArrayValue | Expr)
    return value.dtype if isinstance(value, ArrayValue) else value.kind


def _has_float(value: Value) -> bool:
    if isinstance(value, TupleValue):
        return any(map(_has_float, value.items))
    return _is_float(value)


def _result_leaves(result: Value | None) -> Iterator[Expr | str]:
    match result:
        case ArrayValue(view=view) if view is not None:
            yield view.base
        case TupleValue(items=items):
            for item in items:
                yield from _result_leaves(item)
        case _ if isinstance(result, Expr):
            yield result


def _variables(expr: Expr) -> dict[str, Leaf]:
    """The variables and arrays that an expression reads."""
    found: dict[str, Leaf] = {e.name: e for e in walk(expr) if isinstance(e, Var)}
    return found | {n: n for n in names_read(expr) - set(found)}


def _name(item: Leaf) -> str:
    return item if isinstance(item, str) else item.name


_TRANSFORMS: dict[str, Callable[[Derived, str, list[Value], dict[str, Value]], Value]] = {
    "grad": Derived._derived_function,
    "value_and_grad": Derived._derived_function,
    "hessian": Derived._derived_function,
    "jacobian": Derived._derived_function,
    "vjp": Derived._vjp,
    "jvp": Derived._jvp,
    "hvp": Derived._hvp,
}
