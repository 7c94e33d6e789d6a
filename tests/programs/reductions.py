"""``np.sum``, ``mean``, ``dot``, ``@``, ``outer``, ``trace``, ``min``, ``max`` and elementwise functions."""

import numpy as np

from tests.programs.registry import grid, program, ramp, wave


@program(lambda: (wave(4), ramp(4)))
def weighted_mean(x, w):
    return np.sum(w * x) / np.sum(w) + np.mean(x * x)


@program(lambda: (wave(5),))
def variance_and_skew(x):
    m = np.mean(x)
    d = x - m
    v = np.mean(d * d)
    return np.mean(d**3) / v**1.5


@program(lambda: (wave(3), wave(3, 1.2)))
def cosine_similarity(a, b):
    return np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b))


@program(lambda: (grid(2, 3), wave(3), wave(2, 0.8)))
def bilinear_form(a, x, y):
    return y @ (a @ x) + np.dot(y, a[:, 0])


@program(lambda: (grid(2, 3), grid(3, 2, 1.0)))
def matrix_product(a, b):
    c = a @ b
    return np.trace(c) + np.sum(c * c)


@program(lambda: (grid(2, 2),))
def matrix_powers(a):
    p = a
    for _ in range(3):
        p = p @ a + a
    return np.trace(p)


@program(lambda: (wave(2), wave(3, 1.0)))
def outer_product(x, y):
    o = np.outer(x, y)
    o[0, 1] *= 2.0
    return np.sum(o * o)


@program(lambda: (wave(5),))
def spread(x):
    return (np.max(x) - np.min(x)) * np.max(x * x)


@program(lambda: (wave(5),))
def softmax_entropy(x):
    e = np.exp(x - np.max(x))
    p = e / np.sum(e)
    return -np.sum(p * np.log(p))


@program(lambda: (grid(2, 3),))
def gram_matrix(a):
    g = a.T @ a
    return np.trace(g @ g)


@program(lambda: (wave(4, 0.2),))
def circular_functions(x):
    return np.sum(np.sin(x) * np.cos(x) + np.tan(x / 2) - np.arctan(x))


@program(lambda: (wave(4, 0.2) / 2,))
def inverse_functions(x):
    return np.sum(np.arcsin(x) + np.arccos(x) * x + np.arcsinh(x) + np.arctanh(x))


@program(lambda: (wave(4, 0.2),))
def hyperbolic_functions(x):
    return np.sum(np.tanh(x) + np.sinh(x) / np.cosh(x) + np.arccosh(x + 3.0))


@program(lambda: (ramp(4),))
def exponentials(x):
    return np.sum(np.exp(-x) + np.expm1(x) * np.log(x) + np.log1p(x) * np.exp2(x))


@program(lambda: (ramp(4),))
def roots_and_logarithms(x):
    return np.sum(np.sqrt(x) * np.log2(x) + np.log10(x) - np.square(x) + np.reciprocal(x))


@program(lambda: (wave(4), wave(4, 1.4)))
def two_argument_functions(x, y):
    return np.sum(np.hypot(x, y) + np.arctan2(y, x) + np.logaddexp(x, y) + np.power(x + 2.0, y))


@program(lambda: (wave(5), 0.35))
def clipped(x, c):
    return np.sum(np.maximum(x, c) * np.minimum(x, 0.9) + np.abs(x) * np.sign(x))


@program(lambda: (wave(5) * 4.0,))
def stepwise_functions(x):
    return np.sum(x * np.floor(x) + np.ceil(x) * x * x)


@program(lambda: (wave(4), 1.4, 3))
def arrays_with_scalars(x, c, n):
    y = c - x
    z = (x + 2.0) / y
    w = z**n - c**x + (x + 2.0) ** c
    return np.sum(-w * 2 + n / (x + 3.0))


@program(lambda: (grid(2, 3), wave(3), 0.4))
def dense_layer(w, x, b):
    h = np.tanh(w @ x + b)
    return np.sum(h * h) + np.mean(h)


@program(lambda: (wave(3), grid(2, 3), ramp(2)))
def least_squares(p, a, y):
    r = a @ p - y
    return 0.5 * r @ r


@program(lambda: (wave(4),), whole=True)
def normalised(x):
    return x / np.sqrt(np.sum(x * x))


@program(lambda: (grid(2, 3), grid(3, 2, 1.0)), whole=True)
def commutator_like(a, b):
    return b.T * 2.0 - a * np.sum(a @ b)


@program(lambda: (grid(3, 3), wave(3)))
def power_iteration(a, x):
    for _ in range(3):
        y = a @ x
        x = y / np.sqrt(y @ y)
    return x @ (a @ x)
