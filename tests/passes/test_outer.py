"""Outer products that are added several at a time: which, and that the gradient is right.

The oracle is central differences of the function as Python runs it.
"""

import math

import numpy as np
import pytest

import srcad
from srcad.ir.types import Array
from tests.passes.support import INTEGER, M, V, gradient_text
from tests.passes.test_strips import agrees

KEPT = "terms += 1"
CUBE = Array("float64", 3, (False, False, False))


def power(a, x, n):
    """Products in loops; the matrix is not square."""
    y = np.empty(a.shape[0])
    for _ in range(n):
        for i in range(a.shape[0]):
            s = 0.0
            for j in range(a.shape[1]):
                s += a[i, j] * x[j]
            y[i] = math.tanh(s)
        for j in range(a.shape[1]):
            x[j] = 0.5 * x[j] + y[j % a.shape[0]]
    return np.sum(x * x)


def transposed(a, x, n):
    y = np.empty(a.shape[1])
    for _ in range(n):
        for j in range(a.shape[1]):
            s = 0.0
            for i in range(a.shape[0]):
                s -= x[i] * a[i, j]
            y[j] = math.tanh(s)
        for i in range(a.shape[0]):
            x[i] = 0.5 * x[i] + y[i % a.shape[1]]
    return np.sum(x * x)


def products(a, x, n):
    for _ in range(n):
        x = np.tanh(a @ x)
    return np.sum(x * x)


def sometimes(a, x, n):
    for k in range(n):
        if x[0] > 0.1 * k:
            x = np.sin(a @ x)
    return np.sum(x * x)


def until_small(a, x, n):
    k = 0
    while np.sum(x * x) > 1e-3 and k < n:
        x = 0.5 * np.tanh(a @ x)
        k += 1
    return np.sum(x * x)


@pytest.mark.parametrize("f", [power, transposed, products, sometimes, until_small])
def test_products_are_kept(f):
    assert KEPT in gradient_text(f, (M, V, INTEGER), "a")
    random = np.random.default_rng(4)
    a = random.normal(size=(3, 3))
    for n in (0, 1, 7, 8, 9, 20):
        agrees(f, (a, random.normal(size=3), n), wrt=("a", "x"))


@pytest.mark.parametrize(("f", "size"), [(power, 4), (transposed, 2)])
def test_matrices_that_are_not_square(f, size):
    random = np.random.default_rng(4)
    agrees(f, (random.normal(size=(2, 4)), random.normal(size=size), 11), wrt=("a", "x"))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_matrices_without_elements(shape):
    for f, size in ((transposed, shape[0]), (products, shape[0])):
        if f is products and shape[0] != shape[1]:
            continue
        found = srcad.grad(f, wrt="a")(np.empty(shape), np.ones(size), 0)
        assert found.shape == shape


def layers(a, x, n):
    """Two matrices of one array, used from their second row and column on."""
    y = np.empty(x.size)
    for t in range(n):
        for k in range(2):
            for i in range(1, a.shape[1]):
                s = 0.0
                for j in range(1, a.shape[2]):
                    s += a[1 - k, i, j] * x[j]
                y[i] = math.tanh(s)
            for j in range(1, a.shape[2]):
                x[j] = 0.5 * x[j] + y[j] / (1.0 + t)
    return np.sum(x * x)


def fixed(a, x, n):
    y = np.empty(x.size)
    for _ in range(n):
        for i in range(1, a.shape[1]):
            s = 0.0
            for j in range(2, a.shape[2]):
                s += a[1, i, j] * x[j]
            y[i] = math.tanh(s)
        for j in range(1, a.shape[2]):
            x[j] = 0.5 * x[j] + y[j]
    return np.sum(x * x)


@pytest.mark.parametrize("f", [layers, fixed])
def test_a_part_of_an_array(f):
    random = np.random.default_rng(4)
    a, x = random.normal(size=(2, 4, 4)), random.normal(size=4)
    for n in (0, 3, 17):
        agrees(f, (a, x, n), wrt=("a", "x"))
    assert ("add_products(a_b_part" in gradient_text(f, (CUBE, V, INTEGER), "a")) is (f is fixed)


def test_factors_of_their_own_loops_only():
    """Each factor is taken where it is what it was: x is changed by the loop that is reversed."""

    def f(a, x, n):
        for _ in range(n):
            for i in range(a.shape[0]):
                s = 0.0
                for j in range(a.shape[1]):
                    s += a[i, j] * x[j]
                x[i] = math.sin(s)
        return np.sum(x * x)

    random = np.random.default_rng(4)
    agrees(f, (random.normal(size=(3, 3)), random.normal(size=3), 9), wrt=("a", "x"))


def test_a_matrix_that_is_changed_is_not():
    def f(a, x, n):
        for _ in range(n):
            x = np.tanh(a @ x)
            a = 0.5 * a
        return np.sum(x * x)

    random = np.random.default_rng(4)
    agrees(f, (random.normal(size=(3, 3)), random.normal(size=3), 9), wrt=("a", "x"))


def test_a_matrix_that_is_written_is_not():
    def f(a, x, n):
        for k in range(n):
            a[k % 3, 0] *= 1.5
            x = np.tanh(a @ x)
        return np.sum(x * x)

    assert KEPT not in gradient_text(f, (M, V, INTEGER), "a")
    random = np.random.default_rng(4)
    agrees(f, (random.normal(size=(3, 3)), random.normal(size=3), 9), wrt=("a", "x"))


def test_numbers_that_are_not_finite():
    x = np.array([np.inf, 1.0, np.nan])
    expected = np.outer([1.0, 1.0], x)

    def f(a, x):
        s = 0.0
        for _ in range(1):
            y = a @ x
            s += y[0] + y[1]
        return s

    np.testing.assert_array_equal(srcad.grad(f)(np.ones((2, 3)), x), expected)


def test_float32():
    random = np.random.default_rng(4)
    a, x = random.normal(size=(3, 3)), random.normal(size=3)
    found = srcad.grad(products)(a.astype(np.float32), x.astype(np.float32), 9)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, srcad.grad(products)(a, x, 9), rtol=1e-4, atol=1e-5)
