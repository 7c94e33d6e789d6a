"""Derivatives called from the user's own compiled code."""

import math

import numba
import numpy as np
import pytest
from numba.core.errors import TypingError

import srcad


def product(x, y, z):
    return math.sin(x) * y + z * x * x * y


def rosenbrock(x):
    s = 0.0
    for i in range(len(x) - 1):
        s += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return s


SLOPES = srcad.grad(product, wrt=(0, 1, 2))
DOWN = srcad.grad(rosenbrock)
BOTH = srcad.value_and_grad(rosenbrock)


@numba.njit
def sums(n):
    s = 0.0
    for i in range(n):
        a, b, c = SLOPES(0.1 + i, 0.3, s)
        s += a + b * c
    return s


@numba.njit
def descend(x, rate, n):
    x = x.copy()
    for _ in range(n):
        x -= rate * DOWN(x)
    return x


@numba.njit
def of_a_view(x):
    v, g = BOTH(x[::2])
    return v + g.sum()


def test_numbers():
    s = 0.0
    for i in range(3):
        x, y, z = 0.1 + i, 0.3, s
        a, b = math.cos(x) * y + 2 * z * x * y, math.sin(x) + z * x * x
        s += a + b * x * x * y
    assert sums(3) == pytest.approx(s, rel=1e-13)


def slope_by_hand(x):
    g = np.zeros_like(x)
    d = x[1:] - x[:-1] ** 2
    g[1:] += 200.0 * d
    g[:-1] += -400.0 * d * x[:-1] - 2.0 * (1.0 - x[:-1])
    return g


def test_arrays():
    start = np.array([0.5, 0.3, 0.2])
    x = start.copy()
    for _ in range(10):
        x -= 1e-3 * slope_by_hand(x)
    np.testing.assert_allclose(descend(start, 1e-3, 10), x, rtol=1e-12)
    np.testing.assert_array_equal(start, [0.5, 0.3, 0.2])
    points = np.linspace(0.0, 1.0, 6)
    wanted = rosenbrock(points[::2]) + slope_by_hand(points[::2]).sum()
    assert of_a_view(points) == pytest.approx(wanted, rel=1e-12)


def test_the_caller_is_differentiated():
    def far(x, rate):
        y = descend(x, rate, 5)
        return np.sum(y * y)

    x = np.array([0.5, 0.3, 0.2])
    gx, gr = srcad.grad(far, wrt=(0, 1), jit=False)(x, 1e-3)
    h = 1e-6
    assert gr == pytest.approx((far(x, 1e-3 + h) - far(x, 1e-3 - h)) / (2 * h), rel=1e-6)
    e = np.array([0.0, h, 0.0])
    assert gx[1] == pytest.approx((far(x + e, 1e-3) - far(x - e, 1e-3)) / (2 * h), rel=1e-6)


def test_what_it_does_not_take():
    @numba.njit
    def wrong(x):
        return DOWN(x, x)

    with pytest.raises(TypingError, match="takes 1 positional"):
        wrong(np.ones(2))


def test_exceptions():
    def f(x, k):
        return x[k] * x[0]

    g = srcad.grad(f)

    @numba.njit
    def call(x, k):
        return g(x, k)

    np.testing.assert_allclose(call(np.array([2.0, 3.0]), 1), [3.0, 2.0])
    with pytest.raises(IndexError):
        call(np.ones(2), 5)
