import itertools

import inverse_kinematics as ik
import numpy as np
import pytest

import srcad

ANGLES = np.random.default_rng(0).uniform(-2.5, 2.5, size=(5, 6))


def test_derivative_of_the_pose_is_the_geometric_jacobian():
    for q in ANGLES:
        np.testing.assert_allclose(ik.jacobian(q), ik.geometric_jacobian(q), atol=1e-14)
        by_angle = ik.pose_jacobian(q)
        np.testing.assert_allclose(by_angle[:, 3], ik.geometric_jacobian(q)[:3], atol=1e-14)


def test_force_at_the_hand_pulls_back_to_torques():
    force = np.array([1.0, -2.0, 0.5])
    for q in ANGLES[:2]:
        _, pullback = srcad.vjp(ik.hand, q)
        seed = np.zeros((3, 4))
        seed[:, 3] = force
        (torque,) = pullback(seed)
        np.testing.assert_allclose(torque, ik.geometric_jacobian(q)[:3].T @ force, atol=1e-14)


@pytest.mark.slow
def test_manipulability_and_its_gradient_are_those_of_the_closed_form():
    for q in ANGLES:
        value, gradient = ik.escape(q)
        np.testing.assert_allclose(value, abs(ik.closed_form(q)), rtol=1e-11)
        for k in range(6):
            nudged = q.astype(complex)
            nudged[k] += 1e-30j
            exact = np.sign(ik.closed_form(q)) * ik.closed_form(nudged).imag / 1e-30
            np.testing.assert_allclose(gradient[k], exact, rtol=1e-9, atol=1e-15)


def test_newton_reaches_the_pose_and_doubles_its_digits():
    q = np.array([0.3, -1.2, 1.5, -0.8, 1.2, 0.4])
    wanted = ik.hand(q + 0.1)
    found, errors = ik.reach(q, wanted, 6)
    np.testing.assert_allclose(ik.hand(found), wanted, atol=1e-14)
    np.testing.assert_allclose(found, q + 0.1, atol=1e-12)
    for before, after in itertools.pairwise(errors[:4]):
        assert after < 2.0 * before**2
