"""The Hessian of logistic regression, and the speed of descent and of Newton's method."""

import hessian_spectrum as spectrum
import numpy as np
import pytest

X, SIDE = spectrum.load()
X = np.ascontiguousarray(X[:, :6])


@pytest.fixture(scope="module")
def newton():
    return spectrum.newton(np.zeros(6), X, SIDE, 12)


def test_the_hessian_is_that_of_the_formula():
    w = np.random.default_rng(0).normal(size=6)
    found = spectrum.curvature(w, X, SIDE)
    np.testing.assert_allclose(found, spectrum.hessian_by_hand(w, X), rtol=1e-12, atol=1e-15)


def test_lanczos_finds_the_extremes(newton):
    exact = np.linalg.eigvalsh(spectrum.hessian_by_hand(newton[-1], X))
    found = spectrum.extremes(newton[-1], X, SIDE)
    np.testing.assert_allclose(found, exact[[0, -1]], rtol=1e-9)


def test_newton_doubles_the_digits(newton):
    errors = np.linalg.norm(newton - newton[-1], axis=1)
    k = np.flatnonzero(errors < 0.1)[0]
    assert errors[k + 1] < 10 * errors[k] ** 2 and errors[k + 2] < 10 * errors[k + 1] ** 2
    assert np.max(np.abs(spectrum.slope(newton[-1], X, SIDE))) < 1e-14


def test_descent_is_as_slow_as_the_condition_number_says(newton):
    best = newton[-1]
    eigenvalues = np.linalg.eigvalsh(spectrum.hessian_by_hand(best, X))
    low, high = eigenvalues[[0, -1]]
    start = best + 1e-6 * np.ones(6)
    path = spectrum.descend(start, X, SIDE, 2.0 / (low + high), 400)
    errors = np.linalg.norm(path - best, axis=1)
    assert errors[-1] / errors[-2] == pytest.approx((high - low) / (high + low), rel=1e-5)
