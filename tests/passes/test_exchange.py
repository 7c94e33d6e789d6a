"""Fields that a step changes through a temporary, and those that are left in place."""

import numpy as np
import pytest

import srcad
from srcad.runtime import schedules
from tests.oracles import complex_step
from tests.passes.support import INTEGER, M, V, gradient_text
from tests.passes.test_read_saved import field
from tests.passes.test_resident import plane
from tests.passes.test_segments import eight, is_exact


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(schedules, "segment_length", eight)


def agrees(f, args, *wrt):
    """Gradient and value are those of a complex step and of the program; arguments stay."""
    names = f.__code__.co_varnames[: f.__code__.co_argcount]
    given = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    value, gradients = srcad.value_and_grad(f, wrt=wrt, jit=False)(*given)
    np.testing.assert_allclose(value, f(*args), rtol=1e-12)
    for name, gradient in zip(wrt, gradients, strict=True):
        expected = complex_step(f, args, names.index(name))
        np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-12)
    for a, b in zip(given, args, strict=True):
        np.testing.assert_array_equal(a, b)


def smoothed(u, k, steps):
    u = u.copy()
    for _ in range(steps):
        u[1:-1] += k[1:-1] * u[1:-1] * (u[2:] - u[:-2])
    return np.sum(u * u)


def heat(u, k, steps):
    u = u.copy()
    for _ in range(steps):
        u[1:-1, 2:-1] += k[1:-1, 2:-1] * u[1:-1, 2:-1] * (u[2:, 2:-1] - u[1:-1, :-3])
    return np.sum(u * u)


@pytest.mark.parametrize("steps", [0, 1, 8, 9, 17])
@pytest.mark.parametrize("n", [2, 3, 6])
def test_slices(short, n, steps):
    is_exact(smoothed, (field(n)[:n], field(n)[:n] * 0.2, steps), "u", "k")


@pytest.mark.parametrize("shape", [(4, 5), (3, 4), (2, 3)])
def test_slices_of_two_axes(short, shape):
    is_exact(heat, (plane(*shape), plane(*shape) * 0.1, 17), "u", "k")


def test_the_source():
    text = gradient_text(heat, (M, M, INTEGER), "u", "k")
    assert "u_1, u_1_next = u_1_next, u_1" in text
    assert "segment_length(" in text


def test_what_is_looked_at_before_and_after(short):
    def f(u, k, steps):
        u = u.copy()
        total = 0.0
        for t in range(steps):
            total += u[2] * (t + 1)
            u[1:-1] += k[1:-1] * u[1:-1] * (u[2:] - u[:-2])
            total += u[1] * u[2]
        return total + np.sum(u[1:] * u[:-1])

    for steps in (0, 1, 9, 18):
        agrees(f, (field(5)[:5], field(5)[:5] * 0.2, steps), "u", "k")
    assert "_next, " in gradient_text(f, (V, V, INTEGER), "u")


def test_two_fields_in_turn(short):
    def f(u, w, k, steps):
        u, w = u.copy(), w.copy()
        for _ in range(steps):
            u[1:-1] += k[1:-1] * (w[2:] * u[:-2] - u[2:])
            w[1:-1] += k[1:-1] * (u[2:] * w[:-2] - w[2:])
        return np.sum(u * w)

    for steps in (0, 1, 9, 18):
        args = (field(5)[:5], field(6)[:5], field(5)[:5] * 0.2, steps)
        agrees(f, args, "u", "w", "k")


def test_the_field_is_the_result():
    def f(u, k, steps):
        u = u.copy()
        for _ in range(steps):
            u[1:-1] += k[1:-1] * u[1:-1] * (u[2:] - u[:-2])
        return u

    def loss(u, k, steps, seed):
        return np.sum(f(u, k, steps) * seed)

    args = (field(5)[:5], field(5)[:5] * 0.2)
    for steps in (0, 1, 2, 3):
        found, back = srcad.vjp(f, *args, steps, jit=False)
        np.testing.assert_allclose(found, f(*args, steps), rtol=1e-13)
        seed = field(5)[:5] + 1.0
        for name, gradient in zip(("u", "k"), back(seed), strict=False):
            expected = complex_step(loss, (*args, steps, seed), "uk".index(name))
            np.testing.assert_allclose(gradient, expected, rtol=1e-10)


def test_integers_of_a_field_are_not_exchanged():
    def f(x, n, steps):
        m = n.copy()
        for _ in range(steps):
            m[1:-1] += m[2:] - m[:-2]
        return x * m[1] * m[-2]

    numbers = np.arange(6) % 4
    assert srcad.grad(f, jit=False)(2.0, numbers, 3) == f(1.0, numbers, 3)


# ---------------------------------------------------------------- what stays in place


def stays(f, args, *wrt):
    agrees(f, args, *wrt)
    kinds = [INTEGER if isinstance(a, int) else (V if a.ndim == 1 else M) for a in args]
    assert "_next, " not in gradient_text(f, tuple(kinds), *wrt)


def test_other_elements_in_each_step(short):
    def f(u, k, steps):
        u = u.copy()
        for t in range(steps):
            u[1 + t : -1] += k[1 + t : -1] * u[1 + t : -1] * (u[2 + t :] - u[t:-2])
        return np.sum(u * u)

    for steps in (0, 1, 2, 5):
        stays(f, (field(9)[:8], field(9)[:8] * 0.2, steps), "u", "k")


