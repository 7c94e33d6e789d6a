"""Fields that are saved whole and read from the tape, and when they are put back instead."""

import math

import numpy as np
import pytest

import srcad
from tests.oracles import complex_step
from tests.passes.support import INTEGER, M, V, gradient_text, is_exact


def field(n):
    return np.random.default_rng(n).random(n)


def swapped(u, k, steps):
    u = u.copy()
    v = u.copy()
    for _ in range(steps):
        for i in range(1, u.size - 1):
            v[i] = u[i] + k[i] * u[i - 1] * u[i + 1]
        u, v = v, u
    s = 0.0
    for i in range(u.size):
        s += u[i] * u[i]
    return s


def test_a_swapped_field_is_read_from_the_tape():
    text = gradient_text(swapped, (V, V, INTEGER), "u", "k")
    forward, reverse = text.split("# reverse sweep")
    assert "v = u_1_tape[slot" in forward
    assert "u_1_tape[slot_2, i - 1]" in reverse
    assert "v[i] = v_tape" not in reverse
    assert "v_tape" not in text


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 6])
@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_swapped(steps, n):
    is_exact(swapped, (field(n), field(n) + 0.1, steps), "u", "k")


def rotated(c, u0, at, seen, steps):
    """What an iteration leaves is read as well: by a name that the next one has for it."""
    a = np.zeros(c.size)
    b = np.zeros(c.size)
    d = np.zeros(c.size)
    for i in range(u0.size):
        b[i] = u0[i]
    s = 0.0
    for t in range(steps):
        for i in range(1, c.size - 1):
            d[i] = 2.0 * b[i] - a[i] + c[i] * c[i] * (b[i + 1] - 2.0 * b[i] + b[i - 1])
        d[at] += 0.5
        s += (d[1] - seen[t]) ** 2 * d[at]
        a, b, d = b, d, a
    return s


def test_what_an_iteration_leaves_is_what_the_next_one_finds():
    text = gradient_text(rotated, (V, V, INTEGER, V, INTEGER), "c")
    reverse = text[text.index("# reverse sweep") :]
    assert "b_tape[slot_2, 1]" in reverse
    assert "b_tape[slot_1, i - 1]" in reverse
    assert "d_tape" not in text


@pytest.mark.parametrize("steps", [0, 1, 2, 5])
@pytest.mark.parametrize("at", [2, -3])
def test_rotated(steps, at):
    is_exact(rotated, (field(7), field(7), at, field(6), steps), "c", "u0")


def staggered(k, e, steps):
    """A field is changed in place, after the last statement that reads it."""
    e = e.copy()
    h = np.zeros(k.shape)
    n, m = k.shape
    for _ in range(steps):
        for i in range(n):
            for j in range(1, m):
                e[i, j] -= k[i, j] * (h[i, j] - h[i, j - 1])
        for i in range(n):
            for j in range(m - 1):
                h[i, j] -= 0.7 * (e[i, j + 1] - e[i, j])
    return np.sum(h * h)


def test_a_field_in_place_is_read_where_it_is_as_it_was():
    text = gradient_text(staggered, (M, M, INTEGER), "k")
    reverse = text[text.index("# reverse sweep") :]
    assert "h_tape_1[k_1, i, j]" in reverse
    assert "h[i, j] = h_tape" not in reverse


@pytest.mark.parametrize("steps", [0, 1, 4])
def test_staggered(steps):
    k = np.random.default_rng(1).random((3, 4))
    is_exact(staggered, (k, k * k, steps), "k", "e")


def pushed(x, v, k, drag, steps):
    """The speed is read as an iteration found it, for its force, and as it left it."""
    x, v, force = x.copy(), v.copy(), np.zeros(x.size)
    for _ in range(steps):
        force[:] = 0.0
        for i in range(v.size):
            force[i] -= drag * v[i] + x[i] * x[i]
        for i in range(v.size):
            v[i] += k * force[i]
        for i in range(x.size):
            x[i] += k * v[i]
    s = 0.0
    for i in range(x.size):
        s += x[i] * v[i]
    return s


