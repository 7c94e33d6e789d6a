"""The free energy of a Gaussian: evidence, posterior, mean field and thermodynamics."""

import numpy as np
import pytest
import variational_free_energy as variational

import srcad

DATA = variational.make_data()
EVIDENCE, MEAN, COVARIANCE = variational.exact(*DATA)


def test_a_full_gaussian_reaches_evidence_and_posterior():
    bound, mean, covariance = variational.fit(1.0, *DATA, True)
    assert bound == pytest.approx(EVIDENCE, abs=1e-10)
    np.testing.assert_allclose(mean, MEAN, atol=1e-6)
    np.testing.assert_allclose(covariance, COVARIANCE, atol=1e-6)


def test_the_mean_field_stays_above_with_known_deviations():
    bound, mean, covariance = variational.fit(1.0, *DATA, False)
    precision = np.linalg.inv(COVARIANCE)
    gap = 0.5 * (np.sum(np.log(np.diag(precision))) + np.linalg.slogdet(COVARIANCE)[1])
    assert bound - EVIDENCE == pytest.approx(gap, abs=1e-8) and gap > 0.1
    np.testing.assert_allclose(mean, MEAN, atol=1e-6)
    np.testing.assert_allclose(np.diag(covariance), 1.0 / np.diag(precision), rtol=1e-5)


def test_no_gaussian_is_below_the_evidence():
    rng = np.random.default_rng(0)
    for q in rng.normal(size=(50, 9)):
        assert variational.free_energy(q, 1.0, *DATA, True) > EVIDENCE


def test_the_least_free_energy_falls_with_temperature_by_the_entropy():
    def least(t):
        return variational.fit(t, *DATA, True)

    _, _, covariance = least(1.5)
    np.testing.assert_allclose(covariance, 1.5 * COVARIANCE, atol=1e-6)
    entropy = 0.5 * np.linalg.slogdet(2.0 * np.pi * np.e * covariance)[1]
    slope = (least(1.5 + 1e-3)[0] - least(1.5 - 1e-3)[0]) / 2e-3
    assert slope == pytest.approx(-entropy, rel=1e-5)
    # Only what depends on T explicitly counts: q is at a minimum.
    q = np.append(MEAN, np.zeros(6))
    root = np.linalg.cholesky(covariance)
    q[3:6], q[6:] = np.log(np.diag(root)), root[[1, 2, 2], [0, 0, 1]]
    derivative = srcad.grad(variational.free_energy, wrt="temperature")
    assert derivative(q, 1.5, *DATA, True) == pytest.approx(-entropy, rel=1e-6)
