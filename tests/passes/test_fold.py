"""Shadows of copies that stencils read: which are folded, and that gradients are right."""

import importlib.util
import math
import re

import numpy as np
import pytest

import srcad
from tests import oracles
from tests.passes.support import INTEGER, F, M, V, gradient_text, is_exact
from tests.passes.test_strips import differences

X = np.array([0.3, 0.7, -0.5, 1.1, 0.2, -0.9])
P = np.sin(np.arange(30.0)).reshape(5, 6)


def agrees(f, args, wrt=(0,)):
    """The gradient against the complex step, compiled and as Python."""
    names = f.__code__.co_varnames
    is_exact(f, args, *(names[k] for k in wrt), tolerance=(1e-12, 1e-13))


def jacobi(p, c, n):
    """Sweeps that read a copy of the field, with borders that follow."""
    p = p * 1.0
    for _ in range(n):
        pn = p.copy()
        p[1:-1, 1:-1] = c * (pn[1:-1, 2:] + pn[1:-1, :-2]) + 0.2 * (pn[2:, 1:-1] + pn[:-2, 1:-1])
        p[:, -1] = p[:, -2]
        p[0, :] = p[1, :]
        p[-1, :] = 0.0
    return np.sum(p * p * p)


def test_the_shadow_of_a_copy_in_two_dimensions():
    text = gradient_text(jacobi, (M, F, INTEGER), "p")
    assert "_field[" in text and "pn_b" not in text
    agrees(jacobi, (P, 0.3, 3), (0, 1))


@pytest.mark.parametrize("n", [0, 1, 4])
@pytest.mark.parametrize("shape", [(2, 2), (2, 5), (3, 2), (3, 3), (7, 4)])
def test_small_fields_and_few_steps(shape, n):
    p = np.cos(np.arange(float(np.prod(shape)))).reshape(shape)
    agrees(jacobi, (p, 0.3, n))


def test_in_one_dimension():
    def f(u, c, n):
        u = u * 1.0
        for _ in range(n):
            un = u.copy()
            u[1:-1] = un[1:-1] + c * (un[2:] - 2.0 * un[1:-1] + un[:-2])
        return np.sum(u * u)

    text = gradient_text(f, (V, F, INTEGER), "u")
    assert "_field[" in text and "un_b" not in text
    agrees(f, (X, 0.3, 3))


def test_in_three_dimensions():
    def f(u, n):
        u = u * 1.0
        for _ in range(n):
            un = u.copy()
            u[1:-1, 1:-1, 1:-1] = 0.3 * un[2:, 1:-1, 1:-1] - un[:-2, 1:-1, 1:-1] * 0.2
            u[1:-1, 1:-1, 1:-1] += un[1:-1, 2:, 1:-1] * 0.1 + un[1:-1, 1:-1, :-2]
        return np.sum(u * u)

    agrees(f, (np.sin(np.arange(60.0)).reshape(3, 4, 5), 2))


def test_what_a_step_adds_to_is_kept():
    """The field keeps its border, and what it held inside."""

    def f(u, c, n):
        u = u * 1.0
        for _ in range(n):
            un = u.copy()
            for i in range(2, u.size - 2):
                u[i] += c * (un[i + 2] - un[i - 1])
        return np.sum(u * u * u)

    text = gradient_text(f, (V, F, INTEGER), "u")
    assert "_field[" in text
    agrees(f, (X, 0.3, 3))


def test_products_with_the_copy_keep_two_values_at_most():
    def f(u, v, n):
        u = u * 1.0
        for _ in range(n):
            un = u.copy()
            for i in range(1, u.size - 1):
                u[i] = un[i + 1] * v[i] - un[i - 1] * v[i + 1] + un[i] * un[i]
        return np.sum(u * u)

    agrees(f, (0.5 * X, np.cos(X), 3), (0, 1))


def test_a_field_that_is_read_later_has_a_shadow_of_its_own():
    """Between the stencil and the copy, the original is read: its shadow may not be added to."""

    def f(u, n):
        u = u * 1.0
        w = np.zeros_like(u)
        for _ in range(n):
            un = u.copy()
            w += u * u
            u[1:-1] = un[2:] * 0.3 - un[:-2]
        return np.sum(w * u)

    agrees(f, (X, 3))


