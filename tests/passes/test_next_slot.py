"""Fields that a step changes in place and makes in the next slot of their tape, and others."""

import numpy as np
import pytest

import srcad
from benchmarks.kernels import fdtd as kernel
from tests.oracles import complex_step
from tests.passes.support import INTEGER, M, V, gradient_text, is_exact
from tests.passes.test_read_saved import field
from tests.passes.test_resident import plane


def staggered(k, e, start, steps):
    e = e.copy()
    n, m = k.shape
    h = np.zeros((n, m))
    for i in range(n):
        for j in range(m):
            h[i, j] = start[i, j]
    for _ in range(steps):
        for i in range(n):
            for j in range(1, m):
                e[i, j] -= k[i, j] * (h[i, j] - h[i, j - 1])
        for i in range(n - 1):
            for j in range(m - 1):
                h[i, j] -= 0.7 * (e[i, j + 1] - e[i, j])
    return np.sum(h * h)


def steps_of(text, counter):
    forward, _ = text.split("# reverse sweep")
    return forward[forward.index(f"for {counter} in range(steps):") :]


def test_a_step_finds_one_slot_and_writes_the_next():
    text = steps_of(gradient_text(staggered, (M, M, M, INTEGER), "k"), "k_1")
    assert "h_old = h_tape_1[k_1]" in text
    assert "h = h_tape_1[k_1 + 1]" in text
    assert "h[i, j] = h_old[i, j] - 0.7 * (" in text
    assert "(h_old[i, j] - h_old[i, j - 1])" in text
    assert "h[n - 1, i_" in text and ", m - 1] = h_old[i_" in text


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (5, 1), (4, 3), (0, 3), (3, 0)])
@pytest.mark.parametrize("steps", [0, 1, 2, 4])
def test_staggered(shape, steps):
    is_exact(
        staggered, (plane(*shape), plane(*shape) * 0.3, plane(*shape) + 0.2, steps), "k", "start"
    )


def copied(u, k, steps):
    u = u.copy()
    for t in range(steps):
        un = u.copy()
        u[1:-1, 1:-1] = un[1:-1, 1:-1] + k[1:-1, 1:-1] * un[2:, 1:-1] * un[1:-1, :-2]
        u[0, :] = 0.5 * u[1, :] + un[0, :] * un[1, :]
        u[:, -1] = 0.1 * t
    return np.sum(u * u)


def test_the_copy_of_a_step_is_the_old_field():
    text = steps_of(gradient_text(copied, (M, M, INTEGER), "u"), "t")
    assert "un = un_tape[t]" in text
    assert "u_1 = un_tape[t + 1]" in text
    assert "un[i_" in text and "un[i_1, j_1] = u_1[" not in text


@pytest.mark.parametrize("shape", [(2, 5), (5, 3), (3, 3), (6, 2)])
@pytest.mark.parametrize("steps", [0, 1, 2, 5])
def test_copied(shape, steps):
    is_exact(copied, (plane(*shape), plane(*shape), steps), "u", "k")


def test_two_fields_of_one_step():
    def f(u, v, k, steps):
        u = u.copy()
        v = v.copy()
        for _ in range(steps):
            un = u.copy()
            vn = v.copy()
            u[1:-1] = un[1:-1] - k[1:-1] * un[1:-1] * (un[1:-1] - un[:-2]) + 0.1 * vn[2:]
            v[1:-1] = vn[1:-1] - k[1:-1] * un[1:-1] * (vn[1:-1] - vn[:-2])
        return np.sum(u * v)

    text = steps_of(gradient_text(f, (V, V, V, INTEGER), "u"), "k_1")
    assert "u_1 = un_tape[k_1 + 1]" in text and "v_1 = vn_tape[k_1 + 1]" in text
    for steps in (0, 1, 2, 4):
        is_exact(f, (field(6), field(7)[:6], field(8)[:6], steps), "u", "v", "k")


# ---------------------------------------------------------------- what is copied as before


def test_a_step_that_reads_what_it_has_written():
    def f(u, k, steps):
        u = u.copy()
        for _ in range(steps):
            for i in range(1, u.size):
                u[i] = u[i] + k[i] * u[i - 1] * u[i - 1]
        return np.sum(u * u)

    def g(u, e, k, steps):
        u = u.copy()
        e = e.copy()
        for _ in range(steps):
            for i in range(u.size):
                e[i] += u[i] * k[i]
            u[0] = e[1]
            for i in range(1, u.size - 1):
                u[i] += e[i] - e[i + 1] * u[0]
        return np.sum(u * u)

    for steps in (0, 1, 3):
        is_exact(f, (field(6) * 0.5, field(7)[:6], steps), "u", "k")
        is_exact(g, (field(6) * 0.5, field(7)[:6], field(8)[:6], steps), "u", "k")


