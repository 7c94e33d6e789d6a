"""Activity: varied and useful, or left out of the derivative."""

import math

import numpy as np

from srcad.analysis.activity import active
from srcad.analysis.alias import points_to
from tests.passes.support import INTEGER, F, M, V, elaborated, result_leaves


def names_active(function, types, *wrt) -> set[str]:
    e = elaborated(function, *types)
    (result,) = result_leaves(e.result)
    ends = {result if isinstance(result, str) else result.name}
    return active(e.body, set(wrt), ends, points_to(e.body, set(e.arrays)))


def test_varied_and_useful():
    def f(x, w):
        unused = math.sin(x)
        fixed = math.sin(w)
        y = x * fixed
        unused += y
        return y

    assert names_active(f, (F, F), "x") == {"x", "y"}
    assert names_active(f, (F, F), "w") == {"w", "fixed", "y"}


def test_a_test_carries_nothing():
    def f(x, w):
        y = w
        if x > 0.0:
            y = 2.0 * w
        return y

    assert names_active(f, (F, F), "x") == set()


def test_through_an_integer_nothing_flows():
    def f(x):
        k = int(x)
        y = 2.0 * k
        return y

    assert names_active(f, (F,), "x") == set()


def test_piecewise_constant_function():
    def f(x):
        y = np.floor(x)
        return y

    assert names_active(f, (F,), "x") == set()


def test_index_carries_nothing():
    def f(x, w):
        y = w[int(x)]
        return y

    assert names_active(f, (F, V), "x") == set()


def test_swapped_arrays_are_active_together():
    def f(x, n):
        u = x.copy()
        v = np.zeros(3)
        for _ in range(n):
            u, v = v, u
        y = u[0]
        return y

    assert {"u", "v", "x", "y"} <= names_active(f, (V, INTEGER), "x")


def test_array_of_constants():
    def f(x, a):
        b = a @ a
        y = x * b[0, 0]
        return y

    assert names_active(f, (F, M), "x") == {"x", "y"}
    assert {"a", "y"} <= names_active(f, (F, M), "a")


def test_later_overwriting_does_not_matter():
    """Names, not program points: safe, not exact."""

    def f(x):
        y = x
        y = 2.0
        return y

    assert "x" in names_active(f, (F,), "x")