def test_a_copy_that_is_read_after_the_step_too():
    def f(u, n):
        u = u * 1.0
        s = 0.0
        for _ in range(n):
            un = u.copy()
            u[1:-1] = un[2:] * 0.3 - un[:-2]
            s += np.sum(un * u)
        return s

    agrees(f, (X, 3))


def test_a_range_that_changes_is_left():
    def f(u, n):
        u = u * 1.0
        for t in range(n):
            un = u.copy()
            for i in range(1, u.size - 1 - t):
                u[i] = un[i + 1] * 0.3 - un[i - 1]
        return np.sum(u * u)

    assert "_field" not in gradient_text(f, (V, INTEGER), "u")
    agrees(f, (X, 3))


def test_a_copy_of_a_part_is_left():
    def f(u, n):
        u = u * 1.0
        for _ in range(n):
            un = u[1:].copy()
            for i in range(1, un.size - 1):
                u[i] = un[i + 1] * 0.3 - un[i - 1]
        return np.sum(u * u)

    agrees(f, (X, 3))


def test_a_copy_of_another_field():
    def f(u, v, n):
        u, v = u * 1.0, v * 1.0
        for _ in range(n):
            un = v.copy()
            v[1:-1] = 0.5 * u[1:-1] * v[1:-1]
            u[1:-1] = un[2:] * 0.3 - un[:-2]
        return np.sum(u * v)

    agrees(f, (X, np.cos(X), 3), (0, 1))


def test_two_fields_that_copy_each_other():
    def f(u, v, n):
        u, v = u * 1.0, v * 1.0
        for _ in range(n):
            un = u.copy()
            vn = v.copy()
            u[1:-1] = un[2:] - 0.3 * vn[:-2]
            v[1:-1] = vn[2:] * un[1:-1] - 0.3 * un[:-2]
        return np.sum(u * v)

    agrees(f, (0.5 * X, np.cos(X), 3), (0, 1))


def test_single_precision_and_complex_numbers():
    def f(u, n):
        u = u * 1
        for _ in range(n):
            un = u.copy()
            u[1:-1] = un[2:] - un[:-2] - un[1:-1]
        return np.sum((u * u).real)

    found = srcad.grad(f)(X.astype(np.float32), 3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, differences(f, (X, 3), 0), rtol=1e-4, atol=1e-4)
    z = X + 1j * np.cos(X)
    found = srcad.grad(f)(z, 2)
    h = 1e-6
    for k in range(X.size):
        step = np.zeros_like(z)
        step[k] = h
        real = (f(z + step, 2) - f(z - step, 2)) / (2 * h)
        imaginary = (f(z + 1j * step, 2) - f(z - 1j * step, 2)) / (2 * h)
        np.testing.assert_allclose(found[k], real + 1j * imaginary, rtol=1e-6, atol=1e-6)


def test_snapshots_and_second_derivatives():
    def f(u, n):
        u = u * 1.0
        for _ in srcad.checkpoint(range(n), snapshots=2):
            un = u.copy()
            u[1:-1] = un[2:] * un[:-2] - 0.3 * un[:-2]
        return np.sum(u * u * u)

    agrees(f, (0.5 * X, 5))
    direction = np.linspace(-1.0, 1.0, X.size)
    h = 1e-6
    gradient = srcad.grad(f)
    expected = (gradient(0.5 * X + h * direction, 3) - gradient(0.5 * X - h * direction, 3)) / 2 / h
    found = srcad.hvp(f, (0.5 * X, 3), direction)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_a_shadow_that_a_loop_in_a_loop_reads_is_left():
    def f(y, K, b):
        for i in range(1, y.size):
            w = np.zeros(K.shape[0])
            for c in range(K.shape[0] - 1, -1, -1):
                for r in range(c + 1, K.shape[0]):
                    w[c] -= 0.3 * math.tanh(K[c, r]) * w[r]
            s = 0.0
            for j in range(K.shape[0]):
                s += w[j] * b
            y[i] = math.tanh(s) + b
        return np.sum(y * y)

    agrees(f, (np.array([0.3, 0.7, -0.5]), np.sin(np.arange(9.0)).reshape(3, 3), 0.8), (0, 1, 2))


