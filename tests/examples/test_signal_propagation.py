import numpy as np
import pytest
import signal_propagation as sp


def test_adjoint_in_the_middle_is_the_product_of_transposes():
    rng = np.random.default_rng(0)
    W, x, v = rng.normal(size=(4, 6, 6)), rng.normal(size=6), rng.normal(size=6)
    found = sp.passing_adjoint(np.zeros((4, 6)), x, W, v, sp.tanh)
    h, slopes = x, []
    for w in W:
        h = np.tanh(w @ h)
        slopes.append(1.0 - h**2)
    adjoint = v
    for layer in range(3, -1, -1):
        adjoint = slopes[layer] * adjoint
        np.testing.assert_allclose(found[layer], adjoint, rtol=1e-12, atol=1e-14)
        adjoint = W[layer].T @ adjoint


@pytest.mark.parametrize("sigma2", [1.4, 2.0, 2.6])
def test_relu_multiplies_by_half_the_variance(sigma2):
    norms = sp.adjoint_norms(np.random.default_rng(0), sp.relu, sigma2, 1.0, 20, 200, 20)
    # the logarithm of a sum of 200 terms lies below that of its mean by about 2.5 / 200
    assert abs(sp.growth(norms) / (0.5 * sigma2) - 1.0) < 0.04


@pytest.mark.parametrize("sigma2", [0.7, 1.8, 3.0])
def test_tanh_multiplies_as_mean_field_theory_says(sigma2):
    variance, chi = sp.tanh_theory(sigma2)
    norms = sp.adjoint_norms(np.random.default_rng(0), sp.tanh, sigma2, variance, 20, 200, 20)
    assert abs(sp.growth(norms) / chi - 1.0) < 0.04


def test_theory_of_tanh_at_the_edge_of_chaos():
    assert abs(sp.tanh_theory(0.9)[1] - 0.9) < 1e-9  # the signal dies: chi is sigma2 itself
    assert sp.tanh_theory(1.1)[1] > 1.0
