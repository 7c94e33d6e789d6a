"""Arrays that are made where they are copied to, and those that are not."""

import numpy as np
import pytest

import srcad
from tests.oracles import complex_step
from tests.passes.support import M, V, written

X = np.sin(np.arange(12.0)).reshape(3, 4)
W = np.array([0.3, 0.7, -0.5, 1.1])


def delivered(f, types, *args):
    """The text after the pass; what it computes is what the program computes."""
    program = written(f, types, (), "primal")
    space: dict = {}
    exec(program.text, space)
    given = [a.copy() for a in args]
    np.testing.assert_array_equal(space[program.entry](*given), f(*(a.copy() for a in args)))
    return program.text


def test_a_row_is_made_in_its_place():
    def f(x, w):
        out = np.empty((x.shape[0], w.size))
        for k in range(x.shape[0]):
            row = w * x[k, 0]
            for i in range(1, row.size):
                row[i] += row[i - 1] * w[i]
            for i in range(row.size):
                out[k, i] = row[i]
        return out

    text = delivered(f, (M, V), X, W)
    assert "] += out[k, i" in text
    assert text.count("np.") == 1


def test_a_row_that_begins_as_zeros():
    def f(x, w):
        out = np.empty((x.shape[0], 20))
        for k in range(x.shape[0]):
            row = np.zeros(20)
            row[1] += w[0] * x[k, 1]
            row[0] += row[1]
            row[4] -= 2.0
            row[1] += w[2]
            for i in range(20):
                out[k, i] = row[i]
        return out

    text = delivered(f, (M, V), X, W)
    assert "row" not in text


def test_a_row_of_zeros_that_is_filled_at_once():
    def f(x, w):
        out = np.empty((x.shape[0], w.size))
        for k in range(x.shape[0]):
            row = np.zeros(w.size)
            for i in range(w.size):
                row[i] += w[i] * x[k, 0]
            for i in range(1, w.size):
                row[i] += row[i - 1]
            for i in range(w.size):
                out[k, i] = row[i]
        return out

    text = delivered(f, (M, V), X, W)
    assert "row" not in text
    assert "= 0.0" not in text


@pytest.mark.parametrize("case", range(9))
def test_what_is_computed_stays(case):
    def zeros(x, w):
        out = np.empty((x.shape[0], w.size))
        for k in range(x.shape[0]):
            row = np.zeros(w.size)
            row[0] += w[0]
            for i in range(w.size):
                out[k, i] = row[i]
        return out

    def read_before(x, w):
        out = np.ones((x.shape[0], w.size))
        for k in range(x.shape[0]):
            row = w + out[k, ::-1]
            row[0] += row[1]
            for i in range(w.size):
                out[k, i] = row[i]
        return out

    def read_after(x, w):
        out = np.empty((x.shape[0] + 1, w.size))
        for k in range(x.shape[0]):
            row = w * x[k]
            row[0] += row[1]
            for i in range(w.size):
                out[k, i] = row[i]
            out[k, 0] = 9.0
            for i in range(w.size):
                out[k + 1, i] = row[i]
        return out

    def moved(x, w):
        out = np.ones((2 * x.shape[0], w.size))
        at = 0
        for k in range(x.shape[0]):
            row = w * x[k]
            row[0] += row[1]
            at += 1 + k % 2
            for i in range(w.size):
                out[at, i] = row[i]
        return out

    def turned(x, w):
        out = np.empty((w.size, x.shape[0]))
        for k in range(x.shape[0]):
            row = w * x[k]
            row[0] += row[1]
            for i in range(w.size):
                out[i, k] = row[i]
        return out

    def part(x, w):
        out = np.ones((x.shape[0], w.size))
        for k in range(x.shape[0]):
            row = w * x[k]
            row[0] += row[1]
            for i in range(w.size - 1):
                out[k, i] = row[i]
        return out

    def into_an_argument(x, w):
        for k in range(x.shape[0]):
            row = w * 2.0
            row[0] += row[1]
            for i in range(w.size):
                x[k, i] = row[i]
        return x

    def another_name(x, w):
        out = np.ones((x.shape[0], w.size))
        other = out
        for k in range(x.shape[0]):
            row = w + other[k, ::-1]
            row[0] += row[1]
            for i in range(w.size):
                out[k, i] = row[i]
        return out

    def kept(x, w):
        out = np.ones((x.shape[0], w.size))
        last = w
        for k in range(x.shape[0]):
            row = last * x[k]
            row[0] += row[1]
            for i in range(w.size):
                out[k, i] = row[i]
            out[k, 1] = 3.0
            last = row
        return out

    cases = (
        zeros,
        read_before,
        read_after,
        moved,
        turned,
        part,
        into_an_argument,
        another_name,
        kept,
    )
    delivered(cases[case], (M, V), X, W)


def test_a_jacobian_of_a_batch():
    def residual(p, seen):
        r = np.empty(2)
        r[0] = p[0] * p[3] - seen[0] * p[1]
        r[1] = p[2] ** 2 * p[1] + seen[1]
        return r

    seen = X[:, :2].copy()
    for jit in (True, False):
        rows = srcad.batch(srcad.jacobian(residual, mode="rev", jit=jit), jit=jit)
        found = rows(X, seen)
        assert "jacobian[" not in rows.source()
        for k in range(3):
            for j in range(2):
                each = complex_step(lambda p, s, j=j: residual(p + 0j, s)[j], (X[k], seen[k]), 0)
                np.testing.assert_allclose(found[k, j], each, rtol=1e-12, atol=1e-14)
