"""The gradient of an invariant network is equivariant; training through it is differentiated right."""

import numpy as np
import pytest
import rotation_invariance as rotations

import srcad

CLUSTERS, FORCES = rotations.draw_clusters(4, np.random.default_rng(0))
W = np.random.default_rng(1).normal(0.0, 0.3, rotations.UNITS * (rotations.SHELLS + 2))
TURN = rotations.rotation(0.7, (1.0, -2.0, 0.5))
force = srcad.grad(rotations.blind_energy)


@pytest.mark.parametrize("turn", [TURN, TURN @ np.diag([1.0, 1.0, -1.0])], ids=["turn", "mirror"])
def test_the_gradient_turns_with_the_atoms(turn):
    for x in CLUSTERS:
        np.testing.assert_allclose(force(x @ turn.T, W), force(x, W) @ turn.T, atol=1e-13)


def test_no_total_force_and_no_torque():
    for x in CLUSTERS:
        slope = force(x, W)
        assert np.max(np.abs(slope)) > 0.1
        np.testing.assert_allclose(slope.sum(axis=0), 0.0, atol=1e-13)
        np.testing.assert_allclose(np.cross(x, slope).sum(axis=0), 0.0, atol=1e-13)


def test_a_network_of_coordinates_does_not():
    w = np.random.default_rng(1).normal(0.0, 0.3, 4 * (3 * rotations.ATOMS + 2))
    seeing = srcad.grad(rotations.seeing_energy)
    x = CLUSTERS[0]
    assert np.max(np.abs(seeing(x @ TURN.T, w) - seeing(x, w) @ TURN.T)) > 0.01


@pytest.mark.slow
def test_the_gradient_of_the_misfit_of_a_gradient():
    direction = np.random.default_rng(2).normal(size=W.size)
    args = (rotations.blind_energy, CLUSTERS, FORCES)

    def difference(h):
        ahead, behind = (rotations.misfit(W + s * h * direction, *args) for s in (1, -1))
        return (ahead - behind) / (2.0 * h)

    by_differences = (4.0 * difference(1e-4) - difference(2e-4)) / 3.0
    assert srcad.grad(rotations.misfit)(W, *args) @ direction == pytest.approx(
        by_differences, rel=1e-9
    )
