"""Shadows of exchanged fields as one array, updated in place, and when they are left apart."""

import numpy as np
import pytest

import srcad
from tests.oracles import complex_step
from tests.passes.support import INTEGER, F, M, V, gradient_text


def reverse_sweep(*args):
    text = gradient_text(*args)
    return text[text.index("# reverse sweep") :]


def is_exact(f, args, *wrt, jit=False):
    names = f.__code__.co_varnames[: f.__code__.co_argcount]
    found = srcad.grad(f, wrt=wrt, jit=jit)(*args)
    for name, value in zip(wrt, found, strict=True):
        expected = complex_step(f, args, names.index(name))
        np.testing.assert_allclose(value, expected, rtol=1e-11, atol=1e-12)


def field(*shape):
    return np.random.default_rng(sum(shape)).random(shape)


SHAPES = [(0, 0), (1, 1), (2, 2), (3, 3), (2, 5), (5, 2), (6, 5)]


def heat(u, k, steps):
    n, m = u.shape
    u = u.copy()
    v = u.copy()
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                near = u[i + 1, j] + u[i - 1, j] + u[i, j + 1] + u[i, j - 1]
                v[i, j] = u[i, j] + k[i, j] * (near - 4.0 * u[i, j])
        u, v = v, u
    s = 0.0
    for i in range(n):
        for j in range(m):
            s += (i + 1) * u[i, j] ** 3 * (j + 2)
    return s


def test_one_array_in_place():
    text = reverse_sweep(heat, (M, M, INTEGER), "u")
    assert " v_b" not in text
    assert "u_1_b[i, j] = 0.0" not in text  # what stays in place is not taken and put back


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_heat(shape, steps):
    is_exact(heat, (field(*shape), 0.1 * field(*shape), steps), "u", "k", jit=True)


def test_what_is_not_put_back_is_taken():
    def f(u, k, steps):
        n, m = u.shape
        u = u.copy()
        v = np.zeros((n, m))
        for _ in range(steps):
            for i in range(1, n - 1):
                for j in range(1, m - 1):
                    v[i, j] = k * (u[i + 1, j] - u[i - 1, j] + u[i, j + 1]) * u[i, j]
            u, v = v, u
        return np.sum(u * u)

    for steps in range(4):
        is_exact(f, (field(6, 5), 0.7, steps), "u", "k")


def borders(u, k, left, steps):
    """The border is set, and looked at, in every step."""
    n, m = u.shape
    u = u.copy()
    v = u.copy()
    s = 0.0
    for t in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                v[i, j] = u[i, j] + k * (u[i + 1, j] + u[i - 1, j] - 2.0 * u[i, j]) * left[t]
        for i in range(n):
            v[i, 0] = left[t]
        for j in range(m):
            v[0, j] = v[1, j] * left[t]
        u, v = v, u
        for j in range(m):
            s += u[1, j] * u[0, j]
    return s + np.sum(u * u)


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_borders(steps):
    is_exact(borders, (field(5, 4), 0.2, field(3), steps), "u", "k", "left")


def both(u, k, steps):
    """Both fields count in the end: neither shadow is zero when the last step is reversed."""
    n, m = u.shape
    u = u.copy()
    v = 2.0 * u
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                v[i, j] = u[i, j] + k * (u[i + 1, j] + u[i - 1, j] + u[i, j - 1])
        u, v = v, u
    return np.sum(u * u) + np.sum(v * v * v)


def test_two_that_both_count_are_left():
    text = reverse_sweep(both, (M, F, INTEGER), "u")
    assert " v_b" in text
    for steps in range(4):
        is_exact(both, (field(5, 5), 0.3, steps), "u", "k")


def starts(u, w, k, steps):
    """Two fields that start as different arrays, and keep their borders."""
    n, m = u.shape
    a = u.copy()
    b = w.copy()
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                b[i, j] = a[i, j] + k * (a[i + 1, j] + a[i - 1, j] + a[i, j - 1])
        a, b = b, a
    return np.sum(a * a)


def test_two_that_go_to_different_arrays_are_left():
    assert "b_b" in reverse_sweep(starts, (M, M, F, INTEGER), "u", "w")
    for steps in range(4):
        is_exact(starts, (field(5, 5), field(5, 5) + 1.0, 0.3, steps), "u", "w", "k")


