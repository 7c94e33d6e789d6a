"""The user's own functions: helpers that compute, mutate, call each other and themselves."""

import functools
import math

import numpy as np
from numba import njit

from tests.programs.registry import grid, program, wave


def _square(x):
    return x * x


def _scaled(x, factor=2.0, *, shift=0.5):
    return factor * x + shift


def _clip(x, low, high):
    if x < low:
        return low
    if x > high:
        return high
    return x


def _sum_of_squares(x):
    s = 0.0
    for v in x:
        s += v * v
    return s


def _double_in_place(x):
    for i in range(x.size):
        x[i] = 2.0 * x[i] + x[0]


def _double_then_square(x):
    _double_in_place(x)
    x *= x


def _polar(x, y):
    return math.hypot(x, y), math.atan2(y, x)


def _power(x, n):
    if n == 0:
        return 1.0
    if n % 2 == 1:
        return x * _power(x, n - 1)
    half = _power(x, n // 2)
    return half * half


def _accumulate(x, i, total):
    if i == x.size:
        return total
    x[i] *= total + 1.0
    return _accumulate(x, i + 1, total + x[i])


def _even(x, n):
    return x if n == 0 else _odd(x * 1.1, n - 1)


def _odd(x, n):
    return -x if n == 0 else _even(x * x, n - 1)


def _returns_its_argument(x):
    x[0] += 1.0
    return x


def _new_array(x, c):
    y = np.zeros_like(x)
    for i in range(x.size):
        y[i] = c * x[i]
    return y


def _augment_then_rebind(v):
    v += 1.0
    v = v * 2.0
    return v


@njit
def _compiled_helper(a, b):
    return a * math.exp(-b)


@njit
def _compiled_mutator(x, c):
    for i in range(x.shape[0]):
        x[i] += c * x[i] * x[i]


SCALE = 1.75
WEIGHTS = np.array([0.5, -1.5, 2.0])


@program(lambda: (0.7, 1.3))
def nested_calls(x, y):
    return _square(_square(x) + y) * _square(y)


@program(lambda: (0.7,))
def defaults_and_keywords(x):
    return _scaled(x) * _scaled(x, 3.0) + _scaled(factor=x, x=0.5) + _scaled(x, shift=x)


@program(lambda: (0.7,), lambda: (-2.7,), lambda: (2.7,))
def helper_with_returns(x):
    return _clip(x * x, -1.0, 1.0) + _clip(x, -1.0, 1.5) * x


@program(lambda: (wave(4),))
def array_helper(x):
    return _sum_of_squares(x) * _sum_of_squares(x[1:3])


@program(lambda: (wave(3),))
def helper_mutates(x):
    _double_in_place(x)
    return x[0] * x[1] + x[2]


@program(lambda: (wave(3), 2), lambda: (wave(3), 0))
def helper_mutates_in_a_loop(x, n):
    s = 0.0
    for _ in range(n):
        _double_then_square(x)
        s += x[1]
    return s + x[0] * x[2]


@program(lambda: (grid(2, 3),))
def helper_mutates_a_row(a):
    _double_in_place(a[1])
    _double_in_place(a[:, 0])
    return np.sum(a * a)


@program(lambda: (0.7, 1.3))
def helper_returns_a_pair(x, y):
    r, angle = _polar(x, y)
    pair = _polar(r, angle)
    return pair[0] * pair[1]


@program(lambda: (1.3, 5), lambda: (1.3, 0))
def recursion(x, n):
    return _power(x, n) * x


@program(lambda: (wave(3),))
def recursion_that_mutates(x):
    s = _accumulate(x, 0, 0.5)
    return s * x[2]


@program(lambda: (0.9, 4), lambda: (0.9, 1))
def mutual_recursion(x, n):
    return _even(x, n) * x


@program(lambda: (1.2, 3))
def factorial_like(x, n):
    if n <= 1:
        return x
    return (n + x) * factorial_like(x * 0.5, n - 1)


@program(lambda: (wave(3),))
def argument_comes_back(x):
    y = _returns_its_argument(x)
    y[1] = y[0] * 2.0
    return np.sum(x * x)


@program(lambda: (wave(3), 0.4))
def helper_makes_arrays(x, c):
    y = _new_array(_new_array(x, c), x[0])
    return np.sum(y * x)


@program(lambda: (wave(3),))
def helper_augments_then_rebinds(x):
    y = x * 1.0
    z = _augment_then_rebind(y)
    return np.sum(y * z * x)


@program(lambda: (0.8, 0.3))
def compiled_helper(a, b):
    return _compiled_helper(a, b) * _compiled_helper(b, a)


@program(lambda: (wave(3), 0.3))
def compiled_mutator(x, c):
    _compiled_mutator(x, c)
    _compiled_mutator(x[1:], 2.0 * c)
    return np.sum(x)


@program(lambda: (wave(3), 0.3))
@njit
def compiled_program(x, c):
    s = 0.0
    for i in range(x.shape[0]):
        s = math.sin(s + c * x[i])
    return s


@program(lambda: (wave(3),))
def globals_read(x):
    s = 0.0
    for i in range(WEIGHTS.size):
        s += WEIGHTS[i] * x[i] ** 2 * SCALE
    return s


@program(lambda: (0.4,))
def nested_function(x):
    def inner(y):
        return y * y + x

    return inner(x) * inner(2.0)


@program(lambda: (0.4, 1.2), kwargs={"power": 3})
def keyword_only(x, y=1.0, *, power=2):
    return x**power * y


@program(lambda: (1.4,))
def default_argument(x, factor=3.0):
    return x * factor * x


@program(lambda: (wave(3), wave(3, 1.0), 0.3), outputs=("x",))
def procedure_calls_procedure(x, y, c):
    _compiled_mutator(y, c)
    _double_in_place(x)
    for i in range(x.size):
        x[i] += y[i]


@program(lambda: (0.4, 0.9))
def defaults_of_a_moment(x, y):
    def g(u, v=y):
        return u * v

    scale = x * y
    fs = [lambda u, k=scale: u * k]
    y = 5.0
    scale = 100.0
    return g(x) + fs[0](x) + y * scale * x


@program(lambda: (0.4, 0.9))
def tuple_of_a_moment(x, y):
    s = 0.0
    for v in (x, y, x * y):
        x = x + 2.0 * v
        y = y * v
        s += v * x
    return s + y


@functools.lru_cache
def remembered(x, k):
    return math.sin(x) * k


@program(lambda: (0.7, 3), oracle="differences", cross_checked=False)
def function_that_remembers(x, n):
    s = 0.0
    for k in range(n):
        s += remembered(x, k) * remembered(x, 1)
    return s


def cubic(x, a, b, c):
    return a * x * x + b * x + c


def decay(t, *p):
    return p[0] * math.exp(-p[1] * t) + sum(p[2:])


@program(lambda: (np.array([0.2, 0.5, 0.9]), wave(3)))
def parameters_in_an_array(xs, p):
    s = 0.0
    for x in xs:
        s += cubic(x, *p) ** 2 + cubic(x, x, *p[1:]) + decay(x, *p)
    return s + np.hypot(*p[:2]) + max(*p) + cubic(0.5, *p[:2], c=p[2] ** 2)


@program(lambda: (wave(3),))
def arguments_before_they_are_written(p):
    p = p.copy()

    def shift():
        p[0] = 7.0
        return p[1]

    first = cubic(*p, shift())
    listed = [*p, shift() * p[2], *p]
    return first + sum(v * k for k, v in enumerate(listed))


@program(lambda: (wave(3), 4), lambda: (wave(5), 2))
def lists_end_to_end(p, n):
    squares = []
    for v in p:
        squares.append(v * v)
    both = [0.5, *squares] + [p[0]] + squares
    both.append(p[-1])
    both[1] = both[-1] * 3.0
    rows = [*range(n), 1]
    return sum(v * v for v in both) * decay(0.3, *squares) + sum(rows) * len(both)
