"""Statements that do the same in each iteration are run once, if that cannot be told."""

from dataclasses import replace

import numpy as np
import pytest

import srcad
from srcad.ir.nodes import Function
from srcad.ir.printer import print_module
from srcad.transform.bounds import settle_checks
from srcad.transform.initialise import initialise
from srcad.transform.lift import lift
from tests import oracles
from tests.passes.support import INTEGER, F, V, function_of, without_return

x3 = np.array([0.5, 1.5, -0.7])


def unchecked(function, *types) -> Function:
    """A function as core IR, its checks of indices dropped: what follows one may not pass it."""
    found = function_of(function, *types)
    body, _ = settle_checks(found.body, set(), keep=False)
    return replace(found, body=body)


def lifted(function, *types) -> str:
    return without_return(lift(unchecked(function, *types)))


def before_the_loop(function, *types) -> str:
    return lifted(function, *types).partition("for ")[0]


def run(function: Function, *args):
    """What a function of the core IR returns, in Python."""
    scope: dict[str, object] = {}
    exec(print_module((initialise(function),), {}), scope)
    return scope[function.name](*[np.copy(a) if isinstance(a, np.ndarray) else a for a in args])


def the_same_in_both(x, c):
    s = 0.0
    for i in range(2):
        a = np.exp(c) * x[1]
        s += a * x[i]
    return s


def test_what_is_the_same_moves():
    found = before_the_loop(the_same_in_both, V, F)
    assert "math.exp(c) * x[1]" in found
    assert "s +=" not in found


def test_a_loop_that_may_not_run_keeps_all_but_integers():
    def f(x, n):
        s = 0.0
        for i in range(n):
            k = 7 % max(1, n)
            a = np.exp(x[0])
            s += a * k * i
        return s

    found = before_the_loop(f, V, INTEGER)
    assert "k = 7 % max(1, n)" in found
    assert "exp" not in found


def test_a_division_that_may_raise_stays():
    def f(x, n, m):
        s = 0.0
        for i in range(n):
            k = 7 % min(m, 3)
            s += x[0] * k * i
        return s

    assert "%" not in before_the_loop(f, V, INTEGER, INTEGER)


def an_element_that_changes(x, c):
    s = 0.0
    for i in range(2):
        a = x[0] * c
        s += a
        x[i] = s
    return s


def read_before_it_is_assigned(x, c):
    s, a = 0.0, 3.0
    for i in range(2):
        s += a * x[i]
        a = c * 2.0
    return s + a


def a_sum_of_its_own(x, c):
    a = 1.0
    for _ in range(3):
        a = a * c
        a = a + x[0]
    return a


def assigned_twice(x, c):
    s = 0.0
    for i in range(2):
        a = c
        s += a * x[i]
        a = x[1]
        s += a * a
    return s + a


def in_a_branch(x, c):
    s, a = 0.0, c
    for i in range(3):
        if x[i] > 0.0:
            a = x[2] * 2.0
        s += a
    return s


def the_last_counter(x, c):
    s = 0.0
    for i in range(2):
        for j in range(3):
            s += x[j] * c
        s += j * i
    return s + j


def filled_and_changed(x, c):
    s = 0.0
    for i in range(2):
        y = np.zeros(3)
        for j in range(3):
            y[j] = x[j] * c
        y[i] += 1.0
        s += y[0] * y[1] * y[2]
    return s


def filled_and_read(x, c):
    s = 0.0
    for i in range(2):
        y = np.empty(3)
        for j in range(3):
            y[j] = x[j] * c
        s += y[i] * y[2 - i]
    return s


def through_another_name(x, c):
    y = x
    s = 0.0
    for i in range(2):
        a = x[1] * c
        y[i] = y[i] + a
        s += a
    return s


def kept_under_another_name(x, c):
    p, q = np.zeros(3), np.zeros(3)
    for i in range(2):
        y = np.empty(3)
        for j in range(3):
            y[j] = x[j] * c
        p, q = q, y
    q[0] = 5.0
    return p[0] + 2.0 * q[0]


def kept_on_a_list(x, c):
    kept = [np.zeros(3), np.zeros(3)]
    for i in range(2):
        y = np.empty(3)
        for j in range(3):
            y[j] = x[j] * c
        kept = [kept[1], y]
    kept[1][0] = 5.0
    return kept[0][0] + 2.0 * kept[1][0]


PROGRAMS = [v for v in list(globals().values()) if getattr(v, "__code__", None) is not None]
PROGRAMS = [f for f in PROGRAMS if f.__code__.co_varnames[:2] == ("x", "c")]


@pytest.mark.parametrize("function", PROGRAMS, ids=lambda f: f.__name__)
def test_the_value_is_that_of_the_program(function):
    expected = function(x3.copy(), 1.3)
    for program in (unchecked, function_of):
        found = run(lift(program(function, V, F)), x3, 1.3)
        assert found == pytest.approx(expected, rel=1e-15)


def test_a_counter_that_is_assigned_as_well_is_put_back_in_each_iteration():
    def f(x, n):
        x = x.copy()
        i = 2
        for t in range(n):
            w = np.cumsum(x * x) * x[i - 1]
            for i in range(1, len(x) - t):
                x[i] = x[i] + np.sin(w[i])
        return np.sum(x)

    x5 = np.array([0.9, 0.4, 1.3, -0.6, 0.2])
    for n in (1, 3):
        expected = oracles.complex_step(f, (x5, n), 0)
        np.testing.assert_allclose(srcad.grad(f, jit=False)(x5, n), expected, rtol=1e-12)


def test_an_array_that_is_filled_alike_moves_with_its_elements():
    assert "y[j] = x[j] * c" in lifted(filled_and_read, V, F).partition("for i ")[0]
    assert "y[j] = x[j] * c" not in lifted(filled_and_changed, V, F).partition("for i ")[0]


def test_what_follows_a_check_stays():
    found = without_return(lift(function_of(the_same_in_both, V, F))).partition("for i ")[0]
    assert "x[1]" not in found


def test_a_name_that_counts_an_inner_loop_may_be_read_before_it():
    def f(x, n):
        i, s = 100, 0.0
        for i in range(n):
            k = i
            for i in range(2, 4):
                s += k * x[i - 2]
        return s

    assert "k = i" not in before_the_loop(f, V, INTEGER)
    found = lift(unchecked(f, V, INTEGER))
    assert run(found, x3, 3) == f(x3, 3)
