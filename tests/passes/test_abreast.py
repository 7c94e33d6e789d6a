"""Points side by side: which loops, what is written for them, and that the gradient is right.

The oracle is central differences of the function as Python runs it.
"""

import math

import numpy as np
import pytest

import srcad
from tests.passes.support import V, gradient_text, slopes_agree


def newton(x, e, w):
    """Each point iterates for as long as it has to."""
    total = 0.0
    for i in range(x.size):
        z = x[i]
        d = 1.0
        while abs(d) > 1e-11:
            d = (z - e[i] * math.sin(z) - x[i]) / (1.0 - e[i] * math.cos(z))
            z -= d
        total += w[i] * math.cos(z)
    return total


def inputs(n):
    random = np.random.default_rng(n)
    return 1.0 + random.random(n), 0.1 + 0.7 * random.random(n), random.normal(size=n)


def side_by_side(function):
    return "side by side" in gradient_text(function, (V, V, V), "x", "e")


@pytest.mark.parametrize("n", [0, 1, 15, 16, 35])
def test_points_that_converge(n):
    assert side_by_side(newton)
    slopes_agree(newton, inputs(n), wrt=("x", "e"))


def test_points_that_take_too_many_steps_are_alone(monkeypatch):
    monkeypatch.setattr("srcad.transform.side_by_side.STEPS", 4)

    def far(x, e, w):
        total = 0.0
        for i in range(x.size):
            z = x[i]
            while z < 3.0:
                z += 0.1 + e[i] * math.sin(z) * math.sin(z)
            total += w[i] * z
        return total

    x, e, w = inputs(48)
    x[:16] = 2.95  # the first strip gets there in one step
    assert "trip >= 4" in gradient_text(far, (V, V, V), "x")
    slopes_agree(far, (x, e, w), wrt=("x", "e"))


def branches(x, e, w):
    """Values that a branch saves and its reverse finds; ``a`` is changed in one branch only."""
    total = 0.0
    for i in range(x.size):
        a = x[i]
        if a > 1.7:
            b = math.exp(-a)
            if e[i] > 0.4:
                b = b * math.sin(a)
        elif a > 1.3:
            b = a * a
            a = b + math.cos(e[i])
        else:
            b = math.sqrt(a + 1.0)
        total += a * b * w[i]
    return total


def test_branches():
    assert side_by_side(branches)
    slopes_agree(branches, inputs(40), wrt=("x", "e"))


def left_early(x, e, w):
    total = 0.0
    for i in range(x.size):
        z = x[i]
        for _ in range(40):
            d = (z - e[i] * math.sin(z) - x[i]) / (1.0 - e[i] * math.cos(z))
            z -= d
            if abs(d) < 1e-11:
                break
        total += z * w[i]
    return total


def test_loops_that_are_left():
    assert side_by_side(left_early)
    slopes_agree(left_early, inputs(20), wrt=("x", "e"))


def counted(x, e, w):
    """The number of the step that was the last is used."""
    total = 0.0
    for i in range(x.size):
        z = x[i]
        for k in range(40):
            z += 0.3 * e[i] + 0.1 * math.sin(z)
            if z > 3.0:
                break
        total += z * w[i] * k
    return total


def test_the_counter_of_a_loop_that_is_left():
    slopes_agree(counted, inputs(20), wrt=("x", "e"))


def loops_within(x, e, w):
    """Steps that have steps of their own, which nothing is saved of."""
    total = 0.0
    for i in range(x.size):
        z, q = x[i], e[i]
        while z < 3.0:
            k = 0
            while k < 3 and q * k < 1.0:
                k += 1
            z += 0.2 * k + 0.1 * math.sin(q * z) + 0.1
        total += z * w[i]
    return total


def test_long_strips_whose_steps_have_steps(monkeypatch):
    monkeypatch.setattr("srcad.transform.side_by_side.STEPS", 2)
    assert side_by_side(loops_within)
    slopes_agree(loops_within, inputs(20), wrt=("x", "e"))


def two_sums(x, e, w):
    """Sums in the steps of points, and how many these are."""
    total, other = 0.0, 1.0
    for i in range(x.size):
        z, k = x[i], 0
        while z > 0.6:
            z -= 0.5 * math.tanh(z)
            total += z * w[i]
            if z > 1.0:
                other += math.exp(-z) * e[i]
            k += 1
        total -= z * k
    return total * other


def test_sums_in_the_steps():
    assert side_by_side(two_sums)
    slopes_agree(two_sums, inputs(33), wrt=("x", "e"))
    args = inputs(33)
    value, _ = srcad.value_and_grad(two_sums)(*args)
    assert math.isclose(value, two_sums(*args), rel_tol=1e-13)


def test_elements_that_only_some_points_look_at():
    def shorter(x, e, w):
        total = 0.0
        for i in range(x.size):
            z = x[i]
            if z > 1.5:
                z = math.sin(z) * e[i]
            total += z * w[i]
        return total

    x, e, w = inputs(40)
    x[30:] = 1.0
    assert "<= e.shape[0]" in gradient_text(shorter, (V, V, V), "x")
    slopes_agree(shorter, (x, e[:30].copy(), w), wrt=("x", "e"))


def stepping(x, e, w):
    """An index that differs from point to point."""
    total = 0.0
    for i in range(x.size):
        z, k = x[i], i
        while k < e.size and e[k] < 0.6:
            z += math.sin(z * e[k])
            k += 1
        total += z * w[i]
    return total


def coupled(x, e, w):
    """Each point begins where the last one ended."""
    total, z = 0.0, 0.1
    for i in range(x.size):
        while z < x[i]:
            z += 0.2 + 0.1 * e[i] * math.cos(z)
        z = 0.3 * math.sin(z)
        total += z * w[i]
    return total


def remembered(x, e, w):
    """What some point before has set."""
    total, last = 0.0, 0.3
    for i in range(x.size):
        if x[i] > 1.5:
            last = math.exp(-x[i])
        total += last * w[i] * e[i]
    return total


def changed_test(x, e, w):
    """The test is another one when the variable is read: from an earlier point perhaps."""
    total, a, kept = 0.0, 0.0, 0.5
    for i in range(x.size):
        a = x[i]
        if a > 1.5:
            kept = math.sin(a)
        a = e[i] + 1.0
        if a > 1.5:
            total += kept * w[i]
    return total


@pytest.mark.parametrize("function", [stepping, coupled, remembered, changed_test])
def test_points_that_depend_on_each_other_or_go_elsewhere(function):
    assert not side_by_side(function)
    slopes_agree(function, inputs(20), wrt=("x", "e"))


def test_single_precision_and_options():
    args = tuple(a.astype(np.float32) for a in inputs(40))
    single = srcad.grad(branches)(*args)
    assert single.dtype == np.float32
    expected = srcad.grad(branches, jit=False)(*inputs(40))
    np.testing.assert_allclose(single, expected, rtol=2e-5, atol=1e-6)
    found = srcad.grad(branches, vector_math=False)(*inputs(40))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
