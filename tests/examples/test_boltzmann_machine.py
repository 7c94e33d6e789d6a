import boltzmann_machine as bm
import numpy as np

import srcad

STATES = bm.all_states(5)
TRUE = bm.glass(5)
UPPER = np.triu_indices(5)


def test_derivative_of_the_energy_is_hebbs_rule():
    s = STATES[13]
    expected = -np.triu(np.outer(s, s), 1) - np.diag(s)
    assert np.array_equal(srcad.grad(bm.energy, wrt="w")(s, TRUE), expected)


def test_gradient_is_data_less_model():
    shares = np.random.default_rng(0).dirichlet(np.ones(32))
    expected = bm.moments(shares, STATES) - bm.moments(bm.probabilities(TRUE, STATES), STATES)
    _, gradient = bm.climb(TRUE, shares, STATES)
    assert np.allclose(gradient, expected, rtol=1e-12, atol=1e-14)


def test_hessian_is_minus_the_covariance_of_the_products():
    shares = np.full(32, 1 / 32)
    p = bm.probabilities(TRUE, STATES)
    products = np.array([(np.triu(np.outer(s, s), 1) + np.diag(s))[UPPER] for s in STATES])
    away = products - p @ products
    H = bm.curvature(TRUE, shares, STATES)[UPPER][:, *UPPER]
    assert np.allclose(H, -(away.T * p) @ away, atol=1e-14)


def test_partition_function_of_a_chain():
    w = np.diag([0.3, -0.8, 0.5, 1.1], k=1)
    value = 5 * np.log(2.0) + np.sum(np.log(np.cosh([0.3, -0.8, 0.5, 1.1])))
    assert np.isclose(bm.log_partition(w, STATES), value, rtol=1e-14)


def test_learning_ends_where_the_correlations_are_equal():
    shares = bm.observe(TRUE, STATES, 5000, 1)
    found, _, H = bm.learn(shares, STATES)
    model = bm.moments(bm.probabilities(found, STATES), STATES)
    assert np.allclose(model, bm.moments(shares, STATES), atol=1e-12)
    z = (found - TRUE)[UPPER] / np.sqrt(np.diag(np.linalg.inv(-5000 * H)))
    assert 0.3 < np.mean(z**2) < 2.2  # chi-squared of 15 numbers


def test_divergence_falls_as_the_observations_grow():
    kl = bm.divergences(TRUE, STATES, (2000,), 20)
    assert abs(kl.mean() / (15 / 4000) - 1.0) < 0.35
