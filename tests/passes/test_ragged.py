"""Rows of a vector that begin and end at numbers of the run: assigned where they follow, else added.

The oracle is the gradient in closed form, for rows that follow, overlap, leave gaps, are empty,
come in another order, or count from the end.
"""

import numpy as np
import pytest

import srcad
from tests import oracles
from tests.passes.support import IV, V, written

ROWS = {
    "in turn": ([0, 2, 5], [2, 5, 9]),
    "with gaps": ([1, 4, 4, 6], [3, 4, 5, 8]),
    "empty": ([0, 3, 3, 9], [3, 3, 1, 2]),
    "far away and empty": ([0, 90, 4], [2, 80, 6]),
    "overlapping": ([0, 3, 2, 7], [4, 6, 5, 9]),
    "overlapping at once": ([4, 0, 4], [6, 5, 9]),
    "backward": ([7, 4, 0], [9, 7, 3]),
    "from the end": ([0, -3, 3], [2, 0, 6]),
    "across the end": ([-2, 2], [2, 4]),
    "the same again": ([2, 2], [6, 6]),
    "none": ([], []),
}


def forth(data, x, starts, stops, b):
    total = 0.0
    for i in range(starts.size):
        s = 0.0
        for k in range(starts[i], stops[i]):
            s += data[k] * data[k] * x[k]
        total += (s - b[i]) ** 2
    return total


def back(data, x, starts, stops, b):
    total = 0.0
    for i in range(starts.size - 1, -1, -1):
        s = 1.0
        for k in range(stops[i] - 1, starts[i] - 1, -1):
            s *= data[k] * x[k]
        total = total * s + b[i] * s
    return total


def chain(data, x, starts, stops, b):
    total = 0.0
    for i in range(starts.size):
        for k in range(starts[i], stops[i]):
            total = total * data[k] + x[k]
        total *= b[i]
    return total


F = forth, back, chain
given = srcad.grad(forth, wrt=("data", "x")), srcad.grad(chain, wrt=("data", "x"))
gradients = dict(zip(F, (given[0], srcad.grad(back, wrt=("data", "x")), given[1]), strict=True))


def arguments(rows, more=0):
    random = np.random.default_rng(3)
    starts, stops = (np.array(part, dtype=np.int64) for part in rows)
    data, x = random.normal(size=9), random.normal(size=9 + more)
    return data, x, starts, stops, random.normal(size=starts.size)


@pytest.mark.parametrize("f", F, ids=lambda f: f.__name__)
@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("more", [0, 3, -1])
def test_rows_in_any_order(f, rows, more):
    """Also where one vector is longer than the other."""
    args = arguments(rows, more)
    if more < 0 and 9 in rows[1]:
        with pytest.raises(IndexError):
            gradients[f](*args)
        return
    found = gradients[f](*args)
    for k in range(2):
        expected = oracles.complex_step(f, args, k)
        np.testing.assert_allclose(found[k], expected, rtol=1e-12, atol=1e-13)


def test_rows_as_python_and_as_the_pullback_of_a_product():
    args = arguments(ROWS["overlapping"])
    for one, two in zip(gradients[forth](*args), _plain(*args), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-13)


def _plain(*args):
    return srcad.grad(forth, wrt=("data", "x"), jit=False)(*args)


def test_what_is_written():
    text = written(forth, (V, V, IV, IV, V), ("data", "x")).text
    assert "data_b = np.empty(data.shape[0])" in text and "x_b = np.empty(x.shape[0])" in text
    assert "if filled <= start and start < stop:" in text
    assert "filled = max(data_b.shape[0], x_b.shape[0])" in text


def test_rows_that_are_not_the_first_to_touch_the_shadow_are_added():
    def f(data, starts, stops):
        total = 0.0
        for i in range(starts.size):
            s = data[i]
            for k in range(starts[i], stops[i]):
                s += data[k] ** 2
            total += s * s
        return total

    assert "filled" not in written(f, (V, IV, IV), ("data",)).text
