"""Branches that are run again and then reversed: under one test where that is the same."""

import math

import numpy as np

import srcad


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
    source = srcad.grad(only_where_large, vector_math=False).source(x, 3, 4)
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