@pytest.mark.parametrize("steps", [0, 1, 4])
def test_a_field_that_is_read_as_it_was_and_as_it_became(steps):
    args = (field(3), field(4)[:3], 0.3, 0.2, steps)
    is_exact(pushed, args, "x", "v")
    found = srcad.grad(pushed, wrt=("k", "drag"), jit=False)(*args)
    expected = [complex_step(pushed, args, place) for place in (2, 3)]
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


def test_every_second_iteration_and_backwards():
    def f(u, k, steps):
        u = u.copy()
        v = u.copy()
        for t in range(steps, 1, -2):
            for i in range(u.size - 1, 0, -1):
                v[i] = u[i] + k[i] * u[i - 1] * u[i] * t
            u, v = v, u
        for t in range(1, steps, 3):
            for i in range(u.size - 1):
                v[i] = math.sin(u[i] * k[i + 1] * t)
            u, v = v, u
        return np.sum(u * v)

    for steps in (0, 1, 2, 5, 8):
        is_exact(f, (field(5), field(5), steps), "u", "k")


def test_two_loops():
    def f(u, k, steps):
        u = u.copy()
        v = u.copy()
        w = u.copy()
        for _ in range(steps):
            for i in range(1, u.size):
                v[i] = u[i] + k[i] * u[i - 1] * u[i]
            u, v = v, u
        for t in range(steps + 1):
            for i in range(w.size):
                w[i] = w[i] * w[i] * k[i] * (t + 1)
        for _ in range(steps):
            for i in range(u.size - 1):
                v[i] = u[i + 1] * k[i] * u[i]
            u, v = v, u
        return np.sum(u * w)

    tapes = [
        line for line in gradient_text(f, (V, V, INTEGER), "k").split("\n") if "(pool, " in line
    ]
    assert sum("snapshots" not in line for line in tapes) == 3
    for steps in (0, 1, 3):
        is_exact(f, (field(5), field(5), steps), "u", "k")


def test_the_border_that_another_statement_writes():
    def f(u, k, steps):
        u = u.copy()
        v = u.copy()
        for t in range(steps):
            for i in range(1, u.size - 1):
                v[i] = u[i] + k[i] * u[i - 1] * u[i + 1]
            v[0] = u[1] * k[0]
            v[-1] = v[0] + t * u[-2] * u[0]
            u, v = v, u
        return np.sum(u * u)

    for steps in (0, 1, 2, 5):
        is_exact(f, (field(6), field(6), steps), "u", "k")


# ---------------------------------------------------------------- what is left as it was


def test_what_is_read_between_two_stores_is_read_where_it_would_be_put_back():
    def f(x, steps):
        x = x.copy()
        for _ in range(steps):
            for i in range(x.size):
                x[i] = x[i] * 1.5
            for i in range(x.size):
                x[i] = math.sin(x[i])
        return np.sum(x)

    is_exact(f, (field(4), 3), "x")
    assert "cos(x_1_tape_1[k, i])" in gradient_text(f, (V, INTEGER), "x")


def test_a_field_that_is_read_after_the_exchange():
    def f(u, k, steps):
        u = u.copy()
        v = u.copy()
        s = 0.0
        for _ in range(steps):
            for i in range(1, u.size):
                v[i] = u[i] + k[i] * u[i - 1] * u[i]
            u, v = v, u
            s += u[1] * u[2] * v[2]
        return s

    for steps in (0, 1, 2, 3):
        is_exact(f, (field(5), field(5), steps), "u", "k")


def test_another_name_of_the_field():
    def f(u, k, steps):
        v = u.copy()
        u = u.copy()
        w = u
        s = 0.0
        for _ in range(steps):
            for i in range(1, u.size):
                v[i] = u[i] + k[i] * u[i - 1] * w[i]
            u, v = v, u
            w[1] = w[0] * 0.5
        return np.sum(u * v) + s

    for steps in (0, 1, 2, 3):
        is_exact(f, (field(5), field(5), steps), "u", "k")


