"""Functions that are differentiated through a definition of ours, against central differences."""

import numpy as np
import pytest

import srcad
from tests import oracles


def gaussian_log_density(m, r):
    factor = np.linalg.cholesky(m @ m.T + 2.0 * np.eye(3))
    z = np.zeros(3)
    for i in range(3):
        z[i] = (r[i] - np.dot(factor[i, :i], z[:i])) / factor[i, i]
    return -0.5 * np.dot(z, z) - np.log(factor[0, 0] * factor[1, 1] * factor[2, 2])


@pytest.mark.parametrize("jit", [False, True])
def test_cholesky(jit):
    rng = np.random.default_rng(3)
    args = rng.standard_normal((3, 3)), rng.standard_normal(3)
    value, found = srcad.value_and_grad(gaussian_log_density, wrt=(0, 1), jit=jit)(*args)
    assert value == pytest.approx(gaussian_log_density(*args), rel=1e-13)
    for k in (0, 1):
        expected = oracles.ORACLES["differences"](gaussian_log_density, args, k, {})
        assert oracles.mismatch(found[k], expected, 1e-8) is None


def test_cholesky_refuses_what_numpy_refuses():
    def f(a):
        return np.sum(np.linalg.cholesky(a))

    with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
        srcad.grad(f, jit=False)(np.array([[1.0, 2.0], [2.0, 1.0]]))
    with pytest.raises(np.linalg.LinAlgError, match="square"):
        srcad.grad(f, jit=False)(np.ones((2, 3)))


def elimination(a, b):
    return np.sum(np.linalg.solve(a, b) ** 2)


def columns(a, b):
    x = np.linalg.solve(a, np.outer(b, b[:2]))
    return x[0, 0] * x[2, 1] + np.linalg.det(a)


def inverse(a, b):
    return b @ np.linalg.inv(a) @ b


def crossed(a, b):
    c = np.cross(a, b)
    return np.sum(c * a[::-1]) + np.dot(np.cross(a[0], b), a[1])


@pytest.mark.parametrize("function", [elimination, columns, inverse, crossed])
@pytest.mark.parametrize("jit", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_expansions(function, jit):
    rng = np.random.default_rng(3)
    args = rng.standard_normal((3, 3)), rng.standard_normal(3)
    value, found = srcad.value_and_grad(function, wrt=(0, 1), jit=jit)(*args)
    assert value == pytest.approx(function(*args), rel=1e-12)
    for k in (0, 1):
        expected = oracles.ORACLES["differences"](function, args, k, {})
        assert oracles.mismatch(found[k], expected, 1e-8) is None


def test_singular():
    with pytest.raises(np.linalg.LinAlgError, match=r"(?i)singular"):
        srcad.grad(elimination, jit=False)(np.ones((2, 2)), np.ones(2))
