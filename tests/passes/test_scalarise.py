"""Small arrays become scalars; where something else can see an array, it stays one."""

import numpy as np
import pytest

import srcad
from srcad.ir.names import Names
from srcad.transform.coalesce import coalesce
from srcad.transform.scalarise import scalarise
from srcad.transform.settle import settle
from tests import oracles
from tests.passes.support import M, V, elaborated, lines


def scalars(function, *types) -> str:
    e = elaborated(function, *types)
    return lines(scalarise(settle(coalesce(e.body)), e.escaping(), Names(e.names.used)))


def agrees(function, *args, tolerance=1e-9) -> None:
    """The gradient by each argument is that of the complex step, and no argument changes."""
    before = [np.copy(a) for a in args]
    for k, _ in enumerate(args):
        found = srcad.grad(function, wrt=k, jit=False)(*args)
        expected = oracles.complex_step(function, args, k)
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
    for a, b in zip(args, before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_loops_are_written_out():
    def f(x):
        y = np.zeros(2)
        for i in range(2):
            t = x[i] * x[i]
            y[i] = t + 1.0
        return y[0] * y[1]

    found = scalars(f, V)
    assert "np.zeros" not in found and "for i" not in found
    assert "y_0 = t + 1.0" in found and "y_1 = t_1 + 1.0" in found
    agrees(f, np.array([0.5, 1.5]))


def test_an_array_made_in_a_loop_that_is_written_out():
    def f(x):
        total = np.zeros(2)
        for i in range(2):
            y = np.zeros(3)
            y[i] = x[i] * x[2]
            y[2] += x[i]
            total[i] = y[0] + 2.0 * y[1] + 3.0 * y[2]
        return total[0] * total[1]

    found = scalars(f, V)
    assert "np.zeros" not in found and "for i" not in found
    agrees(f, np.array([0.5, 1.5, -0.7]))


def returned(x):
    y = np.zeros(2)
    y[0] = x[0]
    return y


def bound_to_another_name(x):
    y = np.zeros(2)
    z = y
    for _ in range(2):
        y = y + x[:2]
        z[0] += x[1]
    return y[0] * y[1] + z[0] * z[0]


def kept_in_a_list(x):
    found = []
    y = np.zeros(2)
    for i in range(3):
        y = y * x[:2]
        y[0] += x[i]
        found.append(y)
    return found[0][0] * found[2][0] + found[1][1]


def viewed(x):
    y = np.zeros((2, 2))
    row = y[1]
    row[0] = x[0] * x[1]
    y[1, 0] *= x[0]
    return row[0] + y[1, 0]


def indexed_by_a_number_of_the_run(x):
    y = np.zeros(3)
    for i in range(x.shape[0]):
        y[i % 3] += x[i] ** 2
    return y[0] * y[1] + y[2]


def carried_through_a_loop(x):
    y = np.array([1.0, 0.0])
    for k in range(x.shape[0]):
        old = y[0]
        y[0] = np.cos(x[k]) * y[0] - np.sin(x[k]) * y[1]
        y[1] = np.sin(x[k]) * old + x[k] * y[1]
    return y[0] * y[1]


def written_in_a_branch(x):
    y = np.zeros(2)
    for k in range(2):
        if x[k] > 0.7:
            y[k] = x[k] ** 2
        else:
            y[k] += 3.0 * x[k]
    return y[0] * y[1]


def the_counter_is_read_later(x):
    y = np.zeros(3)
    for i in range(3):
        y[i] = x[i] * x[i]
    return y[0] + y[1] * y[2] + i * x[0]


def counted_from_the_end(x):
    y = np.zeros(3)
    for i in range(2, -1, -1):
        y[-1 - i] = x[i] * (i + 1)
    return y[-1] * y[0] + y[1] * y[1]


def made_in_a_loop(x):
    s = 0.0
    for k in range(x.shape[0]):
        v = np.empty(2)
        v[0] = x[k] * s
        v[1] = np.sin(x[k])
        s = v[0] + v[1]
    return s


def given_to_a_function(x):
    y = np.zeros(2)
    _doubled(y, x)
    return y[0] * y[1]


def _doubled(y, x):
    for i in range(2):
        y[i] = 2.0 * x[i] ** 2


def multiplied(x):
    a = np.array([[1.0, 2.0], [x[0], x[1]]])
    return (a @ a @ x[:2])[0]


def integers(x):
    k = np.zeros(2, dtype=np.int64)
    for i in range(2):
        k[i] = i + 1
    return x[k[0]] * x[k[1]]


PROGRAMS = [v for v in list(globals().values()) if getattr(v, "__code__", None) is not None]
PROGRAMS = [f for f in PROGRAMS if f.__code__.co_varnames[:1] == ("x",) and f is not returned]


@pytest.mark.parametrize("function", PROGRAMS, ids=lambda f: f.__name__)
def test_the_gradient_is_that_of_the_program(function):
    agrees(function, np.array([0.9, 0.4, 1.3, -0.6]))


def test_what_is_returned_stays_an_array():
    assert "y = np.zeros(2)" in scalars(returned, V)
    np.testing.assert_array_equal(
        srcad.jacobian(returned, jit=False)(np.ones(2)), [[1.0, 0.0], [0.0, 0.0]]
    )


def test_many_elements_stay_an_array():
    def f(x):
        y = np.zeros(40)
        for i in range(40):
            y[i] = x[i]
        return y[0]

    assert "np.zeros(40)" in scalars(f, V)


def test_long_loops_stay_loops():
    def f(a):
        y = np.zeros((4, 4))
        for i in range(4):
            for j in range(4):
                for k in range(4):
                    y[i, j] += a[i, k] * a[k, j]
        return y[0, 0] * y[3, 3]

    assert "for k in range(4)" in scalars(f, M)
    agrees(f, np.arange(1.0, 17.0).reshape(4, 4) / 16)


def test_an_error_half_way_changes_nothing():
    def f(x, y):
        v = np.zeros(2)
        for i in range(2):
            x[i] *= y[i]
            v[i] = x[i]
        return v[0] * v[1] + x[5]

    x, y = np.ones(3), np.full(3, 2.0)
    with pytest.raises(IndexError):
        srcad.grad(f, jit=False)(x, y)
    assert x.tolist() == [1.0, 1.0, 1.0]


def test_what_is_returned_is_no_local_of_a_loop_that_is_written_out():
    def f(x, b):
        for _ in range(x.size):
            w = np.zeros(2)
            for j in range(2):
                w[j] = x[j]
            for j in range(2):
                b = np.tanh(w[j])
        return b

    agrees(f, np.array([0.3, 0.5, 0.7]), 0.2)