def test_fields_of_different_shapes():
    def f(u, k, steps):
        u = u.copy()
        v = np.zeros(u.size + 2)
        for _ in range(steps):
            for i in range(1, u.size):
                v[i] = u[i] + k[i] * u[i - 1] * u[i]
            u, v = v, u
            k[0] = k[0] * k[1]
        return np.sum(u * u) + np.sum(v * v) * k[0]

    for steps in (0, 1, 2):
        is_exact(f, (field(4), field(9), min(steps, 1)), "u", "k")


def test_lengths_of_fields_that_another_array_fills():
    def f(c, u0, steps):
        a = u0.copy()
        b = np.zeros(c.size)
        for _ in range(steps):
            for i in range(1, c.size):
                b[i] = a[i] * a[i - 1] * c[i]
            a, b = b, a
        return np.sum(a * a)

    assert "b[i] = b_tape" in gradient_text(f, (V, V, INTEGER), "c")
    for steps in (0, 1, 2, 3):
        is_exact(f, (field(4), field(4) + 0.5, steps), "c", "u0")


def test_one_element_of_a_long_array():
    def f(x, w, steps):
        x = x.copy()
        s = 0.0
        for t in range(steps):
            s += x[t] * w[t] * x[t]
            x[t + 1] = math.sin(s)
        return s

    text = gradient_text(f, (V, V, INTEGER), "w")
    assert "i_1" not in text
    is_exact(f, (field(6), field(6), 5), "x", "w")


def test_a_branch():
    def f(u, k, steps):
        u = u.copy()
        v = u.copy()
        for t in range(steps):
            if t % 2 == 0:
                for i in range(1, u.size):
                    v[i] = u[i] + k[i] * u[i - 1] * u[i]
            else:
                for i in range(u.size):
                    v[i] = u[i] * u[i] * k[0]
            u, v = v, u
        return np.sum(u * u)

    for steps in (0, 1, 2, 5):
        is_exact(f, (field(5), field(5), steps), "u", "k")


def test_an_exchange_in_a_branch():
    def f(u, k, steps):
        u = u.copy()
        v = u.copy()
        for t in range(steps):
            for i in range(1, u.size):
                v[i] = u[i] + k[i] * u[i - 1] * u[i]
            if t != 1:
                u, v = v, u
        return np.sum(u * u)

    for steps in (0, 1, 2, 5):
        is_exact(f, (field(5), field(5), steps), "u", "k")


def test_an_argument_that_is_written_and_is_an_output():
    def f(u, v, k, steps):
        for _ in range(steps):
            for i in range(1, u.size):
                v[i] = u[i] + k[i] * u[i - 1] * u[i]
            for i in range(u.size):
                u[i] = v[i] * v[i]

    args = field(5), field(5), field(5), 3
    _, pullback = srcad.vjp(f, *args, outputs=("u", "v"))
    seeds = field(5) - 0.5, field(5) + 0.5

    def weighted(u, v, k, steps):
        f(u, v, k, steps)
        return np.sum(u * seeds[0]) + np.sum(v * seeds[1])

    for k, found in enumerate(pullback(seeds)[:3]):
        expected = complex_step(weighted, args, k)
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


def test_the_value_and_a_second_derivative():
    args = field(6), field(6), 4
    value, gradient = srcad.value_and_grad(swapped, wrt=0)(*args)
    assert value == pytest.approx(swapped(*args), rel=1e-14)
    np.testing.assert_allclose(gradient, complex_step(swapped, args, 0), rtol=1e-11)
    direction = field(6) - 0.5
    found = srcad.hvp(swapped, args, (direction,), wrt=(0,))[0]
    step = 1e-5
    above, below = (srcad.grad(swapped)(args[0] + h * direction, *args[1:]) for h in (step, -step))
    np.testing.assert_allclose(found, (above - below) / (2 * step), rtol=1e-6)