def test_elements_that_a_number_of_the_loop_tells(short):
    def f(u, k, steps):
        u = u.copy()
        end = u.size - 1
        for _ in range(steps):
            u[1:end] += k[1:end] * u[1:end] * (u[2 : end + 1] - u[: end - 1])
            end = max(2, end - 1)
        return np.sum(u * u)

    for steps in (0, 1, 3, 5):
        stays(f, (field(8)[:7], field(8)[:7] * 0.2, steps), "u", "k")


def test_a_border_that_is_written(short):
    def f(u, k, steps):
        u = u.copy()
        for _ in range(steps):
            u[1:-1] += k[1:-1] * u[1:-1] * (u[2:] - u[:-2])
            u[0] = u[-2]
        return np.sum(u * u)

    for steps in (0, 1, 3, 9):
        stays(f, (field(5)[:5], field(5)[:5] * 0.2, steps), "u", "k")


def test_a_view_of_the_field(short):
    def f(u, k, steps):
        u = u.copy()
        inner = u[1:-1]
        total = 0.0
        for _ in range(steps):
            inner += k[1:-1] * inner * (u[2:] - u[:-2])
            total += inner[0]
        return total + np.sum(u * u)

    for steps in (0, 1, 3, 9):
        agrees(f, (field(5)[:5], field(5)[:5] * 0.2, steps), "u", "k")


def test_another_name_of_the_field(short):
    def f(u, k, steps):
        u = u.copy()
        same = u
        total = 0.0
        for t in range(steps):
            u[1:-1] += k[1:-1] * u[1:-1] * (u[2:] - u[:-2])
            total += same[1] * t
            if t == 2:
                same = k
        return total + np.sum(u * u)

    for steps in (0, 1, 3, 9):
        agrees(f, (field(5)[:5], field(5)[:5] * 0.2, steps), "u", "k")


def test_a_name_that_holds_the_field_afterwards(short):
    def f(u, k, steps):
        u = u.copy()
        for _ in range(steps):
            u[1:-1] += k[1:-1] * u[1:-1] * (u[2:] - u[:-2])
        same = u
        same[0] = 2.0 * same[1]
        return np.sum(u * u)

    for steps in (0, 1, 2, 9):
        agrees(f, (field(5)[:5], field(5)[:5] * 0.2, steps), "u", "k")


def test_an_argument_that_is_written():
    def f(u, k, steps):
        for _ in range(steps):
            u[1:-1] += k[1:-1] * u[1:-1] * (u[2:] - u[:-2])
        return np.sum(u * u)

    def pure(u, k, steps):
        return f(u.copy(), k, steps)

    args = (field(5)[:5], field(5)[:5] * 0.2, 3)
    found = srcad.grad(f, wrt=("u", "k"), jit=False)(args[0].copy(), *args[1:])
    for position, gradient in enumerate(found):
        np.testing.assert_allclose(gradient, complex_step(pure, args, position), rtol=1e-10)


def test_a_temporary_that_is_read_again(short):
    def f(u, k, steps):
        u = u.copy()
        total = 0.0
        for _ in range(steps):
            new = np.empty(u.size - 2)
            for i in range(u.size - 2):
                new[i] = u[i + 1] + k[i] * u[i] * u[i + 2]
            for i in range(u.size - 2):
                u[i + 1] = new[i]
            total += new[0] * new[-1]
        return total + np.sum(u * u)

    for steps in (0, 1, 9):
        stays(f, (field(5)[:5], field(5)[:5] * 0.2, steps), "u", "k")


def test_fewer_elements_than_were_computed(short):
    def f(u, k, steps):
        u = u.copy()
        for _ in range(steps):
            new = np.empty(u.size - 2)
            for i in range(u.size - 2):
                new[i] = u[i + 1] + k[i] * u[i] * u[i + 2]
            for i in range(u.size - 3):
                u[i + 1] = new[i]
        return np.sum(u * u)

    for steps in (0, 1, 9):
        stays(f, (field(6)[:6], field(6)[:6] * 0.2, steps), "u", "k")


def test_elements_turned_around(short):
    def f(u, k, steps):
        u = u.copy()
        for _ in range(steps):
            new = np.empty(u.size - 2)
            for i in range(u.size - 2):
                new[i] = u[i + 1] + k[i] * u[i] * u[i + 2]
            for i in range(u.size - 2):
                u[u.size - 2 - i] = new[i]
        return np.sum(u * u)

    for steps in (0, 1, 2, 9):
        agrees(f, (field(6)[:6], field(6)[:6] * 0.2, steps), "u", "k")


def test_a_loop_that_is_left(short):
    def f(u, k, steps):
        u = u.copy()
        for _ in range(steps):
            u[1:-1] += k[1:-1] * u[1:-1] * (u[2:] - u[:-2])
            if u[1] > 0.9:
                break
        return np.sum(u * u)

    for steps in (0, 1, 5, 9):
        agrees(f, (field(5)[:5], field(5)[:5] * 0.2, steps), "u", "k")


def test_snapshots():
    def f(u, k, steps):
        u = u.copy()
        for _ in srcad.checkpoint(range(steps), snapshots=3):
            u[1:-1] += k[1:-1] * u[1:-1] * (u[2:] - u[:-2])
        return np.sum(u * u)

    for steps in (0, 1, 9):
        stays(f, (field(5)[:5], field(5)[:5] * 0.2, steps), "u", "k")


@pytest.mark.parametrize("parallel", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_compiled(parallel):
    args = (plane(40, 50), plane(40, 50) * 0.1, 30)
    expected = srcad.grad(heat, wrt=("u", "k"), jit=False)(*args)
    found = srcad.grad(heat, wrt=("u", "k"), parallel=parallel)(*args)
    for gradient, exact in zip(found, expected, strict=True):
        np.testing.assert_allclose(gradient, exact, rtol=1e-11)