def test_a_step_that_does_not_write_all_of_the_inside():
    def f(u, e, k, steps):
        u = u.copy()
        e = e.copy()
        for t in range(steps):
            for i in range(u.size):
                e[i] += u[i] * k[i]
            for i in range(u.size):
                if e[i] > 0.6:
                    u[i] += e[i] * k[i]
        return np.sum(u * u)

    def g(u, e, k, steps):
        u = u.copy()
        e = e.copy()
        for t in range(steps):
            for i in range(u.size):
                e[i] += u[i] * k[i]
            for i in range(t % 3, u.size - 1):
                u[i] += e[i] * k[i + 1]
        return np.sum(u * u)

    for each in (f, g):
        assert "_old = " not in gradient_text(each, (V, V, V, INTEGER), "u")
        for steps in (0, 1, 4):
            is_exact(each, (field(6), field(7)[:6], field(8)[:6], steps), "u", "e", "k")


def test_another_name_of_the_field():
    def f(u, e, k, steps):
        u = u.copy()
        e = e.copy()
        first = u
        for _ in range(steps):
            for i in range(u.size):
                e[i] += u[i] * k[i] * first[i]
            for i in range(u.size - 1):
                u[i] += e[i + 1] * k[i]
        return np.sum(u * first)

    for steps in (0, 1, 3):
        is_exact(f, (field(6), field(7)[:6], field(8)[:6], steps), "u", "e", "k")


def test_a_field_that_is_written_after_the_loop():
    def f(u, e, k, steps):
        u = u.copy()
        e = e.copy()
        for _ in range(steps):
            for i in range(u.size):
                e[i] += u[i] * k[i]
            for i in range(u.size - 1):
                u[i] += e[i + 1] * k[i]
        u[1] = u[2] * u[1]
        for _ in range(steps):
            for i in range(u.size):
                e[i] += u[i] * k[i]
            for i in range(u.size - 1):
                u[i] -= e[i + 1] * k[i]
        return np.sum(u * u)

    for steps in (0, 1, 3):
        is_exact(f, (field(6) * 0.4, field(7)[:6], field(8)[:6], steps), "u", "e", "k")


def test_the_copy_is_written_too():
    def f(u, k, steps):
        u = u.copy()
        un = u.copy()
        for _ in range(steps):
            un = u.copy()
            u[1:-1] = un[1:-1] + k[1:-1] * un[2:] * un[:-2]
            un[0] = u[1] * u[2]
            u[0] = un[0] * un[1]
        return np.sum(u * un)

    for steps in (0, 1, 2, 4):
        is_exact(f, (field(6), field(7)[:6], steps), "u", "k")


def test_the_field_and_its_copy_are_results():
    def f(u, k, steps):
        u = u.copy()
        un = u.copy()
        for _ in range(steps):
            un = u.copy()
            u[1:-1] = un[1:-1] + k[1:-1] * un[2:] * un[:-2]
        return u, un

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
        np.testing.assert_array_equal((a, b), kept)


def test_an_argument_in_place_keeps_its_contents():
    def f(u, e, k, steps):
        for _ in range(steps):
            for i in range(u.size):
                e[i] += u[i] * k[i]
            for i in range(u.size - 1):
                u[i] += e[i + 1] * k[i]
        return np.sum(u * u * e)

    wide = plane(6, 4)
    for steps in (0, 1, 3):
        is_exact(f, (wide[:, 1], wide[:, 2], field(6), steps), "u", "e", "k")
        back = plane(6)[::-1]
        is_exact(f, (back, field(6), field(7)[:6], steps), "u", "k")


@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_other_kinds_of_numbers(dtype):
    def f(u, e, k, steps):
        u = u.copy()
        e = e.copy()
        for _ in range(steps):
            for i in range(u.size):
                e[i] += u[i] * k[i]
            for i in range(u.size - 1):
                u[i] += e[i + 1] * k[i]
        return np.sum(np.abs(u) ** 2)

    args = tuple(a[:6].astype(dtype) for a in (field(6), field(7), field(8)))
    if dtype is np.complex128:
        args = tuple(a * (1 + 0.3j) for a in args)
    given = srcad.grad(f)(*args, 3)
    h = 1e-6 if dtype is np.complex128 else 1e-3
    for place in range(6):
        step = np.zeros(6, np.complex128 if dtype is np.complex128 else np.float64)
        step[place] = h
        wide = [a.astype(step.dtype) for a in args]
        up, down = (f(wide[0] + sign * step, *wide[1:], 3) for sign in (1, -1))
        np.testing.assert_allclose(given[place].real, (up - down) / (2 * h), rtol=1e-4)
    assert given.dtype == dtype


@pytest.mark.parametrize("parallel", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_kernel_against_the_adjoint_by_hand(parallel):
    args = kernel.arguments(1.0)
    expected = kernel.adjoint(**args)
    found = srcad.grad(kernel.PRIMAL, wrt="k", parallel=parallel)
    assert "hz_old = " in found.source(**args)
    for _ in range(2):
        np.testing.assert_allclose(found(**args), expected, rtol=1e-10, atol=1e-13)
