"""Copies of rows that are read where they are, and those that must be copies."""

import numpy as np
import pytest

import srcad
from tests import oracles
from tests.passes.support import INTEGER, M, V, gradient_text, written

X = np.sin(np.arange(12.0)).reshape(3, 4)


def agrees(f, args, k=0):
    expected = oracles.complex_step(f, args, k)
    for jit in (True, False):
        np.testing.assert_allclose(srcad.grad(f, wrt=k, jit=jit)(*args), expected, rtol=1e-12)


def test_a_row_that_is_copied_is_read_where_it_is():
    def f(w, x):
        s = 0.0
        for k in range(x.shape[0]):
            row = x[k].copy()
            for i in range(row.size):
                s += w[i] * row[i] * row[-1]
        return s * s

    text = written(f, (V, M), ("w",), "jvp").text
    assert "row[" not in text and "x[k, -1]" in text
    w, direction = np.array([0.3, 0.7, -0.5, 1.1]), np.array([1.0, -0.5, 0.2, 0.1])
    _, along = srcad.jvp(f, (w, X), (direction, np.zeros_like(X)))
    gradient = oracles.complex_step(f, (w, X), 0)
    np.testing.assert_allclose(along, gradient @ direction, rtol=1e-12)
    agrees(f, (np.array([0.3, 0.7, -0.5, 1.1]), X))


def test_a_row_that_is_changed_is_a_copy():
    def f(w, x):
        s = 0.0
        for k in range(x.shape[0]):
            row = x[k].copy()
            row[0] = w[0]
            for i in range(row.size):
                s += w[i] * row[i]
        return s * s

    agrees(f, (np.array([0.3, 0.7, -0.5, 1.1]), X))


def test_a_matrix_that_is_changed_later_is_copied_from():
    def f(w, x):
        s = 0.0
        for k in range(x.shape[0]):
            row = x[k].copy()
            x[k, 1] = 0.5 * k
            for i in range(row.size):
                s += w[i] * row[i] + x[k, i]
        return s * s

    before = X.copy()
    agrees(f, (np.array([0.3, 0.7, -0.5, 1.1]), X.copy()))
    x = X.copy()
    srcad.grad(f)(np.ones(4), x)
    np.testing.assert_array_equal(x, before)


def test_a_counter_that_moves_on_is_copied_from():
    def f(w, x):
        s, k = 0.0, 0
        for _ in range(x.shape[0] // 2):
            row = x[k].copy()
            k += 2
            for i in range(row.size):
                s += w[i] * row[i]
        return s * s

    agrees(f, (np.array([0.3, 0.7, -0.5, 1.1]), X))


def test_a_row_that_is_kept_for_the_next_iteration():
    def f(w, x, n):
        last = x[0].copy()
        s = 0.0
        for k in range(n):
            for i in range(last.size):
                s += w[i] * last[i]
            last = x[k].copy()
        return s * s

    assert "last" in gradient_text(f, (V, M, INTEGER), "w")
    agrees(f, (np.array([0.3, 0.7, -0.5, 1.1]), X, 3))


def test_a_column_is_copied():
    def f(w, x):
        s = 0.0
        for k in range(x.shape[1]):
            column = x[:, k].copy()
            for i in range(column.size):
                s += w[i] * column[i] * column[0]
        return s * s

    agrees(f, (np.array([0.3, 0.7, -0.5]), X))


@pytest.mark.parametrize("view", [lambda x: x, lambda x: x[::-1, ::-1], lambda x: x.T.copy().T])
@pytest.mark.parametrize("parallel", [False, True])
def test_the_members_of_a_batch_read_their_rows(view, parallel):
    def f(x, y):
        return np.array([x[0] * x[1] * y[0], np.sin(x[-1]) / y[1], x[2] * y[0]])

    x, y = view(X), np.cos(X[:, :2])
    found = srcad.batch(srcad.jacobian(f, parallel=parallel), parallel=parallel)(x, y)
    for a, b, jacobian in zip(x, y, found, strict=True):
        expected = [
            [a[1] * b[0], a[0] * b[0], 0.0, 0.0],
            [0.0, 0.0, 0.0, np.cos(a[3]) / b[1]],
            [0.0, 0.0, b[0], 0.0],
        ]
        np.testing.assert_allclose(jacobian, expected, rtol=1e-13, atol=1e-15)
