"""The slingshot: Jacobi's integral, SciPy's integrator, and the conditions at the optimum."""

import numpy as np
import pytest
import slingshot
from scipy.integrate import solve_ivp

FLIGHT = (2.0, 11_000)
DESIGN = np.array([-0.02, 1.8])  # passes at a tenth of an AU


@pytest.fixture(scope="module")
def slopes():
    return slingshot.derivatives(DESIGN, *FLIGHT)


def differences(f, h):
    return np.array([(f(DESIGN + step) - f(DESIGN - step)) / (2.0 * h) for step in h * np.eye(2)])


@pytest.mark.slow
def test_jacobis_integral_ties_the_gradients_of_start_and_end(slopes):
    at_start = differences(lambda design: slingshot.jacobi(*slingshot.launch(design)), 1e-5)
    np.testing.assert_allclose(slopes[2], at_start, atol=1e-5 * np.max(np.abs(slopes[0])))


def test_the_gradient_is_that_of_an_adaptive_method_of_eighth_order(slopes):
    def right_side(_, state):
        place, velocity = state.reshape(2, 3, 2)
        pull = np.zeros((3, 2))
        slingshot.accelerate(pull, place, 1.0)
        return np.concatenate([velocity, pull], axis=None)

    def final_energy(design):
        start = np.concatenate(slingshot.launch(design), axis=None)
        end = solve_ivp(right_side, (0.0, FLIGHT[0]), start, "DOP853", rtol=1e-12, atol=1e-13)
        return slingshot.solar_energy(*end.y[:, -1].reshape(2, 3, 2))

    np.testing.assert_allclose(slopes[0], differences(final_energy, 1e-5), rtol=1e-4)


def test_the_optimum_escapes_and_nothing_is_left_to_gain():
    design = slingshot.design_flyby(0.02, *FLIGHT)
    energy, closest, _ = slingshot.outcome(design, *FLIGHT)
    assert slingshot.solar_energy(*slingshot.launch(design)) < energy - 1.0
    assert closest == pytest.approx(0.02, abs=1e-8)
    gain, distance, _ = slingshot.derivatives(design, *FLIGHT)
    assert gain @ distance < 0.0  # nearer would be better,
    across = gain[0] * distance[1] - gain[1] * distance[0]
    # and nothing else is, but for the jumps of the nearest one of the steps
    assert abs(across) < 3e-3 * np.linalg.norm(gain) * np.linalg.norm(distance)
    assert energy == pytest.approx(slingshot.hyperbola_energy(design, 0.02), abs=0.1)
