"""Sine, cosine and tangent: ``x = n pi/2 + r`` with ``|r| <= pi/4``, and polynomials in r.

pi/2 is subtracted in four parts, of which n times the first three are exact (Cody and Waite); r
has two parts, so that it is right next to multiples of pi/2 too. Arguments beyond 1.6e6, where n
has more than 20 bits, are left to the C library. The polynomials interpolate at the nodes of
Chebyshev; what they leave out is below 2^-57 of the result.
"""

from srcad.elementary.lanes import Number, elementary
from srcad.elementary.primitives import (
    bits,
    exceptional,
    fma,
    from_bits,
    low_bits,
    nearest,
    residual,
    select,
    two_sum,
)

_LARGE = 1647099.0
_PER_HALF_PI = 0.6366197723675814
# fmt: off
_HALF_PI = (
    1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32,
)
_SIN = (  # of (sin r - r) / r^3, in r^2
    -0.16666666666666666, 0.008333333333333331, -0.0001984126984126506, 2.7557319219335453e-06,
    -2.5052106231157904e-08, 1.605853141458901e-10, -7.586685070091267e-13,
)
_COS = (  # of (cos r - 1 + r^2 / 2) / r^4, in r^2
    0.041666666666666664, -0.0013888888888887395, 2.4801587298763433e-05, -2.7557317270560326e-07,
    2.0876146024689747e-09, -1.1382614868556325e-11,
)
# fmt: on


def _within_octant(x: Number) -> tuple[Number, Number, Number]:
    """``n``, and ``r`` in two parts."""
    n = nearest(x * _PER_HALF_PI)
    r, first = two_sum(fma(-n, _HALF_PI[0], x), -n * _HALF_PI[1])
    r, second = two_sum(r, -n * _HALF_PI[2])
    rest = fma(-n, _HALF_PI[3], first + second)
    high = r + rest
    return n, high, (r - high) + rest


def _circular(r: Number, rest: Number) -> tuple[Number, Number, Number]:
    """``s, c, z`` with ``sin = r + s`` and ``cos = 1 - z / 2 + c``, z being ``r * r`` rounded."""
    z = r * r
    s = fma(z, fma(z, fma(z, _SIN[6], _SIN[5]), _SIN[4]), _SIN[3])
    s = fma(z, fma(z, fma(z, s, _SIN[2]), _SIN[1]), _SIN[0])
    c = fma(z, fma(z, fma(z, _COS[5], _COS[4]), _COS[3]), _COS[2])
    c = fma(z, fma(z, c, _COS[1]), _COS[0])
    return fma(z * r, s, fma(-0.5 * z, rest, rest)), fma(z * z, c, -r * rest), z


def _quadrant(r: Number, rest: Number, k: Number) -> Number:
    """``sin(k pi/2 + r)``."""
    s, c, z = _circular(r, rest)
    half = 0.5 * z
    one = 1.0 - half
    y = select((k & 1) > 0, one + (((1.0 - one) - half) + c), r + s)
    return from_bits(bits(y) ^ ((k & 2) << 62))


@elementary
def sin(x: Number) -> Number:
    """``math.sin``."""
    n, r, rest = _within_octant(x)
    y = _quadrant(r, rest, low_bits(n))
    return exceptional("sin", abs(x) - _LARGE, select(abs(x) < 1e-300, x, y), x)


@elementary
def cos(x: Number) -> Number:
    """``math.cos``."""
    n, r, rest = _within_octant(x)
    return exceptional("cos", abs(x) - _LARGE, _quadrant(r, rest, low_bits(n) + 1), x)


@elementary
def tan(x: Number) -> Number:
    """``math.tan``."""
    n, r, rest = _within_octant(x)
    s, c, z = _circular(r, rest)
    half = 0.5 * z
    one = 1.0 - half
    c_low = ((1.0 - one) - half) + (c - 0.5 * residual(r, r, z))
    sin_high, cos_high = r + s, one + c_low
    sin_low, cos_low = (r - sin_high) + s, (one - cos_high) + c_low
    odd = (low_bits(n) & 1) > 0
    a, a_low = select(odd, -cos_high, sin_high), select(odd, -cos_low, sin_low)
    b, b_low = select(odd, sin_high, cos_high), select(odd, sin_low, cos_low)
    y = a / b
    y = y + (residual(-y, b, -a) + (a_low - y * b_low)) / b
    return exceptional("tan", abs(x) - _LARGE, select(abs(x) < 1e-300, x, y), x)
