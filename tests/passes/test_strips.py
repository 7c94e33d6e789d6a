"""Iterations side by side: which loops, what is written for them, and that the gradient is right.

The oracle is central differences of the function as Python runs it.
"""

import copy
import math

import numpy as np
import pytest

import srcad
from tests.passes.support import M, V, gradient_text, gradients_are


def differences(f, args, k):
    """The gradient with respect to argument ``k``, by central differences; f may write arrays."""
    x = args[k]
    found = np.zeros(x.shape)
    for at in np.ndindex(x.shape):
        moved = []
        for step in (1e-6, -1e-6):
            other = x.copy()
            other[at] += step
            moved.append(f(*copy.deepcopy(args[:k]), other, *copy.deepcopy(args[k + 1 :])))
        found[at] = (moved[0] - moved[1]) / 2e-6
    return found


def agrees(f, args, *, wrt):
    names = f.__code__.co_varnames[: f.__code__.co_argcount]
    slopes = [differences(f, args, names.index(name)) for name in wrt]
    gradients_are(slopes, f, args, wrt, (2e-6, 2e-6))


def triangle(x, a):
    """For each row of x a triangular product in work arrays."""
    n, d = x.shape
    v = np.empty(d)
    w = np.empty(d)
    total = 0.0
    for i in range(n):
        for j in range(d):
            v[j] = x[i, j] - a[0, j]
            w[j] = v[j] * a[j, j]
        for c in range(d):
            for r in range(c + 1, d):
                w[r] += a[r, c] * v[c]
        s = 0.0
        for j in range(d):
            s += w[j] * w[j]
        total += math.log(1.0 + s)
    return total


def inputs(n, d):
    random = np.random.default_rng(3)
    return random.normal(size=(n, d)), random.normal(size=(d, d))


def test_small_problems_run_side_by_side():
    text = gradient_text(triangle, (M, M), "a")
    assert "# 64 iterations side by side" in text
    assert "w_lanes[r, lane] += a[r, c] * v_lanes[c, lane]" in text
    assert "a_b_sum = plus(a_b_sum, " in text


@pytest.mark.parametrize("n", [0, 1, 15, 16, 64, 65, 150])
def test_strips_of_all_lengths(n):
    agrees(triangle, inputs(n, 3), wrt=("x", "a"))


def test_large_work_arrays_stay_as_they_are():
    x, a = inputs(17, 65)
    along = np.random.default_rng(5).normal(size=x.shape)
    slope = (triangle(x + 1e-6 * along, a) - triangle(x - 1e-6 * along, a)) / 2e-6
    for jit in (True, False):
        found = srcad.grad(triangle, wrt="x", jit=jit)(x, a)
        assert np.sum(found * along) == pytest.approx(slope, rel=1e-6)


def branches(x, a):
    """Branches, a running maximum, an own scalar that differs, a counter that does not."""
    n, d = x.shape
    w = np.empty(d)
    total = 0.0
    for i in range(n):
        p = 0
        far = x[i, 0] < -0.5
        for j in range(d):
            w[j] = x[i, j]
        for j in range(d):
            for k in range(d):
                if w[j] > 0.0:
                    w[j] += a[k] * a[j]
                if far:
                    w[j] += a[0] * a[p]
            p += 1  # noqa: SIM113
        top = w[0]
        for j in range(1, d):
            top = max(top, w[j] * w[j - 1])
        s = 0.0
        for j in range(d):
            if d > 2:
                s += math.exp(w[j] - top)
            if w[j] > 0.2:
                s += a[j] * w[j]
        total += math.log(1.0 + s * s)
    return total


def test_branches_within_a_lane():
    assert "side by side" in gradient_text(branches, (M, V), "x", "a")
    random = np.random.default_rng(5)
    agrees(branches, (random.normal(size=(70, 3)), random.normal(size=3)), wrt=("x", "a"))


def made_inside(x, a):
    total = 0.0
    for i in range(x.shape[0]):
        w = np.zeros(a.shape[0])
        for j in range(1, a.shape[0]):
            for k in range(j):
                w[j] += a[k] * math.sin(x[i] * a[j] + w[k])
        total += w[-1] * w[1]
    return total


def test_arrays_made_in_the_iteration():
    assert "side by side" in gradient_text(made_inside, (V, V), "x", "a")
    random = np.random.default_rng(6)
    agrees(made_inside, (random.normal(size=70), random.normal(size=4)), wrt=("x", "a"))


