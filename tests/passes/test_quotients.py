"""Quotients by what stays the same in a loop: which are freed, and that they are right."""

import math

import numpy as np
import pytest

import srcad
from tests import oracles
from tests.passes.support import INTEGER, F, V, is_exact, written
from tests.passes.test_strips import differences


def scaled(x, c):
    y = x * 1.0
    for i in range(x.size):
        y[i] = x[i] / c
    return np.sum(y * y)


def agrees(f, args, wrt):
    """The gradient against the complex step, compiled and as Python."""
    is_exact(f, args, *wrt, tolerance=(1e-12, 0.0))


X = np.array([0.3, 0.7, -0.5, 1.1, 0.2])


def test_an_adjoint_over_what_does_not_change_is_freed():
    text = written(scaled, (V, F), ("x", "c")).text
    assert text.count("over(") == 2 and "over(x[i], c)" in text
    agrees(scaled, (X, 0.7), wrt=("x", "c"))


def test_what_gives_the_value_keeps_the_quotients_of_the_program():
    text = written(scaled, (V, F), ("x", "c"), "value_and_gradient").text
    forward = text[text.index("# forward sweep") : text.index("# reverse sweep")]
    assert "x[i] / c" in forward and "over(" not in forward
    assert "over(" in text[text.index("# reverse sweep") :]
    value, _ = srcad.value_and_grad(scaled)(X, 0.7)
    assert value == scaled(X, 0.7)


def test_a_divisor_that_changes_is_left():
    def f(x, c):
        s = 0.0
        for i in range(x.size):
            s += x[i] / (c + x[i])
        return s

    assert "over(" not in written(f, (V, F), ("x", "c")).text
    agrees(f, (X, 0.7), wrt=("x", "c"))


def test_a_divisor_that_is_assigned_in_the_loop_is_left():
    def f(x, c):
        s = 0.0
        for i in range(x.size):
            s += x[i] / c
            c = c * 1.5
        return s

    assert "over(" not in written(f, (V, F), ("x", "c")).text
    agrees(f, (X, 0.7), wrt=("x", "c"))


def test_a_quotient_outside_of_loops_is_left():
    def f(x, c):
        return math.sin(x / c)

    assert "over(" not in written(f, (F, F), ("x", "c")).text


@pytest.mark.parametrize("how", ["int", "floor", "compare", "mod", "while"])
def test_where_a_digit_decides_the_program_divides(how):
    """0.3 / 0.1 is just below 3, and 0.3 times the reciprocal of 0.1 is 3."""

    def as_int(x, h):
        s = 0.0
        for i in range(x.size):
            k = int(x[i] / h)
            s += k * x[i]
        return s

    def floored(x, h):
        s = 0.0
        for i in range(x.size):
            s += math.floor(x[i] / h) * x[i]
        return s

    def compared(x, h):
        s = 0.0
        for i in range(x.size):
            y = x[i] / h
            s += 5.0 * x[i] if y >= 3.0 else x[i]
        return s

    def modulo(x, h):
        s = 0.0
        for i in range(x.size):
            s += (x[i] / h) % 1.0 * x[i]
        return s

    def counted(x, h):
        s = 0.0
        for i in range(x.size):
            y = x[i] / h
            while y >= 3.0:
                s += x[i]
                y -= 1.0
        return s

    cases = {"int": as_int, "floor": floored, "compare": compared, "mod": modulo, "while": counted}
    f = cases[how]
    x = np.array([0.3, 0.6, 0.7, 0.9])
    expected = {
        "int": [2.0, 5.0, 6.0, 9.0],
        "floor": [2.0, 5.0, 6.0, 9.0],
        "compare": [1.0, 5.0, 5.0, 5.0],
        "mod": [v / 0.1 % 1.0 + v / 0.1 for v in x.tolist()],
        "while": [0.0, 3.0, 4.0, 7.0],
    }
    for jit in (True, False):
        found = srcad.grad(f, jit=jit)(x, 0.1)
        np.testing.assert_allclose(found, expected[how], rtol=1e-12)
    assert "over(x[i], h)" not in written(f, (V, F), ("x",)).text


def test_a_zero_adjoint_wins_over_a_divisor_of_zero():
    def f(x, c):
        s = 0.0
        for i in range(x.size):
            y = x[i] / c
            s += 0.0 * y if i > 1 else x[i]
        return s

    for jit in (True, False):
        with np.errstate(all="ignore"):
            found = srcad.grad(f, jit=jit)(X, np.float64(0.0))
        np.testing.assert_array_equal(found, [1.0, 1.0, 0.0, 0.0, 0.0])


def test_single_precision_stays_single():
    def f(x, c):
        s = np.float32(0.0)
        for i in range(x.size):
            y = x[i] / c
            s += y * y * y
        return s

    x, c = X.astype(np.float32), np.float32(0.7)
    found = srcad.grad(f)(x, c)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, 3.0 * X**2 / 0.7**3, rtol=1e-5)


