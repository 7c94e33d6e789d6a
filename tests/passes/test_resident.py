"""Fields that live in the slots of their tape, and those that are copied there instead."""

import math
import re

import numpy as np
import pytest

import srcad
from tests.oracles import complex_step
from tests.passes.support import INTEGER, M, V, gradient_text, is_exact
from tests.passes.test_read_saved import field


def plane(*shape):
    return np.random.default_rng(7).random(shape)


def heat(u, kappa, steps):
    n, m = u.shape
    u = u.copy()
    v = u.copy()
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(2, m - 1):
                v[i, j] = u[i, j] + kappa[i, j] * u[i, j] * (
                    u[i + 1, j] - u[i, j - 2] * u[i - 1, j]
                )
        u, v = v, u
    return np.sum(u * u * v)


def test_a_step_writes_into_the_tape_and_copies_the_border():
    text = gradient_text(heat, (M, M, INTEGER), "u", "kappa")
    forward, _ = text.split("# reverse sweep")
    steps = forward[forward.index("for k in range(steps):") :]
    assert "u_1_tape[slot, 0, i_" in steps
    assert "u_1_tape[slot, n - 1, i_" in steps
    assert "v = u_1_tape[slot]" in steps
    assert "u_1_tape[k, " not in steps
    for column in ("0", "1", "m - 1"):
        assert f", {column}] = v[i_" in steps


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (5, 3), (5, 2), (3, 4), (5, 6), (0, 3), (3, 0)])
@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_heat(shape, steps):
    is_exact(heat, (plane(*shape), plane(*shape) + 0.1, steps), "u", "kappa")


def test_three_axes():
    def f(u, k, steps):
        a = u.copy()
        b = u * 2.0
        for _ in range(steps):
            for i in range(1, u.shape[0]):
                for j in range(u.shape[1] - 1):
                    for m in range(1, u.shape[2] - 1):
                        b[i, j, m] = a[i, j, m] * k + a[i - 1, j + 1, m] * a[i, j, m + 1]
            a, b = b, a
        return np.sum(a * a * b)

    for steps in (0, 1, 2, 4):
        is_exact(f, (plane(3, 4, 5), 0.7, steps), "u", "k")


def rotated(c, before, now, after, at, steps):
    before, now, after = before * c, now + c, after - c
    misfit = 0.0
    for t in range(1, steps):
        for i in range(1, c.size - 1):
            after[i] = 2.0 * now[i] - before[i] + c[i] * (now[i + 1] - now[i - 1])
        after[at] += 0.1 * t
        misfit += after[0] * after[2]
        before, now, after = now, after, before
    return misfit + np.sum(now * before * after)


def test_three_arrays_in_turn_have_borders_of_their_own():
    text = gradient_text(rotated, (V, V, V, V, INTEGER, INTEGER), "c")
    assert re.search(r"after_1 = now_1_tape\[segments \+ t_\d - first \+ 1\]", text)
    args = (field(6), field(7)[:6], field(8)[:6], field(9)[:6])
    for at in (0, 2, 5, -1):
        for steps in (0, 2, 3, 4, 7):
            is_exact(rotated, (*args, at, steps), "c", "before", "now", "after")


def test_stores_after_the_exchange_go_to_the_next_field():
    def f(u, k, steps):
        u = u.copy()
        v = u.copy()
        for t in range(steps):
            for i in range(1, u.size - 1):
                v[i] = u[i] + k[i] * u[i - 1] * u[i + 1]
            u, v = v, u
            u[0] = u[1] * k[0]
            u[u.size - 1] = t * k[1]
        return np.sum(u * u * v)

    for steps in (0, 1, 2, 5):
        is_exact(f, (field(6), field(6), steps), "u", "k")


