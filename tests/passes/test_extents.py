"""Lengths read by the names that programs have for them, and where they must not be."""

import numpy as np

import srcad
from tests import oracles
from tests.passes.support import INTEGER, M, V, gradient_text

X = np.array([0.3, 0.7, -0.5, 1.1])


def agrees(f, args):
    expected = oracles.complex_step(f, args, 0)
    for jit in (True, False):
        np.testing.assert_allclose(srcad.grad(f, jit=jit)(*args), expected, rtol=1e-12)


def test_a_length_with_a_name_is_read_by_it():
    def f(x, y, k):
        n = y.size
        s = 0.0
        for _ in range(k):
            for i in range(n):
                s += x[i] * x[i] * y[i]
            for i in range(y.shape[0]):
                s += x[i] ** 3
        return s * n

    text = gradient_text(f, (V, V, INTEGER), "x")
    assert text.count("y.shape[0]") == 1 and "range(n)" in text
    agrees(f, (X, np.cos(X), 2))


def test_a_name_that_changes_is_left():
    def f(x, k):
        n = x.shape[0]
        s = 0.0
        for i in range(x.shape[0]):
            s += x[i] * x[i] * n
        n -= k
        for i in range(x.shape[0]):
            s += x[i] ** 3 * n
        return s

    assert "range(n)" not in gradient_text(f, (V, INTEGER), "x")
    agrees(f, (X, 2))


def test_an_array_that_is_bound_anew_is_left():
    def f(x, k):
        y = x * 1.0
        n = y.shape[0]
        for _ in range(k):
            y = np.concatenate((y, y[:1] * 0.5))
        s = 0.0
        for i in range(y.shape[0]):
            s += y[i] * y[i] * n
        return s

    agrees(f, (X, 3))


def test_a_name_from_a_branch_is_left():
    def f(x, k):
        s = 0.0
        if k > 1:
            n = x.shape[0]
            s += n * x[0] * x[0]
        for i in range(x.shape[0]):
            s += x[i] ** 3
        return s

    assert "range(n)" not in gradient_text(f, (V, INTEGER), "x")
    agrees(f, (X, 3))
    agrees(f, (X, 0))


def test_both_lengths_of_a_matrix():
    def f(a):
        n, m = a.shape
        s = 0.0
        for i in range(a.shape[0]):
            for j in range(a.shape[1]):
                s += a[i, j] ** 2 * (n - m)
        return s

    text = gradient_text(f, (M,), "a")
    assert "range(n)" in text and "range(m)" in text
    agrees(f, (np.cos(np.arange(6.0)).reshape(2, 3),))
