"""Zeros that are overwritten: where they are left out, and that the gradient is right.

The oracle is central differences of the function as Python runs it (``slopes_agree``).
"""

import math

import numpy as np
import pytest

from srcad import batch, grad, jacobian
from tests.passes.support import INTEGER, V, gradient_text, slopes_agree


def work_array(x, n):
    """A work array that each iteration fills from what it carries."""
    u = x.copy()
    w = np.zeros(x.size)
    total = 0.0
    for _ in range(n):
        s = 0.0
        for j in range(x.size):
            w[j] = math.sin(u[j]) * x[j]
            s += w[j] * w[j]
        for j in range(x.size):
            u[j] = w[j] / s
        total += u[0] * s
    return total


def part(x, n):
    """Not the same elements: the last one keeps what it is given."""
    u, w = x.copy(), np.zeros(x.size)
    for _ in range(n):
        for j in range(x.size - 1):
            w[j] = math.sin(u[j] * u[j])
        for j in range(x.size):
            u[j] = u[j] * 0.3 + w[j] * w[j - 1]
    return np.sum(u)


def shrinking(x, n):
    """Other elements in every iteration."""
    u, w = x.copy(), np.zeros(x.size)
    for t in range(n):
        for j in range(x.size - t):
            w[j] = math.sin(u[j] * u[j])
        for j in range(x.size - t):
            u[j] = u[j] * 0.3 + w[j] * w[j]
    return np.sum(u) + np.sum(w * u)


def from_the_end(x, n):
    """An index of -1: the last element is met twice."""
    u, w = x.copy(), np.zeros(x.size)
    for _ in range(n):
        for j in range(-1, x.size):
            w[j] = math.sin(u[j] * u[j] + w[j - 1])
        for j in range(-1, x.size):
            u[j] = u[j] * 0.3 + w[j] * w[j]
    return np.sum(u)


def conditional(x, n):
    u, w = x.copy(), np.zeros(x.size)
    for t in range(n):
        for j in range(x.size):
            if j != t:
                w[j] = math.sin(u[j] * u[j])
        for j in range(x.size):
            u[j] = u[j] * 0.3 + w[j] * w[j]
    return np.sum(u)


def read_after(x, n):
    u, w = x.copy(), np.zeros(x.size)
    for _ in range(n):
        for j in range(x.size):
            w[j] = math.sin(u[j] * u[j])
        for j in range(x.size):
            u[j] = u[j] * 0.3 + w[j] * w[j]
    return np.sum(u * w)


PROGRAMS = [work_array, part, shrinking, from_the_end, conditional, read_after]


@pytest.mark.parametrize("f", PROGRAMS)
def test_gradient(f):
    slopes_agree(f, (np.array([0.3, 1.2, 0.7, 0.45]), 3), wrt=("x",))


def test_assigned():
    text = gradient_text(work_array, (V, INTEGER), "x")
    reverse = text[text.index("for k in range(n - 1") :]
    assert "w_b[j] = 0.0" not in reverse
    assert "w_b[j] = " in reverse


def projected(p):
    """Elements by number, of an array that is longer, and one that is read twice."""
    a = math.sin(p[0]) * p[3]
    return np.array([a * p[1] + p[0], p[4] - a * p[3], p[1] * p[1]])


def few(p):
    """Not the first one; and elements by a variable."""
    s = 0.0
    for i in range(1, 3):
        s += p[i] ** 2
    return np.array([s * p[1], math.sqrt(s + 1.0) * p[4]])


@pytest.mark.parametrize("f", [projected, few])
@pytest.mark.parametrize("length", [5, 7])
def test_elements_by_number(f, length):
    """Every row of the Jacobian starts from zeros in one array that serves all of them."""
    points = np.random.default_rng(2).normal(size=(4, length))
    found = batch(jacobian(f, mode="rev"))(points)
    for point, rows in zip(points, found, strict=True):
        for k in range(length):
            step = np.zeros(length)
            step[k] = 1e-6
            expected = (f(point + step) - f(point - step)) / 2e-6
            np.testing.assert_allclose(rows[:, k], expected, rtol=2e-6, atol=1e-8)


def test_zeros_start_after_what_is_assigned():
    text = batch(jacobian(projected, mode="rev")).source(np.ones((4, 5)))
    assert "in range(2, p.shape[1])" in text  # elements 0 and 1 are assigned
    assert grad(work_array)(np.ones(3), 0).tolist() == [0.0, 0.0, 0.0]
