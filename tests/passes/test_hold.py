"""Elementary functions evaluated once: which values are saved, and that the gradient is right.

The oracle is central differences of the function as Python runs it (``slopes_agree``).
"""

import math

import numpy as np
import pytest

from srcad import grad
from tests.passes.support import INTEGER, F, V, gradient_text
from tests.passes.support import slopes_agree as agrees


def newton(m, e):
    """A ``while`` in a loop, whose iterations need a sine and its cosine."""
    total = 0.0
    for i in range(m.size):
        x = m[i]
        d = 1.0
        while abs(d) > 1e-12:
            d = (x - e * math.sin(x) - m[i]) / (1.0 - e * math.cos(x))
            x = x - 0.5 if d > 0.5 else x - d
        total += math.cos(x) * m[i]
    return total


def gates(x, w, n):
    """A carried array, a function of a value that is overwritten."""
    h = x.copy()
    for _ in range(n):
        for j in range(x.size):
            g = 1.0 / (1.0 + math.exp(-(h[j - 1] * w[j])))
            h[j] = g * math.tanh(h[j]) + 0.1 * x[j]
    return np.sum(h * h)


def carried(x, n):
    """The result takes the place of the argument."""
    for _ in range(n):
        x = math.exp(-0.5 * x * x)
    return x


def branches(x, w):
    """A call that is not made in every iteration, and one that is made in two branches."""
    s = 0.3
    for i in range(x.size):
        if s > 0.5:
            s = s - math.sin(s) * w[i] + (math.log(x[i]) if x[i] > 0.0 else 0.0)
        else:
            s = s + math.sin(s) * x[i] * math.cos(s)
    return s


def read_before(x, n):
    """A variable that holds the value of the iteration before until it is assigned."""
    y, s = 0.2, 0.5
    for _ in range(n):
        s = s + x * math.cos(s) * y
        z = s * 1.0
        y = math.sin(z) + 0.0 * s
        s = math.cos(z) * y
    return s


def changed_between(u, n):
    """The same call of an element that is written in between."""
    for _ in range(n):
        for i in range(u.size):
            u[i] = u[i] * math.sin(u[0])
            u[i - 1] = u[i - 1] + math.sin(u[0]) * math.cos(u[i])
    return np.sum(u)


def powers(x, p, n):
    for _ in range(n):
        x = 0.5 * x + 0.1 * x**p
    return x


X, W = np.array([0.3, 1.2, 2.0, 0.7]), np.array([0.2, -0.4, 0.9, 0.5])

PROGRAMS = [
    (newton, (V, F), (X, 0.4), "sin_x_tape[trip] = sin_x"),
    (gates, (V, V, INTEGER), (X, W, 4), "g_tape[k, j] = g"),
    (carried, (F, INTEGER), (0.4, 5), "exp_value_tape[k] = exp_value"),
    (branches, (V, V), (X, W), "sin_s_tape[i] = sin_s"),
    (read_before, (F, INTEGER), (0.6, 5), "cos_s_tape[k] = cos_s"),
    (changed_between, (V, INTEGER), (X, 3), "_tape[k, i] = "),
    (powers, (F, F, INTEGER), (0.8, 1.7, 4), "power_tape[k] = power"),
]


@pytest.mark.parametrize(("f", "types", "args", "saved"), PROGRAMS)
def test_values_are_saved(f, types, args, saved):
    wrt = [n for n in f.__code__.co_varnames[: len(args)] if n != "n"]
    assert saved in gradient_text(f, types, *wrt)
    agrees(f, args, wrt=tuple(wrt))


def test_reverse_sweep_of_newton_has_no_call():
    text = gradient_text(newton, (V, F), "m", "e")
    loop = text[text.index("for k in range(trips") :]
    reverse = loop[: loop.index("m_b[i] += x_b")].splitlines()
    assert not [line for line in reverse if "math." in line and "#" not in line]


def linear_after(x, w):
    """Nothing in the forward sweep is needed: the function is evaluated in the reverse sweep."""
    total = 0.0
    for i in range(x.size):
        a = x[i]
        for _ in range(2):
            total += w[i] * math.sin(a * a)
    return total


def along(x, n):
    """Evaluated for several elements at once: as cheap as memory."""
    u = x.copy()
    v = x.copy()
    for _ in range(n):
        for i in range(x.size):
            v[i] = u[i] * math.exp(-u[i])
        u, v = v, u
    return np.sum(u)


def test_what_is_not_saved():
    assert "sin_" not in gradient_text(linear_after, (V, V), "x")
    agrees(linear_after, (X, W), wrt=("x", "w"))
    text = gradient_text(along, (V, INTEGER), "x")
    assert "y_tape" not in text
    assert "* exp(-u[i])" in text
    agrees(along, (X, 3), wrt=("x",))


def inverse(x, n):
    for _ in range(n):
        x = 1.0 / (1.0 + x * x)
    return x


def test_inverse_is_not_divided_again():
    text = gradient_text(inverse, (F, INTEGER), "x")
    reverse = text[text.index("# reverse sweep") :].splitlines()
    assert sum("/" in line for line in reverse if "#" not in line) == 1
    agrees(inverse, (0.4, 3), wrt=("x",))


def small_inverse(x, y):
    return np.sum(1.0 / x * y)


def test_zero_wins_over_an_infinite_inverse():
    found = grad(small_inverse, wrt=0)(np.array([0.0, 0.5]), np.array([0.0, 3.0]))
    np.testing.assert_array_equal(found, [0.0, -12.0])