def test_both_ways_without_an_exchange():
    def f(u, k, steps):
        n, m = u.shape
        a = u.copy()
        b = u.copy()
        for _ in range(steps):
            for i in range(1, n - 1):
                for j in range(1, m - 1):
                    b[i, j] = a[i, j] + k * (a[i + 1, j] + a[i - 1, j] + a[i, j - 1])
            for i in range(1, n - 1):
                for j in range(1, m - 1):
                    a[i, j] = b[i, j] - k * (b[i + 1, j] - b[i - 1, j] + b[i, j + 1])
        return np.sum(a * a)

    assert "b_b" not in reverse_sweep(f, (M, F, INTEGER), "u")
    for steps in range(3):
        is_exact(f, (field(5, 6), 0.3, steps), "u", "k")


def test_a_way_back_over_less():
    """What the second nest does not take stays with the first array."""

    def f(u, k, steps):
        n, m = u.shape
        a = u.copy()
        b = u.copy()
        for _ in range(steps):
            for i in range(1, n - 1):
                for j in range(1, m - 1):
                    b[i, j] = a[i, j] + k * (a[i + 1, j] + a[i - 1, j] + a[i, j - 1])
            for i in range(2, n - 1):
                for j in range(1, m - 1):
                    a[i, j] = b[i, j] - k * (b[i + 1, j] * b[i, j] + b[i, j + 1])
        return np.sum(a * a)

    for steps in range(3):
        is_exact(f, (field(6, 5), 0.3, steps), "u", "k")


@pytest.mark.parametrize("rows", [(1, 0), (0, -1), (0, 1), (2, -2), (1, 1), (-1, -1)])
def test_rows_on_one_side(rows):
    """Upwind: what a row adds to comes before it, or after it, or only there."""
    p, q = rows

    def f(u, k, steps):
        n, m = u.shape
        u = u.copy()
        v = u.copy()
        for _ in range(steps):
            for i in range(2, n - 2):
                for j in range(1, m - 1):
                    v[i, j] = u[i, j - 1] * k + k * u[i + p, j] * u[i + q, j + 1]
            u, v = v, u
        return np.sum(u * u)

    for steps in range(4):
        is_exact(f, (field(7, 5), 0.9, steps), "u", "k")


def test_rows_that_count_from_the_end():
    def f(u, k, steps):
        n, m = u.shape
        u = u.copy()
        v = u.copy()
        for _ in range(steps):
            for i in range(0, n):
                for j in range(1, m - 1):
                    v[i, j] = u[i, j] + k * (u[i - 1, j] - u[i, j + 1])
            u, v = v, u
        return np.sum(u * u * u)

    for steps in range(4):
        is_exact(f, (field(4, 5), 0.9, steps), "u", "k")


def test_now_and_then():
    """A branch in the loop that adds to a shadow, and one that takes some of it."""

    def f(u, k, steps):
        n, m = u.shape
        u = u.copy()
        v = u.copy()
        s = 0.0
        for t in range(steps):
            if t % 2 == 0:
                for j in range(m):
                    u[0, j] = k * j
            for i in range(1, n - 1):
                for j in range(1, m - 1):
                    v[i, j] = u[i, j] + k * (u[i + 1, j] + u[i - 1, j] - 2.0 * u[i, j])
            u, v = v, u
            if t % 2 == 1:
                s += u[1, 1] * u[2, 2] + v[0, 1]
        return s + np.sum(u)

    for steps in range(5):
        is_exact(f, (field(5, 4), 0.3, steps), "u", "k")


def test_three_fields_of_two_systems():
    def f(u, w, k, steps):
        n, m = u.shape
        u, w = u.copy(), w.copy()
        u2, w2 = u.copy(), w.copy()
        for _ in range(steps):
            for i in range(1, n - 1):
                for j in range(1, m - 1):
                    r = u[i, j] * w[i, j] ** 2
                    lap = u[i + 1, j] + u[i - 1, j] + u[i, j + 1] + u[i, j - 1] - 4.0 * u[i, j]
                    law = w[i + 1, j] + w[i - 1, j] + w[i, j + 1] + w[i, j - 1] - 4.0 * w[i, j]
                    u2[i, j] = u[i, j] + k * lap - r
                    w2[i, j] = w[i, j] + 0.5 * k * law + r
            u, u2 = u2, u
            w, w2 = w2, w
        return np.sum(u * w)

    for steps in range(4):
        is_exact(f, (field(5, 4), field(5, 4) * 0.5, 0.1, steps), "u", "w", "k")


