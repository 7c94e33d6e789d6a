"""Stores reversed in terms of what they stored: where that saves something, and what it gives.

The oracle is central differences of the function as Python runs it (``slopes_agree``).
"""

import math

import numpy as np
import pytest

import srcad
from tests import oracles
from tests.passes.support import INTEGER, F, V, gradient_text, slopes_agree


def normalised(x, n):
    """The quotient is needed after it, the dividend is not."""
    v, w = x.copy(), np.empty_like(x)
    for _ in range(n):
        s = 0.0
        for i in range(x.size):
            w[i] = math.sin(v[i]) + 0.3 * v[i - 1]
            s += w[i] * w[i]
        for i in range(x.size):
            v[i] = w[i] / s
    return v[0]


def solved(x, n):
    """A sum in place that is then divided: nothing overwrites the result."""
    for i in range(x.size):
        for k in range(i):
            x[i] -= 0.3 * x[k] * x[k] * n
        x[i] /= 2.0 + x[0]
    return np.sum(x * x)


def roots(x, n):
    for _ in range(n):
        for i in range(x.size):
            x[i] = math.sqrt(1.0 + x[i] * x[i - 1])
    return np.sum(x)


def twice(x, n):
    """The element is written again, by its own result and by another one."""
    for _ in range(n):
        for i in range(x.size):
            x[i] = math.exp(-x[i] * x[i])
            x[i - 1] = x[i] / (1.0 + x[i - 1])
            x[i] = x[i - 1] / x[i]
    return np.sum(x)


def branches(x, n):
    for k in range(n):
        for i in range(x.size):
            if x[i] > 0.4:
                x[i] = math.tanh(x[i])
            else:
                x[i] = x[i] / (0.5 + x[i - 1] * k)
    return np.sum(x)


@pytest.mark.parametrize("f", [normalised, solved, roots, twice, branches])
def test_gradient(f):
    slopes_agree(f, (np.array([0.3, 1.2, 0.7, 0.45]), 3), wrt=("x",))


def reverse_sweep(text):
    return text.partition("# reverse sweep")[2]


def test_result_is_taken():
    assert "x_i = x[i]" in gradient_text(solved, (V, INTEGER), "x")


def test_not_where_the_element_has_been_put_back():
    """The step is run again from the state that it began with: the result is not there."""
    assert " = v[i]" not in reverse_sweep(gradient_text(normalised, (V, INTEGER), "x"))


def stable(x, w, n):
    """The operands are as they were: the quotient is computed again, and nothing saved."""
    y = np.empty_like(x)
    total = 0.0
    for k in range(n):
        for i in range(x.size):
            y[i] = w[i] / x[i]
        for i in range(x.size):
            total += y[i] * k
    return total


def test_result_is_not_saved():
    assert "_tape" not in gradient_text(stable, (V, V, INTEGER), "x", "w")
    x = np.array([0.3, 1.2, 0.7])
    slopes_agree(stable, (x, x[::-1].copy(), 3), wrt=("x", "w"))


def test_an_element_that_is_put_back_first_holds_no_result():
    """``y[i]`` is read by what is run again, so that the old one is there from the start."""

    def f(y, a, n):
        w = np.empty(3)
        v = np.zeros(3)
        for i in range(n - 1, -1, -1):
            for j in range(3):
                w[j] = y[i]
            for j in range(3):
                v[j] = a
            s = 0.0
            for j in range(3):
                s += v[j] * 0.5
            y[i] = math.tanh(s)
        return np.sum(y * y)

    def g(x, y, A, m):
        d = A.shape[1]
        s = A[m, 0]
        w = np.empty(d)
        v = np.zeros(d)
        for i in range(x.size - 1, -1, -1):
            for j in range(d):
                w[j] = y[i]
            for j in range(d):
                v[j] = s
            t = 0.0
            for j in range(d):
                t += v[j] * 0.5
            y[i] = math.tanh(t)
        return s + np.sum(y * y)

    y = np.array([0.3, 0.2, 0.4])
    for h, args, k in ((f, (y, 0.4, 3), 1), (g, (y, y + 0.1, np.full((3, 3), 0.3), 1), 2)):
        _, found = srcad.value_and_grad(h, wrt=k, jit=False)(*args)
        np.testing.assert_allclose(found, oracles.complex_step(h, args, k), rtol=1e-12, atol=1e-14)


def test_the_logistic_function_is_told_by_its_value():
    def f(x):
        return 1.0 / (1.0 + math.exp(-3.0 * x)) + 2.0 / (math.exp(x) + 1.0)

    def g(x):
        y = 1.0 / (math.exp(x) + 1.0)
        return y * y

    text = gradient_text(g, (F,), "x")
    assert "y * (1.0 - y)" in text
    for h in (f, g):
        for x in (-0.7, 0.0, 2.5):
            found = srcad.grad(h, jit=False)(x)
            np.testing.assert_allclose(found, oracles.complex_step(h, (x,), 0), rtol=1e-12)
    srcad.check_grads(g, (0.3,), order=2, jit=False)
    steep = srcad.grad(lambda x: 1.0 / (1.0 + np.exp(-x)))
    assert steep(-800.0) == steep(800.0) == 0.0  # where the exponential overflows
