"""States that a step makes anew and hands on, and loops counted by what they write."""

import numpy as np
import pytest

import srcad
from tests import oracles
from tests.passes.support import INTEGER, V, gradient_text

x5 = np.array([0.9, 0.4, 1.3, -0.6, 0.2])


def leapfrog(u, c, n):
    before = u.copy()
    now = u.copy()
    s = 0.0
    for t in range(n):
        after = np.zeros(u.size)
        after[1:-1] = 2.0 * now[1:-1] - before[1:-1] + c[1:-1] * np.sin(now[2:] - now[:-2])
        after[0] = 0.5 * now[1]
        s += after[2] * after[1]
        before, now = now, after
    return s + np.sum(now * before)


def adams(u, c, n):
    """Three states are handed on, and the new one begins as the last."""
    one = u.copy()
    two = u.copy()
    three = np.zeros(u.size)
    for t in range(n):
        new = three.copy()
        for i in range(1, u.size - 1):
            new[i] += c[i] * (two[i - 1] * two[i] - 0.5 * one[i + 1] * three[i])
        one, two, three = two, three, new
    return np.sum(one * two) + np.sum(three * three)


def inside_another_loop(u, c, n):
    s = 0.0
    for k in range(2):
        before = u.copy()
        now = u.copy()
        for t in range(n):
            after = np.empty(u.size)
            after[0] = after[-1] = 0.1
            after[1:-1] = now[2:] * now[:-2] - 0.3 * before[1:-1]
            before, now = now, after
        s += np.sum(before * now)
    return s


ROTATED = [leapfrog, adams, inside_another_loop]


def somebody_has_the_oldest(u, c, n):
    before, now = u.copy(), u.copy()
    kept = before
    for t in range(n):
        after = np.zeros(u.size)
        after[1:-1] = now[2:] * now[:-2] - 0.3 * before[1:-1]
        before, now = now, after
    return np.sum(before * now * kept)


def a_view_of_one(u, c, n):
    before, now, old = u.copy(), u.copy(), u[1:]
    for t in range(n):
        after = np.zeros(u.size)
        after[1:-1] = now[2:] * now[:-2] - 0.3 * before[1:-1]
        before, now = now, after
        old = before[1:]
    return np.sum(before * now) + np.sum(old * c[1:])


def the_new_one_is_read_after(u, c, n):
    before, now = u.copy(), c.copy()
    after = u * c
    for t in range(n):
        after = np.zeros(u.size)
        after[1:-1] = now[2:] * now[:-2] - 0.3 * before[1:-1]
        before, now = now, after
        after[0] = 0.7 * u[0]
    return np.sum(before * now * after)


def both_are_one_at_first(u, c, n):
    before = now = u.copy()
    for t in range(n):
        after = np.zeros(u.size)
        after[1:-1] = now[2:] * now[:-2] - 0.3 * before[1:-1]
        before, now = now, after
        before[0] += c[0] * before[1]
    return np.sum(before * now)


def the_arguments_themselves(u, c, n):
    for t in range(n):
        after = np.zeros(u.size)
        after[1:-1] = c[2:] * c[:-2] - 0.3 * u[1:-1]
        u, c = c, after
    return np.sum(u * c)


def in_a_list(u, c, n):
    before, now = u.copy(), c.copy()
    states = [before]
    for t in range(n):
        after = np.zeros(u.size)
        after[1:-1] = now[2:] * now[:-2] - 0.3 * before[1:-1]
        before, now = now, after
        states.append(after)
    return np.sum(before * now) + np.sum(states[0] * states[-1])


def shapes_differ(u, c, n):
    before, now = u.copy(), c.copy()
    for t in range(n):
        after = np.zeros(now.size + 1)
        for i in range(1, before.size):
            after[i] = now[i - 1] * before[i] * c[0]
        before, now = now, after
    return np.sum(now * now)


LEFT = [
    somebody_has_the_oldest,
    a_view_of_one,
    the_new_one_is_read_after,
    both_are_one_at_first,
    the_arguments_themselves,
    in_a_list,
    shapes_differ,
]


@pytest.mark.parametrize("f", ROTATED + LEFT)
def test_states_that_are_handed_on(f):
    found = srcad.grad(f, wrt=("u", "c"), jit=False)
    for n in (0, 1, 2, 5):
        args = x5, x5[::-1] + 0.3, n
        before = [a.copy() for a in args[:2]]
        for k, gradient in enumerate(found(*args)):
            expected = oracles.complex_step(f, args, k)
            np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-12)
        for a, b in zip(args[:2], before, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("f", ROTATED)
def test_three_fields_are_exchanged(f):
    text = gradient_text(f, (V, V, INTEGER), "u", "c")
    new = "new" if f is adams else "after"
    assert f", {new} = " in text
    assert f is inside_another_loop or "_list" not in text  # of the loop around it


def test_compiled():
    args = x5, x5[::-1] + 0.3, 4
    for k, gradient in enumerate(srcad.grad(leapfrog, wrt=("u", "c"))(*args)):
        expected = oracles.complex_step(leapfrog, args, k)
        np.testing.assert_allclose(gradient, expected, rtol=1e-10)


def test_loops_are_counted_by_what_they_write():
    def f(u, c):
        v = np.zeros(u.size)
        v[1:-1] = u[2:] * u[:-2]
        return np.sum(v * v)

    text = gradient_text(f, (V, V), "u")
    assert "range(1, u.shape[0] - 1)" in text and "v[i] = u[i + 1] * u[i - 1]" in text
    for n in (0, 1, 2, 3, 6):
        u = np.linspace(0.3, 0.8, n)
        expected = oracles.complex_step(f, (u, u), 0)
        np.testing.assert_allclose(srcad.grad(f, jit=False)(u, u), expected, rtol=1e-12)
