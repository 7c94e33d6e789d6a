"""Elements read from the tape where they would be put back: which, and that it is right."""

import math
from typing import Any

import numpy as np
import pytest

import srcad
from tests.oracles import complex_step
from tests.passes.support import INTEGER, V, gradient_text

U = np.array([0.3, -0.8, 0.5, 0.7])
C = np.array([0.4, 0.9, -0.6, 0.2])


def softened(u, c, n):
    """What overwrites ``x`` at last is computed again for the exponential that reads it."""
    x = np.zeros_like(u)
    s = 0.0
    for t in range(n):
        for j in range(u.size):
            x[j] = t * u[j] + 0.1 * x[j] * x[j]
        for j in range(u.size):
            x[j] = x[j] * c[1] + c[2]
            s += math.exp(x[j])
    return s


def two_rows(u, c, n):
    """Rows whose numbers have names, both put back before either is read again."""
    h = np.zeros((4, u.size))
    s = 0.0
    for _ in range(n):
        for q in range(2):
            one, two = h[2 * q], h[2 * q + 1]
            for j in range(u.size):
                g = np.tanh(one[j] * c[j] + u[j])
                two[j] = two[j] * g + u[j]
                one[j] = g * np.tanh(two[j])
        s += h[2, 1]
    return s


PROGRAMS = [softened, two_rows]


def is_right(f: Any, *args: Any, jit: bool = False) -> None:
    for k in range(2):
        found: Any = srcad.grad(f, wrt=k, jit=jit)(*args)
        np.testing.assert_allclose(found, complex_step(f, args, k), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("f", PROGRAMS)
def test_nothing_is_put_back(f):
    sweep = gradient_text(f, (V, V, INTEGER), "u", "c").partition("# reverse sweep")[2]
    name = "x" if f is softened else "h"
    code = [line for line in sweep.splitlines() if "#" not in line]
    assert not any(f" {name}[" in line for line in code)
    for n in (0, 1, 4):
        is_right(f, U, C, n)
    is_right(f, U[:3], C, 3, jit=True)


def test_what_was_made_is_computed_again_from_what_was_saved():
    text = gradient_text(softened, (V, V, INTEGER), "u", "c")
    assert "exp(x_tape_1[t, j] * c[1] + c[2])" in text
    assert "x[j] = x_tape" not in text


def twice_in_one_iteration(u, c, n):
    """Between the two stores the element is neither what was saved nor what the first one made."""
    x = u.copy()
    s = 0.0
    for _ in range(n):
        for j in range(u.size):
            x[j] = x[j] * c[1]
            x[j] = x[j] + c[2] * u[j]
            s += math.exp(x[j])
    return s


def of_what_changes(u, c, n):
    """The factor is another one when the element would be made again."""
    x = u.copy()
    k = c[0]
    s = 0.0
    for _ in range(n):
        for j in range(u.size):
            x[j] = x[j] * k
            k = k * 0.9
            s += math.exp(x[j]) * k
    return s


def of_an_array_that_changes(u, c, n):
    x, d = u.copy(), c.copy()
    s = 0.0
    for _ in range(n):
        for j in range(u.size):
            x[j] = x[j] * d[j]
            d[j] = d[j] * d[j]
            s += math.exp(x[j]) * d[j]
    return s


def one_element(u, c, n):
    """All iterations write the same element."""
    x = u.copy()
    s = 0.0
    for _ in range(n):
        for j in range(u.size):
            x[0] = x[0] * c[j]
            s += math.exp(x[0] * u[j])
    return s


def maybe_the_same_row(u, c, n):
    h = np.ones((3, u.size))
    s = 0.0
    for t in range(n):
        a, b = t % 3, (2 * t) % 3
        for j in range(u.size):
            h[a, j] = h[a, j] * c[j]
            h[b, j] = h[b, j] * u[j] * h[a, j]
            s += math.exp(h[a, j]) * h[b, j]
    return s


def in_branches(u, c, n):
    x = u.copy()
    s = 0.0
    for _ in range(n):
        for j in range(u.size):
            if x[j] > 0.3:
                x[j] = x[j] * c[1]
                s += x[j] * x[j]
            else:
                x[j] = x[j] + c[2]
            s += math.sin(x[j])
    return s


def read_elsewhere(u, c, n):
    x = u.copy()
    s = 0.0
    for _ in range(n):
        for j in range(1, u.size):
            x[j] = x[j] * c[1]
            s += math.exp(x[j] * x[j - 1])
    return s


def named_twice(u, c, n):
    x = u.copy()
    y = x
    s = 0.0
    for _ in range(n):
        for j in range(u.size):
            x[j] = x[j] * c[1]
            s += math.exp(y[j])
        y[0] = c[0] * y[0]
    return s


OTHERS = [
    twice_in_one_iteration,
    of_what_changes,
    of_an_array_that_changes,
    one_element,
    maybe_the_same_row,
    in_branches,
    read_elsewhere,
    named_twice,
]


@pytest.mark.parametrize("f", OTHERS)
def test_others_are_right(f):
    for n in (1, 3):
        is_right(f, U, C, n)
