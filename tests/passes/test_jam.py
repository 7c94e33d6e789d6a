"""Rows taken four at a time: which loops, and that the gradient is right for any number of rows.

The oracle is central differences of the function as Python runs it.
"""

import numpy as np
import pytest

import srcad
from tests.passes.support import INTEGER, M, V, gradient_text, written
from tests.passes.test_strips import agrees

JAMMED = "rest, 4):"


def product(a, x, n):
    y = np.zeros(a.shape[0])
    for i in range(max(0, n), a.shape[0]):
        s = 1.0
        for j in range(a.shape[1]):
            s += a[i, j] * x[j]
        y[i] = s * s
    return np.sum(y)


def transposed(a, x, n):
    y = np.zeros(a.shape[1])
    for i in range(max(0, n), a.shape[0]):
        w = x[1] * x[0]
        for j in range(a.shape[1]):
            y[j] += a[i, j] * w
            y[j] -= w
    return np.sum(y * y)


def three_loops(a, x, n):
    c = np.zeros((a.shape[0], a.shape[0]))
    for i in range(max(0, n), a.shape[0]):
        for j in range(a.shape[0]):
            s = 0.0
            for k in range(a.shape[1]):
                s += a[i, k] * a[j, k]
            c[i, j] = s * x[0]
    return np.sum(c * c)


def total(a, x, n):
    """A sum that goes on from row to row."""
    s = 0.0
    for i in range(max(0, n), a.shape[0]):
        r = 0.0
        for j in range(a.shape[1]):
            r += a[i, j] * x[j]
        s += r * r
    return s


def counted(a, x, n):
    """Each row adds the same number."""
    y = np.zeros(a.shape[1])
    s = 0.0
    for i in range(max(0, n), a.shape[0]):
        s += x[0]
        for j in range(a.shape[1]):
            y[j] += a[i, j]
    return np.sum(y * y) + s * s * s


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rows", [1, 3, 4, 5, 8, 11])
@pytest.mark.parametrize("f", [product, transposed, three_loops, total, counted])
def test_any_number_of_rows(f, rows):
    text = written(f, (M, V, INTEGER), ("a", "x"), "value_and_gradient").text
    assert JAMMED in text
    random = np.random.default_rng(rows)
    a, x = random.normal(size=(rows, 3)), random.normal(size=3)
    for start in (0, 1, rows, rows + 2):
        agrees(f, (a, x, start), wrt=("a", "x"))
        value, _ = srcad.value_and_grad(f, wrt=("a", "x"))(a, x, start)
        np.testing.assert_allclose(value, f(a, x, start), rtol=1e-13)


def test_sums_keep_their_order():
    """The value is that of Python, to the last bit."""
    random = np.random.default_rng(3)
    a, x = random.normal(size=(9, 30)), random.normal(size=30)
    value, _ = srcad.value_and_grad(total)(a, x, 0)
    assert value == total(a, x, 0)


def recurrence(a, x, n):
    """Each row needs the one before it."""
    for i in range(1, a.shape[0]):
        s = 0.0
        for j in range(a.shape[1]):
            s += a[i, j] * x[j]
        x[i % x.size] = s
    return np.sum(x * x)


def triangle(a, x, n):
    """Rows of different lengths."""
    y = np.zeros(a.shape[0])
    for i in range(a.shape[0]):
        s = 0.0
        for j in range(min(i, a.shape[1])):
            s += a[i, j] * x[j]
        y[i] = s
    return np.sum(y * y)


def division(a, x, n):
    y = np.zeros(a.shape[0])
    for i in range(a.shape[0]):
        s = 0.0
        for j in range(a.shape[1]):
            s += x[j] / (1.0 + a[i, j] * a[i, j])
        y[i] = s
    return np.sum(y)


def running(a, x, n):
    """A sum over all rows inside of the inner loop."""
    s, t = 1.0, 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            s += a[i, j] * x[j]
            t += s * s
    return t


@pytest.mark.parametrize("f", [recurrence, triangle, division, running])
def test_others_are_left_alone(f):
    assert JAMMED not in gradient_text(f, (M, V, INTEGER), "a", "x")
    random = np.random.default_rng(4)
    agrees(f, (random.normal(size=(6, 3)), random.normal(size=3), 0), wrt=("a", "x"))


def test_a_counter_that_is_read_later():
    def f(a, x):
        y = np.zeros(a.shape[0])
        for i in range(a.shape[0]):
            s = 0.0
            for j in range(a.shape[1]):
                s += a[i, j] * x[j]
            y[i] = s
        return y[i] * s + np.sum(y) + 0.0 * j

    random = np.random.default_rng(4)
    agrees(f, (random.normal(size=(6, 3)), random.normal(size=3)), wrt=("a", "x"))


def test_rows_that_are_exchanged():
    def f(a, x, n):
        y = np.zeros(x.size)
        for _ in range(n):
            for i in range(x.size):
                s = 0.0
                for j in range(x.size):
                    s += a[i, j] * x[j]
                y[i] = np.sin(s)
            x, y = y, x
        return np.sum(x)

    assert JAMMED in gradient_text(f, (M, V, INTEGER), "a", "x")
    random = np.random.default_rng(4)
    for n in (0, 1, 4):
        agrees(f, (random.normal(size=(7, 7)), random.normal(size=7), n), wrt=("a", "x"))


def test_without_numba_and_in_threads_it_is_as_it_was():
    x = np.ones(3)
    for options in ({"jit": False}, {"parallel": True}):
        assert JAMMED not in srcad.grad(product, **options).source(np.ones((4, 3)), x, 0)
