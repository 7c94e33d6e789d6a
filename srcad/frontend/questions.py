"""Built-in functions that ask about types, decided when the code is generated, and small ones.

A number counts as Python's: a float64 is a ``float``, an int64 an ``int``.
"""

from __future__ import annotations

import builtins
import math
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from srcad.frontend import arrays, scalars
from srcad.frontend.builder import Builder
from srcad.frontend.values import (
    ArrayValue,
    ListValue,
    LocalFunction,
    RangeValue,
    RecordsValue,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.build import FALSE, TRUE, logic
from srcad.ir.nodes import Assign, Binary, Const, Expr, If, Var
from srcad.ir.types import BOOL, COMPLEX, COMPLEX64, FLOAT, FLOAT32, INT

_KINDS: dict[str, type] = {
    FLOAT: float,
    FLOAT32: np.float32,
    COMPLEX: complex,
    COMPLEX64: np.complex64,
    INT: int,
    BOOL: bool,
}


def class_of(value: Value) -> type:
    """The Python class of a value."""
    match value:
        case ArrayValue():
            return np.ndarray
        case TupleValue(cls=cls):
            return tuple if cls is None else cls
        case ListValue() | RecordsValue():
            return list
        case RangeValue():
            return range
        case LocalFunction():
            return types.FunctionType
        case StaticValue(value=held):
            return type(held)
    return _KINDS[value.kind] if isinstance(value, Expr) else object


def _classes(b: Builder, value: Value) -> tuple[type, ...]:
    match value:
        case TupleValue(items=items):
            return tuple(c for i in items for c in _classes(b, i))
        case StaticValue(value=type() as cls):
            return (cls,)
        case StaticValue(value=types.UnionType() as union):
            return union.__args__
    raise b.refuse("isinstance() takes classes written out", "for example isinstance(x, float)")


def _isinstance(b: Builder, values: list[Value], keywords: dict[str, Value]) -> Value:
    value, wanted = values
    cls = class_of(value)
    for other in _classes(b, wanted):
        if issubclass(other, np.generic) and isinstance(value, Expr) and other is not cls:
            raise b.refuse(
                f"isinstance(..., np.{other.__name__}) of a number is not supported",
                "ask for float, int or bool: numbers count as Python's",
            )
    return Const(issubclass(cls, _classes(b, wanted)), BOOL)


def _type(b: Builder, values: list[Value], keywords: dict[str, Value]) -> Value:
    (value,) = values
    return StaticValue(class_of(value))


def _callable(b: Builder, values: list[Value], keywords: dict[str, Value]) -> Value:
    (value,) = values
    if isinstance(value, StaticValue):
        return Const(callable(value.value), BOOL)
    return Const(isinstance(value, LocalFunction), BOOL)


def _hasattr(b: Builder, values: list[Value], keywords: dict[str, Value]) -> Value:
    match values:
        case [StaticValue(value=owner), StaticValue(value=str() as name)]:
            return Const(hasattr(owner, name), BOOL)
        case [
            ArrayValue() | TupleValue() | ListValue() | RecordsValue() as value,
            StaticValue(value=str() as name),
        ]:
            return Const(hasattr(class_of(value), name), BOOL)
    raise b.refuse("hasattr() of a number is not supported", "ask with isinstance()")


def _divmod(b: Builder, values: list[Value], keywords: dict[str, Value]) -> Value:
    left, right = (b.hold(v, "t") if isinstance(v, Expr) else v for v in values)
    return TupleValue((scalars.combine(b, "//", left, right), scalars.combine(b, "%", left, right)))


def _all_of(any_: bool) -> Callable[..., Value]:
    def entry(b: Builder, values: list[Value], keywords: dict[str, Value]) -> Value:
        match values:
            case [TupleValue(items=items)]:
                return logic("or" if any_ else "and", tuple(scalars.truth(b, i) for i in items))
            case [ArrayValue() as a] if a.ndim == 1:
                found = Var(b.names.fresh("found" if any_ else "holds"), BOOL)
                b.emit(Assign(found, FALSE if any_ else TRUE, b.at))

                def scan(at: tuple[Expr, ...]) -> None:
                    test = scalars.truth(b, a.element(at))
                    now = Assign(found, TRUE if any_ else FALSE, b.at)
                    b.emit(If(test, (now,), (), b.at) if any_ else If(test, (), (now,), b.at))

                arrays.over(b, a.extents, scan)
                return found
        raise b.refuse("any() and all() take a tuple, a list or a vector", "write the loop")

    return entry


def _prod(b: Builder, values: list[Value], keywords: dict[str, Value]) -> Value:
    if set(keywords) == {"start"}:
        return scalars.combine(b, "*", keywords["start"], _prod(b, values, {}))
    match values:
        case [TupleValue(items=items)] if not keywords:
            out: Any = Const(1, INT)
            for item in items:
                out = item if out == Const(1, INT) else scalars.combine(b, "*", out, item)
            return out
        case [ArrayValue() as a] if a.ndim == 1 and not keywords:
            kind = arrays.kind_of(a.dtype)
            out = b.store(Const(1 if kind == INT else 1.0, kind), "product")
            arrays.over(
                b,
                a.extents,
                lambda at: b.emit(Assign(out, Binary("*", out, a.element(at), kind), b.at)),
            )
            return out
    raise b.refuse(
        "math.prod() takes a tuple, a list or a vector here, and start", "write the loop"
    )


QUESTIONS: dict[Any, Any] = {
    builtins.isinstance: _isinstance,
    builtins.type: _type,
    builtins.callable: _callable,
    builtins.hasattr: _hasattr,
    builtins.divmod: _divmod,
    builtins.any: _all_of(True),
    builtins.all: _all_of(False),
    math.prod: _prod,
}