def test_a_border_that_is_not_small_and_one_that_is_read():
    def f(u, k, steps):
        u = u.copy()
        v = u.copy()
        for _ in range(steps):
            for i in range(1, u.size // 2):
                v[i] = u[i] + k[i] * u[i - 1] * u[i + 1]
            u, v = v, u
        return np.sum(u * u)

    def g(u, k, steps):
        u = u.copy()
        v = u * 0.5
        for _ in range(steps):
            s = v[0] + v[1]
            for i in range(1, u.size - 1):
                v[i] = u[i] * s + k[i] * u[i - 1] * u[i + 1]
            u, v = v, u
        return np.sum(u * u)

    for each in (f, g):
        assert "[k_1 + 1]" not in gradient_text(each, (V, V, INTEGER), "u")
        for steps in (0, 1, 2, 3):
            is_exact(each, (field(7), field(7), steps), "u", "k")


def test_a_step_that_does_not_always_write():
    def f(u, k, steps):
        u = u.copy()
        v = u.copy()
        for t in range(steps):
            if t != 1:
                for i in range(1, u.size - 1):
                    v[i] = u[i] + k[i] * u[i - 1] * u[i + 1]
            u, v = v, u
        return np.sum(u * u)

    def g(u, k, steps):
        u = u.copy()
        v = u.copy()
        for _ in range(steps):
            for i in range(1, u.size - 1):
                if u[i] > 0.4:
                    v[i] = u[i] + k[i] * u[i - 1] * u[i + 1]
            u, v = v, u
        return np.sum(u * u)

    def h(u, k, steps):
        u = u.copy()
        v = u.copy()
        for t in range(steps):
            for i in range(1 + t % 2, u.size - 1):
                v[i] = u[i] + k[i] * u[i - 1] * u[i + 1]
            u, v = v, u
        return np.sum(u * u)

    for each in (f, g, h):
        for steps in (0, 1, 2, 5):
            is_exact(each, (field(6), field(6), steps), "u", "k")


def test_what_is_written_after_the_loop():
    def f(u, k, steps):
        u = u.copy()
        v = u.copy()
        for _ in range(steps):
            for i in range(1, u.size - 1):
                v[i] = u[i] + k[i] * u[i - 1] * u[i + 1]
            u, v = v, u
        u[1] = u[2] * u[1]
        v[2] = u[1] * k[1]
        return np.sum(u * u * v)

    for steps in (0, 1, 2, 3):
        is_exact(f, (field(6), field(6), steps), "u", "k")


def test_another_name_from_before_the_loop():
    def f(u, k, steps):
        u = u.copy()
        v = u.copy()
        first, second = u, v
        for _ in range(steps):
            for i in range(1, u.size - 1):
                v[i] = u[i] + k[i] * u[i - 1] * u[i + 1]
            u, v = v, u
        return np.sum(u * first * second)

    for steps in (0, 1, 2, 3):
        is_exact(f, (field(6), field(6), steps), "u", "k")


def test_the_field_is_a_result():
    def f(u, k, steps):
        u = u.copy()
        v = u.copy()
        for _ in range(steps):
            for i in range(1, u.size - 1):
                v[i] = u[i] + k[i] * u[i - 1] * u[i + 1]
            u, v = v, u
        return u, v

    def s(u, k, steps, c):
        a, b = f(u, k, steps)
        return np.sum(a * c) + np.sum(b * b)

    u, k, c = field(6), field(7)[:6], field(8)[:6]
    for steps in (0, 1, 2, 3):
        (a, b), back = srcad.vjp(f, u, k, steps)
        kept = a.copy(), b.copy()
        expected = [complex_step(s, (u, k, steps, c), place) for place in (0, 1)]
        for _ in range(2):
            found = back((c, 2.0 * b))
            np.testing.assert_allclose(found[0], expected[0], rtol=1e-11, atol=1e-12)
            np.testing.assert_allclose(found[1], expected[1], rtol=1e-11, atol=1e-12)
        srcad.vjp(f, c, c, steps)[1]((c, c))
        np.testing.assert_array_equal((a, b), kept)
        value, _ = srcad.value_and_grad(lambda u: (np.sum(f(u, k, steps)[0]), u), has_aux=True)(u)
        np.testing.assert_allclose(value[0], np.sum(a))


@pytest.mark.parametrize("parallel", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_threads_and_elementary_functions(parallel):
    def f(u, k, steps):
        u = u.copy()
        v = u.copy()
        n, m = u.shape
        for _ in range(steps):
            for i in range(1, n - 1):
                for j in range(1, m - 1):
                    v[i, j] = u[i, j] + k[i, j] * math.exp(-u[i - 1, j]) * math.sin(u[i, j + 1])
            u, v = v, u
        return np.sum(u * u)

    args = (plane(5, 6), plane(5, 6), 4)
    for place, name in enumerate(("u", "k")):
        expected = complex_step(f, args, place)
        for jit in (True, False):
            found = srcad.grad(f, wrt=name, parallel=parallel, jit=jit)
            np.testing.assert_allclose(found(*args), expected, rtol=1e-11, atol=1e-12)
            if jit and not parallel:
                assert "vector_exp" in found.source() or "exp(" in found.source()


def test_an_exchange_of_arguments():
    def f(u, v, k, steps):
        for _ in range(steps):
            for i in range(1, u.size - 1):
                v[i] = u[i] + k[i] * u[i - 1] * u[i + 1]
            u, v = v, u
        return np.sum(u * u * v)

    for steps in (0, 1, 2, 3):
        is_exact(f, (field(6), field(7)[:6], field(6), steps), "u", "v", "k")
    wide = plane(6, 4)
    args = (wide[:, 1], wide[:, 2], field(6), 3)
    is_exact(f, args, "u", "v", "k")
