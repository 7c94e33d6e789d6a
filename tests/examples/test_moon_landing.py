"""The landing: closed-form fuel, bang-bang throttle, and the equations of the costates."""

import moon_landing as moon
import numpy as np
import pytest

N = 24


@pytest.fixture(scope="module")
def optimum():
    return moon.optimise(N)


@pytest.fixture(scope="module")
def adjoints(optimum):
    return moon.costates(*optimum)


def test_it_lands_softly_with_the_least_fuel(optimum):
    plan, _ = optimum
    height, velocity, mass = moon.land(plan[:-1], plan[-1], np.zeros((N, 3)), 3)
    assert abs(height) < 1e-6 and abs(velocity) < 1e-6
    fuel, fall, burn = moon.least_fuel()
    assert 0.0 <= moon.START[2] - mass - fuel < 1e-4  # one interval is burnt in part
    assert plan[-1] == pytest.approx(fall + burn, rel=5e-3)


def test_the_throttle_follows_the_sign_of_the_switching_function(optimum, adjoints):
    throttles, switching = optimum[0][:-1], adjoints[1]
    assert np.sum((throttles > 0.0) & (throttles < 1.0)) <= 1  # where the switch is
    assert np.all(throttles[switching > 1e-4] == 0.0)
    assert np.all(throttles[switching < -1e-4] == 1.0)
    assert np.sum(np.abs(np.diff(np.round(throttles)))) == 1.0


def test_the_adjoints_are_costates(optimum, adjoints):
    plan, _ = optimum
    (p, switching), state = adjoints, moon.states(plan)
    _, v, m = state.T
    t = plan[-1] * np.arange(N) / N
    np.testing.assert_allclose(p[:, 0], p[0, 0], rtol=1e-10)
    np.testing.assert_allclose(p[:, 1], p[0, 1] - p[0, 0] * t, atol=1e-12)
    push = plan[:-1] * moon.THRUST
    hamiltonian = p[:, 0] * v + p[:, 1] * (push / m - 1.0) - p[:, 2] * push / moon.EXHAUST
    coasting, burning = push == 0.0, push == moon.THRUST
    assert np.ptp(hamiltonian[coasting]) < 1e-12 and np.ptp(hamiltonian[burning]) < 1e-8
    assert abs(np.mean(hamiltonian)) < 1e-6  # the time is free
    pointwise = (p[:, 1] / m - p[:, 2] / moon.EXHAUST) * moon.THRUST
    np.testing.assert_allclose(switching[:-1], 0.5 * (pointwise[1:] + pointwise[:-1]), atol=1e-3)
