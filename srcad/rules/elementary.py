"""Derivatives of the elementary functions of ``math`` and NumPy."""

import math

import numpy as np

from srcad.rules.registry import partials
from srcad.runtime.special import digamma

# fmt: off
# ------------------------------------------------ powers and roots


@partials("math.sqrt", math.sqrt, np.sqrt, singular=True, holomorphic=True)
def _(y, x):                                      # sqrt'(0) = inf
    return 0.5 / y


@partials("np.cbrt", math.cbrt, np.cbrt, singular=True)
def _(y, x):
    return 1.0 / (3.0 * (y * y))


@partials("np.square", np.square, result="same", holomorphic=True)
def _(y, x):
    return 2.0 * x


@partials("np.reciprocal", np.reciprocal, holomorphic=True)
def _(y, x):
    return -(y * y)


@partials("math.hypot", math.hypot, np.hypot, singular=True)
def _(y, a, b):                                   # 0 at the origin
    return (0.0 if y == 0.0 else a / y), (0.0 if y == 0.0 else b / y)


# ------------------------------------------------ exponentials and logarithms


@partials("math.exp", math.exp, np.exp, holomorphic=True)
def _(y, x):
    return y


@partials("np.exp2", math.exp2, np.exp2, holomorphic=True)
def _(y, x):
    return y * 0.6931471805599453


@partials("math.expm1", math.expm1, np.expm1, holomorphic=True)
def _(y, x):                                      # y + 1, without its cancellation
    return math.exp(x)


@partials("math.log", math.log, np.log, singular=True, holomorphic=True)
def _(y, x):
    return 1.0 / x


@partials("math.log2", math.log2, np.log2, singular=True, holomorphic=True)
def _(y, x):
    return 1.0 / (x * 0.6931471805599453)


@partials("math.log10", math.log10, np.log10, singular=True, holomorphic=True)
def _(y, x):
    return 1.0 / (x * 2.302585092994046)


@partials("math.log1p", math.log1p, np.log1p, singular=True, holomorphic=True)
def _(y, x):
    return 1.0 / (1.0 + x)


@partials("np.logaddexp", np.logaddexp)
def _(y, a, b):                                   # y = log(e^a + e^b); 0 where a term is 0
    return (
        0.0 if a == -math.inf else
        1.0 / (1.0 + math.exp(b - a)) if a >= b else math.exp(a - b) / (1.0 + math.exp(a - b)),
        0.0 if b == -math.inf else
        1.0 / (1.0 + math.exp(a - b)) if b >= a else math.exp(b - a) / (1.0 + math.exp(b - a)),
    )


@partials("np.logaddexp2", np.logaddexp2)
def _(y, a, b):
    return (
        0.0 if a == -math.inf else
        1.0 / (1.0 + np.exp2(b - a)) if a >= b else np.exp2(a - b) / (1.0 + np.exp2(a - b)),
        0.0 if b == -math.inf else
        1.0 / (1.0 + np.exp2(a - b)) if b >= a else np.exp2(b - a) / (1.0 + np.exp2(b - a)),
    )


# ------------------------------------------------ trigonometry


@partials("math.sin", math.sin, np.sin, holomorphic=True)
def _(y, x):
    return math.cos(x)


@partials("math.cos", math.cos, np.cos, holomorphic=True)
def _(y, x):
    return -math.sin(x)


@partials("math.tan", math.tan, np.tan, holomorphic=True)
def _(y, x):
    return 1.0 + y * y


@partials("math.asin", math.asin, np.arcsin, singular=True, holomorphic=True)
def _(y, x):
    return 1.0 / math.sqrt((1.0 - x) * (1.0 + x))


@partials("math.acos", math.acos, np.arccos, singular=True, holomorphic=True)
def _(y, x):
    return -1.0 / math.sqrt((1.0 - x) * (1.0 + x))


@partials("math.atan", math.atan, np.arctan, holomorphic=True)
def _(y, x):
    return 1.0 / (1.0 + x * x)


@partials("math.atan2", math.atan2, np.arctan2, singular=True)
def _(y, a, b):                                   # b / (a^2 + b^2), -a / (a^2 + b^2)
    return (
        1.0 / (b + a * (a / b)) if abs(a) <= abs(b) else b / a / (a + b * (b / a)),
        -(a / b) / (b + a * (a / b)) if abs(a) <= abs(b) else -1.0 / (a + b * (b / a)),
    )


@partials("np.sinc", np.sinc)
def _(y, x):                                      # y = sin(pi x) / (pi x)
    return (
        x * (-3.289868133696453 + x * x * (3.2469697011334144 + x * x * (  # its series at 0
            -1.1445109447325053 + x * x * (0.2091827825412384 + x * x * (
                -0.023460810354558236 + x * x * (0.001781145516372852 + x * x * (
                    -9.766223126318933e-05 + x * x * 4.049947846619244e-06)))))))
        if abs(x) < 0.25
        else (math.cos(math.pi * x) - y) / x
    )


# ------------------------------------------------ hyperbolic functions


@partials("math.sinh", math.sinh, np.sinh, holomorphic=True)
def _(y, x):
    return math.cosh(x)


@partials("math.cosh", math.cosh, np.cosh, holomorphic=True)
def _(y, x):
    return math.sinh(x)


@partials("math.tanh", math.tanh, np.tanh, holomorphic=True)
def _(y, x):
    return 1.0 - y * y


@partials("math.asinh", math.asinh, np.arcsinh, holomorphic=True)
def _(y, x):
    return 1.0 / math.sqrt(x * x + 1.0)


@partials("math.acosh", math.acosh, np.arccosh, singular=True, holomorphic=True)
def _(y, x):                                      # two roots: the branch of complex numbers
    return 1.0 / (math.sqrt(x - 1.0) * math.sqrt(x + 1.0))


@partials("math.atanh", math.atanh, np.arctanh, singular=True, holomorphic=True)
def _(y, x):
    return 1.0 / ((1.0 - x) * (1.0 + x))


# ------------------------------------------------ angles, signs, special functions


@partials("math.radians", math.radians, np.radians, np.deg2rad)
def _(y, x):
    return 0.017453292519943295


@partials("math.degrees", math.degrees, np.degrees, np.rad2deg)
def _(y, x):
    return 57.29577951308232


@partials("math.copysign", math.copysign, np.copysign)
def _(y, a, b):                                   # 0 at a = 0
    return np.sign(a) * math.copysign(1.0, b), 0.0


@partials("math.erf", math.erf)
def _(y, x):                                      # 2 / sqrt(pi) e^(-x^2)
    return 1.1283791670955126 * math.exp(-(x * x))


@partials("math.erfc", math.erfc)
def _(y, x):
    return -1.1283791670955126 * math.exp(-(x * x))


@partials("math.gamma", math.gamma)
def _(y, x):
    return y * digamma(x)


@partials("math.lgamma", math.lgamma)
def _(y, x):
    return digamma(x)
