"""Shadows of periodic copies, gathered around the ends: for rings of any length."""

from typing import Any

import numpy as np
import pytest

import srcad
from tests import oracles


def rows(n):
    return np.random.default_rng(n).normal(size=n)


def agrees(function, *args, jit=False) -> str:
    """Compare a gradient with the complex step; its source."""
    derivative: Any = srcad.grad(function, jit=jit)
    np.testing.assert_allclose(
        derivative(*args), oracles.complex_step(function, args, 0), rtol=1e-10, atol=1e-12
    )
    return derivative.source(*args)


def slope(x, f):
    return (np.roll(x, -1) - np.roll(x, 2)) * np.roll(x, 1) - x + f


def midpoint(x, f, n):
    for _ in range(n):
        k = slope(x, f)
        x = x + 0.1 * slope(x + 0.05 * k, f)
    return np.sum(x * x)


def ahead(x, n):
    """The neighbours that are needed lie further in front than those that are read."""
    for _ in range(n):
        x = x + 0.1 * (np.roll(x, 1) - np.roll(x, -2)) * np.roll(x, -1)
    return np.sum(np.sin(x))


def linear(x, n):
    for _ in range(n):
        x = x + 0.1 * (np.roll(x, -1) - 2.0 * x + np.roll(x, 1))
    return np.sum(x**3)


def of_two(x, y, n):
    """Two rings, each with factors of the other."""
    for _ in range(n):
        a = np.roll(x, 1) * (np.roll(y, -1) - np.roll(y, 1))
        y = y + 0.1 * (np.roll(x, -1) - np.roll(x, 1)) * y
        x = x + 0.1 * a
    return np.sum(x * y)


def exponentials(x, n):
    for _ in range(n):
        x = x + 0.01 * np.exp(np.roll(x, -1) * np.roll(x, 1)) * np.roll(x, 2)
    return np.sum(x)


RINGS = [(midpoint, (8.0,)), (ahead, ()), (linear, ()), (exponentials, ())]


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 7])
@pytest.mark.parametrize(("function", "more"), RINGS)
def test_rings_of_any_length(function, more, n):
    for steps in (0, 3):
        source = agrees(function, rows(n), *more, steps)
        assert "_padded_b" not in source
        assert "_row[0] = " in source


@pytest.mark.parametrize("n", [1, 2, 5])
def test_two_rings(n):
    agrees(of_two, rows(n), rows(n + 1)[:n], 2)


def test_compiled():
    for n in (1, 2, 5, 21):
        agrees(midpoint, rows(n), 8.0, 3, jit=True)


def test_other_modes_and_kinds():
    x = rows(4)
    srcad.check_grads(midpoint, (x, 8.0, 2), order=2, jit=False)
    srcad.check_grads(ahead, (x + 0.3j * x[::-1], 2), modes=("rev",), jit=False)
    single = srcad.grad(linear, jit=False)(x.astype(np.float32), 2)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, srcad.grad(linear, jit=False)(x, 2), rtol=1e-4)


def in_a_branch(x, n):
    for _ in range(n):
        a, b = np.roll(x, 1), np.roll(x, -1)
        y = np.empty_like(x)
        for i in range(len(x)):
            y[i] = a[i] * b[i] if a[i] > 0.0 else x[i]
        x = x + 0.1 * y
    return np.sum(x * x)


def partly(x, n):
    for _ in range(n):
        a, b = np.roll(x, 1), np.roll(x, -1)
        for i in range(1, len(x)):
            x[i] = x[i] + 0.1 * a[i] * b[i]
    return np.sum(x * x)


def read_twice(x, n):
    for _ in range(n):
        a, b = np.roll(x, 1), np.roll(x, -1)
        s = np.sum(a * b)
        x = x + 0.1 * s * (a - b) * b
    return np.sum(x * x)


def kept_beside(x, n):
    s = 0.0
    for _ in range(n):
        y = 2.0 * x
        a, b = np.roll(y, 1), np.roll(y, -1)
        x = x + 0.1 * a * b * y
        s += y[0] * b[1]
    return np.sum(x * x) + s


@pytest.mark.parametrize("n", [2, 3, 6])
@pytest.mark.parametrize("function", [in_a_branch, partly, read_twice, kept_beside])
def test_others(function, n):
    agrees(function, rows(n), 3)


def test_varying_factors_are_kept():
    def f(x, c, n):
        for _ in range(n):
            x = x + c * (np.roll(x, -1) - np.roll(x, 1)) * np.roll(c, 1)
        return np.sum(x * x)

    for n in (1, 2, 5):
        x, c = rows(n), rows(n + 3)[:n]
        agrees(f, x, c, 3)
        expected = oracles.complex_step(f, (x, c, 3), 1)
        found = srcad.grad(f, wrt="c", jit=False)(x, c, 3)
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def overwritten(x, n):
    """An end is set after it was repeated; another element that others repeat is set as well."""
    for _ in range(n):
        p = np.empty(x.size + 2)
        p[1:-1] = x
        p[0] = x[-1]
        p[-1] = x[0]
        p[0] = 0.5
        p[2] = 0.25
        x = x + 0.1 * (p[2:] - p[:-2]) * p[1:-1]
    return np.sum(x * x)


def set_afterwards(x):
    y = x * 2.0
    y[0] = 5.0
    return np.sum(y * x)


def test_elements_that_are_set_and_no_ends():
    for n in (2, 3, 5):
        agrees(overwritten, rows(n), 3)
        agrees(set_afterwards, rows(n))