def wave(c, source, observed):
    nt, m = observed.shape
    n = c.shape[0]
    before = np.zeros((n, m))
    now = np.zeros((n, m))
    after = np.zeros((n, m))
    misfit = 0.0
    for t in range(nt):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                near = now[i + 1, j] + now[i - 1, j] + now[i, j + 1] + now[i, j - 1]
                q = c[i, j] * c[i, j]
                after[i, j] = 2.0 * now[i, j] - before[i, j] + q * (near - 4.0 * now[i, j])
        after[n // 2, m // 2] += source[t]
        for j in range(m):
            misfit += (after[1, j] - observed[t, j]) ** 2
        before, now, after = now, after, before
    return misfit


def test_leapfrog_exchanges_two():
    text = reverse_sweep(wave, (M, V, M), "c")
    assert "now_b, after_b = after_b, now_b" in text
    assert "before_b" not in text


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("shape", [(2, 2), (3, 3), (4, 6), (6, 4)])
def test_wave(shape, steps):
    args = (0.3 * field(*shape), 1.0 + field(steps), field(steps, shape[1]))
    is_exact(wave, args, "c", "source", "observed", jit=True)


def test_leapfrog_with_a_border():
    """The border is written in every step (a damped edge), and the fields have values at first."""

    def f(u, v, c, steps):
        n, m = u.shape
        before = u.copy()
        now = v.copy()
        after = np.zeros((n, m))
        s = 0.0
        for _ in range(steps):
            for i in range(1, n - 1):
                for j in range(1, m - 1):
                    near = now[i + 1, j] + now[i - 1, j] + now[i, j + 1] + now[i, j - 1]
                    after[i, j] = 2.0 * now[i, j] - before[i, j] + c * (near - 4.0 * now[i, j])
            for i in range(n):
                after[i, 0] = now[i, 1] + 0.5 * (after[i, 1] - now[i, 0])
                after[i, m - 1] = now[i, m - 2]
            before, now, after = now, after, before
            s += np.sum(now[0] * now[1])
        return s + np.sum(now * now)

    for steps in range(4):
        is_exact(f, (field(5, 4), field(4, 5).T + 0.5, 0.2, steps), "u", "v", "c")


def test_leapfrog_of_one_field():
    """All three start as one array: their borders go to one shadow."""

    def f(u, c, steps):
        n, m = u.shape
        before = u.copy()
        now = u.copy()
        after = u.copy()
        for _ in range(steps):
            for i in range(1, n - 1):
                for j in range(1, m - 1):
                    near = now[i + 1, j] + now[i - 1, j] + now[i, j + 1] + now[i, j - 1]
                    after[i, j] = 2.0 * now[i, j] - before[i, j] + c * (near - 4.0 * now[i, j])
            before, now, after = now, after, before
        return np.sum(now * now)

    for steps in range(5):
        is_exact(f, (field(5, 4), 0.2, steps), "u", "c")


def test_lines():
    def f(u, c, steps):
        n = u.size
        before = np.zeros(n)
        now = u.copy()
        after = np.zeros(n)
        for _ in range(steps):
            for i in range(1, n - 1):
                after[i] = 2.0 * now[i] - before[i] + c[i] * (now[i + 1] - now[i] + now[i - 1])
            before, now, after = now, after, before
        return np.sum(now * now * now)

    for steps in range(5):
        is_exact(f, (field(6), field(6), steps), "u", "c")


def test_what_is_all_left_in_place():
    def f(x):
        x[:] = np.array([0.35 * e for e in x])
        return 0.5 * np.sum(x * x)

    is_exact(f, (field(4),), "x")


def test_second_derivatives():
    def f(k, u):
        n, m = u.shape
        u = u.copy()
        v = u.copy()
        for _ in range(3):
            for i in range(1, n - 1):
                for j in range(1, m - 1):
                    v[i, j] = u[i, j] + k[0] * (u[i + 1, j] + u[i - 1, j] - k[1] * u[i, j])
            u, v = v, u
        return np.sum(u * u)

    k, u, h = np.array([0.1, 2.0]), field(5, 4), 1e-6
    found = srcad.hessian(f)(k, u)
    first = srcad.grad(f)
    expected = [(first(k + h * e, u) - first(k - h * e, u)) / (2 * h) for e in np.eye(2)]
    np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_a_step_that_adds_a_number():
    """The field stays in place, and the number has a derivative all the same."""

    def f(u, c, k, steps):
        n, m = u.shape
        u = u.copy()
        v = u.copy()
        for t in range(steps):
            for i in range(1, n - 1):
                for j in range(1, m - 1):
                    v[i, j] = u[i, j] + c + k[i, j] * t
            u, v = v, u
        return np.sum(u * u)

    for steps in range(4):
        is_exact(f, (field(4, 5), 0.3, field(4, 5), steps), "u", "c", "k")


def replaced(x, a):
    """Nothing is added but what is taken: the element stays where it is."""
    s = x[3]
    x[:] = np.array([0.46 * e for e in x])
    return a + s * x[1]


def test_all_that_is_taken_stays():
    is_exact(replaced, (np.linspace(0.1, 1.0, 5), 2.0), "x", "a")


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
@pytest.mark.parametrize("shape", [(2, 2), (3, 3), (3, 5), (5, 4)])
def test_new_arrays_in_slices(shape, steps):
    """Each step makes an array anew, from a copy: they are exchanged, and their shadows are one."""

    def f(u, k, steps):
        for _ in range(steps):
            new = u.copy()
            near = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2]
            new[1:-1, 1:-1] += k[1:-1, 1:-1] * (near - 4.0 * u[1:-1, 1:-1]) * u[1:-1, 1:-1]
            u = new
        return np.sum(u * u)

    is_exact(f, (field(*shape), field(*shape) * 0.1, steps), "u", "k")


