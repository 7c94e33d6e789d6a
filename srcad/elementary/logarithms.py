"""Logarithms: ``x = 2^n m`` with m from sqrt(1/2) to sqrt(2), and log m by the series of atanh.

With ``f = m - 1`` and ``s = f / (2 + f)``, ::

    log m = 2 atanh s = f - f^2 / 2 + s (f^2 / 2 + s^2 p(s^2))

where the first two terms and ``n log 2`` are summed with their errors. The polynomial p
interpolates at the nodes of Chebyshev; what it leaves out is below 2^-59 of the result.
"""

import math

from srcad.elementary.lanes import Number, elementary
from srcad.elementary.primitives import (
    LOG2,
    LOG2_REST,
    bits,
    fma,
    from_bits,
    is_nan,
    residual,
    select,
    two_sum,
)

_LOG10_2, _LOG10_2_REST = 0.30102999566395283, 2.8363394551044964e-14
"""The first of 42 bits, so that its product with any n is exact."""
_ROOT = 0x3FE6A09E667F3BCD
"""The bits of sqrt(1/2)."""
_GREATEST = 1.7976931348623157e308
_ONE = 0x3FF0000000000000
_MANTISSA = 0x000FFFFFFFFFFFFF
_INTEGER, _INTEGER_BITS = 6755399441055744.0, 0x4338000000000000
"""1.5 * 2**52, the lowest bits of which are an integer that is added to it."""

# fmt: off
_ATANH = (  # of (2 atanh s - 2 s) / s^3, in s^2
    0.6666666666666666, 0.4000000000000088, 0.2857142857080285, 0.22222222391887064,
    0.18181795621632782, 0.15386240708969665, 0.13268746195596595, 0.13086907887965027,
)
# fmt: on


def _log_parts(m: Number, rest: Number) -> tuple[Number, Number]:
    """``log(m + rest)`` in two parts."""
    f = m - 1.0
    h = f + rest
    rest = (f - h) + rest
    s = h / (2.0 + h)
    z = s * s
    p = fma(z, fma(z, fma(z, _ATANH[7], _ATANH[6]), _ATANH[5]), _ATANH[4])
    p = fma(z, fma(z, fma(z, fma(z, p, _ATANH[3]), _ATANH[2]), _ATANH[1]), _ATANH[0])
    square = 0.5 * h * h
    high = h - square
    low = ((h - high) - square) - residual(0.5 * h, h, square)
    return high, low + fma(s, fma(z, p, square), rest)


def taken_apart(x: Number) -> tuple[Number, Number]:
    """``n, m`` with ``x = 2^n m``."""
    subnormal = x < 2.2250738585072014e-308
    number = bits(select(subnormal, x * 18014398509481984.0, x)) + (_ONE - _ROOT)
    zero = select(subnormal, _INTEGER + 54.0, _INTEGER)
    n = from_bits((number >> 52) + (_INTEGER_BITS - 1023)) - zero
    return n, from_bits((number & _MANTISSA) + _ROOT)


def _times(high: Number, low: Number, factor: Number, rest: Number) -> tuple[Number, Number]:
    """``(high + low) (factor + rest)`` in two parts."""
    y = high * factor
    return y, residual(high, factor, y) + fma(low, factor, high * rest)


def _added(n: Number, high: Number, low: Number) -> Number:
    total, rest = two_sum(n, high)
    return total + (rest + low)


def _outside(x: Number, y: Number) -> Number:
    """y, or what the logarithm of an x is that is no positive number."""
    y = select(x > _GREATEST, x, y)
    y = select(x > 0.0, y, -math.inf)
    return select((x < 0.0) | is_nan(x), math.nan, y)


@elementary
def log(x: Number) -> Number:
    """``math.log``."""
    n, m = taken_apart(x)
    high, low = _log_parts(m, 0.0)
    return _outside(x, _added(n * LOG2, high, fma(n, LOG2_REST, low)))


@elementary
def log2(x: Number) -> Number:
    """``math.log2``."""
    n, m = taken_apart(x)
    high, low = _log_parts(m, 0.0)
    high, low = _times(high, low, 1.4426950408889634, 2.0355273740931033e-17)
    return _outside(x, _added(n, high, low))


@elementary
def log10(x: Number) -> Number:
    """``math.log10``."""
    n, m = taken_apart(x)
    high, low = _log_parts(m, 0.0)
    high, low = _times(high, low, 0.4342944819032518, 1.098319650216765e-17)
    return _outside(x, _added(n * _LOG10_2, high, fma(n, _LOG10_2_REST, low)))


@elementary
def log1p(x: Number) -> Number:
    """``math.log1p``."""
    u, rest = two_sum(1.0, x)
    number = bits(u) + (_ONE - _ROOT)
    exponent = number >> 52
    n = from_bits(exponent + (_INTEGER_BITS - 1023)) - _INTEGER
    rest = select(n < 1000.0, rest * from_bits((2046 - exponent) << 52), 0.0)
    high, low = _log_parts(from_bits((number & _MANTISSA) + _ROOT), rest)
    y = _outside(u, _added(n * LOG2, high, fma(n, LOG2_REST, low)))
    return select(abs(x) < 1e-300, x, y)
