"""The operations that elementary functions are made of, for numbers, arrays and lanes."""

import math
from collections.abc import Callable

import numpy as np

from srcad.elementary.lanes import Lane, Number, with_variants

LOG2, LOG2_REST = 0.6931471805598903, 5.497923018708371e-14
"""The first of 42 bits, so that its product with any exponent is exact."""
_TO_INTEGER = 6755399441055744.0
"""1.5 * 2**52: what is added to it is rounded to an integer, which its lowest bits hold."""


def select(test: Number, a: Number, b: Number) -> Number:
    """``a if test else b``; both are computed."""
    return test.select(a, b) if isinstance(test, Lane) else np.where(test, a, b)[()]


def is_nan(x: Number) -> Number:
    """``math.isnan``."""
    return x.is_nan() if isinstance(x, Lane) else np.isnan(x)


def copysign(x: Number, y: Number) -> Number:
    """``math.copysign``."""
    return x.intrinsic("llvm.copysign", y) if isinstance(x, Lane) else np.copysign(x, y)


def fma(a: Number, b: Number, c: Number) -> Number:
    """``a * b + c``, rounded once where the processor can do so."""
    for lane in (a, b, c):
        if isinstance(lane, Lane):
            a, b, c = (lane.of(lane.given(x)) for x in (a, b, c))
            return a.intrinsic("llvm.fmuladd", b, c)
    return a * b + c


def residual(a: Number, b: Number, product: Number) -> Number:
    """``a * b - product``, exact where the product is the rounded one."""
    if isinstance(a, Lane) and a.fuses:
        return a.intrinsic("llvm.fma", b, -product)
    split = 134217729.0  # 2**27 + 1: products of halves (Dekker 1971)
    high_a = a * split - (a * split - a)
    high_b = b * split - (b * split - b)
    low_a, low_b = a - high_a, b - high_b
    return ((high_a * high_b - product) + high_a * low_b + low_a * high_b) + low_a * low_b


def bits(x: Number) -> Number:
    """The bits of a double, as an integer."""
    return x.bits() if isinstance(x, Lane) else np.asarray(x, np.float64).view(np.int64)[()]


def from_bits(n: Number) -> Number:
    """The double of these bits."""
    return n.from_bits() if isinstance(n, Lane) else np.asarray(n, np.int64).view(np.float64)[()]


def nearest(x: Number) -> Number:
    """The integer nearest to x, for ``abs(x) < 2**51``."""
    return (x + _TO_INTEGER) - _TO_INTEGER


def low_bits(n: Number) -> Number:
    """An integer of which the lowest 51 bits are those of the whole number n."""
    return bits(n + _TO_INTEGER)


def two_to_the(n: Number) -> Number:
    """``2.0**n`` for a whole number n of -1022 to 1023."""
    return from_bits((low_bits(n) << 52) + 0x3FF0000000000000)


def scaled(x: Number, n: Number) -> Number:
    """``x * 2.0**n`` for a whole number n of twice that range."""
    half = nearest(0.5 * n)
    return x * two_to_the(half) * two_to_the(n - half)


def two_sum(a: Number, b: Number) -> tuple[Number, Number]:
    """``a + b`` rounded, and the rest (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def exceptional(name: str, where: Number, y: Number, *x: Number) -> Number:
    """y, or what ``math.<name>(*x)`` is where ``where`` is positive.

    The one branch of elementary functions. Compiled code has a function for one number, which names
    variants for the lanes of a vector; these call the C library if any of their lanes needs it.
    """
    if isinstance(y, Lane):
        scalar = with_variants(y.builder.module, name, len(x))
        return y.of(y.builder.call(scalar, [where.value, y.value, *(a.value for a in x)]))
    return np.where(where > 0.0, np.vectorize(_library(name), otypes=[np.float64])(*x), y)[()]


def _library(name: str) -> Callable[..., float]:
    """A function of ``math``; where that raises, NumPy's."""

    def call(*x: float) -> float:
        try:
            return getattr(math, name)(*x)
        except (ValueError, OverflowError):
            return getattr(np, {"pow": "power"}.get(name, name))(*x)

    return call
