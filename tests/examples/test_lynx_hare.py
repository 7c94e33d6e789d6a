import lynx_hare as lh
import numpy as np
import pytest


@pytest.fixture(scope="module")
def record():
    _, hare, lynx = lh.load_record()
    return hare, lynx


@pytest.fixture(scope="module")
def fitted(record):
    return lh.fit(*record)[0]


def _complex_step(log_p, hare, lynx, substeps):
    result = np.empty(6)
    for k in range(6):
        nudged = log_p.astype(complex)
        nudged[k] += 1e-30j
        result[k] = lh.misfit(nudged, hare, lynx, substeps).imag / 1e-30
    return result


def test_gradient_is_the_complex_step_and_vanishes_at_the_fit(record, fitted):
    guess = lh.first_guess(*record)
    _, found = lh.misfit_gradient(guess, *record, 20)
    np.testing.assert_allclose(found, _complex_step(guess, *record, 20), rtol=1e-10)
    assert np.max(np.abs(_complex_step(fitted, *record, 20))) < 1e-5


def test_fit_is_that_of_least_squares_without_srcad(record, fitted):
    np.testing.assert_allclose(fitted, lh.fit_without_srcad(*record), atol=1e-5)


def test_fit_is_near_the_published_ones(fitted):
    np.testing.assert_allclose(np.exp(fitted[:4]), lh.PUBLISHED, rtol=0.06)


def test_curvature_is_that_of_differences(record, fitted):
    found, h = lh.misfit_hessian(fitted, *record, 20), 1e-5
    for k in range(6):
        step = h * np.eye(6)[k]
        ahead, behind = (_complex_step(fitted + s, *record, 20) for s in (step, -step))
        exact = (ahead - behind) / (2.0 * h)
        np.testing.assert_allclose(found[k], exact, atol=1e-6 * np.max(np.abs(found)))
    assert np.all(lh.deviations(fitted, *record) < 0.15)
