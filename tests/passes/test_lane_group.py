"""Rows of arrays by points side by side: what is written, and that it is right.

The oracle is complex step of the function as Python runs it, member by member for batches.
"""

import numpy as np
import pytest

from srcad import batch, grad, jacobian, jvp, value_and_grad
from srcad.transform import side_by_side
from tests.oracles import complex_step
from tests.passes.support import M, V, gradient_text, is_exact, slopes_agree


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    """Moving elements costs nothing."""
    monkeypatch.setattr(side_by_side, "_MOVES", 1000)
    monkeypatch.setattr(side_by_side, "_IN_LOOPS", 1000)


SIZES = [0, 1, 2, 15, 16, 17, 40]
BESIDE = "16 iterations side by side"
ALONE = "range(strip, "


def table(n, columns=5):
    return np.random.default_rng(n).normal(size=(n, columns))


def weights(n):
    return np.random.default_rng(n + 1).normal(size=n)


def jacobians_are_exact(f, points, rows, **options):
    found = batch(jacobian(f, mode="rev", **options), **options)(points)
    assert found.shape == (len(points), rows, points.shape[1])
    for point, matrix in zip(points, found, strict=True):
        for k in range(rows):
            expected = complex_step(lambda p, k=k: f(p + 0j)[k], (point,), 0)
            np.testing.assert_allclose(matrix[k], expected, rtol=1e-12, atol=1e-13)


def turned(p):
    """All elements of the rows by number, and loops of three."""
    axis, x, scale = p[:3], p[3:6], p[5]
    angle = np.sqrt(np.sum(axis**2))
    y = x * np.cos(angle) + np.cross(axis / angle, x) * np.sin(angle)
    return y[:2] / (y[2] + 4.0) * scale


def some(p):
    """Elements that are far apart, and zeros that nothing is added to."""
    a = np.sin(p[0]) * p[3]
    return np.array([a * p[1] + p[0], p[4] - a * p[3], p[1] * p[1]])


@pytest.mark.parametrize("n", SIZES)
def test_jacobians_of_a_batch(n):
    jacobians_are_exact(turned, table(n, 6), 2)
    jacobians_are_exact(turned, table(n, 8), 2)
    jacobians_are_exact(some, table(n, 5), 3)


def test_strips_take_the_last_member_again():
    text = batch(jacobian(turned, mode="rev")).source(table(4, 6))
    assert BESIDE in text
    assert ALONE not in text
    assert "min(strip + lane, p.shape[0] - 1)" in text
    assert "p_lanes[i_" in text  # whole rows, by one nest
    for options in ({"parallel": True}, {"vector_math": False}):
        assert BESIDE not in batch(jacobian(turned, **options), **options).source(table(4, 6))


@pytest.mark.parametrize("n", SIZES)
def test_gradients_of_a_batch(n):
    def f(p):
        return np.exp(-p[0] * p[1]) * p[2] + np.sin(p[4]) ** 2

    points = table(n)
    assert BESIDE in batch(grad(f)).source(points)
    for point, found in zip(points, batch(grad(f))(points), strict=True):
        np.testing.assert_allclose(found, complex_step(f, (point,), 0), rtol=1e-12, atol=1e-14)


def test_a_batch_of_other_members_raises_as_it_did():
    def f(p, seen):
        return np.sin(p[:2] * p[2]) - seen

    rows = batch(jacobian(f, wrt="p", mode="rev"))
    assert rows(table(0, 3), np.ones((0, 7))).shape == (0, 2, 3)
    with pytest.raises(ValueError, match="lengths differ"):
        rows(table(20, 3), np.ones((20, 3)))
    with pytest.raises(IndexError):
        rows(table(20, 2), np.ones((20, 2)))


# ---------------------------------------------------------------- loops of the program


def updated(p, w):
    """Elements that are stored, read again, and stored again; a literal; a hole in a row."""
    out = np.zeros((p.shape[0], 5))
    for i in range(p.shape[0]):
        out[i, 0] = np.sin(p[i, 1]) * p[i, 0]
        out[i, 1] = out[i, 0] * p[i, 2]
        out[i, 0] += np.cos(p[i, 2]) * out[i, 1]
        out[i, 3] = 0.5
        out[i, 4] = out[i, 3] * out[i, 0]
        out[i, 3] = p[i, 4]
    total = 0.0
    for i in range(p.shape[0]):
        for k in range(5):
            total += out[i, k] * w[k] * out[i, 4 - k]
    return total


def which(p, w):
    """Elements that may be the same: an order that must stay."""
    out = np.zeros((p.shape[0], 3))
    for i in range(p.shape[0]):
        for k in range(w.size):
            out[i, 1] = np.sin(p[i, k % 5])
            out[i, k % 3] = p[i, 0] * p[i, 1]
            out[i, 2] = out[i, 1] * out[i, (k + 1) % 3] + w[k]
    return np.sum(out * out)


def in_place(p, w):
    """Rows that are read and written."""
    p = p.copy()
    for i in range(p.shape[0]):
        p[i, 0] = np.sin(p[i, 0] * w[1])
        p[i, 1] *= p[i, 0]
        for k in range(3):
            p[i, k + 1] += 0.3 * np.exp(-(p[i, k] ** 2))
    return np.sum(p**2)


