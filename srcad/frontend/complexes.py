"""The constructors of complex numbers and the functions of ``cmath``."""

from __future__ import annotations

import cmath
import math
from typing import Any

import numpy as np

from srcad.errors import ArgumentError
from srcad.frontend import library, scalars
from srcad.frontend.builder import Builder
from srcad.frontend.values import TupleValue, Value
from srcad.ir.build import ZERO, join_kinds
from srcad.ir.nodes import Binary, Call, Expr
from srcad.ir.types import COMPLEX, COMPLEX64, FLOAT, complex_kind, is_complex, is_inexact
from srcad.rules.library import rule_of

_ELEMENTARY = (
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "cos",
    "cosh",
    "exp",
    "log10",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
)


def _numbers(b: Builder, name: str, values: list[Value], keywords: dict[str, Value]) -> list[Expr]:
    if keywords:
        raise b.refuse(f"keywords of {name} are not supported", "give the arguments by position")
    items = [scalars.operand(b, v) for v in values]
    numbers = [e for e in items if isinstance(e, Expr)]
    if len(numbers) != len(items):
        raise ArgumentError(f"{name} takes numbers, not arrays", b.here, "use the NumPy function")
    return numbers


def _complex(b: Builder, values: list[Value], keywords: dict[str, Value]) -> Value:
    """``complex(a, b)``."""
    parts = [*_numbers(b, "complex()", values, keywords)] or [ZERO]
    if len(parts) > 2:
        raise ArgumentError("complex() takes one or two numbers", b.here)
    if len(parts) == 1 and is_complex(parts[0].kind):
        return parts[0]
    if any(is_complex(e.kind) for e in parts):
        raise b.refuse("complex() takes two real numbers here", "write a + 1j * b")
    parts = [e if is_inexact(e.kind) else b.convert(e, FLOAT) for e in parts]
    return _made(parts)


def _made(parts: list[Expr]) -> Expr:
    kind = parts[0].kind
    for e in parts[1:]:
        kind = join_kinds(kind, e.kind)
    return Call("complex", tuple(parts), complex_kind(kind))


def _converted(kind: str) -> Any:
    def convert(b: Builder, values: list[Value], keywords: dict[str, Value]) -> Value:
        (x,) = _numbers(b, f"np.{kind}()", values, keywords) or [ZERO]
        made = b.convert(x, kind)
        return b.numbers.of_numpy(made) if kind == COMPLEX and is_complex(x.kind) else made

    return convert


def _elementary(name: str) -> Any:
    rule = rule_of(getattr(math, name))
    assert rule is not None and rule.holomorphic

    def call(b: Builder, values: list[Value], keywords: dict[str, Value]) -> Value:
        items = _numbers(b, f"cmath.{name}", values, keywords)
        return scalars.apply(b, rule, [_as_complex(b, e) for e in items])

    return call


def _as_complex(b: Builder, x: Expr) -> Expr:
    return x if is_complex(x.kind) else b.convert(x, complex_kind(x.kind))


def _log(b: Builder, values: list[Value], keywords: dict[str, Value]) -> Value:
    """``cmath.log(z)`` or ``cmath.log(z, base)``."""
    rule = rule_of(math.log)
    assert rule is not None
    items = _numbers(b, "cmath.log", values, keywords)
    logs = [scalars.apply(b, rule, [_as_complex(b, e)]) for e in items]
    return logs[0] if len(logs) == 1 else scalars.combine(b, "/", *logs)


def _phase(b: Builder, values: list[Value], keywords: dict[str, Value]) -> Value:
    (z,) = _numbers(b, "cmath.phase", values, keywords)
    return library.phase(b, z)


def _polar(b: Builder, values: list[Value], keywords: dict[str, Value]) -> Value:
    (z,) = _numbers(b, "cmath.polar", values, keywords)
    z = b.hold(z, "z")
    modulus = rule_of(abs)
    assert modulus is not None
    return TupleValue((scalars.apply(b, modulus, [z]), library.phase(b, z)))


def _rect(b: Builder, values: list[Value], keywords: dict[str, Value]) -> Value:
    r, phi = (b.hold(e, "c") for e in _numbers(b, "cmath.rect", values, keywords))
    if any(is_complex(e.kind) for e in (r, phi)):
        raise ArgumentError("cmath.rect takes two real numbers", b.here)
    kind = phi.kind if is_inexact(phi.kind) else FLOAT
    whole = join_kinds(r.kind, kind)
    turned = [Call(f"math.{name}", (phi,), kind) for name in ("cos", "sin")]
    return _made([Binary("*", r, e, whole) for e in turned])


COMPLEX_FUNCTIONS: dict[Any, Any] = {
    complex: _complex,
    np.complex128: _converted(COMPLEX),
    np.complex64: _converted(COMPLEX64),
    cmath.log: _log,
    cmath.phase: _phase,
    cmath.polar: _polar,
    cmath.rect: _rect,
    **{getattr(cmath, name): _elementary(name) for name in _ELEMENTARY},
}
"""By the function object."""
