"""Scatters to many rows that become one gather behind a ring of planes, and when they are left."""

import numpy as np
import pytest

import srcad
from srcad.ir.types import Array
from tests.passes import support
from tests.passes.support import INTEGER, F, M, gradient_text

C = Array("float64", 3, (False, False, False))


def reverse_sweep(*args):
    text = gradient_text(*args)
    return text[text.index("# reverse sweep") :]


def is_exact(f, args, *wrt):
    """In rings, and where there are to be none for threads: that is run as Python."""
    support.is_exact(f, args, *wrt, compiled=({}, {"parallel": True, "jit": False}))


def cube(*shape):
    return np.random.default_rng(sum(shape)).random(shape)


def heat(u, k, steps):
    a = u.copy()
    b = u.copy()
    n, m, depth = u.shape
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                for q in range(1, depth - 1):
                    b[i, j, q] = (
                        a[i, j, q]
                        + k * (a[i + 1, j, q] - 2.0 * a[i, j, q] + a[i - 1, j, q])
                        + k * (a[i, j + 1, q] - 2.0 * a[i, j, q] + a[i, j - 1, q])
                        + k * (a[i, j, q + 1] - 2.0 * a[i, j, q] + a[i, j, q - 1])
                    )
        a, b = b, a
    return np.sum(a * a)


def test_planes_are_kept_in_a_ring():
    text = reverse_sweep(heat, (C, F, INTEGER), "u")
    assert "_ring = np.empty((3, " in text
    assert "for i in range(1, n + 1):" in text
    assert text.count("_b[i - 1, j, q] =") == 1
    assert "_row" not in text


@pytest.mark.parametrize("steps", [0, 1, 3])
@pytest.mark.parametrize(
    "shape",
    [(0, 0, 0), (1, 1, 1), (2, 2, 2), (3, 3, 3), (3, 2, 5), (2, 5, 5), (5, 5, 1), (5, 4, 6)],
)
def test_heat(shape, steps):
    is_exact(heat, (cube(*shape), 0.1, steps), "u", "k")


@pytest.mark.slow
def test_in_threads():
    support.is_exact(heat, (cube(5, 4, 6), 0.1, 3), "u", "k", compiled=({"parallel": True},))


def wide(u, v, low):
    """Five rows, not in the middle of them, from an iteration that starts at an argument."""
    n, m = u.shape
    for i in range(low, n - 1):
        for j in range(3, m):
            v[i, j] += (
                0.5 * u[i - 3, j] + u[i - 2, j - 1] - u[i - 1, j - 3] + u[i, j] * 2.0 + u[i + 1, j]
            )
    return np.sum(v * v)


def test_a_wide_stencil_in_two_dimensions():
    assert "_ring[" in reverse_sweep(wide, (M, M, INTEGER), "u")


@pytest.mark.parametrize("low", [0, 1, 3, 4, 7, 9])
@pytest.mark.parametrize("shape", [(8, 7), (4, 4), (5, 3), (8, 2)])
def test_wide(shape, low):
    """Some rows count from the end."""
    is_exact(wide, (cube(*shape), cube(*shape) + 1.0, low), "u", "v")


def test_coefficients_are_kept_with_what_they_multiply():
    def f(u, k):
        n, m = u.shape
        v = np.zeros((n, m))
        for i in range(2, n - 2):
            for j in range(1, m - 1):
                s = u[i - 2, j] + u[i - 1, j] + u[i, j + 1] + u[i + 1, j] + u[i + 2, j]
                v[i, j] = k[i, j] * s * s
        return np.sum(v)

    assert "_ring[" in reverse_sweep(f, (M, M), "u")
    is_exact(f, (cube(7, 5), cube(7, 5)), "u", "k")


def test_counters_in_what_is_added():
    def f(u):
        n, m = u.shape
        s = 0.0
        for i in range(2, n - 2):
            for j in range(1, m - 1):
                w = i * u[i - 2, j] + u[i - 1, j] + j * u[i, j + 1] + u[i + 1, j] + u[i + 2, j]
                s += w * w * (i - j)
        return s

    is_exact(f, (cube(8, 6),), "u")


def test_every_plane_of_its_own_size_is_left():
    def f(u):
        n = len(u)
        s = 0.0
        for i in range(2, n - 2):
            for j in range(1, i):
                w = u[i - 2, j] + u[i - 1, j] + u[i, j + 1] + u[i + 1, j] + u[i + 2, j]
                s += w * w
        return s

    assert "_ring" not in reverse_sweep(f, (M,), "u")
    is_exact(f, (cube(7, 7),), "u")


def test_what_is_read_in_the_loops_is_left():
    def f(u):
        n, m = u.shape
        for i in range(2, n - 2):
            for j in range(1, m - 1):
                u[i, j] = u[i - 2, j] * u[i - 1, j] + u[i, j + 1] + u[i + 1, j] + u[i + 2, j]
        return np.sum(u * u)

    assert "_ring" not in reverse_sweep(f, (M,), "u")
    is_exact(f, (cube(7, 5),), "u")


def test_parts_of_threads_have_a_ring_each():
    source = srcad.grad(heat, parallel=True).source(cube(4, 4, 4), 0.1, 2)
    assert "_ring_halo" in source  # what the first planes of the next part need
    assert "prange" in source
