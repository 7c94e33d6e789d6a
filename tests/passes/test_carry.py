"""Elements that one iteration stores for the next: in variables, and where they have to stay."""

import math

import numpy as np
import pytest

import srcad
from tests.oracles import complex_step
from tests.passes.support import INTEGER, M, V, gradient_text, is_exact


def reverse(f, types, *wrt):
    text = gradient_text(f, types, *wrt)
    return text[text.index("# reverse sweep") :]


def field(n):
    return 0.5 + np.random.default_rng(n).random(n)


def recurrence(x, k):
    x = x.copy()
    for i in range(1, x.size):
        x[i] = x[i] * x[0] + k[i] * x[i - 1]
    return np.sum(x * x)


def test_the_last_element_is_stored_behind_the_loop():
    text = reverse(recurrence, (V, V), "k")
    assert "x_1_b_next = x_1_b[x.shape[0] - 1] if x.shape[0] - 1 > 0 else 0.0" in text
    assert "seed = x_1_b_next" in text
    assert "if x.shape[0] - 1 > 0:\n        x_1_b[0] = x_1_b_next" in text


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_short_recurrences(n):
    is_exact(recurrence, (field(n), field(n)), "x", "k")


def sweeps(u, f, n):
    """A sweep over a grid in place: the neighbours of the element are other elements."""
    u = u.copy()
    for _ in range(n):
        for i in range(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                u[i, j] = 0.3 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - f[i, j])
    return np.sum(u * u * u)


def test_neighbours():
    text = reverse(sweeps, (M, M, INTEGER), "f")
    assert "u_1_b_next = u_1_b[i, j - 1] + " in text
    assert "u_1_b[i, j - 1] += " not in text
    assert "u_1_b[i - 1, j] += " in text


@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (3, 3), (3, 5), (4, 4)])
def test_sweeps(shape):
    u = np.random.default_rng(1).random(shape)
    for n in (0, 1, 3):
        is_exact(sweeps, (u, u * u, n), "u", "f")


def backwards(x, k, first):
    """Down, between bounds that are computed, and two rows at a time."""
    x = x.copy()
    y = x.copy()
    for i in range(x.size - 2, first, -1):
        x[i] = x[i] * k[i] + x[i + 1] * k[0]
        y[i] = x[i] * y[i] - y[i + 1] * k[1]
    return np.sum(x * y)


def test_down_and_several_at_once():
    assert reverse(backwards, (V, V, INTEGER), "k").count("_b_next = ") == 4
    for first in (-1, 0, 2, 4, 5):
        is_exact(backwards, (field(6), field(6), first), "x", "k")


def substituted(x, k):
    """The element is added to and stays: all of them are stored."""
    x = x.copy()
    s = 0.0
    for i in range(x.size - 2, -1, -1):
        x[i] += k[i] * x[i + 1]
    for i in range(1, x.size):
        x[i] += x[i - 1] * k[i]
        s += x[i] * k[i]
    return s + np.sum(x * x)


def test_elements_that_stay():
    text = reverse(substituted, (V, V), "k")
    assert "x_1_b[i + 1] = x_1_b_next_1" in text
    for n in (1, 2, 6):
        is_exact(substituted, (field(n), field(n)), "x", "k")


# ---------------------------------------------------------------- what is left as it was


def carried(f, types, *wrt):
    return "_next" in reverse(f, types, *wrt)


def test_an_element_that_may_be_another():
    """Two rows that are the same one where there is one row only."""

    def f(x, k):
        x = x.copy()
        for i in range(x.shape[0]):
            for j in range(1, x.shape[1]):
                x[i, j] = 0.5 * x[i, j - 1] + x[i - 1, j - 1] * k[j]
        return np.sum(x * x)

    def g(x, p):
        x = x.copy()
        for i in range(1, x.size):
            x[i] = x[i] * 0.5 + x[i - 1] * x[p[i]]
        return np.sum(x * x)

    assert not carried(f, (M, V), "x")
    for n in (1, 2, 3):
        is_exact(f, (np.random.default_rng(n).random((n, 4)), field(4)), "x", "k")
    for p in ([0, 0, 0, 0], [0, 1, 2, 3], [0, -1, 1, 2], [3, 2, 1, 0]):
        is_exact(g, (field(4), np.array(p)), "x")


def test_every_second_element_and_branches():
    def f(x, k):
        x = x.copy()
        for i in range(2, x.size, 2):
            x[i] = x[i] * 0.5 + k[i] * x[i - 1] * x[i - 2]
        for i in range(1, x.size):
            if k[i] > 0.9:
                x[i] = x[i] * 0.5 + k[i] * x[i - 1]
        return np.sum(x * x)

    assert not carried(f, (V, V), "k")
    is_exact(f, (field(7), field(7)), "x", "k")


def test_what_takes_longer_than_the_memory():
    def f(x, k):
        x = x.copy()
        for i in range(1, x.size):
            x[i] = x[i] / k[i] + math.sin(k[i]) * x[i - 1]
        return np.sum(x * x)

    assert not carried(f, (V, V), "k")
    is_exact(f, (field(5), field(5)), "x", "k")


def test_single_precision():
    x, k = field(5).astype(np.float32), field(6)[:5].astype(np.float32)
    found = srcad.grad(recurrence)(x, k)
    assert found.dtype == np.float32
    expected = complex_step(recurrence, (x.astype(float), k.astype(float)), 0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