def steps(p, w):
    """A loop in each iteration, whose length is known when it runs."""
    out = np.empty((p.shape[0], w.size))
    for i in range(p.shape[0]):
        z = p[i, 0]
        for t in range(w.size):
            z = np.sin(z * w[t]) + 0.1 * p[i, 1]
            out[i, t] = z
    return np.sum(out**2 * w)


def neighbours(p, w):
    """Elements that the next iteration adds to as well."""
    out = np.zeros((p.shape[0] + 1, 2))
    for i in range(p.shape[0]):
        out[i, 0] += np.sin(p[i, 0]) * w[0]
        out[i + 1, 0] += np.exp(-(p[i, 1] ** 2))
    return np.sum(out**2)


def carried(p, w):
    """Each row goes on from the one before it."""
    out = np.zeros((p.shape[0] + 1, 2))
    for i in range(p.shape[0]):
        out[i + 1, 0] = np.sin(out[i, 0] * w[0] + p[i, 0]) * p[i, 1]
    return np.sum(out**2)


def columns(p, w):
    """Rows that are summed down, and rows from the end."""
    out = np.zeros(5)
    total = 0.0
    for i in range(p.shape[0]):
        a = np.sin(p[i, -1] * p[-1 - i, 0])
        out[1] += a * p[i, 2]
        total += a * a
    return total + np.sum(out * w)


def within(p, w):
    """Points in each step of a loop: the last few are alone."""
    q = np.zeros((p.shape[0], 2))
    for t in range(w.size):
        for i in range(p.shape[0]):
            q[i, 0] += np.sin(p[i, 0] + q[i, 1]) * w[t]
            q[i, 1] = q[i, 0] * p[i, 1] + np.cos(p[i, 2])
    return np.sum(q**2)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "f", [updated, which, in_place, steps, neighbours, carried, columns, within]
)
@pytest.mark.parametrize("n", [0, 1, 16, 19])
def test_loops_over_points(f, n):
    if n or f is not columns:
        is_exact(f, (table(n), weights(5)), "p", "w")


def test_which_loops_are_in_strips():
    def text(f):
        return gradient_text(f, (M, V), "p")

    assert all(BESIDE in text(f) for f in (updated, in_place, steps, within, chosen, until))
    assert BESIDE not in text(carried)
    assert ALONE in text(within)


def chosen(p, w):
    """Branches and conditional elements."""
    out = np.zeros((p.shape[0], 3))
    for i in range(p.shape[0]):
        a = p[i, 0]
        if a > 0.1:
            out[i, 0] = np.sin(a) * p[i, 1]
            if p[i, 2] > 0.0:
                out[i, 1] = out[i, 0] * p[i, 3]
        else:
            out[i, 2] = a * a + np.cos(p[i, 4] if p[i, 3] > 0.2 else p[i, 1])
    return np.sum(out * w[:3])


def until(p, w):
    """Points that take as many steps as they need."""
    out = np.zeros((p.shape[0], 2))
    for i in range(p.shape[0]):
        z = p[i, 0]
        while z < 1.0:
            z += 0.3 + 0.2 * np.sin(p[i, 1] * z) ** 2
        out[i, 1] += z * p[i, 2]
        out[i, 0] = z * w[0]
    return np.sum(out**2)


def placed(p, w, at):
    """Rows that another array names."""
    out = np.zeros((p.shape[0], 2))
    acc = np.zeros(5)
    for i in range(p.shape[0]):
        out[i, 0] = np.sin(p[at[i], 1]) * w[at[i] % 5]
        acc[at[i] % 5] += out[i, 0] * p[i, 0]
        out[i, 1] = acc.size * out[i, 0]
    return np.sum(out**2) + np.sum(acc * w)


@pytest.mark.parametrize("f", [chosen, until])
@pytest.mark.parametrize("n", [1, 16, 35])
def test_points_that_differ(f, n):
    slopes_agree(f, (table(n), weights(5)), wrt=("p", "w"))


def test_rows_that_another_array_names():
    at = np.arange(35) * 7 % 35
    args = table(35), weights(5), at
    is_exact(placed, args, "p", "w")


def test_the_value_and_other_modes():
    args = table(35), weights(5)
    value, slope = value_and_grad(updated)(*args)
    np.testing.assert_allclose(value, updated(*args), rtol=1e-13)
    np.testing.assert_allclose(slope, complex_step(updated, args, 0), rtol=1e-12, atol=1e-13)
    along = table(36)[:35]
    _, moved = jvp(updated, args, (along, None))
    np.testing.assert_allclose(moved, np.sum(slope * along), rtol=1e-12)


def test_single_precision():
    points = table(35, 6)
    single = batch(jacobian(turned, mode="rev"))(points.astype(np.float32))
    assert single.dtype == np.float32
    double = batch(jacobian(turned, mode="rev", jit=False), jit=False)(points)
    np.testing.assert_allclose(single, double, rtol=2e-3, atol=1e-4)