def test_an_index_out_of_range_is_refused():
    def f(u, k, steps):
        u = u.copy()
        v = u.copy()
        for _ in range(steps):
            for i in range(1, u.size):
                v[i] = u[i] + k[i] * u[i - 1] * u[i]
            u, v = v, u
        return np.sum(u * u)

    with pytest.raises(IndexError):
        srcad.grad(f)(field(5), field(4), 2)


def scaled(u, k, steps):
    """Each element is multiplied in place: the reverse needs what it was, there and then."""
    u = u.copy()
    v = u.copy()
    for _ in range(steps):
        for i in range(1, u.size):
            v[i] += k[i] * (u[i] - u[i - 1])
        for i in range(1, u.size - 1):
            u[i] -= 0.1 * u[i] * (v[i + 1] - v[i - 1])
    return np.sum(u * u)


def test_what_is_read_of_an_element_that_is_put_back():
    text = gradient_text(scaled, (V, V, INTEGER), "u", "k")
    reverse = text[text.index("# reverse sweep") :]
    assert "u_1_tape_1[k_1, i" in reverse and "v_tape_1[k_1 + 1, i" in reverse
    assert "u_1[i] = u_1_tape" not in reverse


@pytest.mark.parametrize("steps", [0, 1, 2, 5])
@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_scaled(n, steps):
    is_exact(scaled, (field(n), field(n) + 0.2, steps), "u", "k")


def test_borders_of_elements_that_are_put_back():
    def f(u, k, steps):
        u = u.copy()
        for _ in range(steps):
            lap = np.zeros(u.size)
            for i in range(1, u.size - 1):
                lap[i] = u[i + 1] - 2.0 * u[i] + u[i - 1]
            for i in range(1, u.size - 1):
                u[i] += k[0] * lap[i] + k[1] * (1.0 - u[i])
            u[0] = u[1]
            u[-1] = u[-2]
        return np.sum(u * u)

    for steps in (0, 1, 2, 5):
        is_exact(f, (field(6), field(2) + 0.1, steps), "u", "k")


def test_elements_that_are_put_back_several_times():
    def f(u, k, steps):
        u = u.copy()
        for _ in range(steps):
            for _ in range(3):
                for i in range(u.size):
                    u[i] += 0.1 * k[i] * u[i] * u[i]
        return np.sum(u * u)

    def g(u, k, steps):
        u = u.copy()
        for _ in range(steps):
            for i in range(u.size):
                for j in range(2):
                    u[i] += 0.1 * k[j] * u[i] * u[i]
        return np.sum(u * u)

    def h(u, k, steps):
        u = u.copy()
        for _ in range(steps):
            for i in range(-1, u.size):
                u[i] += 0.1 * k[i] * u[i] * u[i]
        return np.sum(u * u)

    for each in (f, g, h):
        for steps in (0, 1, 3):
            is_exact(each, (field(5), field(5), steps), "u", "k")


def test_a_neighbour_of_an_element_that_is_put_back():
    def f(u, k, steps):
        u = u.copy()
        for _ in range(steps):
            for i in range(u.size - 1):
                u[i] += 0.1 * k[i] * u[i] * u[i + 1]
        return np.sum(u * u)

    def g(u, k, steps):
        u = u.copy()
        for _ in range(steps):
            for i in range(1, u.size):
                u[i] += 0.1 * k[i] * u[i] * u[i - 1]
            for i in range(u.size - 1):
                u[i] *= u[i] * k[i]
        return np.sum(u * u)

    for each in (f, g):
        for steps in (0, 1, 3):
            is_exact(each, (field(5), field(5), steps), "u", "k")


def test_an_element_that_is_not_always_put_back():
    def f(u, k, steps):
        u = u.copy()
        for t in range(steps):
            for i in range(u.size):
                if u[i] > 0.4:
                    u[i] += 0.1 * k[i] * u[i] * u[i]
            for i in range(t % 3, u.size):
                u[i] *= u[i] * k[i]
        return np.sum(u * u)

    for steps in (0, 1, 4):
        is_exact(f, (field(5), field(5), steps), "u", "k")


# ---------------------------------------------------------------- parts of fields


