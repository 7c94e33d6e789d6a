"""Room for what loops save: where it is made, and that tapes grow as often as they have to."""

import math

import numpy as np
import pytest

from srcad import grad
from tests.passes.support import INTEGER, F, V, gradient_text
from tests.passes.support import slopes_agree as agrees


def until_small(x, tolerance):
    n = 0.0
    while abs(x) > tolerance:
        x = x - 0.1 * math.sin(x)
        n += x
    return n


def triangle(x):
    s = 1.0
    for i in range(x.size):
        for j in range(i + 1):
            s = s + 0.01 * s * x[j]
    return s


def both(x, n):
    s = 1.0
    for i in range(x.size):
        k = 0
        while k < n + i and s < 50.0:
            s = s + 0.01 * s * s * x[i]
            k += 1
    return s


def test_while_runs_as_long_as_there_is_room():
    text = gradient_text(until_small, (F, F), "x")
    assert "room = " in text
    assert "while trip < room and abs(x) > tolerance:" in text
    agrees(until_small, (1.0, 1e-2), wrt=("x",))


def test_known_number_of_iterations():
    text = gradient_text(triangle, (V,), "x")
    assert "_tape_1.size < trip + max(0, i + 1):" in text
    agrees(triangle, (np.array([0.3, -0.2, 0.5, 1.0]),), wrt=("x",))
    agrees(both, (np.array([0.3, 0.2, 0.5, 1.0]), 3), wrt=("x",))
    assert "room" in gradient_text(both, (V, INTEGER), "x")


def test_tapes_grow():
    """More iterations than any tape has slots for at first; the second call has the memory."""
    f = grad(until_small)
    x, step = 1.0, 1e-6
    expected = (until_small(x + step, 1e-35) - until_small(x - step, 1e-35)) / (2 * step)
    for _ in range(2):
        assert f(x, 1e-35) == pytest.approx(expected, rel=1e-6)
    g = grad(triangle)
    values = np.full(60, 0.1)
    expected = [
        (triangle(values + step * e) - triangle(values - step * e)) / (2 * step) for e in np.eye(60)
    ]
    for _ in range(2):
        np.testing.assert_allclose(g(values), expected, rtol=1e-7)
