"""Straight-line scalar code: operators, the functions of ``math``, assignment in all its forms."""

import math
from math import cos, exp, sqrt

import numpy as np

from tests.programs.registry import program

GRAVITY = 9.81


@program(lambda: (0.7,), lambda: (-1.2,))
def polynomial(x):
    return 3.0 * x**3 - 2 * x**2 + x / 4 - 1


@program(lambda: (1.3, 0.4), lambda: (2.0, -1.5))
def quotient(x, y):
    return (x - y) / (x * x + y * y + 1.0)


@program(lambda: (1.3, 2.4))
def power_of_both(x, y):
    return x**y + y**x - x**-2


@program(lambda: (0.6,), lambda: (-0.6,))
def circular(x):
    return math.sin(x) * math.cos(2.0 * x) + math.tan(x / 3.0)


@program(lambda: (0.35,), lambda: (-0.8,))
def inverse_circular(x):
    return math.asin(x) + math.acos(x * 0.5) * math.atan(3.0 * x)


@program(lambda: (0.35,), lambda: (-0.8,))
def hyperbolic(x):
    return math.sinh(x) / math.cosh(x) + math.tanh(x) * math.asinh(x) - math.atanh(x * x)


@program(lambda: (1.8,), lambda: (3.1,))
def area_hyperbolic(x):
    return math.acosh(x) * x


@program(lambda: (0.9,), lambda: (2.2,))
def logarithms(x):
    return math.log(x) + math.log10(x + 1.0) * math.log2(x + 2.0) + math.log1p(x) * math.expm1(-x)


@program(lambda: (0.4, -1.1), lambda: (-0.4, 1.1), lambda: (-0.9, -0.2))
def angles(x, y):
    r = math.hypot(x, y)
    a = math.atan2(y, x)
    return r * a + math.radians(x) * math.degrees(y)


@program(lambda: (0.4,), lambda: (-1.3,))
def error_function(x):
    return math.erf(x) * x + math.erfc(x * 0.5)


@program(lambda: (2.4,), lambda: (0.7,))
def gamma_function(x):
    return math.lgamma(x + 1.0) + 0.1 * math.gamma(x)


@program(lambda: (1.4, 0.3), lambda: (1.4, -0.3))
def signs(x, y):
    return math.copysign(x * x, y) + math.fabs(y) * x + abs(x - 3.0)


@program(lambda: (2.7,), lambda: (-2.7,))
def rounding(x):
    return x * math.floor(x) + math.ceil(x) * x * x - int(x) * x


@program(lambda: (5.3, 1.4), lambda: (7.9, 2.1))
def remainders(x, m):
    return x % m + math.fmod(x, m) * m + (x // m) * x


@program(lambda: (0.8,), lambda: (1.9,))
def imported_names(x):
    return sqrt(x) * exp(-x) + cos(x) * math.pi - math.e * x


@program(lambda: (1.2, 20.0), lambda: (0.4, 5.0))
def projectile(angle, speed):
    flight = 2.0 * speed * math.sin(angle) / GRAVITY
    reach = speed * math.cos(angle) * flight
    height = speed**2 * math.sin(angle) ** 2 / (2 * GRAVITY)
    return reach - 0.3 * height


@program(lambda: (0.7, -0.2))
def assigned_many_times(x, y):
    x = x * y
    y = x + y
    x = math.sin(x) * y
    y = y * y
    x = x - y
    return x * y


@program(lambda: (0.7, -0.2))
def augmented(x, y):
    z = x
    z += y * x
    z *= z
    z -= x / 3.0
    z /= 2.0 + y
    z **= 2
    return z


@program(lambda: (0.7, -0.2, 1.4))
def rotate_names(a, b, c):
    a, b, c = b, c, a
    a, b = b * a, a + c
    return a * b - c * c


@program(lambda: (0.6,))
def chained_targets(x):
    a = b = x * x
    a += 1.0
    b *= a
    return a * b


@program(lambda: (1.5, 3), lambda: (-0.5, 2))
def integers_beside_floats(x, n):
    k = n * n + 1
    half = k / 2
    k //= 2
    return x**n * k + half * x - (n % 2) * x


@program(lambda: (1.5, True), lambda: (1.5, False))
def booleans_as_numbers(x, on):
    return x * on + (1 - on) * x * x + (x > 1.0) * x**3


@program(lambda: (0.3, 0.9), lambda: (1.9, 0.2))
def unused_values(x, y):
    a = x * y
    b = math.exp(a)
    a = x + 2.0
    c = b * 0.0
    return a * a + c


@program(lambda: (0.3,))
def same_argument_twice(x):
    return math.atan2(x, x + 1.0) + x * x * x + math.hypot(x, x) / x


@program(lambda: (0.9,), lambda: (-0.4,))
def names_like_the_compilers(x):
    x_b = x * x
    s_tape = math.sin(x_b)
    x_d = s_tape * x
    np_zeros = x_d + x_b
    return np_zeros * s_tape


@program(lambda: (0.9, 0.2))
def no_dependence_on_one(x, y):
    y = 2.0
    return x * y


@program(lambda: (0.9,))
def numpy_on_scalars(x):
    return np.sin(x) * np.exp(-x) + np.sqrt(x) * np.maximum(x, 0.5) + np.pi


@program(lambda: (300.0, 0.04), lambda: (250.0, 0.02))
def van_der_waals(t, v):
    r, a, b = 8.314, 0.1382, 3.19e-5
    return r * t / (v - b) - a / v**2


@program(lambda: (-0.7, 0.4), lambda: (0.7, 2.4))
def sigmoid_loss(w, y):
    p = 1.0 / (1.0 + math.exp(-w))
    return -(y * math.log(p) + (1.0 - y) * math.log(1.0 - p))


@program(lambda: (100.0, 95.0, 0.02, 0.25, 1.0), lambda: (90.0, 110.0, 0.05, 0.4, 0.5))
def black_scholes(spot, strike, rate, volatility, maturity):
    root = volatility * math.sqrt(maturity)
    d1 = (math.log(spot / strike) + (rate + 0.5 * volatility**2) * maturity) / root
    d2 = d1 - root
    n1 = 0.5 * math.erfc(-d1 / math.sqrt(2.0))
    n2 = 0.5 * math.erfc(-d2 / math.sqrt(2.0))
    return spot * n1 - strike * math.exp(-rate * maturity) * n2