def test_complex_quotients_are_left():
    def f(x, c):
        y = x * (1.0 + 2.0j)
        for i in range(x.size):
            y[i] = y[i] * y[i] / c
        return np.sum(y.real * y.imag)

    found = srcad.grad(f)(X, 0.7)
    expected = differences(f, (X, 0.7), 0)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_tangents_are_freed_and_second_derivatives_are_right():
    def f(x, c, n):
        s = 0.0
        for _ in range(n):
            for i in range(x.size):
                s += math.sin(x[i] / c) * x[i]
        return s

    direction = np.linspace(-1.0, 1.0, X.size)
    found = srcad.hvp(f, (X, 0.7, 2), direction)
    second = np.cos(X / 0.7) * 2 / 0.7 - X * np.sin(X / 0.7) / 0.7**2
    np.testing.assert_allclose(found, 2 * second * direction, rtol=1e-12)
    assert "over(" in written(f, (V, F, INTEGER), ("x",), "hvp").text


def test_the_members_of_a_batch_of_jacobians():
    def f(x):
        return np.array([x[0] / x[2], x[1] / x[2] * x[0]])

    x = np.array([[0.3, 0.7, 0.5], [1.3, -0.7, 2.0]])
    found = srcad.batch(srcad.jacobian(f))(x)
    for (a, b, c), jacobian in zip(x, found, strict=True):
        expected = [[1 / c, 0.0, -a / c**2], [b / c, a / c, -a * b / c**2]]
        np.testing.assert_allclose(jacobian, expected, rtol=1e-13)


# ---------------------------------------------------------------- reciprocals of a vector


def columns(x, c, n):
    """The columns of a matrix over a vector, again and again."""
    y = x.copy()
    for _ in range(n):
        for i in range(x.shape[0]):
            for j in range(c.size):
                y[i, j] = y[i, j] * y[i, j] / c[j]
    return np.sum(y)


def moving(x, c, n):
    """The vector changes between the runs over the matrix, so that each has reciprocals anew."""
    y, w = x.copy(), c.copy()
    for _ in range(n):
        for i in range(x.shape[0]):
            for j in range(w.size):
                y[i, j] = y[i, j] / w[j]
        w[0] = w[0] * 1.5
        for j in range(w.size):
            w[j] += y[0, j]
    return np.sum(y * y)


def stepping(x, c, n):
    """The vector changes while the rows are divided by it."""
    w, s = c.copy(), 0.0
    for i in range(x.shape[0]):
        for j in range(w.size):
            w[j] = w[j] + x[i, j] / w[j]
        s += w[i % 2] * n
    return s


def exchanged(x, c, n):
    """The name of the divisor denotes another vector in each iteration."""
    w, v = c.copy(), c * 2.0
    s = 0.0
    for i in range(x.shape[0]):
        for j in range(w.size):
            s += x[i, j] * x[i, j] / w[j]
        w, v = v, w
    return s * n


WIDE = np.array([[0.3, 0.7, -0.5], [1.1, 0.2, 0.9]])


@pytest.mark.parametrize("f", [columns, moving, stepping, exchanged])
def test_rows_over_a_vector(f):
    c = np.array([1.5, 0.7, 2.0])
    g = srcad.grad(f, wrt=("x", "c"))
    text = g.source(WIDE, c, 2)
    assert ("_reciprocal" in text) == (f in (columns, moving))
    for n in (0, 1, 2):
        for k, found in enumerate(g(WIDE, c, n)):
            expected = oracles.complex_step(f, (WIDE, c, n), k)
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    if f is columns:
        assert g(np.zeros((0, 3)), c, 2)[0].shape == (0, 3)


def test_the_reciprocals_are_made_once_for_both_sweeps():
    text = srcad.grad(columns, wrt="x").source(WIDE, np.ones(3), 2)
    assert text.count("1.0 / ") == 1 and "seed * c_reciprocal[j]" in text


def test_a_zero_that_nobody_divides_by_does_no_harm():
    def f(x, c):
        s = 0.0
        for i in range(x.shape[0]):
            for j in range(c.size):
                if c[j] > 0.0:
                    s += x[i, j] * x[i, j] / c[j]
        return s

    c = np.array([1.5, 0.0, 2.0])
    for jit in (True, False):
        found = srcad.grad(f, wrt=("x", "c"), jit=jit)(WIDE, c)
        over = np.where(c > 0.0, 1.0 / np.where(c > 0.0, c, 1.0), 0.0)
        np.testing.assert_allclose(found[0], 2.0 * WIDE * over, rtol=1e-13)
        np.testing.assert_allclose(found[1], -np.sum(WIDE**2, axis=0) * over**2, rtol=1e-13)
