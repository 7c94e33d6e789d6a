"""Momentum as a particle: energy balance, convergence, and the well that it ends in."""

import momentum
import numpy as np
import pytest

START, FRICTION = np.array([-1.7, 2.0]), 0.15


@pytest.fixture(scope="module")
def minimum():
    return momentum.minimum_near(np.array([1.0, 0.0]))


@pytest.mark.parametrize("symmetric, order", [(False, 1), (True, 2)])
def test_the_energy_balance_closes(symmetric, order):
    coarse, fine = (momentum.imbalance(START, FRICTION, dt, 5.0, symmetric) for dt in (0.02, 0.01))
    assert fine < 1e-2
    assert coarse / fine == pytest.approx(2.0**order, rel=0.1)


def test_the_heavy_ball_is_the_particle():
    """The steps that the particle takes at Euler's are those of descent with momentum."""
    dt, x, v = 0.05, START.copy(), np.zeros(2)
    for _ in range(100):
        v = v + dt * (-momentum.slope(x) - FRICTION * v)
        x = x + dt * v
    path = momentum.heavy_ball(START, dt * dt, 1.0 - FRICTION * dt, 100)
    np.testing.assert_allclose(path[-1], x, rtol=1e-11)


def test_momentum_reaches_the_deep_well_and_plain_descent_does_not():
    with_momentum = momentum.heavy_ball(START, 0.05**2, 1.0 - FRICTION * 0.05, 2400)
    without = momentum.heavy_ball(START, 0.1, 0.0, 1000)
    assert with_momentum[-1, 0] > 0.9 and without[-1, 0] < -0.7


def test_small_errors_fall_at_the_predicted_rates(minimum):
    _, eigenvalues = minimum
    plain, rate, beta = momentum.best_settings(eigenvalues)
    kappa = eigenvalues[-1] / eigenvalues[0]
    slow = momentum.measured_factor(plain, 0.0)
    assert slow == pytest.approx((kappa - 1.0) / (kappa + 1.0), rel=1e-5)
    fast = momentum.measured_factor(rate, 1.05 * beta)
    assert fast == pytest.approx(
        momentum.predicted_factor(eigenvalues, rate, 1.05 * beta), rel=0.02
    )
    assert fast == pytest.approx((np.sqrt(kappa) - 1.0) / (np.sqrt(kappa) + 1.0), rel=0.04)
