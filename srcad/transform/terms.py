"""Like terms of a sum come together, and terms with one factor share it.

What a stencil gathers is a sum of neighbours, each with the factor it had in the program::

    u_b + 0.1 * w[2] - 0.2 * w[1] - 0.3 * w[1] + 0.1 * w[0]
    u_b - 0.5 * w[1] + 0.1 * (w[2] + w[0])
"""

from __future__ import annotations

import cmath
import functools
from collections.abc import Iterable

from srcad.ir.build import accumulate, literal, times
from srcad.ir.nodes import Binary, Const, Expr, Unary


def added(place: Expr, terms: Iterable[Expr]) -> Expr:
    """``place`` and the terms; their sum may come in another order.

    >>> from srcad.ir.build import real
    >>> from srcad.ir.nodes import Var
    >>> from srcad.ir.printer import print_expr
    >>> p, x, y, z = (Var(name, "float64") for name in "pxyz")
    >>> print_expr(added(p, [times(real(0.1), x), y, times(real(0.1), z), Unary("-", x, x.kind)]))
    'p - 0.9 * x + y + 0.1 * z'
    >>> print_expr(added(p, [times(real(0.1), x), Unary("-", times(real(0.1), z), z.kind), y]))
    'p + 0.1 * (x - z) + y'
    """
    factors: dict[Expr, float | complex] = {}
    for term in terms:
        factor, base = _parts(term)
        factors[base] = factors.get(base, 0) + factor
    alike: dict[float | complex, list[tuple[Expr, bool]]] = {}
    for base, factor in factors.items():
        negative = -factor in alike or (factor not in alike and _is_negative(factor))
        alike.setdefault(-factor if negative else factor, []).append((base, negative))
    total = place
    for factor, found in alike.items():
        if factor == 1:
            total = functools.reduce(_with, found, total)
        else:
            found.sort(key=lambda item: item[1])  # those that are added first
            (first, negative), *rest = found
            rest = [(base, minus != negative) for base, minus in rest]
            shared = times(literal(factor, first.kind), functools.reduce(_with, rest, first))
            total = _with(total, (shared, negative))
    return total


def _with(total: Expr, item: tuple[Expr, bool]) -> Expr:
    base, negative = item
    return accumulate(total, Unary("-", base, base.kind) if negative else base)


def _is_negative(factor: complex) -> bool:
    return isinstance(factor, int | float) and factor < 0


def _parts(term: Expr) -> tuple[float | complex, Expr]:
    """A literal factor of a term, and the rest of it."""
    match term:
        case Unary(op="-"):
            factor, base = _parts(term.x)
            return -factor, base
        case Binary(op="*", a=Const() as number) if _is_factor(number, term.kind):
            factor, base = _parts(term.b)
            return number.value * factor, base
        case Binary(op="*", b=Const() as number) if _is_factor(number, term.kind):
            factor, base = _parts(term.a)
            return number.value * factor, base
    return 1, term


def _is_factor(number: Const, kind: str) -> bool:
    return number.kind == kind and cmath.isfinite(number.value)
