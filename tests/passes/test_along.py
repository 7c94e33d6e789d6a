"""Fields that are saved by the loop that reads them, and when they have a loop of their own."""

import numpy as np
import pytest

import srcad
from tests.oracles import complex_step
from tests.passes.support import INTEGER, M, V, gradient_text


def is_exact(f, args, *wrt):
    """The gradients are those of a complex step, with and without compiling."""
    names = f.__code__.co_varnames[: f.__code__.co_argcount]
    for name in wrt:
        expected = complex_step(f, args, names.index(name))
        for jit in (True, False):
            found = srcad.grad(f, wrt=name, jit=jit)(*args)
            np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


def forward(text):
    """The loops of the forward sweep over time."""
    text = text.split("# reverse sweep")[0]
    return text[text.index("for k") :]


def field(n):
    return 0.5 + np.random.default_rng(n).random(n)


def inner(u, w, steps):
    u = u.copy()
    v = u.copy()
    for _ in range(steps):
        for i in range(1, u.size - 1):
            v[i] = u[i] + w[i] * u[i - 1] * u[i + 1]
        u, v = v, u
    return np.sum(u * u)


def test_the_loop_that_reads_a_field_saves_it():
    assert forward(gradient_text(inner, (V, V, INTEGER), "u")).startswith(
        """\
for k in range(steps):
        for i_4 in range(min(1, u_1.shape[0])):
            u_1_tape[k, i_4] = u_1[i_4]
        for i_4 in range(max(1, u.shape[0] - 1), u_1.shape[0]):
            u_1_tape[k, i_4] = u_1[i_4]
        for i in range(1, u.shape[0] - 1):
            u_1_tape[k, i] = u_1[i]
            v[i] ="""
    )


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 9])
def test_elements_that_the_loop_does_not_reach(n):
    for steps in (0, 1, 2, 5):
        is_exact(inner, (field(n), field(n), steps), "u", "w")


def later(u, w, first, steps):
    """Where the loop begins is known when it runs; perhaps it has no iterations."""
    u = u.copy()
    v = u.copy()
    s = 0.0
    for _ in range(steps):
        for i in range(max(first, 1), u.size):
            s += w[i] * u[i] * u[i - 1]
        for i in range(u.size):
            v[i] = u[i] * u[0] * s
        u, v = v, u
    return np.sum(u * u)


def test_a_loop_whose_start_is_computed():
    text = gradient_text(later, (V, V, INTEGER, INTEGER), "u")
    assert "u_1_tape[k, i] = u_1[i]\n            s = plus(" in forward(text)
    for first in (-3, 0, 1, 3, 4, 5, 6, 9):
        is_exact(later, (field(5), field(5), first, 3), "u", "w")


def whole(u, w, n, steps):
    """Nothing is left at the ends; the first loop may run beyond the field, for all we know."""
    u = u.copy()
    v = u.copy()
    s = 0.0
    for _ in range(steps):
        for i in range(n):
            s += w[i] * u[i]
        for i in range(u.size):
            v[i] = u[i] * u[0] * s
        u, v = v, u
    return np.sum(u * u)


def test_the_whole_field():
    text = forward(gradient_text(whole, (V, V, INTEGER, INTEGER), "u"))
    assert text.count("u_1_tape[k, ") == 1
    assert "u_1_tape[k, i] = u_1[i]\n            v[i] =" in text
    is_exact(whole, (field(4), field(4), 3, 4), "u", "w")


# ---------------------------------------------------------------- what is left as it was


def saved_before(f, *types):
    """Whether the field is saved in a loop of its own."""
    text = forward(gradient_text(f, types, "u"))
    return "u_1_tape[k, i_" in text and "min(" not in text


def test_a_field_that_is_written_before_it_is_read():
    def f(u, w, steps):
        u = u.copy()
        v = u.copy()
        for _ in range(steps):
            for i in range(1, u.size - 1):
                v[i] = w[i] * v[i] * v[i]
            v[0] = w[0]
            for i in range(1, u.size - 1):
                v[i] += u[i] * u[i + 1]
            u, v = v, u
        return np.sum(u * u)

    def g(u, w, steps):
        u = u.copy()
        for _ in range(steps):
            u[0] = w[0] * u[1] * u[0]
            for i in range(1, u.size - 1):
                u[i] = w[i] * u[i] * u[i]
        return np.sum(u * u)

    for h in (f, g):
        is_exact(h, (field(5), field(5), 3), "u", "w")


def test_a_loop_that_would_not_vectorise():
    """Two arrays to write and five to read are too many for LLVM to tell apart."""

    def f(u, a, b, c, steps):
        u = u.copy()
        v = u.copy()
        for _ in range(steps):
            for i in range(1, u.size - 1):
                v[i] = u[i] + a[i] * b[i] * c[i] * u[i - 1] * u[i + 1]
            u, v = v, u
        return np.sum(u * u)

    assert saved_before(f, V, V, V, V, INTEGER)
    assert not saved_before(inner, V, V, INTEGER)
    is_exact(f, (field(5), field(5), field(5), field(5), 3), "u", "a")


def test_rows():
    def f(u, w, steps):
        u = u.copy()
        v = u.copy()
        for _ in range(steps):
            for i in range(1, u.shape[0]):
                for j in range(u.shape[1]):
                    v[i, j] = u[i, j] * u[i - 1, j] * w[i, j]
            u, v = v, u
        return np.sum(u * u)

    assert saved_before(f, M, M, INTEGER)
    u = np.random.default_rng(2).random((3, 4))
    is_exact(f, (u, u + 0.5, 3), "u", "w")
