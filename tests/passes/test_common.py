"""Elementary functions that are evaluated once, and those that must not be."""

import math

import numpy as np
import pytest

import srcad
from tests import oracles
from tests.passes.support import INTEGER, F, V, written


def calls(f, types, function, wrt=("x",), kind="gradient"):
    """How often the program that is written for a gradient calls a function."""
    text = written(f, types, wrt, kind).text
    code = [line for line in text.splitlines() if not line.lstrip().startswith(("#", "from"))]
    return sum(line.count(f"{function}(") for line in code)


def agrees(f, *args):
    expected = oracles.complex_step(f, args, 0)
    for jit in (True, False):
        np.testing.assert_allclose(srcad.grad(f, jit=jit)(*args), expected, rtol=1e-12)


def decay(x, t, y):
    s = 0.0
    for k in range(t.size):
        s += (math.exp(-x * t[k]) - y[k]) ** 2
    return s


T, Y = np.array([0.1, 0.7, 1.3]), np.array([0.9, 0.2, 0.4])


def test_a_value_that_a_partial_needs_too_is_evaluated_once():
    assert calls(decay, (F, V, V), "exp") == 1
    agrees(decay, 0.8, T, Y)


def test_both_sweeps_take_the_value_where_nothing_was_written_in_between():
    def f(x, y):
        r = x * x + y
        return math.sqrt(r) * math.sin(r) + math.sqrt(r) / y

    assert calls(f, (F, F), "sqrt") == calls(f, (F, F), "sin") == 1
    agrees(f, 0.8, 1.2)


def test_calls_in_calls():
    def f(x, y):
        return math.exp(math.sin(x)) * math.sin(x) + y * math.exp(math.sin(x))

    assert calls(f, (F, F), "sin") == calls(f, (F, F), "exp") == 1
    agrees(f, 0.8, 1.2)


def test_a_number_that_changes_has_a_value_each_time():
    def f(x, y):
        a = math.exp(x)
        x = x * y
        b = math.exp(x)
        x = x + 1.0
        return a * b * math.exp(x)

    assert calls(f, (F, F), "exp") == 3
    agrees(f, 0.4, 1.2)


def swapped(x, n):
    x = x.copy()
    other = x[::-1]
    s = 0.0
    for k in range(n):
        before = math.exp(x[0]) * x[1]
        other[2] = 0.5 * before  # x[0], of three
        s += math.exp(x[0]) * before
    return s


def test_an_element_that_is_written_through_another_name():
    agrees(swapped, np.array([0.3, 0.5, 0.7]), 3)


def chained(x, n):
    s = math.sin(x)
    for k in range(n):
        s += math.sin(x) * k
        x = x + 0.1 * math.sin(x)
        s += math.sin(x)
    return s + math.sin(x)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_what_a_loop_changes_is_stale_in_it_and_behind_it(n):
    agrees(chained, 0.4, n)


def guarded(x, y):
    s = 0.0
    if x > 0.0:
        s = math.log(x)
    a = math.log(x) if x > 0.0 else y
    b = math.log(y) if y > 0.0 and math.log(y) > 0.0 else x
    return s * a + b * x


@pytest.mark.parametrize("x", [0.5, -0.5])
@pytest.mark.parametrize("y", [0.5, 2.0, -0.5])
def test_what_is_evaluated_on_a_condition_only_is_none_for_others(x, y):
    a = math.log(x) if x > 0.0 else y
    b = math.log(y) if y > 0.0 and math.log(y) > 0.0 else x
    expected = 2.0 * math.log(x) / x + b if x > 0.0 else 0.0 * a + b
    expected += x * (b == x)
    for jit in (True, False):
        assert math.isclose(srcad.grad(guarded, jit=jit)(x, y), expected, rel_tol=1e-14)


def test_a_value_of_before_serves_branches_and_loops():
    def f(x, n):
        e = math.exp(x)
        for k in range(n):
            if k % 2:
                e += k * math.exp(x)
            else:
                e -= math.exp(x) * x
        return e

    assert calls(f, (F, INTEGER), "exp") == 1
    agrees(f, 0.4, 5)
