"""Exponentials and hyperbolic functions, all of one reduction and one pair of polynomials.

``x = n log 2 + r`` with ``|r| <= log(2) / 2``; sinh r and cosh r are polynomials, and ::

    exp x  = 2^n     (cosh r + sinh r)
    cosh x = 2^(n-1) ((1 + e) cosh r + (1 - e) sinh r)      with e = 2^(-2n)
    sinh x = 2^(n-1) ((1 - e) cosh r + (1 + e) sinh r)
    tanh x = sinh x / cosh x

``1 + r`` and the like are summed with their errors. The polynomials interpolate at the nodes of
Chebyshev; what they leave out is below 2^-59 of the result.
"""

from srcad.elementary.lanes import Number, elementary
from srcad.elementary.primitives import (
    LOG2,
    LOG2_REST,
    copysign,
    fma,
    nearest,
    residual,
    scaled,
    select,
    two_sum,
    two_to_the,
)

_PER_LOG2 = 1.4426950408889634

# fmt: off
_SINH = (  # of (sinh r - r) / r^3, in r^2
    0.16666666666666669, 0.008333333333330062, 0.00019841269863053618, 2.7557268459997064e-06,
    2.510038549551032e-08,
)
_COSH = (  # of (cosh r - 1 - r^2 / 2) / r^4, in r^2
    0.041666666666666664, 0.0013888888888886552, 2.4801587317144498e-05, 2.755728296954995e-07,
    2.0911236630261545e-09,
)
# fmt: on


def _less_logs_of_2(x: Number) -> tuple[Number, Number, Number]:
    """``n``, and ``r`` in two parts."""
    n = nearest(x * _PER_LOG2)
    high = fma(-n, LOG2, x)
    r = fma(-n, LOG2_REST, high)
    return n, r, fma(-n, LOG2_REST, high - r)


def _reduced(x: Number) -> tuple[Number, Number, Number, Number]:
    """``n, r, s, c`` with ``sinh r = r + s`` and ``cosh r = 1 + c``."""
    n, r, low = _less_logs_of_2(x)
    return n, r, *_series(r, low)


def _series(r: Number, low: Number) -> tuple[Number, Number]:
    """``s, c`` with ``sinh(r + low) = r + s`` and ``cosh(r + low) = 1 + c``."""
    z = r * r
    s = fma(z, fma(z, fma(z, fma(z, _SINH[4], _SINH[3]), _SINH[2]), _SINH[1]), _SINH[0])
    c = fma(z, fma(z, fma(z, fma(z, _COSH[4], _COSH[3]), _COSH[2]), _COSH[1]), _COSH[0])
    return fma(z * r, s, low), fma(z * z, c, fma(r, low, 0.5 * z))


@elementary
def exp(x: Number) -> Number:
    """``math.exp``."""
    x = select(x > 710.0, 710.0, x)
    x = select(x < -746.0, -746.0, x)
    n, r, s, c = _reduced(x)
    return scaled(_sum_with_one(r, c + s), n)


def exp_of_parts(x: Number, rest: Number) -> Number:
    """``exp(x + rest)``, for x of -746 to 710."""
    n, high, low = _less_logs_of_2(x)
    low = low + rest
    r = high + low
    s, c = _series(r, (high - r) + low)
    return scaled(_sum_with_one(r, c + s), n)


@elementary
def exp2(x: Number) -> Number:
    """``math.exp2``."""
    x = select(x > 1025.0, 1025.0, x)
    x = select(x < -1080.0, -1080.0, x)
    n = nearest(x)
    r = (x - n) * 0.6931471805599453
    low = residual(x - n, 0.6931471805599453, r) + (x - n) * 2.3190468138462996e-17
    s, c = _series(r, low)
    return scaled(_sum_with_one(r, c + s), n)


def _sum_with_one(r: Number, rest: Number) -> Number:
    high = 1.0 + r
    return high + ((r - (high - 1.0)) + rest)


@elementary
def expm1(x: Number) -> Number:
    """``math.expm1``."""
    inside = select(x > 710.0, 710.0, x)
    inside = select(x < -40.0, -40.0, inside)
    n, r, s, c = _reduced(inside)
    # halved, so that the power of two is a double
    power, half = two_to_the(n - 1.0), 0.5
    one = power - half
    lost = (power - one) - half
    high, low = two_sum(one, power * r)
    y = 2.0 * (high + (low + (lost + power * (c + s))))
    return select(abs(x) < 1e-300, x, y)


def _hyperbolic(x: Number) -> tuple[Number, Number, Number, Number, Number]:
    """``n, sinh, its rest, cosh, its rest`` of x >= 0, both divided by ``2^(n-1)``."""
    n, r, s, c = _reduced(x)
    e = select(n < 500.0, two_to_the(-2.0 * n), 0.0)
    below, above = 1.0 - e, 1.0 + e
    sinh, sinh_low = _sum_of(below, (1.0 - below) - e, r, e * r, (c - e * c) + (s + e * s))
    cosh, cosh_low = _sum_of(above, (1.0 - above) + e, r, -e * r, (c + e * c) + (s - e * s))
    return n, sinh, sinh_low, cosh, cosh_low


def _sum_of(a: Number, a_low: Number, r: Number, er: Number, rest: Number) -> tuple[Number, Number]:
    b = r + er
    high, low = two_sum(a, b)
    return high, low + (a_low + (((r - b) + er) + rest))


@elementary
def cosh(x: Number) -> Number:
    """``math.cosh``."""
    size = abs(x)
    n, _, _, high, low = _hyperbolic(select(size > 712.0, 712.0, size))
    return scaled(high + low, n - 1.0)


@elementary
def sinh(x: Number) -> Number:
    """``math.sinh``."""
    size = abs(x)
    n, high, low, _, _ = _hyperbolic(select(size > 712.0, 712.0, size))
    return copysign(scaled(high + low, n - 1.0), x)


@elementary
def tanh(x: Number) -> Number:
    """``math.tanh``."""
    size = abs(x)
    _, a, a_low, b, b_low = _hyperbolic(select(size > 22.0, 22.0, size))
    over, under = a + a_low, b + b_low
    y = over / under
    left = residual(-y, under, -over) + (((a - over) + a_low) - y * ((b - under) + b_low))
    return copysign(y + left / under, x)
