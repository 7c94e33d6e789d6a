"""Powers: ``x^y = exp(y log x)``, with the logarithm and the product in two parts each.

With ``x = 2^n m`` and ``s = (m - 1) / (m + 1)``, ::

    log m = s (2 + z (2/3 + z p(z)))        z = s^2

where s, z, 2/3 and the products have two parts; what the polynomial p leaves out is below 2^-66 of
the logarithm. Where x is no positive normal number, or the result is none, the C library is asked.
"""

from srcad.elementary.exponentials import exp_of_parts
from srcad.elementary.lanes import Number, elementary
from srcad.elementary.logarithms import taken_apart
from srcad.elementary.primitives import LOG2, LOG2_REST, exceptional, fma, residual, select, two_sum

_TWO_THIRDS, _TWO_THIRDS_REST = 0.6666666666666666, 3.700743415417188e-17

# fmt: off
_TAIL = (  # of (2 atanh s - 2 s - 2 s^3 / 3) / s^5, in s^2
    0.4, 0.2857142857142937, 0.2222222222165554, 0.1818181833547124, 0.15384594954137945,
    0.13334805149611875, 0.11706224135460942, 0.11723306234080849,
)
# fmt: on


def _product(a: Number, a_low: Number, b: Number, b_low: Number) -> tuple[Number, Number]:
    """``(a + a_low) (b + b_low)`` in two parts."""
    y = a * b
    return y, residual(a, b, y) + fma(a, b_low, a_low * b)


def _log(x: Number) -> tuple[Number, Number]:
    """``log x`` in two parts."""
    n, m = taken_apart(x)
    f = m - 1.0
    under = 2.0 + f
    s = f / under
    s_low = (residual(-s, under, -f) - s * (f - (under - 2.0))) / under
    z, z_low = _product(s, s_low, s, s_low)
    p = fma(
        z,
        fma(z, fma(z, fma(z, _TAIL[7], _TAIL[6]), _TAIL[5]), _TAIL[4]),
        _TAIL[3],
    )
    p = z * fma(z, fma(z, fma(z, p, _TAIL[2]), _TAIL[1]), _TAIL[0])
    third = _TWO_THIRDS + p
    w, w_low = _product(z, z_low, third, (p - (third - _TWO_THIRDS)) + _TWO_THIRDS_REST)
    v = 2.0 + w
    high, low = _product(s, s_low, v, (w - (v - 2.0)) + w_low)
    high, rest = two_sum(n * LOG2, high)
    low = rest + fma(n, LOG2_REST, low)
    total = high + low
    return total, (high - total) + low


@elementary
def power(x: Number, y: Number) -> Number:
    """``math.pow``."""
    high, low = _log(x)
    high, low = _product(high, low, y, 0.0)
    usual = (x > 2.3e-308) & (x < 1.7e308) & (abs(high) < 708.0)
    return exceptional("pow", select(usual, 0.0, 1.0), exp_of_parts(high, low), x, y)
