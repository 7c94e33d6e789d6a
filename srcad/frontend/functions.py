"""Built-in functions that are not elementwise: ``len``, ``range``, ``print``, ``max``, ``int``."""

from __future__ import annotations

import builtins
from typing import Any

import numba

from srcad.errors import ArgumentError, ArgumentValueError
from srcad.frontend import arrays, reductions, scalars
from srcad.frontend.builder import Builder
from srcad.frontend.complexes import COMPLEX_FUNCTIONS
from srcad.frontend.questions import QUESTIONS
from srcad.frontend.values import ArrayValue, RangeValue, StaticValue, TupleValue, Value, trips
from srcad.ir.build import ONE, ZERO, at_least_zero, compare, integer
from srcad.ir.nodes import Call, Const, Expr, Print, Var
from srcad.ir.types import BOOL, FLOAT, INT, is_complex
from srcad.rules.library import rule_of


def _len(b: Builder, values: list[Value], keywords: dict[str, Value]) -> Value:
    match [scalars.given(b, v) for v in values]:
        case [ArrayValue() as a] if a.ndim:
            return a.extents[0]
        case [TupleValue() as t]:
            return integer(len(t.items))
        case [RangeValue() as r]:
            return at_least_zero(trips(r))
        case [StaticValue(value=str() as s)]:
            return integer(len(s))
    raise b.refuse("len() takes an array or a tuple")


def _range(b: Builder, values: list[Value], keywords: dict[str, Value]) -> Value:
    items: list[Expr] = []
    for value in values:
        item = scalars.operand(b, value)
        if not isinstance(item, Expr) or item.kind not in (INT, BOOL):
            raise ArgumentError("range() takes integers", b.here, "convert with int(...)")
        items.append(item)
    match items:
        case [stop]:
            return RangeValue(ZERO, stop, ONE)
        case [start, stop]:
            return RangeValue(start, stop, ONE)
        case [start, stop, step]:
            if not isinstance(step, Const):
                b.check(compare("!=", step, ZERO), "ValueError", "range() arg 3 must not be zero")  # type: ignore[arg-type]
            elif step.value == 0:
                raise ArgumentValueError("range() arg 3 must not be zero", b.here)
            return RangeValue(start, stop, step)
    raise ArgumentError("range() takes one to three arguments", b.here)


def _print(b: Builder, values: list[Value], keywords: dict[str, Value]) -> Value:
    if keywords:
        raise b.refuse("keywords of print are not supported", "leave out sep, end, file and flush")
    items: list[Expr | str] = []
    for value in values:
        match value:
            case StaticValue(value=str() as text):
                items.append(repr(text))
            case ArrayValue() as a:
                view = arrays.stored(b, a).view
                assert view is not None
                items.append(view.base)
            case Const() | Var():
                items.append(value)
            case _:
                if not isinstance(value, Expr):
                    raise b.refuse("print takes numbers, arrays and string literals here")
                items.append(value)
    b.emit(Print(tuple(items), b.at))
    return StaticValue(None)


def _minmax(b: Builder, values: list[Value], largest: bool) -> Value:
    match values:
        case [TupleValue(items=(only,))]:
            return only
        case [TupleValue(items=())]:
            raise ArgumentValueError("min() or max() of an empty sequence", b.here)
        case [TupleValue() as t]:
            rule = rule_of(max if largest else min)
            assert rule is not None
            return scalars.apply(b, rule, list(t.items))
        case [ArrayValue() as a]:
            return reductions.extreme(b, a, largest)
    raise b.refuse("min() and max() of one argument take a tuple or an array")


def _tuple(b: Builder, values: list[Value], keywords: dict[str, Value]) -> Value:
    match values:
        case [TupleValue() as t]:
            return TupleValue(t.items)
        case [RangeValue() as r]:
            bounds = [b.constant(e) for e in (r.start, r.stop, r.step)]
            if None not in bounds:
                return TupleValue(tuple(integer(k) for k in range(*bounds)))  # type: ignore[arg-type]
    raise b.refuse("tuple() takes a tuple here, or a range of known length")


def _float(b: Builder, values: list[Value], keywords: dict[str, Value]) -> Value:
    match values:
        case [StaticValue(value=str() as text)]:
            try:
                return Const(float(text), FLOAT)
            except ValueError:
                raise b.refuse(f"float({text!r}) is not a number", "pass a number") from None
        case [value]:
            x = scalars.operand(b, value)
            if isinstance(x, Expr):
                return b.convert(x, FLOAT)
    raise b.refuse("float() takes a number")


def _int(b: Builder, values: list[Value], keywords: dict[str, Value]) -> Value:
    match values:
        case [value]:
            x = scalars.operand(b, value)
            if isinstance(x, Expr):
                if is_complex(x.kind):
                    raise ArgumentError(
                        "int() does not take complex numbers", b.here, "take .real or abs(...)"
                    )
                return x if x.kind == INT else Call("int", (x,), INT)
    raise b.refuse("int() takes a number")


BUILTINS: dict[Any, Any] = {
    builtins.len: _len,
    builtins.range: _range,
    numba.prange: _range,
    builtins.print: _print,
    builtins.max: lambda b, v, _: _minmax(b, v, True),
    builtins.min: lambda b, v, _: _minmax(b, v, False),
    builtins.tuple: _tuple,
    **COMPLEX_FUNCTIONS,
    builtins.float: _float,
    builtins.int: _int,
    **QUESTIONS,
}