# ---------------------------------------------------------------- borders that are zero

CONDITIONS = {
    "periodic": "p[0, :] = p[-2, :]; p[-1, :] = p[1, :]; p[:, 0] = p[:, -2]; p[:, -1] = p[:, 1]",
    "read twice": "p[0, :] = p[1, :]; p[-1, :] = p[0, :]; p[:, 0] = p[:, 1]; p[:, -1] = p[:, 0]",
    "neumann": "p[:, -1] = p[:, -2]; p[0, :] = p[1, :]; p[:, 0] = p[:, 1]; p[-1, :] = 0.0",
    "rows first": "p[0, :] = p[1, :]; p[-1, :] = p[-2, :]; p[:, 0] = p[:, 1]; p[:, -1] = p[:, -2]",
    "fixed": "p[0, :] = 1.0; p[-1, :] = c; p[:, 0] = 0.0; p[:, -1] = 0.5",
    "crossed": "p[:, 0] = 0.0; p[:, -1] = p[:, -2]; p[0, :] = p[1, :]; p[-1, :] = p[-3, :]",
}
OTHERS = {
    "one side": "p[0, :] = p[1, :]; p[-1, :] = 0.0; p[:, 0] = 0.0",
    "scaled": "p[0, :] = 0.5 * p[1, :]; p[-1, :] = 0.0; p[:, 0] = c * p[:, 1]; p[:, -1] = 0.0",
    "no corners": "p[1:-1, 0] = 0.0; p[1:-1, -1] = 0.0; p[0, 1:-1] = 0.0; p[-1, 1:-1] = 0.0",
    "onto the border": "p[:, -1] = p[:, 0] + p[:, 1]; p[:, 0] = 0.0; p[0, :] = 0.0; p[-1, :] = 0.0",
    "lines that can meet": "p[-1, :] = p[-3, :]; p[0, :] = 0.0; p[:, 0] = 0.0; p[:, -1] = 0.0",
    "added to": "p[:, 0] += p[:, 1]; p[0, :] = 0.0; p[-1, :] = 0.0; p[:, -1] = 0.0",
    "elements": "p[0, 0] += p[2, 2]; p[0, :] = 0.0; p[-1, :] = 0.0; p[:, 0] = 0.0; p[:, -1] = 0.0",
}


def sweeps(conditions, tmp_path, name):
    """A sweep with these conditions, as a function of a file."""
    body = conditions.replace("; ", "\n        ")
    text = f"""
import numpy as np

def sweep(p, c, n):
    p = p * 1.0
    for _ in range(n):
        pn = p.copy()
        p[1:-1, 1:-1] = c * (pn[1:-1, 2:] + pn[1:-1, :-2]) + 0.2 * (pn[2:, 1:-1] - pn[:-2, 1:-1])
        {body}
    return np.sum(p * p * p)
"""
    path = tmp_path / f"{name.replace(' ', '_')}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.sweep


@pytest.mark.parametrize("name", [*CONDITIONS, *OTHERS])
def test_borders_that_are_zero_and_others(name, tmp_path):
    f = sweeps((CONDITIONS | OTHERS)[name], tmp_path, name)
    for shape in ((3, 3), (5, 6), (4, 3), (3, 5), (6, 4)):
        p = np.cos(np.arange(float(np.prod(shape)))).reshape(shape)
        for n in (0, 1, 3):
            for k in (0, 1):
                found = srcad.grad(f, wrt=k, jit=False)(p, 0.3, n)
                expected = oracles.complex_step(f, (p, 0.3, n), k)
                np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
    text = srcad.grad(f).source(P, 0.3, 3)
    added = re.search(r"(p_1_b\[i_?\d?, j_?\d?\]) = \1 \+", text)
    assert bool(added) == (name in OTHERS)


def test_small_fields_with_borders_that_are_zero(tmp_path):
    f = sweeps(CONDITIONS["neumann"], tmp_path, "neumann")
    for shape in ((2, 2), (2, 5), (3, 2), (4, 2)):
        p = np.cos(np.arange(float(np.prod(shape)))).reshape(shape)
        found = srcad.grad(f)(p, 0.3, 3)
        np.testing.assert_allclose(found, oracles.complex_step(f, (p, 0.3, 3), 0), rtol=1e-12)
