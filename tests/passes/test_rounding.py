"""Products rounded together with sums: which functions, and that what cancels stays zero."""

import math

import numpy as np
import pytest

import srcad
from srcad.transform.rounding import rounds_once
from tests.passes.support import INTEGER, F, V, is_exact, written

X = np.array([0.3, 0.7, -0.5, 1.1, 0.2])


def ode(x, y, dt, n):
    for _ in range(n):
        a = x * (1.1 - 0.4 * y)
        b = y * (0.1 * x - 0.4)
        x += dt * a
        y += dt * b
    return x * x + y


def test_gradients_of_smooth_functions_are_rounded_once():
    asked = (F, F, F, INTEGER), ("x", "y", "dt")
    assert written(ode, *asked).once
    for kind in ("value_and_gradient", "vjp", "jvp", "primal", "hvp"):
        assert not written(ode, *asked, kind).once
    is_exact(ode, (0.9, 0.6, 0.05, 40), "x", "y", "dt", tolerance=(1e-12, 0.0))


def test_the_value_is_that_of_the_program():
    value, _ = srcad.value_and_grad(ode)(0.9, 0.6, 0.05, 40)
    assert value == ode(0.9, 0.6, 0.05, 40)


def roots_of_squares(x, c):
    s = 0.0
    for i in range(x.size):
        r = c
        r += x[i] * x[i] + (x[i] - c) ** 2
        s += math.sqrt(r) + math.log(1.0 + math.exp(x[i] * c))
    return s


def root_of_a_difference(x, c):
    s = 0.0
    for i in range(x.size):
        s += math.sqrt(x[i] * x[i] - c * c + 2.0)
    return s


def root_of_a_product(x, c):
    s = 0.0
    for i in range(x.size):
        s += math.sqrt(2.0 + x[i] * c)
    return s


def root_of_a_difference_elsewhere(x, c):
    d = np.empty(x.size)
    for i in range(x.size):
        d[i] = 3.0 - x[i] * c
    s = 0.0
    for i in range(x.size):
        s += math.sqrt(d[i])
    return s


def root_of_a_difference_in_a_view(x, c):
    d = np.ones((2, x.size))
    e = d
    if c > 0.0:
        e = d.copy()
    for i in range(x.size):
        e[0, i] = 3.0 - x[i] * c
    s = 0.0
    for i in range(x.size):
        s += math.sqrt(e[0, i])
    return s


def of_what_is_added_in_the_given_array(x, c):
    for i in range(x.size):
        x[i] += 3.0
    s = 0.0
    for i in range(x.size):
        s += math.sqrt(c * c + x[i] * c)
    return s


def kink(x, c):
    s = 0.0
    for i in range(x.size):
        s += abs(x[i] * x[i] - c * c)
    return s


def largest(x, c):
    s = 0.0
    for i in range(x.size):
        s += max(x[i] * x[i] + c * c, c * c + 1.0 * x[i])
    return s


def power(x, c):
    s = 0.0
    for i in range(x.size):
        s += (2.0 - x[i] * c) ** 1.5
    return s


def decided(x, c):
    s = 0.0
    for i in range(x.size):
        if x[i] * c + 0.1 > 0.2:
            s += x[i] * c
    return s


def angle(x, c):
    s = 0.0
    for i in range(x.size):
        s += math.atan2(x[i] * c - c * x[i], c)
    return s


@pytest.mark.parametrize(
    "f",
    [
        root_of_a_difference,
        root_of_a_product,
        root_of_a_difference_elsewhere,
        root_of_a_difference_in_a_view,
        of_what_is_added_in_the_given_array,
        kink,
        largest,
        power,
        decided,
        angle,
    ],
)
def test_what_a_digit_may_change_is_compiled_as_it_is(f):
    assert not written(f, (V, F), ("x", "c")).once


def test_roots_of_squares_are_rounded_once():
    assert written(roots_of_squares, (V, F), ("x", "c")).once
    is_exact(roots_of_squares, (X, 0.7), "x", "c", tolerance=(1e-12, 0.0))


def test_complex_numbers_are_not():
    def f(x, c):
        z = 0.0j
        for i in range(x.size):
            z += complex(x[i], c) * complex(x[i], -c)
        return z.real

    assert not written(f, (V, F), ("x", "c")).once


def test_what_cancels_has_the_derivative_at_zero():
    """At ``x = y`` the root is of zero, and not of what ``y * y`` was rounded by."""

    def f(x, y):
        return math.sqrt(x * x - y * y)

    for x in np.random.default_rng(0).normal(size=50):
        assert not np.isnan(srcad.grad(lambda x: f(x, 0.0))(float(abs(x))))
        assert srcad.grad(kink, wrt="x")(np.array([x]), x)[0] == 0.0


def test_nothing_in_a_module_may_decide():
    assert rounds_once(())


def test_an_ejected_module_is_compiled_alike(tmp_path):
    path = srcad.grad(ode, wrt=("x", "y")).eject(tmp_path / "m.py", 0.9, 0.6, 0.05, 40)
    text = path.read_text()
    assert 'fastmath={"contract"}' in text
    space = {}
    exec(compile(text, str(path), "exec"), space)
    found = space["ode_grad"](0.9, 0.6, 0.05, 40)
    assert found == srcad.grad(ode, wrt=("x", "y"))(0.9, 0.6, 0.05, 40)
