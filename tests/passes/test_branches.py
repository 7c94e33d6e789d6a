"""Neighbouring branches with the same test become one, where the first leaves the test as it is."""

import math

import numpy as np

import srcad
from srcad.ir.nodes import Assign, Compare, Const, If, Load, Store, Var
from srcad.transform.branches import merge_branches
from tests.passes.support import INTEGER, F, body_of, lines, text


def after(function, *types) -> str:
    """What becomes of a function."""
    return lines(merge_branches(body_of(function, *types)))


def test_two_branches_with_one_test():
    def f(x, c):
        y = 0.0
        z = 0.0
        if c > 0.0:
            y = x * x
        else:
            z = x
        if c > 0.0:
            z = y * 2.0
        return y + z

    assert after(f, F, F) == text("""
        y = 0.0
        z = 0.0
        if c > 0.0:
            y = x * x
            z = y * 2.0
        else:
            z = x
    """)


def test_nested_branches():
    def f(x, n):
        y = 0.0
        for k in range(n):
            if k > 2:
                if x > 0.0:
                    y += x
                if x > 0.0:
                    y += x
        return y

    assert after(f, F, INTEGER).count("if x > 0.0:") == 1


def _kept(function, *types) -> None:
    assert after(function, *types) == lines(body_of(function, *types))


def test_test_that_the_branch_changes():
    def f(x):
        if x > 0.0:
            x = x - 2.0
        if x > 0.0:
            x = 2.0 * x
        return x

    _kept(f, F)


def test_test_of_an_element():
    first, zero = Load("u", (Const(0, "int64"),), "float64"), Const(0.0, "float64")
    y, k = Var("y", "float64"), Var("k", "int64")
    test = Compare(">", first, zero)
    read, written = Assign(y, first), Store("u", (k,), zero)
    assert merge_branches((If(test, (read,)), If(test, (written,)))) == (If(test, (read, written)),)
    apart = If(test, (written,)), If(test, (read,))  # the element may be the one that is written
    assert merge_branches(apart) == apart


def test_something_between():
    def f(x, y):
        if x > 0.0:
            y = 2.0 * y
        x = y
        if x > 0.0:
            y = 3.0 * y
        return y

    _kept(f, F, F)


def only_where_large(x, m, n):
    """What a branch makes is read in that branch only."""
    total = 0.0
    for i in range(m):
        for j in range(n):
            if x[j] > i:
                u = math.exp(x[j])
                total += u * u
    return total


def test_value_of_a_branch_is_not_carried_to_the_next_iteration():
    x = np.array([0.5, 1.5, -1.0, 2.5])
    source = srcad.grad(only_where_large).source(x, 3, 4)
    assert sum("exp(" in line and "#" not in line for line in source.splitlines()) == 1
    assert "tape" not in source
    exact = [2.0 * math.exp(2.0 * v) * max(0, math.ceil(v)) for v in x]
    np.testing.assert_allclose(srcad.grad(only_where_large)(x, 3, 4), exact, rtol=1e-14)


def drawn(x, n):
    """Two branches whose tests look the same, and are not."""
    total = 0.0
    for _ in range(n):
        if np.random.rand() < 0.5:
            total += x
        if np.random.rand() < 0.5:
            total += 100.0 * x
    return total


def test_tests_that_draw_random_numbers_are_two():
    np.random.seed(1)
    exact = drawn(1.0, 20)
    np.random.seed(1)
    value, found = srcad.value_and_grad(drawn, jit=False)(1.0, 20)
    assert value == found == exact
    assert exact % 100.0 != exact // 100.0  # they were not taken together