def test_new_arrays_of_slices_read_at_the_border():
    def f(u, k, steps):
        s = 0.0
        for t in range(steps):
            new = np.zeros(u.shape)
            new[1:-1, 1:-1] = u[1:-1, 1:-1] + k * (u[2:, 1:-1] - u[:-2, 1:-1])
            new[0] = new[1] * u[0]
            new[:, -1] = k * t
            u = new
            s += u[0, 1] * u[1, 1] + u[2, 2]
        return s + np.sum(u * u)

    text = gradient_text(f, (M, F, INTEGER), "u", "k")
    assert "u_1, new = new, u_1" in text
    for steps in range(4):
        is_exact(f, (field(5, 4), 0.3, steps), "u", "k")


def test_moves_of_a_part():
    """What is copied is less than what the step takes: the border goes another way."""

    def f(u, w, k, steps):
        n, m = u.shape
        u = u.copy()
        v = w.copy()
        for _ in range(steps):
            for i in range(1, n):
                for j in range(m):
                    v[i, j] = u[i, j]
            for i in range(1, n - 1):
                for j in range(1, m - 1):
                    v[i, j] += k * (u[i + 1, j] - u[i - 1, j] + u[i, j - 1])
            u, v = v, u
        return np.sum(u * u)

    for steps in range(5):
        is_exact(f, (field(5, 4), field(4, 5).T + 1.0, 0.3, steps), "u", "w", "k")


def test_what_stays_in_place_while_later_rows_are_added_to():
    """No row is added to before it is taken, though what goes to the row itself has no ring."""

    def f(u, k, c, steps):
        u = u.copy()
        v = u.copy()
        for _ in range(steps):
            for i in range(u.shape[0] - 1):
                for j in range(u.shape[1] - 1):
                    v[i, j + 1] = 0.9 * u[i, j + 1] + k[i, j] * (u[i + 1, j + 1] * c[i + 1, j])
            u, v = v, u
        return np.sum(u * u * c)

    for shape in SHAPES:
        for steps in (0, 1, 2, 3):
            args = (field(*shape), 0.1 * field(*shape), field(*shape) + 0.5, steps)
            is_exact(f, args, "u", "k", "c")
    assert "_ring[" in reverse_sweep(f, (M, M, M, INTEGER), "u", "k")