def within_a_recurrence(x, a):
    """The iterations in time depend on each other, those over x do not."""
    n, d = x.size, a.size
    v = np.empty(d)
    w = np.empty(d)
    s = 1.0
    for _ in range(3):
        sums = 0.0
        for i in range(n):
            for j in range(d):
                v[j] = math.sin(a[j] * x[i]) * s
                w[j] = v[j]
            for j in range(1, d):
                for k in range(j):
                    w[j] += v[k] * a[j]
            sums += w[d - 1] - w[0] * w[1]
        s = math.sin(0.02 * sums)
    return s


def test_a_loop_inside_of_a_recurrence():
    assert "side by side" in gradient_text(within_a_recurrence, (V, V), "x", "a")
    random = np.random.default_rng(7)
    agrees(within_a_recurrence, (random.normal(size=70), random.normal(size=4)), wrt=("x", "a"))


# ---------------------------------------------------------------- loops that are left


def carries_on(x, a):
    w = np.zeros(a.shape[0])
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(1, a.shape[0]):
            for k in range(j):
                w[j] = 0.5 * w[j] + a[k] * math.sin(x[i] * w[k])
        total += w[-1]
    return total


def own_bounds(x, a):
    w = np.empty(a.shape[0])
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(a.shape[0]):
            w[j] = a[j] * x[i]
        for j in range(int(abs(x[i])) % a.shape[0]):
            for k in range(j):
                w[j] += w[k] * a[k]
        total += w[0] * w[1]
    return total


def until_done(x, a):
    w = np.empty(a.shape[0])
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(a.shape[0]):
            w[j] = a[j] * x[i]
        while w[0] > 1.0:
            w[0] *= 0.5
            for j in range(1, a.shape[0]):
                w[j] += w[j - 1] * w[0]
        total += w[0] * w[1]
    return total


def along_the_rows(x, a):
    """The innermost loop reads its own row of a matrix: lanes would take a column of it."""
    w = np.empty(a.shape[0])
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(a.shape[0]):
            w[j] = a[j] * x[i, j]
        s = 0.0
        for j in range(a.shape[0]):
            s += w[j] * w[j] * x[i, j]
        total += s * s
    return total


@pytest.mark.parametrize(
    ("f", "shape"),
    [(carries_on, (70,)), (own_bounds, (70,)), (until_done, (70,)), (along_the_rows, (70, 3))],
)
def test_loops_that_are_left(f, shape):
    assert "side by side" not in gradient_text(f, (M if len(shape) == 2 else V, V), "x", "a")
    random = np.random.default_rng(8)
    agrees(f, (random.normal(size=shape), random.normal(size=3)), wrt=("a",))


def test_where_the_value_is_asked_for_it_is_the_programs():
    x, a = inputs(150, 3)
    value, gradient = srcad.value_and_grad(triangle, wrt="a")(x, a)
    assert value == pytest.approx(triangle(x, a), rel=1e-14)
    np.testing.assert_allclose(gradient, differences(triangle, (x, a), 1), rtol=2e-6, atol=2e-6)


def test_float32_lanes():
    x, a = (v.astype(np.float32) for v in inputs(150, 3))
    found = srcad.grad(triangle, wrt="a")(x, a)
    exact = srcad.grad(triangle, wrt="a")(x.astype(float), a.astype(float))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, exact, rtol=1e-4)


def test_numbers_that_are_not_finite_stay_in_their_lane():
    x, a = inputs(150, 3)
    x[20, 1], x[90, 2] = np.inf, np.nan
    found = srcad.grad(triangle, wrt="x")(x, a)
    expected = srcad.grad(triangle, wrt="x", jit=False)(x[:10], a)
    np.testing.assert_array_equal(found[:10], expected)
    assert np.isnan(found[90]).any()
    clean = np.delete(np.arange(150), [20, 90])
    np.testing.assert_allclose(found[clean], srcad.grad(triangle, wrt="x")(x[clean], a), rtol=1e-13)


def test_a_second_derivative():
    x, a = inputs(20, 3)
    v = np.ones_like(a)
    found = srcad.hvp(triangle, (x, a), v, wrt="a")
    gradient = srcad.grad(triangle, wrt="a")
    expected = (gradient(x, a + 1e-6 * v) - gradient(x, a - 1e-6 * v)) / 2e-6
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