def probed(k, drive, at, steps):
    """Two fields in turn, of which one is looked at in one place."""
    e = np.zeros(k.size)
    h = np.zeros(k.size)
    out = 0.0
    for t in range(steps):
        for i in range(k.size - 1):
            h[i] += 0.5 * (e[i + 1] - e[i])
        for i in range(1, k.size):
            e[i] += k[i] * (h[i] - h[i - 1])
        e[1] += drive[t]
        out += e[at] ** 2 * (t + 1)
    return out


def test_of_a_field_with_a_probe_one_element_is_saved():
    text = gradient_text(probed, (V, V, INTEGER, INTEGER), "k")
    assert "e_tape_2 = tape(pool, max(0, steps), np.float64)" in text
    assert "e_tape_2[t] = e[at]" in text and "e_tape_2[t]" in text.split("# reverse sweep")[1]


@pytest.mark.parametrize("at", [0, 3, -2])
@pytest.mark.parametrize("steps", [0, 1, 2, 6])
def test_probed(at, steps):
    is_exact(probed, (field(5), field(6), at, steps), "k", "drive")


def test_a_probe_outside_of_the_field():
    for at in (5, -6, 10**9):
        with pytest.raises(IndexError, match="index at"):
            srcad.grad(probed)(field(5), field(6), at, 3)
        np.testing.assert_array_equal(srcad.grad(probed)(field(5), field(6), at, 0), np.zeros(5))


def test_a_probe_that_is_not_always_looked_at():
    def f(k, drive, at, steps):
        e = np.zeros(k.size)
        h = np.zeros(k.size)
        out = 0.0
        for t in range(steps):
            for i in range(k.size - 1):
                h[i] += 0.5 * (e[i + 1] - e[i])
            for i in range(1, k.size):
                e[i] += k[i] * (h[i] - h[i - 1])
            e[1] += drive[t]
            if at < k.size:
                out += e[at] ** 2
            out += e[at - 7] ** 3 if at >= 7 else 0.0
        return out

    for at in (2, 9, 10**9):
        if at < 12:
            is_exact(f, (field(5), field(6), at, 4), "k", "drive")
    found = srcad.grad(f)(field(5), field(6), 5, 4)
    np.testing.assert_array_equal(found, np.zeros(5))


def test_probes_in_two_places_along_a_line_and_after_an_exchange():
    def two(k, drive, at, steps):
        e = np.zeros(k.size)
        h = np.zeros(k.size)
        out = 0.0
        for t in range(steps):
            for i in range(k.size - 1):
                h[i] += 0.5 * (e[i + 1] - e[i])
            for i in range(1, k.size):
                e[i] += k[i] * (h[i] - h[i - 1])
            e[1] += drive[t]
            out += e[at] ** 2 - e[0] * e[2]
        return out

    def moving(k, drive, at, steps):
        e = np.zeros((k.size, 3))
        h = np.zeros((k.size, 3))
        out = 0.0
        for t in range(steps):
            for i in range(k.size - 1):
                for j in range(3):
                    h[i, j] += 0.5 * (e[i + 1, j] - e[i, j])
            for i in range(1, k.size):
                for j in range(3):
                    e[i, j] += k[i] * (h[i, j] - h[i - 1, j])
            e[1, 0] += drive[t]
            e[1, 2] -= drive[t]
            out += e[t % 5, at] ** 2
        return out

    def exchanged(k, drive, at, steps):
        u = np.zeros(k.size)
        v = np.zeros(k.size)
        out = 0.0
        for t in range(steps):
            for i in range(1, k.size):
                v[i] = u[i] + k[i] * u[i - 1]
            v[1] += drive[t]
            out += v[at] ** 2
            u, v = v, u
        return out

    for each in (two, moving, exchanged):
        for at in (0, 2, -1):
            for steps in (0, 1, 2, 5):
                is_exact(each, (field(5), field(6), at, steps), "k", "drive")
    assert "[t] = e[at]" not in gradient_text(two, (V, V, INTEGER, INTEGER), "k")
