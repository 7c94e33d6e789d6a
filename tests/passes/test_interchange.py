"""Loops interchanged: which, and that values and gradients are what they were.

The oracle is central differences of the function as Python runs it (``slopes_agree``).
"""

import math
import re

import numpy as np
import pytest

from srcad import value_and_grad
from tests.passes.support import INTEGER, IV, M, V, gradient_text, slopes_agree

ROW = re.compile(r"_row = np.empty\(")


def forward(a, x, n):
    """A vector times a matrix, in a loop over time, with other statements around it."""
    now, new = x.copy(), np.empty(a.shape[1])
    total = 0.0
    for t in range(n):
        scale = 0.0
        for j in range(a.shape[1]):
            s = 0.0
            for i in range(a.shape[0]):
                s += now[i] * a[i, j]
            new[j] = math.tanh(s) * x[j]
            scale += new[j] * new[j]
        for j in range(a.shape[1]):
            now[j] = new[j] / scale
        total += math.log(scale)
    return total


def in_place(a, x, n):
    """The sums are stored where they are made."""
    y = np.empty(a.shape[1])
    for _ in range(n):
        for j in range(a.shape[1]):
            y[j] = 0.0
            for i in range(a.shape[0]):
                y[j] += x[i] * a[i, j]
        for j in range(x.size):
            x[j] = math.sin(y[j])
    return np.sum(x * x)


def product(a, x, n):
    """A product of two matrices in three loops."""
    c = np.zeros(a.shape)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            s = 0.1 * n
            for k in range(a.shape[0]):
                s += a[i, k] * a[k, j]
            c[i, j] = s * x[j]
    return np.sum(c * c)


def shifted(a, x, n):
    """Columns from 1 on, two sums, a variable of the inner loop."""
    total = 0.0
    for j in range(1, a.shape[1]):
        s = 0.0
        r = 1.0
        for i in range(a.shape[0]):
            w = x[i] * n
            s += w * a[i, j]
            r -= w * a[i, j - 1] * a[i, j]
        total += s * r * x[j]
    return total


CHANGED = [forward, in_place, product, shifted]


def reads_what_it_writes(a, x, n):
    """The vector changes while it is multiplied."""
    for _ in range(n):
        for j in range(a.shape[1]):
            s = 0.0
            for i in range(a.shape[0]):
                s += x[i] * a[i, j]
            x[j] = math.sin(s)
    return np.sum(x)


def along_rows(a, x, n):
    for _ in range(n):
        y = x.copy()
        for j in range(a.shape[0]):
            s = 0.0
            for i in range(a.shape[1]):
                s += y[i] * a[j, i]
            x[j] = math.sin(s)
    return np.sum(x)


def triangle(a, x, n):
    """The rows that are summed hang on the column."""
    y = x.copy()
    for j in range(a.shape[1]):
        s = 0.0
        for i in range(j):
            s += x[i] * a[i, j]
        y[j] = s * n
    return np.sum(y * y)


def carried(a, x, n):
    """The sum goes on from one column to the next."""
    s = 0.0
    total = 0.0
    for j in range(a.shape[1]):
        for i in range(a.shape[0]):
            s += x[i] * a[i, j]
        total += s * s * n
    return total


def counter_read(a, x, n):
    """The counter of the inner loop is read after it."""
    total = 0.0
    i = 0
    for j in range(a.shape[1]):
        s = 0.0
        for i in range(a.shape[0]):
            s += x[i] * a[i, j]
        total += s * s * i
    return total + i * n


def temporary_read(a, x, n):
    """What the inner loop assigned last is read after it."""
    total = 0.0
    w = 0.0
    for j in range(a.shape[1]):
        s = 0.0
        for i in range(a.shape[0]):
            w = x[i] * a[i, j]
            s += w
        total += s * s * n
    return total + w * w


def hangs_on_the_column(a, x, n):
    """What is summed uses a number of the column."""
    total = 0.0
    for j in range(a.shape[1]):
        c = x[j] * n
        s = 0.0
        for i in range(a.shape[0]):
            s += c * a[i, j] * a[i, j]
        total += math.sin(s)
    return total


def written_between(a, x, n):
    """The matrix changes from one column to the next."""
    for _ in range(n):
        for j in range(1, a.shape[1]):
            s = 0.0
            for i in range(a.shape[0]):
                s += x[i] * a[i, j - 1]
            a[0, j] = math.sin(s)
    return np.sum(a)


LEFT = [
    reads_what_it_writes,
    along_rows,
    triangle,
    carried,
    counter_read,
    temporary_read,
    hangs_on_the_column,
    written_between,
]


@pytest.mark.parametrize("f", CHANGED)
def test_rows(f):
    assert ROW.search(gradient_text(f, (M, V, INTEGER), "a", "x"))


@pytest.mark.parametrize("f", LEFT)
def test_left_alone(f):
    assert not ROW.search(gradient_text(f, (M, V, INTEGER), "a", "x"))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("f", [*CHANGED, *LEFT])
def test_same_value_and_gradient(f):
    random = np.random.default_rng(3)
    a, x = random.normal(size=(3, 3)), 0.5 + random.random(3)
    slopes_agree(f, (a, x, 3), wrt=("a", "x"))
    value, _ = value_and_grad(f, wrt="a")(a, x, 3)
    assert value == pytest.approx(f(a.copy(), x.copy(), 3), rel=1e-14)


def checked(a, x, k):
    """An index that may be out of range, once the sum is known."""
    total = 0.0
    for j in range(a.shape[1]):
        s = 0.0
        for i in range(a.shape[0]):
            s += x[i] * a[i, j]
        total += s * x[k[j]]
    return total


def test_errors_are_raised():
    assert ROW.search(gradient_text(checked, (M, V, IV), "a"))
    a, x = np.ones((3, 3)), np.ones(3)
    gradient = value_and_grad(checked, wrt="a")
    assert gradient(a, x, np.array([0, 2, 1]))[0] == 9.0
    with pytest.raises(IndexError, match="x"):
        gradient(a, x, np.array([0, 1, 3]))


def test_empty():
    value, (a_b, x_b) = value_and_grad(product, wrt=("a", "x"))(np.zeros((0, 0)), np.zeros(0), 2)
    assert value == 0.0
    assert a_b.shape == (0, 0)
    assert x_b.shape == (0,)
