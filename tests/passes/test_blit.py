"""Copies in loops as moves of memory: where they are, and that gradients are right."""

import importlib.util

import numpy as np
import pytest

import srcad
from tests import oracles


def sweeps(x, n):
    """Each sweep begins with a copy of the field, as programs in slices do."""
    p = np.zeros((x.shape[0], x.shape[1]))
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            p[i, j] = x[i, j]
    for _ in range(n):
        for _ in range(3):
            pn = p.copy()
            p[1:-1, 1:-1] = pn[1:-1, 2:] * 0.25 + pn[1:-1, :-2] * 0.25 + pn[2:, 1:-1] * x[0, 0]
            p[0, :] = p[1, :]
        for i in range(p.shape[0]):
            p[i, 0] = p[i, 0] * p[i, 1]
    return np.sum(p * p)


def counted(x, n):
    """The counters are read after the copy, which is of a part, and then of the transpose."""
    a, b = np.zeros((3, 3)), np.zeros((3, 3))
    i, j, s = 0, 0, 0.0
    for t in range(n):
        for i in range(3):
            for j in range(3):
                a[i, j] = b[i, j]
        s += a[i, j] * x[0, 0]
        for k in range(3):
            for m in range(3):
                b[k, m] = a[m, k]
        b[t % 3, (i + j) % 3] += x[0, 1] * x[1, t % 3]
    return s + np.sum(b * b)


X = np.array([[0.3, 0.7, -0.5, 0.9], [1.1, 0.2, 0.4, -0.6], [0.8, -0.1, 0.6, 0.5]])


@pytest.mark.parametrize("f", [sweeps, counted])
def test_copies_in_loops(f):
    g = srcad.grad(f)
    assert ("set_copy(" in g.source(X, 2)) == (f is sweeps)
    for n in (0, 1, 4):
        expected = oracles.complex_step(f, (X, n), 0)
        np.testing.assert_allclose(g(X, n), expected, rtol=1e-12, atol=1e-14)
    fortran = np.asfortranarray(X)
    np.testing.assert_allclose(g(fortran, 4), g(X, 4), rtol=1e-13)


def test_an_ejected_module_has_its_own(tmp_path):
    path = srcad.grad(sweeps).eject(tmp_path / "made.py", X, 2)
    spec = importlib.util.spec_from_file_location("made", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    np.testing.assert_array_equal(module.sweeps_grad(X, 2), srcad.grad(sweeps)(X, 2))
